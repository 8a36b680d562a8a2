"""Notifications: their integrations, what builds them, and sending, which records them in the account."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from churnobs.testing.account import Notification
from churnobs.testing.catalog import Object
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold, like
from churnobs.testing.past import zoned
from churnobs.testing.proof import Function, document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar, table_function
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created
from churnobs.testing.trees import Tree, value_of

KINDS = {"TEXT_PLAIN": "text/plain", "TEXT_HTML": "text/html", "APPLICATION_JSON": "application/json"}


@dataclass(slots=True, kw_only=True)
class Integration(Object):
    """A notification integration for e-mail or another channel."""

    kind: str
    enabled: bool
    allowed: list[str]
    default_recipients: list[str]
    default_subject: str


def _message(kind: str, rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    return value_of(json.dumps({kind: str(rewriter.evaluate(args[0]))}))


for _name, _kind in KINDS.items():
    _told = Function(
        partial(_message, _kind), f"SNOWFLAKE.NOTIFICATION.{_name}(text)", document(f"functions/{_name.lower()}")
    )
    SCALARS[_name] = _told


@scalar("INTEGRATION", proof=document("functions/integration"))
def integration(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SNOWFLAKE.NOTIFICATION.INTEGRATION(name)."""
    return value_of(json.dumps({str(rewriter.evaluate(args[0])): {}}))


@scalar("EMAIL_INTEGRATION_CONFIG", proof=document("functions/email_integration_config"))
def email_integration_config(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG(name [, subject [, to [, cc [, bcc]]]])."""
    values: list[Any] = [rewriter.evaluate(a) for a in args]
    name, subject, *lists = [*values, *[None] * 4][: max(2, len(values))]
    told: dict[str, Any] = {"subject": subject or ""}
    for key, held in zip(("toAddress", "ccAddress", "bccAddress"), lists, strict=False):
        if held is not None:
            told[key] = json.loads(held) if isinstance(held, str) else list(held)
    return value_of(json.dumps({str(name): told}))


@command("CREATE NOTIFICATION INTEGRATION", proof=document("sql/create-notification-integration"))
def create_integration(session: Session, parser: Parser) -> Result:
    """CREATE NOTIFICATION INTEGRATION."""
    parser.expect("CREATE")
    replace = parser.accept("OR", "REPLACE")
    parser.expect("NOTIFICATION", "INTEGRATION")
    absent = parser.accept("IF", "NOT", "EXISTS")
    (name,) = parser.parts()
    options = _options(parser)
    parser.end()
    made = Integration(
        name=Name("", "", name), kind=str(options.get("TYPE", "")).upper(), enabled=bool(options.get("ENABLED", False)),
        allowed=list(options.get("ALLOWED_RECIPIENTS", [])), default_recipients=list(options.get("DEFAULT_RECIPIENTS", [])),
        default_subject=str(options.get("DEFAULT_SUBJECT", "")), comment=str(options.get("COMMENT", "")),
    )  # fmt: skip
    done = session.account.catalog.shelf("Integration").add(made, replace=replace, if_not_exists=absent)
    return created("Integration", name, made=done)


def _options(parser: Parser) -> dict[str, Any]:
    """The options, among them WEBHOOK_HEADERS = ('name'='value', ...), which nothing is sent with."""
    options = parser.options(until=("WEBHOOK_HEADERS",))
    while parser.accept("WEBHOOK_HEADERS", "="):
        parser.group()
        options |= parser.options(until=("WEBHOOK_HEADERS",))
    return options


@command("SHOW INTEGRATIONS", "SHOW NOTIFICATION INTEGRATIONS", reads=True, proof=document("sql/show-integrations"))
def show_integrations(session: Session, parser: Parser) -> Result:
    """SHOW [NOTIFICATION] INTEGRATIONS [LIKE]: those for notifications; there are no others."""
    parser.expect("SHOW")
    parser.accept("NOTIFICATION")
    parser.expect("INTEGRATIONS")
    pattern = parser.string() if parser.accept("LIKE") else "%"
    parser.end()
    columns = dict.fromkeys(("name", "type", "category", "enabled", "comment"), "text") | {
        "created_on": "timestamp_ltz"
    }
    rows = [
        (one.name.name, one.kind, "NOTIFICATION", str(one.enabled).lower(), one.comment, one.created_on)
        for one in session.account.catalog.shelf("Integration") if like(pattern, one.name.name)
    ]  # fmt: skip
    return of_rows(columns, rows)


def send(session: Session, integration: str, recipients: list[str], subject: str, body: str, kind: str) -> None:
    """Record a notification, after the checks that Snowflake makes."""
    held: Integration = session.account.catalog.shelf("Integration").need(Name("", "", fold(integration)))
    if not held.enabled:
        raise SqlError(f"Integration '{held.name.name}' is not enabled", 394209, "22023")
    recipients = recipients or held.default_recipients
    subject = subject or held.default_subject
    if refused := [r for r in recipients if held.allowed and r not in held.allowed]:
        raise SqlError(
            f"Email recipients in the given list at indexes [{recipients.index(refused[0])}] are not allowed",
            394209,
            "22023",
        )
    if not body or (held.kind == "EMAIL" and (not recipients or not subject)):
        raise SqlError("Recipients, subject and body of a notification may not be empty", 394208, "22023")
    session.account.notifications.append(
        Notification(
            held.kind, held.name.name, tuple(recipients), subject, body, kind, sent_at=session.account.clock.now()
        )
    )


def call(session: Session, name: str, values: list[Any]) -> Result | None:
    """CALL SYSTEM$SEND_EMAIL and SYSTEM$SEND_SNOWFLAKE_NOTIFICATION."""
    if name == "SYSTEM$SEND_EMAIL":
        recipients = [r.strip() for r in str(values[1]).split(",") if r.strip()]
        send(
            session,
            str(values[0]),
            recipients,
            str(values[2]),
            str(values[3]),
            str(values[4]) if len(values) > 4 else "text/plain",
        )
        return of_rows({"SYSTEM$SEND_EMAIL": "boolean"}, [(True,)])
    if name == "SYSTEM$SEND_SNOWFLAKE_NOTIFICATION":
        messages = dict(pair for one in _listed(values[0]) for pair in one.items())
        for target in _listed(values[1]):
            for integration, given in target.items():
                told = given if isinstance(given, dict) else {}
                for kind in _formats(session, integration, messages):
                    send(
                        session,
                        integration,
                        list(told.get("toAddress", [])),
                        str(told.get("subject", "")),
                        str(messages[kind]),
                        kind,
                    )
        return of_rows({name: "text"}, [("Enqueued notifications.",)])
    return None


def _listed(value: Any) -> list[dict[str, Any]]:
    """One message or target, or an array of them, each an object or its text."""
    found = json.loads(value) if isinstance(value, str) else value
    return [json.loads(one) if isinstance(one, str) else one for one in (found if isinstance(found, list) else [found])]


def _formats(session: Session, integration: str, messages: dict[str, Any]) -> list[str]:
    """Which of several messages an integration is sent: an e-mail those that are text, a webhook or queue those that are JSON."""
    held: Integration = session.account.catalog.shelf("Integration").need(Name("", "", fold(integration)))
    fitting = [kind for kind in messages if kind.startswith("text/") == (held.kind == "EMAIL")]
    return fitting or list(messages)


@table_function("NOTIFICATION_HISTORY", proof=document("functions/notification_history"))
def history(rewriter: Rewriter, args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.NOTIFICATION_HISTORY([START_TIME, END_TIME, INTEGRATION_NAME, RESULT_LIMIT]): newest first."""
    rewriter.dynamic = True
    keys = ("START_TIME", "END_TIME", "INTEGRATION_NAME", "RESULT_LIMIT")
    given = {key: rewriter.evaluate(value) for key, value in {**dict(zip(keys, args, strict=False)), **named}.items()}
    account = rewriter.session.account
    start = zoned(given.get("START_TIME") or account.clock.now() - dt.timedelta(days=1))
    end, wanted = zoned(given.get("END_TIME") or account.clock.now()), given.get("INTEGRATION_NAME")
    rows = [
        (one.sent_at, one.sent_at, "SYSTEM", one.integration, "SUCCESS", one.body, "")
        for one in reversed(account.notifications)
        if one.sent_at is not None and start <= one.sent_at <= end and wanted in (None, one.integration)
    ]
    texts = ("MESSAGE_SOURCE", "INTEGRATION_NAME", "STATUS", "MESSAGE", "ERROR_MESSAGE")
    columns = {"CREATED": "timestamp_ltz", "PROCESSED": "timestamp_ltz"} | dict.fromkeys(texts, "text")
    return of_rows(columns, rows[: int(given.get("RESULT_LIMIT") or 100)])
