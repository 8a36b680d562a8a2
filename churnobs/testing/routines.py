"""User-defined functions (Python, vectorised Python, SQL expressions) and Python procedures."""

from __future__ import annotations

import contextlib
import math
import threading
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing import notifications, queries, script_calls, script_procedures
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, quote
from churnobs.testing.proof import client_source, document
from churnobs.testing.python_code import (
    Argument,
    Code,
    at_home,
    into_python,
    load,
    out_of_python,
    read,
    read_definition,
)
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import CALLS, SCALARS, Rewriter, scalar
from churnobs.testing.role_rules import need
from churnobs.testing.script_parser import parse_block
from churnobs.testing.session import Session
from churnobs.testing.statements import Creation, command, created
from churnobs.testing.trees import value_of

ARROW = {
    "text": pa.string(), "real": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(), "timestamp_ntz": pa.timestamp("us"),
    "timestamp_ltz": pa.timestamp("us", tz="UTC"), "timestamp_tz": pa.timestamp("us", tz="UTC"), "binary": pa.binary(),
    "time": pa.time64("us"),
}  # fmt: skip
_ACTIVE = threading.RLock()


@command("CREATE FUNCTION", proof=document("sql/create-function"))
def create_function(session: Session, parser: Parser) -> Result:
    """CREATE FUNCTION, in Python or SQL, of values or of tables."""
    head, code = read(session, parser, "FUNCTION")
    return keep(session, "Function", head, code)


@command("CREATE PROCEDURE", proof=document("sql/create-procedure"))
def create_procedure(session: Session, parser: Parser) -> Result:
    """CREATE PROCEDURE, in Python or Snowflake Scripting."""
    head, code = read(session, parser, "PROCEDURE")
    if code.language == "SQL":
        parse_block(code.body)
    return keep(session, "Procedure", head, code)


def keep(session: Session, kind: str, head: Creation, code: Code) -> Result:
    """Put a function or procedure on its shelf, unless it is there."""
    shelf = session.account.catalog.shelf(kind)
    key = Name(head.name.database, head.name.schema, f"{head.name.name}({code.signature})")
    code.name = key
    if shelf.get(key) is not None and not head.replace:
        if head.if_not_exists:
            return created("Function", head.name.name, made=False)
        raise exists("Object", head.name)
    shelf.add(code, replace=True)
    return created("Function", head.name.name)


def overloads(session: Session, kind: str, name: Name, count: int | None = None) -> list[Code]:
    """The functions or procedures of a name that take so many arguments."""
    found: list[Code] = []
    for code in session.account.catalog.shelf(kind):
        same = (code.name.database, code.name.schema) == (name.database, name.schema) and code.name.name.partition("(")[
            0
        ] == name.name
        needed = sum(1 for a in code.arguments if a.default is None)
        if same and (count is None or needed <= count <= len(code.arguments)):
            found.append(code)
    return found


def name_at_home(rewriter: Rewriter, parts: tuple[str, ...]) -> Name:
    """Complete a name as the view or function that it stands in means it, or else the session."""
    database, schema = rewriter.home
    if len(parts) == 1 and database is not None and schema is not None:
        return Name(database, schema, parts[0])
    return Name(database, *parts) if len(parts) == 2 and database is not None else rewriter.session.resolve(parts)


def call_function(
    rewriter: Rewriter, path: tuple[str, ...], args: list[exp.Expr], named: dict[str, exp.Expr]
) -> exp.Expr | None:
    """A call of a user's function in a query."""
    session = rewriter.session
    try:
        name = name_at_home(rewriter, path)
    except SqlError:
        return None
    found = overloads(session, "Function", name, len(args) + len(named))
    found = [one for one in found if one.returns is not None]
    if not found:
        return None
    code = found[0]
    if not code.temporary:
        need(session, ("USAGE",), ("FUNCTION",), name)
    for argument in code.arguments[len(args) :]:
        given = named.get(argument.name)
        args = [*args, given if given is not None else queries.parse(f"SELECT {argument.default}").expressions[0]]
    rewriter.dynamic = True  # a view calls what has the name when it is read, also in another process
    if code.aggregates:
        from churnobs.testing import aggregates

        return aggregates.call(session, code, args)
    if code.language == "SQL":
        return _inline(code, args, rewriter)
    return _python(session, code, args)


def _inline(code: Code, args: list[exp.Expr], rewriter: Rewriter) -> exp.Expr:
    """An SQL function is its expression with the arguments put in."""
    inner = queries.parse(f"SELECT ({code.body.strip().rstrip(';')})").expressions[0]
    values = {a.name: args[at] for at, a in enumerate(code.arguments)}

    def put(node: exp.Expr) -> exp.Expr:
        name = node.name if isinstance(node, exp.Column) and node.this.quoted else node.name.upper()
        if isinstance(node, exp.Column) and not node.table and name in values:
            return exp.paren(values[name].copy())
        return node

    holder = exp.Paren(this=inner.transform(put))
    for select in [one for one in holder.find_all(exp.Query) if one.parent_select is None]:
        select.replace(at_home_query(rewriter, code, select.copy()))
    nested = Rewriter(rewriter.session, (), describe_only=rewriter.describe_only)
    nested.known, nested.home = rewriter.known, (code.name.database or None, code.name.schema or None)
    nested._functions(holder)
    return exp.cast(holder, code.returns_sql)


def at_home_query(rewriter: Rewriter, code: Code, query: exp.Expr) -> exp.Expr:
    """A query in a function's body: its names are those of the function's schema, and it reads with its owner's rights."""
    from churnobs.testing.views import complete

    for table in query.find_all(exp.Table):
        complete(table, code.name)
    nested = Rewriter(rewriter.session, (), describe_only=rewriter.describe_only)
    nested.known, nested.columns_of, nested.streams = rewriter.known, rewriter.columns_of, rewriter.streams
    nested.checks, nested.coerces = False, rewriter.coerces
    nested.home = (code.name.database or None, code.name.schema or None)
    found = nested.query(query)
    rewriter.sources |= nested.sources
    return found


def _python(session: Session, code: Code, args: list[exp.Expr]) -> exp.Expr:
    assert code.returns is not None
    code.duck_name = code.duck_name or f"_offline_udf_{session.account.next_number()}"
    returns = code.returns.duck_type if code.returns.duck_type != "JSON" else "VARCHAR"
    called_as = session.engine.function(
        code.duck_name, lambda *columns: _rows(session, code, columns), returns, side_effects=True
    )
    # without an argument DuckDB would not say for how many rows it asks
    casts = [as_argument(a, c) for a, c in zip(args, code.arguments, strict=True)] or [exp.Literal.number(1)]
    called = exp.Anonymous(this=called_as, expressions=casts)
    return exp.cast(called, "JSON") if code.returns.duck_type == "JSON" else called


def as_argument(given: exp.Expr, argument: Argument) -> exp.Expr:
    """A value as the type of the argument that it is given for; a VARIANT travels as its text."""
    if argument.column.duck_type != "JSON":
        return exp.cast(given.copy(), argument.column.duck_type)
    return exp.cast(exp.Anonymous(this="to_json", expressions=[given.copy()]), "TEXT")


def _rows(session: Session, code: Code, columns: Sequence[Any]) -> pa.Array:
    handler = load(session, code)
    returns = code.returns
    assert returns is not None
    kind = ARROW.get(returns.kind, pa.string())
    if returns.kind == "fixed":
        kind = pa.decimal128(returns.precision or 38, returns.scale) if returns.scale else pa.int64()
    values = [[into_python(a.column, v) for v in c.to_pylist()] for a, c in zip(code.arguments, columns, strict=False)]
    if getattr(handler, "_sf_vectorized_input", None) is not None:
        import pandas as pd

        frame = pd.DataFrame(dict(enumerate(values)))
        with at_home(session, code):
            made = list(handler(frame))
        if len(made) != len(frame):
            raise ValueError(
                f"the vectorised function {code.name.name} returned {len(made)} values for {len(frame)} rows"
            )
        made = [None if _missing(v) else v for v in made]
    else:
        with at_home(session, code):
            rows = zip(*values, strict=True) if values else [()] * len(columns[0])
            made = [None if code.strict and None in row else handler(*row) for row in rows]
    return pa.array([out_of_python(returns, v) for v in made], kind)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


CALLS.append(call_function)


@command("CALL", proof=document("sql/call"))
def call(session: Session, parser: Parser) -> Result:
    """CALL procedure(arguments)."""
    passed, session.passed = session.passed, None
    parser.expect("CALL")
    parts = parser.parts()
    values, named = _values(session, parser)
    sent = notifications.call(session, parts[-1], values)
    if sent is not None:
        return sent
    if parts[-1].startswith("SYSTEM$") and parts[-1] in SCALARS:
        return queries.run(session, f"SELECT {parser.text.strip()[4:]} AS {quote(parts[0])}", (), describe_only=False)
    if parts[-1].startswith("SYSTEM$") or parts[0] == "SNOWFLAKE":
        raise not_supported(f"CALL {'.'.join(parts)}", "see docs/emulated.md")
    name = session.resolve(parts)
    found = overloads(session, "Procedure", name, len(values) + len(named))
    if not found:
        raise SqlError(f"SQL compilation error:\nUnknown user-defined procedure {name}", 2141, "42601")
    if not found[0].temporary:
        need(session, ("USAGE",), ("PROCEDURE",), name)
    targets = script_calls.targets(found[0], len(values), named, passed)
    made = run_procedure(session, found[0], values, named)
    made.outs = {variable: made.outs[argument] for argument, variable in targets.items()}
    return made


def _values(session: Session, parser: Parser) -> tuple[list[Any], dict[str, Any]]:
    text = parser.group()
    parser.end()
    if not text:
        return [], {}
    tree = queries.parse(f"SELECT _f({text})")
    arguments = tree.expressions[0].expressions
    rewriter = Rewriter(session, parser.bindings, describe_only=False)
    try:
        values, named = [], {}
        marks = iter(parser.bindings)
        for argument in arguments:
            inner = argument.expression if isinstance(argument, exp.Kwarg) else argument
            inner = inner.transform(partial(_bound, marks))
            value = rewriter.evaluate(inner)
            if isinstance(argument, exp.Kwarg):
                named[argument.this.name.upper()] = value
            else:
                values.append(value)
        return values, named
    finally:
        rewriter.release()


def _bound(marks: Iterator[Any], node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.Placeholder):
        return node
    for value in marks:
        return value_of(value)
    raise SqlError(f"SQL compilation error:\nBind variable {node.sql(dialect='snowflake')} not set.", 2049, "42601")


def run_procedure(session: Session, code: Code, values: Sequence[Any], named: dict[str, Any]) -> Result:
    """Run a procedure: with its owner's rights, unless it has its caller's."""
    title = str(Name(code.name.database, code.name.schema, code.name.name.partition("(")[0]))
    role = session.role
    if code.owners and code.name.database and session.account.rights.made:
        session.role = session.account.rights.owner(("PROCEDURE",), title)
    try:
        return _run_procedure(session, code, values, named)
    finally:
        session.role = role


def _run_procedure(session: Session, code: Code, values: Sequence[Any], named: dict[str, Any]) -> Result:
    """Run a procedure with a session of its own that shares the caller's connection."""
    if session.depth >= 8:
        raise SqlError("Stored procedure call depth exceeded", 90083, "54001")
    given = [into_python(a.column, v) for a, v in zip(code.arguments, values, strict=False)]
    for argument in code.arguments[len(given) :]:
        if argument.name in named:
            given.append(into_python(argument.column, named[argument.name]))
        else:
            given.append(
                Rewriter(session, (), describe_only=False).evaluate(
                    queries.parse(f"SELECT {argument.default}").expressions[0]
                )
            )
    if code.language == "SQL":
        return script_procedures.run(session, code, given)
    with _snowpark(session) as inner:
        try:
            handler = load(session, code)
            with at_home(session, code):
                made = handler(inner, *given)
            if code.returns is None or hasattr(made, "_plan"):
                return _table(session, inner, made)
        except SqlError:
            raise
        except Exception as error:
            raise handler_error(code, error) from error
    column = code.returns
    title = code.name.name.partition("(")[0]
    table = pa.table({title: pa.array([out_of_python(column, made)], arrow_type(column))})
    return Result([type(column)(title, column.kind, column.precision, column.scale)], table)


def handler_error(code: Code, error: Exception) -> SqlError:
    """What went wrong in a user's code, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    title = code.name.name.partition("(")[0]
    return SqlError(
        f"Python Interpreter Error:\n{type(error).__name__}: {error}\n in function {title} with handler {code.handler}\n"
        f"  {place.filename}, line {place.lineno}", 100357, "P0000",
    )  # fmt: skip


def arrow_type(column: Any) -> pa.DataType:
    """The Arrow type that holds a column's values."""
    if column.kind == "fixed":
        return pa.decimal128(column.precision or 38, column.scale) if column.scale else pa.int64()
    return ARROW.get(column.kind, pa.string())


def _table(session: Session, inner: Any, made: Any) -> Result:
    if made is None:
        return of_rows({"status": "text"}, [])
    *before, last = made.queries["queries"]
    cursor = inner.connection.cursor()
    for text in before:
        cursor.execute(text)
    found = session.account.result(cursor.execute(last).sfqid)
    for text in made.queries["post_actions"]:
        cursor.execute(text)
    assert found is not None
    return found


@contextlib.contextmanager
def _snowpark(session: Session) -> Iterator[Any]:
    """A Snowpark session for a procedure; it is the only active one while the procedure runs."""
    from snowflake.snowpark import Session as Snowpark
    from snowflake.snowpark import session as sessions

    account = session.account
    token = next(t for t, s in account.sessions.items() if s is session)
    port = int(account.url.rpartition(":")[2])
    with _ACTIVE:
        others = set(sessions._active_sessions)
        parameters = {
            "account": "offline", "user": session.user, "password": account.password, "protocol": "http",
            "host": "127.0.0.1", "port": port,
            "session_parameters": {"CHURNOBS_PARENT": token, "CLIENT_TELEMETRY_ENABLED": False},
            "network_timeout": 60, "login_timeout": 30,
        }  # fmt: skip
        inner = Snowpark.builder.configs(parameters).create()
        sessions._active_sessions.difference_update(others)
    try:
        yield inner
    finally:
        with _ACTIVE:
            sessions._active_sessions.update(others)
        inner.close()


@command("WITH PROCEDURE", proof=document("sql/call-with"))
def anonymous(session: Session, parser: Parser) -> Result:
    """WITH name AS PROCEDURE (...) ... CALL name(...)."""
    at = next(i for i in range(len(parser.tokens) - 1, -1, -1) if parser.tokens[i].upper == "CALL")
    start = parser.tokens[at].start
    definition = Parser(parser.text[:start].rstrip(), parser.bindings)
    definition.expect("WITH")
    name = definition.part()
    definition.expect("AS", "PROCEDURE")
    code = read_definition(
        session, definition, Creation(Name("", "", name), replace=False, if_not_exists=False, temporary=True)
    )
    calling = Parser(parser.text[start:], parser.bindings)
    calling.expect("CALL")
    calling.parts()
    values, named = _values(session, calling)
    return run_procedure(session, code, values, named)


@scalar("SYSTEM$GET_DEFAULT_PYTHON_ARTIFACT_REPOSITORY", proof=client_source("snowpark/session.py"))
def repository(_rewriter: Rewriter, _args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """The default package repository."""
    return value_of("snowflake.snowpark.anaconda_shared_repository")
