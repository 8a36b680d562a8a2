"""Snowflake Scripting: blocks, procedures, exceptions, cursors and binds, as Snowflake's reference describes them."""

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


@pytest.fixture
def numbers(sql):
    sql("CREATE TABLE numbers (n INT, word VARCHAR, price NUMBER(10,2))")
    sql("INSERT INTO numbers VALUES (1, 'one', 1.50), (2, 'it''s two; :n', 2.25), (3, 'three', 3.00)")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("BEGIN RETURN 1; END", 1),
        ("BEGIN SELECT 1; END", None),
        ("DECLARE x INT DEFAULT 5; y NUMBER(10,2) := 2; BEGIN RETURN x * y; END;", Decimal("10.00")),
        ("BEGIN LET x := 'a'; LET y VARCHAR := x || '-b'; x := y; RETURN x; END", "a-b"),
        ("BEGIN LET x INT := '12'; RETURN x + 1; END", 13),
        ("DECLARE d DATE DEFAULT '2024-02-28'; BEGIN d := DATEADD(day, 2, d); RETURN d; END", dt.date(2024, 3, 1)),
        ("DECLARE x INT; BEGIN RETURN x IS NULL; END", True),
        ("BEGIN LET x := 3; IF (x > 5) THEN RETURN 'big'; ELSEIF (x > 2) THEN RETURN 'middle'; ELSE RETURN 'small'; END IF; END", "middle"),
        ("BEGIN IF (NULL) THEN RETURN 1; END IF; RETURN 2; END", 2),
        ("BEGIN LET x := 2; CASE (x) WHEN 1 THEN RETURN 'a'; WHEN 2 THEN RETURN 'b'; ELSE RETURN 'c'; END CASE; END", "b"),
        ("BEGIN LET x := 9; CASE WHEN x < 5 THEN RETURN 'a'; ELSE RETURN 'c'; END; END", "c"),
        ("BEGIN LET x := CASE WHEN 1 = 1 THEN 'y' ELSE 'n' END; RETURN x; END", "y"),
        ("BEGIN LET t := 0; FOR i IN 1 TO 10 DO t := t + i; END FOR; RETURN t; END", 55),
        ("BEGIN LET t := ''; FOR i IN REVERSE 1 TO 3 LOOP t := t || i; END LOOP; RETURN t; END", "321"),
        ("BEGIN LET t := 0; FOR i IN 5 TO 1 DO t := t + 1; END FOR; RETURN t; END", 0),
        ("BEGIN LET n := 0; WHILE (n < 4) DO n := n + 1; IF (n = 2) THEN CONTINUE; END IF; END WHILE; RETURN n; END", 4),
        ("BEGIN LET n := 0; REPEAT n := n + 1; UNTIL (n >= 3) END REPEAT; RETURN n; END", 3),
        ("BEGIN LET n := 0; LOOP n := n + 1; IF (n = 7) THEN BREAK; END IF; END LOOP; RETURN n; END", 7),
        (
            "BEGIN LET c := 0; FOR i IN 1 TO 3 DO FOR j IN 1 TO 3 DO IF (j = 2) THEN BREAK out; END IF; c := c + 1; END FOR; END FOR out; RETURN c; END",
            1,
        ),
        ("DECLARE x INT DEFAULT 1; BEGIN DECLARE x INT DEFAULT 2; BEGIN x := 3; END; RETURN x; END", 1),
        ("BEGIN LET x := 1; BEGIN x := 2; LET y := 5; END; RETURN x; END", 2),
        ("BEGIN LET s := 'a''b\\\\c\nd;e'; RETURN s; END", "a'b\\c\nd;e"),
        ("BEGIN LET v VARIANT := PARSE_JSON('{\"a\": {\"b\": 7}}'); RETURN v:a.b::INT; END", 7),
        ("BEGIN LET a := ARRAY_CONSTRUCT(1, 2, 3); RETURN ARRAY_SIZE(a); END", 3),
        ("BEGIN NULL; RETURN -3; END", -3),
        ("BEGIN LET x := -3; RETURN 5 -x; END", 8),
    ],
)  # fmt: skip
def test_a_block_gives(block, text: str, value: object) -> None:
    assert block(text) == value
    inner = text.replace("$$", "")
    assert block(f"EXECUTE IMMEDIATE $${inner}$$") == value


def test_the_value_of_a_block_is_named_anonymous_block(snowflake_session) -> None:
    (row,) = snowflake_session.sql("BEGIN RETURN 'x'; END").collect()
    assert row.as_dict() == {"anonymous block": "x"}


def test_variables_are_bound_in_statements(sql, block, numbers) -> None:
    found = block("""
        DECLARE
            least INT DEFAULT 2;
            title VARCHAR DEFAULT 'numbers';
            most NUMBER(10, 2);
        BEGIN
            SELECT MAX(price), COUNT(*) INTO :most, :least FROM IDENTIFIER(:title) WHERE n >= :least;
            LET words VARCHAR := (SELECT LISTAGG(word, '|') WITHIN GROUP (ORDER BY n) FROM numbers WHERE n <= :least);
            INSERT INTO numbers (n, word, price) VALUES (:least + 10, :words, :most);
            RETURN words;
        END
    """)
    assert found == "one|it's two; :n"
    assert sql("SELECT n, word, price FROM numbers WHERE n > 9") == [(12, "one|it's two; :n", Decimal("3.00"))]
    assert block("BEGIN LET v := 1; LET j := (SELECT PARSE_JSON('{\"v\": 4}'):v::INT + :v); RETURN j; END") == 5


def test_session_variables_are_read_when_their_turn_comes(sql, block) -> None:
    sql("SET v = 1")
    assert (
        block("BEGIN LET a INT := $v; SET v = 2; LET b INT := (SELECT $v); RETURN a || '/' || b || '/' || $v; END")
        == "1/2/2"
    )
    assert sql("SELECT $v") == [(2,)]


def test_a_bare_name_in_a_statement_is_a_column(block, numbers) -> None:
    assert block("BEGIN LET n := 100; LET c INT := (SELECT COUNT(*) FROM numbers WHERE n < 3); RETURN c; END") == 2


def test_counts_of_changes(block, numbers) -> None:
    assert block("""
        BEGIN
            UPDATE numbers SET price = 0 WHERE n > 1;
            LET a := SQLROWCOUNT;
            DELETE FROM numbers WHERE n > 100;
            RETURN a || '/' || SQLROWCOUNT || '/' || SQLFOUND || '/' || SQLNOTFOUND;
        END
    """) == "2/0/false/true"  # fmt: skip


def test_cursors_and_result_sets(sql, block, numbers) -> None:
    assert block("""
        DECLARE
            total NUMBER(10, 2) DEFAULT 0;
            c CURSOR FOR SELECT n, price FROM numbers ORDER BY n;
        BEGIN
            FOR item IN c DO
                IF (item.n <> 2) THEN total := total + item.price; END IF;
            END FOR;
            RETURN total;
        END
    """) == Decimal("4.50")  # fmt: skip
    assert block("""
        DECLARE
            a INT; b VARCHAR; low INT DEFAULT 1;
            c CURSOR FOR SELECT n, word FROM numbers WHERE n > ? ORDER BY n DESC;
        BEGIN
            OPEN c USING (low);
            FETCH c INTO a, b;
            FETCH c INTO a, b;
            LET second := a;
            FETCH c INTO a, b;
            CLOSE c;
            RETURN second || COALESCE(b, ' and no more');
        END
    """) == "2 and no more"  # fmt: skip
    rows = sql("""
        DECLARE
            found RESULTSET DEFAULT (SELECT n FROM numbers ORDER BY n);
            more RESULTSET;
        BEGIN
            LET upto := 0;
            LET c CURSOR FOR found;
            FOR item IN c DO upto := item.n; END FOR;
            more := (SELECT n, n * 2 AS twice FROM numbers WHERE n < :upto ORDER BY n);
            RETURN TABLE(more);
        END
    """)
    assert rows == [(1, 2), (2, 4)]


def test_execute_immediate_within_a_block(sql, block, numbers, fails) -> None:
    assert block("""
        DECLARE
            statement VARCHAR DEFAULT 'SELECT COUNT(*) AS c FROM numbers WHERE n >= ? AND word <> ?';
            low INT DEFAULT 1; word VARCHAR DEFAULT 'three'; found INT; rs RESULTSET;
        BEGIN
            rs := (EXECUTE IMMEDIATE :statement USING (low, word));
            FOR row_ IN rs DO found := row_.c; END FOR;
            EXECUTE IMMEDIATE 'CREATE TABLE made_' || found || ' (a INT)';
            RETURN found;
        END
    """) == 2  # fmt: skip
    assert [r[1] for r in sql("SHOW TABLES LIKE 'made%'")] == ["MADE_2"]
    assert sql("EXECUTE IMMEDIATE 'SELECT n FROM numbers WHERE n = ?' USING (2)") == [(2,)]
    assert "statement count" in fails("EXECUTE IMMEDIATE 'SELECT 1; SELECT 2'")[1]


def test_exceptions(sql, block, numbers, fails) -> None:
    text = """
        DECLARE
            too_low EXCEPTION (-20002, 'That is too low.');
        BEGIN
            BEGIN
                {}
            EXCEPTION
                WHEN too_low THEN RETURN 'own ' || SQLCODE || ' ' || SQLSTATE || ' ' || SQLERRM;
                WHEN EXPRESSION_ERROR THEN RETURN 'expression';
                WHEN STATEMENT_ERROR OR OTHER THEN
                    LET code := SQLCODE;
                    INSERT INTO numbers (n, word) VALUES (:code, :SQLERRM);
                    RETURN 'statement ' || :code;
            END;
            RETURN 'went on';
        END
    """
    assert block(text.format("RAISE too_low;")) == "own -20002 P0001 That is too low."
    assert block(text.format("LET x := 1 / 0;")) == "expression"
    assert block(text.format("SELECT * FROM nowhere;")) == "statement 2003"
    assert "NOWHERE" in sql("SELECT word FROM numbers WHERE n = 2003")[0][0]
    assert block(text.format("NULL;")) == "went on"
    number, message = fails("DECLARE\n  e EXCEPTION (-20010, 'bad');\nBEGIN\n  RAISE e;\nEND")
    assert (number, "Uncaught exception of type 'E' on line 4 at position 2 : bad" in message) == (-20010, True)
    number, message = fails("BEGIN\n SELECT 1;\n INSERT INTO nowhere VALUES (1);\nEND")
    assert number == 2003
    assert "Uncaught exception of type 'STATEMENT_ERROR' on line 3 at position 1 : SQL compilation error" in message
    again = (
        "DECLARE e EXCEPTION (-20011, 'once'); BEGIN RAISE e; EXCEPTION WHEN OTHER THEN DELETE FROM numbers; RAISE; END"
    )
    assert fails(again)[0] == -20011
    assert sql("SELECT COUNT(*) FROM numbers") == [(0,)]


def test_a_continuing_handler_goes_on_after_the_statement(block) -> None:
    assert block("""
        BEGIN
            LET seen := 0;
            LET failed := 0;
            FOR i IN 1 TO 4 DO
                LET x := 10 / (i - 2);
                seen := seen + 1;
            END FOR;
            RETURN seen || '/' || failed;
        EXCEPTION
            WHEN OTHER CONTINUE THEN failed := failed + 1;
        END
    """) == "4/1"  # fmt: skip


def test_what_is_not_emulated_is_never_swallowed_by_a_handler(fails) -> None:
    for statement in ("CREATE PIPE p AS COPY INTO t FROM @s", "SHOW SHARES"):
        message = fails(f"BEGIN {statement}; EXCEPTION WHEN OTHER THEN RETURN 'fine'; END")[1]
        assert "offline account" in message, message
    for text in ("BEGIN CANCEL x; END", "BEGIN EXECUTE IMMEDIATE FROM '@s/a.sql'; END"):
        assert "offline account" in fails(text)[1]


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN SELECT 1",
        "BEGIN IF (1 = 1) THEN SELECT 1; END; END",
        "BEGIN LET x; END",
        "BEGIN FOR i IN 1 TO 2 DO SELECT 1; END WHILE; END",
        "DECLARE x INT; SELECT 1",
        "BEGIN x := ; END",
        "BEGIN RETURN 1; END END",
    ],
)
def test_a_block_that_cannot_be_read_is_a_syntax_error(fails, text: str) -> None:
    number, message = fails(text)
    assert (number, "syntax error" in message) == (1003, True), message


def test_an_unknown_name_is_an_error(fails) -> None:
    assert fails("BEGIN x := 1; END")[0] == 904
    assert fails("BEGIN SELECT :nowhere; END")[0] == 2049
    assert fails("BEGIN RAISE nothing; END")[0] == 904


def test_transactions_in_blocks(sql, block, numbers) -> None:
    text = """
        BEGIN
            BEGIN TRANSACTION;
            INSERT INTO numbers (n) VALUES (50);
            {};
            RETURN 'done';
        EXCEPTION WHEN OTHER THEN ROLLBACK; RETURN 'undone';
        END
    """
    assert block(text.format("SELECT 1 / 0")) == "undone"
    assert sql("SELECT COUNT(*) FROM numbers WHERE n = 50") == [(0,)]
    assert block(text.format("COMMIT")) == "done"
    assert sql("SELECT COUNT(*) FROM numbers WHERE n = 50") == [(1,)]


def test_procedures_in_sql(sql, snowflake_session, fails, numbers) -> None:
    sql("""
        CREATE OR REPLACE PROCEDURE grow(title VARCHAR, by_ FLOAT DEFAULT 2)
        RETURNS NUMBER(38, 0) LANGUAGE SQL EXECUTE AS CALLER AS
        $$
        DECLARE done INT DEFAULT 0;
        BEGIN
            UPDATE IDENTIFIER(:title) SET price = price * :by_;
            done := SQLROWCOUNT;
            RETURN done;
        END
        $$
    """)
    assert sql("CALL grow('numbers')") == [(3,)]
    assert snowflake_session.call("grow", "numbers", 0.5) == 3
    assert sql("SELECT SUM(price) FROM numbers") == [(Decimal("6.75"),)]
    sql("CREATE PROCEDURE few(most INT) RETURNS TABLE (k NUMBER, w VARCHAR) LANGUAGE SQL AS "
        "BEGIN LET rs RESULTSET := (SELECT n, word FROM numbers WHERE n <= :most ORDER BY n); RETURN TABLE(rs); END;")  # fmt: skip
    rows = snowflake_session.sql("CALL few(1)").collect()
    assert [row.as_dict() for row in rows] == [{"K": 1, "W": "one"}]
    sql("CREATE PROCEDURE both() RETURNS VARCHAR LANGUAGE SQL AS $$ BEGIN LET a INT; CALL grow('numbers') INTO :a; LET t := 0; "
        "LET rs RESULTSET := (CALL few(2)); FOR r IN rs DO t := t + r.k; END FOR; RETURN a || ' ' || t; END $$")  # fmt: skip
    assert sql("CALL both()") == [("3 3",)]
    sql("CREATE PROCEDURE broken() RETURNS INT LANGUAGE SQL AS $$ BEGIN RETURN 1 / 0; END $$")
    assert "Uncaught exception of type 'EXPRESSION_ERROR'" in fails("CALL broken()")[1]
    assert fails("CREATE PROCEDURE odd() RETURNS INT LANGUAGE SQL AS $$ BEGIN RETURN 1 $$")[0] == 1003
    sql("CREATE PROCEDURE quiet() RETURNS VARCHAR LANGUAGE SQL AS $$ BEGIN NULL; END $$")
    assert sql("CALL quiet()") == [(None,)]


def test_an_owners_procedure_stands_where_it_lies(sql, snowflake_session) -> None:
    home = snowflake_session.get_current_schema()
    sql("CREATE TABLE here (a INT)")
    sql("INSERT INTO here VALUES (7)")
    for name, rights in (("mine", ""), ("theirs", "EXECUTE AS CALLER")):
        sql(f"CREATE PROCEDURE {name}() RETURNS INT LANGUAGE SQL {rights} AS "
            "$$ BEGIN LET a INT := (SELECT a FROM here); RETURN a; END $$")  # fmt: skip
    sql("CREATE SCHEMA elsewhere")
    assert sql(f"CALL {home}.mine()") == [(7,)]
    assert snowflake_session.get_current_schema().strip('"') == "ELSEWHERE"
    with pytest.raises(Exception, match="HERE"):
        sql(f"CALL {home}.theirs()")


def test_a_python_procedure_is_called_from_a_block(sql, block) -> None:
    sql("CREATE PROCEDURE double(x INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' "
        "PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run' AS "
        "$$def run(session, x):\n    return 2 * x$$")  # fmt: skip
    assert block("BEGIN LET a INT; LET b := 4; CALL double(:b) INTO :a; RETURN a; END") == 8


def test_several_statements_keep_their_blocks_whole(snowflake_account) -> None:
    import snowflake.connector

    with snowflake.connector.connect(**snowflake_account.connection(database="SEVERAL")) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE OR REPLACE TABLE t (a INT); BEGIN INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END; "
            "CREATE OR REPLACE PROCEDURE p() RETURNS INT LANGUAGE SQL AS BEGIN RETURN 5; END; SELECT COUNT(*) FROM t",
            num_statements=4,
        )
        for _ in range(3):
            cursor.nextset()
        assert cursor.fetchall() == [(2,)]
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (3)")
        cursor.execute("ROLLBACK")
        assert cursor.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
