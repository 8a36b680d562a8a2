"""What the numbers mean, once, as Ibis expressions that every backend renders in its own dialect."""
