"""Everything made once more from the files, where a backend has a place for it."""

from __future__ import annotations

from pathlib import Path

from loops import scripted, write_world

from churnobs import Workspace


def test_a_replay_finds_nothing(workspace: Workspace, tmp_path: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=write_world(tmp_path, customers=60, months=1))
    loop.run()
    replay = loop.replay()
    assert replay.text() == ""
    assert replay.months == ("2024-01",)
