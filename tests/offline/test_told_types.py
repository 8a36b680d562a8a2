"""The types that clients are told: exact numbers, ARRAY and OBJECT, NOT NULL, lengths of texts, moments with a zone."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.snowpark import functions as F
from snowflake.snowpark import types as T

from churnobs.testing import offline_account


@pytest.fixture
def told(snowflake_session):
    """The types of a query's columns, with whether they may be NULL."""
    return lambda text: [(f.datatype, f.nullable) for f in snowflake_session.sql(text).schema.fields]


def kinds(found) -> list[T.DataType]:
    return [kind for kind, _ in found]


def test_quotients_and_means_of_exact_numbers_are_exact(sql, told) -> None:
    values = [1, 2, 4, 9]
    sql("CREATE TABLE t (g INT, x INT, d NUMBER(10, 2), f FLOAT)")
    sql("INSERT INTO t SELECT 1, column1, column1 / 4, column1 / 4 FROM VALUES (1), (2), (4), (9)")
    query = (
        "SELECT AVG(x), MEDIAN(x), VAR_POP(x), VAR_SAMP(x), PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY x), SUM(x) / COUNT(*),"
        " MAX(x) / 7, AVG(d), SUM(d) / 3, DIV0(MAX(x), 7) FROM t"
    )
    exact = [
        round(Decimal(float(number)), 6)
        for number in (
            np.mean(values),
            np.median(values),
            np.var(values),
            np.var(values, ddof=1),
            np.percentile(values, 25),
            4,
        )
    ] + [round(Decimal(9) / 7, 6), Decimal(4) / 4, Decimal(4) / 3, round(Decimal(9) / 7, 6)]
    found = sql(query)[0]
    for one, expected in zip(found, exact, strict=True):
        assert isinstance(one, Decimal)
        assert one == round(expected, -one.as_tuple().exponent)
    sizes = [(38, 6), (38, 3), (38, 6), (38, 6), (38, 3), (38, 6), (38, 6), (38, 8), (38, 8), (38, 6)]
    assert kinds(told(query)) == [T.DecimalType(*size) for size in sizes]


def test_quotients_and_means_of_floats_are_floats(sql, told) -> None:
    query = "SELECT AVG(x), MEDIAN(x), x / 2, 2 / x, SUM(x) / COUNT(*), AVG(x::FLOAT) FROM VALUES (1.5::FLOAT) AS v(x) GROUP BY x"
    assert kinds(told(query)) == [T.DoubleType()] * 6
    assert sql(query) == [(1.5, 1.5, 0.75, 2 / 1.5, 1.5, 1.5)]


def test_exact_means_over_windows_and_of_distinct_values(sql) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS g, column2 AS x FROM VALUES (1, 1), (1, 2), (1, 2), (2, 5)")
    rows = sql(
        "SELECT g, x, AVG(x) OVER (PARTITION BY g ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t ORDER BY 1, 2, 3"
    )
    assert [row[2] for row in rows] == [Decimal(1), Decimal("1.5"), round(Decimal(5) / 3, 3), Decimal(5)]
    assert sql("SELECT AVG(DISTINCT x), AVG(CASE WHEN x > 9 THEN x END) FROM t") == [(round(Decimal(8) / 3, 6), None)]


def test_decimals_of_a_quotient_are_twelve_at_most(sql, told) -> None:
    query = "SELECT 1 / 3 / 7 / 11 / 13"
    assert kinds(told(query)) == [T.DecimalType(38, 12)]
    assert float(sql(query)[0][0]) == pytest.approx(1 / 3 / 7 / 11 / 13, abs=1e-8)


def test_exact_numbers_in_pandas(snowflake_session) -> None:
    frame = snowflake_session.sql(
        "SELECT 1.25::NUMBER(10, 2) AS a, -7 / 2 AS b, 1e20::NUMBER(38, 2) AS c, NULL::NUMBER(5, 1) AS d, 3 AS e"
    ).to_pandas()
    assert [str(kind) for kind in frame.dtypes] == ["float64"] * 4 + ["int64"]
    np.testing.assert_array_equal(frame.iloc[0, :3].to_numpy(float), [1.25, -3.5, 1e20])
    assert frame["D"].isna().all()


def test_arrays_and_objects_are_told_from_variants(sql, told, snowflake_session) -> None:
    sql("CREATE TABLE t (a ARRAY, o OBJECT, v VARIANT)")
    sql("INSERT INTO t SELECT ARRAY_CONSTRUCT(1, 2), OBJECT_CONSTRUCT('k', 1), 1")
    array, mapping, variant = T.ArrayType(T.StringType()), T.MapType(T.StringType(), T.StringType()), T.VariantType()
    assert kinds(told("SELECT * FROM t")) == [array, mapping, variant]
    sql("CREATE VIEW w AS SELECT v, a AS b FROM t")
    sql("CREATE TABLE u AS SELECT o, x.* FROM t, (SELECT b FROM w) AS x")
    sql("ALTER TABLE u RENAME TO r")
    sql("CREATE TABLE c CLONE r")
    assert kinds(told("SELECT * FROM w")) == [variant, array]
    assert kinds(told("WITH q AS (SELECT * FROM c) SELECT *, IFF(TRUE, b, NULL), o:k FROM q")) == [
        mapping,
        array,
        array,
        variant,
    ]
    assert kinds(told("SELECT a FROM t UNION ALL SELECT v FROM t")) == [variant]
    assert kinds(
        told("SELECT SPLIT('a,b', ','), ARRAY_AGG(v), PARSE_JSON('[1]')::ARRAY, PARSE_JSON('[1]') FROM t")
    ) == [array] * 3 + [variant]
    assert [row[1] for row in sql("DESCRIBE TABLE t")] == ["ARRAY", "OBJECT", "VARIANT"]
    exploded = snowflake_session.create_dataframe([(1, [5, 6], {"k": 7})], ["n", "l", "m"])
    assert sorted(row[0] for row in exploded.select(F.explode("l")).collect()) == ["5", "6"]
    assert [tuple(row) for row in exploded.select(F.explode("m")).collect()] == [("k", "7")]


def test_what_is_never_null_is_told(sql, told, snowflake_session) -> None:
    sql("CREATE TABLE t (id INT NOT NULL, x INT)")
    nullable = [
        flag
        for _, flag in told("SELECT id, x, id + 1, id + x, COUNT(*), 'a', NULL, COALESCE(x, 0) FROM t GROUP BY ALL")
    ]
    assert nullable == [False, True, False, True, False, False, True, False]
    assert [flag for _, flag in told("SELECT a.id, b.id FROM t a LEFT JOIN t b ON a.id = b.id")] == [False, True]
    assert [flag for _, flag in told("SELECT a.id, b.id FROM t a FULL JOIN t b ON a.id = b.id")] == [True, True]
    made = snowflake_session.create_dataframe([(1, "a"), (2, None)], ["n", "s"])
    assert [field.nullable for field in made.schema.fields] == [False, True]


def test_lengths_of_texts_are_told_and_copied(sql, told, fails) -> None:
    sql("CREATE TABLE t (s VARCHAR(10), u VARCHAR)")
    assert kinds(told("SELECT s, u, 'abc', s::VARCHAR(4) FROM t")) == [
        T.StringType(10), T.StringType(), T.StringType(3), T.StringType(4),
    ]  # fmt: skip
    assert [row[1] for row in sql("DESCRIBE TABLE t")] == ["VARCHAR(10)", "VARCHAR(16777216)"]
    sql("CREATE TABLE copied AS SELECT s, 'no' AS flag FROM t")
    assert [row[1] for row in sql("DESCRIBE TABLE copied")] == ["VARCHAR(10)", "VARCHAR(2)"]
    assert fails("INSERT INTO copied VALUES ('a', 'yes')")[0] == 100078


def test_a_number_too_long_for_its_text_fails_and_a_text_is_cut(sql, fails) -> None:
    assert sql("SELECT 'abc'::VARCHAR(2), 12::VARCHAR(2), x::VARCHAR(1) FROM (SELECT 'xyz' AS x)") == [
        ("ab", "12", "x")
    ]
    assert fails("SELECT 12::VARCHAR(1)")[0] == 100078
    assert fails("SELECT x::VARCHAR(3) FROM (SELECT 1.25 AS x)")[0] == 100078


def test_moments_of_the_session_are_told_from_those_with_a_zone(sql, told) -> None:
    sql("CREATE TABLE t (l TIMESTAMP_LTZ, z TIMESTAMP_TZ, n TIMESTAMP_NTZ)")
    zones = [kind.tz for kind in kinds(told("SELECT l, z, n, CURRENT_TIMESTAMP() FROM t"))]
    assert [str(zone) for zone in zones] == [
        str(zone)
        for zone in (T.TimestampTimeZone.LTZ, T.TimestampTimeZone.TZ, T.TimestampTimeZone.NTZ, T.TimestampTimeZone.LTZ)
    ]
    assert [row[1] for row in sql("DESCRIBE TABLE t")] == ["TIMESTAMP_LTZ(9)", "TIMESTAMP_TZ(9)", "TIMESTAMP_NTZ(9)"]


def test_system_typeof(sql) -> None:
    assert sql(
        "SELECT SYSTEM$TYPEOF(1), SYSTEM$TYPEOF(12345), SYSTEM$TYPEOF('abc'), SYSTEM$TYPEOF(1.5), SYSTEM$TYPEOF(NULL)"
    ) == [("NUMBER(1,0)[SB1]", "NUMBER(5,0)[SB4]", "VARCHAR(3)[LOB]", "NUMBER(2,1)[SB1]", "NULL[LOB]")]
    assert sql(
        "SELECT SYSTEM$TYPEOF(x), SYSTEM$TYPEOF(x::FLOAT), SYSTEM$TYPEOF(x / 2), SYSTEM$TYPEOF(x > 1) FROM VALUES (1) v(x)"
    ) == [("NUMBER(38,0)[SB16]", "FLOAT[DOUBLE]", "NUMBER(38,6)[SB16]", "BOOLEAN[SB1]")]


def test_a_kept_account_knows_its_types(tmp_path) -> None:
    with offline_account(keep=tmp_path) as session:
        session.sql("CREATE TABLE t (a ARRAY, s VARCHAR(5))").collect()
    with offline_account(keep=tmp_path) as session:
        assert kinds((f.datatype, f.nullable) for f in session.table("t").schema.fields) == [
            T.ArrayType(T.StringType()), T.StringType(5),
        ]  # fmt: skip


def test_whole_numbers_beyond_64_bits_are_refused(fails) -> None:
    number, message = fails("SELECT 99999999999999999999::NUMBER(38, 0)")
    assert number == 2
    assert "offline account: a whole number of more than 64 bits" in message
