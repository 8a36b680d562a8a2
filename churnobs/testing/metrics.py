"""The numbers behind the three metric functions: churnobs' own monitors, asked over the rows of an account's table.

One implementation, two doors: what is asked in SQL here is answered by ``Workspace.monitor`` of a simulator in memory.
``measure`` is the only way in: the account's monitors call it with rows, and know nothing of formulas.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

import churnobs
from churnobs.errors import ChurnobsError
from churnobs.records import ModelMonitorSourceConfig
from churnobs.testing.failures import SqlError

ROLES = ("prediction_class_columns", "prediction_score_columns", "actual_class_columns", "actual_score_columns")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a kind of metric, its name, the periods, the rows and, for drift, the baseline's rows.

    ``rows`` has TS, the columns of ``roles`` under their role's name, VALUE (what ``column`` holds) for drift and
    statistics, and SEGMENT where
    one ``segment`` value is asked; ``baseline`` has VALUE, and SEGMENT where the baseline's table has it.
    """

    kind: str
    metric: str
    task: str
    granularity: str | None
    start: dt.datetime
    end: dt.datetime
    rows: pa.Table
    roles: tuple[str, ...]
    column: str | None = None
    segment: str | None = None
    baseline: pa.Table | None = None


def measure(request: Request) -> list[dict[str, Any]]:
    """The rows that the metric function gives, one a period that has rows, in order; values by column name.

    Raises:
        SqlError: the question has no answer, in the words of churnobs' monitors.
    """
    with churnobs.connect(threads=1) as workspace:
        try:
            return _asked(workspace, request)
        except ChurnobsError as error:
            words = " ".join(str(error).split()).replace(" VALUE ", f" {request.column} ")
            raise SqlError(f"Monitor: {words}", 100351, "22023") from error


def _asked(workspace: churnobs.Workspace, request: Request) -> list[dict[str, Any]]:
    monitor = workspace.monitor
    workspace.write_pandas(_pandas(request.rows), "ROWS_SEEN")
    baseline = None
    if request.baseline is not None:
        workspace.write_pandas(_pandas(request.baseline), "BASELINE_SEEN")
        baseline = "BASELINE_SEEN"
    roles: dict[str, Any] = {role: [role.upper()] if role in request.roles else [] for role in ROLES}
    source = ModelMonitorSourceConfig(
        source="ROWS_SEEN",
        timestamp_column="TS",
        id_columns=(),
        segment_columns=("SEGMENT",) if request.segment is not None else (),
        baseline=baseline,
        **roles,
    )
    monitor.attach("ASKED", source, task=request.task)
    window = (request.granularity, request.start, request.end, _extra(request.segment))
    match request.kind:
        case "PERFORMANCE":
            found = monitor.model_monitor_performance_metric("ASKED", request.metric, *window)
        case "DRIFT":
            found = monitor.model_monitor_drift_metric("ASKED", request.metric, "VALUE", *window)
        case _:
            found = monitor.model_monitor_stat_metric("ASKED", request.metric, "VALUE", *window)
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _pandas(rows: pa.Table) -> Any:
    # integers with NULLs and texts stay what they are
    return rows.to_pandas(types_mapper=_nullable.get, integer_object_nulls=True)


def _nullable_types() -> dict[pa.DataType, Any]:
    import pandas as pd

    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


_nullable = _nullable_types()


def _extra(segment: str | None) -> str | None:
    return None if segment is None else json.dumps({"SEGMENTS": [{"column": "SEGMENT", "value": segment}]})
