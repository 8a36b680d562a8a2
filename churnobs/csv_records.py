"""CSV text as records with their physical lines: what the engines' fast readers do not tell about a bad file."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

# longer records are taken for a quote that was never closed
LONGEST_RECORD: Final = 2_097_152
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
_CHUNK: Final = 1 << 20
# first bytes of what is no CSV text: what it is, and what to do about it
_FOREIGN: Final = (
    (b"\x1f\x8b", "is compressed with gzip", "unpack it"),
    (b"PK\x03\x04", "is a zip archive or a workbook", "unpack it, or export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is a workbook", "export it as CSV"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", "unpack it"),
    (b"PAR1", "is a Parquet file", "give it a name that ends with .parquet"),
    (b"\xff\xfe\0\0", "is UTF-32 text", "export it as UTF-8"),
    (b"\0\0\xfe\xff", "is UTF-32 text", "export it as UTF-8"),
    (b"\xff\xfe", "is UTF-16 text", "export it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "export it as UTF-8"),
)


class Record(NamedTuple):
    """One record: the line it starts in (from 1), its fields or, with the reason in ``problem``, its text alone."""

    # a named tuple because a dataclass takes three times as long to make, and there is one a row
    line: int
    fields: tuple[str, ...]
    problem: str = ""
    # the position of the offending field, where one is to blame
    field: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a look at a file's bytes tells: whether it is empty, and whether a fast reader can be trusted with it."""

    empty: bool
    plain: bool


def scan_bytes(path: Path) -> Bytes:
    """Look for NUL bytes and mixed line ends, block by block."""
    empty, nul, returns = True, False, False
    for block in _blocks(path):
        empty = empty and not block.removeprefix(b"\xef\xbb\xbf").strip()
        nul = nul or b"\0" in block
        returns = returns or b"\r" in block
    return Bytes(empty=empty, plain=not nul and not (returns and _mixes_line_ends(path)))


def foreign(path: Path) -> tuple[str, str] | None:
    """What a file is by its first bytes, and what to do about it, where that is no text in UTF-8."""
    with path.open("rb") as file:
        start = file.read(4096)
        file.seek(max(file.seek(0, io.SEEK_END) - 4, 0))
        end = file.read()
    for mark, what, mend in _FOREIGN:
        # letters may begin a text too: a Parquet file ends with its mark as well
        if start.startswith(mark) and (not mark.isalnum() or end == mark):
            return what, mend
    if start and not start.strip(b"\0"):
        return "holds NUL bytes and no text", "a copy or a full disk broke it: export it again"
    # every second byte of plain text in UTF-16
    if len(start) >= 8 and len(start) // 2 - 1 <= max(start[::2].count(0), start[1::2].count(0)):
        return "is UTF-16 text", "export it as UTF-8"
    return None


def count_plain(path: Path, delimiter: str, width: int) -> int | None:
    """How many lines a file has, where each is a record that any reader splits the same way; None for other files.

    Such a file has no quotes, carriage returns, blank lines, byte order mark or bytes that are not UTF-8, and as many
    fields in every line.
    """
    sign, found = delimiter.encode(), 0
    with path.open("rb") as file:
        while lines := file.readlines(_CHUNK):
            block = b"".join(lines)
            odd = block.startswith((b"\n", b"\xef\xbb\xbf")) or any(
                part in block for part in (b'"', b"\r", b"\0", b"\n\n")
            )
            if odd or {line.count(sign) for line in lines} != {width - 1} or len(max(lines, key=len)) > LONGEST_RECORD:
                return None
            if not block.isascii():
                try:
                    block.decode()
                except UnicodeDecodeError:
                    return None
            found += len(lines)
    return found


def _mixes_line_ends(path: Path) -> bool:
    returns, feeds, pairs, last = 0, 0, 0, b""
    for block in _blocks(path):
        returns += block.count(b"\r")
        feeds += block.count(b"\n")
        pairs += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
        last = block[-1:]
    return not (feeds == 0 or returns == feeds == pairs)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            yield block


def read_records(path: Path, delimiter: str, width: int | None = None) -> Iterator[Record]:
    """All records of a CSV file, blank lines left out.

    Args:
        path: the file; a byte order mark is skipped.
        delimiter: between fields.
        width: how many fields a record must have; empty fields beyond it are dropped.
    """
    with io.TextIOWrapper(path.open("rb"), encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from _records(file, delimiter, width)


def _records(file: Iterator[str], delimiter: str, width: int | None) -> Iterator[Record]:
    # lines that were read ahead while looking for a closing quote and turned out to be records of their own
    ahead: deque[str] = deque()
    line = 0
    while True:
        text = ahead.popleft() if ahead else next(file, None)
        if text is None:
            return
        line += 1
        parts = [text]
        fields = _split(text.rstrip("\r\n"), delimiter)
        size = len(text)
        while fields is None and size <= LONGEST_RECORD:
            more = ahead.popleft() if ahead else next(file, None)
            if more is None:
                break
            parts.append(more)
            size += len(more)
            if '"' in more:
                fields = _split("".join(parts).rstrip("\r\n"), delimiter)
        if isinstance(fields, list):
            whole = text if len(parts) == 1 else "".join(parts)
            if fields != [""]:
                yield _checked(line, fields, whole, width)
            line += len(parts) - 1
            continue
        ahead.extendleft(reversed(parts[1:]))
        why = "a quote that opens here is never closed" if fields is None else fields
        yield Record(line, (), why, text=_readable(text))


def _split(text: str, delimiter: str) -> list[str] | str | None:
    """The fields of a record; None when a quote is still open; a problem as text."""
    if '"' not in text:
        return text.split(delimiter)
    fields: list[str] = []
    at = 0
    while True:
        start = at
        while text.startswith(" ", start):
            start += 1
        if text.startswith('"', start):
            end = text.find('"', start + 1)
            while end >= 0 and text.startswith('"', end + 1):
                end = text.find('"', end + 2)
            if end < 0:
                return None
            fields.append(text[start + 1 : end].replace('""', '"'))
            at = text.find(delimiter, end + 1)
            rest = text[end + 1 :] if at < 0 else text[end + 1 : at]
            if rest.strip(" "):
                return "text follows a closing quote (a quote within a text is written twice)"
        else:
            begin, at = at, text.find(delimiter, at)
            fields.append(text[begin:] if at < 0 else text[begin:at])
        if at < 0:
            return fields
        at += 1


def _checked(line: int, fields: list[str], text: str, width: int | None) -> Record:
    if width is not None and len(fields) != width:
        if len(fields) > width and not any(fields[width:]):
            fields = fields[:width]
        else:
            count = f"{len(fields)} field{'s' if len(fields) != 1 else ''}"
            return Record(line, (), f"{count}, expected {width}", text=_readable(text))
    if not text.isascii() and _NOT_UTF8.search(text):
        at, found = next((i, bad) for i, field in enumerate(fields) if (bad := _NOT_UTF8.search(field)))
        return Record(line, (), f"byte 0x{ord(found[0]) - 0xDC00:02x} is not UTF-8", at, _readable(text))
    if "\0" in text:
        at = next(i for i, field in enumerate(fields) if "\0" in field)
        return Record(line, (), "a NUL byte", at, _readable(text))
    if len(text) > LONGEST_RECORD:
        return Record(line, (), f"longer than {LONGEST_RECORD} characters", text=_readable(text[:1000]))
    return Record(line, tuple(fields))


def _readable(text: str) -> str:
    """Text that any engine can store: no NUL, no bytes that are not UTF-8."""
    clean = text.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return clean.replace("\0", "\\x00")
