"""The command line in processes of its own, as a shell sees it; wrong input also from inside, which is faster."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from loops import write_shop

import churnobs
from churnobs import Month
from churnobs.cli import app, guarded

CHURNOBS = (sys.executable, "-c", "from churnobs.cli import main; main()")
ENVIRONMENT = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONWARNINGS": "error"}


def shell(*words: Any) -> subprocess.CompletedProcess[str]:
    """A command in a pipe."""
    return subprocess.run(
        [*CHURNOBS, *map(str, words)], capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("files"), Month(2023, 12), 3)


@pytest.fixture(scope="module")
def done(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with a finished run of three months, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    how = ("--json", folder / "run.json", "--html", folder / "run.html")
    return folder, shell("run", "--source", files, "--db", folder / "retail.duckdb", *how)


def test_a_run_in_a_pipe_prints_rows_and_nothing_else(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, run = done
    assert (run.returncode, run.stderr) == (0, "")
    header, *months = [line.split("\t") for line in run.stdout.splitlines() if "\t" in line]
    assert header[:4] == ["month", "decision", "serves", "scored as-of"]
    assert [row[:2] for row in months] == [["2023-12", "wait"], ["2024-01", "first_model"], ["2024-02", "wait"]]
    assert "\x1b" not in run.stdout
    assert f"wrote {folder / 'run.html'}" in run.stdout
    assert (folder / "run.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_the_json_has_the_published_shape(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads((done[0] / "run.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert list(found) == ["months"]
    assert [month["month"] for month in found["months"]] == ["2023-12", "2024-01", "2024-02"]
    for month in found["months"]:
        kinds = {
            "month": str, "as_of": str, "status": str, "rows": int, "performance": dict, "drift": dict,
            "scored_as_of": str | None, "decision": dict, "seconds": dict,
        }  # fmt: skip
        assert all(isinstance(month[name], kind) for name, kind in kinds.items())
        assert isinstance(month["decision"]["action"], str)
        assert isinstance(month["decision"]["reason"], str)
        assert isinstance(month["decision"]["default_version"], str | None)
        assert set(month["performance"]) <= {"base", "default", "challenger"}
    assert [month["as_of"] for month in found["months"]] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert [month["status"] for month in found["months"]] == ["waiting", "decided", "waiting"]


def test_status_metrics_and_lineage_read_a_run(
    done: tuple[Path, subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(done[0] / "retail.duckdb")
    assert guarded(lambda: app(["status", "--db", place])) == 0
    # the run printed the same, and where it wrote the page
    printed = "".join(x for x in done[1].stdout.splitlines(keepends=True) if not x.startswith("wrote "))
    assert capsys.readouterr() == (printed, "")
    assert guarded(lambda: app(["lineage", "--db", place])) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["from", "", "to", ""]
    assert {tuple(row[0::2]) for row in rows[1:]} >= {
        ("table", "feature_view"), ("feature_view", "dataset"), ("dataset", "model"), ("model", "prediction"),
        ("prediction", "monitor"),
    }  # fmt: skip


def test_a_second_run_goes_on_and_months_limits_it(files: Path, tmp_path: Path) -> None:
    place, out = tmp_path / "retail.duckdb", tmp_path / "run.json"
    for months, count in ((1, 1), (1, 2), (9, 3), (9, 3)):
        words = ("run", "--source", files, "--db", place, "--months", months, "--json", out, "--policy", "never")
        assert guarded(lambda words=words: app(list(map(str, words)))) == 0
        assert len(json.loads(out.read_text())["months"]) == count


def test_readers_and_a_second_writer_while_a_process_writes(
    done: tuple[Path, subprocess.CompletedProcess[str]], files: Path, tmp_path: Path
) -> None:
    place = done[0] / "retail.duckdb"
    with churnobs.connect(f"duckdb:{place}"):
        status, metrics = shell("status", "--db", place), shell("metrics", "--db", place, "--json", tmp_path / "m.json")
        second = shell("run", "--source", files, "--db", place)
    for read in (status, metrics):
        assert (read.returncode, read.stderr) == (0, "")
        assert "\t" in read.stdout
    assert "first_model" in status.stdout
    assert json.loads((tmp_path / "m.json").read_text()) == []
    assert_told(second, f"{place} is being written by process {os.getpid()}; wait for it to end")


def assert_told(run: subprocess.CompletedProcess[str], said: str) -> None:
    """Exit code 2, one line, no traceback."""
    assert run.returncode == 2
    assert run.stderr.startswith("churnobs: ")
    assert run.stderr.count("\n") == 1
    assert said in run.stderr
    assert run.stdout == ""


def test_a_wrong_folder_as_a_shell_sees_it(tmp_path: Path) -> None:
    run = shell("run", "--source", tmp_path / "none", "--db", tmp_path / "x.duckdb")
    assert_told(run, "there is no file or folder")


def bad_sales(folder: Path) -> Path:
    folder.mkdir()
    text = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
    (folder / "sales_2024_1.csv").write_text(text + "T1,C1,2024-01-05,false,1,card,many\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--source", "{files}", "--db", "{tmp}/a.duckdb", "--policy", "weekly"], "'weekly' is no policy; one of"),
        (["run", "--source", "{files}", "--db", "{tmp}/a.duckdb", "--mapping", "{tmp}/none.toml"], "none.toml"),
        (["run", "--source", "{files}", "--db", "{tmp}/a.duckdb", "--mapping", "{tmp}/broken.toml"], "broken.toml"),
        (["run", "--source", "{files}", "--db", "{tmp}/a.duckdb", "--mapping", "{tmp}/odd.toml"], "odd.toml"),
        (["run", "--source", "{tmp}/empty", "--db", "{tmp}/a.duckdb"], "has no sales files; expected names"),
        (["run", "--source", "{tmp}/bad", "--db", "{tmp}/a.duckdb"], "sales_2024_1.csv, line 2, column TOTAL_AMOUNT"),
        (["run", "--source", "{files}", "--db", "{tmp}/text.duckdb"], "not a valid DuckDB database file"),
        (["run", "--source", "{files}", "--db", "{tmp}/none/a.duckdb"], "cannot open"),
        (["run", "--source", "{files}", "--db", "{tmp}"], "Is a directory"),
        (["run", "--source", "{files}", "--db", "{db}", "--seed", "8"], "run with seed=0, not 8; use the same setting"),
        (["run", "--source", "{files}", "--db", "{db}", "--json", "{tmp}/none/a.json"], "cannot write"),
        (["run", "--source", "{files}", "--db", "{db}", "--html", "{tmp}"], "cannot write"),
        (["status", "--db", "{tmp}/none.duckdb"], "there is no database"),
        (["metrics", "--db", "{tmp}/text.duckdb"], "not a valid DuckDB database file"),
        (["lineage", "--db", "{tmp}/none.duckdb"], "there is no database"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(
    words: Sequence[str],
    said: str,
    files: Path,
    done: tuple[Path, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    bad_sales(tmp_path / "bad")
    (tmp_path / "text.duckdb").write_text("hello" * 1000)
    (tmp_path / "broken.toml").write_text("[sales\n")
    (tmp_path / "odd.toml").write_text('[sales]\nfile = "x.csv"\n[sales.columns]\nNO_SUCH = "a"\n')
    place = tmp_path / "done.duckdb"
    place.write_bytes((done[0] / "retail.duckdb").read_bytes())
    filled = [word.format(files=files, tmp=tmp_path, db=place) for word in words]
    if "--seed" in words:
        # something must be waiting
        filled[filled.index(str(files))] = str(write_shop(tmp_path / "more", Month(2023, 12), 4))
    assert guarded(lambda: app(filled)) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith("churnobs: ")
    assert said in err
    assert "Traceback" not in out + err
    assert not list(tmp_path.glob(".*.writing"))


def test_words_that_are_no_command_are_told_too() -> None:
    run = shell("rum")
    assert run.returncode == 2
    assert "No such command" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_terminal_gets_a_table_and_a_bar(tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files", Month(2024, 1), 1)
    master, slave = pty.openpty()
    words = [*CHURNOBS, "run", "--source", str(files), "--db", str(tmp_path / "retail.duckdb")]
    with subprocess.Popen(words, stdout=slave, stderr=slave, stdin=slave, env=ENVIRONMENT) as run:
        os.close(slave)
        seen = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            if not more:
                break
            seen += more
        assert run.wait(timeout=60) == 0
    os.close(master)
    text = seen.decode()
    assert "2024-01 features" in text, "a bar that names the step"
    assert "no as-of became final" in text
    assert "┃" in text, "a table"
    assert "Traceback" not in text
