"""Is one model better than another on the same customers? Paired tests in NumPy, for decisions that need no engine.

ROC AUC: DeLong, DeLong & Clarke-Pearson (1988) by the midranks of Sun & Xu (2014). Log loss: the mean paired difference
with its standard error. All tests are one-sided and by the normal distribution; what cannot be told apart is a tie.
Predicted classes are compared in ``churnobs.class_comparison``.
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
    ups = int(positive.sum())
    downs = len(positive) - ups
    auc_a, auc_b = _auc(positive, first), _auc(positive, second)
    if ups < 2 or downs < 2:
        return _tie(auc_a, auc_b, len(positive))
    up_a, down_a = _placements(positive, first)
    up_b, down_b = _placements(positive, second)
    variance = float(np.var(up_a - up_b, ddof=1)) / ups + float(np.var(down_a - down_b, ddof=1)) / downs
    return _judged(auc_a, auc_b, auc_a - auc_b, math.sqrt(variance), len(positive), witnesses=min(ups, downs))


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


def _placements(positive: npt.NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    """For each churned customer the share of stayed ones below, for each stayed one the share of churned ones above."""
    ranks = _midranks(values)
    up, down = values[positive], values[~positive]
    return (ranks[positive] - _midranks(up)) / len(down), 1.0 - (ranks[~positive] - _midranks(down)) / len(up)


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
