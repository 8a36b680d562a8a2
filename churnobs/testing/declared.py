"""What a column was declared as and DuckDB does not keep: the n of VARCHAR(n), ARRAY, OBJECT and TIMESTAMP_LTZ."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.names import Name, literal, quote
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, folded
from churnobs.testing.typed import TEXTS

LONGEST = 16777216
Told = int | str
_SEMI = {
    exp.DataType.Type.ARRAY: "array", exp.DataType.Type.LIST: "array", exp.DataType.Type.OBJECT: "object",
    exp.DataType.Type.MAP: "object", exp.DataType.Type.STRUCT: "object", exp.DataType.Type.TIMESTAMPLTZ: "timestamp_ltz",
}  # fmt: skip


def told(kind: Tree | None) -> Told | None:
    """The n of VARCHAR(n), "array", "object" or "timestamp_ltz"; None where DuckDB's type says it all."""
    if not isinstance(kind, exp.DataType):
        return None
    if kind.this in _SEMI:
        return _SEMI[kind.this]
    if kind.this not in TEXTS:
        return None
    if not kind.expressions:
        return 1 if kind.this in (exp.DataType.Type.CHAR, exp.DataType.Type.NCHAR) else None
    found = int(kind.expressions[0].name)
    return found if found < LONGEST else None


def defined(tree: Tree) -> dict[str, Told | None]:
    """What the columns of a definition are declared as."""
    return {folded(c.this): told(c.args.get("kind")) for c in tree.find_all(exp.ColumnDef)}


def note(session: Session, held: Name, found: dict[str, Any]) -> None:
    """Keep what a table's columns were declared as, by the name that DuckDB knows it under."""
    kept = {**session.account.catalog.declared.get(held, {}), **found}
    session.account.catalog.declared[held] = {c: n for c, n in kept.items() if n is not None}


def enforce(session: Session, table: Name) -> None:
    """Fail when a change left what a column was not declared for: a text too long, a number in an ARRAY."""
    held = session.physical(table)
    _enforce_kinds(session, held)
    limits = {c: n for c, n in session.account.catalog.declared.get(held, {}).items() if isinstance(n, int)}
    if not limits or not (there := _columns(session, held)):
        return
    for column in limits.keys() & there:
        message = f"'String ' || chr(39) || {quote(column)} || chr(39) || ' is too long and would be truncated'"
        # an error of DuckDB's own, which ends an open transaction as that of any other statement does
        session.engine.run(
            f"SELECT error({message}) FROM {held.sql} WHERE length({quote(column)}) > {limits[column]} LIMIT 1"
        )


def _enforce_kinds(session: Session, held: Name) -> None:
    """Fail when a change left something else than an array in an ARRAY, or than an object in an OBJECT."""
    for column, kind in session.account.catalog.declared.get(held, {}).items():
        if kind in ("array", "object"):
            name, upper = quote(column), str(kind).upper()
            message = f"'Failed to cast variant value ' || CAST({name} AS VARCHAR) || ' to {upper}'"
            session.engine.run(
                f"SELECT error({message}) FROM {held.sql} WHERE json_type({name}) NOT IN ('{upper}', 'NULL') LIMIT 1"
            )


def _columns(session: Session, held: Name) -> set[str]:
    found = session.engine.run(
        "SELECT column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR' AND database_name ="
        f" {literal(held.database)} AND schema_name = {literal(held.schema)} AND table_name = {literal(held.name)}"
    )
    return {name for (name,) in found}
