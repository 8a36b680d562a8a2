"""The door to alerts: create, resume, suspend, execute, look, acknowledge, and read what happened."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from churnobs import tables
from churnobs.alerts.actions import ByIntegration, ToTable
from churnobs.alerts.alert import Alert, AlertRecord, alert_of, record_of
from churnobs.alerts.conditions import Condition, Finding, Metric, Observed
from churnobs.alerts.event import AlertEvent, restored
from churnobs.alerts.look import REQUESTS, Look, Looker, ScheduledFrom
from churnobs.codec import from_json
from churnobs.display import Shown
from churnobs.errors import AlreadyExists, BadConfig, NotFound, NotSupported
from churnobs.records import identifier

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.monitor import Monitor
    from churnobs.ports import AlertPort, EnginePort
    from churnobs.tables import Columns

SCHEDULE: Final = "EACH MONTH"
_SHOWN: Final = (
    "name", "state", "schedule", "condition", "action", "comment", "runbook", "was_auto_suspended",
    "suspend_after_num_failures", "failures", "firing_since", "undelivered", "repeat", "retries",
)  # fmt: skip
_FIRED: Final = ("TRIGGERED", "ACTION_FAILED")


@dataclass(frozen=True, slots=True)
class Request(Shown):
    """A retraining that an alert asked for."""

    name: str
    month: str
    words: str


@dataclass(frozen=True, slots=True)
class Looks(Shown):
    """What looking at some alerts came to; nothing of it is in the database yet. ``rows`` are of ALERT_HISTORY."""

    looks: tuple[Look, ...]
    rows: tuple[dict[str, Any], ...]
    observed: Observed

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal keeps: the rows, and what was observed, so that an alert can be executed on it later."""
        return {"alerts": list(self.rows), "observed": self.observed}


@final
class Alerts:
    """The alerts of one workspace; states and rules are Snowflake's.

    A new alert is suspended. The loop looks at every started alert once a month; those of ``LifecycleConfig.alerts`` it
    creates and resumes when it first sees them, and a later suspend is kept. Code (a callable, Notify, a condition of
    your own) is never stored: until it is given again in a new process, the history says that it is missing.
    """

    def __init__(self, engine: EnginePort, port: AlertPort, monitor: Monitor) -> None:
        self._engine = engine
        self._port = port
        self._monitor = monitor
        # the alerts that this process was given, with their code
        self._given: dict[str, Alert] = {}

    def create_alert(self, alert: Alert, *, or_replace: bool = False) -> AlertRecord:
        """Keep an alert, suspended.

        Args:
            alert: what to keep.
            or_replace: forget an alert of the same name, and what it waited to deliver; its history stays.

        Raises:
            AlreadyExists: the name is taken.
            NotSupported: it is to be told by a notification integration, and there is no account that has one.
        """
        self.check(alert)
        if not or_replace and alert.name in {record.name for record in self._port.alerts()}:
            raise AlreadyExists(
                f"alert {alert.name} already exists", hint="alter_alert(alert) changes it, or_replace=True starts anew"
            )
        record = record_of(alert)
        self._port.put(record)
        self._given[alert.name] = alert
        return record

    def alter_alert(self, alert: Alert) -> AlertRecord:
        """Change what an alert is, or give it its code again in a new process; its state stays.

        An alarm that could not be delivered goes to the new actions. A changed condition may fire at once.

        Raises:
            NotFound: there is no alert of this name.
            NotSupported: as for ``create_alert``.
        """
        self.check(alert)
        record = record_of(alert, self.get_alert(alert.name))
        self._port.put(record)
        self._given[alert.name] = alert
        return record

    def check(self, *alerts: Alert) -> None:
        """See that alerts can be kept here.

        Raises:
            NotSupported: one is to be told by a notification integration, and there is no account that has one.
            BadConfig: one would write into churnobs' own tables.
        """
        for alert in alerts:
            for action in alert.action:
                if isinstance(action, ToTable) and action.name in self._engine.own_tables:
                    raise BadConfig(
                        f"alert {alert.name} writes into {action.name}, churnobs' own table", hint="choose another name"
                    )
            if not self._port.sends_messages and any(isinstance(action, ByIntegration) for action in alert.action):
                raise NotSupported(
                    f"alert {alert.name} is to be told by a notification integration, and this database has none",
                    hint="give Notify another URL here; snowflake:// is for a workspace in Snowflake",
                )

    def get_alert(self, name: str) -> AlertRecord:
        """An alert as it is stored; NotFound if there is none."""
        wanted = identifier(name)
        found = next((record for record in self._port.alerts() if record.name == wanted), None)
        if found is None:
            raise NotFound(f"there is no alert {wanted}", hint="show_alerts() lists them")
        return found

    def resume(self, name: str) -> AlertRecord:
        """Start looking each month; failures are counted from 0. NotFound if there is no such alert."""
        return self._set(name, state="started", was_auto_suspended=False, failures=0)

    def suspend(self, name: str) -> AlertRecord:
        """Stop looking; failures are counted from 0. NotFound if there is no such alert."""
        return self._set(name, state="suspended", was_auto_suspended=False, failures=0)

    def drop_alert(self, name: str) -> None:
        """Forget an alert; its history stays. NotFound if there is no such alert."""
        record = self.get_alert(name)
        self._port.remove(record)
        self._given.pop(record.name, None)

    def execute_alert(
        self, name: str, observed: Observed | None = None, *, now: dt.date | None = None
    ) -> list[dict[str, Any]]:
        """Look at one alert now, also while it is suspended, which it stays.

        Args:
            name: of the alert.
            observed: what to look at; default what the loop's newest look saw.
            now: the date of the look; default that of ``observed``.

        Returns:
            Its new rows of ALERT_HISTORY, the last one of this look, before it those of alarms tried again.

        Raises:
            NotFound: there is no such alert, or there was no look yet and nothing is given.
        """
        record = self.get_alert(name)
        return self._look_and_keep((record,), observed, now, "EXECUTE ALERT")

    def look_now(self, now: dt.date, observed: Observed | None = None) -> list[dict[str, Any]]:
        """Look at every started alert between two months, as a scheduler would: it is how one hears of late data.

        Args:
            now: the date of the look.
            observed: what to look at; default what the loop's newest look saw.

        Returns:
            The new rows of ALERT_HISTORY.

        Raises:
            NotFound: there was no look yet and nothing is given.
        """
        started = [record for record in self._port.alerts() if record.state == "started"]
        return self._look_and_keep(started, observed, now, "SCHEDULE")

    def newest_observed(self) -> Observed:
        """What the loop's newest look saw; NotFound before the first."""
        text = "SELECT MONTH, RESULT FROM JOURNAL WHERE STEP = 'ALERT' ORDER BY MONTH DESC LIMIT 1"
        rows = self._engine.read(text).to_pylist()
        if not rows:
            raise NotFound("the loop has not looked at anything yet", hint="run a month, or give observed=")
        return from_json(Observed, json.dumps(json.loads(rows[0]["RESULT"])["observed"]))

    def look(self, observed: Observed, given: Sequence[Alert] = ()) -> Looks:
        """Look at every started alert and act on what is true, without writing to the database: ``keep`` does that.

        Actions that are code run here, before the transaction that keeps the rows, so that whatever they do cannot spoil
        it; when the process dies in between, the same look happens again and they run again.

        Args:
            observed: what was observed this month.
            given: alerts to create and resume where they are new, and to give their code (and changed definition)
                where they are known.
        """
        self.check(*given)
        known = {record.name: record for record in self._port.alerts()}
        self._given |= {alert.name: alert for alert in given}
        new = [dataclasses.replace(record_of(alert), state="started") for alert in given if alert.name not in known]
        started = [
            *((record, record) for record in known.values() if record.state == "started"),
            *((None, record) for record in new),
        ]
        return self._looks(started, observed, "SCHEDULE")

    def keep(self, looks: Looks) -> None:
        """Write what looking came to; the caller's transaction makes it one with the rest."""
        with self._engine.transaction():
            now = {record.name: record for record in self._port.alerts()}
            for look in looks.looks:
                current = now.get(look.after.name)
                if look.before is not None and current is None:
                    # its own action dropped it
                    continue
                after = look.after
                if look.before is not None and current is not None and current.state != look.before.state:
                    # its own action suspended or resumed it
                    after = dataclasses.replace(after, state=current.state, was_auto_suspended=False)
                self._port.put(after)
            self._append("ALERT_HISTORY", tables.ALERT_HISTORY, looks.rows)
            for look in looks.looks:
                for name, row in look.writes:
                    if name == REQUESTS:
                        number = len(self._engine.read(REQUESTS)) + 1
                        self._append(REQUESTS, tables.RETRAIN_REQUESTS, [{**row, "REQUEST": number}])
                    else:
                        self._append(name, tables.ALARMS, [row])

    def take_requests(self, month: str) -> tuple[Request, ...]:
        """The retrainings asked for and not taken yet, oldest first; they are taken with the caller's transaction."""
        rows = sorted(self._engine.read(REQUESTS).to_pylist(), key=lambda row: row["REQUEST"])
        taken = {row["REQUEST"] for row in rows if row["STATE"] == "TAKEN"}
        open_rows = [row for row in rows if row["REQUEST"] not in taken]
        self._append(
            REQUESTS, tables.RETRAIN_REQUESTS, [{**row, "STATE": "TAKEN", "MONTH": month} for row in open_rows]
        )
        return tuple(Request(row["NAME"], row["MONTH"], row["WORDS"]) for row in open_rows)

    def show_alerts(self) -> pd.DataFrame:
        """One row an alert, in the order of creation; Snowflake's column names (name, state, schedule, condition, action,
        comment, runbook, was_auto_suspended), then churnobs' own: suspend_after_num_failures, failures (looks in a row
        that failed), firing_since (month), undelivered (alarms waiting for another try), repeat, retries.
        """
        import pandas as pd

        rows = [
            {
                **{name: getattr(record, name, None) for name in _SHOWN},
                "schedule": SCHEDULE,
                "action": ", ".join(record.actions),
                "undelivered": len(record.undelivered),
            }
            for record in self._port.alerts()
        ]
        return pd.DataFrame(rows, columns=list(_SHOWN))

    def alert_history(self, name: str | None = None) -> pd.DataFrame:
        """One row a look and one an alarm tried again, oldest first.

        Columns: POSITION, NAME, MONTH, STATE (CONDITION_FALSE, CONDITION_FAILED, TRIGGERED, ACTION_FAILED), CONDITION,
        ACTION, METRIC_NAME, METRIC_VALUE, THRESHOLD, WORDS, ACTION_TAKEN (TAKEN; SUPPRESSED for what was told already;
        RETRY or GIVEN_UP after a failure), ATTEMPT, SCHEDULED_FROM (SCHEDULE, EXECUTE ALERT), SCHEDULED_TIME (the date of
        the look), SQL_ERROR_MESSAGE, EVENT (the alarm as JSON), and of the newest acknowledgement of that alert and month
        ACKNOWLEDGED_BY, ACKNOWLEDGED_ON, NOTE. A row of an alarm tried again has the month in which the alarm fired.

        Args:
            name: of one alert; all when None.
        """
        import pandas as pd

        asked: dict[tuple[str, str], dict[str, Any]] = {}
        for row in sorted(self._engine.read("ALERT_ACKNOWLEDGEMENTS").to_pylist(), key=lambda r: r["POSITION"]):
            asked[row["NAME"], row["MONTH"]] = row
        own = ("ACKNOWLEDGED_BY", "ACKNOWLEDGED_ON", "NOTE")
        rows = []
        for row in self._history(name):
            by = asked.get((row["NAME"], row["MONTH"]), {}) if row["STATE"] in _FIRED else {}
            rows.append({**row, **{column: by.get(column) for column in own}})
        return pd.DataFrame(rows, columns=[*tables.ALERT_HISTORY, *own])

    def alarms(self, name: str | None = None) -> list[AlertEvent]:
        """Every alarm that fired (of one alert), once each, oldest first; each shows itself as text, HTML or JSON."""
        texts = dict.fromkeys(row["EVENT"] for row in self._history(name) if row["EVENT"])
        return [restored(text) for text in texts]

    def acknowledge(self, name: str, month: str, *, by: str, note: str = "", on: dt.date | None = None) -> None:
        """Say that somebody knows of an alarm and what is done about it.

        Args:
            name, month: of the alarm; the alert may have been dropped since.
            by: who.
            note: for people.
            on: the date.

        Raises:
            NotFound: the alert did not fire in that month.
            BadConfig: nobody is named.
        """
        if not by.strip():
            raise BadConfig("nobody acknowledges", hint="say who: by=")
        wanted = identifier(name)
        fired = [row["MONTH"] for row in self._history(wanted) if row["STATE"] in _FIRED]
        if month not in fired:
            months = ", ".join(dict.fromkeys(fired)) or "never"
            raise NotFound(f"alert {wanted} did not fire in {month}", hint=f"it fired: {months}")
        position = len(self._engine.read("ALERT_ACKNOWLEDGEMENTS")) + 1
        row = {
            "POSITION": position, "NAME": wanted, "MONTH": month, "ACKNOWLEDGED_BY": by, "ACKNOWLEDGED_ON": on,
            "NOTE": note,
        }  # fmt: skip
        self._append("ALERT_ACKNOWLEDGEMENTS", tables.ALERT_ACKNOWLEDGEMENTS, [row])

    def _set(self, name: str, **changes: Any) -> AlertRecord:
        record = dataclasses.replace(self.get_alert(name), **changes)
        self._port.put(record)
        return record

    def _look_and_keep(
        self,
        records: Sequence[AlertRecord],
        observed: Observed | None,
        now: dt.date | None,
        scheduled_from: ScheduledFrom,
    ) -> list[dict[str, Any]]:
        seen = observed or self.newest_observed()
        if now is not None:
            seen = dataclasses.replace(seen, now=now)
        looks = self._looks([(record, record) for record in records], seen, scheduled_from)
        self.keep(looks)
        return list(looks.rows)

    def _looks(
        self,
        started: Sequence[tuple[AlertRecord | None, AlertRecord]],
        observed: Observed,
        scheduled_from: ScheduledFrom,
    ) -> Looks:
        looks = []
        for before, record in started:
            given = self._given.get(record.name)
            alert, current = (alert_of(record), record) if given is None else (given, record_of(given, record))
            looker = Looker(alert, current, observed, scheduled_from, self._find, self._check_table)
            looks.append(looker.look(before))
        after = len(self._engine.read("ALERT_HISTORY"))
        rows = [row for look in looks for row in look.rows]
        return Looks(tuple(looks), tuple({"POSITION": after + n, **row} for n, row in enumerate(rows, 1)), observed)

    def _find(self, condition: Condition, observed: Observed) -> Finding:
        """Evaluate a condition, for one on a monitor on the monitor's newest known value."""
        if not isinstance(condition, Metric) or condition.monitor is None:
            return condition.look(observed)
        if condition.column is None:
            found = self._monitor.model_monitor_performance_metric(condition.monitor, condition.metric)
        else:
            found = self._monitor.model_monitor_drift_metric(condition.monitor, condition.metric, condition.column)
        known = found["METRIC_VALUE"].dropna()
        value = float(known.iloc[-1]) if len(known) else None
        read = {condition.monitor: {(condition.metric, condition.column or ""): value}}
        return condition.look(dataclasses.replace(observed, monitors=read))

    def _check_table(self, name: str) -> None:
        try:
            columns = dict(self._engine.columns(name))
        except NotFound:
            return
        if {column: kind.lstrip("!") for column, kind in columns.items()} != dict(tables.ALARMS):
            raise BadConfig(f"{name} has other columns than alarms have", hint=f"it needs {', '.join(tables.ALARMS)}")

    def _history(self, name: str | None) -> list[dict[str, Any]]:
        rows = sorted(self._engine.read("ALERT_HISTORY").to_pylist(), key=lambda row: row["POSITION"])
        return [row for row in rows if name is None or row["NAME"] == identifier(name)]

    def _append(self, table: str, columns: Columns, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            import pyarrow as pa

            # a column without any value has to keep its type
            types = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "date": pa.date32()}
            schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
            self._engine.write(table, pa.Table.from_pylist(list(rows), schema=schema))
