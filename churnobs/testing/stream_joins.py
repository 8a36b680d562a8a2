"""Streams on views that join tables: the view's rows at the offset and now, known by the places of the rows they are made of.

As in Snowflake, a view may pick columns and rows, join (inner, cross) and nest these; it may not aggregate or limit.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing.catalog import View
from churnobs.testing.failures import not_supported
from churnobs.testing.names import Name, quote
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, ident, table_name

ROW = "_rowid"
_PLACE = "_PLACE_"
_MORE = (
    exp.With, exp.Lateral, exp.Group, exp.Having, exp.Distinct, exp.Limit, exp.Offset, exp.Qualify, exp.Window,
    exp.AggFunc, exp.Exists,
    exp.SetOperation, exp.Pivot,
)  # fmt: skip


class _Places:
    """Let every SELECT of a view carry the places of the rows of the tables below it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.bases: list[Name] = []
        self.views: list[Name] = []

    def select(self, tree: Tree, view: View) -> list[str]:
        """Add the places to a SELECT; their names."""
        if not isinstance(tree, exp.Select) or any(tree.find(kind) for kind in _MORE):
            raise _refused()
        start = tree.args.get("from_") or tree.args.get("from")
        if start is None or len(list(tree.find_all(exp.Select))) != len(_selects_of_sources(tree)):
            raise _refused()
        found = self.sources(start.this, tree.args.get("joins") or [], view)
        if not any(isinstance(one, exp.Star) for one in tree.expressions):
            starred = {one.table for one in tree.expressions if isinstance(one, exp.Column) and one.is_star}
            added = [name for alias, names in found for name in names if alias not in starred]
            tree.set("expressions", [*tree.expressions, *(exp.column(ident(name)) for name in added)])
        return [name for _, names in found for name in names]

    def sources(self, first: Tree, joins: list[exp.Join], view: View) -> list[tuple[str, list[str]]]:
        """What a FROM and its joins bring: their aliases and places."""
        found = []
        for join in joins:
            if join.side or join.kind.upper() not in ("", "INNER", "CROSS") or join.args.get("method"):
                raise _refused()
        for source in (first, *(join.this for join in joins)):
            nested = source.args.get("joins") or []
            brought, stands = self.source(source, view)
            found += brought
            if nested:
                stands.set("joins", nested)
                (_, *rest) = self.sources(exp.Null(), nested, view)
                found += rest
        return found

    def source(self, source: Tree, view: View) -> tuple[list[tuple[str, list[str]]], Tree]:
        """Put a table with its places, or a view's query, where the table stands; what it brings, and what stands there."""
        if isinstance(source, exp.Null):
            return [("", [])], source
        if isinstance(source, exp.Subquery):
            inner = source.this
            if isinstance(inner, exp.Select):
                return [(source.alias, self.select(inner, view))], source
            return self.sources(inner, [], view), source
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            raise _refused()
        name = self.session.resolve(table_name(source))
        alias = source.args.get("alias") or exp.TableAlias(this=ident(name.name))
        if (under := self.session.account.catalog.views.get(name)) is not None:
            from churnobs.testing.stream_views import parsed

            inner, places = self._of_view(parsed(under), under)
            self.views.append(name)
        else:
            place = f"{_PLACE}{len(self.bases)}"
            places = [place]
            inner = exp.select("*", exp.alias_(exp.column(ident("ROWID")), ident(place)))
            inner = inner.from_(
                exp.Table(this=source.this, db=source.args.get("db"), catalog=source.args.get("catalog"))
            )
            self.bases.append(name)
        made = exp.Subquery(this=inner, alias=alias)
        source.replace(made)
        return [(alias.name, places)], made

    def _of_view(self, tree: Any, view: View) -> tuple[Tree, list[str]]:
        places = self.select(tree, view)
        if not view.columns:
            return tree, places
        star = exp.Star(except_=[ident(place) for place in places])
        names = exp.TableAlias(this=ident("_V"), columns=[ident(name) for name, _ in view.columns])
        held = exp.Subquery(
            this=exp.select(star, *(exp.column(ident(p)) for p in places)).from_(exp.Subquery(this=tree))
        )
        names.set("columns", [*names.args["columns"], *(ident(place) for place in places)])
        held.set("alias", names)
        return exp.select("*").from_(held), places


def _selects_of_sources(tree: exp.Select) -> list[Any]:
    """The SELECTs that stand in FROM and in joins, with the outermost: a stream may read no other subquery."""
    return [
        one
        for one in tree.find_all(exp.Select)
        if one is tree
        or (isinstance(one.parent, exp.Subquery) and isinstance(one.parent.parent, (exp.From, exp.Join, exp.Subquery)))
    ]


def _refused() -> Exception:
    return not_supported(
        "a stream on a view that is more than columns, WHERE and inner joins of tables",
        "make the streams on the tables",
    )


def query(session: Session, view: View) -> tuple[str, list[Name], list[Name]]:
    """The query of a view's rows with their places, in DuckDB's words, and the tables and the views below it.

    Raises:
        SqlError: the view does more than a stream can follow.
    """
    from churnobs.testing.queries import final
    from churnobs.testing.rewriting import Rewriter
    from churnobs.testing.stream_views import parsed

    tree: Any = parsed(view)
    places = _Places(session)
    names = places.select(tree, view)
    rewriter = Rewriter(session, (), describe_only=False)
    rewriter.checks = False  # a view reads with its owner's rights
    try:
        sql = final(session, rewriter.query(tree)).replace('"ROWID"', "rowid").replace("ROWID", "rowid")
        if rewriter.dynamic or any(name in session.shared.temporary for name in places.bases):
            raise _refused()
    finally:
        rewriter.release()
    listed = ", ".join(quote(name) for name in names)
    row = f"concat_ws('.', {listed})"
    return f"SELECT {row} AS {ROW}, * EXCLUDE ({listed}) FROM ({sql})", list(dict.fromkeys(places.bases)), places.views


def rows(session: Session, view: View) -> pa.Table:
    """The rows of a joined view that every session sees, with their places in the first column."""
    sql, *_ = query(session, view)
    found = session.engine.engine.root.cursor().sql(sql).to_arrow_table()
    return found.rename_columns([ROW, *(name for name, _ in view.columns)])
