"""Directory tables of stages: the files that were there at the last refresh, kept in a table so that streams can watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name
from churnobs.testing.results import Result, of_rows

if TYPE_CHECKING:
    from churnobs.testing.catalog import Stage
    from churnobs.testing.session import Session

_SUFFIX: Final = "$DIRECTORY"
_COLUMNS: Final = (
    "RELATIVE_PATH VARCHAR, SIZE NUMBER(38,0), LAST_MODIFIED VARCHAR, MD5 VARCHAR, ETAG VARCHAR, FILE_URL VARCHAR"
)


def directory_of(stage: Name) -> Name:
    """The table that holds a stage's directory."""
    return Name(stage.database, stage.schema, f"{stage.name}{_SUFFIX}")


def is_directory(name: str) -> bool:
    """Whether a table is a stage's directory, which no listing of tables shows."""
    return name.endswith(_SUFFIX)


def enable(session: Session, stage: Stage) -> None:
    """Make a stage's directory, empty until it is refreshed."""
    from churnobs.testing.statements import run_inside

    run_inside(session, f"CREATE TABLE IF NOT EXISTS {directory_of(stage.name).sql} ({_COLUMNS})")


def watched(session: Session, stage: Name) -> Name:
    """The directory that a stream on a stage watches.

    Raises:
        SqlError: the stage has none.
    """
    found: Stage = session.account.catalog.stages.need(stage)
    if not found.directory:
        raise SqlError(f"Stage '{stage}' does not have a directory table enabled", 391546, "42601")
    return directory_of(stage)


def refresh(session: Session, stage: Stage) -> Result:
    """Bring the directory up to the files that are there now; gives what has changed."""
    from churnobs.testing.stages import facts_of
    from churnobs.testing.statements import run_inside

    watched(session, stage.name)
    table = directory_of(stage.name).sql
    there = {path: (size, changed, mark) for path, size, mark, changed in facts_of(session, stage)}
    known = {str(path): str(mark) for path, mark in run_inside(session, f"SELECT RELATIVE_PATH, MD5 FROM {table}").rows}
    rows = []
    for path in sorted({*there, *known}):
        if path in there and known.get(path) == there[path][2]:
            continue
        if path in known:
            run_inside(session, f"DELETE FROM {table} WHERE RELATIVE_PATH = ?", [path])
        if path in there:
            size, changed, mark = there[path]
            url = f"https://offline/api/files/{stage.name.database}/{stage.name.schema}/{stage.name.name}/{path}"
            values = [path, size, changed, mark, mark, url]
            run_inside(session, f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)", values)
        status = "REMOVED" if path not in there else "UPDATED" if path in known else "REGISTERED_NEW"
        rows.append((path, status, f"File {status.lower().replace('_', ' ')} successfully."))
    return of_rows(dict.fromkeys(("file", "status", "description"), "text"), rows)
