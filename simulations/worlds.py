"""What a world is, as data: how behaviour leads to the next purchase, and what changes when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from simulations.months import FIRST_MONTH

if TYPE_CHECKING:
    from churnobs import Month, Workspace
    from simulations.fitted.shop import FittedWorld

DriftKind = Literal[
    "relation", "arrivals", "mood", "covariate", "prior", "late", "delay", "duplicates", "unit", "missing"
]
# what is done to files alone; the truth stays
DAMAGES: Final = frozenset({"late", "delay", "duplicates", "unit", "missing"})


@dataclass(frozen=True, slots=True)
class Relation:
    """How what is known of a customer on the first day of a month sets the purchases expected of them in 30 days.

    The logarithm of that number is linear in signals that churnobs' features carry, plus one product. A customer
    then buys at a constant daily rate through the month, so that the churn probability is exp(-rate x 30).

    Attributes:
        level: The logarithm of the purchases that a neutral customer makes in 30 days.
        recency: Weight of log(1 + days since the last purchase) over that of 30 days.
        orders_month: Weight of log(1 + orders of the last month).
        orders_quarter: Weight of log(1 + orders of the last three months).
        order_value: Weight of the log of the mean order of the last three months over what is usual in one's group.
        age: Weight of the age, in 15 years from 45.
        mood: Weight of the mean mood of the last three feedbacks, 0 when there is none.
        comfort: Weight of belonging to the upper segments (+1 premium, 0 standard, -1 occasional, -1 student).
        habit: Weight of the product of recency and order value, the one interaction.
    """

    level: float
    recency: float = 0.0
    orders_month: float = 0.0
    orders_quarter: float = 0.0
    order_value: float = 0.0
    age: float = 0.0
    mood: float = 0.0
    comfort: float = 0.0
    habit: float = 0.0

    def towards(self, other: Relation, share: float) -> Relation:
        """The relation a share of the way from this one (0) to another (1), weight by weight."""
        mixed = {f.name: (1 - share) * getattr(self, f.name) + share * getattr(other, f.name) for f in fields(self)}
        return Relation(**mixed)


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that changes in a world. A world may hold several, of one kind or of many.

    Attributes:
        kind: What changes. ``relation``: the world's relation moves to its ``turned`` relation. ``arrivals``: who signs
            up comes from fewer locations and segments, spends less and follows the world's ``newcomers`` relation.
            ``mood``: comments turn sour; what mood means for buying stays. ``covariate``: who signs up is older; what age
            means stays. ``prior``: everybody buys less; what tells one customer from another stays.
            In the files alone: ``late``: purchases are booked on the first day of the next month, or later. ``delay``:
            purchases are booked days after they were made. ``duplicates``: purchases are exported twice, with another
            number. ``unit``: amounts are in another unit. ``missing``: sign-ups have no age and no segment, comments no text.
        month: The first simulated month (1 is the first with files) in which the change is felt.
        strength: How far it goes once complete. ``relation``: the share of the way, 0 to 1. ``arrivals``: powers of ten
            that an order shrinks by (1 is a tenth). ``mood``: how much mean mood falls, on a scale from -1 to 1.
            ``covariate``: by how many times 15 years. ``prior``: by how much the log of the purchase rate falls. ``delay``:
            how many days, at most 27. ``unit``: powers of ten that amounts are multiplied by. ``late``, ``duplicates`` and
            ``missing``: the share of rows.
        months: In how many months it becomes complete; 1 is at once.
    """

    kind: DriftKind
    month: int
    strength: float = 1.0
    months: int = 1

    def __post_init__(self) -> None:
        if self.month < 1 or self.months < 1:
            raise ValueError(f"a drift starts in month 1 or later and takes at least a month, not {self}")
        most = {"late": 1.0, "duplicates": 1.0, "missing": 1.0, "delay": 27.0}.get(self.kind, math.inf)
        if self.kind in DAMAGES and not (self.kind == "unit" or 0.0 <= self.strength <= most):
            raise ValueError(f"the strength of {self.kind} is from 0 to {most:g}, not {self.strength}")

    def at(self, month: int) -> float:
        """How strong it is in a month.

        >>> [Drift("relation", month=8, strength=0.8, months=4).at(m) for m in (7, 8, 9, 11, 20)]
        [0.0, 0.2, 0.4, 0.8, 0.8]
        """
        return self.strength * min(max(month - self.month + 1, 0) / self.months, 1.0)


@dataclass(frozen=True, slots=True)
class World:
    """A population whose true churn probabilities are known.

    Attributes:
        name: What commands call it.
        summary: One line for people.
        relation: How behaviour leads to purchases at the start.
        turned: Where drifts of kind ``relation`` lead.
        newcomers: What holds for those whom a drift of kind ``arrivals`` brings, whatever else drifts.
        drifts: What changes, and when.
        season: Half the height of the yearly wave in the log of the purchase rate; it peaks in December.
        noise: Standard deviation of what no feature tells of a customer, in the log of the purchase rate.
    """

    name: str
    summary: str
    relation: Relation
    turned: Relation
    newcomers: Relation
    drifts: tuple[Drift, ...] = ()
    season: float = 0.0
    noise: float = 0.25

    @staticmethod
    def fit(workspace: Workspace, *, until: Month | str | None = None, name: str = "fitted") -> FittedWorld:
        """A world that is learnt from a workspace's own sales, and goes on where they end.

        Learnt are how often customers buy and when they leave (MBG/NBD, see ``simulations.fitted.habits``), how many new
        ones come, the season, orders and amounts. The data are read as sums and counts; nothing of a customer is kept.

        Args:
            workspace: Where sales were ingested; on any backend.
            until: The last month to learn from, as a ``Month`` or YYYY-MM; sales of later months are not looked at. None:
                the last whole month.
            name: What commands call the world.

        Raises:
            BadConfig: the sales cannot teach a world: too few months, customers or repeated purchases, or a month is missing.
        """
        from simulations.fitted.fitting import fit_world

        return fit_world(workspace, until=until, name=name)

    def strength(self, kind: DriftKind, month: int) -> float:
        """The joint strength of all drifts of a kind in a month."""
        return math.fsum(drift.at(month) for drift in self.drifts if drift.kind == kind)

    def relation_in(self, month: int) -> Relation:
        """The relation that holds in a month, without the season."""
        return self.relation.towards(self.turned, min(self.strength("relation", month), 1.0))

    def season_in(self, calendar_month: int) -> float:
        """What the season adds to the log of the purchase rate in a calendar month (1 to 12)."""
        return self.season * math.cos(2 * math.pi * calendar_month / 12)

    @property
    def first_month(self) -> tuple[int, int]:
        """Calendar year and month of month 1."""
        return FIRST_MONTH

    @property
    def is_damaged(self) -> bool:
        """Whether files come to say something else than what happened."""
        return any(drift.kind in DAMAGES for drift in self.drifts)

    def first_arrivals_drift(self) -> int | None:
        """The month from which files are called ``new_...``, or None."""
        return min((drift.month for drift in self.drifts if drift.kind == "arrivals"), default=None)


LOYALTY: Final = Relation(
    level=-1.5, recency=-0.35, orders_month=0.2, orders_quarter=0.3, order_value=0.6, age=-0.15, mood=0.5, comfort=0.1,
    habit=-0.1,
)  # fmt: skip
# a rival lures the old and the comfortable away, and buying much means having enough
RIVALRY: Final = Relation(
    level=-0.4, recency=0.05, orders_month=-0.2, orders_quarter=-0.2, order_value=-0.5, age=1.0, mood=0.5, comfort=-0.8,
)  # fmt: skip
# small baskets, often; a big one means having stocked up
BARGAINS: Final = Relation(
    level=-0.7, recency=-0.35, orders_month=0.1, orders_quarter=0.25, order_value=-0.6, age=0.4, mood=0.5,
)  # fmt: skip


def _world(name: str, summary: str, *drifts: Drift, season: float = 0.0) -> World:
    return World(name, summary, relation=LOYALTY, turned=RIVALRY, newcomers=BARGAINS, drifts=drifts, season=season)


WORLDS: Final[Mapping[str, World]] = MappingProxyType(
    {
        world.name: world
        for world in (
            _world("steady", "nothing changes"),
            _world(
                "demo",
                "after month 8 new customers come from fewer locations and segments and spend a tenth",
                Drift("arrivals", month=9, strength=1.0),
            ),
            _world(
                "gradual",
                "from month 8 on behaviour slowly comes to mean something else",
                Drift("relation", month=8, strength=1.0, months=5),
            ),
            _world("sudden", "in month 8 behaviour comes to mean something else", Drift("relation", month=8)),
            _world("season", "people buy more towards Christmas; behaviour means the same", season=0.35),
            _world(
                "feedback",
                "from month 8 on comments turn sour; behaviour means the same",
                Drift("mood", month=8, strength=0.6),
            ),
            _world(
                "older",
                "from month 8 on who signs up is older; behaviour means the same",
                Drift("covariate", month=8, strength=1.5),
            ),
            _world(
                "recession", "from month 8 on everybody buys less; behaviour means the same", Drift("prior", 8, 0.35, 3)
            ),
            _world(
                "late", "from month 8 on a third of the purchases is booked in the next month", Drift("late", 8, 0.33)
            ),
            _world(
                "lagging", "from month 8 on purchases are booked ten days after they are made", Drift("delay", 8, 10.0)
            ),
            _world("doubled", "from month 8 on half of the purchases is exported twice", Drift("duplicates", 8, 0.5)),
            _world("cents", "from month 8 on amounts come in cents", Drift("unit", 8, 2.0)),
            _world(
                "gaps",
                "from month 8 on most sign-ups lack age and segment, most comments a text",
                Drift("missing", 8, 0.7),
            ),
        )
    }
)
