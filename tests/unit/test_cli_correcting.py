"""The command line's corrections: each is what the loop does, in words and rows, on a database that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from loops import scripted, write_shop, write_world

import churnobs
from churnobs import Month
from churnobs.cli import app, guarded

Shell = Callable[..., tuple[int, list[list[str]], str]]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The month files of a world, and a database of four scripted months."""
    folder = tmp_path_factory.mktemp("built")
    files = write_world(folder / "files", customers=120, months=4)
    with churnobs.connect(f"duckdb:{folder / 'world.duckdb'}", threads=1) as workspace:
        workspace.lifecycle(scripted(), source=files).run()
    return files, folder / "world.duckdb"


@pytest.fixture
def copied(built: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Copies that a test may change."""
    return Path(shutil.copytree(built[0], tmp_path / "files")), Path(shutil.copy(built[1], tmp_path / "world.duckdb"))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """A command in a pipe: its exit code, its rows, and what it complained of."""

    def run(*words: object) -> tuple[int, list[list[str]], str]:
        code = guarded(lambda: app(list(map(str, words))))
        out, err = capsys.readouterr()
        return code, [line.split("\t") for line in out.splitlines()], err

    return run


def drop_sales(path: Path, every: int) -> None:
    sales = pd.read_csv(path, dtype=str)
    sales[sales.index % every != 0].to_csv(path, index=False)


def text(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)


def test_revise_tells_what_changed(copied: tuple[Path, Path], shell: Shell) -> None:
    files, place = copied
    assert shell("revise", "--source", files, "--db", place) == (0, [["nothing of a finished month has changed"]], "")
    drop_sales(files / "sales_2024_4.csv", 2)
    code, rows, err = shell("revise", "--source", files, "--url", f"duckdb:{place}")
    assert (code, err) == (0, "")
    with churnobs.connect(f"duckdb:{place}", read_only=True) as workspace:
        history = workspace.lifecycle().history()
        beside = workspace.sql("SELECT * FROM MEASUREMENTS_REVISED").to_pandas()
    (revision,) = history.corrections()["WORDS"]
    assert rows[:2] == [
        [revision],
        ["as_of", "role", "version", "metric", "reported", "revised", "rows", "revision"],
    ]
    changed = beside[beside["METRIC_VALUE"] != beside["REPORTED_VALUE"]].dropna(subset="METRIC_VALUE")
    told = {(r[1], r[3]): (r[4], r[5]) for r in rows[2:]}
    assert told == {
        (r.ROLE, r.METRIC_NAME): (f"{r.REPORTED_VALUE:.4f}", f"{r.METRIC_VALUE:.4f}") for r in changed.itertuples()
    }
    assert ("DEFAULT", "ROC_AUC") in told
    _, rows, _ = shell("status", "--db", place)
    assert ["after", "kind", "words"] in rows
    assert ["2024-04", "REVISION", revision] in rows


def test_rollback_and_forget(copied: tuple[Path, Path], shell: Shell) -> None:
    files, place = copied
    code, rows, err = shell("rollback", "--reason", "it calls [red]too many[/red]", "--db", place)
    assert (code, err) == (0, "")
    assert text(rows).endswith(": it calls [red]too many[/red]")
    gone, former = text(rows).partition(":")[0].split(" was rolled back to ")
    assert f"{gone} was rolled back: {former} predicts from the next month on" in text(
        shell("status", "--db", place)[1]
    )
    who = pd.read_csv(files / "sales_2024_4.csv", dtype=str)["CUSTOMER_ID"].iloc[0]
    code, rows, err = shell("forget", who, "--db", place)
    assert (code, err) == (0, "")
    assert who not in text(rows)
    with churnobs.connect(f"duckdb:{place}", read_only=True) as workspace:
        kept = workspace.sql("SELECT TABLE_NAME, ROWS_ERASED FROM FORGOTTEN").collect()
        kinds = workspace.lifecycle().history().corrections()["KIND"].tolist()
    assert rows[1:] == [["table", "rows"], *sorted([r["TABLE_NAME"], str(r["ROWS_ERASED"])] for r in kept)]
    assert kinds == ["FORGET", "ROLLBACK"]
    code, _, err = shell("forget", "nobody", "--db", place)
    assert (code, "no row is of customer nobody" in err) == (2, True)


def test_replay_by_the_settings_of_the_run(tmp_path: Path, shell: Shell) -> None:
    files, place = write_shop(tmp_path / "files", Month(2024, 1), 2, customers=30), tmp_path / "shop.duckdb"
    assert shell("run", "--source", files, "--db", place, "--seed", 7, "--policy", "never")[0] == 0
    words = ("replay", "--source", files, "--db", place, "--policy", "never")
    assert shell(*words) == (0, [["2024-01 to 2024-02: nothing differs"]], "")
    drop_sales(files / "sales_2024_2.csv", 5)
    code, rows, err = shell(*words, "--from", "2024-02")
    assert (code, err) == (1, "")
    assert rows[0] == ["what", "where", "difference"]
    assert ["file", "sales_2024_2.csv", "has other content than was loaded"] in rows


def test_a_database_is_not_made_to_be_corrected(tmp_path: Path, shell: Shell) -> None:
    files, none = write_shop(tmp_path / "files", Month(2024, 1), 1, customers=5), tmp_path / "none.duckdb"
    for words in (
        ("revise", "--source", files),
        ("rollback", "--reason", "x"),
        ("forget", "C1"),
        ("replay", "--source", files),
    ):
        code, rows, err = shell(*words, "--db", none)
        assert (code, rows) == (2, [])
        assert "there is no database" in err
        assert shell(*words)[2].startswith("churnobs: one database is to be shown; ")
    assert not none.exists()
