"""Everything made once more from the files: nothing differs, or it says what does; what is stored is never changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from comparing import TABLES, rows
from loops import recipe, scripted, write_world

import churnobs
from churnobs import Alert, BadConfig, Month, NotFound, Workspace

MONTHS = 5
TOLD: list[object] = []
ALERTS = (Alert("low", "roc_auc", below=1.01, action=TOLD.append),)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


@pytest.fixture
def files(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "files"))


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


@pytest.fixture
def unchanged(workspace: Workspace) -> Iterator[Callable[[], None]]:
    """What remembers the tables, to be compared at the end."""
    before: dict[str, Any] = {}
    yield lambda: before.update({name: rows(workspace, name) for name in (*TABLES, "JOURNAL")})
    assert before
    assert {name: rows(workspace, name) for name in before} == before


def test_a_replay_finds_nothing_and_then_what_was_tampered_with(
    workspace: Workspace, files: Path, unchanged: Callable[[], None]
) -> None:
    loop = workspace.lifecycle(scripted(alerts=ALERTS), source=files)
    loop.run(4)
    loop.rollback("it was no better")
    loop.run()
    told = len(TOLD)
    replay = loop.replay()
    assert replay.text() == ""
    assert replay.differences == ()
    assert replay.months == ("2024-01", "2024-02", "2024-03", "2024-04", "2024-05")
    assert "nothing differs" in replay._repr_html_()
    # nobody hears of it
    assert len(TOLD) == told > 0

    engine: Any = workspace._backend.engine
    where = "WHERE TIMESTAMP = CAST('2024-04-01' AS TIMESTAMP) AND CUSTOMER_ID = (SELECT MIN(CUSTOMER_ID) FROM LABELS)"
    engine.execute(f"UPDATE LABELS SET CHURNED = 1 - CHURNED {where}")
    unchanged()
    found = loop.replay("2024-03")
    assert [(d.what, d.where) for d in found.differences] == [("table", "LABELS")]
    assert found.text() == "LABELS: 1 stored rows were not made again, 1 others were"
    assert found.months == ("2024-03", "2024-04", "2024-05")
    # the label is of an as-of before
    assert loop.replay(Month(2024, 4)).text() == ""


def test_files_and_settings_that_are_not_what_they_were(
    workspace: Workspace, files: Path, unchanged: Callable[[], None]
) -> None:
    loop = workspace.lifecycle(scripted(), source=files)
    with pytest.raises(NotFound, match="no month is not finished; finished months: none"):
        loop.replay()
    loop.run(4)
    unchanged()
    with pytest.raises(BadConfig, match="a replay needs the files"):
        workspace.lifecycle(scripted()).replay()
    with pytest.raises(NotFound, match="2024-05 is not finished; finished months: 2024-01 to 2024-04"):
        loop.replay("2024-05")
    sales = files / "sales_2024_3.csv"
    sales.write_text("".join(sales.read_text(encoding="utf-8").splitlines(keepends=True)[:-5]), encoding="utf-8")
    found = workspace.lifecycle(scripted(), source=files).replay()
    assert str(found.differences[0]) == "sales_2024_3.csv: has other content than was loaded"
    assert "2024-03: rows was" in found.text()
    assert "SALES: 5 stored rows were not made again, 0 others were" in found.text()
    sales.unlink()
    gone = workspace.lifecycle(scripted(), source=files / "sales_2024_1.csv").replay()
    assert "sales_2024_3.csv: was loaded and is not there" in gone.text()
    assert "2024-02: cannot be made again: no month is waiting" in gone.text()


@pytest.mark.long
def test_another_recipe_gives_other_versions_and_numbers(workspace: Workspace, files: Path) -> None:
    workspace.lifecycle(scripted(), source=files).run()
    other = scripted(trainer=recipe().set_params(C=0.001))
    found = workspace.lifecycle(other, source=files).replay("2024-04")
    assert {d.what for d in found.differences} == {"decision", "number", "table"}
    assert "2024-04: default_version was V2024_04_REFIT_" in found.text()
    assert "2024-05: ROC_AUC of " in found.text()
