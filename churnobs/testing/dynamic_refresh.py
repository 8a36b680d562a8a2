"""Filling dynamic tables: when the clock says so, a statement asks for it, or a table after them needs it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from churnobs.testing import past, queries
from churnobs.testing.catalog import Object, Shelf
from churnobs.testing.clock import COMING, TIMERS, Due
from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name, fold, quote
from churnobs.testing.schedules import Timer
from churnobs.testing.session import Session

if TYPE_CHECKING:
    from churnobs.testing.account import Account

_MOST_FAILURES = 5


@dataclass(slots=True, kw_only=True)
class DynamicTable(Object):
    """A dynamic table: its query, where its names are looked up, and what it was last filled with."""

    text: str
    query: str
    database: str | None
    schema: str | None
    options: dict[str, Any]
    timer: Timer | None = None
    state: str = "ACTIVE"
    is_cascaded: bool = False
    suspended: dt.datetime | None = None
    as_of: dt.datetime | None = None
    failures: int = 0
    sources: set[Name] = field(default_factory=set)
    columns: list[str] = field(default_factory=list)

    @property
    def lag(self) -> str:
        """TARGET_LAG as it was given."""
        return str(self.options["TARGET_LAG"])

    @property
    def mode(self) -> str:
        """How it is said to be refreshed; what AUTO stands for is not worked out here."""
        given = str(self.options.get("REFRESH_MODE", "AUTO")).upper()
        return "INCREMENTAL" if given == "AUTO" else given


@dataclass(frozen=True, slots=True)
class Refresh:
    """One refresh of a dynamic table."""

    table: DynamicTable
    at: dt.datetime
    trigger: str
    state: str = "SUCCEEDED"
    message: str | None = None
    inserted: int = 0
    deleted: int = 0
    query_id: str | None = None
    is_first: bool = False


def tables_of(account: Account) -> Shelf[Any]:
    """The dynamic tables of an account."""
    return account.catalog.shelf("Dynamic table")


def upstream(account: Account, table: DynamicTable) -> list[DynamicTable]:
    """The dynamic tables that one reads, also through views."""
    found: dict[Name, DynamicTable] = {}
    seen, todo = set(), list(table.sources)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if (held := tables_of(account).get(name)) is not None:
            found[name] = held
        else:
            todo += account.sources.get(name, set())
    return [found[name] for name in sorted(found)]


def downstream(account: Account, table: DynamicTable) -> list[DynamicTable]:
    """The dynamic tables that read one."""
    return [other for other in tables_of(account) if table in upstream(account, other)]


def refresh(account: Account, table: DynamicTable, at: dt.datetime, trigger: str) -> Refresh | None:
    """Fill a table with what its query gives now, and before it those that it reads; None where that is done for the moment."""
    if table.as_of == at and trigger == "SCHEDULED":
        return None
    for one in upstream(account, table):
        if one.as_of != at or trigger != "SCHEDULED":
            before = refresh(account, one, at, trigger)
            if before is not None and before.state == "FAILED":
                return _note(account, Refresh(table, at, trigger, "FAILED", f"'{one.name}' failed: {before.message}"))
    if table.timer is not None:
        table.timer.since = at
    warehouse = fold(str(table.options["WAREHOUSE"]))
    with account.system_session(table.database, table.schema, warehouse=warehouse) as session:
        try:
            inserted, deleted = _fill(session, table)
        except SqlError as error:
            return _note(account, Refresh(table, at, trigger, "FAILED", error.message))
    is_first, table.as_of = table.as_of is None, at
    return _note(account, Refresh(table, at, trigger, inserted=inserted, deleted=deleted, is_first=is_first))


def _note(account: Account, done: Refresh) -> Refresh:
    account.refreshes.append(done)
    table = done.table
    table.failures = table.failures + 1 if done.state == "FAILED" else 0
    if table.failures >= _MOST_FAILURES:
        suspend(account, table)
    return done


def _fill(session: Session, table: DynamicTable) -> tuple[int, int]:
    """Add the rows that are new and take out those that are gone; rows that stay keep their places."""
    from churnobs.testing import streams

    engine = session.engine
    found = queries.run(session, table.query, (), describe_only=False)
    if len(found.columns) != len(table.columns):
        raise SqlError(f"The query of '{table.name}' gives other columns than when it was made.", 2207, "22000")
    places = [f"_{at}" for at in range(len(table.columns))]
    engine.duck.register("_offline_filled", found.table.rename_columns(places))
    try:
        kinds = dict(engine.types(f"SELECT * FROM {table.name.sql}"))
        names = [quote(name) for name in table.columns]
        listed = ", ".join(names)
        cast = ", ".join(f"CAST({p} AS {kinds[n]}) AS {quote(n)}" for p, n in zip(places, table.columns, strict=True))
        new = f"SELECT *, row_number() OVER (PARTITION BY {listed}) AS _k FROM (SELECT {cast} FROM _offline_filled)"
        numbered = f"row_number() OVER (PARTITION BY {listed} ORDER BY rowid) AS _k"
        old = f"SELECT rowid AS _r, {listed}, {numbered} FROM {table.name.sql}"
        same = " AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in ("_k", *names))
        engine.begin()
        past.note(session, table.name)
        came = engine.query(
            f"SELECT {listed} FROM ({new}) n WHERE NOT EXISTS (SELECT 1 FROM ({old}) o WHERE {same})"
        ).table
        ((deleted,),) = engine.run(
            f"DELETE FROM {table.name.sql} WHERE rowid IN "
            f"(SELECT _r FROM ({old}) o WHERE NOT EXISTS (SELECT 1 FROM ({new}) n WHERE {same}))"
        )
        engine.duck.register("_offline_came", came)
        engine.run(f"INSERT INTO {table.name.sql} SELECT * FROM _offline_came")
        streams.arrived(session, table.name, came)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        engine.duck.unregister("_offline_filled")
        engine.duck.unregister("_offline_came")
    return came.num_rows, int(deleted)


def suspend(account: Account, table: DynamicTable, *, is_cascaded: bool = False) -> None:
    """Stop the refreshes of a table and of those that read it."""
    if table.state == "ACTIVE":
        table.state, table.suspended, table.is_cascaded = "SUSPENDED", account.clock.now(), is_cascaded
        for one in downstream(account, table):
            suspend(account, one, is_cascaded=True)


def resume(account: Account, table: DynamicTable) -> None:
    """Start them again, with those that were stopped along with it."""
    table.state, table.is_cascaded, table.failures = "ACTIVE", False, 0
    for one in downstream(account, table):
        if one.is_cascaded and all(above.state == "ACTIVE" for above in upstream(account, one)):
            resume(account, one)


def _scheduled(account: Account, table: DynamicTable, at: dt.datetime) -> None:
    refresh(account, table, at, "SCHEDULED")
    if table.timer is not None:
        table.timer.since = at


def _coming(account: Account) -> Iterator[Due]:
    for table in tables_of(account):
        if table.state == "ACTIVE" and table.timer is not None and (at := table.timer.due()) is not None:
            yield Due(at, 1, "DYNAMIC TABLE", table.name, partial(_scheduled, account, table))


COMING.append(_coming)
TIMERS.append(lambda account: (table.timer for table in tables_of(account) if table.timer is not None))
