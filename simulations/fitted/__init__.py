"""Worlds that are learnt from a workspace's own sales: how customers come, buy and leave, and what they pay."""
