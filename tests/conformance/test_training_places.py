"""Training where the user says: the same model from a stored procedure as from this process, and clear words where it cannot be."""

from __future__ import annotations

import inspect
import json
import pickle
import runpy
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from loops import scripted, write_shop
from retail import put
from snowflake.ml import jobs
from snowflake.ml.jobs.job_definition import MLJobDefinition
from xgboost import XGBClassifier

import churnobs
from churnobs import (
    BackendFailed,
    BadConfig,
    DefaultTrainer,
    DistributedSearch,
    DistributedXGBoost,
    InJob,
    InProcedure,
    LifecycleConfig,
    Month,
    NotSupported,
    RefusedArtefact,
    Workspace,
)  # fmt: skip
from churnobs.artefacts import checksum, dumped
from churnobs.backends.snowflake import cluster, parcel
from churnobs.backends.snowflake.job import ENTRY, Jobs
from churnobs.backends.snowflake.procedure import Procedures
from churnobs.fitting import Lesson
from churnobs.places import as_place
from churnobs.training import as_trainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
ROWS = {
    "CUSTOMER_KEY": "int64",
    "TIMESTAMP": "timestamp(6)",
    "SPEND": "float64",
    "ORDERS": "int64",
    "KIND": "string",
    "CHURNED": "int64",
}
FEATURES = ("SPEND", "ORDERS", "KIND")
QUERY = 'SELECT * FROM LESSONS ORDER BY "TIMESTAMP", "CUSTOMER_KEY"'


def rows(kinds: int = 3, count: int = 400) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    made = []
    for number in range(count):
        spend = float(rng.gamma(2.0, 30.0))
        made.append(
            {
                "CUSTOMER_KEY": number,
                "TIMESTAMP": pd.Timestamp(2024, 4 + number % 2, 1).to_pydatetime(),
                "SPEND": spend,
                "ORDERS": int(rng.poisson(3)),
                "KIND": "abc"[number % kinds] if number % 7 else None,
                "CHURNED": int(rng.random() < 1 / (1 + spend / 40)),
            }
        )
    return made


@pytest.fixture
def workspace(open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    with open_workspace("snowflake-offline") as opened:
        put(opened, "LESSONS", ROWS, rows())
        yield opened


def engine_of(workspace: Workspace) -> Any:
    return workspace._backend.engine


def sql(workspace: Workspace, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in engine_of(workspace).link.session.sql(statement).collect()]


def lesson(trainer: Any = None, query: str = QUERY) -> Lesson:
    return Lesson(query, FEATURES, as_trainer(trainer or DefaultTrainer()), 7)


def sha(model: Any) -> str:
    return checksum(dumped(model))


def nothing_is_left(workspace: Workspace) -> None:
    assert sql(workspace, "SHOW PROCEDURES IN SCHEMA") == []
    assert sql(workspace, "LIST @CHURNOBS_FILES") == []


def deepest(features: pd.DataFrame, labels: Any) -> Any:
    """A user's function, which travels by its name."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from churnobs.columns import prepared_columns

    return Pipeline([("columns", prepared_columns(features)), ("churn", LogisticRegression(C=0.5))]).fit(
        features, labels
    )


BOOSTED = XGBClassifier(n_estimators=8, max_depth=2, n_jobs=1, tree_method="hist")


@pytest.mark.parametrize("trainer", [None, BOOSTED, deepest], ids=["default", "boosted", "function"])
def test_a_procedure_makes_the_same_model(workspace: Workspace, trainer: Any) -> None:
    engine = engine_of(workspace)
    here = lesson(trainer).learn(engine.read(QUERY))
    there = Procedures(engine).fit(InProcedure(), lesson(trainer))
    assert there.rows == 400
    assert sha(there.model) == sha(here)
    nothing_is_left(workspace)


def test_a_procedure_is_temporary_pinned_and_reads_the_rows_itself(
    workspace: Workspace, snowflake_account: Any, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("ONE = 1\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "staged.py").write_text("TWO = 2\n")
    sql(workspace, "CREATE STAGE THEIRS")
    sql(workspace, f"PUT 'file://{tmp_path}/staged.py' @THEIRS AUTO_COMPRESS = FALSE")
    place = InProcedure(
        packages=("optuna",), imports=(str(tmp_path / "mine.py"), str(tmp_path / "pack"), "@THEIRS/staged.py")
    )
    before = len(snowflake_account.statements)
    Procedures(engine_of(workspace)).fit(place, lesson())
    sent = [" ".join(one.text.split()) for one in snowflake_account.statements[before:]]
    made = next(text for text in sent if "PROCEDURE" in text)
    assert made.startswith("CREATE TEMPORARY PROCEDURE ")
    assert "EXECUTE AS CALLER" in made
    assert "ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository" in made
    for name in ("scikit-learn", "skops", "xgboost", "numpy", "pandas"):
        assert f"'{name}=={parcel.installed()[name]}'" in made
    assert "'optuna'" in made
    names = [
        part.rpartition("/")[2].strip("'") for part in made.partition("IMPORTS = (")[2].partition(")")[0].split(", ")
    ]
    assert names == ["churnobs.zip", "mine.py", "pack.zip", "task.pkl", "staged.py"]
    own = [text for text in sent if text.startswith(("PUT", "CREATE", "CALL", "GET", "DROP", "REMOVE"))]
    # a call is known when it ends: the two PUTs before it are the procedure's own
    assert [text.split()[0] for text in own] == ["PUT", "CREATE", "PUT", "PUT", "CALL", "GET", "DROP", "REMOVE"]
    nothing_is_left(workspace)


def test_what_goes_wrong_inside_is_told_as_what_it_is(workspace: Workspace) -> None:
    port = Procedures(engine_of(workspace))
    with pytest.raises(BadConfig, match="nothing to learn: there are no rows") as told:
        port.fit(InProcedure(), lesson(query='SELECT * FROM LESSONS WHERE "SPEND" < 0'))
    assert "wait for more final labels" in told.value.hint
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Own(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        classes_ = np.array([0, 1])

        def fit(self, features: Any, labels: Any) -> Any:
            return self

        def predict(self, features: Any) -> Any:
            return np.zeros(len(features))

        def predict_proba(self, features: Any) -> Any:
            return np.full((len(features), 2), 0.5)

    with pytest.raises(RefusedArtefact, match="types that are not allowed"):
        port.fit(InProcedure(), lesson(Own()))

    def broken(features: Any, labels: Any) -> Any:
        raise RuntimeError("out of luck")

    with pytest.raises(BackendFailed, match="out of luck"):
        port.fit(InProcedure(), lesson(broken))
    held = sys._getframe()
    with pytest.raises(BadConfig, match="the trainer cannot travel"):
        port.fit(InProcedure(), lesson(lambda features, labels: held))
    nothing_is_left(workspace)


def test_a_trainer_whose_module_did_not_travel_is_told(workspace: Workspace) -> None:
    from churnobs.backends.snowflake.inside import teach

    facts = json.loads(teach(engine_of(workspace).link.session, b"cno_such_module\nThing\n.", "@CHURNOBS_FILES/x"))
    assert facts["error"]["kind"] == "BadConfig"
    assert "no_such_module" in facts["error"]["message"]
    assert "imports=" in facts["error"]["hint"]


def test_never_among_rows_that_are_not_kept(workspace: Workspace) -> None:
    engine = engine_of(workspace)

    def within() -> None:
        with engine.transaction():
            engine.dml("DELETE FROM LESSONS WHERE CUSTOMER_KEY = 1", "LESSONS")
            Procedures(engine).fit(InProcedure(), lesson())

    with pytest.raises(BackendFailed, match="would commit rows"):
        within()
    assert engine.link.value("SELECT COUNT(*) FROM LESSONS") == 400


def test_a_model_of_other_versions_or_other_bytes_is_refused() -> None:
    content = dumped(lesson().learn(pa.Table.from_pylist(rows())))
    facts = {"packages": parcel.installed(), "rows": 400, "sha256": checksum(content)}
    assert sha(parcel.learnt_from(facts, content).model) == facts["sha256"]
    with pytest.raises(RefusedArtefact, match="not the one that was made"):
        parcel.learnt_from(facts, content + b"!")
    with pytest.raises(BadConfig, match=r"fitted with skops 0.1 \(here"):
        parcel.learnt_from({**facts, "packages": {**parcel.installed(), "skops": "0.1"}}, content)
    with pytest.raises(BackendFailed, match="odd"):
        parcel.learnt_from({**facts, "error": {"kind": "Path", "message": "odd", "hint": ""}}, content)


def test_the_code_that_travels_stands_alone(tmp_path: Path) -> None:
    parcel.write_code(tmp_path / "churnobs.zip")
    import cloudpickle

    (tmp_path / "task.pkl").write_bytes(cloudpickle.dumps(lesson()))
    found = pa.Table.from_pylist(rows())
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, found.schema) as writer:
        writer.write_table(found)
    code = """
import json, sys, types
from pathlib import Path
here = Path(sys.argv[1])
sys.path.insert(0, str(here / "churnobs.zip"))
import pyarrow as pa
import churnobs
from churnobs.backends.snowflake.inside import teach
rows = pa.ipc.open_file(here / "rows.arrow").read_all()
kinds = {"int64": 0, "double": 1, "string": 2, "timestamp[us]": 8}
columns = [types.SimpleNamespace(name=f.name, type_code=kinds[str(f.type)], scale=0, precision=38) for f in rows.schema]
class Cursor:
    description = columns
    def execute(self, *_, **__): pass
    def fetch_arrow_all(self, **_): return rows
class Files:
    def put_stream(self, stream, place, **_): (here / place.rpartition("/")[2]).write_bytes(stream.read())
session = types.SimpleNamespace(connection=types.SimpleNamespace(cursor=Cursor), file=Files())
teach(session, (here / "task.pkl").read_bytes(), "@s/out")
print(json.dumps({"file": churnobs.__file__, "trainer": churnobs.DefaultTrainer.__name__, "loaded": sorted(sys.modules)}))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    seen = json.loads(done.stdout)
    assert seen["file"].startswith(str(tmp_path / "churnobs.zip"))
    assert {"ibis", "duckdb", "sqlglot", "pydantic", "optuna", "churnobs.workspace"} & set(seen["loaded"]) == set()
    learnt = parcel.learnt_from(
        json.loads((tmp_path / "facts.json").read_text()), (tmp_path / "model.skops").read_bytes()
    )
    assert sha(learnt.model) == sha(lesson().learn(found))


def test_the_loop_is_the_same_wherever_it_trains(
    open_workspace: Callable[[str], Any], snowflake_account: Any, tmp_path: Path
) -> None:
    files = write_shop(tmp_path, Month(2024, 1), 5)
    seen = []
    for place in ("local", "procedure"):
        with open_workspace("snowflake-offline") as opened:
            loop = opened.lifecycle(scripted(trainer=None, train_in=place), source=files)
            before = len(snowflake_account.statements)
            reports = loop.run()
            calls = [s for s in snowflake_account.statements[before:] if s.text.startswith("CALL ")]
            assert bool(calls) == (place == "procedure")
            records = [
                (r.version_name, r.artefact, r.recipe, r.comment, r.features, r.fitted_on)
                for r in opened._backend.registry.versions()
            ]
            keys = opened.sql("SELECT MONTH, STEP, KEY FROM JOURNAL ORDER BY 1, 2").collect()
            scores = opened.sql(
                "SELECT CUSTOMER_ID, TIMESTAMP, DEFAULT_PROBABILITY FROM PREDICTIONS ORDER BY 1, 2"
            ).collect()
            seen.append((records, keys, scores, [r.decision for r in reports]))
            if place == "procedure":
                nothing_is_left(opened)
    assert len(seen[0][0]) >= 3, "a first model, a challenger and its refit"
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_in": InProcedure(packages=("no-such-package-at-all",))}, "no-such-package-at-all"),
        ({"train_in": InProcedure(imports=("/nowhere/mine.py",))}, "there is no /nowhere/mine.py"),
        ({"train_in": InJob("pool")}, "there is no compute pool POOL"),
        ({"train_in": "procedure", "trainer": DistributedSearch()}, "trains on the machines of a job"),
        ({"trainer": DistributedXGBoost()}, "trains on the machines of a job"),
        ({"trainer": 5}, "cannot train"),
    ],
)
def test_what_cannot_work_is_said_before_a_month_begins(
    open_workspace: Callable[[str], Any], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    files = write_shop(tmp_path, Month(2024, 1), 1)
    with open_workspace("snowflake-offline") as opened:
        with pytest.raises(BadConfig, match=words):
            opened.lifecycle(LifecycleConfig(**changes), source=files).run()
        assert opened.sql("SELECT * FROM JOURNAL").collect() == []
        assert opened.sql("SELECT * FROM FILES_INGESTED").collect() == []
        assert sql(opened, "SHOW PROCEDURES IN SCHEMA") == []


def test_a_simulator_trains_in_this_process_only(tmp_path: Path) -> None:
    files = write_shop(tmp_path, Month(2024, 1), 1)
    with churnobs.connect() as local:
        for place in ("procedure", InJob("pool")):
            with pytest.raises(NotSupported, match='train_in="local"'):
                local.lifecycle(LifecycleConfig(train_in=place), source=files).run()
        assert local.sql("SELECT * FROM FILES_INGESTED").collect() == []
        assert LifecycleConfig(train_in="procedure").meaning == LifecycleConfig().meaning


def test_places_are_read_and_refused() -> None:
    assert as_place("local") == "local"
    assert (InJob("pool").compute_pool, str(InJob("pool"))) == ("POOL", "a job on POOL")
    wrongs: tuple[Callable[[], Any], ...] = (
        lambda: LifecycleConfig(train_in="job"), lambda: LifecycleConfig(train_in="moon"), lambda: InJob("a b"),
        lambda: InJob("pool", instances=0), lambda: InJob("pool", timeout=0), lambda: InJob("pool", imports=("@s/a.py",)),
        lambda: InProcedure(artifact_repository="a; b"), lambda: DistributedSearch(trials=0),
    )  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(BadConfig):
            wrong()
    for trainer in (DistributedSearch(), DistributedXGBoost()):
        with pytest.raises(NotSupported, match="in a job only"):
            trainer.fit(None, seed=0)  # type: ignore[arg-type]
    assert DistributedSearch(concurrent=2).describe() == DistributedSearch().describe()
    assert DistributedXGBoost(workers=2).describe() == DistributedXGBoost().describe()


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
