"""Procedures in LANGUAGE SQL: a block with arguments, run where the procedure lies unless it has its caller's rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from churnobs.testing.python_code import Code
from churnobs.testing.results import Result
from churnobs.testing.script_calls import answered
from churnobs.testing.script_values import Held, Variable
from churnobs.testing.scripting import Script
from churnobs.testing.session import Session
from churnobs.testing.show import type_name


def run(session: Session, code: Code, values: Sequence[Any]) -> Result:
    """Call a procedure: its table, or its value under the procedure's name."""
    arguments: dict[str, Held] = {
        argument.name: Variable(value, argument.column, type_name(argument.column))
        for argument, value in zip(code.arguments, values, strict=True)
    }
    with _at(session, code):
        returned = Script(session, code.body, arguments).run()
        made = answered(session, code, Variable(None) if returned is None else returned.value)
    # a table may be the caller's own result, which is kept as it is
    return replace(made, outs={a.name: arguments[a.name] for a in code.arguments if a.is_out})


@contextmanager
def _at(session: Session, code: Code) -> Iterator[None]:
    """Stand where the procedure lies; one with its caller's rights stands where the caller does."""
    database, schema = session.engine.database, session.engine.schema
    session.depth += 1
    try:
        if code.owners and code.name.database:
            session.engine.use(code.name.database, code.name.schema)
        yield
    finally:
        session.depth -= 1
        if code.owners and code.name.database and database is not None:
            session.engine.use(database, schema)
