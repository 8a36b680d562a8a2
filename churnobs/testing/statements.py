"""The way of a statement: commands are known by their first words and read as text, queries go to sqlglot."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import Parser, flow, words
from churnobs.testing.names import Name
from churnobs.testing.proof import Proof, first_line, judgement
from churnobs.testing.results import DDL, Result, of_rows, status
from churnobs.testing.session import Session

Handler = Callable[[Session, Parser], Result]
NOISE = frozenset(
    {"OR", "REPLACE", "SCOPED", "TEMP", "TEMPORARY", "LOCAL", "GLOBAL", "TRANSIENT", "VOLATILE", "SECURE", "RECURSIVE"}
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what runs it, whether running it to describe it is harmless, and what is told of it.

    ``instead`` says what to do where the command is refused.
    """

    run: Handler
    reads: bool
    summary: str
    proof: Proof
    instead: str | None = None


COMMANDS: dict[tuple[str, ...], Command] = {}


def command(*heads: str, proof: Proof, reads: bool = False) -> Callable[[Handler], Handler]:
    """Register the handler of the commands that begin with these words; ``proof`` says where its rule comes from."""

    def register(handler: Handler) -> Handler:
        for head in heads:
            COMMANDS[tuple(head.split())] = Command(handler, reads, first_line(handler), proof)
        return handler

    return register


def refuse(head: str, instead: str) -> None:
    """Register a command as one that is not emulated; signs between its words stand alone."""

    def handler(_session: Session, _parser: Parser) -> Result:
        raise not_supported(head.replace(" . ", ".").removesuffix(" ."), instead)

    proof = judgement("left out of what is emulated")
    COMMANDS[tuple(head.split())] = Command(handler, reads=True, summary="", proof=proof, instead=instead)


def find(text: str) -> Command | None:
    """The command a statement is, or None for what sqlglot reads."""
    head = words(text)
    if not head:
        return None
    if head[0] == "CREATE":
        head = ["CREATE", *(w for at, w in enumerate(head[1:]) if w not in NOISE or at > 4)]
    if head[0] == "WITH" and head[2:4] == ["AS", "PROCEDURE"]:
        head = ["WITH", "PROCEDURE"]
    for length in range(min(5, len(head)), 0, -1):
        if found := COMMANDS.get(tuple(head[:length])):
            return found
    return None


@dataclass(frozen=True, slots=True)
class Creation:
    """The head of a CREATE statement."""

    name: Name
    replace: bool
    if_not_exists: bool
    temporary: bool


def creation(session: Session, parser: Parser, *kind: str) -> Creation:
    """Read CREATE [OR REPLACE] [TEMPORARY ...] <kind> [IF NOT EXISTS] <name> [IF NOT EXISTS]."""
    parser.expect("CREATE")
    replace = temporary = False
    while (token := parser.peek()) is not None and token.upper in NOISE:
        parser.at += 1
        replace |= token.upper == "REPLACE"
        temporary |= token.upper in ("TEMP", "TEMPORARY", "VOLATILE")
    parser.expect(*kind)
    absent = parser.accept("IF", "NOT", "EXISTS")
    name = session.resolve(parser.parts())
    absent |= parser.accept("IF", "NOT", "EXISTS")
    if replace and absent:
        raise SqlError("SQL compilation error:\noptions IF NOT EXISTS and OR REPLACE are incompatible.", 2014, "42601")
    return Creation(name, replace, absent, temporary)


def created(kind: str, name: str, *, made: bool = True) -> Result:
    """The answer of a CREATE statement."""
    return status(f"{kind} {name} successfully created." if made else f"{name} already exists, statement succeeded.")


def dropped(name: str, *, found: bool = True) -> Result:
    """The answer of a DROP statement."""
    text = f"{name} successfully dropped."
    return status(text if found else f"Drop statement executed successfully ({name} already dropped).")


def execute(
    session: Session,
    text: str,
    bindings: Any = (),
    *,
    describe_only: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[str, Result]:
    """Run one statement; the result is kept under the query id that is returned with it."""
    query_id = str(uuid.uuid4())
    parts = flow(text)
    result = None
    with session.lock:
        for part in parts:
            body = part
            if len(parts) > 1:
                body = re.sub(r"\$(\d+)\b(?=[^']*(?:'[^']*'[^']*)*$)", lambda m: _flowed(session, m), part)
            run = partial(_one, session, body, bindings, describe_only=describe_only)
            sequence = session.sequence = session.account.next_number()
            result = session.timed(body, run, parameters)
            if not describe_only:
                session.remember(query_id if part is parts[-1] else str(uuid.uuid4()), result, sequence)
    assert result is not None
    return query_id, result


def _flowed(session: Session, match: re.Match[str]) -> str:
    before = match.string[: match.start()].rstrip().upper()
    if not before.endswith(("FROM", "JOIN", ",")):
        return match.group()
    return f"TABLE(RESULT_SCAN('{session.queries[-int(match.group(1))]}'))"


def run_inside(session: Session, text: str, bindings: Sequence[Any] = ()) -> Result:
    """Run a statement as part of another one: the lock is held already."""
    before, sequence = session.sequence, session.account.next_number()
    session.sequence = sequence
    try:
        result = session.timed(text, lambda: _one(session, text, bindings, describe_only=False))
    finally:
        session.sequence = before
    session.remember(str(uuid.uuid4()), result, sequence)
    return result


def _one(session: Session, text: str, bindings: Any, *, describe_only: bool) -> Result:
    from churnobs.testing import queries

    text = text.strip().removesuffix(";").rstrip()
    if not text:
        raise SqlError("Empty SQL statement.", 900, "42601")
    if (
        not text[:7].upper().startswith(("BEGIN", "DECLARE"))
    ):  # a block may set them itself, and reads them step by step
        text = session.engine.inline_variables(text)
    if session.account.config.denied:
        from churnobs.testing.grants import check

        check(session, text)
    from churnobs.testing import role_rules

    given = bindings if isinstance(bindings, list | tuple) else ()
    changed = role_rules.check(session, text, given) if session.account.rights.made else None
    if (found := find(text)) is not None:
        if describe_only and not found.reads:
            return of_rows({"status": "text"}, [], type_id=DDL)
        result = found.run(session, Parser(text, given))
    else:
        result = queries.run(session, text, bindings, describe_only=describe_only)
    if not describe_only:
        role_rules.done(session, changed, result)
    return result
