"""A year of two worlds by a deployed task graph and the test clock: what is left is what the loop leaves by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema

from churnobs import LifecycleConfig
from churnobs.testing import serve
from simulations import WORLDS, simulate

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
MONTHS, CUSTOMERS = 12, 400


@pytest.mark.parametrize("world", ["steady", "sudden"])
def test_a_year_by_tasks_is_a_year_by_hand(world: str, tmp_path: Path) -> None:
    simulate(WORLDS[world], customers=CUSTOMERS, months=MONTHS, seed=1).write(tmp_path)
    with serve() as account:
        account.clock.set(START)
        by_hand, by_tasks = Schema(account, "BY_HAND"), Schema(account, "BY_TASKS")
        with by_hand.open() as workspace:
            workspace.lifecycle(LifecycleConfig(seed=1), source=tmp_path).run()
            expected, reports = by_hand.everything(workspace), workspace.lifecycle(LifecycleConfig(seed=1)).history()
        with by_tasks.open() as workspace:
            loop = workspace.lifecycle(LifecycleConfig(seed=1))
            loop.deploy_tasks("USING CRON 0 6 * * * UTC", on_new_data=True, show=None)
            session: Any = workspace._backend.engine.link.session  # type: ignore[attr-defined]
            for path in sorted(tmp_path.glob("*.csv")):
                session.file.put(path.as_posix(), "@CHURNOBS_INBOX", auto_compress=False)
            session.sql("ALTER STAGE CHURNOBS_INBOX REFRESH").collect()
            account.clock.advance(days=MONTHS + 1)
            found = by_tasks.everything(workspace)
            assert workspace.lifecycle(LifecycleConfig(seed=1)).history() == reports
            history = loop.task_history()
        assert len(reports) == MONTHS
        assert set(history["STATE"]) <= {"SUCCEEDED", "SCHEDULED", "SKIPPED"}
        assert {name for name in found if not name.startswith("CHURNOBS_CHURN")} == set(expected)
        for name, rows in expected.items():
            assert found[name] == rows, name
