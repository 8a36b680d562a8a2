"""The texts of a file in Snowflake's SQL: the grammar is written out, so that a session's parameters decide nothing."""

from __future__ import annotations

import re
from typing import Final

from churnobs import tables
from churnobs.backends.snowflake.ddl import literal, snowflake_type
from churnobs.errors import BadConfig
from churnobs.ingest_plan import WHOLE, FileDialect, Raw

_NUMBER: Final = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_TIME: Final = (
    r"[0-9]{1,2}:[0-5]?[0-9](:([0-5]?[0-9](\.[0-9]*)?)?)?\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?|[A-Za-z][A-Za-z_/]*)?"
)
# a day, then nothing or a time of day, which is not looked at
_DAY: Final = rf"([0-9]+-[0-9]{{1,2}}-[0-9]{{1,2}}|[0-9]+/[0-9]{{1,2}}/[0-9]{{1,2}})((T|\s)\s*{_TIME})?\s*"
_LARGEST: Final = 2**63 - 1
_TRUE, _FALSE = "'true', 't', '1', 'yes', 'y'", "'false', 'f', '0', 'no', 'n'"
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# strptime's codes: those of a day are captured, what else a text may hold is only passed over
_CAPTURED: Final = {
    "Y": "([0-9]{1,4})", "y": "([0-9]{1,2})", "m": "([0-9]{1,2})", "d": "([0-9]{1,2})", "b": "([A-Za-z]{3})",
    "B": "([A-Za-z]{3,9})",
}  # fmt: skip
_PASSED: Final = {
    "H": "[0-2]?[0-9]", "I": "[01]?[0-9]", "M": "[0-5]?[0-9]", "S": "[0-5]?[0-9]", "f": "[0-9]{1,9}", "p": "[AaPp][Mm]",
    "a": "[A-Za-z]{3}", "A": "[A-Za-z]{6,9}", "z": "[+-][0-9]{2}:?[0-9]{2}", "Z": "[A-Za-z]+", "%": "%",
}  # fmt: skip


class SnowflakeFiles(FileDialect):
    """Every staged value is text; what its column in a Parquet file was is known and counts where it makes a difference."""

    small = "NUMBER(3,0)"

    def literal(self, text: str) -> str:
        """A text."""
        return literal(text)

    def null(self, ibis_type: str) -> str:
        """No value of a type."""
        return f"CAST(NULL AS {snowflake_type(ibis_type)})"

    def cast(self, raw: Raw, ibis_type: str, value: str) -> str:
        """A text as another type."""
        match ibis_type:
            case "boolean":
                low = f"LOWER({value})"
                return f"CASE WHEN {low} IN ({_TRUE}) THEN TRUE WHEN {low} IN ({_FALSE}) THEN FALSE END"
            case "date":
                parts = [f"REGEXP_SUBSTR({value}, '[0-9]+', 1, {n})" for n in (1, 2, 3)]
                # years that a date cannot hold are none that a file may have: told so, and not as something unreadable
                year = f"CAST(LEAST(TRY_CAST({parts[0]} AS NUMBER(38,0)), 9999) AS VARCHAR)"
                return _when(value, _DAY, _day(year, parts[1], parts[2]))
            case "int64":
                whole = f"TRY_CAST({_trimmed(value)} AS NUMBER(38,0))"
                return f"CASE WHEN {_like(value, WHOLE)} AND ABS({whole}) <= {_LARGEST} THEN {whole} END"
            case tables.AMOUNT if raw.type in ("DOUBLE", "FLOAT"):
                return _rounded(f"TRY_CAST({value} AS FLOAT)")
            case "float64":
                return f"TRY_CAST({_trimmed(value)} AS FLOAT)"
            case _:
                return _when(value, _NUMBER, f"TRY_CAST({_trimmed(value)} AS {snowflake_type(ibis_type)})")

    def dated(self, value: str, form: str) -> str:
        """A text as a date, by a strptime format.

        Raises:
            BadConfig: the format has a code that is not known here.
        """
        pattern, order = _pattern(form)
        part = {
            code: f"REGEXP_SUBSTR({value}, {literal(pattern)}, 1, 1, 'e', {place})"
            for place, code in enumerate(order, start=1)
        }
        if "Y" in part:
            year = part["Y"]
        else:
            # from 1969 to 2068
            two = f"LPAD({part['y']}, 2, '0')"
            year = f"CASE WHEN {two} < '69' THEN '20' ELSE '19' END || {two}"
        month = part.get("m") or _month(part.get("B") or part["b"], short="b" in part)
        return _when(value, pattern, _day(year, month, part["d"]))

    def not_whole(self, raw: Raw, typed: str) -> str:  # noqa: ARG002  # what is not whole was not read
        """Nothing but a whole number is read as one."""
        return "FALSE"

    def contains(self, value: str, sign: str) -> str:
        """Whether a text has a sign in it."""
        return f"CONTAINS({value}, '{sign}')"

    def sha256(self, value: str) -> str:
        """The hash of a text."""
        return f"SHA2({value}, 256)"

    def blank(self, value: str) -> str:
        """Whether a text is nothing but spaces."""
        return f"(STARTSWITH({value}, ' ') AND TRIM({value}) = '')"


DIALECT: Final = SnowflakeFiles()


def _like(value: str, pattern: str) -> str:
    """Whether all of a text follows a pattern."""
    return f"REGEXP_LIKE({value}, {literal(pattern)})"


def _when(value: str, pattern: str, read: str) -> str:
    return f"CASE WHEN {_like(value, pattern)} THEN {read} END"


def _trimmed(value: str) -> str:
    return f"TRIM({value}, {literal(' ' + chr(9) + chr(10) + chr(13))})"


def _day(year: str, month: str, day: str) -> str:
    parts = f"LPAD({year}, 4, '0') || '-' || LPAD({month}, 2, '0') || '-' || LPAD({day}, 2, '0')"
    return f"TRY_TO_DATE({parts}, 'YYYY-MM-DD')"


def _rounded(number: str) -> str:
    """A binary number as an amount: as the simulator rounds it, not by its shortest text."""
    units = f"CAST(ROUND({number} * 10000) AS NUMBER(38,0))"
    return f"CASE WHEN ABS({number}) < 1e14 THEN CAST({units} * 0.0001 AS {snowflake_type(tables.AMOUNT)}) END"


def _month(name: str, *, short: bool) -> str:
    arms = " ".join(f"WHEN '{m[:3] if short else m}' THEN '{n}'" for n, m in enumerate(_MONTHS, start=1))
    return f"CASE LOWER({name}) {arms} END"


def _pattern(form: str) -> tuple[str, list[str]]:
    """A strptime format as a pattern, and the codes that its groups capture."""
    made, order = r"\s*", []
    for code, plain in re.findall(r"%(.)|([^%]+)", form, re.DOTALL):
        if not code:
            made += re.sub(r"([][.^$*+?{}|()\\])", r"\\\1", plain)
        elif code in _CAPTURED and code not in order:
            made += _CAPTURED[code]
            order.append(code)
        elif code in _PASSED:
            made += _PASSED[code]
        else:
            raise BadConfig(
                f"date_format {form!r}: %{code} is not read on Snowflake",
                hint=f"use {', '.join('%' + c for c in (*_CAPTURED, *_PASSED))}",
            )
    return made + r"\s*", order
