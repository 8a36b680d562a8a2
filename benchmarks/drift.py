"""Drift of 20 columns, a month of predictions against a reference: churnobs beside Evidently and NannyML.

All answer with one value a column and metric for the whole month. The peers get frames in memory and their clocks start
after that; ours reads Parquet inside the timed part, makes the reference's histograms and keeps the month's by day.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.monitoring_data import CATEGORIES, FEATURES, NUMBERS, build
from benchmarks.peers.environment import program
from benchmarks.rounds import Said, alternate, median, ratio, summary

PEERS: Final = ("evidently", "nannyml")
# the drift of a mean is exact but for the order of additions
_MEANS: Final = 1e-9
_TEXTS: Final = 1e-9
_FLOOR: Final = 1e-4
# the grid of a numeric column, spelled out anew: 256 cells, even or, where the tail is heavy, in the logarithm
_CELLS: Final = 256
_HEAVY: Final = 8.0

Floats = npt.NDArray[np.float64]


def measure(folder: Path, *, rows: int, rounds: int) -> Said:
    """Run the three in turn, the peers once, and check ours against scipy and NumPy; one JSON line.

    Raises:
        AssertionError: a number of ours is further from the oracle's than is stated.
    """
    build(folder, "drift", rows=rows)
    where = (str(folder.resolve()), ",".join(NUMBERS), ",".join(CATEGORIES))
    said = alternate(
        {
            "ours": ("drift", f"{folder.resolve()}:ours"),
            **{peer: program(peer, f"{peer}_drift", *where) for peer in PEERS},
        },
        rounds,
        once=PEERS,
    )
    ours = said["ours"][0]["values"]
    result: Said = {"benchmark": "drift", "rows": rows, "columns": len(FEATURES)}
    for peer in PEERS:
        result[f"{peer}_over_ours"] = round(1 / ratio(said, "seconds", "ours", peer), 1)
        result[f"{peer}_over_ours_cpu"] = round(1 / ratio(said, "cpu_seconds", "ours", peer), 1)
    return {
        **result,
        "ours_peak_mb": round(median(said["ours"], "peak_mb")),
        **summary(said),
        "off": check(folder, ours),
        "same_as_nannyml_on_texts": _farthest(ours, said["nannyml"][0]["values"], CATEGORIES, "JENSEN_SHANNON"),
    }


def check(folder: Path, ours: dict[str, float]) -> Said:
    """How far ours is from the oracles, beside what is allowed.

    DIFFERENCE_OF_MEANS and texts: to rounding. WASSERSTEIN: by the mean width of the cells that the two sides' values lie in,
    since only cell means are kept; given in standard deviations of the reference. JENSEN_SHANNON and PSI of numbers: beside
    groups of cells that hold a tenth, which this counts anew with NumPy.
    """
    import pandas as pd
    from scipy.stats import wasserstein_distance

    sides = [pd.read_parquet(folder / f"{name}.parquet", columns=list(FEATURES)) for name in ("REFERENCE", "CURRENT")]
    off = dict.fromkeys(
        ("means", "wasserstein_in_deviations", "wasserstein_of_bound", "shares_of_numbers", "texts"), 0.0
    )
    for column in NUMBERS:
        before, now = (side[column].to_numpy() for side in sides)
        spread = float(before.std())
        means = abs(ours[f"{column} DIFFERENCE_OF_MEANS"] - (float(now.mean()) - float(before.mean())))
        off["means"] = max(off["means"], means / spread)
        distance = abs(ours[f"{column} WASSERSTEIN"] - float(wasserstein_distance(before, now)))
        cells = [_cells(before, values) for values in (before, now)]
        # a column of few values has each in a cell of its own, and nothing to be off by
        bound = _MEANS * spread + sum(_mean_width(values, of) for values, of in zip((before, now), cells, strict=True))
        off["wasserstein_in_deviations"] = max(off["wasserstein_in_deviations"], distance / spread)
        off["wasserstein_of_bound"] = max(off["wasserstein_of_bound"], distance / bound)
        counts = [np.bincount(of, minlength=_CELLS) for of in cells]
        shares = _metrics(*(np.add.reduceat(c, _groups(counts[0])) for c in counts))
        off["shares_of_numbers"] = max(off["shares_of_numbers"], _off(ours, column, shares))
    for column in CATEGORIES:
        counted = [side[column].value_counts() for side in sides]
        texts = sorted({*counted[0].index, *counted[1].index})
        shares = _metrics(*(c.reindex(texts, fill_value=0).to_numpy() for c in counted))
        off["texts"] = max(off["texts"], _off(ours, column, shares))
    assert off["means"] <= _MEANS, off
    assert off["wasserstein_of_bound"] <= 1.0, off
    assert max(off["texts"], off["shares_of_numbers"]) <= _TEXTS, off
    return {name: float(f"{value:.3g}") for name, value in off.items()}


def _cells(reference: Floats, values: Floats) -> npt.NDArray[np.int64]:
    low, high, mean, spread = (float(of(reference)) for of in (np.min, np.max, np.mean, np.std))
    offset, reach = values - low, high - low
    if high - mean > _HEAVY * spread:
        scale = max(mean - low, spread / _CELLS)
        offset, reach = np.log(np.maximum(offset, 0.0) / scale + 1.0), math.log1p(reach / scale)
    return np.clip(np.floor(offset / (reach / _CELLS)), 0, _CELLS - 1).astype(np.int64)


def _mean_width(values: Floats, cells: npt.NDArray[np.int64]) -> float:
    """How far apart the values of a cell are, in the mean over values."""
    order = np.argsort(cells, kind="stable")
    sizes = np.bincount(cells)
    starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
    widths = np.maximum.reduceat(values[order], starts) - np.minimum.reduceat(values[order], starts)
    return float((widths * sizes[sizes > 0]).sum() / len(values))


def _groups(counts: npt.NDArray[np.int64]) -> list[int]:
    """Where groups of cells begin that hold about a tenth of the reference each."""
    starts, held = [0], 0
    for cell, counted in enumerate(counts.tolist()):
        if cell > starts[-1] and counted and held * 10 >= int(counts.sum()) * len(starts):
            starts.append(cell)
        held += counted
    return starts


def _metrics(before: Any, now: Any) -> dict[str, float]:
    from scipy.spatial.distance import jensenshannon

    p, q = before / before.sum(), now / now.sum()
    raised = [np.maximum(side, _FLOOR) for side in (p, q)]
    b, c = (side / side.sum() for side in raised)
    return {
        "JENSEN_SHANNON": float(jensenshannon(p, q, base=2)),
        "POPULATION_STABILITY_INDEX": float(((c - b) * np.log(c / b)).sum()),
    }


def _off(ours: dict[str, float], column: str, theirs: dict[str, float]) -> float:
    return max(abs(ours[f"{column} {name}"] - value) for name, value in theirs.items())


def _farthest(ours: dict[str, float], theirs: dict[str, float], columns: tuple[str, ...], metric: str) -> float:
    differences = [abs(ours[f"{column} {metric}"] - theirs[f"{column} {metric}"]) for column in columns]
    return float(f"{max((d for d in differences if not math.isnan(d)), default=math.nan):.3g}")
