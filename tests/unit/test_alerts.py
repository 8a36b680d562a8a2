"""A threshold, an action, and one row of history a month and alert, whatever the action does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import Interrupted, Year, recipe, scripted, stops_at, write_shop

import churnobs
from churnobs import Alert, AlertEvent, BadConfig, LifecycleConfig, Measurement, Month
from churnobs.alerts import look
from churnobs.lifecycle.steps import StepKind

MEASURED = [
    Measurement(dt.date(2024, 4, 1), role, "V1", 100, {"ROC_AUC": auc, "F1_SCORE": None})
    for role, auc in (("BASE", 0.6), ("DEFAULT", 0.7))
]
DRIFT = {"AGE": {"JENSEN_SHANNON": 0.2, "WASSERSTEIN": None}}


def state(alert: Alert) -> Any:
    row = look(alert, "2024-05", MEASURED, DRIFT)
    assert (row["NAME"], row["MONTH"], row["METRIC_NAME"]) == (alert.name, "2024-05", alert.metric)
    assert row["THRESHOLD"] == alert.threshold
    return row["STATE"], row["METRIC_VALUE"]


@pytest.mark.parametrize(
    ("alert", "found"),
    [
        (Alert("a", "ROC_AUC", below=0.71), ("TRIGGERED", 0.7)),
        (Alert("a", "ROC_AUC", below=0.7), ("CONDITION_FALSE", 0.7)),
        (Alert("a", "ROC_AUC", above=0.7), ("CONDITION_FALSE", 0.7)),
        (Alert("a", "roc_auc", above=0.69), ("TRIGGERED", 0.7)),
        (Alert("a", "ROC_AUC", above=0.0), ("TRIGGERED", 0.7)),
        (Alert("a", "ROC_AUC", below=0.65, role="BASE"), ("TRIGGERED", 0.6)),
        (Alert("a", "ROC_AUC", below=0.65, role="CHALLENGER"), ("CONDITION_FALSE", None)),
        (Alert("a", "F1_SCORE", below=1.0), ("CONDITION_FALSE", None)),
        (Alert("a", "JENSEN_SHANNON", above=0.1, column="age"), ("TRIGGERED", 0.2)),
        (Alert("a", "WASSERSTEIN", above=0.1, column="AGE"), ("CONDITION_FALSE", None)),
        (Alert("a", "JENSEN_SHANNON", above=0.1, column="LOCATION"), ("CONDITION_FALSE", None)),
    ],
)
def test_states(alert: Alert, found: tuple[str, float | None]) -> None:
    assert state(alert) == found


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_number_is_on_one_side_or_on_the_threshold(value: float, threshold: float) -> None:
    low, high = Alert("a", "ROC_AUC", below=threshold), Alert("a", "ROC_AUC", above=threshold)
    assert low.crossed(value) + high.crossed(value) + (value == threshold) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"metric": "ROC_AUC"}, "alert A needs one threshold; give below= or above="),
        ({"metric": "ROC_AUC", "below": 0.1, "above": 0.2}, "alert A needs one threshold"),
        ({"metric": "ROCAUC", "below": 0.1}, "alert A looks at ROCAUC; give one of ROC_AUC, "),
        ({"metric": "ROC_AUC", "below": 0.1, "column": "AGE"}, "alert A looks at ROC_AUC; give one of JENSEN_SHANNON"),
        ({"metric": "JENSEN_SHANNON", "above": 0.1}, "alert A looks at JENSEN_SHANNON"),
        ({"metric": "ROC_AUC", "below": 0.1, "name": "my alert"}, "'my alert' is not a name"),
    ],
)
def test_alerts_that_cannot_be_meant(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        Alert(**{"name": "a", **wrong})


def test_names_are_given_once() -> None:
    with pytest.raises(BadConfig, match="two alerts have the same name"):
        LifecycleConfig(alerts=(Alert("low", "ROC_AUC", below=0.1), Alert("LOW", "F1_SCORE", below=0.1)))


def test_every_measurable_number_can_be_watched(year: Year) -> None:
    for name in year.reports[3].measurements[0].values:
        assert Alert("a", name, below=0.5).metric == name


def test_one_row_a_month_and_alert(year: Year) -> None:
    rows = year.workspace.table("ALERT_HISTORY").collect()
    assert [(row["NAME"], row["MONTH"]) for row in rows] == [
        (name, r.month) for r in year.reports for name in ("LOW", "MOVED")
    ]
    for report in year.reports:
        own = {row["NAME"]: row for row in rows if row["MONTH"] == report.month}
        assert report.alerts == tuple(n for n, row in own.items() if row["STATE"] == "TRIGGERED")
        assert report.alerts == (("LOW", "MOVED") if report.month > "2024-03" else ())
        served = report.performance("DEFAULT")
        assert own["LOW"]["METRIC_VALUE"] == (served["ROC_AUC"] if served else None)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("files"), Month(2023, 6), 3)


def test_actions_are_told_and_their_failures_kept(files: Path) -> None:
    told: list[AlertEvent] = []

    def fails(event: AlertEvent) -> None:
        raise ConnectionError("nobody there")

    with churnobs.connect(threads=1) as workspace:

        def breaks_sql(event: AlertEvent) -> None:
            workspace.sql("SELECT CAST('no number' AS INTEGER) AS N").collect()

        alerts = (
            Alert("told", "ROC_AUC", below=1.01, action=told.append),
            Alert("fails", "ROC_AUC", below=1.01, action=fails),
            Alert("breaks", "ROC_AUC", below=1.01, action=breaks_sql),
            Alert("quiet", "ROC_AUC", below=-1.0, action=fails),
            Alert("after", "ROC_AUC", below=1.01, action=told.append),
        )
        reports = workspace.lifecycle(scripted(alerts=alerts), source=files).run()
        rows = {row["NAME"]: row for row in workspace.table("ALERT_HISTORY").collect() if row["MONTH"] == "2023-08"}
    value = reports[-1].performance("DEFAULT")["ROC_AUC"]
    assert told == [AlertEvent(name, "2023-08", "ROC_AUC", value, 1.01) for name in ("TOLD", "AFTER")]
    assert {name: row["STATE"] for name, row in rows.items()} == {
        "TOLD": "TRIGGERED", "FAILS": "ACTION_FAILED", "BREAKS": "ACTION_FAILED", "QUIET": "CONDITION_FALSE",
        "AFTER": "TRIGGERED",
    }  # fmt: skip
    assert rows["FAILS"]["SQL_ERROR_MESSAGE"] == "ConnectionError: nobody there"
    assert "no number" in rows["BREAKS"]["SQL_ERROR_MESSAGE"]
    assert rows["TOLD"]["SQL_ERROR_MESSAGE"] is None
    assert reports[-1].alerts == ("TOLD", "FAILS", "BREAKS", "AFTER")


def test_an_interrupted_month_looks_once(files: Path) -> None:
    told: list[AlertEvent] = []
    config = LifecycleConfig(trainer=recipe(), alerts=(Alert("told", "ROC_AUC", below=1.01, action=told.append),))
    with churnobs.connect(threads=1) as workspace:
        for kind in (StepKind.ALERT, StepKind.PRUNE):
            with pytest.raises(Interrupted):
                workspace.lifecycle(config, source=files).run(progress=stops_at(kind, "2023-08"))
        workspace.lifecycle(config, source=files).run()
        assert workspace.table("ALERT_HISTORY").count() == 3
        assert len(told) == 1
