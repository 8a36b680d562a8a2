"""Daily performance of a year: churnobs beside scikit-learn in a pandas groupby."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.monitoring_data import DAYS, build
from benchmarks.peers.environment import own_program
from benchmarks.rounds import Said, alternate, asked_again, ratio, summary

BOUND: Final = 1e-9


def measure(folder: Path, *, rows: int, rounds: int) -> Said:
    """Run both in turn and compare each day's metrics; one JSON line.

    Raises:
        AssertionError: a metric of a day differs by more than ``BOUND`` and what the monitor states.
    """
    build(folder, "performance", rows=rows)
    where = str(folder.resolve())
    said = alternate({"ours": ("performance", f"{where}:ours"), "sklearn": own_program("sklearn_daily", where)}, rounds)
    ours, theirs = (said[name][0]["values"] for name in ("ours", "sklearn"))
    assert len(theirs) == DAYS * 5, len(theirs)
    bounds = {name: ours.get(f"{name}_BOUND", 0.0) for name in theirs}
    off = {name: abs(ours[name] - value) for name, value in theirs.items()}
    assert all(off[name] <= BOUND + bounds[name] for name in theirs), max(off.values())
    auc = [name for name in theirs if name.endswith("ROC_AUC")]
    return {
        "benchmark": "performance",
        "rows": rows,
        "days": DAYS,
        "sklearn_over_ours": round(1 / ratio(said, "seconds", "ours", "sklearn"), 1),
        "sklearn_over_ours_asked_again": asked_again(said, "ours", "sklearn"),
        "sklearn_over_ours_cpu": round(1 / ratio(said, "cpu_seconds", "ours", "sklearn"), 1),
        **summary(said),
        "off": float(f"{max(value for name, value in off.items() if name not in auc):.3g}"),
        "off_roc_auc": float(f"{max(off[name] for name in auc):.3g}"),
        "stated_bound_roc_auc": float(f"{max(bounds.values()):.3g}"),
    }
