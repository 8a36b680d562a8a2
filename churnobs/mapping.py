"""How a user's own files map to the workspace's columns: a TOML file, a dict or a ``Mapping``."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, ValidationError, field_validator
from pydantic import model_validator as checked

from churnobs import tables
from churnobs.errors import BadConfig
from churnobs.months import FIRST_DAY, LAST_DAY

Kind = Literal["sales", "feedback", "customers"]

_SURROGATE: Final = "CUSTOMER_KEY"
# a file without a header has its columns in this order
TARGETS: Final[dict[Kind, tuple[str, ...]]] = {
    "sales": tuple(name for name in tables.SALES if name != _SURROGATE),
    "feedback": tuple(name for name in tables.FEEDBACK_RAW if name != _SURROGATE),
    "customers": tuple(name for name in tables.CUSTOMERS if name != _SURROGATE),
}
REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "sales": ("CUSTOMER_ID", "TRANSACTION_DATE", "TOTAL_AMOUNT"),
    "feedback": ("CUSTOMER_ID", "CHAT_DATE", "COMMENT"),
    "customers": ("CUSTOMER_ID",),
}
KEYS: Final[dict[Kind, str]] = {"sales": "TRANSACTION_ID", "feedback": "FEEDBACK_ID", "customers": "CUSTOMER_ID"}
NO_KEY: Final = "none"

Value = StrictBool | StrictInt | StrictFloat | dt.date | str
Bound = StrictInt | StrictFloat | dt.date


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Condition(_Frozen):
    """Which rows to keep, by one column of the file; all conditions of a filter must hold.

    A missing value passes ``not_equals`` and ``not_in`` and no other test. Texts are compared as they stand in
    the file; true and false, numbers and dates by what they mean.
    """

    column: str
    equals: Value | None = None
    not_equals: Value | None = None
    one_of: tuple[Value, ...] | None = Field(default=None, alias="in")
    not_in: tuple[Value, ...] | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None

    @property
    def tests(self) -> dict[str, Any]:
        """The tests that are set, by name."""
        names = ("equals", "not_equals", "one_of", "not_in", "minimum", "maximum")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @checked(mode="after")
    def _has_tests(self) -> Condition:
        if not self.tests:
            raise ValueError("says nothing; give equals, not_equals, in, not_in, minimum or maximum")
        for name, value in self.tests.items():
            if isinstance(value, tuple) and len({type(item) for item in value}) != 1:
                raise ValueError(f"{name} needs values of one type, at least one")
        return self


class FileMapping(_Frozen):
    """One kind of file: where it is, and which of its columns is which.

    Args:
        file: name or glob of the files in the folder; the demo's names when left out.
        columns: {TARGET: column of the file}. Without a header the file has exactly these columns, in this order.
        key: the target that identifies a row, or "none": then the row's number in its file does. By default
            TRANSACTION_ID, FEEDBACK_ID or CUSTOMER_ID where mapped.
        filter: conditions on columns of the file; rows that fail one are left out and not checked further.
        date_format: strptime format of dates; ISO dates or timestamps when left out.
        header: "auto" looks for a known name where the columns have the targets' names, and expects a header elsewhere.
    """

    file: str | None = None
    columns: dict[str, str]
    key: str | None = None
    filter: tuple[Condition, ...] = ()
    date_format: str | None = None
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    header: StrictBool | Literal["auto"] = "auto"
    encoding: Literal["utf-8"] = "utf-8"

    @property
    def is_identity(self) -> bool:
        """Whether every column has its target's name."""
        return all(source == target for target, source in self.columns.items())

    @field_validator("columns")
    @classmethod
    def _upper(cls, columns: dict[str, str]) -> dict[str, str]:
        return {target.upper(): source for target, source in columns.items()}

    @field_validator("file")
    @classmethod
    def _no_path(cls, file: str | None) -> str | None:
        if file is not None and ("/" in file or "\\" in file):
            raise ValueError(f"{file} is a path; give the name or pattern of files in the folder")
        return file

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str) -> str:
        if len(delimiter) != 1 or delimiter in '"\r\n ':
            raise ValueError("is one character, and no quote, space or line break")
        return delimiter

    @field_validator("date_format")
    @classmethod
    def _reads_dates(cls, text: str | None) -> str | None:
        day = dt.date(2031, 12, 28)
        if text is not None:
            try:
                back = dt.datetime.strptime(day.strftime(text), text).replace(tzinfo=dt.UTC).date()
            except ValueError as error:
                raise ValueError(f"{text!r} cannot read the dates it writes: {error}") from error
            if back != day:
                raise ValueError(f"{text!r} does not hold year, month and day, as %d.%m.%Y does")
        return text


class Mapping(_Frozen):
    """How the files of one source map to SALES, FEEDBACK_RAW and CUSTOMERS.

    Args:
        sales, feedback, customers: one ``FileMapping`` each, at least one.
        period_end: the first day that the data do not cover, where that is not the first of a month.

    >>> mapping = Mapping.load({"sales": {"columns": {
    ...     "CUSTOMER_ID": "customer", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}}})
    >>> mapping.key("sales") is None
    True
    """

    sales: FileMapping | None = None
    feedback: FileMapping | None = None
    customers: FileMapping | None = None
    period_end: dt.date | None = None

    @field_validator("period_end")
    @classmethod
    def _reachable(cls, day: dt.date | None) -> dt.date | None:
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise ValueError(f"{day} is not between {FIRST_DAY} and {LAST_DAY}")
        return day

    @checked(mode="after")
    def _complete(self) -> Mapping:
        if not self.kinds:
            raise ValueError("maps nothing; give sales, feedback or customers")
        for kind, files in self.kinds.items():
            unknown = [target for target in files.columns if target not in TARGETS[kind]]
            if unknown:
                raise ValueError(f"{kind}.columns: {unknown[0]} is no column; allowed are {', '.join(TARGETS[kind])}")
            missing = [target for target in REQUIRED[kind] if target not in files.columns]
            if missing:
                raise ValueError(f"{kind}.columns: {missing[0]} is missing; required are {', '.join(REQUIRED[kind])}")
            _key(kind, files)
        return self

    def key(self, kind: Kind) -> str | None:
        """The target that identifies a row of a kind; None where the row's number in its file does."""
        return _key(kind, self.kinds[kind])

    @property
    def kinds(self) -> dict[Kind, FileMapping]:
        """The kinds that are mapped."""
        found: dict[Kind, FileMapping | None] = {
            "sales": self.sales,
            "feedback": self.feedback,
            "customers": self.customers,
        }
        return {kind: files for kind, files in found.items() if files is not None}

    @classmethod
    def demo(cls) -> Mapping:
        """The demo's own columns, under their own names."""
        return cls(
            sales=FileMapping(columns={name: name for name in TARGETS["sales"]}),
            feedback=FileMapping(columns={name: name for name in TARGETS["feedback"]}),
            customers=FileMapping(columns={name: name for name in TARGETS["customers"]}),
        )

    @classmethod
    def from_toml(cls, path: str | Path) -> Mapping:
        """Read a TOML file.

        Raises:
            BadConfig: the file cannot be read, is no TOML or no mapping; names the key and what is allowed.
        """
        try:
            text = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise BadConfig(f"cannot read mapping {path}: {why}", hint="check the path") from error
        try:
            data = tomllib.loads(text.decode())
        except RecursionError as error:
            raise BadConfig(f"mapping {path} is nested too deeply", hint="see examples/mappings") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadConfig(f"mapping {path} is no TOML: {error}", hint="see examples/mappings") from error
        return cls._validated(data, str(path))

    @classmethod
    def load(cls, mapping: Any) -> Mapping:
        """A mapping from a Mapping, a dict, the path of a TOML file, or None for the demo's own columns."""
        if mapping is None:
            return cls.demo()
        if isinstance(mapping, Mapping):
            return mapping
        if isinstance(mapping, (str, Path)):
            return cls.from_toml(mapping)
        if isinstance(mapping, dict):
            return cls._validated(mapping, "mapping")
        kind = type(mapping).__name__
        raise BadConfig(f"a {kind} is no mapping", hint="give the path of a TOML file, a dict or a Mapping")

    @classmethod
    def _validated(cls, data: dict[str, Any], name: str) -> Mapping:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise BadConfig(
                f"{name}: {key + ': ' if key else ''}{first['msg'].removeprefix('Value error, ')}", hint=_allowed(first)
            ) from error


def _key(kind: Kind, files: FileMapping) -> str | None:
    own = KEYS[kind]
    named = files.key or (own if own in files.columns else NO_KEY)
    if named.lower() == NO_KEY:
        if own in files.columns:
            raise ValueError(f"{kind}.key: without a key the row number makes {own}; leave {own} out of the columns")
        return None
    if named.upper() != own:
        raise ValueError(f"{kind}.key: {files.key} cannot be the key; allowed are {own} and {NO_KEY}")
    if own not in files.columns:
        raise ValueError(f'{kind}.key: {own} is not mapped; map it, or set key = "{NO_KEY}"')
    return own


def _allowed(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        level = len(error["loc"])
        model: type[BaseModel] = Mapping if level == 1 else FileMapping if level == 2 else Condition
        names = [field.alias or name for name, field in model.model_fields.items()]
        return f"allowed are {', '.join(names)}"
    return "see examples/mappings"
