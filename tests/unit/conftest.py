"""One scripted run of nine months that many tests look at; none of them changes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loops import Watched, Year, scripted, write_world

import churnobs
from churnobs import Alert


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month files of nine months of a small world with drift."""
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def year(world: Path) -> Iterator[Year]:
    """Nine months: two wait, a first model, then challengers that win, tie and lose on cue."""
    trainer = Watched()
    alerts = (Alert("low", "roc_auc", below=1.01), Alert("moved", "jensen_shannon", above=0.0, column="age"))
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(trainer=trainer, alerts=alerts), source=world)
        run = Year(workspace, loop, [], [], trainer.given)
        for month in loop.waiting():
            trainer.month = str(month)
            run.reports.append(loop.process_one_month())
            run.predictions.append(workspace.table("PREDICTIONS").collect())
        yield run
