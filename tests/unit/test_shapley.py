"""SHAP values against the shap package, by brute force over all coalitions, and by the law that they add up."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
from loops import Year
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from churnobs import NotFound, NotSupported
from churnobs.lifecycle.shapley import shap_values
from churnobs.training import DefaultTrainer, TrainingSet, as_trainer


@pytest.fixture(scope="module")
def training() -> TrainingSet:
    rng = np.random.default_rng(3)
    rows = 600
    frame = pd.DataFrame(
        {
            "RECENCY": rng.exponential(30, rows),
            "RECENCY_RATIO": rng.normal(0, 1, rows),
            "SPEND": np.where(rng.random(rows) < 0.2, np.nan, rng.gamma(2.0, 50.0, rows)),
            "SEGMENT": rng.choice(["NEW", "LOYAL", "BIG_SPENDER"], rows),
        }
    )
    logit = 0.03 * frame["RECENCY"] - 1.5 + 0.8 * frame["RECENCY_RATIO"] * (frame["SEGMENT"] == "NEW")
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    as_of = np.where(np.arange(rows) < 400, np.datetime64("2024-03-01"), np.datetime64("2024-04-01"))
    return TrainingSet(frame, labels.to_numpy(), as_of.astype("datetime64[D]"))


def fitted(estimator: Any, training: TrainingSet) -> Any:
    return as_trainer(estimator).fit(training, seed=0)


def log_odds(model: Any, rows: pd.DataFrame) -> np.ndarray:
    p = model.predict_proba(rows)[:, 1]
    return np.log(p / (1 - p))


def test_a_linear_models_values_are_those_of_shap_and_add_up(training: TrainingSet) -> None:
    model, rows = fitted(LogisticRegression(max_iter=500), training), training.features.iloc[:20]
    background = training.features.iloc[100:300]
    found = shap_values(model, rows, lambda: background)
    prepared = model[:-1].transform(background)
    # every row of the background counts
    masker = shap.maskers.Independent(prepared, max_samples=len(prepared))
    expected = shap.LinearExplainer(model[-1], masker).shap_values(model[:-1].transform(rows))
    assert found.features == tuple(training.features.columns)
    assert found.values[:, :3] == pytest.approx(expected[:, :3], abs=1e-9)
    assert found.values[:, 3] == pytest.approx(expected[:, 3:].sum(axis=1), abs=1e-9)
    assert found.base + found.values.sum(axis=1) == pytest.approx(log_odds(model, rows), abs=1e-9)


def test_the_default_model_is_explained_behind_its_threshold(training: TrainingSet) -> None:
    model, rows = DefaultTrainer().fit(training, seed=0), training.features.iloc[:20]
    found = shap_values(model, rows, lambda: training.features)
    assert found.unit == "log odds"
    assert found.base + found.values.sum(axis=1) == pytest.approx(log_odds(model, rows), abs=1e-5)


def test_boosted_values_are_those_of_shap_and_add_up(training: TrainingSet) -> None:
    from xgboost import XGBClassifier

    model = fitted(XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1), training)
    rows = training.features.iloc[:20]
    found = shap_values(model, rows, never)
    expected = shap.TreeExplainer(model[-1]).shap_values(model[:-1].transform(rows))
    assert found.values[:, :3] == pytest.approx(expected[:, :3], abs=1e-4)
    assert found.values[:, 3] == pytest.approx(expected[:, 3:].sum(axis=1), abs=1e-4)
    assert found.base + found.values.sum(axis=1) == pytest.approx(log_odds(model, rows), abs=1e-4)


@pytest.mark.parametrize("estimator", [GradientBoostingClassifier(n_estimators=15), RandomForestClassifier(15)])
def test_other_trees_add_up(training: TrainingSet, estimator: Any) -> None:
    model, rows = fitted(estimator, training), training.features.iloc[:10]
    found = shap_values(model, rows, never)
    score = model.predict_proba(rows)[:, 1] if found.unit == "probability" else log_odds(model, rows)
    assert found.base + found.values.sum(axis=1) == pytest.approx(score, abs=1e-6)


def test_a_linear_models_values_are_shapleys_by_all_coalitions(training: TrainingSet) -> None:
    numbers = TrainingSet(training.features[["RECENCY", "RECENCY_RATIO"]], training.labels, training.as_of)
    model, row, background = fitted(LogisticRegression(), numbers), numbers.features.iloc[:1], numbers.features[:50]

    def worth(known: tuple[str, ...]) -> float:
        mixed = background.assign(**{name: row[name].iloc[0] for name in known})
        return float(log_odds(model, mixed).mean())

    names = list(row.columns)
    for place, name in enumerate(names):
        total = 0.0
        for order in itertools.permutations(names):
            before = order[: order.index(name)]
            total += worth((*before, name)) - worth(before)
        found = shap_values(model, row, lambda: background).values[0, place]
        assert found == pytest.approx(total / math.factorial(len(names)), abs=1e-9)


def test_what_cannot_be_explained_says_so(training: TrainingSet) -> None:
    with pytest.raises(NotSupported, match="KNeighborsClassifier"):
        shap_values(fitted(KNeighborsClassifier(), training), training.features.iloc[:2], never)


def test_the_loop_explains_customers(year: Year) -> None:
    risk = year.loop.at_risk(3)
    names = [c.customer_id for c in risk.customers]
    found = year.loop.explain(names)
    assert found["CUSTOMER_ID"].unique().tolist() == names
    scores = (
        found["BASE_VALUE"].groupby(found["CUSTOMER_ID"]).first()
        + found["SHAP_VALUE"].groupby(found["CUSTOMER_ID"]).sum()
    )
    for customer in risk.customers:
        odds = math.log(customer.probability / (1 - customer.probability))
        assert scores[customer.customer_id] == pytest.approx(odds, abs=1e-4)
    with pytest.raises(NotFound, match="nobody was no active customer"):
        year.loop.explain(["nobody"])


def never() -> pd.DataFrame:
    raise AssertionError("trees need no background")
