"""NannyML: Jensen-Shannon and Wasserstein of each column (it has no PSI). ``FOLDER NUMBERS CATEGORIES``.

Timed: making the calculator, ``fit`` on the reference and ``calculate`` on the current rows, one chunk. Not timed:
imports, reading Parquet.
"""

from __future__ import annotations

import sys
import warnings

import nannyml as nml
import pandas as pd
from measured import say, timed

METHODS = {"jensen_shannon": "JENSEN_SHANNON", "wasserstein": "WASSERSTEIN"}


def main(folder: str, numbers: list[str], categories: list[str]) -> None:
    # it warns of a single chunk, once for each column
    warnings.simplefilter("ignore")
    columns = [*numbers, *categories]
    reference, current = (
        pd.read_parquet(f"{folder}/{name}.parquet", columns=columns) for name in ("REFERENCE", "CURRENT")
    )

    def work() -> pd.DataFrame:
        calculator = nml.UnivariateDriftCalculator(
            column_names=columns,
            treat_as_categorical=categories,
            continuous_methods=list(METHODS),
            categorical_methods=["jensen_shannon"],
            chunk_number=1,
        )
        calculator.fit(reference)
        return calculator.calculate(current).filter(period="analysis").to_df()

    found, clock = timed(work)
    values = {
        f"{column} {METHODS[method]}": float(found[column, method, "value"].iloc[0])
        for column, method, what in found.columns
        if what == "value" and method in METHODS
    }
    say(clock, values)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(","))
