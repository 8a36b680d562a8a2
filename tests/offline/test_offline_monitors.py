"""Model monitors: DDL, rules, the three functions against scikit-learn, SciPy and pandas, views, alerts and stale reads."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from scipy.stats import wasserstein_distance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)
from snowflake.ml.monitoring.entities.model_monitor_config import ModelMonitorConfig, ModelMonitorSourceConfig
from snowflake.ml.registry import Registry

from churnobs.testing import serve

DAYS = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-10", "2024-02-11"])


def predictions() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    count = 400
    day = np.arange(count) % 4
    feature = rng.normal(size=count) + 0.6 * day
    score = np.clip(1 / (1 + np.exp(-feature + rng.normal(size=count))), 0.001, 0.999).round(2)
    label = (rng.random(count) < score).astype(float)
    label[::17] = np.nan
    return pd.DataFrame(
        {
            "ID": [str(n) for n in range(count)], "TS": DAYS[day], "F1": feature, "F2": np.where(rng.random(count) < 0.3 + 0.1 * day, "x", "y"),
            "PRED": (score > 0.5).astype(float), "SCORE": score, "LABEL": label, "SEG": np.where(np.arange(count) % 2 == 0, "a", "b"),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def world():
    with serve() as account:
        yield from build(account)


def build(account):
    session = account.session(database="ML", schema="MON")
    frame = predictions()
    session.write_pandas(frame, "SOURCE", auto_create_table=True, use_logical_type=True)
    session.sql("CREATE TABLE baseline AS SELECT * FROM source WHERE ts = '2024-01-01'").collect()
    registry = Registry(session, database_name="ML", schema_name="MON")
    model = LogisticRegression().fit(frame[["F1"]], frame["PRED"])
    version = registry.log_model(model, model_name="churn", version_name="v1", sample_input_data=frame[["F1"]].head(10))
    source = ModelMonitorSourceConfig(
        source="SOURCE", timestamp_column="TS", id_columns=["ID"], prediction_class_columns=["PRED"], prediction_score_columns=["SCORE"],
        actual_class_columns=["LABEL"], baseline="BASELINE", segment_columns=["SEG"],
    )  # fmt: skip
    config = ModelMonitorConfig(
        model_version=version, model_function_name="predict", background_compute_warehouse_name="COMPUTE_WH"
    )
    registry.add_monitor("watch", source, config)
    yield session, registry, version, source, config, frame


def asked(session, text: str) -> list[tuple]:
    return [tuple(r) for r in session.sql(text).collect()]


def performance(session, metric: str, rest: str = "'1 DAY', '2024-01-01', '2024-12-31'") -> list[tuple]:
    return asked(
        session,
        f"SELECT event_timestamp, metric_value, count_used, count_unused FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('WATCH', '{metric}', {rest})) ORDER BY 1",
    )


@pytest.mark.parametrize(
    ("metric", "oracle"),
    [
        ("F1_SCORE", lambda g: f1_score(g.LABEL, g.PRED)), ("PRECISION", lambda g: precision_score(g.LABEL, g.PRED)),
        ("RECALL", lambda g: recall_score(g.LABEL, g.PRED)), ("CLASSIFICATION_ACCURACY", lambda g: accuracy_score(g.LABEL, g.PRED)),
        ("ROC_AUC", lambda g: roc_auc_score(g.LABEL, g.SCORE)),
    ],
)  # fmt: skip
def test_performance_equals_scikit_learn(world, metric: str, oracle) -> None:
    session, *_, frame = world
    rows = performance(session, metric)
    assert len(rows) == 4
    for (at, value, used, unused), (day, group) in zip(rows, frame.groupby("TS"), strict=True):
        known = group.dropna(subset=["LABEL"])
        assert (at, used, unused) == (day.to_pydatetime(), len(known), len(group) - len(known))
        assert value == pytest.approx(oracle(known), abs=1e-12)


def test_months_all_and_segments(world) -> None:
    session, *_, frame = world
    known = frame.dropna(subset=["LABEL"])
    months = performance(session, "F1_SCORE", "'1 MONTH', '2024-01-15', '2024-12-31'")
    assert [r[0].strftime("%Y-%m-%d") for r in months] == ["2024-01-01", "2024-02-01"]
    assert months[1][1] == pytest.approx(
        f1_score(*(known[known.TS >= "2024-02-01"][c] for c in ("LABEL", "PRED"))), abs=1e-12
    )
    ((_, value, used, _),) = performance(
        session,
        "F1_SCORE",
        '\'ALL\', \'2024-01-01\', \'2024-12-31\', \'{"SEGMENTS": [{"column": "SEG", "value": "a"}]}\'',
    )
    part = known[known.SEG == "a"]
    assert (used, value) == (len(part), pytest.approx(f1_score(part.LABEL, part.PRED), abs=1e-12))


def test_segments_and_custom_metrics_of_statistics_and_drift(world) -> None:
    session, registry, *_, frame = world
    monitor = registry.get_monitor(name="watch")
    monitor.add_custom_metric_column("F1")
    (row,) = session.sql("DESCRIBE MODEL MONITOR watch").collect()
    assert json.loads(row["columns"])["custom_metric_columns"] == ["F1"]
    assert json.loads(row["columns"])["numerical_columns"] == []
    call = "SELECT metric_value, {} FROM TABLE(MODEL_MONITOR_{}_METRIC('WATCH', '{}', 'F1', 'ALL', '2024-01-01', '2024-12-31', '{}'))"
    for value in ("a", "b"):
        part = frame.F1[frame["SEG"].eq(value)]
        segment = f'{{"SEGMENTS": [{{"column": "SEG", "value": "{value}"}}]}}'
        for metric, expected in (("AVG", part.mean()), ("SUM", part.sum()), ("MIN", part.min()), ("COUNT", len(part))):
            ((found, column),) = asked(session, call.format("segment_value", "STAT", metric, segment))
            assert (found, column) == (pytest.approx(expected), value)
        ((_, used),) = asked(session, call.format("col_count_used", "DRIFT", "WASSERSTEIN", segment))
        assert used == len(part)
    with pytest.raises(Exception, match="NUMBER"):
        monitor.add_custom_metric_column("F2")
    monitor.drop_custom_metric_column("F1")
    (row,) = session.sql("DESCRIBE MODEL MONITOR watch").collect()
    assert json.loads(row["columns"])["numerical_columns"] == ["F1"]


def test_the_window_may_be_a_subquery_and_one_day(world) -> None:
    session, *_ = world
    text = "'1 DAY', (SELECT MAX(ts) FROM source), (SELECT MAX(ts) FROM source)"
    assert [r[0].day for r in performance(session, "F1_SCORE", text)] == [11]
    assert performance(session, "F1_SCORE", "NULL, NULL, NULL") == []  # the default looks back 60 days from now


def test_drift_equals_its_definitions(world) -> None:
    session, *_, frame = world
    base = frame[DAYS[0] == frame.TS]

    def drift(metric: str, column: str) -> list[tuple]:
        return asked(
            session,
            f"SELECT metric_value, col_count_used, baseline_col_count_used FROM TABLE(MODEL_MONITOR_DRIFT_METRIC('WATCH', '{metric}', '{column}', '1 DAY', '2024-01-01', TO_TIMESTAMP_TZ('2024-12-31'))) ORDER BY event_timestamp",
        )

    means = drift("DIFFERENCE_OF_MEANS", "F1")
    moved = drift("WASSERSTEIN", "F1")
    width = (base.F1.max() - base.F1.min()) / 100
    for at, (_, group) in enumerate(frame.groupby("TS")):
        assert means[at] == (pytest.approx(group.F1.mean() - base.F1.mean(), abs=1e-9), 100, 100)
        assert moved[at][0] == pytest.approx(wasserstein_distance(base.F1, group.F1), abs=width)
    psi = drift("POPULATION_STABILITY_INDEX", "F2")
    p = base.F2.value_counts(normalize=True)
    q = frame[DAYS[3] == frame.TS].F2.value_counts(normalize=True)
    assert psi[3][0] == pytest.approx(sum((q[c] - p[c]) * np.log(q[c] / p[c]) for c in "xy"), abs=1e-9)
    shift = drift("JENSEN_SHANNON", "F1")
    assert shift[0][0] == pytest.approx(0.0, abs=1e-12)
    assert 0.0 < shift[1][0] < shift[3][0] < 1.0


def test_statistics(world) -> None:
    session, *_, frame = world
    for metric, oracle in {
        "AVG": frame.F1.mean(), "SUM": frame.F1.sum(), "MIN": frame.F1.min(), "MAX": frame.F1.max(), "COUNT": 400.0, "COUNT_NULL": 0.0,
    }.items():  # fmt: skip
        ((value,),) = asked(
            session,
            f"SELECT metric_value FROM TABLE(MODEL_MONITOR_STAT_METRIC('watch', '{metric}', 'F1', 'ALL', '2024-01-01', '2024-12-31'))",
        )
        assert value == pytest.approx(oracle, abs=1e-9), metric
    ((value,),) = asked(
        session,
        "SELECT metric_value FROM TABLE(MODEL_MONITOR_STAT_METRIC('ML.MON.WATCH', 'COUNT_NULL', 'LABEL', 'ALL', '2024-01-01', '2024-12-31'))",
    )
    assert value == frame.LABEL.isna().sum()


def test_the_columns_are_in_the_documented_order(world) -> None:
    session, *_ = world
    tail = ["SEGMENT_COLUMN", "SEGMENT_VALUE"]
    for call, columns in {
        "PERFORMANCE_METRIC('WATCH', 'F1_SCORE')": ["EVENT_TIMESTAMP", "METRIC_VALUE", "COUNT_USED", "COUNT_UNUSED", "METRIC_NAME", *tail],
        "DRIFT_METRIC('WATCH', 'WASSERSTEIN', 'F1')": ["EVENT_TIMESTAMP", "METRIC_VALUE", "COL_COUNT_USED", "COL_COUNT_UNUSED",
                                                     "BASELINE_COL_COUNT_USED", "BASELINE_COL_COUNT_UNUSED", "METRIC_NAME", "COLUMN_NAME", *tail],
        "STAT_METRIC('WATCH', 'AVG', 'F1')": ["EVENT_TIMESTAMP", "METRIC_VALUE", "METRIC_NAME", "COLUMN_NAME", *tail],
    }.items():  # fmt: skip
        assert session.sql(f"SELECT * FROM TABLE(MODEL_MONITOR_{call})").columns == columns


def test_a_view_and_an_alert_over_a_metric_stay_live(world) -> None:
    session, *_ = world
    session.sql("CREATE TABLE late AS SELECT * FROM source").collect()
    session.sql(
        "CREATE OR REPLACE VIEW f1 AS SELECT * FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('WATCH', 'F1_SCORE', 'ALL', '2024-01-01', '2024-12-31'))"
    ).collect()
    session.sql("CREATE TABLE told (v FLOAT)").collect()
    session.sql(
        "CREATE ALERT low SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1 FROM f1 WHERE metric_value < 0.05)) THEN INSERT INTO told SELECT metric_value FROM f1"
    ).collect()
    before = asked(session, "SELECT metric_value, count_unused FROM f1")
    session.sql("EXECUTE ALERT low").collect()
    assert asked(session, "SELECT * FROM told") == []
    session.sql("UPDATE source SET label = 1 - pred").collect()
    after = asked(session, "SELECT metric_value, count_unused FROM f1")
    assert before[0][1] > 0
    assert after == [(0.0, 0)]
    session.sql("EXECUTE ALERT low").collect()
    assert asked(session, "SELECT * FROM told") == [(0.0,)]
    session.sql("UPDATE source SET label = late.label FROM late WHERE source.id = late.id").collect()
    assert asked(session, "SELECT metric_value, count_unused FROM f1") == before


def test_one_monitor_a_version_and_the_registrys_ways(world) -> None:
    session, registry, version, source, config, _ = world
    for name in ("watch", "other"):
        with pytest.raises(Exception, match="already exists"):
            registry.add_monitor(name, source, config)
    for monitor in (registry.get_monitor(name="watch"), registry.get_monitor(model_version=version)):
        assert monitor.name == "WATCH"
    monitor.suspend()
    monitor.suspend()
    assert registry.show_model_monitors()[0]["monitor_state"] == "SUSPENDED"
    monitor.resume()
    with pytest.raises(Exception, match="already exists"):
        monitor.add_segment_column("SEG")
    monitor.drop_segment_column("SEG")
    monitor.add_segment_column("SEG")
    shown = registry.show_model_monitors()[0]
    assert json.loads(shown["model"])["version_name"] == "V1"
    assert json.loads(shown["baseline"])["status"] == "ACTIVE"
    columns = json.loads(session.sql("DESCRIBE MODEL MONITOR watch").collect()[0]["columns"])
    assert (columns["numerical_columns"], columns["string_columns"], columns["segment_columns"]) == (
        ["F1"],
        ["F2"],
        ["SEG"],
    )


def test_the_baseline_is_a_frozen_copy(world) -> None:
    session, *_ = world
    text = "SELECT baseline_col_count_used FROM TABLE(MODEL_MONITOR_DRIFT_METRIC('WATCH', 'WASSERSTEIN', 'F1', 'ALL', '2024-01-01', '2024-12-31'))"
    session.sql("DELETE FROM baseline WHERE id < '5'").collect()
    assert asked(session, text) == [(100,)]
    session.sql("ALTER MODEL MONITOR watch SET BASELINE = 'BASELINE'").collect()
    assert asked(session, text)[0][0] < 100
    session.sql("ALTER MODEL MONITOR watch UNSET BASELINE").collect()
    with pytest.raises(Exception, match="has no baseline"):
        session.sql(text).collect()
    session.sql("ALTER MODEL MONITOR watch SET BASELINE = 'BASELINE'").collect()


GOOD = {
    "MODEL": "churn", "VERSION": "v2", "FUNCTION": "'predict'", "SOURCE": "source", "WAREHOUSE": "compute_wh", "REFRESH_INTERVAL": "'1 min'",
    "AGGREGATION_WINDOW": "'1 day'", "TIMESTAMP_COLUMN": "TS", "PREDICTION_CLASS_COLUMNS": "(PRED)", "ACTUAL_CLASS_COLUMNS": "('LABEL')",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"VERSION": "nope"}, "does not exist"), ({"FUNCTION": "nope"}, "does not exist"), ({"SOURCE": "nope"}, "does not exist"),
        ({"WAREHOUSE": "nope"}, "does not exist"), ({"REFRESH_INTERVAL": "'30 seconds'"}, "at least 60 seconds"),
        ({"AGGREGATION_WINDOW": "'1 hour'"}, "days are needed"), ({"TIMESTAMP_COLUMN": "ID"}, "TIMESTAMP_NTZ"),
        ({"PREDICTION_CLASS_COLUMNS": "(PRED, SCORE)"}, "at most one"), ({"PREDICTION_CLASS_COLUMNS": "()"}, "At least one"),
        ({"PREDICTION_CLASS_COLUMNS": "(NOPE)"}, "does not exist"), ({"ACTUAL_CLASS_COLUMNS": "(PRED)"}, "appears in both"),
        ({"SEGMENT_COLUMNS": "('F1')"}, "type STRING"), ({"BASELINE": "nope"}, "does not exist"), ({"GATEWAY": "g"}, "offline account: a gateway"),
        ({"TIMESTAMP_COLUMN": None}, "missing parameter"), ({"PREDICTION_CLASS_COLUMNS": "(F2)"}, "must be numeric"),
    ],
)  # fmt: skip
def test_create_checks_what_snowflake_documents(world, change, match: str) -> None:
    session, registry, version, *_ = world
    if "V2" not in [v.version_name for v in registry.get_model("churn").versions()]:
        registry.log_model(version, model_name="churn", version_name="v2")
    given = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    with pytest.raises(Exception, match=match):
        session.sql("CREATE MODEL MONITOR m2 WITH " + " ".join(f"{k}={v}" for k, v in given.items())).collect()
    session.sql("CREATE OR REPLACE MODEL MONITOR m2 WITH " + " ".join(f"{k}={v}" for k, v in GOOD.items())).collect()
    session.sql("DROP MODEL MONITOR m2").collect()


@pytest.mark.parametrize(
    "call",
    ["PERFORMANCE_METRIC('WATCH', 'PSI')", "DRIFT_METRIC('WATCH', 'WASSERSTEIN', 'F2')", "DRIFT_METRIC('WATCH', 'WASSERSTEIN', 'TS')",
     "STAT_METRIC('WATCH', 'AVG', 'F2')", "STAT_METRIC('NOBODY', 'AVG', 'F1')", "PERFORMANCE_METRIC('WATCH', 'F1_SCORE', 'DAY')"],
)  # fmt: skip
def test_mistaken_calls_fail(world, call: str) -> None:
    with pytest.raises(Exception, match=r"Monitor|metric|monitor|granularity|does not exist"):
        world[0].sql(f"SELECT * FROM TABLE(MODEL_MONITOR_{call})").collect()


def test_stale_monitors_answer_from_their_last_refresh() -> None:
    with serve(stale_monitors=True) as account:
        (session, *_rest) = next(made := build(account))
        text = "SELECT metric_value FROM TABLE(MODEL_MONITOR_STAT_METRIC('WATCH', 'COUNT', 'F1', 'ALL', '2024-01-01', '2024-12-31'))"
        session.sql("DELETE FROM source WHERE seg = 'a'").collect()
        assert asked(session, text) == [(400.0,)]
        session.sql("ALTER MODEL MONITOR watch SUSPEND").collect()
        account.refresh_monitors()
        assert asked(session, text) == [(400.0,)]
        session.sql("ALTER MODEL MONITOR watch RESUME").collect()
        account.refresh_monitors()
        assert asked(session, text) == [(200.0,)]
        session.sql("DELETE FROM source WHERE f1 > 1").collect()
        ((left,),) = asked(session, "SELECT COUNT(*) FROM source")
        assert account.clock.advance(minutes=59) == []
        assert asked(session, text) == [(200.0,)]
        assert [(one.kind, one.name.split(".")[-1]) for one in account.clock.advance(minutes=1)] == [
            ("MODEL MONITOR", "WATCH")
        ]
        assert asked(session, text) == [(left,)]
        made.close()


def test_a_regression_and_several_classes_are_watched_too(world) -> None:
    session, registry, *_, frame = world
    made = frame.assign(
        ACTUAL=frame.F1 * 10 + 5,
        GUESS=frame.F1 * 10 + 5 + frame.SCORE,
        TRUTH=frame.F2,
        TOLD=np.where(frame.F1 > 0.5, "x", "z"),
    )
    session.write_pandas(made, "OTHERS", auto_create_table=True, use_logical_type=True)
    line = registry.log_model(
        LinearRegression().fit(made[["F1"]], made["ACTUAL"]),
        model_name="line",
        version_name="v1",
        sample_input_data=made[["F1"]].head(10),
    )
    kinds = registry.log_model(
        LogisticRegression().fit(made[["F1"]], np.array(["x", "y", "z"])[np.arange(len(made)) % 3]), model_name="kinds", version_name="v1",
        sample_input_data=made[["F1"]].head(10),
    )  # fmt: skip
    for name, version, roles in (
        ("of_line", line, {"prediction_score_columns": ["GUESS"], "actual_score_columns": ["ACTUAL"]}),
        ("of_kinds", kinds, {"prediction_class_columns": ["TOLD"], "actual_class_columns": ["TRUTH"]}),
    ):
        source = ModelMonitorSourceConfig(source="OTHERS", timestamp_column="TS", id_columns=["ID"], **roles)
        config = ModelMonitorConfig(
            model_version=version, model_function_name="predict", background_compute_warehouse_name="COMPUTE_WH"
        )
        registry.add_monitor(name, source, config)

    def value(monitor: str, metric: str) -> float:
        text = f"SELECT metric_value FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('{monitor}', '{metric}', 'ALL', '2024-01-01', '2024-12-31'))"
        ((found,),) = asked(session, text)
        return found

    assert value("OF_LINE", "RMSE") == pytest.approx(root_mean_squared_error(made.ACTUAL, made.GUESS), rel=1e-9)
    assert value("OF_LINE", "MAPE") == pytest.approx((abs((made.GUESS - made.ACTUAL) / made.ACTUAL)).mean(), rel=1e-9)
    wanted = precision_score(made.TRUTH, made.TOLD, average="macro", zero_division=0)
    assert value("OF_KINDS", "MACRO_AVERAGE_PRECISION") == pytest.approx(wanted, abs=1e-12)
    with pytest.raises(Exception, match="'F1_SCORE' is no metric of a monitor of TABULAR_REGRESSION"):
        value("OF_LINE", "F1_SCORE")
    for name in ("of_line", "of_kinds"):
        registry.delete_monitor(name)


def test_no_answer_is_older_than_the_rows_it_is_asked_over() -> None:
    with serve() as account:
        session, *_ = next(build(account))
        metric = "CLASSIFICATION_ACCURACY"

        def expected() -> list[tuple]:
            rows = session.table("SOURCE").to_pandas().dropna(subset=["LABEL"])
            days = rows.groupby(rows.TS.dt.floor("D"))
            return [(day.to_pydatetime(), pytest.approx((r.PRED == r.LABEL).mean()), len(r)) for day, r in days]

        def seen(rest: str = "'1 DAY', '2024-01-01', '2024-12-31'") -> list[tuple]:
            return [row[:3] for row in performance(session, metric, rest)]

        assert seen() == seen() == expected()
        for change in (
            "UPDATE source SET pred = 1 - pred WHERE ts = '2024-01-02'",
            "INSERT INTO source SELECT * FROM source WHERE ts = '2024-02-10' AND label = 1",
            "DELETE FROM source WHERE ts = '2024-02-11'",
            "BEGIN", "UPDATE source SET pred = 1", "ROLLBACK",
        ):  # fmt: skip
            session.sql(change).collect()
            assert seen() == expected(), change
        assert seen("'1 DAY', '2024-01-01', '2024-01-01'") == expected()[:1]
        drift = (
            "SELECT metric_value FROM TABLE(MODEL_MONITOR_DRIFT_METRIC("
            "'WATCH', 'DIFFERENCE_OF_MEANS', 'F1', 'ALL', '2024-01-01', '2024-12-31'))"
        )
        ((before,),) = asked(session, drift)
        assert asked(session, drift) == [(before,)]
        session.sql("UPDATE baseline SET f1 = f1 + 1").collect()
        assert asked(session, drift) == [(before,)]
        session.sql("ALTER MODEL MONITOR watch SET BASELINE = 'BASELINE'").collect()
        ((after,),) = asked(session, drift)
        assert abs(after - before) == pytest.approx(1)
