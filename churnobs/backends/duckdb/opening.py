"""How a file of DuckDB is opened, and what its errors are in churnobs' words."""

from __future__ import annotations

import re
import struct
import time
from pathlib import Path
from typing import Final, TypeAlias

import duckdb

from churnobs.errors import BackendFailed, BadConfig, ChurnobsError, DatabaseBusy, NotFound
from churnobs.months import whole_number

Settings: TypeAlias = dict[str, str | bool | int | float | list[str]]

_HOLDER: Final = re.compile(r"\(PID (\d+)\)|PID (\d+)")
# seconds that a writer waits for readers to let a file go, and between two tries
PATIENCE: Final = 2.0
BETWEEN: Final = 0.02
_MEMORY: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?i?B|%)\s*", re.IGNORECASE)
# megabytes that two threads and more work in
_ROOM_FOR_TWO: Final = 1000
_BUFFERS: Final = 0.7
_MOST_THREADS: Final = 4096
_WAYS_OUT: Final = (
    (
        re.compile(r"no space left|file too large|could not write|quota", re.IGNORECASE),
        "make room on the disk and do it again: nothing of this was kept",
    ),
    (re.compile(r"out of memory", re.IGNORECASE), "give connect() a larger memory_limit, and do it again"),
    (re.compile(r"read-only mode", re.IGNORECASE), "connect without read_only to write"),
    (
        re.compile(r"corrupt database file|could not read enough bytes", re.IGNORECASE),
        "restore the database from a backup, or rebuild it from the files",
    ),
)
# what stands in a file before its blocks
_HEADERS: Final = 3 * 4096
_HEADER: Final = struct.Struct("<QQqqQQ")


def translate(error: duckdb.Error) -> ChurnobsError:
    """DuckDB's error as one of ours; the caller raises it from the original."""
    text = str(error).partition("\n\n")[0].strip()
    if isinstance(error, duckdb.CatalogException) and ("xisting object" in text or "already exists" in text):
        return BadConfig(text, hint="choose another name")
    if isinstance(error, duckdb.CatalogException):
        return NotFound(text, hint="workspace.sql('SHOW TABLES') lists what is there")
    if isinstance(error, duckdb.BinderException | duckdb.ParserException):
        return BadConfig(text, hint="check the spelling of columns and tables")
    return BackendFailed(text, hint=_way_out(text) or "nothing of this statement was kept")


def settings_of(threads: int | None, memory_limit: str | None) -> Settings:
    """DuckDB's settings of what a user gives.

    Raises:
        BadConfig: it cannot be meant.
    """
    settings: Settings = {}
    if threads is not None:
        settings["threads"] = whole_number("threads", threads, 1, _MOST_THREADS)
    if memory_limit is not None:
        found = _MEMORY.fullmatch(memory_limit) if isinstance(memory_limit, str) else None
        if found is None:
            raise BadConfig(f"memory_limit is {memory_limit!r}", hint='give a size such as "2GB", or "50%"')
        settings["memory_limit"] = memory_limit
        if is_little(memory_limit):
            # what DuckDB needs beside its buffers comes on top of them, and so does Python
            settings["memory_limit"] = f"{float(found[1]) * _BUFFERS}{found[2]}"
            # each thread pins blocks of its own: with little memory there is room for one
            settings.setdefault("threads", 1)
    return settings


def is_little(memory_limit: str | None) -> bool:
    """Whether a size, as ``connect`` takes it, is less than 1 GB.

    >>> is_little("512MB"), is_little("2GB"), is_little("50%"), is_little(None)
    (True, False, False, False)
    """
    found = _MEMORY.fullmatch(memory_limit or "")
    if found is None:
        return False
    number, unit = float(found[1]), found[2].upper()
    return unit[0] in "BK" or (unit[0] == "M" and number < _ROOM_FOR_TWO)


def _way_out(text: str) -> str:
    """What to do about what DuckDB says of disks, memory and broken files; empty where that is not the matter."""
    return next((mend for said, mend in _WAYS_OUT if said.search(text)), "")


def _refuse_place(path: Path) -> None:
    """Refuse what DuckDB would take for another file, or fetch an extension for.

    Raises:
        BadConfig: it is no path, the database of another program, or one that was cut short.
    """
    try:
        str(path).encode()
        with path.open("rb") as file:
            head, size = file.read(_HEADERS), path.stat().st_size
    except ValueError as error:
        raise BadConfig(f"cannot open {path}: {error}", hint="give a path that is text") from error
    except OSError:
        # whatever it is, opening it says so
        return
    if head.startswith(b"SQLite format 3"):
        raise BadConfig(f"{path} is a SQLite database", hint="give a file that churnobs wrote, or a new one")
    if len(head) == _HEADERS and head[8:12] == b"DUCK":
        # two headers, of which the newer one counts: checksum, iteration, two places, blocks, bytes of a block
        _, _, _, _, blocks, length = max((_HEADER.unpack_from(head, at) for at in (4096, 8192)), key=lambda h: h[1])
        whole = _HEADERS + blocks * length
        if size < whole < 2**60:
            raise BadConfig(
                f"cannot open {path}: it is cut short, {size:,} of {whole:,} bytes are left",
                hint="restore it from a backup, or rebuild it from the files",
            )


def remove(path: Path) -> None:
    """Take a file of DuckDB away, with its log, where there is one."""
    for left in (path, path.with_name(f"{path.name}.wal")):
        left.unlink(missing_ok=True)


def open_file(path: Path | None, *, read_only: bool, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open a file, or memory where there is no path.

    Raises:
        DatabaseBusy: another process writes it.
        BadConfig: it cannot be opened.
    """
    # readers hold a file for moments: a writer waits for them, and only then says that somebody writes
    give_up = time.monotonic() + (0.0 if read_only else PATIENCE)
    while True:
        try:
            return _open_now(path, read_only=read_only, settings=settings)
        except DatabaseBusy:
            if time.monotonic() >= give_up:
                raise
            time.sleep(BETWEEN)


def _open_now(path: Path | None, *, read_only: bool, settings: Settings) -> duckdb.DuckDBPyConnection:
    if path is not None:
        _refuse_place(path)
    try:
        return duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=settings)
    except duckdb.IOException as error:
        holder = _HOLDER.search(str(error))
        if "could not set lock" in str(error).lower():
            who = f"process {holder[1] or holder[2]}" if holder else "another process"
            raise DatabaseBusy(
                f"{path} is being written by {who}",
                hint="wait for it to end, or read what it has published with churnobs status",
            ) from error
        raise _cannot_open(path, error, "give a file that churnobs wrote, or a new one") from error
    except duckdb.Error as error:
        raise _cannot_open(path, error, "check the path, threads and memory_limit") from error


def _cannot_open(path: Path | None, error: duckdb.Error, hint: str) -> BadConfig:
    text = str(error).partition("\n\n")[0].strip()
    if "WAL file" in text and path is not None:
        text = f"its log cannot be replayed: {text}"
        hint = f"take {path.name}.wal away if it is of another database, or restore both from a backup"
    elif "Read-only file system" in text or "Permission denied" in text:
        hint = "connect(..., read_only=True) reads it, also where nobody can write"
    return BadConfig(f"cannot open {path}: {text}", hint=_way_out(text) or hint)
