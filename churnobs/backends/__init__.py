"""Backends; only ``connect`` names one."""
