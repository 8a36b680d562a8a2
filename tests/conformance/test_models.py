"""The registry: versions and their rules, running them, and artefacts that are data and no code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from churnobs import AlreadyExists, BadConfig, FittedOn, NotFound, RefusedArtefact, SeenRows, Workspace

FEATURES = ["RECENCY", "SPEND"]
MAY = dt.date(2024, 5, 1)


class Handmade(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A user's own estimator: code, and so no artefact."""

    def fit(self, rows: Any, labels: Any) -> Handmade:
        self.classes_ = np.unique(labels)
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.classes_[0])


def data(rows: int = 60, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(rows, 2)), columns=FEATURES)
    return frame, (frame["RECENCY"] + generator.normal(size=rows) > 0).to_numpy().astype("int64")


def fitted(seed: int = 3) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*data(seed=seed))


def log(workspace: Workspace, version: str = "v1", model: Any = None, **more: Any) -> Any:
    return workspace.registry.log_model(
        fitted() if model is None else model,
        model_name="churn",
        version_name=version,
        sample_input_data=data(2)[0],
        **more,
    )


def test_names_go_upper_case_and_the_first_version_is_default(workspace: Workspace) -> None:
    first, second = log(workspace), log(workspace, "v2")
    assert (first.model_name, first.version_name) == ("CHURN", "V1")
    model = workspace.registry.get_model("Churn")
    assert [v.version_name for v in model.versions()] == ["V1", "V2"]
    assert model.default.version_name == "V1"
    assert (model.first().version_name, model.last().version_name) == ("V1", "V2")
    assert (repr(first), repr(second)) == ("ModelVersion(CHURN, V1, default)", "ModelVersion(CHURN, V2)")
    assert first.get_model_task() == "TABULAR_BINARY_CLASSIFICATION"
    for name in ("1st", "a b", ""):
        with pytest.raises(BadConfig):
            log(workspace, name)


def test_a_version_is_logged_once(workspace: Workspace) -> None:
    log(workspace)
    with pytest.raises(AlreadyExists, match="CHURN version V1"):
        log(workspace, "V1")
    with pytest.raises(BadConfig, match="sample_input_data"):
        workspace.registry.log_model(fitted(), model_name="CHURN", version_name="V2")
    assert len(workspace.registry.get_model("CHURN").versions()) == 1


def test_the_default_moves_by_version_or_name(workspace: Workspace) -> None:
    log(workspace)
    second = log(workspace, "v2")
    model = workspace.registry.get_model("CHURN")
    model.default = second
    assert model.default.version_name == "V2"
    assert [v.record.is_default for v in model.versions()] == [False, True]
    model.default = "v1"
    assert model.default.version_name == "V1"
    with pytest.raises(NotFound, match="V3"):
        model.default = "v3"
    assert model.default.version_name == "V1"


def test_the_default_cannot_be_deleted(workspace: Workspace) -> None:
    first = log(workspace)
    log(workspace, "v2")
    model = workspace.registry.get_model("CHURN")
    for name in ("v1", "default", "first"):
        with pytest.raises(BadConfig, match="V1 is the default version"):
            model.delete_version(name)
    model.default = "V2"
    model.delete_version("v1")
    assert [v.version_name for v in model.versions()] == ["V2"]
    with pytest.raises(NotFound):
        _ = first.record
    with pytest.raises(BadConfig):
        model.delete_version("V2")
    workspace.registry.delete_model("churn")
    assert workspace.registry.models() == []
    with pytest.raises(NotFound):
        workspace.registry.get_model("churn")


def test_aliases(workspace: Workspace) -> None:
    first, second = log(workspace), log(workspace, "v2")
    model = workspace.registry.get_model("CHURN")
    first.set_alias("champion")
    assert model.version("CHAMPION").version_name == "V1"
    for taken in ("champion", "v1", "default", "LAST"):
        with pytest.raises(BadConfig, match="is taken"):
            second.set_alias(taken)
    first.set_alias("former")
    second.set_alias("champion")
    assert model.version("champion").version_name == "V2"
    assert [model.version(a).version_name for a in ("default", "first", "last", "v2")] == ["V1", "V1", "V2", "V2"]
    second.unset_alias()
    first.unset_alias("former")
    with pytest.raises(NotFound, match="CHAMPION"):
        model.version("champion")


def test_metrics_and_comments(workspace: Workspace) -> None:
    version = log(workspace, comment="first", metrics={"auc": 0.5})
    version.set_metric("auc", 0.75)
    version.set_metric("confusion", {"matrix": [[1, 2], [3, 4]]})
    assert version.show_metrics() == {"auc": 0.75, "confusion": {"matrix": [[1, 2], [3, 4]]}}
    assert version.get_metric("auc") == 0.75
    version.delete_metric("auc")
    with pytest.raises(NotFound, match="auc"):
        version.get_metric("auc")
    with pytest.raises(NotFound):
        version.delete_metric("auc")
    with pytest.raises(BadConfig, match="no JSON value"):
        version.set_metric("auc", object())
    version.set_metric("none", float("nan"))
    assert np.isnan(version.get_metric("none"))
    assert version.comment == "first"
    version.comment = "second"
    assert workspace.registry.get_model("CHURN").version("V1").comment == "second"


def test_tags(workspace: Workspace) -> None:
    log(workspace)
    model = workspace.registry.get_model("CHURN")
    assert model.show_tags() == {}
    model.set_tag("live", "V1")
    model.set_tag("Owner", "it's us")
    model.set_tag("LIVE", "V2")
    assert model.show_tags() == {"LIVE": "V2", "OWNER": "it's us"}
    assert (model.get_tag("owner"), model.get_tag("other")) == ("it's us", None)
    model.unset_tag("live")
    assert model.show_tags() == {"OWNER": "it's us"}


def test_listings(workspace: Workspace) -> None:
    log(workspace)
    log(workspace, "v2").set_alias("new")
    shown = workspace.registry.get_model("CHURN").show_versions()
    assert shown["name"].tolist() == ["V1", "V2"]
    assert shown["is_default_version"].tolist() == ["true", "false"]
    assert shown["aliases"].tolist() == [[], ["NEW"]]
    models = workspace.registry.show_models()
    assert models.values.tolist() == [["CHURN", ["V1", "V2"], "V1"]]
    assert [f["name"] for f in log(workspace, "v3").show_functions()] == ["PREDICT", "PREDICT_PROBA"]


def test_run_gives_outputs_by_name_in_the_order_of_the_rows(workspace: Workspace) -> None:
    version, (rows, _) = log(workspace), data(9, seed=5)
    rows = rows.set_index(np.arange(9) * 3 + 1)[FEATURES[::-1]].assign(OTHER="x")
    model = fitted()
    classes = version.run(rows, function_name="predict")
    assert list(classes.columns) == ["output_feature_0"]
    assert classes["output_feature_0"].tolist() == model.predict(rows[FEATURES]).tolist()
    shares = version.run(rows, function_name="PREDICT_PROBA")
    assert list(shares.columns) == ["output_feature_0", "output_feature_1"]
    np.testing.assert_array_equal(shares.to_numpy(), model.predict_proba(rows[FEATURES]))
    assert shares.index.tolist() == rows.index.tolist()


def test_run_over_a_frame_keeps_its_columns(workspace: Workspace) -> None:
    version, (rows, _) = log(workspace), data(5)
    table = pa.table(
        {**{c: rows[c].to_numpy() for c in FEATURES}, "CUSTOMER_ID": list("abcde"), "output_feature_0": [9] * 5}
    )
    workspace._backend.engine.write("ROWS", table)
    found = version.run(workspace.sql("SELECT * FROM ROWS ORDER BY CUSTOMER_ID"), function_name="predict")
    assert list(found.columns) == [*FEATURES, "CUSTOMER_ID", "output_feature_0"]
    assert found["CUSTOMER_ID"].tolist() == list("abcde")
    assert found["output_feature_0"].tolist() == fitted().predict(rows).tolist()


def test_run_says_what_is_missing(workspace: Workspace) -> None:
    version, (rows, _) = log(workspace), data(3)
    with pytest.raises(BadConfig, match="which of PREDICT, PREDICT_PROBA"):
        version.run(rows)
    with pytest.raises(BadConfig, match="no method with name explain"):
        version.run(rows, function_name="explain")
    with pytest.raises(BadConfig, match="feature SPEND is missing"):
        version.run(rows[["RECENCY"]], function_name="predict")


def test_score_writes_class_and_probability_by_prefix(workspace: Workspace) -> None:
    first, second = log(workspace), log(workspace, "v2", fitted(seed=8))
    rows, _ = data(6)
    workspace._backend.engine.write(
        "ROWS", pa.table({**{c: rows[c].to_numpy() for c in FEATURES}, "KEY": list(range(6))})
    )
    versions = {"BASE": first.record, "DEFAULT": second.record}
    scored = workspace.registry.score("SELECT * FROM ROWS ORDER BY KEY", ["KEY"], versions)
    workspace._backend.engine.write("SCORED", scored)
    found = workspace.table("SCORED").to_pandas().sort_values("KEY")
    assert list(found.columns) == ["KEY", *(f"{p}_{c}" for p in versions for c in ("VERSION", "CLASS", "PROBABILITY"))]
    # how rows lie in memory decides the last digit of a dot product
    np.testing.assert_allclose(found["BASE_PROBABILITY"], fitted().predict_proba(rows)[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(found["DEFAULT_CLASS"], fitted(seed=8).predict(rows))
    assert set(found["DEFAULT_VERSION"]) == {"V2"}
    empty = workspace.registry.score("SELECT * FROM ROWS WHERE KEY < 0", ["KEY"], versions)
    assert workspace._backend.engine.write("SCORED", empty) == 0


def test_a_version_is_never_measured_on_what_it_saw(workspace: Workspace) -> None:
    seen = [FittedOn("CHURN", "2024_05_01", MAY, "FIT"), FittedOn("CHURN", "2024_04_01", dt.date(2024, 4, 1))]
    record = log(workspace, fitted_on=seen).record
    refuse = workspace.registry.refuse_seen
    refuse(record, MAY, "JUDGE")
    refuse(record, dt.date(2024, 6, 1))
    for as_of, half in ((MAY, "FIT"), (MAY, None), (dt.date(2024, 4, 1), "JUDGE"), (dt.date(2024, 4, 1), None)):
        with pytest.raises(SeenRows, match=f"V1 was fitted on customers of {as_of}"):
            refuse(record, as_of, half)  # type: ignore[arg-type]
    rows, _ = data(3)
    workspace._backend.engine.write("ROWS", pa.table({c: rows[c].to_numpy() for c in FEATURES}))
    with pytest.raises(SeenRows):
        workspace.registry.score("ROWS", [], {"BASE": record}, unseen=(MAY, None))
    copy = workspace.registry.log_model(
        workspace.registry.get_model("CHURN").default, model_name="CHURN", version_name="C"
    )
    with pytest.raises(SeenRows):
        refuse(copy.record, MAY)


def test_a_copy_shares_the_artefact_and_nothing_else(workspace: Workspace) -> None:
    source = log(workspace, comment="first", metrics={"auc": 0.5})
    source.set_alias("live")
    copy = workspace.registry.log_model(source, model_name="churn", version_name="prod")
    assert (copy.version_name, copy.comment, copy.show_metrics()) == ("PROD", "", {})
    assert copy.record.linked_to == "CHURN/V1"
    assert (copy.record.alias, copy.record.is_default) == (None, False)
    with pytest.raises(BadConfig, match="a copy takes"):
        workspace.registry.log_model(source, model_name="churn", version_name="x", comment="no")
    with pytest.raises(AlreadyExists):
        workspace.registry.log_model(source, model_name="churn", version_name="prod")
    other = workspace.registry.log_model(source, model_name="other", version_name="v1")
    assert other.record.is_default
    model = workspace.registry.get_model("CHURN")
    model.default = "PROD"
    model.delete_version("V1")
    rows, _ = data(4)
    assert copy.run(rows, function_name="predict")["output_feature_0"].tolist() == fitted().predict(rows).tolist()


def test_pipelines_and_boosted_trees_come_back_as_they_were(workspace: Workspace) -> None:
    import warnings

    from xgboost import XGBClassifier

    rows, labels = data()
    rows = rows.assign(SEGMENT=np.where(labels == 1, "Gold", "Silver"))
    split = ColumnTransformer([("number", StandardScaler(), FEATURES), ("text", OneHotEncoder(), ["SEGMENT"])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(split, XGBClassifier(n_estimators=3, n_jobs=1)).fit(rows, labels)
    version = workspace.registry.log_model(model, model_name="m", version_name="v", sample_input_data=rows.head(2))
    np.testing.assert_array_equal(version.load().predict_proba(rows), model.predict_proba(rows))


def test_an_altered_artefact_is_refused(workspace: Workspace, spoil_artefacts: Callable[[Workspace], None]) -> None:
    version = log(workspace)
    spoil_artefacts(workspace)
    with pytest.raises(RefusedArtefact, match="V1 was altered"):
        version.load()
    with pytest.raises(RefusedArtefact):
        version.run(data(2)[0], function_name="predict")


def test_a_type_that_is_code_is_refused_by_name(workspace: Workspace) -> None:
    rows, labels = data()
    model = make_pipeline(StandardScaler(), Handmade()).fit(rows, labels)
    with pytest.raises(RefusedArtefact, match="Handmade"):
        log(workspace, model=model)
    assert workspace.registry.models() == []


def test_rows_with_nulls_anywhere_are_scored_as_they_are_here(workspace: Workspace) -> None:
    from churnobs.columns import prepared_columns

    random = np.random.default_rng(2)
    n = 300
    made = pa.table(
        {
            "KEY": list(range(n)),
            "AMOUNT": pa.array(random.gamma(2.0, 10.0, n), mask=random.random(n) < 0.2),
            "ORDERS": pa.array(random.integers(0, 9, n), mask=random.random(n) < 0.2),
            "SEGMENT": pa.array(random.choice(["Gold", "it's", "É"], n), mask=random.random(n) < 0.2),
            "ACTIVE": pa.array(random.random(n) < 0.5, mask=random.random(n) < 0.2),
            "NEVER": pa.array([None] * n, pa.float64()),
        }
    )
    features = [name for name in made.column_names if name != "KEY"]
    rows = made.select(features).to_pandas()
    labels = (random.random(n) < 0.4).astype("int64")
    model = make_pipeline(prepared_columns(rows), LogisticRegression()).fit(rows, labels)
    # the first rows, from which types are read, hold no amount at all
    sample = rows.assign(AMOUNT=np.nan, ACTIVE=rows["ACTIVE"].astype(object)).head(20)
    version = workspace.registry.log_model(model, model_name="m", version_name="v", sample_input_data=sample)
    workspace._backend.engine.write("ROWS", made)
    scored = workspace.registry.score("SELECT * FROM ROWS", ["KEY"], {"M": version.record})
    workspace._backend.engine.write("SCORED", scored)
    found = workspace.table("SCORED").to_pandas().sort_values("KEY")
    np.testing.assert_allclose(found["M_PROBABILITY"], model.predict_proba(rows)[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(found["M_CLASS"], model.predict(rows))


def test_only_a_classifier_of_classes_0_and_1_scores(workspace: Workspace) -> None:
    rows, labels = data()
    workspace._backend.engine.write("ROWS", pa.table({c: rows[c].to_numpy() for c in FEATURES}))
    swapped = LogisticRegression().fit(rows, 2 - labels)
    version = log(workspace, "swapped", swapped)
    scored = workspace.registry.score("SELECT * FROM ROWS", FEATURES, {"M": version.record})
    workspace._backend.engine.write("SCORED", scored)
    found = workspace.table("SCORED").to_pandas()
    assert list(swapped.classes_) == [1, 2]
    np.testing.assert_allclose(found["M_PROBABILITY"], swapped.predict_proba(found[FEATURES])[:, 0], rtol=1e-12)
    from churnobs import ChurnobsError

    words = log(workspace, "words", LogisticRegression().fit(rows, np.where(labels == 1, "gone", "here")))
    with pytest.raises((ChurnobsError, ValueError)):
        workspace._backend.engine.write("SCORED", workspace.registry.score("ROWS", [], {"M": words.record}))
