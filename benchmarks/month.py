"""A month of the loop, without and with training, beside a plain program that does the month in pandas.

Ours is the whole of ``process_one_month`` in a database file. The peer (``month_pandas``) keeps frames in memory and
stores nothing; with training it fits churnobs' own trainer once on the same as-ofs, where the loop also tries the
challenger against the serving model, logs what it fitted and may refit.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.rounds import Said, alternate, median, peak_mb

VARIANTS: Final = ("ours_never", "pandas_never", "ours_always", "pandas_always")


def measure(world: str, *, customers: int, months: int, seed: int, rounds: int) -> Said:
    """Run a world's months through all variants in turn; the result is one JSON line."""
    from simulations import WORLDS, simulate

    with tempfile.TemporaryDirectory() as folder:
        simulate(WORLDS[world], customers=customers, months=months, seed=seed).write(folder)
        said = alternate({name: ("month", f"{folder}:{name}") for name in VARIANTS}, rounds)
    seconds = {name: median(said[name], "seconds") for name in VARIANTS}
    result: Said = {"benchmark": "month", "world": world, "customers": customers, "months": months}
    for policy, words in (("never", "without_training"), ("always", "with_training")):
        result[f"ratio_{words}"] = round(seconds[f"ours_{policy}"] / seconds[f"pandas_{policy}"], 2)
        result[f"seconds_{words}"] = round(seconds[f"ours_{policy}"], 3)
    result["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    result["slowest"] = {name: round(median(said[name], "slowest"), 3) for name in VARIANTS}
    result["cpu_seconds"] = {name: round(median(said[name], "cpu_seconds"), 3) for name in VARIANTS}
    result["seconds_in_steps"] = {n: round(median(said[n], "in_steps"), 3) for n in VARIANTS if n.startswith("ours")}
    result["peak_mb"] = {name: round(median(said[name], "peak_mb")) for name in VARIANTS}
    return result


def variant(name: str, where: str) -> Said:
    """All months of a folder in this process; the months up to the first model warm up.

    The numbers are medians over the later months, for "always" over those that trained.
    """
    who, _, policy = name.partition("_")
    if who == "pandas":
        from benchmarks.month_pandas import run_months

        lived = run_months(Path(where), train=policy == "always")
    else:
        lived = lived_by_us(Path(where), policy)
    warm = [one for one in lived[_first(lived, "served") + 1 :] if policy == "never" or one["trained"]]
    return {
        "seconds": statistics.median(one["seconds"] for one in warm),
        "slowest": max(one["seconds"] for one in warm),
        "cpu_seconds": statistics.median(one["cpu_seconds"] for one in warm),
        "in_steps": statistics.median(one["in_steps"] for one in warm),
        "peak_mb": peak_mb(),
        "months": lived,
    }


def _first(lived: list[Said], key: str) -> int:
    return next(index for index, one in enumerate(lived) if one[key])


def lived_by_us(source: Path, policy: str, *, memory_limit: str | None = None) -> list[Said]:
    """What each month of a folder took, by the policy "always" or "never"."""
    import churnobs

    config = churnobs.LifecycleConfig(policy=churnobs.Always() if policy == "always" else churnobs.Never())
    lived: list[Said] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        churnobs.connect(f"duckdb:{scratch}/loop.duckdb", memory_limit=memory_limit) as workspace,
    ):
        loop = workspace.lifecycle(config, source=source)
        for _ in loop.waiting():
            started, worked = time.perf_counter(), time.process_time()
            report = loop.process_one_month()
            lived.append(
                {
                    "seconds": time.perf_counter() - started,
                    "cpu_seconds": time.process_time() - worked,
                    "in_steps": sum(report.seconds.values()),
                    "served": report.decision.default_version is not None,
                    "trained": report.decision.retrain,
                }
            )
    return lived
