"""Where DuckDB would answer otherwise: division, rounding to integers, and VARIANT values among plain ones."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.proof import document
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.trees import Tree, value_of

WHOLE = (exp.DataType.Type.INT, exp.DataType.Type.BIGINT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT)
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.In, exp.NullSafeEQ)
_COUNTED = (
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Neg,
    exp.Sum,
    exp.Avg,
    exp.Stddev,
    exp.Variance,
    exp.Median,
)

# memory.main is there in every session
MACROS = """
CREATE OR REPLACE MACRO memory.main._offline_whole(v) AS CASE
    WHEN typeof(v) IN ('DOUBLE', 'FLOAT') THEN CAST(round(TRY_CAST(v AS DOUBLE)) AS BIGINT) ELSE CAST(v AS BIGINT) END;
"""


def rewrite(tree: Tree) -> None:
    """Put the rules of this module into a tree."""
    for extract in list(tree.find_all(exp.JSONExtract, exp.Bracket, exp.Column)):
        if not isinstance(extract, exp.Column) or extract.meta.get("variant"):
            _variant(extract)
    for cast in list(tree.find_all(exp.Cast)):
        _whole(cast)
    for number in list(tree.find_all(exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8)):
        if number.find_ancestor(exp.Window) is not None:
            number.replace(exp.null())  # a sequence number is a row number already, and the rows have no other order
    for division in reversed(list(tree.find_all(exp.Div))):
        parts = [division.this.copy(), division.expression.copy()]
        division.replace(exp.Anonymous(this="memory.main._offline_divide", expressions=parts))


def _whole(cast: exp.Cast) -> None:
    """Round a double half away from zero; DuckDB rounds half to even."""
    if type(cast) is not exp.Cast:  # TRY_CAST is a kind of it
        return
    size = [int(one.name) for one in cast.to.expressions if one.name.isdigit()]
    plain = cast.to.this in WHOLE or (cast.to.this == exp.DataType.Type.DECIMAL and size in ([], [38], [38, 0]))
    if plain and not isinstance(cast.this, exp.JSONExtract | exp.Literal | exp.Null):
        cast.replace(exp.Anonymous(this="memory.main._offline_whole", expressions=[cast.this.copy()]))


def _variant(extract: Any) -> None:
    """A VARIANT's element beside a text, a number or a truth value is read as one."""
    if isinstance(extract, exp.JSONExtract) and not extract.args.get("variant_extract"):
        return
    above: Any = extract.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    if isinstance(above, exp.DPipe | exp.Concat):
        _as(extract, "TEXT")
    elif isinstance(above, _COUNTED):
        _as(extract, "DOUBLE")
    elif isinstance(above, _COMPARED):
        others = [*above.args.get("expressions", []), above.this, above.args.get("expression")]
        kinds = {_kind(o) for o in others if isinstance(o, exp.Expr) and o is not extract} - {None}
        if len(kinds) == 1:
            _as(extract, str(kinds.pop()))
            return
        for other in others:  # DuckDB would make the value a whole number to compare it with one
            if isinstance(other, exp.Expr) and not isinstance(
                other, exp.Literal | exp.JSONExtract | exp.Bracket | exp.Null
            ):
                other.replace(exp.Anonymous(this="memory.main._offline_beside", expressions=[other.copy()]))
    else:
        _placed(extract, above)


def _placed(extract: Any, above: Any) -> None:
    """An element in CASE, BETWEEN, MIN, MAX or ORDER BY."""
    if isinstance(above, exp.Case | exp.Between) and extract.arg_key == "this":
        others = [above.args.get("low"), above.args.get("high"), *(one.this for one in above.args.get("ifs") or [])]
        kinds = {_kind(one) for one in others if isinstance(one, exp.Expr)}
        if len(kinds) == 1 and (only := kinds.pop()) is not None:
            _as(extract, only)
    elif isinstance(above, exp.Max | exp.Min):
        found = "arg_max" if isinstance(above, exp.Max) else "arg_min"
        above.replace(exp.Anonymous(this=found, expressions=[extract.copy(), _in_order(extract)]))
    elif isinstance(above, exp.Ordered):
        select = extract.parent_select
        if select is None or not (
            select.args.get("group") or select.args.get("distinct")
        ):  # DuckDB finds a key of GROUP BY only as it is written there
            extract.replace(_in_order(extract))


def _in_order(extract: Tree) -> Tree:
    """What orders VARIANT values: numbers by size, and not by their digits."""
    return exp.Anonymous(this="memory.main._offline_sortable", expressions=[extract.copy()])


def _kind(tree: Tree) -> str | None:
    tree = tree.this if isinstance(tree, exp.Neg) else tree
    if isinstance(tree, exp.Boolean):
        return "BOOLEAN"
    if isinstance(tree, exp.Literal):
        return "TEXT" if tree.is_string else "DOUBLE"
    return None


def _as(extract: Tree, kind: str) -> None:
    extract.replace(exp.cast(extract.copy(), kind))


@scalar("OBJECT_INSERT", "MAP_INSERT", proof=document("functions/object_insert"))
def object_insert(_rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """OBJECT_INSERT(object, key, value [, update]); NULL for a value is no value."""
    from churnobs.testing.typed import macro

    update = args[3].copy() if len(args) > 3 else exp.false()
    return macro(
        "object_insert", macro("variant", args[0].copy()), args[1].copy(), macro("variant", args[2].copy()), update
    )


@scalar("SYSTEM$WAIT", proof=document("functions/system_wait"))
def wait(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$WAIT(n [, unit]): nothing runs meanwhile, so nothing is waited for."""
    amount = rewriter.evaluate(args[0])
    unit = str(rewriter.evaluate(args[1])).lower() if len(args) > 1 else "seconds"
    return value_of(f"waited {amount} {unit}")
