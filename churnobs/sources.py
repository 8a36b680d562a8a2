"""Which files there are, what they hold by their names, and in which months they belong."""

from __future__ import annotations

import datetime as dt
import fnmatch
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from churnobs.display import html_table
from churnobs.errors import BadConfig, BadFile, ChurnobsError, NotFound, printable
from churnobs.mapping import Kind, Mapping
from churnobs.months import FIRST_DAY, LAST_DAY, Month

Format = Literal["csv", "parquet"]

EXPECTED_NAMES: Final = "sales_2024_5.csv, feedback_raw_2024_5.csv, customers.csv (or .parquet)"
_KINDS: Final[dict[str, Kind]] = {
    "sales": "sales",
    "feedback_raw": "feedback",
    "feedback": "feedback",
    "customers": "customers",
}
_NAME: Final = re.compile(r"(new_)?(sales|feedback_raw|feedback|customers)(_\d{4}_\d{1,2})?\.(csv|parquet)", re.I)
_DATED: Final = re.compile(r"_(\d{4})_(\d{1,2})$")
_ORDER: Final[dict[Kind, int]] = {"sales": 0, "feedback": 1, "customers": 2}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to load.

    Args:
        kind: what it holds.
        month: the month in its name (``..._2024_5``); customers without one take the month they come with. None for a
            whole history, which is cut into calendar months by its dates.
        content_hash: sha256 of its bytes.
        stamp: its size and time when they were hashed.
    """

    kind: Kind
    path: Path
    format: Format
    month: Month | None
    content_hash: str
    stamp: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around whatever reads the file: what was read is what was hashed.

        Raises:
            BadFile: it is gone, has changed, or cannot be read.
        """
        self._check()
        try:
            yield
        except ChurnobsError:
            self._check()
            raise
        except OSError as error:
            self._check()
            raise _unreadable(self.path, error) from error
        self._check()

    def _check(self) -> None:
        try:
            changed = _stamp(self.path) != self.stamp and hash_file(self.path) != self.content_hash
        except OSError as error:
            raise BadFile(
                self.name,
                problem="is gone since the files were looked at",
                hint="put it back, or start again without it",
            ) from error
        if changed:
            raise BadFile(
                self.name,
                problem="has changed since the files were looked at",
                hint="let whoever writes it finish, then start again",
            )


@dataclass(frozen=True, slots=True)
class SourceMonth:
    """The files of one month, in the order to load them."""

    month: Month
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Source:
    """What a path holds: files that cover a whole history, and files by month.

    Args:
        path: the folder or file.
        mapping: how to read them.
        files: all files, by period.
        ignored: names that are no month files.
        period_end: the first day that the newest month's files do not cover; None for the month's end.
    """

    path: Path
    mapping: Mapping
    files: tuple[SourceFile, ...]
    ignored: tuple[str, ...] = ()
    period_end: dt.date | None = None

    @cached_property
    def history(self) -> tuple[SourceFile, ...]:
        """Files without a month of their own: loaded first, cut into months by their dates."""
        return tuple(file for file in self.files if file.month is None)

    @cached_property
    def months(self) -> tuple[SourceMonth, ...]:
        """The months that have files of their own, oldest first."""
        found = sorted({file.month for file in self.files if file.month is not None})
        return tuple(SourceMonth(m, tuple(file for file in self.files if file.month == m)) for m in found)

    def month(self, month: Month) -> SourceMonth:
        """The files of one month; NotFound when it has none."""
        for found in self.months:
            if found.month == month:
                return found
        have = ", ".join(str(found.month) for found in self.months) or "none"
        raise NotFound(f"{self.path} has no files of {month}", hint=f"months with files: {have}")

    def __repr__(self) -> str:
        return f"Source({self.path}, {len(self.files)} files, {len(self.months)} months)"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, str, str]] = [
            (file.name, file.kind, str(file.month) if file.month else "by date") for file in self.files
        ]
        rows += [(name, "ignored", "") for name in self.ignored]
        return html_table(("file", "kind", "month"), rows, str(self.path))


def names_month(name: str) -> bool:
    """Whether a file's name says which month it belongs to.

    >>> names_month("sales_2024_5.csv"), names_month("customers.csv")
    (True, False)
    """
    return bool(_DATED.search(name.rpartition(".")[0]))


def discover(path: str | Path, mapping: Any = None, *, period_end: dt.date | None = None) -> Source:
    """Find the files of a folder, or take one file.

    Args:
        path: a folder or a file.
        mapping: a ``Mapping``, a dict of the same shape, the path of a TOML file; None for the demo's columns.
        period_end: the first day that the newest files do not cover; goes before the mapping's.

    Raises:
        NotFound: the path is not there, or a month between others has no sales file.
        BadConfig: the path is none, the names do not say what the files hold, or ``period_end`` is not in the newest month.
    """
    if not isinstance(path, str | Path) or not str(path):
        raise BadConfig(f"{path!r} is no file or folder", hint="give the path of one")
    place, how = Path(path), Mapping.load(mapping)
    try:
        place.stat()
    except (OSError, ValueError) as error:
        raise NotFound(f"there is no file or folder {place}", hint="check the path") from error
    if place.is_dir():
        found, ignored = _in_folder(place, how)
    else:
        found, ignored = [(place, _kind_of_one(place, how))], []
    files = [_source_file(file, kind) for file, kind in found]
    ordered = sorted(_with_months(files), key=_by_time)
    end = period_end or how.period_end
    if end is not None and (type(end) is not dt.date or not FIRST_DAY <= end <= LAST_DAY):
        raise BadConfig(f"period_end {end} is no date of data", hint=f"give one from {FIRST_DAY} to {LAST_DAY}")
    source = Source(place, how, tuple(ordered), tuple(ignored), end)
    _check_months(source)
    return source


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_folder(folder: Path, mapping: Mapping) -> tuple[list[tuple[Path, Kind]], list[str]]:
    found: list[tuple[Path, Kind]] = []
    ignored = []
    for path in sorted(folder.iterdir()):
        kind = _kind_by_name(path.name, mapping)
        if kind is None:
            ignored.append(printable(path.name))
        else:
            found.append((path, kind))
    if not any(kind == "sales" for _, kind in found):
        wanted = mapping.sales.file if mapping.sales and mapping.sales.file else EXPECTED_NAMES
        raise NotFound(f"{folder} has no sales files", hint=f"expected names: {wanted}")
    return found, ignored


def _kind_by_name(name: str, mapping: Mapping) -> Kind | None:
    for kind, files in mapping.kinds.items():
        if files.file is not None and fnmatch.fnmatchcase(name, files.file):
            return kind
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    named = _KINDS[match[2].lower()]
    return named if named in mapping.kinds and mapping.kinds[named].file is None else None


def _kind_of_one(path: Path, mapping: Mapping) -> Kind:
    kinds = mapping.kinds
    if len(kinds) == 1:
        return next(iter(kinds))
    kind = _kind_by_name(path.name, mapping)
    if kind is None:
        raise BadConfig(
            f"the name {path.name} does not say what the file holds",
            hint=f"name it as the demo does ({EXPECTED_NAMES}), or give a mapping",
        )
    return kind


def _source_file(path: Path, kind: Kind) -> SourceFile:
    if not path.is_file():
        raise BadFile(
            path.name,
            problem="is a folder, expected a file" if path.is_dir() else "is no regular file",
            hint="put the file there, or take this away",
        )
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".txt", ".tsv"):
        raise BadFile(path.name, problem=f"{suffix or 'no suffix'} is not known, expected .csv or .parquet")
    try:
        str(path).encode()
        stamp, content_hash = _stamp(path), hash_file(path)
    except UnicodeEncodeError as error:
        raise BadFile(str(path), problem="the name is no text in UTF-8", hint="rename it") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    dated = _DATED.search(path.stem)
    try:
        month = Month(int(dated[1]), int(dated[2])) if dated else None
    except BadConfig as error:
        raise BadFile(path.name, problem=error.message, hint="name it as in sales_2024_5.csv") from error
    return SourceFile(kind, path, "parquet" if suffix == ".parquet" else "csv", month, content_hash, stamp)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> BadFile:
    return BadFile(
        path.name, problem=f"cannot be read: {error.strerror or error}", hint="check the file and its rights"
    )


def _with_months(files: list[SourceFile]) -> list[SourceFile]:
    """Customers without a month come with the first month; new customers with the first month of new sales."""

    def first(prefix: str) -> Month | None:
        named = (f.month for f in files if f.kind == "sales" and f.month and f.name.lower().startswith(prefix))
        return min(named, default=None)

    def placed(file: SourceFile) -> SourceFile:
        if file.kind != "customers" or file.month is not None:
            return file
        new = first("new_") if file.name.lower().startswith("new_") else None
        return replace(file, month=new or first(""))

    return [placed(file) for file in files]


def _check_months(source: Source) -> None:
    sales = sorted({f.month for f in source.files if f.kind == "sales" and f.month is not None})
    for month, after in pairwise(sales):
        if after != month.next():
            raise _gap(str(source.path), month.next())
    for file in source.files:
        if sales and file.month is not None and file.month not in sales:
            raise NotFound(
                f"{source.path} has {file.name} and no sales file of {file.month}",
                hint=f"add sales_{file.month.year}_{file.month.number}.csv, or take {file.name} away",
            )
    end = source.period_end
    if sales and end is not None and not sales[-1].start < end <= sales[-1].end:
        raise BadConfig(
            f"period_end {end} is not in the newest month, {sales[-1]}",
            hint=f"give a day after {sales[-1].start} and up to {sales[-1].end}: the first day that is not covered",
        )


def _gap(where: str, missing: Month) -> NotFound:
    return NotFound(
        f"{where} has no sales file of {missing}, and months after it",
        hint=f"add sales_{missing.year}_{missing.number}.csv; features of later months need it",
    )


def _by_time(file: SourceFile) -> tuple[bool, Month, int, str]:
    return (file.month is not None, file.month or Month.of(FIRST_DAY), _ORDER[file.kind], file.name)
