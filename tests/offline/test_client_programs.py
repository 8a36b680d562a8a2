"""What programs of the clients do beside plain SQL: functions without arguments, aggregates in Python, queries not waited for."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.snowpark import functions as F
from snowflake.snowpark import types as T
from snowflake.snowpark.dataframe import map as map_rows


@pytest.fixture
def frame(snowflake_session):
    return snowflake_session.create_dataframe([[1, 3], [1, 4], [2, 5], [2, None]], schema=["a", "b"])


class Norm:
    """The length of a vector."""

    def __init__(self) -> None:
        self.total = 0.0

    @property
    def aggregate_state(self) -> float:
        return self.total

    def accumulate(self, value: float) -> None:
        self.total += 0.0 if value is None else value**2

    def merge(self, other: float) -> None:
        self.total += other

    def finish(self) -> float:
        return math.sqrt(self.total)


def test_an_aggregate_in_python(snowflake_session, frame) -> None:
    norm = F.udaf(Norm, return_type=T.DoubleType(), input_types=[T.DoubleType()])
    grouped = frame.group_by("a").agg(norm("b").alias("n"), F.count("*").alias("c")).sort("a").collect()
    assert [tuple(row) for row in grouped] == [(1, 5.0, 2), (2, 5.0, 2)]
    assert frame.agg(norm("b")).collect()[0][0] == pytest.approx(math.sqrt(9 + 16 + 25))
    assert frame.filter(F.col("a") > 5).agg(norm("b")).collect()[0][0] == 0.0
    assert frame.group_by("a").agg(norm("b").alias("n")).filter(F.col("n") > 9).count() == 0
    snowflake_session.sql("CREATE TABLE t AS SELECT 3 AS x UNION ALL SELECT 4").collect()
    snowflake_session.sql(
        "CREATE AGGREGATE FUNCTION joined(s VARCHAR, n INT) RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'J' AS $$\n"
        "class J:\n    def __init__(self): self.found = []\n"
        "    def accumulate(self, s, n): self.found.append(s * n)\n"
        "    def finish(self): return ','.join(sorted(self.found))\n$$"
    ).collect()
    assert snowflake_session.sql("SELECT joined(x, 2) FROM t").collect()[0][0] == "33,44"


def test_an_aggregate_in_python_says_what_failed(sql, fails) -> None:
    sql(
        "CREATE AGGREGATE FUNCTION bad(x INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'B' AS $$\n"
        "class B:\n    def accumulate(self, x): raise ValueError('no more')\n    def finish(self): return 1\n$$"
    )
    assert "no more" in fails("SELECT bad(1)")[1]
    assert "offline account:" in fails("SELECT bad(DISTINCT column1) FROM VALUES (1)")[1]


def test_a_function_without_arguments(snowflake_session, frame) -> None:
    answer = F.udf(lambda: 42, return_type=T.IntegerType(), input_types=[])
    assert [row[0] for row in frame.select(answer()).collect()] == [42] * 4
    assert snowflake_session.sql(f"SELECT {answer.name}()").collect()[0][0] == 42


def test_rows_are_mapped(frame) -> None:
    mapped = map_rows(frame, lambda row: row[0] * 10, output_types=[T.IntegerType()])
    assert sorted(row[0] for row in mapped.collect()) == [10, 10, 20, 20]


def test_frames_are_mapped_by_columns(frame) -> None:
    shaped = map_rows(
        frame,
        lambda rows: ((len(rows),) * len(rows), list(rows["A"] * 10)),
        output_types=[T.IntegerType(), T.IntegerType()],
        output_column_names=["n", "v"],
        partition_by="a",
        vectorized=True,
        packages=["pandas"],
    )
    assert sorted(map(tuple, shaped.collect())) == [(2, 10), (2, 10), (2, 20), (2, 20)]


def test_an_error_of_a_query_that_is_not_waited_for_comes_with_its_result(snowflake_session) -> None:
    job = snowflake_session.sql("SELECT 1 / 0").collect_nowait()
    assert job.is_done()
    assert job.is_failed()
    with pytest.raises(Exception, match="Division by zero"):
        job.result()
    good = snowflake_session.sql("SELECT 7 AS n").collect_nowait()
    assert good.result()[0]["N"] == 7
    cursor = snowflake_session.connection.cursor()
    cursor.execute_async("SELECT nope")
    with pytest.raises(Exception, match="NOPE"):
        cursor.get_results_from_sfqid(cursor.sfqid)


def test_as_of_joins_on_names(snowflake_session) -> None:
    left = snowflake_session.create_dataframe([["u", 1, 15], ["u", 2, 16], ["v", 1, 9]], schema=["k", "g", "t"])
    right = snowflake_session.create_dataframe([["u", 1, 14], ["u", 1, 10], ["u", 2, 17]], schema=["k", "g", "t"])
    joined = left.join(right, on=["k", "g"], how="asof", match_condition=(left.t >= right.t))
    assert sorted(map(tuple, joined.collect())) == [("u", 1, 15, 14), ("u", 2, 16, None), ("v", 1, 9, None)]


def test_pivots_by_a_query_and_with_a_default(snowflake_session) -> None:
    rows = [["u", "JAN", 1], ["u", "FEB", 2], ["v", "JAN", 3]]
    frame = snowflake_session.create_dataframe(rows, schema=["k", "month", "amount"])
    months = snowflake_session.create_dataframe(["FEB", "JAN"], schema=["m"])
    pivoted = frame.pivot("month", values=months, default_on_null=0).sum("amount").sort("k")
    assert [tuple(row) for row in pivoted.collect()] == [("u", 2, 1), ("v", 0, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X'6162'", b"ab"),
        ("'6162'::BINARY", b"ab"),
        ("TO_BINARY('6162')", b"ab"),
        ("TO_BINARY('ab', 'UTF-8')", b"ab"),
        ("TO_BINARY('YWI=', 'BASE64')", b"ab"),
        ("TO_VARCHAR(TO_BINARY('ab', 'UTF-8'), 'UTF-8')", "ab"),
        ("TO_VARCHAR(X'6162', 'HEX')", "6162"),
        ("BASE64_ENCODE('ab')", "YWI="),
        ("BASE64_ENCODE(X'6162')", "YWI="),
        ("BIT_LENGTH('\u00e9')", 16),
        ("CHR(column1)", "\x07"),
        ("FACTORIAL(column1)", 5040),
        ("CONTAINS(column1 * 10, 7)", True),
        ("MONTHS_BETWEEN('2024-03-15'::DATE, '2024-02-10'::DATE)", round(Decimal(1 + 5 / 31), 6)),
        ("MONTHS_BETWEEN('2024-03-31'::DATE, '2024-02-29'::DATE)", 1.0),
        ("MONTHS_BETWEEN('2019-03-01 02:00'::TIMESTAMP_NTZ, '2019-02-15 01:00'::TIMESTAMP_NTZ)", round(Decimal(1 + (-14 + 1 / 24) / 31), 6)),
        ("TO_CHAR('2024-01-02 15:30:00'::TIMESTAMP_NTZ, 'YYYY/MM/DD HH:MI')", "2024/01/02 15:30"),
        ("(SELECT APPROX_PERCENTILE(column1, 0.5) FROM VALUES (1), (2), (3), (10))", 2.5),
        ("(SELECT REGR_SLOPE(column1, column2) FROM VALUES (1, 1), (2, 1))", None),
        ("(SELECT REGR_SLOPE(column1, column2) FROM VALUES (2, 1), (4, 2))", 2.0),
        ("ABS(HASH(column1)) >= 0", True),
    ],
)  # fmt: skip
def test_its_value(sql, text: str, expected: object) -> None:
    ((value,),) = sql(f"SELECT {text} FROM VALUES (7)")
    assert value == expected


def test_changes_are_counted(sql) -> None:
    rows = "VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, 'a'), (5, 'a')"
    counted = "CONDITIONAL_CHANGE_EVENT(column2) OVER (ORDER BY column1), CONDITIONAL_TRUE_EVENT(column2 = 'a') OVER (ORDER BY column1)"
    assert sql(f"SELECT {counted} FROM {rows} ORDER BY column1") == [(0, 1), (0, 2), (1, 2), (2, 3), (2, 4)]


def test_many_hashes_of_rows_fit_into_a_number(sql) -> None:
    ((distinct, low, high),) = sql(
        "SELECT COUNT(DISTINCT h), MIN(h), MAX(h) FROM (SELECT HASH(*) AS h FROM (SELECT SEQ4() AS n, 'x' AS s"
        " FROM TABLE(GENERATOR(ROWCOUNT => 1000))))"
    )
    assert distinct == 1000
    assert -(2**63) <= low < 0 < high < 2**63


def test_quantiles(snowflake_session) -> None:
    values = [1, 2, 3, 10, 20, None]
    frame = snowflake_session.create_dataframe([[v, at % 2] for at, v in enumerate(values)], schema=["v", "g"])
    known = [v for v in values if v is not None]
    assert frame.stat.approx_quantile("v", [0.0, 0.5, 0.9]) == pytest.approx(list(np.quantile(known, [0.0, 0.5, 0.9])))
    states = frame.group_by("g").agg(F.approx_percentile_accumulate("v").alias("s"))
    whole = states.select(F.approx_percentile_combine("s").alias("s")).select(F.approx_percentile_estimate("s", 0.25))
    assert whole.collect()[0][0] == pytest.approx(np.quantile(known, 0.25))


def test_a_dynamic_table_of_a_frame(snowflake_session) -> None:
    snowflake_session.sql("CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 2").collect()
    frame = snowflake_session.table("t").filter(F.col("a") > 1)
    frame.create_or_replace_dynamic_table("d", warehouse="COMPUTE_WH", lag="1 hour")
    assert [tuple(row) for row in snowflake_session.table("d").collect()] == [(2,)]
    assert snowflake_session.sql("SHOW DYNAMIC TABLES").collect()[0]["target_lag"] == "1 hour"
