"""Running blocks of Snowflake Scripting: anonymous ones, and those of procedures, tasks and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from churnobs.testing import queries, results
from churnobs.testing import script_syntax as syntax
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.results import Column, Result
from churnobs.testing.script_parser import parse_block, parse_step, where
from churnobs.testing.script_syntax import Block, Handler, Step
from churnobs.testing.script_values import (
    JSON_TYPES,
    Cursor,
    Held,
    Raised,
    ResultSet,
    Scopes,
    UserException,
    Variable,
    first_value,
    one_value,
    rows_of,
    with_values,
)
from churnobs.testing.session import Session
from churnobs.testing.statements import run_inside

_COUNT, _FLAG = Column("", "fixed", 38, 0), Column("", "boolean")


@dataclass(slots=True)
class Returned:
    """What a block gave back: a value or a table."""

    value: Variable | Result


Signal = syntax.Leave | Returned | None


def run_text(session: Session, text: str) -> Result:
    """Run an anonymous block."""
    returned = Script(session, text, {}).run()
    given = Variable(None) if returned is None else returned.value
    return given if isinstance(given, Result) else one_value(session, "anonymous block", given)


class Script:
    """One run of one block."""

    def __init__(self, session: Session, text: str, arguments: dict[str, Held]) -> None:
        self.session, self.text = session, text
        self.block = parse_block(text)
        counted: dict[str, Held] = {
            "SQLROWCOUNT": Variable(None, _COUNT), "SQLFOUND": Variable(None, _FLAG), "SQLNOTFOUND": Variable(None, _FLAG),
            "SQLID": Variable(None),
        }  # fmt: skip
        self.scopes = Scopes({**counted, **arguments})
        self._around: list[Block] = []
        self._handling: list[Raised] = []

    def run(self) -> Returned | None:
        """Run the block; what it returned.

        Raises:
            SqlError: an exception that no block handled, with the place where it was raised.
        """
        try:
            done = self._block(self.block)
        except Raised as error:
            line, position = where(self.text, error.place)
            told = f"Uncaught exception of type '{error.name}' on line {line} at position {position} : {error.message}"
            raise SqlError(told, error.errno, error.sqlstate) from error
        if isinstance(done, syntax.Leave):
            raise SqlError("SQL compilation error:\nBREAK and CONTINUE belong in a loop", 1003, "42601")
        return done

    # -- blocks and exceptions

    def _block(self, block: Block) -> Signal:
        self.scopes.push()
        try:
            self._around.append(block)
            try:
                for step in block.declared:
                    self._step(step)
                return self._body(block.body)
            finally:
                self._around.pop()
        except Raised as error:
            handler = _handler(block, error)
            if handler is None or handler.goes_on:
                raise
            return self._handle(handler, error)
        finally:
            self.scopes.pop()

    def _body(self, steps: Sequence[Step]) -> Signal:
        for step in steps:
            try:
                signal = self._step(step)
            except Raised as error:
                handler = _handler(self._around[-1], error) if self._around else None
                if handler is None or not handler.goes_on:
                    raise
                signal = self._handle(handler, error)
            if signal is not None:
                return signal
        return None

    def _handle(self, handler: Handler, error: Raised) -> Signal:
        told: dict[str, Held] = {
            "SQLCODE": Variable(error.errno, _COUNT), "SQLERRM": Variable(error.message), "SQLSTATE": Variable(error.sqlstate),
        }  # fmt: skip
        self.scopes.push(**told)
        self._handling.append(error)
        around, self._around = self._around, []  # an exception of a handler is for the blocks around
        try:
            return self._body(handler.body)
        finally:
            self._around = around
            self._handling.pop()
            self.scopes.pop()

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

    # -- statements

    def _step(self, step: Step) -> Signal:  # noqa: PLR0912  # one branch a kind of statement
        match step:
            case syntax.Sql() | syntax.Immediate():
                self._into(step, self._sql(step))
            case syntax.Assign():
                self._assign(step)
            case syntax.Declare():
                value = self._value(step, step.value, step.kind) if step.value is not None else None
                self.scopes.declare(step.name, value or self._empty(step.kind))
            case syntax.DeclareCursor():
                self.scopes.declare(step.name, Cursor(step.query))
            case syntax.DeclareException():
                self.scopes.declare(step.name, UserException(step.name, step.number, step.message))
            case syntax.DeclareResultSet():
                held = ResultSet(None if step.source is None else self._result(step, step.source))
                self.scopes.declare(step.name, held)
            case syntax.If():
                return self._if(step)
            case syntax.Loop() | syntax.ForRange() | syntax.ForRows():
                return self._loop(step)
            case syntax.Leave():
                return step
            case syntax.Return():
                return self._return(step)
            case syntax.Raise():
                self._raise(step)
            case syntax.Open() | syntax.Fetch() | syntax.Close():
                self._cursor(step)
            case Block():
                return self._block(step)
            case syntax.Nothing():
                pass
            case _:
                raise AssertionError(step)
        return None

    def _empty(self, kind: str | None) -> Variable:
        if kind is None or kind.upper() in JSON_TYPES:
            return Variable(None, Column("", (kind or "text").lower()), kind)
        asked = queries.run(self.session, f"SELECT CAST(NULL AS {kind}) AS V", (), describe_only=True)
        return Variable(None, asked.columns[0], kind)

    def _value(self, step: Step, text: str, kind: str | None = None) -> Variable:
        """The value of an expression, of a type where one is given."""
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

    def _holds(self, step: Step, condition: str) -> bool:
        value = self._value(step, condition, "BOOLEAN").value
        return value is True

    def _assign(self, step: syntax.Assign) -> None:
        with self._raising("EXPRESSION_ERROR", step.place):
            held = self.scopes.need(step.name)
        if isinstance(held, ResultSet):
            held.result = self._result(step, step.value)
            return
        variable = self.scopes.variable(step.name)
        made = self._value(step, step.value, variable.kind)
        variable.value, variable.column = made.value, made.column

    def _put(self, name: str, value: Variable) -> None:
        """Give a variable a value that a statement found; its type stays."""
        variable = self.scopes.variable(name)
        if variable.kind is not None and variable.kind.upper() not in JSON_TYPES and value.value is not None:
            found = one_value(self.session, "V", value, variable.kind)
            value = first_value(found)
        variable.value, variable.column = value.value, value.column

    def _sql(self, step: syntax.Sql | syntax.Immediate) -> Result:
        is_given = isinstance(step, syntax.Immediate)
        with self._raising("STATEMENT_ERROR", step.place, given=is_given):
            values: tuple[Any, ...] = ()
            if isinstance(step, syntax.Immediate):
                text = str(self._value(step, step.text).value)
                values = tuple(self.scopes.variable(name).value for name in step.using)
            else:
                text = with_values(step.text, self.scopes, bare=False)
            made = run_inside(self.session, text, values)
        self._count(made)
        return made

    def _count(self, made: Result) -> None:
        self.scopes.variable("SQLID").value = self.session.queries[-1]
        if made.type_id in results.DML:
            rows = sum(value for value in made.rows[0] if value is not None)
            self.scopes.variable("SQLROWCOUNT").value = rows
            self.scopes.variable("SQLFOUND").value = rows > 0
            self.scopes.variable("SQLNOTFOUND").value = rows == 0

    def _into(self, step: Step, made: Result) -> None:
        if not isinstance(step, syntax.Sql) or not step.into:
            return
        with self._raising("STATEMENT_ERROR", step.place):
            if made.table.num_rows != 1:
                told = f"A SELECT INTO statement expects exactly 1 returned row, but got {made.table.num_rows}."
                raise SqlError(told, 90231, "22000")
            if len(made.columns) != len(step.into):
                raise SqlError("SQL compilation error:\nINTO names another number of variables", 2020, "42601")
            for at, name in enumerate(step.into):
                self._put(name, first_value(made, at))

    def _result(self, step: Step, source: str) -> Result:
        """What a statement in parentheses gives to a RESULTSET."""
        inner = Parser(source)
        text = inner.group() if source.startswith("(") else source
        made = parse_step(text)
        if not isinstance(made, syntax.Sql | syntax.Immediate):
            raise SqlError(f"SQL compilation error:\na RESULTSET holds a statement, not '{text}'", 1003, "42601")
        try:
            return self._sql(made)
        except Raised as error:
            error.place = step.place
            raise

    def _if(self, step: syntax.If) -> Signal:
        for branch in step.branches:
            condition = branch.condition if step.operand is None else f"({step.operand}) = ({branch.condition})"
            if self._holds(step, condition):
                return self._body(branch.body)
        if step.otherwise is None:
            if step.is_case:
                raise Raised(
                    "STATEMENT_ERROR",
                    step.place,
                    "Case statement: no branch holds and there is no ELSE",
                    100183,
                    "P0000",
                )
            return None
        return self._body(step.otherwise)

    def _return(self, step: syntax.Return) -> Returned:
        if step.table is None:
            return Returned(Variable(None) if step.value is None else self._value(step, step.value))
        parser = Parser(step.table)
        of_cursor = parser.accept("RESULTSET_FROM_CURSOR", "(")
        held = self.scopes.need(parser.part())
        if of_cursor:
            parser.expect(")")
        parser.end()
        found = held.result if isinstance(held, Cursor if of_cursor else ResultSet) else None
        if found is None:
            raise Raised("STATEMENT_ERROR", step.place, f"TABLE({step.table}) has no result to return", 90240, "P0000")
        return Returned(found)

    def _raise(self, step: syntax.Raise) -> None:
        if step.name is None:
            if not self._handling:
                raise SqlError(
                    "SQL compilation error:\nRAISE without a name belongs in an exception handler", 1003, "42601"
                )
            raise self._handling[-1]
        held = self.scopes.need(step.name)
        if not isinstance(held, UserException):
            raise SqlError(f"SQL compilation error:\n'{step.name}' is no exception", 904, "42000")
        raise Raised(held.name, step.place, held.message, held.number, "P0001")

    # -- loops and cursors

    def _loop(self, step: syntax.Loop | syntax.ForRange | syntax.ForRows) -> Signal:
        rounds = self._rounds(step)
        for names in rounds:
            self.scopes.push(**names)
            try:
                signal = self._body(step.body)
            finally:
                self.scopes.pop()
            if isinstance(signal, syntax.Leave) and signal.label in ("", step.label):
                if not signal.again:
                    return None
                signal = None
            if signal is not None:
                return signal
            if isinstance(step, syntax.Loop) and step.after is not None and self._holds(step, step.after):
                return None
        return None

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
                    yield {step.name: Variable(number, _COUNT)}
            case syntax.ForRows():
                held = self.scopes.need(step.source)
                if isinstance(held, Cursor):
                    found = held.result if held.result is not None else self._opened(step, held)
                elif isinstance(held, ResultSet) and held.result is not None:
                    found = held.result
                else:
                    raise Raised(
                        "STATEMENT_ERROR", step.place, f"'{step.source}' has no rows to go through", 90240, "P0000"
                    )
                for row in rows_of(found):
                    yield {step.name: row}

    def _opened(self, step: Step, cursor: Cursor, values: Sequence[Any] = ()) -> Result:
        named = Parser(cursor.query)
        held = self.scopes.get(named.part()) if len(named.tokens) == 1 else None
        if isinstance(held, ResultSet) and held.result is not None:
            return held.result
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


def _handler(block: Block, error: Raised) -> Handler | None:
    return next((h for h in block.handlers if error.name in h.names or "OTHER" in h.names), None)
