"""What months share: the season of the calendar and a level that wanders, told apart from noise by how likely they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# standard deviation of a month's log that is neither season nor level
IRREGULARITY: Final = 0.1
_SEASONS: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
# a level that may wander further takes the season for its own
_WANDERINGS: Final = (0.0, 0.02, 0.04)


@dataclass(frozen=True, eq=False)
class Months:
    """Logs of month factors.

    Attributes:
        season: Of January to December; 0 on average over how often each was seen, 0 where never.
        level: Of each month in the order given.
    """

    season: Floats
    level: Floats


def months_apart(logs: Floats, calendar: Ints, counts: Floats) -> Months:
    """Split logs of what months sold over what was expected into a season and a level.

    The model is Gaussian: each log is a level, a random walk, plus the calendar month's season, plus irregularity of
    standard deviation .1, plus what chance does to a count. How strong season and wandering are is the likeliest of a
    grid (restricted likelihood), and the answer is the best linear prediction; so a calendar month seen once is shrunk
    more than one seen twice, and a history without repeated heights has no season at all.

    Args:
        logs: One per month, in order.
        calendar: Their months, 0 for January.
        counts: How many independent things each log counts: the log of a small count says little.
    """
    noise = IRREGULARITY**2 + 1 / counts
    best: tuple[float, float, float] | None = None
    for season in _SEASONS:
        for wandering in _WANDERINGS:
            likelihood = restricted_likelihood(logs, calendar, noise, season, wandering)
            # of equals the simpler: a grid's first
            if best is None or likelihood > best[0] + 1e-9:
                best = likelihood, season, wandering
    assert best is not None
    return predicted(logs, calendar, noise, best[1], best[2])


def restricted_likelihood(logs: Floats, calendar: Ints, noise: Floats, season: float, wandering: float) -> float:
    """The log likelihood of the logs' contrasts, up to a constant, by the variances of single months and the standard
    deviations of season and wandering.
    """
    spread = _spread(calendar, noise, season, wandering)
    precision = np.linalg.inv(spread)
    weight = precision.sum()
    apart = logs - precision.sum(axis=0) @ logs / weight
    return -0.5 * float(np.linalg.slogdet(spread)[1] + np.log(weight) + apart @ precision @ apart)


def predicted(logs: Floats, calendar: Ints, noise: Floats, season: float, wandering: float) -> Months:
    """The best linear prediction of season and level, given variances of single months and their standard deviations."""
    precision = np.linalg.inv(_spread(calendar, noise, season, wandering))
    centre = float(precision.sum(axis=0) @ logs / precision.sum())
    pull = precision @ (logs - centre)
    factors = np.asarray(season**2 * np.bincount(calendar, weights=pull, minlength=12), dtype=np.float64)
    return Months(factors, centre + wandering**2 * _walk(len(logs)) @ pull)


def _spread(calendar: Ints, noise: Floats, season: float, wandering: float) -> Floats:
    """The covariance of the logs of months."""
    same = (calendar[:, None] == calendar[None, :]).astype(np.float64)
    spread: Floats = np.diag(noise) + wandering**2 * _walk(len(calendar)) + season**2 * same
    return spread


def _walk(n: int) -> Floats:
    position = np.arange(n)
    return np.minimum.outer(position, position).astype(np.float64)
