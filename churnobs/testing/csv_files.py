"""Reading delimited files by Snowflake's rules: a fast way for plain ones, an exact way for the rest."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from churnobs.testing.failures import SqlError, not_supported

Fields = list[str | None]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read: its number, its line, what was wrong, in which column."""

    row: int
    line: int
    message: str
    column: str = ""
    character: int | None = 1


def other_width(found: int, wanted: int) -> str:
    """Say that a row has another number of columns than the table."""
    return (
        f"Number of columns in file ({found}) does not match that of the corresponding table ({wanted}), use file format option "
        "error_on_column_count_mismatch=false to ignore this error"
    )


def content(path: Path, compression: str = "AUTO") -> bytes:
    """The bytes of a file, unpacked."""
    raw = path.read_bytes()
    kind = compression.upper()
    if raw[:2] == b"\x1f\x8b" and kind in ("AUTO", "GZIP"):
        return gzip.decompress(raw)
    if raw[:3] == b"BZh" and kind in ("AUTO", "BZ2"):
        return bz2.decompress(raw)
    if kind not in ("AUTO", "NONE", "GZIP", "BZ2", "AUTO_DETECT"):
        raise not_supported(f"COMPRESSION = {kind}", "use gzip, bz2 or none")
    return raw


def text_of(path: Path, form: Mapping[str, Any]) -> str:
    """The text of a file in its encoding."""
    encoding = {"UTF8": "utf-8"}.get(str(form["ENCODING"]).upper(), str(form["ENCODING"]))
    raw = content(path, str(form["COMPRESSION"]))
    try:
        return raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise SqlError(f"Invalid UTF8 detected in file '{path.name}'", 100144, "22000") from error


def read(path: Path, form: Mapping[str, Any]) -> tuple[pa.Table, list[str], list[BadRow]]:
    """A file as columns C1, C2, ... of text, its header's names, and the rows whose number of columns is wrong."""
    text = text_of(path, form)
    if (fast := _fast(text, form)) is not None:
        return fast
    header: list[str] = []
    rows: list[Fields] = []
    lines: list[int] = []
    skip = int(form["SKIP_HEADER"])
    for line, fields in records(_without_lines(text, skip), form):
        if form["PARSE_HEADER"] and not header:
            header = [f or "" for f in fields]
            continue
        rows.append(fields)
        lines.append(line + skip)
    return _table(rows, lines, header, form)


def _without_lines(text: str, count: int) -> str:
    for _ in range(count):
        _, _, text = text.partition("\n")
    return text


def _table(
    rows: list[Fields], lines: list[int], header: list[str], form: Mapping[str, Any]
) -> tuple[pa.Table, list[str], list[BadRow]]:
    width = max((len(r) for r in rows), default=len(header))
    usual = len(header) or (len(rows[0]) if rows else 0)
    bad = []
    if form["ERROR_ON_COLUMN_COUNT_MISMATCH"]:
        bad = [
            BadRow(at, lines[at], other_width(len(r), usual))
            for at, r in enumerate(rows) if len(r) != usual
        ]  # fmt: skip
    columns = [pa.array([r[at] if at < len(r) else None for r in rows], pa.string()) for at in range(width)]
    table = pa.Table.from_arrays(
        [*columns, pa.array(lines, pa.int64()), pa.array([len(r) for r in rows], pa.int64())],
        names=[*(f"C{at + 1}" for at in range(width)), "_LINE", "_WIDTH"],
    )
    return table, header, bad


def _fast(text: str, form: Mapping[str, Any]) -> tuple[pa.Table, list[str], list[BadRow]] | None:
    quote, delimiter = form["FIELD_OPTIONALLY_ENCLOSED_BY"], form["FIELD_DELIMITER"]
    simple = (
        delimiter is not None and len(delimiter) == 1 and form["RECORD_DELIMITER"] in ("\n", "\r\n") and form["ESCAPE"] is None
        and "\\" not in text and not form["TRIM_SPACE"] and not form["SKIP_BLANK_LINES"] and form["EMPTY_FIELD_AS_NULL"]
        and text.strip()
        and "\n\n" not in text and (quote is None or (quote == '"' and not _odd_quotes(text, delimiter)))
    )  # fmt: skip
    if not simple:
        return None
    body = _without_lines(text, int(form["SKIP_HEADER"]))
    first = body.partition("\n")[0].rstrip("\r")
    if not first or (quote and quote in first and first.count(quote) % 2):
        return None
    width = len(next(records(first, {**form, "NULL_IF": []}))[1])
    wrong: list[Any] = []

    def note(row: Any) -> str:
        wrong.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            io.BytesIO(body.encode()),
            read_options=csv.ReadOptions(column_names=[f"C{at + 1}" for at in range(width)], use_threads=False,
                block_size=1 << 24),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, quote_char=quote or False, double_quote=True, newlines_in_values=bool(quote),
                invalid_row_handler=note,
                ignore_empty_lines=False,
            ),
            convert_options=csv.ConvertOptions(
                column_types={f"C{at + 1}": pa.string() for at in range(width)}, strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=["", *map(str, form["NULL_IF"])],
            ),
        )  # fmt: skip
    except pa.ArrowInvalid:
        return None
    if wrong or (quote and any("\n" in v for v in _quoted_values(table))):
        return None
    header: list[str] = []
    start = 1 + int(form["SKIP_HEADER"])
    if form["PARSE_HEADER"]:
        header = [str(v) for v in next(records(first, form))[1]]
        table, start = table.slice(1), start + 1
    lines = pa.array(range(start, start + table.num_rows), pa.int64())
    table = table.append_column("_LINE", lines).append_column("_WIDTH", pa.array([width] * table.num_rows, pa.int64()))
    return table, header, []


def _odd_quotes(text: str, delimiter: str) -> bool:
    """Whether a quote stands where only the exact reading knows what it means."""
    import re

    return bool(re.search(rf'[^{re.escape(delimiter)}\r\n"]"[^{re.escape(delimiter)}\r\n"]', text)) or '""' in text


def _quoted_values(_table: pa.Table) -> Iterator[str]:
    return iter(())


def records(text: str, form: Mapping[str, Any]) -> Iterator[tuple[int, Fields]]:  # noqa: PLR0912, PLR0915  # one branch a form of the statement
    """The records of a text: the line each begins on and its fields, NULLs resolved."""
    delimiter = form["FIELD_DELIMITER"]
    ends = form["RECORD_DELIMITER"] or ""
    newline = ends in ("\n", "\r\n", "\r")
    quote, escape, bare_escape = form["FIELD_OPTIONALLY_ENCLOSED_BY"], form["ESCAPE"], form["ESCAPE_UNENCLOSED_FIELD"]
    nulls = {str(v) for v in form["NULL_IF"]}
    at, line, size = 0, 1, len(text)

    def is_end(place: int) -> int:
        if newline:
            return 2 if text.startswith("\r\n", place) else 1 if text[place] in "\r\n" else 0
        return len(ends) if ends and text.startswith(ends, place) else 0

    while at < size:
        begun, fields = line, []
        if form["SKIP_BLANK_LINES"] and (blank := is_end(at)):
            at, line = at + blank, line + 1
            continue
        while True:
            value: list[str] = []
            enclosed = False
            if form["TRIM_SPACE"]:
                while at < size and text[at] == " ":
                    at += 1
            if quote and at < size and text[at] == quote:
                enclosed, at = True, at + 1
                while at < size:
                    sign = text[at]
                    if escape and sign == escape and at + 1 < size:
                        value.append(_escaped(text[at + 1]))
                        at += 2
                    elif sign == quote and text[at + 1 : at + 2] == quote:
                        value.append(quote)
                        at += 2
                    elif sign == quote:
                        at += 1
                        break
                    else:
                        line += sign == "\n"
                        value.append(sign)
                        at += 1
                while at < size and text[at] == " ":
                    at += 1
            while at < size and not (delimiter and text.startswith(delimiter, at)) and not is_end(at):
                sign = text[at]
                held = escape or bare_escape
                if held and sign == held and at + 1 < size:
                    value.append("\\N" if text[at + 1] == "N" and "\\N" in nulls else _escaped(text[at + 1]))
                    at += 2
                else:
                    value.append(sign)
                    at += 1
            found = "".join(value)
            if form["TRIM_SPACE"] and not enclosed:
                found = found.rstrip(" ")
            empty = not found and not enclosed and form["EMPTY_FIELD_AS_NULL"]
            fields.append(None if empty or found in nulls else found)
            if at < size and delimiter and text.startswith(delimiter, at):
                at += len(delimiter)
                continue
            break
        if at < size:
            at, line = at + is_end(at), line + 1
        yield begun, fields


def _escaped(sign: str) -> str:
    return {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}.get(sign, sign)
