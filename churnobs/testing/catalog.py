"""What an account holds beside tables: objects in Python, guarded by one lock."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from churnobs.testing.failures import exists, missing
from churnobs.testing.names import Name
from churnobs.testing.results import now

OWNER = "ACCOUNTADMIN"


@dataclass(slots=True, kw_only=True)
class Object:
    """What every object has: a name, a comment, the moment of its creation."""

    name: Name
    comment: str = ""
    created_on: dt.datetime = field(default_factory=now)


T = TypeVar("T", bound=Object)


class Shelf(Generic[T]):
    """The objects of one kind, by name."""

    def __init__(self, kind: str, lock: threading.RLock, moment: Callable[[], dt.datetime] = now) -> None:
        self.kind = kind
        self._moment = moment
        self._lock = lock
        self._objects: dict[Name, T] = {}

    def get(self, name: Name) -> T | None:
        """The object of that name, if there is one."""
        return self._objects.get(name)

    def need(self, name: Name) -> T:
        """The object of that name, or the error that it is missing."""
        if (found := self._objects.get(name)) is None:
            raise missing(self.kind, name)
        return found

    def add(self, thing: T, *, replace: bool = False, if_not_exists: bool = False) -> bool:
        """Put an object on the shelf; says whether it was put there."""
        with self._lock:
            if thing.name in self._objects and not replace:
                if if_not_exists:
                    return False
                raise exists(self.kind, thing.name)
            thing.created_on = self._moment()
            self._objects[thing.name] = thing
            return True

    def put_back(self, things: Iterable[T]) -> None:
        """Put objects that were kept on the shelf again, as they were."""
        with self._lock:
            self._objects |= {thing.name: thing for thing in things}

    def drop(self, name: Name, *, if_exists: bool = False) -> T | None:
        """Take an object off the shelf."""
        with self._lock:
            found = self._objects.pop(name, None)
        if found is None and not if_exists:
            raise missing(self.kind, name)
        return found

    def rename(self, old: Name, new: Name) -> None:
        """Give an object another name."""
        with self._lock:
            thing = self.need(old)
            if new in self._objects:
                raise exists(self.kind, new)
            del self._objects[old]
            thing.name = new
            self._objects[new] = thing

    def __iter__(self) -> Iterator[T]:
        with self._lock:
            return iter(sorted(self._objects.values(), key=lambda thing: thing.name))

    def remove_where(self, test: Callable[[Name], bool]) -> list[T]:
        """Drop every object whose name passes the test."""
        with self._lock:
            return [self._objects.pop(name) for name in list(self._objects) if test(name)]


@dataclass(slots=True, kw_only=True)
class Stage(Object):
    """A stage: a folder of the account, or a folder of this machine for a mapped external one."""

    folder: str | None
    url: str = ""
    file_format: dict[str, Any] = field(default_factory=dict)
    directory: bool = False
    temporary: bool = False
    owner_session: Any = None


@dataclass(slots=True, kw_only=True)
class FileFormat(Object):
    """A named file format."""

    options: dict[str, Any]
    temporary: bool = False
    owner_session: Any = None


@dataclass(slots=True, kw_only=True)
class Tag(Object):
    """A tag and the values it may take."""

    allowed: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class View(Object):
    """A view: Snowflake's text of it, its query and its columns' comments."""

    text: str
    query: str
    columns: list[tuple[str, str]]
    inlined: bool = False
    temporary: bool = False
    owner_session: Any = None
    database: str | None = None
    schema: str | None = None


@dataclass(slots=True)
class Warehouse:
    """A warehouse; it has a name and a size and costs nothing."""

    name: str
    size: str = "X-Small"
    comment: str = ""
    created_on: dt.datetime = field(default_factory=now)


class Catalog:
    """The shelves of an account."""

    def __init__(self, moment: Callable[[], dt.datetime] = now) -> None:
        self.lock = threading.RLock()
        self._moment = moment
        self.stages: Shelf[Stage] = Shelf("Stage", self.lock, moment)
        self.formats: Shelf[FileFormat] = Shelf("File format", self.lock, moment)
        self.tags: Shelf[Tag] = Shelf("Tag", self.lock, moment)
        self.views: Shelf[View] = Shelf("View", self.lock, moment)
        self.warehouses: dict[str, Warehouse] = {}
        self.extra: dict[str, Shelf[Any]] = {}
        self.tagged: dict[tuple[str, str], dict[Name, str]] = {}
        self.loads: dict[Name, dict[str, tuple[str, float]]] = {}
        self.history: list[Any] = []
        self.declared: dict[Name, dict[str, int | str]] = {}
        self.transient: set[Name] = set()
        self.comments: dict[tuple[str, str], str] = {}

    def shelf(self, kind: str) -> Shelf[Any]:
        """The shelf of a kind that one module alone knows about."""
        with self.lock:
            return self.extra.setdefault(kind, Shelf(kind, self.lock, self._moment))

    def shelves(self) -> list[Shelf[Any]]:
        """All shelves."""
        return [self.stages, self.formats, self.tags, self.views, *self.extra.values()]

    def forget(self, database: str, schema: str | None = None) -> None:
        """Drop what a dropped database or schema held."""
        for shelf in self.shelves():
            shelf.remove_where(lambda name: name.database == database and schema in (None, name.schema))
        for table in [n for n in self.loads if n.database == database and schema in (None, n.schema)]:
            del self.loads[table]
