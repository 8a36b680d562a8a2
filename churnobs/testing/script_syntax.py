"""What a block of Snowflake Scripting is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

BUILT_IN = frozenset({"STATEMENT_ERROR", "EXPRESSION_ERROR", "OTHER"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement of a block, and the place in the text where it begins."""

    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(Step):
    """A statement of SQL; ``into`` names the variables that its one row goes to."""

    text: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Immediate(Step):
    """EXECUTE IMMEDIATE of an expression, with the variables of USING."""

    text: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare(Step):
    """A variable: its type, if it has one, and the expression of its first value."""

    name: str
    kind: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareCursor(Step):
    """A cursor over a query, or over a result set that a variable holds."""

    name: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareException(Step):
    """An exception of the user's own."""

    name: str
    number: int = -20000
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareResultSet(Step):
    """A variable that holds the result of a statement."""

    name: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Step):
    """name := expression."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A condition and what is done when it holds."""

    condition: str
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Step):
    """IF and searched CASE, or CASE of an operand."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Step, ...] | None = None
    operand: str | None = None
    is_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Step):
    """WHILE (tested before), REPEAT (tested after) and LOOP."""

    body: tuple[Step, ...]
    label: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Step):
    """FOR name IN first TO last."""

    name: str
    first: str
    last: str
    is_reverse: bool
    body: tuple[Step, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRows(Step):
    """FOR name IN a cursor or a result set."""

    name: str
    source: str
    body: tuple[Step, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Step):
    """BREAK and CONTINUE, of the innermost loop or of the one with the label."""

    again: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Step):
    """RETURN of a value, or of TABLE(result set)."""

    value: str | None = None
    table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Step):
    """RAISE of an exception, or of the one being handled."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Step):
    """OPEN cursor [USING (...)]."""

    name: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Step):
    """FETCH cursor INTO variables."""

    name: str
    into: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Step):
    """CLOSE cursor."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Step):
    """NULL: a statement that does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What is done about the exceptions of these names; ``goes_on`` after the statement that raised them."""

    names: tuple[str, ...]
    body: tuple[Step, ...]
    goes_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Step):
    """DECLARE ... BEGIN ... EXCEPTION ... END."""

    body: tuple[Step, ...]
    declared: tuple[Step, ...] = ()
    handlers: tuple[Handler, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareProcedure(Step):
    """A procedure of the block: its arguments and what it returns as text, and its body."""

    name: str
    arguments: str
    returns: str
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Step):
    """ASYNC (statement)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Await(Step):
    """AWAIT of the job of a result set, or of all jobs."""

    name: str | None = None
