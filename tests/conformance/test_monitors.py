"""Monitors and their three metric functions against scikit-learn, SciPy and NumPy."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import wasserstein_distance
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from churnobs import AlreadyExists, BadConfig, ModelMonitorConfig, ModelMonitorSourceConfig, NotFound, Workspace

PERFORMANCE = [
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COUNT_USED", "COUNT_UNUSED", "METRIC_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
]  # fmt: skip
DRIFT = [
    "EVENT_TIMESTAMP", "METRIC_VALUE", "COL_COUNT_USED", "COL_COUNT_UNUSED", "BASELINE_COL_COUNT_USED",
    "BASELINE_COL_COUNT_UNUSED", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE",
]  # fmt: skip
STAT = ["EVENT_TIMESTAMP", "METRIC_VALUE", "METRIC_NAME", "COLUMN_NAME", "SEGMENT_COLUMN", "SEGMENT_VALUE"]
SKLEARN = {
    "CLASSIFICATION_ACCURACY": metrics.accuracy_score,
    "PRECISION": metrics.precision_score,
    "RECALL": metrics.recall_score,
    "F1_SCORE": metrics.f1_score,
}
START = dt.datetime(2024, 4, 29)


def predictions(rows: int = 400, seed: int = 1, shift: float = 0.0) -> pd.DataFrame:
    """Ten days of predictions from the Monday before May: ties in the score, labels that are not known yet."""
    random = np.random.default_rng(seed)
    score = random.integers(0, 20, rows) / 20
    label = pd.array((random.random(rows) < score).astype("int64"), dtype="Int64")
    label[random.random(rows) < 0.15] = pd.NA
    return pd.DataFrame(
        {
            "CUSTOMER_ID": [f"C{i}" for i in range(rows)],
            "AT_TIME": [START + dt.timedelta(days=int(d), hours=int(d) % 5) for d in random.integers(0, 10, rows)],
            "PREDICTED": pd.array((score > 0.5).astype("int64"), dtype="Int64"),
            "SCORE": score,
            "CHURNED": label,
            "ORDERS": pd.array(random.poisson(4 + shift, rows), dtype="Int64").copy(),
            "SPEND": random.gamma(2.0, 50.0, rows) + 20 * shift,
            "SEGMENT": random.choice(["Gold", "Silver", "Blue"], rows, p=[0.5, 0.3, 0.2]),
            "REGION": random.choice(["North", "South"], rows),
            "ACTIVE": random.random(rows) < 0.4,
        }
    )


def write(workspace: Workspace, name: str, frame: pd.DataFrame) -> None:
    workspace._backend.engine.drop(name)
    # pandas is told of missing values one way only: NULL
    workspace._backend.engine.write(name, pa.Table.from_pandas(frame, preserve_index=False))


def version_of(workspace: Workspace, name: str = "v1") -> Any:
    rows = pd.DataFrame({"SPEND": [1.0, 2.0]})
    model = DummyClassifier().fit(rows, [0, 1])
    return workspace.registry.log_model(model, model_name="churn", version_name=name, sample_input_data=rows)


def source(**more: Any) -> ModelMonitorSourceConfig:
    given: dict[str, Any] = {
        "source": "PREDICTIONS_MADE",
        "timestamp_column": "at_time",
        "id_columns": ["customer_id"],
        "prediction_class_columns": ["predicted"],
        "prediction_score_columns": ["score"],
        "actual_class_columns": ["churned"],
        "segment_columns": ["region"],
        "baseline": "REFERENCE",
        **more,
    }
    return ModelMonitorSourceConfig(**given)


@pytest.fixture
def frame(workspace: Workspace) -> pd.DataFrame:
    made = predictions()
    made.loc[::17, "ORDERS"] = pd.NA
    made.loc[::13, "SEGMENT"] = None
    write(workspace, "PREDICTIONS_MADE", made)
    return made


@pytest.fixture
def baseline(workspace: Workspace) -> pd.DataFrame:
    made = predictions(300, seed=9, shift=1.0)
    made.loc[::11, "ORDERS"] = pd.NA
    write(workspace, "REFERENCE", made)
    return made


@pytest.fixture
def monitored(workspace: Workspace, frame: pd.DataFrame, baseline: pd.DataFrame) -> Workspace:
    workspace.monitor.add_monitor("watch", source(), ModelMonitorConfig(version_of(workspace)))
    return workspace


def test_threshold_metrics_are_those_of_scikit_learn(monitored: Workspace, frame: pd.DataFrame) -> None:
    for name, score in SKLEARN.items():
        found = monitored.monitor.model_monitor_performance_metric("WATCH", name.lower())
        assert list(found.columns) == PERFORMANCE
        assert found["EVENT_TIMESTAMP"].tolist() == [START + dt.timedelta(days=d) for d in range(10)]
        for row in found.to_dict("records"):
            day = frame[frame["AT_TIME"].dt.normalize() == row["EVENT_TIMESTAMP"]]
            used = day.dropna(subset=["CHURNED"])
            expected = score(used["CHURNED"].astype(int), used["PREDICTED"].astype(int))
            assert row["METRIC_VALUE"] == pytest.approx(expected, abs=1e-12)
            assert (row["COUNT_USED"], row["COUNT_UNUSED"]) == (len(used), len(day) - len(used))
            assert (row["METRIC_NAME"], row["SEGMENT_COLUMN"], row["SEGMENT_VALUE"]) == (name, None, None)


def test_roc_auc_is_that_of_scikit_learn(monitored: Workspace, frame: pd.DataFrame) -> None:
    found = monitored.monitor.model_monitor_performance_metric("watch", "ROC_AUC", "ALL")
    used = frame.dropna(subset=["CHURNED"])
    assert found["METRIC_VALUE"].tolist() == [
        pytest.approx(metrics.roc_auc_score(used["CHURNED"].astype(int), used["SCORE"]), abs=1e-12)
    ]


def test_a_metric_that_is_not_defined_is_null(workspace: Workspace, baseline: pd.DataFrame) -> None:
    made = predictions(6).assign(CHURNED=pd.array([0, 0, 0, 0, None, None], dtype="Int64"), PREDICTED=0, AT_TIME=START)
    made.loc[0, "SCORE"] = np.nan
    write(workspace, "PREDICTIONS_MADE", made)
    workspace.monitor.add_monitor("watch", source(), ModelMonitorConfig(version_of(workspace)))
    for name in ("PRECISION", "RECALL", "F1_SCORE", "ROC_AUC"):
        row = workspace.monitor.model_monitor_performance_metric("watch", name).to_dict("records")[0]
        assert pd.isna(row["METRIC_VALUE"]), name
        assert (row["COUNT_USED"], row["COUNT_UNUSED"]) == ((3, 3) if name == "ROC_AUC" else (4, 2))
    accuracy = workspace.monitor.model_monitor_performance_metric("watch", "CLASSIFICATION_ACCURACY")
    assert accuracy["METRIC_VALUE"].tolist() == [1.0]


def test_a_monitor_of_scores_only_has_null_threshold_metrics(workspace: Workspace, frame: pd.DataFrame) -> None:
    config = source(prediction_class_columns=[], baseline=None)
    workspace.monitor.add_monitor("watch", config, ModelMonitorConfig(version_of(workspace)))
    found = workspace.monitor.model_monitor_performance_metric("watch", "F1_SCORE", "ALL")
    assert found["METRIC_VALUE"].isna().all()
    assert found["COUNT_USED"].tolist() == [0]
    assert workspace.monitor.model_monitor_performance_metric("watch", "ROC_AUC", "ALL")["METRIC_VALUE"].notna().all()


@pytest.mark.parametrize(
    ("granularity", "starts"),
    [
        ("1 DAY", [START + dt.timedelta(days=d) for d in range(10)]),
        (None, [START + dt.timedelta(days=d) for d in range(10)]),
        ("1 WEEK", [START, dt.datetime(2024, 5, 6)]),
        ("1 month", [dt.datetime(2024, 4, 1), dt.datetime(2024, 5, 1)]),
        ("1 QUARTER", [dt.datetime(2024, 4, 1)]),
        ("1 YEAR", [dt.datetime(2024, 1, 1)]),
        ("ALL", [START + dt.timedelta(days=9 - 60)]),
    ],
)
def test_buckets(monitored: Workspace, frame: pd.DataFrame, granularity: str | None, starts: list[dt.datetime]) -> None:
    found = monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", granularity)
    assert found["EVENT_TIMESTAMP"].tolist() == starts
    assert found["METRIC_VALUE"].sum() == len(frame)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (dt.date(2024, 5, 1), dt.date(2024, 5, 3), 2, 4),
        (dt.date(2024, 5, 1), dt.date(2024, 5, 1), 2, 2),
        (dt.datetime(2024, 5, 1, 23), dt.datetime(2024, 5, 3, 1), 2, 4),
        (dt.date(2024, 5, 6), None, 7, 9),
        (None, dt.date(2024, 4, 30), 0, 1),
    ],
)
def test_start_and_end_keep_the_buckets_that_hold_them(
    monitored: Workspace, frame: pd.DataFrame, start: Any, end: Any, first: int, last: int
) -> None:
    found = monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", "1 DAY", start, end)
    days = [START + dt.timedelta(days=d) for d in range(first, last + 1)]
    assert found["EVENT_TIMESTAMP"].tolist() == days
    whole = monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", "ALL", start, end)
    assert whole["METRIC_VALUE"].tolist() == [frame["AT_TIME"].dt.normalize().isin(days).sum()]


def test_the_default_window_is_sixty_days(workspace: Workspace) -> None:
    made = predictions(3).assign(AT_TIME=[START, START - dt.timedelta(days=60), START - dt.timedelta(days=61)])
    write(workspace, "PREDICTIONS_MADE", made)
    workspace.monitor.add_monitor("watch", source(baseline=None), ModelMonitorConfig(version_of(workspace)))
    found = workspace.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE")
    assert found["EVENT_TIMESTAMP"].tolist() == [START - dt.timedelta(days=60), START]


def test_stat_metrics_count_what_is_there(monitored: Workspace, frame: pd.DataFrame) -> None:
    for name, expected in (("COUNT", frame["ORDERS"].notna()), ("COUNT_NULL", frame["ORDERS"].isna())):
        found = monitored.monitor.model_monitor_stat_metric("watch", name, "orders")
        assert list(found.columns) == STAT
        by_day = expected.groupby(frame["AT_TIME"].dt.normalize()).sum()
        assert found["METRIC_VALUE"].tolist() == by_day.tolist()
        assert set(found["METRIC_NAME"]) == {name}
        assert set(found["COLUMN_NAME"]) == {"ORDERS"}


def test_what_is_no_number_is_missing(monitored: Workspace, frame: pd.DataFrame) -> None:
    spend = frame["SPEND"].to_numpy().copy()
    spend[:7] = np.nan
    table = pa.Table.from_pandas(frame.assign(SPEND=0.0), preserve_index=False)
    table = table.set_column(table.column_names.index("SPEND"), "SPEND", pa.array(spend, from_pandas=False))
    monitored._backend.engine.write("PREDICTIONS_MADE", table, replace=True)
    found = monitored.monitor.model_monitor_stat_metric("watch", "COUNT_NULL", "SPEND", "ALL")
    assert found["METRIC_VALUE"].tolist() == [7]
    drifted = monitored.monitor.model_monitor_drift_metric("watch", "DIFFERENCE_OF_MEANS", "SPEND", "ALL")
    assert drifted["COL_COUNT_UNUSED"].tolist() == [7]


def test_drift_of_numbers(monitored: Workspace, frame: pd.DataFrame, baseline: pd.DataFrame) -> None:
    for column in ("ORDERS", "SPEND"):
        found = monitored.monitor.model_monitor_drift_metric("watch", "DIFFERENCE_OF_MEANS", column)
        assert list(found.columns) == DRIFT
        moved = monitored.monitor.model_monitor_drift_metric("watch", "WASSERSTEIN", column)["METRIC_VALUE"]
        before = baseline[column].dropna().astype(float)
        width = (before.max() - before.min()) / 256
        for row, distance in zip(found.to_dict("records"), moved, strict=True):
            day = frame[frame["AT_TIME"].dt.normalize() == row["EVENT_TIMESTAMP"]][column]
            now = day.dropna().astype(float)
            assert row["METRIC_VALUE"] == pytest.approx(now.mean() - before.mean(), abs=1e-9)
            assert (row["COL_COUNT_USED"], row["COL_COUNT_UNUSED"]) == (len(now), len(day) - len(now))
            assert row["BASELINE_COL_COUNT_USED"] == len(before)
            assert row["BASELINE_COL_COUNT_UNUSED"] == len(baseline) - len(before)
            assert (row["METRIC_NAME"], row["COLUMN_NAME"]) == ("DIFFERENCE_OF_MEANS", column)
            bound = 1e-9 if column == "ORDERS" else width
            assert distance == pytest.approx(wasserstein_distance(before, now), abs=bound)


def test_drift_of_texts_and_truths(monitored: Workspace, frame: pd.DataFrame, baseline: pd.DataFrame) -> None:
    for column in ("SEGMENT", "ACTIVE"):
        groups = sorted(baseline[column].unique())
        now, before = (
            [(f[column].dropna() == g).sum() / f[column].notna().sum() for g in groups] for f in (frame, baseline)
        )
        psi = sum((a - b) * np.log(a / b) for a, b in zip(now, before, strict=True))
        found = monitored.monitor.model_monitor_drift_metric("watch", "POPULATION_STABILITY_INDEX", column, "ALL")
        assert found["METRIC_VALUE"].tolist() == [pytest.approx(psi, abs=1e-9)]
        assert found["COL_COUNT_UNUSED"].tolist() == [frame[column].isna().sum()]
        from scipy.spatial.distance import jensenshannon

        found = monitored.monitor.model_monitor_drift_metric("watch", "jensen_shannon", column, "ALL")
        assert found["METRIC_VALUE"].tolist() == [pytest.approx(jensenshannon(now, before, base=2), abs=1e-9)]
        for metric in ("WASSERSTEIN", "DIFFERENCE_OF_MEANS"):
            with pytest.raises(BadConfig, match="needs a numeric column"):
                monitored.monitor.model_monitor_drift_metric("watch", metric, column)


def test_a_column_without_values_has_no_drift(workspace: Workspace, baseline: pd.DataFrame) -> None:
    write(workspace, "PREDICTIONS_MADE", predictions(5).assign(SPEND=np.array([np.nan] * 5), AT_TIME=START))
    workspace.monitor.add_monitor("watch", source(), ModelMonitorConfig(version_of(workspace)))
    for metric in ("WASSERSTEIN", "DIFFERENCE_OF_MEANS", "JENSEN_SHANNON", "POPULATION_STABILITY_INDEX"):
        row = workspace.monitor.model_monitor_drift_metric("watch", metric, "SPEND").to_dict("records")[0]
        assert pd.isna(row["METRIC_VALUE"])
        assert (row["COL_COUNT_USED"], row["COL_COUNT_UNUSED"]) == (0, 5)


def test_the_baseline_is_frozen(monitored: Workspace, baseline: pd.DataFrame) -> None:
    before = monitored.monitor.model_monitor_drift_metric("watch", "DIFFERENCE_OF_MEANS", "SPEND")
    write(monitored, "REFERENCE", baseline.assign(SPEND=0.0))
    pd.testing.assert_frame_equal(
        monitored.monitor.model_monitor_drift_metric("watch", "DIFFERENCE_OF_MEANS", "SPEND"), before
    )
    monitored._backend.engine.drop("REFERENCE")
    pd.testing.assert_frame_equal(
        monitored.monitor.model_monitor_drift_metric("watch", "DIFFERENCE_OF_MEANS", "SPEND"), before
    )


def test_labels_that_come_late_are_seen_at_once(monitored: Workspace, frame: pd.DataFrame) -> None:
    write(monitored, "PREDICTIONS_MADE", frame.assign(CHURNED=pd.array([1] * len(frame), dtype="Int64")))
    found = monitored.monitor.model_monitor_performance_metric("watch", "RECALL", "ALL")
    assert found["COUNT_UNUSED"].tolist() == [0]
    assert found["METRIC_VALUE"].tolist() == [pytest.approx(frame["PREDICTED"].mean())]


def test_segments(monitored: Workspace, frame: pd.DataFrame) -> None:
    north = frame[frame["REGION"] == "North"]
    extra = json.dumps({"SEGMENTS": [{"column": "region", "value": "North"}]})
    found = monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", "ALL", extra_args=extra)
    assert found["METRIC_VALUE"].tolist() == [len(north)]
    assert found[["SEGMENT_COLUMN", "SEGMENT_VALUE"]].values.tolist() == [["REGION", "North"]]
    used = north.dropna(subset=["CHURNED"])
    performed = monitored.monitor.model_monitor_performance_metric("watch", "F1_SCORE", "ALL", extra_args=extra)
    expected = metrics.f1_score(used["CHURNED"].astype(int), used["PREDICTED"].astype(int))
    assert performed["METRIC_VALUE"].tolist() == [pytest.approx(expected)]
    drifted = monitored.monitor.model_monitor_drift_metric("watch", "WASSERSTEIN", "SPEND", "ALL", extra_args=extra)
    assert drifted["COL_COUNT_USED"].tolist() == [len(north)]
    lower = extra.replace("North", "north")
    assert monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", extra_args=lower).empty
    for wrong in ("no json", "{}", '{"SEGMENTS": []}', '{"SEGMENTS": [{"column": "SEGMENT", "value": "Gold"}]}',
                  '{"SEGMENTS": [{"column": "REGION", "value": "a"}, {"column": "REGION", "value": "b"}]}'):  # fmt: skip
        with pytest.raises(BadConfig):
            monitored.monitor.model_monitor_stat_metric("watch", "COUNT", "SCORE", extra_args=wrong)


def test_questions_that_have_no_answer(monitored: Workspace) -> None:
    ask = monitored.monitor
    with pytest.raises(BadConfig, match="ROC_AUC, CLASSIFICATION_ACCURACY"):
        ask.model_monitor_performance_metric("watch", "LOG_LOSS")
    with pytest.raises(BadConfig, match="'PSI' is no metric"):
        ask.model_monitor_drift_metric("watch", "PSI", "SPEND")
    with pytest.raises(BadConfig, match="COUNT, COUNT_NULL"):
        ask.model_monitor_stat_metric("watch", "MEDIAN", "SPEND")
    with pytest.raises(BadConfig, match="watches no column AGE"):
        ask.model_monitor_stat_metric("watch", "COUNT", "AGE")
    with pytest.raises(BadConfig, match="watches no column AGE"):
        ask.model_monitor_drift_metric("watch", "WASSERSTEIN", "AGE")
    with pytest.raises(BadConfig, match="is before start"):
        ask.model_monitor_stat_metric("watch", "COUNT", "SPEND", "1 DAY", dt.date(2024, 5, 2), dt.date(2024, 5, 1))
    for granularity in ("1 HOUR", "DAY", "0 DAY", "-1 DAY", "1.5 DAY"):
        with pytest.raises(BadConfig, match="is no granularity"):
            ask.model_monitor_stat_metric("watch", "COUNT", "SPEND", granularity)
    with pytest.raises(NotFound, match="other"):
        ask.model_monitor_stat_metric("other", "COUNT", "SPEND")


def test_drift_needs_a_baseline_with_the_column(
    workspace: Workspace, frame: pd.DataFrame, baseline: pd.DataFrame
) -> None:
    workspace.monitor.add_monitor("bare", source(baseline=None), ModelMonitorConfig(version_of(workspace)))
    with pytest.raises(BadConfig, match="BARE has no baseline"):
        workspace.monitor.model_monitor_drift_metric("bare", "WASSERSTEIN", "SPEND")
    write(workspace, "REFERENCE", baseline.drop(columns="SPEND"))
    workspace.monitor.add_monitor("less", source(), ModelMonitorConfig(version_of(workspace, "v2")))
    with pytest.raises(BadConfig, match="baseline of LESS has no column SPEND"):
        workspace.monitor.model_monitor_drift_metric("less", "WASSERSTEIN", "SPEND")
    unlabelled = source(baseline=None, actual_class_columns=None)
    workspace.monitor.add_monitor("blind", unlabelled, ModelMonitorConfig(version_of(workspace, "v3")))
    with pytest.raises(BadConfig, match="BLIND has no actual column"):
        workspace.monitor.model_monitor_performance_metric("blind", "F1_SCORE")


def test_one_monitor_a_version_and_a_name(monitored: Workspace) -> None:
    registry, monitor = monitored.registry, monitored.monitor
    version = registry.get_model("CHURN").default
    with pytest.raises(AlreadyExists, match="CHURN/V1 already exists: WATCH"):
        monitor.add_monitor("second", source(), ModelMonitorConfig(version))
    copy = registry.log_model(version, model_name="churn", version_name="copy")
    with pytest.raises(AlreadyExists, match="WATCH already exists"):
        monitor.add_monitor("Watch", source(), ModelMonitorConfig(copy))
    monitor.add_monitor("second", source(), ModelMonitorConfig(copy))
    assert monitor.get_monitor(model_version=copy).name == "SECOND"
    assert monitor.get_monitor(name="watch").name == "WATCH"
    shown = monitor.show_model_monitors()
    assert shown["name"].tolist() == ["WATCH", "SECOND"]
    assert shown["version_name"].tolist() == ["V1", "COPY"]
    with pytest.raises(BadConfig):
        monitor.get_monitor()


def test_suspend_resume_and_delete(monitored: Workspace) -> None:
    monitor = monitored.monitor
    watch = monitor.get_monitor(name="watch")
    for state, change in (("SUSPENDED", watch.suspend), ("SUSPENDED", watch.suspend), ("ACTIVE", watch.resume)):
        change()
        assert monitor.show_model_monitors()["monitor_state"].tolist() == [state]
    watch.suspend()
    assert not monitor.model_monitor_stat_metric("watch", "COUNT", "SPEND").empty, "what was measured stays"
    monitor.delete_monitor("watch")
    assert monitor.show_model_monitors().empty
    with pytest.raises(NotFound):
        monitor.get_monitor(name="watch")
    monitor.add_monitor("watch", source(), ModelMonitorConfig(monitored.registry.get_model("CHURN").default))


def test_features_are_the_columns_without_a_role(monitored: Workspace) -> None:
    record = monitored.monitor.get_monitor(name="watch").record
    assert record.features == ("ORDERS", "SPEND", "SEGMENT", "ACTIVE")
    assert (record.model_name, record.version_name, record.function_name) == ("CHURN", "V1", "predict")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"timestamp_column": "NOPE"}, "NOPE does not exist in source"),
        ({"actual_class_columns": ["NOPE"]}, "NOPE does not exist in source"),
        ({"actual_class_columns": ["PREDICTED"]}, "PREDICTED has two roles"),
        ({"prediction_class_columns": [], "prediction_score_columns": []}, "needs a prediction column"),
        ({"timestamp_column": "SPEND"}, "SPEND is no timestamp"),
    ],
)
def test_a_source_that_cannot_be_watched(
    workspace: Workspace, frame: pd.DataFrame, baseline: pd.DataFrame, more: dict[str, Any], words: str
) -> None:
    version = version_of(workspace)
    with pytest.raises(BadConfig, match=words):
        workspace.monitor.add_monitor("watch", source(**more), ModelMonitorConfig(version))
    with pytest.raises(BadConfig, match="explain is not in V1"):
        workspace.monitor.add_monitor("watch", source(), ModelMonitorConfig(version, "explain"))
    assert workspace.monitor.show_model_monitors().empty


def test_a_column_name_is_no_list() -> None:
    with pytest.raises(BadConfig, match="id_columns is one text"):
        source(id_columns="CUSTOMER_ID")
