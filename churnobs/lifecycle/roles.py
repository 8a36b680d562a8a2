"""The roles in which versions predict, and how a loop names the monitors of each."""

from __future__ import annotations

from typing import Final

PARTS: Final = {"BASE": "BASE", "DEFAULT": "PRODUCTION", "CHALLENGER": "CHALLENGER"}
ROLES: Final = tuple(PARTS)


def monitor_name(model: str, role: str, version: str) -> str:
    """The monitor of a version in a role.

    >>> monitor_name("CHURN", "DEFAULT", "V2024_03_BASE_1a2b3c")
    'CHURN_PRODUCTION_V2024_03_BASE_1A2B3C'
    """
    return f"{model}_{PARTS[role]}_{version}".upper()
