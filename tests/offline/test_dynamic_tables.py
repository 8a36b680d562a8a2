"""Dynamic tables are filled by their lag, by REFRESH and by those that read them; managed feature views rest on them."""

from __future__ import annotations

import datetime as dt
import json

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

START = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
HEAD = "CREATE OR REPLACE DYNAMIC TABLE {} TARGET_LAG = '{}' WAREHOUSE = compute_wh"


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set(START)
        yield served


@pytest.fixture
def session(account):
    made = account.session(database="DB", schema="S")
    yield made
    made.close()


@pytest.fixture
def sql(session):
    session.sql("CREATE TABLE src (id INT, g VARCHAR, v INT)").collect()
    session.sql("INSERT INTO src VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', 5)").collect()
    return lambda text: [tuple(row) for row in session.sql(text).collect()]


@pytest.fixture
def fails(sql):
    from snowflake.snowpark.exceptions import SnowparkSQLException

    def run(text: str) -> str:
        with pytest.raises(SnowparkSQLException) as caught:
            sql(text)
        return str(caught.value)

    return run


def refreshes(sql, name: str) -> list[tuple[object, ...]]:
    return sql(
        f"SELECT state, refresh_action, refresh_trigger FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(NAME => '{name}')) "
        "ORDER BY data_timestamp"
    )


def test_it_is_filled_when_made_and_again_by_its_lag(account, sql) -> None:
    sql(HEAD.format("sums", "10 minutes") + " COMMENT = 'c' AS SELECT g, SUM(v) AS v FROM src GROUP BY g")
    assert sql("SELECT * FROM sums ORDER BY g") == [("A".lower(), 30), ("b", 5)]
    sql("INSERT INTO src VALUES (4, 'c', 1)")
    assert sql("SELECT COUNT(*) FROM sums") == [(2,)]
    ran = account.clock.advance(minutes=25)
    assert [(one.kind, one.name, one.at.minute) for one in ran] == [
        ("DYNAMIC TABLE", "DB.S.SUMS", 10),
        ("DYNAMIC TABLE", "DB.S.SUMS", 20),
    ]
    assert sql("SELECT * FROM sums ORDER BY g") == [("a", 30), ("b", 5), ("c", 1)]
    assert refreshes(sql, "sums") == [
        ("SUCCEEDED", "INCREMENTAL", "CREATION"), ("SUCCEEDED", "INCREMENTAL", "SCHEDULED"), ("SUCCEEDED", "NO_DATA", "SCHEDULED"),
    ]  # fmt: skip
    (row,) = sql("SHOW DYNAMIC TABLES LIKE 'su%'")
    assert (row[1], row[5], row[8], row[9], row[11], row[13], row[16], row[21]) == (
        "SUMS", "3", "10 minutes", "INCREMENTAL", "COMPUTE_WH", "c", "ACTIVE", START + dt.timedelta(minutes=20),
    )  # fmt: skip
    assert [r[:2] for r in sql("DESCRIBE DYNAMIC TABLE sums")] == [("G", "VARCHAR(16777216)"), ("V", "NUMBER(38,0)")]


def test_a_chain_is_refreshed_from_its_end(account, sql, fails) -> None:
    sql(HEAD.format("one", "DOWNSTREAM") + " AS SELECT id, v * 2 AS v FROM src")
    sql("CREATE VIEW between_ AS SELECT * FROM one WHERE id > 1")
    sql(HEAD.format("two", "1 hour") + " AS SELECT SUM(v) AS v FROM between_")
    sql("UPDATE src SET v = 100 WHERE id = 3")
    assert account.clock.advance(minutes=59) == []
    assert [one.name for one in account.clock.advance(minutes=1)] == ["DB.S.TWO"]
    assert sql("SELECT v FROM two") == [(240,)]
    assert sql("SELECT SUM(v) FROM one") == [(260,)]
    sql("DELETE FROM src WHERE id = 2")
    sql("ALTER DYNAMIC TABLE two REFRESH")
    assert sql("SELECT v FROM two UNION ALL SELECT COUNT(*) FROM one ORDER BY 1") == [(2,), (200,)]
    assert ("SUCCEEDED", "INCREMENTAL", "MANUAL") in refreshes(sql, "two")
    assert "must not be shorter" in fails(HEAD.format("three", "1 minute") + " AS SELECT * FROM two")
    assert "at least one minute" in fails(HEAD.format("three", "5 seconds") + " AS SELECT * FROM src")


def test_suspending_stops_what_reads_it_too(account, sql) -> None:
    sql(HEAD.format("one", "1 minute") + " AS SELECT COUNT(*) AS n FROM src")
    sql(HEAD.format("two", "1 minute") + " AS SELECT n + 1 AS n FROM one")
    sql("ALTER DYNAMIC TABLE one SUSPEND")
    assert {r[1]: r[16] for r in sql("SHOW DYNAMIC TABLES")} == {"ONE": "SUSPENDED", "TWO": "SUSPENDED"}
    sql("DELETE FROM src")
    assert account.clock.advance(hours=1) == []
    assert sql("SELECT n FROM two") == [(4,)]
    sql("ALTER DYNAMIC TABLE one RESUME")
    account.clock.advance(minutes=1)
    assert sql("SELECT n FROM two") == [(1,)]


def test_a_table_that_waits_for_its_first_refresh_cannot_be_read(account, sql, fails) -> None:
    sql(HEAD.format("late", "1 hour") + " INITIALIZE = ON_SCHEDULE REFRESH_MODE = FULL AS SELECT * FROM src")
    assert "not initialized" in fails("SELECT * FROM late")
    account.clock.advance(seconds=1)
    assert sql("SELECT COUNT(*) FROM late") == [(3,)]
    assert refreshes(sql, "late") == [("SUCCEEDED", "FULL", "SCHEDULED")]


def test_failures_are_remembered_and_suspend(account, sql, fails) -> None:
    sql(HEAD.format("ratio", "1 minute") + " AS SELECT id, 100 / v AS r FROM src")
    sql("INSERT INTO src VALUES (9, 'z', 0)")
    account.clock.advance(hours=1)
    assert refreshes(sql, "ratio")[1:] == [("FAILED", "INCREMENTAL", "SCHEDULED")] * 5
    assert [r[16] for r in sql("SHOW DYNAMIC TABLES")] == ["SUSPENDED"]
    assert sql("SELECT COUNT(*) FROM ratio") == [(3,)]
    assert "Division by zero" in fails("ALTER DYNAMIC TABLE ratio REFRESH")
    sql("DELETE FROM src WHERE v = 0")
    sql("ALTER DYNAMIC TABLE ratio REFRESH")
    assert "nowhere" in fails(HEAD.format("x", "1 minute") + " AS SELECT * FROM nowhere").lower()
    assert "Division by zero" in fails(HEAD.format("x", "1 minute") + " AS SELECT 1 / (id - 1) AS r FROM src")
    assert "Division by zero" in fails(HEAD.format("ratio", "1 minute") + " AS SELECT 1 / (id - 1) AS r FROM src")
    assert [r[1] for r in sql("SHOW DYNAMIC TABLES")] == [r[1] for r in sql("SHOW TABLES LIKE 'r%'")] == ["RATIO"]
    assert sql("SELECT COUNT(*) FROM ratio") == [(3,)]


def test_a_stream_on_it_sees_the_net_change_of_a_refresh(account, sql) -> None:
    sql(HEAD.format("d", "1 minute") + " AS SELECT id, v FROM src")
    sql("CREATE STREAM st ON TABLE d")
    sql("CREATE STREAM new ON TABLE d APPEND_ONLY = TRUE")
    sql("UPDATE src SET v = 11 WHERE id = 1")
    sql("INSERT INTO src VALUES (4, 'a', 4), (4, 'a', 4)")
    account.clock.advance(minutes=2)
    assert sql("SELECT id, v, METADATA$ACTION FROM st ORDER BY 1, 2") == [
        (1, 10, "DELETE"), (1, 11, "INSERT"), (4, 4, "INSERT"), (4, 4, "INSERT"),
    ]  # fmt: skip
    assert sql("SELECT id, v FROM new ORDER BY 1") == [(1, 11), (4, 4), (4, 4)]


def test_nothing_else_changes_it(sql, fails) -> None:
    sql(HEAD.format("d", "1 minute") + " AS SELECT id, PARSE_JSON('{\"a\": 1}') AS j, v / 3 AS x FROM src")
    for text in (
        "INSERT INTO d SELECT * FROM d", "DELETE FROM d", "UPDATE d SET id = 1", "TRUNCATE TABLE d", "DROP TABLE d",
        "ALTER TABLE d ADD COLUMN z INT", "CREATE OR REPLACE TABLE d (a INT)",
    ):  # fmt: skip
        assert "is a dynamic table" in fails(text), text
    sql("ALTER DYNAMIC TABLE d SET TARGET_LAG = '2 days' COMMENT = 'slow'")
    assert [(r[8], r[13]) for r in sql("SHOW DYNAMIC TABLES")] == [("2 days", "slow")]
    assert [json.loads(j)["a"] for (j,) in sql("SELECT j FROM d")] == [1, 1, 1]
    sql("DROP DYNAMIC TABLE d")
    assert "does not exist" in fails("SELECT * FROM d")
    assert "offline account" in fails(
        "CREATE DYNAMIC ICEBERG TABLE d TARGET_LAG = '1 day' WAREHOUSE = compute_wh AS SELECT 1 AS a"
    )
    assert "Missing option" in fails("CREATE DYNAMIC TABLE d WAREHOUSE = compute_wh AS SELECT 1 AS a")


@pytest.mark.parametrize("frequency", ["1 hour", "0 * * * * UTC"])
def test_managed_feature_views(account, session, sql, frequency: str) -> None:
    from snowflake.ml.feature_store import CreationMode, Entity, FeatureStore, FeatureView

    store = FeatureStore(
        session, "DB", "FEATURES", default_warehouse="COMPUTE_WH", creation_mode=CreationMode.CREATE_IF_NOT_EXIST
    )
    entity = Entity("GROUP_", ["G"], desc="a group")
    store.register_entity(entity)
    frame = session.table("DB.S.SRC").group_by("G").agg({"V": "sum"}).with_column_renamed("SUM(V)", "TOTAL")
    view = FeatureView("totals", [entity], frame, refresh_freq=frequency, desc="sums").attach_feature_desc(
        {"TOTAL": "of v"}
    )
    made = store.register_feature_view(view, "v1")
    assert made.status.name in ("ACTIVE", "RUNNING")
    read = lambda: sorted(tuple(row) for row in store.read_feature_view("totals", "v1").collect())  # noqa: E731
    assert read() == [("a", 30), ("b", 5)]
    session.sql("INSERT INTO db.s.src VALUES (7, 'b', 2)").collect()
    assert read() == [("a", 30), ("b", 5)]
    account.clock.advance(hours=1)
    assert read() == [("a", 30), ("b", 7)]
    session.sql("INSERT INTO db.s.src VALUES (8, 'c', 1)").collect()
    store.suspend_feature_view(store.get_feature_view("totals", "v1"))
    account.clock.advance(hours=2)
    assert read() == [("a", 30), ("b", 7)]
    store.refresh_feature_view(store.get_feature_view("totals", "v1"))
    assert read() == [("a", 30), ("b", 7), ("c", 1)]
    store.resume_feature_view(store.get_feature_view("totals", "v1"))
    found = store.get_feature_view("totals", "v1")
    assert (found.refresh_freq, found.desc, found.feature_descs) == (frequency, "sums", {"TOTAL": "of v"})
    history = store.get_refresh_history(found).collect()
    assert {row["STATE"] for row in history} == {"SUCCEEDED"}
    spine = session.create_dataframe([["a"], ["c"]], schema=["G"])
    training = store.generate_training_set(spine, [found])
    assert sorted(tuple(row) for row in training.collect()) == [("a", 30), ("c", 1)]
    store.delete_feature_view(found)
    assert sql("SHOW DYNAMIC TABLES IN ACCOUNT") == sql("SHOW TASKS IN ACCOUNT") == []
