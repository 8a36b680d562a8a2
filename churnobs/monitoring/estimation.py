"""How well a model does on rows whose labels are not final yet, by what its calibrated scores lead to expect.

Confidence-based performance estimation: a row that scores s is labelled 1 with the calibrated chance p(s), so the
confusion counts and the pairs of ROC AUC have expected values before any label is there. The interval is for the metric
that these very rows will show: it holds the chance of the labels and the error of the calibration. What it cannot see is
that a score comes to mean something else (concept drift), so each estimate is graded once the labels are final, and a
trust flag falls when it was wrong (see ``trust``).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown, shown
from churnobs.errors import BadConfig
from churnobs.monitoring.calibration import Calibration, usable_scores
from churnobs.monitoring.levels import Floats, Levels

ESTIMATED: Final = ("F1_SCORE", "PRECISION", "RECALL", "CLASSIFICATION_ACCURACY", "ROC_AUC")
DRAWS: Final = 400
# labels are drawn by so many groups of neighbouring scores; expected values use every level
CELLS: Final = 512
# a binomial with at least this variance is drawn as a rounded normal
_NORMAL_ENOUGH: Final = 12.0

# limits of trust, in standard deviations
FAR: Final = 4.5
OFF: Final = 3.0
WINDOW: Final = 3
STRIKES: Final = 2
RECOVERY: Final = 2


@dataclass(frozen=True, slots=True)
class Estimate(Shown):
    """What a metric is expected to be once the labels are final.

    Args:
        value: by expected counts; None where the metric is not defined (nobody predicted to churn, one class only).
        low, high: where the realised metric will be with probability ``level``; None with the value.
        rows: how many the metric is of.
        calibrated: whether the calibration had enough labels; if not, the score was taken at its word.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    rows: int
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Grade(Shown):
    """An estimate beside what came true.

    Args:
        as_of: whose rows were estimated.
        realised: the metric on final labels.
        inside: whether that lies in the interval; None where estimate or truth is not defined.
        z: realised less estimated, in standard deviations of the estimate on that side; None with ``inside``.
    """

    as_of: dt.date
    metric: str
    estimate: Estimate
    realised: float | None
    inside: bool | None
    z: float | None


@dataclass(frozen=True, slots=True)
class Trust(Shown):
    """Whether estimates can be relied on, since when, and why.

    Args:
        up: True until graded estimates were wrong.
        since: the as-of whose grades turned the flag last; None when nothing turned it yet.
        reason: in words; of a flag that is down also how it gets up again.
    """

    up: bool
    since: dt.date | None
    reason: str


def estimate(
    levels: Levels, calibration: Calibration, *, level: float = 0.90, draws: int = DRAWS, seed: int = 0
) -> dict[str, Estimate]:
    """Estimate the performance metrics of some rows from their scores and predicted classes.

    Labels that some rows may have already are not looked at: who buys is known early, who churns only at the end of the
    horizon, so early labels mislead. Rows without a score are left out; those without a class count for ROC_AUC only.

    Args:
        levels: rows of one model version.
        calibration: fitted on final labels of the same version, or of one that scores alike.
        level: the probability that the interval holds the realised metric, above 0 and below 1.
        draws: how many times calibration and labels are drawn for the interval, at least 50.
        seed: of the draws; months with one seed and calibration share its drawn calibrations.

    Returns:
        One estimate for each of ``ESTIMATED``.

    Raises:
        BadConfig: a score outside 0 to 1, a level that is no probability, or too few draws.
    """
    if not 0.0 < level < 1.0:
        raise BadConfig(f"an interval of level {level}", hint="give a probability, such as 0.9")
    if draws < 50:
        raise BadConfig(f"{draws} draws are too few for an interval", hint="give at least 50")
    known = usable_scores(levels)
    score, said, rows = levels.score[known], levels.said[known], levels.rows[known].astype(np.float64)
    order = np.argsort(score, kind="stable")
    score, said, rows = score[order], said[order], rows[order]
    expected = _expected(score, said, rows, calibration.probability(score))
    drawn = _drawn(score, said, rows, calibration, draws, seed) if len(score) else {}
    classed = int(rows[~np.isnan(said)].sum())
    found = {}
    for metric in ESTIMATED:
        value, counted = expected[metric], int(rows.sum()) if metric == "ROC_AUC" else classed
        low, high = (None, None) if value is None else _interval(drawn[metric], value, level)
        found[metric] = Estimate(metric, value, low, high, level, counted, calibration.calibrated)
    return found


def _expected(score: Floats, said: Floats, rows: Floats, chance: Floats) -> dict[str, float | None]:
    """The metrics of expected counts; levels sorted by score."""
    up, down = rows * chance, rows * (1.0 - chance)
    counted = [float(part[said == answer].sum()) for answer in (1.0, 0.0) for part in (up, down)]
    found: dict[str, float | None] = {
        name: None if not below > 0.0 else above / below for name, (above, below) in _ratios(*counted).items()
    }
    # a row is no pair with itself, which would count as a tie
    alone = float((rows * chance * (1.0 - chance)).sum())
    starts = _starts(score)
    won, pairs = _pairs(np.add.reduceat(up, starts), np.add.reduceat(down, starts)) if len(score) else (0.0, 0.0)
    pairs = float(pairs) - alone
    found["ROC_AUC"] = (float(won) - alone / 2.0) / pairs if pairs > 1e-9 else None
    return found


def _drawn(
    score: Floats, said: Floats, rows: Floats, calibration: Calibration, draws: int, seed: int
) -> dict[str, Floats]:
    """The metrics that drawn calibrations and drawn labels show; NaN where one is not defined."""
    score, said, rows = _cells(score, said, rows)
    chance = calibration.draws(score, draws, seed=seed)
    # a stream of its own: the calibrations' draws stay the same whatever the rows
    up = _labels(rows, chance, np.random.default_rng((seed, 1)))
    down = rows - up
    counted = [part @ (said == answer).astype(np.float64) for answer in (1.0, 0.0) for part in (up, down)]
    parts = _ratios(*counted)
    starts = _starts(score)
    if len(starts) < len(score):
        up, down = np.add.reduceat(up, starts, axis=1), np.add.reduceat(down, starts, axis=1)
    parts["ROC_AUC"] = _pairs(up, down)
    return {
        name: np.divide(above, below, out=np.full(draws, np.nan), where=np.broadcast_to(below > 0.0, (draws,)))
        for name, (above, below) in parts.items()
    }


def _ratios(tp: Any, fp: Any, fn: Any, tn: Any) -> dict[str, tuple[Any, Any]]:
    """Numerator and denominator of each metric of confusion counts."""
    return {
        "F1_SCORE": (2.0 * tp, 2.0 * tp + fp + fn),
        "PRECISION": (tp, tp + fp),
        "RECALL": (tp, tp + fn),
        "CLASSIFICATION_ACCURACY": (tp + tn, tp + fp + fn + tn),
    }


def _pairs(up: Floats, down: Floats) -> tuple[Any, Any]:
    """Pairs of a 1 and a 0 that are ranked rightly, ties one half, and all pairs; scores rise along the last axis."""
    below = np.cumsum(down, axis=-1)
    all_down = below[..., -1].copy()
    below -= down / 2.0
    return np.einsum("...i,...i->...", up, below), up.sum(axis=-1) * all_down


def _starts(score: Floats) -> npt.NDArray[np.intp]:
    """Where each different score begins among rising ones."""
    return np.flatnonzero(np.diff(score, prepend=-1.0) > 0.0)


def _cells(score: Floats, said: Floats, rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Levels with equal score and class as one, and neighbours joined until about ``CELLS`` hold equally many rows."""
    answer = np.where(np.isnan(said), -1.0, said)
    order = np.lexsort((score, answer))
    score, answer, rows = score[order], answer[order], rows[order]
    first = np.diff(score, prepend=-1.0) != 0.0
    if int(first.sum()) > CELLS:
        before = np.cumsum(rows) - rows
        cell = np.floor(before * CELLS / rows.sum())
        first = np.diff(cell, prepend=-1.0) > 0.0
    starts = np.flatnonzero(first | (np.diff(answer, prepend=-2.0) > 0.0))
    held = np.add.reduceat(rows, starts)
    lowest, highest = score[starts], score[np.append(starts[1:], len(score)) - 1]
    # one score stays itself to the last bit, or it would no longer tie with the same score of the other class
    mean = np.where(lowest == highest, lowest, np.add.reduceat(rows * score, starts) / held)
    back = np.argsort(mean, kind="stable")
    return mean[back], answer[starts][back], held[back]


def _labels(rows: Floats, chance: Floats, rng: np.random.Generator) -> Floats:
    """How many rows of each cell come out as 1, binomial; (draws, cells)."""
    found = np.empty(chance.shape)
    variance = rows * (chance * (1.0 - chance)).mean(axis=0)
    single, many = rows == 1.0, variance >= _NORMAL_ENOUGH
    few = ~(single | many)
    found[:, single] = rng.random((len(chance), int(single.sum()))) < chance[:, single]
    found[:, few] = rng.binomial(rows[few].astype(np.int64), chance[:, few])
    # a slice spares copying where, as with many rows, all cells are alike
    chosen: Any = slice(None) if many.all() else many
    p, n = chance[:, chosen], rows[chosen]
    drawn = rng.standard_normal(p.shape)
    drawn *= np.sqrt(n * p * (1.0 - p))
    drawn += n * p
    found[:, chosen] = np.clip(np.rint(drawn, out=drawn), 0.0, n, out=drawn)
    return found


def _interval(drawn: Floats, value: float, level: float) -> tuple[float, float]:
    """The middle ``level`` of the draws that are defined."""
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return value, value
    tail = (1.0 - level) / 2.0
    # the realised metric is one more draw: by this rule it falls inside with probability ``level`` however few they are
    low, high = np.quantile(defined, (tail, 1.0 - tail), method="weibull")
    return min(float(low), value), max(float(high), value)


def grade(estimate: Estimate, realised: float | None, *, as_of: dt.date) -> Grade:
    """Put an estimate beside the metric of the same rows on final labels.

    >>> grade(Estimate("F1_SCORE", 0.8, 0.78, 0.82, 0.9, 900, True), 0.76, as_of=dt.date(2024, 5, 1)).inside
    False
    """
    value, low, high = estimate.value, estimate.low, estimate.high
    if realised is None or value is None or low is None or high is None or math.isnan(realised):
        return Grade(as_of, estimate.metric, estimate, realised, None, None)
    off = realised - value
    width = (high - value if off > 0.0 else value - low) / NormalDist().inv_cdf(0.5 + estimate.level / 2.0)
    rounding = 1e-12
    sure = math.copysign(math.inf, off) if abs(off) > rounding else 0.0
    z = off / width if width > rounding else sure
    return Grade(as_of, estimate.metric, estimate, realised, low - rounding <= realised <= high + rounding, z)


def trust(grades: Sequence[Grade], *, far: float = FAR, off: float = OFF) -> Trust:
    """Whether estimates can be relied on, by how the final months' estimates were graded.

    Each final month is *far* off when one metric is more than ``far`` standard deviations from its estimate, *off* when
    one is more than ``off``, else *right*. The flag falls when a month is far off, or when 2 of the last 3 final months
    are off. It gets up again after 2 final months in a row that are right. Months without a graded metric do not count.

    The limits allow for five metrics and for one calibration serving all months, whose error makes months err together.

    Args:
        grades: of one role or model, in any order; all metrics of an as-of are one month.
    """
    months: dict[dt.date, list[Grade]] = {}
    for graded in grades:
        if graded.z is not None:
            months.setdefault(graded.as_of, []).append(graded)
    state = Trust(up=True, since=None, reason=f"no estimate of {_counted(len(months))} was wrong")
    if not months:
        return Trust(up=True, since=None, reason="no estimate has been graded yet")
    off_months: list[bool] = []
    right = 0
    for as_of in sorted(months):
        worst = max(months[as_of], key=_distance)
        off_months.append(_distance(worst) > off)
        right = 0 if off_months[-1] else right + 1
        because = _wrong(worst, off_months, far=far)
        if because:
            state = Trust(up=False, since=as_of if state.up else state.since, reason=f"{because}; {_WAY_BACK}")
        elif not state.up and right >= RECOVERY:
            reason = f"the estimates of the last {_counted(right)} came true"
            state, off_months = Trust(up=True, since=as_of, reason=reason), []
    return state


_WAY_BACK: Final = f"trusted again after {RECOVERY} final months in a row whose estimates come true"


def _wrong(worst: Grade, off_months: Sequence[bool], *, far: float) -> str:
    """Why the newest month makes the flag fall, or nothing."""
    if _distance(worst) > far:
        return _words(worst)
    struck = sum(off_months[-WINDOW:])
    if off_months[-1] and struck >= STRIKES:
        return f"estimates were off in {struck} of the last {len(off_months[-WINDOW:])} final months; {_words(worst)}"
    return ""


def _words(graded: Grade) -> str:
    guess = graded.estimate
    return (
        f"{graded.metric} of {graded.as_of} was {shown(graded.realised)}, estimated {shown(guess.value)} "
        f"({shown(guess.low)} to {shown(guess.high)})"
    )


def _distance(graded: Grade) -> float:
    return abs(graded.z) if graded.z is not None else 0.0


def _counted(months: int) -> str:
    return "1 final month" if months == 1 else f"{months} final months"


def coverage(grades: Sequence[Grade]) -> Mapping[str, float]:
    """The share of graded estimates, metric by metric, whose interval held what came true."""
    held: dict[str, list[bool]] = {}
    for graded in grades:
        if graded.inside is not None:
            held.setdefault(graded.metric, []).append(graded.inside)
    return {metric: sum(inside) / len(inside) for metric, inside in held.items()}
