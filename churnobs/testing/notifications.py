"""Notifications: their integrations, what builds them, and sending, which records them in the account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from churnobs.testing.account import Notification
from churnobs.testing.catalog import Object
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold
from churnobs.testing.proof import Function, document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar
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
    options = parser.options()
    parser.end()
    made = Integration(
        name=Name("", "", name), kind=str(options.get("TYPE", "")).upper(), enabled=bool(options.get("ENABLED", False)),
        allowed=list(options.get("ALLOWED_RECIPIENTS", [])), default_recipients=list(options.get("DEFAULT_RECIPIENTS", [])),
        default_subject=str(options.get("DEFAULT_SUBJECT", "")), comment=str(options.get("COMMENT", "")),
    )  # fmt: skip
    done = session.account.catalog.shelf("Integration").add(made, replace=replace, if_not_exists=absent)
    return created("Integration", name, made=done)


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
    if not recipients or not subject or not body:
        raise SqlError("Recipients, subject and body of a notification may not be empty", 394208, "22023")
    session.account.notifications.append(
        Notification(held.kind, held.name.name, tuple(recipients), subject, body, kind)
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
        messages = json.loads(values[0])
        targets = json.loads(values[1])
        for target in targets if isinstance(targets, list) else [targets]:
            for integration, given in target.items():
                for message in messages if isinstance(messages, list) else [messages]:
                    ((kind, body),) = message.items()
                    told = given if isinstance(given, dict) else {}
                    send(
                        session,
                        integration,
                        list(told.get("toAddress", [])),
                        str(told.get("subject", "")),
                        str(body),
                        kind,
                    )
        return of_rows({name: "text"}, [("Enqueued notifications.",)])
    return None
