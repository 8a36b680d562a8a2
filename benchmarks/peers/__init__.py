"""Other libraries at the same work: programs that run in virtual environments of their own."""
