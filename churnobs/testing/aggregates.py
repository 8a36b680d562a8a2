"""Aggregate functions in Python: a handler that accumulates the rows of a group, each group in an object of its own."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import document
from churnobs.testing.python_code import Code, at_home, into_python, load, out_of_python, read
from churnobs.testing.results import Result
from churnobs.testing.routines import arrow_type, as_argument, handler_error, keep
from churnobs.testing.session import Session
from churnobs.testing.statements import command
from churnobs.testing.trees import Tree


@command("CREATE AGGREGATE FUNCTION", proof=document("sql/create-function"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE AGGREGATE FUNCTION in Python: a class with accumulate and finish."""
    head, code = read(session, parser, "AGGREGATE", "FUNCTION")
    if code.language != "PYTHON" or code.returns is None:
        raise SqlError("SQL compilation error:\nan aggregate function is in Python and gives a value", 1003, "42000")
    code.aggregates = True
    return keep(session, "Function", head, code)


def call(session: Session, code: Code, args: list[Tree]) -> Tree:
    """A call in a query: the rows of the group as a list, which the handler sees one after the other."""
    if any(isinstance(one, exp.Distinct) for one in args):
        raise not_supported("DISTINCT in an aggregate function in Python", "select the distinct rows in a subquery")
    assert code.returns is not None
    code.duck_name = code.duck_name or f"_offline_udf_{session.account.next_number()}"
    returns = code.returns.duck_type if code.returns.duck_type != "JSON" else "VARCHAR"
    called_as = session.engine.function(
        code.duck_name, lambda groups: _groups(session, code, groups), returns, side_effects=True
    )
    given = [as_argument(a, one) for a, one in zip(args, code.arguments, strict=True)] or [exp.Literal.number(1)]
    row = exp.Anonymous(this="row", expressions=given)
    called = exp.Anonymous(this=called_as, expressions=[exp.Anonymous(this="list", expressions=[row])])
    return exp.cast(called, "JSON") if code.returns.duck_type == "JSON" else called


def _groups(session: Session, code: Code, groups: Any) -> pa.Array:
    assert code.returns is not None
    made = []
    try:
        handler: Any = load(session, code)
        with at_home(session, code):
            for rows in groups.to_pylist():
                one = handler()
                for row in rows or []:
                    values = row.values() if isinstance(row, dict) else row
                    given = [into_python(a.column, v) for a, v in zip(code.arguments, values, strict=False)]
                    one.accumulate(*given)
                made.append(one.finish())
    except SqlError:
        raise
    except Exception as error:
        raise ValueError(handler_error(code, error).message) from error
    return pa.array([out_of_python(code.returns, value) for value in made], arrow_type(code.returns))
