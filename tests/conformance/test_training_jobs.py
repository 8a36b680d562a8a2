"""Training as a job: what is sent binds to the client's signatures; the machines and the container runtime are stand-ins."""

from __future__ import annotations

import inspect
import pickle
import runpy
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lessons import FEATURES, QUERY, ROWS, engine_of, lesson, rows, sha, sql
from retail import put
from snowflake.ml import jobs
from snowflake.ml.jobs.job_definition import MLJobDefinition
from xgboost import XGBClassifier

from churnobs import BackendFailed, BadConfig, DistributedSearch, DistributedXGBoost, InJob, Workspace
from churnobs.backends.snowflake import cluster
from churnobs.backends.snowflake.job import ENTRY, Jobs
from churnobs.fitting import Lesson

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def workspace(open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    with open_workspace("snowflake-offline") as opened:
        put(opened, "LESSONS", ROWS, rows())
        yield opened


# -- jobs: the client is real as far as it goes here, the machines are not


class Job:
    """Stands for the job of a client; runs the script at once."""

    id = "D.S.JOB"

    def __init__(self, status: str = "DONE") -> None:
        self.status = status

    def wait(self, timeout: float = -1) -> str:
        if self.status == "LATE":
            raise TimeoutError("Job did not complete")
        return self.status

    def get_logs(self, limit: int = -1) -> str:
        return "line by line"


@pytest.fixture
def client(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The client's functions replaced by ones of the same signature, which remember what they were given."""
    seen: dict[str, Any] = {"status": "DONE", "deleted": 0}
    session = engine_of(workspace).link.session
    real = {name: inspect.signature(getattr(jobs, name)) for name in ("submit_directory", "delete_job")}

    def submit_directory(*args: Any, **given: Any) -> Job:
        bound = real["submit_directory"].bind(*args, **given)
        # what goes on as keywords has to be known there
        known = set(inspect.signature(MLJobDefinition.__init__).parameters) | {"imports"}
        assert set(bound.arguments.get("kwargs", {})) <= known
        seen.update(bound.arguments)
        folder = Path(given["dir_path"])
        seen["files"] = sorted(path.name for path in folder.iterdir())
        if seen["status"] == "DONE":
            sql(workspace, f"CREATE STAGE IF NOT EXISTS {given['stage_name']}")
            with monkeypatch.context() as patched:
                patched.setattr(sys, "argv", [ENTRY, *given["args"]])
                patched.setattr(sys, "path", [*sys.path])
                patched.setattr(type(type(session).builder), "getOrCreate", lambda _: session)
                runpy.run_path(str(folder / given["entrypoint"]), run_name="__main__")
        return Job(seen["status"])

    def delete_job(*args: Any, **given: Any) -> None:
        real["delete_job"].bind(*args, **given)
        seen["deleted"] += 1

    monkeypatch.setattr(jobs, "submit_directory", submit_directory)
    monkeypatch.setattr(jobs, "delete_job", delete_job)
    return seen


def test_what_is_sent_to_the_client_binds_to_its_signatures(workspace: Workspace, client: dict[str, Any]) -> None:
    engine = engine_of(workspace)
    place = InJob(
        "pool", instances=2, packages=("optuna",), external_access_integrations=("PYPI",), artifact_repositories=("d.s.r",),
        runtime_environment="2.1", timeout=60,
    )  # fmt: skip
    there = Jobs(engine).fit(place, lesson())
    assert sha(there.model) == sha(lesson().learn(engine.read(QUERY)))
    assert client["files"] == ["churnobs.zip", "run_training.py", "task.pkl"]
    assert (client["compute_pool"], client["target_instances"], client["deleted"]) == ("POOL", 2, 1)
    assert client["kwargs"]["artifact_repositories"] == ["d.s.r"]
    assert client["pip_requirements"][0] == "optuna"
    assert sql(workspace, "LIST @CHURNOBS_JOBS") == []
    for name, call in (("wait", (60,)), ("get_logs", ())):
        inspect.signature(getattr(jobs.MLJob, name)).bind(None, *call, **({"limit": 20} if name == "get_logs" else {}))
    assert isinstance(inspect.getattr_static(jobs.MLJob, "id"), property)


@pytest.mark.parametrize(("status", "words"), [("FAILED", "ended as FAILED"), ("LATE", "took longer than 5")])
def test_a_job_that_fails_is_told_and_leaves_nothing(
    workspace: Workspace, client: dict[str, Any], status: str, words: str
) -> None:
    client["status"] = status
    with pytest.raises(BackendFailed, match=words):
        Jobs(engine_of(workspace)).fit(InJob("pool", timeout=5), lesson())
    assert client["deleted"] == 1


def test_a_pool_that_is_too_small_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    link = engine_of(workspace).link
    monkeypatch.setattr(link, "shown", lambda _: [{"name": "POOL", "max_nodes": "2"}])
    Jobs(engine_of(workspace)).check(InJob("pool", instances=2))
    with pytest.raises(BadConfig, match="has 2 machines at most, not 3"):
        Jobs(engine_of(workspace)).check(InJob("pool", instances=3))


# -- the container runtime: its modules are in no package, so these are stand-ins by what Snowflake's documentation says


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    seen: dict[str, Any] = {"fits": []}

    class Context:
        def __init__(self, params: Any, data: Any) -> None:
            self.params, self.data = params, data

        def get_hyper_params(self) -> Any:
            return self.params

        def get_dataset_map(self) -> Any:
            return self.data

        def report(self, metrics: dict[str, float], model: Any = None) -> None:
            seen["reported"].append({"config/trial": self.params["trial"], **metrics})

    class TunerConfig:
        def __init__(
            self, *, metric: str, mode: str, search_alg: Any, num_trials: int, max_concurrent_trials: int | None = None
        ) -> None:
            seen["config"] = (metric, mode, num_trials, max_concurrent_trials)

    class Tuner:
        def __init__(self, train_func: Any, search_space: Any, tuner_config: Any) -> None:
            self.train, self.space = train_func, search_space

        def run(self, dataset_map: Any = None) -> Any:
            seen["reported"] = []
            # workers end in any order
            for number in reversed(self.space["trial"]):
                seen["context"] = Context({"trial": number}, dataset_map)
                self.train()
            return types.SimpleNamespace(results=pd.DataFrame(seen["reported"]))

    class XGBScalingConfig:
        def __init__(self, num_workers: int = -1, num_cpu_per_worker: int = -1, use_gpu: bool | None = None) -> None:
            seen["workers"] = (num_workers, num_cpu_per_worker, use_gpu)

    class XGBEstimator:
        def __init__(self, n_estimators: int, objective: str, params: Any, scaling_config: Any) -> None:
            self.rounds, self.params = n_estimators, {**params, "objective": objective}

        def fit(self, dataset: Any, input_cols: list[str], label_col: str) -> Any:
            import xgboost

            frame = dataset.to_pandas()
            seen["fits"].append(len(frame))
            data = xgboost.DMatrix(frame[input_cols], frame[label_col])
            return xgboost.train({**self.params, "nthread": 1}, data, self.rounds)

    tune = types.ModuleType("snowflake.ml.modeling.tune")
    tune.Tuner, tune.TunerConfig = Tuner, TunerConfig  # type: ignore[attr-defined]
    tune.get_tuner_context = lambda: seen["context"]  # type: ignore[attr-defined]
    search = types.ModuleType("snowflake.ml.modeling.tune.search")
    search.GridSearch = object  # type: ignore[attr-defined]
    boost = types.ModuleType("snowflake.ml.modeling.distributors.xgboost")
    boost.XGBEstimator, boost.XGBScalingConfig = XGBEstimator, XGBScalingConfig  # type: ignore[attr-defined]
    for module in (tune, search, boost, types.ModuleType("snowflake.ml.modeling.distributors")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    import snowflake.ml.modeling as parent

    monkeypatch.setattr(parent, "tune", tune, raising=False)
    return seen


def test_a_search_is_decided_by_its_numbers_alone(workspace: Workspace, client: Any, runtime: dict[str, Any]) -> None:
    trainer = DistributedSearch(trials=6, concurrent=3)
    found = Jobs(engine_of(workspace)).fit(InJob("pool"), Lesson(QUERY, FEATURES, trainer, 7))
    assert runtime["config"] == ("LOG_LOSS", "min", 6, 3)
    losses = {row["config/trial"]: row["LOG_LOSS"] for row in runtime["reported"]}
    assert sorted(losses) == list(range(6))
    best = cluster.candidates(6, 7)[min(losses, key=lambda number: (losses[number], number))]
    inner = found.model.named_steps["churn"].estimator.estimator
    assert {name: inner.get_params()[name] for name in best if name != "family"} == {
        name: value for name, value in best.items() if name != "family"
    }
    again = Jobs(engine_of(workspace)).fit(InJob("pool"), Lesson(QUERY, FEATURES, trainer, 7))
    assert sha(again.model) == sha(found.model)


def test_many_workers_booster_serves_as_a_classifier(
    workspace: Workspace, client: Any, runtime: dict[str, Any]
) -> None:
    trainer = DistributedXGBoost(
        n_estimators=5, min_child_weight=1.0, subsample=1.0, colsample_bytree=1.0, workers=2, cpus_per_worker=4
    )
    found = Jobs(engine_of(workspace)).fit(InJob("pool", instances=2), Lesson(QUERY, FEATURES, trainer, 7))
    assert runtime["workers"] == (2, 4, False)
    assert runtime["fits"] == [400, 200], "everything, and the older as-of for the threshold"
    frame = engine_of(workspace).read(QUERY).to_pandas()[list(FEATURES)]
    chances = found.model.predict_proba(frame)
    assert chances.shape == (400, 2)
    assert set(found.model.predict(frame)) <= {0, 1}
    assert found.model.classes_.tolist() == [0, 1]
    matrix, labels = found.model.named_steps["columns"].transform(frame), engine_of(workspace).read(QUERY)["CHURNED"]
    alone = XGBClassifier(n_estimators=5, **trainer.params, n_jobs=1).fit(matrix, labels.to_numpy())
    np.testing.assert_allclose(chances, alone.predict_proba(matrix), atol=1e-6)
    assert pickle.loads(pickle.dumps(trainer)) == trainer
