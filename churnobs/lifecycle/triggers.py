"""Policies that look at something other than how far a metric fell: chance, estimates, drift, the calendar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from churnobs.errors import BadConfig
from churnobs.lifecycle.combined import Policy
from churnobs.lifecycle.decisions import History, Keep, Paired, Retrain, Trial
from churnobs.lifecycle.policy import MetricFloor
from churnobs.records import Measurement


@dataclass(frozen=True, slots=True)
class SignificantDrop(Policy):
    """Retrain when ROC AUC is below the best this lineage had by more than chance: one-sided at ``alpha``.

    The measurements are of different as-ofs, and their standard errors are Hanley and McNeil's (1982), by the churned and
    the others of each. Customers who are active at both make the difference surer than this says; that the best is the
    best of several makes it less sure. A difference smaller than ``least`` is never worth a challenger.
    """

    alpha: float = 0.01
    least: float = 0.01

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 0.5 or not 0.0 <= self.least < 1.0:
            raise BadConfig(f"{self} cannot be meant", hint="alpha above 0 and below .5, least from 0 to below 1")

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        known = [(m, value) for m in history.of("DEFAULT") if (value := m["ROC_AUC"]) is not None]
        if not known:
            return Keep("the default model has not been measured yet")
        (newest, now), (top, best) = known[-1], max(known, key=lambda one: one[1])
        error = math.hypot(_auc_error(newest), _auc_error(top))
        if math.isnan(error) or error == 0.0:
            return Keep("the error of ROC_AUC is not known")
        p = NormalDist().cdf((now - best) / error)
        words = f"ROC_AUC {now:.3f}, best it had {best:.3f} (p = {p:.2g})"
        return Retrain(words) if p < self.alpha and best - now >= self.least else Keep(words)


def _auc_error(measured: Measurement) -> float:
    """The standard error of a ROC AUC, after Hanley and McNeil; NaN where it cannot be known."""
    auc, rate = measured["ROC_AUC"], measured["BASE_RATE"]
    if auc is None or rate is None:
        return math.nan
    ups = round(measured.rows * rate)
    downs = measured.rows - ups
    if min(ups, downs) < 2:
        return math.nan
    above, twice = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc) + (ups - 1) * (above - auc * auc) + (downs - 1) * (twice - auc * auc)
    return math.sqrt(max(spread, 0.0) / (ups * downs))


@dataclass(frozen=True, slots=True)
class EstimatedFloor(Policy):
    """Retrain when the default model is expected to fall below a number at the newest as-of, before its labels are final.

    With ``sure`` the whole interval has to be below it. Estimates that did not come true so far call for nothing.
    What is expected of a model cannot tell that behaviour came to mean something else: join it with another policy.
    """

    metric: str = "ROC_AUC"
    floor: float = 0.7
    sure: bool = False

    @property
    def needs_estimates(self) -> bool:
        """Yes."""
        return True

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        value, _, high = history.estimates.get(self.metric, (None, None, None))
        if value is None or high is None:
            return Keep(f"{self.metric} of the default model is not estimated")
        if not history.trusted:
            return Keep(f"{self.metric} is estimated at {value:.3f}, and estimates are not to be trusted now")
        judged, what = (high, f"{value:.3f}, at most {high:.3f},") if self.sure else (value, f"{value:.3f}")
        words = f"{self.metric} is estimated at {what} {'below' if judged < self.floor else 'not below'} {self.floor:g}"
        return Retrain(words) if judged < self.floor else Keep(words)


@dataclass(frozen=True, slots=True)
class Drifted(Policy):
    """Retrain when so many features have a drift alarm (see ``DriftSettings``); ``columns`` names those that count."""

    alarms: int = 1
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.alarms < 1:
            raise BadConfig(f"{self.alarms} alarms", hint="give a whole number above 0")
        object.__setattr__(self, "columns", tuple(name.upper() for name in self.columns))

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        found = [column for column, _ in history.alarms if not self.columns or column in self.columns]
        named = f" ({', '.join(found[:3])})" if found else ""
        words = f"{len(found)} drift alarm{'' if len(found) == 1 else 's'}{named}, {self.alarms} needed"
        return Retrain(words) if len(found) >= self.alarms else Keep(words)


@dataclass(frozen=True, slots=True)
class Calendar(Policy):
    """Retrain every so many months, counted from the month in which a model was trained last."""

    months: int = 3

    def __post_init__(self) -> None:
        if self.months < 1:
            raise BadConfig(f"every {self.months} months", hint="give a whole number above 0")

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        ago = history.months_since_training()
        if ago is None:
            return Keep("no model was trained yet")
        words = f"a model was trained {_months_ago(ago)}, every {self.months} are asked for"
        return Retrain(words) if ago >= self.months else Keep(words)


@dataclass(frozen=True, slots=True)
class Cooldown(Policy):
    """Retrain only when no challenger was called for in the last ``months`` months: ``LiftOrDrop() & Cooldown(3)``."""

    months: int = 3

    def __post_init__(self) -> None:
        if self.months < 1:
            raise BadConfig(f"a cooldown of {self.months} months", hint="give a whole number above 0")

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        ago = history.months_since_challenge()
        if ago is None:
            return Retrain("no challenger was called for yet")
        words = f"a challenger was called for {_months_ago(ago)}"
        return Retrain(words) if ago > self.months else Keep(f"{words}, within {self.months}")


def _months_ago(number: int) -> str:
    return f"{number} month{'' if number == 1 else 's'} ago"


@dataclass(frozen=True, slots=True)
class DemoRule(Policy):
    """The demo's rule: retrain when F1 is below a number, promote whoever has the highest F1 on the labels, untested.

    Give it as both, ``LifecycleConfig(policy=rule, promotion=rule)``. That the demo trains on the newest month, whose labels
    are not final, is no rule but a mistake that the loop does not make: ``python -m simulations lab`` shows what it costs.
    """

    floor: float = 0.8

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        return MetricFloor("F1_SCORE", self.floor).decide(history)

    def choose(self, trial: Trial) -> tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], str]:
        """The candidate with the highest F1; the default where it is equalled, or where classes were not counted."""
        best: tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], float] = ("DEFAULT", 0.0)
        roles: tuple[Literal["BASE", "CHALLENGER"], ...] = ("CHALLENGER", "BASE")
        for role in roles:
            met = trial.pair(role, "DEFAULT")
            if met is None or not met.joint:
                continue
            own, default = _f1(met, first=True), _f1(met, first=False)
            if own > max(default, best[1]):
                best = (role, own)
        said = f"F1 {best[1]:.3f} is the highest" if best[0] != "DEFAULT" else "tie: nobody has a higher F1"
        return best[0], f"{said} on {trial.rows} rows, untested"


def _f1(pair: Paired, *, first: bool) -> float:
    """F1 of one of two, from their joint counts; 0 where it is not defined."""
    yes = (2, 3) if first else (1, 3)
    right = sum(pair.joint[4 + cell] for cell in yes)
    said = right + sum(pair.joint[cell] for cell in yes)
    churned = sum(pair.joint[4:])
    return 2.0 * right / (said + churned) if said + churned else 0.0
