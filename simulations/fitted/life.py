"""The process of a fitted world: customers come, buy at their own rate and leave, month by month, with the exact truth.

A customer's purchases are a Poisson process at their own rate times the month's factor, until they leave after a purchase.
Nobody sees them leave. The true churn probability is therefore given a customer's rate, leaving probability and last
purchase, and not whether they have left: what a model could know at best.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from simulations.fitted.habits import Floats, Habits, churn_probability
from simulations.fitted.shop import FittedWorld
from simulations.generate import MonthRows, MonthTruth
from simulations.months import days_in, first_day
from simulations.population import ACTIVE_DAYS, HORIZON_DAYS, Flags, Ints


@dataclass(frozen=True, slots=True)
class Patrons:
    """Everybody who ever came, in order of coming; days are proleptic ordinals.

    ``rate`` is of a neutral day and ``turned`` what a whole drift of kind ``relation`` makes of it; ``quiet`` are the
    purchases that would have been expected since the last one of somebody who stayed; ``spend`` is the log of an own
    level of amounts.
    """

    signup: Ints
    rate: Floats
    turned: Floats
    leaving: Floats
    here: Flags
    last_purchase: Ints
    quiet: Floats
    spend: Floats

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.signup)

    def joined_by(self, others: Patrons) -> Patrons:
        """These customers followed by others."""
        return Patrons(*(np.concatenate((getattr(self, f.name), getattr(others, f.name))) for f in fields(self)))

    def active(self, as_of: int) -> Flags:
        """Who bought in the 90 days before a day."""
        return (self.last_purchase < as_of) & (as_of - self.last_purchase <= ACTIVE_DAYS)

    def rates(self, world: FittedWorld, month: int) -> Floats:
        """Everybody's purchases on a day of a month, while they stay."""
        turned = min(max(world.strength("relation", month), 0.0), 1.0)
        rate: Floats = self.rate if not turned else self.rate ** (1 - turned) * self.turned**turned
        return rate * (world.factor_in(month) * math.exp(-world.strength("prior", month)))


def nobody() -> Patrons:
    """A world before its first customer."""
    none, days = np.zeros(0), np.zeros(0, dtype=np.int64)
    return Patrons(days, none, none, none, none.astype(np.bool_), days, none, none)


def live(world: FittedWorld, *, customers: int, months: int, seed: int) -> Iterator[tuple[int, Patrons, MonthRows]]:
    """Live the history and then so many months; gives each month's number, everybody at its end, and what happened.

    Args:
        world: The world.
        customers: How many are active when month 1 begins, on average.
        months: How many from month 1 on; the history has the numbers below 1.
        seed: Where chance starts from.
    """
    rng = np.random.default_rng(seed)
    people = nobody()
    for month in range(1 - len(world.shop.past), months + 1):
        people, rows = live_month(rng, world, people, month, customers)
        yield month, people, rows


def true_churn(world: FittedWorld, people: Patrons, month: int) -> MonthTruth:
    """The truth at the as-of after a month, for whoever bought in the 90 days before it, as far as files tell."""
    as_of = first_day(month + 1, world.first_month).toordinal()
    start = first_day(1, world.first_month).toordinal()
    customer = np.flatnonzero(people.active(as_of) & (people.last_purchase >= start))
    return MonthTruth(customer, churn_chances(world, people, month)[customer])


def churn_chances(world: FittedWorld, people: Patrons, month: int) -> Floats:
    """Everybody's probability of buying nothing in the 30 days from the first day after a month."""
    days = min(days_in(month + 1, world.first_month), HORIZON_DAYS)
    ahead = days * people.rates(world, month + 1)
    if days < HORIZON_DAYS:
        ahead = ahead + (HORIZON_DAYS - days) * people.rates(world, month + 2)
    return churn_probability(people.leaving, people.quiet, ahead)


def live_month(
    rng: np.random.Generator, world: FittedWorld, people: Patrons, month: int, customers: int
) -> tuple[Patrons, MonthRows]:
    """Let a month pass: customers come, and those who have not left buy, and perhaps leave."""
    start = first_day(month, world.first_month).toordinal()
    length = days_in(month, world.first_month)
    came = _arrivals(rng, world, month, customers)
    opening = np.sort(rng.random(came)) * length
    old = people.size
    new = _newcomers(rng, world, month, start + np.floor(opening).astype(np.int64))
    people = people.joined_by(new)
    # the first purchase is made on coming; after it, as after each other, a customer may leave
    new_here = rng.random(came) >= people.leaving[old:]
    here = np.concatenate((people.here[:old], new_here))
    begins = np.concatenate((np.zeros(old), opening))

    daily = people.rates(world, month)
    wanted = np.where(here, rng.poisson(daily * (length - begins)), 0)
    until_leaving = rng.geometric(people.leaving)
    made = np.minimum(wanted, until_leaving)
    visitor, moment = _first_moments(rng, wanted, made, begins, length)
    last = np.concatenate((np.full(old, -1.0), opening))
    np.maximum.at(last, visitor, moment)
    bought = last >= 0
    quiet = np.where(bought, 0.0, people.quiet) + daily * (length - np.maximum(last, 0.0))
    last_day = start + np.floor(last).astype(np.int64)
    people = replace(
        people,
        here=here & (until_leaving > wanted),
        quiet=quiet,
        last_purchase=np.where(bought, last_day, people.last_purchase),
    )
    visitor = np.concatenate((visitor, np.arange(old, people.size)))
    moment = np.concatenate((moment, opening))
    return people, _orders(rng, world, people, visitor, start + np.floor(moment).astype(np.int64))


def _arrivals(rng: np.random.Generator, world: FittedWorld, month: int, customers: int) -> int:
    """How many come in a month: in the history as many as did, for the size of this world; then by chance."""
    shop = world.shop
    share = customers / shop.active
    if month < 1:
        return round(shop.past[month + len(shop.past) - 1].arrivals * share)
    return int(rng.poisson(shop.arrivals * share * shop.season[first_day(month, shop.first).month - 1]))


def _newcomers(rng: np.random.Generator, world: FittedWorld, month: int, signup: Ints) -> Patrons:
    habits: Habits = world.shop.habits_of(month)
    n, spread = len(signup), world.shop.baskets.amount_between
    rate, leaving = habits.draw(rng, n)
    turned = habits.turned(rate) if any(drift.kind == "relation" for drift in world.drifts) else rate
    spend = rng.normal(-(spread**2) / 2, spread, n) - np.log(10.0) * world.strength("arrivals", month)
    here = np.ones(n, dtype=np.bool_)
    return Patrons(signup, rate, turned, leaving, here, signup, np.zeros(n), spend)


def _first_moments(
    rng: np.random.Generator, wanted: Ints, made: Ints, begins: Floats, length: int
) -> tuple[Ints, Floats]:
    """Who buys when: of the moments at which each customer would, the first ones, until they leave."""
    visitor = np.repeat(np.arange(len(wanted)), wanted)
    moment = begins[visitor] + rng.random(len(visitor)) * (length - begins[visitor])
    order = np.lexsort((moment, visitor))
    visitor, moment = visitor[order], moment[order]
    rank = np.arange(len(visitor)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    kept = rank < made[visitor]
    return visitor[kept], moment[kept]


def _orders(rng: np.random.Generator, world: FittedWorld, people: Patrons, visitor: Ints, day: Ints) -> MonthRows:
    """The orders of visits, by day."""
    baskets = world.shop.baskets
    order = np.argsort(day, kind="stable")
    repeated = np.repeat(order, 1 + rng.poisson(baskets.per_visit - 1, len(order)))
    buyer, day = visitor[repeated], day[repeated]
    n, spread = len(buyer), baskets.amount_within
    # both spreads are around means of 1, so that the mean amount is what it was in the data
    amount = baskets.amount * np.exp(people.spend[buyer] + rng.normal(-(spread**2) / 2, spread, n))
    discount = rng.random(n) < (baskets.discounts or 0.0)
    shares = [share for _, share in baskets.payments]
    told = np.searchsorted(np.cumsum(shares), rng.random(n), side="right") if shares else np.full(n, -1)
    payment = np.where(told < len(shares), told, -1).astype(np.int64)
    none = np.zeros(0, dtype=np.int64)
    cents = np.maximum(np.rint(100 * amount).astype(np.int64), 1)
    return MonthRows(buyer, day, cents, _items(rng, world, n), discount, payment, none, none, none, np.zeros(0))


def _items(rng: np.random.Generator, world: FittedWorld, n: int) -> Ints:
    """Items of orders: one, and a gamma mixed Poisson number more, with the mean and variance of the data."""
    baskets = world.shop.baskets
    more = (baskets.items or 1.0) - 1.0
    if more <= 0:
        return np.ones(n, dtype=np.int64)
    beyond = (baskets.items_variance or 0.0) - more
    rate = np.full(n, more) if beyond <= 0 else rng.gamma(more**2 / beyond, beyond / more, n)
    return 1 + rng.poisson(rate).astype(np.int64)
