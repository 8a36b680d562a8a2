"""Cells put together: policies ranked, each number with an interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from simulations.lab.cells import Cell
from simulations.lab.running import Lab

LEVEL: Final = 0.95
# a gap smaller than this between never and the oracle leaves nothing to win back
LEAST_GAP: Final = 0.005
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and where it is, 95% by Student's t over seeds; NaN where there is nothing to say, as of one seed."""

    value: float
    low: float
    high: float

    def to_list(self) -> list[float | None]:
        """Plain data; None for NaN."""
        return [None if math.isnan(v) else round(v, 6) for v in (self.value, self.low, self.high)]


NOTHING: Final = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Line:
    """A policy in one world, or over all of them (world ""), every world counting alike.

    Attributes:
        auc: Mean served truth AUC.
        behind: What it is behind the best policy of the same scope, seed by seed; above 0 is worse.
        won_back: The share of the gap between never and the oracle.
        challengers, wrong, missed, delay, lost, credits, training_seconds: Means of a run; see ``Cell``.
        detected: The share of runs with drift in which a challenger was called for after it; NaN without drift.
    """

    world: str
    policy: str
    auc: Interval
    behind: Interval
    won_back: Interval
    challengers: Interval
    wrong: Interval
    missed: Interval
    delay: Interval
    detected: float
    lost: Interval
    credits: Interval
    training_seconds: Interval

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = {name: value for name, value in asdict(self).items() if not isinstance(value, dict)}
        found["detected"] = None if math.isnan(self.detected) else self.detected
        intervals = {n: v for n in self.__slots__ if isinstance(v := getattr(self, n), Interval)}
        return found | {name: interval.to_list() for name, interval in intervals.items()}


class Ranking:
    """The cells of a lab by policy, best first: by mean served truth AUC, every world counting alike."""

    def __init__(self, lab: Lab, cells: Sequence[Cell]) -> None:
        self.lab = lab
        self.cells = {(c.world, c.policy, c.seed): c for c in cells}
        self.worlds = tuple(world.name for world in lab.worlds)
        names = [contender.name for contender in lab.contenders]
        means = {name: float(np.nanmean(self._of(name, "", lambda c: c.auc))) for name in names}
        self.policies = tuple(sorted(names, key=lambda name: (-means[name], name)))
        # the oracle is no policy that anybody can run
        self.best = next(name for name in self.policies if name != "oracle")
        self.overall = [self._line(name, "", self.best) for name in self.policies]
        self.by_world = [
            self._line(name, world, self._best_in(world)) for world in self.worlds for name in self.policies
        ]

    @property
    def tied(self) -> tuple[str, ...]:
        """The policies that these seeds do not tell apart from the best."""
        others = [line for line in self.overall if line.policy not in {self.best, "oracle"}]
        return tuple(line.policy for line in others if not line.behind.low > 0.0)

    def _best_in(self, world: str) -> str:
        able = [name for name in self.policies if name != "oracle"]
        return max(able, key=lambda name: float(np.mean(self._of(name, world, lambda c: c.auc))))

    def _of(self, policy: str, world: str, what: Callable[[Cell], float | None]) -> Floats:
        """A number of each seed; over worlds their mean, without those in which it is not defined."""
        rows = []
        for name in (world,) if world else self.worlds:
            given = [what(self.cells[name, policy, seed]) for seed in self.lab.seeds]
            rows.append([math.nan if value is None else float(value) for value in given])
        found = np.asarray(rows, dtype=np.float64)
        known = ~np.isnan(found)
        total, count = np.where(known, found, 0.0).sum(axis=0), known.sum(axis=0)
        mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        return mean

    @staticmethod
    def _interval(of_seeds: Floats) -> Interval:
        if np.isnan(of_seeds).any():
            return NOTHING
        error = math.nan if len(of_seeds) < 2 else float(of_seeds.std(ddof=1)) / math.sqrt(len(of_seeds))
        return _around(float(of_seeds.mean()), error, len(of_seeds))

    def _won_back(self, policy: str, world: str) -> Interval:
        """The share of the summed gap, so that a seed with hardly a gap counts little; its error by leaving out each seed."""
        worlds = [world] if world else [w for w in self.worlds if self._gap(w).mean() >= LEAST_GAP]
        gaps, won = np.zeros(len(self.lab.seeds)), np.zeros(len(self.lab.seeds))
        for name in worlds:
            gaps += self._gap(name)
            won += self._of(policy, name, lambda c: c.auc) - self._of("never", name, lambda c: c.auc)
        if not worlds or gaps.mean() < LEAST_GAP:
            return NOTHING
        count, error = len(gaps), math.nan
        if count > 1:
            without = (won.sum() - won) / (gaps.sum() - gaps)
            error = math.sqrt((count - 1) / count * float(np.square(without - without.mean()).sum()))
        return _around(float(won.sum() / gaps.sum()), error, count)

    def _gap(self, world: str) -> Floats:
        return self._of("oracle", world, lambda c: c.auc) - self._of("never", world, lambda c: c.auc)

    def _line(self, policy: str, world: str, best: str) -> Line:
        def mean(what: Callable[[Cell], float | None]) -> Interval:
            return self._interval(self._of(policy, world, what))

        auc = self._of(policy, world, lambda c: c.auc)
        detected = self._of(policy, world, lambda c: c.detected)
        return Line(
            world,
            policy,
            self._interval(auc),
            self._interval(self._of(best, world, lambda c: c.auc) - auc),
            self._won_back(policy, world),
            mean(lambda c: c.challengers),
            mean(lambda c: c.wrong),
            mean(lambda c: c.missed),
            mean(lambda c: c.delay),
            float(detected.mean()),
            mean(lambda c: c.lost),
            mean(lambda c: c.credits),
            mean(lambda c: c.training_seconds),
        )

    def words(self) -> str:
        """What the ranking rests on."""
        own, seeds = self.lab.settings, len(self.lab.seeds)
        tied = f"these seeds do not tell it apart from {', '.join(self.tied)}" if self.tied else "no other is as good"
        return (
            f"{self.best} has the highest served truth AUC, and {tied}. The ranking rests on the mean over "
            f"{len(self.worlds)} worlds ({', '.join(self.worlds)}), each counting alike, {seeds} seed{'s' if seeds > 1 else ''} "
            f"each, months {own.first_month} to {own.months}, {own.customers:,} customers. Intervals are 95%, by Student's t "
            f"over seeds; other worlds may rank otherwise. never and oracle bound what can be won: the oracle retrains and "
            f"promotes every month, untested."
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data, the shape of the JSON file."""
        return {
            "settings": asdict(self.lab.settings),
            "seeds": list(self.lab.seeds),
            "best": self.best,
            "not_told_apart": list(self.tied),
            "rests_on": self.words(),
            "overall": [line.to_dict() for line in self.overall],
            "by_world": [line.to_dict() for line in self.by_world],
            "cells": [cell.to_dict() for cell in self.cells.values()],
        }


def _around(value: float, error: float, seeds: int) -> Interval:
    """A value and its standard error, of so many seeds, as an interval."""
    if math.isnan(error):
        return Interval(value, math.nan, math.nan)
    half = error * float(special.stdtrit(seeds - 1, (1 + LEVEL) / 2))
    return Interval(value, value - half, value + half)
