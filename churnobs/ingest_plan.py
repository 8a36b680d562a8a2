"""A file's columns as typed SQL, and what is wrong with a row as SQL: the same on every engine, for fast and careful reading
alike; an engine's own words are in its ``FileDialect``.
"""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from churnobs import tables
from churnobs.errors import BadFile
from churnobs.ingest import LoadJob
from churnobs.mapping import REQUIRED, Kind
from churnobs.months import FIRST_DAY, LAST_DAY
from churnobs.tables import Columns

TABLES: Final[dict[Kind, tuple[str, Columns]]] = {
    "sales": ("SALES", tables.SALES),
    "feedback": ("FEEDBACK_RAW", tables.FEEDBACK_RAW),
    "customers": ("CUSTOMERS", tables.CUSTOMERS),
}
DATES: Final[dict[Kind, str]] = {"sales": "TRANSACTION_DATE", "feedback": "CHAT_DATE", "customers": "SIGNUP_DATE"}
NUMBERED: Final = ("TRANSACTION_ID", "FEEDBACK_ID", "INTERNAL_ID")
# PROBLEM of a staged row: 0 for none, NULL when the filter leaves it out, otherwise the number of the check it fails
DUPLICATE_IN_FILE: Final = 254
DUPLICATE_IN_TABLE: Final = 255

_SHOWN: Final = 40
_FIRST_DAY, _LAST_DAY = f"DATE '{FIRST_DAY}'", f"DATE '{LAST_DAY}'"
# a whole number as text
WHOLE: Final = r"\s*[+-]?[0-9]+(\.0*)?([eE]\+?[0-9]+)?\s*"

_INTEGERS: Final = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER"
_ACCEPTED: Final[dict[str, tuple[str, str]]] = {
    "string": (rf"VARCHAR|ENUM.*|UUID|{_INTEGERS}", "text or a whole number"),
    "date": (r"VARCHAR|DATE|TIMESTAMP.*", "a date"),
    "boolean": (r"VARCHAR|BOOLEAN", "true or false"),
    "int64": (rf"VARCHAR|{_INTEGERS}|DECIMAL.*|FLOAT|DOUBLE", "a whole number"),
    tables.AMOUNT: (rf"VARCHAR|{_INTEGERS}|DECIMAL.*|FLOAT|DOUBLE", "a number"),
}


@dataclass(frozen=True, slots=True)
class Raw:
    """A column as the file has it: its name there, how SQL reads it, and its type (VARCHAR in CSV) as DuckDB names it."""

    name: str
    expression: str
    type: str
    # whether SQL has it as text, whatever it was in the file
    staged_as_text: bool = False

    @property
    def text(self) -> str:
        """The value as text."""
        return self.expression if self.is_text or self.staged_as_text else f"CAST({self.expression} AS VARCHAR)"

    @property
    def is_text(self) -> bool:
        """Whether the file holds it as text."""
        return self.type == "VARCHAR"


class FileDialect(ABC):
    """How one engine reads the texts and values of files; what cannot be read is NULL, never an error."""

    # a type for the number of a check
    small: ClassVar[str]

    @abstractmethod
    def literal(self, text: str) -> str:
        """A text."""

    @abstractmethod
    def null(self, ibis_type: str) -> str:
        """No value of a type."""

    @abstractmethod
    def cast(self, raw: Raw, ibis_type: str, value: str) -> str:
        """A value of a column (or the SQL made of it) as another type."""

    @abstractmethod
    def dated(self, value: str, form: str) -> str:
        """A text as a date, by a strptime format."""

    @abstractmethod
    def not_whole(self, raw: Raw, typed: str) -> str:
        """Whether a value was made a whole number and is none."""

    @abstractmethod
    def contains(self, value: str, sign: str) -> str:
        """Whether a text has a sign in it."""

    @abstractmethod
    def sha256(self, value: str) -> str:
        """The hash of a text, hexadecimal."""

    @abstractmethod
    def blank(self, value: str) -> str:
        """Whether a text is nothing but spaces."""


@dataclass(frozen=True, slots=True)
class Check:
    """What can be wrong with a row: the column to blame, when, and the reason as an SQL text."""

    column: str
    bad: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How to stage a file: typed columns, the filter and the checks, over columns that a source relation provides."""

    dialect: FileDialect
    typed: Mapping[str, str]
    keep: str | None
    filter_checks: tuple[Check, ...]
    checks: tuple[Check, ...]
    raws: tuple[Raw, ...]
    # columns that the file does not have and that are made of a row's number in it
    numbered: tuple[str, ...]
    # the key as the file has it, for messages
    key: Raw | None
    # whether a row is of a forgotten customer, over typed columns
    forgotten: str = "FALSE"
    # whether a row is of a month that is not to be loaded, over typed columns
    outside: str = "FALSE"

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """All checks in the order of their numbers, from 1."""
        return self.filter_checks + self.checks

    def staged(self, source: str, *extra: str) -> str:
        """Typed rows with their PROBLEM and further columns of the source."""
        outer = [*extra, *(quoted(target) for target in self.typed), f"{self._problem()} AS PROBLEM"]
        return f"SELECT {', '.join(outer)} FROM ({self._inner(source)})"

    def marked(self, source: str) -> str:
        """Everything that the source has, typed columns and PROBLEM."""
        return f"SELECT *, {self._problem()} AS PROBLEM FROM ({self._inner(source)})"

    def told(self, problem: str) -> str:
        """The column to blame and the reason, as two SQL columns: COLUMN_NAME and REASON."""
        numbered = list(enumerate(self.all_checks, start=1))
        columns = [(n, self.dialect.literal(check.column)) for n, check in numbered]
        reasons = [(n, check.reason) for n, check in numbered]
        if self.key is not None:
            repeated = {
                DUPLICATE_IN_FILE: "' is in the file more than once, expected once'",
                DUPLICATE_IN_TABLE: "' was loaded before from another file, expected once'",
            }
            columns += [(n, self.dialect.literal(self.key.name)) for n in repeated]
            reasons += [(n, f"{shown(self.key.text)} || {why}") for n, why in repeated.items()]
        parts = [
            " ".join(f"WHEN {n} THEN {said}" for n, said in column) or "WHEN 0 THEN NULL"
            for column in (columns, reasons)
        ]
        return f"CASE {problem} {parts[0]} END AS COLUMN_NAME, CASE {problem} {parts[1]} END AS REASON"

    def _inner(self, source: str) -> str:
        typed = "".join(f", {expression} AS {quoted(target)}" for target, expression in self.typed.items())
        return f"SELECT *{typed} FROM {source}"

    def _problem(self) -> str:
        numbered = list(enumerate(self.all_checks, start=1))
        cut = len(self.filter_checks)
        # whatever is wrong with a row of another month, or of a forgotten customer, it is dropped
        arms = [f"WHEN {dropped} THEN NULL" for dropped in (self.outside, self.forgotten) if dropped != "FALSE"]
        arms += [f"WHEN {check.bad} THEN {n}" for n, check in numbered[:cut]]
        if self.keep:
            arms.append(f"WHEN NOT coalesce({self.keep}, FALSE) THEN NULL")
        arms += [f"WHEN {check.bad} THEN {n}" for n, check in numbered[cut:]]
        return f"CAST(CASE {' '.join(arms)} ELSE 0 END AS {self.dialect.small})"


def quoted(name: str) -> str:
    """A name as an identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def shown(text: str) -> str:
    """A value in quotes and cut short, as SQL text."""
    return f"'''' || left({text}, {_SHOWN}) || CASE WHEN length({text}) > {_SHOWN} THEN '...' ELSE '' END || ''''"


def locate(job: LoadJob, raws: tuple[Raw, ...]) -> dict[str, Raw]:
    """Find the columns that the mapping names, by exact name first, then whatever the case.

    Raises:
        BadFile: one is missing or there twice.
    """
    wanted = [*job.columns.columns.values(), *(condition.column for condition in job.columns.filter)]
    found: dict[str, Raw] = {}
    line = 1 if job.file.format == "csv" else None
    for name in wanted:
        matches = [raw for raw in raws if raw.name == name] or [r for r in raws if r.name.lower() == name.lower()]
        if len(matches) != 1:
            have = ", ".join(raw.name for raw in raws)
            raise BadFile(
                job.file.name,
                line=line,
                column=name,
                problem="is missing" if not matches else "is there more than once",
                hint=f"expected {', '.join(job.columns.columns.values())}; found {have}; "
                "a mapping may leave out what is not required",
            )
        found[name] = matches[0]
    return found


def plan(job: LoadJob, raws: tuple[Raw, ...], dialect: FileDialect) -> Plan:
    """How to read one file.

    Args:
        job: what to load.
        raws: the file's columns.
        dialect: of the engine that reads it.

    Raises:
        BadFile: a column is missing, or has a type that cannot be meant.
    """
    kind, located = job.file.kind, locate(job, raws)
    targets = {name: kinds for name, kinds in TABLES[kind][1].items() if name != "CUSTOMER_KEY"}
    typed: dict[str, str] = {}
    checks: list[Check] = []
    for target, ibis_type in targets.items():
        source = job.columns.columns.get(target)
        if source is None:
            if target not in NUMBERED:
                typed[target] = dialect.null(ibis_type)
            continue
        raw = located[source]
        _check_type(job, raw, ibis_type)
        # COMMENT is the one required column of a file whose values are not
        required = (target in REQUIRED[kind] and target != "COMMENT") or target == job.key
        typed[target] = _typed(raw, ibis_type, job, dialect)
        checks += _column_checks(job, target, ibis_type, raw, dialect, required=required)
    keep, filter_checks = _filter(job, located, dialect)
    key = located[job.columns.columns[job.key]] if job.key else None
    numbered = tuple(target for target in targets if target not in typed)
    forgotten = "FALSE"
    if job.forgotten:
        listed = ", ".join(map(dialect.literal, job.forgotten))
        forgotten = f"coalesce({dialect.sha256(quoted('CUSTOMER_ID'))} IN ({listed}), FALSE)"
    outside = "FALSE"
    if job.months:
        date = quoted(DATES[kind])
        inside = (f"{date} >= DATE '{month.start}' AND {date} < DATE '{month.end}'" for month in job.months)
        # a row without a date that can be read may be of any month
        outside = f"(NOT coalesce({' OR '.join(inside)}, TRUE))"
        forgotten = "FALSE" if forgotten == "FALSE" else f"({forgotten} AND NOT {outside})"
    return Plan(dialect, typed, keep, tuple(filter_checks), tuple(checks), raws, numbered, key, forgotten, outside)


def _check_type(job: LoadJob, raw: Raw, ibis_type: str) -> None:
    pattern, expected = _ACCEPTED[ibis_type]
    if not re.fullmatch(pattern, raw.type):
        raise BadFile(job.file.name, column=raw.name, problem=f"has type {raw.type}, expected {expected}")


def _typed(raw: Raw, ibis_type: str, job: LoadJob, dialect: FileDialect) -> str:
    value = raw.expression
    if ibis_type == "string":
        return raw.text
    if raw.is_text and ibis_type == "date" and job.columns.date_format is not None:
        return dialect.dated(value, job.columns.date_format)
    if raw.is_text and ibis_type == tables.AMOUNT and job.columns.decimal == ",":
        value = f"CASE WHEN NOT {dialect.contains(value, '.')} THEN replace({value}, ',', '.') END"
    return dialect.cast(raw, ibis_type, value)


def _column_checks(
    job: LoadJob, target: str, ibis_type: str, raw: Raw, dialect: FileDialect, *, required: bool
) -> Iterator[Check]:
    value, typed, text = raw.expression, quoted(target), shown(raw.text)
    if required:
        blank = f" OR {dialect.blank(value)}" if raw.is_text else ""
        yield Check(raw.name, f"({value} IS NULL{blank})", "'is empty, expected a value'")
    unread = f"({value} IS NOT NULL AND {typed} IS NULL)"
    match ibis_type:
        case "string":
            return
        case "date":
            why = dialect.literal(f" is not a date, expected {job.columns.date_format or 'YYYY-MM-DD'}")
            sane = f"{typed} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
            yield Check(raw.name, unread, f"{text} || {why}")
            outside = f"({typed} IS NOT NULL AND NOT {sane})"
            yield Check(raw.name, outside, f"{text} || ' is not a date between 1900 and 2199'")
            if target == DATES[job.file.kind]:
                yield from _period_checks(job, raw, typed)
        case "boolean":
            yield Check(raw.name, unread, f"{text} || ' is not true or false'")
        case "int64":
            yield Check(
                raw.name, f"({unread} OR {dialect.not_whole(raw, typed)})", f"{text} || ' is not a whole number'"
            )
        case _:
            odd = f" OR {dialect.contains(value, '_')}" if raw.is_text else ""
            number = f"replace({value}, ',', '.')" if raw.is_text and job.columns.decimal == "," else value
            large = f"abs({dialect.cast(raw, 'float64', number)}) BETWEEN 1e13 AND 1.7e308"
            yield Check(
                raw.name,
                f"({unread}{odd})",
                f"{text} || CASE WHEN {large} THEN ' is too large, expected at most 14 digits before the point' "
                f"ELSE ' is not a number' END",
            )


def _period_checks(job: LoadJob, raw: Raw, typed: str) -> Iterator[Check]:
    text = shown(raw.text)
    if job.start is not None:
        told = f"not in the month in the file''s name, {job.file.month}"
        if job.file.month is None:
            told = f"in a month that was loaded before, expected {job.start} or later"
        yield Check(raw.name, f"{typed} < DATE '{job.start}'", f"{text} || ' is {told}'")
    if job.end is not None:
        full = job.file.month is not None and job.end == job.file.month.end
        told = f"after the period, expected before {job.end}"
        if full:
            told = f"not in the month in the file''s name, {job.file.month}"
        yield Check(raw.name, f"{typed} >= DATE '{job.end}'", f"{text} || ' is {told}'")


def _filter(job: LoadJob, located: Mapping[str, Raw], dialect: FileDialect) -> tuple[str | None, list[Check]]:
    keeps: list[str] = []
    checks: list[Check] = []
    for condition in job.columns.filter:
        raw = located[condition.column]
        for test, wanted in condition.tests.items():
            first = wanted[0] if isinstance(wanted, tuple) else wanted
            value, name = _comparable(raw, first, dialect)
            keeps.append(_test(test, value, wanted, dialect))
            if name:
                bad = f"({raw.expression} IS NOT NULL AND {value} IS NULL)"
                why = f"{shown(raw.text)} || ' is not {name}, and the filter compares it'"
                checks.append(Check(raw.name, bad, why))
    return (" AND ".join(keeps) or None), checks


def _comparable(raw: Raw, wanted: Any, dialect: FileDialect) -> tuple[str, str]:
    """A column as the type of what it is compared with, and that type's name where a value may not have it."""
    match wanted:
        case bool():
            return dialect.cast(raw, "boolean", raw.expression), "true or false"
        case int() | float():
            return dialect.cast(raw, "float64", raw.expression), "a number"
        case dt.date():
            return dialect.cast(raw, "date", raw.expression), "a date"
        case _:
            return raw.text, ""


def _test(
    test: Literal["equals", "not_equals", "one_of", "not_in", "minimum", "maximum"] | str,
    value: str,
    wanted: Any,
    dialect: FileDialect,
) -> str:
    several = wanted if isinstance(wanted, tuple) else (wanted,)
    given = ", ".join(_constant(one, dialect) for one in several)
    match test:
        case "equals":
            return f"({value} = {given})"
        case "not_equals":
            return f"({value} IS DISTINCT FROM {given})"
        case "one_of":
            return f"({value} IN ({given}))"
        case "not_in":
            return f"({value} IS NULL OR {value} NOT IN ({given}))"
        case "minimum":
            return f"({value} >= {given})"
        case _:
            return f"({value} <= {given})"


def _constant(value: Any, dialect: FileDialect) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return f"CAST({dialect.literal(repr(value))} AS DOUBLE)"
        case dt.date():
            return f"DATE '{value}'"
        case _:
            return dialect.literal(str(value))
