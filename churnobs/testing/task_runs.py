"""Running tasks: a graph from its root to its finalizer, at once, in the order of its edges."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from churnobs.testing import queries
from churnobs.testing.account import Notification
from churnobs.testing.clock import COMING, TIMERS, Due
from churnobs.testing.environment import set_parameter
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.session import Session
from churnobs.testing.statements import command, execute
from churnobs.testing.tasks import Task, dependents, finalizer, suspend, tasks_of

if TYPE_CHECKING:
    from churnobs.testing.account import Account


@dataclass(slots=True, kw_only=True)
class TaskRun:
    """One run of a task."""

    task: Task
    state: str
    started: dt.datetime
    completed: dt.datetime | None = None
    query_id: str | None = None
    error_code: str | None = None
    error: str | None = None
    value: str | None = None


@dataclass(slots=True, kw_only=True)
class GraphRun:
    """One attempt to run a graph: the same group for the attempts of one run."""

    root: Task
    version: int
    scheduled: dt.datetime
    source: str
    config: str | None
    group: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempt: int = 1
    state: str = "EXECUTING"
    completed: dt.datetime | None = None
    runs: list[TaskRun] = field(default_factory=list)
    kept: dict[Name, TaskRun] = field(default_factory=dict)

    @property
    def run_id(self) -> int:
        """The moment the run was scheduled for, in milliseconds."""
        return int(self.scheduled.timestamp() * 1000)

    def last(self, name: Name) -> TaskRun | None:
        """The run of a task in this attempt, or the good one of an attempt before."""
        return next((run for run in self.runs if run.task.name == name), self.kept.get(name))


@dataclass(frozen=True, slots=True)
class Running:
    """The task that a session runs."""

    graph: GraphRun
    run: TaskRun


def run_graph(
    account: Account, root: Task, at: dt.datetime, source: str, *, config: str | None = None, before: GraphRun | None = None
) -> None:  # fmt: skip
    """Run a graph, and again what failed as often as TASK_AUTO_RETRY_ATTEMPTS says."""
    if root.is_changed:
        root.version, root.is_changed = root.version + 1, False
    graph = GraphRun(
        root=root, version=root.version, scheduled=at, source=source,
        config=config if config is not None else root.options.get("CONFIG"),
    )  # fmt: skip
    if before is not None:
        graph = _again(before)
    _attempt(account, graph)
    retries = root.number("TASK_AUTO_RETRY_ATTEMPTS", 0)
    while graph.state == "FAILED" and graph.attempt <= retries:
        graph = _again(graph)
        _attempt(account, graph)
    if graph.state == "SKIPPED":
        return
    end = finalizer(account, root)
    if end is not None and end.state == "started":
        _run(account, graph, end)
        _close(account, graph)
    root.failures = root.failures + 1 if graph.state == "FAILED" else 0
    most = root.number("SUSPEND_TASK_AFTER_NUM_FAILURES", 10)
    if most and root.failures >= most and root.state == "started":
        suspend(account, root, "SUSPENDED_DUE_TO_ERRORS")


def _again(before: GraphRun) -> GraphRun:
    good = {run.task.name: run for run in before.runs if run.state == "SUCCEEDED"}
    return GraphRun(
        root=before.root, version=before.version, scheduled=before.scheduled, source=before.source, config=before.config,
        group=before.group, attempt=before.attempt + 1, kept={**before.kept, **good},
    )  # fmt: skip


def _attempt(account: Account, graph: GraphRun) -> None:
    """Run the root and what comes after it, without what an attempt before has done."""
    account.graphs.append(graph)
    states: dict[Name, str] = {}
    for task in (graph.root, *dependents(account, graph.root)):
        if task is not graph.root:
            if task.state != "started":
                continue  # a suspended child is left out, as though the graph had not got it
            before = [states[name] for name in task.predecessors if name in states]
            if not before:
                continue
            if any(state != "SUCCEEDED" for state in before):
                states[task.name] = "SKIPPED"
                moment = account.clock.now()
                graph.runs.append(TaskRun(task=task, state="SKIPPED", started=moment, completed=moment))
                continue
        states[task.name] = "SUCCEEDED" if task.name in graph.kept else _run(account, graph, task).state
        if task is graph.root and states[task.name] == "SKIPPED":
            graph.state, graph.completed = "SKIPPED", account.clock.now()
            return
    _close(account, graph)


def _close(account: Account, graph: GraphRun) -> None:
    graph.state = "FAILED" if any(run.state == "FAILED" for run in graph.runs) else "SUCCEEDED"
    graph.completed = account.clock.now()


def _run(account: Account, graph: GraphRun, task: Task) -> TaskRun:
    """Run one task in a session of its own, as its owner in its schema."""
    run = TaskRun(task=task, state="EXECUTING", started=account.clock.now(), query_id=str(uuid.uuid4()))
    graph.runs.append(run)
    warehouse = task.options.get("WAREHOUSE")
    home, wanted = task.name, fold(str(warehouse)) if warehouse else None
    role = account.rights.owner(("TASK",), str(home))
    with account.system_session(home.database, home.schema, warehouse=wanted, role=role) as session:
        session.shared.task = Running(graph, run)
        try:
            for name, value in task.parameters.items():
                set_parameter(session, name, value)
            if task.condition is not None and not _holds(session, task.condition):
                run.state, run.error_code = "SKIPPED", "0040003"
                run.error = "Conditional expression for task evaluated to false."
            else:
                run.query_id, _ = execute(session, task.definition)
                run.state = "SUCCEEDED"
        except SqlError as error:
            run.state, run.error_code, run.error = "FAILED", f"{error.errno:06d}", error.message
    run.completed = account.clock.now()
    if run.state == "FAILED" or (run.state == "SUCCEEDED" and task is graph.root):
        _tell(account, graph, run)
    return run


def _holds(session: Session, condition: str) -> bool:
    with session.lock:
        return queries.run(session, f"SELECT ({condition}) AS V", (), describe_only=False).rows[0][0] is True


def _tell(account: Account, graph: GraphRun, run: TaskRun) -> None:
    """Send what ERROR_INTEGRATION and SUCCESS_INTEGRATION ask for; the root's hold for its graph."""
    kind = "ERROR_INTEGRATION" if run.state == "FAILED" else "SUCCESS_INTEGRATION"
    integration = run.task.options.get(kind) or graph.root.options.get(kind)
    if integration is None:
        return
    told: dict[str, Any] = {
        "version": "1.0", "messageId": str(uuid.uuid4()), "messageType": f"USER_TASK_{run.state}",
        "timestamp": account.clock.now().isoformat(), "accountName": "OFFLINE", "taskName": str(run.task.name),
        "taskId": run.task.id, "rootTaskName": str(graph.root.name), "rootTaskId": graph.root.id,
        "messages": [{
            "runId": graph.run_id, "scheduledTime": graph.scheduled.isoformat(), "queryStartTime": run.started.isoformat(),
            "completedTime": run.completed and run.completed.isoformat(), "queryId": run.query_id,
            "errorCode": run.error_code, "errorMessage": run.error,
        }],
    }  # fmt: skip
    name = fold(str(integration))
    held: Any = account.catalog.shelf("Integration").get(Name("", "", name))
    account.notifications.append(
        Notification(
            held.kind if held else "QUEUE", name, (), told["messageType"], json.dumps(told), "application/json"
        )
    )


@command("EXECUTE TASK", proof=document("sql/execute-task"))
def execute_task(session: Session, parser: Parser) -> Result:
    """EXECUTE TASK [RETRY LAST | USING CONFIG = ...]: one run of a graph now, also while its root is suspended."""
    parser.expect("EXECUTE", "TASK")
    account = session.account
    root: Task = tasks_of(account).need(session.resolve(parser.parts()))
    is_retry = parser.accept("RETRY", "LAST")
    config = None
    if parser.accept("USING", "CONFIG", "="):
        config = json.dumps({**json.loads(root.options.get("CONFIG") or "{}"), **json.loads(parser.string())})
    parser.end()
    if not root.is_root:
        raise SqlError(f"Cannot execute task {root.name}: it is no root task of a graph.", 91093, "22023")
    before = None
    if is_retry:
        before = next(
            (graph for graph in reversed(account.graphs) if graph.root is root and graph.state != "SKIPPED"), None
        )
        if before is None or before.state != "FAILED" or root.is_changed:
            raise SqlError(
                f"Cannot perform retry: no suitable run of graph with root task {root.name} to retry.", 91094, "22023"
            )
    run_graph(account, root, account.clock.now(), "EXECUTE TASK", config=config, before=before)
    return status(f"Task {root.name.name} is scheduled to run immediately.")


def _on_schedule(account: Account, root: Task, at: dt.datetime) -> None:
    assert root.timer is not None
    root.timer.since = at
    run_graph(account, root, at, "SCHEDULE")


def _on_trigger(account: Account, root: Task, at: dt.datetime) -> None:
    root.triggered = at
    run_graph(account, root, at, "TRIGGER")


def _coming(account: Account) -> Iterator[Due]:
    for task in tasks_of(account):
        if task.state != "started" or not task.is_root:
            continue
        if task.timer is not None and (at := task.timer.due()) is not None:
            yield Due(at, 2, "TASK", task.name, partial(_on_schedule, account, task))
        elif task.waits_for_stream and _is_triggered(account, task):
            at = account.clock.now()
            if task.triggered is not None:
                apart = task.number("USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS", 30)
                at = max(at, task.triggered + dt.timedelta(seconds=apart))
            yield Due(at, 2, "TASK", task.name, partial(_on_trigger, account, task))


def _is_triggered(account: Account, task: Task) -> bool:
    with account.system_session(task.name.database, task.name.schema) as session:
        try:
            return _holds(session, task.condition or "")
        except SqlError:
            return False


COMING.append(_coming)
TIMERS.append(lambda account: (task.timer for task in tasks_of(account) if task.timer is not None))
