"""Who is in the world: one row per customer in arrays, and the purchase rate that what is known sets."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from simulations.worlds import Relation, World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ACTIVE_DAYS: Final = 90
HORIZON_DAYS: Final = 30
SEGMENTS: Final = ("PREMIUM", "STANDARD", "OCCASIONAL", "STUDENT")
SEGMENT_SHARES: Final = (0.25, 0.45, 0.18, 0.12)
SEGMENT_COMFORT: Final = np.array([1.0, 0.0, -1.0, -1.0])
SEGMENT_SPEND: Final = np.array([0.5, 0.0, -0.3, -0.5])
SPEND_SPREAD: Final = 0.7
LOCATIONS: Final = ("MADRID", "LONDON", "PARIS", "BERLIN", "ROME", "LISBON", "VIENNA", "DUBLIN")
GENDERS: Final = ("FEMALE", "MALE", "OTHER")
# the newcomers of an arrivals drift come from the last segments and locations only
NEW_SEGMENTS: Final = (2, 3)
NEW_LOCATIONS: Final = (6, 7)
TYPICAL_ORDER: Final = np.log(45.0)
_NO_DAY: Final = -1


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody who ever signed up, in order of sign-up; days are proleptic ordinals, money is cents.

    ``spend_...`` are logs of an order: what is usual in one's group, where one's own level tends to, and where it is.
    ``orders`` and ``cents`` hold the last three calendar months, newest first; ``moods`` the last three feedbacks,
    newest first, nan for none.
    """

    signup: Ints
    age: Ints
    segment: Ints
    gender: Ints
    location: Ints
    newcomer: Flags
    spend_usual: Floats
    spend_centre: Floats
    spend_own: Floats
    taste_for_discounts: Floats
    temper: Floats
    noise: Floats
    last_purchase: Ints
    orders: Ints
    cents: Ints
    moods: Floats

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.signup)

    def joined_by(self, others: Population) -> Population:
        """This population followed by another."""
        return Population(*(np.concatenate((getattr(self, f.name), getattr(others, f.name))) for f in fields(self)))

    def active(self, as_of: int) -> Flags:
        """Who bought in the 90 days before a day."""
        return (self.last_purchase < as_of) & (as_of - self.last_purchase <= ACTIVE_DAYS)

    def after_month(self, orders: Ints, cents: Ints) -> Population:
        """The same customers a month later, with that month's orders and money (zeros for nobody bought)."""
        return replace(
            self,
            orders=np.column_stack((orders, self.orders[:, :-1])),
            cents=np.column_stack((cents, self.cents[:, :-1])),
        )


def newcomers(
    rng: np.random.Generator, signup: Ints, *, noise: float, shrink: float, drifted: bool, older: float = 0.0
) -> Population:
    """Draw people who sign up on given days.

    Args:
        rng: Where chance comes from.
        signup: The days, ordinals.
        noise: Standard deviation of what no feature tells.
        shrink: Powers of ten by which their orders are smaller than usual.
        drifted: Whether they come from the fewer locations and segments.
        older: By how many times 15 years.
    """
    n = len(signup)
    segment = rng.choice(len(SEGMENTS), n, p=SEGMENT_SHARES)
    location = rng.integers(0, len(LOCATIONS), n)
    if drifted:
        segment = np.asarray(NEW_SEGMENTS)[segment % len(NEW_SEGMENTS)]
        location = np.asarray(NEW_LOCATIONS)[location % len(NEW_LOCATIONS)]
    usual = np.full(n, TYPICAL_ORDER - shrink * np.log(10.0))
    # what a drift says of an order is all there is to say: the segments it brings do not make it smaller still
    centre = usual if drifted else usual + SEGMENT_SPEND[segment]
    return Population(
        signup=signup,
        age=np.clip(np.rint(rng.normal(45, 15, n) + 15 * older), 18, 90).astype(np.int64),
        segment=segment,
        gender=rng.choice(len(GENDERS), n, p=(0.5, 0.46, 0.04)),
        location=location,
        newcomer=np.full(n, drifted),
        spend_usual=usual,
        spend_centre=centre,
        spend_own=centre + rng.normal(0, SPEND_SPREAD, n),
        taste_for_discounts=rng.beta(1.5, 4.0, n),
        temper=rng.normal(0.15, 0.45, n),
        noise=rng.normal(0, noise, n),
        last_purchase=np.full(n, _NO_DAY, dtype=np.int64),
        orders=np.zeros((n, 3), dtype=np.int64),
        cents=np.zeros((n, 3), dtype=np.int64),
        moods=np.full((n, 3), np.nan),
    )


def log_expected_orders(people: Population, relation: Relation, as_of: int) -> Floats:
    """The log of the orders expected in 30 days, from what is known of each customer before a day."""
    recency = np.log1p(as_of - people.last_purchase) - np.log1p(30.0)
    quarter = people.orders.sum(axis=1)
    # 90 days may reach a day further back than three calendar months
    mean_order = np.where(
        quarter > 0, people.cents.sum(axis=1) / np.maximum(quarter, 1) / 100.0, np.exp(people.spend_usual)
    )
    value = np.clip(np.log(np.maximum(mean_order, 0.01)) - people.spend_usual, -2.0, 2.0)
    told = ~np.isnan(people.moods)
    mood = np.where(told, people.moods, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    result: Floats = (
        relation.level
        + relation.recency * recency
        + relation.orders_month * np.log1p(people.orders[:, 0])
        + relation.orders_quarter * np.log1p(quarter)
        + relation.order_value * value
        + relation.age * (people.age - 45) / 15
        + relation.mood * mood
        + relation.comfort * SEGMENT_COMFORT[people.segment]
        + relation.habit * recency * value
        + people.noise
    )
    return result


def daily_rate(people: Population, world: World, month: int, start: int, calendar_month: int) -> Floats:
    """Purchases a day through a month that starts on a day; 0 for whoever has been silent for more than 90 days."""
    log_orders = log_expected_orders(people, world.relation_in(month), start)
    if people.newcomer.any():
        log_orders = np.where(people.newcomer, log_expected_orders(people, world.newcomers, start), log_orders)
    log_orders = log_orders + world.season_in(calendar_month) - world.strength("prior", month)
    rate: Floats = np.where(people.active(start), np.exp(np.clip(log_orders, -4.0, 1.6)) / HORIZON_DAYS, 0.0)
    return rate
