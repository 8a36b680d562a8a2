"""PIVOT ... IN (ANY) over the values there are, and the rows of a sample."""

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
    for order in tree.find_all(exp.Order):
        (first,) = order.expressions if len(order.expressions) == 1 else (None,)
        if (
            isinstance(first, exp.Ordered)
            and isinstance(first.this, exp.Column)
            and first.sql().upper().startswith("ALL")
        ):
            first.set("this", exp.var("ALL"))
    for sample in tree.find_all(exp.TableSample):
        if sample.args.get("size") is not None:
            sample.set("method", exp.var("RESERVOIR"))


def _named(value: Any) -> Tree:
    """A value and the name of its column: a text keeps its quotes there."""
    shown = f"'{value}'" if isinstance(value, str) else str(value)
    return exp.PivotAlias(this=value_of(value), alias=ident(shown))


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
