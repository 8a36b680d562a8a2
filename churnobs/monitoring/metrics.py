"""Performance metrics from counted states (``expressions.scores``), many periods at once, in NumPy.

Definitions: positive class is 1; precision tp/(tp+fp), recall tp/(tp+fn), F1 2tp/(2tp+fp+fn); ROC AUC is the rank statistic
with ties at one half (Hanley & McNeil 1982); average precision is the sum of precision times the gain in recall (as
scikit-learn's); Brier score (Brier 1950) and log loss are means over labelled rows; calibration error is the expected
calibration error (Naeini et al. 2015) in bins of equal width; lift and recall of the top decile take the tenth of the
labelled rows with the highest scores, rounded up, ties by expectation. What is not defined is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.expressions.scores import COUNTS
from churnobs.monitoring.levels import Levels
from churnobs.monitoring.settings import MetricSettings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
DECILE: Final = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of one period.

    Args:
        rows: all rows.
        used: rows behind the metrics of the predicted class (or of the score, in a regression).
        scored: rows behind the metrics of the score.
        hits: of a binary classifier: true positives, false positives, false negatives.
        values: metric -> value; None where it is not defined.
        bounds: how far a value may be from that of the rows themselves, where scores were counted in cells.
    """

    rows: int
    used: int
    scored: int
    values: Mapping[str, float | None]
    bounds: Mapping[str, float]
    hits: tuple[int, int, int] = (0, 0, 0)

    def used_by(self, metric: str) -> int:
        """The rows behind one metric."""
        return self.scored if metric in OF_SCORES else self.used


OF_SCORES: Final = frozenset(
    {
        "ROC_AUC",
        "LOG_LOSS",
        "BRIER_SCORE",
        "CALIBRATION_ERROR",
        "AVERAGE_PRECISION",
        "LIFT_TOP_DECILE",
        "RECALL_TOP_DECILE",
    }
)


class Cells:
    """Rows of ``score_cells`` as arrays, in the order of (period, cell, score)."""

    def __init__(self, period: Sequence[int] | Ints, columns: Mapping[str, Any]) -> None:
        count = len(period)
        self.period: Ints = np.asarray(period, dtype=np.int64)
        column = {name: _array(columns[name]) for name in columns}
        # rows without a score have no cell; they sort first
        cell = np.where(np.isnan(column["CELL"]), -1.0, column["CELL"]).astype(np.int64)
        # cells follow each other as their scores do
        order = np.lexsort((np.nan_to_num(column["LOW"], nan=-1.0), self.period))
        self.period, self.cell = self.period[order], cell[order]
        for name in ("LOW", "HIGH", "SCORE_TOTAL", "SCORE_LABELED", "SURPRISE", "SQUARED_ERROR"):
            setattr(self, name.lower(), column[name][order])
        self.counts: dict[str, Floats] = {name: column[name][order] for name in COUNTS}
        self.up: Floats = self.counts["U1"] + self.counts["U0"] + self.counts["UN"]
        self.down: Floats = self.counts["D1"] + self.counts["D0"] + self.counts["DN"]
        self.starts: Ints = _starts(self.period) if count else np.zeros(0, np.int64)

    low: Floats
    high: Floats
    score_total: Floats
    score_labeled: Floats
    surprise: Floats
    squared_error: Floats

    def levels(self, first: int, last: int | None = None) -> Levels:
        """The scores, classes and labels of the periods at positions first to last, for what needs more than a metric."""
        inside = slice(self._of(first).start, self._of(first if last is None else last).stop)
        rows = sum(self.counts[name][inside] for name in COUNTS)
        with np.errstate(invalid="ignore"):
            mean = np.where(self.cell[inside] < 0, np.nan, self.score_total[inside] / rows)
        parts = []
        for said, mark in ((1.0, "1"), (0.0, "0"), (np.nan, "N")):
            up, down, open_ = (self.counts[label + mark][inside] for label in "UDN")
            there = up + down + open_ > 0
            parts.append((mean[there], np.full(int(there.sum()), said), up[there], down[there], open_[there]))
        score, classes, up, down, open_ = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Levels(score, classes, up.astype(np.int64), down.astype(np.int64), open_.astype(np.int64))

    def _of(self, number: int) -> slice:
        ends = np.append(self.starts[1:], len(self.period))
        return slice(int(self.starts[number]), int(ends[number]))


def binary(cells: Cells, settings: MetricSettings) -> dict[int, Measured]:
    """The metrics of a binary classifier by period."""
    if not len(cells.period):
        return {}
    starts = cells.starts
    total = {name: np.add.reduceat(values, starts) for name, values in cells.counts.items()}
    auc, auc_bound = _roc_auc(cells)
    in_cell = cells.cell >= 0
    scored = np.add.reduceat(np.where(in_cell, cells.up + cells.down, 0.0), starts)
    surprise = np.add.reduceat(np.nan_to_num(cells.surprise), starts)
    squared = np.add.reduceat(np.nan_to_num(cells.squared_error), starts)
    calibration = _calibration_error(cells, settings)
    found = {}
    for number, period in enumerate(cells.period[starts].tolist()):
        t = {name: int(values[number]) for name, values in total.items()}
        up, down = t["U1"] + t["U0"] + t["UN"], t["D1"] + t["D0"] + t["DN"]
        tp, fn, fp, tn = t["U1"], t["U0"], t["D1"], t["D0"]
        zero = settings.zero_division
        base = _ratio(up, up + down)
        ranked, bound = _ranked(cells, cells._of(number))
        n = int(scored[number])
        values = {
            "ROC_AUC": _none(auc[number]),
            "CLASSIFICATION_ACCURACY": _ratio(tp + tn, tp + tn + fp + fn),
            "PRECISION": _ratio(tp, tp + fp, zero if tp + fp + fn + tn else None),
            "RECALL": _ratio(tp, tp + fn, zero if tp + fp + fn + tn else None),
            "F1_SCORE": _ratio(2 * tp, 2 * tp + fp + fn, zero if tp + fp + fn + tn else None),
            "LOG_LOSS": _ratio(surprise[number], n),
            "BRIER_SCORE": _ratio(squared[number], n),
            "CALIBRATION_ERROR": _none(calibration[number]),
            **ranked,
            "BASE_RATE": base,
            "TRIVIAL_F1": None if base is None else 2 * base / (1 + base),
            "TRIVIAL_ACCURACY": None if base is None else max(base, 1 - base),
        }
        found[period] = Measured(
            rows=sum(t.values()),
            used=tp + fp + fn + tn,
            scored=n,
            values=values,
            bounds={"ROC_AUC": float(auc_bound[number]), **bound},
            hits=(tp, fp, fn),
        )
    return found


def _roc_auc(cells: Cells) -> tuple[Floats, Floats]:
    """ROC AUC by period, and how far it may be off: by half of the pairs in cells that hold more than one score."""
    up, down = np.where(cells.cell >= 0, cells.up, 0.0), np.where(cells.cell >= 0, cells.down, 0.0)
    starts = cells.starts
    # negatives in cells below, by period: what was counted before the cell, less what was counted before the period
    before = np.concatenate(([0.0], np.cumsum(down)))
    cell_starts = _starts(cells.period, cells.cell)
    cell_up, cell_down = np.add.reduceat(up, cell_starts), np.add.reduceat(down, cell_starts)
    period_of_cell = np.searchsorted(starts, cell_starts, side="right") - 1
    below = before[cell_starts] - before[starts][period_of_cell]
    # a cell whose rows all have a score of their own is ordered exactly
    level_starts = _starts(cells.period, cells.cell, cells.low)
    level_up, level_down = np.add.reduceat(up, level_starts), np.add.reduceat(down, level_starts)
    cell_of_level = np.searchsorted(cell_starts, level_starts, side="right") - 1
    inner = before[level_starts] - before[cell_starts][cell_of_level]
    exact = np.bincount(cell_of_level, level_up * (inner + level_down / 2.0), minlength=len(cell_starts))
    single = np.minimum.reduceat((cells.low == cells.high) | (cells.cell < 0), cell_starts)
    open_pairs = cell_up * cell_down
    within = np.where(single, exact, open_pairs / 2.0)
    won = np.bincount(period_of_cell, cell_up * below + within, minlength=len(starts))
    off = np.bincount(period_of_cell, np.where(single, 0.0, open_pairs / 2.0), minlength=len(starts))
    pairs = np.add.reduceat(up, starts) * np.add.reduceat(down, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan), np.where(pairs > 0, off / pairs, 0.0)


def _calibration_error(cells: Cells, settings: MetricSettings) -> Floats:
    width = settings.score_cells // settings.calibration_bins
    number = np.repeat(np.arange(len(cells.starts)), np.diff(np.append(cells.starts, len(cells.period))))
    inside = cells.cell >= 0
    key = number[inside] * settings.calibration_bins + np.minimum(
        cells.cell[inside] // width, settings.calibration_bins - 1
    )
    size = len(cells.starts) * settings.calibration_bins
    gap = np.nan_to_num(cells.score_labeled[inside]) - cells.up[inside]
    gaps = np.abs(np.bincount(key, gap, minlength=size)).reshape(len(cells.starts), -1).sum(axis=1)
    rows = np.bincount(number[inside], (cells.up + cells.down)[inside], minlength=len(cells.starts))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(rows > 0, gaps / rows, np.nan)
    return found


def _ranked(cells: Cells, inside: slice) -> tuple[dict[str, float | None], dict[str, float]]:
    """Average precision and the top decile of one period, from its levels in falling order of the score."""
    chosen = cells.cell[inside] >= 0
    low, up, down = (values[inside][chosen][::-1] for values in (cells.low, cells.up, cells.down))
    cell, single = cells.cell[inside][chosen][::-1], (cells.low == cells.high)[inside][chosen][::-1]
    positives, rows = float(up.sum()), float(up.sum() + down.sum())
    if not positives:
        return dict.fromkeys(("AVERAGE_PRECISION", "LIFT_TOP_DECILE", "RECALL_TOP_DECILE")), {}
    # rows of one score are one step; where a cell holds many scores, the cell is
    whole = np.isin(cell, cell[~single])
    place = _starts(cell, np.where(whole, 0.0, low))
    ups, downs = np.add.reduceat(up, place), np.add.reduceat(down, place)
    blurred = whole[place]
    labeled = ups + downs > 0
    ups, downs, blurred = ups[labeled], downs[labeled], blurred[labeled]
    hits, shown = np.cumsum(ups), np.cumsum(ups + downs)
    gain = ups / positives
    precision = float((gain * hits / shown).sum())
    # the positives of a blurred step may all come first or all come last
    with np.errstate(invalid="ignore", divide="ignore"):
        best = np.where(hits + shown - ups - downs > 0, hits / (shown - downs), 0.0)
        worst = (hits - ups + 1.0) / (shown - ups + 1.0)
    off = float((np.where(blurred & (ups > 0), np.maximum(best - worst, 0.0), 0.0) * gain).sum())
    top = math.ceil(rows / DECILE)
    border = int(np.searchsorted(shown, top))
    earlier = float(shown[border - 1]) if border else 0.0
    caught = (float(hits[border - 1]) if border else 0.0) + float(
        ups[border] * (top - earlier) / (ups[border] + downs[border])
    )
    values: dict[str, float | None] = {
        "AVERAGE_PRECISION": precision,
        "LIFT_TOP_DECILE": (caught / top) / (positives / rows),
        "RECALL_TOP_DECILE": caught / positives,
    }
    return values, {"AVERAGE_PRECISION": off}


def multi_class(counts: Sequence[tuple[str | None, str | None, int]]) -> Measured:
    """The metrics of a multi-class classifier from (label, predicted class, rows); None stands for a missing one.

    A class that is never predicted has a precision of 0 in the macro average, one that never occurs a recall of 0, as
    scikit-learn's; the micro averages of single-label data are the accuracy.
    """
    rows = sum(n for _, _, n in counts)
    known = [(label, said, n) for label, said, n in counts if label is not None and said is not None]
    used = sum(n for _, _, n in known)
    classes = sorted({c for label, said, _ in known for c in (label, said)})
    hits = dict.fromkeys(classes, 0)
    told, true = dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    for label, said, n in known:
        told[said] += n
        true[label] += n
        hits[label] += n if label == said else 0
    accuracy = _ratio(sum(hits.values()), used)
    macro = {
        name: sum((_ratio(hits[c], of[c]) or 0.0) for c in classes) / len(classes) if classes else None
        for name, of in (("PRECISION", told), ("RECALL", true))
    }
    values = {
        "CLASSIFICATION_ACCURACY": accuracy,
        "MACRO_AVERAGE_PRECISION": macro["PRECISION"],
        "MACRO_AVERAGE_RECALL": macro["RECALL"],
        "MICRO_AVERAGE_PRECISION": accuracy,
        "MICRO_AVERAGE_RECALL": accuracy,
        "TRIVIAL_ACCURACY": _ratio(max(true.values(), default=0), used),
    }
    return Measured(rows, used, used, values, {})


def regression(rows: Sequence[Mapping[str, Any]], settings: MetricSettings) -> Measured:
    """The metrics of a regression from rows of ``errors``; TRIVIAL_RMSE is that of the period's own mean."""
    total = {name: math.fsum(row[name] or 0.0 for row in rows) for name in _ERRORS}
    used = int(total["ROWS_USED"])
    mse = _ratio(total["SQUARED_ERROR"], used)
    counted = used if settings.mape_of_zero == "count" else int(total["ROWS_NOT_ZERO"])
    mean = total["ACTUAL_TOTAL"] / used if used else 0.0
    spread = max(total["ACTUAL_SQUARES"] / used - mean * mean, 0.0) if used else None
    values = {
        "RMSE": None if mse is None else math.sqrt(mse),
        "MAE": _ratio(total["ABSOLUTE_ERROR"], used),
        "MAPE": _ratio(total["RELATIVE_ERROR"], counted),
        "MSE": mse,
        "TRIVIAL_RMSE": None if spread is None else math.sqrt(spread),
    }
    return Measured(int(total["ROWS_ALL"]), used, used, values, {})


_ERRORS: Final = (
    "ROWS_ALL", "ROWS_USED", "ROWS_NOT_ZERO", "SQUARED_ERROR", "ABSOLUTE_ERROR", "RELATIVE_ERROR", "ACTUAL_TOTAL",
    "ACTUAL_SQUARES",
)  # fmt: skip


def _array(values: Any) -> Floats:
    found: Floats = np.asarray(values, dtype=np.float64)
    return found


def _starts(*keys: npt.NDArray[Any]) -> Ints:
    """Where a new run of equal keys begins, in arrays sorted by them; at least the first position."""
    changed = np.zeros(len(keys[0]), dtype=bool)
    changed[:1] = True
    for key in keys:
        # NaN equals nothing: rows without a score stand in one run all the same
        same = (key[1:] == key[:-1]) | ((key[1:] != key[1:]) & (key[:-1] != key[:-1]))
        changed[1:] |= ~same
    found: Ints = np.flatnonzero(changed)
    return found


def _ratio(part: float, whole: float, zero: float | None = None) -> float | None:
    return float(part) / float(whole) if whole else zero


def _none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
