"""Places and parts of the texts of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from churnobs.testing.lexer import Parser, Token


def where(text: str, place: int) -> tuple[int, int]:
    r"""The line and the position in it of a place in a text.

    >>> where("BEGIN\n  x := 1;", 8)
    (2, 2)
    """
    return text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1)


def variables(parser: Parser) -> tuple[str, ...]:
    """Read the names of variables between commas, with or without colons."""
    parser.accept(":")
    names = [parser.part()]
    while parser.accept(","):
        parser.accept(":")
        names.append(parser.part())
    return tuple(names)


def without_into(text: str, held: Sequence[Token]) -> tuple[str, tuple[str, ...]]:
    """The text of a statement and, apart from it, the variables of its INTO."""
    first, depth = held[0].upper, 0
    for at, token in enumerate(held[:-1]):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        is_into = depth == 0 and token.upper == "INTO" and held[at + 1].text == ":"
        if is_into and first in ("SELECT", "WITH", "CALL"):
            begun = held[at + 1].start
            inner = Parser(text[begun : held[-1].end])
            names = variables(inner)
            end = begun + inner.tokens[inner.at - 1].end
            return text[held[0].start : token.start] + text[end : held[-1].end], names
    return text[held[0].start : held[-1].end], ()
