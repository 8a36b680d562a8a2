"""UNDROP TABLE: a dropped table is kept as its rows and its columns, while it is not too long and not too long ago."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from churnobs.testing import declared, past
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, literal, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.session import Session
from churnobs.testing.statements import command

MOST = 50


@dataclass(frozen=True, slots=True)
class Dropped:
    """A table that was dropped; without rows where it was too long to be kept."""

    name: Name
    at: dt.datetime
    columns: list[tuple[Any, ...]]
    kinds: dict[str, declared.Told]
    comment: str
    days: int
    rows: pa.Table | None


def keep(session: Session, name: Name) -> None:
    """Remember a table that is about to be dropped."""
    account = session.account
    days = account.past.retention.get(name, 1)
    if days == 0:
        return
    where = " AND ".join(
        f"{part}_name = {literal(value)}"
        for part, value in (("database", name.database), ("schema", name.schema), ("table", name.name))
    )
    columns = session.engine.run(
        "SELECT column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns() "
        f"WHERE {where} ORDER BY column_index"
    )
    ((comment,),) = session.engine.run(f"SELECT comment FROM duckdb_tables() WHERE {where}")
    ((count,),) = session.engine.run(f"SELECT count(*) FROM {name.sql}")
    rows = session.engine.duck.sql(f"SELECT * FROM {name.sql}").to_arrow_table() if count <= past.LONGEST else None
    known = dict(account.catalog.declared.get(name, {}))
    account.dropped.append(Dropped(name, account.clock.now(), columns, known, comment or "", days, rows))
    del account.dropped[:-MOST]


@command("UNDROP TABLE", proof=document("sql/undrop-table"))
def undrop(session: Session, parser: Parser) -> Result:
    """UNDROP TABLE name: the table of that name that was dropped last; its past before that is gone."""
    from churnobs.testing.tables import has_table

    parser.expect("UNDROP", "TABLE")
    name = session.resolve(parser.parts())
    parser.end()
    session.commit()
    account, now = session.account, session.account.clock.now()
    if has_table(session, name) or account.catalog.views.get(name) is not None:
        raise exists("Object", name)
    there: list[Dropped] = account.dropped
    found = next(
        (one for one in reversed(there) if one.name == name and one.at + dt.timedelta(days=one.days) > now), None
    )
    if found is None:
        raise SqlError(f"SQL compilation error:\nTable {name.name} did not exist or was purged.", 2003, "42S02")
    if found.rows is None:
        raise not_supported(f"UNDROP of a table of more than {past.LONGEST} rows", "keep a clone before dropping")
    _make(session, found)
    there.remove(found)
    account.past.begin(name, now, session.sequence)
    account.past.retention[name] = found.days
    return status(f"Table {name.name} successfully restored.")


def _make(session: Session, found: Dropped) -> None:
    defined = [
        f"{quote(column)} {kind}{'' if nullable else ' NOT NULL'}{f' DEFAULT {default}' if default else ''}"
        for column, kind, nullable, default, _ in found.columns
    ]
    engine = session.engine
    engine.run(f"CREATE TABLE {found.name.sql} ({', '.join(defined)})")
    engine.duck.register("_offline_undropped", found.rows)
    try:
        engine.run(f"INSERT INTO {found.name.sql} SELECT * FROM _offline_undropped")
    finally:
        engine.duck.unregister("_offline_undropped")
    for column, _, _, _, comment in found.columns:
        if comment:
            engine.run(f"COMMENT ON COLUMN {found.name.sql}.{quote(column)} IS {literal(comment)}")
    if found.comment:
        engine.run(f"COMMENT ON TABLE {found.name.sql} IS {literal(found.comment)}")
    declared.note(session, found.name, dict(found.kinds))
