"""When to train a challenger, by what was measured on final labels: arithmetic on records, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churnobs.lifecycle.combined import Policy
from churnobs.lifecycle.decisions import History, Keep, Retrain
from churnobs.records import Measurement


@dataclass(frozen=True, slots=True)
class LiftOrDrop(Policy):
    """Retrain when the model is no longer worth having, or well below its best; with ``Calendar(6)`` the default.

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
class MetricFloor(Policy):
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
class RelativeDrop(Policy):
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
class Always(Policy):
    """Retrain whenever labels become final."""

    def decide(self, history: History) -> Keep | Retrain:  # noqa: ARG002
        """Retrain."""
        return Retrain("the policy retrains whenever labels become final")


@dataclass(frozen=True, slots=True)
class Never(Policy):
    """Keep the first model for ever: what would have been had nobody retrained."""

    def decide(self, history: History) -> Keep | Retrain:  # noqa: ARG002
        """Keep."""
        return Keep("the policy never retrains")
