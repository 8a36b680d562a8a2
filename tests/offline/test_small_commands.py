"""Commands and functions that no other test sends: what they leave, and what they answer."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")


@pytest.fixture
def named(snowflake_session):
    """Run a statement and give its rows as mappings."""
    return lambda text: [row.as_dict() for row in snowflake_session.sql(text).collect()]


def test_a_file_format_is_changed_described_and_listed(sql, named) -> None:
    sql("CREATE FILE FORMAT F TYPE = CSV SKIP_HEADER = 1")
    sql("ALTER FILE FORMAT F SET FIELD_DELIMITER = ';'")
    found = {row["property"]: row["property_value"] for row in named("DESCRIBE FILE FORMAT F")}
    assert found == {"TYPE": "CSV", "SKIP_HEADER": "1", "FIELD_DELIMITER": ";"}
    assert [(row["name"], row["type"]) for row in named("SHOW FILE FORMATS")] == [("F", "CSV")]


def test_a_stream_tag_and_stage_are_changed_described_and_dropped(sql, named) -> None:
    sql("CREATE TABLE T (A INT NOT NULL, B FLOAT)")
    sql("CREATE STREAM S ON TABLE T")
    sql("ALTER STREAM S SET COMMENT = 'why'")
    (stream,) = named("DESCRIBE STREAM S")
    assert (stream["name"], stream["comment"], stream["stale"]) == ("S", "why", "false")
    sql("CREATE TAG G")
    sql("ALTER TAG G SET COMMENT = 'why'")
    assert [(row["name"], row["comment"]) for row in named("SHOW TAGS")] == [("G", "why")]
    sql("DROP TAG G")
    assert named("SHOW TAGS") == []
    sql("CREATE STAGE X")
    assert [row["parent_property"] for row in named("DESCRIBE STAGE X")] == ["STAGE_LOCATION"]
    sql("DROP STAGE X")
    assert named("SHOW STAGES") == []
    columns = {row["column_name"]: json.loads(row["data_type"]) for row in named("SHOW COLUMNS IN TABLE T")}
    assert [(n, c["type"], c["nullable"]) for n, c in columns.items()] == [("A", "FIXED", False), ("B", "REAL", True)]


def test_a_warehouse_is_made_changed_and_dropped(sql, named) -> None:
    sql("CREATE WAREHOUSE SMALL_COMMANDS_WH")
    sql("ALTER WAREHOUSE SMALL_COMMANDS_WH SET WAREHOUSE_SIZE = 'LARGE'")
    (row,) = named("SHOW WAREHOUSES LIKE 'small_commands_wh'")
    assert row["size"] == "LARGE"
    sql("DROP WAREHOUSE SMALL_COMMANDS_WH")
    assert named("SHOW WAREHOUSES LIKE 'SMALL_COMMANDS_WH'") == []
    sql("USE WAREHOUSE COMPUTE_WH")
    assert named("SHOW COMPUTE POOLS") == []


def test_an_alert_is_described_and_dropped_and_a_sequence_counts(sql, named) -> None:
    sql("CREATE ALERT A IF (EXISTS (SELECT 1)) THEN SELECT 2")
    (alert,) = named("DESCRIBE ALERT A")
    assert (alert["state"], alert["condition"], alert["action"]) == ("suspended", "SELECT 1", "SELECT 2")
    sql("DROP ALERT A")
    assert named("SHOW ALERTS") == []
    sql("CREATE SEQUENCE Q START 5")
    assert sql("SELECT Q.NEXTVAL") == [(5,)]
    assert sql("SELECT Q.NEXTVAL") == [(6,)]


def test_the_result_of_a_query_is_described(snowflake_session, named) -> None:
    job = snowflake_session.sql("SELECT 1 AS A, 'x' AS B").collect_nowait()
    job.result()
    found = {row["name"]: row["type"] for row in named(f"DESCRIBE RESULT '{job.query_id}'")}
    assert found["A"].startswith("NUMBER(")
    assert found["B"].startswith("VARCHAR")


VALUES: list[tuple[str, Any]] = [
    ("AS_ARRAY(PARSE_JSON('[1]'))::VARCHAR", "[1]"),
    ("AS_BOOLEAN(PARSE_JSON('true'))", True),
    ("AS_CHAR(PARSE_JSON('\"a\"'))", "a"),
    ("AS_VARCHAR(PARSE_JSON('1'))", None),
    ("AS_DOUBLE(PARSE_JSON('1.5'))", 1.5),
    ("AS_REAL(PARSE_JSON('2'))", 2.0),
    ("AS_OBJECT(PARSE_JSON('[1]'))", None),
    ("IS_BOOLEAN(PARSE_JSON('true'))", True),
    ("IS_CHAR(PARSE_JSON('1'))", False),
    ("IS_VARCHAR(PARSE_JSON('\"a\"'))", True),
    ("IS_DECIMAL(PARSE_JSON('1.5'))", True),
    ("IS_DOUBLE(PARSE_JSON('1'))", True),
    ("IS_REAL(PARSE_JSON('\"1\"'))", False),
    ("TO_OBJECT(PARSE_JSON('{\"a\": 1}')):a::INT", 1),
    ("TRY_TO_TIMESTAMP('2024-02-03 04:05:06')", dt.datetime(2024, 2, 3, 4, 5, 6)),
    ("TRY_TO_TIMESTAMP('x')", None),
    ("TRY_TO_TIMESTAMP(V) FROM (SELECT '2024-02-03' AS V)", dt.datetime(2024, 2, 3)),
    ("TO_TIMESTAMP_TZ(V) FROM (SELECT '2024-02-03 04:05:06 +02:00' AS V)",
     dt.datetime(2024, 2, 3, 2, 5, 6, tzinfo=dt.UTC)),
    ("TRY_TO_TIMESTAMP_NTZ('03.02.2024', 'DD.MM.YYYY')", dt.datetime(2024, 2, 3)),
    ("TO_TIMESTAMP_TZ('2024-02-03 04:05:06 +02:00')", dt.datetime(2024, 2, 3, 2, 5, 6, tzinfo=dt.UTC)),
    ("CURRENT_SECONDARY_ROLES()", '{"roles": "", "value": ""}'),
    ("CURRENT_AVAILABLE_ROLES()", '["ACCOUNTADMIN"]'),
    ("CURRENT_TRANSACTION()", None),
    ("SNOWFLAKE.CORTEX.CLASSIFY_TEXT('a late parcel', ['parcel', 'price']):label::VARCHAR", "parcel"),
    ("SYSTEM$TYPEOF('a')", "VARCHAR(1)[LOB]"),
    ("SYSTEM$TYPEOF(TRUE)", "BOOLEAN[SB1]"),
    ("UUID_STRING('fe971b24-9572-4005-b22f-351e9c09274d', 'foo')",
     str(uuid.uuid5(uuid.UUID("fe971b24-9572-4005-b22f-351e9c09274d"), "foo"))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_function_gives_its_value(text: str, expected: Any, sql) -> None:
    assert sql(f"SELECT {text}") == [(expected,)]


def test_functions_of_the_session(snowflake_session, sql) -> None:
    database, schema = (snowflake_session.get_current_database(), snowflake_session.get_current_schema())
    (found,) = sql("SELECT CURRENT_SCHEMAS(), CURRENT_SESSION()")
    assert json.loads(found[0]) == [f"{database}.{schema}".replace('"', "")]
    assert found[1].isdigit()
    assert uuid.UUID(sql("SELECT UUID_STRING()")[0][0]).version == 4
    sql("BEGIN")
    assert sql("SELECT CURRENT_TRANSACTION()") != [(None,)]
    sql("ROLLBACK")


@pytest.mark.parametrize(
    "head",
    ["CREATE COMPUTE POOL P", "CREATE EXTERNAL FUNCTION F(A INT)",
     "CREATE HYBRID TABLE T (A INT)", "CREATE ROW ACCESS POLICY P", "CREATE SHARE S", "SELECT AI_FILTER('a')",
     "SELECT AI_EXTRACT('a')", "SELECT SNOWFLAKE.CORTEX.TRANSLATE_TEXT('a', 'en', 'de')"],
)  # fmt: skip
def test_what_is_refused_says_so(head: str, fails) -> None:
    assert "is not supported" in fails(head)[1]
