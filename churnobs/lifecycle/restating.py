"""What a revision replaces: which months, by which files; planned before anything is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from churnobs.errors import BadFile
from churnobs.ingest_rules import last_covered
from churnobs.months import Month

if TYPE_CHECKING:
    from churnobs.ingest import Ingest, IngestedFile
    from churnobs.mapping import Kind
    from churnobs.sources import Source, SourceFile

# customers are not among them: the newest word on a customer counts, and such files need no revision
_REVISED: Final[tuple[Kind, ...]] = ("sales", "feedback")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a revision is to do.

    Args:
        replaced: kind -> finished month -> the files that it is loaded from now, oldest month first.
        fresh: files that cover several months, each with those of which nothing was loaded yet.
        open: what differs too and is loaded and not finished: it is left alone.
    """

    replaced: Mapping[Kind, Mapping[Month, tuple[SourceFile, ...]]]
    fresh: tuple[tuple[SourceFile, tuple[Month, ...]], ...] = ()
    open: tuple[str, ...] = ()


@dataclass
class _Given:
    """The files of one kind beside what is loaded of it."""

    kind: Kind
    source: Source
    loaded: Sequence[IngestedFile]
    finished: Collection[Month]
    # file that covers several months -> those months
    covered: dict[SourceFile, tuple[Month, ...]] = field(default_factory=dict)

    @property
    def files(self) -> list[SourceFile]:
        return [file for file in self.source.files if file.kind == self.kind]

    @property
    def long(self) -> list[SourceFile]:
        """Those that cover several months."""
        return [file for file in self.files if file.month is None]

    def known(self, file: SourceFile) -> bool:
        return any(f.content_hash == file.content_hash for f in self.loaded)

    def settled(self, file: SourceFile) -> bool:
        """Whether all that was loaded under a file's name is what the file holds."""
        return self.known(file) and all(f.content_hash == file.content_hash for f in self.loaded if f.name == file.name)

    def done(self, month: Month | None) -> bool:
        """Whether decisions were made of a month: feedback may be older than the first sales."""
        return month is not None and (month in self.finished if self.kind == "sales" else month <= max(self.finished))

    def of(self, month: Month) -> tuple[SourceFile, ...]:
        """All files given of a month.

        Raises:
            BadFile: one that the month was loaded from is not among them.
        """
        found = [f for f in self.files if f.month == month or month in self.covered.get(f, ())]
        missing = sorted({f.name for f in self.loaded if f.month == month} - {f.name for f in found})
        if missing:
            raise BadFile(
                found[0].name,
                problem=f"{self.kind} of {month} were also loaded from {missing[0]}, which is not given",
                hint="give all files of the month, each under its former name; what they hold then is the month",
            )
        return tuple(found)


def plan_revision(
    door: Ingest, source: Source, ingested: Sequence[IngestedFile], finished: Collection[Month]
) -> Planned:
    """What to load anew, and what to load first; nothing where all is known already.

    A month file is another one when its bytes are. A file that covers several months is compared row by row with what is
    loaded of them; it covers the months from its first row to its last, and those without a row between them.

    Raises:
        BadFile: not all files of a month are given, or a month was not finished yet, or lies before the first one.
    """
    replaced: dict[Kind, Mapping[Month, tuple[SourceFile, ...]]] = {}
    fresh: list[tuple[SourceFile, tuple[Month, ...]]] = []
    open_months: list[tuple[SourceFile, Month]] = []
    for kind in _REVISED if finished else ():
        given = _Given(kind, source, [f for f in ingested if f.kind == kind], finished)
        _refuse_unfinished(given)
        if all(given.settled(file) for file in given.long):
            for file in given.long:
                own = {f.month for f in given.loaded if f.content_hash == file.content_hash}
                given.covered[file] = tuple(sorted(month for month in own if month is not None))
            new = (f.month for f in given.files if given.done(f.month) and not given.known(f))
            months = {month for month in new if month is not None}
        else:
            months, unfinished = _compared(door, given)
            open_months += unfinished
            fresh += _fresh(given)
        replaced[kind] = {month: given.of(month) for month in sorted(months)}
    if open_months and not any(replaced.values()):
        file, month = open_months[0]
        raise _unfinished(file, month)
    told = tuple(dict.fromkeys(f"{file.kind} of {month}" for file, month in open_months))
    return Planned({kind: months for kind, months in replaced.items() if months}, tuple(fresh), told)


def _refuse_unfinished(given: _Given) -> None:
    for file in given.files:
        if file.month is None or given.done(file.month) or given.known(file):
            continue
        if any(f.month == file.month for f in given.loaded):
            raise _unfinished(file, file.month)


def _compared(door: Ingest, given: _Given) -> tuple[set[Month], list[tuple[SourceFile, Month]]]:
    """The finished months that differ, and those that are loaded and not finished."""
    single = [f for f in given.files if given.done(f.month)]
    found = door.compare(given.source, [*given.long, *single])
    for file, rows in zip(given.long, found.given, strict=False):
        given.covered[file] = _range(min(rows), max(rows)) if rows else ()
    changed: set[Month] = set()
    unfinished: list[tuple[SourceFile, Month]] = []
    loaded = _newest(given)
    for month in sorted(found.differing):
        of = [f for f in given.long if month in given.covered[f]]
        if given.done(month):
            if of or any(f.month == month for f in single):
                changed.add(month)
        elif of and month < min(given.finished):
            raise BadFile(
                of[0].name,
                problem=f"has {given.kind} of {month}, and {min(given.finished)} is the first month",
                hint="rebuild the database from the files to change the past",
            )
        elif of and loaded is not None and month <= loaded:
            unfinished.append((of[0], month))
    return changed, unfinished


def _fresh(given: _Given) -> Iterable[tuple[SourceFile, tuple[Month, ...]]]:
    """What follows on all that is loaded, up to the end of the period where one is given."""
    newest = max(filter(None, (_newest(given), max(given.finished))))
    end: dt.date | None = given.source.period_end
    for file in given.long:
        months = given.covered[file]
        if not months:
            continue
        last = months[-1] if end is None else max(months[-1], last_covered(file.name, months[-1], end))
        if last > newest:
            yield file, _range(max(newest.next(), months[0]), last)


def _newest(given: _Given) -> Month | None:
    return max((f.month for f in given.loaded if f.month is not None), default=None)


def _range(first: Month, last: Month) -> tuple[Month, ...]:
    found = [first]
    while found[-1] < last:
        found.append(found[-1].next())
    return tuple(found)


def _unfinished(file: SourceFile, month: Month) -> BadFile:
    return BadFile(file.name, problem=f"{month} is loaded and not finished", hint="run() finishes it; revise it then")
