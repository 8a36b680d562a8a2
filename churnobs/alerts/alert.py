"""An alert: a condition, what to do when it is true, and how it is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from churnobs.alerts import actions as acting
from churnobs.alerts import conditions as looking
from churnobs.alerts.actions import Action
from churnobs.alerts.conditions import Condition, Finding, Metric, Observed, Role
from churnobs.display import Shown
from churnobs.errors import BadConfig, NotFound
from churnobs.records import identifier


@dataclass(frozen=True, slots=True, init=False)
class Alert(Shown):
    """A condition and what to do when it is true.

    ``Alert("low_f1", Metric("F1_SCORE", below=0.7))``, or the same as ``Alert("low_f1", "F1_SCORE", below=0.7)``.

    Args:
        name: upper-cased.
        condition: Metric, Estimated, DriftAlarm, Freshness or your own; or the name of a metric, which with ``below``,
            ``above``, ``role``, ``column`` and ``monitor`` makes a Metric.
        action: a callable that is told the AlertEvent, ToTable, RetrainAction, Notify, or several of them; without one
            the row in ALERT_HISTORY is the action. Code may be called again for the same alarm if the process dies
            before the month's row is kept; ToTable and RetrainAction commit together with that row.
        comment: for people.
        runbook: what to do about the alarm; replaces the condition's own proposal.
        repeat: act at every look at which the condition is true. Otherwise a condition that stays true acts once, and
            again only after it was false; an unknown number neither fires nor ends that.
        retries: at how many later looks an action that failed is tried again.
        suspend_after_num_failures: suspend after so many looks in a row whose condition or action failed; 0 for never.

    Raises:
        BadConfig: something of it cannot be meant.
    """

    name: str
    condition: Condition
    action: tuple[Action, ...] = field(repr=False)
    comment: str
    runbook: str
    repeat: bool
    retries: int
    suspend_after_num_failures: int

    def __init__(
        self,
        name: str,
        condition: Condition | str | None = None,
        *,
        metric: str | None = None,
        below: float | None = None,
        above: float | None = None,
        role: Role = "DEFAULT",
        column: str | None = None,
        monitor: str | None = None,
        action: Action | Sequence[Action] | None = None,
        comment: str = "",
        runbook: str = "",
        repeat: bool = False,
        retries: int = 3,
        suspend_after_num_failures: int = 0,
    ) -> None:
        name = identifier(name)
        given = metric if condition is None else condition
        if given is None or (metric is not None and condition is not None):
            raise BadConfig(f"alert {name} needs one condition", hint='for example Metric("F1_SCORE", below=0.7)')
        try:
            made = Metric(given, below, above, role, column, monitor) if isinstance(given, str) else given
            settled = acting.as_actions(action)
        except BadConfig as error:
            raise BadConfig(f"alert {name}: {error.message}", hint=error.hint) from error
        if made is given and (below, above, role, column, monitor) != (None, None, "DEFAULT", None, None):
            raise BadConfig(f"alert {name} has a threshold beside its condition", hint="give it to the condition")
        if not isinstance(made, Condition):
            raise BadConfig(f"alert {name}: {made!r} is no condition", hint="it needs words and look(observed)")
        for what, number in (("retries", retries), ("suspend_after_num_failures", suspend_after_num_failures)):
            if number < 0:
                raise BadConfig(f"alert {name}: {what} is {number}", hint="give a whole number from 0")
        values: dict[str, Any] = {
            "name": name, "condition": made, "action": settled, "comment": comment, "runbook": runbook,
            "repeat": repeat, "retries": retries, "suspend_after_num_failures": suspend_after_num_failures,
        }  # fmt: skip
        for key, value in values.items():
            object.__setattr__(self, key, value)


@dataclass(frozen=True, slots=True)
class Undelivered(Shown):
    """An alarm whose action failed: the alarm as JSON, how often it was tried, and which actions are left."""

    event: str
    attempts: int
    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AlertRecord(Shown):
    """An alert as it is stored: what it is, and where it stands. Code is kept by its name only.

    Args:
        condition, actions: in words.
        condition_data, actions_data: as JSON text; empty for code.
        state: Snowflake's words for it.
        was_auto_suspended: suspended by its failures.
        failures: looks in a row that failed.
        firing_since: the month of the alarm whose cause goes on; None when the condition may fire anew.
        undelivered: alarms whose actions are tried again, oldest first.
    """

    name: str
    condition: str
    condition_data: str
    actions: tuple[str, ...] = ()
    actions_data: tuple[str, ...] = ()
    comment: str = ""
    runbook: str = ""
    repeat: bool = False
    retries: int = 3
    suspend_after_num_failures: int = 0
    state: Literal["suspended", "started"] = "suspended"
    was_auto_suspended: bool = False
    failures: int = 0
    firing_since: str | None = None
    undelivered: tuple[Undelivered, ...] = ()


@dataclass(frozen=True, slots=True)
class UnboundCondition:
    """Stands for a condition that is code and was not given in this process."""

    words: str

    def look(self, observed: Observed) -> Finding:  # noqa: ARG002
        """Fail.

        Raises:
            NotFound: always.
        """
        raise NotFound(
            f"the condition ({self.words}) is code that this process was not given",
            hint="give the alert again: in LifecycleConfig(alerts=...), or workspace.alerts.alter_alert(alert)",
        )


def record_of(alert: Alert, before: AlertRecord | None = None) -> AlertRecord:
    """An alert as it is stored.

    Without ``before`` it is new and suspended. Otherwise it keeps where it stands: an alarm that waits goes to the new
    actions when those changed, and a changed condition forgets that the old one was true.
    """
    made = AlertRecord(
        name=alert.name,
        condition=alert.condition.words,
        condition_data=looking.packed(alert.condition),
        actions=tuple(acting.action_words(action) for action in alert.action),
        actions_data=tuple(acting.packed(action) for action in alert.action),
        comment=alert.comment,
        runbook=alert.runbook,
        repeat=alert.repeat,
        retries=alert.retries,
        suspend_after_num_failures=alert.suspend_after_num_failures,
    )
    if before is None:
        return made
    waits = before.undelivered
    if made.actions != before.actions:
        everything = tuple(range(len(made.actions)))
        waits = tuple(Undelivered(one.event, one.attempts, everything) for one in waits)
    same = (made.condition, made.condition_data) == (before.condition, before.condition_data)
    return dataclasses.replace(
        made,
        state=before.state,
        was_auto_suspended=before.was_auto_suspended,
        failures=before.failures,
        firing_since=before.firing_since if same else None,
        undelivered=waits,
    )


def alert_of(record: AlertRecord) -> Alert:
    """The alert that was stored; where it was code, what stands for it says so when it is looked at."""
    condition: Condition = (
        looking.unpacked(record.condition_data) if record.condition_data else UnboundCondition(record.condition)
    )
    pairs = zip(record.actions_data, record.actions, strict=True)
    return Alert(
        record.name,
        condition,
        action=tuple(acting.unpacked(text, words) for text, words in pairs),
        comment=record.comment,
        runbook=record.runbook,
        repeat=record.repeat,
        retries=record.retries,
        suspend_after_num_failures=record.suspend_after_num_failures,
    )
