"""NannyML: confidence-based performance estimation by calendar month. ``FOLDER``.

Timed: making the estimator, ``fit`` on the labelled reference (which calibrates) and ``estimate`` of the current rows.
Not timed: imports, reading Parquet.
"""

from __future__ import annotations

import sys
import warnings

import nannyml as nml
import pandas as pd
from measured import say, timed

METRICS = {
    "roc_auc": "ROC_AUC",
    "f1": "F1_SCORE",
    "precision": "PRECISION",
    "recall": "RECALL",
    "accuracy": "CLASSIFICATION_ACCURACY",
}


def main(folder: str) -> None:
    warnings.simplefilter("ignore")
    wanted = ["AT_TIME", "SCORE", "CLASS"]
    reference = pd.read_parquet(f"{folder}/REFERENCE.parquet", columns=[*wanted, "LABEL"])
    current = pd.read_parquet(f"{folder}/CURRENT.parquet", columns=wanted)

    def work() -> pd.DataFrame:
        estimator = nml.CBPE(
            problem_type="classification_binary",
            y_pred_proba="SCORE",
            y_pred="CLASS",
            y_true="LABEL",
            timestamp_column_name="AT_TIME",
            chunk_period="M",
            metrics=list(METRICS),
        )
        estimator.fit(reference)
        return estimator.estimate(current).filter(period="analysis").to_df()

    found, clock = timed(work)
    months = found["chunk", "key"].astype(str)
    values = {
        f"{month} {name}": float(value)
        for method, name in METRICS.items()
        for month, value in zip(months, found[method, "value"], strict=True)
    }
    say(clock, values)


if __name__ == "__main__":
    main(sys.argv[1])
