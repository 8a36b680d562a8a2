"""Are the classes of one model better than those of another on the same customers? Counted once, then resampled.

All that decides are the counts of (label, class of a, class of b). Rows drawn with replacement have multinomial counts in
those eight cells (the bootstrap of Efron & Tibshirani 1993), so a resample is one draw of eight numbers and its cost does
not grow with the rows. McNemar (1947) asks the same of the rows on which only one of the two is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown
from churnobs.errors import BadConfig

Floats = npt.NDArray[np.float64]

# differences this close to the gain hit it: what is left is the rounding of two ratios
_ROUNDING: Final = 1e-12
_EXACT_UP_TO: Final = 1_000
_BLOCK: Final = 1 << 16
_DEFAULT_METRIC: Final = "F1_SCORE"

# of true positives, false positives, false negatives and true negatives: what is divided by what
_RATIOS: Final[Mapping[str, Callable[[Any, Any, Any, Any], tuple[Any, Any]]]] = {
    "F1_SCORE": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),  # noqa: ARG005
    "PRECISION": lambda tp, fp, fn, tn: (tp, tp + fp),  # noqa: ARG005
    "RECALL": lambda tp, fp, fn, tn: (tp, tp + fn),  # noqa: ARG005
    "CLASSIFICATION_ACCURACY": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
}
CLASS_METRICS: Final = tuple(_RATIOS)


@dataclass(frozen=True, slots=True)
class McNemar(Shown):
    """Whether a and b are right equally often, from the rows on which only one of them is.

    Args:
        only_a_right, only_b_right: rows that only one of them classified as what came true.
        p_value: two-sided, of a split this uneven if both were right equally often. Up to 1,000 such rows the exact
            binomial test; beyond, the chi-square test with continuity correction (Edwards 1948); 1 without such rows.
        rows: how many were compared; a row without label or without both classes does not count.
    """

    only_a_right: int
    only_b_right: int
    p_value: float
    rows: int


@dataclass(frozen=True, slots=True)
class ClassComparison(Shown):
    """How the classes of a did against those of b on the same rows, by one metric of which more is better.

    Args:
        metric: F1_SCORE, PRECISION, RECALL or CLASSIFICATION_ACCURACY.
        value_a, value_b: the metric of each; None where it is not defined (nothing to divide by).
        difference: of a over b; None where one of them is not defined.
        low, high: the percentile interval of the difference, over the resamples in which both are defined.
        certainty: the share of resamples in which a is better by more than ``gain``, those that hit the gain exactly
            counted one half: equal classes are at .5 for a gain of 0. A resample in which only one of the two is defined
            speaks against a, one in which neither is shows no difference. 0 where the difference itself is not defined,
            never NaN. With only D rows on which a and b differ it is at most 1 - 0.5^D: by chance alone all of them would
            favour a that rarely (the sign test).
        gain: the least difference asked for.
        rows: how many were compared.
    """

    metric: str
    value_a: float | None
    value_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    certainty: float
    gain: float
    rows: int


@dataclass(frozen=True, slots=True)
class JointCounts(Shown):
    """How many rows have each (label, class of a, class of b): all that a comparison of classes needs, and it adds up.

    Args:
        cells: eight counts; that of (label, a, b) stands at 4 * label + 2 * a + b.
    """

    cells: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.cells) != 8 or min(self.cells) < 0:
            raise BadConfig(f"{self.cells} are no joint counts", hint="give eight counts from 0, or use JointCounts.of")

    @classmethod
    def of(cls, labels: npt.ArrayLike, class_a: npt.ArrayLike, class_b: npt.ArrayLike) -> JointCounts:
        """Count rows, a block at a time; a row where any of the three is missing or not finite does not count.

        Raises:
            BadConfig: the lengths differ, or something is neither 0 nor 1.

        >>> JointCounts.of([0, 1, 1], [0, 1, 0], [1, 1, 1]).cells
        (0, 1, 0, 0, 0, 1, 0, 1)
        """
        columns = [_column(name, c) for name, c in (("labels", labels), ("class_a", class_a), ("class_b", class_b))]
        if len({len(column) for column in columns}) != 1:
            raise BadConfig(
                f"labels, class_a and class_b have {', '.join(str(len(c)) for c in columns)} rows",
                hint="compare two models on the same rows",
            )
        cells = np.zeros(8, dtype=np.int64)
        for start in range(0, len(columns[0]), _BLOCK):
            code, known = np.zeros(1), np.ones(1, dtype=np.bool_)
            for column in columns:
                block = column[start : start + _BLOCK].astype(np.float64)
                finite = np.isfinite(block)
                if not ((block == 0.0) | (block == 1.0) | ~finite).all():
                    raise BadConfig("a label or class is neither 0 nor 1", hint="give 1 for churned and 0 for stayed")
                code, known = 2.0 * code + np.where(finite, block, 0.0), known & finite
            cells += np.bincount(code[known].astype(np.int64), minlength=8)
        return cls(tuple(cells.tolist()))

    def __add__(self, other: JointCounts) -> JointCounts:
        """The counts of both sets of rows."""
        return JointCounts(tuple(a + b for a, b in zip(self.cells, other.cells, strict=True)))

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return sum(self.cells)

    def mcnemar(self) -> McNemar:
        """Whether a and b are right equally often."""
        only_a, only_b = self.cells[1] + self.cells[6], self.cells[2] + self.cells[5]
        return McNemar(only_a, only_b, _even_split(only_a, only_b), self.rows)

    def compare(
        self,
        *,
        metric: str = _DEFAULT_METRIC,
        gain: float = 0.0,
        level: float = 0.9,
        resamples: int = 10_000,
        seed: int = 0,
    ) -> ClassComparison:
        """Whether a is better than b by a metric; the arguments are those of ``compare_classes``."""
        if metric not in _RATIOS:
            raise BadConfig(f"{metric!r} is no metric of classes", hint=f"one of {', '.join(CLASS_METRICS)}")
        if not (0.0 <= gain < 1.0 and 0.0 < level < 1.0 and resamples >= 1):
            raise BadConfig(
                f"gain={gain}, level={level}, resamples={resamples} cannot be meant",
                hint="give a gain from 0 to below 1, a level between 0 and 1, and at least 1 resample",
            )
        now_a, now_b = (float(v[0]) for v in _values(np.array([self.cells]), metric))
        known_a, known_b = (None if math.isnan(v) else v for v in (now_a, now_b))
        if known_a is None or known_b is None:
            return ClassComparison(metric, known_a, known_b, None, None, None, 0.0, gain, self.rows)
        shares = np.array(self.cells) / self.rows
        drawn = np.random.default_rng(seed).multinomial(self.rows, shares, size=resamples)
        a, b = _values(drawn, metric)
        defined = (a - b)[np.isfinite(a) & np.isfinite(b)]
        ahead = np.where(np.isnan(a) & np.isnan(b), 0.0, a - b)
        # a NaN is on neither side of the gain
        won = np.count_nonzero(ahead > gain + _ROUNDING) + 0.5 * np.count_nonzero(np.abs(ahead - gain) <= _ROUNDING)
        apart = self.cells[5] + self.cells[6] + (0 if metric == "RECALL" else self.cells[1] + self.cells[2])
        certainty = float(min(won / resamples, max(0.5, 1.0 - 0.5**apart)))
        ends = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]) if len(defined) else [now_a - now_b] * 2
        return ClassComparison(
            metric, known_a, known_b, now_a - now_b, float(ends[0]), float(ends[1]), certainty, gain, self.rows
        )


def mcnemar(labels: npt.ArrayLike, class_a: npt.ArrayLike, class_b: npt.ArrayLike) -> McNemar:
    """Whether two models are right equally often on the same rows (McNemar 1947).

    Args:
        labels: 1 churned, 0 stayed.
        class_a, class_b: what each said of the same rows, 1 or 0.

    >>> mcnemar([1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 1]).p_value
    0.25
    """
    return JointCounts.of(labels, class_a, class_b).mcnemar()


def compare_classes(
    labels: npt.ArrayLike,
    class_a: npt.ArrayLike,
    class_b: npt.ArrayLike,
    *,
    metric: str = _DEFAULT_METRIC,
    gain: float = 0.0,
    level: float = 0.9,
    resamples: int = 10_000,
    seed: int = 0,
) -> ClassComparison:
    """Whether the classes of a are better than those of b by at least ``gain``, and how certain that is.

    The rows are counted once; every resample draws the eight joint counts anew, whatever the number of rows.

    Args:
        labels: 1 churned, 0 stayed.
        class_a, class_b: what each said of the same rows, 1 or 0.
        metric: F1_SCORE, PRECISION, RECALL or CLASSIFICATION_ACCURACY.
        gain: the least difference worth having, 0 to below 1, in the units of the metric.
        level: of the interval of the difference.
        resamples: how many draws.
        seed: of the draws.

    Raises:
        BadConfig: unknown metric, lengths that differ, a label or class that is neither 0 nor 1, a setting out of range.

    >>> compare_classes([0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1]).certainty
    0.5
    """
    joint = JointCounts.of(labels, class_a, class_b)
    return joint.compare(metric=metric, gain=gain, level=level, resamples=resamples, seed=seed)


def _column(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Values as a flat array, copied only where they are Python objects."""
    column = np.asarray(values)
    if column.dtype.kind not in "biuf":
        try:
            column = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadConfig(f"{name} are not numbers: {error}", hint="give 1 for churned and 0 for stayed") from error
    return column.ravel()


def _values(cells: npt.NDArray[np.int64], metric: str) -> tuple[Floats, Floats]:
    """The metric of a and of b for each row of joint counts; NaN where there is nothing to divide by."""
    c = cells.T
    rates = []
    # (label, a, b) at 4 * label + 2 * a + b
    for tp, fp, fn, tn in (((6, 7), (2, 3), (4, 5), (0, 1)), ((5, 7), (1, 3), (4, 6), (0, 2))):
        part, whole = _RATIOS[metric](*(c[one] + c[other] for one, other in (tp, fp, fn, tn)))
        rates.append(np.divide(part, whole, out=np.full(len(cells), np.nan), where=whole > 0))
    return rates[0], rates[1]


def _even_split(one: int, other: int) -> float:
    """The two-sided p-value of a split among rows that fall to either side with probability one half."""
    total = one + other
    if total > _EXACT_UP_TO:
        corrected = max(abs(one - other) - 1, 0)
        return math.erfc(corrected / math.sqrt(2.0 * total))
    ways, term = 0, 1
    for k in range(min(one, other) + 1):
        ways += term
        term = term * (total - k) // (k + 1)
    # whole numbers until the last division: nothing is rounded away
    both_sides: float = 2 * ways / 2**total
    return min(1.0, both_sides)
