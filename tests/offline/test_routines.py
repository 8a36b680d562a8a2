"""Python functions, vectorised functions and procedures: registered, called, dropped; and never run before they are called."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import snowflake.snowpark as sp
from snowflake.snowpark import functions as F
from snowflake.snowpark.types import FloatType, IntegerType, PandasSeriesType, StringType, StructType

PACKAGES = ["snowflake-snowpark-python"]


def plus(a: int, b: int) -> int:
    return (a or 0) + b


@pytest.fixture
def table(sql):
    sql("CREATE TABLE t AS SELECT column1 AS a, column2 AS b FROM VALUES (1, 2), (3, 4), (NULL, 5)")


def test_a_function_by_name_and_as_an_object(snowflake_session, table, sql, fails) -> None:
    made = snowflake_session.udf.register(
        plus, name="PLUS", return_type=IntegerType(), input_types=[IntegerType()] * 2, packages=["numpy"]
    )
    assert [r[0] for r in snowflake_session.table("t").select(made("A", "B").alias("S")).sort("S").collect()] == [
        3,
        5,
        7,
    ]
    assert sql("SELECT PLUS(a, b), public.plus(1, 1) FROM t WHERE plus(a, b) = 7") == [(7, 2)]
    sql("DROP FUNCTION plus(INT, INT)")
    assert fails("SELECT PLUS(1, 2)")[0] == 2140


def test_a_function_is_first_called_in_a_transaction(snowflake_account, snowflake_session, table, sql) -> None:
    snowflake_session.udf.register(
        plus, name="PLUS", return_type=IntegerType(), input_types=[IntegerType()] * 2, packages=["numpy"]
    )
    database = snowflake_session.get_current_database().strip('"')
    with snowflake_account.session(database=database, schema="PUBLIC") as other:
        for end in ("ROLLBACK", "COMMIT"):
            sql("BEGIN")
            sql("INSERT INTO t VALUES (10, 20)")
            assert sql("SELECT SUM(PLUS(a, b)) FROM t") == [(45,)]
            # what another session calls for the first time, or again, changes nothing here
            assert [tuple(r) for r in other.sql("SELECT SUM(PLUS(a, b)) FROM t").collect()] == [(15,)]
            sql("UPDATE t SET b = PLUS(a, b) WHERE a = 10")
            assert sql("SELECT b FROM t WHERE a = 10") == [(30,)]
            sql(end)
    assert sql("SELECT SUM(PLUS(a, b)) FROM t") == [(55,)]


def test_a_merge_of_a_stream_calls_a_function(snowflake_session, table, sql) -> None:
    snowflake_session.udf.register(
        plus, name="PLUS", return_type=IntegerType(), input_types=[IntegerType()] * 2, packages=["numpy"]
    )
    sql("CREATE STREAM changes ON TABLE t APPEND_ONLY = TRUE")
    sql("INSERT INTO t VALUES (5, 6)")
    sql("CREATE TABLE sums (a INT, s INT)")
    sql("MERGE INTO sums USING changes c ON sums.a = c.a WHEN NOT MATCHED THEN INSERT VALUES (c.a, PLUS(c.a, c.b))")
    assert sql("SELECT * FROM sums") == [(5, 11)]


def test_imports_are_found(snowflake_session, tmp_path: Path) -> None:
    (tmp_path / "churn_helper_module.py").write_text("K = 41\n")

    def with_helper(x: int) -> int:
        import churn_helper_module

        return churn_helper_module.K + x

    made = snowflake_session.udf.register(
        with_helper,
        return_type=IntegerType(),
        input_types=[IntegerType()],
        imports=[str(tmp_path / "churn_helper_module.py")],
    )
    df = snowflake_session.create_dataframe([[1]], schema=["A"])
    assert df.select(made("A")).collect()[0][0] == 42


def test_a_vectorised_function_sees_whole_columns(snowflake_session, table) -> None:
    def double(a: pd.Series, b: pd.Series) -> pd.Series:
        assert isinstance(a, pd.Series)
        return a * 2 + b

    made = snowflake_session.udf.register(
        double,
        return_type=PandasSeriesType(FloatType()),
        input_types=[PandasSeriesType(FloatType())] * 2,
        packages=["pandas"],
    )
    got = snowflake_session.table("t").select("A", made("A", "B").alias("V")).sort("A").collect()
    assert [r["V"] for r in got] == [None, 4.0, 10.0]


def test_sql_functions_and_variants(sql) -> None:
    sql("CREATE FUNCTION sq(x FLOAT) RETURNS FLOAT AS 'x * x'")
    assert sql("SELECT sq(1 + 2)") == [(9.0,)]
    sql(
        "CREATE FUNCTION wrap(v VARIANT) RETURNS VARIANT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'f' AS $$\ndef f(v):\n    return {'got': v['a']}\n$$"
    )
    assert sql("""SELECT wrap(parse_json('{"a": [1]}')):got[0]::INT""") == [(1,)]


def test_procedures_share_the_callers_session(snowflake_session, table, sql) -> None:
    def count(session: sp.Session, name: str) -> int:
        session.sql("CREATE OR REPLACE TEMPORARY TABLE left_behind AS SELECT 7 AS x").collect()
        assert sp.context.get_active_session() is session
        return session.table(name).count()

    made = snowflake_session.sproc.register(
        count, name="CNT", packages=PACKAGES, return_type=IntegerType(), input_types=[StringType()]
    )
    sql("CREATE TEMP TABLE mine AS SELECT 1 AS a UNION ALL SELECT 2")
    assert snowflake_session.call("CNT", "MINE") == 2
    assert made("T") == 3
    assert sql("CALL cnt('T')") == [(3,)]
    assert sql("SELECT x FROM left_behind") == [(7,)]
    assert [r[0] for r in sql("DESCRIBE PROCEDURE cnt(STRING)")][:2] == ["signature", "returns"]
    assert [r[1] for r in sql("SHOW PROCEDURES LIKE 'cnt'")] == ["CNT"]
    sql("DROP PROCEDURE cnt(STRING)")


def test_procedures_return_tables_and_nothing(snowflake_session, table, sql) -> None:
    def picked(session: sp.Session, least: int) -> sp.DataFrame:
        return session.table("t").filter(F.col("A") >= least).select("A")

    snowflake_session.sproc.register(
        picked, name="PICKED", packages=PACKAGES, return_type=StructType(), input_types=[IntegerType()]
    )
    assert [tuple(r) for r in snowflake_session.call("PICKED", 3).collect()] == [(3,)]

    def scale(session: sp.Session, k: float) -> str:
        session.sql(f"UPDATE t SET b = b * {k}").collect()
        return "done"

    made = snowflake_session.sproc.register(
        scale, anonymous=True, packages=PACKAGES, return_type=StringType(), input_types=[FloatType()]
    )
    assert made(10.0) == "done"
    assert sql("SELECT SUM(b) FROM t") == [(110,)]


def test_an_error_in_code_says_what_and_where(sql, fails) -> None:
    sql(
        "CREATE PROCEDURE boom() RETURNS STRING LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python') HANDLER = 'f' AS $$\ndef f(session):\n    raise ValueError('no luck')\n$$"
    )
    number, message = fails("CALL boom()")
    assert number == 100357
    assert "ValueError: no luck" in message
    assert "<BOOM()>, line 3" in message
    sql("CREATE FUNCTION bad(x INT) RETURNS INT LANGUAGE PYTHON HANDLER = 'f' AS 'def f(x): return 1 // x'")
    number, message = fails("SELECT bad(0)")
    assert number == 100357
    assert "ZeroDivisionError" in message


def test_code_does_not_run_before_it_is_called(sql, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    body = f"import pathlib\npathlib.Path('{mark}').touch()\ndef f(x): return x"
    sql(f"CREATE FUNCTION lazy(x INT) RETURNS INT LANGUAGE PYTHON HANDLER = 'f' AS $$\n{body}\n$$")
    sql("SHOW USER FUNCTIONS")
    sql("DESCRIBE FUNCTION lazy(INT)")
    assert not mark.exists()
    assert sql("SELECT lazy(1)") == [(1,)]
    assert mark.exists()


def test_packages_must_be_here(fails) -> None:
    head = "CREATE FUNCTION p(x INT) RETURNS INT LANGUAGE PYTHON HANDLER = 'f' PACKAGES = ({}) AS 'def f(x): return x'"
    assert "'no-such-package' is not installed" in fails(head.format("'no-such-package'"))[1]
    assert "not ==0.0.1" in fails(head.format("'pandas==0.0.1'"))[1]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE JAVASCRIPT AS 'return X'",
        "CALL SYSTEM$SOMETHING()",
    ],
)
def test_what_is_not_emulated_is_refused(fails, text: str) -> None:
    assert "offline account:" in fails(text)[1]
