"""Model monitors and their three metric functions; names, arguments and result columns as Snowflake's."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, final

import ibis

from churnobs.divergence import DRIFT_METRICS, NUMERIC_ONLY, Histogram, collect, drift, fit_bins
from churnobs.errors import AlreadyExists, BadConfig, NotFound
from churnobs.expressions.buckets import Buckets
from churnobs.expressions.drift import Bins, count_cells, summaries
from churnobs.expressions.performance import BINARY_METRICS, performance
from churnobs.expressions.portable import moment
from churnobs.records import ModelMonitorConfig, ModelMonitorSourceConfig, MonitorRecord, identifier

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from churnobs.model import ModelVersion
    from churnobs.ports import EnginePort, MonitorPort
    from churnobs.registry import Registry

STAT_METRICS: Final = ("COUNT", "COUNT_NULL")
DEFAULT_DAYS: Final = 60
_EPOCH: Final = dt.date(1970, 1, 1)
_PERFORMANCE: Final = (
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COUNT_USED", "COUNT_UNUSED", "METRIC_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
)  # fmt: skip
_DRIFT: Final = (
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COL_COUNT_USED", "COL_COUNT_UNUSED", "BASELINE_COL_COUNT_USED",
    "BASELINE_COL_COUNT_UNUSED", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
)  # fmt: skip
_STAT: Final = ("EVENT_TIMESTAMP", "METRIC_VALUE", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE")


@final
class ModelMonitor:
    """A monitor of one model version. Made by ``Monitor.add_monitor``."""

    def __init__(self, port: MonitorPort, record: MonitorRecord) -> None:
        self._port = port
        self._record = record

    @property
    def name(self) -> str:
        """The monitor's name."""
        return self._record.name

    @property
    def record(self) -> MonitorRecord:
        """The monitor as it is stored now."""
        return next(m for m in self._port.monitors() if m.name == self._record.name)

    def suspend(self) -> None:
        """Stop watching; what was measured stays."""
        self._port.put(dataclasses.replace(self.record, state="SUSPENDED"))

    def resume(self) -> None:
        """Watch again."""
        self._port.put(dataclasses.replace(self.record, state="ACTIVE"))

    def __repr__(self) -> str:
        return f"ModelMonitor({self.name}, {self._record.version_name})"

    def _repr_html_(self) -> str:
        return self.record._repr_html_()


@final
class Monitor:
    """Creates monitors and answers the metric functions, always from fresh data."""

    def __init__(self, engine: EnginePort, port: MonitorPort, registry: Registry) -> None:
        self._engine = engine
        self._port = port
        self._registry = registry

    def add_monitor(
        self, name: str, source_config: ModelMonitorSourceConfig, model_monitor_config: ModelMonitorConfig
    ) -> ModelMonitor:
        """Watch a model version's predictions in a table or view.

        The baseline is copied: later changes of its table have no effect. Every source column without a role counts as a
        feature (numbers, strings and booleans).

        Raises:
            AlreadyExists: the name is taken, or the version has a monitor already.
            BadConfig: a column is missing, has two roles, or there is no prediction column.
        """
        monitor = identifier(name)
        version: ModelVersion = model_monitor_config.model_version
        record = version.record
        for known in self._port.monitors():
            if known.name == monitor:
                raise AlreadyExists(f"monitor {monitor} already exists", hint="delete_monitor first, or another name")
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
        columns = self._engine.columns(source_config.source)
        features = _features(source_config, columns)
        if source_config.baseline is not None:
            self._engine.write(_baseline(monitor), source_config.baseline, replace=True)
        made = MonitorRecord(
            name=monitor,
            model_name=record.model_name,
            version_name=record.version_name,
            function_name=model_monitor_config.model_function_name,
            source=source_config,
            features=features,
            refresh_interval=model_monitor_config.refresh_interval,
            aggregation_window=model_monitor_config.aggregation_window,
        )
        self._port.put(made)
        return ModelMonitor(self._port, made)

    def get_monitor(self, *, name: str | None = None, model_version: ModelVersion | None = None) -> ModelMonitor:
        """A monitor by its name, or by the version it watches; NotFound if there is none."""
        if name is None and model_version is None:
            raise BadConfig("which monitor?", hint="give name= or model_version=")
        for known in self._port.monitors():
            watched = (known.model_name, known.version_name)
            if (
                known.name == identifier(name)
                if name
                else model_version
                and watched
                == (
                    model_version.model_name,
                    model_version.version_name,
                )
            ):
                return ModelMonitor(self._port, known)
        raise NotFound(f"unable to find model monitor {name or model_version}", hint="show_model_monitors() lists them")

    def show_model_monitors(self) -> pd.DataFrame:
        """One row a monitor: name, model, version, source, baseline, monitor_state, refresh_interval, aggregation_window."""
        import pandas as pd

        names = ["name", "model_name", "version_name", "source", "baseline", "monitor_state"]
        names += ["refresh_interval", "aggregation_window"]
        rows = [
            (m.name, m.model_name, m.version_name, m.source.source, m.source.baseline, m.state, *_timing(m))
            for m in self._port.monitors()
        ]
        return pd.DataFrame(rows, columns=names)

    def delete_monitor(self, name: str) -> None:
        """Drop a monitor and its copy of the baseline; its source stays."""
        record = self.get_monitor(name=name).record
        self._port.remove(record)
        self._engine.drop(_baseline(record.name))

    def model_monitor_performance_metric(
        self,
        monitor: str,
        metric: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """A performance metric over time: ROC_AUC, CLASSIFICATION_ACCURACY, PRECISION, RECALL or F1_SCORE.

        Args:
            granularity: '1 DAY', '2 WEEK', '1 MONTH', '1 QUARTER', '1 YEAR', or 'ALL' for one bucket from start to end.
            start: only buckets from the one that holds this date; default 60 days before ``end``.
            end: up to the bucket that holds this date; default the newest row.
            extra_args: JSON text, ``{"SEGMENTS": [{"column": "C", "value": "v"}]}``.

        Returns:
            EVENT_TIMESTAMP (start of the bucket), METRIC_VALUE (None where undefined), COUNT_USED, COUNT_UNUSED,
            METRIC_NAME, SEGMENT_COLUMN, SEGMENT_VALUE; one row a bucket with rows, in the order of time.
        """
        record, name = self._asked(monitor, metric, BINARY_METRICS)
        source = record.source
        rows, buckets, segment = self._rows(record, granularity, start, end, extra_args)
        if not source.actual_class_columns:
            raise BadConfig(f"monitor {record.name} has no actual column", hint="set actual_class_columns")
        missing = ibis.null("float64")
        outcome = rows.select(
            BUCKET=rows.BUCKET,
            LABEL=rows[source.actual_class_columns[0]].cast("float64"),
            CLASS=rows[source.prediction_class_columns[0]].cast("float64")
            if source.prediction_class_columns
            else missing,
            SCORE=rows[source.prediction_score_columns[0]].cast("float64")
            if source.prediction_score_columns
            else missing,
        )
        used = "SCORE_USED" if name == "ROC_AUC" else "CLASS_USED"
        found = []
        for row in self._ordered(performance(outcome, ("BUCKET",))):
            counts = (row[used], row["ROWS_ALL"] - row[used])
            found.append((_midnight(buckets.start(row["BUCKET"])), row[name], *counts, name, *segment))
        return _frame(found, _PERFORMANCE)

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

        Raises:
            BadConfig: no baseline, no such column in source or baseline, or a metric of means on a string column.
        """
        record, name = self._asked(monitor, metric, DRIFT_METRICS)
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        kind = self._kind(record.source.source, column, record)
        baseline = f'SELECT * FROM "{_baseline(record.name)}"'
        if identifier(column) not in self._engine.columns(baseline):
            raise BadConfig(
                f"the baseline of {record.name} has no column {identifier(column)}", hint="choose another column"
            )
        if kind == "category" and name in NUMERIC_ONLY:
            raise BadConfig(f"{name} needs a numeric column and {column} is none", hint="use JENSEN_SHANNON")
        bins = self._bins(record, identifier(column), kind)
        reference = collect(
            self._engine.read(count_cells(self._table(_baseline(record.name)), (bins,), ())).to_pylist()
        )
        before = reference.get(bins.column, Histogram())
        rows, buckets, segment = self._rows(record, granularity, start, end, extra_args)
        by_bucket: dict[int, list[dict[str, Any]]] = {}
        for row in self._ordered(count_cells(rows, (bins,), ("BUCKET",))):
            by_bucket.setdefault(row["BUCKET"], []).append(row)
        found = []
        for bucket, cells in by_bucket.items():
            now = collect(cells)[bins.column]
            counts = (now.rows, now.missing, before.rows, before.missing)
            value = drift(name, kind, before, now)
            found.append((_midnight(buckets.start(bucket)), value, *counts, name, bins.column, *segment))
        return _frame(found, _DRIFT)

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
        """COUNT (values that are neither NULL nor NaN) or COUNT_NULL (the others) of a column over time.

        The arguments are those of the performance metric.
        """
        record, name = self._asked(monitor, metric, STAT_METRICS)
        self._kind(record.source.source, column, record)
        rows, buckets, segment = self._rows(record, granularity, start, end, extra_args)
        value: Any = rows[identifier(column)]
        if value.type().is_floating():
            value = ibis.ifelse(value.isnan(), ibis.null("float64"), value)
        counted = rows.group_by("BUCKET").agg(COUNT=value.count(), COUNT_NULL=rows.count() - value.count())
        found = [
            (_midnight(buckets.start(row["BUCKET"])), float(row[name]), name, identifier(column), *segment)
            for row in self._ordered(counted)
        ]
        return _frame(found, _STAT)

    def _asked(self, monitor: str, metric: str, known: tuple[str, ...]) -> tuple[MonitorRecord, str]:
        if metric.upper() not in known:
            raise BadConfig(f"{metric!r} is no metric here", hint=f"one of {', '.join(known)}")
        return self.get_monitor(name=monitor).record, metric.upper()

    def _table(self, name: str) -> ir.Table:
        return ibis.table(dict(self._engine.columns(f'SELECT * FROM "{name}"')), name=name)

    def _rows(
        self,
        record: MonitorRecord,
        granularity: str | None,
        start: dt.date | None,
        end: dt.date | None,
        extra: str | None,
    ) -> tuple[ir.Table, Buckets, tuple[str | None, str | None]]:
        """The monitored rows of the asked window with their BUCKET."""
        rows = self._table(record.source.source)
        segment = _segment(extra, record)
        if segment[0] is not None:
            rows = rows.filter(rows[segment[0]] == segment[1])
        at = rows[record.source.timestamp_column].cast("timestamp(6)")
        last = _day(end) or self._newest(rows, at)
        first = _day(start) or last - dt.timedelta(days=DEFAULT_DAYS)
        if last < first:
            raise BadConfig(f"end {last} is before start {first}", hint="swap them")
        buckets = dataclasses.replace(Buckets.parse(granularity), origin=first)
        if buckets.unit == "ALL":
            rows = rows.filter(at >= moment(first), at < moment(last + dt.timedelta(days=1)))
        bucketed = rows.mutate(BUCKET=buckets.number(at))
        inside = (buckets.number_of(first) <= bucketed.BUCKET) & (buckets.number_of(last) >= bucketed.BUCKET)
        return bucketed.filter(inside), buckets, segment

    def _newest(self, rows: ir.Table, at: Any) -> dt.date:
        newest = self._engine.read(rows.agg(NEWEST=at.max()))["NEWEST"][0].as_py()
        return _EPOCH if newest is None else newest.date()

    def _ordered(self, query: ir.Table) -> list[dict[str, Any]]:
        return sorted(self._engine.read(query).to_pylist(), key=lambda row: row["BUCKET"])

    def _kind(self, source: str, column: str, record: MonitorRecord) -> str:
        columns = self._engine.columns(f'SELECT * FROM "{source}"')
        name = identifier(column)
        if name not in columns:
            raise BadConfig(f"monitor {record.name} watches no column {name}", hint=f"it has {', '.join(columns)}")
        return kind_of(columns[name])

    def _bins(self, record: MonitorRecord, column: str, kind: str) -> Bins:
        if kind == "category":
            return Bins(column, kind)
        row = self._engine.read(summaries(_baseline(record.name), (column,))).to_pylist()[0]
        return fit_bins(column, row["LOW"], row["HIGH"], row["MEAN"], row["SPREAD"])


def kind_of(ibis_type: str) -> str:
    """How a column of an Ibis type is counted: "number" or "category"."""
    return "number" if ibis_type.lstrip("!").startswith(("int", "uint", "float", "decimal")) else "category"


def _timing(monitor: MonitorRecord) -> tuple[str, str]:
    return monitor.refresh_interval, monitor.aggregation_window


def _baseline(monitor: str) -> str:
    return f"{monitor}$BASELINE"


def _features(source: ModelMonitorSourceConfig, columns: Any) -> tuple[str, ...]:
    """The source columns without a role that can be watched."""
    roles = (
        *source.id_columns, source.timestamp_column, *source.prediction_score_columns, *source.prediction_class_columns,
        *source.actual_score_columns, *source.actual_class_columns, *source.segment_columns,
    )  # fmt: skip
    for column in roles:
        if column not in columns:
            raise BadConfig(
                f"column {column} does not exist in source {source.source}", hint=f"it has {', '.join(columns)}"
            )
        if roles.count(column) > 1:
            raise BadConfig(f"column {column} has two roles", hint="a column appears in one parameter only")
    if not (source.prediction_score_columns or source.prediction_class_columns):
        raise BadConfig("a monitor needs a prediction column", hint="set prediction_class_columns or _score_columns")
    if len(source.segment_columns) > 5:
        raise BadConfig("at most 5 segment columns", hint="leave some out")
    if not columns[source.timestamp_column].startswith(("timestamp", "date")):
        raise BadConfig(f"{source.timestamp_column} is no timestamp", hint="cast it in a view")
    watched = ("int", "uint", "float", "decimal", "string", "boolean")
    return tuple(c for c, kind in columns.items() if c not in roles and kind.lstrip("!").startswith(watched))


def _segment(extra_args: str | None, record: MonitorRecord) -> tuple[str | None, str | None]:
    if extra_args is None:
        return None, None
    hint = '{"SEGMENTS": [{"column": "C", "value": "v"}]}'
    try:
        (pair,) = json.loads(extra_args)["SEGMENTS"]
        column, value = identifier(pair["column"]), str(pair["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadConfig("extra_args holds exactly one segment", hint=hint) from error
    if column not in record.source.segment_columns:
        raise BadConfig(f"{column} is no segment column of {record.name}", hint="name it in segment_columns")
    return column, value


def _day(moment_or_day: dt.date | None) -> dt.date | None:
    return moment_or_day.date() if isinstance(moment_or_day, dt.datetime) else moment_or_day


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day)  # noqa: DTZ001


def _frame(rows: list[Any], names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(names))
