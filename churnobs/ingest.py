"""The door for files: each is loaded once, whole or not at all."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, final

from churnobs.display import html_table
from churnobs.errors import BadConfig, BadFile, NotFound
from churnobs.months import Month

if TYPE_CHECKING:
    from churnobs.mapping import FileMapping, Kind
    from churnobs.sources import Source, SourceFile

OnError = Literal["raise", "quarantine"]
ON_ERROR: Final = ("raise", "quarantine")


@dataclass(frozen=True, slots=True)
class LoadJob:
    """One file to load.

    Args:
        columns: how to read it.
        key: the target that identifies a row; None where the row's number in the file does.
        start, end: rows dated before start, or end or later, are bad; None for no bound.
        period_end: the first day after what the file covers; None for the end of its last month.
        on_error: what to do with bad rows.
        forgotten: the hashes of customers whose rows are dropped.
        revision: 0, or the number of the revision that brings the file.
        months: of a file that covers several months, those to load; empty for all.
    """

    file: SourceFile
    columns: FileMapping
    key: str | None
    start: dt.date | None
    end: dt.date | None
    period_end: dt.date | None
    on_error: OnError
    forgotten: tuple[str, ...] = ()
    revision: int = 0
    months: tuple[Month, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """How files of one kind differ from what is loaded, whoever loaded it.

    Args:
        given: for each file, month -> how many good rows it has.
        differing: month -> how many rows are in the files and not in the table, or the other way round; months without such
            rows are left out.
    """

    given: tuple[Mapping[Month, int], ...]
    differing: Mapping[Month, int]


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did; ``rows_filtered`` were left out by the mapping's filter, ``rows_forgotten`` are of forgotten
    customers.
    """

    rows_loaded: int
    rows_rejected: int
    rows_filtered: int
    months: tuple[Month, ...]
    rows_forgotten: int = 0


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A row of FILES_INGESTED: one file's share of one month (no month for customers that came without one)."""

    kind: Kind
    name: str
    month: Month | None
    content_hash: str
    rows_loaded: int
    rows_rejected: int
    period_end: dt.date | None
    rows_forgotten: int = 0
    revision: int = 0


class LoadPort(ABC):
    """Loads files into the backend's tables."""

    @abstractmethod
    def load(self, job: LoadJob) -> LoadResult:
        """Load one file, all or nothing, and record it in FILES_INGESTED.

        Raises:
            BadFile: rows or the file are bad; under "quarantine" only what makes the whole file unreadable.
        """

    @abstractmethod
    def compare(self, jobs: Sequence[LoadJob]) -> Compared:
        """Look how the files of one kind differ from what is loaded; nothing is changed. Bad rows are left out.

        Raises:
            BadFile: a file as a whole cannot be read.
        """

    @abstractmethod
    def ingested(self) -> tuple[IngestedFile, ...]:
        """What was loaded and not replaced since, oldest first."""

    @abstractmethod
    def retract(self, kind: Kind, month: Month, revision: int) -> int:
        """Delete what was loaded of a month, within the transaction; its files are replaced in a revision. Counts rows."""

    @abstractmethod
    def forgotten(self) -> tuple[str, ...]:
        """The hashes of customers who were forgotten, each once, in order."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file."""

    name: str
    kind: Kind
    months: tuple[Month, ...]
    status: Literal["loaded", "skipped"]
    rows_loaded: int = 0
    rows_rejected: int = 0
    rows_filtered: int = 0
    rows_forgotten: int = 0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of every file of a call; a skipped file had been loaded before."""

    files: tuple[FileReport, ...]
    ignored: tuple[str, ...] = ()

    @property
    def rows_loaded(self) -> int:
        """Rows loaded by this call."""
        return sum(file.rows_loaded for file in self.files)

    @property
    def rows_rejected(self) -> int:
        """Rows put into REJECTS by this call."""
        return sum(file.rows_rejected for file in self.files)

    @property
    def rows_forgotten(self) -> int:
        """Rows of forgotten customers that this call dropped."""
        return sum(file.rows_forgotten for file in self.files)

    @property
    def months(self) -> tuple[Month, ...]:
        """The months that the files cover, oldest first."""
        return tuple(sorted({month for file in self.files for month in file.months}))

    def __repr__(self) -> str:
        skipped = sum(file.status == "skipped" for file in self.files)
        dropped = f", {self.rows_forgotten} of forgotten customers" if self.rows_forgotten else ""
        return (
            f"IngestReport({len(self.files) - skipped} files loaded, {skipped} skipped, "
            f"{self.rows_loaded} rows, {self.rows_rejected} rejected{dropped})"
        )

    def _repr_html_(self) -> str:
        header = ("file", "kind", "months", "status", "rows", "rejected", "filtered", "forgotten")
        rows: list[tuple[object, ...]] = [
            (
                f.name,
                f.kind,
                _span(f.months),
                f.status,
                f.rows_loaded,
                f.rows_rejected,
                f.rows_filtered,
                f.rows_forgotten,
            )
            for f in self.files
        ]
        rows += [(name, "", "", "ignored", None, None, None, None) for name in self.ignored]
        return html_table(header, rows, repr(self))


@final
class Ingest:
    """Finds, checks and loads files."""

    def __init__(self, port: LoadPort) -> None:
        self._port = port

    def open(self, path: str | Path, *, mapping: Any = None, period_end: dt.date | None = None) -> Source:
        """What a path holds; nothing is loaded."""
        from churnobs.sources import discover

        return discover(path, mapping, period_end=period_end)

    def ingest(
        self,
        path: str | Path | Source,
        *,
        mapping: Any = None,
        on_error: OnError = "raise",
        period_end: dt.date | None = None,
    ) -> IngestReport:
        """Load everything a path holds, in order of time; files loaded before are skipped.

        Each file is loaded whole or not at all; when one fails, those before it stay.

        Raises:
            BadFile: a file is bad, or its month was loaded from other files.
            BadConfig, NotFound: the mapping, the names or the months do not fit.
        """
        from churnobs.sources import Source

        source = path if isinstance(path, Source) else self.open(path, mapping=mapping, period_end=period_end)
        self._check(source, on_error)
        return self._load(source, source.files, on_error)

    def ingest_history(self, source: Source, *, on_error: OnError = "raise") -> IngestReport:
        """Load the files that cover several months."""
        self._check(source, on_error)
        return self._load(source, source.history, on_error)

    def ingest_month(self, source: Source, month: Month, *, on_error: OnError = "raise") -> IngestReport:
        """Load the files of one month."""
        self._check(source, on_error)
        return self._load(source, source.month(month).files, on_error)

    def compare(self, source: Source, files: Sequence[SourceFile]) -> Compared:
        """How files of one kind differ from what is loaded; rows that a load would refuse are left out."""
        before, hashes = self._port.ingested(), self._port.forgotten()
        jobs = [replace(_job(source, file, before, "quarantine"), forgotten=hashes) for file in files]
        return self._port.compare([job if job.file.month else replace(job, start=None, end=None) for job in jobs])

    def ingest_again(
        self,
        source: Source,
        kind: Kind,
        planned: Mapping[Month, Sequence[SourceFile]],
        revision: int,
        on_error: OnError,
    ) -> dict[Month, tuple[int, int]]:
        """Load finished months of one kind from the files that are planned for each, in the place of what was loaded of
        them; all or nothing is the caller's. Gives the rows of each month before and after.
        """
        before = self._port.ingested()
        ends = {month: _end_of(before, kind, month) for month in planned}
        gone = {month: self._port.retract(kind, month, revision) for month in planned}
        parts: dict[SourceFile, list[Month]] = {}
        for month, files in planned.items():
            for file in files:
                parts.setdefault(file, []).append(month)
        for file in sorted(parts, key=lambda f: f.month is not None):
            # a period that ended within its month is looked after by itself
            cut = [month for month in parts[file] if ends[month] != month.end or file.month is not None]
            whole = tuple(month for month in parts[file] if month not in cut)
            for months in [*([whole] if whole else []), *((month,) for month in cut)]:
                end = ends[months[-1]] if months[-1] in cut else None
                job = replace(_job(source, file, before, on_error), period_end=end, revision=revision)
                # the dates of a month file are those of its month, of a longer one only the rows of these months count
                job = replace(job, end=end) if file.month else replace(job, start=None, end=end, months=months)
                self._port.load(replace(job, forgotten=self._port.forgotten()))
        now = self._port.ingested()
        loaded = {m: sum(f.rows_loaded for f in now if (f.kind, f.month) == (kind, m)) for m in planned}
        return {month: (gone[month], loaded[month]) for month in planned}

    def ingest_more(self, source: Source, file: SourceFile, months: tuple[Month, ...], on_error: OnError) -> None:
        """Load months of a file that covers several, of which nothing was loaded yet."""
        job = replace(_job(source, file, (), on_error), months=months, forgotten=self._port.forgotten())
        self._port.load(job)

    def waiting(self, source: Source) -> tuple[Month, ...]:
        """The months of a source that have files not loaded yet, oldest first."""
        done = {(file.kind, file.content_hash) for file in self._port.ingested()}
        return tuple(m.month for m in source.months if any((f.kind, f.content_hash) not in done for f in m.files))

    def files_waiting(self, source: Source, month: Month | None) -> tuple[str, ...]:
        """The names of a month's files that are not loaded yet; without a month, of those that cover several."""
        done = {(file.kind, file.content_hash) for file in self._port.ingested()}
        given = {m.month: m.files for m in source.months}
        files = source.history if month is None else given.get(month, ())
        return tuple(file.name for file in files if (file.kind, file.content_hash) not in done)

    def _load(self, source: Source, files: Iterable[SourceFile], on_error: OnError) -> IngestReport:
        return IngestReport(tuple(self._load_one(source, file, on_error) for file in files), source.ignored)

    def _load_one(self, source: Source, file: SourceFile, on_error: OnError) -> FileReport:
        ingested = self._port.ingested()
        before = [f for f in ingested if f.kind == file.kind and f.content_hash == file.content_hash]
        if before:
            months = tuple(sorted({f.month for f in before if f.month is not None}))
            return FileReport(file.name, file.kind, months, "skipped")
        result = self._port.load(replace(_job(source, file, ingested, on_error), forgotten=self._port.forgotten()))
        return FileReport(
            file.name,
            file.kind,
            result.months,
            "loaded",
            result.rows_loaded,
            result.rows_rejected,
            result.rows_filtered,
            result.rows_forgotten,
        )

    def _check(self, source: Source, on_error: OnError) -> None:
        """Compare the months of a source with those that were loaded."""
        if on_error not in ON_ERROR:
            raise BadConfig(f"on_error {on_error!r} is not known", hint='use "raise" or "quarantine"')
        ingested = self._port.ingested()
        _check_restated(source, ingested)
        loaded = sorted({f.month for f in ingested if f.kind == "sales" and f.month is not None})
        new = [f for f in source.files if f.kind == "sales" and f.month is not None and f.month not in loaded]
        if not loaded or not new:
            return
        first = min(new, key=lambda f: f.month or loaded[0])
        if first.month is not None and first.month < loaded[-1]:
            raise BadFile(
                first.name,
                problem=f"{first.month} comes after {loaded[-1]} was loaded",
                hint="load months in order; start a new database to put one in between",
            )
        if first.month is not None and first.month != loaded[-1].next():
            missing = loaded[-1].next()
            raise NotFound(
                f"{first.name} leaves a gap: {loaded[-1]} is loaded and {missing} is not",
                hint=f"add sales_{missing.year}_{missing.number}.csv; features of later months need it",
            )


def _check_restated(source: Source, ingested: tuple[IngestedFile, ...]) -> None:
    """Sales and feedback are what happened: a month that was loaded does not get other rows later.

    More files of a loaded month are fine while those loaded before are still given (a folder that failed half way).
    """
    given = {(file.kind, file.content_hash) for file in source.files}
    newest = max((f.month for f in ingested if f.kind == "sales" and f.month is not None), default=None)
    for file in source.files:
        if file.kind == "customers":
            continue
        if any(f.kind == file.kind and f.content_hash == file.content_hash for f in ingested):
            continue
        for other in ingested:
            if other.kind != file.kind:
                continue
            replaced = (other.kind, other.content_hash) not in given
            same_month = file.month is not None and other.month == file.month
            renewed = file.month is None and other.name == file.name
            late = same_month and file.kind == "sales" and newest is not None and other.month != newest
            if (same_month and replaced) or renewed or late:
                raise BadFile(
                    file.name,
                    problem=f"{file.month or 'its months'} was loaded from {other.name} with other content",
                    hint="what is loaded is not changed: keep the old file, or take the new one as a revision of a finished "
                    "month, lifecycle.revise(source)",
                )


def _job(source: Source, file: SourceFile, ingested: tuple[IngestedFile, ...], on_error: OnError) -> LoadJob:
    start: dt.date | None = None
    end: dt.date | None = None
    last = max((f.month for f in source.files if f.month is not None), default=None)
    period_end = source.period_end if file.month in (None, last) and file.kind != "customers" else None
    if file.kind != "customers":
        if file.month is not None:
            start, end = file.month.start, period_end or file.month.end
        else:
            ends = [f.period_end for f in ingested if f.kind == file.kind and f.period_end is not None]
            # a month is never put together from two histories
            start = Month.of(max(ends) - dt.timedelta(days=1)).end if ends else None
            end = period_end
    mapping = source.mapping
    return LoadJob(file, mapping.kinds[file.kind], mapping.key(file.kind), start, end, period_end, on_error)


def _end_of(ingested: Sequence[IngestedFile], kind: Kind, month: Month) -> dt.date:
    """The first day after what a loaded month covers; feedback that comes late covers what the sales do."""
    for of in (kind, "sales"):
        ends = [f.period_end for f in ingested if f.kind == of and f.month == month and f.period_end is not None]
        if ends:
            return max(ends)
    return month.end


def _span(months: tuple[Month, ...]) -> str:
    if not months:
        return ""
    return str(months[0]) if len(months) == 1 else f"{months[0]} to {months[-1]}"
