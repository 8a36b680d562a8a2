"""Evidently 0.7: Jensen-Shannon, Wasserstein and PSI of each column, and the means. ``FOLDER NUMBERS CATEGORIES``.

Timed: building the Report, running it on two Datasets, and ``dict()``; no HTML. Not timed: imports, reading Parquet,
making the Datasets.
"""

from __future__ import annotations

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import MeanValue, ValueDrift
from measured import say, timed

METHODS = {"jensenshannon": "JENSEN_SHANNON", "psi": "POPULATION_STABILITY_INDEX", "wasserstein": "WASSERSTEIN"}


def main(folder: str, numbers: list[str], categories: list[str]) -> None:
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    current, reference = (
        Dataset.from_pandas(
            pd.read_parquet(f"{folder}/{name}.parquet", columns=[*numbers, *categories]), data_definition=definition
        )
        for name in ("CURRENT", "REFERENCE")
    )
    asked = [(column, method) for column in numbers for method in METHODS]
    asked += [(column, method) for column in categories for method in METHODS if method != "wasserstein"]

    def work() -> list[dict]:
        metrics = [ValueDrift(column=column, method=method) for column, method in asked]
        report = Report([*metrics, *(MeanValue(column=column) for column in numbers)])
        return report.run(current, reference).dict()["metrics"]

    found, clock = timed(work)
    values = {
        f"{one['config']['column']} {METHODS[one['config']['method']]}": float(one["value"])
        for one in found
        if "method" in one["config"]
    }
    say(clock, values)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(","))
