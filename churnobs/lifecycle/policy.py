"""When to train a challenger, and when it may take over: arithmetic on records, nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from churnobs.errors import BadConfig
from churnobs.expressions.performance import BINARY_METRICS
from churnobs.lifecycle.decisions import History, Keep, Paired, Retrain, Trial
from churnobs.records import Measurement


@runtime_checkable
class RetrainPolicy(Protocol):
    """Decides, after each month with new final labels, whether a challenger is trained. Your own needs this one method."""

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain, with the reason in words."""


@dataclass(frozen=True, slots=True)
class LiftOrDrop:
    """The default: retrain when the model is no longer worth having, or well below its best.

    Fires when the newest measurement does not beat the trivial classifiers (the gate: ROC AUC above the recency rule's
    and log loss below the base rate's), or ROC AUC is more than ``drop`` below the best this lineage ever had on final
    labels. A promotion does not reset that best. Once fired, a challenger is trained each month until the score is back
    (within ``near`` of the best) or ``patience`` months have passed; a model that is still too low fires anew.
    """

    drop: float = 0.05
    near: float = 0.01
    patience: int = 6
    alpha: float = 0.05

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        measured = history.of("DEFAULT")
        if not measured:
            return Keep("the default model has not been measured yet")
        now = measured[-1]["ROC_AUC"]
        if now is None:
            return Keep("the newest final labels are all of one class")
        if not measured[-1].passes_gate(self.alpha):
            return Retrain("the model does not beat the trivial classifiers on the newest final labels")
        best, months = self._episode(measured)
        if now < best * (1 - self.drop):
            return Retrain(f"ROC_AUC {now:.3f} is more than {self.drop:.0%} below the best it had, {best:.3f}")
        if months:
            return Retrain(f"ROC_AUC {now:.3f} is not back at the best it had, {best:.3f}")
        return Keep(f"ROC_AUC {now:.3f} is within {self.drop:.0%} of the best it had, {best:.3f}")

    def _episode(self, measured: Sequence[Measurement]) -> tuple[float, int]:
        """The best ROC AUC so far, and for how many months retraining has been called for (0 when it is not)."""
        best, months = 0.0, 0
        for measurement in measured:
            value = measurement["ROC_AUC"]
            if value is None:
                continue
            best = max(best, value)
            over = months >= self.patience
            if value < best * (1 - self.drop) or not measurement.passes_gate(self.alpha):
                months = 1 if over else months + 1
            elif months:
                months = 0 if over or value >= best * (1 - self.near) else months + 1
        return best, months


@dataclass(frozen=True, slots=True)
class MetricFloor:
    """Retrain when a metric of the default model is below a number; the demo's rule is F1_SCORE below 0.8.

    An F1 floor fires by base rate: at a churn rate p "everyone churns" scores 2p/(1+p), whatever the model knows.
    """

    metric: str = "F1_SCORE"
    floor: float = 0.8

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        measured = history.of("DEFAULT")
        value = measured[-1][self.metric] if measured else None
        if value is None:
            return Keep(f"{self.metric} of the default model is not known")
        words = f"{self.metric} {value:.3f} is {'below' if value < self.floor else 'not below'} {self.floor:g}"
        return Retrain(words) if value < self.floor else Keep(words)


@dataclass(frozen=True, slots=True)
class RelativeDrop:
    """Retrain when a metric is more than a share below its best since the last promotion."""

    metric: str = "ROC_AUC"
    drop: float = 0.05

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain."""
        measured = history.of("DEFAULT")
        if not measured:
            return Keep("the default model has not been measured yet")
        version = measured[-1].version
        values = [v for m in measured if m.version == version and (v := m[self.metric]) is not None]
        if not values:
            return Keep(f"{self.metric} of the default model is not known")
        words = f"{self.metric} {values[-1]:.3f}, best of {version} {max(values):.3f}"
        return Retrain(words) if values[-1] < max(values) * (1 - self.drop) else Keep(words)


@dataclass(frozen=True, slots=True)
class Always:
    """Retrain whenever labels become final."""

    def decide(self, history: History) -> Keep | Retrain:  # noqa: ARG002
        """Retrain."""
        return Retrain("the policy retrains whenever labels become final")


@dataclass(frozen=True, slots=True)
class Never:
    """Keep the first model for ever: what would have been had nobody retrained."""

    def decide(self, history: History) -> Keep | Retrain:  # noqa: ARG002
        """Keep."""
        return Keep("the policy never retrains")


@runtime_checkable
class PromotionRule(Protocol):
    """Decides which candidate serves after a trial."""

    def choose(self, trial: Trial) -> tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], str]:
        """The role that serves from now on, and why; DEFAULT for a tie."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Promote a candidate whose ROC AUC is above the default's, one-sided at ``alpha``, on rows neither has seen."""

    alpha: float = 0.05

    def choose(self, trial: Trial) -> tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], str]:
        """The best candidate that beats the default; a tie leaves the default in place."""
        better = [role for role in ("CHALLENGER", "BASE") if trial.p_better(role, "DEFAULT") < self.alpha]
        if not better:
            return (
                "DEFAULT",
                f"tie: nobody beats the default's ROC_AUC {trial.auc['DEFAULT']:.3f} on {trial.rows} unseen rows",
            )
        winner: Literal["BASE", "CHALLENGER"] = "CHALLENGER" if "CHALLENGER" in better else "BASE"
        if len(better) == 2 and trial.auc["BASE"] > trial.auc["CHALLENGER"]:
            winner = "BASE"
        return winner, (
            f"{winner.lower()} has ROC_AUC {trial.auc[winner]:.3f} against {trial.auc['DEFAULT']:.3f} "
            f"on {trial.rows} unseen rows (p = {trial.p_better(winner, 'DEFAULT'):.2g})"
        )


@dataclass(frozen=True, slots=True)
class ConfidentGain:
    """Promote a candidate that is better than the default by at least ``gain``, with at least ``certainty``.

    The certainty for ROC_AUC is the normal cdf of (difference - gain) / standard error by DeLong; for F1_SCORE,
    PRECISION, RECALL and CLASSIFICATION_ACCURACY it is the share of 10,000 resamples of the trial's joint class counts.

    Args:
        metric: what has to gain.
        gain: the least difference worth a promotion, 0 to below 1.
        certainty: how certain it has to be, above .5 and below 1.
        seed: of the resamples.
    """

    metric: str = "ROC_AUC"
    gain: float = 0.0
    certainty: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.metric not in BINARY_METRICS:
            raise BadConfig(f"{self.metric!r} cannot be gained", hint=f"one of {', '.join(BINARY_METRICS)}")
        if not 0.0 <= self.gain < 1.0:
            raise BadConfig(f"a gain of {self.gain} cannot be meant", hint="give 0 or more, below 1")
        if not 0.5 < self.certainty < 1.0:
            raise BadConfig(f"a certainty of {self.certainty} cannot be meant", hint="give more than .5, below 1")

    def choose(self, trial: Trial) -> tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], str]:
        """The best candidate that certainly gains enough; without one the default stays."""
        asked = f"by at least {self.gain:g} " if self.gain else ""
        roles: tuple[Literal["BASE", "CHALLENGER"], ...] = ("CHALLENGER", "BASE")
        met = {role: self._met(pair) for role in roles if (pair := trial.pair(role, "DEFAULT")) is not None}
        # the newer one where both are equally good
        better = sorted((r for r in met if met[r][2] >= self.certainty), key=lambda r: -met[r][0])
        if not better:
            found = ", ".join(f"{role.lower()} {sure:.3g}" for role, (_, _, sure) in met.items())
            return "DEFAULT", (
                f"tie: nobody beats the default's {self.metric} {asked}with certainty {self.certainty:g} "
                f"on {trial.rows} unseen rows ({found or 'nobody was compared'})"
            )
        value, default, sure = met[better[0]]
        return better[0], (
            f"{better[0].lower()} has {self.metric} {value:.3f} against {default:.3f} on {trial.rows} unseen rows, "
            f"better {asked}with certainty {sure:.3g}"
        )

    def _met(self, pair: Paired) -> tuple[float, float, float]:
        """The metric of the candidate and of the default, and how certain the gain is; 0 where it cannot be known."""
        # NumPy is loaded when a trial is judged, not with the settings
        from churnobs.class_comparison import JointCounts
        from churnobs.comparison import PairedComparison

        if self.metric == "ROC_AUC":
            first, second, error = pair.auc_first, pair.auc_second, pair.standard_error
            if math.isnan(first) or math.isnan(second) or error is None:
                return first, second, 0.0
            judged = PairedComparison(first, second, first - second, error, pair.p_value, pair.rows)
            return first, second, judged.certainty(self.gain)
        if not pair.joint:
            return math.nan, math.nan, 0.0
        found = JointCounts(pair.joint).compare(metric=self.metric, gain=self.gain, seed=self.seed)
        first, second = (math.nan if v is None else v for v in (found.value_a, found.value_b))
        return first, second, found.certainty


@dataclass(frozen=True, slots=True)
class PromoteAlways:
    """Promote every challenger untested: with ``Always``, the oracle that retrains monthly."""

    def choose(self, trial: Trial) -> tuple[Literal["BASE", "DEFAULT", "CHALLENGER"], str]:  # noqa: ARG002
        """The challenger."""
        return "CHALLENGER", "every challenger is promoted, untested"


POLICIES: Mapping[str, RetrainPolicy] = {
    "default": LiftOrDrop(),
    "f1-floor": MetricFloor(),
    "relative-drop": RelativeDrop(),
    "always": Always(),
    "never": Never(),
}


def policy_named(name: str) -> RetrainPolicy:
    """A policy by its name: default, f1-floor (the demo's F1 < 0.8), relative-drop, always, never."""
    if name not in POLICIES:
        raise BadConfig(f"{name!r} is no policy", hint=f"one of {', '.join(POLICIES)}")
    return POLICIES[name]
