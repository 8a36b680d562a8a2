"""What is told of dynamic tables: SHOW, DESCRIBE and the history of their refreshes."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from churnobs.testing.catalog import OWNER
from churnobs.testing.dynamic_refresh import DynamicTable, Refresh, tables_of
from churnobs.testing.lexer import Parser
from churnobs.testing.names import fold, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, table_function
from churnobs.testing.schedules import seconds_of
from churnobs.testing.session import Session
from churnobs.testing.statements import command
from churnobs.testing.trees import Tree

_SHOWN = {"created_on": "timestamp_ltz"} | dict.fromkeys(
    ("name", "database_name", "schema_name", "cluster_by", "rows", "bytes", "owner", "target_lag", "refresh_mode",
     "refresh_mode_reason", "warehouse", "initialization_warehouse", "comment", "text", "automatic_clustering",
     "scheduling_state"), "text",
) | {"last_suspended_on": "timestamp_ltz"} | dict.fromkeys(("is_clone", "is_replica", "is_iceberg"), "text") | {
    "data_timestamp": "timestamp_ltz", "owner_role_type": "text",
}  # fmt: skip


@command("SHOW DYNAMIC TABLES", reads=True, proof=document("sql/show-dynamic-tables"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW DYNAMIC TABLES; `text` is the statement that made the table, which snowflake-ml reads back."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "DYNAMIC", "TABLES")
    found = filters(session, parser)
    held = [table for table in tables_of(session.account) if found.holds(table.name)]
    return found.shown(_SHOWN, [_row(session, table) for table in held])


def _row(session: Session, t: DynamicTable) -> tuple[Any, ...]:
    ((rows,),) = session.engine.run(f"SELECT count(*) FROM {t.name.sql}")
    initial = t.options.get("INITIALIZATION_WAREHOUSE")
    return (
        t.created_on, t.name.name, t.name.database, t.name.schema, "", str(rows), "0", OWNER, t.lag, t.mode, None,
        fold(str(t.options["WAREHOUSE"])), fold(str(initial)) if initial else None, t.comment, t.text, "OFF", t.state,
        t.suspended, "false", "false", "false", t.as_of, "ROLE",
    )  # fmt: skip


@command("DESCRIBE DYNAMIC TABLE", "DESC DYNAMIC TABLE", reads=True, proof=document("sql/desc-dynamic-table"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE DYNAMIC TABLE: its columns, as of any table."""
    from churnobs.testing.show import describe as describe_table

    name = Parser(parser.text)
    name.at = 3
    tables_of(session.account).need(session.resolve(name.parts()))
    del parser.tokens[1]
    return describe_table(session, parser)


@table_function("DYNAMIC_TABLE_REFRESH_HISTORY", proof=document("functions/dynamic_table_refresh_history"))
def refresh_history(rewriter: Rewriter, _args: list[Tree], named: dict[str, Tree]) -> Result:
    """INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY: the newest refresh first."""
    rewriter.dynamic = True
    given = {key: rewriter.evaluate(value) for key, value in named.items()}
    done: list[Refresh] = list(reversed(rewriter.session.account.refreshes))
    if given.get("NAME"):
        wanted = rewriter.session.resolve(split_name(str(given["NAME"])))
        done = [one for one in done if one.table.name == wanted]
    if given.get("NAME_PREFIX"):
        done = [one for one in done if str(one.table.name).startswith(str(given["NAME_PREFIX"]).upper())]
    if given.get("ERROR_ONLY") is True:
        done = [one for one in done if one.state == "FAILED"]
    for edge in ("START", "END"):
        if (moment := given.get(f"DATA_TIMESTAMP_{edge}")) is not None:
            at = _zoned(moment)
            done = [one for one in done if (one.at >= at if edge == "START" else one.at <= at)]
    columns = dict.fromkeys(
        ("NAME", "SCHEMA_NAME", "DATABASE_NAME", "STATE", "STATE_CODE", "STATE_MESSAGE", "QUERY_ID"), "text"
    )
    columns |= dict.fromkeys(
        ("DATA_TIMESTAMP", "REFRESH_START_TIME", "REFRESH_END_TIME", "COMPLETION_TARGET"), "timestamp_ltz"
    )
    texts = ("QUALIFIED_NAME", "LAST_COMPLETED_DEPENDENCY", "STATISTICS", "REFRESH_ACTION", "REFRESH_TRIGGER")
    columns |= dict.fromkeys(texts, "text") | {"TARGET_LAG_SEC": "fixed", "WAREHOUSE": "text"}
    return of_rows(columns, [_history_row(one) for one in done[: int(given.get("RESULT_LIMIT", 100))]])


def _history_row(done: Refresh) -> tuple[Any, ...]:
    table, name = done.table, done.table.name
    lag = seconds_of(table.lag)
    moved = done.inserted or done.deleted
    action = table.mode if moved or done.is_first or done.state == "FAILED" else "NO_DATA"
    counted = {"numInsertedRows": done.inserted, "numDeletedRows": done.deleted, "numCopiedRows": 0}
    is_good = done.state == "SUCCEEDED"
    return (
        name.name, name.schema, name.database, done.state, "SUCCESS" if is_good else "QUERY_ERROR", done.message, done.query_id,
        done.at, done.at, done.at, done.at + dt.timedelta(seconds=lag) if lag else done.at, str(name), None,
        json.dumps(counted) if is_good else None, action, done.trigger, lag, fold(str(table.options["WAREHOUSE"])),
    )  # fmt: skip


def _zoned(moment: Any) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    made: dt.datetime = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return made
