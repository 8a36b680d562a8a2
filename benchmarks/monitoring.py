"""Our side of the benchmarks of monitoring: one function each, for drift and performance through the door that users have.

The clock starts with an open workspace in a fresh file, in which the Parquet files are views: attaching the monitor,
reading the files, counting and answering are all inside. Imports and opening the file are not.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import pyarrow as pa

import churnobs
from benchmarks.monitoring_data import DAYS, MONTH_DAYS, START
from benchmarks.rounds import Said, peak_mb
from churnobs import ModelMonitorSourceConfig, Workspace
from churnobs.monitoring import estimation, insight, metrics

# of the engine; the process needs about 200 MB beside it. Spilling what does not fit is part of what is measured.
MEMORY_LIMIT: Final = "280MB"
# little memory is for one thread, unless it is told
THREADS: Final = 2
METRICS: Final = ("CLASSIFICATION_ACCURACY", "PRECISION", "RECALL", "F1_SCORE", "ROC_AUC", "ROC_AUC_BOUND")


def drift(workspace: Workspace) -> Iterable[tuple[str, float]]:
    """All drift metrics of all columns of a month against the reference."""
    workspace.monitor.attach("WATCHED", _source(baseline="REFERENCE"))
    return _drift(workspace)


def _drift(workspace: Workspace) -> Iterable[tuple[str, float]]:
    found = workspace.monitor.drift("WATCHED", granularity="ALL", start=START, end=_last(MONTH_DAYS))
    columns = (found["COLUMN_NAME"], found["METRIC_NAME"], found["METRIC_VALUE"])
    return [(f"{column} {name}", float(value)) for column, name, value in zip(*columns, strict=True)]


def performance(workspace: Workspace) -> Iterable[tuple[str, float]]:
    """All performance metrics of each day of a year."""
    workspace.monitor.attach("WATCHED", _source())
    return _performance(workspace)


def _performance(workspace: Workspace) -> Iterable[tuple[str, float]]:
    found = workspace.monitor.performance("WATCHED", granularity="1 DAY", start=START, end=_last(DAYS))
    days = found["EVENT_TIMESTAMP"].dt.strftime("%Y-%m-%d")
    return [(f"{day} {name}", float(value)) for name in METRICS for day, value in zip(days, found[name], strict=True)]


def cbpe(workspace: Workspace) -> Iterable[tuple[str, float]]:
    """Estimated performance, with its interval, of each month of a year, calibrated on the year before."""
    workspace.sql("SELECT * FROM REFERENCE UNION ALL SELECT * FROM CURRENT").create_or_replace_view("BOTH_YEARS")
    workspace.monitor.attach("WATCHED", _source(source="BOTH_YEARS"))
    return _cbpe(workspace)


def _cbpe(workspace: Workspace) -> Iterable[tuple[str, float]]:
    year = (START - dt.timedelta(days=DAYS), START - dt.timedelta(days=1))
    found = workspace.monitor.estimate("WATCHED", "1 MONTH", START, _last(DAYS), reference=year)
    months = found["EVENT_TIMESTAMP"].dt.strftime("%Y-%m")
    rows = zip(months, found["METRIC_NAME"], found["METRIC_VALUE"], strict=True)
    return [(f"{month} {name}", float(value)) for month, name, value in rows]


Run = Callable[[Workspace], Iterable[tuple[str, float]]]
RUNS: Final[Mapping[str, Run]] = {"drift": drift, "performance": performance, "cbpe": cbpe}
# the same question to a monitor that has counted already: it looks for changes of its source and merges
AGAIN: Final[Mapping[str, Run]] = {"drift": _drift, "performance": _performance, "cbpe": _cbpe}


def variant(benchmark: str, folder: str, *, memory_limit: str | None = MEMORY_LIMIT) -> Said:
    """One benchmark in this process, over the Parquet files of a folder; done once to warm up, as the peers do."""
    _import_all()
    _run(benchmark, folder, memory_limit)
    return _run(benchmark, folder, memory_limit)


def _run(benchmark: str, folder: str, memory_limit: str | None) -> Said:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        file = Path(scratch) / "ours.duckdb"
        churnobs.connect(f"duckdb:{file}").close()
        with duckdb.connect(str(file)) as connection:
            for path in Path(folder).glob("*.parquet"):
                connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
        with churnobs.connect(f"duckdb:{file}", threads=THREADS, memory_limit=memory_limit) as workspace:
            started, worked = time.perf_counter(), time.process_time()
            values = dict(RUNS[benchmark](workspace))
            clock = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - worked}
            peak = peak_mb()
            if benchmark in AGAIN:
                started = time.perf_counter()
                assert dict(AGAIN[benchmark](workspace)) == values
                clock["again_seconds"] = time.perf_counter() - started
    return {**clock, "peak_mb": peak, "values": values}


def _import_all() -> None:
    """What is imported at its first use is imported now."""
    assert metrics
    assert estimation
    assert insight
    ibis.to_sql(ibis.table({"A": "int64"}, name="T"), dialect="duckdb")
    pa.table({"A": [1]}).group_by("A").aggregate([]).to_pandas()


def _source(source: str = "CURRENT", **more: Any) -> ModelMonitorSourceConfig:
    return ModelMonitorSourceConfig(
        source=source,
        timestamp_column="AT_TIME",
        id_columns=["PREDICTION_ID"],
        prediction_score_columns=["SCORE"],
        prediction_class_columns=["CLASS"],
        actual_class_columns=["LABEL"],
        **more,
    )


def _last(days: int) -> dt.date:
    return START + dt.timedelta(days=days - 1)
