"""What a month can decide, as records; and the history that decisions are made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from churnobs.display import Shown
from churnobs.months import Month
from churnobs.records import Measurement

Action = Literal["wait", "first_model", "keep", "tie", "promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Wait:
    """No as-of became final since the last decision: nothing is measured and nothing decided."""

    reason: str


@dataclass(frozen=True, slots=True)
class TrainFirst:
    """There are final labels and no model yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The default model stays, untested."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retrain:
    """Train a challenger and let it meet the others."""

    reason: str


Plan = Wait | TrainFirst | Keep | Retrain


@dataclass(frozen=True, slots=True)
class Paired(Shown):
    """Two candidates on the same unseen rows: ROC AUC of each, and the one-sided p-value that the first is no better.

    Beside it ``standard_error`` of the difference of ROC AUC, the two-sided ``mcnemar_p`` that both classify equally
    often right, and the eight ``joint`` counts of (label, class of the first, class of the second), in the order of
    ``churnobs.class_comparison.JointCounts``. Trials journaled before these were kept have None and no counts.
    """

    first: str
    second: str
    auc_first: float
    auc_second: float
    p_value: float
    rows: int
    standard_error: float | None = None
    mcnemar_p: float | None = None
    joint: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial(Shown):
    """Champion and challengers on rows that none of them has seen.

    ``auc`` holds ROC_AUC by role (BASE, DEFAULT, CHALLENGER); ``paired`` the comparisons made.
    """

    as_ofs: tuple[dt.date, ...]
    rows: int
    auc: Mapping[str, float]
    paired: tuple[Paired, ...]

    def p_better(self, first: str, second: str) -> float:
        """The p-value that ``first`` is no better than ``second``; 1 where they were not compared."""
        met = self.pair(first, second)
        return 1.0 if met is None else met.p_value

    def pair(self, first: str, second: str) -> Paired | None:
        """How ``first`` did against ``second``; None where they were not compared."""
        return next((p for p in self.paired if (p.first, p.second) == (first, second)), None)


@dataclass(frozen=True, slots=True)
class Decision(Shown):
    """What a month decided and why; ``default_version`` serves from this month's predictions on."""

    month: str
    action: Action
    reason: str
    default_version: str | None
    # whether a challenger was called for, whatever came of it
    retrain: bool = False
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class History(Shown):
    """What a policy may look at: measurements on final labels and past decisions, oldest first.

    Args:
        measurements: of what was stored at each as-of; the newest as-of is the last.
        decisions: of the months before this one, waiting ones included.
        drift: this month's, by column and metric.
        month: this month, as 2024-05.
        alarms: (column, words) of the features whose drift is an alarm this month, strongest first.
        estimates: metric -> (value, low, high) that the default model is expected to have at this month's as-of, whose
            labels are not final; empty unless the policy has ``needs_estimates``.
        trusted: whether such estimates came true so far; None where nothing is estimated.
    """

    measurements: tuple[Measurement, ...] = ()
    decisions: tuple[Decision, ...] = ()
    drift: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    month: str = ""
    alarms: tuple[tuple[str, str], ...] = ()
    estimates: Mapping[str, tuple[float | None, float | None, float | None]] = field(default_factory=dict)
    trusted: bool | None = None

    def of(self, role: Literal["BASE", "DEFAULT", "CHALLENGER"]) -> tuple[Measurement, ...]:
        """The measurements of one role."""
        return tuple(m for m in self.measurements if m.role == role)

    def months_since_training(self) -> int | None:
        """How many months ago a model was trained, first or challenger; None before that."""
        return self._since([d for d in self.decisions if d.retrain or d.action == "first_model"])

    def months_since_challenge(self) -> int | None:
        """How many months ago a challenger was called for; None before that."""
        return self._since([d for d in self.decisions if d.retrain])

    def _since(self, decisions: Sequence[Decision]) -> int | None:
        if not decisions:
            return None
        then = _number(Month.parse(decisions[-1].month))
        now = _number(Month.parse(self.month) if self.month else Month.parse(self.decisions[-1].month).next())
        return now - then


def _number(month: Month) -> int:
    return 12 * month.year + month.number
