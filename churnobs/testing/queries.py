"""Queries and data-changing statements: sqlglot's tree, rewritten for what DuckDB and fakesnow lack, then run."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from churnobs.testing import descriptions, results, templates
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import tokens
from churnobs.testing.names import Name
from churnobs.testing.proof import Proof, document
from churnobs.testing.results import Result
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.role_rules import may_work
from churnobs.testing.session import Session
from churnobs.testing.trees import duck_sql, table_name

Tree = exp.Expr
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A kind of statement that sqlglot reads: what it does in a line, its proof, its trees, and of what kind of object."""

    summary: str
    proof: Proof
    kinds: Any
    of: str | None = None


def parse(text: str) -> Tree:
    """Read a statement with sqlglot, after the few spellings it does not know were put right."""
    try:
        found = [tree for tree in sqlglot.parse(_readable(text), read="snowflake") if tree is not None]
    except (ParseError, TokenError) as error:
        message = re.sub(r"\x1b\[\d+m", "", str(error)).split("\n")[0]
        hint = "if Snowflake accepts the statement, the offline account does not know this form of it"
        raise SqlError(f"SQL compilation error:\nsyntax error: {message}\n({hint})", 1003, "42000") from error
    found = [tree for tree in found if not isinstance(tree, exp.Semicolon)]
    if len(found) != 1:
        raise not_supported(
            "several statements in one request",
            "send them one by one, with num_statements=, or use connection.execute_string",
        )
    return found[0]


def _readable(text: str) -> str:
    """Spell what sqlglot cannot read in a way that it can."""
    if re.match(r"\s*CREATE\b", text, re.IGNORECASE):
        text = re.sub(
            r"(\bTABLE\s+)(\S+)\s+IF\s+NOT\s+EXISTS\b", r"\1IF NOT EXISTS \2", text, count=1, flags=re.IGNORECASE
        )
        text = re.sub(r"\bSCOPED\s+(?=TEMP)", "", text, count=1, flags=re.IGNORECASE)
    if "snow://" in text.lower():
        text = _quote_urls(text)
    if re.search(r"\bAS\s+MODEL\b", text, re.IGNORECASE):
        text = _spell_models(text)
    return text


def _quote_urls(text: str) -> str:
    out, at = [], 0
    for token in tokens(text):
        if token.kind == "url":
            out += [text[at : token.start], f"'{token.text}'"]
            at = token.end
    return "".join([*out, text[at:]])


def _spell_models(text: str) -> str:
    """Put MODEL(name, version) where a WITH alias of a model is used, and drop the alias."""
    pattern = re.compile(
        r"(?P<with>\bWITH\s+|,\s*)(?P<alias>\w+)\s+AS\s+MODEL\s+(?P<model>[\w.$\"]+)(?:\s+VERSION\s+(?P<version>[\w$\"]+))?\s*(?P<comma>,)?",
        re.IGNORECASE,
    )
    while match := pattern.search(text):
        first = match["with"].strip().upper() == "WITH"
        keep = "WITH " if first and match["comma"] else ("," if match["comma"] and not first else "")
        target = f"MODEL({match['model']}, {match['version']})" if match["version"] else f"MODEL({match['model']})"
        text = text[: match.start()] + keep + " " + text[match.end() :]
        text = re.sub(rf"\b{re.escape(match['alias'])}\s*!", f"{target}!", text, flags=re.IGNORECASE)
    return text


def run(session: Session, text: str, bindings: Any, *, describe_only: bool) -> Result:
    """Run a query, a data-changing statement or a table's definition."""
    if isinstance(bindings, Batch):
        return _insert_batch(session, text, bindings, describe_only=describe_only)
    if templates.is_template(text) and not describe_only:
        return templates.create(session, text, bindings)
    return coercing(lambda coerces: _run(session, text, bindings, coerces=coerces, describe_only=describe_only))


_NOT_SO = (  # a text among numbers, or a number where a text is worked on
    r"No function matches the given name and argument types '(.*\b(VARCHAR|JSON)\b|(lpad|rpad|left|right|substring|upper|lower|"
    r"replace|split_part|reverse|repeat|regexp_\w+|strpos|string_split|split|translate|md5|instr)\()"
)


def coercing(run: Callable[[bool], T]) -> T:
    """Run something; if DuckDB refuses a text among numbers or dates, run it again with texts read as such."""
    try:
        return run(False)  # noqa: FBT003
    except SqlError as error:
        if not re.search(_NOT_SO, error.message):
            raise
        try:
            return run(True)  # noqa: FBT003
        except SqlError as again:
            raise again if "is not recognized" in again.message else error from again


def _run(session: Session, text: str, bindings: Any, *, coerces: bool, describe_only: bool) -> Result:
    tree = parse(text)
    if not describe_only and not may_work(session) and _works(tree):
        raise SqlError(
            "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' "
            "command.", 606, "57P03",
        )  # fmt: skip
    _remember_texts(tree, text)
    rewriter = Rewriter(session, bindings, describe_only=describe_only)
    rewriter.coerces = coerces
    try:
        return _dispatch(session, tree, rewriter, text, describe_only=describe_only)
    finally:
        rewriter.release()


def _works(tree: Tree) -> bool:
    """Whether a statement needs a warehouse: it reads or changes rows."""
    if isinstance(tree, exp.Create):
        return tree.expression is not None
    return isinstance(tree, exp.DML) or tree.find(exp.Table) is not None


def _remember_texts(tree: Tree, text: str) -> None:
    """Keep each column's own text, which is its name when it has no other."""
    if not isinstance(tree, exp.Select):
        return
    depth, pieces, start, begun = 0, [], 0, False
    for token in tokens(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if not begun:
            if depth == 0 and token.upper == "SELECT":
                begun, start = True, token.end
            continue
        if depth == 0 and (token.text == "," or token.upper == "FROM"):
            pieces.append(text[start : token.start].strip())
            start = token.end
            if token.upper == "FROM":
                break
    else:
        pieces.append(text[start:].strip())
    if len(pieces) == len(tree.expressions):
        for column, piece in zip(tree.expressions, pieces, strict=True):
            column.meta["text"] = piece


def _dispatch(session: Session, tree: Tree, rewriter: Rewriter, text: str, *, describe_only: bool) -> Result:
    from churnobs.testing import changes, table_alters, tables

    name = statement_of(tree)
    if name == "SELECT":
        return select(session, tree, rewriter, describe_only=describe_only)
    if name in CHANGES:
        if describe_only:
            return changes.described(tree)
        return changes.run(session, tree, rewriter)
    if describe_only:
        return results.of_rows({"status": "text"}, [], type_id=results.DDL)
    if name == "CREATE TABLE":
        return tables.create(session, tree, rewriter)  # type: ignore[arg-type]
    if name == "CREATE SEQUENCE":
        return tables.plain(session, tree, rewriter, f"Sequence {tree.this.name.upper()} successfully created.")
    if name == "ALTER TABLE":
        return table_alters.alter(session, tree, rewriter)  # type: ignore[arg-type]
    first = text.split()[:3]
    raise not_supported(" ".join(first).upper(), "see docs/emulated.md for what is emulated")


# what sqlglot reads, and this package, fakesnow and DuckDB then answer together
STATEMENTS: dict[str, Parsed] = {
    "SELECT": Parsed("Queries, VALUES and WITH", document("constructs"), exp.Query | exp.Values | exp.Subquery),
    "INSERT": Parsed("INSERT [OVERWRITE] INTO, of values or a query", document("sql/insert"), exp.Insert),
    "INSERT ALL": Parsed(
        "INSERT of one query into several tables", document("sql/insert-multi-table"), exp.MultitableInserts
    ),
    "UPDATE": Parsed("UPDATE ... SET ... FROM ... WHERE", document("sql/update"), exp.Update),
    "DELETE": Parsed("DELETE FROM ... USING ... WHERE", document("sql/delete"), exp.Delete),
    "MERGE": Parsed("MERGE INTO; two source rows for one are refused", document("sql/merge"), exp.Merge),
    "TRUNCATE": Parsed("TRUNCATE TABLE", document("sql/truncate-table"), exp.TruncateTable),
    "CREATE TABLE": Parsed("CREATE TABLE: columns, AS, LIKE, CLONE", document("sql/create-table"), exp.Create, "TABLE"),
    "CREATE SEQUENCE": Parsed("CREATE SEQUENCE", document("sql/create-sequence"), exp.Create, "SEQUENCE"),
    "ALTER TABLE": Parsed("ALTER TABLE: columns, names, comments", document("sql/alter-table"), exp.Alter, "TABLE"),
}
CHANGES = ("INSERT", "INSERT ALL", "UPDATE", "DELETE", "MERGE", "TRUNCATE")


def statement_of(tree: Tree) -> str | None:
    """The name in STATEMENTS of what sqlglot read, or None for what is not emulated."""
    found = (
        name
        for name, one in STATEMENTS.items()
        if isinstance(tree, one.kinds) and (one.of is None or tree.args.get("kind") == one.of)
    )
    return next(found, None)


def select(session: Session, tree: Tree, rewriter: Rewriter, *, describe_only: bool) -> Result:
    """Run a query."""
    changed = rewriter.query(tree)
    sql = final(session, changed)
    if describe_only:
        columns = descriptions.described(rewriter.facts, session.engine.describe(sql))
        return Result(columns, None, results.SELECT, "fakesnow")
    result = session.engine.query(sql)
    result.columns = descriptions.described(rewriter.facts, result.columns)
    result.answered_by = "fakesnow"
    return result


def final(session: Session, tree: Tree) -> str:
    """The DuckDB text of a rewritten tree."""
    parts = list(session.engine.translate(tree))
    if len(parts) != 1:
        raise not_supported("this form of the statement", "split it into simple statements")
    return duck_sql(parts[0])


class Batch:
    """The rows of an array binding, as one Arrow table of columns C1, C2, ..."""

    def __init__(self, table: Any) -> None:
        self.table = table


def _insert_batch(session: Session, text: str, batch: Batch, *, describe_only: bool) -> Result:
    """INSERT ... VALUES (?, ...) of many rows at once: one statement, as Snowflake runs it."""
    from churnobs.testing import changes

    tree = parse(text)
    if not isinstance(tree, exp.Insert):
        raise not_supported("an array binding in anything but an INSERT", "send the rows one by one")
    if describe_only:
        return changes.described(tree)
    source = tree.expression
    marks = list(source.find_all(exp.Placeholder, bfs=False)) if source else []
    if isinstance(source, exp.Values) and len(source.expressions) == 1:
        source = exp.select(*source.expressions[0].expressions)
    elif not isinstance(source, exp.Select):
        raise not_supported("this form of an array binding", "use INSERT INTO t VALUES (?, ?)")
    held = list(source.find_all(exp.Placeholder, bfs=False))
    if len(marks) != len(batch.table.schema) or len(held) != len(marks):
        raise SqlError("SQL compilation error:\nBind variables do not match the array bindings.", 2049, "42601")
    rewriter = Rewriter(session, (), describe_only=False)
    try:
        relation = rewriter.register(_dates(session, tree, batch.table))
        for at, mark in enumerate(held):
            mark.replace(exp.column(exp.to_identifier(f"C{at + 1}", quoted=True)))
        source = source.from_(exp.to_table(relation, quoted=True))
        tree.set("expression", source)
        rewriter.known.add(relation)
        return changes.run(session, tree, rewriter)
    finally:
        rewriter.release()


def _dates(session: Session, tree: exp.Insert, table: Any) -> Any:
    """A date among NULLs is bound as the text of its epoch number, which Snowflake reads by its size."""
    import pyarrow as pa

    from churnobs.testing.changes import target_of
    from churnobs.testing.show import described

    kinds = {c.name: c for c, _, _ in described(session, target_of(session, tree))}
    named = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    names = [c.name if c.quoted else c.name.upper() for c in named] or list(kinds)
    for at, name in enumerate(names[: table.num_columns]):
        column = table.column(at)
        kind = kinds[name].kind if name in kinds else ""
        if pa.types.is_string(column.type) and kind in ("date", "timestamp_ntz", "timestamp_tz", "timestamp_ltz"):
            values = [v if v is None or not re.fullmatch(r"-?\d+", v) else _moment(int(v)) for v in column.to_pylist()]
            table = table.set_column(at, table.schema.names[at], pa.array(values, pa.string()))
    return table


def _moment(number: int) -> str:
    size = abs(number)
    scale = (
        1 if size < 31536000000 else 10**3 if size < 31536000000000 else 10**6 if size < 31536000000000000 else 10**9
    )
    micros = number * 10**6 // scale
    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros)).isoformat(sep=" ")  # noqa: DTZ001


__all__ = ["Batch", "Name", "exists", "final", "missing", "parse", "run", "select", "table_name"]
