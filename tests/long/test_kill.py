"""SIGKILL at random moments, and the run goes on as if nothing had happened."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from loops import different, tables, write_world

import churnobs
from churnobs import MonthReport

MOMENTS = 20
MONTHS = 7
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Run:
    """What a run left, and how long it took."""

    tables: dict[str, list[str]]
    reports: list[MonthReport]
    seconds: float


def start(files: Path, place: Path) -> subprocess.Popen[str]:
    """``churnobs run`` in a process of its own; every month after the first model tries a challenger."""
    words = ("run", "--source", str(files), "--db", str(place), "--policy", "always")
    return subprocess.Popen(
        [sys.executable, "-c", "from churnobs.cli import main; main()", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


def killed(files: Path, place: Path, seconds: float) -> bool:
    """Start, and kill after so many seconds; False when it had ended by then."""
    process = start(files, place)
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    assert (process.returncode, said) == (0, "")
    return False


def left(files: Path, place: Path) -> Run:
    """Start, let it end, and look at what it left."""
    began = time.monotonic()
    process = start(files, place)
    _, said = process.communicate()
    assert (process.returncode, said) == (0, "")
    seconds = time.monotonic() - began
    with churnobs.connect(f"duckdb:{place}") as workspace:
        return Run(tables(workspace), workspace.lifecycle().history(), seconds)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=400, months=MONTHS, drift=4)


@pytest.fixture(scope="module")
def undisturbed(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("undisturbed")
    run = left(files, folder / "retail.duckdb")
    assert [r.decision.action for r in run.reports[:3]] == ["wait", "wait", "first_model"]
    assert all(r.decision.retrain for r in run.reports[3:])
    # models (by the hash of their bytes), what they predicted and what was decided are all in these tables
    for name in ("MODEL_ARTEFACTS", "MODEL_VERSIONS", "PREDICTIONS", "MEASUREMENTS", "JOURNAL", "MONITORS"):
        assert run.tables[name]
    return run


def assert_same(run: Run, undisturbed: Run, place: Path) -> None:
    assert different(run.tables, undisturbed.tables) == []
    assert run.reports == undisturbed.reports
    published = churnobs.connect(f"duckdb:{place}.published", read_only=True)
    with published as reader:
        assert reader.lifecycle().history() == undisturbed.reports
    assert {p.name for p in place.parent.iterdir()} == {place.name, f"{place.name}.published"}


def test_two_undisturbed_runs_are_the_same(files: Path, undisturbed: Run, tmp_path: Path) -> None:
    place = tmp_path / "retail.duckdb"
    assert_same(left(files, place), undisturbed, place)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_a_random_moment_and_started_again(
    moment: int, files: Path, undisturbed: Run, tmp_path: Path
) -> None:
    place = tmp_path / "retail.duckdb"
    at = random.Random(f"moment {moment}").uniform(0, undisturbed.seconds)
    print(f"killed after {at:.2f} of {undisturbed.seconds:.2f} s: {killed(files, place, at)}")
    assert_same(left(files, place), undisturbed, place)


def test_killed_again_and_again(files: Path, undisturbed: Run, tmp_path: Path) -> None:
    chance, share, kills = random.Random(20), 0.5, 0
    while kills < 2:
        # on a machine that others have left, a run can end before it is killed: then sooner, from the start
        place, kills = tmp_path / f"{share}" / "retail.duckdb", 0
        place.parent.mkdir()
        # long enough that every process gets past its imports and some steps further
        while kills < MOMENTS and killed(files, place, chance.uniform(0.2 * share, share) * undisturbed.seconds):
            kills += 1
        share /= 2
    print(f"killed {kills} times in a row")
    assert_same(left(files, place), undisturbed, place)
