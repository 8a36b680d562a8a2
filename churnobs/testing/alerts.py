"""Alerts, run by hand with EXECUTE ALERT (nothing runs on a schedule here), and the notifications they would send."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from churnobs.testing.account import Notification
from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.results import Result, now, of_rows, status
from churnobs.testing.rewriting import Rewriter, scalar, table_function
from churnobs.testing.script_parser import is_block, parse_block
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped, run_inside
from churnobs.testing.trees import value_of

DONE = "Statement executed successfully."


@dataclass(slots=True)
class Run:
    """One run of an alert."""

    state: str
    scheduled: dt.datetime
    completed: dt.datetime
    condition_id: str | None = None
    action_id: str | None = None
    error_code: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Alert(Object):
    """An alert; suspended when created."""

    condition: str
    action: str
    schedule: str = ""
    warehouse: str = ""
    state: str = "suspended"
    config: str | None = None
    runs: list[Run] = field(default_factory=list)
    database: str | None = None
    schema: str | None = None


@dataclass(slots=True, kw_only=True)
class Integration(Object):
    """A notification integration for e-mail or another channel."""

    kind: str
    enabled: bool
    allowed: list[str]
    default_recipients: list[str]
    default_subject: str


@command("CREATE ALERT")
def create(session: Session, parser: Parser) -> Result:
    """CREATE ALERT ... IF (EXISTS (...)) THEN ...; neither part is checked before it runs."""
    head = creation(session, parser, "ALERT")
    options = parser.options(until=("IF",))
    parser.expect("IF", "(", "EXISTS")
    condition = parser.group()
    parser.expect(")", "THEN")
    action = parser.rest()
    if is_block(action):
        # what cannot be read is said now, although Snowflake checks nothing before it runs
        parse_block(action)
    shelf = session.account.catalog.shelf("Alert")
    if shelf.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return created("Alert", head.name.name, made=False)
        raise exists("Object", head.name)
    made = Alert(
        name=head.name, condition=condition, action=action, schedule=str(options.get("SCHEDULE", "")),
        config=options.get("CONFIG"),
        warehouse=str(options.get("WAREHOUSE", "")).upper(), comment=str(options.get("COMMENT", "")),
        database=session.engine.database, schema=session.engine.schema,
    )  # fmt: skip
    shelf.add(made, replace=True)
    return created("Alert", head.name.name)


@command("ALTER ALERT")
def alter(session: Session, parser: Parser) -> Result:
    """ALTER ALERT: RESUME, SUSPEND, SET, MODIFY CONDITION, MODIFY ACTION."""
    parser.expect("ALTER", "ALERT")
    if_exists = parser.accept("IF", "EXISTS")
    alert = session.account.catalog.shelf("Alert").get(name := session.resolve(parser.parts()))
    if alert is None:
        if if_exists:
            return status(DONE)
        raise missing("Alert", name)
    if parser.accept("RESUME"):
        alert.state = "started"
    elif parser.accept("SUSPEND"):
        alert.state = "suspended"
    elif parser.accept("MODIFY", "CONDITION", "EXISTS"):
        alert.condition = parser.group()
    elif parser.accept("MODIFY", "ACTION"):
        alert.action = parser.rest()
    elif parser.accept("SET"):
        options = parser.options()
        alert.schedule = str(options.get("SCHEDULE", alert.schedule))
        alert.warehouse = str(options.get("WAREHOUSE", alert.warehouse)).upper()
        alert.comment = str(options.get("COMMENT", alert.comment))
        alert.config = options.get("CONFIG", alert.config)
    else:
        raise not_supported("this ALTER ALERT", "CREATE OR REPLACE the alert")
    parser.end()
    return status(DONE)


@command("DROP ALERT")
def drop(session: Session, parser: Parser) -> Result:
    """DROP ALERT [IF EXISTS]."""
    parser.expect("DROP", "ALERT")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("Alert").drop(name, if_exists=if_exists)
    return dropped(name.name, found=found is not None)


@command("EXECUTE ALERT")
def execute(session: Session, parser: Parser) -> Result:
    """EXECUTE ALERT: one run now, also while suspended."""
    parser.expect("EXECUTE", "ALERT")
    alert: Alert = session.account.catalog.shelf("Alert").need(session.resolve(parser.parts()))
    parser.end()
    if not alert.schedule:
        raise SqlError(f"Cannot execute alert {alert.name.name}: it has no schedule", 91098, "0A000")
    begun = now()
    run = Run("CONDITION_FALSE", begun, begun, condition_id=str(uuid.uuid4()))
    where = (session.engine.database, session.engine.schema)
    if alert.database:
        session.engine.use(alert.database, alert.schema)
    session.account.running.append((alert, run))
    try:
        _run(session, alert, run)
    finally:
        session.account.running.pop()
        run.completed = now()
        alert.runs.append(run)
        if where[0]:
            session.engine.use(where[0], where[1])
    return status(DONE)


def _run(session: Session, alert: Alert, run: Run) -> None:
    state = "CONDITION_FAILED"
    try:
        found = run_inside(session, alert.condition)
        run.condition_id = session.queries[-1]
        if found.table.num_rows == 0:
            return
        state = "ACTION_FAILED"
        run_inside(session, alert.action)
        run.action_id = session.queries[-1]
        run.state = "TRIGGERED"
    except SqlError as error:
        run.state, run.error_code, run.error = state, f"{error.errno:06d}", error.message


_SHOWN = {"created_on": "timestamp_ltz"} | dict.fromkeys(
    ("name", "database_name", "schema_name", "owner", "comment", "warehouse", "schedule", "state", "condition", "action",
     "owner_role_type", "config"), "text",
)  # fmt: skip


def _row(a: Alert) -> tuple[Any, ...]:
    return (a.created_on, a.name.name, a.name.database, a.name.schema, OWNER, a.comment, a.warehouse, a.schedule,
        a.state, a.condition,
            a.action, "ROLE", a.config)  # fmt: skip


@command("SHOW ALERTS", reads=True)
def show(session: Session, parser: Parser) -> Result:
    """SHOW ALERTS."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "ALERTS")
    found = filters(session, parser)
    return of_rows(
        _SHOWN, [_row(a) for a in session.account.catalog.shelf("Alert") if found.holds(a.name)][: found.limit]
    )


@command("DESCRIBE ALERT", "DESC ALERT", reads=True)
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE ALERT."""
    parser.at = 2
    return of_rows(_SHOWN, [_row(session.account.catalog.shelf("Alert").need(session.resolve(parser.parts())))])


@table_function("ALERT_HISTORY")
def history(rewriter: Rewriter, _args: list[Any], named: dict[str, Any]) -> Result:
    """INFORMATION_SCHEMA.ALERT_HISTORY: the runs of the alerts, newest first."""
    rewriter.dynamic = True
    given = {key: rewriter.evaluate(value) for key, value in named.items()}
    start, end = given.get("SCHEDULED_TIME_RANGE_START"), given.get("SCHEDULED_TIME_RANGE_END")
    rows: list[tuple[Any, ...]] = []
    for alert in rewriter.session.account.catalog.shelf("Alert"):
        if given.get("ALERT_NAME") and str(given["ALERT_NAME"]).upper() != alert.name.name.upper():
            continue
        rows += [
            (alert.name.name, alert.name.database, alert.name.schema, alert.condition, run.condition_id, alert.action,
             run.action_id, run.state, run.error_code, run.error, run.scheduled, run.completed, "EXECUTE ALERT")
            for run in alert.runs
            if (start is None or run.scheduled >= _zoned(start)) and (end is None or run.scheduled <= _zoned(end))
        ]  # fmt: skip
    rows.sort(key=lambda r: r[10], reverse=True)
    columns = dict.fromkeys(
        ("NAME", "DATABASE_NAME", "SCHEMA_NAME", "CONDITION", "CONDITION_QUERY_ID", "ACTION", "ACTION_QUERY_ID",
            "STATE", "SQL_ERROR_CODE",
         "SQL_ERROR_MESSAGE"), "text",
    ) | {"SCHEDULED_TIME": "timestamp_ltz", "COMPLETED_TIME": "timestamp_ltz", "SCHEDULED_FROM": "text"}  # fmt: skip
    return of_rows(columns, rows[: int(given.get("RESULT_LIMIT", 100))])


def _zoned(moment: Any) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    made: dt.datetime = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return made


@scalar("SCHEDULED_TIME")
def scheduled_time(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.SCHEDULED_TIME(), inside a running alert."""
    return value_of(_running(rewriter)[1].scheduled)


@scalar("LAST_SUCCESSFUL_SCHEDULED_TIME")
def last_successful(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.LAST_SUCCESSFUL_SCHEDULED_TIME(): before the first success, the creation of the alert."""
    alert, _ = _running(rewriter)
    good = [r.scheduled for r in alert.runs if r.state in ("TRIGGERED", "CONDITION_FALSE")]
    return value_of(good[-1] if good else alert.created_on)


@scalar("GET_CONDITION_QUERY_UUID")
def condition_query(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.GET_CONDITION_QUERY_UUID(), inside an action."""
    return value_of(_running(rewriter)[1].condition_id)


def _running(rewriter: Rewriter) -> tuple[Alert, Run]:
    if not rewriter.session.account.running:
        raise SqlError("This function can only be called inside an alert", 90241, "0A000")
    found: tuple[Alert, Run] = rewriter.session.account.running[-1]
    return found


@command("CREATE NOTIFICATION INTEGRATION")
def create_integration(session: Session, parser: Parser) -> Result:
    """CREATE NOTIFICATION INTEGRATION."""
    from churnobs.testing.names import Name

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
    from churnobs.testing.names import Name, fold

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
