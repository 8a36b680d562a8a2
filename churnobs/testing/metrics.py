"""The numbers behind the three metric functions: churnobs' own definitions of performance, drift and periods, over one table.

``measure`` is the only door: the account's monitors call it with rows, and know nothing of formulas.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from churnobs.divergence import Histogram, collect, drift, fit_bins
from churnobs.errors import BadConfig
from churnobs.expressions.buckets import Buckets
from churnobs.expressions.drift import Bins, count_cells, summaries
from churnobs.expressions.performance import performance
from churnobs.testing.failures import SqlError

PERFORMANCE = ("ROC_AUC", "CLASSIFICATION_ACCURACY", "PRECISION", "RECALL", "F1_SCORE")
DRIFT = ("JENSEN_SHANNON", "DIFFERENCE_OF_MEANS", "WASSERSTEIN", "POPULATION_STABILITY_INDEX")
NUMERIC_DRIFT = ("DIFFERENCE_OF_MEANS", "WASSERSTEIN")
STAT = ("COUNT", "COUNT_NULL", "MIN", "MAX", "AVG", "SUM")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a kind of metric, its name, the periods, the rows and, for drift, the baseline's rows.

    ``rows`` and ``baseline`` have the column VALUE for drift and statistics; LABEL,
    CLASS and SCORE for performance; ``rows`` has TS.
    """

    kind: str
    metric: str
    granularity: str | None
    start: dt.datetime
    end: dt.datetime
    rows: pa.Table
    numeric: bool = True
    baseline: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One period's value with its counts."""

    at: dt.datetime
    value: float | None
    used: int
    unused: int
    baseline_used: int = 0
    baseline_unused: int = 0


def measure(request: Request) -> list[Value]:
    """The values of one metric, one a period that has rows, in order."""
    known = {"PERFORMANCE": PERFORMANCE, "DRIFT": DRIFT, "STAT": STAT}[request.kind]
    if request.metric not in known:
        raise SqlError(
            f"Invalid metric name '{request.metric}'. Supported metrics: {', '.join(known)}", 100351, "22023"
        )
    try:
        buckets = Buckets.parse(request.granularity)
    except BadConfig as error:
        raise SqlError(f"Invalid granularity '{request.granularity}'", 100351, "22023") from error
    first = _floor(buckets, request.start.date())
    with duckdb.connect() as engine:
        engine.register("ROWS_SEEN", request.rows)
        source = _source(request.rows).filter(lambda t: t.TS.notnull())
        numbered = source.mutate(BUCKET=buckets.number(source.TS))
        answer = {"PERFORMANCE": _performance, "DRIFT": _drift, "STAT": _stat}[request.kind](engine, request, numbered)
    made = []
    for number, value in sorted(answer.items()):
        at = request.start.date() if buckets.unit == "ALL" else buckets.start(number)
        if buckets.unit == "ALL" or (first <= at and dt.datetime.combine(at, dt.time()) <= request.end):
            made.append(Value(dt.datetime.combine(at, dt.time()), *value))
    return made


def _floor(buckets: Buckets, day: dt.date) -> dt.date:
    if buckets.unit == "ALL":
        return day
    low, high = -100_000, 100_000
    while low < high:
        middle = (low + high + 1) // 2
        if _start(buckets, middle) <= day:
            low = middle
        else:
            high = middle - 1
    return buckets.start(low)


def _start(buckets: Buckets, number: int) -> dt.date:
    try:
        return buckets.start(number)
    except (OverflowError, ValueError):
        return dt.date.max if number > 0 else dt.date.min


def _source(rows: pa.Table) -> Any:
    kinds = {"TS": "timestamp(6)", "LABEL": "float64", "CLASS": "float64", "SCORE": "float64"}
    held = {
        n: kinds.get(n) or ("float64" if pa.types.is_floating(rows.schema.field(n).type) else "string")
        for n in rows.schema.names
    }
    return ibis.table(held, name="ROWS_SEEN")


def _run(engine: duckdb.DuckDBPyConnection, expression: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        engine.sql(str(ibis.to_sql(expression, dialect="duckdb"))).to_arrow_table().to_pylist()
    )
    return found


def _in_window(request: Request, rows: Any) -> Any:
    return rows.filter(ibis.literal(request.start) <= rows.TS, ibis.literal(request.end) >= rows.TS)


def _performance(engine: duckdb.DuckDBPyConnection, request: Request, rows: Any) -> Mapping[int, tuple[Any, ...]]:
    if request.granularity is not None and request.granularity.strip().upper() == "ALL":
        rows = _in_window(request, rows)
    counted = "SCORE_USED" if request.metric == "ROC_AUC" else "CLASS_USED"
    return {
        r["BUCKET"]: (r[request.metric], r[counted], r["ROWS_ALL"] - r[counted])
        for r in _run(engine, performance(rows.select("BUCKET", "LABEL", "CLASS", "SCORE"), ("BUCKET",)))
    }


def _drift(engine: duckdb.DuckDBPyConnection, request: Request, rows: Any) -> Mapping[int, tuple[Any, ...]]:
    assert request.baseline is not None
    if request.metric in NUMERIC_DRIFT and not request.numeric:
        raise SqlError(f"Metric {request.metric} requires a numeric column", 100351, "22023")
    if request.granularity is not None and request.granularity.strip().upper() == "ALL":
        rows = _in_window(request, rows)
    engine.register("BASELINE_SEEN", request.baseline)
    bins = Bins("VALUE", "category")
    if request.numeric:
        (summary,) = _run(engine, summaries("BASELINE_SEEN", ("VALUE",)))
        bins = fit_bins("VALUE", summary["LOW"], summary["HIGH"], summary["MEAN"], summary["SPREAD"])
    kind = "float64" if request.numeric else "string"
    before = ibis.table({"VALUE": kind}, name="BASELINE_SEEN")
    baseline = collect(_run(engine, count_cells(before, (bins,), ()))).get("VALUE", Histogram())
    counted: dict[int, list[dict[str, Any]]] = {}
    for row in _run(engine, count_cells(rows.select("BUCKET", "VALUE"), (bins,), ("BUCKET",))):
        counted.setdefault(row["BUCKET"], []).append(row)
    made = {}
    for number, cells in counted.items():
        current = collect(cells).get("VALUE", Histogram())
        value = drift(request.metric, bins.kind, baseline, current)
        made[number] = (value, current.rows, current.missing, baseline.rows, baseline.missing)
    return made


def _stat(engine: duckdb.DuckDBPyConnection, request: Request, rows: Any) -> Mapping[int, tuple[Any, ...]]:
    if request.metric not in ("COUNT", "COUNT_NULL") and not request.numeric:
        raise SqlError(f"Metric {request.metric} requires a numeric column", 100351, "22023")
    if request.granularity is not None and request.granularity.strip().upper() == "ALL":
        rows = _in_window(request, rows)
    value = rows.VALUE
    if request.numeric:
        value = ibis.ifelse(value.isnan(), ibis.null("float64"), value)
    rows = rows.mutate(SEEN=value)
    if request.numeric:
        asked = {"MIN": rows.SEEN.min(), "MAX": rows.SEEN.max(), "AVG": rows.SEEN.mean(), "SUM": rows.SEEN.sum()}
    else:
        asked = {}
    asked |= {
        "COUNT": rows.SEEN.count().cast("float64"),
        "COUNT_NULL": (rows.count() - rows.SEEN.count()).cast("float64"),
    }
    found = rows.group_by("BUCKET").agg(V=asked[request.metric], USED=rows.SEEN.count(), ALL_ROWS=rows.count())
    return {r["BUCKET"]: (r["V"], r["USED"], r["ALL_ROWS"] - r["USED"]) for r in _run(engine, found)}
