"""Alerts without a SCHEDULE: they see the rows that are new, and run when there are some."""

from __future__ import annotations

import datetime as dt

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from churnobs.testing import serve

START = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
LOG = "INSERT INTO told SELECT LISTAGG(n, ',') WITHIN GROUP (ORDER BY n) FROM TABLE(RESULT_SCAN(SNOWFLAKE.ALERT.GET_CONDITION_QUERY_UUID()))"


@pytest.fixture
def clock(snowflake_account):
    snowflake_account.clock.set(START)
    return snowflake_account.clock


@pytest.fixture
def alert(clock, sql):
    sql("CREATE TABLE gauge (n INT, word VARCHAR)")
    sql("INSERT INTO gauge VALUES (900, 'old')")
    sql("CREATE TABLE told (what VARCHAR)")
    sql(f"CREATE ALERT high WAREHOUSE = compute_wh IF (EXISTS (SELECT n FROM gauge WHERE n > 200)) THEN {LOG}")
    sql("INSERT INTO gauge VALUES (901, 'before it was resumed')")
    sql("ALTER ALERT high RESUME")


def history(sql) -> list[tuple]:
    return sql(
        "SELECT scheduled_time, state, scheduled_from FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY(ALERT_NAME => 'HIGH')) ORDER BY 1"
    )


def test_it_runs_when_rows_are_new_and_sees_only_them(alert, clock, sql) -> None:
    assert clock.advance(hours=1) == []
    sql("INSERT INTO gauge VALUES (150, 'low'), (250, 'high'), (350, 'high')")
    (ran,) = clock.advance(minutes=5)
    assert (ran.at, ran.kind, ran.name.split(".")[-1]) == (START + dt.timedelta(hours=1), "ALERT", "HIGH")
    assert sql("SELECT * FROM told") == [("250,350",)]
    sql("INSERT INTO gauge VALUES (10, 'low')")
    sql("UPDATE gauge SET n = 999 WHERE word = 'old'")
    clock.advance(minutes=5)
    sql(
        "MERGE INTO gauge USING (SELECT 777 AS n) s ON gauge.n = s.n WHEN NOT MATCHED THEN INSERT VALUES (s.n, 'merged')"
    )
    clock.advance(minutes=5)
    assert sql("SELECT * FROM told ORDER BY 1") == [("250,350",), ("777",)]
    # a run whose condition holds for no row is not in the history
    assert history(sql) == [
        (START + dt.timedelta(minutes=60), "TRIGGERED", "TRIGGER"), (START + dt.timedelta(minutes=70), "TRIGGERED", "TRIGGER"),
    ]  # fmt: skip
    assert sql("SHOW STREAMS") == []
    assert sql("SELECT COUNT(*) FROM gauge") == [(7,)]


def test_what_was_not_committed_is_not_new(alert, clock, sql) -> None:
    sql("BEGIN")
    sql("INSERT INTO gauge VALUES (500, 'undone')")
    sql("ROLLBACK")
    assert clock.advance(minutes=5) == []


def test_suspended_it_sees_nothing(alert, clock, sql) -> None:
    sql("ALTER ALERT high SUSPEND")
    sql("INSERT INTO gauge VALUES (500, 'asleep')")
    assert clock.advance(minutes=5) == []
    sql("ALTER ALERT high RESUME")
    assert clock.advance(minutes=5) == []
    sql("INSERT INTO gauge VALUES (600, 'awake')")
    clock.advance(minutes=5)
    assert sql("SELECT * FROM told") == [("600",)]


def test_an_action_that_feeds_its_own_alert_does_not_hang(alert, clock, sql) -> None:
    sql("ALTER ALERT high MODIFY ACTION INSERT INTO gauge SELECT MAX(n) + 1, 'again' FROM gauge")
    sql("INSERT INTO gauge VALUES (1000, 'first')")
    runs = clock.advance(minutes=2)
    assert [run.at - START for run in runs] == [dt.timedelta(seconds=30 * n) for n in range(5)]
    assert sql("SELECT MAX(n) FROM gauge") == [(1005,)]


def test_another_condition_on_another_table(alert, clock, sql) -> None:
    sql("CREATE TABLE other (n INT)")
    sql("ALTER ALERT high MODIFY CONDITION EXISTS (SELECT o.n FROM other AS o WHERE o.n < 0)")
    sql("INSERT INTO gauge VALUES (500, 'not watched')")
    sql("INSERT INTO other VALUES (-1), (2)")
    clock.advance(minutes=1)
    assert sql("SELECT * FROM told") == [("-1",)]


def test_a_view_is_watched_too(clock, sql) -> None:
    sql("CREATE TABLE gauge (n INT, word VARCHAR)")
    sql("CREATE TABLE told (what VARCHAR)")
    sql("CREATE VIEW errors AS SELECT n, UPPER(word) AS w FROM gauge WHERE word <> 'fine'")
    sql(f"CREATE ALERT high IF (EXISTS (SELECT n FROM errors WHERE w LIKE 'B%')) THEN BEGIN {LOG}; END")
    sql("ALTER ALERT high RESUME")
    sql("INSERT INTO gauge VALUES (1, 'fine'), (2, 'bad'), (3, 'worse'), (4, 'boom')")
    clock.advance(minutes=1)
    assert sql("SELECT * FROM told") == [("2,4",)]


def test_a_table_that_was_replaced_fails_the_alert_once(alert, clock, sql) -> None:
    sql("CREATE OR REPLACE TABLE gauge (n INT)")
    clock.advance(hours=1)
    sql("INSERT INTO gauge VALUES (500)")
    clock.advance(hours=1)
    assert history(sql) == [(START, "CONDITION_FAILED", "TRIGGER")]


def test_a_table_that_was_renamed_is_watched_under_its_new_name(alert, clock, sql) -> None:
    sql("ALTER TABLE gauge RENAME TO meter")
    sql("ALTER ALERT high MODIFY CONDITION EXISTS (SELECT n FROM meter WHERE n > 300)")
    sql("INSERT INTO meter VALUES (250, 'low'), (400, 'high')")
    clock.advance(minutes=1)
    assert sql("SELECT * FROM told") == [("400",)]


def test_errors_are_told_and_the_rows_are_not_new_again(alert, clock, sql) -> None:
    sql("ALTER ALERT high MODIFY CONDITION EXISTS (SELECT 1 / (n - 5) AS n FROM gauge)")
    sql("INSERT INTO gauge VALUES (5, 'zero')")
    clock.advance(hours=1)
    sql("ALTER ALERT high MODIFY ACTION INSERT INTO nowhere VALUES (1)")
    sql("INSERT INTO gauge VALUES (6, 'one')")
    clock.advance(hours=1)
    assert [row[1] for row in history(sql)] == ["CONDITION_FAILED", "ACTION_FAILED"]


@pytest.mark.parametrize(
    "condition",
    [
        "SELECT 1", "SELECT g.n FROM gauge g JOIN gauge h ON g.n = h.n", "WITH w AS (SELECT * FROM gauge) SELECT * FROM w",
        "SELECT n FROM gauge, told", "SELECT n FROM gauge UNION SELECT n FROM gauge", "CALL p()", "DELETE FROM gauge",
    ],
)  # fmt: skip
def test_conditions_that_cannot_be_asked_of_new_rows(alert, sql, fails, condition: str) -> None:
    sql(f"CREATE ALERT a IF (EXISTS ({condition})) THEN SELECT 1")
    assert "has no SCHEDULE" in fails("ALTER ALERT a RESUME")[1]


def test_it_cannot_become_one_on_a_schedule_nor_be_run_by_hand(alert, sql, fails) -> None:
    assert "cannot be changed" in fails("ALTER ALERT high SET SCHEDULE = '5 MINUTE'")[1]
    assert "no schedule" in fails("EXECUTE ALERT high")[1]


def test_a_kept_account_still_knows_what_is_new(tmp_path) -> None:
    with serve(keep=tmp_path / "kept") as account:
        account.clock.set(START)
        with account.session(database="DB", schema="S") as session:
            for text in (
                "CREATE TABLE gauge (n INT)", "CREATE TABLE told (what VARCHAR)",
                f"CREATE ALERT high IF (EXISTS (SELECT n FROM gauge WHERE n > 200)) THEN {LOG}", "ALTER ALERT high RESUME",
                "INSERT INTO gauge VALUES (100), (300)",
            ):  # fmt: skip
                session.sql(text).collect()
    with serve(keep=tmp_path / "kept") as account, account.session(database="DB", schema="S") as session:
        assert len(account.clock.advance(minutes=1)) == 1
        assert session.table("told").collect()[0][0] == "300"
