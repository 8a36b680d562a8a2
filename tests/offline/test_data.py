"""Tables and queries through Snowpark and the connector."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import snowflake.connector
from snowflake.snowpark import Window
from snowflake.snowpark import functions as F
from snowflake.snowpark.types import LongType, StructField, StructType


def frame(rows: int = 5) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ID": range(rows), "T": pd.date_range("2024-01-01", periods=rows), "X": np.arange(rows) / 3,
            "S": [f"s{n}" for n in range(rows)], "B": [n % 2 == 0 for n in range(rows)],
        }
    )  # fmt: skip


def test_create_dataframe_keeps_every_type(snowflake_session) -> None:
    row = [1, "a", 1.5, None, dt.date(2024, 2, 29), dt.datetime(1969, 12, 31, 23, 59, 59, 999999), True]
    made = snowflake_session.create_dataframe([row], schema=list("ABCDEFG")).collect()
    assert list(made[0]) == row


def test_create_dataframe_of_variants(snowflake_session) -> None:
    made = snowflake_session.create_dataframe([[{"a": 1}, [1, 2]]], schema=["V", "ARR"])
    assert tuple(made.collect()[0]) == ('{\n  "a": 1\n}', "[\n  1,\n  2\n]")


def test_create_dataframe_of_many_rows_is_one_insert(snowflake_session, snowflake_account) -> None:
    rows = [[n, str(n), n * 1.5, dt.date(2024, 1, 1) + dt.timedelta(n % 365)] for n in range(2000)]
    made = snowflake_session.create_dataframe(rows, schema=["A", "B", "C", "D"])
    got = made.agg(F.sum("A"), F.count("B"), F.max("D")).collect()[0]
    assert tuple(got) == (1999000, 2000, max(r[3] for r in rows))
    assert (
        sum(1 for s in snowflake_account.statements if s.text.startswith("INSERT") and "VALUES (?, ?, ?, ?)" in s.text)
        == 1
    )


def test_pandas_goes_in_and_comes_out_unchanged(snowflake_session) -> None:
    snowflake_session.write_pandas(frame(), "WP", auto_create_table=True)
    out = snowflake_session.table("WP").sort("ID").to_pandas()
    pd.testing.assert_frame_equal(out, frame().astype({"T": "datetime64[ns]"}), check_dtype=False)
    again = snowflake_session.write_pandas(frame(3), "WP", auto_create_table=True, overwrite=True)
    assert again.count() == 3
    pd.testing.assert_frame_equal(
        snowflake_session.create_dataframe(frame()).sort("ID").to_pandas(), frame(), check_dtype=False
    )


def test_batches_iterators_and_async(snowflake_session) -> None:
    table = snowflake_session.write_pandas(frame(2500), "MANY", auto_create_table=True)
    assert sum(len(b) for b in table.to_pandas_batches()) == 2500
    assert sum(1 for _ in table.to_local_iterator()) == 2500
    assert table.filter(F.col("ID") < 2).sort("ID").select("ID").collect_nowait().result()[1][0] == 1
    assert table.cache_result().count() == 2500
    parts = table.random_split([0.5, 0.5], seed=1)
    assert sum(p.count() for p in parts) == 2500


def test_sums_of_integers_are_integers_and_bad_numbers_fail(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS a, column2 AS s FROM VALUES (1, '1'), (2, 'x')")
    ((total,),) = sql("SELECT SUM(a) FROM t")
    assert total == 3
    assert isinstance(total, int)
    assert "not recognized" in fails("SELECT CAST(s AS INT) FROM t")[1]


def test_save_as_table_appends_overwrites_and_refuses(snowflake_session, sql) -> None:
    df = snowflake_session.create_dataframe([[1], [2]], schema=["A"])
    df.write.mode("append").save_as_table("OUT")
    df.write.mode("append").save_as_table("OUT")
    assert sql("SELECT COUNT(*) FROM OUT") == [(4,)]
    df.write.mode("overwrite").save_as_table("OUT")
    assert sql("SELECT COUNT(*) FROM OUT") == [(2,)]
    with pytest.raises(Exception, match="already exists"):
        df.write.mode("errorifexists").save_as_table("OUT")


def test_temporary_tables_shadow_and_go(snowflake_session, sql) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    sql("CREATE TEMP TABLE t AS SELECT 2 AS a")
    assert sql("SELECT t.a FROM t") == [(2,)]
    sql("DROP TABLE t")
    assert sql("SELECT t.a FROM t") == [(1,)]


def test_identifier_takes_qualified_and_quoted_names(snowflake_session, sql) -> None:
    database = snowflake_session.get_current_database().strip('"')
    sql('CREATE TABLE "Odd.Name" (a INT)')
    cursor = snowflake_session.connection.cursor()
    cursor.execute("INSERT INTO identifier(?) VALUES (1)", (f'"{database}"."PUBLIC"."Odd.Name"',))
    assert cursor.execute("SELECT a FROM identifier(?)", (f'{database}.PUBLIC."Odd.Name"',)).fetchall() == [(1,)]
    assert [r["name"] for r in snowflake_session.sql("SHOW TABLES").collect()] == ["Odd.Name"]


def test_merge_counts_and_refuses_two_source_rows_for_one(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS k, column2 AS v FROM VALUES (1, 10), (2, 20), (3, 30)")
    sql(
        "CREATE TABLE s AS SELECT column1 AS k, column2 AS v, column3 AS gone FROM VALUES (2, 21, FALSE), (3, 0, TRUE), (9, 90, FALSE)"
    )
    merge = (
        "MERGE INTO t o USING s ON o.k = s.k WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET o.v = s.v + 1 "
        "WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)"
    )
    assert sql(merge) == [(1, 1, 1)]
    assert sql("SELECT k, v FROM t ORDER BY k") == [(1, 10), (2, 22), (9, 90)]
    sql("INSERT INTO s VALUES (2, 5, FALSE)")
    assert fails(merge)[0] == 100090


def test_update_delete_and_their_counts(sql) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS a FROM VALUES (1), (2), (3)")
    assert sql("UPDATE t SET a = a + 10 WHERE a > 1") == [(2, 0)]
    assert sql("DELETE FROM t WHERE a = 1") == [(1,)]
    assert sql("SELECT SUM(a) FROM t") == [(25,)]
    sql("TRUNCATE TABLE t")
    assert sql("SELECT COUNT(*) FROM t") == [(0,)]


def test_transactions_commit_and_roll_back(sql, fails) -> None:
    sql("CREATE TABLE t (a INT)")
    sql("BEGIN")
    sql("INSERT INTO t VALUES (1)")
    sql("ROLLBACK")
    assert sql("SELECT COUNT(*) FROM t") == [(0,)]
    sql("BEGIN TRANSACTION")
    sql("INSERT INTO t VALUES (1)")
    sql("COMMIT")
    assert sql("SELECT COUNT(*) FROM t") == [(1,)]
    assert fails("SELECT * FROM nothing_of_that_name")[0] == 2003


def test_as_of_joins_keep_unmatched_rows(sql) -> None:
    sql(
        "CREATE TABLE l AS SELECT column1 AS k, column2::TIMESTAMP_NTZ AS ts FROM VALUES ('a', '2024-01-05'), ('b', '2024-01-01')"
    )
    sql(
        "CREATE TABLE r AS SELECT column1 AS k, column2::TIMESTAMP_NTZ AS ts, column3 AS v FROM VALUES ('a', '2024-01-05', 1), ('a', '2024-01-06', 2)"
    )
    assert sql("SELECT l.k, r.v FROM l ASOF JOIN r MATCH_CONDITION(l.ts >= r.ts) ON l.k = r.k ORDER BY 1") == [
        ("a", 1),
        ("b", None),
    ]


def test_result_scan_projects_and_filters(snowflake_session) -> None:
    cursor = snowflake_session.connection.cursor()
    query_id = cursor.execute("SELECT column1 AS a, column2 AS b FROM VALUES (1, 2), (3, 4)").sfqid
    assert cursor.execute(f"SELECT b FROM TABLE(RESULT_SCAN('{query_id}')) WHERE a = 3").fetchall() == [(4,)]
    assert cursor.execute("SELECT SUM($1) FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))").fetchall() == [(4,)]


def test_the_flow_operator(sql) -> None:
    sql("CREATE TABLE one (a INT)")
    sql("CREATE TABLE two (a INT)")
    assert sql("""SHOW TABLES ->> SELECT "name" FROM $1 WHERE "name" LIKE 'O%'""") == [("ONE",)]
    assert sql("SELECT 1 AS a ->> SELECT 2 AS b ->> SELECT a, b FROM $1, $2") == [(1, 2)]


def test_show_honours_like_in_and_starts_with(sql, snowflake_session) -> None:
    sql("CREATE SCHEMA other")
    sql("CREATE TABLE churn_1 (a INT)")
    sql("CREATE TABLE public.churn_2 (a INT)")
    sql("CREATE VIEW public.v AS SELECT * FROM churn_1")

    def names(text: str) -> list[str]:
        return [row["name"] for row in snowflake_session.sql(text).collect()]

    assert names("SHOW TABLES") == ["CHURN_1"]
    assert names("SHOW TABLES IN DATABASE") == ["CHURN_1", "CHURN_2"]
    assert names("SHOW TABLES LIKE 'churn_2' IN SCHEMA public") == ["CHURN_2"]
    assert names("SHOW TABLES IN DATABASE STARTS WITH 'churn'") == []
    assert names("SHOW VIEWS IN DATABASE STARTS WITH 'V'") == ["V"]
    assert names("SHOW OBJECTS IN SCHEMA public") == ["CHURN_2", "V"]
    assert names("SHOW DATABASES LIKE 'nope'") == []
    assert names("SHOW SCHEMAS LIKE 'nope'") == []
    assert names("SHOW SCHEMAS LIKE 'oth%'") == ["OTHER"]
    assert names("SHOW WAREHOUSES LIKE 'compute_wh'") == ["COMPUTE_WH"]


def test_describe_tells_types_nulls_and_comments(sql) -> None:
    sql(
        "CREATE TABLE t (id NUMBER(10,2) NOT NULL COMMENT 'the id', s VARCHAR, ts TIMESTAMP_NTZ, v VARIANT) COMMENT = 'a table'"
    )
    rows = {r[0]: (r[1], r[3], r[9]) for r in sql("DESCRIBE TABLE t")}
    assert rows == {
        "ID": ("NUMBER(10,2)", "N", "the id"), "S": ("VARCHAR(16777216)", "Y", None), "TS": ("TIMESTAMP_NTZ(9)", "Y", None),
        "V": ("VARIANT", "Y", None),
    }  # fmt: skip
    sql("CREATE VIEW v (id COMMENT 'seen') COMMENT = 'a view' AS SELECT id FROM t")
    assert [(r[0], r[9]) for r in sql("DESC VIEW v")] == [("ID", "seen")]


def test_dollar_columns_of_values_and_tables(sql) -> None:
    assert sql("SELECT $2 AS b, $1 FROM VALUES (1, 'x')") == [("x", 1)]
    sql("CREATE TABLE t AS SELECT 1 AS a, 2 AS b")
    assert sql("SELECT $2 FROM t") == [(2,)]


def test_columns_without_a_name_are_named_by_their_text(snowflake_session) -> None:
    made = snowflake_session.sql("select count(*), 'a'||'b', sum(1)+1 from values (1)")
    assert made.collect()[0].as_dict() == {"COUNT(*)": 1, "'A'||'B'": "ab", "SUM(1)+1": 2}


def test_views_over_views_and_self_reference(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    sql("CREATE VIEW v AS SELECT a FROM t")
    sql("CREATE VIEW w (b) AS SELECT a + 1 FROM v")
    sql("CREATE SCHEMA elsewhere")
    assert sql("SELECT b FROM public.w") == [(2,)]
    assert fails("CREATE OR REPLACE VIEW public.v AS SELECT * FROM public.v")[0] == 2057
    assert fails("CREATE VIEW public.t AS SELECT 1 AS x")[0] == 2002


def test_time_series_and_moving_aggregates(snowflake_session) -> None:
    days = ["2024-01-01", "2024-01-05", "2024-01-05", "2024-02-28", "2024-02-29", "2024-03-31"]
    rows = [["a", dt.date.fromisoformat(d), v] for d, v in zip(days, [10.0, 20.0, 7.0, 4.0, 3.0, 1.0], strict=True)]
    df = snowflake_session.create_dataframe(rows, schema=["G", "T", "X"])
    out = df.analytics.time_series_agg(time_col="T", aggs={"X": ["SUM"]}, windows=["-7D", "-1MM", "1D"], group_by=["G"])
    got = sorted(tuple(r)[1:] for r in out.collect())
    sums = {"X_SUM_-7D": [10, 37, 37, 4, 7, 1], "X_SUM_-1MM": [10, 37, 37, 4, 7, 4], "X_SUM_1D": [10, 27, 27, 7, 3, 1]}
    expected = sorted((r[1], r[2], *(s[at] for s in sums.values())) for at, r in enumerate(rows))
    assert got == expected
    moved = df.analytics.moving_agg(aggs={"X": ["MIN"]}, window_sizes=[2], order_by=["T"], group_by=["G"])
    assert sorted(r["X_MIN_2"] for r in moved.collect())[:2] == [1.0, 3.0]
    assert df.select(F.row_number().over(Window.order_by("T", "X")).alias("N")).agg(F.max("N")).collect()[0][0] == 6


def test_semi_structured_data(sql) -> None:
    sql("""CREATE TABLE j AS SELECT parse_json('{"a": [1, 2.50], "b": {"c": "x"}}') AS v""")
    assert sql("SELECT v:a[1]::FLOAT, v:b.c::STRING, v['b']['c']::STRING, v:nope FROM j") == [(2.5, "x", "x", None)]
    assert sql("SELECT f.index, f.value::FLOAT FROM j, LATERAL FLATTEN(input => v:a) f ORDER BY 1") == [
        (0, 1.0),
        (1, 2.5),
    ]
    assert sql("SELECT CONCAT('x', NULL), GREATEST(1, NULL), LEAST(2, 1), CONCAT('a', 'b')") == [(None, None, 1, "ab")]


def test_insert_overwrite_selects_before_it_replaces(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS a FROM VALUES (1), (2), (3)")
    assert sql("INSERT OVERWRITE INTO t SELECT a + 1 FROM t WHERE a > 1") == [(2,)]
    assert sql("SELECT a FROM t ORDER BY a") == [(3,), (4,)]
    sql("INSERT OVERWRITE INTO t (a) SELECT 7 UNION ALL SELECT MAX(a) FROM t")
    assert sql("SELECT a FROM t ORDER BY a") == [(4,), (7,)]
    sql("BEGIN")
    sql("INSERT INTO t VALUES (9)")
    sql("INSERT OVERWRITE INTO t SELECT a FROM t WHERE a <> 4")
    assert sql("SELECT a FROM t ORDER BY a") == [(7,), (9,)]
    sql("ROLLBACK")
    assert sql("SELECT a FROM t ORDER BY a") == [(4,), (7,)]
    assert sql("INSERT OVERWRITE INTO t SELECT a FROM t WHERE a > 100") == [(0,)]
    sql("INSERT OVERWRITE INTO t VALUES (5), (6)")
    assert sql("SELECT a FROM t ORDER BY a") == [(5,), (6,)]
    fails("INSERT OVERWRITE INTO t SELECT nope FROM t")
    assert sql("SELECT COUNT(*) FROM t") == [(2,)]


def test_an_overwritten_tables_stream_sees_the_new_rows(sql) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    sql("CREATE STREAM s ON TABLE t APPEND_ONLY = TRUE")
    sql("INSERT OVERWRITE INTO t SELECT a + 1 FROM t")
    assert sql("SELECT a FROM s") == [(2,)]


def test_variables_and_parameters(sql, fails) -> None:
    sql("SET n = 5")
    assert sql("SELECT $n + 1, '$n'") == [(6, "$n")]
    assert fails("ALTER SESSION SET TIMEZONE = 'America/New_York'")[0] == 2
    assert sql("SHOW PARAMETERS LIKE 'quoted_identifiers_ignore_case' IN SESSION")[0][:2] == (
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        "false",
    )


def test_reserved_words_of_duckdb_are_plain_names(sql) -> None:
    sql("CREATE TABLE log (at TIMESTAMP_NTZ, desc_ VARCHAR, pivot_longer INT)")
    sql("INSERT INTO log VALUES ('2024-01-01', 'x', 1)")
    assert sql("SELECT at, pivot_longer FROM log") == [(dt.datetime(2024, 1, 1), 1)]


def test_not_null_is_enforced_and_keys_are_not(sql) -> None:
    sql("CREATE TABLE t (a INT PRIMARY KEY, b INT NOT NULL)")
    sql("INSERT INTO t VALUES (1, 1), (1, 2)")
    with pytest.raises(snowflake.connector.errors.IntegrityError, match="NULL result in a non-nullable column 'B'"):
        sql("INSERT INTO t VALUES (3, NULL)")
    assert sql("SELECT COUNT(*) FROM t") == [(2,)]


def test_binds_of_every_kind(snowflake_session) -> None:
    cursor = snowflake_session.connection.cursor()
    cursor.execute("CREATE TABLE b (i INT, f FLOAT, s VARCHAR, d DATE, t TIMESTAMP_NTZ, o BOOLEAN)")
    row = (7, 0.1, "it's $1 ?", dt.date(2024, 2, 29), dt.datetime(2024, 1, 1, 1, 2, 3, 4), True)
    cursor.execute("INSERT INTO b VALUES (?, ?, ?, ?, ?, ?)", row)
    cursor.executemany("INSERT INTO b VALUES (?, ?, ?, ?, ?, ?)", [row, (None, None, None, None, None, None)])
    assert cursor.rowcount == 2
    assert cursor.execute("SELECT * FROM b WHERE s = ?", (row[2],)).fetchall() == [row, row]


def test_schema_of_a_query_without_running_it(snowflake_session, sql) -> None:
    sql("CREATE TABLE t (a INT)")
    assert snowflake_session.table("t").schema == StructType([StructField("A", LongType(), nullable=True)])
    snowflake_session.sql("INSERT INTO t VALUES (1)").schema  # noqa: B018
    assert sql("SELECT COUNT(*) FROM t") == [(0,)]


def test_division_and_rounding_are_snowflakes(sql, fails) -> None:
    assert sql("SELECT 1 / 3, 10 / 4, 1.0 / 3, 1::FLOAT / 3, NULL / 0") == [
        (Decimal("0.333333"), Decimal("2.5"), Decimal("0.3333333"), 1 / 3, None)
    ]
    assert sql("SELECT 2.5::FLOAT::INT, -2.5::FLOAT::INT, 3.5::FLOAT::INT, 2.5::INT, '2.5'::INT") == [(3, -3, 4, 3, 3)]
    sql("CREATE TABLE t AS SELECT column1 AS a, column2 AS b FROM VALUES (1, 3), (2, 0)")
    assert fails("SELECT a / b FROM t")[0] == 100051
    assert sql("SELECT a / b FROM t WHERE b <> 0") == [(Decimal("0.333333"),)]
    assert sql("SELECT DIV0(a, b) FROM t ORDER BY a") == [(Decimal("0.333333"),), (0,)]
    sql("CREATE VIEW v AS SELECT SUM(a) / SUM(b) AS r, (SUM(a)::FLOAT / 2)::INT AS w FROM t")
    assert sql("SELECT r, w FROM v") == [(1.0, 2)]


def test_variants_beside_plain_values(sql) -> None:
    sql(
        """CREATE TABLE j AS SELECT parse_json(column1) AS v FROM VALUES ('{"a": "x", "n": 2, "b": true}'), ('{"a": "y", "n": 10, "b": false}')"""
    )
    assert sql("SELECT v:n + 1, v:a || '!' FROM j WHERE v:a = 'x' AND v:b = TRUE AND v:n < 9.5") == [(3.0, "x!")]
    assert sql("SELECT SUM(v:n), AVG(v:n) FROM j WHERE v:a IN ('x', 'y')") == [(12.0, 6.0)]
    assert sql("SELECT COUNT(*) FROM j WHERE v:a LIKE 'x%' OR v:n > 9") == [(2,)]
    assert sql("SELECT OBJECT_INSERT(v, 'k', 1):k::INT FROM j LIMIT 1") == [(1,)]


def test_ranges_numbered_binds_and_generators(snowflake_session, sql) -> None:
    assert [r[0] for r in snowflake_session.range(2, 10, 3).sort("ID").collect()] == [2, 5, 8]
    cursor = snowflake_session.connection.cursor()
    assert cursor.execute("SELECT :2, :1, :2", ("a", 5)).fetchall() == [(5, "a", 5)]
    assert sql("SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 7))") == [(7,)]


def test_tables_made_of_queries_hold_numbers_of_any_size_and_count_exactly(sql, snowflake_session) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS a, SUM(column2) AS s FROM VALUES (1, 2), (1, 3), (2, 5) GROUP BY 1")
    sql("INSERT INTO t VALUES (5000000000, 5000000000)")
    sql("DELETE FROM t WHERE a = 1")
    assert [r["rows"] for r in snowflake_session.sql("SHOW TABLES").collect()] == [2]
    assert sql("SELECT column_name, data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'T'") == [
        ("A", "NUMBER"),
        ("S", "NUMBER"),
    ]
    sql("TRUNCATE TABLE IF EXISTS nowhere")


def test_temporary_views_are_the_sessions_own(snowflake_account, snowflake_session) -> None:
    snowflake_session.create_dataframe([[1]], schema=["A"]).create_or_replace_temp_view("TV")
    assert snowflake_session.table("TV").collect()[0][0] == 1
    other = snowflake_account.session(database=snowflake_session.get_current_database().strip('"'))
    with pytest.raises(Exception, match="does not exist"):
        other.table("TV").collect()
    other.close()
    assert snowflake_session.table("TV").count() == 1


def test_rows_after_an_insert_of_nothing_are_seen(sql) -> None:
    sql("CREATE TABLE kept (k INT)")
    sql("CREATE TABLE source AS SELECT 1 AS k, 'c' || SEQ4() AS id FROM TABLE(GENERATOR(ROWCOUNT => 130000))")
    sql("BEGIN")
    sql("INSERT INTO kept SELECT k FROM source WHERE id LIKE '%x'")
    sql("INSERT INTO kept SELECT k FROM source")
    assert sql("SELECT COUNT(*), SUM(k) FROM kept") == [(130000, 130000)]
    sql("COMMIT")
    assert sql("SELECT COUNT(*), SUM(k) FROM kept") == [(130000, 130000)]
