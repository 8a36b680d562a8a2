"""What people correct between months, as records; and which version served before, a fold over decisions and rollbacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from churnobs.display import Shown
from churnobs.errors import BadConfig, NotFound

if TYPE_CHECKING:
    from churnobs.lifecycle.report import MonthReport

CorrectionKind = Literal["ROLLBACK", "FORGET", "REVISION"]
# the columns of what was corrected, and of the numbers that restated files have changed
CORRECTED: Final = ("AFTER", "KIND", "WORDS")
REVISED: Final = ("AS_OF", "ROLE", "VERSION", "METRIC", "REPORTED", "REVISED", "ROWS", "REVISION")


@dataclass(frozen=True, slots=True)
class Correction(Shown):
    """Something that was corrected by hand.

    Args:
        kind: what.
        after: the newest month that was finished then; empty before the first.
        words: for people.
        facts: what was done, as plain data.
    """

    kind: CorrectionKind
    after: str
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Rollback(Shown):
    """A promotion that was taken back.

    Args:
        after: the newest month that was finished then; ``former`` predicts from the next one on.
        version: the version that served, and serves no more.
        former: the version that had served before it, and serves again.
        reason: given by whoever took it back.
    """

    after: str
    version: str
    former: str
    reason: str

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.version} was rolled back to {self.former}: {self.reason}"


def defaults(promoted: Sequence[tuple[str, str | None]], rollbacks: Mapping[str, str]) -> list[str]:
    """The versions that served and were not rolled back, each before the one that took over from it; the last one serves.

    Args:
        promoted: the default of each month's decision, as (month, version), oldest first.
        rollbacks: month after which somebody rolled back -> the version that served again.

    >>> defaults([("2024-03", "A"), ("2024-04", "B"), ("2024-05", "C"), ("2024-06", "B")], {"2024-05": "B"})
    ['A', 'B']
    """
    served: list[str] = []
    for month, version in promoted:
        if version is not None and served[-1:] != [version]:
            served.append(version)
        while month in rollbacks and rollbacks[month] in served and served[-1] != rollbacks[month]:
            served.pop()
    return served


def plan_rollback(
    served: Sequence[str], current: str | None, known: Collection[str], after: str, reason: str
) -> Rollback:
    """What takes the newest change of the default back; nothing is done.

    Args:
        served: as ``defaults`` gives them.
        current: the version that serves now, whoever made it the default.
        known: the versions that are still there.
        after: the newest finished month.
        reason: why.

    Raises:
        BadConfig: no reason is given.
        NotFound: no version served before, or it was deleted.
    """
    if not reason.strip():
        raise BadConfig("a rollback needs a reason", hint="say what went wrong; reports will tell it")
    before = [*served[:-1]] if served[-1:] == [current] else [*served]
    if current is None or not before:
        raise NotFound(
            "no former default to roll back to: "
            + ("no model serves" if current is None else f"{current} was the first"),
            hint="a rollback takes a promotion back; registry.get_model(...).default = ... chooses any version",
        )
    if before[-1] not in known:
        raise NotFound(
            f"the former default {before[-1]} was deleted", hint="registry.get_model(...).default = ... chooses another"
        )
    return Rollback(after, current, before[-1], reason.strip())


def put_back(newest: MonthReport) -> str | None:
    """The version that somebody put back after the newest month; None where nobody did."""
    return next((str(c.facts["former"]) for c in newest.later if c.kind == "ROLLBACK"), None)


def corrections_of(reports: Sequence[MonthReport]) -> list[Correction]:
    """Everything that people corrected, month by month; a report tells what was done before its month and after it."""
    every = (c for report in reports for c in (*report.corrections, *report.later))
    return list({(c.after, c.kind, c.words): c for c in every}.values())


def corrected_rows(reports: Sequence[MonthReport]) -> list[tuple[str, str, str]]:
    """A row of CORRECTED a correction."""
    return [(c.after, c.kind, c.words) for c in corrections_of(reports)]


def revised_rows(reports: Sequence[MonthReport]) -> list[tuple[Any, ...]]:
    """A row of REVISED for each final number that the newest revision which counts it has otherwise."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for one in corrections_of(reports):
        for n in one.facts["numbers"] if one.kind == "REVISION" else ():
            at = (dt.date.fromisoformat(n["as_of"]), n["role"], n["version"], n["metric"])
            found[at] = (*at, n["reported"], n["revised"], n["rows"], one.facts["number"])
    return [row for _, row in sorted(found.items()) if row[4] != row[5]]
