"""Customers to train on in tests, and what became of a fitted pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline

from churnobs.training import TrainingSet

ALLOWED = ["numpy.dtype", "sklearn.utils._bunch.Bunch", "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"]


def customers(seed: int = 0, rows: int = 900, as_ofs: int = 3, *, crooked: bool = False) -> TrainingSet:
    """Customers whose recency says who leaves; with ``crooked`` only two features together do."""
    rng = np.random.default_rng(seed)
    recency, spend = rng.integers(0, 90, rows).astype(float), rng.lognormal(4, 1, rows)
    features = pd.DataFrame(
        {
            "DAYS_SINCE_LAST_PURCHASE": recency,
            "LIFETIME_SPEND": spend,
            "SENTIMENT_MIN_2": rng.uniform(-1, 1, rows),
            "SENTIMENT_AVG_4": np.zeros(rows),
            "AGE": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(18, 80, rows).astype(float)),
            "CUSTOMER_SEGMENT": rng.choice(np.array(["Gold", "Silver", None], dtype=object), rows),
            "LOCATION": rng.choice([f"town {k}" for k in range(8)], rows),
            "GENDER": np.full(rows, None, dtype=object),
            "UNKNOWN": np.full(rows, np.nan),
        }
    )
    tilt = 3.0 * np.where((recency > 45) == (spend > 55), 1.0, -1.0) if crooked else (recency - 35) / 15
    labels = (rng.random(rows) < 1 / (1 + np.exp(-tilt))).astype(np.int8)
    months = np.array(["2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01"], dtype="datetime64[D]")
    return TrainingSet(features, labels, np.sort(months[rng.integers(0, as_ofs, rows)]))


def family(model: Pipeline) -> str:
    return type(model[-1].estimator_.estimator).__name__


def stored(model: object) -> object:
    content = skops.io.dumps(model)
    assert set(skops.io.get_untrusted_types(data=content)) <= set(ALLOWED)
    return skops.io.loads(content, trusted=ALLOWED)
