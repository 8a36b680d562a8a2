"""Dynamic tables: their DDL, and the statements that they refuse."""

from __future__ import annotations

import datetime as dt
from typing import Any

from churnobs.testing import queries
from churnobs.testing.dynamic_refresh import DynamicTable, refresh, resume, suspend, tables_of, upstream
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, fold, literal, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.rewriting import RELATIONS, Rewriter
from churnobs.testing.schedules import Every, Timer, seconds_of
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped
from churnobs.testing.warehouses import DONE, need_warehouse

_OPTIONS = frozenset(
    {"TARGET_LAG", "WAREHOUSE", "INITIALIZATION_WAREHOUSE", "REFRESH_MODE", "INITIALIZE", "COMMENT",
     "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS"}
)  # fmt: skip


@command("CREATE DYNAMIC TABLE", proof=document("sql/create-dynamic-table"))
def create(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """CREATE DYNAMIC TABLE name [(columns)] TARGET_LAG = ... WAREHOUSE = ... AS query."""
    from churnobs.testing import streams
    from churnobs.testing.tables import has_table
    from churnobs.testing.views import column_list

    head = creation(session, parser, "DYNAMIC", "TABLE")
    columns = column_list(parser)
    given: dict[str, Any] = {}
    tags: dict[Name, str] = {}
    while not parser.accept("AS"):
        if parser.accept("CLUSTER", "BY"):
            parser.group()
        elif parser.accept("WITH", "TAG") or parser.accept("TAG"):
            tags |= _tags(session, parser)
        elif parser.accept("COPY", "GRANTS"):
            pass
        elif parser.accept("CLONE") or parser.accept("REQUIRE", "USER"):
            raise not_supported("CREATE DYNAMIC TABLE ... CLONE or REQUIRE USER", "create it by its query")
        elif found := parser.options(until=("AS", "CLUSTER", "WITH", "TAG", "COPY", "CLONE")):
            given |= found
        else:
            raise parser.wrong()
    query = parser.rest()
    shelf = tables_of(session.account)
    old: DynamicTable | None = shelf.get(head.name)
    if old is not None and head.if_not_exists:
        return created("Dynamic table", head.name.name, made=False)
    is_other = session.account.catalog.views.get(head.name) is not None or (
        old is None and has_table(session, head.name)
    )
    if is_other or (old is not None and not head.replace):
        raise exists("Object", head.name)
    session.commit()
    table = DynamicTable(
        name=head.name, text=parser.text, query=query, options={}, comment=str(given.get("COMMENT", "")),
        database=session.engine.database, schema=session.engine.schema,
    )  # fmt: skip
    if "LAG" in given:  # as Snowpark writes it
        given["TARGET_LAG"] = given.pop("LAG")
    for needed in ("TARGET_LAG", "WAREHOUSE"):
        if needed not in given:
            raise SqlError(f"SQL compilation error:\nMissing option(s): [{needed}]", 2043, "22023")
    defined = _described(session, table, columns)
    _set(session, table, given)
    _put_in_place(session, table, defined, replaces=old is not None)
    if old is not None:
        streams.table_replaced(session, head.name)
    shelf.add(table, replace=True)
    for name, comment in columns:
        if comment:
            session.engine.run(f"COMMENT ON COLUMN {table.name.sql}.{quote(name)} IS {literal(comment)}")
    session.account.sources[table.name] = set(table.sources)
    for tag, value in tags.items():
        session.account.set_tag("TABLE", table.name, tag, value)
    return created("Dynamic table", head.name.name)


def _put_in_place(session: Session, table: DynamicTable, defined: list[str], *, replaces: bool) -> None:
    """Make the table that DuckDB holds and fill it; where that fails, what was there before stays."""
    aside, run = f"{table.name.name}$before", session.engine.run
    if replaces:
        run(f"ALTER TABLE {table.name.sql} RENAME TO {quote(aside)}")
    try:
        run(f"CREATE TABLE {table.name.sql} ({', '.join(defined)})")
        now = session.account.clock.now()
        if str(table.options.get("INITIALIZE", "ON_CREATE")).upper() != "ON_SCHEDULE":
            _filled(session, table, now, "CREATION")
        elif table.timer is not None and isinstance(table.timer.schedule, Every):
            table.timer.since = now - dt.timedelta(seconds=table.timer.schedule.seconds)
    except SqlError:
        run(f"DROP TABLE IF EXISTS {table.name.sql}")
        if replaces:
            run(
                f"ALTER TABLE {Name(table.name.database, table.name.schema, aside).sql} RENAME TO {quote(table.name.name)}"
            )
        raise
    if replaces:
        run(f"DROP TABLE {Name(table.name.database, table.name.schema, aside).sql}")


def _tags(session: Session, parser: Parser) -> dict[Name, str]:
    found = {}
    parser.expect("(")
    while not parser.accept(")"):
        tag = session.resolve(parser.parts())
        parser.expect("=")
        found[tag] = parser.string()
        parser.accept(",")
    return found


def _filled(session: Session, table: DynamicTable, at: dt.datetime, trigger: str) -> None:
    """Refresh a table now, and fail as the statement that asked for it."""
    done = refresh(session.account, table, at, trigger)
    if done is not None and done.state == "FAILED":
        raise SqlError(done.message or "the refresh failed", 2207, "22000")


def _described(session: Session, table: DynamicTable, columns: list[tuple[str, str]]) -> list[str]:
    """Find what the query reads and the columns that it gives; these as DuckDB defines them."""
    from churnobs.testing.tables import NARROW

    with session.account.system_session(table.database, table.schema, role=session.role) as inside:
        rewriter = Rewriter(inside, (), describe_only=True)
        try:
            sql = queries.final(inside, rewriter.query(queries.parse(table.query)))
            kinds = inside.engine.types(sql)
            table.sources = set(rewriter.sources)
        finally:
            rewriter.release()
    if table.name in table.sources:
        raise SqlError(f"SQL compilation error:\nDynamic table '{table.name}' refers to itself.", 2057, "42000")
    if columns and len(columns) != len(kinds):
        raise SqlError("SQL compilation error:\nInvalid column definition list", 2026, "42601")
    table.columns = [name for name, _ in columns or kinds]
    return [
        f"{quote(name)} {'BIGINT' if kind in NARROW else kind}"
        for name, (_, kind) in zip(table.columns, kinds, strict=True)
    ]


def _set(session: Session, table: DynamicTable, given: dict[str, Any]) -> None:
    for key, value in given.items():
        if key not in _OPTIONS:
            raise SqlError(f"SQL compilation error:\ninvalid property '{key}' for 'DYNAMIC_TABLE'", 1420, "22023")
        if key in ("WAREHOUSE", "INITIALIZATION_WAREHOUSE"):
            need_warehouse(session, fold(str(value)))
        elif key == "TARGET_LAG":
            _set_lag(session, table, str(value))
        elif key == "COMMENT":
            table.comment = str(value)
        table.options[key] = value


def _set_lag(session: Session, table: DynamicTable, text: str) -> None:
    if text.upper() == "DOWNSTREAM":
        table.timer = None
        return
    seconds = seconds_of(text)
    if seconds is None or seconds < 60:
        raise SqlError(
            f"SQL compilation error:\nInvalid target lag '{text}': at least one minute is needed.", 2008, "22023"
        )
    for one in upstream(session.account, table):
        if one.timer is not None and isinstance(one.timer.schedule, Every) and one.timer.schedule.seconds > seconds:
            raise SqlError(
                f"SQL compilation error:\nTarget lag of '{table.name}' must not be shorter than that of '{one.name}'.", 2008,
                "22023",
            )  # fmt: skip
    since = table.timer.since if table.timer is not None else session.account.clock.now()
    table.timer = Timer(Every(seconds), since)


@command("ALTER DYNAMIC TABLE", proof=document("sql/alter-dynamic-table"))
def alter(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """ALTER DYNAMIC TABLE: REFRESH, SUSPEND, RESUME, SET, UNSET, tags."""
    parser.expect("ALTER", "DYNAMIC", "TABLE")
    if_exists = parser.accept("IF", "EXISTS")
    table: DynamicTable | None = tables_of(session.account).get(name := session.resolve(parser.parts()))
    if table is None:
        if if_exists:
            return status(DONE)
        raise missing("Dynamic table", name)
    session.commit()
    if parser.accept("REFRESH"):
        _filled(session, table, session.account.clock.now(), "MANUAL")
    elif parser.accept("SUSPEND"):
        suspend(session.account, table)
    elif parser.accept("RESUME"):
        resume(session.account, table)
    elif parser.accept("SET", "TAG"):
        while not parser.done():
            tag = session.resolve(parser.parts())
            parser.expect("=")
            session.account.set_tag("TABLE", name, tag, parser.string())
            parser.accept(",")
    elif parser.accept("UNSET", "TAG"):
        while not parser.done():
            session.account.set_tag("TABLE", name, session.resolve(parser.parts()), None)
            parser.accept(",")
    elif parser.accept("SET"):
        _set(session, table, parser.options())
    elif parser.accept("UNSET"):
        while not parser.done():
            key = parser.part()
            if key not in _OPTIONS - {"TARGET_LAG", "WAREHOUSE"}:
                raise SqlError(f"SQL compilation error:\ninvalid property '{key}' for 'DYNAMIC_TABLE'", 1420, "22023")
            table.options.pop(key, None)
            table.comment = "" if key == "COMMENT" else table.comment
            parser.accept(",")
    else:
        raise not_supported("this ALTER DYNAMIC TABLE", "CREATE OR REPLACE it")
    parser.end()
    return status(DONE)


@command("DROP DYNAMIC TABLE", proof=document("sql/drop-dynamic-table"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP DYNAMIC TABLE [IF EXISTS]."""
    parser.expect("DROP", "DYNAMIC", "TABLE")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    parser.end()
    session.commit()
    there = tables_of(session.account).get(name) is not None
    if not there and not if_exists:
        raise missing("Dynamic table", name)
    if there:
        _remove(session, name)
    return dropped(name.name, found=there)


def _remove(session: Session, name: Name) -> None:
    from churnobs.testing import streams

    tables_of(session.account).drop(name)
    session.engine.run(f"DROP TABLE IF EXISTS {name.sql}")
    streams.table_replaced(session, name)
    session.account.sources.pop(name, None)
    session.account.catalog.tagged.pop(("TABLE", str(name)), None)


def refuse_change(session: Session, name: Name, what: str) -> None:
    """Refuse a statement for tables where the table is a dynamic one."""
    if tables_of(session.account).get(name) is not None:
        raise SqlError(f"SQL compilation error:\nObject '{name}' is a dynamic table: {what}.", 2207, "42601")


def _relation(rewriter: Rewriter, name: Name) -> None:
    table: DynamicTable | None = tables_of(rewriter.session.account).get(name)
    if table is not None and table.as_of is None and not rewriter.describe_only:
        raise SqlError(
            f"Dynamic Table '{name}' is not initialized. Please run a manual refresh or wait for a scheduled refresh before "
            "querying.", 2208, "22000",
        )  # fmt: skip


RELATIONS.append(_relation)
