"""How feature columns become numbers that a model can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churnobs.errors import BadConfig

if TYPE_CHECKING:
    import pandas as pd

_RARE: Final = 20
_MOST_CATEGORIES: Final = 40


def prepared_columns(features: pd.DataFrame) -> Any:
    """The preparation of columns, not yet fitted; columns that never vary are left out."""
    from pandas.api.types import is_numeric_dtype
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers, words, categories = [], [], []
    for name in features.columns:
        column = features[name]
        if is_numeric_dtype(column.dtype):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            if np.fmin.reduce(values) < np.fmax.reduce(values):
                numbers.append(name)
            continue
        counts = column.value_counts()
        common = sorted(((-n, str(v), v) for v, n in counts.items() if n >= min(_RARE, len(column) // 10)))
        if common and (len(counts) > 1 or bool(column.isna().any())):
            words.append(name)
            categories.append(np.array([v for _, _, v in common[:_MOST_CATEGORIES]], dtype=object))
    if not numbers and not words:
        raise BadConfig("no feature varies", hint="train on columns that differ between customers")
    # amounts and counts have long tails: arcsinh is the logarithm that takes zero and less
    shape = Pipeline(
        [
            ("shape", FunctionTransformer(np.arcsinh, feature_names_out="one-to-one")),
            ("scale", StandardScaler()),
            ("fill", SimpleImputer(strategy="constant", fill_value=0.0)),
        ]
    )
    # a category that is rare, or first seen when scoring, is none of the known ones
    encode = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
    parts = [("numbers", shape, numbers), ("words", encode, words)]
    return ColumnTransformer([p for p in parts if p[2]], verbose_feature_names_out=False)
