"""The three table functions that read model monitors; usable in queries, views and alerts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from churnobs.testing.failures import SqlError
from churnobs.testing.metrics import Request, measure
from churnobs.testing.monitors import ModelMonitor, rows_of
from churnobs.testing.names import fold, split_name
from churnobs.testing.results import Result, now, of_rows
from churnobs.testing.rewriting import Rewriter, table_function


def _function(kind: str, rewriter: Rewriter, args: list[Any]) -> Result:
    session = rewriter.session
    rewriter.dynamic = True
    values = [rewriter.evaluate(a) for a in args]
    name = session.resolve(split_name(str(values.pop(0))))
    monitor: ModelMonitor = session.account.catalog.shelf("ModelMonitor").need(name)
    metric = str(values.pop(0)).upper()
    column = fold(str(values.pop(0))) if kind != "PERFORMANCE" else None
    granularity, start, end, extra = [*values, None, None, None, None][:4]
    rows = monitor.seen if session.account.config.stale_monitors else rows_of(session, monitor.source)
    assert rows is not None
    segment = _segment(monitor, extra)
    if segment[0] is not None:
        rows = rows.filter(pc.equal(rows.column(segment[0]), segment[1]))
    last = _moment(end) or now().replace(tzinfo=None)
    first = _moment(start) or now().replace(tzinfo=None) - dt.timedelta(days=60)
    seen = {"TS": rows.column(monitor.timestamp).cast(pa.timestamp("us"))}
    numeric = True
    baseline = None
    if column is None:
        roles = {
            "LABEL": "actual_class_columns",
            "CLASS": "prediction_class_columns",
            "SCORE": "prediction_score_columns",
        }
        for short, role in roles.items():
            held = monitor.role(role)
            seen[short] = _doubles(rows.column(held)) if held else pa.nulls(rows.num_rows, pa.float64())
        if monitor.role("actual_class_columns") is None:
            raise SqlError(f"Monitor '{name}' has no actual column: performance cannot be computed", 100351, "22023")
    else:
        numeric = _watched(monitor, column)
        seen["VALUE"] = _doubles(rows.column(column)) if numeric else rows.column(column).cast(pa.string())
        if kind == "DRIFT":
            baseline = _baseline(monitor, column, numeric=numeric)
    request = Request(kind, metric, granularity, first, last, pa.table(seen), numeric, baseline)
    return _answer(kind, measure(request), metric, column, segment)


def _watched(monitor: ModelMonitor, column: str) -> bool:
    kind = monitor.kinds.get(column)
    if kind is None or kind.kind not in ("fixed", "real", "text", "boolean"):
        raise SqlError(f"Column '{column}' is not monitored by '{monitor.name}'", 100351, "22023")
    return kind.kind in ("fixed", "real")


def _baseline(monitor: ModelMonitor, column: str, *, numeric: bool) -> pa.Table:
    held = monitor.baseline_rows
    if held is None:
        raise SqlError(f"Monitor '{monitor.name}' has no baseline: drift cannot be computed", 100351, "22023")
    if column not in held.schema.names:
        raise SqlError(f"The baseline of '{monitor.name}' has no column '{column}'", 100351, "22023")
    return pa.table({"VALUE": _doubles(held.column(column)) if numeric else held.column(column).cast(pa.string())})


def _doubles(column: Any) -> Any:
    return column.cast(pa.float64())


def _segment(monitor: ModelMonitor, extra: Any) -> tuple[str | None, str | None]:
    if extra is None:
        return None, None
    try:
        (pair,) = json.loads(str(extra))["SEGMENTS"]
        column, value = fold(str(pair["column"])), str(pair["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise SqlError(
            'extra_args must be {"SEGMENTS": [{"column": "...", "value": "..."}]} with one pair', 100351, "22023"
        ) from error
    if column not in monitor.columns["segment_columns"]:
        raise SqlError(f"'{column}' is not a segment column of '{monitor.name}'", 100351, "22023")
    return column, value


def _moment(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    return dt.datetime.combine(value, dt.time())


def _answer(
    kind: str, values: list[Any], metric: str, column: str | None, segment: tuple[str | None, str | None]
) -> Result:
    columns = {"EVENT_TIMESTAMP": "timestamp_ntz", "METRIC_VALUE": "real"}
    rows: list[tuple[Any, ...]]
    if kind == "PERFORMANCE":
        columns |= dict.fromkeys(("COUNT_USED", "COUNT_UNUSED"), "fixed") | {"METRIC_NAME": "text"}
        rows = [(v.at, v.value, v.used, v.unused, metric, *segment) for v in values]
    elif kind == "DRIFT":
        counts = ("COL_COUNT_USED", "COL_COUNT_UNUSED", "BASELINE_COL_COUNT_USED", "BASELINE_COL_COUNT_UNUSED")
        columns |= dict.fromkeys(counts, "fixed") | {"METRIC_NAME": "text", "COLUMN_NAME": "text"}
        rows = [
            (v.at, v.value, v.used, v.unused, v.baseline_used, v.baseline_unused, metric, column, *segment)
            for v in values
        ]
    else:
        columns |= {"METRIC_NAME": "text", "COLUMN_NAME": "text"}
        rows = [(v.at, v.value, metric, column, *segment) for v in values]
    return of_rows(columns | {"SEGMENT_COLUMN": "text", "SEGMENT_VALUE": "text"}, rows)


@table_function("MODEL_MONITOR_PERFORMANCE_METRIC")
def performance_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_PERFORMANCE_METRIC(monitor, metric [, granularity, start, end, extra_args])."""
    return _function("PERFORMANCE", rewriter, args)


@table_function("MODEL_MONITOR_DRIFT_METRIC")
def drift_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_DRIFT_METRIC(monitor, metric, column [, granularity, start, end, extra_args])."""
    return _function("DRIFT", rewriter, args)


@table_function("MODEL_MONITOR_STAT_METRIC")
def stat_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_STAT_METRIC(monitor, metric, column [, granularity, start, end, extra_args])."""
    return _function("STAT", rewriter, args)
