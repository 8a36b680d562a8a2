"""Who may take over after a trial: arithmetic on records, nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from churnobs.errors import BadConfig
from churnobs.expressions.performance import BINARY_METRICS
from churnobs.lifecycle.decisions import Paired, Trial


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
