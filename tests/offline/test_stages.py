"""Stages, file formats, PUT and GET, COPY INTO both ways, reading staged files."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.snowpark.types import DateType, DoubleType, StringType, StructField, StructType

from churnobs.testing import offline_account

GOOD = "ID,AMT,D\n1,1.5,2024-01-01\n2,2.5,2024-01-02\n"
BAD = "ID,AMT,D\n3,3.5,2024-01-03\n4,x,2024-01-04\n5,5.5,2024-01-05\n"
CSV = "FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1)"


@pytest.fixture
def stage(snowflake_session, sql, tmp_path: Path):
    """A stage `st`, and a function that puts a text into it."""
    sql("CREATE STAGE st")
    sql("CREATE TABLE t (id VARCHAR, amt FLOAT, d DATE)")

    def put(name: str, text: str | bytes, folder: str = "in") -> None:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        snowflake_session.file.put(str(path), f"@st/{folder}", auto_compress=False, overwrite=True)

    return put


def test_put_list_get_remove(snowflake_session, sql, tmp_path: Path) -> None:
    sql("CREATE STAGE st")
    (tmp_path / "a b.csv").write_text(GOOD)
    done = snowflake_session.file.put(str(tmp_path / "a b.csv"), "@st/in")[0]
    assert (done.target, done.status, done.target_compression) == ("a b.csv.gz", "UPLOADED", "GZIP")
    snowflake_session.file.put_stream(io.BytesIO(b"hello"), "@st/deep/er/h.txt", auto_compress=False)
    assert [r[:2] for r in sql("LIST @st/deep")] == [("st/deep/er/h.txt", 5)]
    assert [r[0] for r in sql("LS @st PATTERN = '.*[.]gz'")] == ["st/in/a b.csv.gz"]
    assert snowflake_session.file.get_stream("@st/deep/er/h.txt").read() == b"hello"
    got = snowflake_session.file.get("@st/in", str(tmp_path / "out"))
    assert [g.file for g in got] == ["a b.csv.gz"]
    assert gzip.decompress((tmp_path / "out" / "a b.csv.gz").read_bytes()).decode() == GOOD
    assert sql("REMOVE @st/deep") == [("st/deep/er/h.txt", "removed")]
    assert len(sql("LIST @st")) == 1


def test_put_without_overwrite_keeps_what_is_there(snowflake_session, sql, tmp_path: Path) -> None:
    sql("CREATE STAGE st")
    for text in ("one", "two"):
        (tmp_path / "f.txt").write_text(text)
        snowflake_session.file.put(str(tmp_path / "f.txt"), "@st", auto_compress=False, overwrite=False)
    assert snowflake_session.file.get_stream("@st/f.txt").read() == b"one"


def test_abort_loads_nothing_and_names_the_line(stage, sql, fails) -> None:
    stage("a.csv", GOOD)
    stage("b.csv", BAD)
    number, message = fails(f"COPY INTO t FROM @st/in {CSV}")
    assert number == 100038
    assert "Numeric value 'x' is not recognized" in message
    assert "File 'in/b.csv', line 3" in message
    assert sql("SELECT COUNT(*) FROM t") == [(0,)]


def test_continue_loads_the_good_rows_and_counts_the_bad(stage, sql) -> None:
    stage("a.csv", GOOD)
    stage("b.csv", BAD)
    rows = sql(f"COPY INTO t FROM @st/in {CSV} ON_ERROR = CONTINUE")
    assert [(*r[:4], r[5], r[7]) for r in rows] == [
        ("st/in/a.csv", "LOADED", 2, 2, 0, None), ("st/in/b.csv", "PARTIALLY_LOADED", 3, 2, 1, 3),
    ]  # fmt: skip
    assert sql("SELECT id FROM t ORDER BY id") == [("1",), ("2",), ("3",), ("5",)]


@pytest.mark.parametrize(
    ("on_error", "loaded"), [("SKIP_FILE", 2), ("SKIP_FILE_2", 4), ("'SKIP_FILE_50%'", 4), ("'SKIP_FILE_10%'", 2)]
)
def test_skip_file_and_its_limits(stage, sql, on_error: str, loaded: int) -> None:
    stage("a.csv", GOOD)
    stage("b.csv", BAD)
    states = {r[0]: r[1] for r in sql(f"COPY INTO t FROM @st/in {CSV} ON_ERROR = {on_error}")}
    assert states["st/in/b.csv"] == ("LOAD_FAILED" if loaded == 2 else "PARTIALLY_LOADED")
    assert sql("SELECT COUNT(*) FROM t") == [(loaded,)]


def test_a_file_is_loaded_once_unless_forced_or_changed(stage, sql) -> None:
    stage("a.csv", GOOD)
    assert len(sql(f"COPY INTO t FROM @st/in {CSV}")[0]) == 10
    assert sql(f"COPY INTO t FROM @st/in {CSV}") == [("Copy executed with 0 files processed.",)]
    sql(f"COPY INTO t FROM @st/in {CSV} FORCE = TRUE")
    stage("a.csv", GOOD + "9,9,2024-01-09\n")
    sql(f"COPY INTO t FROM @st/in {CSV}")
    assert sql("SELECT COUNT(*) FROM t") == [(7,)]
    sql("TRUNCATE TABLE t")
    sql(f"COPY INTO t FROM @st/in {CSV}")
    assert sql("SELECT COUNT(*) FROM t") == [(3,)]
    assert sql("SELECT FILE_NAME FROM INFORMATION_SCHEMA.LOAD_HISTORY WHERE TABLE_NAME = 'T'")[0][0].endswith(
        "in/a.csv"
    )


def test_pattern_files_purge_and_rollback(stage, sql) -> None:
    for name in ("a1.csv", "a2.csv", "b1.csv"):
        stage(name, GOOD)
    assert [r[0] for r in sql(f"COPY INTO t FROM @st/in {CSV} PATTERN = '.*a[0-9].csv'")] == [
        "st/in/a1.csv",
        "st/in/a2.csv",
    ]
    assert [r[0] for r in sql(f"COPY INTO t FROM @st/in/ FILES = ('b1.csv') {CSV} PURGE = TRUE")] == ["st/in/b1.csv"]
    assert [r[0] for r in sql("LIST @st")] == ["st/in/a1.csv", "st/in/a2.csv"]
    sql("TRUNCATE TABLE t")
    sql("BEGIN")
    sql(f"COPY INTO t FROM @st/in {CSV}")
    sql("ROLLBACK")
    assert sql("SELECT COUNT(*) FROM t") == [(0,)]
    assert len(sql(f"COPY INTO t FROM @st/in {CSV}")) == 2


def test_csv_dialects(stage, sql) -> None:
    sql("CREATE TABLE c (a VARCHAR, b VARCHAR, n INT)")
    stage("q.csv", 'a;b;n\n"x;1";"say ""hi""";1\n"";;\n"two\nlines"; padded ;2\n\\N;back\\;slash;3\n', "q")
    sql(
        "COPY INTO c FROM @st/q FILE_FORMAT = (TYPE = CSV FIELD_DELIMITER = ';' SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"')"
    )
    assert sql("SELECT * FROM c ORDER BY n NULLS FIRST") == [
        ("", None, None), ("x;1", 'say "hi"', 1), ("two\nlines", " padded ", 2), (None, "back;slash", 3),
    ]  # fmt: skip


def test_ragged_rows_dates_and_booleans(stage, sql, fails) -> None:
    sql("CREATE TABLE r (a INT, b BOOLEAN, d DATE, ts TIMESTAMP_NTZ)")
    stage("r.csv", "1,yes,31/12/2024,2024-12-31 10:00:00\n2,off\n", "r")
    ragged = "FILE_FORMAT = (TYPE = CSV DATE_FORMAT = 'DD/MM/YYYY' ERROR_ON_COLUMN_COUNT_MISMATCH = {})"
    assert "Number of columns in file (2)" in fails("COPY INTO r FROM @st/r " + ragged.format("TRUE"))[1]
    sql("COPY INTO r FROM @st/r " + ragged.format("FALSE"))
    assert sql("SELECT * FROM r ORDER BY a") == [
        (1, True, dt.date(2024, 12, 31), dt.datetime(2024, 12, 31, 10)),
        (2, False, None, None),
    ]


def test_columns_by_name_and_by_query(stage, sql) -> None:
    stage("a.csv", "d,ID\n2024-01-01,7\n", "n")
    sql("COPY INTO t FROM @st/n FILE_FORMAT = (TYPE = CSV PARSE_HEADER = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
    stage("b.csv", "x,2.5\n", "m")
    sql("COPY INTO t (amt, id) FROM (SELECT $2::FLOAT * 2, UPPER($1) FROM @st/m) FILE_FORMAT = (TYPE = CSV)")
    assert sql("SELECT * FROM t ORDER BY id") == [("7", None, dt.date(2024, 1, 1)), ("X", 5.0, None)]


def test_json_and_its_outer_array(stage, sql) -> None:
    sql("CREATE TABLE j (v VARIANT)")
    stage("j.json", '{"a": 1, "b": {"c": "x"}}\n{"a": 2.50}', "j")
    stage("k.json", json.dumps([{"a": 3}, {"a": 4}]), "k")
    sql("COPY INTO j FROM @st/j FILE_FORMAT = (TYPE = JSON)")
    sql("COPY INTO j FROM @st/k FILE_FORMAT = (TYPE = JSON STRIP_OUTER_ARRAY = TRUE)")
    assert sql("SELECT v:a::FLOAT, v:b.c::STRING FROM j ORDER BY 1") == [
        (1.0, "x"),
        (2.5, None),
        (3.0, None),
        (4.0, None),
    ]
    sql("CREATE FILE FORMAT jf TYPE = JSON")
    assert sql("SELECT $1:a::INT FROM @st/j/j.json (FILE_FORMAT => 'jf') ORDER BY 1")[0] == (1,)


def test_unload_and_read_back(snowflake_session, stage, sql) -> None:
    sql(
        "CREATE TABLE u AS SELECT column1 AS id, column2 AS x, column3::DATE AS d FROM VALUES ('a', 1.25, '2024-01-01'), (NULL, NULL, NULL)"
    )
    assert sql("COPY INTO @st/pq/ FROM u FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")[0][0] == 2
    back = snowflake_session.read.parquet("@st/pq/").sort("ID").collect()
    assert [tuple(r) for r in back] == [(None, None, None), ("a", 1.25, dt.date(2024, 1, 1))]
    sql("COPY INTO @st/csv/part FROM (SELECT * FROM u) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) OVERWRITE = TRUE")
    assert snowflake_session.file.get_stream("@st/csv/part_0_0_0.csv").read() == b"a,1.25,2024-01-01\n\\N,\\N,\\N\n"


def test_read_csv_with_a_schema_and_with_an_inferred_one(snowflake_session, stage) -> None:
    stage("a.csv", GOOD)
    schema = StructType(
        [StructField("ID", StringType()), StructField("AMT", DoubleType()), StructField("D", DateType())]
    )
    read = snowflake_session.read.option("SKIP_HEADER", 1).schema(schema).csv("@st/in/a.csv")
    assert [tuple(r) for r in read.sort("ID").collect()] == [
        ("1", 1.5, dt.date(2024, 1, 1)),
        ("2", 2.5, dt.date(2024, 1, 2)),
    ]
    inferred = (
        snowflake_session.read.option("PARSE_HEADER", value=True).option("INFER_SCHEMA", value=True).csv("@st/in/a.csv")
    )
    assert inferred.columns == ["ID", "AMT", "D"]
    assert [f.datatype.simple_string() for f in inferred.schema.fields] == ["bigint", "decimal(2,1)", "date"]


def test_infer_schema_of_parquet(stage, sql) -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1], "B": [0.5], "s": ["x"], "t": [pd.Timestamp("2024-01-01")], "o": [True]}).to_parquet(buffer)
    stage("x.parquet", buffer.getvalue(), "x")
    sql("CREATE FILE FORMAT pf TYPE = PARQUET")
    rows = sql(
        "SELECT column_name, type, order_id FROM TABLE(INFER_SCHEMA(LOCATION => '@st/x', FILE_FORMAT => 'pf')) ORDER BY order_id"
    )
    assert rows == [
        ("a", "NUMBER(38, 0)", 0),
        ("B", "REAL", 1),
        ("s", "TEXT", 2),
        ("t", "TIMESTAMP_NTZ", 3),
        ("o", "BOOLEAN", 4),
    ]
    assert sql("""SELECT $1:"a"::INT, $1:a, $1:nope, metadata$filename FROM @st/x (FILE_FORMAT => pf)""") == [
        (1, "1", None, "x/x.parquet")
    ]


def test_external_stages_are_mapped_folders(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text(GOOD)
    with offline_account(external_stages={"s3://bucket/churn": tmp_path}) as session:
        session.sql("CREATE STAGE mapped URL = 's3://bucket/churn/data/'").collect()
        session.sql("CREATE STAGE unmapped URL = 's3://elsewhere/' ").collect()
        assert session.sql("LIST @mapped").collect()[0]["name"] == "s3://bucket/churn/data/a.csv"
        session.sql("CREATE TABLE t (id VARCHAR, amt FLOAT, d DATE)").collect()
        assert session.sql(f"COPY INTO t FROM @mapped {CSV}").collect()[0]["rows_loaded"] == 2
        with pytest.raises(Exception, match=r"offline account: reading the external stage .* map it to a folder"):
            session.sql("LIST @unmapped").collect()


def test_options_that_are_not_honoured_are_refused(stage, fails) -> None:
    stage("a.csv", GOOD)
    for text in (
        "CREATE FILE FORMAT f TYPE = XML", "CREATE FILE FORMAT f TYPE = CSV BINARY_FORMAT = BASE64",
        f"COPY INTO t FROM @st/in {CSV} VALIDATION_MODE = RETURN_ERRORS", f"COPY INTO t FROM @st/in {CSV} CLUSTER_AT_INGEST_TIME = TRUE",
    ):  # fmt: skip
        assert "offline account:" in fails(text)[1]


def test_a_text_of_a_file_has_no_quotes_in_a_column_of_texts(snowflake_session) -> None:
    snowflake_session.sql("CREATE TABLE words (A VARCHAR, N NUMBER(38,0))").collect()
    snowflake_session.write_pandas(pd.DataFrame({"A": ["a", None, "1"], "N": [1, 2, 3]}), "WORDS")
    found = snowflake_session.sql("SELECT A FROM words ORDER BY N").collect()
    assert [row[0] for row in found] == ["a", None, "1"]
