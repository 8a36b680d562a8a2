"""Tasks and task graphs: their DDL and the rules that Snowflake documents for it."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churnobs.testing.catalog import Object, Shelf
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.schedules import Timer, read_schedule
from churnobs.testing.script_parser import is_block, parse_block
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped
from churnobs.testing.warehouses import DONE, need_warehouse

if TYPE_CHECKING:
    from churnobs.testing.account import Account

_OPTIONS = frozenset(
    {"WAREHOUSE", "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE", "SCHEDULE", "CONFIG", "ALLOW_OVERLAPPING_EXECUTION",
     "USER_TASK_TIMEOUT_MS", "SUSPEND_TASK_AFTER_NUM_FAILURES", "ERROR_INTEGRATION", "SUCCESS_INTEGRATION", "COMMENT",
     "FINALIZE", "TASK_AUTO_RETRY_ATTEMPTS", "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS",
     "SERVERLESS_TASK_MIN_STATEMENT_SIZE", "SERVERLESS_TASK_MAX_STATEMENT_SIZE"}
)  # fmt: skip
_IN_WHEN = ("SYSTEM$STREAM_HAS_DATA", "SYSTEM$GET_PREDECESSOR_RETURN_VALUE", "SYSTEM$GET_TASK_GRAPH_CONFIG")
_BESIDE = {"AND", "OR", "NOT", "IN", "CAST", "TRY_CAST", "TO_BOOLEAN", "TO_NUMBER", "TO_VARCHAR", "NVL", "COALESCE"}
_BODY = ("AS", "AFTER", "WHEN", "EXECUTE", "WITH", "TAG", "CLONE")


@dataclass(slots=True, kw_only=True)
class Task(Object):
    """A task; suspended when created."""

    definition: str
    predecessors: list[Name] = field(default_factory=list)
    condition: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    timer: Timer | None = None
    finalizes: Name | None = None
    state: str = "suspended"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    failures: int = 0
    version: int = 0
    is_changed: bool = True
    committed: dt.datetime | None = None
    suspended: dt.datetime | None = None
    suspended_why: str | None = None
    triggered: dt.datetime | None = None

    @property
    def is_root(self) -> bool:
        """Whether nothing comes before it."""
        return not self.predecessors and self.finalizes is None

    @property
    def waits_for_stream(self) -> bool:
        """Whether it is run by what a stream holds, and by no schedule."""
        return self.is_root and self.timer is None and "STREAM_HAS_DATA" in (self.condition or "").upper()

    def number(self, option: str, default: int) -> int:
        """The value of an option that is a number."""
        return int(self.options.get(option, default))


def tasks_of(account: Account) -> Shelf[Any]:
    """The tasks of an account."""
    return account.catalog.shelf("Task")


def children(account: Account, task: Task) -> list[Task]:
    """The tasks that come right after one."""
    return [other for other in tasks_of(account) if task.name in other.predecessors]


def finalizer(account: Account, root: Task) -> Task | None:
    """The task that ends the graph of a root."""
    return next((task for task in tasks_of(account) if task.finalizes == root.name), None)


def dependents(account: Account, task: Task) -> list[Task]:
    """The tasks after one, each after those that it waits for."""
    below: dict[Name, Task] = {}
    reached = [task]
    while reached:
        for child in children(account, reached.pop()):
            if child.name not in below:
                below[child.name] = child
                reached.append(child)
    ordered: list[Task] = []
    while below:
        ready = sorted((t for t in below.values() if not any(p in below for p in t.predecessors)), key=lambda t: t.name)
        ordered += [below.pop(one.name) for one in ready]
    return ordered


def root_of(account: Account, task: Task) -> Task:
    """The root of a task's graph."""
    shelf = tasks_of(account)
    while not task.is_root:
        above = shelf.get(task.finalizes if task.finalizes is not None else task.predecessors[0])
        if above is None:
            return task
        task = above
    return task


def _change(session: Session, task: Task) -> Task:
    """The root of a graph that is about to be changed; it must be suspended."""
    root = root_of(session.account, task)
    if root.state != "suspended":
        raise SqlError(
            f"Unable to update graph with root task {root.name} since that root task is not suspended.", 91083, "55000"
        )
    root.is_changed = True
    return root


@command("CREATE ALTER TASK", proof=document("sql/create-task"))
def create_or_alter(session: Session, parser: Parser) -> Result:
    """CREATE OR ALTER TASK: a task that is there takes the new definition, and stays what it is otherwise."""
    parser.expect("CREATE", "OR", "ALTER")
    del parser.tokens[1:3]
    parser.at = 0
    return _create(session, parser, alters=True)


@command("CREATE TASK", proof=document("sql/create-task"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE TASK: options in any order, then AS and the body, which is run and not checked now."""
    return _create(session, parser)


def _create(session: Session, parser: Parser, *, alters: bool = False) -> Result:
    head = creation(session, parser, "TASK")
    task = Task(name=head.name, definition="")
    tags: dict[Name, str] = {}
    given: dict[str, Any] = {}
    while not parser.accept("AS"):
        if parser.accept("AFTER"):
            task.predecessors += _names(session, parser)
        elif parser.accept("WHEN"):
            task.condition = _condition(parser)
        elif parser.accept("WITH", "TAG") or parser.accept("TAG"):
            tags |= _tags(session, parser)
        elif parser.accept("CLONE") or parser.accept("EXECUTE", "AS"):
            raise not_supported(
                "CREATE TASK ... CLONE or EXECUTE AS USER", "create the task anew; it runs as its owner"
            )
        elif found := parser.options(until=_BODY):
            given |= found
        else:
            raise parser.wrong()
    _define(task, parser.rest())
    shelf = tasks_of(session.account)
    old: Task | None = shelf.get(head.name)
    if old is not None and not head.replace and not alters:
        if head.if_not_exists:
            return created("Task", head.name.name, made=False)
        raise exists("Object", head.name)
    session.commit()
    if old is not None and (alters or not old.is_root):  # a root may be replaced while it runs: it is suspended then
        _change(session, old)
    _set(session, task, given)
    _link(session, task, task.predecessors)
    shelf.add(task, replace=True)
    if old is not None and alters:
        task.id, task.state, task.created_on, task.version = old.id, old.state, old.created_on, old.version
    for tag, value in tags.items():
        session.account.set_tag("TASK", task.name, tag, value)
    return created("Task", head.name.name)


def _names(session: Session, parser: Parser) -> list[Name]:
    found = [session.resolve(parser.parts())]
    while parser.accept(","):
        found.append(session.resolve(parser.parts()))
    return found


def _tags(session: Session, parser: Parser) -> dict[Name, str]:
    found = {}
    parser.expect("(")
    while not parser.accept(")"):
        tag = session.resolve(parser.parts())
        parser.expect("=")
        found[tag] = parser.string()
        parser.accept(",")
    return found


def _define(task: Task, body: str) -> None:
    if is_block(body):
        parse_block(body)
    if not body:
        raise SqlError("SQL compilation error:\nsyntax error: a task needs a body after AS.", 1003, "42000")
    task.definition = body


def _condition(parser: Parser) -> str:
    """The text of WHEN, which may ask streams, predecessors and the configuration, and nothing else."""
    start, depth = parser.at, 0
    while (token := parser.peek()) is not None and not (depth == 0 and token.upper == "AS"):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        parser.at += 1
    held = parser.tokens[start : parser.at]
    calls = {t.upper for t, after in itertools.pairwise(held) if t.kind == "word" and after.text == "("}
    if not calls & set(_IN_WHEN) or calls - set(_IN_WHEN) - _BESIDE or any(t.upper == "SELECT" for t in held):
        raise SqlError(
            "SQL compilation error:\nInvalid expression for task condition expression. Expecting one of the following: "
            f"[{','.join(_IN_WHEN)}]", 1003, "42000",
        )  # fmt: skip
    return parser.text[held[0].start : held[-1].end]


def _set(session: Session, task: Task, given: dict[str, Any]) -> None:  # one branch an option
    from churnobs.testing.environment import PARAMETERS

    for key, value in given.items():
        if key in PARAMETERS:
            task.parameters[key] = value
            continue
        if key not in _OPTIONS:
            raise SqlError(f"SQL compilation error:\ninvalid property '{key}' for 'TASK'", 1420, "22023")
        if key == "WAREHOUSE":
            need_warehouse(session, fold(str(value)))
            task.options.pop("USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE", None)
        elif key == "CONFIG":
            _object(str(value))
        elif key == "FINALIZE":
            task.finalizes = _finalized(session, task, session.resolve(split_name(str(value))))
        elif key in ("ERROR_INTEGRATION", "SUCCESS_INTEGRATION"):
            session.account.catalog.shelf("Integration").need(Name("", "", fold(str(value))))
        elif key == "SCHEDULE":
            task.timer = Timer(read_schedule(str(value)), session.account.clock.now())
        elif key == "COMMENT":
            task.comment = str(value)
        task.options[key] = value
    if task.timer is not None and not task.is_root:
        raise SqlError(f"Task {task.name.name} cannot have both a schedule and predecessors.", 91086, "22023")


def _object(text: str) -> None:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SqlError("SQL compilation error:\nCONFIG of a task must be a JSON object.", 1008, "22023")


def _finalized(session: Session, task: Task, root_name: Name) -> Name:
    root: Task = tasks_of(session.account).need(root_name)
    held = finalizer(session.account, root)
    if not root.is_root or task.predecessors or children(session.account, task):
        raise SqlError(
            "A finalizer task belongs to a root task, and has neither predecessors nor children.", 91087, "22023"
        )
    if held is not None and held.name != task.name:
        raise SqlError(f"Task {root.name} has the finalizer {held.name} already.", 91088, "22023")
    _change(session, root)
    return root_name


def _link(session: Session, task: Task, names: list[Name]) -> None:
    """Check that tasks may come before one: they are there, in its schema, in one graph, and not after it."""
    account = session.account
    roots = set()
    for name in names:
        before: Task = tasks_of(account).need(name)
        if (name.database, name.schema) != (task.name.database, task.name.schema):
            raise SqlError("All tasks of a graph must be in one schema.", 91090, "22023")
        if before.finalizes is not None:
            raise SqlError(f"Task {name} is a finalizer and cannot have children.", 91087, "22023")
        if name == task.name or name in {t.name for t in dependents(account, task)}:
            raise SqlError(f"Task {name} cannot come before {task.name}: the graph would have a cycle.", 91091, "22023")
        roots.add(_change(session, before).name)
    if len(roots) > 1:
        raise SqlError(f"The predecessors of task {task.name} belong to graphs of several root tasks.", 91092, "22023")
    if names and (task.timer is not None or task.finalizes is not None):
        raise SqlError(f"Task {task.name.name} cannot have both a schedule and predecessors.", 91086, "22023")


@command("ALTER TASK", proof=document("sql/alter-task"))
def alter(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """ALTER TASK: RESUME, SUSPEND, SET, UNSET, ADD AFTER, REMOVE AFTER, MODIFY AS, MODIFY WHEN, REMOVE WHEN, tags."""
    parser.expect("ALTER", "TASK")
    if_exists = parser.accept("IF", "EXISTS")
    task: Task | None = tasks_of(session.account).get(name := session.resolve(parser.parts()))
    if task is None:
        if if_exists:
            return status(DONE)
        raise missing("Task", name)
    session.commit()
    if parser.accept("RESUME"):
        parser.end()
        resume(session, task)
        return status(DONE)
    if parser.accept("SUSPEND"):
        parser.end()
        if not task.is_root:
            _change(session, task)
        suspend(session.account, task, "USER_SUSPENDED")
        return status(DONE)
    if parser.accept("SET", "TAG"):
        for tag, value in _tag_pairs(session, parser):
            session.account.set_tag("TASK", name, tag, value)
        return status(DONE)
    if parser.accept("UNSET", "TAG"):
        for tag in _names(session, parser):
            session.account.set_tag("TASK", name, tag, None)
        return status(DONE)
    _change(session, task)
    if parser.accept("ADD", "AFTER"):
        added = _names(session, parser)
        _link(session, task, added)
        task.predecessors += [one for one in added if one not in task.predecessors]
    elif parser.accept("REMOVE", "AFTER"):
        gone = _names(session, parser)
        task.predecessors = [one for one in task.predecessors if one not in gone]
    elif parser.accept("MODIFY", "AS"):
        _define(task, parser.rest())
    elif parser.accept("MODIFY", "WHEN"):
        task.condition = _condition(parser)
    elif parser.accept("REMOVE", "WHEN"):
        task.condition = None
    elif parser.accept("UNSET"):
        while not parser.done():
            _unset(task, parser.part())
            parser.accept(",")
    else:
        parser.expect("SET")
        _set(session, task, parser.options())
    parser.end()
    return status(DONE)


def _tag_pairs(session: Session, parser: Parser) -> Iterator[tuple[Name, str]]:
    while not parser.done():
        tag = session.resolve(parser.parts())
        parser.expect("=")
        yield tag, parser.string()
        parser.accept(",")


def _unset(task: Task, key: str) -> None:
    if key not in _OPTIONS and key not in task.parameters:
        raise SqlError(f"SQL compilation error:\ninvalid property '{key}' for 'TASK'", 1420, "22023")
    task.options.pop(key, None)
    task.parameters.pop(key, None)
    if key == "SCHEDULE":
        task.timer = None
    elif key == "FINALIZE":
        task.finalizes = None
    elif key == "COMMENT":
        task.comment = ""


def resume(session: Session, task: Task) -> None:
    """Start a task; a child only while its root is suspended."""
    if not task.is_root:
        _change(session, task)
    moment = session.account.clock.now()
    task.state, task.failures, task.committed, task.triggered = "started", 0, moment, None
    if task.timer is not None:
        task.timer.since = moment


def suspend(account: Account, task: Task, why: str) -> None:
    """Stop a task's schedule."""
    task.state, task.suspended, task.suspended_why = "suspended", account.clock.now(), why


@command("DROP TASK", proof=document("sql/drop-task"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP TASK [IF EXISTS]: what came after it loses this predecessor."""
    parser.expect("DROP", "TASK")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    parser.end()
    task: Task | None = tasks_of(session.account).get(name)
    if task is not None and not task.is_root:
        _change(session, task)
    tasks_of(session.account).drop(name, if_exists=if_exists)
    for other in tasks_of(session.account):
        other.predecessors = [one for one in other.predecessors if one != name]
        if other.finalizes == name:
            other.finalizes = None
    session.account.catalog.tagged.pop(("TASK", str(name)), None)
    return dropped(name.name, found=task is not None)
