"""What another process does to a database, until it is killed or its disk is full; forked from one that has imported all."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import hostile_cases
import sklearn.linear_model  # children start with it
import sklearn.pipeline  # noqa: F401

import churnobs
import churnobs.lifecycle.run
from churnobs.backends.duckdb.database import Database
from churnobs.backends.duckdb.loading import DuckDBLoader
from churnobs.cli import write_aside


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ingest(path: Path, folder: Path) -> str:
    """Load a folder."""
    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        return repr(workspace.ingest(folder))


def run(path: Path, folder: Path) -> str:
    """Run the next month."""
    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        return repr(workspace.lifecycle(hostile_cases.config(), source=folder).run(1))


def forget(path: Path, customer_id: str) -> str:
    """Forget somebody."""
    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        return repr(workspace.forget(customer_id))


def die_before_statement(words: str, nth: int, act: Callable[..., str], *args: Any) -> str:
    """Act, and be killed before the nth statement that begins so."""
    whole, seen = Database.execute, [0]

    def execute(self: Database, sql: str, values: list[object] | None = None) -> Any:
        seen[0] += sql.startswith(words)
        if seen[0] == nth:
            _die()
        return whole(self, sql, values)

    Database.execute = execute  # type: ignore[method-assign]
    return act(*args)


def die_after_commit(act: Callable[..., str], *args: Any) -> str:
    """Act, and be killed when the first transaction is kept, before anything else is written."""
    whole = Database.execute

    def execute(self: Database, sql: str, values: list[object] | None = None) -> Any:
        found = whole(self, sql, values)
        if sql == "COMMIT":
            _die()
        return found

    Database.execute = execute  # type: ignore[method-assign]
    return act(*args)


def die_with_rows_half_in(act: Callable[..., str], *args: Any) -> str:
    """Act, and be killed when a file's rows are in and the file is not recorded."""
    DuckDBLoader._record = lambda *_: _die()  # type: ignore[method-assign,assign]
    return act(*args)


def die_at_step(step: str, path: Path, folder: Path) -> str:
    """Run a month, and be killed before a step."""

    def progress(found: Any) -> None:
        if found.name == step:
            _die()

    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        workspace.lifecycle(hostile_cases.config(), source=folder).run(1, progress=progress)
    return "was not killed"


def die_at_rename(ending: str, act: Callable[..., str], *args: Any) -> str:
    """Act, and be killed before a file of that ending is renamed into place."""
    whole = Path.replace

    def replace(self: Path, target: Any) -> Any:
        if self.name.endswith(ending):
            _die()
        return whole(self, target)

    Path.replace = replace  # type: ignore[method-assign,assignment]
    return act(*args)


def with_files_up_to(size: int, act: Callable[..., str], *args: Any) -> str:
    """Act where no file can grow beyond some bytes: what a full disk and a quota do."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return act(*args)


def report(path: Path) -> str:
    """Write a page."""
    write_aside(path, "x" * 100_000)
    return "written"


def hold(path: Path, here: Connection) -> str:
    """Have the database open until told to stop."""
    with churnobs.connect(f"duckdb:{path}", threads=1):
        here.send("open")
        here.recv()
    return "closed"


def _answer(here: Connection, act: Callable[..., str], args: tuple[Any, ...]) -> None:
    try:
        here.send(("done", act(*args)))
    except churnobs.ChurnobsError as error:
        here.send((type(error).__name__, str(error)))
    except BaseException as error:  # noqa: BLE001  # whatever else it is, the parent has to see it
        here.send(("RAW", f"{type(error).__name__}: {error}"))


def _context() -> Any:
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hostile_child"])
    return context


def child(act: Callable[..., str], *args: Any) -> tuple[str, str]:
    """Do something in another process: ("done", what came of it), (the class of an error, its words), ("killed", "")."""
    context = _context()
    here, there = context.Pipe()
    process = context.Process(target=_answer, args=(there, act, args))
    process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        answer = ("killed", "")
    process.join()
    here.close()
    if answer[0] == "killed":
        assert process.exitcode == -signal.SIGKILL
    return answer


@contextmanager
def held(path: Path) -> Iterator[int]:
    """While another process has the database open; gives its number."""
    context = _context()
    here, there = context.Pipe()
    process = context.Process(target=hold, args=(path, there))
    process.start()
    assert here.recv() == "open"
    try:
        yield process.pid
    finally:
        here.send("stop")
        process.join()
        here.close()
        there.close()
