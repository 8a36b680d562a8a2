"""A fitted world: what was learnt of a shop, as numbers to be read, kept and changed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from churnobs import BadConfig, Month
from churnobs.cli import write_aside
from simulations.fitted.habits import Habits
from simulations.worlds import WORLDS, Drift, Relation, World

KNOWN_DRIFTS: Final = frozenset({"relation", "arrivals", "prior", "late", "delay", "duplicates", "unit"})
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PastMonth:
    """A month of the history that a world was fitted to: customers who came, and how much was bought (1 is neutral)."""

    arrivals: int
    level: float


@dataclass(frozen=True, slots=True)
class Baskets:
    """What an order is.

    Attributes:
        per_visit: Orders of a customer on a day with any.
        amount: Mean amount of an order.
        amount_between, amount_within: Standard deviations of the log of an amount, between customers and of one.
        items, items_variance: Mean and variance of NUM_ITEMS; None where the data do not tell.
        discounts: Share of orders with a discount; None where the data do not tell.
        payments: Shares of payment methods; what is missing from 1 is not told.
    """

    per_visit: float
    amount: float
    amount_between: float
    amount_within: float
    items: float | None = None
    items_variance: float | None = None
    discounts: float | None = None
    payments: tuple[tuple[str, float], ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """The payment methods by name."""
        return tuple(name for name, _ in self.payments)


@dataclass(frozen=True, slots=True)
class Shop:
    """How customers come, buy and leave; learnt by ``World.fit``. It holds sums, and no customer.

    Attributes:
        since: First month of the history, as YYYY-MM.
        past: The history, month by month; it is lived again before the first simulated month.
        founding_months: Who came in so many first months was there before the data, and has habits of their own.
        founders: Habits of those.
        newcomers: Habits of who came later.
        season: How much more is bought, and how many more come, in January to December; 1 is neutral.
        level: The same of all months to come.
        arrivals: Customers who come in a neutral month to come.
        active: Customers who bought in the 90 days before the end of the history: what sizes are relative to.
        baskets: What they buy.
    """

    since: str
    past: tuple[PastMonth, ...]
    founding_months: int
    founders: Habits
    newcomers: Habits
    season: tuple[float, ...]
    level: float
    arrivals: float
    active: int
    baskets: Baskets

    def __post_init__(self) -> None:
        if len(self.season) != 12 or not self.past:
            raise BadConfig("a shop has 12 season factors and at least a month of history", hint="fit it again")
        positive = (*self.season, self.level, *(past.level for past in self.past), float(self.active))
        numbers = (*positive, self.baskets.per_visit, self.baskets.amount, *asdict(self.founders).values())
        numbers = (*numbers, *asdict(self.newcomers).values())
        if not all(0 < number < math.inf for number in numbers) or not 0 <= self.arrivals < math.inf:
            raise BadConfig("a shop's rates, factors and sizes are above 0", hint="fit it again, or mend the number")

    @property
    def first(self) -> tuple[int, int]:
        """Year and month of the first simulated month: the one after the history."""
        start = Month.parse(self.since)
        years, month = divmod(start.year * 12 + start.number - 1 + len(self.past), 12)
        return years, month + 1

    def habits_of(self, month: int) -> Habits:
        """The habits of who comes in a simulated month; months below 1 are the history."""
        return self.founders if month + len(self.past) <= self.founding_months else self.newcomers

    def rows(self) -> list[tuple[str, str]]:
        """The parameters in words, for people."""
        groups = (
            [(f"who came in the first {self.founding_months} months", self.founders)] if self.founding_months else []
        )
        groups.append(("who came later" if groups else "customers", self.newcomers))
        until = Month(*self.first)
        rows = [
            ("history", f"{len(self.past)} months from {self.since}, simulated from {until} on"),
            ("active customers", f"{self.active:,}"),
        ]
        for name, own in groups:
            rows.append(
                (name, f"{own.monthly_visits:.3g} visits in 30 days while they stay, {own.leaving:.1%} leave after one")
            )
            rows.append((f"{name}, MBG/NBD", f"r {own.r:.4g}, alpha {own.alpha:.4g}, a {own.a:.4g}, b {own.b:.4g}"))
        basket = self.baskets
        rows += [
            ("new customers a month", f"{self.arrivals:,.1f}"),
            ("level of the months to come", f"{self.level:.3g}"),
            ("season, January to December", " ".join(f"{factor:.2f}" for factor in self.season)),
            ("orders a visit", f"{basket.per_visit:.3f}"),
            ("amount of an order", f"{basket.amount:,.2f}"),
            (
                "spread of its log",
                f"{basket.amount_between:.2f} between customers, {basket.amount_within:.2f} within",
            ),
        ]
        if basket.items is not None:
            rows.append(("items of an order", f"{basket.items:.2f}"))
        return rows


@dataclass(frozen=True, slots=True)
class FittedWorld(World):
    """A world that was learnt from data: its customers live by a ``Shop`` instead of a ``Relation``.

    Month 1 is the month after the history. Of the drifts it knows those that need neither ages nor comments: ``prior``;
    ``arrivals``, whose customers' orders are smaller; ``relation``, which turns the customers round, so that who bought most
    often comes to buy most rarely; and what is done to files alone, but ``missing``.

    Raises:
        BadConfig: a drift is of another kind.
    """

    relation: Relation = field(init=False, default=Relation(level=0.0), repr=False)
    turned: Relation = field(init=False, default=Relation(level=0.0), repr=False)
    newcomers: Relation = field(init=False, default=Relation(level=0.0), repr=False)
    season: float = field(init=False, default=0.0, repr=False)
    noise: float = field(init=False, default=0.0, repr=False)
    shop: Shop = field(kw_only=True)

    def __post_init__(self) -> None:
        unknown = [drift.kind for drift in self.drifts if drift.kind not in KNOWN_DRIFTS]
        if unknown:
            raise BadConfig(
                f"a fitted world has no ages, segments and comments, and no drift of kind {unknown[0]!r}",
                hint=f"one of {', '.join(sorted(KNOWN_DRIFTS))}",
            )

    @property
    def first_month(self) -> tuple[int, int]:
        """The calendar month of month 1."""
        return self.shop.first

    def factor_in(self, month: int) -> float:
        """How much more than in a neutral month is bought in a month; below 1 are months of the history."""
        index = month + len(self.shop.past) - 1
        level = self.shop.past[index].level if month < 1 else self.shop.level
        return level * self.shop.season[(Month.parse(self.shop.since).number - 1 + index) % 12]

    def words(self) -> str:
        """What was learnt, line by line."""
        return "\n".join(f"{name}: {what}" for name, what in self.shop.rows())

    def save(self, path: str | Path) -> None:
        """Write the world as JSON, which ``load_world`` and the commands read; it appears whole or not at all."""
        content = {
            "churnobs_world": _VERSION,
            "name": self.name,
            "summary": self.summary,
            "drifts": [asdict(drift) for drift in self.drifts],
            "shop": asdict(self.shop),
        }
        write_aside(Path(path), json.dumps(content, indent=1) + "\n")


def world_named(name: str) -> World:
    """A world by its name, or by the file it was saved to.

    Raises:
        BadConfig: there is none, or the file is no world.
    """
    if name in WORLDS:
        return WORLDS[name]
    if name.endswith(".json") or Path(name).is_file():
        return load_world(name)
    raise BadConfig(f"{name!r} is no world", hint=f"one of {', '.join(WORLDS)}, or the JSON file of a fitted one")


def load_world(path: str | Path) -> FittedWorld:
    """Read a world that ``FittedWorld.save`` wrote.

    Raises:
        BadConfig: the file cannot be read, or is no world; says which part.
    """
    from pydantic import TypeAdapter, ValidationError

    hint = "write it with: python -m simulations fit --db FILE --out WORLD.json"
    try:
        content: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadConfig(f"cannot read {path}: {error}", hint=hint) from error
    if not isinstance(content, dict) or content.get("churnobs_world") != _VERSION:
        raise BadConfig(f"{path} is no fitted world of version {_VERSION}", hint=hint)
    try:
        return FittedWorld(
            name=TypeAdapter(str).validate_python(content.get("name")),
            summary=TypeAdapter(str).validate_python(content.get("summary")),
            drifts=TypeAdapter(tuple[Drift, ...]).validate_python(content.get("drifts")),
            shop=TypeAdapter(Shop).validate_python(content.get("shop")),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadConfig(f"{path}: {where or 'a part'}: {first['msg']}", hint=hint) from error
    except ValueError as error:
        raise BadConfig(f"{path}: {error}", hint=hint) from error
