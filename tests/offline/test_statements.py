"""Statements that are more than one, columns of a length, and how an account ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

ROOT = Path(__file__).parents[2]
HEAD = "import os, sys\nfrom churnobs.testing import serve\n"
PROGRAMS = {
    "raises": ("with serve() as a:\n  a.session().sql('SELECT 1').collect()\n  raise ValueError", 1),
    "exits": ("with serve() as a:\n  a.session().sql('BEGIN').collect()\n  sys.exit(3)", 3),
    "forgets to close": ("s = serve()\na = s.__enter__()\na.session().sql('SELECT 1').collect()", 0),
    "leaves clients open": (
        "import snowflake.connector\nwith serve() as a:\n  c = snowflake.connector.connect(**a.connection())\n"
        "  c.cursor().execute('SELECT 1')",
        0,
    ),
    "forks": (
        "with serve() as a:\n  child = os.fork()\n  if not child: sys.exit(0)\n  os.waitpid(child, 0)\n"
        "  assert a.session().sql('SELECT 1').collect()[0][0] == 1",
        0,
    ),
    "gets or creates": (
        "from snowflake.snowpark import Session\nfor n in range(2):\n  with serve() as a:\n"
        "    s = Session.builder.configs(a.connection()).getOrCreate()\n    assert s.sql('SELECT 1').count() == 1",
        0,
    ),
    "is interrupted": ("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored\nwith serve() as a:\n  a.session()\n  os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_and_leaves_nothing(tmp_path, name: str) -> None:
    text, code = PROGRAMS[name]
    work, temp = tmp_path / "work", tmp_path / "temp"
    work.mkdir()
    temp.mkdir()
    (tmp_path / "program.py").write_text(f"{HEAD}{text}\n")
    env = {**os.environ, "TMPDIR": str(temp), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", str(tmp_path / "program.py")], cwd=work, env=env, timeout=60, capture_output=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr.decode()
    assert [p.name for p in temp.iterdir() if p.name.startswith("churnobs")] == []
    assert list(work.iterdir()) == []


def test_several_statements_in_a_request(snowflake_session) -> None:
    cursor = snowflake_session.connection.cursor()
    text = "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2); -- a; comment\nSELECT a, ';' FROM t ORDER BY a;"
    cursor.execute(text, num_statements=3)
    assert cursor.fetchall() == [("Table T successfully created.",)]
    assert cursor.nextset() is not None
    assert cursor.fetchall() == [(2,)]
    assert cursor.nextset() is not None
    assert cursor.fetchall() == [(1, ";"), (2, ";")]
    assert cursor.nextset() is None
    with pytest.raises(Exception, match="Actual statement count 2 did not match the desired statement count 3"):
        cursor.execute("SELECT 1; SELECT 2", num_statements=3)
    cursor.execute("SELECT 1; SELECT 2", num_statements=0)
    assert cursor.fetchall() == [(1,)]


def test_execute_immediate_runs_one_statement(sql, fails) -> None:
    assert sql("EXECUTE IMMEDIATE 'SELECT 1 + 1'") == [(2,)]
    assert sql("EXECUTE IMMEDIATE $$ SELECT 'it''s'; $$") == [("it's",)]
    assert sql("EXECUTE IMMEDIATE $$ BEGIN RETURN 1; END $$") == [(1,)]
    assert "offline account" in fails("EXECUTE IMMEDIATE FROM @stage/file.sql")[1]


def test_system_functions_are_called(sql) -> None:
    assert sql("CALL SYSTEM$WAIT(1)") == [("waited 1 seconds",)]


def test_explain_shows_a_plan(snowflake_session, capsys) -> None:
    snowflake_session.sql("SELECT 1 AS a").explain()
    assert "Logical Execution Plan" in capsys.readouterr().out


def test_a_text_longer_than_its_column_is_refused(sql, fails) -> None:
    sql("CREATE TABLE t (a VARCHAR(3), b CHAR(2), c VARCHAR, d CHAR)")
    sql("INSERT INTO t VALUES ('abc', 'ab', 'long enough', 'x')")
    assert fails("INSERT INTO t(a) VALUES ('abcd')")[0] == 100078
    assert fails("INSERT INTO t(d) VALUES ('ab')")[0] == 100078
    assert "'abcd' is too long" in fails("UPDATE t SET a = 'abcd'")[1]
    assert (
        fails("MERGE INTO t USING (SELECT 'abcd' AS x) s ON t.a = s.x WHEN NOT MATCHED THEN INSERT (a) VALUES (s.x)")[0]
        == 100078
    )
    assert sql("SELECT COUNT(*), MAX(a) FROM t") == [(1, "abc")]
    sql("CREATE TABLE u LIKE t")
    assert fails("INSERT INTO u(b) VALUES ('abc')")[0] == 100078
    sql("ALTER TABLE t ALTER COLUMN a SET DATA TYPE VARCHAR(4)")
    sql("ALTER TABLE t RENAME COLUMN b TO bb")
    sql("INSERT INTO t(a) VALUES ('abcd')")
    assert fails("INSERT INTO t(bb) VALUES ('abc')")[0] == 100078
    sql("ALTER TABLE t DROP COLUMN bb, d")
    sql("ALTER TABLE t RENAME TO tt")
    assert fails("INSERT INTO tt(a) VALUES ('abcde')")[0] == 100078
    sql("CREATE OR REPLACE TABLE tt (a VARCHAR)")
    sql("INSERT INTO tt VALUES ('as long as it likes')")


def test_a_transaction_with_a_failed_statement_cannot_be_committed(sql, fails) -> None:
    sql("CREATE TABLE t (a VARCHAR(3), b INT NOT NULL)")
    for bad in ("INSERT INTO t VALUES ('too long', 1)", "INSERT INTO t SELECT 'x', 1 / 0"):
        sql("BEGIN")
        sql("INSERT INTO t VALUES ('ok', 1)")
        fails(bad)
        assert "offline account: going on with a transaction" in fails("SELECT * FROM t")[1]
        assert "ROLLBACK" in fails("COMMIT")[1]
        sql("INSERT INTO t VALUES ('new', 2)")
    assert sql("SELECT DISTINCT a FROM t") == [("new",)]


def test_names_that_differ_only_in_case_are_refused(sql, fails) -> None:
    sql("CREATE TABLE t (a INT)")
    assert "differs only in case" in fails('CREATE TABLE "t" (a INT)')[1]


def test_show_goes_on_after_a_name(sql) -> None:
    for name in ("alpha", "beta", "gamma", "delta"):
        sql(f"CREATE TABLE {name} (a INT)")
        sql(f"CREATE STREAM s_{name} ON TABLE {name}")
        sql(f"CREATE VIEW v_{name} AS SELECT * FROM {name}")
    names = lambda text: [row[1] for row in sql(text)]  # noqa: E731
    assert names("SHOW TABLES LIMIT 2") == ["ALPHA", "BETA"]
    assert names("SHOW TABLES LIMIT 2 FROM 'BETA'") == ["DELTA", "GAMMA"]
    assert names("SHOW TABLES LIMIT 5 FROM 'B'") == ["DELTA", "GAMMA"]
    assert names("SHOW TABLES LIMIT 1 FROM 'C'") == ["DELTA"]
    assert names("SHOW TABLES LIKE '%a%' STARTS WITH 'G' LIMIT 1") == ["GAMMA"]
    assert names("SHOW STREAMS LIMIT 2 FROM 'S_A'") == ["S_BETA", "S_DELTA"]
    assert names("SHOW OBJECTS LIMIT 2 FROM 'GAMMA'") == ["V_ALPHA", "V_BETA"]
    assert names("SHOW VIEWS LIMIT 10 FROM 'V_GAMMA'") == []
