"""Procedures in LANGUAGE SQL: a block with arguments, run where the procedure lies unless it has its caller's rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from churnobs.testing.failures import SqlError
from churnobs.testing.python_code import Code
from churnobs.testing.results import Column, Result
from churnobs.testing.script_values import Held, Variable, one_value
from churnobs.testing.scripting import Script
from churnobs.testing.session import Session
from churnobs.testing.show import type_name


def run(session: Session, code: Code, values: Sequence[Any]) -> Result:
    """Call a procedure: its table, or its value under the procedure's name."""
    title = code.name.name.partition("(")[0]
    arguments: dict[str, Held] = {
        argument.name: Variable(value, argument.column, type_name(argument.column))
        for argument, value in zip(code.arguments, values, strict=True)
    }
    with _at(session, code):
        returned = Script(session, code.body, arguments).run()
        found = Variable(None) if returned is None else returned.value
        if code.returns is None:
            if not isinstance(found, Result):
                raise SqlError(f"Procedure {title} returns a table, and its block returned none", 90240, "P0000")
            return _as_declared(found, code, title)
        if isinstance(found, Result):
            raise SqlError(
                f"Procedure {title} returns {code.returns_sql}, and its block returned a table", 90240, "P0000"
            )
        return one_value(session, title, found, type_name(code.returns))


def _as_declared(found: Result, code: Code, title: str) -> Result:
    """A table under the names that RETURNS TABLE gives its columns."""
    names = [column.name for column in code.table]
    if not names:
        return found
    if len(names) != len(found.columns):
        raise SqlError(
            f"Procedure {title} declares {len(names)} columns, and its table has {len(found.columns)}", 90240, "P0000"
        )
    columns = [Column(n, c.kind, c.precision, c.scale) for n, c in zip(names, found.columns, strict=True)]
    return Result(columns, found.table.rename_columns(names))


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
