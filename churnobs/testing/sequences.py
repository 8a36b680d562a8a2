"""Sequences: the one that a name means, and those of AUTOINCREMENT, which lie beside their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlglot import exp

from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, folded, ident


def rewrite(session: Session, tree: Tree) -> None:
    """Put the next number of a sequence where sequence.NEXTVAL stands; a column of that name is left alone."""
    for column in list(tree.find_all(exp.Column)):
        if column.name.upper() != "NEXTVAL" or not column.table:
            continue
        parts = tuple(folded(column.args[key]) for key in ("catalog", "db", "table") if column.args.get(key))
        try:
            name = session.resolve(parts)
        except SqlError:
            continue
        if not _is_there(session, name):
            continue
        asked: Tree = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(name.sql)])
        column.replace(exp.alias_(asked, ident("NEXTVAL")) if isinstance(column.parent, exp.Select) else asked)


def _is_there(session: Session, name: Name) -> bool:
    asked = "SELECT 1 FROM duckdb_sequences() WHERE (database_name, schema_name, sequence_name) = (?, ?, ?)"
    return bool(session.engine.duck.execute(asked, [name.database, name.schema, name.name]).fetchall())


def beside(table: Name, parts: Iterable[Tree]) -> Iterator[Tree]:
    """The statements that make a table; what AUTOINCREMENT counts with lies in the table's schema."""
    made: dict[str, Name] = {}
    for part in parts:
        held: Any = part.this
        if isinstance(part, exp.Create) and part.kind == "SEQUENCE":
            made[held.name] = Name(table.database, table.schema, held.name)
            held.set("db", ident(table.schema))
            held.set("catalog", ident(table.database))
        for number in part.find_all(exp.Literal):
            if number.is_string and number.name in made:
                number.replace(exp.Literal.string(made[number.name].sql))
        yield part
