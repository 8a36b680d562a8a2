"""Beyond the metric functions: estimates before labels, the drift verdict, a drop explained, all features at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from churnobs import BadConfig, DriftSettings, ModelMonitorSourceConfig, Workspace

START = dt.datetime(2024, 1, 1)
MONTHS = 6


def month_starts() -> list[dt.datetime]:
    return [dt.datetime(2024, m, 1) for m in range(1, MONTHS + 1)]


def stream(rows: int = 1500, seed: int = 3, *, broken_from: int = 99, moved_from: int = 99) -> pd.DataFrame:
    """A month is one day: a score that is a calibrated probability until the relation breaks; SPEND moves by half an sd."""
    random = np.random.default_rng(seed)
    parts = []
    for number, at in enumerate(month_starts()):
        score = random.beta(2, 3, rows)
        truth = 1 - score if number >= broken_from else score
        shift = 10.0 if number >= moved_from else 0.0
        parts.append(
            pd.DataFrame(
                {
                    "ID": np.arange(rows) + number * rows,
                    "AT": at,
                    "SCORE": score,
                    "SAID": (score > 0.4).astype("int64"),
                    "LABEL": (random.random(rows) < truth).astype("int64"),
                    "SPEND": random.normal(100.0, 20.0, rows) + shift,
                    "AGE": random.integers(18, 80, rows),
                    "KIND": random.choice(["a", "b", "c"], rows),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def watch(workspace: Workspace, frame: pd.DataFrame, **more: Any) -> None:
    workspace.write_pandas(frame, "made", overwrite=True)
    workspace.write_pandas(stream(seed=99).drop(columns=["SCORE", "SAID"]), "reference", overwrite=True)
    source = ModelMonitorSourceConfig(
        source="MADE", timestamp_column="AT", id_columns=["ID"], prediction_score_columns=["SCORE"],
        prediction_class_columns=["SAID"], actual_class_columns=["LABEL"], segment_columns=["KIND"],
        baseline="REFERENCE",
    )  # fmt: skip
    workspace.monitor.attach("w", source, **more)


def test_estimates_are_made_of_what_was_final_and_graded_after(workspace: Workspace) -> None:
    frame = stream()
    watch(workspace, frame, horizon_days=30)
    found = workspace.monitor.estimate("w", start=START.date())
    first = found[found["EVENT_TIMESTAMP"] == START]
    assert not first["CALIBRATED"].any(), "nothing was final yet"
    assert first["CALIBRATED"].tolist() == [False] * 5
    assert found.groupby("EVENT_TIMESTAMP")["IS_FINAL"].all().tolist() == [True] * (MONTHS - 1) + [False]
    newest = found[found["EVENT_TIMESTAMP"] == month_starts()[-1]]
    assert newest["REALISED"].isna().all()
    assert newest["CALIBRATED"].all()
    own = frame[frame["AT"] == month_starts()[-1]]
    truth = {"F1_SCORE": metrics.f1_score(own["LABEL"], own["SAID"]), "ROC_AUC": metrics.roc_auc_score(own["LABEL"], own["SCORE"])}  # fmt: skip
    for row in newest.to_dict("records"):
        assert row["LOW"] < row["METRIC_VALUE"] < row["HIGH"]
        if row["METRIC_NAME"] in truth:
            assert row["METRIC_VALUE"] == pytest.approx(truth[row["METRIC_NAME"]], abs=0.04)
    graded = found[found["IS_FINAL"] & found["CALIBRATED"]]
    assert graded["INSIDE"].mean() > 0.7
    assert workspace.monitor.trust("w").up


def test_an_estimate_does_not_look_at_the_labels_it_is_graded_by(workspace: Workspace) -> None:
    frame = stream()
    watch(workspace, frame)
    columns = ["METRIC_VALUE", "LOW", "HIGH"]
    before = workspace.monitor.estimate("w", start=month_starts()[4].date())
    frame.loc[frame["AT"] >= month_starts()[4], "LABEL"] = 1
    workspace.write_pandas(frame, "made", overwrite=True)
    after = workspace.monitor.estimate("w", start=month_starts()[4].date())
    first = before["EVENT_TIMESTAMP"] == month_starts()[4]
    pd.testing.assert_frame_equal(before[first][columns], after[first][columns])


def test_trust_falls_when_scores_come_to_mean_something_else(workspace: Workspace) -> None:
    watch(workspace, stream(broken_from=4), horizon_days=30, data_through=dt.date(2024, 8, 1))
    flag = workspace.monitor.trust("w")
    assert not flag.up
    assert flag.since in {month_starts()[4].date(), month_starts()[5].date()}
    assert "was" in flag.reason


def test_a_reference_may_be_chosen(workspace: Workspace) -> None:
    watch(workspace, stream())
    chosen = workspace.monitor.estimate(
        "w", start=month_starts()[3].date(), reference=(START.date(), dt.date(2024, 2, 1))
    )
    assert chosen["CALIBRATED"].all()
    with pytest.raises(BadConfig, match="no rows from 2023-01-01"):
        workspace.monitor.estimate("w", reference=(dt.date(2023, 1, 1), dt.date(2023, 2, 1)))


def test_the_drift_verdict_names_what_moved_for_long(workspace: Workspace) -> None:
    watch(workspace, stream(moved_from=4))
    # one month is not enough to alarm
    early = workspace.monitor.drift_verdict("w", end=month_starts()[4].date())
    assert early.alarms == ()
    assert [c.column for c in early.columns if c.fires] == ["SPEND"]
    verdict = workspace.monitor.drift_verdict("w")
    assert verdict.alarms == ("SPEND",)
    worst = verdict.columns[0]
    assert (worst.column, worst.alarm, worst.months) == ("SPEND", True, 2)
    assert worst.finding.p_value < 1e-6
    assert worst.finding.effect == pytest.approx(0.5, abs=0.12)
    assert "SPEND: ALARM" in verdict.text()
    assert workspace.monitor.drift_verdict("w", settings=DriftSettings(needed=3)).alarms == ()


def test_the_drift_verdict_by_segment(workspace: Workspace) -> None:
    frame = stream()
    moved = (frame["AT"] >= month_starts()[4]) & (frame["KIND"] == "b")
    frame.loc[moved, "SPEND"] += 15.0
    frame.loc[moved, "KIND"] = "b"
    frame.loc[frame.index[-1], "KIND"] = "new"
    watch(workspace, frame)
    verdict = workspace.monitor.drift_verdict("w", segment="KIND")
    assert ("b", "SPEND") in {(c.segment, c.column) for c in verdict.columns if c.alarm}
    assert not any(c.alarm for c in verdict.columns if c.segment in {"a", "c"})
    assert any(segment == "new" for segment, _, _ in verdict.unjudged)


def test_a_quiet_stream_raises_no_alarm(workspace: Workspace) -> None:
    watch(workspace, stream(seed=11))
    verdict = workspace.monitor.drift_verdict("w", segment="KIND")
    assert verdict.alarms == ()


def test_a_drop_is_split_by_segments_and_names_what_moved(workspace: Workspace) -> None:
    frame = stream()
    last = (frame["AT"] == month_starts()[5]) & (frame["KIND"] == "c")
    frame.loc[last, "LABEL"] = 1 - frame.loc[last, "SAID"]
    frame.loc[last, "SPEND"] += 40.0
    watch(workspace, frame)
    found = workspace.monitor.explain_drop("w", month_starts()[4].date(), month_starts()[5].date(), segment="kind")
    scores = []
    for at in month_starts()[4:]:
        own = frame[frame["AT"] == at]
        scores.append(metrics.f1_score(own["LABEL"], own["SAID"]))
    assert (found.f1_before, found.f1_after) == (pytest.approx(scores[0]), pytest.approx(scores[1]))
    assert found.mix + found.within == pytest.approx(scores[1] - scores[0], abs=1e-12)
    assert found.worst is not None
    assert found.worst.segment == "c"
    assert found.moved[0] == "SPEND"
    assert "c lowered it most" in found.text()
    with pytest.raises(BadConfig, match="no rows from 2025"):
        workspace.monitor.explain_drop("w", dt.date(2025, 1, 1), dt.date(2024, 5, 1), segment="KIND")


def test_all_features_together(workspace: Workspace) -> None:
    frame = stream()
    last = frame["AT"] == month_starts()[5]
    # each column keeps its distribution; together they no longer go
    order = frame.loc[last, "SPEND"].rank(method="first").astype(int) - 1
    frame.loc[last, "AGE"] = np.sort(frame.loc[last, "AGE"].to_numpy())[order]
    watch(workspace, frame)
    told = workspace.monitor.domain_classifier("w", month_starts()[5].date(), month_starts()[5].date())
    assert told.auc > 0.7
    assert told.p_value <= 0.001
    quiet = workspace.monitor.domain_classifier("w", month_starts()[1].date(), month_starts()[1].date())
    assert quiet.p_value > 0.01
    with pytest.raises(BadConfig, match="is before start"):
        workspace.monitor.domain_classifier("w", dt.date(2024, 2, 1), dt.date(2024, 1, 1))


def test_what_needs_scores_or_a_baseline_says_so(workspace: Workspace) -> None:
    workspace.write_pandas(stream(rows=100), "made")
    source = ModelMonitorSourceConfig(
        source="MADE", timestamp_column="AT", id_columns=["ID"], prediction_class_columns=["SAID"],
        actual_class_columns=["LABEL"],
    )  # fmt: skip
    workspace.monitor.attach("w", source)
    with pytest.raises(BadConfig, match="has no scores of a binary classifier"):
        workspace.monitor.estimate("w")
    for ask in (
        lambda: workspace.monitor.drift_verdict("w"),
        lambda: workspace.monitor.drift("w"),
        lambda: workspace.monitor.domain_classifier("w", START.date(), START.date()),
    ):
        with pytest.raises(BadConfig, match="W has no baseline"):
            ask()


def test_own_rows_come_in_as_a_table(workspace: Workspace) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    made = workspace.write_pandas(frame, "mine")
    assert made.collect() == [{"A": 1, "B": "x"}, {"A": 2, "B": None}]
    assert workspace.write_pandas(frame, "MINE").count() == 4
    assert workspace.write_pandas(frame, "mine", overwrite=True).count() == 2
    workspace.sql('SELECT A FROM "MINE" WHERE A > 1').create_or_replace_view("few")
    assert workspace.table("FEW").collect() == [{"A": 2}]
    with pytest.raises(BadConfig, match="SALES is churnobs' own table"):
        workspace.write_pandas(frame, "sales")
    with pytest.raises(BadConfig, match="differ in case only"):
        workspace.write_pandas(pd.DataFrame([[1, 2]], columns=["a", "A"]), "twice")
