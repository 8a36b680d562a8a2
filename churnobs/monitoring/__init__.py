"""How monitors count, and how what was counted is judged: small states that add up, and pure functions of them."""
