"""The rows that blocks go through: cursors, result sets and the rounds of loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from churnobs.testing import script_syntax as syntax
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.results import Column, Result
from churnobs.testing.script_evaluation import Evaluation
from churnobs.testing.script_syntax import Step
from churnobs.testing.script_values import Cursor, Held, Raised, ResultSet, Variable, first_value, rows_of, with_values
from churnobs.testing.statements import run_inside

COUNT = Column("", "fixed", 38, 0)


class Rows(Evaluation):
    """What a block reads row by row."""

    def _filled(self, step: Step, held: ResultSet) -> Result | None:
        if not held.awaited:
            raise Raised("STATEMENT_ERROR", step.place, "The RESULTSET's job was not awaited", 90240, "P0000")
        return held.result

    def _rounds(self, step: syntax.Loop | syntax.ForRange | syntax.ForRows) -> Iterator[dict[str, Held]]:
        """The names that each round of a loop begins with."""
        match step:
            case syntax.Loop():
                while step.before is None or self._holds(step, step.before):
                    yield {}
            case syntax.ForRange():
                first, last = (int(self._value(step, text, "INTEGER").value) for text in (step.first, step.last))
                counted = range(first, last + 1)
                for number in reversed(counted) if step.is_reverse else counted:
                    yield {step.name: Variable(number, COUNT)}
            case syntax.ForRows():
                held = self.scopes.need(step.source)
                if isinstance(held, Cursor):
                    found = held.result if held.result is not None else self._opened(step, held)
                elif isinstance(held, ResultSet) and (filled := self._filled(step, held)) is not None:
                    found = filled
                else:
                    raise Raised(
                        "STATEMENT_ERROR", step.place, f"'{step.source}' has no rows to go through", 90240, "P0000"
                    )
                for row in rows_of(found):
                    yield {step.name: row}

    def _opened(self, step: Step, cursor: Cursor, values: Sequence[Any] = ()) -> Result:
        named = Parser(cursor.query)
        held = self.scopes.get(named.part()) if len(named.tokens) == 1 else None
        if isinstance(held, ResultSet) and (found := self._filled(step, held)) is not None:
            return found
        with self._raising("STATEMENT_ERROR", step.place):
            return run_inside(self.session, with_values(cursor.query, self.scopes, bare=False), values)

    def _cursor(self, step: syntax.Open | syntax.Fetch | syntax.Close) -> None:
        cursor = self.scopes.need(step.name)
        if not isinstance(cursor, Cursor):
            raise SqlError(f"SQL compilation error:\n'{step.name}' is no cursor", 904, "42000")
        if isinstance(step, syntax.Open):
            values = [self.scopes.variable(name).value for name in step.using]
            cursor.result, cursor.at = self._opened(step, cursor, values), 0
            return
        if cursor.result is None:
            raise Raised("STATEMENT_ERROR", step.place, f"Cursor '{step.name}' is not open", 90230, "24000")
        if isinstance(step, syntax.Close):
            cursor.result = None
            return
        for at, name in enumerate(step.into):
            there = cursor.at < cursor.result.table.num_rows
            self._put(name, first_value(cursor.result, at, cursor.at) if there else Variable(None))
        cursor.at += 1
