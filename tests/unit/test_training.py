"""The trainers: what they choose, what they survive, that they repeat themselves and can be stored."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from training_sets import customers, family, stored

from churnobs.artefacts import dumped, loaded
from churnobs.errors import BadConfig
from churnobs.searching import EnsembleTrainer, TunedTrainer
from churnobs.training import DefaultTrainer, Trainer, TrainingSet, as_trainer


def test_import_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import churnobs.training; "
        "assert not {'sklearn', 'xgboost', 'pandas', 'optuna', 'scipy'} & (set(sys.modules) - before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("crooked", "expected"), [(False, "LogisticRegression"), (True, "XGBClassifier")])
def test_the_simpler_model_unless_boosting_is_clearly_better(crooked: bool, expected: str) -> None:
    model = DefaultTrainer().fit(customers(crooked=crooked, rows=2_000), seed=1)
    assert family(model) == expected
    fresh = customers(9, crooked=crooked)
    assert roc_auc_score(fresh.labels, model.predict_proba(fresh.features)[:, 1]) > 0.8


def test_one_as_of_gives_logistic_regression() -> None:
    assert family(DefaultTrainer().fit(customers(crooked=True, as_ofs=1), seed=1)) == "LogisticRegression"


def test_an_as_of_with_one_class_cannot_choose_but_trains() -> None:
    training = customers()
    labels = training.labels.copy()
    labels[training.as_of == training.as_of.max()] = 1
    model = DefaultTrainer().fit(TrainingSet(training.features, labels, training.as_of), seed=1)
    assert family(model) == "LogisticRegression"


def test_the_threshold_is_the_best_f1_of_the_newest_as_of() -> None:
    training = customers()
    model = DefaultTrainer().fit(training, seed=1)
    old = training.as_of < training.as_of.max()
    alone = TrainingSet(training.features[old].reset_index(drop=True), training.labels[old], training.as_of[old])
    before = DefaultTrainer().fit(alone, seed=1).predict_proba(training.features[~old])[:, 1]
    truth, threshold = training.labels[~old], model[-1].threshold
    best = max(f1_score(truth, before >= t) for t in np.unique(before))
    assert f1_score(truth, before >= threshold) == pytest.approx(best, abs=0.01)
    said = model.predict(training.features)
    assert np.array_equal(said, (model.predict_proba(training.features)[:, 1] >= threshold).astype(int))
    assert list(model.classes_) == [0, 1]


@pytest.mark.parametrize("crooked", [False, True])
def test_same_data_and_seed_same_model_also_after_storing(crooked: bool) -> None:
    training = customers(crooked=crooked)
    first, second = (DefaultTrainer().fit(training, seed=3).predict_proba(training.features) for _ in range(2))
    assert np.array_equal(first, second)
    model = DefaultTrainer().fit(training, seed=3)
    again = stored(model)
    assert np.array_equal(again.predict_proba(training.features), first)
    assert np.array_equal(again.predict(training.features), model.predict(training.features))


def test_very_many_rows_are_sampled_the_same_way_each_time() -> None:
    training, fresh = customers(crooked=True, rows=3_000), customers(9, crooked=True)
    trainer = DefaultTrainer(choice_rows=700, boosted_rows=1_500)
    model = trainer.fit(training, seed=1)
    assert family(model) == "XGBClassifier"
    scores = model.predict_proba(fresh.features)[:, 1]
    assert np.array_equal(scores, trainer.fit(training, seed=1).predict_proba(fresh.features)[:, 1])
    assert roc_auc_score(fresh.labels, scores) > 0.8


@pytest.mark.parametrize("crooked", [False, True])
def test_what_was_never_seen_is_scored_as_unknown(crooked: bool) -> None:
    training = customers(crooked=crooked)
    model = DefaultTrainer().fit(training, seed=1)
    rows = training.features.head(3).copy()
    rows["LOCATION"] = ["Atlantis", None, np.nan]
    rows["CUSTOMER_SEGMENT"] = None
    rows["GENDER"] = "F"
    rows["AGE"] = np.nan
    rows["SENTIMENT_AVG_4"] = 0.7
    rows["UNKNOWN"] = 5.0
    assert np.isfinite(model.predict_proba(rows)).all()
    assert np.isfinite(model.predict_proba(rows.head(1))).all()


def test_the_order_of_predicted_columns_does_not_matter() -> None:
    training = customers()
    model = DefaultTrainer().fit(training, seed=1)
    turned = training.features[training.features.columns[::-1]]
    assert np.array_equal(model.predict_proba(turned), model.predict_proba(training.features))


@pytest.mark.parametrize(
    "trainer", [DefaultTrainer(), TunedTrainer(seconds=1), EnsembleTrainer(seconds=1), as_trainer(LogisticRegression())]
)
@pytest.mark.parametrize(("rows", "words"), [(10, "all 10 labels are 1"), (0, "there are no rows")])
def test_one_class_teaches_nothing(trainer: Trainer, rows: int, words: str) -> None:
    whole = customers()
    training = TrainingSet(whole.features.head(rows), np.ones(rows, dtype=np.int8), whole.as_of[:rows])
    with pytest.raises(BadConfig, match=words):
        trainer.fit(training, seed=1)


def test_features_that_never_vary_teach_nothing() -> None:
    training = customers(rows=20)
    flat = training.features[["SENTIMENT_AVG_4", "GENDER", "UNKNOWN"]]
    with pytest.raises(BadConfig, match="no feature varies"):
        DefaultTrainer().fit(TrainingSet(flat, training.labels, training.as_of), seed=1)


def test_a_class_of_one_row_trains() -> None:
    whole = customers(rows=30)
    labels = np.zeros(30, dtype=np.int8)
    labels[4] = 1
    for trainer in (DefaultTrainer(), TunedTrainer(trials=1, batch=1), EnsembleTrainer(trials=2, batch=2)):
        model = trainer.fit(TrainingSet(whole.features, labels, whole.as_of), seed=1)
        assert model.predict_proba(whole.features).shape == (30, 2)


def test_only_two_rows_train() -> None:
    whole = customers(rows=2)
    training = TrainingSet(whole.features, np.array([0, 1], dtype=np.int8), whole.as_of)
    assert DefaultTrainer().fit(training, seed=1).predict(whole.features).tolist() == [0, 1]


def test_many_categories_stay_few_columns() -> None:
    training = customers(rows=3_000)
    training.features["LOCATION"] = [f"street {k % 1_500}" for k in range(2_980)] + ["square"] * 20
    columns = DefaultTrainer().fit(training, seed=1)[0].get_feature_names_out()
    assert [c for c in columns if c.startswith("LOCATION")] == ["LOCATION_square"]


def test_a_training_set_has_one_label_a_row() -> None:
    training = customers(rows=30)
    assert training.names[0] == "DAYS_SINCE_LAST_PURCHASE"
    with pytest.raises(BadConfig, match="30 rows, 29 labels and 30 as-ofs"):
        TrainingSet(training.features, training.labels[1:], training.as_of)


def test_any_estimator_trains_with_the_seed_and_is_not_touched() -> None:
    forest, training = RandomForestClassifier(n_estimators=5), customers()
    trainer = as_trainer(forest)
    model = trainer.fit(training, seed=11)
    assert model[-1].random_state == 11
    assert forest.random_state is None
    assert not hasattr(forest, "classes_")
    assert model.predict_proba(training.features).shape == (900, 2)
    assert trainer.describe() == as_trainer(RandomForestClassifier(n_estimators=5)).describe()
    assert trainer.describe() != as_trainer(RandomForestClassifier(n_estimators=6)).describe()


def test_a_users_pipeline_is_taken_as_it_is() -> None:
    pipeline = make_pipeline(DummyClassifier(strategy="stratified"))
    model = as_trainer(pipeline).fit(customers(), seed=5)
    assert [name for name, _ in model.steps] == ["dummyclassifier"]
    assert model[-1].random_state == 5


def test_a_callable_trains() -> None:
    def recency_only(features: pd.DataFrame, labels: np.ndarray) -> Pipeline:
        return make_pipeline(LogisticRegression()).fit(features[["DAYS_SINCE_LAST_PURCHASE"]], labels)

    trainer = as_trainer(recency_only)
    training = customers()
    model = trainer.fit(training, seed=1)
    assert model.predict_proba(training.features[["DAYS_SINCE_LAST_PURCHASE"]]).shape == (900, 2)
    assert "recency_only" in trainer.describe()
    assert " at 0x" not in as_trainer(print).describe() + as_trainer(partial(recency_only)).describe()


@pytest.mark.parametrize("obj", [LogisticRegression, DefaultTrainer, "xgboost", None, 3])
def test_what_cannot_train_is_refused(obj: object) -> None:
    with pytest.raises(BadConfig):
        as_trainer(obj)


@pytest.mark.parametrize("obj", [LinearSVC(), lambda features, labels: None])
def test_a_model_without_probabilities_is_refused(obj: object) -> None:
    with pytest.raises(BadConfig, match="cannot give probabilities"):
        as_trainer(obj).fit(customers(rows=100), seed=1)


def test_trainers_are_trainers_and_describe_themselves() -> None:
    for trainer in (DefaultTrainer(), TunedTrainer(), as_trainer(LogisticRegression()), as_trainer(customers)):
        assert isinstance(trainer, Trainer)
        assert as_trainer(trainer) is trainer
        assert trainer.describe() == trainer.describe() != ""


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=3),
        RandomForestClassifier(5),
        GradientBoostingClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=5),
        AdaBoostClassifier(n_estimators=3),
        CalibratedClassifierCV(LogisticRegression()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_scikit_learns_trees_are_kept_as_data(estimator: BaseEstimator) -> None:
    training = customers(rows=300)
    model = as_trainer(estimator).fit(training, seed=1)
    again = loaded(dumped(model))
    assert (again.predict_proba(training.features) == model.predict_proba(training.features)).all()
