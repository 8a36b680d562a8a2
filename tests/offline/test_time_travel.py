"""Tables as they were: AT and BEFORE of a moment, an offset or a statement, in queries, clones and streams."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

START = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set(START)
        yield served


@pytest.fixture
def session(account):
    made = account.session(database="DB", schema="S")
    yield made
    made.close()


@pytest.fixture
def sql(session):
    return lambda text: [tuple(row) for row in session.sql(text).collect()]


@pytest.fixture
def fails(sql):
    from snowflake.snowpark.exceptions import SnowparkSQLException

    def run(text: str) -> str:
        with pytest.raises(SnowparkSQLException) as caught:
            sql(text)
        return str(caught.value)

    return run


@pytest.fixture
def told(account, sql):
    """A table that changed three times, ten minutes apart, and the statements that changed it."""
    sql("CREATE TABLE t (a INT, b VARCHAR, j VARIANT)")
    ids = []
    for text in (
        "INSERT INTO t SELECT column1, column2, PARSE_JSON('[1]') FROM VALUES (1, 'one'), (2, 'two')", "UPDATE t SET b = 'zwei' WHERE a = 2",
        "DELETE FROM t WHERE a = 1",
    ):  # fmt: skip
        account.clock.advance(minutes=10)
        sql(text)
        ids.append(sql("SELECT LAST_QUERY_ID()")[0][0])
    return ids


def test_a_moment_an_offset_and_a_statement(account, sql, fails, told) -> None:
    rows = "SELECT a, b FROM t {} ORDER BY a"
    assert sql(rows.format("")) == [(2, "zwei")]
    for minute, found in (
        (0, []),
        (5, []),
        (10, [(1, "one"), (2, "two")]),
        (15, [(1, "one"), (2, "two")]),
        (20, [(1, "one"), (2, "zwei")]),
    ):
        at = (START + dt.timedelta(minutes=minute)).replace(tzinfo=None)
        assert sql(rows.format(f"AT (TIMESTAMP => '{at}'::TIMESTAMP_NTZ)")) == found
        assert sql(rows.format(f"AT (OFFSET => -60 * {30 - minute})")) == found
    assert sql(rows.format("BEFORE (TIMESTAMP => '2024-03-01 00:10:00'::TIMESTAMP)")) == []
    assert sql(rows.format("BEFORE (TIMESTAMP => DATEADD(minute, -10, CURRENT_TIMESTAMP()))")) == [
        (1, "one"),
        (2, "two"),
    ]
    insert, update, delete = told
    assert sql(rows.format(f"BEFORE (STATEMENT => '{insert}')")) == []
    assert (
        sql(rows.format(f"AT (STATEMENT => '{insert}')"))
        == sql(rows.format(f"BEFORE (STATEMENT => '{update}')"))
        == [(1, "one"), (2, "two")]
    )
    assert sql(rows.format(f"BEFORE (STATEMENT => '{delete}')")) == [(1, "one"), (2, "zwei")]
    joined = f"SELECT n.a, o.b, n.b FROM t AS n JOIN t AT (STATEMENT => '{insert}') AS o ON n.a = o.a"
    assert sql(joined) == [(2, "two", "zwei")]
    assert sql("SELECT j[0]::INT FROM t AT (OFFSET => -900) LIMIT 1") == [(1,)]
    assert "not available" in fails(rows.format("AT (OFFSET => -3600)"))
    assert "not found" in fails(rows.format("AT (STATEMENT => 'no-such-statement')"))
    sql("CREATE VIEW v AS SELECT * FROM t")
    assert "offline account" in fails("SELECT * FROM v AT (OFFSET => -60)")
    assert "offline account" in fails("SELECT * FROM t CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -60)")
    sql("CREATE VIEW before_ AS SELECT a FROM t AT (OFFSET => -600)")
    assert len(sql("SELECT * FROM before_")) == 2


def test_the_past_ends(account, sql, fails, told) -> None:
    account.clock.advance(days=1, minutes=-5)
    assert "not available" in fails("SELECT * FROM t AT (TIMESTAMP => '2024-03-01 00:20:00'::TIMESTAMP)")
    assert len(sql("SELECT * FROM t AT (OFFSET => -86400)")) == 2
    sql("ALTER TABLE t SET DATA_RETENTION_TIME_IN_DAYS = 3")
    assert len(sql("SELECT * FROM t AT (TIMESTAMP => '2024-03-01 00:20:00'::TIMESTAMP)")) == 2
    sql("CREATE OR REPLACE TABLE t (a INT) DATA_RETENTION_TIME_IN_DAYS = 0")
    account.clock.advance(minutes=1)
    assert "not available" in fails("SELECT * FROM t AT (OFFSET => -30)")


def test_a_transaction_is_one_moment_of_commit(account, sql) -> None:
    sql("CREATE TABLE t (a INT)")
    sql("INSERT INTO t VALUES (1)")
    account.clock.advance(minutes=1)
    sql("BEGIN")
    sql("INSERT INTO t VALUES (2)")
    sql("DELETE FROM t WHERE a = 1")
    account.clock.advance(minutes=1)
    sql("COMMIT")
    assert sql("SELECT a FROM t AT (OFFSET => -30)") == [(1,)]
    assert sql("SELECT a FROM t AT (OFFSET => 0)") == [(2,)]
    sql("BEGIN")
    sql("DELETE FROM t")
    sql("ROLLBACK")
    account.clock.advance(minutes=1)
    assert sql("SELECT a FROM t AT (OFFSET => -60)") == sql("SELECT a FROM t") == [(2,)]


def test_clones_of_the_past_and_of_the_present_are_tables_of_their_own(account, sql, told) -> None:
    sql(f"CREATE TABLE was CLONE t BEFORE (STATEMENT => '{told[2]}')")
    sql("CREATE TABLE now_ CLONE t")
    assert sql("SELECT a, b FROM was ORDER BY a") == [(1, "one"), (2, "zwei")]
    sql("UPDATE was SET b = 'changed'")
    sql("INSERT INTO now_ (a) VALUES (9)")
    assert sql("SELECT a, b FROM t") == [(2, "zwei")]
    assert sql("SELECT a FROM now_ ORDER BY a") == [(2,), (9,)]
    sql("DELETE FROM t")
    assert sql("SELECT COUNT(*) FROM now_ UNION ALL SELECT COUNT(*) FROM was") == [(2,), (2,)]
    assert sql("SELECT j[0]::INT FROM was") == [(1,), (1,)]


def test_columns_names_and_swaps(account, sql) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
    account.clock.advance(minutes=1)
    sql("ALTER TABLE t ADD COLUMN c INT DEFAULT 5")
    sql("ALTER TABLE t DROP COLUMN b")
    account.clock.advance(minutes=1)
    assert sql("SELECT * FROM t AT (OFFSET => -90)") == [(1, "x")]
    assert sql("SELECT * FROM t AT (OFFSET => -60)") == [(1, 5)]
    sql("ALTER TABLE t RENAME TO u")
    assert sql("SELECT * FROM u AT (OFFSET => -90)") == [(1, "x")]
    sql("CREATE TABLE w AS SELECT 7 AS a")
    account.clock.advance(minutes=1)
    sql("INSERT INTO w VALUES (8)")
    sql("ALTER TABLE u SWAP WITH w")
    assert sql("SELECT * FROM u AT (OFFSET => -30)") == [(7,)]
    assert sql("SELECT * FROM w AT (OFFSET => -150)") == [(1, "x")]


def test_a_stream_from_the_past(account, sql, fails, told) -> None:
    sql(f"CREATE STREAM st ON TABLE t AT (STATEMENT => '{told[0]}')")
    assert sql("SELECT a, b, METADATA$ACTION, METADATA$ISUPDATE FROM st ORDER BY a, 3") == [
        (1, "one", "DELETE", False), (2, "two", "DELETE", True), (2, "zwei", "INSERT", True),
    ]  # fmt: skip
    assert "offline account" in fails("CREATE STREAM s2 ON TABLE t BEFORE (OFFSET => -60) APPEND_ONLY = TRUE")


def test_random_changes_are_found_again(account, sql, session, tmp_path) -> None:
    rng = np.random.default_rng(4)
    sql("CREATE TABLE r (k INT, v INT)")
    sql("CREATE STAGE st")
    seen = {START: []}
    for step in range(60):
        account.clock.advance(minutes=1)
        kind, k = (
            rng.choice(
                ["insert", "insert", "update", "delete", "merge", "overwrite", "truncate", "copy"],
                p=[0.2, 0.2, 0.15, 0.15, 0.1, 0.07, 0.03, 0.1],
            ),
            int(rng.integers(0, 20)),
        )
        if kind == "copy":
            (tmp_path / f"f{step}.csv").write_text(f"{k},{step}\n")
            session.file.put(str(tmp_path / f"f{step}.csv"), "@st")
        sql({
            "insert": f"INSERT INTO r VALUES ({k}, {step}), ({k + 1}, {step})", "update": f"UPDATE r SET v = {step} WHERE k < {k}",
            "delete": f"DELETE FROM r WHERE k > {k}", "overwrite": f"INSERT OVERWRITE INTO r SELECT k, v FROM r WHERE k <> {k}",
            "merge": f"MERGE INTO r USING (SELECT {k} AS k) s ON r.k = s.k AND r.v % 2 = 0 WHEN MATCHED THEN DELETE "
            f"WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, -{step})",
            "truncate": "TRUNCATE TABLE r", "copy": "COPY INTO r FROM @st",
        }[str(kind)])  # fmt: skip
        seen[START + dt.timedelta(minutes=step + 1)] = sql("SELECT k, v FROM r ORDER BY k, v")
    for at, rows in seen.items():
        stamp = at.replace(tzinfo=None)
        assert sql(f"SELECT k, v FROM r AT (TIMESTAMP => '{stamp}'::TIMESTAMP_NTZ) ORDER BY k, v") == rows, at


def test_what_is_too_long_is_not_kept(account, sql, fails, monkeypatch) -> None:
    from churnobs.testing import past

    monkeypatch.setattr(past, "LONGEST", 2)
    sql("CREATE TABLE t AS SELECT column1 AS a FROM VALUES (1), (2), (3)")
    account.clock.advance(minutes=1)
    sql("INSERT INTO t VALUES (4)")
    assert len(sql("SELECT * FROM t AT (OFFSET => -30)")) == 3
    sql("DELETE FROM t WHERE a > 1")
    assert "offline account" in fails("SELECT * FROM t AT (OFFSET => -30)")
    account.clock.advance(minutes=1)
    assert sql("SELECT * FROM t AT (OFFSET => -30)") == [(1,)]
