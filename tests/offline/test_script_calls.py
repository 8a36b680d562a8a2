"""Snowflake Scripting: output arguments, procedures of a block, and asynchronous jobs, as Snowflake's reference describes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")


@pytest.fixture
def block(sql):
    """Run an anonymous block and return the one value it gives."""

    def run(text: str) -> object:
        ((value,),) = sql(text)
        return value

    return run


# -- output arguments


@pytest.fixture
def totals(sql):
    """A procedure that has two output arguments, and one that passes on what it was given."""
    sql("CREATE TABLE sales (who VARCHAR, amount NUMBER(10,2), at DATE)")
    sql("INSERT INTO sales VALUES ('ann', 10.25, '2024-01-02'), ('ann', 5, '2024-03-04'), ('bob', 7, '2024-02-01')")
    sql(
        """CREATE PROCEDURE totals(who VARCHAR, total OUT NUMBER(10,2), latest OUTPUT DATE) RETURNS NUMBER LANGUAGE SQL AS $$
        DECLARE n NUMBER;
        BEGIN
          SELECT COUNT(*), SUM(amount), MAX(at) INTO :n, :total, :latest FROM sales WHERE sales.who = :who;
          RETURN n;
        END $$"""
    )
    sql(
        """CREATE PROCEDURE twice(n INPUT NUMBER, x OUT NUMBER) RETURNS VARCHAR LANGUAGE SQL AS $$
        BEGIN n := n * 2; x := COALESCE(x, 0) + n; RETURN 'done'; END $$"""
    )


def test_output_arguments_come_back_to_the_variables(block, totals) -> None:
    found = block(
        """DECLARE t NUMBER(10,2); d DATE; n NUMBER;
        BEGIN CALL totals('ann', :t, :d) INTO :n; RETURN t || '|' || d || '|' || n; END"""
    )
    assert found == "15.25|2024-03-04|2"
    assert block("BEGIN LET x NUMBER := 1; CALL twice(5, :x); CALL twice(:x, :x); RETURN x; END") == 33
    assert block("DECLARE x NUMBER; BEGIN CALL twice(x => :x, n => 4); RETURN x; END") == 8
    assert block("DECLARE x NUMBER; BEGIN LET y := 4; CALL twice(:y, :x); RETURN y; END") == 4
    assert block("DECLARE t NUMBER; d DATE; BEGIN CALL totals('nobody', :t, :d); RETURN t IS NULL AND d IS NULL; END")


def test_values_are_cast_to_the_types_of_argument_and_variable(block, totals, sql) -> None:
    assert block("DECLARE t VARCHAR; d TIMESTAMP_NTZ; BEGIN CALL totals('bob', :t, :d); RETURN d; END") == dt.datetime(
        2024, 2, 1
    )
    sql("CREATE PROCEDURE word(x OUT VARCHAR) RETURNS VARCHAR LANGUAGE SQL AS $$ BEGIN x := x || '!'; RETURN x; END $$")
    assert block("DECLARE n NUMBER DEFAULT 3; BEGIN LET w := 12; CALL word(:w); RETURN w; END") == "12!"


def test_a_procedure_hands_on_its_output_argument(block, totals, sql) -> None:
    sql(
        """CREATE PROCEDURE outer_one(x OUT NUMBER) RETURNS NUMBER LANGUAGE SQL AS $$
        BEGIN CALL twice(10, :x); x := x + 1; RETURN x; END $$"""
    )
    assert (
        block("DECLARE y NUMBER DEFAULT 100; r NUMBER; BEGIN CALL outer_one(:y) INTO :r; RETURN y || ' ' || r; END")
        == "121 121"
    )


def test_after_an_error_a_variable_keeps_its_value(block, totals, sql) -> None:
    sql(
        """CREATE PROCEDURE breaks(x OUT NUMBER) RETURNS NUMBER LANGUAGE SQL AS $$
        DECLARE e EXCEPTION (-20001, 'no'); BEGIN x := 7; RAISE e; END $$"""
    )
    assert (
        block("DECLARE x NUMBER DEFAULT 1; BEGIN CALL breaks(:x); RETURN 'no'; EXCEPTION WHEN OTHER THEN RETURN x; END")
        == 1
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CALL twice(1, 2)", "Output argument 'X'"),
        ("DECLARE x NUMBER; BEGIN CALL twice(1, :x + 1); END", "Output argument 'X'"),
        ("BEGIN CALL twice(1, 2); END", "Output argument 'X'"),
        ("DECLARE t NUMBER; BEGIN CALL totals('ann', :t, :t); END", "no other output argument"),
        ("DECLARE x NUMBER; BEGIN EXECUTE IMMEDIATE 'CALL twice(1, ?)' USING (x); END", "Output argument 'X'"),
        ("DECLARE x NUMBER; BEGIN ASYNC (CALL twice(1, :x)); AWAIT ALL; END", "Output argument 'X'"),
        ("CREATE PROCEDURE p(x OUT NUMBER DEFAULT 1) RETURNS NUMBER LANGUAGE SQL AS 'BEGIN RETURN 1; END'", "default"),
        ("CREATE FUNCTION f(x OUT NUMBER) RETURNS NUMBER AS '1'", "Only procedures in SQL"),
        ("CREATE PROCEDURE twice(n OUT NUMBER, x NUMBER) RETURNS VARCHAR LANGUAGE SQL AS 'BEGIN RETURN 1; END'", "already exists"),
        (
            "CREATE PROCEDURE p(x OUT INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES = () HANDLER = 'f' AS 'x'",
            "Only procedures in SQL",
        ),
    ],
)  # fmt: skip
def test_output_arguments_need_variables(totals, fails, text: str, told: str) -> None:
    assert told in fails(text)[1]


# -- procedures of a block


def test_a_procedure_of_a_block_changes_its_variables(block) -> None:
    assert block(
        """DECLARE counter NUMBER := 0;
          count_on PROCEDURE() RETURNS VARCHAR AS BEGIN counter := counter + 1; RETURN counter; END;
        BEGIN CALL count_on(); CALL count_on(); CALL count_on(); RETURN counter; END"""
    ) == 3  # fmt: skip


def test_procedures_of_a_block_call_each_other(block, sql) -> None:
    sql(
        """CREATE PROCEDURE several() RETURNS NUMBER LANGUAGE SQL AS $$
        DECLARE
          total NUMBER := 0;
          ten PROCEDURE() RETURNS NUMBER AS DECLARE plus NUMBER := 10; BEGIN total := total + plus; END;
          more PROCEDURE() RETURNS NUMBER AS DECLARE plus NUMBER := 15; BEGIN total := total + plus; CALL ten(); END;
        BEGIN CALL ten(); CALL more(); RETURN total; END $$"""
    )
    assert block("CALL several()") == 35


def test_arguments_results_and_what_is_seen(block, sql) -> None:
    sql("CREATE TABLE log (a INT, b INT)")
    assert block(
        """DECLARE before NUMBER DEFAULT 1;
          product PROCEDURE(a NUMBER(10,2), b NUMBER) RETURNS NUMBER(10,1) AS
            BEGIN INSERT INTO log VALUES (:a, :b); a := a * b; RETURN a + before; END;
          later NUMBER DEFAULT 4;
        BEGIN
          LET x := 2.55; LET r NUMBER(10,1);
          before := 10;
          CALL product(:x, :later) INTO :r;
          RETURN r || ' ' || x || ' ' || later || ' ' || SQLROWCOUNT;
        END"""
    ) == "20.2 2.55 4 1"  # fmt: skip
    assert sql("SELECT * FROM log") == [(3, 4)]


def test_tables_and_exceptions_of_a_blocks_procedure(sql, block) -> None:
    sql("CREATE TABLE n (x INT)")
    sql(
        """CREATE PROCEDURE all_of_them() RETURNS TABLE () LANGUAGE SQL AS $$
        DECLARE
          res RESULTSET;
          fill PROCEDURE(upto INT) RETURNS TABLE (Y INT) AS
            DECLARE r RESULTSET;
            BEGIN FOR i IN 1 TO upto DO INSERT INTO n VALUES (:i); END FOR; r := (SELECT x FROM n ORDER BY x); RETURN TABLE(r); END;
        BEGIN res := (CALL fill(3)); RETURN TABLE(res); END $$"""
    )
    assert sql("CALL all_of_them()") == [(1,), (2,), (3,)]
    assert block(
        """DECLARE mine EXCEPTION (-20007, 'from within');
          fails PROCEDURE() RETURNS INT AS BEGIN RAISE mine; END;
        BEGIN CALL fails(); EXCEPTION WHEN mine THEN RETURN SQLCODE || ' ' || SQLERRM; END"""
    ) == "-20007 from within"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DECLARE p PROCEDURE() RETURNS INT AS BEGIN RETURN late; END; late INT DEFAULT 1; BEGIN CALL p(); END", "LATE"),
        ("DECLARE p PROCEDURE() RETURNS INT AS BEGIN RETURN late; END; BEGIN LET late := 1; CALL p(); END", "LATE"),
        ("DECLARE p PROCEDURE(a INT) RETURNS INT AS BEGIN RETURN a; END; BEGIN CALL p(); END", "takes 1 arguments"),
        ("DECLARE p PROCEDURE(a INT) RETURNS INT AS BEGIN RETURN a; END; BEGIN CALL p(a => 1); END", "by their places"),
        ("DECLARE p PROCEDURE(a INT DEFAULT 1) RETURNS INT AS BEGIN RETURN a; END; BEGIN NULL; END", "no defaults"),
        ("DECLARE p PROCEDURE(a OUT INT) RETURNS INT AS BEGIN RETURN a; END; BEGIN NULL; END", "no output arguments"),
        ("DECLARE p PROCEDURE() RETURNS INT AS BEGIN RETURN 1; END; BEGIN ASYNC (CALL p()); AWAIT ALL; END", "ASYNC"),
        ("DECLARE p PROCEDURE() RETURNS INT AS BEGIN RETURN 1; END; BEGIN EXECUTE IMMEDIATE 'CALL p()'; END", "Unknown user-defined procedure"),
        (
            "DECLARE p PROCEDURE() RETURNS INT AS DECLARE q PROCEDURE() RETURNS INT AS BEGIN RETURN 1; END; BEGIN RETURN 1; END; BEGIN NULL; END",
            "a procedure within a procedure",
        ),
        ("DECLARE p PROCEDURE() RETURNS INT AS BEGIN BREAK; END; BEGIN FOR i IN 1 TO 2 DO CALL p(); END FOR; END", "BREAK"),
        ("DECLARE p PROCEDURE() RETURNS TABLE () AS BEGIN RETURN 1; END; BEGIN CALL p(); END", "returns a table"),
    ],
)  # fmt: skip
def test_what_a_blocks_procedure_cannot_do(fails, text: str, told: str) -> None:
    assert told in fails(text)[1]


# -- asynchronous jobs


def test_jobs_are_awaited(block, sql) -> None:
    sql("CREATE TABLE t (n INT)")
    assert (
        block("BEGIN FOR i IN 1 TO 4 DO ASYNC (INSERT INTO t VALUES (:i)); END FOR; AWAIT ALL; RETURN 'ok'; END")
        == "ok"
    )
    assert sql("SELECT SUM(n) FROM t") == [(10,)]
    assert block(
        """DECLARE total INT DEFAULT 0; one RESULTSET DEFAULT ASYNC (SELECT n FROM t WHERE n < 3);
        BEGIN
          LET two RESULTSET := ASYNC (SELECT n * 10 AS n FROM t WHERE n >= 3);
          AWAIT one; LET c CURSOR FOR one; OPEN c;
          FOR r IN c DO total := total + r.n; END FOR;
          AWAIT two;
          FOR r IN two DO total := total + r.n; END FOR;
          RETURN total;
        END"""
    ) == 73  # fmt: skip


def test_the_result_of_a_job_is_there_once_it_was_awaited(block, fails) -> None:
    for use in ("FOR r IN res DO NULL; END FOR", "RETURN TABLE(res)", "LET c CURSOR FOR res; OPEN c"):
        assert "not awaited" in fails(f"BEGIN LET res RESULTSET := ASYNC (SELECT 1); {use}; END")[1]
    assert (
        block(
            "BEGIN LET res RESULTSET := ASYNC (SELECT 5); AWAIT res; LET s := SYSTEM$GET_RESULTSET_STATUS(res); RETURN s; END"
        )
        == "SUCCESS"
    )
    assert block("BEGIN LET res RESULTSET := ASYNC (SELECT 5); res := (SELECT 6); RETURN TABLE(res); END") == 6


def test_a_job_that_failed_says_so_when_it_is_awaited(block, fails) -> None:
    start = "DECLARE s VARCHAR; BEGIN LET res RESULTSET := ASYNC (SELECT 1 / 0); "
    assert block(f"{start} s := SYSTEM$GET_RESULTSET_STATUS(res); RETURN s; END") == "FAILED_WITH_ERROR"
    assert (
        block(f"{start} AWAIT res; RETURN 'no'; EXCEPTION WHEN STATEMENT_ERROR THEN RETURN SQLERRM; END")
        == "Division by zero"
    )
    assert "Division by zero" in fails("BEGIN ASYNC (SELECT 1); ASYNC (SELECT 1 / 0); AWAIT ALL; RETURN 1; END")[1]
    assert (
        block(
            "BEGIN ASYNC (SELECT 1 / 0); LET x := 1; BEGIN AWAIT ALL; EXCEPTION WHEN OTHER THEN x := 2; END; AWAIT ALL; RETURN x; END"
        )
        == 2
    )
    assert "offline account" in fails("BEGIN ASYNC (SHOW SHARES); EXCEPTION WHEN OTHER THEN RETURN 'fine'; END")[1]
    assert "is no RESULTSET" in fails("BEGIN LET x := 1; AWAIT x; END")[1]


def test_the_numbers_of_output_arguments_stay_exact(block, sql) -> None:
    sql(
        "CREATE PROCEDURE exact(x OUT NUMBER(20,4)) RETURNS INT LANGUAGE SQL AS $$ BEGIN x := 12345678901.2345; RETURN 1; END $$"
    )
    assert block("DECLARE x NUMBER(20,4); BEGIN CALL exact(:x); RETURN x; END") == Decimal("12345678901.2345")
