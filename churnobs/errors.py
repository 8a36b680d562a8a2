"""What can go wrong, and what to do about it: every message ends with the way out."""

from __future__ import annotations

from typing import Final

__all__ = [
    "AlreadyExists",
    "BackendFailed",
    "BadConfig",
    "BadFile",
    "ChurnobsError",
    "DatabaseBusy",
    "LabelsNotMature",
    "LeakFound",
    "NotFound",
    "NotSupported",
    "RefusedArtefact",
    "SeenRows",
]


# what is longer is no message any more: a name or value of somebody's data is in it
_LONGEST: Final = 1_500


def printable(text: str, most: int = _LONGEST) -> str:
    r"""A text for people: control signs, marks that cannot be seen and half characters escaped, its middle left out if long.

    >>> printable("a\x1b[2Jb"), printable("a" * 20, most=9)
    ('a\\x1b[2Jb', 'aaaa...aaaa')
    """
    if len(text) > most:
        text = f"{text[: most // 2]}...{text[-(most // 2) :]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class ChurnobsError(Exception):
    """The root of every error churnobs raises on purpose. Its texts can be printed anywhere, whatever data they name.

    >>> str(ChurnobsError("month 2024-05 is missing", hint="add sales_2024_5.csv"))
    'month 2024-05 is missing; add sales_2024_5.csv'
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = printable(message)
        self.hint = printable(hint)
        super().__init__(f"{self.message}; {self.hint}" if hint else self.message)


class BadConfig(ChurnobsError, ValueError):
    """An argument, setting or mapping that cannot be meant."""


class BadFile(ChurnobsError, ValueError):
    """A file that cannot be loaded; nothing of it was.

    >>> str(BadFile("sales_2024_5.csv", line=7, column="TOTAL_AMOUNT", problem="'abc' is not a number"))
    "sales_2024_5.csv, line 7, column TOTAL_AMOUNT: 'abc' is not a number"
    """

    def __init__(
        self, file: str, *, problem: str, line: int | None = None, column: str | None = None, hint: str = ""
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.problem = problem
        where = file + (f", line {line}" if line else "") + (f", column {column}" if column else "")
        super().__init__(f"{where}: {problem}", hint=hint)


class NotFound(ChurnobsError, LookupError):
    """A name that is not there."""


class AlreadyExists(ChurnobsError, ValueError):
    """A name or version that is taken; what exists is immutable."""


class LabelsNotMature(ChurnobsError, ValueError):
    """Labels whose horizon is not over."""


class SeenRows(ChurnobsError, ValueError):
    """A model was to be measured on rows it was fitted on."""


class LeakFound(ChurnobsError, ValueError):
    """A feature of T changed with rows dated T or later."""


class RefusedArtefact(ChurnobsError, ValueError):
    """A stored model that was altered, or holds types that are not allowed."""


class DatabaseBusy(ChurnobsError, OSError):
    """Another process writes this database."""


class NotSupported(ChurnobsError, ValueError):
    """An ability that this backend does not have."""


class BackendFailed(ChurnobsError, RuntimeError):
    """The engine refused a statement; its own words are the cause."""
