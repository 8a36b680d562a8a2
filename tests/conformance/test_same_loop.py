"""The loop on every backend: the same features, labels, decisions, promotions and metrics, month by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from comparing import TABLES, TOLERANCE, differences, rows, same
from loops import scripted, write_world

import churnobs
from churnobs import Alert, Workspace

MONTHS = 6
ALERTS = (Alert("low", "roc_auc", below=1.01), Alert("moved", "jensen_shannon", above=0.0, column="age"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"), customers=250, months=MONTHS)


@pytest.fixture(scope="module")
def reference(files: Path) -> Iterator[Workspace]:
    """The same months on the simulator."""
    with churnobs.connect(threads=1) as workspace:
        workspace.lifecycle(scripted(alerts=ALERTS), source=files).run()
        yield workspace


@pytest.fixture(scope="module")
def other(other_backend: str, files: Path, open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    """The same months on another backend."""
    with open_workspace(other_backend) as workspace:
        workspace.lifecycle(scripted(alerts=ALERTS), source=files).run()
        yield workspace


@pytest.mark.parametrize("table", TABLES)
def test_tables_hold_the_same(table: str, reference: Workspace, other: Workspace) -> None:
    assert rows(reference, table)
    assert differences(table, reference, other) == []


def test_decisions_are_the_same_month_by_month(reference: Workspace, other: Workspace) -> None:
    expected, found = (w.lifecycle(scripted(alerts=ALERTS)).history() for w in (reference, other))
    assert [r.month for r in found] == [r.month for r in expected]
    assert len(expected) == MONTHS
    for here, there in zip(expected, found, strict=True):
        assert there.decision.action == here.decision.action
        assert there.decision.default_version == here.decision.default_version
        assert there.newly_final == here.newly_final
        assert there.alerts == here.alerts
        assert [(m.role, m.version, m.rows) for m in there.measurements] == [
            (m.role, m.version, m.rows) for m in here.measurements
        ]
        for mine, theirs in zip(here.measurements, there.measurements, strict=True):
            assert all(same(mine.values[name], theirs.values[name]) for name in mine.values), (mine, theirs)


def test_customers_at_risk_are_the_same(reference: Workspace, other: Workspace) -> None:
    expected, found = (w.lifecycle(scripted(alerts=ALERTS)).at_risk(20).to_pandas() for w in (reference, other))
    assert list(found["CUSTOMER_ID"]) == list(expected["CUSTOMER_ID"])
    assert found["PROBABILITY"].to_numpy() == pytest.approx(expected["PROBABILITY"].to_numpy(), abs=TOLERANCE)


FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 12, 31)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("MODEL_MONITOR_PERFORMANCE_METRIC", ("ROC_AUC",)),
        ("MODEL_MONITOR_PERFORMANCE_METRIC", ("F1_SCORE",)),
        ("MODEL_MONITOR_DRIFT_METRIC", ("JENSEN_SHANNON", "AGE")),
        ("MODEL_MONITOR_STAT_METRIC", ("COUNT_NULL", "AGE")),
    ],
)
def test_native_monitors_answer_what_the_loop_has_counted(
    function: str, arguments: tuple[str, ...], other: Workspace
) -> None:
    names = list(other.monitor.show_model_monitors()["name"])
    assert len(names) >= 4
    answered = 0
    for name in names:
        given = ", ".join(f"'{text}'" for text in (name, *arguments))
        period = ", ".join(f"TO_TIMESTAMP_NTZ('{day}')" for day in (FIRST, LAST))
        native = other.sql(
            f"SELECT EVENT_TIMESTAMP, METRIC_VALUE FROM TABLE({function}({given}, '1 DAY', {period})) ORDER BY 1"
        ).collect()
        own = getattr(other.monitor, function.lower())(name, *arguments, "1 DAY", FIRST, LAST)
        assert [row["EVENT_TIMESTAMP"] for row in native] == list(own["EVENT_TIMESTAMP"])
        for row, value in zip(native, own["METRIC_VALUE"], strict=True):
            missing = value is None or value != value
            assert (row["METRIC_VALUE"] is None) == missing
            assert missing or row["METRIC_VALUE"] == pytest.approx(value, abs=TOLERANCE)
            answered += not missing
    assert answered > 0
