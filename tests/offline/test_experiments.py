"""Experiment tracking of snowflake-ml: runs, metrics by step, parameters, files, models and their lineage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from sklearn.linear_model import LogisticRegression
from snowflake.ml.experiment import ExperimentTracking


@pytest.fixture
def tracking(snowflake_session, monkeypatch):
    monkeypatch.setattr(ExperimentTracking, "_instance", None)  # it is one a process, and keeps its first session
    return ExperimentTracking(snowflake_session)


def rows(frame) -> list[tuple[object, ...]]:
    return [tuple(row) for row in frame.collect()]


def _fail(tracking) -> None:
    with tracking.start_run("second"):
        tracking.log_metric("f1", 0.9)
        raise ZeroDivisionError


def test_a_run_keeps_what_is_logged(tracking, sql, fails, tmp_path) -> None:
    tracking.set_experiment("churn")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "note.txt").write_text("it's kept")
    frame = pd.DataFrame({"A": np.arange(20.0)})
    with tracking.start_run("first"):
        tracking.log_params({"C": 0.5, "kind": "linear"})
        for step, value in enumerate((0.5, 0.8, 0.7)):
            tracking.log_metric("f1", value, step=step)
        tracking.log_metrics({"loss": 0.25})
        tracking.log_artifact(str(tmp_path / "kept"), "notes")
        model = LogisticRegression().fit(frame, frame["A"] > 9)
        made = tracking.log_model(model, model_name="m", version_name="v1", sample_input_data=frame)
    with pytest.raises(ZeroDivisionError):
        _fail(tracking)
    assert sorted(rows(tracking.list_metrics())) == [("FIRST", 0.7, 0.25), ("SECOND", 0.9, None)]
    assert rows(tracking.list_params(run_name="FIRST")) == [("FIRST", "0.5", "linear")]
    history = [row[:3] for row in rows(tracking.get_metric_history(run_name="first"))]
    assert history == [("f1", 0, 0.5), ("f1", 1, 0.8), ("f1", 2, 0.7), ("loss", 0, 0.25)]
    assert [one.name for one in tracking.list_artifacts("first")] == ["notes/note.txt"]
    tracking.download_artifacts("first", target_path=str(tmp_path / "back"))
    assert (tmp_path / "back" / "notes" / "note.txt").read_text() == "it's kept"
    assert [(v.model_name, v.version_name) for v in tracking.list_model_versions("first")] == [("M", "V1")]
    (source,) = made.lineage(direction="upstream")
    assert "version='FIRST'" in repr(source)
    assert [name for _, name, *_ in sql("SHOW EXPERIMENTS")] == ["CHURN"]
    states = {row[1]: row[5] for row in sql("SHOW RUNS IN EXPERIMENT churn")}
    assert '"status": "FINISHED"' in states["FIRST"]
    assert '"status": "FAILED"' in states["SECOND"]
    with pytest.raises(RuntimeError, match="no longer running"):
        tracking.start_run("first")
    assert "cannot be changed" in fails("ALTER EXPERIMENT churn MODIFY RUN first ADD METRICS=$$[]$$")[1]
    tracking.delete_run("second")
    assert [row[1] for row in sql("SHOW RUNS IN EXPERIMENT churn")] == ["FIRST"]
    assert sql("SHOW RUN METRICS LIKE 'l%' IN EXPERIMENT churn RUN first") == [("FIRST", "loss", 0.25, 0)]
    tracking.delete_experiment("churn")
    assert "does not exist" in fails("SHOW RUNS IN EXPERIMENT churn")[1]


def test_runs_without_a_name_and_runs_that_go_on(tracking, sql) -> None:
    tracking.set_experiment("other")
    run = tracking.start_run()
    tracking.log_metric("a", 1)
    tracking._unset_run()
    again = tracking.start_run(run.name.identifier())
    tracking.log_metric("a", 2, step=1)
    tracking.end_run()
    assert again.name == run.name
    assert sql("SHOW RUN METRICS IN EXPERIMENT other") == [(run.name.identifier(), "a", 2.0, 1)]
