"""What monitoring knows and how it judges: small states that add up, and pure functions of them."""
