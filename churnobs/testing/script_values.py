"""The values of a block's variables, and their place in the expressions and statements of the block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Token, tokens
from churnobs.testing.names import fold
from churnobs.testing.results import Column, Result
from churnobs.testing.session import Session
from churnobs.testing.trees import value_of

if TYPE_CHECKING:
    from churnobs.testing.python_code import Code
    from churnobs.testing.script_syntax import Block

_JSON = frozenset({"variant", "object", "array"})
_TEXT = Column("", "text")
JSON_TYPES = ("VARIANT", "OBJECT", "ARRAY")


@dataclass(slots=True)
class Variable:
    """A value with its column's kind, and the type it was declared with."""

    value: Any
    column: Column = _TEXT
    kind: str | None = None


@dataclass(slots=True)
class Row:
    """The row of a FOR loop: a value for each column."""

    values: dict[str, Variable]


@dataclass(slots=True)
class ResultSet:
    """A variable that holds a result; that of an asynchronous job, or its error, is there once it was awaited."""

    result: Result | None = None
    awaited: bool = True
    error: Raised | None = None

    @property
    def status(self) -> str:
        """What SYSTEM$GET_RESULTSET_STATUS says."""
        return (
            "NO_DATA"
            if self.result is None and self.error is None
            else "FAILED_WITH_ERROR"
            if self.error
            else "SUCCESS"
        )


@dataclass(slots=True)
class Cursor:
    """A cursor: its query, and where it stands when it is open."""

    query: str
    result: Result | None = None
    at: int = 0


@dataclass(slots=True)
class UserException:
    """An exception of the user's own."""

    name: str
    number: int
    message: str


@dataclass(slots=True)
class Nested:
    """A procedure of a block: its signature, its body, and the names that it sees."""

    code: Code
    body: Block
    seen: dict[str, Held]


Held = Variable | Row | ResultSet | Cursor | UserException | Nested


class Raised(SqlError):
    """An exception on its way through the blocks."""

    def __init__(self, name: str, place: int, message: str, errno: int, sqlstate: str) -> None:
        super().__init__(message, errno, sqlstate)
        self.name, self.place = name, place


class Scopes:
    """The names of a block and of those around it; the innermost is found first."""

    def __init__(self, outermost: dict[str, Held]) -> None:
        self._held: list[dict[str, Held]] = [outermost]

    def push(self, **names: Held) -> None:
        """Enter a block or a loop."""
        self._held.append(dict(names))

    def pop(self) -> None:
        """Leave it."""
        self._held.pop()

    def declare(self, name: str, held: Held) -> None:
        """Make a name in the innermost block."""
        self._held[-1][name] = held

    def seen(self) -> dict[str, Held]:
        """What each name stands for now."""
        return {name: held for names in self._held for name, held in names.items()}

    def get(self, name: str) -> Held | None:
        """What a name stands for."""
        return next((names[name] for names in reversed(self._held) if name in names), None)

    def need(self, name: str) -> Held:
        """What a name stands for, or the error that it stands for nothing."""
        if (found := self.get(name)) is None:
            raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")
        return found

    def variable(self, name: str) -> Variable:
        """The variable of a name."""
        if not isinstance(found := self.need(name), Variable):
            raise SqlError(f"SQL compilation error:\n'{name}' is no variable that holds a value", 904, "42000")
        return found


def first_value(result: Result, column: int = 0, row: int = 0) -> Variable:
    """One value of a result; arrays and objects as JSON."""
    value = result.table.column(column)[row].as_py()
    held = result.columns[column]
    if isinstance(value, list | dict):
        return Variable(json.dumps(value, default=str), Column("", "variant"))
    return Variable(value, held)


def rows_of(result: Result) -> list[Row]:
    """The rows of a result, by column name."""
    names = [column.name for column in result.columns]
    return [
        Row({name: first_value(result, at, row) for at, name in enumerate(names)})
        for row in range(result.table.num_rows)
    ]


def spelled(held: Variable) -> str:
    """A value as an expression of SQL that has its type."""
    if held.value is None:
        return f"CAST(NULL AS {held.kind})" if held.kind and held.column.kind not in _JSON else "NULL"
    if held.column.kind in _JSON:
        return f"PARSE_JSON({value_of(str(held.value)).sql('snowflake')})"
    text = value_of(held.value).sql("snowflake")
    if held.column.kind == "real":
        inner = f"'{held.value}'" if held.value != held.value or abs(held.value) == float("inf") else text
        return f"CAST({inner} AS FLOAT)"
    return f"({text})" if text.startswith("-") else text


def with_values(text: str, scopes: Scopes, *, bare: bool) -> str:
    """A statement or expression with values in place of ``:names``, and in expressions of bare names outside queries."""
    found, made, at, place = tokens(text), [], 0, 0
    inside = [False]  # whether the parenthesis around a token is that of a query, where bare names are columns
    while place < len(found):
        token = found[place]
        if token.text in "()" and token.kind == "sign":
            after = found[place + 1].upper if place + 1 < len(found) else ""
            if token.text == "(":
                inside.append(inside[-1] or after in ("SELECT", "WITH", "SHOW"))
            elif len(inside) > 1:
                inside.pop()
        named = place + 1 if _binds(found, place) else place
        value = None
        if named != place:
            value = _bound(found, named, scopes)
        elif bare and not inside[-1] and _is_bare(found, place):
            value = _known(found, named, scopes)
        elif token.upper == "SYSTEM$GET_RESULTSET_STATUS":
            value = _status(found, place, scopes)
        if value is None:
            place += 1
            continue
        spelling, taken = value
        made += [text[at : token.start], spelling]
        at = found[named + taken - 1].end
        place = named + taken
    return "".join([*made, text[at:]])


def _binds(found: Sequence[Token], place: int) -> bool:
    """Whether a colon binds a variable: that of a path into JSON follows a name at once."""
    token, after = found[place], found[place + 1] if place + 1 < len(found) else None
    if token.text != ":" or after is None or after.start != token.end or after.kind not in ("word", "quoted"):
        return False
    before = found[place - 1] if place else None
    touches = before is not None and before.end == token.start
    return not (touches and before is not None and (before.kind in ("word", "quoted", "string") or before.text in ")]"))


def _is_bare(found: Sequence[Token], place: int) -> bool:
    token = found[place]
    before = found[place - 1].text if place else ""
    after = found[place + 1].text if place + 1 < len(found) else ""
    return token.kind in ("word", "quoted") and before not in (".", ":") and after not in ("(", "=>")


def _known(found: Sequence[Token], place: int, scopes: Scopes) -> tuple[str, int] | None:
    """The spelling of a name's value and the tokens it takes."""
    held = scopes.get(fold(found[place].text))
    if isinstance(held, Variable):
        return spelled(held), 1
    if isinstance(held, Row) and len(found) > place + 2 and found[place + 1].text == ".":
        name = fold(found[place + 2].text)
        if name not in held.values:
            raise SqlError(f"SQL compilation error:\ninvalid identifier '{found[place].text.upper()}.{name}'", 904)
        return spelled(held.values[name]), 3
    return None


def _status(found: Sequence[Token], place: int, scopes: Scopes) -> tuple[str, int] | None:
    """The status of the result set in parentheses."""
    held = scopes.need(fold(found[place + 2].text)) if len(found) > place + 3 else None
    return (f"'{held.status}'", 4) if isinstance(held, ResultSet) else None


def _bound(found: Sequence[Token], place: int, scopes: Scopes) -> tuple[str, int]:
    if (value := _known(found, place, scopes)) is None:
        raise SqlError(f"SQL compilation error:\nBind variable :{found[place].text} not set.", 2049, "42601")
    return value


def one_value(session: Session, title: str, held: Held, kind: str | None = None) -> Result:
    """A result of one row and one column."""
    from churnobs.testing import queries

    scopes = Scopes({"V": held})
    text = "V" if kind is None or kind.upper() in JSON_TYPES else f"CAST(V AS {kind})"
    found = queries.run(session, f"SELECT {with_values(text, scopes, bare=True)} AS V", (), describe_only=False)
    column = found.columns[0]
    named = Column(title, column.kind, column.precision, column.scale)
    return Result([named], found.table.rename_columns([title]))
