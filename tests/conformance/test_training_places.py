"""Training where the user says: the same model from a stored procedure as from this process, and clear words where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lessons import QUERY, ROWS, engine_of, lesson, rows, sha, sql
from loops import scripted, write_shop
from retail import put
from xgboost import XGBClassifier

import churnobs
from churnobs import (
    BackendFailed,
    BadConfig,
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
from churnobs.backends.snowflake import parcel
from churnobs.backends.snowflake.procedure import Procedures
from churnobs.places import as_place

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def workspace(open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    with open_workspace("snowflake-offline") as opened:
        put(opened, "LESSONS", ROWS, rows())
        yield opened


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


@pytest.mark.long
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
