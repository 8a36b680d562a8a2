"""Rewriting a query's tree: names, binds, $1, as-of joins, and what a name may stand for beside a table.

Other modules register what they know: table functions, scalar functions, and kinds of relation (streams, monitors, ...).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.names import Name, quote, split_name
from churnobs.testing.proof import Function, Proof, first_line
from churnobs.testing.results import Result
from churnobs.testing.role_rules import need
from churnobs.testing.roles import RELATIONS as READABLE
from churnobs.testing.session import Session
from churnobs.testing.trees import (
    as_of_join,
    call_of,
    dynamic_identifier,
    folded,
    ident,
    is_cte,
    is_macro,
    is_target,
    json_columns,
    moment_of,
    name_columns,
    positions_by_name,
    present,
    refuse_clauses,
    table_name,
    unique,
    value_of,
)

Tree = exp.Expr
TableFunction = Callable[["Rewriter", list[Tree], dict[str, Tree]], "Result | Tree"]
Scalar = Callable[["Rewriter", list[Tree], dict[str, Tree]], "Tree | None"]
Relation = Callable[["Rewriter", Name], "Result | pa.Table | Tree | None"]

TABLE_FUNCTIONS: dict[str, Function] = {}
SCALARS: dict[str, Function] = {}
RELATIONS: list[Relation] = []
MODEL_CALLS: list[Callable[[Rewriter, exp.ModelAttribute], Tree]] = []
TABLE_CALLS: list[Callable[[Rewriter, exp.TableFromRows], bool]] = []
CALLS: list[Callable[[Rewriter, tuple[str, ...], list[Tree], dict[str, Tree]], Tree | None]] = []
QUALIFIED = {
    "SENTIMENT", "COMPLETE", "TRY_COMPLETE", "SUMMARIZE", "CLASSIFY_TEXT", "TRANSLATE_TEXT", "EMBED_TEXT_768", "EMBED_TEXT_1024",
    "EXTRACT_ANSWER",
    "TEXT_PLAIN", "TEXT_HTML", "APPLICATION_JSON", "INTEGRATION", "EMAIL_INTEGRATION_CONFIG",
    "SCHEDULED_TIME", "LAST_SUCCESSFUL_SCHEDULED_TIME", "GET_CONDITION_QUERY_UUID",
}  # fmt: skip
_numbers = itertools.count(1)


def table_function(*names: str, proof: Proof) -> Callable[[TableFunction], TableFunction]:
    """Register what answers TABLE(name(...))."""

    def register(function: TableFunction) -> TableFunction:
        TABLE_FUNCTIONS.update(dict.fromkeys(names, Function(function, first_line(function), proof)))
        return function

    return register


def scalar(*names: str, proof: Proof) -> Callable[[Scalar], Scalar]:
    """Register what a scalar function stands for."""

    def register(function: Scalar) -> Scalar:
        SCALARS.update(dict.fromkeys(names, Function(function, first_line(function), proof)))
        return function

    return register


class Rewriter:
    """Rewrites one statement for one session; what it registers in DuckDB is released after the statement."""

    def __init__(self, session: Session, bindings: Any, *, describe_only: bool, duck: Any = None) -> None:
        self.session = session
        self.duck = duck if duck is not None else session.engine.duck
        self.copying: Any = None
        self.coerces, self.checks, self.dynamic = False, True, False
        self.home: tuple[str | None, str | None] = (None, None)  # where a view or function that it rewrites lies
        self.bindings = bindings
        self.describe_only = describe_only
        self.known: set[str] = set()
        self.streams: dict[Name, Any] = {}
        self.sources: set[Name] = set()
        self.columns_of: dict[str, list[str]] = {}
        self.facts: Any = None

    def register(self, table: pa.Table) -> str:
        """Show an Arrow table to DuckDB under a name of its own."""
        name = f"_offline_{next(_numbers)}"
        self.duck.register(name, table)
        self.known.add(name)
        self.columns_of[name] = list(table.schema.names)
        return name

    def relation(self, found: Result | pa.Table) -> exp.Table:
        """An Arrow table as something to select from; JSON columns are JSON again."""
        if isinstance(found, Result):
            if len(set(found.table.schema.names)) < found.table.num_columns:
                names = unique(found.table.schema.names)
                found = Result(found.columns, found.table.rename_columns(names), found.type_id)
            name = self.register(found.table)
            return exp.to_table(name, quoted=True) if not json_columns(found) else self._typed(name, found)
        return exp.to_table(self.register(found), quoted=True)

    def _typed(self, name: str, found: Result) -> Any:
        columns = [
            exp.alias_(exp.cast(exp.column(ident(n)), "JSON"), ident(n))
            if n in json_columns(found)
            else exp.column(ident(n))
            for n in found.table.schema.names
        ]
        inner = exp.select(*columns).from_(exp.to_table(name, quoted=True))
        return exp.Subquery(this=inner, alias=exp.TableAlias(this=ident(name)))

    def release(self) -> None:
        """Take back what was shown to DuckDB."""
        for name in self.known:
            # in a transaction that failed nothing can be taken back, and the error that is told is the first one
            with suppress(duckdb.TransactionException):
                self.duck.unregister(name)

    def evaluate(self, tree: Tree) -> Any:
        """The value of an argument: a literal, or an expression or scalar subquery that is asked of DuckDB."""
        if isinstance(tree, exp.Literal):
            return tree.name if tree.is_string else (float(tree.name) if "." in tree.name else int(tree.name))
        if isinstance(tree, exp.Null):
            return None
        if isinstance(tree, exp.Boolean):
            return bool(tree.this)
        if (moment := moment_of(tree)) is not None:
            return moment
        from churnobs.testing.queries import final

        inner = Rewriter(self.session, (), describe_only=False)
        try:
            asked = exp.select(exp.alias_(tree.copy(), "V"))
            rows = self.session.engine.query(final(self.session, inner.query(asked))).rows
        finally:
            inner.release()
        if len(rows) != 1:
            raise SqlError("Single-row subquery returns more than one row.", 90150, "22000")
        return rows[0][0]

    def query(self, tree: Tree) -> Tree:
        """Rewrite a whole statement."""
        from churnobs.testing import arithmetic, arrays, descriptions, exact, flatten, pivots, scalars, typed

        tree = self._bind(tree)
        tree = tree.transform(dynamic_identifier, copy=False)
        refuse_clauses(tree)
        self.facts = descriptions.facts_of(self.session, tree)
        for select in list(tree.find_all(exp.Select)):
            name_columns(select)
        for join in tree.find_all(exp.Join):
            as_of_join(join)
        positions_by_name(tree)
        arrays.object_values(tree)
        for table in tree.find_all(exp.Table):
            if isinstance(table.this, exp.Anonymous | exp.Func) and not is_macro(table.this):
                name = table.this.name or table.this.sql_name()
                raise not_supported(f"{name.upper()}(...) as a table", "call table functions as TABLE(name(...))")
        pivots.rewrite(self, tree)
        flatten.rewrite(tree)
        scalars.windows(tree)
        for rows in list(tree.find_all(exp.TableFromRows)):
            if rows.root() is tree and not any(answer(self, rows) for answer in TABLE_CALLS):
                self._table_function(rows)
        for table in list(tree.find_all(exp.Table)):
            if table.parent is not None and not isinstance(table.this, exp.Anonymous | exp.Func):
                self._table(table)
        for select in reversed(list(tree.find_all(exp.Select))):
            self._positions(select)  # the innermost first: it says what $1 is around it
        holder = exp.Paren(this=tree)
        arithmetic.rewrite(holder)
        typed.rewrite(holder, coerces=self.coerces)
        exact.rewrite(holder)
        self._functions(holder)
        return holder.this  # type: ignore[no-any-return]

    def _bind(self, tree: Tree) -> Tree:
        for mark in list(tree.find_all(exp.Placeholder)):
            if mark.this and str(mark.name).isdigit() and not isinstance(self.bindings, dict):
                place = int(mark.name)
                if place > len(self.bindings) and not self.describe_only:
                    raise SqlError(f"SQL compilation error:\nBind variable :{place} not set.", 2049, "42601")
                mark.replace(value_of(self.bindings[place - 1] if place <= len(self.bindings) else None))
        marks = [m for m in tree.find_all(exp.Placeholder, bfs=False) if not m.this]
        if isinstance(self.bindings, dict):
            raise not_supported("binding variables by name", "use ? or :1 in order")
        if not marks:
            return tree
        values = list(self.bindings)
        if self.describe_only:
            values += [None] * (len(marks) - len(values))
        if len(values) < len(marks):
            raise SqlError("SQL compilation error:\nBind variable ? not set.", 2049, "42601")
        for mark, value in zip(marks, values, strict=False):
            mark.replace(value_of(value))
        return tree

    def _table_function(self, node: exp.TableFromRows) -> None:
        call = node.this
        if isinstance(call, exp.ModelAttribute) or (isinstance(call, exp.Window) and call.find(exp.ModelAttribute)):
            return self._model_table(node)
        if isinstance(call, exp.Literal) and call.is_string:  # TABLE('name')
            named_table = exp.to_table(".".join(quote(part) for part in split_name(call.name)))
            named_table.set("alias", node.args.get("alias"))
            node.replace(named_table)
            return None
        path, args, named = call_of(call)
        function = TABLE_FUNCTIONS.get(path[-1]) if path else None
        if function is None:
            if path and path[-1] in ("FLATTEN", "EXPLODE", "GENERATOR"):
                return None
            raise not_supported(f"the table function {'.'.join(path) or call.sql()}", "see docs/emulated.md")
        found = function.run(self, args, named)
        made = self.relation(found) if isinstance(found, Result) else found
        if isinstance(made, exp.Query) and not isinstance(made, exp.Subquery):
            made = exp.Subquery(this=made, alias=exp.TableAlias(this=ident("_t")))
        if alias := node.args.get("alias"):
            made.set("alias", alias)
        for key in ("joins", "laterals", "sample"):
            if node.args.get(key):
                made.set(key, node.args[key])
        node.replace(made)
        return None

    def _model_table(self, node: exp.TableFromRows) -> None:
        for render in MODEL_CALLS:
            call = node.this
            attribute = call if isinstance(call, exp.ModelAttribute) else call.find(exp.ModelAttribute)
            if isinstance(call, exp.Window):
                attribute.set("partition_by", call.args.get("partition_by") or [])
            attribute.args["as_table"] = True
            made = render(self, attribute)
            if alias := node.args.get("alias"):
                made.set("alias", alias)
            node.replace(made)
            return

    def _table(self, node: exp.Table) -> None:
        from churnobs.testing.stage_reads import is_location, read_location

        if isinstance(node.this, exp.Var | exp.Literal) or is_location(node):
            location = node.this.name
            self.dynamic = True
            read = read_location(self, location, node)
            made = self.relation(read)
            made.set("alias", node.args.get("alias") or exp.TableAlias(this=ident("_stage")))
            made.meta["staged"] = read.extra["kind"]
            made.meta["staged_columns"] = read.table.schema.names
            made.set("joins", node.args.get("joins"))
            node.replace(made)
            return
        parts = table_name(node)
        if not parts or (
            len(parts) == 1 and (parts[0] in self.known or node.name in self.known or is_cte(node, parts[0]))
        ):
            return
        if node.args.get("when") is not None or node.args.get("changes") is not None:
            from churnobs.testing.time_travel import past

            past(self, node, parts)
            return
        if "INFORMATION_SCHEMA" in parts[:-1] or parts[0] == "SNOWFLAKE":
            self._information(node, parts)
            return
        name = self.session.resolve(parts)
        if self.checks and not is_target(node) and name not in self.session.shared.temporary:
            need(self.session, ("SELECT",), READABLE, name)
        for resolver in RELATIONS:
            found = resolver(self, name)
            if found is not None:
                found_tree: Tree = found if isinstance(found, Tree) else self.relation(found)
                found_tree.set("alias", node.args.get("alias") or exp.TableAlias(this=ident(name.name)))
                for key in ("joins", "laterals", "sample", "pivots"):
                    if node.args.get(key):
                        found_tree.set(key, node.args[key])
                node.replace(found_tree)
                return
        held = self.session.physical(name)
        self.sources.add(name)
        if held != name and not node.args.get("alias"):
            node.set("alias", exp.TableAlias(this=ident(name.name)))
        node.set("this", ident(held.name))
        node.set("db", ident(held.schema))
        node.set("catalog", ident(held.database))

    def _information(self, node: exp.Table, parts: tuple[str, ...]) -> None:
        from churnobs.testing.information import information

        found = information(self.session, parts)
        if found is None:
            return
        made = self.relation(found)
        made.set("alias", node.args.get("alias") or exp.TableAlias(this=ident(parts[-1])))
        made.set("joins", node.args.get("joins"))
        node.replace(made)

    def _positions(self, select: exp.Select) -> None:
        """Turn $1, $2, ... into the columns of what the query selects from."""
        marks = [
            p for p in select.find_all(exp.Parameter) if p.this.name.isdigit() and p.find_ancestor(exp.Select) is select
        ]
        if not marks:
            return
        source = select.args.get("from_")
        source = source.this if source is not None else None
        if isinstance(source, exp.Table | exp.Subquery) and source.meta.get("staged"):
            from churnobs.testing.stage_reads import stage_position

            for mark in marks:
                stage_position(mark, source.meta["staged"], source.meta["staged_columns"])
            return
        if isinstance(source, exp.Values):
            width = len(source.expressions[0].expressions)
            names = [f"COLUMN{n + 1}" for n in range(width)]
            alias = source.args.get("alias") or exp.TableAlias(this=ident("_values"))
            if not alias.args.get("columns"):
                alias.set("columns", [ident(n) for n in names])
            names = [folded(c) for c in alias.args["columns"]]
            source.set("alias", alias)
        elif isinstance(source, exp.Table | exp.Subquery):
            names = self._columns(source)
        else:
            raise not_supported("$n without one table to select from", "name the columns")
        for mark in marks:
            place = int(mark.this.name)
            if place > len(names):
                raise SqlError(f"SQL compilation error:\ninvalid identifier '${place}'", 904, "42000")
            mark.replace(exp.column(ident(names[place - 1])))

    def _columns(self, source: Tree) -> list[str]:
        held = self.columns_of.get(source.name) if isinstance(source, exp.Table) else None
        if held is not None:
            return held
        from churnobs.testing.queries import final

        asked = exp.select("*").from_(source.copy())
        return [c.name for c in self.session.engine.describe(final(self.session, asked))]

    def _functions(self, tree: Tree) -> None:
        from churnobs.testing import sequences

        present(tree)
        sequences.rewrite(self.session, tree)
        for attribute in list(tree.find_all(exp.ModelAttribute)):
            if attribute.parent is not None and MODEL_CALLS:
                attribute.replace(MODEL_CALLS[0](self, attribute))
        # innermost first, so that an argument is rewritten before the call around it
        for node in reversed(list(tree.find_all(exp.Func, exp.Dot))):
            if node.parent is None or (isinstance(node, exp.Dot) and not isinstance(node.expression, exp.Func)):
                continue
            if isinstance(node.parent, exp.Dot) and node.parent.expression is node:
                continue
            path, args, named = call_of(node)
            if not path:
                continue
            made = (
                SCALARS[path[-1]].run(self, args, named)
                if self._is_known(path)
                else self._called(node, path, args, named)
            )
            if made is not None:
                node.replace(made)

    @staticmethod
    def _is_known(path: tuple[str, ...]) -> bool:
        if path[-1] in QUALIFIED:  # a function of that name alone is the user's own
            return path[-1] in SCALARS and path[:-1] in [
                ("SNOWFLAKE", kind) for kind in ("CORTEX", "ALERT", "NOTIFICATION")
            ]
        return path[-1] in SCALARS and (len(path) == 1 or path[0] == "SNOWFLAKE" or "INFORMATION_SCHEMA" in path)

    def _called(self, node: Tree, path: tuple[str, ...], args: list[Tree], named: dict[str, Tree]) -> Tree | None:
        if not isinstance(node, exp.Anonymous | exp.Dot):
            return None
        for call in CALLS:
            if (made := call(self, path, args, named)) is not None:
                return made
        if path[:2] == ("SNOWFLAKE", "CORTEX"):
            raise not_supported(".".join(path), "see docs/emulated.md for the functions that are")
        if isinstance(node, exp.Dot):
            raise SqlError(f"SQL compilation error:\nUnknown function {'.'.join(path)}.", 2140, "42601")
        return None
