"""Learning a world: habits by maximum likelihood, what months share by what habits leave unexplained, the rest by sums."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs import BadConfig, Month, Workspace
from simulations.fitted.habits import Floats, Habits, Histories, fit_habits
from simulations.fitted.reading import RECENT_MONTHS, Observed, last_month, observe, observed_baskets
from simulations.fitted.season import months_apart
from simulations.fitted.shop import Baskets, FittedWorld, PastMonth, Shop

# who came in these months may well have been a customer before the data begin
FOUNDING_MONTHS: Final = 3
# fewer customers on either side, and all share their habits
LEAST_GROUP: Final = 300
ARRIVAL_MONTHS: Final = 3
_ROUNDS: Final = 4
_PARTS_OF_A_MONTH: Final = 4


def fit_world(workspace: Workspace, *, until: Month | str | None = None, name: str = "fitted") -> FittedWorld:
    """See ``World.fit``."""
    last = last_month(workspace, until)
    observed = observe(workspace, last)
    baskets = _baskets(observed, observed_baskets(workspace, observed, last))
    fitted = _fit(observed)
    recent = slice(max(observed.months - ARRIVAL_MONTHS, 0), None)
    neutral = observed.arrivals[recent] / np.exp(fitted.season[observed.calendar[recent]])
    shop = Shop(
        since=str(observed.first),
        past=tuple(
            PastMonth(int(came), _round(math.exp(level)))
            for came, level in zip(observed.arrivals, fitted.level, strict=True)
        ),
        founding_months=FOUNDING_MONTHS if fitted.founders is not None else 0,
        founders=fitted.founders or fitted.newcomers,
        newcomers=fitted.newcomers,
        season=tuple(_round(float(factor)) for factor in np.exp(fitted.season)),
        level=_round(math.exp(fitted.level[-1])),
        arrivals=_round(float(neutral.mean())),
        active=max(observed.active, 1),
        baskets=baskets,
    )
    summary = f"learnt from {observed.months} months of sales, {observed.first} to {last}"
    return FittedWorld(name=name, summary=summary, shop=shop)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Habits, and logs of the month factors; ``founders`` is None where all share their habits."""

    founders: Habits | None
    newcomers: Habits
    season: Floats
    level: Floats


def _fit(observed: Observed) -> _Fit:
    """Habits given month factors, factors given habits, in turn: what habits explain by leaving is not the months'."""
    n = observed.months
    early = observed.came < observed.starts[min(FOUNDING_MONTHS, n)]
    sizes = [int(observed.count[own].sum()) for own in (early, ~early)]
    split = min(sizes) >= LEAST_GROUP
    groups = [early, ~early] if split else [np.ones(len(early), dtype=np.bool_)]
    season, level = np.zeros(12), np.zeros(n)
    habits: list[Habits] = []
    for turn in range(_ROUNDS):
        clock = NeutralClock(observed.starts, np.exp(level + season[observed.calendar]))
        habits = [
            fit_habits(_histories(observed, own, clock), near=habits[i] if habits else None)
            for i, own in enumerate(groups)
        ]
        if turn < _ROUNDS - 1:
            expected = expected_repeats(
                observed.arrivals, clock, habits[0], habits[-1], FOUNDING_MONTHS if split else 0
            )
            bought = observed.visits - observed.arrivals
            # half a visit more on either side: a month without any repeat has a log too
            logs = np.log((bought + 0.5) / (expected + 0.5)) + level + season[observed.calendar]
            # the first month has hardly any repeats, and goes by the second's level
            # customers are independent, visits of one are not
            counts = (expected + 0.5) * observed.visits / observed.squares
            apart = months_apart(logs[1:], observed.calendar[1:], counts[1:])
            season, level = apart.season, np.concatenate((apart.level[:1], apart.level))
    return _Fit(habits[0] if split else None, habits[-1], season, level)


@dataclass(frozen=True, eq=False)
class NeutralClock:
    """Calendar days as neutral days: of a month with factor 2 a day counts double.

    Attributes:
        starts: First day of each month, and of the one after the last.
        factors: Of each month.
    """

    starts: npt.NDArray[np.int64]
    factors: Floats

    def at(self, days: npt.NDArray[Any]) -> Floats:
        """Neutral days from the first day of all to these days."""
        before = np.concatenate(([0.0], np.cumsum(self.factors * np.diff(self.starts))))
        result: Floats = np.interp(days, self.starts, before)
        return result


def _histories(observed: Observed, own: npt.NDArray[np.bool_], clock: NeutralClock) -> Histories:
    came = clock.at(observed.came[own])
    return Histories(
        repeats=observed.repeats[own].astype(np.float64),
        last=clock.at(observed.last[own]) - came,
        seen=clock.at(observed.starts[-1:])[0] - came,
        count=observed.count[own].astype(np.float64),
    )


def expected_repeats(
    arrivals: npt.NDArray[np.int64], clock: NeutralClock, founders: Habits, newcomers: Habits, founding: int
) -> Floats:
    """The visits after the first that customers who came evenly through each month are expected to make in each month."""
    n = len(arrivals)
    width = np.diff(clock.starts)
    ends = clock.at(clock.starts)
    expected = np.zeros(n)
    for month in range(n):
        parts = clock.starts[month] + (np.arange(_PARTS_OF_A_MONTH) + 0.5) / _PARTS_OF_A_MONTH * width[month]
        since = np.maximum(ends[None, month:] - clock.at(parts)[:, None], 0.0)
        habits = founders if month < founding else newcomers
        expected[month:] += arrivals[month] * np.diff(habits.expected_visits(since).mean(axis=0))
    return expected


def _baskets(observed: Observed, sums: Mapping[str, Any]) -> Baskets:
    """What orders are; the spread of amounts by the analysis of variance of one random factor, the customer.

    Raises:
        BadConfig: no amount is above 0.
    """
    orders, spread = int(sums["ORDERS"]), sums["spread"]
    recent = slice(-RECENT_MONTHS, None)
    # one invoice of a wholesaler moves the mean of its month, not the middle of six
    amount = float(np.median(observed.spend[recent] / observed.orders[recent]))
    if not spread["ORDERS"] or amount <= 0:
        raise BadConfig("no recent amount is above 0", hint="map the column of amounts to TOTAL_AMOUNT")
    between, within = _spreads(spread)
    told = int(sums["TOLD"])
    items = variance = None
    if told:
        items = max(float(sums["ITEMS"]) / told, 1.0)
        variance = _round(max(float(sums["ITEMS_SQUARED"]) / told - items**2, 0.0))
    discounts = int(sums["DISCOUNTS_TOLD"])
    return Baskets(
        per_visit=_round(float(observed.orders.sum() / observed.visits.sum())),
        amount=_round(amount),
        amount_between=_round(math.sqrt(between)),
        amount_within=_round(math.sqrt(within)),
        items=None if items is None else _round(items),
        items_variance=variance,
        discounts=_round(int(sums["DISCOUNTS"]) / discounts) if discounts else None,
        payments=tuple((method, _round(count / orders)) for method, count in sums["methods"]),
    )


def _spreads(sums: Mapping[str, Any]) -> tuple[float, float]:
    """Variances of log amounts between customers and within, by their sums; see Searle, Casella and McCulloch (1992), 3.6."""
    customers, orders = float(sums["CUSTOMERS"]), float(sums["ORDERS"])
    all_logs, own, squares, weight = (float(sums[name]) for name in ("LOGS", "OWN", "SQUARES", "WEIGHT"))
    if customers < 2 or orders <= customers:
        return 0.0, max(squares / orders - (all_logs / orders) ** 2, 0.0)
    within = max((squares - own) / (orders - customers), 0.0)
    of_means = (own - all_logs**2 / orders) / (customers - 1)
    usual = (orders - weight / orders) / (customers - 1)
    return max((of_means - within) / usual, 0.0), within


def _round(value: float) -> float:
    """Six digits: as many as the data can tell, and the same on every machine."""
    return float(f"{value:.6g}")
