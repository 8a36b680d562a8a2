"""The metric functions: merges of what a monitor has counted, by period and segment."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churnobs.divergence import DRIFT_METRICS, NUMERIC_ONLY, Histogram, collect, drift
from churnobs.errors import BadConfig
from churnobs.expressions.buckets import Buckets
from churnobs.monitoring.settings import TASKS
from churnobs.records import MonitorRecord, identifier

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from churnobs.monitoring.metrics import Cells, Measured
    from churnobs.monitoring.state import MonitorState
    from churnobs.ports import Part

STAT_METRICS: Final = ("COUNT", "COUNT_NULL", "MIN", "MAX", "AVG", "SUM")
COUNTS_ONLY: Final = ("COUNT", "COUNT_NULL")
_EPOCH: Final = dt.date(1970, 1, 1)
PERFORMANCE: Final = (
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COUNT_USED", "COUNT_UNUSED", "METRIC_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
)  # fmt: skip
DRIFT: Final = (
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COL_COUNT_USED", "COL_COUNT_UNUSED", "BASELINE_COL_COUNT_USED",
    "BASELINE_COL_COUNT_UNUSED", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
)  # fmt: skip
STAT: Final = ("EVENT_TIMESTAMP", "METRIC_VALUE", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE")
Segment = tuple[str | None, str | None]
Group = tuple[str | None, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The periods that were asked for: from the one that holds ``first`` to the one that holds ``last``."""

    buckets: Buckets
    first: dt.date
    last: dt.date

    @classmethod
    def of(
        cls, granularity: str | None, start: dt.date | None, end: dt.date | None, newest: dt.date, days: int
    ) -> Window:
        """Read the arguments of a metric function.

        Args:
            granularity, start, end: as given; a start defaults to ``days`` before the end, an end to ``newest``.
            newest: the newest day that was counted.
            days: the default length.

        Raises:
            BadConfig: the end is before the start, or the granularity is none.
        """
        last = _day(end) or newest
        first = _day(start) or last - dt.timedelta(days=days)
        if last < first:
            raise BadConfig(f"end {last} is before start {first}", hint="swap them")
        buckets = dataclasses.replace(Buckets.parse(granularity), origin=first)
        if buckets.unit == "ALL":
            return cls(buckets, first, last)
        whole = buckets.start(buckets.number_of(last) + 1) - dt.timedelta(days=1)
        return cls(buckets, buckets.start(buckets.number_of(first)), whole)

    def start(self, number: int) -> dt.datetime:
        """The first moment of a period."""
        return dt.datetime.combine(self.buckets.start(number), dt.time())

    def last_day(self, number: int) -> dt.date:
        """The last day of a period."""
        if self.buckets.unit == "ALL":
            return self.last
        return self.buckets.start(number + 1) - dt.timedelta(days=1)

    def number(self, day: dt.date) -> int:
        """The period of a day."""
        return self.buckets.number_of(day)


def segment_of(extra_args: str | None, record: MonitorRecord) -> Segment:
    """The one segment of a metric function's ``extra_args``; (None, None) for all rows."""
    if extra_args is None:
        return None, None
    hint = '{"SEGMENTS": [{"column": "C", "value": "v"}]}'
    try:
        (pair,) = json.loads(extra_args)["SEGMENTS"]
        column, value = identifier(pair["column"]), str(pair["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadConfig("extra_args holds exactly one segment", hint=hint) from error
    return segment_column(column, record), value


def segment_column(column: str, record: MonitorRecord) -> str:
    """The name of a segment column, checked."""
    name = identifier(column)
    if name not in record.source.segment_columns:
        known = ", ".join(record.source.segment_columns) or "none"
        raise BadConfig(f"{name} is no segment column of {record.name}", hint=f"it has {known}")
    return name


def asked(metric: str, known: Sequence[str], what: str) -> str:
    """The name of a metric, checked."""
    if metric.upper() not in known:
        raise BadConfig(f"{metric!r} is no metric of {what}", hint=f"one of {', '.join(known)}")
    return metric.upper()


class MetricFunctions:
    """Answers of one monitor, from what was counted."""

    def __init__(self, state: MonitorState, record: MonitorRecord, part: Part = "OUTCOMES") -> None:
        self._state = state
        self._record = record
        self._part = part

    def window(self, granularity: str | None, start: dt.date | None, end: dt.date | None) -> Window:
        """The periods that were asked for."""
        days = self._state.days(self._record, self._part)
        newest = days[-1]["DAY"] if days else _EPOCH
        return Window.of(granularity, start, end, newest, self._record.settings.default_days)

    def measured(self, window: Window, segment: str | None = None) -> dict[Group, Measured]:
        """The performance of each (segment value, period); all rows have the segment value None."""
        from churnobs.monitoring.metrics import binary, multi_class, regression

        record = self._record
        rows = self._outcomes(window, segment)
        found: dict[Group, Measured] = {}
        match record.task:
            case "TABULAR_REGRESSION":
                for group, of in _grouped(rows.to_pylist(), window).items():
                    found[group] = regression(of, record.settings)
            case "TABULAR_MULTI_CLASSIFICATION":
                for group, of in _grouped(rows.to_pylist(), window).items():
                    counts = [(r["LABEL"], r["CLASS"], r["ROWS_COUNTED"]) for r in of]
                    found[group] = multi_class(counts)
            case _:
                for value, cells in self._cells(rows, window).items():
                    for period, one in binary(cells, record.settings).items():
                        found[value, period] = one
        return found

    def cells(self, window: Window, segment: str | None = None) -> dict[str | None, Cells]:
        """The counted scores of a binary classifier by segment value."""
        return self._cells(self._outcomes(window, segment), window)

    def by_day(self, first: dt.date, last: dt.date) -> tuple[list[dt.date], Cells | None]:
        """The counted scores of all rows, day by day: the days, and their cells in that order (None without rows)."""
        window = Window(Buckets(1, "DAY"), first, last)
        cells = self.cells(window).get(None)
        if cells is None:
            return [], None
        return [window.buckets.start(number) for number in cells.period[cells.starts].tolist()], cells

    def final_days(self) -> dict[dt.date, bool | None]:
        """Whether the labels of each counted day are final; None where no horizon is known."""
        return {row["DAY"]: row["IS_FINAL"] for row in self._state.days(self._record)}

    def final(self, window: Window) -> dict[int, bool | None]:
        """Whether the labels of each period are final: True, False, or None where no horizon is known."""
        found: dict[int, list[bool | None]] = {}
        for row in self._state.days(self._record):
            if window.first <= row["DAY"] <= window.last:
                found.setdefault(window.number(row["DAY"]), []).append(row["IS_FINAL"])
        return {n: None if None in states else all(states) for n, states in found.items()}

    def performance_metric(self, metric: str, window: Window, segment: Segment) -> pd.DataFrame:
        """Snowflake's performance function."""
        name = asked(metric, TASKS[self._record.task].snowflake, f"a monitor of {self._record.task}")
        source = self._record.source
        if not source.actual_class_columns and not source.actual_score_columns:
            raise BadConfig(f"monitor {self._record.name} has no actual column", hint="set actual_class_columns")
        column, value = segment
        found = []
        for (of, period), one in sorted(self.measured(window, column).items(), key=lambda item: item[0][1]):
            if of == value:
                used = one.used_by(name)
                found.append((window.start(period), one.values[name], used, one.rows - used, name, *segment))
        return _frame(found, PERFORMANCE)

    def performance(self, window: Window, segment: str | None) -> pd.DataFrame:
        """All performance metrics of each period (and value of a segment column)."""
        final = self.final(window)
        names = TASKS[self._record.task].metrics
        found = []
        for (value, period), one in sorted(self.measured(window, segment).items(), key=_by_time):
            bounds = [one.bounds.get(name, 0.0) for name in ("ROC_AUC", "AVERAGE_PRECISION")]
            counts = (one.rows, one.used, one.scored)
            found.append(
                (
                    window.start(period),
                    final.get(period),
                    *counts,
                    *(one.values[n] for n in names),
                    *bounds,
                    segment,
                    value,
                )
            )
        header = ("EVENT_TIMESTAMP", "IS_FINAL", "ROWS_ALL", "CLASS_USED", "SCORE_USED", *names, "ROC_AUC_BOUND")
        return _frame(found, (*header, "AVERAGE_PRECISION_BOUND", "SEGMENT_COLUMN", "SEGMENT_VALUE"))

    def drift_metric(self, metric: str, column: str, window: Window, segment: Segment) -> pd.DataFrame:
        """Snowflake's drift function."""
        name = asked(metric, DRIFT_METRICS, "drift")
        record = self._record
        kind = self._kind(column)
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        if kind == "category" and name in NUMERIC_ONLY:
            raise BadConfig(f"{name} needs a numeric column and {column} is none", hint="use JENSEN_SHANNON")
        own = identifier(column)
        before = self.baseline(own).get(segment, own)
        if before is None:
            raise BadConfig(f"the baseline of {record.name} has no column {own}", hint="choose another column")
        found = []
        for (value, period), now in sorted(self.histograms(window, own, segment[0]).items(), key=_by_time):
            if value == segment[1] and own in now:
                found.append(self._drift_row(window.start(period), name, own, before, now[own], segment))
        return _frame(found, DRIFT)

    def drift(self, window: Window, segment: str | None) -> pd.DataFrame:
        """All drift metrics of all columns that the baseline has."""
        found = []
        before = self.baseline(None)
        kinds = {b.column: b.kind for b in self._record.bins}
        for (value, period), now in sorted(self.histograms(window, None, segment).items(), key=_by_time):
            for column, histogram in now.items():
                reference = before.get((segment, value), column)
                if reference is None:
                    continue
                for name in DRIFT_METRICS:
                    if kinds[column] == "number" or name not in NUMERIC_ONLY:
                        of = (segment, value)
                        found.append(self._drift_row(window.start(period), name, column, reference, histogram, of))
        return _frame(found, DRIFT)

    def stat_metric(self, metric: str, column: str, window: Window, segment: Segment) -> pd.DataFrame:
        """Snowflake's stat function."""
        import pyarrow.compute as pc

        name, own = asked(metric, STAT_METRICS, "stat"), identifier(column)
        if self._kind(column) == "category" and name not in COUNTS_ONLY:
            raise BadConfig(f"{name} needs a numeric column and {column} is none", hint="use COUNT or COUNT_NULL")
        rows = self._state.histograms(self._record, own, window.first, window.last, segment[0])
        rows = rows.append_column("PERIOD", _periods(rows["DAY"], window))
        there = pc.or_(pc.is_valid(rows["BIN"]), pc.is_valid(rows["CATEGORY"]))
        rows = rows.append_column("MISSING", pc.if_else(there, 0, rows["ROWS_COUNTED"]))
        grouped = rows.group_by(["PERIOD", "SEGMENT_VALUE"]).aggregate(
            [("ROWS_COUNTED", "sum"), ("MISSING", "sum"), ("TOTAL", "sum"), ("LOW", "min"), ("HIGH", "max")]
        )
        found = []
        for row in sorted(grouped.to_pylist(), key=lambda r: r["PERIOD"]):
            if row["SEGMENT_VALUE"] == segment[1]:
                count = row["ROWS_COUNTED_sum"] - row["MISSING_sum"]
                values = {
                    "COUNT": float(count),
                    "COUNT_NULL": float(row["MISSING_sum"]),
                    "MIN": row["LOW_min"],
                    "MAX": row["HIGH_max"],
                    "SUM": row["TOTAL_sum"] if count else None,
                    "AVG": row["TOTAL_sum"] / count if count and row["TOTAL_sum"] is not None else None,
                }
                found.append((window.start(row["PERIOD"]), values[name], name, own, *segment))
        return _frame(found, STAT)

    def histograms(self, window: Window, column: str | None, segment: str | None) -> dict[Group, dict[str, Histogram]]:
        """Counted columns of each (segment value, period)."""
        rows = self._state.histograms(self._record, column, window.first, window.last, segment)
        rows = rows.append_column("PERIOD", _periods(rows["DAY"], window))
        keys = ["PERIOD", "SEGMENT_VALUE", "COLUMN_NAME", "BIN", "CATEGORY"]
        merged = rows.group_by(keys).aggregate([("ROWS_COUNTED", "sum"), ("TOTAL", "sum")])
        merged = merged.rename_columns([*keys, "ROWS_COUNTED", "TOTAL"])
        groups: dict[Group, list[dict[str, Any]]] = {}
        for row in merged.to_pylist():
            groups.setdefault((row["SEGMENT_VALUE"], row["PERIOD"]), []).append(row)
        return {group: collect(of) for group, of in groups.items()}

    def baseline(self, column: str | None) -> _Baseline:
        """The counted baseline."""
        groups: dict[Segment, list[dict[str, Any]]] = {}
        for row in self._state.baseline(self._record, column).to_pylist():
            groups.setdefault((row["SEGMENT_COLUMN"], row["SEGMENT_VALUE"]), []).append(row)
        same = self._record.settings.segment_baseline == "same"
        return _Baseline({group: collect(of) for group, of in groups.items() if same or group[0] is None})

    def _kind(self, column: str) -> str:
        own = identifier(column)
        for bins in self._record.bins:
            if bins.column == own:
                return bins.kind
        known = ", ".join(b.column for b in self._record.bins)
        raise BadConfig(f"monitor {self._record.name} watches no column {own}", hint=f"it has {known}")

    def _drift_row(
        self, at: dt.datetime, name: str, column: str, before: Histogram, now: Histogram, segment: Segment
    ) -> tuple[Any, ...]:
        kind = next(b.kind for b in self._record.bins if b.column == column)
        value = drift(name, kind, before, now, self._record.settings)
        return (at, value, now.rows, now.missing, before.rows, before.missing, name, column, *segment)

    def _outcomes(self, window: Window, segment: str | None) -> pa.Table:
        return self._state.outcomes(self._record, window.first, window.last, segment)

    @staticmethod
    def _cells(rows: pa.Table, window: Window) -> dict[str | None, Cells]:
        import pyarrow.compute as pc

        from churnobs.monitoring.metrics import Cells

        values = pc.unique(rows["SEGMENT_VALUE"]).to_pylist()
        found: dict[str | None, Cells] = {}
        for value in sorted(values, key=lambda v: (v is not None, v)):
            own = rows
            if len(values) > 1:
                column = rows["SEGMENT_VALUE"]
                own = rows.filter(pc.is_null(column) if value is None else pc.equal(column, value))
            columns = {n: own[n].to_numpy() for n in own.column_names if n not in _KEYS}
            found[value] = Cells(_periods(own["DAY"], window).to_numpy(), columns)
        return found


_KEYS: Final = ("DAY", "SEGMENT_VALUE")


class _Baseline:
    """The baseline's histograms; a segment that the baseline does not know is compared with all of it."""

    def __init__(self, of: dict[Segment, dict[str, Histogram]]) -> None:
        self._of = of

    def columns(self, segment: Segment) -> dict[str, Histogram]:
        """The columns of one segment; (None, None) is all rows."""
        return self._of.get(segment, {})

    def values(self, column: str) -> list[str]:
        """The values of a segment column that the baseline has."""
        return sorted(value for name, value in self._of if name == column and value is not None)

    def get(self, segment: Segment, column: str) -> Histogram | None:
        """A column of a segment, of all rows where the baseline does not know the segment."""
        own = self._of.get(segment)
        if own is None:
            own = self._of.get((None, None), {})
        return own.get(column)


def _periods(days: Any, window: Window) -> Any:
    """The period of each day of an Arrow column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.unique(days)
    numbers = pa.array([window.number(day) for day in known.to_pylist()], pa.int64())
    return pc.take(numbers, pc.index_in(days, known))


def _grouped(rows: Iterable[dict[str, Any]], window: Window) -> dict[Group, list[dict[str, Any]]]:
    groups: dict[Group, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["SEGMENT_VALUE"], window.number(row["DAY"])), []).append(row)
    return groups


def _by_time(item: tuple[Group, Any]) -> tuple[int, bool, str]:
    (value, period), _ = item
    return period, value is not None, value or ""


def _day(moment_or_day: dt.date | None) -> dt.date | None:
    return moment_or_day.date() if isinstance(moment_or_day, dt.datetime) else moment_or_day


def _frame(rows: list[Any], names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(names))
