"""The default loop on worlds and real purchases: the simulator and Snowflake leave the same, month by month."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from comparing import TABLES, differences, same
from test_real_data import DATA, ROOT

import churnobs
from churnobs import LifecycleConfig, Workspace
from churnobs.testing import serve
from simulations import WORLDS, simulate

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]
CUSTOMERS = 2_000
# what a world or a file of purchases may lack
MAY_BE_EMPTY = {"CUSTOMERS", "FEEDBACK_RAW", "FEEDBACK_SENTIMENT", "RECENT_FEEDBACK", "ALERT_HISTORY"}


def cdnow(folder: Path) -> Path:
    """The purchases of the first customers of CDNOW."""
    with (DATA / "cdnow" / "transactions.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = list(csv.reader(file))
    who = header.index("customer_id")
    kept = set(sorted({line[who] for line in lines})[:CUSTOMERS])
    folder.mkdir()
    with (folder / "transactions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *(line for line in lines if line[who] in kept)])
    return folder / "transactions.csv"


@pytest.fixture(scope="module", params=["steady", "demo", "sudden", "cdnow"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The same months on both: (workspace, its loop), and the other's."""
    folder = tmp_path_factory.mktemp("files") / request.param
    given: dict[str, Any] = {"source": folder}
    if request.param == "cdnow":
        if not DATA.is_dir():
            pytest.skip("the real data sets are not here: set CHURNOBS_DATA to their folder")
        given = {"source": cdnow(folder), "mapping": ROOT / "examples" / "mappings" / "cdnow.toml"}
    else:
        simulate(WORLDS[request.param], customers=CUSTOMERS, months=12, seed=1).write(folder)
    with serve(trace=True) as account, churnobs.connect() as here:
        session = account.session(database="LONG", schema=request.param.upper())
        with churnobs.connect(session) as there:
            there.deploy(show=None)
            ran = []
            for workspace in (here, there):
                loop = workspace.lifecycle(LifecycleConfig(), **given)
                loop.run()
                ran.append((workspace, loop))
            yield ran[0], ran[1]


def test_the_same_tables(both: tuple[tuple[Workspace, Any], tuple[Workspace, Any]]) -> None:
    (here, _), (there, _) = both
    found = {table: differences(table, here, there) for table in TABLES}
    assert {table: wrong for table, wrong in found.items() if wrong} == {}
    assert [t for t in TABLES if not here.table(t).count() and t not in MAY_BE_EMPTY] == []


def test_the_same_decisions_and_metrics(both: tuple[tuple[Workspace, Any], tuple[Workspace, Any]]) -> None:
    (_, here), (_, there) = both
    months = list(zip(here.history(), there.history(), strict=True))
    assert len(months) >= 12
    for mine, theirs in months:
        assert (theirs.month, theirs.decision.action, theirs.decision.default_version, theirs.newly_final) == (
            mine.month, mine.decision.action, mine.decision.default_version, mine.newly_final,
        )  # fmt: skip
        assert theirs.alarms == mine.alarms
        for a, b in zip(mine.measurements, theirs.measurements, strict=True):
            assert (a.role, a.version, a.rows) == (b.role, b.version, b.rows)
            assert all(same(a.values[name], b.values[name]) for name in a.values)
