"""Estimated performance of twelve months without labels: churnobs beside NannyML's CBPE.

Both calibrate on a labelled reference as large as the year itself. They do so in different ways (ours a spline, theirs
isotonic regression), so their estimates agree to a stated bound and not to rounding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.monitoring_data import build
from benchmarks.peers.environment import program
from benchmarks.rounds import Said, alternate, asked_again, ratio, summary

BOUND: Final = 0.01
MONTHS: Final = 12


def measure(folder: Path, *, rows: int, rounds: int) -> Said:
    """Run both in turn, and compare their estimates with each other and with what came true; one JSON line.

    Raises:
        AssertionError: two estimates of a month differ by more than ``BOUND``.
    """
    build(folder, "cbpe", rows=rows)
    where = str(folder.resolve())
    said = alternate({"ours": ("cbpe", f"{where}:ours"), "nannyml": program("nannyml", "nannyml_cbpe", where)}, rounds)
    ours, theirs = (said[name][0]["values"] for name in ("ours", "nannyml"))
    assert len(ours) == len(theirs) == MONTHS * 5, (len(ours), len(theirs))
    off = max(abs(ours[name] - value) for name, value in theirs.items())
    assert off <= BOUND, off
    truth = _realised(folder)
    return {
        "benchmark": "cbpe",
        "rows": rows,
        "reference_rows": rows,
        "months": MONTHS,
        "nannyml_over_ours": round(1 / ratio(said, "seconds", "ours", "nannyml"), 1),
        "nannyml_over_ours_asked_again": asked_again(said, "ours", "nannyml"),
        "nannyml_over_ours_cpu": round(1 / ratio(said, "cpu_seconds", "ours", "nannyml"), 1),
        **summary(said),
        "off": float(f"{off:.3g}"),
        "off_from_truth": {
            name: float(f"{max(abs(found[k] - v) for k, v in truth.items()):.3g}")
            for name, found in (("ours", ours), ("nannyml", theirs))
        },
    }


def _realised(folder: Path) -> dict[str, float]:
    """The metrics that the labels show, by month."""
    import pandas as pd
    from sklearn import metrics

    rows = pd.read_parquet(folder / "CURRENT.parquet")
    found = {}
    for month, own in rows.groupby(rows["AT_TIME"].dt.strftime("%Y-%m")):
        label, said = own["LABEL"], own["CLASS"]
        found[f"{month} CLASSIFICATION_ACCURACY"] = float(metrics.accuracy_score(label, said))
        found[f"{month} PRECISION"] = float(metrics.precision_score(label, said))
        found[f"{month} RECALL"] = float(metrics.recall_score(label, said))
        found[f"{month} F1_SCORE"] = float(metrics.f1_score(label, said))
        found[f"{month} ROC_AUC"] = float(metrics.roc_auc_score(label, own["SCORE"]))
    return found
