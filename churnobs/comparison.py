"""Is one model better than another on the same customers? Paired tests in NumPy, for decisions that need no engine.

ROC AUC: DeLong, DeLong & Clarke-Pearson (1988) by the midranks of Sun & Xu (2014). Log loss: the mean paired difference
with its standard error. All tests are one-sided and by the normal distribution; what cannot be told apart is a tie.
Both need no rows but sums over the rows of either class (``Wins``, ``Surprise``), which an engine can add up where the rows
are. Predicted classes are compared in ``churnobs.class_comparison``.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CLIP: Final = 1e-15
# differences this small are rounding of the ranks' sums, not evidence
_ROUNDING: Final = 1e-12
_ROUNDED_SUMS: Final = 1e-10


class Verdict(enum.Enum):
    """Whether a is better than b, worse, or cannot be told apart from it."""

    BETTER = "BETTER"
    WORSE = "WORSE"
    TIE = "TIE"


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """How a did against b on the same rows, by a measure of which more is better.

    Args:
        auc_a, auc_b: the ROC AUC of each; NaN when one class is missing.
        difference: what a is ahead by, in the measure compared (AUC, or log loss saved in nats); 0 when not defined.
        standard_error: of the difference; 0 when not defined, or when all rows agree on the difference.
        p_value: one-sided, of a difference this large if a were not better than b; 1 when nothing can be told.
        rows: how many were compared; a row without both scores does not count.
    """

    auc_a: float
    auc_b: float
    difference: float
    standard_error: float
    p_value: float
    rows: int

    def verdict(self, alpha: float = 0.05) -> Verdict:
        """BETTER or WORSE, each by a one-sided test at level alpha, else TIE."""
        if self.difference > 0.0 and self.p_value < alpha:
            return Verdict.BETTER
        return Verdict.WORSE if self.difference < 0.0 and 1.0 - self.p_value < alpha else Verdict.TIE

    def certainty(self, gain: float = 0.0) -> float:
        """How certain it is, 0 to 1, that a is ahead by at least ``gain``: the normal cdf of (difference - gain) / error.

        Without an error the sign test speaks, as in ``p_value``; a difference that is exactly the gain is at one half.
        """
        ahead = self.difference - gain
        if self.standard_error > _ROUNDING:
            return _upper_tail(-ahead / self.standard_error)
        if abs(ahead) <= _ROUNDING:
            return 0.5
        by_chance = min(self.p_value, 1.0 - self.p_value)
        return 1.0 - by_chance if ahead > 0.0 else by_chance


@dataclass(frozen=True, slots=True)
class Wins:
    """What two scores add up to over the rows of one class, for DeLong's test.

    A row's wins by a score are twice the rows of the other class with a lower one, and once those with the same.

    Args:
        rows: of this class.
        wins_a, wins_b: the sums of the wins.
        squares: the sum of the squared differences of both wins.
    """

    rows: int = 0
    wins_a: int = 0
    wins_b: int = 0
    squares: float = 0.0

    def __add__(self, other: Wins) -> Wins:
        """Those of both sets of rows."""
        return Wins(
            self.rows + other.rows,
            self.wins_a + other.wins_a,
            self.wins_b + other.wins_b,
            self.squares + other.squares,
        )

    def variance(self, others: int) -> float:
        """Of the mean difference of the rows' placements among ``others`` rows of the other class."""
        apart = self.wins_a - self.wins_b
        spread = (self.squares - apart * apart / self.rows) / (self.rows - 1)
        return max(spread, 0.0) / (self.rows * 4.0 * others * others)


@dataclass(frozen=True, slots=True)
class Surprise:
    """The log loss of the rows of one class in nats, and of its squares, each added up."""

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0


def compare_wins(ups: Wins, downs: Wins) -> PairedComparison:
    """``compare_auc`` from what the churned rows and those that stayed add up to."""
    pairs = 2.0 * ups.rows * downs.rows
    auc_a, auc_b = (ups.wins_a / pairs, ups.wins_b / pairs) if pairs else (math.nan, math.nan)
    rows = ups.rows + downs.rows
    if ups.rows < 2 or downs.rows < 2:
        return _tie(auc_a, auc_b, rows)
    variance = ups.variance(downs.rows) + downs.variance(ups.rows)
    return _judged(auc_a, auc_b, auc_a - auc_b, math.sqrt(variance), rows, witnesses=min(ups.rows, downs.rows))


def p_below_base_rate(ups: Surprise, downs: Surprise) -> float:
    """The p-value of ``compare_log_loss`` against the base rate, from what both classes add up to; 1 without two rows."""
    rows = ups.rows + downs.rows
    if rows < 2:
        return 1.0
    rate = ups.rows / rows
    # what the base rate itself costs a row of either class
    floor = [(one, -math.log(max(given, CLIP))) for one, given in ((ups, rate), (downs, 1.0 - rate))]
    saved = sum(one.rows * cost - one.total for one, cost in floor) / rows
    squares = sum(one.rows * cost * cost - 2.0 * cost * one.total + one.squares for one, cost in floor) / rows
    # the sums are of numbers rounded at 1e-12: less spread than that is none
    variance = squares - saved * saved if squares - saved * saved > _ROUNDED_SUMS else 0.0
    error = math.sqrt(variance / (rows - 1))
    return _judged(
        math.nan, math.nan, saved if variance or abs(saved) > _ROUNDED_SUMS else 0.0, error, rows, witnesses=rows
    ).p_value


def roc_auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """The chance that a churned customer scores above one who stayed, ties one half; NaN when one class is missing.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    positive, (values,) = _usable(labels, scores)
    return _auc(positive, values)


def compare_auc(labels: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> PairedComparison:
    """Whether a ranks the customers better than b (DeLong).

    Args:
        labels: 1 churned, 0 stayed.
        a, b: scores of the same rows; any monotone scale, each its own.

    >>> compare_auc([0, 1, 0, 1], [0.2, 0.9, 0.1, 0.7], [0.2, 0.9, 0.1, 0.7]).verdict()
    <Verdict.TIE: 'TIE'>
    """
    positive, (first, second) = _usable(labels, a, b)
    won = [_wins(positive, first), _wins(positive, second)]
    apart = won[0] - won[1]
    ups, downs = (
        Wins(
            int(chosen.sum()),
            int(won[0][chosen].sum()),
            int(won[1][chosen].sum()),
            float((apart[chosen].astype(np.float64) ** 2).sum()),
        )
        for chosen in (positive, ~positive)
    )
    return compare_wins(ups, downs)


def compare_log_loss(labels: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> PairedComparison:
    """Whether a's probabilities cost less log loss than b's.

    Args:
        labels: 1 churned, 0 stayed.
        a, b: probabilities of churning for the same rows; b may be one number, such as the base rate.

    Returns:
        The comparison; ``difference`` is the mean log loss that a saves, in nats a row.
    """
    positive, (first, second) = _usable(labels, a, b)
    auc_a, auc_b = _auc(positive, first), _auc(positive, second)
    if len(positive) < 2:
        return _tie(auc_a, auc_b, len(positive))
    saved = _surprise(positive, second) - _surprise(positive, first)
    error = float(np.std(saved, ddof=1)) / math.sqrt(len(saved))
    return _judged(auc_a, auc_b, float(saved.mean()), error, len(positive), witnesses=len(positive))


def _usable(labels: npt.ArrayLike, *scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], list[Floats]]:
    """Labels as booleans and the scores, of the rows where nothing is missing."""
    truth: Any = np.asarray(labels, dtype=np.float64).ravel()
    values = [np.broadcast_to(np.asarray(s, dtype=np.float64), truth.shape) for s in scores]
    known = np.isfinite(truth)
    for one in values:
        known &= np.isfinite(one)
    return truth[known] > 0.5, [one[known] for one in values]


def _midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends: Floats = np.cumsum(counts).astype(np.float64)
    ranks: Floats = ends - (counts - 1) / 2.0
    shared: Floats = ranks[place]
    return shared


def _auc(positive: npt.NDArray[np.bool_], values: Floats) -> float:
    ups = int(positive.sum())
    downs = len(positive) - ups
    if ups == 0 or downs == 0:
        return math.nan
    won = float(_midranks(values)[positive].sum()) - ups * (ups + 1) / 2.0
    return won / (ups * downs)


def _wins(positive: npt.NDArray[np.bool_], values: Floats) -> npt.NDArray[np.int64]:
    """Twice the rows of the other class below each row, and once those beside it."""
    ranks = _midranks(values)
    for chosen in (positive, ~positive):
        ranks[chosen] -= _midranks(values[chosen])
    return np.rint(2.0 * ranks).astype(np.int64)


def _surprise(positive: npt.NDArray[np.bool_], probability: Floats) -> Floats:
    given = np.clip(np.where(positive, probability, 1.0 - probability), CLIP, 1.0 - CLIP)
    surprise: Floats = -np.log(given)
    return surprise


def _judged(
    auc_a: float, auc_b: float, difference: float, error: float, rows: int, *, witnesses: int
) -> PairedComparison:
    """The comparison; ``witnesses`` are the independent rows behind a difference that has no error of its own."""
    if error > _ROUNDING:
        return PairedComparison(auc_a, auc_b, difference, error, _upper_tail(difference / error), rows)
    if abs(difference) <= _ROUNDING:
        return _tie(auc_a, auc_b, rows)
    # every row says the same, so the normal distribution has nothing to measure with: the sign test has
    by_chance = 0.5**witnesses
    return PairedComparison(auc_a, auc_b, difference, 0.0, by_chance if difference > 0.0 else 1.0 - by_chance, rows)


def _tie(auc_a: float, auc_b: float, rows: int) -> PairedComparison:
    return PairedComparison(auc_a, auc_b, 0.0, 0.0, 1.0, rows)


def _upper_tail(z: float) -> float:
    """P(a standard normal is above z)."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))
