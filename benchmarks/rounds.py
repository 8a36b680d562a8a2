"""Run variants in turn, each in a process of its own, and read what each says."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that prints one JSON line, as a variant.

    Args:
        command: the program and its arguments.
        environment: variables that are set for it.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]


Variant = Sequence[str] | Program


def alternate(variants: Mapping[str, Variant], rounds: int, *, once: Sequence[str] = ()) -> dict[str, list[Said]]:
    """What each variant said in each round; the order turns round every other time.

    Args:
        variants: name -> arguments of ``python -m benchmarks variant``, or a program.
        rounds: how often each runs.
        once: variants too slow to run in more than the first round.
    """
    said: dict[str, list[Said]] = {name: [] for name in variants}
    for number in range(rounds):
        names = list(variants) if number % 2 == 0 else list(variants)[::-1]
        for name in names:
            if number == 0 or name not in once:
                said[name].append(_run(variants[name]))
    return said


def _run(variant: Variant) -> Said:
    if not isinstance(variant, Program):
        # one thread for what does not know better: two libraries with two threads each would fight over two cores
        command = (sys.executable, "-m", "benchmarks", "variant", *variant)
        variant = Program(command, {"OMP_NUM_THREADS": "1"})
    done = subprocess.run(
        variant.command,
        env={**os.environ, **variant.environment},
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said: Said = json.loads(done.stdout.splitlines()[-1])
    return said


def peak_mb() -> float:
    """The most memory that this process ever held, in MB.

    Not ``ru_maxrss``: a process inherits that from the one that started it, which may have made the data.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median(said: Sequence[Said], key: str) -> float:
    """The median over rounds of one number."""
    return statistics.median(float(one[key]) for one in said)


def cores(one: Said) -> float:
    """How many cores a run got: work done over time passed."""
    return float(one["cpu_seconds"]) / float(one["seconds"])


def fair_rounds(said: Mapping[str, Sequence[Said]], ours: str, peer: str, *, within: float = 0.15) -> list[float]:
    """Ours over the peer in the rounds where both got about the same share of the machine; often none on a busy one.

    For two variants that use all cores: where one ran on one core and the other on two, seconds compare the neighbours.
    """
    pairs = zip(said[ours], said[peer], strict=False)
    return [float(a["seconds"]) / float(b["seconds"]) for a, b in pairs if abs(cores(a) / cores(b) - 1) <= within]


def asked_again(said: Mapping[str, Sequence[Said]], ours: str, peer: str) -> float:
    """The peer over ours where ours has counted before and is asked once more: the median of the ratios within rounds."""
    pairs = zip(said[ours], said[peer], strict=False)
    return round(statistics.median(float(b["seconds"]) / float(a["again_seconds"]) for a, b in pairs), 1)


def ratio(said: Mapping[str, Sequence[Said]], key: str, ours: str, peer: str) -> float:
    """Ours over the peer: the median of the ratios within rounds, so that a busy machine slows down both.

    Where the peer ran in the first round only, that round counts.
    """
    return statistics.median(float(a[key]) / float(b[key]) for a, b in zip(said[ours], said[peer], strict=False))


def summary(said: Mapping[str, Sequence[Said]]) -> Said:
    """The medians of seconds, CPU seconds and peak memory of each variant, and how many cores each run got.

    ``again_seconds``, of variants that say so: what the same question took when it was asked a second time.
    """
    found: Said = {
        key: {name: round(median(of, key), digits) for name, of in said.items()}
        for key, digits in (("seconds", 2), ("cpu_seconds", 2), ("peak_mb", 0))
    }
    again = {name: round(median(of, "again_seconds"), 2) for name, of in said.items() if "again_seconds" in of[0]}
    if again:
        found["again_seconds"] = again
    found["cores"] = {name: [round(cores(one), 2) for one in of] for name, of in said.items()}
    return found
