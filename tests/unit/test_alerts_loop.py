"""The loop looks at alerts once a month, whatever their actions do, and does what they ask for exactly once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loops import Interrupted, Year, recipe, scripted, stops_at, write_shop

import churnobs
from churnobs import Alert, AlertEvent, LifecycleConfig, Month, MonthReport, Never, Workspace
from churnobs.alerts import Freshness, Metric, Observed, RetrainAction
from churnobs.lifecycle.steps import StepKind

ALWAYS: Any = {"metric": "ROC_AUC", "below": 1.01}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """June to November 2023; labels are final from the second month on, the first measurement is in the third."""
    return write_shop(tmp_path_factory.mktemp("files"), Month(2023, 6), 6)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


def run(
    workspace: Workspace, files: Path, *alerts: Alert, months: int | None = None, **changes: Any
) -> list[MonthReport]:
    config = LifecycleConfig(trainer=recipe(), policy=Never(), alerts=alerts).replaced(**changes)
    return workspace.lifecycle(config, source=files).run(months)


def states(workspace: Workspace, name: str) -> list[tuple[str, str, str | None]]:
    rows = workspace.alerts.alert_history(name)
    return list(rows[["MONTH", "STATE", "ACTION_TAKEN"]].itertuples(index=False, name=None))


def test_every_measurable_number_can_be_watched(year: Year) -> None:
    for name in year.reports[3].measurements[0].values:
        assert Metric(name, below=0.5).metric == name


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
    assert [r["ACTION_TAKEN"] for r in rows if r["NAME"] == "LOW"] == [None] * 3 + ["TAKEN"] + ["SUPPRESSED"] * 5


def test_an_alarm_knows_the_model_and_what_it_was_fitted_on(year: Year) -> None:
    low, moved = year.workspace.alerts.alarms()
    report = next(r for r in year.reports if r.month == low.month)
    served = report.performance("DEFAULT")
    record = year.loop.version(served.version)
    assert (low.version, low.value, low.as_of) == (served.version, served["ROC_AUC"], report.as_of)
    assert low.datasets == tuple(f"{f.dataset}/{f.version}" for f in record.fitted_on) != ()
    distance = {column: values["JENSEN_SHANNON"] for column, values in report.drift.items()}
    assert [d.value for d in low.drifted] == sorted(distance.values(), reverse=True)[:5]
    assert moved.drifted[0].column == "AGE"
    assert moved.version == report.decision.default_version


def test_actions_are_told_and_their_failures_kept(workspace: Workspace, files: Path) -> None:
    told: list[AlertEvent] = []

    def fails(event: AlertEvent) -> None:
        raise ConnectionError("nobody there")

    def breaks_sql(event: AlertEvent) -> None:
        workspace.sql("SELECT CAST('no number' AS INTEGER) AS N").collect()

    alerts = (
        Alert("told", **ALWAYS, action=told.append),
        Alert("fails", **ALWAYS, action=fails),
        Alert("breaks", **ALWAYS, action=breaks_sql),
        Alert("quiet", "ROC_AUC", below=-1.0, action=fails),
        Alert("after", **ALWAYS, action=told.append),
    )
    reports = run(workspace, files, *alerts, months=3)
    rows = {row["NAME"]: row for row in workspace.table("ALERT_HISTORY").collect() if row["MONTH"] == "2023-08"}
    value = reports[-1].performance("DEFAULT")["ROC_AUC"]
    assert [(e.name, e.month, e.metric, e.value, e.threshold) for e in told] == [
        (name, "2023-08", "ROC_AUC", value, 1.01) for name in ("TOLD", "AFTER")
    ]
    assert {name: row["STATE"] for name, row in rows.items()} == {
        "TOLD": "TRIGGERED", "FAILS": "ACTION_FAILED", "BREAKS": "ACTION_FAILED", "QUIET": "CONDITION_FALSE",
        "AFTER": "TRIGGERED",
    }  # fmt: skip
    assert rows["FAILS"]["SQL_ERROR_MESSAGE"] == "ConnectionError: nobody there"
    assert "no number" in rows["BREAKS"]["SQL_ERROR_MESSAGE"]
    assert rows["TOLD"]["SQL_ERROR_MESSAGE"] is None
    assert reports[-1].alerts == ("TOLD", "FAILS", "BREAKS", "AFTER")


def test_an_interrupted_month_looks_once(workspace: Workspace, files: Path) -> None:
    told: list[AlertEvent] = []
    config = LifecycleConfig(trainer=recipe(), alerts=(Alert("told", **ALWAYS, action=told.append),))
    for kind in (StepKind.ALERT, StepKind.REPORT):
        with pytest.raises(Interrupted):
            workspace.lifecycle(config, source=files).run(3, progress=stops_at(kind, "2023-08"))
    workspace.lifecycle(config, source=files).run(1)
    assert workspace.table("ALERT_HISTORY").count() == 3
    assert len(told) == 1


def test_an_action_may_run_again_when_the_process_dies_but_its_row_is_kept_once(
    workspace: Workspace, files: Path
) -> None:
    told: list[str] = []

    def dies_once(event: AlertEvent) -> None:
        told.append(event.month)
        if len(told) == 1:
            raise Interrupted("after the message, before the row")

    alert = Alert("told", **ALWAYS, action=(RetrainAction(), dies_once))
    with pytest.raises(Interrupted):
        run(workspace, files, alert, months=3)
    run(workspace, files, alert, months=1)
    assert told == ["2023-08", "2023-08"]
    assert states(workspace, "told")[2:] == [("2023-08", "TRIGGERED", "TAKEN")]
    assert workspace.table("RETRAIN_REQUESTS").count() == 1


def test_a_suspend_is_kept_and_a_changed_definition_is_taken_over(workspace: Workspace, files: Path) -> None:
    told: list[str] = []
    alert = Alert("low", **ALWAYS, action=lambda event: told.append(event.month))
    run(workspace, files, alert, months=1)
    assert workspace.alerts.get_alert("low").state == "started"
    workspace.alerts.suspend("low")
    (_, report) = run(workspace, files, alert, months=2)
    assert (report.alerts, told) == ((), [])
    workspace.alerts.resume("low")
    changed = Alert("low", "ROC_AUC", below=-1.0, action=lambda event: told.append(event.month))
    run(workspace, files, changed, months=1)
    assert workspace.alerts.get_alert("low").condition == "ROC_AUC of DEFAULT below -1"
    run(workspace, files, alert, months=1)
    # none of the two months in which it was suspended
    assert states(workspace, "low") == [
        ("2023-06", "CONDITION_FALSE", None), ("2023-09", "CONDITION_FALSE", None), ("2023-10", "TRIGGERED", "TAKEN"),
    ]  # fmt: skip
    assert told == ["2023-10"]


def test_alerts_made_by_hand_are_looked_at_when_they_are_resumed(workspace: Workspace, files: Path) -> None:
    for name in ("on", "off"):
        workspace.alerts.create_alert(Alert(name, **ALWAYS))
    workspace.alerts.resume("on")
    reports = run(workspace, files, months=3)
    assert [r.alerts for r in reports] == [(), (), ("ON",)]
    assert set(workspace.alerts.alert_history()["NAME"]) == {"ON"}
    # what the loop saw can be looked at again
    seen = workspace.alerts.newest_observed()
    assert (seen.month, seen.now, seen.data_through) == ("2023-08", dt.date(2023, 9, 1), dt.date(2023, 9, 1))
    assert seen.measured == reports[-1].measurements
    assert json.loads(json.dumps(seen.drift)) == json.loads(json.dumps(reports[-1].drift))
    (row,) = workspace.alerts.execute_alert("off")
    assert (row["STATE"], row["SCHEDULED_FROM"], row["MONTH"]) == ("TRIGGERED", "EXECUTE ALERT", "2023-08")
    workspace.alerts.create_alert(Alert("stale", Freshness(max_days=40)))
    workspace.alerts.resume("stale")
    assert workspace.alerts.look_now(dt.date(2023, 10, 11))[-1]["STATE"] == "CONDITION_FALSE"
    assert workspace.alerts.look_now(dt.date(2023, 10, 12))[-1]["STATE"] == "TRIGGERED"


def test_a_late_delivery_belongs_to_the_month_of_its_alarm(workspace: Workspace, files: Path) -> None:
    tries: list[str] = []

    def fails_first(event: AlertEvent) -> None:
        tries.append(event.month)
        if len(tries) == 1:
            raise ConnectionError("nobody there")

    class Once:
        words = "in August"

        def look(self, observed: Observed) -> Any:
            return dataclasses.replace(Metric(**ALWAYS).look(observed), fired=observed.month == "2023-08")

    reports = run(workspace, files, Alert("once", Once(), action=fails_first), months=4)
    assert [r.alerts for r in reports] == [(), (), ("ONCE",), ()]
    assert states(workspace, "once")[2:] == [
        ("2023-08", "ACTION_FAILED", "RETRY"), ("2023-08", "TRIGGERED", "TAKEN"), ("2023-09", "CONDITION_FALSE", None),
    ]  # fmt: skip


def test_labels_that_are_waited_for(workspace: Workspace, files: Path) -> None:
    # at T the newest as-of waits for its own labels, and the one before only where the month was shorter than 30 days
    run(workspace, files, Alert("wait", Freshness(labels_days=0)), months=3)
    values = workspace.alerts.alert_history("wait")
    assert list(values["METRIC_VALUE"]) == [0.0, 0.0, 0.0]
    seen = workspace.alerts.newest_observed()
    assert seen.open_since == dt.date(2023, 9, 1)
    assert Freshness(labels_days=30).look(dataclasses.replace(seen, now=dt.date(2023, 10, 2))).fired


# -- retraining


def decisions(reports: list[MonthReport]) -> list[tuple[str, str]]:
    return [(r.month, r.decision.action) for r in reports]


def test_a_retraining_is_asked_for_and_taken_once(workspace: Workspace, files: Path) -> None:
    alert = Alert("low", **ALWAYS, action=RetrainAction())
    reports = run(workspace, files, alert, promotion=scripted().promotion)
    assert decisions(reports) == [
        ("2023-06", "wait"), ("2023-07", "first_model"), ("2023-08", "keep"), ("2023-09", "tie"), ("2023-10", "keep"),
        ("2023-11", "keep"),
    ]  # fmt: skip
    assert reports[3].decision.retrain
    assert reports[3].decision.reason.startswith(
        "asked for by alert LOW of 2023-08; the policy alone: keep, the policy never retrains; so it is written"
    )
    requests = workspace.table("RETRAIN_REQUESTS").collect()
    assert [(r["REQUEST"], r["NAME"], r["MONTH"], r["STATE"]) for r in requests] == [
        (1, "LOW", "2023-08", "ASKED"), (1, "LOW", "2023-09", "TAKEN"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [StepKind.DECIDE, StepKind.TRAIN, StepKind.PROMOTE])
def test_a_request_survives_a_crash_and_is_not_taken_twice(workspace: Workspace, files: Path, kind: StepKind) -> None:
    config = LifecycleConfig(trainer=recipe(), policy=Never(), alerts=(Alert("low", **ALWAYS, action=RetrainAction()),))
    with pytest.raises(Interrupted):
        workspace.lifecycle(config, source=files).run(progress=stops_at(kind, "2023-09"))
    reports = workspace.lifecycle(config, source=files).run()
    assert [r.decision.retrain for r in reports] == [True, False, False]


def test_a_request_waits_for_new_final_labels(workspace: Workspace, tmp_path: Path) -> None:
    # the labels of 1 February are not final when February is over
    files = write_shop(tmp_path / "files", Month(2022, 11), 6)
    alert = Alert("low", **ALWAYS, action=RetrainAction())
    reports = run(workspace, files, alert)
    assert [(r.month, r.status, r.decision.retrain) for r in reports][2:] == [
        ("2023-01", "decided", False), ("2023-02", "waiting", False), ("2023-03", "decided", True),
        ("2023-04", "decided", False),
    ]  # fmt: skip


def test_a_request_beside_a_policy_that_retrains(workspace: Workspace, files: Path) -> None:
    reports = run(workspace, files, Alert("low", **ALWAYS, action=RetrainAction()), months=5, policy=scripted().policy)
    assert "the policy alone: retrain, the policy retrains whenever labels become final" in reports[3].decision.reason
    assert reports[4].decision.reason.startswith("the policy retrains whenever labels become final")


# -- monitors


def test_the_metric_of_a_monitor(workspace: Workspace, files: Path) -> None:
    reports = run(workspace, files, months=3)
    (name,) = (m for m in workspace.monitor.show_model_monitors()["name"] if "PRODUCTION" in m)
    alerts = {
        "auc": Metric("ROC_AUC", below=1.01, monitor=name),
        "moved": Metric("JENSEN_SHANNON", above=-1, column="TENURE_DAYS", monitor=name.lower()),
        "wrong": Metric("NO_METRIC", below=1, monitor=name),
        "gone": Metric("ROC_AUC", below=1, monitor="NO_MONITOR"),
    }
    rows = {}
    for key, condition in alerts.items():
        workspace.alerts.create_alert(Alert(key, condition))
        (rows[key],) = workspace.alerts.execute_alert(key)
    assert rows["auc"]["STATE"] == "TRIGGERED"
    assert rows["auc"]["METRIC_VALUE"] == pytest.approx(reports[-1].performance("DEFAULT")["ROC_AUC"])
    assert rows["auc"]["WORDS"].startswith(f"ROC_AUC of monitor {name} is ")
    assert rows["moved"]["METRIC_VALUE"] == pytest.approx(reports[-1].drift["TENURE_DAYS"]["JENSEN_SHANNON"])
    assert rows["moved"]["WORDS"].startswith(f"JENSEN_SHANNON of TENURE_DAYS in monitor {name} is ")
    assert rows["wrong"]["STATE"] == rows["gone"]["STATE"] == "CONDITION_FAILED"
    assert "'NO_METRIC' is no metric of" in rows["wrong"]["SQL_ERROR_MESSAGE"]
    assert "unable to find model monitor NO_MONITOR" in rows["gone"]["SQL_ERROR_MESSAGE"]


# -- processes


def test_what_readers_see(tmp_path: Path, files: Path) -> None:
    place = tmp_path / "w.duckdb"
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        run(workspace, files, Alert("low", **ALWAYS), months=3)
        workspace.alerts.acknowledge("low", "2023-08", by="ann")
        run(workspace, files, Alert("low", **ALWAYS), months=1)
        there = workspace.alerts.alert_history()
    published = place.with_name(place.name + ".published")
    with churnobs.connect(f"duckdb:{published}", read_only=True) as reader:
        assert reader.alerts.alert_history().equals(there)
        assert list(reader.alerts.show_alerts()["state"]) == ["started"]
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        # the next process was given no alerts: what was asked for goes on
        (report,) = run(workspace, files, months=1)
        assert report.alerts == ("LOW",)
