"""Tasks and task graphs: Snowflake's rules for their DDL, and what runs when the account's clock is advanced."""

from __future__ import annotations

import datetime as dt
import json

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

START = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set(START)
        yield served


@pytest.fixture
def sql(account):
    session = account.session(database="DB", schema="S")
    session.sql("CREATE TABLE log (what VARCHAR, at TIMESTAMP_LTZ DEFAULT CURRENT_TIMESTAMP())").collect()
    yield lambda text: [tuple(row) for row in session.sql(text).collect()]
    session.close()


@pytest.fixture
def fails(sql):
    from snowflake.snowpark.exceptions import SnowparkSQLException

    def run(text: str) -> str:
        with pytest.raises(SnowparkSQLException) as caught:
            sql(text)
        return str(caught.value)

    return run


def logged(sql):
    return [(what, at.strftime("%d %H:%M")) for what, at in sql("SELECT what, at FROM log ORDER BY at, what")]


def history(sql, extra: str = "") -> list[tuple[object, ...]]:
    return sql(
        f"SELECT name, state FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY({extra})) WHERE state <> 'SCHEDULED' "
        "ORDER BY scheduled_time, query_start_time, name"
    )


def note(what: str) -> str:
    return f"INSERT INTO log (what) VALUES ('{what}')"


def test_a_task_is_born_suspended_and_runs_when_it_is_due(account, sql) -> None:
    sql(f"CREATE TASK t WAREHOUSE = compute_wh SCHEDULE = '5 MINUTE' COMMENT = 'c' AS {note('ran')}")
    account.clock.advance(hours=1)
    assert logged(sql) == []
    sql("ALTER TASK t RESUME")
    ran = account.clock.advance(minutes=12)
    assert [(one.kind, one.name, one.at) for one in ran] == [
        ("TASK", "DB.S.T", START + dt.timedelta(minutes=65)), ("TASK", "DB.S.T", START + dt.timedelta(minutes=70)),
    ]  # fmt: skip
    assert logged(sql) == [("ran", "01 01:05"), ("ran", "01 01:10")]
    sql("ALTER TASK t SUSPEND")
    account.clock.advance(days=1)
    assert len(logged(sql)) == 2
    assert sql("SELECT CURRENT_TIMESTAMP(), SYSDATE(), CURRENT_DATE()") == [
        (START + dt.timedelta(days=1, minutes=72), dt.datetime(2024, 3, 2, 1, 12), dt.date(2024, 3, 2))
    ]
    (shown,) = sql("SHOW TASKS")
    assert (shown[1], shown[6], shown[7], shown[8], json.loads(shown[9]), shown[10], shown[11]) == (
        "T", "c", "COMPUTE_WH", "5 MINUTE", [], "suspended", note("ran"),
    )  # fmt: skip
    assert sql("DESCRIBE TASK t") == [shown]
    assert sql("SELECT DISTINCT scheduled_from, attempt_number FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())") == [
        ("SCHEDULE", 1)
    ]


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("0 9 * * * UTC", ["01 09:00", "02 09:00"]),
        ("30 6,18 * * MON-FRI UTC", ["01 06:30", "01 18:30"]),
        ("0 0 L * * UTC", ["31 00:00"]),
        ("0 0 1 4 * UTC", ["01 00:00"]),
        ("0 12 * * SUNL UTC", ["31 12:00"]),
        ("0 0 15 * SAT UTC", ["02 00:00", "09 00:00", "15 00:00"]),
        ("*/40 5 1 * * UTC", ["01 05:00", "01 05:40"]),
        ("30 2 * * * America/New_York", ["01 07:30", "02 07:30"]),
    ],
)
def test_cron_schedules(account, sql, cron: str, due: list[str]) -> None:
    sql(f"CREATE TASK t SCHEDULE = 'USING CRON {cron}' AS {note('x')}")
    sql("ALTER TASK t RESUME")
    account.clock.advance(days=31, hours=1)
    assert [at for _, at in logged(sql)][: len(due)] == due


@pytest.mark.parametrize(("text", "minutes"), [("5 MINUTES", 5), ("2 hours", 120), ("90 SECONDS", 1.5), ("1 M", 1)])
def test_intervals(account, sql, text: str, minutes: float) -> None:
    sql(f"CREATE TASK t SCHEDULE = '{text}' AS {note('x')}")
    sql("ALTER TASK t RESUME")
    assert [one.at for one in account.clock.advance(minutes=minutes)] == [START + dt.timedelta(minutes=minutes)]


def test_a_local_time_that_is_left_out_does_not_come(account, sql) -> None:
    sql(f"CREATE TASK t SCHEDULE = 'USING CRON 30 2 9-11 3 * America/New_York' AS {note('x')}")
    sql("ALTER TASK t RESUME")
    account.clock.advance(days=20)
    assert logged(sql) == [("x", "09 07:30"), ("x", "11 06:30")]


def graph(sql) -> None:
    sql(f"CREATE TASK root SCHEDULE = '60 MINUTE' AS {note('root')}")
    sql(f"CREATE TASK a AFTER root AS {note('a')}")
    sql(f"CREATE TASK b AFTER root AS {note('b')}")
    sql(f"CREATE TASK c AFTER a, b AS {note('c')}")
    sql(f"CREATE TASK z FINALIZE = root AS {note('z')}")


def test_a_graph_runs_in_the_order_of_its_edges(account, sql) -> None:
    graph(sql)
    sql("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('root')")
    assert {row[1]: row[10] for row in sql("SHOW TASKS")} == dict.fromkeys(("ROOT", "A", "B", "C", "Z"), "started")
    assert {row[1]: json.loads(row[9]) for row in sql("SHOW TASKS")}["C"] == ["DB.S.A", "DB.S.B"]
    assert [row[1] for row in sql("SHOW TASKS ROOT ONLY")] == ["ROOT"]
    assert [row[1] for row in sql("SHOW TASKS LIKE '_' LIMIT 2")] == ["A", "B"]
    account.clock.advance(hours=2)
    names = [
        name
        for name, _ in reversed(
            sql("SELECT name, state FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE state <> 'SCHEDULED'")
        )
    ]
    assert names == ["ROOT", "A", "B", "C", "Z"] * 2
    assert sql("SELECT root_task_name, state, scheduled_time FROM TABLE(INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS()) ORDER BY 3") == [
        ("ROOT", "SUCCEEDED", START + dt.timedelta(hours=1)), ("ROOT", "SUCCEEDED", START + dt.timedelta(hours=2)),
    ]  # fmt: skip
    assert sql("SELECT root_task_name, state, scheduled_time FROM TABLE(INFORMATION_SCHEMA.CURRENT_TASK_GRAPHS())") == [
        ("ROOT", "SCHEDULED", START + dt.timedelta(hours=3))
    ]
    found = "SELECT name FROM TABLE(INFORMATION_SCHEMA.TASK_DEPENDENTS(TASK_NAME => 'DB.S.ROOT', RECURSIVE => {})) ORDER BY 1"
    assert sql(found.format("TRUE")) == [("A",), ("B",), ("C",), ("ROOT",), ("Z",)]
    assert sql(found.format("FALSE")) == [("A",), ("B",), ("ROOT",), ("Z",)]


def test_a_graph_is_changed_only_while_its_root_is_suspended(sql, fails) -> None:
    graph(sql)
    sql("ALTER TASK a RESUME")
    sql("ALTER TASK root RESUME")
    for text in (
        "ALTER TASK b RESUME", "ALTER TASK a SUSPEND", f"CREATE TASK d AFTER c AS {note('d')}", "ALTER TASK c REMOVE AFTER b",
        "ALTER TASK a MODIFY AS SELECT 1", "DROP TASK c", "ALTER TASK root SET SCHEDULE = '1 MINUTE'",
        f"CREATE OR REPLACE TASK c AFTER a AS {note('c')}", f"CREATE OR ALTER TASK root AS {note('root')}",
    ):  # fmt: skip
        assert "Unable to update graph with root task DB.S.ROOT since that root task is not suspended" in fails(text), (
            text
        )
    sql(f"CREATE OR REPLACE TASK root SCHEDULE = '60 MINUTE' AS {note('root')}")
    assert {row[1]: row[10] for row in sql("SHOW TASKS")} == {
        "ROOT": "suspended", "A": "started", "B": "suspended", "C": "suspended", "Z": "suspended",
    }  # fmt: skip
    sql(f"CREATE OR ALTER TASK a AFTER root COMMENT = 'altered' AS {note('a')}")
    assert [(row[6], row[10]) for row in sql("SHOW TASKS LIKE 'a'")] == [("altered", "started")]
    sql("ALTER TASK c REMOVE AFTER b")
    sql("ALTER TASK c ADD AFTER b")
    sql("DROP TASK b")
    assert {row[1]: json.loads(row[9]) for row in sql("SHOW TASKS")} == {
        "ROOT": [], "A": ["DB.S.ROOT"], "C": ["DB.S.A"], "Z": [],
    }  # fmt: skip
    for text, told in (
        ("ALTER TASK root ADD AFTER c", "cycle"), ("ALTER TASK a ADD AFTER c", "cycle"),
        (f"CREATE TASK y FINALIZE = root AS {note('y')}", "has the finalizer"),
        (f"CREATE TASK d AFTER z AS {note('d')}", "is a finalizer"), ("CREATE TASK d AFTER nowhere AS SELECT 1", "does not exist"),
        ("CREATE TASK d AFTER a SCHEDULE = '1 MINUTE' AS SELECT 1", "both a schedule and predecessors"),
        ("EXECUTE TASK a", "no root task"), ("CREATE TASK d SCHEDULE = 'soon' AS SELECT 1", "SCHEDULE"),
        ("CREATE TASK d WHEN CURRENT_DATE() > '2024-01-01' AS SELECT 1", "task condition expression"),
        ("CREATE TASK d WAREHOUSE = nowhere AS SELECT 1", "does not exist"), ("CREATE TASK d NONSENSE = 1 AS SELECT 1", "NONSENSE"),
        ("CREATE TASK d AS BEGIN SELECT 1", "syntax error"), ("CREATE TASK d CLONE a", "offline account"),
        ("CREATE TASK d CONFIG = 'no json' AS SELECT 1", "JSON"),
    ):  # fmt: skip
        assert told in fails(text), text


def test_a_suspended_child_is_left_out(account, sql) -> None:
    graph(sql)
    for name in ("a", "c", "root"):
        sql(f"ALTER TASK {name} RESUME")
    account.clock.advance(hours=1)
    assert [what for what, _ in logged(sql)] == ["a", "c", "root"]


def test_a_failure_skips_what_depends_on_it_and_is_retried_from_there(account, sql, fails) -> None:
    graph(sql)
    sql("ALTER TASK b MODIFY AS INSERT INTO late (what) VALUES ('b')")
    sql("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('root')")
    sql("ALTER TASK root SUSPEND")
    sql("EXECUTE TASK root")
    assert history(sql) == [
        ("A", "SUCCEEDED"),
        ("B", "FAILED"),
        ("ROOT", "SUCCEEDED"),
        ("Z", "SUCCEEDED"),
        ("C", "SKIPPED"),
    ]
    errors = sql(
        "SELECT name, error_code, error_message FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE))"
    )
    assert [(name, code, "LATE" in told) for name, code, told in errors] == [("B", "002003", True)]
    assert sql(
        "SELECT state, first_error_task_name, first_error_code FROM TABLE(INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS())"
    ) == [("FAILED", "B", 2003)]
    sql("CREATE TABLE late (what VARCHAR)")
    sql("EXECUTE TASK root RETRY LAST")
    assert sql("SELECT what FROM late") == [("b",)]
    assert [what for what, _ in logged(sql)] == ["a", "c", "root", "z", "z"]
    graphs = sql("SELECT state, attempt_number, COUNT(DISTINCT graph_run_group_id) OVER () "
                 "FROM TABLE(INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS()) ORDER BY 2")  # fmt: skip
    assert graphs == [("FAILED", 1, 1), ("SUCCEEDED", 2, 1)]
    assert "no suitable run" in fails("EXECUTE TASK root RETRY LAST")


def test_automatic_retries_and_suspension_after_failures(account, sql) -> None:
    sql("CREATE TABLE tries (n INT)")
    sql("CREATE TASK t SCHEDULE = '1 MINUTE' TASK_AUTO_RETRY_ATTEMPTS = 2 SUSPEND_TASK_AFTER_NUM_FAILURES = 3 AS "
        "BEGIN INSERT INTO tries VALUES (1); SELECT 1 / 0; END")  # fmt: skip
    sql("ALTER TASK t RESUME")
    account.clock.advance(hours=1)
    assert sql("SELECT COUNT(*) FROM tries") == [(9,)]
    (shown,) = sql("SHOW TASKS")
    assert (shown[10], shown[21]) == ("suspended", "SUSPENDED_DUE_TO_ERRORS")
    assert sql("SELECT MAX(attempt_number), COUNT(*) FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())") == [(3, 9)]
    sql("ALTER TASK t RESUME")
    account.clock.advance(minutes=1)
    assert sql("SELECT COUNT(*) FROM tries") == [(12,)]


def test_values_go_from_task_to_task(account, sql, fails) -> None:
    sql("""CREATE TASK first SCHEDULE = '1 HOUR' CONFIG = $${"table": "log", "deep": {"n": 3}}$$ AS
        BEGIN
            LET target := SYSTEM$GET_TASK_GRAPH_CONFIG('table');
            LET deep := SYSTEM$GET_TASK_GRAPH_CONFIG('deep.n');
            INSERT INTO IDENTIFIER(:target) (what) VALUES ('n is ' || :deep);
            CALL SYSTEM$SET_RETURN_VALUE('twenty');
        END""")  # fmt: skip
    sql("CREATE TASK second AFTER first WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('FIRST') = 'twenty' AS "
        "INSERT INTO log (what) SELECT SYSTEM$CURRENT_USER_TASK_NAME() || SYSTEM$GET_PREDECESSOR_RETURN_VALUE()")  # fmt: skip
    sql("CREATE TASK other AFTER first WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('FIRST') = 'ten' AS SELECT 1")
    sql(f"CREATE TASK after_other AFTER other AS {note('never')}")
    sql(
        "CREATE TASK info AFTER first AS INSERT INTO log (what) SELECT SYSTEM$TASK_RUNTIME_INFO('CURRENT_ROOT_TASK_NAME')"
    )
    sql("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('first')")
    account.clock.advance(hours=1)
    assert [what for what, _ in logged(sql)] == ["DB.S.FIRST", "DB.S.SECONDtwenty", "n is 3"]
    assert sql("SELECT state, error_code FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'OTHER'))") == [
        ("SKIPPED", "0040003")
    ]
    assert history(sql, "TASK_NAME => 'AFTER_OTHER'") == [("AFTER_OTHER", "SKIPPED")]
    assert sql(
        "SELECT return_value FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'FIRST')) WHERE state = 'SUCCEEDED'"
    ) == [("twenty",)]
    sql('EXECUTE TASK first USING CONFIG = $${"deep": {"n": 4}}$$')
    assert ("n is 4",) in sql("SELECT what FROM log")
    assert "within a running task" in fails("SELECT SYSTEM$GET_PREDECESSOR_RETURN_VALUE()")


def test_tasks_call_procedures_in_python_and_sql(account, sql) -> None:
    sql("CREATE PROCEDURE py(x VARCHAR) RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' "
        "PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run' AS "
        "$$def run(session, x):\n    session.sql(f\"INSERT INTO log (what) SELECT '{x}' || CURRENT_USER()\").collect()\n"
        "    session.sql(\"CALL SYSTEM$SET_RETURN_VALUE('from python')\").collect()$$")  # fmt: skip
    sql("CREATE PROCEDURE plain() RETURNS INT LANGUAGE SQL AS $$ BEGIN LET v := SYSTEM$GET_PREDECESSOR_RETURN_VALUE(); "
        "INSERT INTO log (what) VALUES (:v); RETURN 1; END $$")  # fmt: skip
    sql("CREATE TASK one SCHEDULE = '1 HOUR' USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL' AS CALL py('by ')")
    sql("CREATE TASK two AFTER one AS CALL plain()")
    sql("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('one')")
    account.clock.advance(hours=1)
    assert [what for what, _ in logged(sql)] == ["by SYSTEM", "from python"]


def test_a_task_runs_where_it_lies_and_not_where_its_caller_is(account, sql) -> None:
    sql("CREATE TASK t SCHEDULE = '1 HOUR' AS INSERT INTO log (what) SELECT CURRENT_SCHEMA()")
    sql("CREATE SCHEMA elsewhere")
    sql("EXECUTE TASK s.t")
    assert sql("SELECT what FROM s.log") == [("S",)]


def test_a_triggered_task_follows_its_stream(account, sql) -> None:
    sql("CREATE TABLE src (a INT)")
    sql("CREATE STREAM st ON TABLE src")
    sql("CREATE TASK t WHEN SYSTEM$STREAM_HAS_DATA('st') AS INSERT INTO log (what) SELECT 'got ' || a FROM st")
    sql("ALTER TASK t RESUME")
    assert account.clock.advance(minutes=5) == []
    sql("INSERT INTO src VALUES (1)")
    account.clock.advance(minutes=5)
    sql("INSERT INTO src VALUES (2)")
    account.clock.advance(minutes=5)
    assert logged(sql) == [("got 1", "01 00:05"), ("got 2", "01 00:10")]
    assert sql("SELECT DISTINCT scheduled_from FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())") == [("TRIGGER",)]


def test_a_failure_is_told_to_the_error_integration(account, sql) -> None:
    sql("CREATE NOTIFICATION INTEGRATION errors TYPE = QUEUE ENABLED = TRUE")
    sql("CREATE TASK t SCHEDULE = '1 HOUR' ERROR_INTEGRATION = errors AS SELECT 1 / 0")
    sql("EXECUTE TASK t")
    (sent,) = account.notifications
    told = json.loads(sent.body)
    assert (sent.integration, told["messageType"], told["taskName"]) == ("ERRORS", "USER_TASK_FAILED", "DB.S.T")
    assert told["messages"][0]["errorCode"] == "100051"


def test_alerts_and_tasks_share_the_clock(account, sql) -> None:
    sql("CREATE TABLE m (v INT)")
    sql(f"CREATE ALERT al SCHEDULE = '30 MINUTE' IF (EXISTS (SELECT 1 FROM m)) THEN {note('alert')}")
    sql("CREATE TASK t SCHEDULE = '60 MINUTE' AS INSERT INTO m VALUES (1)")
    sql("ALTER ALERT al RESUME")
    sql("ALTER TASK t RESUME")
    ran = account.clock.advance(hours=1)
    assert [(one.kind, one.at.strftime("%H:%M")) for one in ran] == [
        ("ALERT", "00:30"),
        ("TASK", "01:00"),
        ("ALERT", "01:00"),
    ]
    assert logged(sql) == [("alert", "01 01:00")]
    assert sql("SELECT state, scheduled_from FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY()) ORDER BY scheduled_time") == [
        ("CONDITION_FALSE", "SCHEDULE"), ("TRIGGERED", "SCHEDULE"),
    ]  # fmt: skip


def test_an_alert_is_suspended_after_failures(account, sql, fails) -> None:
    sql(
        "CREATE ALERT al SCHEDULE = '1 MINUTE' SUSPEND_ALERT_AFTER_NUM_FAILURES = 2 IF (EXISTS (SELECT * FROM nowhere)) THEN SELECT 1"
    )
    sql("ALTER ALERT al RESUME")
    account.clock.advance(hours=1)
    assert sql("SELECT COUNT(*) FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY())") == [(2,)]
    assert [row[8] for row in sql("SHOW ALERTS")] == ["suspended"]
    sql("CREATE ALERT fresh IF (EXISTS (SELECT 1)) THEN SELECT 1")
    assert "has no SCHEDULE" in fails("ALTER ALERT fresh RESUME")


def test_the_clock_is_set_advanced_and_never_turned_back_by_advancing(account, sql) -> None:
    sql(f"CREATE TASK t SCHEDULE = '60 MINUTE' AS {note('x')}")
    sql("ALTER TASK t RESUME")
    account.clock.set("2024-06-01")
    assert logged(sql) == []
    account.clock.advance(dt.timedelta(minutes=61))
    assert logged(sql) == [("x", "01 01:00")]
    sql("CREATE VIEW v AS SELECT CURRENT_DATE() AS today")
    account.clock.set(dt.date(2025, 1, 2))
    assert sql("SELECT today FROM v") == [(dt.date(2025, 1, 2),)]
    with pytest.raises(ValueError, match="forward"):
        account.clock.advance(minutes=-1)


def test_rights_for_tasks() -> None:
    from churnobs.testing import serve

    with serve(denied=("EXECUTE TASK",)) as account:
        session = account.session(database="D", schema="S")
        session.sql("CREATE TASK t SCHEDULE = '1 MINUTE' AS SELECT 1").collect()
        for statement in ("ALTER TASK t RESUME", "EXECUTE TASK t"):
            with pytest.raises(Exception, match="Insufficient privileges to operate on account"):
                session.sql(statement).collect()
        session.close()
