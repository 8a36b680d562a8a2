"""What the clients' own examples do: VARIANT values and their functions, files, dates in formats, listings, functions over frames."""

from __future__ import annotations

import datetime as dt
import io
import json
from decimal import Decimal

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import snowflake.connector
from snowflake.snowpark import functions as F
from snowflake.snowpark import types as T

DOCUMENT = '{"z": 1.50, "b": [7, {"d": "x"}], "a b": {"e": 5}}'


@pytest.fixture
def document(sql):
    """Select from one document, in a column V."""
    return lambda columns: sql(f"SELECT {columns} FROM (SELECT PARSE_JSON('{DOCUMENT}') AS v)")[0]


def test_an_index_of_an_index_of_an_index(document) -> None:
    assert document("v['b'][1]['d'], v['b'][1]['d']::VARCHAR, v['b'][0] > 6, v['a b']['e']::INT") == (
        '"x"',
        "x",
        True,
        5,
    )


def test_keys_are_in_order_and_decimals_end_with_a_digit(document, sql) -> None:
    assert document("v")[0] == json.dumps(json.loads(DOCUMENT), sort_keys=True, indent=2)
    assert sql("SELECT OBJECT_CONSTRUCT('b', 1.50::NUMBER(10, 2), 'a', 100::NUMBER(10, 0), 'c', 1 / 2)") == [
        (json.dumps({"a": 100, "b": 1.5, "c": 0.5}, indent=2),)
    ]
    assert sql("SELECT ARRAY_CONSTRUCT(1.25, 2), OBJECT_CONSTRUCT('b', TO_BINARY('ab'))") == [
        ("[\n  1.25,\n  2\n]", '{\n  "b": "AB"\n}')
    ]


def test_moments_in_objects(sql) -> None:
    sql("CREATE TABLE t AS SELECT '2024-05-06 07:08:09'::TIMESTAMP AS t")
    for name in ("OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL"):
        assert json.loads(sql(f"SELECT {name}('t', DATEADD('MINUTE', 5, t)) FROM t")[0][0]) == {
            "t": "2024-05-06 07:13:09.000"
        }


def test_all_levels_are_flattened(sql, document) -> None:
    rows = sql(
        f"SELECT f.path, f.key, f.index, f.value FROM TABLE(FLATTEN(INPUT => PARSE_JSON('{DOCUMENT}'), RECURSIVE => TRUE)) f"
    )
    assert [row[:3] for row in rows] == [
        ("a b", "a b", None), ("a b.e", "e", None), ("b", "b", None), ("b[0]", None, 0), ("b[1]", None, 1), ("b[1].d", "d", None),
        ("z", "z", None),
    ]  # fmt: skip
    assert [json.loads(row[3]) for row in rows] == [{"e": 5}, 5, [7, {"d": "x"}], 7, {"d": "x"}, "x", 1.5]
    lateral = f"FROM (SELECT PARSE_JSON('{DOCUMENT}') AS v) AS t, LATERAL FLATTEN(INPUT => t.v, RECURSIVE => TRUE, MODE => 'OBJECT') f"
    assert sorted(row[0] for row in sql(f"SELECT f.path {lateral}")) == ["a b", "a b.e", "b", "z"]


def test_arrays_side_by_side(sql) -> None:
    found = sql("SELECT ARRAYS_ZIP(ARRAY_CONSTRUCT('a', 'b'), ARRAY_CONSTRUCT(1.5)), ARRAYS_ZIP(NULL::ARRAY)")[0]
    assert json.loads(found[0]) == [{"$1": "a", "$2": 1.5}, {"$1": "b", "$2": None}]
    assert found[1] is None


def test_casts_to_array_and_object(sql, fails) -> None:
    assert sql("SELECT 'a'::ARRAY, 5::ARRAY, NULL::ARRAY, OBJECT_CONSTRUCT('k', 1)::MAP(VARCHAR, INT)") == [
        ('[\n  "a"\n]', "[\n  5\n]", None, '{\n  "k": 1\n}')
    ]
    assert fails("SELECT PARSE_JSON('[1]')::OBJECT")[0] == 100071


def test_columns_of_arrays_and_objects_hold_nothing_else(sql, fails) -> None:
    sql("CREATE TABLE t (a ARRAY, o OBJECT)")
    sql("""INSERT INTO t SELECT PARSE_JSON('[1]'), PARSE_JSON('{"k": 1}')""")
    assert "Failed to cast variant value 5 to ARRAY" in fails("INSERT INTO t (a) SELECT 5")[1]
    assert fails("UPDATE t SET o = PARSE_JSON('[1]')")[0] == 100071
    assert sql("SELECT COUNT(*), MIN(o:k) FROM t") == [(1, "1")]


def test_numbers_in_variants(sql) -> None:
    assert sql(
        "SELECT AS_INTEGER(1.23::VARIANT), AS_DECIMAL(1.25::VARIANT, 4, 1), AS_NUMBER(7::VARIANT), AS_DECIMAL('a'::VARIANT)"
    ) == [(1, Decimal("1.3"), 7, None)]


def test_bytes_that_are_none(sql) -> None:
    assert sql(
        "SELECT TRY_TO_BINARY('zz', 'HEX'), TRY_TO_BINARY('abc'), TRY_TO_BINARY('61'), TRY_TO_BINARY('YQ==', 'BASE64')"
    ) == [(None, None, b"a", b"a")]


def test_dates_in_formats_of_any_case(sql) -> None:
    moment = "'2020-08-01 13:04:05'::TIMESTAMP"
    assert sql(
        f"SELECT TO_CHAR({moment}, 'yyyy-mm-dd'), TO_CHAR({moment}, 'DD-Mon-YYYY'), TO_CHAR({moment}, 'hh24:mi:ss')"
    ) == [("2020-08-01", "01-Aug-2020", "13:04:05")]
    assert sql(
        "SELECT TO_DATE('03/04/2020', 'dd/mm/yyyy'), TO_DATE('01-Feb-2020', 'DD-Mon-YYYY'), TIME('01:02:03')"
    ) == [(dt.date(2020, 4, 3), dt.date(2020, 2, 1), dt.time(1, 2, 3))]


def test_moments_of_numbers_and_of_their_texts(sql) -> None:
    seconds = 31536000
    for text in (f"{seconds}", f"'{seconds}'", f"'{seconds}000'", f"'{seconds}000000'", f"{seconds}::FLOAT"):
        assert sql(f"SELECT TO_TIMESTAMP(x) FROM (SELECT {text} AS x)") == [(dt.datetime(1971, 1, 1),)], text


def test_a_column_called_dollar_one(snowflake_session) -> None:
    snowflake_session.sql("CREATE STAGE st").collect()
    snowflake_session.file.put_stream(
        io.BytesIO(b'{"color": "Red", "n": 1}\n{"color": "Blue"}'), "@st/x.json", auto_compress=False
    )
    frame = snowflake_session.read.json("@st/x.json").where(F.col("$1")["color"] == "Red")
    assert [row[0] for row in frame.select(F.col("$1")["n"]).collect()] == ["1"]


def test_json_files_say_what_columns_they_have(snowflake_session, sql) -> None:
    sql("CREATE STAGE st")
    lines = b'{"s": "x", "n": 10, "d": 1.25, "f": true, "l": [1]}\n{"s": null, "n": 7.5, "o": {"k": 1}}'
    snowflake_session.file.put_stream(io.BytesIO(lines), "@st/x.json", auto_compress=False)
    sql("CREATE FILE FORMAT jf TYPE = JSON")
    rows = sql("SELECT column_name, type FROM TABLE(INFER_SCHEMA(LOCATION => '@st/x.json', FILE_FORMAT => 'jf'))")
    assert dict(rows) == {
        "s": "TEXT", "n": "NUMBER(3, 1)", "d": "NUMBER(3, 2)", "f": "BOOLEAN", "l": "ARRAY", "o": "OBJECT",
    }  # fmt: skip
    frame = snowflake_session.read.option("INFER_SCHEMA", True).json("@st/x.json")
    assert frame.columns == ['"s"', '"n"', '"d"', '"f"', '"l"', '"o"']
    assert [row[0] for row in frame.select('"s"').collect()] == ["x", None]


def test_where_rows_of_files_come_from(snowflake_session, sql) -> None:
    sql("CREATE STAGE st")
    snowflake_session.file.put_stream(io.BytesIO(b"1\n2\n"), "@st/sub/x.csv", auto_compress=False)
    rows = sql(
        "SELECT METADATA$FILENAME, METADATA$FILE_ROW_NUMBER, METADATA$FILE_CONTENT_KEY IS NOT NULL,"
        " METADATA$FILE_LAST_MODIFIED <= METADATA$START_SCAN_TIME::TIMESTAMP_NTZ, $1 FROM @st"
    )
    assert rows == [("sub/x.csv", 1, True, True, "1"), ("sub/x.csv", 2, True, True, "2")]


def test_listings(sql) -> None:
    sql("CREATE SEQUENCE s START = 5 INCREMENT = 2")
    assert [(row[0], *row[2:5]) for row in sql("SHOW SEQUENCES LIKE 's'")] == [("S", "PUBLIC", 5, 2)]
    sql("SET (a, b) = (3, 'x')")
    assert [row[3:6] for row in sql("SHOW VARIABLES")] == [("A", "3", "fixed"), ("B", "x", "text")]
    kinds = (
        "PIPES",
        "EXTERNAL TABLES",
        "MATERIALIZED VIEWS",
        "EXTERNAL FUNCTIONS",
        "SECRETS",
        "NETWORK POLICIES",
        "EVENT TABLES",
    )
    for kind in kinds:
        assert sql(f"SHOW {kind}") == []
    assert sql("SELECT CURRENT_DATABASE()")[0][0] in [row[1] for row in sql("SHOW TERSE DATABASES")]
    assert sql("SHOW TERSE STREAMS") == []


def test_the_information_schema_tells_types(sql) -> None:
    sql("CREATE TABLE t (a ARRAY, s VARCHAR(5) NOT NULL COMMENT 'c', n NUMBER(10, 2), l TIMESTAMP_LTZ)")
    sql("CREATE VIEW v AS SELECT s, a FROM t")
    assert sql(
        "SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, comment"
        " FROM INFORMATION_SCHEMA.COLUMNS WHERE table_schema = 'PUBLIC' ORDER BY table_name, ordinal_position"
    ) == [
        ("T", "A", "ARRAY", None, None, None, "YES", None),
        ("T", "S", "TEXT", 5, None, None, "NO", "c"),
        ("T", "N", "NUMBER", None, 10, 2, "YES", None),
        ("T", "L", "TIMESTAMP_LTZ", None, None, None, "YES", None),
        ("V", "S", "TEXT", 5, None, None, "NO", None),
        ("V", "A", "ARRAY", None, None, None, "YES", None),
    ]


def test_primary_keys_are_not_null(sql) -> None:
    sql("CREATE TABLE t (a INT PRIMARY KEY, b INT)")
    sql("CREATE TABLE u (a INT, b INT, c INT, CONSTRAINT k PRIMARY KEY (a, c))")
    assert [row[3] for row in sql("DESCRIBE TABLE t") + sql("DESCRIBE TABLE u")] == ["N", "Y", "N", "Y", "N"]
    with pytest.raises(snowflake.connector.errors.IntegrityError, match="non-nullable column 'A'"):
        sql("INSERT INTO t (b) VALUES (1)")


def test_rows_that_an_update_meets_twice(sql) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS k, 0 AS v FROM VALUES (1), (2), (3)")
    assert sql("UPDATE t SET v = 9 FROM (SELECT * FROM VALUES (1), (1), (2)) AS s (k) WHERE s.k = t.k") == [(2, 1)]
    assert sql("UPDATE t SET v = 1") == [(3, 0)]


class Tenfold:
    """A handler that sees frames and gives as many rows."""

    def process(self, frame):
        return frame[["N"]] * 10

    def end_partition(self):
        yield (-1,)


def test_rows_beside_those_of_a_function_over_frames(snowflake_session) -> None:
    tenfold = snowflake_session.udtf.register(
        Tenfold,
        output_schema=T.PandasDataFrameType([T.IntegerType()], ["tens"]),
        input_types=[T.PandasDataFrameType([T.IntegerType()])],
        input_names=["N"],
        max_batch_size=2,
    )
    frame = snowflake_session.create_dataframe([["x", 1], ["x", 2], ["x", 3], ["y", 4]], schema=["g", "n"])
    rows = frame.select("g", "n", tenfold("n").over(partition_by="g")).collect()
    assert sorted((row[0], -1 if row[1] is None else row[1], row[2]) for row in rows) == [
        ("x", -1, -1), ("x", 1, 10), ("x", 2, 20), ("x", 3, 30), ("y", -1, -1), ("y", 4, 40),
    ]  # fmt: skip


def test_a_cursor_knows_the_formats(snowflake_session) -> None:
    cursor: snowflake.connector.cursor.SnowflakeCursor = snowflake_session.connection.cursor()
    cursor.execute("SELECT 1")
    assert cursor.date_output_format == "YYYY-MM-DD"
    assert None not in (
        cursor.timestamp_ntz_output_format,
        cursor.time_output_format,
        cursor.binary_output_format,
        cursor.timezone,
    )


def test_values_put_into_objects(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT OBJECT_CONSTRUCT('a', OBJECT_CONSTRUCT('y', 2), 'n/x', 1) AS o, 'a' AS k")
    rows = sql(
        "SELECT OBJECT_INSERT(o, 'b', 'x'), OBJECT_INSERT(o, k, OBJECT_CONSTRUCT('z', 3), TRUE), OBJECT_INSERT(o, 'b', NULL),"
        " OBJECT_INSERT(o, k, NULL, TRUE), OBJECT_INSERT(NULL, k, 1) FROM t"
    )
    assert [None if text is None else json.loads(text) for text in rows[0]] == [
        {"a": {"y": 2}, "b": "x", "n/x": 1}, {"a": {"z": 3}, "n/x": 1}, {"a": {"y": 2}, "n/x": 1}, {"n/x": 1}, None,
    ]  # fmt: skip
    assert "Duplicate field key 'a'" in fails("SELECT OBJECT_INSERT(o, k, 1) FROM t")[1]
    assert sql("SELECT OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), 'b', 2)") == [('{\n  "a": 1,\n  "b": 2\n}',)]


def test_kinds_of_tables(sql) -> None:
    sql("CREATE TRANSIENT TABLE t (a INT)")
    sql("CREATE TEMPORARY TABLE s (a INT)")
    sql("CREATE TABLE p (a INT)")
    assert {row[1]: row[4] for row in sql("SHOW TABLES")} == {"T": "TRANSIENT", "S": "TEMPORARY", "P": "TABLE"}
    sql("ALTER TABLE t RENAME TO u")
    assert sql("SELECT table_name, is_transient FROM INFORMATION_SCHEMA.TABLES WHERE is_transient = 'YES'") == [
        ("U", "YES")
    ]


def test_variants_of_tables_and_of_flatten_are_compared(sql, snowflake_session) -> None:
    sql("""CREATE TABLE t AS SELECT PARSE_JSON('{"tags": ["a", "b"], "nums": [10, 9, 100, 1.5]}') AS v""")
    assert sql("SELECT f.value FROM t, LATERAL FLATTEN(v:tags) f WHERE f.value = 'a'") == [('"a"',)]
    assert sql("SELECT f.value FROM t, LATERAL FLATTEN(v:tags) f WHERE f.value LIKE 'b%' OR f.value IN ('z')") == [
        ('"b"',)
    ]
    numbers = "FROM t, LATERAL FLATTEN(INPUT => v:nums) f"
    assert [row[0] for row in sql(f"SELECT value {numbers} ORDER BY f.value DESC")] == ["100", "10", "9", "1.5"]
    assert sql(f"SELECT MAX(f.value), MIN(value), COUNT_IF(value > 9.5) {numbers}") == [("100", "1.5", 2)]
    assert sql(f"WITH q AS (SELECT f.value AS x {numbers}) SELECT x FROM q WHERE x < 9.5 ORDER BY x") == [
        ("1.5",),
        ("9",),
    ]
    sql(
        "CREATE TABLE u AS SELECT PARSE_JSON(column1) AS x, column2 AS n FROM VALUES ('10', '10'), ('9', 'b'), ('\"a\"', 'a')"
    )
    assert sql("SELECT x FROM u WHERE x = 'a'") == [('"a"',)]
    assert sql("SELECT MAX(x) FROM u WHERE n <> 'a'") == [("10",)]
    assert [row[0] for row in snowflake_session.table("u").filter(F.col("n") != "a").sort("x").collect()] == ["9", "10"]


def test_functions_of_maps(sql) -> None:
    sql("CREATE TABLE t AS SELECT OBJECT_CONSTRUCT('b', 1, 'a', 2)::MAP(VARCHAR, INT) AS m, 'b' AS k")
    assert sql("SELECT MAP_KEYS(m), MAP_SIZE(m), MAP_CONTAINS_KEY(k, m), MAP_CONTAINS_KEY('z', m) FROM t") == [
        ('[\n  "a",\n  "b"\n]', 2, True, False)
    ]
    changed = sql(
        "SELECT MAP_CAT(m, OBJECT_CONSTRUCT('b', 9)::MAP(VARCHAR, INT)), MAP_INSERT(m, 'c', 3), MAP_DELETE(m, k), MAP_PICK(m, k) FROM t"
    )
    assert [json.loads(text) for text in changed[0]] == [{"a": 2, "b": 9}, {"a": 2, "b": 1, "c": 3}, {"a": 2}, {"b": 1}]
