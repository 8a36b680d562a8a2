"""What the programs of this folder share: the clock, the memory and how they say it. Needs nothing but Python.

Timing starts after imports and after the rows are in memory as the library needs them (a pandas frame).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """What the work gave, and its ``seconds`` and ``cpu_seconds``, after it was done once to warm up."""
    work()
    started, worked = time.perf_counter(), time.process_time()
    made = work()
    return made, {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - worked}


def say(clock: dict[str, float], values: object) -> None:
    """Print one JSON line: the clock, the most memory ever held (``peak_mb``) and what was found (``values``)."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    sys.stdout.write(json.dumps({**clock, "peak_mb": peak, "values": values}) + "\n")
