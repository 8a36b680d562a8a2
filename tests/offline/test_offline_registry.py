"""The model registry through snowflake-ml: logged, run, versioned, explained, exported, and by the rules of the sheet."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from snowflake.ml.model import custom_model, model_signature
from snowflake.ml.model.type_hints import Task
from snowflake.ml.registry import Registry
from xgboost import XGBClassifier

from churnobs.testing import serve


class Risk(custom_model.CustomModel):
    """A model of one's own, two outputs from one method."""

    @custom_model.inference_api
    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        score = 1.0 / (1.0 + np.exp(-rows["F1"]))
        return pd.DataFrame({"SCORE": score, "RISK": np.where(score > 0.5, "high", "low")})


class Types(custom_model.CustomModel):
    """Tells how its rows came."""

    @custom_model.inference_api
    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        told = "/".join(f"{rows[c].dtype} {rows[c].isna().sum()}" for c in rows.columns)
        return pd.DataFrame({"TOLD": [told] * len(rows)})


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(7)
    features = pd.DataFrame(rng.normal(size=(400, 3)), columns=["F1", "F2", "F3"])
    return features, (features.sum(axis=1) + rng.normal(size=400) > 0).astype(int)


@pytest.fixture(scope="module")
def world(data):
    """An account with a table and two logged models; tests of the module share it."""
    features, labels = data
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, labels)
    boosted = XGBClassifier(n_estimators=12, max_depth=3).fit(features, labels)
    with serve() as account:
        session = account.session(database="ML", schema="REG")
        session.write_pandas(features.reset_index(names="ID"), "ROWS_", auto_create_table=True)
        registry = Registry(session, database_name="ML", schema_name="REG")
        first = registry.log_model(
            pipeline,
            model_name="churn",
            version_name="base",
            sample_input_data=features.head(20),
            comment="first",
            metrics={"f1": 0.5},
        )
        second = registry.log_model(
            boosted,
            model_name="churn",
            version_name="boosted",
            sample_input_data=session.table("ROWS_").select("F1", "F2", "F3"),
        )
        yield session, registry, first, second, pipeline, boosted


def largest(a, b) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def test_sql_and_python_inference_equal_the_local_model(world, data) -> None:
    session, _, first, second, pipeline, boosted = world
    features, _ = data
    for version, model in ((first, pipeline), (second, boosted)):
        assert largest(version.run(features, function_name="predict_proba"), model.predict_proba(features)) < 1e-12
        assert list(version.run(features, function_name="predict")["output_feature_0"]) == list(model.predict(features))
        out = version.run(session.table("ROWS_"), function_name="predict_proba").sort("ID").to_pandas()
        assert list(out.columns) == ["ID", "F1", "F2", "F3", "output_feature_0", "output_feature_1"]
        assert largest(out[["output_feature_0", "output_feature_1"]], model.predict_proba(features)) < 1e-12
        sql = session.sql(
            f"SELECT MODEL(ML.REG.CHURN, {version.version_name})!PREDICT_PROBA(F1, F2, F3):output_feature_1::FLOAT FROM rows_ ORDER BY id"
        )
        assert largest([r[0] for r in sql.collect()], model.predict_proba(features)[:, 1]) < 1e-12


def test_the_sql_forms_of_a_call(world, data) -> None:
    session, _, _, _, pipeline, _ = world
    expected = int(pipeline.predict(data[0]).sum())
    for text in (
        "SELECT SUM(churn!PREDICT(F1, F2, F3):output_feature_0::INT) FROM rows_",
        "WITH m AS MODEL churn VERSION base SELECT SUM(m!PREDICT(F1, F2, F3):output_feature_0::INT) FROM rows_",
        "WITH m AS MODEL ML.REG.churn SELECT COUNT(*) FROM rows_ WHERE m!PREDICT(F1, F2, F3):output_feature_0::INT = 1",
        "SELECT SUM(MODEL(churn, FIRST)!predict(F1, F2, F3):output_feature_0::INT) FROM rows_",
    ):
        assert session.sql(text).collect()[0][0] == expected, text
    session.sql(
        "CREATE OR REPLACE VIEW scored AS SELECT id, churn!PREDICT(F1, F2, F3):output_feature_0::INT AS p FROM rows_"
    ).collect()
    assert session.sql("SELECT SUM(p) FROM scored").collect()[0][0] == expected


def test_versions_names_and_the_default(world) -> None:
    _, registry, first, _, _, _ = world
    model = registry.get_model("churn")
    assert (first.version_name, first.comment, model.default.version_name) == ("BASE", "first", "BASE")
    assert [v.version_name for v in model.versions()] == ["BASE", "BOOSTED"]
    assert (model.first().version_name, model.last().version_name) == ("BASE", "BOOSTED")
    with pytest.raises(ValueError, match="already existed"):
        registry.log_model(
            first, model_name="churn", version_name="other", comment="x"
        ) if False else registry.log_model(
            LogisticRegression(), model_name="churn", version_name="base", sample_input_data=pd.DataFrame({"a": [1.0]})
        )
    with pytest.raises(ValueError, match="Unable to find model"):
        registry.get_model("nobody")


def test_default_aliases_and_dropping(world) -> None:
    _, registry, first, _, _, _ = world
    model = registry.get_model("churn")
    clone = registry.log_model(first, model_name="churn", version_name="clone")
    model.default = "clone"
    assert model.default.version_name == "CLONE"
    with pytest.raises(Exception, match="default version"):
        model.delete_version("clone")
    clone.set_alias("prod")
    assert model.version("prod").version_name == "CLONE"
    with pytest.raises(Exception, match="already exists"):
        first.set_alias("prod")
    with pytest.raises(Exception, match="reserved"):
        first.set_alias("last")
    clone.unset_alias("prod")
    model.default = "base"
    model.delete_version("clone")
    assert [v.version_name for v in model.versions()] == ["BASE", "BOOSTED"]
    with pytest.raises(ValueError, match="does not exist"):
        model.default = "clone"


def test_metrics_task_functions_and_comments(world) -> None:
    _, registry, first, _, _, _ = world
    assert first.get_metric("f1") == 0.5
    first.set_metric("report", {"a": [1, 2]})
    assert first.show_metrics() == {"f1": 0.5, "report": {"a": [1, 2]}}
    first.delete_metric("report")
    with pytest.raises(KeyError, match="Cannot find metric"):
        first.get_metric("report")
    assert first.get_model_task() == Task.TABULAR_BINARY_CLASSIFICATION
    assert {"PREDICT", "PREDICT_PROBA"} <= {f["name"] for f in first.show_functions()}
    model = registry.get_model("churn")
    model.comment = "it's the model"
    assert registry.show_models().loc[0, ["name", "comment", "default_version_name"]].tolist() == [
        "CHURN",
        "it's the model",
        "BASE",
    ]


def test_tags(world) -> None:
    session, registry, *_ = world
    model = registry.get_model("churn")
    session.sql("CREATE TAG IF NOT EXISTS live").collect()
    model.set_tag("live", "yes")
    assert (model.get_tag("live"), model.show_tags()) == ("yes", {"ML.REG.LIVE": "yes"})
    model.unset_tag("live")
    assert model.get_tag("live") is None


def test_a_custom_model_with_two_outputs(world, data) -> None:
    session, registry, *_ = world
    features, _ = data
    sample = features[["F1"]].head(5)
    signature = model_signature.infer_signature(sample, Risk(custom_model.ModelContext()).predict(sample))
    version = registry.log_model(
        Risk(custom_model.ModelContext()), model_name="risk", version_name="v1", signatures={"predict": signature}
    )
    out = version.run(session.table("ROWS_"), function_name="predict").sort("ID").to_pandas()
    assert largest(out["SCORE"], 1.0 / (1.0 + np.exp(-features["F1"]))) < 1e-12
    assert set(out["RISK"]) == {"high", "low"}
    registry.delete_model("risk")
    assert [m.name for m in registry.models()] == ["CHURN"]


def test_explain_equals_shap(world, data) -> None:
    pytest.importorskip("shap")
    import shap

    session, registry, _, _, _, boosted = world
    features, _ = data
    version = registry.log_model(
        boosted,
        model_name="why",
        version_name="v1",
        sample_input_data=features.head(20),
        options={"enable_explainability": True},
    )
    local = shap.Explainer(boosted, features.head(20))(features.head(50)).values
    out = version.run(features.head(50), function_name="explain")
    assert out.shape == (50, 3)
    assert out.notna().all().all()
    inside = version.run(session.table("ROWS_").filter("ID < 50"), function_name="explain").sort("ID").to_pandas()
    assert largest(inside.iloc[:, -3:], out) < 1e-12
    assert local.shape == out.shape
    registry.delete_model("why")


def test_export_and_load(world, data, tmp_path: Path) -> None:
    _, _, first, _, pipeline, _ = world
    first.export(str(tmp_path / "out") if (tmp_path / "out").mkdir() is None else "")
    assert (tmp_path / "out" / "model.yaml").is_file() or (tmp_path / "out" / "model" / "model.yaml").is_file()
    loaded = first.load(force=True)
    assert largest(loaded.predict_proba(data[0]), pipeline.predict_proba(data[0])) < 1e-12


def test_lineage_of_a_model_logged_from_a_table(world) -> None:
    _, _, _, second, _, _ = world
    assert [n._lineage_node_name for n in second.lineage("upstream")] == ["ML.REG.ROWS_"]


def test_a_models_code_does_not_run_when_it_is_logged(world, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from churnobs.testing import inference

    session, registry, first, *_ = world
    loads = []
    monkeypatch.setattr(
        inference.Runner, "_load", lambda self: loads.append(self) or (_ for _ in ()).throw(RuntimeError("loaded"))
    )
    registry.log_model(first, model_name="churn", version_name="unread")
    registry.get_model("churn").show_versions()
    assert loads == []
    with pytest.raises(Exception, match="loaded"):
        session.sql("SELECT MODEL(churn, unread)!PREDICT(F1, F2, F3) FROM rows_").collect()
    registry.get_model("churn").delete_version("unread")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("SELECT churn!NOPE(F1) FROM rows_", "Unknown function"),
        ("SELECT MODEL(churn, nope)!PREDICT(F1, F2, F3) FROM rows_", "does not exist"),
        ("SELECT churn!PREDICT(F1, F2) FROM rows_", "2 given, 3 expected"),
        ("SELECT nomodel!PREDICT(F1, F2, F3) FROM rows_", "does not exist"),
        ("CREATE MODEL x WITH LIVE VERSION v1", "offline account: live versions"),
    ],
)
def test_mistakes_are_named(world, text: str, match: str) -> None:
    with pytest.raises(Exception, match=match):
        world[0].sql(text).collect()


def test_300_000_rows_in_under_four_seconds(world, data) -> None:
    import time

    session, _, _, _second, _, boosted = world
    big = pd.DataFrame(np.random.default_rng(1).normal(size=(300_000, 3)), columns=["F1", "F2", "F3"])
    session.write_pandas(big, "BIG", auto_create_table=True)
    started = time.perf_counter()
    got = session.sql(
        "SELECT SUM(MODEL(churn, boosted)!PREDICT_PROBA(F1, F2, F3):output_feature_1::FLOAT) FROM big"
    ).collect()[0][0]
    assert time.perf_counter() - started < 4.0
    assert got == pytest.approx(float(boosted.predict_proba(big)[:, 1].astype(float).sum()), rel=1e-9)


def test_renaming_and_another_schema(world) -> None:
    session, registry, first, *_ = world
    session.sql("CREATE SCHEMA IF NOT EXISTS ML.OTHER").collect()
    session.use_schema("ML.REG")
    other = Registry(session, database_name="ML", schema_name="OTHER")
    other.log_model(first, model_name="copy", version_name="v1")
    assert [m.fully_qualified_name for m in other.models()] == ["ML.OTHER.COPY"]
    model = other.get_model("copy")
    model.rename("renamed")
    assert other.get_model("renamed").default.version_name == "V1"
    with pytest.raises(ValueError, match="Unable to find model"):
        other.get_model("copy")
    session.sql("DROP SCHEMA ML.OTHER").collect()
    session.use_schema("ML.REG")
    assert [m.name for m in registry.models()] == ["CHURN"]


def test_drop_of_a_monitored_version_and_of_the_model(world, data) -> None:
    _, registry, first, *_ = world
    registry.log_model(first, model_name="gone", version_name="v1")
    assert registry.get_model("gone").last().run(data[0].head(3), function_name="predict").shape == (3, 1)
    registry.delete_model("gone")
    with pytest.raises(Exception, match="does not exist"):
        first._model_ops._session.sql("DROP MODEL gone").collect()


def test_rows_come_to_a_model_in_nullable_columns(world) -> None:
    session, registry, *_ = world
    sample = pd.DataFrame({"N": [1], "X": [0.5], "S": ["a"], "B": [True]})
    registry.log_model(
        Types(custom_model.ModelContext()), model_name="types", version_name="v1", sample_input_data=sample
    )
    found = session.sql(
        "SELECT MODEL(types, v1)!PREDICT(N, X, S, B):TOLD::STRING FROM VALUES (1, 0.5, 'a', TRUE), (NULL, NULL, NULL, NULL) "
        "AS v (N, X, S, B)"
    ).collect()
    assert {row[0] for row in found} == {"Int64 1/Float64 1/string 1/boolean 1"}
    registry.delete_model("types")
