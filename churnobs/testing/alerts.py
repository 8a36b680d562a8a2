"""Alerts: run by hand with EXECUTE ALERT, and on their schedules when the account's clock is advanced."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from churnobs.testing.alert_news import only_new, watch
from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.clock import COMING, TIMERS, Due
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.rewriting import Rewriter, scalar, table_function
from churnobs.testing.schedules import Timer, read_schedule
from churnobs.testing.script_parser import is_block, parse_block
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped, run_inside
from churnobs.testing.streams import Stream
from churnobs.testing.trees import value_of

if TYPE_CHECKING:
    from churnobs.testing.account import Account

_OPTIONS = frozenset({"SCHEDULE", "WAREHOUSE", "COMMENT", "CONFIG", "RUNBOOK", "SUSPEND_ALERT_AFTER_NUM_FAILURES"})
DONE = "Statement executed successfully."
APART = dt.timedelta(seconds=30)


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
    source: str = "EXECUTE ALERT"


@dataclass(slots=True, kw_only=True)
class Alert(Object):
    """An alert; suspended when created."""

    condition: str
    action: str
    schedule: str = ""
    timer: Timer | None = None
    most_failures: int = 0
    failures: int = 0
    warehouse: str = ""
    state: str = "suspended"
    config: str | None = None
    runs: list[Run] = field(default_factory=list)
    news: Stream | None = None
    triggered: dt.datetime | None = None
    database: str | None = None
    schema: str | None = None


@command("CREATE ALERT", proof=document("sql/create-alert"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE ALERT ... IF (EXISTS (...)) THEN ...; neither part is checked before it runs."""
    head = creation(session, parser, "ALERT")
    options = _known(parser.options(until=("IF",)))
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
        most_failures=int(options.get("SUSPEND_ALERT_AFTER_NUM_FAILURES", 0)),
    )  # fmt: skip
    _set_schedule(session, made)
    shelf.add(made, replace=True)
    return created("Alert", head.name.name)


def _known(options: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(options) - _OPTIONS:
        raise SqlError(f"SQL compilation error:\ninvalid property '{sorted(unknown)[0]}' for 'ALERT'", 1420, "22023")
    return options


def _set_schedule(session: Session, alert: Alert) -> None:
    alert.timer = Timer(read_schedule(alert.schedule), session.account.clock.now()) if alert.schedule else None


@command("ALTER ALERT", proof=document("sql/alter-alert"))
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
        _resume(session, alert)
    elif parser.accept("SUSPEND"):
        alert.state, alert.news = "suspended", None
    elif parser.accept("MODIFY", "CONDITION", "EXISTS"):
        condition = parser.group()
        if alert.news is not None:
            alert.news = _watch(session, alert, condition)
        alert.condition = condition
    elif parser.accept("MODIFY", "ACTION"):
        alert.action = parser.rest()
    elif parser.accept("SET"):
        options = _known(parser.options())
        if "SCHEDULE" in options and alert.timer is None:
            told = "An alert on new data cannot be changed to an alert on a schedule"
            raise SqlError(f"SQL compilation error:\n{told}", 1420, "22023")
        alert.most_failures = int(options.get("SUSPEND_ALERT_AFTER_NUM_FAILURES", alert.most_failures))
        alert.schedule = str(options.get("SCHEDULE", alert.schedule))
        alert.warehouse = str(options.get("WAREHOUSE", alert.warehouse)).upper()
        alert.comment = str(options.get("COMMENT", alert.comment))
        alert.config = options.get("CONFIG", alert.config)
        if "SCHEDULE" in options:
            _set_schedule(session, alert)
    else:
        raise not_supported("this ALTER ALERT", "CREATE OR REPLACE the alert")
    parser.end()
    return status(DONE)


def _resume(session: Session, alert: Alert) -> None:
    if alert.timer is None:
        alert.news, alert.triggered = _watch(session, alert, alert.condition), None
    else:
        alert.timer.since = session.account.clock.now()
    alert.state, alert.failures = "started", 0


@command("DROP ALERT", proof=document("sql/drop-alert"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP ALERT [IF EXISTS]."""
    parser.expect("DROP", "ALERT")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("Alert").drop(name, if_exists=if_exists)
    return dropped(name.name, found=found is not None)


@command("EXECUTE ALERT", proof=document("sql/execute-alert"))
def execute(session: Session, parser: Parser) -> Result:
    """EXECUTE ALERT: one run now, also while suspended."""
    parser.expect("EXECUTE", "ALERT")
    alert: Alert = session.account.catalog.shelf("Alert").need(session.resolve(parser.parts()))
    parser.end()
    if not alert.schedule:
        raise SqlError(f"Cannot execute alert {alert.name.name}: it has no schedule", 91098, "0A000")
    _execute(session, alert, session.account.clock.now(), "EXECUTE ALERT")
    return status(DONE)


@contextmanager
def _at(session: Session, alert: Alert) -> Iterator[None]:
    """Stand where the alert was made."""
    where = (session.engine.database, session.engine.schema)
    if alert.database:
        session.engine.use(alert.database, alert.schema)
    try:
        yield
    finally:
        if where[0]:
            session.engine.use(where[0], where[1])


def _watch(session: Session, alert: Alert, condition: str) -> Stream:
    with _at(session, alert):
        return watch(session, alert.name, condition)


def _execute(session: Session, alert: Alert, at: dt.datetime, source: str) -> None:
    """Run an alert once."""
    clock = session.account.clock
    run = Run("CONDITION_FALSE", at, at, condition_id=str(uuid.uuid4()), source=source)
    with _at(session, alert):
        session.account.running.append((alert, run))
        try:
            _run(session, alert, run)
        finally:
            session.account.running.pop()
            run.completed = clock.now()
            if (source, run.state) != ("TRIGGER", "CONDITION_FALSE"):  # the history has no such runs
                alert.runs.append(run)
    alert.failures = alert.failures + 1 if run.error is not None else 0
    if alert.most_failures and alert.failures >= alert.most_failures:
        alert.state = "suspended"


def _when_due(account: Account, alert: Alert, source: str, at: dt.datetime) -> None:
    if alert.timer is not None:
        alert.timer.since = at
    alert.triggered = at
    role = account.rights.owner(("ALERT",), str(alert.name))
    with account.system_session(alert.database, alert.schema, warehouse=alert.warehouse, role=role) as session:
        _execute(session, alert, at, source)


def _coming(account: Account) -> Iterator[Due]:
    for alert in account.catalog.shelf("Alert"):
        if alert.state != "started":
            continue
        if alert.timer is not None and (at := alert.timer.due()) is not None:
            yield Due(at, 3, "ALERT", alert.name, partial(_when_due, account, alert, "SCHEDULE"))
        elif alert.news is not None and (alert.news.log or alert.news.stale):
            at = account.clock.now()
            if alert.triggered is not None:
                at = max(at, alert.triggered + APART)
            yield Due(at, 3, "ALERT", alert.name, partial(_when_due, account, alert, "TRIGGER"))


COMING.append(_coming)
TIMERS.append(lambda account: (a.timer for a in account.catalog.shelf("Alert") if a.timer is not None))


def _run(session: Session, alert: Alert, run: Run) -> None:
    state = "CONDITION_FAILED"
    try:
        with nullcontext() if alert.news is None else only_new(session, alert.news):
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
    finally:
        if alert.news is not None and alert.news.stale:
            alert.news = None


_SHOWN = {"created_on": "timestamp_ltz"} | dict.fromkeys(
    ("name", "database_name", "schema_name", "owner", "comment", "warehouse", "schedule", "state", "condition", "action",
     "owner_role_type", "config"), "text",
)  # fmt: skip


def _row(a: Alert) -> tuple[Any, ...]:
    return (a.created_on, a.name.name, a.name.database, a.name.schema, OWNER, a.comment, a.warehouse, a.schedule,
        a.state, a.condition,
            a.action, "ROLE", a.config)  # fmt: skip


@command("SHOW ALERTS", reads=True, proof=document("sql/show-alerts"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW ALERTS."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "ALERTS")
    found = filters(session, parser)
    return found.shown(_SHOWN, [_row(a) for a in session.account.catalog.shelf("Alert") if found.holds(a.name)])


@command("DESCRIBE ALERT", "DESC ALERT", reads=True, proof=document("sql/desc-alert"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE ALERT."""
    parser.at = 2
    return of_rows(_SHOWN, [_row(session.account.catalog.shelf("Alert").need(session.resolve(parser.parts())))])


@table_function("ALERT_HISTORY", proof=document("functions/alert_history"))
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
             run.action_id, run.state, run.error_code, run.error, run.scheduled, run.completed, run.source)
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


@scalar("SCHEDULED_TIME", proof=document("functions/scheduled_time"))
def scheduled_time(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.SCHEDULED_TIME(), inside a running alert."""
    return value_of(_running(rewriter)[1].scheduled)


@scalar("LAST_SUCCESSFUL_SCHEDULED_TIME", proof=document("functions/last_successful_scheduled_time"))
def last_successful(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.LAST_SUCCESSFUL_SCHEDULED_TIME(): before the first success, the creation of the alert."""
    alert, _ = _running(rewriter)
    good = [r.scheduled for r in alert.runs if r.state in ("TRIGGERED", "CONDITION_FALSE")]
    return value_of(good[-1] if good else alert.created_on)


@scalar("GET_CONDITION_QUERY_UUID", proof=document("functions/get_condition_query_uuid"))
def condition_query(rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SNOWFLAKE.ALERT.GET_CONDITION_QUERY_UUID(), inside an action."""
    return value_of(_running(rewriter)[1].condition_id)


def _running(rewriter: Rewriter) -> tuple[Alert, Run]:
    if not rewriter.session.account.running:
        raise SqlError("This function can only be called inside an alert", 90241, "0A000")
    found: tuple[Alert, Run] = rewriter.session.account.running[-1]
    return found
