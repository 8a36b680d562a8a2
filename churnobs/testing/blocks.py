"""The part of Snowflake Scripting that alerts use: a block that names values with LET and runs plain statements in order."""

from __future__ import annotations

import itertools
import re
from typing import Any

from churnobs.testing import queries
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import tokens
from churnobs.testing.results import Result
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.several import split
from churnobs.testing.statements import run_inside
from churnobs.testing.trees import value_of

_LET = re.compile(r"LET\s+(\w+)\s+(?:[A-Za-z]\w*(?:\s*\([\d\s,]*\))?\s*)?:=\s*(.+)", re.IGNORECASE | re.DOTALL)
_BEYOND = frozenset(
    {"DECLARE", "IF", "FOR", "WHILE", "LOOP", "REPEAT", "CASE", "RETURN", "EXCEPTION", "BEGIN", "RAISE"}
)


def is_block(text: str) -> bool:
    """Whether a text is a block, and no statement."""
    return text.lstrip().upper().startswith(("BEGIN", "DECLARE"))


def parts_of(text: str) -> list[str]:
    """The steps of a block.

    Raises:
        SqlError: it is more than LET and plain statements.
    """
    *body, end = split(text)
    first = re.match(r"\s*BEGIN\s", body[0], re.IGNORECASE) if body else None
    if first is None or end.upper() != "END":
        raise _unsupported()
    steps = [step.strip() for step in (body[0][first.end() :], *body[1:]) if step.strip()]
    for step in steps:
        if step.split(None, 1)[0].upper() in _BEYOND or (step.upper().startswith("LET") and not _LET.fullmatch(step)):
            raise _unsupported()
    return steps


def run_block(session: Session, text: str) -> Result:
    """Run a block; gives what its last statement gave."""
    known: dict[str, Any] = {}
    result: Result | None = None
    for step in parts_of(text):
        if let := _LET.fullmatch(step):
            rewriter = Rewriter(session, (), describe_only=False)
            try:
                tree = queries.parse(f"SELECT {_with_values(let[2], known)}").expressions[0]
                known[let[1].upper()] = rewriter.evaluate(tree)
            finally:
                rewriter.release()
        else:
            result = run_inside(session, _with_values(step, known))
    if result is None:
        raise SqlError("syntax error: a block without statements", 1003, "42000")
    return result


def _with_values(text: str, known: dict[str, Any]) -> str:
    """A statement with the values of its ``:names``."""
    made, at = [], 0
    found = tokens(text)
    for colon, name in itertools.pairwise(found):
        if colon.text == ":" and name.start == colon.end and name.upper in known:
            made += [text[at : colon.start], value_of(known[name.upper]).sql("snowflake")]
            at = name.end
    return "".join([*made, text[at:]])


def _unsupported() -> SqlError:
    return not_supported(
        "Snowflake Scripting beyond LET and plain statements", "let the action CALL a Python procedure"
    )
