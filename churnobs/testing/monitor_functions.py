"""The three table functions that read model monitors; usable in queries, views and alerts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa

from churnobs.testing.failures import SqlError
from churnobs.testing.metrics import ROLES, Request
from churnobs.testing.monitors import ModelMonitor, rows_of
from churnobs.testing.names import fold, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, table_function
from churnobs.testing.role_rules import as_owner, need


def _function(kind: str, rewriter: Rewriter, args: list[Any]) -> Result:
    session = rewriter.session
    rewriter.dynamic = True
    values = [rewriter.evaluate(a) for a in args]
    name = session.resolve(split_name(str(values.pop(0))))
    monitor: ModelMonitor = session.account.catalog.shelf("ModelMonitor").need(name)
    metric = str(values.pop(0)).upper()
    column = fold(str(values.pop(0))) if kind != "PERFORMANCE" else None
    granularity, start, end, extra = [*values, None, None, None, None][:4]
    need(session, ("SELECT", "USAGE", "MONITOR", "MODIFY"), ("MODEL MONITOR",), name)
    with as_owner(session):
        rows = monitor.seen if session.account.config.stale_monitors else rows_of(session, monitor.source)
    assert rows is not None
    segment = _segment(monitor, extra)
    present = session.account.clock.now().replace(tzinfo=None)
    seen = {"TS": rows.column(monitor.timestamp).cast(pa.timestamp("us"))}
    roles = {role: held for role in ROLES if (held := monitor.role(role)) is not None}
    for role, held in roles.items():
        seen[role.upper()] = rows.column(held)
    baseline = None
    if column is not None:
        _watched(monitor, column)
        seen["VALUE"] = rows.column(column)
        baseline = _baseline(monitor, column, segment[0]) if kind == "DRIFT" else None
    if segment[0] is not None:
        seen["SEGMENT"] = rows.column(segment[0])
    request = Request(
        str(monitor.name),
        kind,
        metric,
        monitor.task,
        granularity,
        _moment(start) or present - dt.timedelta(days=60),
        _moment(end) or present,
        pa.table(seen),
        tuple(roles),
        column,
        segment[1],
        baseline,
    )
    return _answer(kind, session.account.measures.measure(request), metric, column, segment)


def _watched(monitor: ModelMonitor, column: str) -> None:
    kind = monitor.kinds.get(column)
    if kind is None or kind.kind not in ("fixed", "real", "text", "boolean"):
        raise SqlError(f"Column '{column}' is not monitored by '{monitor.name}'", 100351, "22023")


def _baseline(monitor: ModelMonitor, column: str, segment: str | None) -> pa.Table:
    held = monitor.baseline_rows
    if held is None:
        raise SqlError(f"Monitor '{monitor.name}' has no baseline: drift cannot be computed", 100351, "22023")
    if column not in held.schema.names:
        raise SqlError(f"The baseline of '{monitor.name}' has no column '{column}'", 100351, "22023")
    columns = {"VALUE": held.column(column)}
    if segment in held.schema.names:
        columns["SEGMENT"] = held.column(segment)
    return pa.table(columns)


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
    kind: str, values: list[dict[str, Any]], metric: str, column: str | None, segment: tuple[str | None, str | None]
) -> Result:
    columns = {"EVENT_TIMESTAMP": "timestamp_ntz", "METRIC_VALUE": "real"}
    if kind == "PERFORMANCE":
        columns |= dict.fromkeys(("COUNT_USED", "COUNT_UNUSED"), "fixed")
    elif kind == "DRIFT":
        counts = ("COL_COUNT_USED", "COL_COUNT_UNUSED", "BASELINE_COL_COUNT_USED", "BASELINE_COL_COUNT_UNUSED")
        columns |= dict.fromkeys(counts, "fixed")
    named = {"METRIC_NAME": metric} if column is None else {"METRIC_NAME": metric, "COLUMN_NAME": column}
    texts = {**named, "SEGMENT_COLUMN": segment[0], "SEGMENT_VALUE": segment[1]}
    rows = [(*(_plain(value[name]) for name in columns), *texts.values()) for value in values]
    return of_rows(columns | dict.fromkeys(texts, "text"), rows)


def _plain(value: Any) -> Any:
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value


@table_function("MODEL_MONITOR_PERFORMANCE_METRIC", proof=document("functions-model-monitors"))
def performance_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_PERFORMANCE_METRIC(monitor, metric [, granularity, start, end, extra_args])."""
    return _function("PERFORMANCE", rewriter, args)


@table_function("MODEL_MONITOR_DRIFT_METRIC", proof=document("functions-model-monitors"))
def drift_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_DRIFT_METRIC(monitor, metric, column [, granularity, start, end, extra_args])."""
    return _function("DRIFT", rewriter, args)


@table_function("MODEL_MONITOR_STAT_METRIC", proof=document("functions-model-monitors"))
def stat_metric(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """MODEL_MONITOR_STAT_METRIC(monitor, metric, column [, granularity, start, end, extra_args])."""
    return _function("STAT", rewriter, args)
