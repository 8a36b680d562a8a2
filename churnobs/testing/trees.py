"""Small rules over sqlglot's trees: names, literals, calls, as-of joins, names of columns."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from churnobs.testing.failures import not_supported
from churnobs.testing.lexer import tokens
from churnobs.testing.names import split_name
from churnobs.testing.results import Result

Tree = exp.Expr


def table_name(node: exp.Table) -> tuple[str, ...]:
    """The folded parts of a table's name."""
    return tuple(folded(part) for part in node.parts if isinstance(part, exp.Identifier))


def folded(part: exp.Identifier) -> str:
    """An identifier as Snowflake reads it."""
    return part.name if part.quoted else part.name.upper()


def ident(name: str) -> exp.Identifier:
    """A quoted identifier."""
    return exp.to_identifier(name, quoted=True)


def value_of(value: Any) -> Tree:
    """A Python value as a literal."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | float | Decimal):
        return exp.Literal.number(str(value)) if value >= 0 else exp.Neg(this=exp.Literal.number(str(-value)))
    if isinstance(value, dt.datetime):
        kind = "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP"
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), kind)
    if isinstance(value, dt.date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    if isinstance(value, dt.time):
        return exp.cast(exp.Literal.string(value.isoformat()), "TIME")
    if isinstance(value, bytes):
        return exp.func("FROM_HEX", exp.Literal.string(value.hex()))
    return exp.Literal.string(str(value))


def moment_of(tree: Tree) -> dt.datetime | dt.date | None:
    """The value of '2024-01-31'::DATE and the like, without asking DuckDB."""
    kinds = {
        exp.DataType.Type.DATE: dt.date,
        exp.DataType.Type.TIMESTAMP: dt.datetime,
        exp.DataType.Type.TIMESTAMPNTZ: dt.datetime,
    }
    if type(tree) is not exp.Cast or not isinstance(tree.this, exp.Literal) or tree.to.this not in kinds:
        return None
    try:
        return kinds[tree.to.this].fromisoformat(tree.this.name)
    except ValueError:
        return None


def call_of(node: Tree) -> tuple[tuple[str, ...], list[Tree], dict[str, Tree]]:
    """The folded name of a call, its arguments in order and those given by name."""
    path: list[str] = []
    while isinstance(node, exp.Dot):
        path += [folded(p) for p in node.this.find_all(exp.Identifier, bfs=False)]
        node = node.expression
    if isinstance(node, exp.Anonymous):
        path.append(str(node.this).upper() if isinstance(node.this, str) else folded(node.this))
        given = list(node.expressions)
    elif isinstance(node, exp.Func):
        path.append(node.sql_name().upper())
        held = [node.args.get(key) for key in node.arg_types]
        given = [a for one in held for a in (one if isinstance(one, list) else [one]) if isinstance(a, exp.Expr)]
    else:
        return (), [], {}
    args = [a for a in given if not isinstance(a, exp.Kwarg)]
    named = {a.this.name.upper(): a.expression for a in given if isinstance(a, exp.Kwarg)}
    return tuple(path), args, named


def unique(names: list[str]) -> list[str]:
    """Make repeated names different, the way DuckDB does."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
    return made


def json_columns(found: Result) -> set[str]:
    """The columns that hold VARIANT, OBJECT or ARRAY."""
    return {c.name for c in found.columns if c.kind in ("variant", "object", "array")}


def dynamic_identifier(node: Tree) -> Tree:
    """IDENTIFIER('name') as the name it stands for."""
    inner = node.this if isinstance(node, exp.Table) else node
    if isinstance(inner, exp.Anonymous) and str(inner.this).upper() == "IDENTIFIER":
        argument = inner.expressions[0]
    elif isinstance(inner, exp.DynamicIdentifier):
        argument = inner.this
    else:
        return node
    parts = [ident(p) for p in split_name(argument.name)]
    if isinstance(node, exp.Table):
        made = exp.Table(
            this=parts[-1], db=parts[-2] if len(parts) > 1 else None, catalog=parts[0] if len(parts) > 2 else None
        )
        for key in ("alias", "joins", "laterals", "sample"):
            if node.args.get(key):
                made.set(key, node.args[key])
        return made
    return exp.column(parts[-1], table=parts[-2] if len(parts) > 1 else None)


def as_of_join(join: exp.Join) -> None:
    """Turn ASOF JOIN ... MATCH_CONDITION into DuckDB's left as-of join, which keeps unmatched rows as Snowflake does."""
    condition = join.args.get("match_condition")
    if condition is None:
        return
    join.set("match_condition", None)
    join.set("side", "LEFT")
    on = join.args.get("on")
    using = join.args.get("using")
    if using:
        on = _equal_keys(join, using)
    condition = condition.unnest() if isinstance(condition, exp.Paren) else condition
    join.set("on", exp.and_(on, condition) if on is not None else condition)


def _equal_keys(join: exp.Join, keys: list[exp.Identifier]) -> Tree:
    """USING of an as-of join: equal keys, which a bare name or star has once, from the left."""
    above: Any = join.parent
    left: Any = above.args["from_"].this if isinstance(above, exp.Select) else above
    right: Any = join.this
    if above.args["joins"] != [join] or not left.alias_or_name or not right.alias_or_name:
        raise not_supported("ASOF JOIN ... USING of more than two tables", "write ON a.k = b.k")
    names = [
        (side.args["alias"].this if side.args.get("alias") else side.this).copy() for side in (left, right)
    ]  # as they are spelled
    join.set("using", None)
    rest = exp.Star(except_=[key.copy() for key in keys])
    both = [exp.Column(this=exp.Star(), table=names[0].copy()), exp.Column(this=rest, table=names[1].copy())]
    if isinstance(above, exp.Select):
        folded_keys = {folded(key) for key in keys}
        for column in list(above.find_all(exp.Column)):
            bare = not column.table and isinstance(column.this, exp.Identifier) and column.parent_select is above
            if bare and folded(column.this) in folded_keys:
                column.set("table", names[0].copy())
        shown = [each for one in above.expressions for each in (both if type(one) is exp.Star else [one])]
        above.set("expressions", shown)
    else:  # (a ASOF JOIN b) in parentheses
        above.set("joins", None)
        whole: Any = above.parent
        whole.set("this", exp.select(*both).from_(above.copy()).join(join, copy=False))
    return exp.and_(
        *(
            exp.EQ(this=exp.column(key.copy(), names[0].copy()), expression=exp.column(key.copy(), names[1].copy()))
            for key in keys
        )
    )


def name_columns(select: exp.Select) -> None:
    """Name the columns that have no name the way Snowflake does: by their text."""
    for place, column in enumerate(select.expressions):
        plain = isinstance(column, exp.Dot) and column.find(exp.Func) is None
        if plain or isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Identifier) or column.is_star:
            continue
        text = column.meta.get("text") or column.sql(dialect="snowflake")
        select.expressions[place].replace(exp.alias_(column.copy(), ident(shown(text)), quoted=True))


def shown(text: str) -> str:
    """A column's text as its name: upper case, but for what stands in double quotes."""
    return "".join(t if t.startswith('"') else t.upper() for t in _pieces(text))


def _pieces(text: str) -> list[str]:
    pieces, at = [], 0
    for token in tokens(text):
        if token.kind == "quoted":
            pieces += [text[at : token.start], token.text]
            at = token.end
    return [*pieces, text[at:]]


def duck_sql(tree: Tree) -> str:
    """A tree in DuckDB's SQL; what its generator would leave out with a warning is refused."""
    try:
        return tree.sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        what = re.split(r" (?:is|are) not supported| cannot be| not supported", str(error).split("\n")[0])[0]
        raise not_supported(what, "rewrite the statement without it") from error


def present(tree: Tree) -> None:
    """Let CURRENT_TIMESTAMP and its like follow the account's clock."""
    for node in list(tree.find_all(exp.CurrentTimestamp, exp.CurrentDate, exp.Localtime, exp.CurrentTime)):
        moment: Tree = exp.Anonymous(this="memory.main._offline_now")
        if not isinstance(node, exp.CurrentTimestamp) or node.args.get("sysdate"):
            moment = exp.cast(moment, "TIMESTAMPNTZ")
        if not isinstance(node, exp.CurrentTimestamp):
            moment = exp.cast(moment, "DATE" if isinstance(node, exp.CurrentDate) else "TIME")
        node.replace(moment)


_CLAUSES: dict[Any, tuple[str, str]] = {
    exp.MatchRecognize: ("MATCH_RECOGNIZE", "number the rows with window functions"),
    exp.Connect: ("CONNECT BY", "use WITH RECURSIVE"),
    exp.SemanticView: ("SEMANTIC_VIEW(...)", "query the tables"),
    exp.DirectoryStage: ("DIRECTORY(...)", "use LIST"),
}


def refuse_clauses(tree: Tree) -> None:
    """Refuse the parts of a query that DuckDB has not."""
    for found in tree.find_all(*_CLAUSES):
        raise not_supported(*_CLAUSES[type(found)])
    refuse_types(tree)


def positions_by_name(tree: Tree) -> None:
    """Read "$1" as $1, the first column of what is selected from."""
    for column in list(tree.find_all(exp.Column)):
        if re.fullmatch(r"\$\d+", column.name) and not column.table:
            column.replace(exp.Parameter(this=exp.Literal.number(column.name[1:])))


def refuse_types(tree: Tree) -> None:
    """Refuse the types whose values DuckDB cannot hold; BINARY has no length there."""
    for kind in tree.find_all(exp.DataType):
        if kind.this == exp.DataType.Type.VECTOR:
            raise not_supported("the type VECTOR", "use ARRAY")
        if kind.this in (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY):
            kind.set("expressions", None)


def is_macro(call: Tree) -> bool:
    """Whether a call is one of this package's macros, put there by an earlier rewriting."""
    return isinstance(call, exp.Anonymous) and str(call.this).startswith("memory.main._offline_")


def is_target(node: exp.Table) -> bool:
    """Whether a table is what a statement changes, and not what it reads."""
    holder: Tree = node.parent if isinstance(node.parent, exp.Schema) else node
    return isinstance(holder.parent, exp.Insert | exp.Update | exp.Delete | exp.Merge) and holder.arg_key == "this"


def is_cte(node: exp.Table, name: str) -> bool:
    """Whether a name stands for a query of a WITH around it."""
    above: Tree | None = node
    while above is not None:
        held = above.args.get("with_")
        if held is not None and any(folded(cte.args["alias"].this) == name for cte in held.expressions):
            return True
        above = above.parent
    return False
