"""What the tests of a file send to the offline account through a client, recorded while they run.

A request is answered in a thread of the server, so what the main thread does (the clock, a unit test) does not count. Tests that
are long, or assert nothing, do not count either.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlglot.dialects.snowflake import Snowflake

from churnobs.testing import emulated, http, queries, rest
from churnobs.testing.account import load_handlers
from churnobs.testing.lexer import tokens
from churnobs.testing.rewriting import SCALARS, TABLE_FUNCTIONS
from churnobs.testing.statements import COMMANDS

GOLDEN = Path(__file__).parents[1] / "golden" / "emulated"
SENT: set[str] = set()
DESELECTED: set[Path] = set()
OTHER = "other"
# what clients send when they like (heartbeats, the end of a forgotten session), or once a process, whichever file comes first
VARYING = frozenset(
    {
        "endpoint POST /session",
        "endpoint POST /session/heartbeat",
        "endpoint POST /session/token-request",
        "endpoint POST /queries/v1/abort-request",
        "endpoint POST /telemetry/send",
        "function SYSTEM$CANCEL_ALL_QUERIES",
        "function SYSTEM$ML_PLATFORM_CAPABILITIES",
    }
)
# functions of sqlglot that are words before a parenthesis in Snowflake, and one that is sent to be refused
NO_FUNCTIONS = {"AND", "OR", "XOR", "EXISTS", "INSERT", "TABLE", "STRING", "IDENTIFIER", "READ_CSV"}
_ASSERTS = re.compile(r"\bassert|\braises\(|\bfails\(|_holds\(")
_listening = False


def note(*keys: str) -> None:
    """Something is sent."""
    if _listening and threading.current_thread() is not threading.main_thread():
        SENT.update(keys)


def _noted(mark: str, run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def noting(*args: Any, **named: Any) -> Any:
        note(mark)
        return run(*args, **named)

    return noting


@functools.cache
def install() -> None:
    """Put a note before everything that is registered."""
    load_handlers()
    for head, one in COMMANDS.items():
        COMMANDS[head] = replace(one, run=_noted(emulated.key("statement", emulated._spelled(head)), one.run))
    for area, held in (("function", SCALARS), ("table function", TABLE_FUNCTIONS)):
        for name, function in held.items():
            held[name] = replace(function, run=_noted(emulated.key(area, name), function.run))
    for at, point in enumerate(http.ENDPOINTS):
        mark = emulated.key("endpoint", f"{point.method} {point.path}")
        http.ENDPOINTS[at] = replace(point, run=_noted(mark, point.run))
    for (method, named, verb), route in rest.ROUTES.items():
        mark = emulated.key("route", emulated.route_words(method, verb, named=named))
        rest.ROUTES[method, named, verb] = replace(route, run=_noted(mark, route.run))
    queries.statement_of = _statement_noted(queries.statement_of)
    queries.parse = _calls_noted(queries.parse)


def _statement_noted(statement_of: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def noting(tree: Any) -> str | None:
        name = statement_of(tree)
        if name is not None:
            note(emulated.key("statement", name))
        return name

    return noting


def _calls_noted(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    known = (
        {*Snowflake.Parser.FUNCTIONS, *Snowflake.Parser.FUNCTION_PARSERS} - {*SCALARS, *TABLE_FUNCTIONS} - NO_FUNCTIONS
    )

    def noting(text: str) -> Any:
        found = tokens(text)
        called = {a.upper for a, b in itertools.pairwise(found) if b.text == "(" and a.upper in known}
        note(*(f"{OTHER} {name}" for name in called))
        return parse(text)

    return noting


@contextlib.contextmanager
def listening(item: pytest.Item) -> Iterator[None]:
    """Note what a test sends, if it counts."""
    global _listening  # noqa: PLW0603
    install()
    function = getattr(item, "function", None)
    _listening = "long" not in item.keywords and function is not None and _asserts(function)
    try:
        yield
    finally:
        _listening = False


@functools.cache
def _asserts(function: Callable[..., Any]) -> bool:
    return _ASSERTS.search(inspect.getsource(inspect.unwrap(function))) is not None


def compare(request: pytest.FixtureRequest) -> None:
    """Compare what was sent with the stored list of the file, or write it; a file of which a part ran says nothing.

    What no file's list has must not be sent. What is stored must be sent still where the file runs by itself: clients keep
    some answers for as long as their process lives, whichever file asked first.
    """
    whole = request.path not in DESELECTED and not any("::" in given for given in request.config.args)
    if not whole:
        return
    alone = [Path(given).name for given in request.config.args] == [request.path.name]
    path = GOLDEN / f"{request.path.stem}.txt"
    told = set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()
    if request.config.getoption("--update-golden"):
        told = set(SENT) if alone else told | SENT
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{mark}\n" for mark in sorted(told)), encoding="utf-8")
        if not told:
            path.unlink()
    # what another file is known to send is no news for the page
    differing = sorted(((told - SENT if alone else set()) | (SENT - stored().keys())) - VARYING)
    assert not differing, (
        f"{request.path.name} sends other things than tests/golden/emulated says, pytest {request.path} --update-golden,"
        f" then tests/offline/test_emulated.py: {differing}"
    )


def stored() -> dict[str, set[str]]:
    """The test files that send each thing, by its key."""
    held: dict[str, set[str]] = {}
    for path in sorted(GOLDEN.glob("*.txt")):
        for mark in path.read_text(encoding="utf-8").splitlines():
            held.setdefault(mark, set()).add(path.stem)
    return held
