"""Conditions are true, false or unknown; an alert follows Snowflake's states and tells nobody the same thing twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnobs
from churnobs import Alert, AlertEvent, AlreadyExists, BadConfig, LifecycleConfig, Measurement, NotFound, Workspace
from churnobs.alerts import DriftAlarm, Estimated, Finding, Freshness, Metric, Observed, RetrainAction, ToTable
from churnobs.alerts import actions as acting
from churnobs.alerts.conditions import packed, unpacked

MEASURED = tuple(
    Measurement(dt.date(2024, month, 1), role, version, 100, {"ROC_AUC": auc, "F1_SCORE": None, "LOG_LOSS": math.nan})
    for month, role, version, auc in (
        (3, "DEFAULT", "V0", 0.1), (4, "BASE", "V1", 0.6), (4, "DEFAULT", "V2", 0.7),
    )
)  # fmt: skip
SEEN = Observed(
    "2024-05",
    dt.date(2024, 6, 1),
    now=dt.date(2024, 6, 1),
    measured=MEASURED,
    drift={"AGE": {"JENSEN_SHANNON": 0.2, "WASSERSTEIN": None}, "SPEND": {"JENSEN_SHANNON": 0.3}},
    estimates={"F1_SCORE": (0.65, 0.6, 0.72), "RECALL": (None, None, None)},
    alarms=(("AGE", "p 0.001, threshold 0.08"), ("SPEND", "")),
    data_through=dt.date(2024, 6, 1),
    open_since=dt.date(2024, 4, 10),
    version="V2",
    datasets={"V2": ("CHURN/2024_03_01",)},
)


def auc(value: float | None, month: str = "2024-05") -> Observed:
    """A month in which the default model has one number."""
    measured = (Measurement(dt.date(2024, 4, 1), "DEFAULT", "V2", 100, {"ROC_AUC": value}),)
    return dataclasses.replace(SEEN, month=month, measured=measured)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


def looked(workspace: Workspace, name: str, observed: Observed) -> list[tuple[Any, ...]]:
    """Execute an alert; what its rows say, in short."""
    rows = workspace.alerts.execute_alert(name, observed)
    return [(row["MONTH"], row["STATE"], row["ACTION_TAKEN"], row["ATTEMPT"]) for row in rows]


# -- conditions


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Metric("ROC_AUC", below=0.71), (True, 0.7)),
        (Metric("ROC_AUC", below=0.7), (False, 0.7)),
        (Metric("ROC_AUC", above=0.7), (False, 0.7)),
        (Metric("roc_auc", above=0.69), (True, 0.7)),
        (Metric("ROC_AUC", above=0), (True, 0.7)),
        (Metric("ROC_AUC", below=0.65, role="BASE"), (True, 0.6)),
        (Metric("ROC_AUC", below=0.65, role="CHALLENGER"), (None, None)),
        (Metric("F1_SCORE", below=1.0), (None, None)),
        (Metric("LOG_LOSS", above=0.1), (None, None)),
        (Metric("JENSEN_SHANNON", above=0.1, column="age"), (True, 0.2)),
        (Metric("WASSERSTEIN", above=0.1, column="AGE"), (None, None)),
        (Metric("JENSEN_SHANNON", above=0.1, column="LOCATION"), (None, None)),
        (Estimated("f1_score", below=0.7), (True, 0.65)),
        (Estimated("F1_SCORE", below=0.65), (False, 0.65)),
        (Estimated("F1_SCORE", below=0.7, certain=True), (False, 0.72)),
        (Estimated("F1_SCORE", below=0.73, certain=True), (True, 0.72)),
        (Estimated("F1_SCORE", above=0.59, certain=True), (True, 0.6)),
        (Estimated("RECALL", below=1.0), (None, None)),
        (Estimated("ROC_AUC", below=1.0), (None, None)),
        (DriftAlarm(), (True, 2.0)),
        (DriftAlarm(("age", "LOCATION")), (True, 1.0)),
        (DriftAlarm("LOCATION"), (False, 0.0)),
        (Freshness(max_days=0), (False, 0.0)),
        (Freshness(labels_days=51), (True, 52.0)),
        (Freshness(labels_days=52), (False, 52.0)),
        (Freshness(max_days=10, labels_days=40), (True, 52.0)),
        (Freshness(max_days=10, labels_days=60), (False, 0.0)),
    ],
    ids=lambda value: getattr(value, "words", ""),
)
def test_conditions(condition: Any, found: tuple[bool | None, float | None]) -> None:
    made = condition.look(SEEN)
    assert (made.fired, made.value) == found
    assert made.words
    assert made.derived
    assert bool(made.proposed) or not made.fired
    # what is stored looks the same
    assert unpacked(packed(condition)) == condition


def test_what_a_finding_says() -> None:
    metric = Metric("ROC_AUC", below=0.71).look(SEEN)
    assert metric == Finding(
        "ROC_AUC", 0.7, 0.71, True, "fixed by the alert", "ROC_AUC of DEFAULT is 0.7, below 0.71",
        "hold it against the base rate and the trivial scores; see the drifted columns; retrain", "V2",
    )  # fmt: skip
    assert Metric("ROC_AUC", below=0.7).look(SEEN).words == "ROC_AUC of DEFAULT is 0.7, not below 0.7"
    assert Metric("F1_SCORE", below=0.7).look(SEEN).words == "F1_SCORE of DEFAULT is not known"
    drifted = DriftAlarm().look(SEEN)
    assert drifted.words == "2 columns have drifted: AGE: p 0.001, threshold 0.08; SPEND"
    assert (drifted.threshold, drifted.columns) == (0.0, ("AGE", "SPEND"))
    assert "interval 0.6 to 0.72" in Estimated("F1_SCORE", below=0.7).look(SEEN).words
    late = Freshness(max_days=40).look(dataclasses.replace(SEEN, now=dt.date(2024, 7, 12)))
    assert (late.fired, late.words) == (True, "the data reach 2024-06-01, 41 days before 2024-07-12; 40 are allowed")


def test_unknown_is_not_false() -> None:
    nothing = dataclasses.replace(SEEN, alarms=None, now=None)
    for condition in (DriftAlarm(), Freshness(max_days=1), Freshness(labels_days=1)):
        assert condition.look(nothing).fired is None
    assert DriftAlarm().look(dataclasses.replace(SEEN, alarms=())).fired is False
    assert Freshness(labels_days=1).look(dataclasses.replace(SEEN, open_since=None)).fired is False


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_number_is_on_one_side_or_on_the_threshold(value: float, threshold: float) -> None:
    low, high = Metric("ROC_AUC", below=threshold), Metric("ROC_AUC", above=threshold)
    assert low.crossed(value) + high.crossed(value) + (value == threshold) == 1
    assert low.look(auc(value)).fired == low.crossed(value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"metric": "ROC_AUC"}, "alert A: ROC_AUC needs one threshold; give below= or above="),
        ({"metric": "ROC_AUC", "below": 0.1, "above": 0.2}, "alert A: ROC_AUC needs one threshold"),
        ({"metric": "ROC_AUC", "below": math.nan}, "alert A: ROC_AUC has the threshold nan; give a finite number"),
        ({"metric": "ROCAUC", "below": 0.1}, "alert A: ROCAUC is no metric here; give one of ROC_AUC, "),
        (
            {"metric": "ROC_AUC", "below": 0.1, "column": "AGE"},
            "alert A: ROC_AUC is no metric here; give one of JENSEN",
        ),
        ({"metric": "JENSEN_SHANNON", "above": 0.1}, "alert A: JENSEN_SHANNON is no metric here"),
        ({"metric": "ROC_AUC", "below": 0.1, "role": "default"}, "alert A: 'default' is no role"),
        ({"metric": "ROC_AUC", "below": 0.1, "name": "my alert"}, "'my alert' is not a name"),
        ({}, "alert A needs one condition"),
        ({"condition": DriftAlarm(), "metric": "ROC_AUC"}, "alert A needs one condition"),
        ({"condition": DriftAlarm(), "below": 0.1}, "alert A has a threshold beside its condition"),
        ({"condition": 7}, "alert A: 7 is no condition; it needs words and look"),
        ({"condition": DriftAlarm(), "action": "mail"}, "alert A: 'mail' is no action"),
        ({"condition": DriftAlarm(), "retries": -1}, "alert A: retries is -1"),
        ({"condition": DriftAlarm(), "suspend_after_num_failures": -1}, "suspend_after_num_failures is -1"),
    ],
)
def test_alerts_that_cannot_be_meant(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        Alert(**{"name": "a", **wrong})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Estimated("LOG_LOSS", below=0.1),
        lambda: Estimated("F1_SCORE"),
        Freshness,
        lambda: Freshness(max_days=-1),
        lambda: DriftAlarm(("my column",)),
        lambda: ToTable("my table"),
        lambda: Finding("MINE", None, 0.0, fired=True, derived="", words=""),
    ],
)
def test_parts_that_cannot_be_meant(make: Any) -> None:
    with pytest.raises(BadConfig):
        make()


def test_a_name_of_a_metric_is_short_for_a_condition() -> None:
    short = Alert("low", "ROC_AUC", below=0.7, role="BASE")
    assert (
        short
        == Alert("LOW", Metric("ROC_AUC", below=0.7, role="BASE"))
        == Alert("low", metric="roc_auc", below=0.7, role="BASE")
    )
    assert dataclasses.replace(short, name="other").condition == short.condition


def test_names_are_given_once() -> None:
    with pytest.raises(BadConfig, match="two alerts have the same name"):
        LifecycleConfig(alerts=(Alert("low", "ROC_AUC", below=0.1), Alert("LOW", "F1_SCORE", below=0.1)))


# -- states


def test_an_alert_is_created_suspended_and_executes_while_it_is(workspace: Workspace) -> None:
    told: list[AlertEvent] = []
    alerts = workspace.alerts
    assert alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=told.append)).state == "suspended"
    assert alerts.look_now(SEEN.as_of, SEEN) == []
    assert looked(workspace, "low", SEEN) == [("2024-05", "TRIGGERED", "TAKEN", 1)]
    assert [event.value for event in told] == [0.7]
    assert alerts.get_alert("LOW").state == "suspended"
    assert alerts.resume("low").state == "started"
    with pytest.raises(AlreadyExists, match=r"alert LOW already exists; alter_alert\(alert\) changes it"):
        alerts.create_alert(Alert("low", "ROC_AUC", below=0.7))
    (row,) = alerts.look_now(dt.date(2024, 6, 20), SEEN)
    assert (row["SCHEDULED_FROM"], row["SCHEDULED_TIME"], row["ACTION_TAKEN"]) == (
        "SCHEDULE",
        dt.date(2024, 6, 20),
        "SUPPRESSED",
    )
    assert alerts.suspend("low").state == "suspended"
    alerts.resume("low")
    again = alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=told.append), or_replace=True)
    assert (again.state, again.firing_since) == ("suspended", None)
    assert looked(workspace, "low", SEEN) == [("2024-05", "TRIGGERED", "TAKEN", 1)]
    history = alerts.alert_history("low")
    assert list(history["SCHEDULED_FROM"]) == ["EXECUTE ALERT", "SCHEDULE", "EXECUTE ALERT"]
    assert list(history["POSITION"]) == [1, 2, 3]
    alerts.drop_alert("low")
    assert len(alerts.alert_history("low")) == 3
    assert len(alerts.alert_history("other")) == 0
    for ask in (alerts.resume, alerts.suspend, alerts.drop_alert, alerts.execute_alert):
        with pytest.raises(NotFound, match=r"there is no alert LOW; show_alerts\(\) lists them"):
            ask("low")


def test_what_alerts_show(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=(print, ToTable("alarms")), comment="c"))
    workspace.alerts.create_alert(Alert("drift", DriftAlarm(), runbook="look"))
    workspace.alerts.resume("drift")
    workspace.alerts.execute_alert("drift", SEEN)
    shown = workspace.alerts.show_alerts().set_index("name")
    assert list(shown.index) == ["LOW", "DRIFT"]
    assert list(shown["state"]) == ["suspended", "started"]
    assert shown.loc["LOW", ["condition", "action", "comment", "schedule"]].tolist() == [
        "ROC_AUC of DEFAULT below 0.71", "call builtins.print, a row in ALARMS", "c", "EACH MONTH",
    ]  # fmt: skip
    assert list(shown["firing_since"]) == [None, "2024-05"]
    assert list(shown["runbook"]) == ["", "look"]
    assert workspace.alerts.show_alerts().columns[:4].tolist() == ["name", "state", "schedule", "condition"]


def test_without_a_month_there_is_nothing_to_look_at(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71))
    with pytest.raises(NotFound, match="the loop has not looked at anything yet; run a month, or give observed="):
        workspace.alerts.execute_alert("low")


def test_unknown_is_condition_false_and_a_condition_that_raises_is_condition_failed(workspace: Workspace) -> None:
    class Broken:
        words = "never works"

        def look(self, observed: Observed) -> Finding:
            raise ZeroDivisionError("by https://user:password@example.com/x")

    workspace.alerts.create_alert(Alert("unknown", "F1_SCORE", below=1.0))
    workspace.alerts.create_alert(Alert("broken", Broken()))
    assert looked(workspace, "unknown", SEEN) == [("2024-05", "CONDITION_FALSE", None, None)]
    assert looked(workspace, "broken", SEEN) == [("2024-05", "CONDITION_FAILED", None, None)]
    row = workspace.alerts.alert_history("broken").iloc[0]
    assert row["SQL_ERROR_MESSAGE"] == "ZeroDivisionError: by https://..."
    assert row["CONDITION"] == "never works"
    assert workspace.alerts.alert_history("unknown").iloc[0]["WORDS"] == "F1_SCORE of DEFAULT is not known"


def test_a_condition_of_your_own(workspace: Workspace) -> None:
    class Half:
        words = "a month of an odd number"

        def look(self, observed: Observed) -> Finding:
            number = float(observed.month[-2:])
            return Finding("MONTH_NUMBER", number, 0.0, number % 2 == 1, "odd", f"month {number:g}")

    workspace.alerts.create_alert(Alert("odd", Half()))
    assert looked(workspace, "odd", SEEN)[0][1] == "TRIGGERED"
    assert looked(workspace, "odd", auc(0.1, "2024-06"))[0][1] == "CONDITION_FALSE"


# -- once a cause


def test_the_same_cause_is_told_once(workspace: Workspace) -> None:
    told: list[AlertEvent] = []
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=told.append))
    values = [0.6, 0.5, None, 0.6, 0.8, None, 0.6, 0.65]
    rows = [looked(workspace, "low", auc(value, f"2024-{n:02}"))[0] for n, value in enumerate(values, 1)]
    assert [row[1:3] for row in rows] == [
        ("TRIGGERED", "TAKEN"), ("TRIGGERED", "SUPPRESSED"), ("CONDITION_FALSE", None), ("TRIGGERED", "SUPPRESSED"),
        ("CONDITION_FALSE", None), ("CONDITION_FALSE", None), ("TRIGGERED", "TAKEN"), ("TRIGGERED", "SUPPRESSED"),
    ]  # fmt: skip
    assert [(event.month, event.value) for event in told] == [("2024-01", 0.6), ("2024-07", 0.6)]
    assert [event.month for event in workspace.alerts.alarms("low")] == ["2024-01", "2024-07"]
    assert workspace.alerts.alarms() == told


def test_unless_asked(workspace: Workspace) -> None:
    told: list[AlertEvent] = []
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=told.append, repeat=True))
    for month in ("2024-01", "2024-02"):
        assert looked(workspace, "low", auc(0.5, month)) == [(month, "TRIGGERED", "TAKEN", 1)]
    assert [event.month for event in told] == ["2024-01", "2024-02"]


def test_a_changed_condition_is_another_cause(workspace: Workspace) -> None:
    told: list[AlertEvent] = []
    alerts = workspace.alerts
    alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=told.append))
    alerts.resume("low")
    looked(workspace, "low", auc(0.5))
    alerts.alter_alert(Alert("low", "ROC_AUC", below=0.7, action=told.append, comment="another comment"))
    assert alerts.get_alert("low").state == "started"
    assert looked(workspace, "low", auc(0.5))[0][2] == "SUPPRESSED"
    alerts.alter_alert(Alert("low", "ROC_AUC", below=0.6, action=told.append))
    assert looked(workspace, "low", auc(0.5))[0][2] == "TAKEN"
    assert len(told) == 2
    with pytest.raises(NotFound):
        alerts.alter_alert(Alert("other", DriftAlarm()))


# -- actions that fail


class Sink:
    """Takes messages; is out of order for the first few."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.got: list[str] = []

    def __call__(self, event: AlertEvent) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError(f"no answer for {event.month}")
        self.got.append(event.month)


def test_a_failing_action_is_tried_again_until_it_works(workspace: Workspace) -> None:
    sink = Sink(2)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=sink))
    assert looked(workspace, "low", auc(0.5, "2024-01")) == [("2024-01", "ACTION_FAILED", "RETRY", 1)]
    assert workspace.alerts.show_alerts().loc[0, "undelivered"] == 1
    # still true: the alarm of January is on its way, there is no second one
    assert looked(workspace, "low", auc(0.5, "2024-02")) == [
        ("2024-01", "ACTION_FAILED", "RETRY", 2), ("2024-02", "TRIGGERED", "SUPPRESSED", None),
    ]  # fmt: skip
    # false by now, and still nobody knows
    assert looked(workspace, "low", auc(0.8, "2024-03")) == [
        ("2024-01", "TRIGGERED", "TAKEN", 3), ("2024-03", "CONDITION_FALSE", None, None),
    ]  # fmt: skip
    assert looked(workspace, "low", auc(0.8, "2024-04")) == [("2024-04", "CONDITION_FALSE", None, None)]
    assert sink.got == ["2024-01"]
    errors = workspace.alerts.alert_history("low")["SQL_ERROR_MESSAGE"].dropna()
    assert list(errors) == ["ConnectionError: no answer for 2024-01"] * 2
    assert len(workspace.alerts.alarms("low")) == 1


def test_retries_are_used_up(workspace: Workspace) -> None:
    sink = Sink(3)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=sink, retries=1))
    assert looked(workspace, "low", auc(0.5, "2024-01")) == [("2024-01", "ACTION_FAILED", "RETRY", 1)]
    assert looked(workspace, "low", auc(0.5, "2024-02")) == [
        ("2024-01", "ACTION_FAILED", "GIVEN_UP", 2), ("2024-02", "TRIGGERED", "SUPPRESSED", None),
    ]  # fmt: skip
    # nobody was ever told, so what is still true is an alarm anew
    assert looked(workspace, "low", auc(0.5, "2024-03")) == [("2024-03", "ACTION_FAILED", "RETRY", 1)]
    assert looked(workspace, "low", auc(0.5, "2024-04")) == [
        ("2024-03", "TRIGGERED", "TAKEN", 2), ("2024-04", "TRIGGERED", "SUPPRESSED", None),
    ]  # fmt: skip
    assert sink.got == ["2024-03"]


def test_an_older_alarm_that_is_lost_does_not_end_the_cause_of_a_newer(workspace: Workspace) -> None:
    sink = Sink(5)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=sink, retries=3))
    values = {"2024-01": 0.5, "2024-02": 0.8, "2024-03": 0.5, "2024-04": 0.5, "2024-05": 0.5}
    rows = [row for month, value in values.items() for row in looked(workspace, "low", auc(value, month))]
    assert [row[0] for row in rows if row[2] == "GIVEN_UP"] == ["2024-01"]
    assert sink.got == ["2024-03"]
    assert rows[-1] == ("2024-05", "TRIGGERED", "SUPPRESSED", None)


def test_no_retries(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=Sink(9), retries=0))
    for month in ("2024-01", "2024-02"):
        assert looked(workspace, "low", auc(0.5, month)) == [(month, "ACTION_FAILED", "GIVEN_UP", 1)]


def test_only_the_action_that_failed_is_tried_again(workspace: Workspace) -> None:
    works, fails = Sink(0), Sink(1)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=(works, fails, RetrainAction())))
    looked(workspace, "low", auc(0.5, "2024-01"))
    looked(workspace, "low", auc(0.8, "2024-02"))
    assert (works.got, fails.got) == (["2024-01"], ["2024-01"])
    assert workspace.table("RETRAIN_REQUESTS").count() == 1
    error = workspace.alerts.alert_history("low").iloc[0]["SQL_ERROR_MESSAGE"]
    assert error == "call test_alerts.Sink: ConnectionError: no answer for 2024-01"


def test_who_was_told_is_not_told_again_when_another_sink_is_given_up(workspace: Workspace) -> None:
    works = Sink(0)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=(works, Sink(99)), retries=1))
    taken = [looked(workspace, "low", auc(0.5, f"2024-0{n}"))[-1][2] for n in range(1, 5)]
    assert taken == ["RETRY", "SUPPRESSED", "SUPPRESSED", "SUPPRESSED"]
    assert works.got == ["2024-01"]


def test_an_alert_is_suspended_by_its_failures(workspace: Workspace) -> None:
    alerts = workspace.alerts
    alerts.create_alert(
        Alert("low", "ROC_AUC", below=0.7, action=Sink(99), repeat=True, retries=0, suspend_after_num_failures=2)
    )
    alerts.resume("low")
    alerts.look_now(SEEN.as_of, auc(0.5))
    assert alerts.get_alert("low").failures == 1
    # a look that does not fail begins anew, and so do suspend and resume
    alerts.look_now(SEEN.as_of, auc(0.9))
    assert alerts.get_alert("low").failures == 0
    alerts.look_now(SEEN.as_of, auc(0.5))
    alerts.suspend("low")
    assert alerts.resume("low").failures == 0
    alerts.look_now(SEEN.as_of, auc(0.5))
    # one by hand counts
    alerts.execute_alert("low", auc(0.5))
    record = alerts.get_alert("low")
    assert (record.state, record.was_auto_suspended, record.failures) == ("suspended", True, 2)
    assert alerts.look_now(SEEN.as_of, auc(0.5)) == []
    assert not alerts.resume("low").was_auto_suspended


def test_failures_never_suspend_by_default(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.7, action=Sink(99), repeat=True, retries=0))
    workspace.alerts.resume("low")
    for _ in range(5):
        workspace.alerts.look_now(SEEN.as_of, auc(0.5))
    assert (workspace.alerts.get_alert("low").state, workspace.alerts.get_alert("low").failures) == ("started", 5)


def test_an_action_may_change_its_own_alert(workspace: Workspace) -> None:
    for name, change in (("stop", workspace.alerts.suspend), ("drop", workspace.alerts.drop_alert)):
        workspace.alerts.create_alert(Alert(name, "ROC_AUC", below=0.7, action=lambda event, do=change: do(event.name)))
        workspace.alerts.resume(name)
    workspace.alerts.look_now(SEEN.as_of, auc(0.5))
    assert list(workspace.alerts.show_alerts()["name"]) == ["STOP"]
    assert workspace.alerts.get_alert("stop").state == "suspended"
    assert list(workspace.alerts.alert_history()["ACTION_TAKEN"]) == ["TAKEN", "TAKEN"]


# -- tables


def test_a_row_in_a_table(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=ToTable("my_alarms"), repeat=True))
    for _ in range(2):
        looked(workspace, "low", SEEN)
    rows = workspace.table("MY_ALARMS").collect()
    assert [(r["NAME"], r["MONTH"], r["METRIC_NAME"], r["METRIC_VALUE"], r["THRESHOLD"]) for r in rows] == [
        ("LOW", "2024-05", "ROC_AUC", 0.7, 0.71)
    ] * 2
    assert json.loads(rows[0]["EVENT"])["version"] == "V2"


@pytest.mark.parametrize("name", ["SALES", "ALERT_HISTORY"])
def test_no_alert_writes_into_churnobs_own_tables(workspace: Workspace, name: str) -> None:
    with pytest.raises(BadConfig, match=f"alert LOW writes into {name}, churnobs' own table; choose another name"):
        workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=ToTable(name)))
    assert workspace.alerts.show_alerts().empty


def test_a_table_with_other_columns_is_left_alone(workspace: Workspace) -> None:
    name = "MINE"
    workspace._backend.engine.write("MINE", "SELECT 1 AS ONE")
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=ToTable(name)))
    before = workspace.table(name).count()
    assert looked(workspace, "low", SEEN) == [("2024-05", "ACTION_FAILED", "RETRY", 1)]
    history = workspace.alerts.alert_history()
    assert history.iloc[0]["SQL_ERROR_MESSAGE"].startswith(f"BadConfig: {name} has other columns than alarms have")
    assert workspace.table(name).count() == before


# -- acknowledging


def test_acknowledging(workspace: Workspace) -> None:
    alerts = workspace.alerts
    alerts.create_alert(Alert("low", "ROC_AUC", below=0.71))
    looked(workspace, "low", SEEN)
    looked(workspace, "low", auc(0.9, "2024-06"))
    for by, note in (("ann", "seen"), ("bob", "a supplier sends ages in months")):
        alerts.acknowledge("low", "2024-05", by=by, note=note, on=dt.date(2024, 6, 3))
    rows = alerts.alert_history("low")
    assert rows[["ACKNOWLEDGED_BY", "NOTE"]].values.tolist() == [
        ["bob", "a supplier sends ages in months"],
        [None, None],
    ]
    assert rows.loc[0, "ACKNOWLEDGED_ON"] == dt.date(2024, 6, 3)
    assert workspace.table("ALERT_ACKNOWLEDGEMENTS").count() == 2
    with pytest.raises(NotFound, match="alert LOW did not fire in 2024-06; it fired: 2024-05"):
        alerts.acknowledge("low", "2024-06", by="ann")
    with pytest.raises(NotFound, match="alert OTHER did not fire in 2024-05; it fired: never"):
        alerts.acknowledge("other", "2024-05", by="ann")
    with pytest.raises(BadConfig, match="nobody acknowledges"):
        alerts.acknowledge("low", "2024-05", by=" ")


# -- another process


def open_file(place: Path) -> Workspace:
    return churnobs.connect(f"duckdb:{place}", threads=1)


def test_what_is_data_lives_on_and_what_is_code_says_that_it_is_missing(tmp_path: Path) -> None:
    place, told = tmp_path / "w.duckdb", []

    class Mine:
        words = "of my own"

        def look(self, observed: Observed) -> Finding:
            return Finding("MINE", 1.0, 0.0, fired=True, derived="mine", words="so it is")

    code = Alert("code", "ROC_AUC", below=0.71, action=told.append)
    own = Alert("own", Mine())
    data = Alert("data", "ROC_AUC", below=0.71, action=(ToTable("alarms"), RetrainAction()), repeat=True)
    with open_file(place) as workspace:
        for alert in (code, own, data):
            workspace.alerts.create_alert(alert)
            workspace.alerts.resume(alert.name)
    with open_file(place) as workspace:
        alerts = workspace.alerts
        assert list(alerts.show_alerts()["state"]) == ["started"] * 3
        rows = {row["NAME"]: row for row in alerts.look_now(SEEN.as_of, SEEN)}
        assert {name: row["STATE"] for name, row in rows.items()} == {
            "CODE": "ACTION_FAILED", "OWN": "CONDITION_FAILED", "DATA": "TRIGGERED",
        }  # fmt: skip
        assert "is code that this process was not given; give the alert again" in rows["CODE"]["SQL_ERROR_MESSAGE"]
        assert "the condition (of my own) is code" in rows["OWN"]["SQL_ERROR_MESSAGE"]
        assert workspace.table("ALARMS").count() == workspace.table("RETRAIN_REQUESTS").count() == 1
        # given again, the alarm of then is delivered
        alerts.alter_alert(code)
        alerts.alter_alert(own)
        assert looked(workspace, "code", auc(0.9, "2024-06")) == [
            ("2024-05", "TRIGGERED", "TAKEN", 2), ("2024-06", "CONDITION_FALSE", None, None),
        ]  # fmt: skip
        assert [event.month for event in told] == ["2024-05"]
        assert looked(workspace, "own", SEEN)[0][1] == "TRIGGERED"
    with churnobs.connect(f"duckdb:{place}", read_only=True) as reader:
        assert len(reader.alerts.alert_history()) == 6
        assert [event.name for event in reader.alerts.alarms()] == ["CODE", "DATA", "OWN"]


def test_an_alarm_that_waits_goes_to_the_new_actions(workspace: Workspace) -> None:
    sink = Sink(0)
    workspace.alerts.create_alert(Alert("low", "ROC_AUC", below=0.71, action=(RetrainAction(), Sink(99))))
    looked(workspace, "low", SEEN)
    workspace.alerts.alter_alert(Alert("low", "ROC_AUC", below=0.71, action=sink.got.append))
    looked(workspace, "low", auc(0.9, "2024-06"))
    assert [event.month for event in sink.got] == ["2024-05"]  # type: ignore[attr-defined]


def test_infinite_numbers_survive(workspace: Workspace) -> None:
    moved = dataclasses.replace(SEEN, drift={"AGE": {"POPULATION_STABILITY_INDEX": math.inf, "JENSEN_SHANNON": None}})
    sink = Sink(1)
    workspace.alerts.create_alert(
        Alert("moved", "POPULATION_STABILITY_INDEX", above=0.1, column="AGE", action=(sink, ToTable("alarms")))
    )
    looked(workspace, "moved", moved)
    looked(workspace, "moved", moved)
    assert sink.got == ["2024-05"]
    (event,) = workspace.alerts.alarms()
    assert event.value == math.inf
    assert json.loads(event.to_json())["value"] is None
    assert workspace.table("ALARMS").count() == 1


def test_actions_in_words() -> None:
    assert acting.action_words([].append) == "call builtins.list.append"
    assert acting.action_words(Sink(0)) == "call test_alerts.Sink"
    assert acting.told(ValueError("Max retries exceeded with url: /services/T0/SECRET (x)")) == (
        "ValueError: Max retries exceeded with url: ... (x)"
    )
