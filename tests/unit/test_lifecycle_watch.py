"""What a month sees of itself: estimates before labels, grades after, drift judged against chance, monitors kept whole."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loops import Year, scripted, write_world
from sklearn import metrics

import churnobs
from churnobs import Always, DriftSettings, LifecycleConfig, MonthReport
from churnobs.monitoring.estimation import ESTIMATED


def rows(year: Year, table: str) -> pd.DataFrame:
    return year.workspace.table(table).to_pandas()


def test_what_serves_is_estimated_from_its_first_predictions_on(year: Year) -> None:
    found = rows(year, "ESTIMATES")
    served = {r.as_of: r.decision.default_version for r in year.reports if r.decision.default_version}
    assert set(found["TIMESTAMP"].dt.date) == set(served)
    for as_of, own in found.groupby(found["TIMESTAMP"].dt.date):
        assert own["METRIC_NAME"].tolist() == list(ESTIMATED)
        assert set(own["VERSION"]) == {served[as_of]}
        assert (own["LOW"] <= own["METRIC_VALUE"]).all()
        assert (own["METRIC_VALUE"] <= own["HIGH"]).all()
    # the first model has seen no final label that it was not fitted on; a promoted one was tried on some
    first = found["VERSION"] == found["VERSION"].iloc[0]
    by_month = found[first].groupby("TIMESTAMP")["CALIBRATED"].all()
    assert not by_month.iloc[0]
    promoted = [r for r in year.reports if r.decision.action == "promote"]
    assert promoted
    for report in promoted:
        own = found[found["MONTH"] == report.month]
        assert own["CALIBRATED"].all(), "the trial says what the recipe's scores mean"


def test_a_grade_stands_beside_what_came_true(year: Year) -> None:
    graded, guessed = rows(year, "ESTIMATE_GRADES"), rows(year, "ESTIMATES")
    measured = {(m.as_of, name): m[name] for r in year.reports for m in r.measurements if m.role == "DEFAULT" for name in ESTIMATED}  # fmt: skip
    assert len(graded) == len(measured) > 0
    became_final = {t: r.month for r in year.reports for t in r.newly_final}
    for row in graded.to_dict("records"):
        as_of = row["TIMESTAMP"].date()
        assert row["MONTH"] == became_final[as_of]
        assert row["REALISED"] == measured[as_of, row["METRIC_NAME"]]
        own = guessed[(guessed["TIMESTAMP"] == row["TIMESTAMP"]) & (guessed["METRIC_NAME"] == row["METRIC_NAME"])]
        assert own["METRIC_VALUE"].tolist() == [row["METRIC_VALUE"]], "what was estimated is not mended afterwards"
        if row["INSIDE"] is not None:
            assert bool(row["INSIDE"]) == (row["LOW"] - 1e-9 <= row["REALISED"] <= row["HIGH"] + 1e-9)


def test_reports_tell_what_is_expected_and_whether_to_believe_it(year: Year) -> None:
    for report in year.reports:
        if report.decision.default_version is None:
            assert report.estimates == {}
            assert report.trusted is None
        else:
            assert set(report.estimates) == {"ROC_AUC", "F1_SCORE"}
            value = report.estimates["ROC_AUC"][0]
            assert f"Expected at {report.as_of}, before its labels are final: " in report.text()
            assert f"ROC_AUC {value:.4g} (" in report.text()
            found = report.to_dict()
            assert found["estimates"]["ROC_AUC"]["value"] == value
            assert found["estimates_trusted"] is report.trusted


def test_monitors_answer_what_the_loop_measured(year: Year) -> None:
    measured = {(m.version, m.as_of): m for r in year.reports for m in r.measurements if m.role == "DEFAULT"}
    for record in year.loop.own_monitors():
        if "_PRODUCTION_" not in record.name:
            continue
        version = record.name.split("_PRODUCTION_")[1]
        found = year.workspace.monitor.performance(record.name, start=dt.date(2024, 1, 1))
        assert not found.empty
        for row in found.to_dict("records"):
            as_of = row["EVENT_TIMESTAMP"].date()
            assert bool(row["IS_FINAL"]) == ((version, as_of) in measured)
            if row["IS_FINAL"]:
                for name in ("ROC_AUC", "F1_SCORE", "PRECISION", "RECALL", "CLASSIFICATION_ACCURACY", "LOG_LOSS"):
                    assert row[name] == pytest.approx(measured[version, as_of][name], abs=1e-9), name
            else:
                assert row["CLASS_USED"] == 0


def test_a_monitor_is_suspended_when_its_history_is_whole(year: Year) -> None:
    final = set(year.loop.final_as_ofs())
    active = {m.name for m in year.loop.own_monitors() if m.state == "ACTIVE"}
    assert active
    suspended = [m for m in year.loop.own_monitors() if m.state == "SUSPENDED"]
    assert suspended
    for record in suspended:
        days = year.workspace.monitor.state.days(record)
        assert days
        assert {row["DAY"] for row in days} <= final
        assert all(row["IS_FINAL"] for row in days)


def test_features_are_counted_once_for_the_loop_and_its_monitors(year: Year) -> None:
    counted = rows(year, "MONITOR_HISTOGRAMS")
    features = {name for name, _ in year.loop.feature_columns()}
    own = counted[(counted["SUBJECT"] != "FEATURES") & counted["COLUMN_NAME"].isin(features - {"CUSTOMER_SEGMENT"})]
    assert own.empty
    (record,) = (m for m in year.loop.own_monitors() if m.state == "ACTIVE" and "_PRODUCTION_" in m.name)
    report = year.reports[-1]
    found = year.workspace.monitor.drift(record.name, start=report.as_of, end=report.as_of)
    for row in found[found["COLUMN_NAME"].isin(features)].to_dict("records"):
        wanted = report.drift[row["COLUMN_NAME"]][row["METRIC_NAME"]]
        assert row["METRIC_VALUE"] == pytest.approx(wanted, rel=1e-8, abs=1e-9)
    frame = rows(year, "FEATURES")
    now = frame[frame["TIMESTAMP"] == pd.Timestamp(report.as_of)]
    ages = year.workspace.monitor.model_monitor_stat_metric(
        record.name, "AVG", "AGE", "1 DAY", report.as_of, report.as_of
    )
    assert ages["METRIC_VALUE"].tolist() == [pytest.approx(now["AGE"].astype(float).mean())]


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[MonthReport]]:
    """A world whose customers change from month 5 on, under settings that see it in a small one."""
    folder = write_world(tmp_path_factory.mktemp("drifting"), customers=900, months=9, drift=5)
    workspace = churnobs.connect(threads=1)
    loop = workspace.lifecycle(scripted(drift=DriftSettings(draws=1000)), source=folder)
    return loop, loop.run()


def test_every_measured_drift_has_its_verdict(drifting: tuple[Any, list[MonthReport]]) -> None:
    loop, reports = drifting
    found = loop.workspace.table("DRIFT").to_pandas()
    judged = found[found["P_VALUE"].notna()]
    assert len(judged) > 0.7 * len(found)
    assert judged["P_VALUE"].between(0, 1).all()
    assert (judged["Q_VALUE"] >= judged["P_VALUE"] - 1e-12).all()
    fired = judged[judged["FIRES"].astype(bool)]
    assert (fired["EFFECT"] >= fired["EFFECT_FLOOR"]).all()
    assert (fired["Q_VALUE"] <= 0.05).all()
    for report in reports:
        alarmed = set(found[(found["MONTH"] == report.month) & (found["ALARM"] == True)]["COLUMN_NAME"])  # noqa: E712
        assert {column for column, _ in report.alarms} == alarmed
    # two of three months: the first judged month never alarms
    assert reports[3].alarms == ()
    loud = [r for r in reports if r.alarms]
    for report in loud:
        assert f"; and {len(report.alarms) - 3} more." in report.text() or len(report.alarms) <= 3
        column, words = report.alarms[0]
        assert f"{column} ({words})" in report.text()
        earlier = [m for m in found["MONTH"].unique() if m <= report.month][-3:]
        months = found[found["MONTH"].isin(earlier) & (found["COLUMN_NAME"] == column) & (found["FIRES"] == True)]  # noqa: E712
        assert months["MONTH"].nunique() >= 2


@pytest.mark.long
def test_labels_do_not_leak_into_estimates(tmp_path: Path) -> None:
    """The estimate of the newest as-of is the same whatever its labels will be."""
    short = write_world(tmp_path / "short", months=6)
    long = write_world(tmp_path / "long", months=7)
    found = []
    for folder in (short, long):
        with churnobs.connect(threads=1) as workspace:
            loop = workspace.lifecycle(LifecycleConfig(trainer=scripted().trainer, policy=Always()), source=folder)
            reports = loop.run(6)
            found.append((reports[5].estimates, reports[5].trust))
    assert found[0] == found[1]


def test_metrics_of_the_state_are_those_of_the_rows(year: Year) -> None:
    labels, made = rows(year, "LABELS"), rows(year, "PREDICTIONS")
    joined = made.merge(labels[labels["IS_FINAL"]], on=["CUSTOMER_KEY", "TIMESTAMP"])
    (record,) = (m for m in year.loop.own_monitors() if "_BASE_" in m.name.removeprefix("CHURN") and "PRODUCTION" not in m.name and "CHALLENGER" not in m.name)  # fmt: skip
    found = year.workspace.monitor.performance(record.name, start=dt.date(2024, 1, 1))
    for row in found[found["IS_FINAL"] == True].to_dict("records"):  # noqa: E712
        own = joined[joined["TIMESTAMP"] == row["EVENT_TIMESTAMP"]]
        label, score = own["CHURNED"].astype(int), own["BASE_PROBABILITY"]
        assert row["BRIER_SCORE"] == pytest.approx(metrics.brier_score_loss(label, score), abs=1e-9)
        assert row["AVERAGE_PRECISION"] == pytest.approx(metrics.average_precision_score(label, score), abs=1e-9)
        top = own.nlargest(-(-len(own) // 10), "BASE_PROBABILITY")
        if own["BASE_PROBABILITY"].is_unique:
            assert row["LIFT_TOP_DECILE"] == pytest.approx(top["CHURNED"].mean() / label.mean())
