"""What is told of tasks: SHOW and DESCRIBE, their histories, and the functions that a running task may call."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from churnobs.testing.catalog import OWNER
from churnobs.testing.failures import SqlError
from churnobs.testing.grants import check_runs
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, scalar, table_function
from churnobs.testing.session import Session
from churnobs.testing.statements import command
from churnobs.testing.task_runs import GraphRun, Running, TaskRun
from churnobs.testing.tasks import Task, children, dependents, finalizer, resume, tasks_of
from churnobs.testing.trees import Tree, value_of

_SHOWN = {"created_on": "timestamp_ltz"} | dict.fromkeys(
    ("name", "id", "database_name", "schema_name", "owner", "comment", "warehouse", "schedule", "predecessors", "state",
     "definition", "condition", "allow_overlapping_execution", "error_integration"), "text",
) | {"last_committed_on": "timestamp_ltz", "last_suspended_on": "timestamp_ltz"} | dict.fromkeys(
    ("owner_role_type", "config", "budget", "task_relations", "last_suspended_reason", "success_integration",
     "scheduling_mode", "target_completion_interval", "execute_as_user"), "text",
)  # fmt: skip
_TIMES = ("SCHEDULED_TIME", "QUERY_START_TIME", "NEXT_SCHEDULED_TIME", "COMPLETED_TIME")


def _row(session: Session, t: Task) -> tuple[Any, ...]:
    given, account = t.options, session.account
    before = [str(name) for name in t.predecessors]
    relations: dict[str, Any] = {"Predecessors": before}
    if (end := finalizer(account, t)) is not None:
        relations["FinalizerTask"] = str(end.name)
    if t.finalizes is not None:
        relations["FinalizedRootTask"] = str(t.finalizes)
    integration = given.get("ERROR_INTEGRATION")
    return (
        t.created_on, t.name.name, t.id, t.name.database, t.name.schema, OWNER, t.comment,
        fold(str(given["WAREHOUSE"])) if given.get("WAREHOUSE") else None, given.get("SCHEDULE"), json.dumps(before), t.state,
        t.definition, t.condition, str(given.get("ALLOW_OVERLAPPING_EXECUTION", False)).lower(),
        fold(str(integration)) if integration else "null", t.committed, t.suspended, "ROLE", given.get("CONFIG"), None,
        json.dumps(relations), t.suspended_why, given.get("SUCCESS_INTEGRATION", "null"), None, None, None,
    )  # fmt: skip


@command("SHOW TASKS", "SHOW TERSE TASKS", reads=True, proof=document("sql/show-tasks"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW TASKS [LIKE] [IN] [STARTS WITH] [ROOT ONLY] [LIMIT]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("TASKS")
    pairs = [(one.upper, two.upper) for one, two in zip(parser.tokens, parser.tokens[1:], strict=False)]
    roots_only = ("ROOT", "ONLY") in pairs
    if roots_only:
        at = pairs.index(("ROOT", "ONLY"))
        del parser.tokens[at : at + 2]
    found = filters(session, parser)
    rows = [
        _row(session, task)
        for task in tasks_of(session.account)
        if found.holds(task.name) and (not roots_only or task.is_root)
    ]
    return found.shown(_SHOWN, rows)


@command("DESCRIBE TASK", "DESC TASK", reads=True, proof=document("sql/desc-task"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE TASK: one row like that of SHOW TASKS."""
    parser.at = 2
    return of_rows(_SHOWN, [_row(session, tasks_of(session.account).need(session.resolve(parser.parts())))])


@table_function("TASK_DEPENDENTS", proof=document("functions/task_dependents"))
def task_dependents(rewriter: Rewriter, args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.TASK_DEPENDENTS(TASK_NAME => ..., RECURSIVE => ...): a task and those after it."""
    rewriter.dynamic = True
    session = rewriter.session
    given = [rewriter.evaluate(named.get(key, args[at] if at < len(args) else value_of(True)))  # noqa: FBT003
             for at, key in enumerate(("TASK_NAME", "RECURSIVE"))]  # fmt: skip
    task: Task = tasks_of(session.account).need(session.resolve(split_name(str(given[0]))))
    below = dependents(session.account, task) if given[1] else children(session.account, task)
    if (end := finalizer(session.account, task)) is not None:
        below.append(end)
    columns = {name.upper(): kind for name, kind in _SHOWN.items()}
    return of_rows(columns, [_row(session, one) for one in (task, *below)])


@table_function("TASK_HISTORY", proof=document("functions/task_history"))
def task_history(rewriter: Rewriter, _args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.TASK_HISTORY: the runs of tasks, the newest first, and the next run of those on a schedule."""
    rewriter.dynamic = True
    given = {key: rewriter.evaluate(value) for key, value in named.items()}
    account = rewriter.session.account
    rows: list[tuple[Any, ...]] = []
    graphs: list[GraphRun] = account.graphs
    for graph in graphs:
        rows += [
            _run_row(graph, run)
            for run in graph.runs
            if given.get("ERROR_ONLY") is not True or run.state in ("FAILED", "CANCELLED")
        ]
    for task in tasks_of(account):
        if task.state == "started" and task.is_root and task.timer is not None and given.get("ERROR_ONLY") is not True:
            coming = GraphRun(
                root=task, version=task.version, scheduled=task.timer.due() or account.clock.now(), source="SCHEDULE",
                config=task.options.get("CONFIG"),
            )  # fmt: skip
            rows.append(_run_row(coming, TaskRun(task=task, state="SCHEDULED", started=coming.scheduled)))
    if given.get("TASK_NAME"):
        wanted = split_name(str(given["TASK_NAME"]))[-1]
        rows = [row for row in rows if row[1] == wanted]
    if given.get("ROOT_TASK_ID"):
        rows = [row for row in rows if row[14] == given["ROOT_TASK_ID"]]
    start, end = (given.get(f"SCHEDULED_TIME_RANGE_{edge}") for edge in ("START", "END"))
    rows = [
        row for row in rows if (start is None or row[9] >= _zoned(start)) and (end is None or row[9] <= _zoned(end))
    ]
    rows.reverse()
    rows.sort(key=lambda row: row[9], reverse=True)
    texts = ("QUERY_ID", "NAME", "DATABASE_NAME", "SCHEMA_NAME", "QUERY_TEXT", "CONDITION_TEXT", "STATE", "ERROR_CODE",
             "ERROR_MESSAGE")  # fmt: skip
    columns = dict.fromkeys(texts, "text") | dict.fromkeys(_TIMES, "timestamp_ltz") | {"RUN_ID": "fixed"}
    columns |= {"ROOT_TASK_ID": "text", "GRAPH_VERSION": "fixed", "RETURN_VALUE": "text", "SCHEDULED_FROM": "text"}
    columns |= {"ATTEMPT_NUMBER": "fixed", "CONFIG": "text", "GRAPH_RUN_GROUP_ID": "text"}
    return of_rows(columns, rows[: int(given.get("RESULT_LIMIT", 100))])


def _run_row(graph: GraphRun, run: TaskRun) -> tuple[Any, ...]:
    name, is_coming = run.task.name, run.state == "SCHEDULED"
    started = None if is_coming or run.state == "SKIPPED" else run.started
    return (
        None if is_coming else run.query_id, name.name, name.database, name.schema, run.task.definition, run.task.condition,
        run.state, run.error_code, run.error, graph.scheduled, started, _next(graph), run.completed, graph.run_id,
        graph.root.id, graph.version, run.value, graph.source, graph.attempt, graph.config, graph.group,
    )  # fmt: skip


def _next(graph: GraphRun) -> dt.datetime | None:
    timer = graph.root.timer
    return None if timer is None else timer.schedule.after(graph.scheduled)


@table_function("COMPLETE_TASK_GRAPHS", proof=document("functions/complete_task_graphs"))
def task_graphs(rewriter: Rewriter, _args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS: the runs of graphs that ended, the newest first."""
    rewriter.dynamic = True
    given = {key: rewriter.evaluate(value) for key, value in named.items()}
    return graph_rows(list(_graphs(rewriter.session, given, ("SUCCEEDED", "FAILED", "CANCELLED"))), given)


def graph_rows(graphs: list[GraphRun], given: dict[str, Any]) -> Result:
    """Runs of graphs as the two table functions tell them."""
    rows = []
    for graph in reversed(graphs):
        bad = next((run for run in graph.runs if run.state == "FAILED"), None)
        name = graph.root.name
        started = graph.runs[0].started if graph.runs else None
        rows.append((
            name.name, name.database, name.schema, graph.state, graph.source, bad and bad.task.name.name,
            bad and int(bad.error_code or 0),
            bad and bad.error, graph.scheduled, started, _next(graph), graph.completed, graph.root.id, graph.version,
            graph.run_id, graph.attempt, graph.config, graph.group,
        ))  # fmt: skip
    texts = ("ROOT_TASK_NAME", "DATABASE_NAME", "SCHEMA_NAME", "STATE", "SCHEDULED_FROM", "FIRST_ERROR_TASK_NAME")  # fmt: skip
    columns = dict.fromkeys(texts, "text") | {"FIRST_ERROR_CODE": "fixed", "FIRST_ERROR_MESSAGE": "text"}
    columns |= dict.fromkeys(_TIMES, "timestamp_ltz") | {"ROOT_TASK_ID": "text"}
    columns |= dict.fromkeys(("GRAPH_VERSION", "RUN_ID", "ATTEMPT_NUMBER"), "fixed")
    columns |= dict.fromkeys(("CONFIG", "GRAPH_RUN_GROUP_ID"), "text")
    return of_rows(columns, rows[: int(given.get("RESULT_LIMIT", 1000))])


def _graphs(session: Session, given: dict[str, Any], states: tuple[str, ...]) -> Iterator[GraphRun]:
    wanted = split_name(str(given["ROOT_TASK_NAME"]))[-1] if given.get("ROOT_TASK_NAME") else None
    for graph in session.account.graphs:
        shown = given.get("ERROR_ONLY") is not True or graph.state == "FAILED"
        if shown and graph.state in states and wanted in (None, graph.root.name.name):
            yield graph


@table_function("CURRENT_TASK_GRAPHS", proof=document("functions/current_task_graphs"))
def current_task_graphs(rewriter: Rewriter, _args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.CURRENT_TASK_GRAPHS: what runs now, and the next run of each graph on a schedule."""
    rewriter.dynamic = True
    given = {key: rewriter.evaluate(value) for key, value in named.items()}
    account = rewriter.session.account
    coming = [
        GraphRun(root=task, version=task.version, scheduled=at, source="SCHEDULE", config=task.options.get("CONFIG"),
                 state="SCHEDULED")
        for task in tasks_of(account)
        if task.state == "started" and task.is_root and task.timer is not None and (at := task.timer.due()) is not None
    ]  # fmt: skip
    wanted = split_name(str(given["ROOT_TASK_NAME"]))[-1] if given.get("ROOT_TASK_NAME") else None
    named_so = [graph for graph in coming if wanted in (None, graph.root.name.name)]
    return graph_rows([*_graphs(rewriter.session, given, ("EXECUTING",)), *named_so], given)


def _zoned(moment: Any) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    made: dt.datetime = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return made


def _running(rewriter: Rewriter, function: str) -> Running:
    found: Running | None = rewriter.session.shared.task
    if found is None:
        raise SqlError(f"Function {function} can only be called within a running task.", 90245, "0A000")
    return found


@scalar("SYSTEM$SET_RETURN_VALUE", proof=document("functions/system_set_return_value"))
def set_return_value(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree | None:
    """SYSTEM$SET_RETURN_VALUE(text): what a task leaves for those after it."""
    running = _running(rewriter, "SYSTEM$SET_RETURN_VALUE")
    if not rewriter.describe_only:
        value = rewriter.evaluate(args[0])
        running.run.value = None if value is None else str(value)
    return value_of("Return value set.")


@scalar("SYSTEM$GET_PREDECESSOR_RETURN_VALUE", proof=document("functions/system_get_predecessor_return_value"))
def predecessor_value(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$GET_PREDECESSOR_RETURN_VALUE([task]): of any task before it that is named; without a name there must be one."""
    running = _running(rewriter, "SYSTEM$GET_PREDECESSOR_RETURN_VALUE")
    task = running.run.task
    before = task.predecessors or ([task.finalizes] if task.finalizes is not None else [])
    if args:
        wanted = split_name(str(rewriter.evaluate(args[0])))[-1]
        before = [name for name in _all_before(rewriter.session, before) if name.name == wanted]
        if not before:
            told = f"The predecessor {wanted} specified in call to system$get_predecessor_return_value() is not a valid or active"
            raise SqlError(f"{told} predecessor for this task.", 91451, "42601")
    elif len(before) > 1:  # those that are suspended need not be told apart
        shelf = tasks_of(rewriter.session.account)
        before = [name for name in before if (one := shelf.get(name)) is not None and one.state == "started"]
    if len(before) != 1:
        raise SqlError(f"Task {task.name} has {len(before)} predecessors: name the one that is meant.", 90246, "22023")
    found = running.graph.last(before[0])
    return value_of(None if found is None else found.value)


def _all_before(session: Session, names: list[Name]) -> list[Name]:
    """The tasks of these names and those before them."""
    shelf, found = tasks_of(session.account), list(names)
    for name in found:
        if (one := shelf.get(name)) is not None:
            found += [other for other in one.predecessors if other not in found]
    return found


@scalar("SYSTEM$CURRENT_USER_TASK_NAME", proof=document("functions/system_current_user_task_name"))
def current_task(rewriter: Rewriter, _args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$CURRENT_USER_TASK_NAME(): the full name of the running task; NULL outside of one."""
    found: Running | None = rewriter.session.shared.task
    return value_of(None if found is None else str(found.run.task.name))


@scalar("SYSTEM$GET_TASK_GRAPH_CONFIG", proof=document("functions/system_get_task_graph_config"))
def graph_config(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$GET_TASK_GRAPH_CONFIG([path]): the configuration of the graph's root, or the value at a path in it."""
    running = _running(rewriter, "SYSTEM$GET_TASK_GRAPH_CONFIG")
    if running.graph.config is None:
        return value_of(None)
    found: Any = json.loads(running.graph.config)
    for step in split_name(str(rewriter.evaluate(args[0])).replace('["', '."').replace('"]', '"')) if args else ():
        held = found if isinstance(found, dict) else {}
        found = next((value for key, value in held.items() if step in (key, key.upper())), None)
    return value_of(found if found is None or isinstance(found, str) else json.dumps(found))


@scalar("SYSTEM$TASK_RUNTIME_INFO", proof=document("functions/system_task_runtime_info"))
def runtime_info(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$TASK_RUNTIME_INFO(what): facts of the running graph."""
    running = _running(rewriter, "SYSTEM$TASK_RUNTIME_INFO")
    graph, what = running.graph, str(rewriter.evaluate(args[0])).upper()
    earlier: list[GraphRun] = rewriter.session.account.graphs
    good = [g for g in earlier if g.root.name == graph.root.name and g.state == "SUCCEEDED" and g is not graph]
    last = good[-1] if good else None
    facts: dict[str, Any] = {
        "CURRENT_ROOT_TASK_NAME": str(graph.root.name), "CURRENT_ROOT_TASK_UUID": graph.root.id,
        "CURRENT_TASK_NAME": str(running.run.task.name),
        "CURRENT_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": _stamp(graph.scheduled),
        "CURRENT_TASK_GRAPH_RUN_GROUP_ID": graph.group,
        "LAST_SUCCESSFUL_TASK_GRAPH_RUN_GROUP_ID": last and last.group,
        "LAST_SUCCESSFUL_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": last and _stamp(last.scheduled),
    }  # fmt: skip
    if what not in facts:
        raise SqlError(f"Invalid argument '{what}' of SYSTEM$TASK_RUNTIME_INFO.", 1008, "22023")
    return value_of(facts[what])


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@scalar("SYSTEM$TASK_DEPENDENTS_ENABLE", proof=document("functions/system_task_dependents_enable"))
def enable(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$TASK_DEPENDENTS_ENABLE(task): resume a task and all after it."""
    session = rewriter.session
    task: Task = tasks_of(session.account).need(session.resolve(split_name(str(rewriter.evaluate(args[0])))))
    if not rewriter.describe_only:
        check_runs(session, "TASK")
        below = dependents(session.account, task)
        end = finalizer(session.account, task)
        for one in (*below, *([end] if end is not None else []), task):
            if one.state != "started":
                resume(session, one)
    return value_of("true")
