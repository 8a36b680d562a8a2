"""Parquet files for the benchmarks of monitoring: predictions with 20 features, a year of days, and twelve months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS: Final = tuple(f"N{i:02d}" for i in range(16))
CATEGORIES: Final = tuple(f"C{i}" for i in range(4))
FEATURES: Final = (*NUMBERS, *CATEGORIES)
START: Final = dt.date(2024, 1, 1)
DAYS: Final = 365
# the current period of the drift benchmark
MONTH_DAYS: Final = 30
_SLICE: Final = 122_880

Floats = npt.NDArray[np.float64]


def build(folder: Path, benchmark: str, *, rows: int, seed: int = 1) -> None:
    """Write the files of one benchmark; those that are there already are kept.

    Args:
        folder: where to; a folder holds the data of one size.
        benchmark: "drift" (REFERENCE and CURRENT), "performance" (CURRENT) or "cbpe" (REFERENCE and CURRENT).
        rows: of each file.
        seed: of all chance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # a reference of the year before, for the benchmarks that compare with one
    before = START - dt.timedelta(days=DAYS)
    parts: dict[str, Callable[[np.random.Generator], pa.Table]] = {}
    if benchmark == "drift":
        parts["REFERENCE"] = lambda r: _predictions(r, rows, before, MONTH_DAYS, features=True, shift=0.0)
        parts["CURRENT"] = lambda r: _predictions(r, rows, START, MONTH_DAYS, features=True, shift=0.3)
    else:
        if benchmark == "cbpe":
            parts["REFERENCE"] = lambda r: _predictions(r, rows, before, DAYS, features=False, shift=0.0)
        parts["CURRENT"] = lambda r: _predictions(r, rows, START, DAYS, features=False, shift=0.2)
    for number, (name, make) in enumerate(parts.items()):
        path = folder / f"{name}.parquet"
        if not path.exists():
            _write(path, make(np.random.default_rng((seed, number))))


def _write(path: Path, made: pa.Table) -> None:
    import pyarrow.parquet as pq

    partial = path.with_suffix(".partial")
    pq.write_table(made, partial, compression="zstd", row_group_size=_SLICE)
    partial.replace(path)


def _predictions(
    random: np.random.Generator, rows: int, start: dt.date, days: int, *, features: bool, shift: float
) -> pa.Table:
    """PREDICTION_ID, AT_TIME (rising), SCORE, CLASS, LABEL and maybe the 20 features.

    The model overstates: a score that it gives as s comes true with less conviction, so an estimate must calibrate.
    """
    import pyarrow as pa

    logit = random.normal(-0.4 - shift, 1.6, rows)
    score = _logistic(logit)
    label = random.random(rows) < _logistic(0.75 * logit + 0.15)
    # as a booster gives them: float32 scores, so a few of a million are equal
    score = score.astype(np.float32).astype(np.float64)
    day = (np.arange(rows) * days // rows).astype("timedelta64[D]")
    at = np.datetime64(start, "us") + day + random.integers(0, 86_400, rows).astype("timedelta64[s]")
    columns: dict[str, Any] = {
        "PREDICTION_ID": np.arange(rows),
        "AT_TIME": np.sort(at),
        "SCORE": score,
        "CLASS": (score >= 0.5).astype(np.int64),
        "LABEL": label.astype(np.int64),
    }
    if features:
        columns.update(_features(random, rows, shift))
    return pa.table(columns)


def _logistic(logit: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def _features(random: np.random.Generator, rows: int, shift: float) -> Iterator[tuple[str, Any]]:
    """Bell-shaped, heavy-tailed, counted and waiting-time columns in turn, then texts of 5 to 20 values."""
    for number, name in enumerate(NUMBERS):
        moved = shift * (number % 5) / 4
        if number % 4 == 0:
            yield name, random.normal(10 * number + moved, 1.0 + number, rows)
        elif number % 4 == 1:
            yield name, random.lognormal(moved, 1.0, rows)
        elif number % 4 == 2:
            yield name, random.poisson(3 + number + moved, rows).astype(np.float64)
        else:
            yield name, random.exponential(30.0 + 10 * moved, rows)
    for number, name in enumerate(CATEGORIES):
        values = np.array([f"value {i}" for i in range(5 * (number + 1))])
        share = np.arange(1, len(values) + 1) ** (1.0 + shift * number / 3)
        yield name, values[random.choice(len(values), rows, p=share / share.sum())]
