"""An account that is kept in a folder: the next run finds what the last one left, as a whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnobs.testing import serve
from churnobs.testing.keeping import CannotKeep
from churnobs.testing.running import run_program

SETUP = """
CREATE TABLE t (a INT, b VARCHAR(10) COMMENT 'note', v VARIANT) COMMENT = 'of letters';
INSERT INTO t SELECT 1, 'a', PARSE_JSON('{"k": 1}');
CREATE TABLE counted (id INT AUTOINCREMENT, n NUMBER(10, 2) NOT NULL);
INSERT INTO counted (n) VALUES (1.5);
CREATE STREAM added ON TABLE t APPEND_ONLY = TRUE;
CREATE STREAM changed ON TABLE t;
INSERT INTO t VALUES (2, 'b', NULL);
CREATE FUNCTION inc(x INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'h' AS 'def h(x): return x + 1';
CREATE VIEW plain AS SELECT a * 2 AS d FROM t;
CREATE VIEW called AS SELECT inc(a) AS i, SNOWFLAKE.CORTEX.SENTIMENT(b) AS s FROM t;
CREATE STAGE files;
CREATE TAG kind ALLOWED_VALUES 'x';
ALTER TABLE t SET TAG kind = 'x';
CREATE DYNAMIC TABLE total TARGET_LAG = '1 hour' WAREHOUSE = COMPUTE_WH AS SELECT SUM(a) AS s FROM t;
CREATE TASK every SCHEDULE = '30 MINUTE' AS INSERT INTO t VALUES (9, 'task', NULL);
ALTER TASK every RESUME;
CREATE ROLE reader;
GRANT SELECT ON TABLE t TO ROLE reader;
CREATE TEMPORARY TABLE gone (a INT);
CREATE DATABASE dropped;
DROP DATABASE dropped;
USE DATABASE SHOP;
"""


def rows(session: Any, text: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.sql(text).collect()]


def make(folder: Path, data: Path) -> None:
    with serve(keep=folder) as account:
        account.clock.set("2024-03-01")
        session = account.session(database="SHOP")
        for text in SETUP.split(";\n")[:-1]:
            session.sql(text).collect()
        data.write_text("1,2\n", encoding="utf-8")
        session.file.put(str(data), "@files", auto_compress=False)
        account.clock.advance(minutes=10)


def test_the_next_run_finds_what_was_left(tmp_path: Path) -> None:
    make(tmp_path / "kept", tmp_path / "x.csv")
    (tmp_path / "kept").rename(tmp_path / "moved")  # files are found where the folder is now
    with serve(keep=tmp_path / "moved") as account:
        session = account.session(database="SHOP")
        assert rows(session, "SELECT a, b, v:k::INT FROM t ORDER BY a") == [(1, "a", 1), (2, "b", None)]
        assert rows(session, "SELECT a FROM added") == [(2,)]
        assert rows(session, "SELECT a, METADATA$ACTION FROM changed") == [(2, "INSERT")]
        assert rows(session, "SELECT d FROM plain ORDER BY d") == [(2,), (4,)]
        assert rows(session, "SELECT i, s FROM called ORDER BY i") == [(2, 0.0), (3, 0.0)]
        assert rows(session, "SELECT $1, $2 FROM @files") == [("1", "2")]
        assert rows(session, "SELECT s FROM total") == [(3,)]
        assert rows(session, "SELECT SYSTEM$GET_TAG('kind', 't', 'table')") == [("x",)]
        described = {row["name"]: row["comment"] for row in session.sql("DESCRIBE TABLE t").collect()}
        assert described == {"A": None, "B": "note", "V": None}
        grants = session.sql("SHOW GRANTS TO ROLE reader").collect()
        assert [(row["privilege"], row["name"]) for row in grants] == [("SELECT", "SHOP.PUBLIC.T")]
        assert [row["name"] for row in session.sql("SHOW DATABASES").collect()] == ["SHOP"]
        assert "GONE" not in [row["name"] for row in session.sql("SHOW TABLES").collect()]
        session.sql("INSERT INTO counted (n) VALUES (2.5)").collect()
        assert rows(session, "SELECT id FROM counted ORDER BY id") == [(1,), (2,)]
        with pytest.raises(Exception, match="100072"):
            session.sql("INSERT INTO counted (n) VALUES (NULL)").collect()
        # ten of the task's thirty minutes had gone
        assert account.clock.advance(minutes=15) == []
        assert [ran.name for ran in account.clock.advance(minutes=6)] == ["SHOP.PUBLIC.EVERY"]
        session.create_dataframe(pd.DataFrame({"A": [1]})).write.save_as_table("late")
    with serve(keep=tmp_path / "moved") as account:
        session = account.session(database="SHOP")
        assert rows(session, "SELECT a FROM late") == [(1,)]
        assert rows(session, "SELECT COUNT(*) FROM t") == [(3,)]
        assert rows(session, "SELECT a FROM added ORDER BY a") == [(2,), (9,)]


def test_a_run_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    make(tmp_path / "kept", tmp_path / "x.csv")
    program = f"""
import os, signal
from churnobs.testing import serve
with serve(keep={str(tmp_path / "kept")!r}) as account:
    session = account.session(database="SHOP")
    session.sql("DELETE FROM t").collect()
    session.sql("REMOVE @files").collect()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert ended.returncode == -signal.SIGKILL
    with serve(keep=tmp_path / "kept") as account:
        session = account.session(database="SHOP")
        assert rows(session, "SELECT COUNT(*) FROM t") == [(2,)]
        assert rows(session, "SELECT $1 FROM @files") == [("1",)]


def test_a_run_that_ended_between_two_renames_is_mended(tmp_path: Path) -> None:
    make(tmp_path / "kept", tmp_path / "x.csv")
    (tmp_path / "kept" / "account").rename(tmp_path / "kept" / "account.last")
    with serve(keep=tmp_path / "kept") as account:
        assert rows(account.session(database="SHOP"), "SELECT COUNT(*) FROM t") == [(2,)]


def test_one_account_at_a_time(tmp_path: Path) -> None:
    with (
        serve(keep=tmp_path / "kept"),
        pytest.raises(CannotKeep, match="in use by another run"),
        serve(keep=tmp_path / "kept"),
    ):
        raise AssertionError


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine", encoding="utf-8")
    with pytest.raises(CannotKeep, match="letters"), serve(keep=tmp_path):
        raise AssertionError
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
    with pytest.raises(CannotKeep, match="is a file"), serve(keep=tmp_path / "letters"):
        raise AssertionError


def test_what_other_versions_kept_is_not_read(tmp_path: Path) -> None:
    with serve(keep=tmp_path / "kept") as account:
        account.session(database="SHOP")
    versions = tmp_path / "kept" / "account" / "versions.txt"
    versions.write_text(versions.read_text(encoding="utf-8").replace("duckdb ", "duckdb 0."), encoding="utf-8")
    with pytest.raises(CannotKeep, match=r"kept by other versions \(duckdb 0"), serve(keep=tmp_path / "kept"):
        raise AssertionError
    assert versions.exists()


def test_a_program_finds_the_tables_of_the_last(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import snowflake.connector as c\n"
        "with c.connect(account='a', user='b', database='SHOP', schema='RAW') as one:\n"
        "    one.cursor().execute('CREATE TABLE IF NOT EXISTS runs (at TIMESTAMP_NTZ)')\n"
        "    one.cursor().execute('INSERT INTO runs SELECT SYSDATE()')\n"
        "    print(one.cursor().execute('SELECT COUNT(*) FROM runs').fetchall())\n",
        encoding="utf-8",
    )
    for _ in range(2):
        assert run_program([sys.executable, str(program)], keep=tmp_path / "kept") == 0
    assert capfd.readouterr().out.split() == ["[(1,)]", "[(2,)]"]
    (tmp_path / "kept" / "mine").write_text("", encoding="utf-8")
    command = [
        sys.executable,
        "-c",
        "from churnobs.cli import main; main()",
        "offline",
        "--keep",
        str(tmp_path / "kept"),
    ]
    ended = subprocess.run([*command, "--", "true"], check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "holds other files (mine)" in ended.stderr
