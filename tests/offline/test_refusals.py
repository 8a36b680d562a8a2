"""What is not emulated fails, says so, and says what to do instead; nothing is accepted that then is not there."""

from __future__ import annotations

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")


@pytest.mark.parametrize(
    "text",
    [
        "CREATE PIPE p AS COPY INTO t FROM @s",
        "CREATE EXTERNAL TABLE e (a INT) LOCATION = @s FILE_FORMAT = (TYPE = CSV)",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
        "CREATE MASKING POLICY p AS (v VARCHAR) RETURNS VARCHAR -> '*'",
        "CREATE SERVICE s IN COMPUTE POOL p FROM SPECIFICATION ''",
        "BEGIN CANCEL x; END",
        "UNDROP SCHEMA s",
        "CREATE ICEBERG TABLE i (a INT)",
        "SELECT * FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())",
        "SELECT * FROM INFORMATION_SCHEMA.APPLICABLE_ROLES",
        "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY",
        "CREATE SCHEMA c CLONE public",
        "SHOW GRANTS",
        "CREATE SECRET s TYPE = GENERIC_STRING",
        "CREATE STREAMLIT s ROOT_LOCATION = '@s'",
        "COPY FILES INTO @a FROM @b",
        "EXPLAIN SELECT 1",
        "ALTER TABLE t ADD SEARCH OPTIMIZATION",
        "CREATE INDEX i ON t (a)",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
    ],
)
def test_it_is_refused_with_a_way_out(sql, fails, text: str) -> None:
    sql("CREATE TABLE t (a INT)")
    number, message = fails(text)
    assert "offline account:" in message, message
    assert "is not supported" in message
    assert number in (2, 1003)


def test_a_misspelt_statement_is_a_syntax_error(fails) -> None:
    number, message = fails("SELEC 1")
    assert number == 1003
    assert "syntax error" in message


def test_an_unknown_function_is_named(fails) -> None:
    assert fails("SELECT no_such_function(1)")[0] == 2140
    assert fails("SELECT db.sch.no_such_function(1)")[0] == 2140


def test_unknown_columns_and_objects_are_named(sql, fails) -> None:
    sql("CREATE TABLE t (a INT)")
    assert fails("SELECT nope FROM t")[0] == 904
    assert fails("INSERT INTO nowhere VALUES (1)")[0] == 2003
    assert fails("DROP TABLE nowhere")[0] in (2003, 2043)
    assert fails("USE SCHEMA nowhere")[0] == 2043
    assert fails("USE WAREHOUSE nowhere")[0] == 2043
    sql("DROP TABLE IF EXISTS nowhere")
    sql("DROP VIEW IF EXISTS nowhere")
    sql("DROP STREAM IF EXISTS nowhere")


def test_nothing_is_lost_by_a_form_that_is_not_known(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    for text in (
        "CREATE OR ALTER TABLE t (a INT, b INT)",
        "SELECT * FROM t CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -1)",
    ):  # fmt: skip
        assert "offline account:" in fails(text)[1], text
    assert fails("INSERT INTO t (a) VALUES (5) RETURNING a")[0] == 1003
    assert sql("SELECT a FROM t") == [(1,)]
    assert [r[1] for r in sql("SHOW TABLES")] == ["T"]
