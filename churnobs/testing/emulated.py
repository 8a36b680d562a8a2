"""What the offline account emulates, told from its own registries: statements, functions, endpoints, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from churnobs.testing import engine, http, queries, rest
from churnobs.testing.account import load_handlers
from churnobs.testing.proof import Proof
from churnobs.testing.rewriting import QUALIFIED, SCALARS, TABLE_FUNCTIONS
from churnobs.testing.statements import COMMANDS

AREAS: Final = {
    "statement": "Statements",
    "table function": "Table functions",
    "function": "Functions",
    "endpoint": "Endpoints of the server",
    "route": "Routes of the REST interface",
}
HERE, TRANSLATED, REFUSED = "emulated", "translated", "refused"
LEVELS: Final = """\
# What is emulated, and how far it is proven

<!-- written by tests/offline/test_emulated.py: pytest tests/offline/test_emulated.py --update-golden -->

Generated from the registries of `churnobs.testing`. What a line cannot say is on
[the offline account's page](offline_account.md).

**Answered**: `emulated` is code of this package; `translated` is read by sqlglot, changed by this package and fakesnow, and run
by DuckDB; `refused` fails with `offline account: ... is not supported`, and the line says what to do instead.

**Rule** is where the rule comes from:

| level | meaning |
|---|---|
| `document` | it follows a page of Snowflake's documentation as far as it is emulated; error texts go beyond the page |
| `client source` | no page says it: the source of a client that sends it is the specification |
| `judgement` | nothing says it |

**Client** says `client` where a test sends it through a real client (snowflake-connector-python, snowflake-snowpark-python,
snowflake-ml-python, snowflake.core), and asserts. That was recorded while the tests ran; whether an assertion is about this very
thing, no machine can say. Where the cell is empty, no quick test sends it.

**No level is "real account": none was available.**
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is emulated or refused: its heading words, of which some mean the same, and what is told of it."""

    area: str
    words: tuple[str, ...]
    summary: str
    answered: str
    proof: Proof
    instead: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What a test that sends it is recorded under."""
        return tuple(key(self.area, word) for word in self.words)


def key(area: str, word: str) -> str:
    """The mark of one registered thing."""
    return f"{area} {word}"


def route_words(method: str, verb: str, *, named: bool) -> str:
    """A route of the REST interface as its method and path."""
    return f"{method} .../tasks{'/{name}' if named else ''}{verb}"


def _all() -> Iterator[Entry]:
    load_handlers()
    for head, one in COMMANDS.items():
        answered = REFUSED if one.instead else HERE
        yield Entry("statement", (_spelled(head),), one.summary, answered, one.proof, one.instead)
    for name, parsed in queries.STATEMENTS.items():
        if tuple(name.split()) not in COMMANDS:  # ALTER TABLE is read by both
            yield Entry("statement", (name,), parsed.summary, TRANSLATED, parsed.proof)
    for area, functions in (("table function", TABLE_FUNCTIONS), ("function", SCALARS)):
        for name, found in functions.items():
            answered = REFUSED if found.instead else HERE
            yield Entry(area, (name,), found.summary, answered, found.proof, found.instead)
    for point in http.ENDPOINTS:
        summary = (point.run.__doc__ or "").partition("\n")[0].rstrip(".")
        yield Entry("endpoint", (f"{point.method} {point.path}",), summary, HERE, point.proof)
    for (method, named, verb), route in rest.ROUTES.items():
        yield Entry("route", (route_words(method, verb, named=named),), route.summary, HERE, rest.PROOF)


def _spelled(head: tuple[str, ...]) -> str:
    """The words of a command; those that stand between them in a statement are put back."""
    text = " ".join(head)
    return {"CREATE ALTER": "CREATE OR ALTER", "CREATE ALTER TASK": "CREATE OR ALTER TASK"}.get(
        text, text.replace("WITH PROCEDURE", "WITH ... AS PROCEDURE")
    )


def entries() -> list[Entry]:
    """Everything that is registered, by area and name; names of one meaning are one entry."""
    held: dict[object, Entry] = {}
    for one in _all():
        mark = (one.area, one.summary or one.words, one.proof, one.instead)
        before = held.get(mark)
        words = (*before.words, *one.words) if before else one.words
        held[mark] = Entry(one.area, words, one.summary, one.answered, one.proof, one.instead)
    return sorted(held.values(), key=lambda e: (list(AREAS).index(e.area), e.words))


def page(sent: Mapping[str, Collection[str]], others: Iterable[str]) -> str:
    """The page in Markdown.

    Args:
        sent: the test files that send each thing through a client, by its key.
        others: the functions that tests send and that are not registered here.
    """
    known = entries()
    parts = [LEVELS]
    for area, title in AREAS.items():
        rows = [_row(one, sent) for one in known if one.area == area and one.answered != REFUSED]
        parts.append(
            "\n".join(
                [f"## {title}\n", "| words | what it does | answered | rule | client |", "|---|---|---|---|---|", *rows]
            )
        )
    refused = [one for one in known if one.answered == REFUSED]
    rows = [f"| {_names(one)} | {one.instead} | {_client(one, sent)} |" for one in refused]
    parts.append("\n".join(["## Refused\n", "| words | the way out | client |", "|---|---|---|", *rows]))
    names = ", ".join(f"`{name}`" for name in sorted(others))
    parts.append(
        "## Functions that sqlglot, fakesnow and DuckDB answer\n\nTests send these, and none is registered above. Any other"
        f" function that the three know is answered too, untested, and one that they do not know is an error.\n\n{names}"
    )
    changes = ", ".join(f"`{name}`" for name in engine.TRANSFORMS)
    parts.append(f"## Rules of fakesnow that are used\n\nIn this order, before DuckDB reads a query: {changes}.")
    return "\n\n".join(parts) + "\n"


def _row(one: Entry, sent: Mapping[str, Collection[str]]) -> str:
    proof = one.proof
    rule = f"[{proof.level}]({proof.source})" if proof.level == "document" else f"{proof.level}: {_told(proof)}"
    return f"| {_names(one)} | {_escaped(one.summary)} | {one.answered} | {rule} | {_client(one, sent)} |"


def _told(proof: Proof) -> str:
    return f"`{proof.source}`" if proof.level == "client source" else proof.source


def _names(one: Entry) -> str:
    return ", ".join(f"`{_full(one.area, word)}`" for word in one.words)


def _full(area: str, word: str) -> str:
    """A function that is known under its full name only, with it."""
    if area == "function" and word in QUALIFIED:
        return (
            f"SNOWFLAKE.{'ALERT' if word in _ALERT else 'NOTIFICATION' if word in _NOTIFICATION else 'CORTEX'}.{word}"
        )
    return word


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _client(one: Entry, sent: Mapping[str, Collection[str]]) -> str:
    return "`client`" if any(sent.get(mark) for mark in one.keys) else ""


_ALERT: Final = ("SCHEDULED_TIME", "LAST_SUCCESSFUL_SCHEDULED_TIME", "GET_CONDITION_QUERY_UUID")
_NOTIFICATION: Final = ("TEXT_PLAIN", "TEXT_HTML", "APPLICATION_JSON", "INTEGRATION", "EMAIL_INTEGRATION_CONFIG")


def main() -> None:
    """``python -m churnobs.testing.emulated``: a line for each, without what tests send."""
    for one in entries():
        what = one.summary or f"instead: {one.instead}"
        sys.stdout.write(
            "\t".join((", ".join(one.words), one.answered, what, one.proof.level, one.proof.source)) + "\n"
        )


if __name__ == "__main__":
    main()
