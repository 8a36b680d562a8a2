"""Alerts: a threshold on a number of the month, an action when it is crossed, and a history of every look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from churnobs.display import Shown
from churnobs.divergence import DRIFT_METRICS
from churnobs.errors import BadConfig
from churnobs.expressions.performance import BINARY_METRICS
from churnobs.records import Measurement, identifier

# what a Measurement holds
_MEASURED: Final = (
    *BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1", "NEVER_F1", "RECENCY_F1", "RECENCY_AUC", "P_ABOVE_RECENCY",
    "P_BELOW_BASE_RATE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AlertEvent(Shown):
    """What an action is told: which alert, which month, and the number that crossed the threshold."""

    name: str
    month: str
    metric: str
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Alert(Shown):
    """A condition on a metric of a role, or on a drift metric of a column.

    Args:
        name: upper-cased.
        metric: F1_SCORE, ROC_AUC, LOG_LOSS, ... of ``role``, or with ``column`` one of the four drift metrics.
        below, above: exactly one threshold.
        role: whose metric.
        column: the drifting column.
        action: called with the AlertEvent when triggered; without one the row in ALERT_HISTORY is the action. An action
            may be called again for the same month if the process dies before the month's row is kept.
    """

    name: str
    metric: str
    below: float | None = None
    above: float | None = None
    role: Literal["BASE", "DEFAULT", "CHALLENGER"] = "DEFAULT"
    column: str | None = None
    action: Callable[[AlertEvent], Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))
        object.__setattr__(self, "metric", self.metric.upper())
        if (self.below is None) == (self.above is None):
            raise BadConfig(f"alert {self.name} needs one threshold", hint="give below= or above=")
        known = _MEASURED if self.column is None else DRIFT_METRICS
        if self.metric not in known:
            raise BadConfig(f"alert {self.name} looks at {self.metric}", hint=f"give one of {', '.join(known)}")

    @property
    def threshold(self) -> float:
        """The number that is not to be crossed."""
        return self.below if self.below is not None else self.above or 0.0

    def value(self, measured: Sequence[Measurement], drift: Mapping[str, Mapping[str, float | None]]) -> float | None:
        """The number of this month; None where it is not known."""
        if self.column is not None:
            return drift.get(identifier(self.column), {}).get(self.metric)
        own = [m for m in measured if m.role == self.role]
        return own[-1][self.metric] if own else None

    def crossed(self, value: float) -> bool:
        """Whether a number is on the wrong side."""
        return value < self.threshold if self.below is not None else value > self.threshold


def look(
    alert: Alert, month: str, measured: Sequence[Measurement], drift: Mapping[str, Mapping[str, float | None]]
) -> dict[str, Any]:
    """Look at an alert once, act when it is triggered, and give its row of ALERT_HISTORY.

    An unknown number is CONDITION_FALSE. A failing action is kept as ACTION_FAILED and never stops the loop.
    """
    value = alert.value(measured, drift)
    row: dict[str, Any] = {
        "NAME": alert.name,
        "MONTH": month,
        "STATE": "CONDITION_FALSE",
        "METRIC_NAME": alert.metric,
        "METRIC_VALUE": value,
        "THRESHOLD": alert.threshold,
        "SQL_ERROR_MESSAGE": None,
    }
    if value is None or not alert.crossed(value):
        return row
    row["STATE"] = "TRIGGERED"
    if alert.action is not None:
        try:
            alert.action(AlertEvent(alert.name, month, alert.metric, value, alert.threshold))
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises is recorded, not fatal
            row["STATE"], row["SQL_ERROR_MESSAGE"] = "ACTION_FAILED", f"{type(error).__name__}: {error}"
    return row
