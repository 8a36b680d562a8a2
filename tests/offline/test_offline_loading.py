"""Loading files: what was inferred, what did not fit and where, what is remembered."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from churnobs.testing import serve


@pytest.fixture
def put(snowflake_session, tmp_path):
    """Put a text into a new stage under a name."""
    snowflake_session.sql("CREATE STAGE IF NOT EXISTS st").collect()

    def run(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        snowflake_session.file.put(str(tmp_path / name), "@st", auto_compress=False)

    return run


def test_types_are_inferred_from_all_values_of_all_files(put, sql) -> None:
    put("a.csv", "n,r,d,ts,b,s\n1,1.25,2024-01-01,2024-01-01 10:00:00,true,x\n,1e3,,,,\n")
    put("b.csv", "n,r,d,ts,b,s\n1000.5,2,2024-01-02,2024-01-02,false,7\n")
    sql("CREATE FILE FORMAT f TYPE = CSV PARSE_HEADER = TRUE")
    asked = "SELECT column_name, type FROM TABLE(INFER_SCHEMA(location => '@st', file_format => 'f')) ORDER BY order_id"
    assert dict(sql(asked)) == {
        "n": "NUMBER(5, 1)", "r": "REAL", "d": "DATE", "ts": "TIMESTAMP_NTZ", "b": "BOOLEAN", "s": "TEXT",
    }  # fmt: skip


def test_a_table_is_made_from_a_template_and_filled(put, sql) -> None:
    put("a.csv", "ID,NAME\n1,x\n2,y\n")
    sql("CREATE FILE FORMAT f TYPE = CSV PARSE_HEADER = TRUE")
    sql(
        "CREATE OR REPLACE TABLE t USING TEMPLATE (SELECT ARRAY_AGG(OBJECT_CONSTRUCT(*)) FROM TABLE(INFER_SCHEMA("
        "LOCATION => '@st/a.csv', FILE_FORMAT => 'f')))"
    )
    sql("COPY INTO t FROM @st FILE_FORMAT = (FORMAT_NAME = f) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
    assert sql("SELECT id, name FROM t ORDER BY id") == [(1, "x"), (2, "y")]


def test_an_error_names_its_line_column_and_character(put, sql, fails) -> None:
    put("a.csv", "1,x,1.5,2024-01-01\n2,y,oops,2024-01-02\n3,z,3.5,2024-13-01\n4,w,4.5,2024-01-04\n")
    sql("CREATE TABLE t (id INT, name VARCHAR(5), amount NUMBER(10, 2), d DATE)")
    number, message = fails("COPY INTO t FROM @st")
    assert (number, '"T"["AMOUNT"]' in message, "line 2, character 5" in message) == (100038, True, True)
    ((file, *facts),) = sql("COPY INTO t FROM @st ON_ERROR = CONTINUE")
    assert file == "st/a.csv"
    assert facts == ["PARTIALLY_LOADED", 4, 2, 4, 2, "Numeric value 'oops' is not recognized", 2, 5, '"T"["AMOUNT"]']
    assert sql("SELECT SUM(id) FROM t") == [(5,)]
    history = "TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 'T', START_TIME => DATEADD(hour, -1, CURRENT_TIMESTAMP())))"
    assert sql(f"SELECT file_name, status, row_count, error_count FROM {history}") == [
        ("st/a.csv", "Partially loaded", 2, 2)
    ]
    assert sql("SELECT file_name, table_name, row_count FROM INFORMATION_SCHEMA.LOAD_HISTORY") == [("st/a.csv", "T", 2)]


def test_a_text_that_is_too_long_is_an_error_of_its_row(put, sql, fails) -> None:
    put("a.csv", "1,waytoolong\n2,ok\n")
    sql("CREATE TABLE t (id INT, name VARCHAR(5))")
    assert "User character length limit (5)" in fails("COPY INTO t FROM @st")[1]
    sql("COPY INTO t FROM @st ON_ERROR = CONTINUE")
    sql("COPY INTO t FROM @st FORCE = TRUE TRUNCATECOLUMNS = TRUE")
    assert sql("SELECT name FROM t ORDER BY name") == [("ok",), ("ok",), ("wayto",)]


def test_json_is_loaded_by_the_names_of_its_keys(put, sql) -> None:
    put("a.json", '{"Id": 1, "tags": [1, 2], "when": "2024-01-31"}\n{"Id": 2, "other": 0}\n')
    sql('CREATE TABLE t (id INT, tags VARIANT, when_ VARCHAR, "WHEN" DATE)')
    sql("COPY INTO t FROM @st FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
    assert sql('SELECT id, tags[1]::INT, when_, "WHEN" FROM t ORDER BY id') == [
        (1, 2, None, dt.date(2024, 1, 31)), (2, None, None, None),
    ]  # fmt: skip


def test_stages_stay_in_the_mapped_folder(tmp_path) -> None:
    mapped, other = tmp_path / "data", tmp_path / "database"
    for folder in (mapped, other):
        folder.mkdir()
    (tmp_path / "secret.csv").write_text("1\n")
    (mapped / "sales.csv").write_text("5\n6\n")
    (mapped / "sales_2.csv").write_text("7\n")
    (mapped / "link.csv").symlink_to(tmp_path / "secret.csv")
    pq.write_table(pa.table({"A": [1, 2]}), other / "p.parquet")
    with serve(external_stages={"s3://b/data": mapped, "s3://b/database": other}) as account:
        session = account.session()

        def sql(text: str) -> list[tuple]:
            return [tuple(row) for row in session.sql(text).collect()]

        sql("CREATE STAGE one URL = 's3://b/data/sales.csv'")
        assert [row[0] for row in sql("LIST @one")] == ["s3://b/data/sales.csv"]
        assert sql("SELECT SUM($1::INT) FROM @one") == [(11,)]
        sql("CREATE STAGE begun URL = 's3://b/data/sale'")
        assert len(sql("LIST @begun")) == 2
        sql("CREATE STAGE whole URL = 's3://b/database/'")
        assert [row[0] for row in sql("LIST @whole")] == ["s3://b/database/p.parquet"]
        assert [row[0] for row in sql("LIST 's3://b/data/sales_2.csv'")] == ["s3://b/data/sales_2.csv"]
        sql("CREATE STAGE data URL = 's3://b/data'")
        for text in (
            "CREATE STAGE up URL = 's3://b/data/../'", "CREATE STAGE linked URL = 's3://b/data/link.csv'",
            "SELECT $1 FROM @data/link.csv", "LIST 's3://b/data/../secret.csv'", "GET @data/link.csv file:///tmp/",
        ):  # fmt: skip
            with pytest.raises(Exception, match="leaves its stage"):
                sql(text)
        with pytest.raises(Exception, match="external_stages"):
            sql("LIST 's3://b/other'")
