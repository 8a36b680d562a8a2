"""An account that outlives its process: its databases, files and objects in a folder, written when it closes.

What a run does is kept as a whole or not at all: the account works on a copy, and the folder's ``account`` is exchanged for a
new one at the end. Left out is what belongs to one run: sessions, temporary objects, results, and the past of tables.
"""

from __future__ import annotations

import pickle
import shutil
import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churnobs.testing.catalog import Catalog, Shelf
from churnobs.testing.names import literal, quote

if TYPE_CHECKING:
    from churnobs.testing.account import Account

_FORM: Final = 2
_LIBRARIES: Final = ("churnobs", "duckdb", "fakesnow", "snowflake-ml-python")
_NOTED: Final = ("_fs_tables_ext", "_fs_columns_ext")
_KEPT: Final = ("sources", "edges", "graphs", "refreshes", "dropped", "rights")
_SHELVES: Final = ("stages", "formats", "tags", "views")
_LOCK: Final = type(threading.RLock())
_BESIDE: Final = ("warehouses", "tagged", "loads", "history", "declared", "transient", "comments")


class CannotKeep(RuntimeError):
    """The folder of a kept account cannot be used."""


class Keeper:
    """The folder that one account is kept in; it is locked while the account lives.

    Args:
        folder: made if it is not there; holds ``account`` once an account was closed.

    Raises:
        CannotKeep: another account is using it, it holds something else, or it was kept by other versions.
    """

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock, Timeout

        self.folder = folder.resolve()
        self.held, self._next, self._last = (self.folder / name for name in ("account", "account.next", "account.last"))
        if self.folder.exists() and not self.folder.is_dir():
            raise CannotKeep(f"{folder} is a file; give a folder to keep the account in")
        self.folder.mkdir(parents=True, exist_ok=True)
        known = {"account", "account.next", "account.last", ".lock"}
        if others := sorted(path.name for path in self.folder.iterdir() if path.name not in known):
            raise CannotKeep(f"{folder} holds other files ({others[0]}); give a folder of the account's own")
        self._lock = FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise CannotKeep(f"{folder} is in use by another run; wait for its end, or give another folder") from None
        if self._last.exists() and not self.held.exists():  # a run ended between two renames
            self._last.rename(self.held)

    def bring(self, folder: Path) -> Path:
        """Copy what was kept into the account's folder; returns where the files of its databases are.

        Raises:
            CannotKeep: other versions kept it.
        """
        if self.held.exists():
            made, now = (self.held / "versions.txt").read_text(encoding="utf-8"), _versions()
            if made != now:
                old = next(line for line in made.splitlines() if line not in now.splitlines())
                self.release()
                raise CannotKeep(f"{self.folder} was kept by other versions ({old}); keep this account in a new folder")
            shutil.copytree(self.held / "files", folder, dirs_exist_ok=True)
        (folder / "databases").mkdir(exist_ok=True)
        return folder / "databases"

    def restore(self, account: Account) -> None:
        """Put back the databases and objects that were kept, into an account that has none yet."""
        if not self.held.exists():
            return
        databases = account.folder / "databases"
        for file in sorted(databases.glob("*.duckdb")):
            account.engine.attach(file.stem)
        for table in _NOTED:
            file = databases / f"{table}.parquet"
            account.engine.root.execute(
                f"INSERT INTO _fs_global._fs_information_schema.{table} SELECT * FROM {literal(str(file))}"
            )
            file.unlink()
        with (self.held / "objects.pickle").open("rb") as stored:
            _put_back(account, _Reader(stored, account.folder).load())

    def save(self, account: Account) -> None:
        """Write the account, whose sessions are closed, beside what was kept, and then in its place; its engine is closed."""
        for left in (self._next, self._last):
            shutil.rmtree(left, ignore_errors=True)
        databases, root, names = account.folder / "databases", account.engine.root, account.engine.databases()
        for name in names:
            root.execute(f"CHECKPOINT {quote(name)}")
        for table in _NOTED:
            place = literal(str(databases / f"{table}.parquet"))
            root.execute(f"COPY _fs_global._fs_information_schema.{table} TO {place} (FORMAT parquet)")
        account.engine.close()
        for file in databases.iterdir():
            if file.suffix != ".parquet" and (file.suffix != ".duckdb" or file.stem not in names):
                file.unlink()  # of a database that was dropped
        self._next.mkdir()
        (self._next / "versions.txt").write_text(_versions(), encoding="utf-8")
        with (self._next / "objects.pickle").open("wb") as stored:
            _Writer(stored, account.folder).dump(_state(account))
        shutil.copytree(account.folder, self._next / "files", ignore=shutil.ignore_patterns("spilled"))
        if self.held.exists():
            self.held.rename(self._last)
        self._next.rename(self.held)
        shutil.rmtree(self._last, ignore_errors=True)

    def release(self) -> None:
        """Let another account use the folder."""
        self._lock.release()


def _versions() -> str:
    return "\n".join([f"form {_FORM}", *(f"{name} {version(name)}" for name in _LIBRARIES)]) + "\n"


class _Writer(pickle.Pickler):
    """Writes paths inside the account's folder as what they are there: the next run has another folder."""

    def __init__(self, file: Any, folder: Path) -> None:
        super().__init__(file, protocol=5)
        self._folder = str(folder)

    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        """The place of a path or a text that leads into the folder."""
        if isinstance(obj, Path | str) and (text := str(obj)).startswith(self._folder):
            return "str" if isinstance(obj, str) else "Path", text[len(self._folder) :]
        return None

    def reducer_override(self, obj: Any) -> Any:
        """A lock is a new one in the next run."""
        return (threading.RLock, ()) if isinstance(obj, _LOCK) else NotImplemented


class _Reader(pickle.Unpickler):
    """Reads what ``_Writer`` wrote, for another folder."""

    def __init__(self, file: Any, folder: Path) -> None:
        super().__init__(file)
        self._folder = str(folder)

    def persistent_load(self, pid: tuple[str, str]) -> Any:
        """The path or text in this account's folder."""
        kind, rest = pid
        return self._folder + rest if kind == "str" else Path(self._folder + rest)


def _state(account: Account) -> dict[str, Any]:
    catalog = account.catalog
    shelves: dict[str, Shelf[Any]] = {name: getattr(catalog, name) for name in _SHELVES}
    for code in (*catalog.shelf("Function"), *catalog.shelf("Procedure")):
        code.loaded, code.home, code.duck_name = None, "", ""  # they are of this process
    for model in catalog.shelf("Model"):
        for one in model.versions:
            one.runners.clear()
    return {
        "shelves": {name: _lasting(shelf) for name, shelf in shelves.items()},
        "extra": {name: _lasting(shelf) for name, shelf in catalog.extra.items()},
        "beside": {name: getattr(catalog, name) for name in _BESIDE},
        "account": {name: getattr(account, name) for name in _KEPT},
        "retention": account.past.retention,
        "number": account.next_number(),
        "moment": account.clock.now() if account.clock.is_set else None,
    }


def _lasting(shelf: Shelf[Any]) -> list[Any]:
    return [thing for thing in shelf if not getattr(thing, "temporary", False)]


def _put_back(account: Account, state: Mapping[str, Any]) -> None:
    catalog: Catalog = account.catalog
    for name, things in state["shelves"].items():
        getattr(catalog, name).put_back(things)
    for name, things in state["extra"].items():
        catalog.shelf(name).put_back(things)
    for name, value in state["beside"].items():
        setattr(catalog, name, value)
    for name, value in state["account"].items():
        setattr(account, name, value)
    account.past.retention = state["retention"]
    account.start_numbers(state["number"])
    if state["moment"] is not None:
        account.clock.resume(state["moment"])
        account.started = state["moment"]
