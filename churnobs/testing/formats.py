"""File formats: the options that are honoured, checked when they are given; others are refused, not ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnobs.testing.failures import SqlError, not_supported

SHARED = {"TYPE", "COMPRESSION", "NULL_IF", "TRIM_SPACE", "REPLACE_INVALID_CHARACTERS", "COMMENT"}
HONOURED = {
    "CSV": SHARED | {
        "FIELD_DELIMITER", "RECORD_DELIMITER", "SKIP_HEADER", "PARSE_HEADER", "FIELD_OPTIONALLY_ENCLOSED_BY", "ESCAPE",
        "ESCAPE_UNENCLOSED_FIELD", "EMPTY_FIELD_AS_NULL", "ERROR_ON_COLUMN_COUNT_MISMATCH", "SKIP_BLANK_LINES", "DATE_FORMAT",
        "TIME_FORMAT", "TIMESTAMP_FORMAT", "ENCODING", "SKIP_BYTE_ORDER_MARK", "FILE_EXTENSION", "BINARY_FORMAT", "MULTI_LINE",
    },
    "JSON": SHARED | {"STRIP_OUTER_ARRAY", "STRIP_NULL_VALUES", "ALLOW_DUPLICATE", "IGNORE_UTF8_ERRORS", "SKIP_BYTE_ORDER_MARK",
                      "FILE_EXTENSION", "DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT", "MULTI_LINE",
                      "BINARY_FORMAT", "ENABLE_OCTAL"},
    "PARQUET": SHARED | {"BINARY_AS_TEXT", "USE_LOGICAL_TYPE", "USE_VECTORIZED_SCANNER", "SNAPPY_COMPRESSION"},
}  # fmt: skip
_ONLY: dict[str, set[Any]] = {
    "BINARY_FORMAT": {"HEX"},
    "STRIP_NULL_VALUES": {False},
    "ENABLE_OCTAL": {False},
    "REPLACE_INVALID_CHARACTERS": {False},
}
_CSV = {
    "FIELD_DELIMITER": ",", "RECORD_DELIMITER": "\n", "SKIP_HEADER": 0, "PARSE_HEADER": False,
    "FIELD_OPTIONALLY_ENCLOSED_BY": None,
    "ESCAPE": None, "ESCAPE_UNENCLOSED_FIELD": "\\", "EMPTY_FIELD_AS_NULL": True, "ERROR_ON_COLUMN_COUNT_MISMATCH": True,
    "SKIP_BLANK_LINES": False, "TRIM_SPACE": False, "NULL_IF": ["\\N"], "ENCODING": "UTF-8", "DATE_FORMAT": "AUTO",
    "TIME_FORMAT": "AUTO", "TIMESTAMP_FORMAT": "AUTO", "COMPRESSION": "AUTO",
}  # fmt: skip
_NONE_IS_OFF = {
    "FIELD_OPTIONALLY_ENCLOSED_BY",
    "ESCAPE",
    "ESCAPE_UNENCLOSED_FIELD",
    "FIELD_DELIMITER",
    "RECORD_DELIMITER",
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a format's options and write them the same way.

    >>> checked({"TYPE": "csv", "SKIP_HEADER": "1"})["SKIP_HEADER"]
    1
    """
    made: dict[str, Any] = {key.upper(): _plain(value) for key, value in given.items()}
    kind = str(made.get("TYPE", "CSV")).upper()
    if kind not in HONOURED:
        raise not_supported(f"the file type {kind}", "use CSV, JSON or PARQUET")
    made["TYPE"] = kind
    for key, value in made.items():
        if key not in HONOURED[kind]:
            known = any(key in options for options in HONOURED.values())
            if known:
                raise SqlError(
                    f"SQL compilation error:\ninvalid file format parameter '{key}' for type {kind}", 1423, "42601"
                )
            raise not_supported(f"the file format option {key}", "leave it out")
        upper = value.upper() if isinstance(value, str) else value
        if key in _ONLY and upper not in _ONLY[key]:
            raise not_supported(f"{key} = {value}", "leave it out")
        if key in _NONE_IS_OFF and upper == "NONE":
            made[key] = None
    if "SKIP_HEADER" in made:
        made["SKIP_HEADER"] = int(made["SKIP_HEADER"])
    if "NULL_IF" in made and not isinstance(made["NULL_IF"], list):
        made["NULL_IF"] = [made["NULL_IF"]]
    if kind == "CSV" and made.get("PARSE_HEADER") and made.get("SKIP_HEADER"):
        raise SqlError("SQL compilation error:\nPARSE_HEADER and SKIP_HEADER cannot be used together", 1003, "42000")
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    return value


def complete(options: Mapping[str, Any]) -> dict[str, Any]:
    """A format with its defaults filled in."""
    kind = str(options.get("TYPE", "CSV")).upper()
    base = _CSV if kind == "CSV" else {"NULL_IF": [], "TRIM_SPACE": False, "STRIP_OUTER_ARRAY": False}
    return {**base, **options, "TYPE": kind}


_DATE_PARTS = [
    ("YYYY", "%Y"), ("YY", "%y"), ("MON", "%b"), ("MMMM", "%B"), ("DY", "%a"),
    ("MM", "%m"), ("DD", "%d"), ("HH24", "%H"), ("HH12", "%I"), ("HH", "%H"),
    ("MI", "%M"), ("SS", "%S"), ("FF9", "%n"), ("FF6", "%f"), ("FF3", "%g"), ("FF", "%f"), ("AM", "%p"), ("PM", "%p"),
    ("TZHTZM", "%z"),
    ("TZH:TZM", "%z"), ("T", "T"),
]  # fmt: skip


def strptime_format(text: str) -> str:
    """Snowflake's date format as DuckDB's strptime reads it.

    >>> strptime_format("DD-MON-YYYY HH24:MI")
    '%d-%b-%Y %H:%M'
    """
    made, at = "", 0
    while at < len(text):
        for word, code in _DATE_PARTS:
            if text[at : at + len(word)].upper() == word:
                made, at = made + code, at + len(word)
                break
        else:
            if text[at] == '"' and (end := text.find('"', at + 1)) > 0:
                made, at = made + text[at + 1 : end].replace("%", "%%"), end + 1
                continue
            if text[at].isalpha():
                raise not_supported(f"the date format '{text}'", "load the column as text and convert it")
            made, at = made + text[at], at + 1
    return made
