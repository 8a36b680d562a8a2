"""Streams move their offset on committed changes only; alerts run by hand and are remembered; notifications are recorded."""

from __future__ import annotations

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")


@pytest.fixture
def streams(sql):
    sql("CREATE TABLE t (a INT, b VARCHAR)")
    sql("INSERT INTO t VALUES (1, 'old')")
    sql("CREATE STREAM app ON TABLE t APPEND_ONLY = TRUE")
    sql("CREATE STREAM std ON TABLE t")
    sql("CREATE TABLE sink (a INT, b VARCHAR)")


def test_rows_that_were_there_are_not_seen(streams, sql) -> None:
    assert sql("SELECT * FROM app") == []
    assert sql("SELECT SYSTEM$STREAM_HAS_DATA('app'), SYSTEM$STREAM_HAS_DATA('std')") == [(False, False)]


def test_append_only_returns_every_insert_and_nothing_else(streams, sql) -> None:
    sql("INSERT INTO t VALUES (2, 'x'), (3, 'y')")
    sql("UPDATE t SET b = 'z' WHERE a = 2")
    sql("DELETE FROM t WHERE a = 3")
    sql(
        "MERGE INTO t USING (SELECT 4 AS a UNION ALL SELECT 1) s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 'm' WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
    )
    rows = sql("SELECT a, b, METADATA$ACTION, METADATA$ISUPDATE FROM app ORDER BY a")
    assert rows == [(2, "x", "INSERT", False), (3, "y", "INSERT", False), (4, None, "INSERT", False)]


def test_standard_returns_the_net_change(streams, sql) -> None:
    sql("INSERT INTO t VALUES (2, 'x'), (3, 'y')")
    sql("DELETE FROM t WHERE a = 3")
    sql("UPDATE t SET b = 'new' WHERE a = 1")
    rows = sql("SELECT a, b, METADATA$ACTION, METADATA$ISUPDATE FROM std ORDER BY a, 3")
    assert rows == [(1, "old", "DELETE", True), (1, "new", "INSERT", True), (2, "x", "INSERT", False)]
    ids = [r[0] for r in sql("SELECT METADATA$ROW_ID FROM std WHERE a = 1")]
    assert ids[0] == ids[1]


def test_reading_moves_nothing_consuming_moves_everything(streams, sql, snowflake_session) -> None:
    sql("INSERT INTO t VALUES (2, 'x'), (3, 'y')")
    assert snowflake_session.table("app").count() == 2
    assert len(snowflake_session.table("app").to_pandas()) == 2
    assert sql("INSERT INTO sink SELECT a, b FROM app WHERE a = 99") == [(0,)]
    assert sql("SELECT * FROM app") == []
    assert sql("SELECT COUNT(*) FROM std") == [(2,)]
    snowflake_session.table("std").select("A", "B").write.mode("append").save_as_table("sink")
    assert sql("SELECT COUNT(*) FROM std") == [(0,)]
    assert sql("SELECT COUNT(*) FROM sink") == [(2,)]


def test_a_failed_or_rolled_back_consumer_moves_nothing(streams, sql, fails) -> None:
    sql("INSERT INTO t VALUES (2, 'x')")
    fails("INSERT INTO sink SELECT a, b / 0, 1 FROM app")
    fails("INSERT INTO sink SELECT CAST(b AS INT), b FROM app")
    assert sql("SELECT COUNT(*) FROM app") == [(1,)]
    for stream in ("app", "std"):
        sql("BEGIN")
        sql(f"INSERT INTO sink SELECT a, b FROM {stream}")
        sql("ROLLBACK")
        assert sql(f"SELECT COUNT(*) FROM {stream}") == [(1,)]
    assert sql("SELECT COUNT(*) FROM sink") == [(0,)]


def test_in_a_transaction_all_reads_see_the_same_set(streams, sql) -> None:
    sql("INSERT INTO t VALUES (2, 'x')")
    sql("BEGIN")
    sql("INSERT INTO sink SELECT a, b FROM app")
    sql("INSERT INTO t VALUES (3, 'y')")
    sql("INSERT INTO sink SELECT a, b FROM app")
    sql("COMMIT")
    assert sql("SELECT a FROM sink") == [(2,), (2,)]
    assert sql("SELECT a FROM app") == [(3,)]


def test_ctas_cache_and_copy_consume_too(streams, sql, snowflake_session) -> None:
    sql("INSERT INTO t VALUES (2, 'x')")
    sql("CREATE TABLE made AS SELECT a FROM app")
    assert sql("SELECT COUNT(*) FROM app") == [(0,)]
    assert snowflake_session.table("std").cache_result().count() == 1
    assert sql("SELECT COUNT(*) FROM std") == [(0,)]
    sql("CREATE STAGE st")
    sql("INSERT INTO t VALUES (3, 'y')")
    sql("COPY INTO @st/ FROM (SELECT a FROM app)")
    assert sql("SELECT COUNT(*) FROM app") == [(0,)]


def test_loading_files_feeds_the_stream(streams, sql, snowflake_session, tmp_path) -> None:
    sql("CREATE STAGE st")
    (tmp_path / "a.csv").write_text("5,five\n")
    snowflake_session.file.put(str(tmp_path / "a.csv"), "@st")
    sql("COPY INTO t FROM @st")
    assert sql("SELECT a, b FROM app") == [(5, "five")]
    assert sql("SELECT a, b FROM std") == [(5, "five")]


def test_initial_rows_stale_streams_and_show(streams, sql, fails) -> None:
    sql("CREATE STREAM first ON TABLE t SHOW_INITIAL_ROWS = TRUE")
    assert sql("SELECT a FROM first") == [(1,)]
    sql("INSERT INTO sink SELECT a, b FROM first")
    assert sql("SELECT a FROM first") == []
    shown = {r[1]: (r[10], r[11]) for r in sql("SHOW STREAMS")}
    assert shown == {"APP": ("false", "APPEND_ONLY"), "FIRST": ("false", "DEFAULT"), "STD": ("false", "DEFAULT")}
    sql("CREATE OR REPLACE TABLE t (a INT)")
    assert "cannot read from stream" in fails("SELECT * FROM std")[1]
    assert {r[10] for r in sql("SHOW STREAMS LIKE 's%'")} == {"true"}


def test_a_deleted_and_reinserted_row_is_two_changes_or_none_by_value(streams, sql) -> None:
    sql("DELETE FROM t WHERE a = 1")
    assert sql("SELECT a, METADATA$ACTION, METADATA$ISUPDATE FROM std") == [(1, "DELETE", False)]


def test_an_alert_is_born_suspended_runs_by_hand_and_is_remembered(sql) -> None:
    sql("CREATE TABLE m (v FLOAT)")
    sql("CREATE TABLE log (at TIMESTAMP_LTZ, what VARCHAR)")
    sql(
        "CREATE ALERT low WAREHOUSE = compute_wh SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1 FROM m WHERE v < 0.5)) THEN INSERT INTO log VALUES (CURRENT_TIMESTAMP(), 'low; (v)')"
    )
    assert [r[8] for r in sql("SHOW ALERTS LIKE 'LOW'")] == ["suspended"]
    sql("EXECUTE ALERT low")
    sql("INSERT INTO m VALUES (0.4)")
    sql("ALTER ALERT low RESUME")
    sql("EXECUTE ALERT low")
    assert sql("SELECT what FROM log") == [("low; (v)",)]
    states = sql(
        "SELECT state, scheduled_from FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY(ALERT_NAME => 'LOW', RESULT_LIMIT => 5)) ORDER BY scheduled_time"
    )
    assert states == [("CONDITION_FALSE", "EXECUTE ALERT"), ("TRIGGERED", "EXECUTE ALERT")]
    assert [r[8] for r in sql("SHOW ALERTS")] == ["started"]


def test_a_broken_alert_fails_when_it_runs_not_when_it_is_made(sql) -> None:
    sql("CREATE ALERT a SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT * FROM nowhere)) THEN SELECT 1")
    sql("CREATE ALERT b SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN INSERT INTO nowhere VALUES (1)")
    sql("EXECUTE ALERT a")
    sql("EXECUTE ALERT b")
    rows = sql("SELECT name, state, sql_error_code FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY()) ORDER BY name")
    assert rows[-2:] == [("A", "CONDITION_FAILED", "002003"), ("B", "ACTION_FAILED", "002003")]


def test_an_alert_without_a_schedule_cannot_be_run(sql, fails) -> None:
    sql("CREATE ALERT a IF (EXISTS (SELECT 1)) THEN SELECT 1")
    assert "no schedule" in fails("EXECUTE ALERT a")[1]


def test_notifications_are_recorded_after_the_checks(sql, fails, snowflake_account) -> None:
    before = len(snowflake_account.notifications)
    sql(
        "CREATE OR REPLACE NOTIFICATION INTEGRATION mail TYPE = EMAIL ENABLED = TRUE ALLOWED_RECIPIENTS = ('a@x.io', 'b@x.io')"
    )
    assert sql("CALL SYSTEM$SEND_EMAIL('mail', 'a@x.io, b@x.io', 'Churn', 'F1 is low')") == [(True,)]
    assert "not allowed" in fails("CALL SYSTEM$SEND_EMAIL('mail', 'a@x.io, c@x.io', 'Churn', 'F1')")[1]
    fails("CALL SYSTEM$SEND_EMAIL('nobody', 'a@x.io', 'Churn', 'F1')")
    (sent,) = snowflake_account.notifications[before:]
    assert (sent.integration, sent.recipients, sent.subject, sent.body) == (
        "MAIL",
        ("a@x.io", "b@x.io"),
        "Churn",
        "F1 is low",
    )
    sql(
        "CREATE ALERT m SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN CALL SYSTEM$SEND_EMAIL('mail', 'a@x.io', 'Alert', 'now')"
    )
    sql("EXECUTE ALERT m")
    assert snowflake_account.notifications[-1].subject == "Alert"


def test_a_stream_on_a_view_shows_its_rows(sql, fails) -> None:
    sql("CREATE TABLE t (id INT, g VARCHAR, v VARIANT)")
    sql("INSERT INTO t SELECT column1, column2, PARSE_JSON('{\"a\": 1}') FROM VALUES (1, 'a'), (2, 'b')")
    sql("CREATE VIEW w AS SELECT id AS k, UPPER(g) u, v:a::INT a FROM t x WHERE x.id < 10")
    sql("CREATE STREAM s ON VIEW w")
    sql("CREATE STREAM new ON VIEW w APPEND_ONLY = TRUE")
    sql("INSERT INTO t SELECT column1, column2, PARSE_JSON('{\"a\": 2}') FROM VALUES (3, 'c'), (11, 'z')")
    sql("UPDATE t SET g = 'B' WHERE id = 2")  # the view does not show it
    sql("UPDATE t SET g = 'bb' WHERE id = 1")
    sql("DELETE FROM t WHERE id = 2")
    sql("UPDATE t SET id = 5 WHERE id = 11")  # comes into the view
    assert sql("SELECT k, u, a, METADATA$ACTION, METADATA$ISUPDATE FROM s ORDER BY k, 4") == [
        (1, "A", 1, "DELETE", True), (1, "BB", 1, "INSERT", True), (2, "B", 1, "DELETE", False), (3, "C", 2, "INSERT", False),
        (5, "Z", 2, "INSERT", False),
    ]  # fmt: skip
    assert sql("SELECT k, u, METADATA$ACTION FROM new") == [(3, "C", "INSERT")]
    sql("CREATE TABLE sink AS SELECT k FROM s")
    assert sql("SELECT SYSTEM$STREAM_HAS_DATA('S'), SYSTEM$STREAM_HAS_DATA('NEW')") == [(False, True)]
    sql("CREATE OR REPLACE VIEW w AS SELECT id AS k FROM t")
    assert "dropped or replaced" in fails("SELECT * FROM s")[1]
    sql("CREATE VIEW counted AS SELECT id, COUNT(*) AS n FROM t GROUP BY id")
    assert "offline account" in fails("CREATE STREAM j ON VIEW counted")[1]


def test_a_stream_may_start_where_another_stands(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    sql("CREATE STREAM s ON TABLE t")
    sql("CREATE STREAM new ON TABLE t APPEND_ONLY = TRUE")
    sql("INSERT INTO t VALUES (2)")
    sql("UPDATE t SET a = 10 WHERE a = 1")
    assert sql("SELECT a FROM t AT (STREAM => 's')") == [(1,)]
    sql("CREATE STREAM also ON TABLE t AT (STREAM => 'S')")
    sql("CREATE STREAM also_new ON TABLE t AT (STREAM => 'NEW') APPEND_ONLY = TRUE")
    changes = "SELECT a, METADATA$ACTION FROM {} ORDER BY 1, 2"
    assert sql(changes.format("also")) == sql(changes.format("s")) == [(1, "DELETE"), (2, "INSERT"), (10, "INSERT")]
    sql("CREATE TABLE sink AS SELECT a FROM s")
    assert sql("SELECT COUNT(*) FROM s UNION ALL SELECT COUNT(*) FROM also ORDER BY 1") == [(0,), (3,)]
    assert sql("SELECT a FROM also_new") == [(2,)]
    for text in (
        "SELECT * FROM t AT (STREAM => 'NEW')", "SELECT * FROM t BEFORE (STREAM => 's')",
        "CREATE STREAM x ON TABLE t AT (STREAM => 'NEW')",
    ):  # fmt: skip
        assert "offline account" in fails(text)[1]


def test_notifications_of_built_messages_are_recorded(snowflake_account, sql, fails) -> None:
    sql("CREATE NOTIFICATION INTEGRATION built TYPE = EMAIL ENABLED = TRUE ALLOWED_RECIPIENTS = ('a@b.c', 'd@e.f')")
    before = len(snowflake_account.notifications)
    sql(
        "CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(SNOWFLAKE.NOTIFICATION.TEXT_HTML('<b>drift</b>'), "
        "SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG('built', 'It drifts', ARRAY_CONSTRUCT('a@b.c', 'd@e.f')))"
    )
    (sent,) = snowflake_account.notifications[before:]
    assert (sent.integration, sent.recipients, sent.subject) == ("BUILT", ("a@b.c", "d@e.f"), "It drifts")
    assert (sent.body, sent.kind) == ("<b>drift</b>", "text/html")
    assert "offline account" in fails("SELECT SNOWFLAKE.CORTEX.TRANSLATE('a', 'en', 'de')")[1]


def test_an_action_may_be_a_block_that_names_values(snowflake_account, sql, fails) -> None:
    sql("CREATE TABLE seen (n INT, word VARCHAR)")
    sql("INSERT INTO seen VALUES (1, 'it''s; :words'), (2, 'b')")
    sql("CREATE TABLE told (n INT)")
    sql("CREATE NOTIFICATION INTEGRATION blocks TYPE = EMAIL ENABLED = TRUE")
    sql("""
        CREATE ALERT a SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1 FROM seen WHERE n > (SELECT COALESCE(MAX(n), 0) FROM told)))
        THEN BEGIN
          LET upto NUMBER(38,0) := (SELECT MAX(n) FROM seen);
          LET words VARCHAR := (SELECT LISTAGG(word, '; ') WITHIN GROUP (ORDER BY n) FROM seen WHERE n <= :upto);
          CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(SNOWFLAKE.NOTIFICATION.TEXT_PLAIN(:words),
            SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG('blocks', 'told', ARRAY_CONSTRUCT('a@b.c')));
          INSERT INTO told VALUES (:upto);
        END
    """)
    before = len(snowflake_account.notifications)
    sql("EXECUTE ALERT a")
    sql("EXECUTE ALERT a")
    sent = snowflake_account.notifications[before:]
    assert [(n.recipients, n.subject, n.body) for n in sent] == [(("a@b.c",), "told", "it's; :words; b")]
    assert sql("SELECT n FROM told") == [(2,)]
    states = sql("SELECT state FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY(ALERT_NAME => 'A')) ORDER BY scheduled_time")
    assert states == [("TRIGGERED",), ("CONDITION_FALSE",)]
    action = "BEGIN IF (1 = 1) THEN INSERT INTO told VALUES (9); END IF; EXCEPTION WHEN OTHER THEN NULL; END"
    sql(f"CREATE ALERT b SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN {action}")
    sql("EXECUTE ALERT b")
    assert sql("SELECT n FROM told ORDER BY n") == [(2,), (9,)]
    number, message = fails("CREATE ALERT c SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN BEGIN SELECT 1")
    assert (number, "syntax error" in message) == (1003, True)


def test_resuming_an_alert_needs_a_right_in_the_account() -> None:
    from churnobs.testing import serve

    with serve(denied=("EXECUTE ALERT",)) as account:
        session = account.session(database="D", schema="S")
        session.sql("CREATE ALERT a SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN SELECT 1").collect()
        for statement in ("ALTER ALERT a RESUME", "EXECUTE ALERT a"):
            with pytest.raises(Exception, match="Insufficient privileges to operate on account"):
                session.sql(statement).collect()
        held = {(row["privilege"], row["granted_on"]) for row in session.sql("SHOW GRANTS TO ROLE r").collect()}
        assert ("CREATE ALERT", "SCHEMA") in held
        assert ("EXECUTE ALERT", "ACCOUNT") not in held
        session.close()
