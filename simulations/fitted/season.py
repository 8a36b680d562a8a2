"""What months share: the season of the calendar and a level that wanders, told apart from noise by how likely they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# standard deviation of a month's log that is neither season nor level
IRREGULARITY: Final = 0.1
_SEASONS: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
_WANDERINGS: Final = (0.0, 0.02, 0.04, 0.06, 0.1)


@dataclass(frozen=True, eq=False)
class Months:
    """Logs of month factors.

    Attributes:
        season: Of January to December; 0 on average over how often each was seen, 0 where never.
        level: Of each month in the order given.
    """

    season: Floats
    level: Floats


def months_apart(logs: Floats, calendar: npt.NDArray[np.int64]) -> Months:
    """Split logs of what months sold over what was expected into a season and a level.

    The model is Gaussian: each log is a level, a random walk, plus the calendar month's season, plus irregularity of
    standard deviation .1. How strong season and wandering are is the likeliest of a grid (restricted likelihood), and the
    answer is the best linear prediction; so a calendar month seen once is shrunk more than one seen twice, and a history
    without repeated heights has no season at all.

    Args:
        logs: One per month, in order.
        calendar: Their months, 0 for January.
    """
    n = len(logs)
    position = np.arange(n)
    walk = np.minimum.outer(position, position).astype(np.float64)
    same = (calendar[:, None] == calendar[None, :]).astype(np.float64)
    best: tuple[float, float, float, float, Floats] | None = None
    for season in _SEASONS:
        for wandering in _WANDERINGS:
            spread = IRREGULARITY**2 * np.eye(n) + wandering**2 * walk + season**2 * same
            precision = np.linalg.inv(spread)
            weight = precision.sum()
            centre = float(precision.sum(axis=0) @ logs / weight)
            pull = precision @ (logs - centre)
            likelihood = -0.5 * float(np.linalg.slogdet(spread)[1] + np.log(weight) + (logs - centre) @ pull)
            # of equals the simpler: a grid's first
            if best is None or likelihood > best[0] + 1e-9:
                best = likelihood, season, wandering, centre, pull
    assert best is not None
    _, season, wandering, centre, pull = best
    factors = season**2 * np.bincount(calendar, weights=pull, minlength=12)
    return Months(factors, centre + wandering**2 * walk @ pull)
