"""CALL in blocks: of procedures with output arguments, and of the block's own procedures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name
from churnobs.testing.python_code import Code, read_arguments, read_returns
from churnobs.testing.results import Column, Result
from churnobs.testing.script_syntax import DeclareProcedure
from churnobs.testing.script_values import Variable, one_value
from churnobs.testing.session import Session
from churnobs.testing.show import type_name


@dataclass(frozen=True, slots=True)
class Call:
    """A CALL: the name, if it is one without a schema, and the texts of the arguments."""

    name: str
    arguments: tuple[str, ...]

    def passed(self) -> dict[int | str, str]:
        """The variables among the arguments, by place or by the argument's name."""
        found: dict[int | str, str] = {}
        for at, text in enumerate(self.arguments):
            parser = Parser(text)
            key: int | str = at
            if len(parser.tokens) == 4 and parser.tokens[1].text == "=>":
                key = parser.part()
                parser.expect("=>")
            if len(parser.tokens) - parser.at == 2 and parser.accept(":"):
                found[key] = parser.part()
        return found


def read_call(text: str) -> Call | None:
    """Read a statement as CALL name(arguments), if it is one."""
    parser = Parser(text)
    if not parser.accept("CALL"):
        return None
    parts = parser.parts()
    inner = parser.group()
    parser.end()
    return Call(parts[0] if len(parts) == 1 else "", tuple(_split(inner)))


def _split(text: str) -> list[str]:
    parser, depth, start, found = Parser(text), 0, 0, list[str]()
    for token in parser.tokens:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if token.text == "," and token.kind == "sign" and depth == 0:
            found.append(text[start : token.start].strip())
            start = token.end
    return [*found, text[start:].strip()] if parser.tokens else []


def targets(
    code: Code, places: int, named: Mapping[str, Any], passed: Mapping[int | str, str] | None
) -> dict[str, str]:
    """The variable that each output argument of a called procedure goes to.

    Raises:
        SqlError: one is given something else, or two are given the same.
    """
    found: dict[str, str] = {}
    for at, argument in enumerate(code.arguments):
        if not argument.is_out:
            continue
        variable = (passed or {}).get(at if at < places and argument.name not in named else argument.name)
        if variable is None or variable in found.values():
            told = "a variable of a block" if variable is None else "a variable that no other output argument has"
            raise SqlError(
                f"SQL compilation error:\nOutput argument '{argument.name}' must be given {told}", 1003, "42601"
            )
        found[argument.name] = variable
    return found


def declared(session: Session, step: DeclareProcedure) -> Code:
    """The signature of a block's own procedure."""
    returned = Parser(step.returns)
    returns, returns_sql = read_returns(session, returned)
    returned.end()
    made = Code(
        name=Name("", "", step.name), arguments=read_arguments(session, Parser(step.arguments)), returns=returns,
        returns_sql=returns_sql, language="SQL", body="",
    )  # fmt: skip
    if any(argument.is_out or argument.default is not None for argument in made.arguments):
        told = "A procedure of a block has no output arguments and no defaults"
        raise SqlError(f"SQL compilation error:\n{told}", 1003, "42601")
    if returns is None:
        made.table = read_arguments(session, Parser(returns_sql.removeprefix("TABLE ")))
    return made


def answered(session: Session, code: Code, found: Variable | Result) -> Result:
    """What a block returned, as its procedure declares it: a table, or a value under the procedure's name."""
    title = code.name.name.partition("(")[0]
    if code.returns is None:
        if not isinstance(found, Result):
            raise SqlError(f"Procedure {title} returns a table, and its block returned none", 90240, "P0000")
        return _as_declared(found, code, title)
    if isinstance(found, Result):
        raise SqlError(f"Procedure {title} returns {code.returns_sql}, and its block returned a table", 90240, "P0000")
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
