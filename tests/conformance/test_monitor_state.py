"""What monitors keep: other tasks, models trained elsewhere, labels that ripen, segments, and monitors that are stale."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

import churnobs
from churnobs import AlreadyExists, BadConfig, ModelMonitorConfig, ModelMonitorSourceConfig, Workspace
from churnobs.monitoring.settings import MetricSettings

START = dt.datetime(2024, 3, 1)


def write(workspace: Workspace, name: str, frame: pd.DataFrame) -> None:
    workspace._backend.engine.drop(name)
    workspace._backend.engine.write(name, pa.Table.from_pandas(frame, preserve_index=False))


def made(rows: int = 300, days: int = 6, seed: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    score = random.random(rows)
    return pd.DataFrame(
        {
            "ID": np.arange(rows),
            "AT": [START + dt.timedelta(days=int(d)) for d in random.integers(0, days, rows)],
            "SCORE": score,
            "SAID": (score > 0.5).astype("int64"),
            "LABEL": (random.random(rows) < score).astype("int64"),
            "KIND": random.choice(["a", "b"], rows),
            "SPEND": random.gamma(2.0, 10.0, rows),
        }
    )


def roles(source: str = "MADE", **more: Any) -> ModelMonitorSourceConfig:
    given: dict[str, Any] = {
        "source": source, "timestamp_column": "AT", "id_columns": ["ID"], "prediction_score_columns": ["SCORE"],
        "prediction_class_columns": ["SAID"], "actual_class_columns": ["LABEL"], "segment_columns": ["KIND"], **more,
    }  # fmt: skip
    return ModelMonitorSourceConfig(**given)


def value(workspace: Workspace, metric: str = "F1_SCORE", granularity: str = "ALL") -> Any:
    return workspace.monitor.model_monitor_performance_metric("w", metric, granularity)["METRIC_VALUE"].tolist()


def test_a_model_trained_elsewhere_is_watched_with_labels_that_come_late(workspace: Workspace) -> None:
    frame = made()
    write(workspace, "MADE", frame.drop(columns="LABEL"))
    write(workspace, "LATE", frame[["ID", "LABEL"]].head(0).astype("int64"))
    workspace.monitor.attach("w", roles(), labels="LATE")
    assert workspace.monitor.performance("w", "ALL")["CLASS_USED"].tolist() == [0]
    write(workspace, "LATE", frame[["ID", "LABEL"]].head(200))
    known = frame.head(200)
    found = workspace.monitor.performance("w", "ALL").iloc[0]
    assert (found["ROWS_ALL"], found["CLASS_USED"]) == (300, 200)
    assert found["F1_SCORE"] == pytest.approx(metrics.f1_score(known["LABEL"], known["SAID"]), abs=1e-12)
    assert found["ROC_AUC"] == pytest.approx(metrics.roc_auc_score(known["LABEL"], known["SCORE"]), abs=1e-12)
    assert found["IS_FINAL"] is None, "nobody said how long labels take"
    shown = workspace.monitor.show_model_monitors().iloc[0]
    assert (shown["model_name"], shown["model_task"]) == ("", "TABULAR_BINARY_CLASSIFICATION")
    workspace.monitor.delete_monitor("w")
    assert workspace.monitor.show_model_monitors().empty


def test_late_labels_need_their_columns_once(workspace: Workspace) -> None:
    frame = made()
    write(workspace, "MADE", frame.drop(columns="LABEL"))
    write(workspace, "LATE", pd.concat([frame, frame.head(2)])[["ID", "LABEL"]])
    with pytest.raises(BadConfig, match="2 keys stand more than once in LATE"):
        workspace.monitor.attach("w", roles(), labels="LATE")
    write(workspace, "LATE", frame[["ID"]])
    with pytest.raises(BadConfig, match="labels LATE have no column LABEL"):
        workspace.monitor.attach("w", roles(), labels="LATE")
    write(workspace, "LATE", frame[["ID", "LABEL"]])
    write(workspace, "MADE", frame)
    with pytest.raises(BadConfig, match="MADE has a column LABEL too"):
        workspace.monitor.attach("w", roles(), labels="LATE")
    assert workspace.monitor.show_model_monitors().empty


def test_regression_and_multi_class(workspace: Workspace) -> None:
    frame = made().assign(ACTUAL=lambda f: f["SPEND"] * 2, GUESS=lambda f: f["SPEND"] * 2 + f["SCORE"])
    write(workspace, "MADE", frame)
    rows = pd.DataFrame({"SPEND": [1.0, 2.0, 3.0]})
    line = workspace.registry.log_model(
        LinearRegression().fit(rows, [1.0, 2.0, 3.5]), model_name="line", version_name="v1", sample_input_data=rows
    )
    kinds = workspace.registry.log_model(
        LogisticRegression().fit(rows, ["a", "b", "c"]), model_name="kinds", version_name="v1", sample_input_data=rows
    )
    assert line.get_model_task() == "TABULAR_REGRESSION"
    assert kinds.get_model_task() == "TABULAR_MULTI_CLASSIFICATION"
    source = roles(prediction_score_columns=["GUESS"], prediction_class_columns=[], actual_class_columns=[],
                   actual_score_columns=["ACTUAL"])  # fmt: skip
    workspace.monitor.add_monitor("w", source, ModelMonitorConfig(line))
    for name, score in (("RMSE", metrics.root_mean_squared_error), ("MAE", metrics.mean_absolute_error),
                        ("MSE", metrics.mean_squared_error), ("MAPE", metrics.mean_absolute_percentage_error)):  # fmt: skip
        assert value(workspace, name) == [pytest.approx(score(frame["ACTUAL"], frame["GUESS"]), rel=1e-9)]
    with pytest.raises(BadConfig, match="'ROC_AUC' is no metric of a monitor of TABULAR_REGRESSION"):
        value(workspace, "ROC_AUC")
    words = frame.assign(TRUE=np.where(frame["LABEL"] == 1, "x", "y"), TOLD=np.where(frame["SPEND"] > 20, "x", "z"))
    write(workspace, "WORDS", words)
    source = roles("WORDS", prediction_score_columns=[], prediction_class_columns=["TOLD"],
                   actual_class_columns=["TRUE"])  # fmt: skip
    workspace.monitor.add_monitor("words", source, ModelMonitorConfig(kinds))
    found = workspace.monitor.model_monitor_performance_metric("words", "MACRO_AVERAGE_PRECISION", "ALL")
    wanted = metrics.precision_score(words["TRUE"], words["TOLD"], average="macro", zero_division=0)
    assert found["METRIC_VALUE"].tolist() == [pytest.approx(wanted)]
    with pytest.raises(BadConfig, match="SAID is int64, not a text"):
        workspace.monitor.attach("no", roles("WORDS", prediction_score_columns=[]), task="TABULAR_MULTI_CLASSIFICATION")


def test_labels_count_when_they_are_final_and_never_change_after(workspace: Workspace) -> None:
    frame = made(days=4)
    write(workspace, "MADE", frame)
    workspace.monitor.attach("w", roles(), horizon_days=2)
    days = sorted(frame["AT"].unique())
    found = workspace.monitor.performance("w")
    # the newest row is of day 4, so the data reach day 4: days 1 and 2 are over
    assert found["IS_FINAL"].tolist() == [True, True, False, False]
    assert (found["CLASS_USED"] == 0).tolist() == [False, False, True, True], "a label that is there but not ripe"
    before = found.iloc[:2]
    changed = frame.assign(LABEL=1 - frame["LABEL"])
    write(workspace, "MADE", changed)
    workspace.monitor.refresh("w", data_through=dt.date(2024, 3, 6))
    found = workspace.monitor.performance("w")
    assert found["IS_FINAL"].tolist() == [True] * 4
    pd.testing.assert_frame_equal(found.iloc[:2], before)
    for row, day in zip(found.to_dict("records"), days, strict=True):
        rows = (changed if day >= days[2] else frame)[frame["AT"] == day]
        assert row["F1_SCORE"] == pytest.approx(metrics.f1_score(rows["LABEL"], rows["SAID"]))
    assert workspace.monitor.performance("w", "ALL")["IS_FINAL"].tolist() == [True]


def test_only_days_that_changed_are_counted_again(workspace: Workspace) -> None:
    frame = made()
    write(workspace, "MADE", frame)
    workspace.monitor.attach("w", roles())
    assert len(workspace.monitor.refresh("w")) == 6
    assert workspace.monitor.refresh("w") == []
    write(workspace, "MADE", frame.sample(frac=1.0, random_state=1))
    assert workspace.monitor.refresh("w") == [], "the order of rows means nothing"
    third = START + dt.timedelta(days=2)
    write(workspace, "MADE", frame.assign(SPEND=frame["SPEND"].where(frame["AT"] != third, frame["SPEND"] + 1)))
    assert workspace.monitor.refresh("w") == [third.date()]
    write(workspace, "MADE", frame[frame["AT"] != third])
    assert workspace.monitor.refresh("w") == []
    assert workspace.monitor.performance("w", "ALL")["ROWS_ALL"].tolist() == [(frame["AT"] != third).sum()]


def test_answers_come_from_what_was_counted(workspace: Workspace) -> None:
    """Without a source there is nothing to scan: any period and segment is a merge."""
    frame = made()
    write(workspace, "MADE", frame)
    workspace.monitor.attach("w", roles(baseline="MADE"))
    workspace.monitor.get_monitor(name="w").suspend()
    workspace._backend.engine.drop("MADE")
    assert value(workspace) == [pytest.approx(metrics.f1_score(frame["LABEL"], frame["SAID"]))]
    by_kind = workspace.monitor.performance("w", "1 MONTH", segment="kind")
    for row in by_kind.to_dict("records"):
        own = frame[frame["KIND"] == row["SEGMENT_VALUE"]]
        assert row["ROC_AUC"] == pytest.approx(metrics.roc_auc_score(own["LABEL"], own["SCORE"]), abs=1e-12)
    for name, wanted in (("MIN", "min"), ("MAX", "max"), ("AVG", "mean"), ("SUM", "sum"), ("COUNT", "count")):
        found = workspace.monitor.model_monitor_stat_metric("w", name, "SPEND", "2 DAY")
        grouped = frame.groupby(frame["AT"].map(lambda t: (t.toordinal() - dt.date(1970, 1, 1).toordinal()) // 2))
        assert found["METRIC_VALUE"].tolist() == pytest.approx(grouped["SPEND"].agg(wanted).tolist(), rel=1e-12)
    with pytest.raises(BadConfig, match="SUM needs a numeric column"):
        workspace.monitor.model_monitor_stat_metric("w", "SUM", "KIND")
    drifted = workspace.monitor.drift("w", "ALL")
    assert drifted["METRIC_VALUE"].abs().max() < 1e-9
    assert set(drifted["COLUMN_NAME"]) == {"SPEND", "SCORE", "SAID", "LABEL", "KIND"}


def test_a_segment_is_compared_with_its_own_baseline(workspace: Workspace) -> None:
    frame = made()
    write(workspace, "MADE", frame)
    write(workspace, "BASE", frame.assign(SPEND=frame["SPEND"] - np.where(frame["KIND"] == "a", 5.0, 0.0)))
    extra = json.dumps({"SEGMENTS": [{"column": "KIND", "value": "a"}]})
    for name, rules in (("same", MetricSettings()), ("whole", MetricSettings(segment_baseline="whole"))):
        workspace.monitor.attach(name, roles(baseline="BASE"), settings=rules)
        found = workspace.monitor.model_monitor_drift_metric(
            name, "DIFFERENCE_OF_MEANS", "SPEND", "ALL", extra_args=extra
        )
        own = frame[frame["KIND"] == "a"]["SPEND"].mean()
        base = workspace.table("BASE").to_pandas()
        before = base[base["KIND"] == "a"]["SPEND"].mean() if name == "same" else base["SPEND"].mean()
        assert found["METRIC_VALUE"].tolist() == [pytest.approx(own - before)]


def test_segment_columns_come_and_go(workspace: Workspace) -> None:
    frame = made()
    write(workspace, "MADE", frame)
    watch = workspace.monitor.attach("w", roles(segment_columns=[]))
    with pytest.raises(BadConfig, match="KIND is no segment column of W"):
        workspace.monitor.performance("w", segment="KIND")
    watch.add_segment_column("kind")
    assert set(workspace.monitor.performance("w", "ALL", segment="KIND")["SEGMENT_VALUE"]) == {"a", "b"}
    with pytest.raises(AlreadyExists, match="segment column KIND already exists"):
        watch.add_segment_column("kind")
    watch.drop_segment_column("kind")
    assert watch.record.features == ("KIND", "SPEND")


@pytest.mark.parametrize("score", [1.5, -0.01, 5e7, -1e300])
def test_a_score_that_is_no_probability(workspace: Workspace, score: float) -> None:
    frame = made()
    frame.loc[:2, "SCORE"] = score
    write(workspace, "MADE", frame)
    workspace.monitor.attach("w", roles())
    with pytest.raises(BadConfig, match="3 rows of MADE have a SCORE outside 0 to 1"):
        value(workspace)
    write(workspace, "MADE", frame.assign(SCORE=frame["SCORE"].clip(0, 1)))
    assert len(value(workspace)) == 1


def test_limits(workspace: Workspace) -> None:
    more = pd.DataFrame({f"F{i}": [1.0] * 300 for i in range(501)} | {f"S{i}": ["x"] * 300 for i in range(6)})
    wide = pd.concat([made(), more], axis=1)
    write(workspace, "WIDE", wide)
    with pytest.raises(BadConfig, match="508 features"):
        workspace.monitor.attach("w", roles("WIDE"))
    write(workspace, "WIDE", wide.drop(columns=[f"F{i}" for i in range(501)]))
    with pytest.raises(BadConfig, match="at most 5 segment columns"):
        workspace.monitor.attach("w", roles("WIDE", segment_columns=[f"S{i}" for i in range(6)]))
    with pytest.raises(BadConfig, match="SPEND is float64, not a text"):
        workspace.monitor.attach("w", roles("WIDE", segment_columns=["SPEND"]))
    with pytest.raises(BadConfig, match="2 prediction score columns"):
        workspace.monitor.attach("w", roles("WIDE", prediction_score_columns=["SCORE", "SPEND"]))
    with pytest.raises(BadConfig, match="'RANKING' is no task"):
        workspace.monitor.attach("w", roles("WIDE"), task="RANKING")


class Stale:
    """A workspace whose monitors are as stale as Snowflake's, and its clock."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.now = dt.datetime(2024, 4, 1)
        write(workspace, "MADE", made())
        workspace.monitor.attach("w", roles(), refresh="snowflake", refresh_interval="1 hour")

    def pass_(self, **time: int) -> list[dict[str, Any]]:
        self.now += dt.timedelta(**time)
        rows: list[dict[str, Any]] = self.workspace.monitor.advance(self.now).to_dict("records")
        return rows


def test_a_stale_monitor_answers_by_its_last_refresh(workspace: Workspace) -> None:
    stale = Stale(workspace)
    assert value(workspace) == [], "it was never refreshed"
    assert [row["days"] for row in stale.pass_()] == [6]
    first = value(workspace)
    write(workspace, "MADE", made().assign(LABEL=1))
    assert value(workspace) == first
    assert stale.pass_(minutes=59) == []
    assert value(workspace) == first
    assert [row["days"] for row in stale.pass_(minutes=1)] == [6]
    assert value(workspace) != first


def test_five_failed_refreshes_suspend_a_stale_monitor(workspace: Workspace) -> None:
    stale = Stale(workspace)
    stale.pass_()
    first = value(workspace)
    good = made()
    write(workspace, "MADE", good.assign(SCORE=2.0))
    states = [stale.pass_(hours=1)[0] for _ in range(5)]
    assert [(s["failures"], s["monitor_state"]) for s in states] == [
        (1, "ACTIVE"), (2, "ACTIVE"), (3, "ACTIVE"), (4, "ACTIVE"), (5, "SUSPENDED"),
    ]  # fmt: skip
    assert "outside 0 to 1" in workspace.monitor.show_model_monitors()["aggregation_last_error"][0]
    assert stale.pass_(days=1) == [], "suspended"
    assert value(workspace) == first, "what was measured stays"
    write(workspace, "MADE", good.assign(LABEL=1))
    workspace.monitor.get_monitor(name="w").resume()
    (again,) = stale.pass_(hours=1)
    assert (again["failures"], again["monitor_state"], again["error"]) == (0, "ACTIVE", "")
    assert value(workspace) != first


def test_failures_of_a_long_silence_count_each(workspace: Workspace) -> None:
    stale = Stale(workspace)
    stale.pass_()
    workspace._backend.engine.drop("MADE")
    (failed,) = stale.pass_(hours=7)
    assert (failed["failures"], failed["monitor_state"]) == (5, "SUSPENDED")


def test_a_strict_refresh_fails_on_what_is_no_number(workspace: Workspace) -> None:
    table = pa.Table.from_pandas(made(), preserve_index=False)
    spend = made()["SPEND"].to_numpy().copy()
    spend[0] = np.nan
    table = table.set_column(table.column_names.index("SPEND"), "SPEND", pa.array(spend, from_pandas=False))
    workspace._backend.engine.write("MADE", table)
    workspace.monitor.attach("w", roles(), settings=MetricSettings(strict=True))
    with pytest.raises(BadConfig, match="1 rows of MADE hold NaN or an infinity"):
        value(workspace)


def test_words_that_are_none() -> None:
    with pytest.raises(BadConfig, match="'sometimes' is no way to refresh"):
        churnobs.connect(refresh="sometimes")  # type: ignore[arg-type]
    for wrong in ({"score_cells": 0}, {"floor": 1.0}, {"calibration_bins": 7}, {"exact_rows": -1}):
        with pytest.raises(BadConfig):
            MetricSettings(**wrong)
    with churnobs.connect(refresh="snowflake") as workspace:
        write(workspace, "MADE", made())
        for wrong in ("1 second", "59 seconds", "hourly", ""):
            with pytest.raises(BadConfig, match="is no refresh interval"):
                workspace.monitor.attach("w", roles(), refresh_interval=wrong)


@pytest.mark.long_offline
@given(st.integers(0, 2**31), st.integers(1, 80), st.sampled_from(["1 DAY", "2 DAY", "ALL"]))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stat_metrics_are_those_of_numpy(workspace: Workspace, seed: int, rows: int, granularity: str) -> None:
    """Values, NULLs, NaN and infinities, days without any value, and a segment without rows."""
    random = np.random.default_rng(seed)
    frame = made(rows, days=3, seed=seed)
    values = random.normal(0, 1000, rows) * 10.0 ** random.integers(-3, 4, rows)
    for strange in (np.nan, np.inf, -np.inf):
        values[random.random(rows) < 0.15] = strange
    values[frame["AT"] == frame["AT"].min()] = np.nan
    table = pa.Table.from_pandas(frame, preserve_index=False)
    spend = pa.array(values, mask=random.random(rows) < 0.1, from_pandas=False)
    table = table.set_column(table.column_names.index("SPEND"), "SPEND", spend)
    workspace._backend.engine.drop("MADE")
    workspace._backend.engine.write("MADE", table)
    if workspace.monitor.show_model_monitors().empty:
        workspace.monitor.attach("w", roles())
    known = np.where(np.asarray(spend.is_null()), np.nan, values)
    unit = {"1 DAY": 1, "2 DAY": 2, "ALL": 10**6}[granularity]
    epoch = dt.date(1970, 1, 1).toordinal()
    period = frame["AT"].map(lambda t: (t.toordinal() - epoch) // unit)
    wanted: dict[str, list[float | None]] = {name: [] for name in ("COUNT", "COUNT_NULL", "MIN", "MAX", "AVG", "SUM")}
    for number in sorted(period.unique()):
        own = known[(period == number).to_numpy()]
        own = own[np.isfinite(own)]
        wanted["COUNT"].append(float(len(own)))
        wanted["COUNT_NULL"].append(float((period == number).sum() - len(own)))
        for name, value in (("MIN", np.min), ("MAX", np.max), ("AVG", np.mean), ("SUM", np.sum)):
            wanted[name].append(float(value(own)) if len(own) else None)
    for name, values_of in wanted.items():
        found = workspace.monitor.model_monitor_stat_metric("w", name, "SPEND", granularity)["METRIC_VALUE"].tolist()
        assert [None if pd.isna(v) else v for v in found] == [
            None if v is None else pytest.approx(v, rel=1e-9, abs=1e-9) for v in values_of
        ], name
    extra = json.dumps({"SEGMENTS": [{"column": "KIND", "value": "nobody"}]})
    assert workspace.monitor.model_monitor_stat_metric("w", "COUNT", "SPEND", granularity, extra_args=extra).empty


def test_a_baseline_of_many_like_rows_is_sampled_evenly(workspace: Workspace) -> None:
    """Rows that are all alike but for one text are not taken or left as one."""
    rows = 120_000
    kinds = np.array(["a", "b", "c", "d"])[np.arange(rows) % 4]
    frame = pd.DataFrame({"KIND": kinds, "ID": 1, "AT": START, "SCORE": 0.5, "SAID": 1, "LABEL": 1, "MORE": "x"})
    write(workspace, "BASE", frame)
    write(workspace, "MADE", made())
    workspace.monitor.attach("w", roles(segment_columns=[], baseline="BASE"))
    kept = workspace.table("W$BASELINE").to_pandas()
    assert list(kept.columns) == list(frame.columns)
    assert len(kept) == pytest.approx(40_000, rel=0.03)
    assert kept["KIND"].value_counts(normalize=True).to_dict() == pytest.approx(dict.fromkeys("abcd", 0.25), abs=0.01)
