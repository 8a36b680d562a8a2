"""How true a fitted world is: lived over months that it has not seen, beside what happened and what one would have guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from churnobs import BadConfig, Month, Workspace
from simulations.fitted.life import churn_chances, live
from simulations.fitted.reading import data_end, index_of, month_of, purchases_before
from simulations.fitted.shop import FittedWorld
from simulations.months import first_day
from simulations.population import ACTIVE_DAYS, HORIZON_DAYS

MEASURES: Final = ("buyers", "active", "orders", "spend", "churn rate")
HEADER: Final = ("median error of", "the world", "last month again", "last year again")
_YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A number of a month that the world has not seen.

    Attributes:
        month: Which.
        measure: ``buyers`` (customers with a purchase in the month), ``active`` (bought in the 90 days before its end),
            ``orders``, ``spend``, or ``churn rate``: of the active those who buy nothing in the 30 days after its end.
        real: What the sales say; None where the 30 days are not over.
        simulated: The mean over seeds.
        last_month: The newest number that was known when the world was fitted.
        last_year: That of the same calendar month in the year before the world begins; None where that was not seen.
    """

    month: Month
    measure: str
    real: float | None
    simulated: float
    last_month: float | None
    last_year: float | None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A world beside the months that were held back from it."""

    numbers: tuple[HeldBack, ...]

    def error(self, measure: str, of: str = "simulated") -> float | None:
        """The median of |said / real - 1| over the months.

        Args:
            measure: One of ``MEASURES``.
            of: "simulated", or the baselines "last_month" and "last_year".

        Returns:
            None where there is no month to compare.
        """
        pairs = [(getattr(n, of), n.real) for n in self.numbers if n.measure == measure and n.real]
        errors = [abs(said / real - 1) for said, real in pairs if said is not None]
        return float(np.median(errors)) if errors else None

    def rows(self) -> list[tuple[str, ...]]:
        """The errors for people: measure, simulated, last month again, last year again."""
        kinds = ("simulated", "last_month", "last_year")
        return [(m, *(_percent(self.error(m, kind)) for kind in kinds)) for m in MEASURES]


def held_back_months(world: FittedWorld, workspace: Workspace) -> int:
    """How many whole months a workspace has from month 1 of a world on."""
    return max(index_of(Month.of(data_end(workspace))) - index_of(Month(*world.first_month)), 0)


def held_back(
    world: FittedWorld, workspace: Workspace, *, seeds: Sequence[int] = (1, 2, 3, 4, 5), months: int | None = None
) -> Fidelity:
    """Let a world live on, at its real size, and compare the whole months that the workspace has of that time.

    Args:
        world: Fitted on earlier months of the same workspace.
        workspace: Where the sales are.
        seeds: How often, and with which chances.
        months: At most so many; None for all.

    Raises:
        BadConfig: the workspace has no whole month after the world's history.
    """
    end = data_end(workspace)
    first = index_of(Month(*world.first_month))
    there = held_back_months(world, workspace)
    if there < 1:
        raise BadConfig("no whole month was held back", hint="fit until an earlier month: --until, or until=")
    n = there if months is None else min(there, months)
    known = [month_of(first - i) for i in range(1, min(len(world.shop.past), _YEAR) + 1)]
    coming = [month_of(first + i) for i in range(n)]
    real = {month: real_month(workspace, month, end) for month in (*known, *coming)}
    runs = np.mean([simulated_months(world, n, seed) for seed in seeds], axis=0)
    limit = coming[0].start
    numbers = []
    for i, month in enumerate(coming):
        for column, measure in enumerate(MEASURES):
            # a churn rate is known 30 days later
            told = [m for m in known if measure != "churn rate" or _final(m) <= limit]
            same = [m for m in told if m.number == month.number]
            newest, year = (real[m[0]][column] if m else None for m in (told, same))
            numbers.append(HeldBack(month, measure, real[month][column], float(runs[i, column]), newest, year))
    return Fidelity(tuple(numbers))


def real_month(workspace: Workspace, month: Month, end: dt.date) -> tuple[float | None, ...]:
    """What the sales say of a month, in the order of ``MEASURES``; the churn rate is None where 30 days are not over.

    Args:
        workspace: Where the sales are.
        month: Which.
        end: The first day that the sales do not cover.
    """
    as_of, until = month.end, _final(month)
    since = as_of - dt.timedelta(days=ACTIVE_DAYS)
    own = (
        f"SELECT CUSTOMER_KEY, SUM(CASE WHEN {_between(month.start, as_of)} THEN 1 ELSE 0 END) AS ORDERS, "
        f"SUM(CASE WHEN {_between(month.start, as_of)} THEN TOTAL_AMOUNT ELSE 0 END) AS SPEND, "
        f"MAX(CASE WHEN {_between(since, as_of)} THEN 1 ELSE 0 END) AS ACTIVE, "
        f"MAX(CASE WHEN {_between(as_of, until)} THEN 1 ELSE 0 END) AS STAYED "
        f"FROM SALES WHERE {purchases_before(until)} AND TRANSACTION_DATE >= CAST('{since}' AS DATE) GROUP BY CUSTOMER_KEY"
    )
    found = workspace.sql(
        "SELECT SUM(CASE WHEN ORDERS > 0 THEN 1 ELSE 0 END) AS BUYERS, SUM(ACTIVE) AS ACTIVE, SUM(ORDERS) AS ORDERS, "
        f"SUM(SPEND) AS SPEND, SUM(ACTIVE * STAYED) AS STAYED FROM ({own}) AS C"
    ).collect()[0]
    buyers, active, orders, spend, stayed = (float(value or 0) for value in found.values())
    return buyers, active, orders, spend, 1 - stayed / active if until <= end and active else None


def simulated_months(world: FittedWorld, months: int, seed: int) -> list[tuple[float, ...]]:
    """The same numbers of a world that lives at its real size, month by month; the churn rate is the true one."""
    told: list[tuple[float, ...]] = []
    for month, people, rows in live(world, customers=world.shop.active, months=months, seed=seed):
        if month < 1:
            continue
        active = people.active(first_day(month + 1, world.first_month).toordinal())
        churn = churn_chances(world, people, month)[active].mean() if active.any() else 1.0
        spend = float(rows.cents.sum()) / 100
        told.append((len(np.unique(rows.buyer)), int(active.sum()), len(rows.buyer), spend, float(churn)))
    return told


def _final(month: Month) -> dt.date:
    return month.end + dt.timedelta(days=HORIZON_DAYS)


def _between(start: dt.date, end: dt.date) -> str:
    return f"TRANSACTION_DATE >= CAST('{start}' AS DATE) AND TRANSACTION_DATE < CAST('{end}' AS DATE)"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
