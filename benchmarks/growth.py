"""Whether a month costs more as the history grows: months 22 to 24 beside months 5 to 7, the same volume each month.

The peer is the loop itself when it was young, in the same process; the pandas month of ``month_pandas`` runs in turn
with it, to show what a program does that reads its whole history each month.
"""

from __future__ import annotations

import statistics
import tempfile
from typing import Final

from benchmarks.rounds import Said, alternate, median

MONTHS: Final = 24
YOUNG: Final = (5, 6, 7)
OLD: Final = (22, 23, 24)
VARIANTS: Final = ("ours_never", "pandas_never")


def measure(*, customers: int, seed: int, rounds: int) -> Said:
    """Run two years of the steady world without retraining; the result is one JSON line."""
    from simulations import WORLDS, simulate

    with tempfile.TemporaryDirectory() as folder:
        simulate(WORLDS["steady"], customers=customers, months=MONTHS, seed=seed).write(folder)
        said = alternate({name: ("month", f"{folder}:{name}") for name in VARIANTS}, rounds)
    result: Said = {"benchmark": "growth", "customers": customers, "months": MONTHS}
    seconds: Said = {}
    for name in VARIANTS:
        for key, label in (("seconds", "ratio"), ("cpu_seconds", "cpu_ratio")):
            ratios = [_of(one["months"], OLD, key) / _of(one["months"], YOUNG, key) for one in said[name]]
            result[label if name == "ours_never" else f"{label}_pandas"] = round(statistics.median(ratios), 3)
        seconds[name] = {
            words: round(statistics.median(_of(one["months"], which, "seconds") for one in said[name]), 3)
            for words, which in (("months_5_to_7", YOUNG), ("months_22_to_24", OLD))
        }
    result["seconds"] = seconds
    result["peak_mb"] = {name: round(median(said[name], "peak_mb")) for name in VARIANTS}
    return result


def _of(months: list[Said], which: tuple[int, ...], key: str) -> float:
    return statistics.median(float(months[number - 1][key]) for number in which)
