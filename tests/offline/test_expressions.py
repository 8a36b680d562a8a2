"""Expressions whose answers DuckDB would give otherwise, each against what Snowflake's documentation says."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.snowpark import functions as F

DAY, NOON = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12)
ROW = (
    "(SELECT '2024-02-29'::DATE d, '2024-02-29 12:00'::TIMESTAMP_NTZ ts, '2024-02-29' s, 3 n, 2.5::FLOAT f, '7' digits)"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DATE_TRUNC('month', d)", dt.date(2024, 2, 1)),
        ("DATE_TRUNC('month', ts)", dt.datetime(2024, 2, 1)),
        ("TRUNC(d, 'year')", dt.date(2024, 1, 1)),
        ("DATEADD(day, n, d)", dt.date(2024, 3, 3)),
        ("DATEADD(quarter, -1, d)", dt.date(2023, 11, 29)),
        ("DATEADD(year, 1, d)", dt.date(2025, 2, 28)),
        ("DATEADD(day, 1.5, d)", dt.date(2024, 3, 2)),
        ("DATEADD(hour, 1, d)", dt.datetime(2024, 2, 29, 1)),
        ("DATEADD(day, 1, ts)", dt.datetime(2024, 3, 1, 12)),
        ("DATEADD(day, 1, s)", dt.datetime(2024, 3, 1)),
        ("ADD_MONTHS(d, 1)", dt.date(2024, 3, 31)),
        ("ADD_MONTHS(ts, -12)", dt.datetime(2023, 2, 28, 12)),
        ("d + INTERVAL '1 month'", dt.date(2024, 3, 29)),
        ("ts + INTERVAL '1 day, 2 hours'", dt.datetime(2024, 3, 1, 14)),
        ("d - INTERVAL '1 week'", dt.date(2024, 2, 22)),
        ("d + n", dt.date(2024, 3, 3)),
        ("d - '2024-02-01'::DATE", 28),
        ("DATEDIFF(day, s, '2024-03-01'::DATE)", 1),
        ("YEAR(s)", 2024),
        ("TO_CHAR(d, 'YYYY-MM')", "2024-02"),
        ("TO_CHAR(ts, 'DD.MM.YYYY HH24:MI:SS')", "29.02.2024 12:00:00"),
        ("TO_CHAR(d, 'DY, DD MON YYYY')", "Thu, 29 Feb 2024"),
        ("ts::VARCHAR", "2024-02-29 12:00:00.000"),
        ("(f * 2)::VARCHAR", "5"),
        ("f::VARCHAR || '/' || n", "2.5/3"),
        ("'x' || (f * 2)", "x5"),
        ("'abcdef'::VARCHAR(3)", "abc"),
        ("3::VARCHAR(10) || 1.50::VARCHAR(16777216)", "31.50"),
        ("digits * 2", 14),
        ("n - digits", -4),
        ("TO_DATE('05/17/2024')", dt.date(2024, 5, 17)),
        ("TO_DATE('1704067200')", dt.date(2024, 1, 1)),
        ("'17-May-2024'::DATE", dt.date(2024, 5, 17)),
        ("TRY_TO_DATE('nonsense')", None),
        ("TRY_TO_TIMESTAMP('nonsense')", None),
        ("TRY_TO_TIMESTAMP('2024-02-29 12:00')", NOON),
        ("LTRIM('00a0', '0')", "a0"),
        ("RTRIM('00a0', '0')", "00a"),
        ("TRIM('xax', 'x')", "a"),
        ("REGEXP_REPLACE('a1b2', '[0-9]', '', 1, 0)", "ab"),
        ("WIDTH_BUCKET(5, 0, 10, 5)", 3),
        ("WIDTH_BUCKET(10, 0, 10, 5)", 6),
        ("OCTET_LENGTH('\u00e9')", 2),
        ("TYPEOF(PARSE_JSON('1'))", "INTEGER"),
        ("TYPEOF(PARSE_JSON('1.5'))", "DECIMAL"),
        ("TYPEOF('x'::VARIANT)", "VARCHAR"),
        ("'x'::VARIANT::VARCHAR", "x"),
        ("IS_OBJECT(PARSE_JSON('{}'))", True),
        ("IS_INTEGER(PARSE_JSON('1.5'))", False),
        ("AS_INTEGER(PARSE_JSON('7'))", 7),
        ("AS_INTEGER(PARSE_JSON('\"x\"'))", None),
        ("ARRAY_CONTAINS('a'::VARIANT, ARRAY_CONSTRUCT('b', 'a'))", True),
        ("ARRAY_CONTAINS(2::VARIANT, PARSE_JSON('[1]'))", False),
        ("PARSE_URL('http://a.b/c?d=1'):host::VARCHAR", "a.b"),
        ('PARSE_JSON(\'{"a": "2024-02-29 12:00:00"}\'):a::TIMESTAMP_NTZ', NOON),
        ("PARSE_JSON('{\"a\": \"2024-02-29\"}')['a']::DATE", DAY),
        ("1704067200::TIMESTAMP_NTZ", dt.datetime(2024, 1, 1)),
        ("(n * 86400)::TIMESTAMP_NTZ", dt.datetime(1970, 1, 4)),
        ("n / 2", 1.5),
        ("1 / 3", Decimal("0.333333")),
        ("(SELECT LISTAGG(x) FROM (SELECT 'a' x WHERE FALSE))", ""),
    ],
)
def test_its_value_and_its_type(sql, text: str, expected: object) -> None:
    ((value,),) = sql(f"SELECT {text} FROM {ROW}")
    assert value == expected
    assert not isinstance(expected, dt.date) or type(value) is type(expected)


def test_objects(sql) -> None:
    ((value,),) = sql("SELECT OBJECT_DELETE(OBJECT_CONSTRUCT('a', 1, 'b', 2, 'c', 3), 'a', 'c')")
    assert json.loads(value) == {"b": 2}


def test_texts_that_are_no_numbers_fail_in_a_sum(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS a FROM VALUES ('1'), ('2.5')")
    assert sql("SELECT SUM(a), AVG(a), MAX(a - 1) FROM t") == [(3.5, 1.75, 1.5)]
    sql("INSERT INTO t VALUES ('x')")
    assert "not recognized" in fails("SELECT SUM(a) FROM t")[1]


def test_flatten_honours_outer_and_path(sql) -> None:
    sql("""CREATE TABLE t AS SELECT column1 AS k, PARSE_JSON(column2) AS v FROM VALUES
        (1, '{"a": [5, 6]}'), (2, '{"a": []}'), (3, NULL)""")
    inner = "SELECT k, f.index, f.value::INT, f.path FROM t, LATERAL FLATTEN(input => v, path => 'a') f ORDER BY 1, 2"
    assert sql(inner) == [(1, 0, 5, "a[0]"), (1, 1, 6, "a[1]")]
    outer = "SELECT k, f.value::INT FROM t, LATERAL FLATTEN(v:a, outer => TRUE) f ORDER BY 1, 2"
    assert sql(outer) == [(1, 5), (1, 6), (2, None), (3, None)]
    keys = 'SELECT f.key, f.value::INT FROM TABLE(FLATTEN(PARSE_JSON(\'{"x y": 1, "z/": 2}\'))) f ORDER BY 1'
    assert sql(keys) == [("x y", 1), ("z/", 2)]
    assert sql("SELECT f.value:x::INT FROM VALUES (1), LATERAL FLATTEN(PARSE_JSON('[{\"x\": 5}]')) f") == [(5,)]


def test_split_to_table(sql) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS k, column2 AS s FROM VALUES (1, 'a,b'), (2, 'c')")
    found = "SELECT k, f.index, f.value FROM t, LATERAL SPLIT_TO_TABLE(t.s, ',') f ORDER BY 1, 2"
    assert sql(found) == [(1, 1, "a"), (1, 2, "b"), (2, 1, "c")]
    assert sql("SELECT value FROM TABLE(SPLIT_TO_TABLE('x-y', '-')) ORDER BY index") == [("x",), ("y",)]


def test_windows_that_are_sums(sql) -> None:
    asked = "SELECT RATIO_TO_REPORT(x) OVER (), CONDITIONAL_TRUE_EVENT(x > 1) OVER (ORDER BY x) FROM VALUES (1), (3) v(x) ORDER BY x"
    assert sql(asked) == [(0.25, 0), (0.75, 1)]


def test_pivot_of_any_and_sample_of_rows(snowflake_session, sql) -> None:
    sql(
        "CREATE TABLE t AS SELECT column1 AS who, column2 AS m, column3 AS v FROM VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'y', 3)"
    )
    pivoted = snowflake_session.table("t").pivot("m").sum("v").sort("who")
    assert pivoted.columns == ["WHO", "\"'x'\"", "\"'y'\""]
    assert [tuple(r) for r in pivoted.collect()] == [("a", 1, 2), ("b", None, 3)]
    assert snowflake_session.table("t").sample(n=2).count() == 2


@pytest.mark.parametrize(
    "text",
    [
        "SELECT TO_CHAR(1234.5, '999,999.00')", "SELECT * FROM range(3)", "SELECT * FROM duckdb_settings()",
        "SELECT SOUNDEX('a')",
    ],
)  # fmt: skip
def test_what_would_be_answered_otherwise_is_refused(fails, text: str) -> None:
    assert "offline account" in fails(text)[1]


def test_snowpark_dates_and_text(snowflake_session) -> None:
    made = snowflake_session.create_dataframe([[NOON, Decimal("1.5"), "a1"]], schema=["T", "N", "S"])
    row = made.select(
        F.to_char("T", "YYYY-MM-DD"),
        F.regexp_replace("S", "[0-9]", "_"),
        F.cast("N", "string"),
        F.date_trunc("day", "T"),
    ).collect()[0]
    assert tuple(row) == ("2024-02-29", "a_", "1.500000000000000000", dt.datetime(2024, 2, 29))


def test_dates_of_aggregates_windows_and_outer_rows(sql, fails) -> None:
    sql(
        "CREATE TABLE t AS SELECT column1 AS a, column2::DATE AS d, column3 AS s FROM VALUES (1, '2024-01-01', '5'), (2, '2024-02-02', '6')"
    )
    assert sql(
        "SELECT DATEADD(day, 1, MAX(d)), DATE_TRUNC('month', MAX(d)), MAX(d) - INTERVAL '1 day', MAX(d)::VARCHAR FROM t"
    ) == [(dt.date(2024, 2, 3), dt.date(2024, 2, 1), dt.date(2024, 2, 1), "2024-02-02")]
    assert sql("SELECT DATEADD(day, 1, LAG(d) OVER (ORDER BY a)) FROM t ORDER BY a") == [
        (None,),
        (dt.date(2024, 1, 2),),
    ]
    assert sql("SELECT a FROM t WHERE d >= (SELECT MAX(d) - INTERVAL '1 month' FROM t)") == [(2,)]
    assert sql("SELECT x.a, y.b FROM t x, LATERAL (SELECT DATEADD(day, x.a, x.d) b) y ORDER BY 1") == [
        (1, dt.date(2024, 1, 2)), (2, dt.date(2024, 2, 4)),
    ]  # fmt: skip
    assert sql("SELECT x.a, (SELECT SUM(y.s * x.a) FROM t y) FROM t x ORDER BY 1") == [(1, 11.0), (2, 22.0)]
    sql("CREATE VIEW v AS SELECT DATEADD(month, 1, d) AS e, s * 2 AS twice FROM t")
    assert sql("SELECT MAX(e), SUM(twice) FROM v") == [(dt.date(2024, 3, 2), 22.0)]
    assert [r[1] for r in sql("DESCRIBE VIEW v")] == ["DATE", "FLOAT"]
    assert "MAX(" not in fails("SELECT MAX(s) - 1 FROM t")[1]  # refused, not guessed


def test_tables_by_a_name_in_a_text_and_order_by_all(sql) -> None:
    sql("SET name = 'T'")
    sql("CREATE TABLE t AS SELECT column1 AS a FROM VALUES (2), (1), (1)")
    assert sql("SELECT COUNT(*) FROM TABLE($name)") == [(3,)]
    assert sql("SELECT a, COUNT(*) FROM t GROUP BY ALL ORDER BY ALL") == [(1, 2), (2, 1)]
