"""Files of stages in code: their URLs, and SnowflakeFile.

A scoped URL is the path of the file on this machine, which SnowflakeFile opens as it is. A stage's path is opened with the
session whose function or procedure runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from sqlglot import exp

from churnobs.testing.failures import SqlError
from churnobs.testing.locations import locate
from churnobs.testing.proof import document
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree, value_of

_RUNNING = threading.local()
_OFFERING = threading.Lock()


class _Files:
    """What SnowflakeFile asks of the active session, in the code of a function."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.file = self

    def get_stream(self, location: str, **_: Any) -> BinaryIO:
        """A stage's file, opened for reading."""
        where = locate(self.session, location)
        path = where.inside(where.path)
        if not path.is_file():
            raise SqlError(f"Remote file '{location}' was not found.", 91016, "22000")
        return path.open("rb")


@contextmanager
def opened_by(session: Session) -> Iterator[None]:
    """Let SnowflakeFile read the stages that a session sees, while its code runs in this thread."""
    _offer()
    before = getattr(_RUNNING, "files", None)
    _RUNNING.files = _Files(session)
    try:
        yield
    finally:
        _RUNNING.files = before


def _offer() -> None:
    from snowflake.snowpark import files

    with _OFFERING:
        if hasattr(files, "_offline_active_session"):
            return
        active: Any = files.get_active_session  # type: ignore[attr-defined]
        files._offline_active_session = active  # type: ignore[attr-defined]
        files.get_active_session = lambda: getattr(_RUNNING, "files", None) or active()  # type: ignore[attr-defined]


@scalar("BUILD_SCOPED_FILE_URL", "BUILD_STAGE_FILE_URL", proof=document("functions/build_scoped_file_url"))
def file_url(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """BUILD_SCOPED_FILE_URL(@stage, path): the path of the file on this machine, which SnowflakeFile opens."""
    rewriter.dynamic = True
    given = args[0].name if isinstance(args[0], exp.Literal) else f"@{args[0].sql(dialect='snowflake').lstrip('$@')}"
    where = locate(rewriter.session, given)
    folder = where.inside(where.path).as_posix().rstrip("/")
    joined = exp.Anonymous(this="concat", expressions=[value_of(f"{folder}/"), args[1].copy()])
    return exp.Paren(this=joined)
