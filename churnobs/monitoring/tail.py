"""The upper tail of a drawn null distribution, in a few numbers: p-values and critical values without the draws."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown

Floats = npt.NDArray[np.float64]

# so much of the draws is left to the fitted tail, and so many points tell of the rest
TAIL: Final = 0.05
POINTS: Final = 48
# values are stored with seven digits, and sums in another order differ in their last ones: nearer than this is equal
_EQUAL: Final = 1e-6
# the p-value of the impossible: no fitted tail is to be believed further out
SMALLEST: Final = 1e-15


@dataclass(frozen=True, slots=True)
class Tail(Shown):
    """How often chance alone brings a metric to a value or above.

    Up to the last of ``values`` as it was drawn, above it by a generalised Pareto distribution fitted to the upper
    twentieth by probability-weighted moments (Hosking & Wallis 1987). The fit errs to the safe side: the shape is raised
    by its standard error and never below 0 (no end of the tail, and none thinner than exponential), the scale by its own,
    and the distribution starts at the least exceedance while its scale was measured from the value below it.

    Args:
        values: drawn values, ascending.
        chances: P(metric >= value) of each, counted as (1 + draws at or above) / (1 + draws).
        scale, shape: of the fitted tail; scale 0 when no draw lay above the last value.
        level: what chance alone brings on average: the mean square of a distance, the mean of the stability index.
        beyond: the p-value of all above the last value when no draw lay there: one in the number of draws and one.
    """

    values: tuple[float, ...]
    chances: tuple[float, ...]
    scale: float
    shape: float
    level: float
    beyond: float

    @classmethod
    def fit(cls, draws: Floats, level: float) -> Tail:
        """Sum up draws of a metric under the null."""
        ordered = np.sort(draws)
        count = len(ordered)
        below = ordered[math.ceil(count * (1.0 - TAIL)) - 1]
        over = ordered[np.searchsorted(ordered, below * (1.0 + _EQUAL), side="right") :]
        ranks = np.floor(count * (1.0 - np.geomspace(1.0, TAIL, POINTS))).astype(np.int64)
        kept = np.append(ordered[np.minimum(ranks, count - 1)], over[:1] if len(over) else ordered[-1:])
        values = np.unique([_rounded(value) for value in kept.tolist()])
        chances = (1.0 + count - np.searchsorted(ordered, values * (1.0 - _EQUAL), side="left")) / (1.0 + count)
        scale, shape = _pareto(over - below) if len(over) else (0.0, 0.0)
        seen = tuple(values.tolist()), tuple(_rounded(chance) for chance in chances.tolist())
        return cls(*seen, _rounded(scale), _rounded(shape), _rounded(level), 1.0 / (1.0 + count))

    def p_value(self, value: float) -> float:
        """The chance of a value as large as this."""
        at = value * (1.0 - _EQUAL)
        place = bisect_left(self.values, at)
        if place == 0:
            return self.chances[0]
        if place < len(self.values):
            low, high = self.values[place - 1], self.values[place]
            part = (at - low) / (high - low)
            return self.chances[place - 1] + part * (self.chances[place] - self.chances[place - 1])
        if self.scale <= 0.0:
            return self.beyond
        far = (at - self.values[-1]) / self.scale
        left = math.exp(-far) if self.shape <= 0.0 else math.exp(-math.log1p(self.shape * far) / self.shape)
        return max(self.chances[-1] * left, SMALLEST)

    def quantile(self, p: float) -> float:
        """The value that chance alone reaches or passes with probability p: the critical value at that level."""
        if p >= self.chances[-1] or self.scale <= 0.0:
            return float(np.interp(-p, [-c for c in self.chances], self.values))
        far = math.log(self.chances[-1] / max(p, SMALLEST))
        return self.values[-1] + self.scale * (far if self.shape <= 0.0 else math.expm1(self.shape * far) / self.shape)


def _pareto(over: Floats) -> tuple[float, float]:
    """Scale and shape of the exceedances, ascending, made larger by their standard errors."""
    count = len(over)
    mean, error = float(over.mean()), 1.0 / math.sqrt(count)
    shape, scale = 0.0, mean
    if count >= 20:
        weighted = float(np.mean(over * (1.0 - (np.arange(1, count + 1) - 0.35) / count)))
        shape = 2.0 - mean / (mean - 2.0 * weighted) if mean > 2.0 * weighted else 0.0
        if shape > 0.0:
            scale = 2.0 * mean * weighted / (mean - 2.0 * weighted)
    # the standard error of the shape near 0 (Hosking & Wallis 1987, section 3) is sqrt(4/3 / count)
    return scale * (1.0 + error), max(shape + math.sqrt(4.0 / 3.0) * error, 0.0)


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")
