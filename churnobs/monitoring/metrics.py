"""Performance metrics from counted states (``expressions.scores``), many periods at once, in NumPy.

Definitions: positive class is 1; precision tp/(tp+fp), recall tp/(tp+fn), F1 2tp/(2tp+fp+fn); ROC AUC is the rank statistic
with ties at one half (Hanley & McNeil 1982); average precision is the sum of precision times the gain in recall (as
scikit-learn's); Brier score (Brier 1950) and log loss are means over labelled rows; calibration error is the expected
calibration error (Naeini et al. 2015) in bins of equal width; lift and recall of the top decile take the tenth of the
labelled rows with the highest scores, rounded up, ties by expectation. What is not defined is None.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.monitoring.levels import Levels
from churnobs.monitoring.settings import MetricSettings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
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
        periods: Ints = np.asarray(period, dtype=np.int64)
        # cells follow each other as their scores do; rows without a score have no cell and come first
        ties = (columns[name] for name in ("CLASS", "IS_LABELED", "ROWS_ALL", "ROWS_UP"))
        order = _order(periods, _filled(columns["LOW"], -1.0), *map(np.asarray, ties))
        self.period = periods[order]
        self.said, self.low, self.high, self.up, self.rows = (
            _array(columns[name])[order] for name in ("CLASS", "LOW", "HIGH", "ROWS_UP", "ROWS_ALL")
        )
        self.cell = _filled(columns["CELL"], -1.0).astype(np.int64)[order]
        self.labeled: Floats = np.where(np.asarray(columns["IS_LABELED"])[order], self.rows, 0.0)
        # a sum over no rows is missing
        self.score_total, self.surprise, self.squared_error = (_filled(columns[name], 0.0)[order] for name in _SUMS)
        self.starts: Ints = _starts(self.period) if len(order) else np.zeros(0, np.int64)

    @property
    def down(self) -> Floats:
        """How many rows are labelled 0."""
        return self.labeled - self.up

    @property
    def number(self) -> Ints:
        """The position of each row's period."""
        found: Ints = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.period))))
        return found

    def parts(self) -> Iterator[Cells]:
        """The same in parts of whole periods, so small that what is computed of one stays in the processor's cache."""
        firsts = np.unique(np.searchsorted(self.starts, np.arange(0, len(self.period), _AT_ONCE)))
        for first, end in itertools.pairwise(np.unique(np.append(firsts, len(self.starts))).tolist()):
            inside = self._rows(first, end - 1)
            part = copy.copy(self)
            for name, values in vars(self).items():
                setattr(part, name, values[inside])
            part.starts = self.starts[first:end] - inside.start
            yield part

    def _rows(self, first: int, last: int) -> slice:
        """The rows of the periods at positions first to last."""
        ends = np.append(self.starts[1:], len(self.period))
        return slice(int(self.starts[first]), int(ends[last]))

    def levels(self, first: int, last: int | None = None) -> Levels:
        """The scores, classes and labels of the periods at positions first to last, for what needs more than a metric."""
        inside = self._rows(first, first if last is None else last)
        rows, labeled, up = (counts[inside].astype(np.int64) for counts in (self.rows, self.labeled, self.up))
        low, high, total = (values[inside] for values in (self.low, self.high, self.score_total))
        # one score is itself to the last bit, or it would not tie with the same score in another row
        score = np.where(self.cell[inside] < 0, np.nan, np.where(low == high, low, total / rows))
        return Levels(score, self.said[inside], up, labeled - up, rows - labeled)


_AT_ONCE: Final = 1 << 15
_SUMS: Final = ("SCORE_TOTAL", "SURPRISE", "SQUARED_ERROR")
_RANKED: Final = ("AVERAGE_PRECISION", "LIFT_TOP_DECILE", "RECALL_TOP_DECILE")


def binary(cells: Cells, settings: MetricSettings) -> dict[int, Measured]:
    """The metrics of a binary classifier by period."""
    return {period: one for part in cells.parts() for period, one in _binary(part, settings).items()}


def _binary(cells: Cells, settings: MetricSettings) -> dict[int, Measured]:
    def total(values: Floats) -> Floats:
        found: Floats = np.add.reduceat(values, cells.starts)
        return found

    up, down = cells.up, cells.down
    hits = [np.where(cells.said == said, of, 0.0) for said in (1.0, 0.0) for of in (up, down)]
    summed = (*hits, up, down, cells.rows, np.where(cells.cell >= 0, cells.labeled, 0.0))
    counts = [total(of).astype(np.int64).tolist() for of in summed]
    starts = _starts(cells.period, cells.cell)
    # of each cell: whether one of its rows holds more than one score
    blurred = np.logical_or.reduceat((cells.low != cells.high) & (cells.cell >= 0), starts)
    auc, auc_bound = _roc_auc(cells, starts, blurred)
    ranked, precision_bound = _ranked(cells, starts, blurred)
    sums = (auc, auc_bound, precision_bound, total(cells.surprise), total(cells.squared_error))
    measured = (*sums, _calibration_error(cells, settings), *(ranked[name] for name in _RANKED))
    periods = cells.period[cells.starts].tolist()
    found = {}
    for period, rows, numbers in zip(
        periods, zip(*counts, strict=True), zip(*(of.tolist() for of in measured), strict=True), strict=True
    ):
        tp, fp, fn, tn, ups, downs, all_rows, n = rows
        area, area_off, precision_off, surprise, squared, gap, *top = numbers
        zero = settings.zero_division if tp + fp + fn + tn else None
        base = _ratio(ups, ups + downs)
        values = {
            "ROC_AUC": _none(area),
            "CLASSIFICATION_ACCURACY": _ratio(tp + tn, tp + tn + fp + fn),
            "PRECISION": _ratio(tp, tp + fp, zero),
            "RECALL": _ratio(tp, tp + fn, zero),
            "F1_SCORE": _ratio(2 * tp, 2 * tp + fp + fn, zero),
            "LOG_LOSS": _ratio(surprise, n),
            "BRIER_SCORE": _ratio(squared, n),
            "CALIBRATION_ERROR": _none(gap),
            **{name: _none(value) for name, value in zip(_RANKED, top, strict=True)},
            "BASE_RATE": base,
            "TRIVIAL_F1": None if base is None else 2 * base / (1 + base),
            "TRIVIAL_ACCURACY": None if base is None else max(base, 1 - base),
        }
        found[period] = Measured(
            rows=all_rows,
            used=tp + fp + fn + tn,
            scored=n,
            values=values,
            bounds={"ROC_AUC": area_off, "AVERAGE_PRECISION": precision_off},
            hits=(tp, fp, fn),
        )
    return found


def _roc_auc(cells: Cells, starts: Ints, blurred: Bools) -> tuple[Floats, Floats]:
    """ROC AUC by period, and how far it may be off: by half of the pairs in cells that hold more than one score."""
    count, of_row = len(cells.starts), cells.number
    inside = cells.cell >= 0
    up, down = np.where(inside, cells.up, 0.0), np.where(inside, cells.down, 0.0)
    number = of_row[starts]
    ups, downs = np.add.reduceat(up, starts), np.add.reduceat(down, starts)
    # negatives in cells below, by period: what was counted before the cell, less what was counted before the period
    before = np.cumsum(downs) - downs
    below = before - before[_starts(number)][number]
    within = ups * downs / 2.0
    off = np.bincount(number, np.where(blurred, within, 0.0), minlength=count)
    # a cell of several rows that all have a score of their own is ordered exactly
    sizes = np.diff(np.append(starts, len(up)))
    several = np.repeat(~blurred & (sizes > 1), sizes)
    if several.any():
        cell = np.repeat(np.arange(len(starts)), sizes)[several]
        level = _starts(cell, cells.low[several])
        level_up, level_down = (np.add.reduceat(of[several], level) for of in (up, down))
        cell, first = cell[level], _starts(cell[level])
        lower = np.cumsum(level_down) - level_down
        lower -= np.repeat(lower[first], np.diff(np.append(first, len(cell))))
        exact = np.bincount(cell, level_up * (lower + level_down / 2.0), minlength=len(starts))
        within = np.where(~blurred & (sizes > 1), exact, within)
    won = np.bincount(number, ups * below + within, minlength=count)
    pairs = np.bincount(number, ups, minlength=count) * np.bincount(number, downs, minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan), np.where(pairs > 0, off / pairs, 0.0)


def _calibration_error(cells: Cells, settings: MetricSettings) -> Floats:
    count, number, bins = len(cells.starts), cells.number, settings.calibration_bins
    width = settings.score_cells // bins
    inside = cells.cell >= 0
    key = number[inside] * bins + np.minimum(cells.cell[inside] // width, bins - 1)
    gap = np.where(cells.labeled > 0, cells.score_total, 0.0)[inside] - cells.up[inside]
    gaps = np.abs(np.bincount(key, gap, minlength=count * bins)).reshape(count, -1).sum(axis=1)
    rows = np.bincount(number[inside], cells.labeled[inside], minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(rows > 0, gaps / rows, np.nan)
    return found


def _ranked(cells: Cells, starts: Ints, of_cell: Bools) -> tuple[dict[str, Floats], Floats]:
    """Average precision and the top decile by period, and how far the first may be off, from levels in falling order of the
    score. NaN where no row is labelled 1.
    """
    count = len(cells.starts)
    found: dict[str, Floats] = {name: np.full(count, np.nan) for name in _RANKED}
    chosen = np.flatnonzero((cells.cell >= 0) & (cells.labeled > 0))[::-1]
    if not len(chosen):
        return found, np.zeros(count)
    # rows of one score are one step; where one row of a cell holds many scores, the cell is
    blurred = np.repeat(of_cell, np.diff(np.append(starts, len(cells.period))))[chosen]
    number = cells.number[chosen]
    place = _starts(number, cells.cell[chosen], np.where(blurred, -1.0, cells.low[chosen]))
    number, blurred = number[place], blurred[place]
    ups, rows = (np.add.reduceat(of[chosen], place) for of in (cells.up, cells.labeled))
    # running sums of each period are those of all periods, less what the periods before it had
    first = _starts(number)
    sizes = np.diff(np.append(first, len(number)))
    all_rows, hits = np.cumsum(rows), np.cumsum(ups)
    earlier = all_rows[first] - rows[first]
    shown = all_rows - np.repeat(earlier, sizes)
    hits -= np.repeat(hits[first] - ups[first], sizes)
    last = np.append(first[1:], len(number)) - 1
    of, positives, total = number[first], hits[last], shown[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = ups / np.repeat(positives, sizes)
        # the positives of a blurred step may all come first or all come last
        before_others = shown - (rows - ups)
        best = np.where(before_others > 0, hits / before_others, 0.0)
        worst = (hits - ups + 1.0) / (shown - ups + 1.0)
        off: Floats = np.where(blurred & (ups > 0), np.maximum(best - worst, 0.0) * gain, 0.0)
        top = np.ceil(total / DECILE)
        border = np.searchsorted(all_rows, earlier + top)
        above = shown[border] - rows[border]
        caught = hits[border] - ups[border] + ups[border] * (top - above) / rows[border]
        found["AVERAGE_PRECISION"][of] = np.add.reduceat(gain * hits / shown, first)
        found["LIFT_TOP_DECILE"][of] = (caught / top) / (positives / total)
        found["RECALL_TOP_DECILE"][of] = caught / positives
    for values in found.values():
        values[of[positives == 0]] = np.nan
    bound: Floats = np.bincount(number, weights=off, minlength=count).astype(np.float64)
    return found, bound


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


def _filled(values: Any, missing: float) -> Floats:
    """Numbers with something in the place of those that are missing."""
    found = _array(values)
    return np.where(np.isnan(found), missing, found)


def _starts(*keys: npt.NDArray[Any]) -> Ints:
    """Where a new run of equal keys begins, in arrays sorted by them; at least the first position."""
    changed = np.zeros(len(keys[0]), dtype=bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    found: Ints = np.flatnonzero(changed)
    return found


def _order(period: Ints, low: Floats, *ties: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """What puts rows in the order of (period, low), and where these are equal of the ties: a sum of doubles must not depend
    on the order in which rows were stored.
    """
    if not len(period):
        return np.zeros(0, np.intp)
    if int(period.max() - period.min()) < _SHORT:
        # short integers are sorted by counting, and floats without regard for equal ones: several times as fast as lexsort
        order = np.argsort(low)
        order = order[np.argsort((period - period.min()).astype(np.uint16)[order], kind="stable")]
    else:
        order = np.lexsort((low, period))
    same = (low[order[1:]] == low[order[:-1]]) & (period[order[1:]] == period[order[:-1]])
    if same.any():
        tied = np.append(same, False) | np.append(False, same)
        some = order[tied]
        order[tied] = some[np.lexsort(tuple(key[some] for key in (*ties[::-1], low, period)))]
    return order


_SHORT: Final = 1 << 16


def _ratio(part: float, whole: float, zero: float | None = None) -> float | None:
    return float(part) / float(whole) if whole else zero


def _none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
