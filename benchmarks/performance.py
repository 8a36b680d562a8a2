"""Daily performance of a year: churnobs beside scikit-learn in a pandas groupby."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.monitoring_data import DAYS, build
from benchmarks.peers.environment import own_program
from benchmarks.rounds import Said, alternate, ratio, summary

# days of more rows than the monitor keeps score by score are counted in cells, in which ROC AUC stays exact
BOUND: Final = 1e-9


def measure(folder: Path, *, rows: int, rounds: int) -> Said:
    """Run both in turn and compare each day's metrics; one JSON line.

    Raises:
        AssertionError: a metric of a day differs by more than ``BOUND``.
    """
    build(folder, "performance", rows=rows)
    where = str(folder.resolve())
    said = alternate({"ours": ("performance", f"{where}:ours"), "sklearn": own_program("sklearn_daily", where)}, rounds)
    ours, theirs = (said[name][0]["values"] for name in ("ours", "sklearn"))
    off = max(abs(ours[name] - value) for name, value in theirs.items())
    assert len(ours) == len(theirs) == DAYS * 5, (len(ours), len(theirs))
    assert off <= BOUND, off
    return {
        "benchmark": "performance",
        "rows": rows,
        "days": DAYS,
        "sklearn_over_ours": round(1 / ratio(said, "seconds", "ours", "sklearn"), 1),
        "sklearn_over_ours_cpu": round(1 / ratio(said, "cpu_seconds", "ours", "sklearn"), 1),
        **summary(said),
        "off": float(f"{off:.3g}"),
    }
