"""What Snowflake tells of a query's columns and DuckDB does not: NOT NULL, ARRAY, OBJECT or TIMESTAMP_LTZ, the n of VARCHAR(n).

The query is read as it was written. A column is followed to the table, view or subquery that it comes from; where that is not
certain, nothing is told of it, and it is what DuckDB says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from churnobs.testing.declared import Told, told
from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name
from churnobs.testing.results import Column
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, call_of, folded, table_name


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one column."""

    kind: Told | None = None
    nullable: bool = True
    variant: bool = False


UNKNOWN, VARIANT = Fact(), Fact(variant=True)
SURE = Fact(nullable=False)
Facts = list[tuple[str, Fact]]
_ARRAYS = {
    "ARRAY", "ARRAYS_ZIP", "ARRAY_AGG", "ARRAY_APPEND", "ARRAY_CAT", "ARRAY_COMPACT", "ARRAY_CONCAT", "ARRAY_CONSTRUCT",
    "ARRAY_CONSTRUCT_COMPACT", "ARRAY_DISTINCT", "ARRAY_EXCEPT", "ARRAY_FILTER", "ARRAY_FLATTEN", "ARRAY_GENERATE_RANGE",
    "ARRAY_INSERT", "ARRAY_INTERSECT", "ARRAY_INTERSECTION", "ARRAY_PREPEND", "ARRAY_REMOVE", "ARRAY_REMOVE_AT",
    "ARRAY_REVERSE", "ARRAY_SLICE", "ARRAY_SORT", "ARRAY_UNION_AGG", "ARRAY_UNIQUE", "ARRAY_UNIQUE_AGG", "AS_ARRAY",
    "FILTER", "MAP_KEYS", "OBJECT_KEYS", "SORT_ARRAY", "SPLIT", "STRING_TO_ARRAY", "STRTOK_TO_ARRAY", "TO_ARRAY",
    "TRANSFORM",
}  # fmt: skip
_OBJECTS = {
    "AS_OBJECT", "JSON_OBJECT", "JSON_OBJECT_AGG", "J_S_O_N_OBJECT", "J_S_O_N_OBJECT_AGG", "MAP_CAT", "MAP_DELETE",
    "MAP_INSERT", "MAP_PICK", "OBJECT_AGG", "OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL", "OBJECT_DELETE",
    "OBJECT_INSERT", "OBJECT_PICK", "PARSE_URL", "STAR_MAP", "STRUCT", "TO_OBJECT", "VAR_MAP",
}  # fmt: skip
_COUNTED = (
    exp.Count,
    exp.CountIf,
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.ApproxDistinct,
    exp.Seq1,
    exp.Seq2,
    exp.Seq4,
    exp.Seq8,
)
_SAME = (exp.Max, exp.Min, exp.AnyValue, exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead, exp.Mode)
_CHOSEN = (exp.Coalesce, exp.If, exp.Case)
_FLATTENED = {"SEQ": UNKNOWN, "KEY": UNKNOWN, "PATH": UNKNOWN, "INDEX": UNKNOWN, "VALUE": VARIANT, "THIS": VARIANT}


def described(facts: Facts | None, columns: Sequence[Column]) -> list[Column]:
    """The columns of a query's result, with what is known of them."""
    if facts is None or len(facts) != len(columns):
        return list(columns)
    return [told_more(column, fact) for column, (_, fact) in zip(columns, facts, strict=True)]


def told_more(column: Column, fact: Fact) -> Column:
    """A column with what is known of it beside its type."""
    made = replace(column, nullable=column.nullable and fact.nullable)
    if isinstance(fact.kind, str) and column.kind == ("timestamp_tz" if fact.kind == "timestamp_ltz" else "variant"):
        return replace(made, kind=fact.kind)
    if column.kind == "text" and isinstance(fact.kind, int):
        return replace(made, length=fact.kind)
    return made


def facts_of(session: Session, tree: Tree) -> Facts | None:
    """The names of the columns of a query, or of one in a statement, with what is known; None where not even they are known.

    The columns within the query that hold a VARIANT are marked so in their ``meta``.
    """
    query = tree if isinstance(tree, exp.Query) else tree.args.get("expression")
    if not isinstance(query, exp.Query):
        return None
    return _Reader(session, session.engine.database, session.engine.schema).query(query, {})


@dataclass(slots=True)
class _Source:
    name: str
    facts: Facts | None
    nullable: bool = False


@dataclass(slots=True)
class _Scope:
    """What a SELECT reads from."""

    sources: list[_Source] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)  # USING shows a column once

    def find(self, column: exp.Column) -> Fact:
        name = folded(column.this) if isinstance(column.this, exp.Identifier) else ""
        table = folded(column.args["table"]) if column.args.get("table") else None
        found = []
        for source in self.sources:
            if table not in (None, source.name):
                continue
            if source.facts is None:
                return UNKNOWN
            found += [replace(f, nullable=f.nullable or source.nullable) for n, f in source.facts if n == name]
        return found[0] if len(found) == 1 and (table is not None or name not in self.merged) else UNKNOWN

    def at(self, place: str) -> Fact:
        """What is known of $n."""
        facts = self.sources[0].facts if len(self.sources) == 1 else None
        return facts[int(place) - 1][1] if facts and place.isdigit() and 0 < int(place) <= len(facts) else UNKNOWN

    def all(self, table: str | None = None) -> Facts | None:
        made: Facts = []
        for source in self.sources:
            if table not in (None, source.name):
                continue
            if source.facts is None or (self.merged and table is None):
                return None
            made += [(n, replace(f, nullable=f.nullable or source.nullable)) for n, f in source.facts]
        return made


class _Reader:
    """Reads queries as one that stands in a database and a schema."""

    def __init__(self, session: Session, database: str | None, schema: str | None, depth: int = 0) -> None:
        self.session = session
        self.place = (database, schema)
        self.depth = depth

    def query(self, tree: Any, named: dict[str, Facts | None]) -> Facts | None:
        if isinstance(tree, exp.Subquery | exp.Paren):
            if tree.args.get("pivots"):
                return None
            return _renamed(tree, self.query(tree.this, named))
        if (held := tree.args.get("with_")) is not None:
            named = dict(named)
            for cte in held.expressions:
                named[folded(cte.args["alias"].this)] = None if held.args.get("recursive") else _renamed(
                    cte, self.query(cte.this, named)
                )  # fmt: skip
        if isinstance(tree, exp.SetOperation):
            left, right = self.query(tree.this, named), self.query(tree.expression, named)
            if left is None or right is None or len(left) != len(right) or tree.args.get("by_name"):
                return None
            return [(n, _either([one, other])) for (n, one), (_, other) in zip(left, right, strict=True)]
        if isinstance(tree, exp.Values):
            return self._values(tree)
        return self._select(tree, named) if isinstance(tree, exp.Select) else None

    def _select(self, tree: exp.Select, named: dict[str, Facts | None]) -> Facts | None:
        scope = _Scope()
        first = tree.args.get("from_")
        for at, node in enumerate([first, *(tree.args.get("joins") or []), *(tree.args.get("laterals") or [])]):
            if node is not None:
                self._read(scope, node, named, first=at == 0)
        for column in tree.find_all(exp.Column):
            if column.parent_select is tree and scope.find(column).variant:
                column.meta["variant"] = True
        made: Facts = []
        for one in tree.expressions:
            if isinstance(one, exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star)):
                star = one if isinstance(one, exp.Star) else one.this
                if any(star.args.get(key) for key in ("except_", "replace", "rename", "ilike")):
                    return None
                table = folded(one.args["table"]) if isinstance(one, exp.Column) else None
                if (found := scope.all(table)) is None:
                    return None
                made += found
            else:
                name = one.args["alias"] if isinstance(one, exp.Alias) else one.this
                shown = folded(name) if isinstance(name, exp.Identifier) else ""
                made.append((shown, self._value(one, scope)))
        return made

    def _read(self, scope: _Scope, node: Any, named: dict[str, Facts | None], *, first: bool) -> None:
        side = str(node.args.get("side") or "").upper() if isinstance(node, exp.Join) else ""
        if not first and side in ("RIGHT", "FULL"):
            for source in scope.sources:
                source.nullable = True
        held: Any = node.this if isinstance(node, exp.From | exp.Join) else node
        outer = side in ("LEFT", "FULL") or (isinstance(node, exp.Join) and node.args.get("method") == "ASOF")
        kind = str(node.args.get("kind") or "").upper() if isinstance(node, exp.Join) else ""
        if kind in ("SEMI", "ANTI"):
            return
        name, facts = self._source(held, named)
        if isinstance(node, exp.Join):
            scope.merged |= {folded(one) for one in node.args.get("using") or []}
            facts = facts if str(node.args.get("method") or "").upper() != "NATURAL" else None
        scope.sources.append(_Source(name, facts, outer))
        for key in ("joins", "laterals"):
            for more in held.args.get(key) or []:
                self._read(scope, more, named, first=False)

    def _source(self, node: Any, named: dict[str, Facts | None]) -> tuple[str, Facts | None]:
        alias = node.args.get("alias")
        name = folded(alias.this) if alias is not None and alias.args.get("this") is not None else ""
        if any(node.args.get(key) for key in ("pivots", "when", "changes")):
            return name, None
        if isinstance(node, exp.Subquery | exp.Values):
            return name, self.query(node, named) if isinstance(node, exp.Subquery) else _renamed(
                node, self._values(node)
            )
        if isinstance(node, exp.Lateral | exp.TableFromRows):
            flat = isinstance(node.this, exp.Explode)
            return name, _renamed(node, list(_FLATTENED.items())) if flat else None
        if not isinstance(node, exp.Table) or not (parts := table_name(node)):
            return name, None
        if len(parts) == 1 and parts[0] in named:
            return name or parts[0], _renamed(node, named[parts[0]])
        return name or parts[-1], _renamed(node, self._table(parts))

    def _table(self, parts: tuple[str, ...]) -> Facts | None:
        from churnobs.testing import queries
        from churnobs.testing.show import described as stored

        full = (*(self.place[: 3 - len(parts)]), *parts) if len(parts) < 3 else parts
        if self.place[0] is None or None in full or len(full) != 3 or "INFORMATION_SCHEMA" in full or self.depth > 8:
            return None
        name = Name(*full)  # type: ignore[arg-type]
        view = self.session.account.catalog.views.get(name)
        if view is not None:
            if view.temporary and view.owner_session is not self.session.shared:
                return None
            inner = _Reader(self.session, view.database, view.schema, self.depth + 1)
            found = inner.query(queries.parse(view.query), {})
            if found is None or len(found) != len(view.columns):
                return None
            return [(n, fact) for (n, _), (_, fact) in zip(view.columns, found, strict=True)]
        try:
            columns = stored(self.session, name)
        except SqlError:
            return None
        return [(c.name, Fact(_declared(c), c.nullable, c.kind == "variant")) for c, _, _ in columns]

    def _values(self, tree: exp.Values) -> Facts:
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in tree.expressions]
        columns = zip(*rows, strict=False)
        return [
            (f"COLUMN{at + 1}", _either([self._value(v, _Scope()) for v in held])) for at, held in enumerate(columns)
        ]

    def _value(self, tree: Any, scope: _Scope) -> Fact:  # noqa: PLR0912  # one answer a kind of expression
        if isinstance(tree, exp.Alias | exp.Paren):
            return self._value(tree.this, scope)
        if isinstance(tree, exp.Column):
            return scope.find(tree)
        if isinstance(tree, exp.Literal):
            return Fact(max(len(tree.name), 1) if tree.is_string else None, nullable=False)
        if isinstance(tree, exp.Parameter):
            return scope.at(tree.this.name)
        if isinstance(tree, (exp.Boolean, exp.Is, *_COUNTED)):
            return SURE
        if isinstance(tree, exp.CurrentTimestamp) and not tree.args.get("sysdate"):
            return Fact("timestamp_ltz", nullable=False)
        if isinstance(tree, exp.Cast):
            inner = self._value(tree.this, scope)
            is_variant = tree.to.this == exp.DataType.Type.VARIANT
            return Fact(told(tree.to), inner.nullable or isinstance(tree, exp.TryCast), is_variant)
        if isinstance(tree, exp.ParseJSON | exp.ToVariant | exp.JSONExtract | exp.Bracket):
            return VARIANT
        if isinstance(tree, exp.Neg | exp.Not):
            return Fact(nullable=self._value(tree.this, scope).nullable)
        if isinstance(tree, exp.Window | exp.Filter | exp.WithinGroup):
            return self._value(tree.this, scope)
        if isinstance(tree, _SAME):
            return replace(self._value(tree.this, scope), nullable=True)
        if isinstance(tree, _CHOSEN):
            return self._chosen(tree, scope)
        if isinstance(tree, exp.Binary) and not isinstance(tree, exp.Func | exp.Dot | exp.JSONExtract | exp.Bracket):
            sides = [self._value(side, scope) for side in (tree.this, tree.expression)]
            return Fact(nullable=any(one.nullable for one in sides))
        return Fact(self._returned(tree))

    def _chosen(self, tree: Any, scope: _Scope) -> Fact:
        if isinstance(tree, exp.Coalesce):
            parts = [self._value(one, scope) for one in (tree.this, *tree.expressions)]
            return Fact(_either(parts).kind, all(one.nullable for one in parts))
        ifs = tree.args["ifs"] if isinstance(tree, exp.Case) else [tree]
        last = tree.args.get("default" if isinstance(tree, exp.Case) else "false")
        branches = [one.args["true"] for one in ifs] + ([last] if last is not None else [])
        parts = [self._value(one, scope) for one in branches if not isinstance(one, exp.Null)]
        made = _either(parts) if parts else UNKNOWN
        certain = last is not None and len(parts) == len(branches)
        return Fact(made.kind, made.nullable or not certain)

    def _returned(self, tree: Any) -> Told | None:
        """What a function gives that always gives an ARRAY or an OBJECT, and what the user's own is declared to give."""
        path, args, named = call_of(tree) if isinstance(tree, exp.Func | exp.Dot) else ((), [], {})
        if not path:
            return None
        if path[-1] in _ARRAYS or path[-1] in _OBJECTS:
            return "array" if path[-1] in _ARRAYS else "object"
        if path[-1] in ("TO_TIMESTAMP_LTZ", "TIMESTAMP_LTZ_FROM_PARTS"):
            return "timestamp_ltz"
        if isinstance(tree, exp.Anonymous | exp.Dot) and len(path) <= 3 and None not in self.place:
            from churnobs.testing.routines import overloads

            full = Name(*(*(self.place[: 3 - len(path)]), *path))  # type: ignore[arg-type]
            codes = overloads(self.session, "Function", full, len(args) + len(named))
            if codes and codes[0].returns is not None:
                return _declared(codes[0].returns)
        return None


def _declared(column: Column) -> Told | None:
    return column.kind if column.kind in ("array", "object", "timestamp_ltz") else column.length


def _either(facts: Sequence[Fact]) -> Fact:
    """What is known of a value that is one of several; the longest of texts."""
    kinds = [one.kind for one in facts]
    if all(isinstance(kind, int) for kind in kinds):
        made: Told | None = max(kind for kind in kinds if isinstance(kind, int))
    else:
        made = kinds[0] if len(set(kinds)) == 1 else None
    return Fact(made, any(one.nullable for one in facts), all(one.variant for one in facts))


def _renamed(node: Any, facts: Facts | None) -> Facts | None:
    """The columns under the names that an alias gives them: AS t(a, b)."""
    alias = node.args.get("alias")
    names = (alias.args.get("columns") or []) if alias is not None else []
    if facts is None or not names:
        return facts
    given = [folded(one.this if isinstance(one, exp.ColumnDef) else one) for one in names]
    return [(given[at] if at < len(given) else name, fact) for at, (name, fact) in enumerate(facts)]
