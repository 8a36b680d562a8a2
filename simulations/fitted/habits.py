"""The MBG/NBD model of who buys how often and who has left: likelihood, fit and expectations.

A customer who has not left buys at a rate of their own, and leaves after each purchase, the first included, with a
probability of their own. Rates are gamma distributed over customers, leaving probabilities beta, independently: the modified
BG/NBD model of Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3), 201-209, and of Hoppe and Wagner (2007), "Customer base
analysis: the case for a central variant of the Betageometric/NBD model", Marketing ZFP 29(2), 75-90; they change the BG/NBD of
Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284, where nobody leaves
after the first purchase.

Time is neutral days: a day of a month in which everybody buys twice as much counts double. Purchases of a customer are a
Poisson process in calendar time with a rate that the months scale, so that in neutral days the model holds as published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, gammainc, gammaincc, gammainccinv, gammaincinv, gammaln

Floats = npt.NDArray[np.float64]

_NODES: Final = 400
# logs of r, alpha, a, b: far beyond what customers do, near enough that nothing overflows
_BOUNDS: Final = ((-6.0, 6.0), (-3.0, 14.0), (-7.0, 7.0), (-7.0, 9.0))
_STARTS: Final = ((-0.5, 4.0, 0.0, 0.7), (0.3, 5.0, -1.5, 2.0))


@dataclass(frozen=True, slots=True)
class Habits:
    """How a group of customers buys and leaves.

    Attributes:
        r, alpha: Shape and rate of the gamma distribution of purchases (visits) in a neutral day; r / alpha is the mean.
        a, b: Of the beta distribution of the probability to leave after a purchase; a / (a + b) is the mean.
    """

    r: float
    alpha: float
    a: float
    b: float

    @property
    def monthly_visits(self) -> float:
        """The purchases of a mean customer who has not left, in 30 neutral days."""
        return 30.0 * self.r / self.alpha

    @property
    def leaving(self) -> float:
        """The mean probability to leave after a purchase."""
        return self.a / (self.a + self.b)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        """Daily rates and leaving probabilities of new customers."""
        return rng.gamma(self.r, 1 / self.alpha, n), np.clip(rng.beta(self.a, self.b, n), 1e-9, 1.0)

    def turned(self, rate: Floats) -> Floats:
        """The rates with ranks reversed: who bought most often buys most rarely; their distribution is the same."""
        below, above = gammainc(self.r, self.alpha * rate), gammaincc(self.r, self.alpha * rate)
        # either tail by its own function: 1 - x would lose it
        other: Floats = np.where(below < 0.5, gammainccinv(self.r, below), gammaincinv(self.r, above)) / self.alpha
        return other

    def expected_visits(self, days: Floats) -> Floats:
        """The purchases after the first that a new customer is expected to make in so many neutral days.

        (1-p)/p (1 - exp(-rate p t)) of one customer: the gamma is integrated exactly, the beta at equally likely nodes.
        """
        nodes = np.clip(betaincinv(self.a, self.b, (np.arange(_NODES) + 0.5) / _NODES), 1e-12, 1.0)
        t = np.asarray(days, dtype=np.float64)[..., None]
        bought = -np.expm1(-self.r * np.log1p(nodes * t / self.alpha))
        result: Floats = ((1 - nodes) / nodes * bought).mean(axis=-1)
        return result


@dataclass(frozen=True, eq=False)
class Histories:
    """What customers did, as the model needs it; arrays of equal length.

    Attributes:
        repeats: Purchases after the first.
        last: Neutral days from the first purchase to the last.
        seen: Neutral days from the first purchase to the end of the data.
        count: How many customers did just that.
    """

    repeats: Floats
    last: Floats
    seen: Floats
    count: Floats


def log_likelihood(habits: Habits, data: Histories) -> float:
    """The log likelihood of histories, by the closed form of the MBG/NBD model (see the module).

    Of a customer with rate l and leaving probability p it is (1-p)^x l^x e^(-l t_x) (p + (1-p) e^(-l (T - t_x))).
    """
    bought, left, stayed = _parts(habits, data)
    return float(np.sum(data.count * (bought + np.logaddexp(left, stayed))))


def likelihood_slopes(habits: Habits, data: Histories) -> Floats:
    """The derivatives of the log likelihood by r, alpha, a and b."""
    r, alpha, a, b = habits.r, habits.alpha, habits.a, habits.b
    x = data.repeats
    _, left, stayed = _parts(habits, data)
    # of each customer the probability to have left, given the history
    gone = np.exp(left - np.logaddexp(left, stayed))
    last, seen = alpha + data.last, alpha + data.seen
    both = digamma(a + b) - digamma(a + b + x + 1)
    slopes = (
        digamma(r + x) - digamma(r) + np.log(alpha) - gone * np.log(last) - (1 - gone) * np.log(seen),
        r / alpha - (r + x) * (gone / last + (1 - gone) / seen),
        both + gone / a,
        both - digamma(b) + digamma(b + x) + (1 - gone) / (b + x),
    )
    return np.array([float(np.sum(data.count * slope)) for slope in slopes])


def _parts(habits: Habits, data: Histories) -> tuple[Floats, Floats, Floats]:
    """What having bought adds to the log likelihood, and what having left since, or stayed, adds."""
    r, alpha, a, b = habits.r, habits.alpha, habits.a, habits.b
    x = data.repeats
    bought = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    left = betaln(a + 1, b + x) - (r + x) * np.log(alpha + data.last)
    stayed = betaln(a, b + x + 1) - (r + x) * np.log(alpha + data.seen)
    return bought, left, stayed


def fit_habits(data: Histories, *, near: Habits | None = None) -> Habits:
    """The habits that make histories likeliest; within bounds, from several starts or from near ones."""
    customers = float(data.count.sum())

    def loss(logs: Floats) -> tuple[float, Floats]:
        values = np.exp(logs)
        habits = Habits(*values)
        return -log_likelihood(habits, data) / customers, -likelihood_slopes(habits, data) * values / customers

    starts = _STARTS if near is None else (tuple(np.log([near.r, near.alpha, near.a, near.b])),)
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=_BOUNDS) for start in starts]
    best = min(found, key=lambda result: float(result.fun))
    return Habits(*(float(f"{value:.6g}") for value in np.exp(best.x)))


def churn_probability(leaving: Floats, quiet: Floats, ahead: Floats) -> Floats:
    """The probability of no purchase, given a customer's own rate and leaving probability and the time since the last one.

    Args:
        leaving: The probability p to have left after the last purchase.
        quiet: The purchases expected since the last one of somebody who stayed, rate times neutral days.
        ahead: The same of the time to come.

    Returns:
        (p + (1-p) e^-(quiet + ahead)) / (p + (1-p) e^-quiet), Bayes' rule over having left or not.
    """
    result: Floats = (leaving + (1 - leaving) * np.exp(-(quiet + ahead))) / (leaving + (1 - leaving) * np.exp(-quiet))
    return result
