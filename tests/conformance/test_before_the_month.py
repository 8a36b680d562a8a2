"""Deploying, examining and previewing: the same calls on every backend, and nothing is done by looking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loops import scripted, write_world

from churnobs import Workspace
from churnobs.lifecycle.steps import StepKind


def counted(workspace: Workspace) -> dict[str, int]:
    names = ("SALES", "FILES_INGESTED", "JOURNAL", "LABELS", "PREDICTIONS", "MEASUREMENTS")
    return {name: workspace.table(name).count() for name in names}


def test_what_is_there_is_not_deployed_again(workspace: Workspace) -> None:
    assert workspace.deployment() == ()
    shown: list[str] = []
    assert workspace.deploy(show=shown.append) == ()
    assert shown == []


def test_everything_that_must_hold_is_examined(workspace: Workspace) -> None:
    checks = workspace.doctor()
    assert [c for c in checks if c.ok is not True] == []
    assert len({c.name for c in checks}) == len(checks) >= 2
    assert all(c.found for c in checks)


@pytest.mark.long_offline
def test_a_month_is_told_before_it_is_done(workspace: Workspace, tmp_path: Path) -> None:
    files = write_world(tmp_path / "world", customers=120, months=4)
    loop: Any = workspace.lifecycle(scripted(), source=files)
    first = loop.preview()
    assert (first.month, [s.step for s in first.steps]) == ("2024-01", [kind.value for kind in StepKind])
    assert first.steps[0].does.startswith("load ")
    assert "sales_2024_1.csv" in first.steps[0].does
    assert first.steps[7].does == "wait: no label becomes final"
    assert counted(workspace) == dict.fromkeys(counted(workspace), 0)
    loop.run(3)
    before = counted(workspace)
    coming = loop.preview()
    steps = {s.step: s for s in coming.steps}
    assert coming.month == "2024-04"
    assert steps["FEATURES"].statements[0].startswith("INSERT INTO FEATURES")
    assert steps["LABELS"].does == "labels of 2024-04-01 become final"
    assert len(steps["LABELS"].statements) == 1
    assert steps["MEASURE"].statements
    assert "Always keeps the default or asks for a challenger" in steps["DECIDE"].does
    assert counted(workspace) == before
    # what was told is what is done
    report = loop.process_one_month()
    assert str(report.newly_final[0]) == "2024-04-01"
    assert loop.preview().steps == ()
    assert str(loop.preview()) == "no month is waiting"
