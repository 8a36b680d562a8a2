"""Notifications to e-mail and webhooks: who gets which of several messages, and what is told of them later."""

from __future__ import annotations

import datetime as dt

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

NOTE = "SNOWFLAKE.NOTIFICATION"
START = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def channels(snowflake_account, sql):
    """An integration for e-mail and one for a webhook, on an account whose clock stands still."""
    snowflake_account.clock.set(START)
    snowflake_account.notifications.clear()
    sql("CREATE OR REPLACE NOTIFICATION INTEGRATION MAIL TYPE = EMAIL ENABLED = TRUE COMMENT = 'by post'")
    sql(
        "CREATE OR REPLACE NOTIFICATION INTEGRATION CHAT TYPE = WEBHOOK ENABLED = TRUE WEBHOOK_URL = 'https://hooks.example.com/SECRET'"
        " WEBHOOK_HEADERS = ('Content-Type'='text/json', 'X'='y') WEBHOOK_BODY_TEMPLATE = '{\"text\": \"MESSAGE\"}' COMMENT = 'a room'"
    )
    return sql


def test_each_channel_gets_the_message_of_its_format(channels, snowflake_account) -> None:
    channels(
        f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(ARRAY_CONSTRUCT({NOTE}.APPLICATION_JSON('late'), {NOTE}.TEXT_HTML('<b>late</b>')),"
        f" ARRAY_CONSTRUCT({NOTE}.INTEGRATION('CHAT'), {NOTE}.EMAIL_INTEGRATION_CONFIG('MAIL', 'Pipeline', ARRAY_CONSTRUCT('a@x.io'))))"
    )
    assert [(n.channel, n.recipients, n.subject, n.body, n.kind) for n in snowflake_account.notifications] == [
        ("WEBHOOK", (), "", "late", "application/json"), ("EMAIL", ("a@x.io",), "Pipeline", "<b>late</b>", "text/html"),
    ]  # fmt: skip


def test_an_email_needs_recipients_and_a_subject_and_a_webhook_does_not(channels, snowflake_account, fails) -> None:
    channels(f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION({NOTE}.APPLICATION_JSON('hello'), {NOTE}.INTEGRATION('CHAT'))")
    assert "may not be empty" in fails(
        f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION({NOTE}.TEXT_PLAIN('hello'), {NOTE}.INTEGRATION('MAIL'))"
    )[1]  # fmt: skip
    assert [n.body for n in snowflake_account.notifications] == ["hello"]


def test_the_history_tells_what_was_sent_when(channels, snowflake_account) -> None:
    def send(text: str) -> None:
        channels(
            f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION({NOTE}.APPLICATION_JSON('{text}'), {NOTE}.INTEGRATION('CHAT'))"
        )

    send("first")
    snowflake_account.clock.advance(hours=2)
    send("second")
    channels("CALL SYSTEM$SEND_EMAIL('MAIL', 'a@x.io', 'third', 'body')")
    asked = (
        "SELECT INTEGRATION_NAME, STATUS, MESSAGE, PROCESSED FROM TABLE(INFORMATION_SCHEMA.NOTIFICATION_HISTORY({}))"
    )
    later = START + dt.timedelta(hours=2)
    assert channels(asked.format("")) == [
        ("MAIL", "SUCCESS", "body", later), ("CHAT", "SUCCESS", "second", later), ("CHAT", "SUCCESS", "first", START),
    ]  # fmt: skip
    since = asked.format("START_TIME => DATEADD('HOUR', -1, CURRENT_TIMESTAMP()), INTEGRATION_NAME => 'CHAT'")
    assert [row[2] for row in channels(since)] == ["second"]


def test_integrations_are_listed(channels, snowflake_session) -> None:
    found = {row["name"]: row for row in snowflake_session.sql("SHOW INTEGRATIONS").collect()}
    assert (found["CHAT"]["type"], found["CHAT"]["category"], found["CHAT"]["comment"]) == (
        "WEBHOOK",
        "NOTIFICATION",
        "a room",
    )
    (mail,) = snowflake_session.sql("SHOW NOTIFICATION INTEGRATIONS LIKE 'ma%'").collect()
    assert (mail["name"], mail["enabled"]) == ("MAIL", "true")
