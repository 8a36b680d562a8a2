"""Two workspaces compared: exact for counts, dates and texts, within 1e-9 for floats."""

from __future__ import annotations

import math
from typing import Any

from churnobs import Workspace

# what a month leaves behind, and what differs from run to run or names the engine's own objects
TABLES = (
    "SALES", "CUSTOMERS", "FEEDBACK_RAW", "CUSTOMER_KEYS", "FILES_INGESTED", "FEEDBACK_SENTIMENT", "CUSTOMER_STATE",
    "RECENT_FEEDBACK", "FEATURES", "LABELS", "PREDICTIONS", "MEASUREMENTS", "DRIFT", "BACKTESTS", "ESTIMATES",
    "ESTIMATE_GRADES", "ALERT_HISTORY", "LINEAGE", "MONITOR_SCORES", "MONITOR_HISTOGRAMS", "MONITOR_DAYS", "MONITOR_BINS",
)  # fmt: skip
LEFT_OUT = {"MONITOR_DAYS": {"FINGERPRINT"}}
TOLERANCE = 1e-9


def rows(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    found = workspace.table(table).collect()
    left_out = LEFT_OUT.get(table, set())
    plain = [{name: value for name, value in row.items() if name not in left_out} for row in found]
    return sorted(plain, key=sort_key)


def sort_key(row: dict[str, Any]) -> list[tuple[str, Any]]:
    """By everything but floats, which may differ in their last digits; floats last, rounded."""
    exact = [("" if value is None else str(value)) for value in row.values() if not isinstance(value, float)]
    return [*exact, *(f"{value:.6g}" for value in row.values() if isinstance(value, float))]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same: exact for counts, dates and texts, within 1e-9 for floats."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def differences(table: str, reference: Workspace, other: Workspace) -> list[Any]:
    """The first rows in which a table differs, or how many rows each has."""
    expected, found = rows(reference, table), rows(other, table)
    if len(expected) != len(found):
        return [(len(expected), len(found))]
    pairs = zip(expected, found, strict=True)
    return [(a, b) for a, b in pairs if a.keys() != b.keys() or not all(same(a[k], b[k]) for k in a)][:3]
