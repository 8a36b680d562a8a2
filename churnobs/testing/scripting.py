"""Running blocks of Snowflake Scripting: anonymous ones, and those of procedures, tasks and alerts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from churnobs.testing import results, script_calls
from churnobs.testing import script_syntax as syntax
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.results import Column, Result
from churnobs.testing.script_parser import parse_block, parse_step
from churnobs.testing.script_rows import COUNT, Rows
from churnobs.testing.script_syntax import Block, Handler, Step
from churnobs.testing.script_text import where
from churnobs.testing.script_values import (
    Cursor,
    Held,
    Nested,
    Raised,
    ResultSet,
    Scopes,
    UserException,
    Variable,
    first_value,
    one_value,
    with_values,
)
from churnobs.testing.session import Session
from churnobs.testing.show import type_name
from churnobs.testing.statements import run_inside

_FLAG = Column("", "boolean")


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


class Script(Rows):
    """One run of one block."""

    def __init__(self, session: Session, text: str, arguments: dict[str, Held]) -> None:
        self.text, self.block = text, parse_block(text)
        counted: dict[str, Held] = {
            "SQLROWCOUNT": Variable(None, COUNT), "SQLFOUND": Variable(None, _FLAG), "SQLNOTFOUND": Variable(None, _FLAG),
            "SQLID": Variable(None),
        }  # fmt: skip
        super().__init__(session, Scopes({**counted, **arguments}))
        self._around: list[Block] = []
        self._handling: list[Raised] = []
        self._jobs: list[ResultSet] = []

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
            "SQLCODE": Variable(error.errno, COUNT), "SQLERRM": Variable(error.message), "SQLSTATE": Variable(error.sqlstate),
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
                held = ResultSet() if step.source is None else self._result_set(step, step.source)
                self.scopes.declare(step.name, held)
            case syntax.DeclareProcedure():
                code = script_calls.declared(self.session, step)
                self.scopes.declare(step.name, Nested(code, step.body, self.scopes.seen()))
            case syntax.Job():
                self._result_set(step, f"ASYNC ({step.text})")
            case syntax.Await():
                self._await(step)
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

    def _assign(self, step: syntax.Assign) -> None:
        with self._raising("EXPRESSION_ERROR", step.place):
            held = self.scopes.need(step.name)
        if isinstance(held, ResultSet):
            self._result_set(step, step.value, held)
            return
        variable = self.scopes.variable(step.name)
        made = self._value(step, step.value, variable.kind)
        variable.value, variable.column = made.value, made.column

    def _sql(self, step: syntax.Sql | syntax.Immediate, *, is_job: bool = False) -> Result:
        is_given = isinstance(step, syntax.Immediate)
        call = None if isinstance(step, syntax.Immediate) else script_calls.read_call(step.text)
        if call is not None and isinstance(held := self.scopes.get(call.name), Nested):
            return self._nested(step, held, call.arguments, is_job=is_job)
        with self._raising("STATEMENT_ERROR", step.place, given=is_given):
            values: tuple[Any, ...] = ()
            if isinstance(step, syntax.Immediate):
                text = str(self._value(step, step.text).value)
                values = tuple(self.scopes.variable(name).value for name in step.using)
            else:
                text = with_values(step.text, self.scopes, bare=False)
            self.session.passed = None if call is None or is_job else call.passed()
            try:
                made = run_inside(self.session, text, values)
            finally:
                self.session.passed = None
            for name, value in made.outs.items():
                self._put(name, value)
        self._count(made)
        return made

    def _nested(self, step: Step, nested: Nested, given: Sequence[str], *, is_job: bool) -> Result:
        """Call a procedure of the block: it sees what was declared before it, and its arguments."""
        arguments, title = nested.code.arguments, nested.code.name.name
        if is_job or len(given) != len(arguments) or any("=>" in [t.text for t in Parser(g).tokens] for g in given):
            told = "cannot be called ASYNC" if is_job else f"takes {len(arguments)} arguments, by their places"
            raise SqlError(f"SQL compilation error:\nThe procedure {title} of a block {told}", 1003, "42601")
        values: dict[str, Held] = {
            a.name: self._value(step, text, type_name(a.column)) for a, text in zip(arguments, given, strict=True)
        }
        kept = self.scopes, self._around, self._handling
        self.scopes, self._around, self._handling = Scopes(nested.seen), [], []
        self.scopes.push(**values)
        try:
            signal = self._block(nested.body)
        finally:
            self.scopes, self._around, self._handling = kept
        if isinstance(signal, syntax.Leave):
            raise SqlError("SQL compilation error:\nBREAK and CONTINUE belong in a loop", 1003, "42601")
        with self._raising("STATEMENT_ERROR", step.place):
            made = script_calls.answered(self.session, nested.code, Variable(None) if signal is None else signal.value)
        self.session.remember(str(uuid.uuid4()), made, self.session.sequence)
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

    def _result_set(self, step: Step, source: str, held: ResultSet | None = None) -> ResultSet:
        """Fill a RESULTSET; an asynchronous job runs at once, and is known when it is awaited."""
        held, job = held or ResultSet(), Parser(source)
        held.result, held.error, held.awaited = None, None, True
        if not job.accept("ASYNC"):
            held.result = self._result(step, source)
            return held
        text = f"({job.group()})"
        job.end()
        held.awaited = False
        self._jobs.append(held)
        try:
            held.result = self._result(step, text, is_job=True)
        except Raised as error:
            held.error = error
        return held

    def _await(self, step: syntax.Await) -> None:
        jobs, self._jobs = self._jobs, []
        if step.name is not None:
            held = self.scopes.need(step.name)
            if not isinstance(held, ResultSet):
                raise SqlError(f"SQL compilation error:\n'{step.name}' is no RESULTSET", 904, "42000")
            self._jobs, jobs = [job for job in jobs if job is not held], [held]
        errors = [job.error for job in jobs if job.error is not None and not job.awaited]
        for job in jobs:
            job.awaited = True
        if errors:
            errors[0].place = step.place
            raise errors[0]

    def _result(self, step: Step, source: str, *, is_job: bool = False) -> Result:
        """What a statement in parentheses gives to a RESULTSET."""
        inner = Parser(source)
        text = inner.group() if source.startswith("(") else source
        made = parse_step(text)
        if not isinstance(made, syntax.Sql | syntax.Immediate):
            raise SqlError(f"SQL compilation error:\na RESULTSET holds a statement, not '{text}'", 1003, "42601")
        try:
            return self._sql(made, is_job=is_job)
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
        found = None
        if isinstance(held, Cursor if of_cursor else ResultSet):
            found = self._filled(step, held) if isinstance(held, ResultSet) else held.result
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

    # -- loops

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


def _handler(block: Block, error: Raised) -> Handler | None:
    return next((h for h in block.handlers if error.name in h.names or "OTHER" in h.names), None)
