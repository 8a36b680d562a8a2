"""How fast churnobs is, always beside a peer that runs in turn with it."""
