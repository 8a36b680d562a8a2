"""scikit-learn in a pandas groupby: five binary metrics of each day. ``FOLDER``; runs in churnobs' own environment.

Timed: the day of each row, the groupby and the metrics. Not timed: imports, reading Parquet.
"""

from __future__ import annotations

import sys

import pandas as pd
from measured import say, timed
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

METRICS = {
    "CLASSIFICATION_ACCURACY": accuracy_score,
    "PRECISION": precision_score,
    "RECALL": recall_score,
    "F1_SCORE": f1_score,
}


def main(folder: str) -> None:
    rows = pd.read_parquet(f"{folder}/CURRENT.parquet", columns=["AT_TIME", "SCORE", "CLASS", "LABEL"])

    def of_day(day: pd.DataFrame) -> pd.Series:
        label, said = day["LABEL"], day["CLASS"]
        found = {name: metric(label, said) for name, metric in METRICS.items()}
        return pd.Series({**found, "ROC_AUC": roc_auc_score(label, day["SCORE"])})

    def work() -> pd.DataFrame:
        return rows.groupby(rows["AT_TIME"].dt.normalize())[["SCORE", "CLASS", "LABEL"]].apply(of_day)

    found, clock = timed(work)
    values = {f"{day:%Y-%m-%d} {name}": float(found.at[day, name]) for day in found.index for name in found.columns}
    say(clock, values)


if __name__ == "__main__":
    main(sys.argv[1])
