"""Model monitors and their three metric functions; names, arguments and result columns as Snowflake's."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

from churnobs.errors import AlreadyExists, BadConfig, ChurnobsError, NotFound
from churnobs.expressions.monitored import repeated_keys, with_late_labels
from churnobs.expressions.render import Query
from churnobs.monitoring.model_monitor import ModelMonitor
from churnobs.monitoring.questions import Questions
from churnobs.monitoring.settings import TASKS, MetricSettings
from churnobs.monitoring.state import MonitorState, baseline_table
from churnobs.months import CENTURY, whole_number
from churnobs.ports import Forgotten
from churnobs.records import (
    CountedElsewhere,
    ModelMonitorConfig,
    ModelMonitorSourceConfig,
    MonitorRecord,
    Refresh,
    identifier,
)

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.expressions.drift import Bins
    from churnobs.model import ModelVersion
    from churnobs.ports import EnginePort, MonitorPort

# a monitor whose refresh fails so often in a row is suspended
FAILURES: Final = 5
_INTERVAL: Final = re.compile(r"(\d+)\s+(second|minute|hour|day)s?", re.IGNORECASE)


@final
class Monitor(Questions):
    """Creates monitors and answers the metric functions.

    A monitor keeps what it has counted by day and segment: an answer of any period is a merge of that, and only days
    whose rows changed are counted again. A monitor is ``refresh="fresh"`` (every answer looks for changes first) or
    ``refresh="snowflake"`` (it is stale until ``advance`` says that its refresh interval has passed).
    """

    def __init__(self, engine: EnginePort, port: MonitorPort, *, refresh: Refresh = "fresh") -> None:
        super().__init__(engine, MonitorState(engine, port), lambda name: self.get_monitor(name=name).record)
        self._port = port
        self._refresh = refresh_or(None, refresh)

    def add_monitor(
        self,
        name: str,
        source_config: ModelMonitorSourceConfig,
        model_monitor_config: ModelMonitorConfig,
        *,
        horizon_days: int | None = None,
        data_through: dt.date | None = None,
        settings: MetricSettings | None = None,
        refresh: Refresh | None = None,
        counted: CountedElsewhere | None = None,
    ) -> ModelMonitor:
        """Watch a model version's predictions in a table or view.

        The baseline is counted now: later changes of its table have no effect. Every source column without a role counts as a
        feature (numbers, strings and booleans).

        Args:
            name, source_config, model_monitor_config: as Snowflake's.
            horizon_days: labels are final so many days after their row, and count from then on; None where nobody knows.
            data_through: the first day that the data do not cover yet; None for the newest row of the source.
            settings: what the metric functions mean where Snowflake's documents leave it open.
            refresh: "fresh" or "snowflake"; None for the workspace's.
            counted: features that are counted elsewhere already, with their baseline; the loop's monitors share theirs.

        Raises:
            AlreadyExists: the name is taken, or the version has a monitor already.
            BadConfig: a column is missing, of a wrong type or has two roles, or there is no prediction column.
        """
        version: ModelVersion = model_monitor_config.model_version
        record = version.record
        for known in self._port.monitors():
            if (known.model_name, known.version_name) == (record.model_name, record.version_name):
                raise AlreadyExists(
                    f"a monitor of {record.model_name}/{record.version_name} already exists: {known.name}",
                    hint="log a copy of the version: log_model(version, model_name=..., version_name=...)",
                )
        if model_monitor_config.model_function_name not in {f.lower() for f in record.functions}:
            raise BadConfig(
                f"function {model_monitor_config.model_function_name} is not in {record.version_name}",
                hint=f"it has {', '.join(f.lower() for f in record.functions)}",
            )
        if refresh_or(refresh, self._refresh) == "snowflake":
            interval_of(model_monitor_config.refresh_interval)
        return self._add(
            MonitorRecord(
                name=identifier(name),
                model_name=record.model_name,
                version_name=record.version_name,
                function_name=model_monitor_config.model_function_name,
                source=source_config,
                refresh_interval=model_monitor_config.refresh_interval,
                aggregation_window=model_monitor_config.aggregation_window,
                task=record.task,
                settings=settings or MetricSettings(),
                horizon_days=horizon_days,
                data_through=data_through,
                shared=None if counted is None else counted.subject,
                refresh=refresh_or(refresh, self._refresh),
            ),
            () if counted is None else counted.bins,
        )

    def attach(
        self,
        name: str,
        source_config: ModelMonitorSourceConfig,
        *,
        task: str = "TABULAR_BINARY_CLASSIFICATION",
        labels: str | None = None,
        horizon_days: int | None = None,
        data_through: dt.date | None = None,
        settings: MetricSettings | None = None,
        refresh: Refresh | None = None,
        refresh_interval: str = "1 hour",
    ) -> ModelMonitor:
        """Watch the predictions of a model that churnobs did not train.

        Args:
            name: of the monitor.
            source_config: a table or view of predictions and the roles of its columns.
            task: TABULAR_BINARY_CLASSIFICATION, TABULAR_MULTI_CLASSIFICATION or TABULAR_REGRESSION.
            labels: a table of labels that arrive later: the id columns (and the timestamp column, where it has that) and the
                actual column, which the predictions then do not have.
            horizon_days, data_through, settings, refresh: as for ``add_monitor``.
            refresh_interval: of a "snowflake" monitor.

        Raises:
            AlreadyExists: the name is taken.
            BadConfig: as for ``add_monitor``, or a label stands twice.
        """
        own = identifier(name)
        if task not in TASKS:
            raise BadConfig(f"{task!r} is no task", hint=f"one of {', '.join(TASKS)}")
        self._refuse_taken(own)
        interval_of(refresh_interval)
        if labels is not None:
            source_config = self._with_labels(own, source_config, identifier(labels))
        return self._add(
            MonitorRecord(
                name=own,
                model_name="",
                version_name="",
                function_name="",
                source=source_config,
                refresh_interval=refresh_interval,
                task=task,
                settings=settings or MetricSettings(),
                horizon_days=horizon_days,
                data_through=data_through,
                refresh=refresh_or(refresh, self._refresh),
            )
        )

    def get_monitor(self, *, name: str | None = None, model_version: ModelVersion | None = None) -> ModelMonitor:
        """A monitor by its name, or by the version it watches; NotFound if there is none."""
        if name is None and model_version is None:
            raise BadConfig("which monitor?", hint="give name= or model_version=")
        wanted = identifier(name) if name else None
        for known in self._port.monitors():
            if wanted is not None:
                found = known.name == wanted
            else:
                version = model_version and (model_version.model_name, model_version.version_name)
                found = (known.model_name, known.version_name) == version
            if found:
                return ModelMonitor(self._port, self.state, known)
        raise NotFound(f"unable to find model monitor {name or model_version}", hint="show_model_monitors() lists them")

    def show_model_monitors(self) -> pd.DataFrame:
        """One row a monitor: name, model, version, task, source, baseline, monitor_state, refresh_interval,
        aggregation_window, aggregation_last_error.
        """
        import pandas as pd

        names = ["name", "model_name", "version_name", "model_task", "source", "baseline", "monitor_state"]
        names += ["refresh_interval", "aggregation_window", "aggregation_last_error"]
        rows = [
            (
                m.name, m.model_name, m.version_name, m.task, m.source.source, m.source.baseline, m.state,
                m.refresh_interval, m.aggregation_window, m.last_error,
            )
            for m in self._port.monitors()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=names)

    def delete_monitor(self, name: str) -> None:
        """Drop a monitor with what it counted and its copy of the baseline; its source stays."""
        record = self.get_monitor(name=name).record
        with self._engine.transaction():
            self._port.remove(record)
            self._port.forget([Forgotten(record.name)])
            self._engine.drop(baseline_table(record.name))
            if not record.version_name:
                self._engine.drop(_joined(record.name))

    def refresh(self, name: str, *, days: Sequence[dt.date] = (), data_through: dt.date | None = None) -> list[dt.date]:
        """Count the days of a monitor's source that changed; gives those days.

        Args:
            name: of the monitor.
            days: look only at these; all when empty.
            data_through: the first day that the data do not cover, from now on; None leaves it.

        Raises:
            BadConfig: the source cannot be counted, for example a score is outside 0 to 1; nothing is changed.
        """
        return self.refresh_all([name], days=days, data_through=data_through)[identifier(name)]

    def refresh_all(
        self, names: Sequence[str], *, days: Sequence[dt.date] = (), data_through: dt.date | None = None
    ) -> dict[str, list[dt.date]]:
        """Count several monitors at once, all or none; arguments and errors as for ``refresh``."""
        records = []
        for name in names:
            record = self.get_monitor(name=name).record
            if data_through is not None and data_through != record.data_through:
                record = dataclasses.replace(record, data_through=data_through)
                self._port.put(record)
            records.append(record)
        return self.state.refresh(records, days)

    def advance(self, now: dt.datetime) -> pd.DataFrame:
        """Let time pass for the monitors with ``refresh="snowflake"``: those whose interval is over are refreshed.

        A refresh that fails is tried again at each interval; the fifth failure in a row suspends the monitor until
        ``resume``. Time never goes back.

        Args:
            now: the present, by any clock.

        Returns:
            One row for each monitor that was due: name, refreshed_at, days (counted), failures, monitor_state, error.

        Raises:
            BadConfig: it is no datetime, or has a time zone.
        """
        import pandas as pd

        if not isinstance(now, dt.datetime) or now.tzinfo is not None:
            raise BadConfig(f"{now!r} is no moment of this clock", hint="give a datetime without a time zone")
        rows = []
        for record in self._port.monitors():
            if record.refresh != "snowflake" or record.state != "ACTIVE":
                continue
            every = interval_of(record.refresh_interval)
            last = record.refreshed_at
            due = 1 if last is None else int((now - last) / every)
            if due < 1:
                continue
            days: list[dt.date] = []
            failures, error = 0, ""
            try:
                days = self.state.refresh([record])[record.name]
            except ChurnobsError as failed:
                failures, error = record.failures + due, str(failed)
            changed = dataclasses.replace(
                record,
                refreshed_at=now if last is None else last + due * every,
                failures=min(failures, FAILURES),
                last_error=error,
                state="SUSPENDED" if failures >= FAILURES else "ACTIVE",
            )
            self._port.put(changed)
            rows.append((record.name, changed.refreshed_at, len(days), changed.failures, changed.state, error))
        return pd.DataFrame(rows, columns=["name", "refreshed_at", "days", "failures", "monitor_state", "error"])

    def _add(self, record: MonitorRecord, bins: tuple[Bins, ...] = ()) -> ModelMonitor:
        self._refuse_taken(record.name)
        if record.horizon_days is not None:
            whole_number("horizon_days", record.horizon_days, 0, CENTURY)
        made = self.state.with_columns(record, bins)
        with self._engine.transaction():
            if made.source.baseline is not None:
                self.state.keep_baseline(made)
            self._port.put(made)
        return ModelMonitor(self._port, self.state, made)

    def _refuse_taken(self, name: str) -> None:
        if any(known.name == name for known in self._port.monitors()):
            raise AlreadyExists(f"monitor {name} already exists", hint="delete_monitor first, or another name")

    def _with_labels(self, name: str, source: ModelMonitorSourceConfig, labels: str) -> ModelMonitorSourceConfig:
        """The source with late labels beside its rows, as a view."""
        made = self._engine.columns(f'SELECT * FROM "{source.source}"')
        known = self._engine.columns(f'SELECT * FROM "{labels}"')
        actual = (*source.actual_class_columns, *source.actual_score_columns)
        keys = tuple(c for c in (*source.id_columns, source.timestamp_column) if c in known)
        missing = [c for c in (*source.id_columns, *actual) if c not in known]
        if missing or len(actual) != 1:
            raise BadConfig(
                f"the labels {labels} have no column {', '.join(missing) or 'that is named as actual'}",
                hint=f"they have {', '.join(known)}; they need the id columns and one actual column",
            )
        if actual[0] in made:
            raise BadConfig(f"{source.source} has a column {actual[0]} too", hint="leave labels= away, or rename it")
        repeated = self._engine.read(Query(repeated_keys, (labels, tuple(known.items()), keys)))["REPEATED"][0].as_py()
        if repeated:
            raise BadConfig(
                f"{repeated} keys stand more than once in {labels}", hint="one label a prediction; make a view of them"
            )
        query = Query(
            with_late_labels, (source.source, tuple(made.items()), labels, tuple(known.items()), keys, actual[0])
        )
        self._engine.view(_joined(name), query)
        return dataclasses.replace(source, source=_joined(name))


def refresh_or(asked: Refresh | None, default: Refresh) -> Refresh:
    """How a monitor is refreshed, checked."""
    found = asked or default
    if found not in {"fresh", "snowflake"}:
        raise BadConfig(f"{found!r} is no way to refresh", hint='"fresh" or "snowflake"')
    return found


def interval_of(text: str) -> dt.timedelta:
    """A refresh interval, at least 60 seconds as on Snowflake.

    >>> interval_of("2 hours")
    datetime.timedelta(seconds=7200)
    """
    found = _INTERVAL.fullmatch(text.strip())
    try:
        length = dt.timedelta(**{f"{found[2].lower()}s": int(found[1])}) if found else dt.timedelta(0)
    except OverflowError:
        length = dt.timedelta(0)
    if length < dt.timedelta(seconds=60):
        raise BadConfig(f"{text!r} is no refresh interval", hint="'60 seconds' at least, '1 hour', '1 day', ...")
    return length


def _joined(monitor: str) -> str:
    return f"{monitor}$LABELED"
