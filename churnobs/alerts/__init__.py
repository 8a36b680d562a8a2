"""Alerts: a condition on what a month showed, an action when it is true, and a history of every look."""

from churnobs.alerts.actions import RetrainAction, ToTable
from churnobs.alerts.alert import Alert, AlertRecord
from churnobs.alerts.conditions import Condition, DriftAlarm, Estimated, Finding, Freshness, Metric, Observed
from churnobs.alerts.door import Alerts
from churnobs.alerts.event import AlertEvent, DriftedColumn
from churnobs.alerts.notify import Notify

__all__ = [
    "Alert", "AlertEvent", "AlertRecord", "Alerts", "Condition", "DriftAlarm", "DriftedColumn", "Estimated", "Finding",
    "Freshness", "Metric", "Notify", "Observed", "RetrainAction", "ToTable",
]  # fmt: skip
