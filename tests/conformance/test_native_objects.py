"""What stands in Snowflake beside the records: models, datasets, feature views and monitors that people find there."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from retail import put
from sklearn.linear_model import LogisticRegression
from snowflake.ml.feature_store import CreationMode, FeatureStore
from snowflake.ml.registry import Registry

from churnobs import (
    BadConfig,
    ChurnobsError,
    Entity,
    FeatureView,
    FittedOn,
    ModelMonitorConfig,
    ModelMonitorSourceConfig,
    Workspace,
)
from churnobs.backends.snowflake.reconcile import reconcile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
CUSTOMER = Entity("CUSTOMER", ("CUSTOMER_ID",), "who buys")
SCORES = {"CUSTOMER_ID": "string", "SEEN": "timestamp(6)", "SCORE": "int64", "KIND": "string"}
SPINE = {"CUSTOMER_ID": "string", "AS_OF": "timestamp(6)", "CHURNED": "int64"}
MAY = dt.datetime(2024, 5, 1)


@pytest.fixture
def workspace(open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    with open_workspace("snowflake-offline") as opened:
        yield opened


def session_of(workspace: Workspace) -> Any:
    return workspace._backend.engine.link.session  # type: ignore[attr-defined]


def shown(workspace: Workspace, statement: str) -> list[dict[str, Any]]:
    return [row.as_dict() for row in session_of(workspace).sql(statement).collect()]


def schema_of(workspace: Workspace) -> str:
    return str(session_of(workspace).get_current_schema()).strip('"')


def registry_of(workspace: Workspace) -> Registry:
    return Registry(session_of(workspace), database_name="CONFORMANCE", schema_name=schema_of(workspace))


def features_of(workspace: Workspace) -> FeatureStore:
    return FeatureStore(
        session_of(workspace), "CONFORMANCE", schema_of(workspace), "COMPUTE_WH",
        creation_mode=CreationMode.FAIL_IF_NOT_EXIST,
    )  # fmt: skip


def dataset(workspace: Workspace, version: str = "v1") -> Any:
    if not workspace.feature_store._port.entities():
        rows = [(f"C{i}", MAY - dt.timedelta(days=1 + i), i, "ab"[i % 2]) for i in range(20)]
        put(workspace, "SCORES", SCORES, [dict(zip(SCORES, row, strict=True)) for row in rows])
        put(workspace, "SPINE", SPINE, [{"CUSTOMER_ID": f"C{i}", "AS_OF": MAY, "CHURNED": i % 2} for i in range(20)])
        workspace.feature_store.register_entity(CUSTOMER)
        view = FeatureView(
            "SCORES", (CUSTOMER,), "SELECT * FROM SCORES", "SEEN", "how they score", sources={"SCORES": "SEEN"}
        )
        workspace.feature_store.register_feature_view(view, "V1")
    view = workspace.feature_store.get_feature_view("SCORES", "V1")
    return workspace.feature_store.generate_dataset(
        "churn", workspace.table("SPINE"), [view], version=version, spine_timestamp_col="AS_OF",
        spine_label_cols=["CHURNED"], desc="it's one",
    )  # fmt: skip


def model() -> Any:
    rows = pd.DataFrame({"SCORE": np.arange(20.0)})
    return LogisticRegression().fit(rows, np.arange(20) % 2)


def log(workspace: Workspace, version: str = "v1", **more: Any) -> Any:
    sample = pd.DataFrame({"SCORE": [1.0, None]})
    return workspace.registry.log_model(
        model(), model_name="churn", version_name=version, sample_input_data=sample, **more
    )


def test_a_model_follows_its_records(workspace: Workspace) -> None:
    first = log(workspace, comment="it's $$first$$", metrics={"auc": 0.5, "none": float("nan")})
    log(workspace, "v2")
    copy = workspace.registry.log_model(first, model_name="churn", version_name="prod")
    workspace.registry.get_model("churn").default = "v2"
    first.set_alias("former")
    first.set_alias("champion")
    first.set_metric("auc", 0.75)
    workspace.registry.get_model("churn").set_tag("live", "V2")
    native = registry_of(workspace).get_model("CHURN")
    assert [v.version_name for v in native.versions()] == ["V1", "V2", "PROD"]
    assert native.default.version_name == "V2"
    held = native.version("champion")
    assert (held.version_name, held.comment) == ("V1", "it's $$first$$")
    assert held.show_metrics() == {"auc": 0.75, "none": "nan"}
    assert native.show_tags() == {f"CONFORMANCE.{schema_of(workspace)}.LIVE": "V2"}
    assert (native.version("prod").comment, native.version("prod").show_metrics()) == ("", {})
    assert {f["name"] for f in held.show_functions()} == {"PREDICT", "PREDICT_PROBA"}
    assert held.get_model_task().value == "TABULAR_BINARY_CLASSIFICATION"
    rows = pd.DataFrame({"SCORE": [1.0, 19.0]})
    np.testing.assert_allclose(held.run(rows, function_name="predict_proba"), model().predict_proba(rows), rtol=1e-12)
    workspace.registry.get_model("churn").unset_tag("live")
    assert native.show_tags() == {}
    workspace.registry.get_model("churn").delete_version("v1")
    assert copy.load().classes_.tolist() == [0, 1], "a copy keeps its bytes"
    workspace.registry.delete_model("churn")
    assert registry_of(workspace).models() == []


def test_lineage_leads_from_a_dataset_to_its_model(workspace: Workspace) -> None:
    made = dataset(workspace)
    seen = [FittedOn("CHURN", "v1", MAY.date()), FittedOn("CHURN", "long gone", MAY.date())]
    log(workspace, fitted_on=seen)
    found = registry_of(workspace).get_model("CHURN").version("V1").lineage(direction="upstream")
    assert [(node._lineage_node_domain, node._lineage_node_version) for node in found] == [("dataset", "v1")]
    assert made.selected_version.rows == 20


def test_packages_inside_another_estimator_are_named(workspace: Workspace, snowflake_account: Any) -> None:
    from sklearn.frozen import FrozenEstimator
    from sklearn.model_selection import FixedThresholdClassifier
    from xgboost import XGBClassifier

    rows = pd.DataFrame({"SCORE": np.arange(20.0)})
    inner = XGBClassifier(n_estimators=2, n_jobs=1).fit(rows, np.arange(20) % 2)
    decider = FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.5).fit(rows, np.arange(20) % 2)
    workspace.registry.log_model(decider, model_name="boosted", version_name="v", sample_input_data=rows.head(2))
    folder = max((snowflake_account.account.folder / "models").iterdir(), key=lambda p: int(p.name.split("_")[0]))
    assert "- xgboost" in (folder / "model" / "env" / "conda.yml").read_text()


def test_what_a_dead_run_left_is_replaced(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = workspace._backend.engine

    def die() -> None:
        raise RuntimeError("the process died")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_commit", die)
        with pytest.raises(RuntimeError):
            log(workspace, comment="left over")
    assert workspace.registry.models() == []
    assert [v.comment for v in registry_of(workspace).get_model("CHURN").versions()] == ["left over"]
    version = log(workspace, comment="again")
    assert [v.comment for v in registry_of(workspace).get_model("CHURN").versions()] == ["again"]
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_commit", die)
        with pytest.raises(RuntimeError):
            workspace.registry.log_model(version, model_name="churn", version_name="copy")
    workspace.registry.log_model(version, model_name="churn", version_name="copy")
    dataset(workspace)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_commit", die)
        with pytest.raises(RuntimeError):
            dataset(workspace, "v2")
    session_of(workspace).sql("DELETE FROM SPINE WHERE CUSTOMER_ID = 'C1'").collect()
    assert dataset(workspace, "v2").selected_version.rows == 19
    from snowflake.ml.dataset import load_dataset

    native = load_dataset(session_of(workspace), "CHURN", "v2")
    assert native.read.to_snowpark_dataframe().count() == 19
    assert reconcile(engine) == ()


def test_features_and_datasets_are_found_natively(workspace: Workspace) -> None:
    made = dataset(workspace)
    bare = FeatureView(
        "BARE", (CUSTOMER,), "SELECT CUSTOMER_ID, COUNT(*) AS N FROM SCORES GROUP BY 1", sources={"SCORES": "SEEN"}
    )
    workspace.feature_store.register_feature_view(bare, "v-1.0")
    store = features_of(workspace)
    entities = store.list_entities().collect()
    assert [(e["NAME"], json.loads(e["JOIN_KEYS"]), e["DESC"]) for e in entities] == [
        ("CUSTOMER", ["CUSTOMER_ID"], "who buys")
    ]
    views = {(v["NAME"], v["VERSION"]): v["DESC"] for v in store.list_feature_views().collect()}
    assert views == {("SCORES", "V1"): "how they score", ("BARE", "v-1.0"): ""}
    assert store.read_feature_view("BARE", "v-1.0").count() == 20
    from snowflake.ml.dataset import load_dataset

    native = load_dataset(session_of(workspace), "CHURN", "v1")
    assert native.selected_version.comment == "it's one"
    assert sorted(native.read.to_snowpark_dataframe(only_feature_cols=True).columns) == ["CUSTOMER_ID", "KIND", "SCORE"]
    assert len(native.read.to_snowpark_dataframe().collect()) == made.selected_version.rows
    workspace.feature_store.delete_feature_view("BARE", "v-1.0")
    workspace.feature_store.delete_feature_view("SCORES", "V1")
    workspace.feature_store.delete_entity("CUSTOMER")
    assert (store.list_feature_views().count(), store.list_entities().count()) == (0, 0)
    made.delete_version("v1")
    assert shown(workspace, "SHOW VERSIONS IN DATASET CHURN") == []
    assert shown(workspace, "SHOW TABLES LIKE 'CHURN$%'") == []


def test_what_snowflake_refuses_is_not_recorded(workspace: Workspace) -> None:
    dataset(workspace)
    view = FeatureView("OTHER", (CUSTOMER,), "SELECT * FROM SCORES", "SEEN", sources={"SCORES": "SEEN"})
    with pytest.raises(BadConfig, match="'no version' is not a version"):
        workspace.feature_store.register_feature_view(view, "no version")
    with pytest.raises(ChurnobsError, match="exceeds maximum length"):
        workspace.feature_store.register_entity(Entity("E" * 33, ("ID",)))
    with pytest.raises(BadConfig, match="is not a version"):
        dataset(workspace, "it's")
    log(workspace)
    with pytest.raises(BadConfig, match="longer than 256"):
        workspace.registry.get_model("churn").set_tag("long", "x" * 257)
    assert workspace.registry.get_model("churn").show_tags() == {}
    assert len(workspace.feature_store.list_feature_views()) == len(workspace.feature_store.list_entities()) == 1
    assert [d.version for d in workspace.feature_store.datasets()] == ["v1"]


def watch(workspace: Workspace, version: Any = None, **more: Any) -> Any:
    frame = pd.DataFrame({
        "ID": [f"C{i}" for i in range(40)], "AT": [MAY + dt.timedelta(days=i % 4) for i in range(40)],
        "SCORE": np.linspace(0, 1, 40), "SAID": np.arange(40) % 2, "LABEL": np.arange(40) % 2, "KIND": ["a", "b"] * 20,
        "SPEND": np.arange(40.0),
    })  # fmt: skip
    workspace.write_pandas(frame, "made", overwrite=True)
    source = ModelMonitorSourceConfig(
        source="MADE", timestamp_column="AT", id_columns=("ID",), prediction_score_columns=("SCORE",),
        prediction_class_columns=("SAID",), actual_class_columns=("LABEL",), baseline="MADE", **more,
    )  # fmt: skip
    if version is None:
        return workspace.monitor.attach("w", source)
    return workspace.monitor.add_monitor("w", source, ModelMonitorConfig(version))


def monitors(workspace: Workspace) -> dict[str, str]:
    rows = shown(workspace, f"SHOW MODEL MONITORS IN SCHEMA {schema_of(workspace)}")
    return {row["name"]: row["monitor_state"] for row in rows}


def test_native_monitors_follow_their_records(workspace: Workspace, snowflake_account: Any) -> None:
    made = watch(workspace, log(workspace))
    assert monitors(workspace) == {"W": "ACTIVE"}
    told = json.loads(shown(workspace, "DESCRIBE MODEL MONITOR W")[0]["columns"])
    assert (told["numerical_columns"], told["segment_columns"], told["string_columns"]) == (["SPEND"], [], ["KIND"])
    made.add_segment_column("kind")
    made.suspend()
    assert monitors(workspace) == {"W": "SUSPENDED"}
    assert json.loads(shown(workspace, "DESCRIBE MODEL MONITOR W")[0]["columns"])["segment_columns"] == ["KIND"]
    before = len(snowflake_account.statements)
    made.suspend()
    assert not [s for s in snowflake_account.statements[before:] if "MODEL MONITOR" in s.text], "nothing changed"
    made.drop_segment_column("kind")
    made.resume()
    assert monitors(workspace) == {"W": "ACTIVE"}
    workspace.monitor.delete_monitor("w")
    assert monitors(workspace) == {}


def test_a_model_trained_elsewhere_has_no_native_monitor(workspace: Workspace) -> None:
    watch(workspace)
    assert monitors(workspace) == {}
    workspace.monitor.delete_monitor("w")


def test_a_monitor_that_snowflake_refuses_is_not_kept(workspace: Workspace) -> None:
    version = log(workspace)
    watch(workspace, version)
    workspace.monitor.delete_monitor("w")
    config = ModelMonitorConfig(version, aggregation_window="1 hour")
    source = ModelMonitorSourceConfig(
        source="MADE", timestamp_column="AT", id_columns=("ID",), prediction_score_columns=("SCORE",),
        actual_class_columns=("LABEL",),
    )  # fmt: skip
    with pytest.raises(ChurnobsError, match="days are needed"):
        workspace.monitor.add_monitor("w", source, config)
    assert workspace.monitor.show_model_monitors().empty
    assert monitors(workspace) == {}


def test_taking_over_makes_native_objects_what_the_records_say(workspace: Workspace) -> None:
    engine: Any = workspace._backend.engine
    dataset(workspace)
    first = log(workspace, comment="one", metrics={"auc": 0.5})
    log(workspace, "v2")
    copy = workspace.registry.log_model(first, model_name="churn", version_name="copy")
    first.set_alias("champion")
    workspace.registry.get_model("churn").set_tag("live", "V1")
    watch(workspace, copy)
    assert reconcile(engine) == ()
    for statement in (
        "ALTER MODEL CHURN ADD VERSION EXTRA FROM MODEL CHURN VERSION V2",
        "ALTER MODEL CHURN SET DEFAULT_VERSION = EXTRA",
        "ALTER MODEL CHURN VERSION V1 UNSET ALIAS",
        "ALTER MODEL CHURN VERSION V2 SET ALIAS = CHAMPION",
        "ALTER MODEL CHURN MODIFY VERSION V1 SET COMMENT = 'other'",
        "ALTER MODEL CHURN UNSET TAG LIVE",
        "DROP MODEL MONITOR W",
        "ALTER MODEL CHURN DROP VERSION COPY",
        "CREATE TABLE CHURN$V9 AS SELECT 1 AS ONE",
        "ALTER DATASET CHURN ADD VERSION 'V9' FROM (SELECT 1 AS ONE)",
        "ALTER DATASET CHURN DROP VERSION 'v1'",
        'DROP VIEW "SCORES$V1"',
        "CREATE MODEL THEIRS WITH VERSION V1 FROM MODEL CHURN VERSION V1",
    ):
        session_of(workspace).sql(statement).collect()
    registry_of(workspace).get_model("CHURN").version("V1").set_metric("more", 1)
    done = reconcile(engine)
    native = registry_of(workspace).get_model("CHURN")
    assert sorted(v.version_name for v in native.versions()) == ["COPY", "V1", "V2"]
    assert native.default.version_name == "V1"
    assert native.version("CHAMPION").version_name == "V1"
    assert (native.version("V1").comment, native.version("V1").show_metrics()) == ("one", {"auc": 0.5})
    assert list(native.show_tags().values()) == ["V1"]
    assert monitors(workspace) == {"W": "ACTIVE"}
    assert [row["version"] for row in shown(workspace, "SHOW VERSIONS IN DATASET CHURN")] == ["v1"]
    assert [row["name"] for row in shown(workspace, "SHOW TABLES LIKE 'CHURN$V9'")] == []
    assert features_of(workspace).list_feature_views().count() == 1
    assert [m.name for m in registry_of(workspace).models() if m.name != "CHURN"] == ["THEIRS"], "it is not ours"
    assert len(done) == 11, done
    assert reconcile(engine) == ()


def test_a_forgotten_customer_is_in_no_native_dataset(workspace: Workspace) -> None:
    """Files of a version never change: it is made anew of the rows that are left, under its name."""
    put(workspace, "SCORES", SCORES, [
        {"CUSTOMER_ID": who, "SEEN": dt.datetime(2024, 4, 1), "SCORE": n, "KIND": "a"} for n, who in enumerate(["C1", "C2"])
    ])  # fmt: skip
    spine = [{"CUSTOMER_ID": who, "AS_OF": MAY, "CHURNED": n} for n, who in enumerate(["C1", "C2"])]
    put(workspace, "SPINE", SPINE, spine)
    store = workspace.feature_store
    store.register_entity(CUSTOMER)
    view = FeatureView("SCORE_VIEW", (CUSTOMER,), workspace.table("SCORES").expr, "SEEN", sources={"SCORES": "SEEN"})
    made = store.generate_dataset(
        "ASKED", workspace.table("SPINE"), [store.register_feature_view(view, "V1")], version="V1",
        spine_timestamp_col="AS_OF", spine_label_cols=["CHURNED"],
    )  # fmt: skip
    assert sorted(made.read.to_pandas()["CUSTOMER_ID"]) == ["C1", "C2"]
    done = workspace.forget("C1")
    assert done.rows == {made.selected_version.table: 1, "SCORES": 1, "SPINE": 1}
    from snowflake.ml.dataset import load_dataset

    native = load_dataset(session_of(workspace), "ASKED", "V1").read.to_pandas()
    assert list(native["CUSTOMER_ID"]) == ["C2"]
    assert reconcile(workspace._backend.engine) == ()  # type: ignore[arg-type]
