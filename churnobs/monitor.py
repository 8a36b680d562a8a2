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
from churnobs.monitoring.answers import MetricFunctions, segment_column, segment_of
from churnobs.monitoring.model_monitor import ModelMonitor
from churnobs.monitoring.settings import TASKS, DriftSettings, MetricSettings
from churnobs.monitoring.state import MonitorState, baseline_table
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
    from churnobs.monitoring.classifier import DomainDrift
    from churnobs.monitoring.decomposition import DropExplained
    from churnobs.monitoring.drift_verdict import DriftVerdict
    from churnobs.monitoring.estimation import Trust
    from churnobs.ports import EnginePort, MonitorPort, Part
    from churnobs.registry import Registry

# a monitor whose refresh fails so often in a row is suspended
FAILURES: Final = 5
_INTERVAL: Final = re.compile(r"(\d+)\s+(second|minute|hour|day)s?", re.IGNORECASE)


@final
class Monitor:
    """Creates monitors and answers the metric functions.

    A monitor keeps what it has counted by day and segment: an answer of any period is a merge of that, and only days
    whose rows changed are counted again. A monitor is ``refresh="fresh"`` (every answer looks for changes first) or
    ``refresh="snowflake"`` (it is stale until ``advance`` says that its refresh interval has passed).
    """

    def __init__(
        self, engine: EnginePort, port: MonitorPort, registry: Registry, *, refresh: Refresh = "fresh"
    ) -> None:
        self._engine = engine
        self._port = port
        self._registry = registry
        self._refresh = refresh_or(None, refresh)
        self.state = MonitorState(engine, port)

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
            self._port.forget(record.name)
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
        record = self.get_monitor(name=name).record
        if data_through is not None and data_through != record.data_through:
            record = dataclasses.replace(record, data_through=data_through)
            self._port.put(record)
        return self.state.refresh(record, days)

    def advance(self, now: dt.datetime) -> pd.DataFrame:
        """Let time pass for the monitors with ``refresh="snowflake"``: those whose interval is over are refreshed.

        A refresh that fails is tried again at each interval; the fifth failure in a row suspends the monitor until
        ``resume``. Time never goes back.

        Args:
            now: the present, by any clock.

        Returns:
            One row for each monitor that was due: name, refreshed_at, days (counted), failures, monitor_state, error.
        """
        import pandas as pd

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
                days = self.state.refresh(record)
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

    def model_monitor_performance_metric(
        self,
        monitor: str,
        metric: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """A performance metric over time.

        Args:
            monitor: its name.
            metric: binary: ROC_AUC, CLASSIFICATION_ACCURACY, PRECISION, RECALL, F1_SCORE; multi-class:
                CLASSIFICATION_ACCURACY, MACRO_AVERAGE_PRECISION, MACRO_AVERAGE_RECALL, MICRO_AVERAGE_PRECISION,
                MICRO_AVERAGE_RECALL; regression: RMSE, MAE, MAPE (a fraction), MSE. ``performance`` has churnobs' own too.
            granularity: '1 DAY', '2 WEEK', '1 MONTH', '1 QUARTER', '1 YEAR', or 'ALL' for one bucket from start to end.
            start: only buckets from the one that holds this date; default 60 days before ``end``.
            end: up to the bucket that holds this date; default the newest row.
            extra_args: JSON text, ``{"SEGMENTS": [{"column": "C", "value": "v"}]}``.

        Returns:
            EVENT_TIMESTAMP (start of the bucket), METRIC_VALUE (None where undefined), COUNT_USED, COUNT_UNUSED,
            METRIC_NAME, SEGMENT_COLUMN, SEGMENT_VALUE; one row a bucket with rows, in the order of time.
        """
        found, record = self._answers(monitor, "OUTCOMES")
        segment = segment_of(extra_args, record)
        return found.performance_metric(metric, found.window(granularity, start, end), segment)

    def model_monitor_drift_metric(
        self,
        monitor: str,
        metric: str,
        column: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """How far a column moved from the baseline: JENSEN_SHANNON, WASSERSTEIN, DIFFERENCE_OF_MEANS or
        POPULATION_STABILITY_INDEX, as defined in ``churnobs.divergence``; arguments as for the performance metric.

        Returns:
            EVENT_TIMESTAMP, METRIC_VALUE, COL_COUNT_USED, COL_COUNT_UNUSED, BASELINE_COL_COUNT_USED,
            BASELINE_COL_COUNT_UNUSED, METRIC_NAME, COLUMN_NAME, SEGMENT_COLUMN, SEGMENT_VALUE.

        Raises:
            BadConfig: no baseline, no such column in source or baseline, or a metric of means on a string column.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        segment = segment_of(extra_args, record)
        return found.drift_metric(metric, column, found.window(granularity, start, end), segment)

    def model_monitor_stat_metric(
        self,
        monitor: str,
        metric: str,
        column: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """COUNT (values that are neither NULL nor NaN nor infinite), COUNT_NULL (the others), and of a numeric column MIN,
        MAX, AVG, SUM over time; arguments as for the performance metric.

        Returns:
            EVENT_TIMESTAMP, METRIC_VALUE, METRIC_NAME, COLUMN_NAME, SEGMENT_COLUMN, SEGMENT_VALUE.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        segment = segment_of(extra_args, record)
        return found.stat_metric(metric, column, found.window(granularity, start, end), segment)

    def performance(
        self,
        monitor: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        segment: str | None = None,
    ) -> pd.DataFrame:
        """All performance metrics at once, Snowflake's and churnobs' own, with what they have to beat.

        Args:
            monitor, granularity, start, end: as for the metric functions.
            segment: a segment column: one row for each of its values too.

        Returns:
            EVENT_TIMESTAMP, IS_FINAL (True when every label of the bucket is final; None where no horizon is known),
            ROWS_ALL, CLASS_USED and SCORE_USED (rows behind the metrics of the class and of the score), one column a
            metric, ROC_AUC_BOUND and AVERAGE_PRECISION_BOUND (how far these may be from the value of the rows, where many
            days were merged), SEGMENT_COLUMN, SEGMENT_VALUE.
        """
        found, record = self._answers(monitor, "OUTCOMES")
        of = None if segment is None else segment_column(segment, record)
        return found.performance(found.window(granularity, start, end), of)

    def drift(
        self,
        monitor: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        segment: str | None = None,
    ) -> pd.DataFrame:
        """All drift metrics of all columns at once, one row a bucket, column and metric; columns as the drift function's.

        Args:
            monitor, granularity, start, end: as for the metric functions.
            segment: a segment column: rows for each of its values instead of all rows.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        of = None if segment is None else segment_column(segment, record)
        return found.drift(found.window(granularity, start, end), of)

    def drift_verdict(
        self,
        monitor: str,
        granularity: str | None = "1 MONTH",
        end: dt.date | None = None,
        *,
        segment: str | None = None,
        settings: DriftSettings | None = None,
    ) -> DriftVerdict:
        """Which columns have drifted in the newest period, and for how many of which it is an alarm.

        An alarm is more than chance (resampled nulls, Benjamini-Hochberg over columns, metrics and segments), large enough
        (an effect floor) and lasting (2 of the last 3 periods): see ``churnobs.monitoring.alarms``.

        Args:
            monitor: with a baseline.
            granularity: of the periods.
            end: a day of the newest period; default the newest row.
            segment: a segment column: its values are judged beside all rows.
            settings: when drift is an alarm.

        Raises:
            BadConfig: no baseline, no rows, or no such segment column.
        """
        from churnobs.monitoring.insight import judged

        found, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        of = None if segment is None else segment_column(segment, record)
        return judged(found, record, granularity, end, of, settings or DriftSettings())

    def domain_classifier(
        self, monitor: str, start: dt.date, end: dt.date, *, sample: int = 5_000, seed: int = 0
    ) -> DomainDrift:
        """Whether rows of a period can be told from the baseline at all, by all features together.

        Args:
            monitor: with a baseline.
            start, end: first and last day of the period.
            sample: at most so many rows of each side, drawn by a seeded hash of their position.
            seed: of the sample and the permutations.

        Returns:
            The AUC of a classifier on rows it was not fitted on, the permutation p-value, and the features that tell most.
        """
        from churnobs.monitoring.classifier import domain_classifier

        _, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        if end < start:
            raise BadConfig(f"end {end} is before start {start}", hint="swap them")
        before, now = self.state.samples(record, start, end)
        return domain_classifier(before, now, seed=seed, sample=sample)

    def estimate(
        self,
        monitor: str,
        granularity: str | None = "1 MONTH",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        reference: tuple[dt.date, dt.date] | None = None,
        level: float = 0.90,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Performance before the labels are final, by calibrated scores, and graded where they are final by now.

        Each period is estimated by what was known when it began, so that its grade is honest
        (``churnobs.monitoring.estimation`` has the method).

        Args:
            monitor, granularity, start, end: as for the metric functions.
            reference: first and last day to calibrate on; None for the newest 92 final days before each period.
            level: the probability that an interval holds the realised metric.
            seed: of the intervals' draws.

        Returns:
            EVENT_TIMESTAMP, IS_FINAL, METRIC_NAME (F1_SCORE, PRECISION, RECALL, CLASSIFICATION_ACCURACY, ROC_AUC),
            METRIC_VALUE (the estimate), LOW, HIGH, LEVEL, CALIBRATED (False: too few final labels, the score was taken at
            its word), COUNT_USED, REALISED and INSIDE (None until final).
        """
        from churnobs.monitoring.insight import frame, grades

        found, record = self._answers(monitor, "OUTCOMES")
        window = found.window(granularity, start, end)
        return frame(grades(found, record, window, reference=reference, level=level, seed=seed))

    def trust(self, monitor: str, granularity: str | None = "1 MONTH", *, start: dt.date | None = None) -> Trust:
        """Whether a monitor's estimates can be relied on, by how its final periods were graded."""
        from churnobs.monitoring.estimation import trust
        from churnobs.monitoring.insight import grades

        found, record = self._answers(monitor, "OUTCOMES")
        days = found.final_days()
        window = found.window(granularity, start or min(days, default=None), None)
        graded = grades(found, record, window, reference=None, level=0.90, seed=0)
        return trust([g for final, g in graded if final and g.estimate.calibrated])

    def explain_drop(
        self, monitor: str, before: dt.date, after: dt.date, *, segment: str, granularity: str = "1 MONTH"
    ) -> DropExplained:
        """Why F1 changed between two periods: split exactly into segment mix and change within segments.

        Args:
            monitor: of a binary classifier.
            before, after: a day of each period.
            segment: a segment column.
            granularity: of the periods.

        Returns:
            The split; ``moved`` are the columns that moved most in the segment that lowered F1 most.

        Raises:
            BadConfig: no such segment column, a period without rows, or F1 is not defined in one.
        """
        from churnobs.monitoring.insight import explained

        found, record = self._answers(monitor, "OUTCOMES", "HISTOGRAMS")
        name = segment_column(segment, record)
        windows = [found.window(granularity, day, day) for day in (before, after)]
        return explained(found, record, windows[0], windows[1], name)

    def _answers(self, monitor: str, *parts: Part) -> tuple[MetricFunctions, MonitorRecord]:
        """What a monitor has counted, after it has looked for changes in the parts that are asked."""
        record = self.get_monitor(name=monitor).record
        if record.refresh == "fresh" and record.state == "ACTIVE" and not self._engine.read_only:
            self.state.refresh(record, parts=parts)
        return MetricFunctions(self.state, record, parts[0]), record

    def _add(self, record: MonitorRecord, bins: tuple[Bins, ...] = ()) -> ModelMonitor:
        self._refuse_taken(record.name)
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
    length = dt.timedelta(**{f"{found[2].lower()}s": int(found[1])}) if found else dt.timedelta(0)
    if length < dt.timedelta(seconds=60):
        raise BadConfig(f"{text!r} is no refresh interval", hint="'60 seconds' at least, '1 hour', '1 day', ...")
    return length


def _joined(monitor: str) -> str:
    return f"{monitor}$LABELED"
