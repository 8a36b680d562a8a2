"""What every loader does alike: a file's header, the months it covers, when it is refused whole, and how that is told."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from churnobs.csv_records import Record, foreign, read_records
from churnobs.errors import BadFile
from churnobs.forgetting import GONE, hash_of
from churnobs.ingest import LoadJob
from churnobs.months import Month

_HINT: Final = 'nothing of it was loaded; correct the row, or ingest with on_error="quarantine" to leave bad rows out'
# months without a row that a file may be said to cover at its end
_QUIET: Final = 60


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of a file are good, left out by the filter, and bad; good rows by month where the dates decide."""

    good: int
    filtered: int
    rejected: int
    by_month: Mapping[Month, int]
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be loaded: its number in the file, its line, the column to blame, why, and the row as JSON text."""

    record: int
    line: int
    column: str | None
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Share:
    """What a file brings to one month."""

    month: Month | None
    rows: int
    period_end: dt.date | None


def header_of(job: LoadJob) -> tuple[tuple[str, ...], bool]:
    """A CSV file's column names, and whether they stand in its first line.

    Raises:
        BadFile: the file is empty or no text, or its first line cannot be read.
    """
    expected = tuple(job.columns.columns.values())
    if other := foreign(job.file.path):
        raise BadFile(job.file.name, problem=f"{other[0]}, expected CSV in UTF-8", hint=other[1])
    first = next(read_records(job.file.path, job.columns.delimiter), None)
    if first is None:
        raise empty_file(job)
    if job.columns.header == "auto" and job.columns.is_identity:
        known = {name.lower() for name in expected}
        # a header with a byte that is not UTF-8 is a header all the same
        fields = first.fields or first.text.split(job.columns.delimiter)
        header = any(field.strip(' "').lower() in known for field in fields)
    else:
        header = job.columns.header is not False
    if not header:
        return expected, False
    if first.problem:
        raise BadFile(job.file.name, line=first.line, problem=f"{first.problem}, expected a header")
    return tuple((field or f"column {n}").strip() for n, field in enumerate(first.fields, start=1)), True


def empty_file(job: LoadJob) -> BadFile:
    """The error that names a file without a byte of content."""
    return BadFile(job.file.name, line=1, problem="is empty, expected a header or rows", hint="export it again")


def no_parquet(job: LoadJob, error: Exception) -> BadFile:
    """The error that names a file which is called Parquet and is none."""
    return BadFile(
        job.file.name,
        problem=f"is no whole Parquet file: {str(error).partition(chr(10))[0]}",
        hint="it may be cut short; copy or export it again",
    )


def first_error(job: LoadJob, bad: tuple[int, str | None, str] | None, count: int) -> BadFile:
    """The error that names the first bad row, given as line, column and reason, and how many there are."""
    if bad is None:
        return BadFile(job.file.name, problem="no row could be read", hint="check the file")
    line, column, reason = bad
    more = f" ({count} bad rows in all)" if count > 1 else ""
    return BadFile(job.file.name, line=line, column=column, problem=reason + more, hint=_HINT)


def check_not_empty(job: LoadJob, counts: Counts, *, header: bool) -> None:
    """Refuse sales without a row.

    Raises:
        BadFile: there is none, not even a bad one.
    """
    if counts.good + counts.filtered + counts.rejected + counts.forgotten == 0 and job.file.kind == "sales":
        what = "has a header and no rows" if header else "has no rows"
        raise BadFile(job.file.name, problem=f"{what}, expected the sales of its period", hint="export it again")


def nothing_left(job: LoadJob) -> BadFile:
    """The error that names a file of which the filter leaves nothing."""
    return BadFile(job.file.name, problem="no row is left to load", hint="check the filter of the mapping")


def shares_of(job: LoadJob, counts: Counts) -> list[Share]:
    """The months a file covers, those without rows included.

    Raises:
        BadFile: it is said to reach much further than its rows do.
    """
    month = job.file.month
    if month is not None:
        return [Share(month, counts.good, job.period_end or month.end)]
    if job.file.kind == "customers":
        return [Share(None, counts.good, None)]
    if job.months:
        reach = {job.months[-1]: job.period_end or job.months[-1].end}
        return [Share(month, counts.by_month.get(month, 0), reach.get(month, month.end)) for month in job.months]
    if not counts.by_month:
        return []
    at, last = min(counts.by_month), max(counts.by_month)
    if job.period_end is not None:
        last = last_covered(job.file.name, last, job.period_end)
    shares = []
    while at <= last:
        shares.append(Share(at, counts.by_month.get(at, 0), (job.period_end or at.end) if at == last else at.end))
        at = at.next()
    return shares


def last_covered(name: str, newest: Month, period_end: dt.date) -> Month:
    """The last month that a file covers, by the month of its newest row and the day up to which it is said to reach.

    Raises:
        BadFile: it is said to reach much further than its rows do.
    """
    last = Month.of(period_end - dt.timedelta(days=1))
    if (last.year - newest.year) * 12 + last.number - newest.number > _QUIET:
        raise BadFile(
            name,
            problem=f"its newest row is of {newest}, and period_end is {period_end}",
            hint=f"give a period_end up to {_QUIET} months after it: each month up to there is one without rows",
        )
    return last


def ingested_rows(job: LoadJob, shares: list[Share], counts: Counts) -> list[dict[str, Any]]:
    """A file's rows of FILES_INGESTED, one a month."""
    return [
        {
            "YEAR": share.month.year if share.month else None,
            "MONTH": share.month.number if share.month else None,
            "FILE_TYPE": job.file.kind,
            "FILE_NAME": job.file.name,
            "CONTENT_HASH": job.file.content_hash,
            "ROWS_LOADED": share.rows,
            # a rejected row may have no readable date: all are counted with the file's first month
            "ROWS_REJECTED": counts.rejected if position == 0 else 0,
            "PERIOD_END": share.period_end,
            "ROWS_FORGOTTEN": counts.forgotten if position == 0 else 0,
            "REVISION": job.revision,
            "REPLACED_IN": None,
        }
        for position, share in enumerate(shares)
    ]


def numbered_records(job: LoadJob, names: Sequence[str], *, header: bool) -> Iterator[tuple[int, Record]]:
    """The records of a CSV file below its header, each with its number from 1."""
    records = read_records(job.file.path, job.columns.delimiter, len(names))
    return enumerate(islice(records, 1 if header else 0, None), start=1)


def unreadable(job: LoadJob, number: int, record: Record, names: Sequence[str]) -> BadRow:
    """A record that is none, as a bad row; without its text where a forgotten customer is named in it."""
    column = names[record.field] if record.field is not None else None
    fields = re.split(r"[\r\n]|" + re.escape(job.columns.delimiter), record.text) if job.forgotten else ()
    text = GONE if any(hash_of(field.strip(" \"'")) in job.forgotten for field in fields) else record.text
    return BadRow(number, record.line, column, record.problem, json.dumps(text))
