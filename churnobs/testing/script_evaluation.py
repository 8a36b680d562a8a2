"""The variables of a running block, and the values of its expressions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from churnobs.testing import queries
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser, words
from churnobs.testing.results import Column
from churnobs.testing.script_syntax import Step
from churnobs.testing.script_values import JSON_TYPES, Raised, Scopes, Variable, first_value, one_value, with_values
from churnobs.testing.session import Session
from churnobs.testing.statements import run_inside


class Evaluation:
    """What a block knows, and what its expressions come to."""

    def __init__(self, session: Session, scopes: Scopes) -> None:
        self.session, self.scopes = session, scopes

    @contextmanager
    def _raising(self, name: str, place: int, *, given: bool = False) -> Iterator[None]:
        """Turn an error of SQL into an exception that blocks can handle; what is not emulated is never handled."""
        try:
            yield
        except Raised:
            raise
        except SqlError as error:
            if error.message.startswith("offline account:") or ("offline account" in error.message and not given):
                raise
            raise Raised(name, place, error.message, error.errno, error.sqlstate) from error

    def _empty(self, kind: str | None) -> Variable:
        if kind is None or kind.upper() in JSON_TYPES:
            return Variable(None, Column("", (kind or "text").lower()), kind)
        asked = queries.run(self.session, f"SELECT CAST(NULL AS {kind}) AS V", (), describe_only=True)
        return Variable(None, asked.columns[0], kind)

    def _value(self, step: Step, text: str, kind: str | None = None) -> Variable:
        """The value of an expression, of a type where one is given; (CALL ...) is what the procedure returns."""
        if words(text, 2) == ["(", "CALL"]:
            with self._raising("STATEMENT_ERROR", step.place):
                called = with_values(Parser(text).group(), self.scopes, bare=False)
                made = first_value(run_inside(self.session, called, ()))
            return made if kind is None or kind.upper() in JSON_TYPES else self._cast(made, kind)
        with self._raising("EXPRESSION_ERROR", step.place):
            spelled = self.session.engine.inline_variables(with_values(text, self.scopes, bare=True))
            is_json = kind is not None and kind.upper() in JSON_TYPES
            typed = spelled if kind is None or is_json else f"CAST(({spelled}) AS {kind})"
            found = queries.run(self.session, f"SELECT {typed} AS V", (), describe_only=False)
            if found.table.num_rows != 1 or len(found.columns) != 1:
                raise SqlError("Single-row subquery returns more than one row.", 90150, "22000")
            made = first_value(found)
        column = Column("", str(kind).lower()) if is_json else made.column
        return Variable(made.value, column, kind)

    def _cast(self, value: Variable, kind: str) -> Variable:
        found = first_value(one_value(self.session, "V", value, kind))
        return Variable(found.value, found.column, kind)

    def _holds(self, step: Step, condition: str) -> bool:
        value = self._value(step, condition, "BOOLEAN").value
        return value is True

    def _put(self, name: str, value: Variable) -> None:
        """Give a variable a value that a statement found; its type stays."""
        variable = self.scopes.variable(name)
        if variable.kind is not None and variable.kind.upper() not in JSON_TYPES and value.value is not None:
            found = one_value(self.session, "V", value, variable.kind)
            value = first_value(found)
        variable.value, variable.column = value.value, value.column
