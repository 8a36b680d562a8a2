"""The lengths of VARCHAR(n): kept beside the tables, since DuckDB does not enforce them."""

from __future__ import annotations

from sqlglot import exp

from churnobs.testing.names import Name, literal, quote
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, folded
from churnobs.testing.typed import TEXTS

LONGEST = 16777216


def length_of(kind: Tree | None) -> int | None:
    """The n of VARCHAR(n); None where a text may be as long as any."""
    if not isinstance(kind, exp.DataType) or kind.this not in TEXTS:
        return None
    if not kind.expressions:
        return 1 if kind.this in (exp.DataType.Type.CHAR, exp.DataType.Type.NCHAR) else None
    found = int(kind.expressions[0].name)
    return found if found < LONGEST else None


def defined(tree: Tree) -> dict[str, int | None]:
    """The lengths that the columns of a definition have; columns of another type have none."""
    return {folded(c.this): length_of(c.args.get("kind")) for c in tree.find_all(exp.ColumnDef)}


def note(session: Session, held: Name, found: dict[str, int | None]) -> None:
    """Keep the lengths of a table's columns, by the name that DuckDB knows it under."""
    kept = {**session.account.catalog.lengths.get(held, {}), **found}
    session.account.catalog.lengths[held] = {c: n for c, n in kept.items() if n is not None}


def enforce(session: Session, table: Name) -> None:
    """Fail when a change left a text that is longer than its column allows."""
    held = session.physical(table)
    limits = session.account.catalog.lengths.get(held, {})
    if not limits or not (there := _columns(session, held)):
        return
    for column in limits.keys() & there:
        told = f"'String ' || chr(39) || {quote(column)} || chr(39) || ' is too long and would be truncated'"
        # an error of DuckDB's own, which ends an open transaction as that of any other statement does
        session.engine.run(
            f"SELECT error({told}) FROM {held.sql} WHERE length({quote(column)}) > {limits[column]} LIMIT 1"
        )


def _columns(session: Session, held: Name) -> set[str]:
    found = session.engine.run(
        "SELECT column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR' AND database_name ="
        f" {literal(held.database)} AND schema_name = {literal(held.schema)} AND table_name = {literal(held.name)}"
    )
    return {name for (name,) in found}
