"""SQL as people keep it in worksheets: variables, formats, sequences, CREATE OR ALTER, functions and blocks that call each other."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

MOMENT = dt.datetime(2024, 3, 5, 13, 4, 5, 678000)


def test_a_variable_keeps_its_type(sql) -> None:
    sql("SET D = '2024-05-01'::DATE")
    sql("SET T = '2024-05-01 10:00:00'::TIMESTAMP")
    sql("SET N = -5")
    sql("SET X = NULL")
    (row,) = sql("SELECT $D, $D + 1, $T, 3-$N, $X, DATEADD(DAY, $N, $D)")
    day = dt.date(2024, 5, 1)
    assert row[:5] == (day, dt.date(2024, 5, 2), dt.datetime(2024, 5, 1, 10), 8, None)
    assert row[5] == day - dt.timedelta(days=5)


def test_several_variables_are_set_at_once(sql, fails) -> None:
    sql("SET (A, B) = (1, 'two')")
    assert sql("SELECT $A, $B") == [(1, "two")]
    sql("SET (FIRST_DAY, DAYS) = (SELECT '2024-01-01'::DATE, DATEDIFF(DAY, '2024-01-01'::DATE, '2024-03-01'::DATE))")
    assert sql("SELECT $FIRST_DAY, $DAYS") == [(dt.date(2024, 1, 1), 60)]
    assert fails("SET (A, B) = (SELECT 1, 2, 3)")[0] == 2026


@pytest.mark.parametrize(
    ("form", "python"),
    [
        ("yyyymmdd", "%Y%m%d"), ("yyyy/mm/dd Dy", "%Y/%m/%d %a"), ("Mon DD, YYYY", "%b %d, %Y"), ("MMMM yy", "%B %y"),
        ('YYYY-MM-DD"T"HH24:MI:SS', "%Y-%m-%dT%H:%M:%S"), ('YYYY-"Quarter of 100%"-mm', "%Y-Quarter of 100%%-%m"),
        ("HH12:MI AM", "%I:%M %p"), ("hh24miss", "%H%M%S"),
    ],
)  # fmt: skip
def test_a_date_is_shown_in_a_format_of_any_case(sql, form, python) -> None:
    expected = MOMENT.strftime(python)
    sql(f"CREATE TABLE T AS SELECT '{MOMENT}'::TIMESTAMP AS M")
    assert sql(f"SELECT TO_CHAR(M, '{form}') FROM T") == [(expected,)]
    assert sql(f"SELECT TO_VARCHAR('{MOMENT}'::TIMESTAMP, '{form}')") == [(expected,)]


def test_a_number_is_read_as_its_text_where_texts_are_worked_on(sql) -> None:
    assert sql("SELECT LPAD(MONTH('2024-03-01'::DATE), 2, '0'), RIGHT(20240315, 2), SUBSTR(20240315, 5, 2)") == [
        (f"{3:02}", "20240315"[-2:], "20240315"[4:6])
    ]
    assert sql("SELECT REPLACE(1.5, '.', ','), SPLIT_PART(1.5, '.', 1), REVERSE(123), POSITION('3', 12345)") == [
        ("1,5", "1", "321", 3)
    ]


def test_halves_are_rounded_away_from_zero_in_a_whole_number_of_38_digits(sql) -> None:
    assert sql("SELECT 0.5::FLOAT::NUMBER(38,0), -2.5::FLOAT::NUMBER(38, 0), 2.5::FLOAT::NUMBER(38)") == [(1, -3, 3)]


def test_binary_has_a_length_and_a_column_becomes_not_null(sql) -> None:
    from snowflake.connector.errors import IntegrityError

    sql("CREATE TABLE H (K BINARY(20), V INT)")
    sql("INSERT INTO H SELECT SHA1_BINARY(CONCAT(7, '|', 1)), 1")
    assert sql("SELECT K = SHA1_BINARY('7|1') FROM H") == [(True,)]
    sql("ALTER TABLE H ALTER COLUMN V SET NOT NULL")
    with pytest.raises(IntegrityError, match="non-nullable"):
        sql("INSERT INTO H VALUES (NULL, NULL)")


def test_a_sequence_is_that_of_its_schema(sql) -> None:
    sql("CREATE SCHEMA ONE")
    sql("CREATE SEQUENCE ONE.Q START 10 INCREMENT 5")
    sql("CREATE TABLE ONE.T (ID NUMBER AUTOINCREMENT START 100 INCREMENT 1, X INT DEFAULT ONE.Q.NEXTVAL, Y VARCHAR)")
    sql("CREATE SCHEMA TWO")
    sql("CREATE SEQUENCE Q")
    sql("INSERT INTO ONE.T (Y) VALUES ('a'), ('b')")
    assert sql("SELECT * FROM ONE.T ORDER BY ID") == [(100, 10, "a"), (101, 15, "b")]
    assert sql("SELECT ONE.Q.NEXTVAL, Q.NEXTVAL AS N, TWO.Q.NEXTVAL + 1") == [(20, 1, 3)]
    sql("INSERT INTO ONE.T (X, Y) SELECT Q.NEXTVAL, 'c'")
    assert sql("SELECT ID, X FROM ONE.T WHERE Y = 'c'") == [(102, 3)]


def test_create_or_alter_keeps_the_rows(sql, fails) -> None:
    sql("CREATE OR ALTER TABLE T (A INT, B VARCHAR)")
    sql("INSERT INTO T VALUES (1, 'x'), (2, 'y')")
    sql("CREATE OR ALTER TABLE T (A NUMBER(10,2) NOT NULL, C FLOAT, D INT DEFAULT 5)")
    assert sql("SELECT * FROM T ORDER BY A") == [(Decimal("1.00"), None, 5), (Decimal("2.00"), None, 5)]
    assert [(row[0], row[1], row[3]) for row in sql("DESCRIBE TABLE T")] == [
        ("A", "NUMBER(10,2)", "N"), ("C", "FLOAT", "Y"), ("D", "NUMBER(38,0)", "Y"),
    ]  # fmt: skip
    sql("CREATE OR ALTER TABLE T (A NUMBER(10,2))")
    sql("INSERT INTO T VALUES (NULL)")
    sql("CREATE OR ALTER VIEW V AS SELECT A FROM T")
    sql("CREATE OR ALTER VIEW V AS SELECT A + 1 AS B FROM T")
    assert sql("SELECT MAX(B) FROM V") == [(Decimal("3.00"),)]
    sql("CREATE OR ALTER FILE FORMAT F TYPE = JSON")
    sql("CREATE OR ALTER FILE FORMAT F TYPE = CSV SKIP_HEADER = 1")
    assert [row[4] for row in sql("SHOW FILE FORMATS")] == ["CSV"]
    for _ in range(2):
        sql("CREATE OR ALTER STAGE S COMMENT = 'k'")
        sql("CREATE OR ALTER WAREHOUSE ALTERED_WH WAREHOUSE_SIZE = 'SMALL'")
    assert [row[8] for row in sql("SHOW STAGES")] == ["k"]
    sql("DROP WAREHOUSE ALTERED_WH")
    sql("USE WAREHOUSE COMPUTE_WH")
    assert "not supported" in fails("CREATE OR ALTER TABLE U AS SELECT 1 AS A")[1]
    assert "not supported" in fails("CREATE OR ALTER FUNCTION G() RETURNS INT AS '1'")[1]
    here = sql("SELECT CURRENT_DATABASE()")[0][0]
    sql("CREATE OR ALTER SCHEMA MORE")
    sql(f"CREATE OR ALTER DATABASE {here}")
    assert sql("SELECT COUNT(*) FROM PUBLIC.T") == [(3,)]


def test_a_schema_of_duckdbs_own_name_is_refused(fails) -> None:
    assert "a schema of the name MAIN is not supported" in fails("CREATE SCHEMA MAIN")[1]


def test_names_in_a_functions_body_are_those_of_its_schema(sql) -> None:
    sql("CREATE SCHEMA HOME")
    sql("CREATE TABLE DAYS AS SELECT '2024-01-03'::DATE AS D UNION ALL SELECT '2024-01-01'::DATE")
    sql("CREATE FUNCTION LAST_DAY_HELD() RETURNS DATE AS '(SELECT MAX(D) FROM DAYS)'")
    sql(
        "CREATE FUNCTION HELD(N INT) RETURNS TABLE (AT TIMESTAMP_NTZ, N VARCHAR) AS 'SELECT DATEADD(DAY, N, D), N FROM DAYS'"
    )
    sql("CREATE SCHEMA ELSEWHERE")
    sql("CREATE TABLE DAYS AS SELECT '1999-01-01'::DATE AS D")
    assert sql("SELECT HOME.LAST_DAY_HELD()") == [(dt.date(2024, 1, 3),)]
    assert sql("SELECT * FROM TABLE(HOME.HELD(1)) ORDER BY 1") == [
        (dt.datetime(2024, 1, 2), "1"), (dt.datetime(2024, 1, 4), "1"),
    ]  # fmt: skip


def test_functions_that_a_view_or_a_function_calls_are_those_of_its_schema(sql) -> None:
    sql("CREATE SCHEMA HOME")
    sql("CREATE FUNCTION INNER_ONE(X INT) RETURNS INT AS 'X + 1'")
    sql("CREATE FUNCTION OUTER_ONE(X INT) RETURNS INT AS 'INNER_ONE(X) * 10'")
    sql("CREATE VIEW V AS SELECT INNER_ONE(COLUMN1) AS N FROM VALUES (1), (2)")
    sql("CREATE SCHEMA ELSEWHERE")
    sql("CREATE FUNCTION INNER_ONE(X INT) RETURNS INT AS 'X - 100'")
    assert sql("SELECT N FROM HOME.V ORDER BY N") == [(2,), (3,)]
    assert sql("SELECT HOME.OUTER_ONE(1), INNER_ONE(1)") == [(20, -99)]


def test_a_block_assigns_what_a_procedure_returns(sql) -> None:
    sql("CREATE PROCEDURE TWICE(N INT) RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN N * 2; END'")
    block = "DECLARE X INT; Y VARCHAR; BEGIN X := (CALL TWICE(21)); Y := (CALL TWICE(:X)); RETURN Y || '!'; END"
    assert sql(f"EXECUTE IMMEDIATE $${block}$$") == [("84!",)]


def test_a_bind_that_is_nowhere_is_said(fails) -> None:
    number, message = fails("CALL SYSTEM$SEND_EMAIL('mail', :SOMEBODY, 'a', 'b')")
    assert (number, "Bind variable" in message) == (2049, True)


def test_a_task_asks_for_the_value_of_any_task_before_it(sql, fails) -> None:
    sql("CREATE TASK A SCHEDULE = '60 MINUTES' AS CALL SYSTEM$SET_RETURN_VALUE('from a')")
    sql("CREATE TASK B AFTER A AS CALL SYSTEM$SET_RETURN_VALUE('from b')")
    sql("CREATE TASK C AFTER B AS CALL SYSTEM$SET_RETURN_VALUE(SYSTEM$GET_PREDECESSOR_RETURN_VALUE('A') || ' by c')")
    sql("CREATE TASK D AFTER A AS CALL SYSTEM$SET_RETURN_VALUE(SYSTEM$GET_PREDECESSOR_RETURN_VALUE('C'))")
    for task in "DCB":
        sql(f"ALTER TASK {task} RESUME")
    sql("EXECUTE TASK A")
    rows = sql("SELECT NAME, STATE, RETURN_VALUE, ERROR_CODE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())")
    found = {name: rest for name, *rest in rows}
    assert found["C"] == ["SUCCEEDED", "from a by c", None]
    assert found["D"][0] == "FAILED"
    assert int(found["D"][2]) == 91451


def test_a_graphs_summary_is_made_in_functions(sql) -> None:
    sql(
        "CREATE FUNCTION SUMMARY(ROOT STRING, SINCE TIMESTAMP_LTZ) RETURNS STRING AS $$ (SELECT LISTAGG(NAME || '=' || STATE, ',')"
        " WITHIN GROUP (ORDER BY NAME) FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ROOT_TASK_ID => ROOT::STRING,"
        " SCHEDULED_TIME_RANGE_START => SINCE)) WHERE STATE <> 'EXECUTING') $$"
    )
    sql("CREATE TASK R SCHEDULE = '60 MINUTES' AS SELECT 1")
    sql("CREATE TASK W AFTER R AS SELECT 1 / 0")
    sql(
        "CREATE TASK LAST_ONE FINALIZE = R AS DECLARE ROOT STRING; SINCE TIMESTAMP_LTZ; TOLD STRING; BEGIN"
        " ROOT := (CALL SYSTEM$TASK_RUNTIME_INFO('CURRENT_ROOT_TASK_UUID'));"
        " SINCE := (CALL SYSTEM$TASK_RUNTIME_INFO('CURRENT_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP'));"
        " TOLD := (SELECT SUMMARY(:ROOT, :SINCE)); CALL SYSTEM$SET_RETURN_VALUE(:TOLD); END"
    )
    sql("ALTER TASK W RESUME")
    sql("ALTER TASK LAST_ONE RESUME")
    sql("EXECUTE TASK R")
    ((told,),) = sql("SELECT RETURN_VALUE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE NAME = 'LAST_ONE'")
    assert "R=SUCCEEDED,W=FAILED" in told
