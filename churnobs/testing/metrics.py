"""The numbers behind the three metric functions: churnobs' own monitors, asked over the rows of an account's table.

One implementation, two doors: what is asked in SQL here is answered by ``Workspace.monitor`` of a simulator in memory.
``Measures.measure`` is the only way in: the account's monitors call it with rows, and know nothing of formulas.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

import churnobs
from churnobs.errors import ChurnobsError
from churnobs.records import ModelMonitorSourceConfig
from churnobs.testing.failures import SqlError

HELD_ROWS = 5_000_000
ROLES = ("prediction_class_columns", "prediction_score_columns", "actual_class_columns", "actual_score_columns")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a kind of metric, its name, the periods, the rows and, for drift, the baseline's rows.

    ``rows`` has TS, the columns of ``roles`` under their role's name, VALUE (what ``column`` holds) for drift and
    statistics, and SEGMENT where
    one ``segment`` value is asked; ``baseline`` has VALUE, and SEGMENT where the baseline's table has it.
    """

    monitor: str
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

    @property
    def looks_at(self) -> tuple[Any, ...]:
        """What a question is about, but for the metric, the periods and the rows themselves."""
        return (self.monitor, self.task, self.roles, self.column, self.segment is not None, self.baseline is not None)


@dataclass(slots=True)
class _Held:
    """What a monitor of the simulator was made of, and its answers so far."""

    number: int
    rows: pa.Table
    baseline: pa.Table | None
    answers: dict[tuple[Any, ...], list[dict[str, Any]]] = field(default_factory=dict)


class Measures:
    """The simulator in memory that an account asks; it is opened by the first question and kept.

    What a question looks at is compared with what the last question of its kind looked at: the same rows are not written and
    counted again, and others never answered from. So no number is older than its question.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workspace: churnobs.Workspace | None = None
        self._held: dict[tuple[Any, ...], _Held] = {}
        self._count = 0

    def measure(self, request: Request) -> list[dict[str, Any]]:
        """The rows that the metric function gives, one a period that has rows, in order; values by column name.

        Raises:
            SqlError: the question has no answer, in the words of churnobs' monitors.
        """
        with self._lock:
            try:
                return self._asked(request)
            except ChurnobsError as error:
                words = " ".join(str(error).split()).replace(" VALUE ", f" {request.column} ")
                words = re.sub(r"\b(ROWS_SEEN|BASELINE_SEEN|ASKED)_\d+\b", r"\1", words)
                raise SqlError(f"Monitor: {words}", 100351, "22023") from error

    def close(self) -> None:
        """Let go of the simulator."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._workspace is not None:
            self._workspace.close()
        self._workspace = None
        self._held = {}

    def _asked(self, request: Request) -> list[dict[str, Any]]:
        monitor, name = self._watching(request)
        asked = (request.kind, request.metric, request.granularity, request.start, request.end, request.segment)
        answers = self._held[request.looks_at].answers
        if asked not in answers:
            answers[asked] = self._answer(monitor, name, request)
        return answers[asked]

    def _answer(self, monitor: Any, name: str, request: Request) -> list[dict[str, Any]]:
        window = (request.granularity, request.start, request.end, _extra(request.segment))
        match request.kind:
            case "PERFORMANCE":
                found = monitor.model_monitor_performance_metric(name, request.metric, *window)
            case "DRIFT":
                found = monitor.model_monitor_drift_metric(name, request.metric, "VALUE", *window)
            case _:
                found = monitor.model_monitor_stat_metric(name, request.metric, "VALUE", *window)
        columns = {str(n): [None if pd.isna(v) else v for v in found[n].tolist()] for n in found.columns}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _watching(self, request: Request) -> tuple[Any, str]:
        """A monitor over the rows of a question: that of the last such question, if it saw the same."""
        if sum(held.rows.num_rows for held in self._held.values()) > HELD_ROWS:
            self._forget()
        if self._workspace is None:
            self._workspace = churnobs.connect(threads=1)
        workspace, monitor = self._workspace, self._workspace.monitor
        known = self._held.get(request.looks_at)
        if known is not None and _same(known.rows, request.rows) and _same(known.baseline, request.baseline):
            return monitor, f"ASKED_{known.number}"
        number = self._count if known is None else known.number
        rows, baseline, name = f"ROWS_SEEN_{number}", f"BASELINE_SEEN_{number}", f"ASKED_{number}"
        if known is not None:
            del self._held[request.looks_at]  # until the new rows are in place
            monitor.delete_monitor(name)
        self._count += known is None
        workspace.write_pandas(_pandas(request.rows), rows, overwrite=True)
        if request.baseline is not None:
            workspace.write_pandas(_pandas(request.baseline), baseline, overwrite=True)
        roles: dict[str, Any] = {role: [role.upper()] if role in request.roles else [] for role in ROLES}
        source = ModelMonitorSourceConfig(
            source=rows,
            timestamp_column="TS",
            id_columns=(),
            segment_columns=("SEGMENT",) if request.segment is not None else (),
            baseline=None if request.baseline is None else baseline,
            **roles,
        )
        monitor.attach(name, source, task=request.task)
        self._held[request.looks_at] = _Held(number, request.rows, request.baseline)
        return monitor, name


def _same(one: pa.Table | None, other: pa.Table | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one.schema == other.schema and one.equals(other))


def _pandas(rows: pa.Table) -> Any:
    # integers with NULLs and texts stay what they are
    return rows.to_pandas(types_mapper=_nullable.get, integer_object_nulls=True)


def _nullable_types() -> dict[pa.DataType, Any]:
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


_nullable = _nullable_types()


def _extra(segment: str | None) -> str | None:
    return None if segment is None else json.dumps({"SEGMENTS": [{"column": "SEGMENT", "value": segment}]})
