"""PIVOT over the values there are (ANY, or a query) and with a default, and the rows of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.trees import Tree, ident, is_cte, table_name, value_of

if TYPE_CHECKING:
    from churnobs.testing.rewriting import Rewriter


def rewrite(rewriter: Rewriter, tree: Tree) -> None:
    """Put the values that a column has where PIVOT says ANY, and count rows where SAMPLE counts them."""
    for pivot in list(tree.find_all(exp.Pivot)):
        for field in pivot.args.get("fields") or []:
            if isinstance(field, exp.In) and any(isinstance(e, exp.PivotAny) for e in field.expressions):
                field.set("expressions", [_named(value) for value in _values(rewriter, pivot, field.this)])
            elif (
                isinstance(field, exp.In)
                and len(field.expressions) == 1
                and isinstance(field.expressions[0], exp.Query)
            ):
                field.set("expressions", [_named(value) for value in _asked(rewriter, field.expressions[0])])
                pivot.set("columns", None)
        if pivot.args.get("default_on_null"):
            _default(pivot)
    for order in tree.find_all(exp.Order):
        (first,) = order.expressions if len(order.expressions) == 1 else (None,)
        if (
            isinstance(first, exp.Ordered)
            and isinstance(first.this, exp.Column)
            and first.sql().upper().startswith("ALL")
        ):
            first.set("this", exp.var("ALL"))
    for sample in tree.find_all(exp.TableSample):
        if str(sample.args.get("method") or "").upper() in ("BLOCK", "SYSTEM"):
            raise not_supported("SAMPLE of blocks", "sample rows: SAMPLE (10)")
        if sample.args.get("size") is not None:
            sample.set("method", exp.var("RESERVOIR"))


def _named(value: Any) -> Tree:
    """A value and the name of its column: a text keeps its quotes there."""
    shown = f"'{value}'" if isinstance(value, str) else str(value)
    return exp.PivotAlias(this=value_of(value), alias=ident(shown))


def _default(pivot: Any) -> None:
    """DEFAULT ON NULL: the pivoted columns with the default in place of NULL, around the pivot."""
    default = pivot.args["default_on_null"]
    pivot.set("default_on_null", None)
    (field,) = pivot.args["fields"]
    named = [e if isinstance(e, exp.PivotAlias) else _named(_literal(e)) for e in field.expressions]
    field.set("expressions", named)
    pivot.set("columns", None)
    source = pivot.parent
    alias = pivot.args.get("alias")
    pivot.set("alias", None)
    filled = [
        exp.alias_(exp.func("COALESCE", exp.column(e.args["alias"].copy()), default.copy()), e.args["alias"])
        for e in named
    ]
    rows = exp.select(exp.Star(replace=filled)).from_(source.copy())
    source.replace(exp.Subquery(this=rows, alias=alias or exp.TableAlias(this=ident("_pivoted"))))


def _literal(tree: Tree) -> Any:
    if not isinstance(tree, exp.Literal):
        raise not_supported(
            "PIVOT ... DEFAULT ON NULL of values that are no literals", "name the values: IN ('a', 'b')"
        )
    return tree.name if tree.is_string else int(tree.name) if tree.name.isdigit() else float(tree.name)


def _asked(rewriter: Rewriter, query: Tree) -> list[Any]:
    """The values that a query gives, once each and in their order."""
    from churnobs.testing.queries import final

    inner = type(rewriter)(rewriter.session, rewriter.bindings, describe_only=False)
    try:
        sql = final(rewriter.session, inner.query(query.copy()))
        rewriter.dynamic = True
        return sorted({row[0] for row in rewriter.session.engine.query(sql).rows if row[0] is not None})
    finally:
        inner.release()


def _values(rewriter: Rewriter, pivot: Any, column: Tree) -> list[Any]:
    from churnobs.testing.queries import final

    source: Any = pivot.parent
    if isinstance(source, exp.Table) and table_name(source) and is_cte(source, table_name(source)[0]):
        raise not_supported("PIVOT ... IN (ANY) of a WITH query", "name the values: IN ('a', 'b')")
    source = source.copy()
    source.set("pivots", None)
    asked = (
        exp.select(column.copy()).from_(source).where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.null())))
    )
    inner = type(rewriter)(rewriter.session, rewriter.bindings, describe_only=False)
    try:
        sql = final(rewriter.session, inner.query(asked.distinct().order_by(column.copy())))
        rewriter.dynamic = True
        return [value for (value,) in rewriter.session.engine.query(sql).rows]
    finally:
        inner.release()
