"""Whom to call for the money, and what calling by a score turned out to be worth: arithmetic in NumPy, no engine.

A call to a customer who is about to leave keeps them with probability ``success`` and is then worth ``value``; every call
costs ``cost``. Expected value: probability * success * value - cost; realised: the same with the label for the
probability. Customers with the same score stand in no order: what k calls find among them is its expectation over all
orders, so no answer depends on the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown
from churnobs.errors import BadConfig

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DEFAULT_CALLS: Final = 10
# a budget of .3 pays for three calls at .1, although .3 / .1 is 2.9999999999999996
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Offer(Shown):
    """What calling customers costs, may bring, and how much of it there can be.

    Args:
        n: how many are called at most; None for as many as the budget pays for, or 10 without a budget.
        budget: what all calls may cost together; None for no limit.
        value: what keeping a customer is worth: a number, the name of a numeric feature column, or customer id -> number;
            None to rank by probability alone. A customer without a value is not called.
        cost: of one call; None for nothing.
        success: the probability that a call keeps a customer who would have left.

    Raises:
        BadConfig: a setting is out of range, or decides nothing without another.
    """

    n: int | None = None
    budget: float | None = None
    value: float | str | Mapping[Any, float] | None = None
    cost: float | None = None
    success: float = 1.0

    def __post_init__(self) -> None:
        if self.n is not None and self.n < 1:
            raise BadConfig(f"at_risk of {self.n} customers", hint="give a number above 0")
        for name in ("budget", "cost", "success"):
            given = getattr(self, name)
            if given is not None and not (math.isfinite(_number(name, given)) and given >= 0.0):
                raise BadConfig(f"{name} is {given}", hint="give a number from 0, in the money of value")
        if self.success > 1.0:
            raise BadConfig(f"success is {self.success}", hint="give a probability, 0 to 1")
        if self.budget is not None and self.cost is None:
            raise BadConfig("a budget without a cost pays for any number of calls", hint="give cost=, the price of one")
        if self.value is None and (self.success != 1.0 or (self.cost is not None and self.budget is None)):
            raise BadConfig(
                "cost and success decide nothing without a value", hint="give value= (or budget= with cost=)"
            )
        if isinstance(self.value, Mapping):
            values = {str(key): _number("value", given) for key, given in self.value.items()}
            if not values or not all(map(math.isfinite, values.values())):
                raise BadConfig("value is a mapping with no number, or with one that is not finite",
                                hint="give customer id -> money; leave out who has no value")  # fmt: skip
            object.__setattr__(self, "value", values)
        elif self.value is not None and not isinstance(self.value, str):
            given = _number("value", self.value)
            if not (math.isfinite(given) and given >= 0.0):
                raise BadConfig(f"value is {given}", hint="give what keeping a customer is worth, a number from 0")
            object.__setattr__(self, "value", given)

    @property
    def priced(self) -> bool:
        """Whether customers are ranked by money."""
        return self.value is not None

    @property
    def price(self) -> float:
        """What one call costs."""
        return 0.0 if self.cost is None else float(self.cost)

    @property
    def capacity(self) -> int | None:
        """How many calls ``n`` and the budget allow; None for any number."""
        if self.budget is None:
            return DEFAULT_CALLS if self.n is None else self.n
        if self.price == 0.0:
            return self.n
        # no list of customers is longer than this
        paid = math.floor(min(self.budget / self.price + _ROUNDING, 2.0**62))
        return paid if self.n is None else min(self.n, paid)

    def scores(self, probability: npt.ArrayLike, value: npt.ArrayLike | None) -> Floats:
        """What customers are ranked by: the expected value of calling them, or the probability where nothing has a price.

        Args:
            probability: to leave.
            value: of the same customers; None when the offer has none. NaN for those without.
        """
        chance = np.asarray(probability, dtype=np.float64)
        if value is None:
            return chance
        expected: Floats = chance * self.success * np.asarray(value, dtype=np.float64) - self.price
        return expected

    def best(self, scores: Floats) -> Counts:
        """The places of those who are called, highest score first, equal ones in the order given.

        Nobody is called who has no score, or from whom no gain is expected.
        """
        worth = np.flatnonzero(scores > 0.0 if self.priced else np.isfinite(scores))
        ordered: Counts = worth[np.argsort(-scores[worth], kind="stable")]
        return ordered[: self.capacity]


@dataclass(frozen=True, slots=True)
class Called(Shown):
    """What calling the highest scores found.

    Args:
        called: how many were called.
        precision: the share of them who left; None when nobody was called.
        recall: the share of those who left who were called; None when nobody left.
        lift: precision over the share of all who left; None when either is not defined.
        net_value: success * value of each called who left, less the cost of all calls; None without a value.
    """

    called: int
    precision: float | None
    recall: float | None
    lift: float | None
    net_value: float | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scored customers with final labels, summed up from the highest score down: a zero, then one entry a different score.

    Args:
        rows: customers with a label; those without a score are never called, and count here and among ``churned``.
        churned: how many of them left.
        worth: how many have a score from which a gain is expected; all with a score when nothing has a price.
        reached: customers up to and including each score.
        hits: those of them who left.
        saved: success * value of those who left, in money; zeros when nothing has a price.
        offer: what a call costs.
    """

    rows: int
    churned: int
    worth: int
    reached: Counts
    hits: Counts
    saved: Floats
    offer: Offer

    @classmethod
    def of(
        cls, offer: Offer, probability: npt.ArrayLike, labels: npt.ArrayLike, value: npt.ArrayLike | None = None
    ) -> Ranking:
        """Rank customers by what the offer ranks by.

        Args:
            offer: what a call costs and may bring.
            probability: to leave, as predicted.
            labels: 1 left, 0 stayed, of the same customers.
            value: what keeping them is worth; None when the offer has no value.
        """
        score, left = offer.scores(probability, value), np.asarray(labels, dtype=np.int64)
        money = np.zeros(len(left)) if value is None else np.asarray(value, dtype=np.float64) * offer.success * left
        known = np.isfinite(score)
        # by content, so that sums of doubles do not depend on the order of rows either
        order = np.lexsort((money[known], left[known], -score[known]))
        score, hit, money = score[known][order], left[known][order], money[known][order]
        last = np.append(score[1:] != score[:-1], True)[: len(score)]
        ends = np.append(0, np.flatnonzero(last) + 1)
        worth = int(np.count_nonzero(score > 0.0)) if offer.priced else len(score)
        hits, saved = (np.append(0, column.cumsum())[ends] for column in (hit, money))
        return cls(len(left), int(left.sum()), worth, ends, hits, saved, offer)

    def at(self, calls: int) -> Called:
        """What so many calls found, at most as many as there are scores; among equal scores by expectation."""
        return self._at([calls])[0]

    def curve(self, points: int = 100) -> list[Called]:
        """What calling 1/points, 2/points, ... of all with a score found, until everybody is called.

        Raises:
            BadConfig: points is below 1.
        """
        if points < 1:
            raise BadConfig(f"a curve of {points} points", hint="give a number above 0")
        ranked = int(self.reached[-1])
        steps = {-(-ranked * step // points) for step in range(1, points + 1)} - {0}
        return self._at(sorted(steps))

    def _at(self, calls: Sequence[int]) -> list[Called]:
        made = np.minimum(np.asarray(calls, dtype=np.float64), self.reached[-1])
        # within equal scores the expectation grows by the same amount with each call
        found = zip(
            made, np.interp(made, self.reached, self.hits), np.interp(made, self.reached, self.saved), strict=True
        )
        return [self._called(int(number), float(hits), float(saved)) for number, hits, saved in found]

    def _called(self, calls: int, hits: float, saved: float) -> Called:
        precision = hits / calls if calls else None
        recall = hits / self.churned if self.churned else None
        lift = precision * self.rows / self.churned if precision is not None and self.churned else None
        return Called(calls, precision, recall, lift, saved - calls * self.offer.price if self.offer.priced else None)


def _number(name: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise BadConfig(f"{name} is {given!r}", hint="give a number") from error
