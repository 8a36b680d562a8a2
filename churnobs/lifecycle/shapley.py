"""Which features push a customer's score, as SHAP values in log odds: exact for linear models and trees.

A pipeline's last step is explained on the columns that the steps before make of the features; what one feature became
(a text column becomes one a value) is added up again. XGBoost computes the values itself (TreeSHAP, Lundberg et al. 2020);
of a linear model they are coefficient * (value - mean of the background); other trees are left to the shap package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.errors import NotSupported

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

_TREES: Final = ("RandomForest", "ExtraTrees", "GradientBoosting", "DecisionTree", "LGBM")


@dataclass(frozen=True, slots=True)
class Pushes:
    """SHAP values of some rows: ``base`` + the sum over features = the score.

    Args:
        features: their names.
        values: (rows, features), what each adds to the score.
        base: the expected score.
        unit: "log odds", or "probability" of trees that vote.
    """

    features: tuple[str, ...]
    values: Floats
    base: float
    unit: str


def shap_values(model: Any, rows: pd.DataFrame, background: Callable[[], pd.DataFrame]) -> Pushes:
    """The SHAP values of rows for class 1.

    Args:
        model: a fitted classifier, alone or as the last step of a scikit-learn pipeline.
        rows: the feature columns as the model takes them.
        background: gives rows that stand for everybody; asked of a linear model alone, whose values are against their mean.

    Raises:
        NotSupported: the model is neither linear nor of trees, or shap is not installed and would be needed.
    """
    before, last = _taken_apart(model)
    names = tuple(map(str, rows.columns))
    x = _prepared(before, rows)
    owner = _owners(before, names)
    kind = type(last).__name__
    if hasattr(last, "get_booster"):
        raw, base, unit = _boosted(last, x)
    elif hasattr(last, "coef_") and hasattr(last, "decision_function") and len(last.classes_) == 2:
        weights = np.asarray(last.coef_, dtype=np.float64)[0]
        center = _prepared(before, background()).mean(axis=0)
        raw, unit = (x - center) * weights, "log odds"
        base = float(center @ weights + np.asarray(last.intercept_).ravel()[0])
    elif any(word in kind for word in _TREES):
        raw, base, unit = _by_shap(last, x)
    else:
        raise NotSupported(
            f"SHAP values of {kind} are not exact", hint="at_risk() explains any model, one feature at a time"
        )
    summed = np.zeros((len(x), len(names)))
    for column, feature in enumerate(owner):
        summed[:, feature] += raw[:, column]
    return Pushes(names, summed, base, unit)


def _taken_apart(model: Any) -> tuple[Sequence[Any], Any]:
    """The steps that prepare columns, and the estimator behind what only chooses a threshold or freezes it."""
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    last = steps[-1]
    while (inner := getattr(last, "estimator_", None) or getattr(last, "estimator", None)) is not None:
        if type(last).__name__ not in {"FixedThresholdClassifier", "TunedThresholdClassifierCV", "FrozenEstimator"}:
            break
        last = inner
    return steps[:-1], last


def _prepared(steps: Sequence[Any], rows: pd.DataFrame) -> Floats:
    made: Any = rows
    for step in steps:
        made = step.transform(made)
    found: Floats = np.asarray(made, dtype=np.float64)
    return found


def _owners(steps: Sequence[Any], names: Sequence[str]) -> list[int]:
    """Which feature each prepared column was made of."""
    made: Any = np.asarray(names, dtype=object)
    for step in steps:
        made = step.get_feature_names_out(made)
    # the longest name first: A_B_x was made of A_B and not of A
    ordered = sorted(range(len(names)), key=lambda i: -len(names[i]))
    owners = []
    for column in map(str, made):
        bare = column.split("__", 1)[-1]
        owner = next((i for i in ordered if bare == names[i] or bare.startswith(f"{names[i]}_")), None)
        if owner is None:
            raise NotSupported(
                f"the model's column {column} says not which feature it is", hint="name columns feature_value"
            )
        owners.append(owner)
    return owners


def _boosted(model: Any, x: Floats) -> tuple[Floats, float, str]:
    import xgboost

    found = model.get_booster().predict(
        xgboost.DMatrix(x.astype(np.float32)), pred_contribs=True, validate_features=False
    )
    values = np.asarray(found, dtype=np.float64)
    return values[:, :-1], float(values[0, -1]) if len(values) else 0.0, "log odds"


def _by_shap(model: Any, x: Floats) -> tuple[Floats, float, str]:
    try:
        import shap  # type: ignore[import-untyped]
    except ImportError as error:
        raise NotSupported("SHAP values of these trees need shap", hint='pip install "churnobs[dashboard]"') from error
    explainer = shap.TreeExplainer(model)
    values, base = np.asarray(explainer.shap_values(x)), np.ravel(explainer.expected_value)
    if values.ndim == 3:  # one layer a class: forests explain the probability of each
        return values[:, :, 1], float(base[1]), "probability"
    return values, float(base[-1]), "log odds"
