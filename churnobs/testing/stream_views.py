"""Streams on views: what changed in the table of a view, seen through its columns and its WHERE."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing.catalog import View
from churnobs.testing.failures import not_supported
from churnobs.testing.names import Name, quote
from churnobs.testing.results import Column, Result
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, ident, table_name

_MORE = (
    exp.Join, exp.Lateral, exp.Group, exp.Having, exp.Distinct, exp.Limit, exp.Qualify, exp.Window, exp.AggFunc, exp.Subquery,
    exp.Exists, exp.SetOperation,
)  # fmt: skip


def base_of(session: Session, view: View) -> Name:
    """The one table that a view picks rows and columns of; other views are refused."""
    if (found := only_table(session, view)) is not None:
        return found
    raise not_supported(
        "an append-only stream on a view that is more than columns and a WHERE of one table",
        "make the streams on the tables",
    )


def only_table(session: Session, view: View) -> Name | None:
    """The table that a view picks rows and columns of, if it does no more than that with one table."""
    tree = parsed(view)
    tables = list(tree.find_all(exp.Table))
    plain = isinstance(tree, exp.Select) and not any(tree.find(kind) for kind in _MORE) and len(tables) == 1
    if plain and isinstance(tables[0].this, exp.Identifier):
        name = session.resolve(table_name(tables[0]))
        if session.account.catalog.views.get(name) is None:
            return name
    return None


def parsed(view: View) -> Tree:
    """The query of a view, its names complete."""
    from churnobs.testing import queries
    from churnobs.testing.views import complete

    tree = queries.parse(view.query)
    for table in tree.find_all(exp.Table):
        complete(table, view)
    return tree


def through(
    session: Session, view: View, kinds: list[Column], changes: pa.Table, metadata: tuple[str, str, str]
) -> pa.Table:
    """Rows that changed in the table as rows of the view; a change that the view does not show is none."""
    from churnobs.testing.queries import final
    from churnobs.testing.rewriting import Rewriter

    tree: Any = parsed(view)
    rewriter = Rewriter(session, (), describe_only=False)
    try:
        (table,) = tree.find_all(exp.Table)
        seen = rewriter.relation(Result(kinds, changes))
        seen.set("alias", table.args.get("alias") or exp.TableAlias(this=ident(table_name(table)[-1])))
        star = any(column.is_star for column in tree.expressions)
        table.replace(seen)
        if not star:
            tree.set("expressions", [*tree.expressions, *(exp.column(ident(name)) for name in metadata)])
        names = [name for name, _ in view.columns]
        action, update, row = (quote(name) for name in metadata)
        listed = ", ".join(map(quote, names))
        inner = final(session, rewriter.query(tree))
        return session.engine.query(
            f"WITH seen AS (SELECT * FROM ({inner}) AS _v({listed}, {action}, {update}, {row})), unchanged AS ("
            f"SELECT {row} FROM (SELECT {listed}, {row} FROM seen WHERE {action} = 'INSERT' "
            f"INTERSECT SELECT {listed}, {row} FROM seen WHERE {action} = 'DELETE')) "
            f"SELECT {listed}, {action}, count(*) OVER (PARTITION BY {row}) > 1 AS {update}, {row} FROM seen "
            f"WHERE {row} NOT IN (FROM unchanged) ORDER BY {row}, {action}"
        ).table
    finally:
        rewriter.release()
