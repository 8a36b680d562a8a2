"""One look at one alert: try again what failed, evaluate the condition, act, and say what is to be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from churnobs.alerts.actions import ByIntegration, RetrainAction, ToTable, action_words, told
from churnobs.alerts.alert import Alert, AlertRecord, Undelivered
from churnobs.alerts.conditions import Condition, Finding, Observed
from churnobs.alerts.event import AlertEvent, DriftedColumn, restored, stored
from churnobs.display import Shown

ScheduledFrom: TypeAlias = Literal["SCHEDULE", "EXECUTE ALERT"]
State: TypeAlias = Literal["CONDITION_FALSE", "CONDITION_FAILED", "TRIGGERED", "ACTION_FAILED"]
# what came of a true condition
Taken: TypeAlias = Literal["TAKEN", "SUPPRESSED", "RETRY", "GIVEN_UP"]
REQUESTS: Final = "RETRAIN_REQUESTS"
_TOP_COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class Look(Shown):
    """What one look came to.

    Args:
        before: the alert as it stood; None for one that is new.
        after: as it stands now.
        rows: of ALERT_HISTORY, in order: one an alarm tried again, then one of this look. POSITION is not set yet.
        writes: rows of other tables that commit with them, as (table, row).
    """

    before: AlertRecord | None
    after: AlertRecord
    rows: tuple[dict[str, Any], ...]
    writes: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(slots=True)
class Looker:
    """Looks once at one alert.

    Args:
        alert, record: the alert with its code, and as it is stored.
        observed: of the month.
        scheduled_from: who asked.
        find: evaluates a condition; may read a monitor first.
        check_table: raises when a table of the user's cannot take the rows of ToTable.
    """

    alert: Alert
    record: AlertRecord
    observed: Observed
    scheduled_from: ScheduledFrom
    find: Callable[[Condition, Observed], Finding]
    check_table: Callable[[str], None]
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    writes: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)
    failed: bool = False
    # the months of alarms that were given up and of which nobody was told
    lost: set[str] = dataclasses.field(default_factory=set)

    def look(self, before: AlertRecord | None) -> Look:
        """Look; neither a condition nor an action that fails stops the caller."""
        waits = [self._act(restored(one.event), one, None) for one in self.record.undelivered]
        # that nobody was told of it ends an alarm: the next look may fire anew
        still = None if self.record.firing_since in self.lost else self.record.firing_since
        firing_since = self._evaluate(waits, still)
        return Look(before, self._after(waits, firing_since), tuple(self.rows), tuple(self.writes))

    def _evaluate(self, waits: list[Undelivered | None], still: str | None) -> str | None:
        """Evaluate the condition and act on it; gives the month of the alarm that stands for its cause from now on."""
        try:
            found = self.find(self.alert.condition, self.observed)
        except Exception as error:  # noqa: BLE001  # whatever a condition raises is recorded, not fatal
            self.failed = True
            self._row("CONDITION_FAILED", error=told(error))
            return still
        if not found.fired:
            self._row("CONDITION_FALSE", found)
            # an unknown number does not say that the cause is gone
            return still if found.fired is None else None
        if self.record.firing_since is not None and not self.alert.repeat:
            self._row("TRIGGERED", found, taken="SUPPRESSED")
            return still
        self.lost.clear()
        event = alarm(self.alert, found, self.observed)
        waits.append(self._act(event, Undelivered(stored(event), 0, tuple(range(len(self.alert.action)))), found))
        return None if self.lost else event.month

    def _act(self, event: AlertEvent, one: Undelivered, found: Finding | None) -> Undelivered | None:
        """Do what is left to do about an alarm, and add its row; gives what failed and is to be tried again."""
        failures = [(number, words) for number in one.left if (words := self._done(event, number))]
        attempt = one.attempts + 1
        error = "; ".join(words for _, words in failures) or None
        retry = bool(failures) and attempt <= self.alert.retries
        taken: Taken = "RETRY" if retry else "GIVEN_UP" if failures else "TAKEN"
        state: State = "ACTION_FAILED" if failures else "TRIGGERED"
        self._row(state, found, taken=taken, event=event, attempt=attempt, error=error)
        self.failed |= bool(failures)
        if taken == "GIVEN_UP" and len(failures) == len(self.alert.action):
            self.lost.add(event.month)
        return Undelivered(stored(event), attempt, tuple(number for number, _ in failures)) if retry else None

    def _done(self, event: AlertEvent, number: int) -> str:
        """Do one action; gives what went wrong in words, or nothing."""
        action = self.alert.action[number]
        try:
            if isinstance(action, ToTable):
                self.check_table(action.name)
                self.writes.append((action.name, _table_row(event)))
            elif isinstance(action, RetrainAction):
                request = {"NAME": event.name, "MONTH": event.month, "WORDS": event.words, "STATE": "ASKED"}
                self.writes.append((REQUESTS, request))
            elif not isinstance(action, ByIntegration):
                # such a message is sent by the account, which reads the history that this look adds to
                action(event)
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises is recorded, not fatal
            words = told(error)
            return words if len(self.alert.action) == 1 else f"{action_words(action)}: {words}"
        return ""

    def _row(
        self,
        state: State,
        found: Finding | None = None,
        *,
        taken: Taken | None = None,
        event: AlertEvent | None = None,
        attempt: int | None = None,
        error: str | None = None,
    ) -> None:
        told_of = found or event
        self.rows.append(
            {
                "NAME": self.alert.name,
                "MONTH": event.month if event else self.observed.month,
                "STATE": state,
                "CONDITION": self.record.condition,
                "ACTION": ", ".join(self.record.actions),
                "METRIC_NAME": told_of.metric if told_of else None,
                "METRIC_VALUE": told_of.value if told_of else None,
                "THRESHOLD": told_of.threshold if told_of else None,
                "WORDS": told_of.words if told_of else None,
                "ACTION_TAKEN": taken,
                "ATTEMPT": attempt,
                "SCHEDULED_FROM": self.scheduled_from,
                "SCHEDULED_TIME": self.observed.now,
                "SQL_ERROR_MESSAGE": error,
                "EVENT": stored(event) if event else None,
            }
        )

    def _after(self, waits: Sequence[Undelivered | None], firing_since: str | None) -> AlertRecord:
        left = tuple(one for one in waits if one is not None)
        failures = self.record.failures + 1 if self.failed else 0
        limit = self.alert.suspend_after_num_failures
        after = dataclasses.replace(self.record, firing_since=firing_since, undelivered=left, failures=failures)
        if limit and failures >= limit and after.state == "started":
            after = dataclasses.replace(after, state="suspended", was_auto_suspended=True)
        return after


def alarm(alert: Alert, found: Finding, observed: Observed) -> AlertEvent:
    """What a true condition has to tell."""
    assert found.value is not None
    assert found.threshold is not None
    return AlertEvent(
        name=alert.name,
        month=observed.month,
        metric=found.metric,
        value=found.value,
        threshold=found.threshold,
        derived=found.derived,
        words=found.words,
        condition=alert.condition.words,
        as_of=observed.as_of,
        version=found.version,
        datasets=observed.datasets.get(found.version or "", ()),
        segment=observed.segment,
        drifted=most_drifted(found.columns, observed),
        proposed=alert.runbook or found.proposed,
        comment=alert.comment,
    )


def most_drifted(first: Sequence[str], observed: Observed) -> tuple[DriftedColumn, ...]:
    """The columns that an alarm is about, then those that moved most by JENSEN_SHANNON, five at most."""
    by = "JENSEN_SHANNON"
    moved = [(values[by], column) for column, values in observed.drift.items() if values.get(by) is not None]
    ranked = [column for _, column in sorted(moved, key=lambda pair: (-(pair[0] or 0.0), pair[1]))]
    names = list(dict.fromkeys((*first, *ranked)))[:_TOP_COLUMNS]
    return tuple(DriftedColumn(name, by, observed.drift.get(name, {}).get(by)) for name in names)


def _table_row(event: AlertEvent) -> dict[str, Any]:
    return {
        "NAME": event.name,
        "MONTH": event.month,
        "METRIC_NAME": event.metric,
        "METRIC_VALUE": event.value,
        "THRESHOLD": event.threshold,
        "WORDS": event.words,
        "EVENT": event.to_json(),
    }
