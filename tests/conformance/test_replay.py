"""Everything made once more from the files, in a place that nobody else sees, and compared with what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from comparing import rows
from loops import scripted, write_world

from churnobs import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def test_a_replay_finds_nothing(workspace: Workspace, tmp_path: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=write_world(tmp_path, customers=60, months=1))
    loop.run()
    replay = loop.replay()
    assert replay.text() == ""
    assert replay.months == ("2024-01",)


@pytest.mark.long_offline
def test_a_replay_shows_what_was_corrected(workspace: Workspace, tmp_path: Path) -> None:
    files = write_world(tmp_path / "files", customers=120, months=5)
    loop = workspace.lifecycle(scripted(), source=files)
    loop.run(4)
    loop.rollback("it was no better")
    loop.run()
    replay = loop.replay()
    assert replay.text() == ""
    assert replay.months[-1] == "2024-05"
    # a number that was tampered with, in whatever engine
    engine: Any = workspace._backend.engine
    sql = "UPDATE MEASUREMENTS SET METRIC_VALUE = METRIC_VALUE + 0.001 WHERE ROLE = 'BASE' AND METRIC_NAME = 'ROC_AUC'"
    sql += " AND MONTH = '2024-05'"
    with engine.transaction():
        engine.execute(sql) if hasattr(engine, "execute") else engine.dml(sql, "MEASUREMENTS")
    assert loop.replay("2024-05").text() == "MEASUREMENTS: 1 stored rows were not made again, 1 others were"
    sales = pd.read_csv(files / "sales_2024_4.csv", dtype=str)
    sales.drop(index=sales.index[:3]).to_csv(files / "sales_2024_4.csv", index=False)
    done = loop.revise(files)
    assert done is not None
    before = {name: rows(workspace, name) for name in ("JOURNAL", "SALES", "LABELS", "PREDICTIONS")}
    changed = loop.replay("2024-04")
    # the sales are what the files hold; what was made of the former ones is not made again
    assert "SALES" not in {d.where for d in changed.differences}
    assert {d.where for d in changed.differences if d.what == "table"} >= {"FEATURES", "PREDICTIONS"}
    labels = sum(done.labels_changed.values())
    assert changed.text().count("LABELS: ") == (labels > 0)
    assert {name: rows(workspace, name) for name in before} == before
