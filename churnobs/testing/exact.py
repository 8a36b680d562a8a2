"""Quotients, means and their like of exact numbers are exact numbers, of as many decimals as Snowflake gives them.

DuckDB answers them as DOUBLE. What type an answer has is told by what it is made of: a number times a DECIMAL(38, d) is a
DECIMAL of d more decimals, and a DOUBLE times it is a DOUBLE; ROUND keeps twelve at most.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.trees import Tree

_SIZED = """CREATE OR REPLACE MACRO memory.main._offline_exact_{0}(v, like_it) AS
    cast_to_type(v, round(like_it * CAST(NULL AS DECIMAL(38,{0})), 12));
"""
_DIVIDE = """CREATE OR REPLACE MACRO memory.main._offline_divide(a, b) AS cast_to_type(
    CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN b = 0 THEN error('Division by zero') ELSE a / b END,
    round(a * CAST(NULL AS DECIMAL(38,6)) + b, 12));
"""
MACROS = "".join(_SIZED.format(decimals) for decimals in (3, 6, 12)) + _DIVIDE
# the decimals that an answer has more than what is given
_DECIMALS: dict[Any, int] = {
    exp.Avg: 6, exp.Variance: 6, exp.VariancePop: 6, exp.Median: 3, exp.PercentileCont: 3, exp.Kurtosis: 12,
}  # fmt: skip
_FLOATS = (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)


def rewrite(tree: Tree) -> None:
    """Give the aggregates of a tree the type that Snowflake gives them."""
    for node in reversed(list(tree.find_all(*_DECIMALS))):
        given: Any = node.this
        if isinstance(node, exp.PercentileCont):
            if not isinstance(node.parent, exp.WithinGroup):
                continue
            given = node.parent.expression.expressions[0].this
        if isinstance(given, exp.Distinct):
            given = given.expressions[0]
        if isinstance(given, exp.Cast) and given.to.this in _FLOATS:
            continue
        whole: Tree = node
        while isinstance(whole.parent, exp.WithinGroup | exp.Filter | exp.Window) and whole.parent.this is whole:
            whole = whole.parent
        # a mean over a window has three decimals more, and not six
        decimals = 3 if isinstance(whole, exp.Window) and isinstance(node, exp.Avg) else _DECIMALS[type(node)]
        made = exp.Anonymous(
            this=f"memory.main._offline_exact_{decimals}",
            expressions=[whole.copy(), _sample(whole, node, given.copy())],
        )
        whole.replace(made)


def _sample(whole: Tree, node: Tree, given: Tree) -> Tree:
    """One of the values, found over the same rows: it has their type."""
    least = exp.Min(this=given)
    found: Tree = whole.copy()
    inner: Any = found
    while isinstance(inner, exp.WithinGroup | exp.Filter | exp.Window):
        if isinstance(inner, exp.WithinGroup) or type(inner) is type(node):
            break
        inner = inner.this
    if inner is found:
        return least
    inner.replace(least)
    return found
