"""One cell of a lab: a policy in a world and seed, as numbers by the known truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from simulations.lab.arena import Played
from simulations.lab.settings import LabSettings, Money
from simulations.lab.story import Floats, Story
from simulations.truth import expected_auc
from simulations.worlds import World


@dataclass(frozen=True, slots=True)
class Cell:
    """What a policy did in one world and seed. Money and credits are of the whole run.

    Attributes:
        world, policy, seed: Which.
        auc: Mean served truth AUC over the months that count.
        challengers, promotions: How many.
        wrong: Months with a challenger though training could not have gained more than ``LabSettings.wrong_below``.
        missed: Months without, though it could have gained more than ``LabSettings.missed_above``.
        delay: Months from the world's first drift to the first challenger; None in a world without drift. Where none came
            it is the months that were left, and ``detected`` is False.
        lost: Money lost to churners not called.
        credits: Estimated, Snowflake's.
        training_seconds: Of all models the policy trained, measured here; the one number that differs from run to run.
        by_month: Served truth AUC of each month from the first model on, month number first.
    """

    world: str
    policy: str
    seed: int
    auc: float
    challengers: int
    promotions: int
    wrong: int
    missed: int
    delay: int | None
    detected: bool | None
    lost: float
    credits: float
    training_seconds: float
    by_month: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with None for an AUC that is not defined."""
        return asdict(self) | {"auc": None if math.isnan(self.auc) else self.auc}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Cell:
        """The cell that ``to_dict`` wrote."""
        months = tuple((int(month), float(auc)) for month, auc in found["by_month"])
        auc = math.nan if found["auc"] is None else found["auc"]
        return cls(**{**found, "auc": auc, "by_month": months})


def measured(world: World, policy: str, story: Story, months: list[Played], settings: LabSettings) -> Cell:
    """What a policy's months amount to."""
    by_month = tuple((p.moment.month, auc) for p in months if (auc := _auc(p, p.served)) is not None)
    counted = [auc for month, auc in by_month if month >= settings.first_month]
    wrong = missed = 0
    for played in months:
        gain = gained(played)
        if gain is not None:
            wrong += played.decision.retrain and gain <= settings.wrong_below
            missed += not played.decision.retrain and gain > settings.missed_above
    delay, detected = detection(world, months)
    fits = [fit for played in months for fit in played.fits]
    credits_ = settings.prices.credits(
        months=len(months),
        fits=len(fits),
        rows=sum(fit.rows for fit in fits),
        trials=sum(p.decision.trial is not None for p in months),
        comments=story.comments,
    )
    return Cell(
        world.name,
        policy,
        story.seed,
        float(np.mean(counted)) if counted else math.nan,
        sum(p.decision.retrain for p in months),
        sum(p.decision.action == "promote" for p in months),
        wrong,
        missed,
        delay,
        detected,
        math.fsum(
            lost_money(p.moment.truth, p.served.at(p.moment).probability, settings.money)
            for p in months
            if p.served is not None and p.moment.month >= settings.first_month
        ),
        credits_,
        math.fsum(fit.seconds for fit in fits),
        by_month,
    )


def _auc(played: Played, model: Any) -> float | None:
    if model is None:
        return None
    found = expected_auc(played.moment.truth, model.at(played.moment).probability)
    return None if math.isnan(found) else found


def gained(played: Played) -> float | None:
    """What training on all final labels would have raised the served truth AUC by; None where nothing was decided."""
    before, after = _auc(played, played.before), _auc(played, played.possible)
    return None if before is None or after is None else after - before


def detection(world: World, months: list[Played]) -> tuple[int | None, bool | None]:
    """Months from the first drift to the first challenger called for from then on, and whether there was one."""
    starts = min((drift.month for drift in world.drifts), default=math.inf)
    if starts > len(months):
        return None, None
    called = [p.moment.month for p in months if p.decision.retrain and p.moment.month >= starts]
    if called:
        return called[0] - int(starts), True
    return len(months) + 1 - int(starts), False


def lost_money(truth: Floats, scores: Floats, money: Money) -> float:
    """What the calls of a month would have brought more had the truth chosen them (see ``Money``).

    >>> lost_money(np.array([0.9, 0.5, 0.1, 0.1]), np.array([0.1, 0.9, 0.2, 0.3]), Money(100.0, 0.5, 1.0, 0.25))
    20.0
    """
    calls = round(money.capacity * len(truth))
    # a stable order: ties are called by key, whatever the machine
    called = np.argsort(-scores, kind="stable")[:calls]
    best = np.sort(truth)[::-1][:calls]
    return float(round(money.success * money.value * (best.sum() - truth[called].sum()), 9))
