"""Where the rule of an emulated statement, function or endpoint comes from. None was compared with a real account.

Every registration gives a proof; whether a test sends the thing through a real client is found by the tests themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

Level = Literal["document", "client source", "judgement"]
DOCUMENTS: Final = "https://docs.snowflake.com/en/sql-reference/"


@dataclass(frozen=True, slots=True)
class Proof:
    """A level, and what it rests on: the address of a document, a file of a client, or a reason."""

    level: Level
    source: str


def document(page: str) -> Proof:
    """The rule follows a page of Snowflake's SQL reference, such as "sql/create-alert", as far as it is emulated."""
    return Proof("document", f"{DOCUMENTS}{page}")


def client_source(file: str) -> Proof:
    """No document says it: the file of a client that sends it, below ``snowflake/``, is the specification."""
    return Proof("client source", f"snowflake/{file}")


def judgement(reason: str) -> Proof:
    """Nothing says it."""
    return Proof("judgement", reason)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of SQL: what answers it, what it does in a line, its proof, and where it is refused what to do instead."""

    run: Callable[..., Any]
    summary: str
    proof: Proof
    instead: str | None = None


def first_line(function: Callable[..., Any]) -> str:
    """The first line of a docstring, without the full stop."""
    return (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
