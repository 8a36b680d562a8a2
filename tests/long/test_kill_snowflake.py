"""SIGKILL at random moments of a run on the offline Snowflake account, and the next process goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema
from loops import different, scripted, write_world

from churnobs import MonthReport
from churnobs.testing import OfflineAccount, serve

MONTHS = 5
KILLS = 12
ACTIONS = ["wait", "wait", "first_model", "promote", "tie"]
# the account is the server's; what dies is a client
CHILD = """
import json, os, sys
sys.path.insert(0, os.environ["TESTS"])
import churnobs
from loops import scripted

with churnobs.connect("snowflake:", **json.loads(os.environ["CONNECTION"])) as workspace:
    loop = workspace.lifecycle(scripted(), source=os.environ["FILES"])
    # a run of its own for each month left: what is between two runs is interrupted too
    print("ready", flush=True)
    while loop.waiting():
        loop.run(1, take_over=True)
"""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


@pytest.fixture(scope="module")
def account() -> Iterator[OfflineAccount]:
    with serve() as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(account: OfflineAccount, files: Path) -> tuple[dict[str, Any], list[MonthReport]]:
    place = Schema(account, "UNDISTURBED")
    with place.open() as workspace:
        reports = workspace.lifecycle(scripted(), source=files).run()
        assert [r.decision.action for r in reports] == ACTIONS
        return place.everything(workspace), reports


def start(account: OfflineAccount, place: Schema, files: Path) -> subprocess.Popen[str]:
    """A process of its own, that has connected and is about to run."""
    connection = json.dumps(account.connection(database=place.database, schema=place.name))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={
            **os.environ, "OMP_NUM_THREADS": "1", "CONNECTION": connection, "FILES": str(files),
            "TESTS": str(Path(__file__).parent.parent),
        },
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def done(place: Schema) -> int:
    """How many steps are kept."""
    with place.open() as workspace:
        return workspace.table("JOURNAL").count()


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again(
    seed: int, account: OfflineAccount, files: Path, undisturbed: tuple[dict[str, Any], list[MonthReport]]
) -> None:
    place, chance = Schema(account, f"KILLED_{seed}"), random.Random(f"kills {seed}")
    place.open().close()
    kills, kept, longest, told = 0, [0], 0.5, ""
    while True:
        process = start(account, place, files)
        try:
            _, told = process.communicate(timeout=chance.uniform(0.05, longest) if kills < KILLS else None)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        kept.append(done(place))
        # as long as nothing is kept they live longer: the longest step takes some seconds
        longest = longest * 1.5 if kept[-1] == kept[-2] else max(0.5, longest * 0.8)
    print(f"killed {kills} times; steps kept after each: {kept[1:]}")
    assert (process.returncode, told) == (0, "")
    assert kills >= 10
    with place.open() as workspace:
        assert workspace.lifecycle(scripted(), source=files).run() == []
        assert different(place.everything(workspace), undisturbed[0]) == []
        assert workspace.lifecycle(scripted()).history() == undisturbed[1]
