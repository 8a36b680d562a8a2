"""The process: months of sign-ups, purchases and comments, and each customer's true churn probability between them.

A customer buys at a daily rate that is fixed on the first day of a month by what is known then, so the probability of
buying nothing in the 30 days from a first day is exp(-30 x rate), exactly. Comments follow purchases within the same
month.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulations.months import days_in, first_day, year_month
from simulations.population import (
    ACTIVE_DAYS,
    HORIZON_DAYS,
    SPEND_SPREAD,
    Flags,
    Floats,
    Ints,
    Population,
    daily_rate,
    newcomers,
)
from simulations.texts import write_comments
from simulations.worlds import World

BURN_IN_MONTHS: Final = 8
COMMENT_SHARE: Final = 0.13
NO_TEXT_SHARE: Final = 0.01
PAYMENT_METHODS: Final = ("CARD", "CASH", "TRANSFER", "WALLET")
# share of a customer's own spending level that a month leaves in place
HABIT_KEPT: Final = 0.8
_LONGEST_COMMENT_DELAY: Final = 4


@dataclass(frozen=True, slots=True)
class MonthRows:
    """What happened in a month, columns of equal length by date; customers are positions in the population.

    ``comment`` is a position in the pool of comments, -1 for a comment without text.
    """

    buyer: Ints
    day: Ints
    cents: Ints
    items: Ints
    discount: Flags
    payment: Ints
    author: Ints
    chat_day: Ints
    comment: Ints
    mood: Floats


@dataclass(frozen=True, slots=True)
class MonthTruth:
    """Who is a customer on the first day after a month, and how likely each is to buy nothing for 30 days."""

    customer: Ints
    churn_probability: Floats


def start_of(month: int) -> int:
    """The first day of a month, as a proleptic ordinal."""
    return first_day(month).toordinal()


def rates(people: Population, world: World, month: int) -> Floats:
    """Everybody's purchases a day through a month, from what is known on its first day."""
    return daily_rate(people, world, month, start_of(month), year_month(month)[1])


def churn_probability(people: Population, world: World, month: int) -> Floats:
    """The probability of buying nothing in the 30 days from the first day of a month, given all that is known then."""
    days = min(days_in(month), HORIZON_DAYS)
    expected = days * rates(people, world, month)
    if days < HORIZON_DAYS:
        # after a February without a purchase the state on 1 March is certain: nothing but time has passed
        nothing = np.zeros(people.size, dtype=np.int64)
        expected = expected + (HORIZON_DAYS - days) * rates(people.after_month(nothing, nothing), world, month + 1)
    return np.exp(-expected)


def true_churn(people: Population, world: World, month: int) -> MonthTruth:
    """The truth at the as-of after a month, for whoever bought in the 90 days before it, as far as files tell."""
    as_of = start_of(month + 1)
    known = people.active(as_of) & (people.last_purchase >= start_of(1))
    customer = np.flatnonzero(known)
    return MonthTruth(customer, churn_probability(people, world, month + 1)[customer])


def live_month(
    rng: np.random.Generator, world: World, people: Population, month: int, customers: int
) -> tuple[Population, MonthRows]:
    """Let a month pass: people sign up in place of those who left, everybody buys and some comment.

    Args:
        rng: Where chance comes from.
        world: The world.
        people: Everybody on the first day of the month.
        month: Which month.
        customers: How many active customers the world holds on average.
    """
    start, length = start_of(month), days_in(month)
    rate = rates(people, world, month)
    arrivals = _sign_ups(rng, people, rate, month, customers)
    first = start + np.sort(rng.integers(0, length, arrivals))
    old = people.size
    shrink = world.strength("arrivals", month)
    older = world.strength("covariate", month)
    people = people.joined_by(newcomers(rng, first, noise=world.noise, shrink=shrink, drifted=shrink > 0, older=older))

    # the first purchase is made on the day of the sign-up; the rest of the month goes by what it tells
    opening = np.arange(old, people.size)
    opening_discount, opening_items, opening_cents = _baskets(rng, people, opening)
    seen = _with_first_purchase(people, opening, opening_cents)
    first_rate = daily_rate(seen, world, month, start + length, year_month(month)[1])
    rate = np.concatenate((rate, first_rate[old:]))
    begins = np.concatenate((np.full(old, start, dtype=np.int64), first + 1))
    days_left = start + length - begins

    count = rng.poisson(rate * days_left)
    buyer = np.repeat(np.arange(people.size), count)
    day = begins[buyer] + np.floor(rng.random(len(buyer)) * days_left[buyer]).astype(np.int64)
    discount, items, cents = _baskets(rng, people, buyer)

    buyer = np.concatenate((buyer, opening))
    day = np.concatenate((day, first))
    order = np.argsort(day, kind="stable")
    buyer, day = buyer[order], day[order]
    discount = np.concatenate((discount, opening_discount))[order]
    items = np.concatenate((items, opening_items))[order]
    cents = np.concatenate((cents, opening_cents))[order]
    payment = rng.choice(len(PAYMENT_METHODS), len(buyer), p=(0.55, 0.15, 0.1, 0.2))

    speaks = np.flatnonzero(rng.random(len(buyer)) < COMMENT_SHARE)
    usual_mood = people.temper[buyer[speaks]] - world.strength("mood", month)
    author, chat_day, mood, comment = _comments(rng, usual_mood, buyer[speaks], day[speaks], start + length - 1)
    rows = MonthRows(buyer, day, cents, items, discount, payment, author, chat_day, comment, mood)
    return _new_habits(rng, _after(people, rows)), rows


def _sign_ups(rng: np.random.Generator, people: Population, rate: Floats, month: int, customers: int) -> int:
    """How many sign up so that the number of active customers is expected to be the same at the end."""
    end = start_of(month + 1)
    stays = np.where(end - people.last_purchase <= ACTIVE_DAYS, 1.0, -np.expm1(-rate * days_in(month)))
    staying = float(stays[people.active(start_of(month))].sum())
    return int(rng.poisson(max(customers - staying, 0.01 * customers)))


def _baskets(rng: np.random.Generator, people: Population, buyer: Ints) -> tuple[Flags, Ints, Ints]:
    """Discount, number of items and cents of purchases."""
    discount = rng.random(len(buyer)) < people.taste_for_discounts[buyer]
    items = 1 + rng.poisson(1.4, len(buyer))
    log_amount = people.spend_own[buyer] + rng.normal(-0.04, 0.28, len(buyer)) + 0.25 * np.log(items / 2.2)
    amount = np.exp(log_amount) * np.where(discount, 0.85, 1.0)
    return discount, items, np.maximum(np.rint(100 * amount).astype(np.int64), 1)


def _with_first_purchase(people: Population, opening: Ints, cents: Ints) -> Population:
    """People as if the newcomers' first month, one purchase long, were over."""
    ones, money, last = people.orders.copy(), people.cents.copy(), people.last_purchase.copy()
    ones[opening, 0], money[opening, 0], last[opening] = 1, cents, people.signup[opening]
    return replace(people, orders=ones, cents=money, last_purchase=last)


def _comments(
    rng: np.random.Generator, usual_mood: Floats, buyer: Ints, day: Ints, last_day: int
) -> tuple[Ints, Ints, Floats, Ints]:
    """Authors, days, moods and texts of the comments that follow purchases, by date."""
    delay = rng.integers(0, _LONGEST_COMMENT_DELAY, len(buyer))
    # a comment never reaches into the next month: a February without a purchase must be one without a comment
    chat_day = np.minimum(day + delay, last_day)
    order = np.argsort(chat_day, kind="stable")
    author, chat_day = buyer[order], chat_day[order]
    mood = np.clip(usual_mood[order] + rng.normal(0, 0.3, len(order)), -1.0, 1.0)
    comment = write_comments(rng, mood)
    comment[rng.random(len(comment)) < NO_TEXT_SHARE] = -1
    return author, chat_day, mood, comment


def _after(people: Population, rows: MonthRows) -> Population:
    """The population at the end of a month."""
    orders = np.bincount(rows.buyer, minlength=people.size)
    cents = np.bincount(rows.buyer, weights=rows.cents, minlength=people.size).astype(np.int64)
    last = people.last_purchase.copy()
    np.maximum.at(last, rows.buyer, rows.day)
    moods = people.moods.copy()
    told = np.flatnonzero(rows.comment >= 0)
    while len(told):
        # one comment of each author at a time, oldest first
        _, first = np.unique(rows.author[told], return_index=True)
        at = told[first]
        who = rows.author[at]
        moods[who] = np.column_stack((rows.mood[at], moods[who, :-1]))
        told = np.delete(told, first)
    return replace(people.after_month(orders, cents), last_purchase=last, moods=moods)


def _new_habits(rng: np.random.Generator, people: Population) -> Population:
    """The population with spending habits a month older: nobody stays apart from their group for good."""
    fresh = rng.normal(0, SPEND_SPREAD * np.sqrt(1 - HABIT_KEPT**2), people.size)
    return replace(
        people, spend_own=people.spend_centre + HABIT_KEPT * (people.spend_own - people.spend_centre) + fresh
    )
