"""A month of a million customers: without training, with it, and in 512 MB; the pandas month beside it, once.

The world ``steady``, whose million customers buy a little more often: in the months after the first model more than 1,250,000
purchases, and on average more than 170,000 comments. The comments are drawn from 50,000 texts by the moods of their authors.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from benchmarks.month import lived_by_us
from benchmarks.rounds import Said, alternate, median, peak_mb

MONTHS: Final = 6
TEXTS: Final = 50_000
GRADES: Final = 25
# added to the log of everybody's purchase rate
BUSIER: Final = 0.17
LIMIT: Final = "512MB"
VARIANTS: Final = ("ours_never", "ours_always", "limited_never", "limited_always", "pandas_never")


def measure(*, customers: int, seed: int, rounds: int, peer: bool) -> Said:
    """Run the months through all variants in turn; the result is one JSON line."""
    with tempfile.TemporaryDirectory() as folder:
        size = build(Path(folder), customers=customers, seed=seed)
        names = VARIANTS if peer else VARIANTS[:-1]
        said = alternate({n: ("million", f"{folder}:{n}") for n in names}, rounds, once=("pandas_never",))
    result: Said = {"benchmark": "million", "months": MONTHS, "in_the_last_month": size, "memory_limit": LIMIT}
    for key, digits in (("seconds", 2), ("cpu_seconds", 2), ("first_month", 2), ("peak_mb", 0)):
        result[key] = {name: round(median(said[name], key), digits) for name in names}
    return result


def build(folder: Path, *, customers: int, seed: int) -> Said:
    """Write the month files; gives how many customers, purchases and comments the last month has."""
    from simulations import WORLDS, simulate

    steady = WORLDS["steady"]
    busy = replace(steady, relation=replace(steady.relation, level=steady.relation.level + BUSIER))
    simulation = simulate(busy, customers=customers, months=MONTHS, seed=seed)
    simulation.write(folder)
    texts, rng = _texts(seed), np.random.default_rng(seed)
    of_grade = TEXTS // GRADES
    for number, (year, month) in enumerate(simulation.months, start=1):
        rows = simulation.feedback(number)
        grade = np.rint((np.clip(simulation.moods(number), -1, 1) + 1) / 2 * (GRADES - 1)).astype(np.int64)
        chosen = texts.take(pa.array(grade * of_grade + rng.integers(0, of_grade, len(grade))))
        without = rows["COMMENT"].is_null()
        comments = pc.if_else(without, pa.scalar(None, pa.string()), chosen)
        at = rows.schema.get_field_index("COMMENT")
        pa_csv.write_csv(rows.set_column(at, "COMMENT", comments), folder / f"feedback_raw_{year}_{month}.csv")
    active = len(simulation.truth(MONTHS))
    return {"customers": active, "purchases": simulation.sales(MONTHS).num_rows, "comments": rows.num_rows}


def _texts(seed: int) -> pa.Array:
    """Distinct texts, grade after grade from furious to delighted."""
    from simulations.texts import comment

    chance = random.Random(seed)
    texts: dict[str, None] = {}
    for grade in range(GRADES):
        while len(texts) < (grade + 1) * (TEXTS // GRADES):
            texts[comment(chance, 2 * grade / (GRADES - 1) - 1)] = None
    return pa.array(texts)


def variant(name: str, where: str) -> Said:
    """All months of a folder in this process; medians over the months after the first model."""
    who, _, policy = name.partition("_")
    if who == "pandas":
        from benchmarks.month_pandas import run_months

        lived = run_months(Path(where), train=False)
    else:
        lived = lived_by_us(Path(where), policy, memory_limit=LIMIT if who == "limited" else None)
    first = next(index for index, one in enumerate(lived) if one["served"])
    warm = [one for one in lived[first + 1 :] if policy == "never" or one["trained"]]
    return {
        "seconds": statistics.median(one["seconds"] for one in warm),
        "cpu_seconds": statistics.median(one["cpu_seconds"] for one in warm),
        "first_month": lived[0]["seconds"],
        "peak_mb": peak_mb(),
        "months": lived,
    }
