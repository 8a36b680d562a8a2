"""The REST interface that snowflake.core talks to: each request becomes the SQL statement that it stands for; tasks here."""

from __future__ import annotations

import datetime as dt
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from churnobs.testing import rest_objects
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.names import fold, quote, quoted_if_needed, split_name
from churnobs.testing.proof import client_source
from churnobs.testing.results import Result
from churnobs.testing.session import Session
from churnobs.testing.statements import execute
from churnobs.testing.trees import value_of

Answer = Any
_PLACE = re.compile(
    r"/api/v2/databases/(?P<database>[^/]+)/schemas/(?P<schema>[^/]+)/tasks"
    r"(?:/(?P<name>[^/:]+)(?P<verb>[:/][\w-]+)?)?/?"
)
PROOF = client_source("core/task/_generated/api/task_api.py")
_TEXTS = {
    "comment": "COMMENT", "user_task_managed_initial_warehouse_size": "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE",
    "serverless_task_min_statement_size": "SERVERLESS_TASK_MIN_STATEMENT_SIZE",
    "serverless_task_max_statement_size": "SERVERLESS_TASK_MAX_STATEMENT_SIZE",
}  # fmt: skip
_PLAIN = {
    "task_auto_retry_attempts": "TASK_AUTO_RETRY_ATTEMPTS", "user_task_timeout_ms": "USER_TASK_TIMEOUT_MS",
    "suspend_task_after_num_failures": "SUSPEND_TASK_AFTER_NUM_FAILURES",
    "allow_overlapping_execution": "ALLOW_OVERLAPPING_EXECUTION", "error_integration": "ERROR_INTEGRATION",
    "success_integration": "SUCCESS_INTEGRATION", "warehouse": "WAREHOUSE",
}  # fmt: skip
_REFUSED = ("target_completion_interval", "overlap_policy", "execute_as_user")


@dataclass(frozen=True, slots=True)
class Request:
    """A request about the tasks of a schema, or about one of them."""

    session: Session
    schema: str
    name: str
    given: Mapping[str, str]
    body: Any

    @property
    def task(self) -> str:
        """The full name of the task."""
        return f"{self.schema}.{quote(self.name)}"

    def run(self, text: str) -> Result:
        """Run a statement in the session of the request."""
        return execute(self.session, text)[1]

    def status(self, text: str) -> dict[str, str]:
        """Run a statement and give its status."""
        return {"status": str(self.run(text).rows[0][0])}

    def says(self, key: str) -> bool:
        """Whether a parameter of the request is true."""
        return self.given.get(key, "").lower() == "true"


def answer(session: Session, method: str, path: str, given: Mapping[str, str], body: Any) -> tuple[int, Answer]:
    """Answer a request: the status of HTTP, and what the body says."""
    try:
        if (objects := rest_objects.read(session, method, path, given, body)) is not None:
            return 200, objects()
        found = _PLACE.fullmatch(path)
        route = None if found is None else ROUTES.get((method, found["name"] is not None, found["verb"] or ""))
        if found is None or route is None:
            raise not_supported(
                f"{method} {path}", "use SQL; docs/offline_account.md says what of snowflake.core is emulated"
            )
        database, schema = (quote(fold(urllib.parse.unquote(found[part]))) for part in ("database", "schema"))
        name = fold(urllib.parse.unquote(found["name"])) if found["name"] else ""
        return 200, route.run(Request(session, f"{database}.{schema}", name, given, body))
    except SqlError as error:
        code = {"02000": 404, "42S02": 404, "42710": 409, "42501": 403, "0A000": 501}.get(error.sqlstate, 400)
        number = f"{error.errno:06d}"
        return code, {"message": error.message, "code": number, "error_code": number, "request_id": ""}


def _text(value: str) -> str:
    return str(value_of(value).sql("snowflake"))


def _create(request: Request) -> Answer:
    mode = request.given.get("createMode", "errorIfExists").lower()
    head = "CREATE OR REPLACE TASK" if mode == "orreplace" else "CREATE TASK"
    absent = "IF NOT EXISTS " if mode == "ifnotexists" else ""
    return request.status(_definition(f"{head} {absent}{request.schema}.{request.body['name']}", request))


def _create_or_alter(request: Request) -> Answer:
    return request.status(_definition(f"CREATE OR ALTER TASK {request.task}", request))


def _definition(head: str, request: Request) -> str:
    """The statement that makes the task of a body."""
    body = {key: value for key, value in request.body.items() if value is not None}
    if refused := [key for key in _REFUSED if key in body]:
        raise not_supported(f"{refused[0]} of a task", "leave it out")
    parts = [head]
    parts += [f"{_TEXTS[key]} = {_text(str(value))}" for key, value in body.items() if key in _TEXTS]
    parts += [f"{_PLAIN[key]} = {value}" for key, value in body.items() if key in _PLAIN]
    if schedule := body.get("schedule"):
        parts.append(f"SCHEDULE = {_text(_schedule(schedule))}")
    if "config" in body:
        parts.append(f"CONFIG = {_text(json.dumps(body['config']))}")
    for key, value in (body.get("session_parameters") or {}).items():
        parts.append(f"{key} = {_text(value) if isinstance(value, str) else value}")
    if "finalize" in body:
        parts.append(f"FINALIZE = {_full(request, body['finalize'])}")
    if before := body.get("predecessors"):
        parts.append("AFTER " + ", ".join(_full(request, name) for name in before))
    if "condition" in body:
        parts.append(f"WHEN {body['condition']}")
    return "\n".join([*parts, f"AS {body['definition']}"])


def _full(request: Request, name: str) -> str:
    parts = split_name(name)
    return ".".join(map(quote, parts)) if len(parts) == 3 else f"{request.schema}.{quote(parts[-1])}"


def _schedule(given: Mapping[str, Any]) -> str:
    if given.get("schedule_type") == "CRON_TYPE":
        return f"USING CRON {given['cron_expr']} {given['timezone']}"
    seconds = int(given.get("minutes") or 0) * 60 + int(given.get("seconds") or 0)
    return f"{seconds // 60} MINUTE" if seconds % 60 == 0 else f"{seconds} SECONDS"


def _list(request: Request) -> Answer:
    given = request.given
    like = f" LIKE {_text(given['like'])}" if "like" in given else ""
    text = f"SHOW TASKS{like} IN SCHEMA {request.schema}"
    text += f" STARTS WITH {_text(given['startsWith'])}" if "startsWith" in given else ""
    text += " ROOT ONLY" if request.says("rootOnly") else ""
    if "showLimit" in given or "fromName" in given:
        text += f" LIMIT {given.get('showLimit', '10000')}"
        text += f" FROM {_text(given['fromName'])}" if "fromName" in given else ""
    return [_model(row) for row in _named_rows(request.run(text))]


def _fetch(request: Request) -> Answer:
    return _model(_named_rows(request.run(f"DESCRIBE TASK {request.task}"))[0])


def _dependents(request: Request) -> Answer:
    recursive = "FALSE" if request.given.get("recursive", "true").lower() == "false" else "TRUE"
    database = request.schema.split(".", maxsplit=1)[0]
    text = (
        f"SELECT * FROM TABLE({database}.INFORMATION_SCHEMA.TASK_DEPENDENTS("
        f"TASK_NAME => {_text(request.task)}, RECURSIVE => {recursive}))"
    )
    return [_model(row) for row in _named_rows(request.run(text))]


def _graphs(function: str) -> Callable[[Request], Answer]:
    def handler(request: Request) -> Answer:
        database = request.schema.split(".", maxsplit=1)[0]
        only = "TRUE" if function == "COMPLETE_TASK_GRAPHS" and request.says("errorOnly") else "FALSE"
        limit = request.given.get("resultLimit", "1000")
        text = (
            f"SELECT * FROM TABLE({database}.INFORMATION_SCHEMA.{function}("
            f"ROOT_TASK_NAME => {_text(quote(request.name))}, ERROR_ONLY => {only}, RESULT_LIMIT => {limit}))"
        )
        rows = _named_rows(request.run(text))
        for row in rows:  # the client's model wants a next time, also where no schedule gives one
            row["next_scheduled_time"] = row["next_scheduled_time"] or row["scheduled_time"]
        return rows

    return handler


def _named_rows(result: Result) -> list[dict[str, Any]]:
    names = [column.name.lower() for column in result.columns]
    return [{n: _wire(v) for n, v in zip(names, row, strict=True)} for row in result.rows]


def _wire(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _model(row: dict[str, Any]) -> dict[str, Any]:
    """A row of SHOW TASKS as the client's model of a task."""
    made = {
        key: value for key, value in row.items() if key not in ("budget", "scheduling_mode", "last_suspended_reason")
    }
    made["name"] = quoted_if_needed(row["name"])
    made["predecessors"] = json.loads(row["predecessors"])
    made["config"] = json.loads(row["config"]) if row["config"] else None
    made["allow_overlapping_execution"] = row["allow_overlapping_execution"] == "true"
    for key in ("error_integration", "success_integration"):
        made[key] = None if row[key] == "null" else row[key]
    made["finalize"] = json.loads(row["task_relations"]).get("FinalizedRootTask")
    made["schedule"] = _schedule_model(row["schedule"])
    return made


def _schedule_model(text: str | None) -> dict[str, Any] | None:
    from churnobs.testing.schedules import seconds_of

    if text is None:
        return None
    if (seconds := seconds_of(text)) is not None:
        return {"schedule_type": "MINUTES_TYPE", "minutes": seconds // 60, "seconds": seconds % 60}
    _, _, *fields, zone = text.split()
    return {"schedule_type": "CRON_TYPE", "cron_expr": " ".join(fields), "timezone": zone}


def _drop(request: Request) -> Answer:
    return request.status(f"DROP TASK {'IF EXISTS ' if request.says('ifExists') else ''}{request.task}")


def _execute(request: Request) -> Answer:
    return request.status(f"EXECUTE TASK {request.task}{' RETRY LAST' if request.says('retryLast') else ''}")


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a request about tasks, and what it does in a line."""

    run: Callable[[Request], Answer]
    summary: str


# by method, whether a task is named, and what stands after its name
ROUTES: dict[tuple[str, bool, str], Route] = {
    ("GET", False, ""): Route(_list, "The tasks of a schema"),
    ("POST", False, ""): Route(_create, "CREATE TASK"),
    ("GET", True, ""): Route(_fetch, "DESCRIBE TASK"),
    ("PUT", True, ""): Route(_create_or_alter, "CREATE OR ALTER TASK"),
    ("DELETE", True, ""): Route(_drop, "DROP TASK"),
    ("POST", True, ":execute"): Route(_execute, "EXECUTE TASK"),
    ("POST", True, ":resume"): Route(lambda r: r.status(f"ALTER TASK {r.task} RESUME"), "ALTER TASK ... RESUME"),
    ("POST", True, ":suspend"): Route(lambda r: r.status(f"ALTER TASK {r.task} SUSPEND"), "ALTER TASK ... SUSPEND"),
    ("GET", True, "/dependents"): Route(_dependents, "TASK_DEPENDENTS"),
    ("GET", True, "/complete-graphs"): Route(_graphs("COMPLETE_TASK_GRAPHS"), "COMPLETE_TASK_GRAPHS"),
    ("GET", True, "/complete_graphs"): Route(_graphs("COMPLETE_TASK_GRAPHS"), "COMPLETE_TASK_GRAPHS"),
    ("GET", True, "/current-graphs"): Route(_graphs("CURRENT_TASK_GRAPHS"), "CURRENT_TASK_GRAPHS"),
    ("GET", True, "/current_graphs"): Route(_graphs("CURRENT_TASK_GRAPHS"), "CURRENT_TASK_GRAPHS"),
}
