"""Model monitors: their DDL and rules, and the table functions that read them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from churnobs.testing import inference, queries
from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.clock import COMING, TIMERS, Due
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.models import Model, Version, model_of
from churnobs.testing.names import Name, fold, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Column, Result, of_rows, status
from churnobs.testing.schedules import Every, Timer, seconds_of
from churnobs.testing.session import Session
from churnobs.testing.statements import command, creation, dropped
from churnobs.testing.warehouses import need_warehouse

if TYPE_CHECKING:
    from churnobs.testing.account import Account

TASKS = ("TABULAR_BINARY_CLASSIFICATION", "TABULAR_MULTI_CLASSIFICATION", "TABULAR_REGRESSION")
LISTS = {
    "ID_COLUMNS": "id_columns", "PREDICTION_CLASS_COLUMNS": "prediction_class_columns",
    "PREDICTION_SCORE_COLUMNS": "prediction_score_columns", "ACTUAL_CLASS_COLUMNS": "actual_class_columns",
    "ACTUAL_SCORE_COLUMNS": "actual_score_columns", "SEGMENT_COLUMNS": "segment_columns",
    "CUSTOM_METRIC_COLUMNS": "custom_metric_columns",
}  # fmt: skip
_SPARE = {"ID_COLUMNS", "SEGMENT_COLUMNS", "CUSTOM_METRIC_COLUMNS"}


@dataclass(slots=True, kw_only=True)
class ModelMonitor(Object):
    """A monitor, and what it last saw of its source when it answers from refreshes."""

    model: Name
    version: str
    function: str
    task: str
    warehouse: str
    source: Name
    timestamp: str
    columns: dict[str, list[str]]
    refresh_interval: str
    aggregation_window: str
    baseline: Name | None = None
    baseline_rows: pa.Table | None = None
    kinds: dict[str, Column] = field(default_factory=dict)
    state: str = "ACTIVE"
    seen: pa.Table | None = None
    timer: Timer

    def role(self, name: str) -> str | None:
        """The one column of a role."""
        held = self.columns[name]
        return held[0] if held else None


@command("CREATE MODEL MONITOR", proof=document("sql/create-model-monitor"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE MODEL MONITOR, with the checks that Snowflake documents."""
    head = creation(session, parser, "MODEL", "MONITOR")
    parser.accept("WITH")
    given = parser.options()
    parser.end()
    shelf = session.account.catalog.shelf("ModelMonitor")
    if shelf.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return status(f"{head.name.name} already exists, statement succeeded.")
        raise exists("Model monitor", head.name)
    if "GATEWAY" in given:
        raise not_supported("a gateway monitor", "monitor a model version")
    for key in (
        "MODEL",
        "VERSION",
        "FUNCTION",
        "SOURCE",
        "WAREHOUSE",
        "REFRESH_INTERVAL",
        "AGGREGATION_WINDOW",
        "TIMESTAMP_COLUMN",
    ):
        if key not in given:
            raise SqlError(f"SQL compilation error:\nmissing parameter {key}", 1003, "42601")
    model, version = _version(session, str(given["MODEL"]), str(given["VERSION"]))
    for other in shelf:
        if (other.model, other.version) == (model.name, version.name) and other.name != head.name:
            raise SqlError(
                f"A monitor for version '{version.name}' of model '{model.name}' already exists: {other.name}.",
                2002,
                "42710",
            )
    monitor = _build(session, head.name, model, version, given)
    shelf.add(monitor, replace=True)
    return status(f"Model monitor {head.name.name} successfully created.")


def _version(session: Session, name: str, version: str) -> tuple[Model, Version]:
    model = model_of(session, session.resolve(split_name(name)))
    return model, model.version(version.strip('"'))


def _build(session: Session, name: Name, model: Model, version: Version, given: dict[str, Any]) -> ModelMonitor:
    function = str(given["FUNCTION"]).strip('"')
    if function.upper() not in {m.name.upper() for m in inference.methods(version.folder)}:
        raise SqlError(
            f"SQL compilation error:\nFunction '{function}' does not exist in model '{model.name}'.", 2043, "02000"
        )
    warehouse = fold(str(given["WAREHOUSE"]))
    need_warehouse(session, warehouse)
    source = session.resolve(split_name(str(given["SOURCE"])))
    kinds = {c.name: c for c in _described(session, source)}
    columns = {role: _listed(given.get(key)) for key, role in LISTS.items()}
    task = _task(inference.task(version.folder), columns, kinds)
    timestamp = fold(str(given["TIMESTAMP_COLUMN"]))
    _check_columns(columns, timestamp, kinds, source, task)
    interval = _interval(str(given["REFRESH_INTERVAL"]))
    if not re.fullmatch(r"\s*[1-9]\d*\s+days?\s*", str(given["AGGREGATION_WINDOW"]), re.IGNORECASE):
        raise SqlError(f"Invalid AGGREGATION_WINDOW '{given['AGGREGATION_WINDOW']}': days are needed", 100351, "22023")
    monitor = ModelMonitor(
        name=name, model=model.name, version=version.name, function=function, task=task, warehouse=warehouse,
        source=source, timestamp=timestamp,
        columns=columns, refresh_interval=str(given["REFRESH_INTERVAL"]),
        aggregation_window=str(given["AGGREGATION_WINDOW"]), kinds=kinds,
        comment=str(given.get("COMMENT", "")), timer=Timer(interval, session.account.clock.now()),
    )  # fmt: skip
    if given.get("BASELINE"):
        _set_baseline(session, monitor, str(given["BASELINE"]))
    if session.account.config.stale_monitors:
        refresh(session, monitor)
    return monitor


def _task(logged: str, columns: dict[str, list[str]], kinds: dict[str, Column]) -> str:
    """The task of the model; when it was logged without one, what its columns say: only the Python client refuses that."""
    if logged in TASKS:
        return logged
    if logged != "UNKNOWN":
        raise SqlError(f"Model task {logged} cannot be monitored; one of {', '.join(TASKS)} is needed", 100351, "22023")
    classes = [*columns["prediction_class_columns"], *columns["actual_class_columns"]]
    if not classes:
        return TASKS[2]
    return TASKS[1] if any(n in kinds and kinds[n].kind == "text" for n in classes) else TASKS[0]


def _described(session: Session, name: Name) -> list[Column]:
    from churnobs.testing.show import described

    return [c for c, _, _ in described(session, name)]


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [fold(str(v)) for v in (value if isinstance(value, list) else [value])]


def _check_columns(
    columns: dict[str, list[str]], timestamp: str, kinds: dict[str, Column], source: Name, task: str
) -> None:
    seen: dict[str, str] = {timestamp: "TIMESTAMP_COLUMN"}
    for key, role in LISTS.items():
        for name in columns[role]:
            if name not in kinds:
                raise SqlError(
                    f"SQL compilation error:\nColumn '{name}' does not exist in source '{source}'.", 904, "42000"
                )
            if name in seen and not {key, seen[name]} & {"SEGMENT_COLUMNS"}:
                raise SqlError(f"Column '{name}' appears in both {seen[name]} and {key}.", 100351, "22023")
            seen[name] = key
        if key not in _SPARE and len(columns[role]) > 1:
            raise SqlError(f"{key} takes at most one column.", 100351, "22023")
    if timestamp not in kinds or kinds[timestamp].kind != "timestamp_ntz":
        raise SqlError(f"TIMESTAMP_COLUMN '{timestamp}' must be of type TIMESTAMP_NTZ.", 100351, "22023")
    if not columns["prediction_class_columns"] and not columns["prediction_score_columns"]:
        raise SqlError(
            "At least one of PREDICTION_CLASS_COLUMNS and PREDICTION_SCORE_COLUMNS is needed.", 100351, "22023"
        )
    if len(columns["segment_columns"]) > 5 or any(kinds[n].kind != "text" for n in columns["segment_columns"]):
        raise SqlError("SEGMENT_COLUMNS takes at most 5 columns of type STRING.", 100351, "22023")
    _numbers(columns["custom_metric_columns"], kinds)
    for role in (
        "prediction_class_columns",
        "prediction_score_columns",
        "actual_class_columns",
        "actual_score_columns",
    ):
        is_text = task == "TABULAR_MULTI_CLASSIFICATION" and "class" in role
        if any(kinds[n].kind not in (("text",) if is_text else ("fixed", "real")) for n in columns[role]):
            needed = "of type STRING" if is_text else "numeric"
            raise SqlError(f"{role.upper()} of {task} must be {needed}.", 100351, "22023")


def _numbers(names: list[str], kinds: dict[str, Column]) -> None:
    if any(kinds[name].kind not in ("fixed", "real") for name in names):
        raise SqlError("CUSTOM_METRIC_COLUMNS takes columns of type NUMBER.", 100351, "22023")


def _interval(text: str) -> Every:
    seconds = seconds_of(text)
    if seconds is not None and seconds >= 60:
        return Every(seconds)
    raise SqlError(f"Invalid REFRESH_INTERVAL '{text}': at least 60 seconds are needed", 100351, "22023")


def _set_baseline(session: Session, monitor: ModelMonitor, text: str) -> None:
    monitor.baseline = session.resolve(split_name(text))
    monitor.baseline_rows = rows_of(session, monitor.baseline)


def rows_of(session: Session, name: Name) -> pa.Table:
    """The rows of a table or view now."""
    return queries.run(session, f"SELECT * FROM {name.sql}", (), describe_only=False).table


def refresh(session: Session, monitor: ModelMonitor) -> None:
    """Look at the source now."""
    if monitor.state == "ACTIVE":
        monitor.seen = rows_of(session, monitor.source)
        monitor.timer.since = session.account.clock.now()


def refresh_all(account: Account) -> None:
    """Let every running monitor look at its source."""
    for monitor in account.catalog.shelf("ModelMonitor"):
        _refresh_at(account, monitor, account.clock.now())


def _refresh_at(account: Account, monitor: ModelMonitor, at: dt.datetime) -> None:
    with account.system_session(monitor.name.database, monitor.name.schema, warehouse=monitor.warehouse) as session:
        refresh(session, monitor)
        monitor.timer.since = at


def _coming(account: Account) -> Iterator[Due]:
    """The refreshes to come; monitors that answer from the rows themselves need none."""
    if account.config.stale_monitors:
        for monitor in account.catalog.shelf("ModelMonitor"):
            if monitor.state == "ACTIVE" and (at := monitor.timer.due()) is not None:
                yield Due(at, 0, "MODEL MONITOR", monitor.name, partial(_refresh_at, account, monitor))


COMING.append(_coming)
TIMERS.append(lambda account: (monitor.timer for monitor in account.catalog.shelf("ModelMonitor")))


@command("ALTER MODEL MONITOR", proof=document("sql/alter-model-monitor"))
def alter(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """ALTER MODEL MONITOR: suspend, resume, baseline, intervals, segment and custom metric columns."""
    parser.expect("ALTER", "MODEL", "MONITOR")
    if_exists = parser.accept("IF", "EXISTS")
    shelf = session.account.catalog.shelf("ModelMonitor")
    monitor = shelf.get(name := session.resolve(parser.parts()))
    if monitor is None:
        if if_exists:
            return status("Statement executed successfully.")
        raise missing("Model monitor", name)
    verb = parser.next().upper
    if verb == "SUSPEND":
        monitor.state = "SUSPENDED"
    elif verb == "RESUME":
        monitor.state = "ACTIVE"
    elif verb == "SET":
        given = parser.options()
        if "BASELINE" in given:
            _set_baseline(session, monitor, str(given["BASELINE"]))
        if "REFRESH_INTERVAL" in given:
            monitor.timer.schedule = _interval(str(given["REFRESH_INTERVAL"]))
            monitor.refresh_interval = str(given["REFRESH_INTERVAL"])
        if "WAREHOUSE" in given:
            need_warehouse(session, fold(str(given["WAREHOUSE"])))
            monitor.warehouse = fold(str(given["WAREHOUSE"]))
        monitor.comment = str(given.get("COMMENT", monitor.comment))
    elif verb == "UNSET":
        if parser.accept("BASELINE"):
            monitor.baseline = monitor.baseline_rows = None
        elif parser.accept("COMMENT"):
            monitor.comment = ""
    elif verb in ("ADD", "DROP"):
        _column(monitor, parser, add=verb == "ADD")
    else:
        raise parser.wrong()
    parser.end()
    return status("Statement executed successfully.")


def _column(monitor: ModelMonitor, parser: Parser, *, add: bool) -> None:
    kind = parser.accept_any("SEGMENT_COLUMN", "CUSTOM_METRIC_COLUMN")
    if kind is None:
        raise parser.wrong()
    parser.expect("=")
    name = fold(str(parser.value()))
    held = monitor.columns["segment_columns" if kind == "SEGMENT_COLUMN" else "custom_metric_columns"]
    if add:
        if name in held:
            raise exists("Column", name)
        if name not in monitor.kinds:
            raise SqlError(f"SQL compilation error:\nColumn '{name}' does not exist in source.", 904, "42000")
        if kind == "SEGMENT_COLUMN" and (len(held) == 5 or monitor.kinds[name].kind != "text"):
            raise SqlError("SEGMENT_COLUMNS takes at most 5 columns of type STRING.", 100351, "22023")
        if kind == "CUSTOM_METRIC_COLUMN":
            _numbers([name], monitor.kinds)
        held.append(name)
    elif name in held:
        held.remove(name)
    else:
        raise missing("Column", name)


@command("DROP MODEL MONITOR", proof=document("sql/drop-model-monitor"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP MODEL MONITOR [IF EXISTS]."""
    parser.expect("DROP", "MODEL", "MONITOR")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("ModelMonitor").drop(name, if_exists=if_exists)
    return dropped(name.name, found=found is not None)


_SHOWN = {"created_on": "timestamp_ltz"} | dict.fromkeys(
    ("name", "database_name", "schema_name", "owner", "warehouse_name", "refresh_interval", "aggregation_window",
        "model_task", "type", "gateway",
     "ground_truth", "monitor_state", "source", "baseline", "model", "comment"), "text",
)  # fmt: skip


def _row(session: Session, m: ModelMonitor) -> tuple[Any, ...]:
    from churnobs.testing.tables import has_table

    def place(name: Name | None) -> str:
        if name is None:
            return json.dumps({"status": "NOT_SET"})
        alive = has_table(session, name) or session.account.catalog.views.get(name) is not None
        return json.dumps(
            {
                "name": name.name,
                "database_name": name.database,
                "schema_name": name.schema,
                "status": "ACTIVE" if alive else "DELETED",
            }
        )

    model = session.account.catalog.shelf("Model").get(m.model)
    there = model is not None and any(v.name == m.version for v in model.versions)
    described = json.dumps({
        "model_name": m.model.name, "version_name": m.version, "function_name": m.function, "database_name": m.model.database,
        "schema_name": m.model.schema, "model_status": "ACTIVE" if model else "DELETED",
        "version_status": "ACTIVE" if there else "DELETED",
    })  # fmt: skip
    return (
        m.created_on, m.name.name, m.name.database, m.name.schema, OWNER, m.warehouse, m.refresh_interval,
        m.aggregation_window, m.task,
        "MODEL_VERSION_MONITOR", None, None, m.state, place(m.source), place(m.baseline), described, m.comment,
    )  # fmt: skip


@command("SHOW MODEL MONITORS", reads=True, proof=document("sql/show-model-monitors"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW MODEL MONITORS."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "MODEL", "MONITORS")
    found = filters(session, parser)
    rows = [_row(session, m) for m in session.account.catalog.shelf("ModelMonitor") if found.holds(m.name)]
    return found.shown(_SHOWN, rows)


@command("DESCRIBE MODEL MONITOR", "DESC MODEL MONITOR", reads=True, proof=document("sql/desc-model-monitor"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE MODEL MONITOR."""
    parser.at = 3
    m: ModelMonitor = session.account.catalog.shelf("ModelMonitor").need(session.resolve(parser.parts()))
    taken = {m.timestamp, *(n for names in m.columns.values() for n in names)}
    free = [c for c in m.kinds.values() if c.name not in taken]
    columns = {
        "timestamp_column": m.timestamp, **m.columns, "numerical_columns": [c.name for c in free if c.kind in ("fixed", "real")],
        "string_columns": [c.name for c in free if c.kind == "text"],
        "boolean_columns": [c.name for c in free if c.kind == "boolean"],
    }  # fmt: skip
    shown = _SHOWN | dict.fromkeys(
        ("aggregation_status", "aggregation_last_error", "aggregation_last_data_timestamp", "columns"), "text"
    )
    parts = ["SOURCE_AGGREGATED", "ACCURACY_AGGREGATED"]
    state = json.dumps(dict.fromkeys(parts, m.state))
    return of_rows(
        shown, [(*_row(session, m), state, json.dumps(dict.fromkeys(parts, "")), json.dumps({}), json.dumps(columns))]
    )
