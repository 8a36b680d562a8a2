"""How a churn model is made: what a trainer must be, the default one, and any estimator as one; searches are in ``searching``.

A trainer never sees more than the training set it is given. It chooses between families on the newest as-of, fitted on
the older ones: that is the task it will have, a month it has not seen. scikit-learn and XGBoost load on first use.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from churnobs.columns import prepared_columns
from churnobs.comparison import Verdict, compare_auc
from churnobs.errors import BadConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DefaultTrainer", "Trainer", "TrainingSet", "as_trainer"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LOGISTIC: Final[Mapping[str, Any]] = {"C": 1.0, "max_iter": 1000}
_BOOSTED: Final[Mapping[str, Any]] = {
    "n_estimators": 60,
    "learning_rate": 0.12,
    "max_depth": 3,
    "min_child_weight": 20.0,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "reg_lambda": 10.0,
}


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Rows to learn from, all labels final.

    Args:
        features: float64 columns and text columns; NULL is NaN or None; the index counts from 0.
        labels: 1 churned, 0 stayed, one a row.
        as_of: the day each row's features were known.
    """

    features: pd.DataFrame
    labels: npt.NDArray[np.int8]
    as_of: npt.NDArray[np.datetime64]

    def __post_init__(self) -> None:
        sizes = len(self.features), len(self.labels), len(self.as_of)
        if len(set(sizes)) > 1:
            raise BadConfig(f"{sizes[0]} rows, {sizes[1]} labels and {sizes[2]} as-ofs", hint="give one of each a row")

    @property
    def names(self) -> tuple[str, ...]:
        """The feature columns, in order."""
        return tuple(map(str, self.features.columns))


@runtime_checkable
class Trainer(Protocol):
    """Anything that makes a model of a training set."""

    def fit(self, training: TrainingSet, *, seed: int) -> Any:
        """A fitted classifier with predict, predict_proba and classes_ that takes a DataFrame with the same columns."""

    def describe(self) -> str:
        """The recipe in words that change when, and only when, it does."""


@dataclass(frozen=True, slots=True)
class DefaultTrainer:
    """Logistic regression, or XGBoost where that is clearly better a month ahead.

    Both are fitted on the older as-ofs and compared on the newest; boosting must win ROC AUC at the 5% level, or the
    simpler model is kept. The winner is refitted on all rows (boosting on a sample of very many). The threshold of
    ``predict`` maximises F1 on the newest as-of's scores (on the fitted rows when there is only one as-of).

    Args:
        choice_rows: how many rows, older and newest each, the choice looks at.
        boosted_rows: how many rows boosting is refitted on at most; it bounds the time of a fit.
    """

    choice_rows: int = 50_000
    boosted_rows: int = 300_000

    def fit(self, training: TrainingSet, *, seed: int) -> Any:
        """A fitted scikit-learn Pipeline.

        Raises:
            BadConfig: no rows, one class only, or no feature that varies.
        """
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

        # one thread: small problems are faster, and sums do not depend on the number of cores
        with threadpool_limits(limits=1):
            table = _Table.of(training)
            older, newest = table.out_of_time()
            if older is None:
                return table.straight(seed)
            rng = np.random.default_rng(seed)
            older, newest = _some(older, self.choice_rows, rng), _some(newest, self.choice_rows, rng)
            truth = table.labels[newest]
            straight, boosted = _logistic(_LOGISTIC, seed), _boosted(_BOOSTED, seed)
            scores, rivals = table.ahead(straight, older, newest), table.ahead(boosted, older, newest)
            if compare_auc(truth, rivals, scores).verdict() is not Verdict.BETTER:
                return table.serve(straight.fit(table.matrix, table.labels), truth, scores)
            rows = _some(np.ones(len(table.labels), dtype=bool), self.boosted_rows, rng)
            return table.serve(boosted.fit(table.matrix[rows], table.labels[rows]), truth, rivals)

    def describe(self) -> str:
        """The recipe."""
        return f"DefaultTrainer 1: logistic {dict(_LOGISTIC)} or xgboost {dict(_BOOSTED)}, {self}"


def as_trainer(obj: object) -> Trainer:
    """A trainer of what a user brings.

    Args:
        obj: a Trainer; a scikit-learn style classifier, cloned before each fit (one that is no Pipeline gets churnobs'
            preparation of columns before it); or a callable that takes the features and labels and returns a fitted
            classifier.

    Raises:
        BadConfig: it is none of these.
    """
    if isinstance(obj, type):
        raise BadConfig(f"{obj.__name__} is a class", hint=f"pass an instance: {obj.__name__}(...)")
    if isinstance(obj, Trainer):
        return obj
    if hasattr(obj, "fit") and hasattr(obj, "get_params"):
        return _EstimatorTrainer(obj)
    if callable(obj):
        return _CallableTrainer(obj)
    raise BadConfig(
        f"{type(obj).__name__} cannot train",
        hint="pass a trainer, a scikit-learn classifier or a callable (X, y) -> model",
    )


@dataclass(frozen=True, slots=True)
class _EstimatorTrainer:
    """A user's scikit-learn style classifier."""

    estimator: Any

    def fit(self, training: TrainingSet, *, seed: int) -> Any:
        """A fitted clone; a random_state that is not set gets the seed."""
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline

        _refuse_unteachable(training)
        model = clone(self.estimator)
        unset = [k for k, v in model.get_params().items() if v is None and k.split("__")[-1] == "random_state"]
        model.set_params(**dict.fromkeys(unset, seed))
        if not isinstance(model, Pipeline):
            model = Pipeline([("columns", prepared_columns(training.features)), ("churn", model)])
        return _classifier(model.fit(training.features, np.asarray(training.labels, dtype=np.int64)), self.describe())

    def describe(self) -> str:
        """The class and its parameters."""
        params = sorted(self.estimator.get_params().items())
        return _without_addresses(f"{type(self.estimator).__module__}.{type(self.estimator).__qualname__} {params!r}")


@dataclass(frozen=True, slots=True)
class _CallableTrainer:
    """A user's function of features and labels."""

    function: Callable[[pd.DataFrame, npt.NDArray[np.int64]], Any]

    def fit(self, training: TrainingSet, *, seed: int) -> Any:  # noqa: ARG002 (the function has no place for a seed)
        """What the function returns."""
        _refuse_unteachable(training)
        labels = np.asarray(training.labels, dtype=np.int64)
        return _classifier(self.function(training.features, labels), self.describe())

    def describe(self) -> str:
        """The function's name and, where Python has it, its text."""
        name = getattr(self.function, "__qualname__", repr(self.function))
        try:
            text = inspect.getsource(self.function)
        except (OSError, TypeError):
            text = ""
        return _without_addresses(f"{getattr(self.function, '__module__', '')}.{name} {text}").strip()


@dataclass(frozen=True, slots=True)
class _Table:
    """A training set made ready: numbers only."""

    columns: Any
    matrix: Floats
    labels: npt.NDArray[np.int64]
    as_of: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, training: TrainingSet) -> _Table:
        _refuse_unteachable(training)
        # learnt from all rows: it sees no label, and the newest as-of's features are known when it is judged
        columns = prepared_columns(training.features)
        matrix = columns.fit_transform(training.features)
        return cls(columns, matrix, np.asarray(training.labels, dtype=np.int64), training.as_of)

    def out_of_time(self) -> tuple[Any, Any]:
        """Which rows are older and which of the newest as-of; None, None when that leaves a class out."""
        newest: Any = self.as_of == self.as_of.max()
        for part in (newest, ~newest):
            if len(np.unique(self.labels[part])) < 2:
                return None, None
        return ~newest, newest

    def ahead(self, model: Any, older: Any, newest: Any) -> Floats:
        """P(churned) in the newest as-of, by the model fitted on the older ones."""
        return _probability(model.fit(self.matrix[older], self.labels[older]), self.matrix[newest])

    def straight(self, seed: int) -> Any:
        """The pipeline of logistic regression, where there is no month ahead to choose on."""
        model = _logistic(_LOGISTIC, seed).fit(self.matrix, self.labels)
        return self.serve(model, self.labels, _probability(model, self.matrix))

    def serve(self, model: Any, truth: npt.NDArray[np.int64], scores: Floats) -> Any:
        """The fitted pipeline: columns, then the model with its threshold."""
        from sklearn.frozen import FrozenEstimator
        from sklearn.model_selection import FixedThresholdClassifier
        from sklearn.pipeline import Pipeline

        decider = FixedThresholdClassifier(
            FrozenEstimator(model), threshold=_best_f1(truth, scores), response_method="predict_proba"
        )
        return Pipeline([("columns", self.columns), ("churn", decider.fit(self.matrix[:1], self.labels[:1]))])


def _refuse_unteachable(training: TrainingSet) -> None:
    present = np.unique(training.labels)
    if len(present) != 2:
        said = f"all {len(training.labels)} labels are {present[0]}" if len(present) else "there are no rows"
        raise BadConfig(
            f"nothing to learn: {said}",
            hint="wait for more final labels, or check horizon_days and active_within_days: some customers must have "
            "left and some stayed",
        )


def _logistic(params: Mapping[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**params, random_state=seed)


def _boosted(params: Mapping[str, Any], seed: int) -> Any:
    from xgboost import XGBClassifier

    # one thread: small months lose more to threads waiting for each other than they win
    return XGBClassifier(**params, tree_method="hist", max_bin=64, n_jobs=1, random_state=seed)


def _probability(model: Any, matrix: Floats) -> Floats:
    """P(churned) of each row."""
    return np.asarray(model.predict_proba(matrix)[:, 1], dtype=np.float64)


def _some(mask: Mask, most: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The rows of a mask, or a sample of them, in order."""
    rows = np.flatnonzero(mask)
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _best_f1(truth: npt.NDArray[np.int64], scores: Floats) -> float:
    """The threshold with the best F1: half way between two scores; of equals the one that flags fewest."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(truth[order])
    f1 = 2.0 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])
    lower = np.append(ranked[1:], 0.0)
    # equal scores are flagged together
    f1[ranked == lower] = -1.0
    best = int(np.argmax(f1))
    return float((ranked[best] + lower[best]) / 2.0)


def _classifier(model: Any, recipe: str) -> Any:
    if not all(hasattr(model, name) for name in ("predict", "predict_proba", "classes_")):
        raise BadConfig(
            f"{recipe.split(maxsplit=1)[0]} gave a {type(model).__name__} that cannot give probabilities",
            hint="return a fitted classifier with predict, predict_proba and classes_",
        )
    return model


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
