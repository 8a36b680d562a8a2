"""What tables held before: a version for each change of them.

What only adds rows leaves the former ones where they are, and costs a number. Any other change keeps a copy of the rows
before it, while a table is not too long and the copies not too large; beyond, that past is lost, and reading it says so.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.names import Name
from churnobs.testing.session import Session

LONGEST = 200_000
MOST_BYTES = 1 << 28
ROW = "_rowid"


@dataclass(slots=True)
class Version:
    """A table until one change of it."""

    sequence: int
    rows: pa.Table | None = None
    most: int | None = None
    ended: dt.datetime | None = None

    @property
    def is_lost(self) -> bool:
        """Whether nothing tells its rows any more."""
        return self.rows is None and self.most is None


class Past:
    """The former versions of an account's tables, by the names that DuckDB knows them under."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._versions: dict[Name, list[Version]] = {}
        self._began: dict[Name, tuple[dt.datetime, int]] = {}
        self._copies: deque[Version] = deque()
        self._bytes = 0
        self.retention: dict[Name, int] = {}

    def begin(self, held: Name, at: dt.datetime, sequence: int) -> None:
        """A table was made: it has no past."""
        with self._lock:
            self._versions.pop(held, None)
            self.retention.pop(held, None)
            self._began[held] = (at, sequence)

    def move(self, old: Name, new: Name) -> None:
        """A table has another name."""
        with self._lock:
            for kept in (self._versions, self._began, self.retention):
                found: Any = kept.pop(old, None)
                if found is not None:
                    kept[new] = found

    def forget(self, is_gone: Callable[[Name], bool]) -> None:
        """Tables were dropped, and their past with them."""
        with self._lock:
            for held in [name for name in {*self._versions, *self._began} if is_gone(name)]:
                for version in self._versions.pop(held, []):
                    self._bytes -= version.rows.nbytes if version.rows is not None else 0
                    version.rows = None
                self._began.pop(held, None)
                self.retention.pop(held, None)

    def add(self, held: Name, version: Version, now: Callable[[], dt.datetime]) -> None:
        """A change was committed; the oldest copies go when there are too many."""
        with self._lock:
            version.ended = now()
            self._versions.setdefault(held, []).append(version)
            if version.rows is not None:
                self._copies.append(version)
                self._bytes += version.rows.nbytes
            while self._bytes > MOST_BYTES:
                gone = self._copies.popleft()
                self._bytes -= gone.rows.nbytes if gone.rows is not None else 0
                gone.rows = None

    def at(self, held: Name, is_later: Callable[[Version], bool], current: Callable[[], pa.Table]) -> pa.Table | None:
        """The rows before the first change for which the test holds; None where they are lost."""
        with self._lock:
            versions = self._versions.get(held, [])
            first = next((at for at, version in enumerate(versions) if is_later(version)), len(versions))
            most: int | None = None
            for version in versions[first:]:
                if version.is_lost:
                    return None
                if version.rows is not None:
                    return _up_to(version.rows, most)
                most = version.most if most is None else min(most, version.most or -1, most)
            return _up_to(current(), most)

    def began(self, held: Name, default: dt.datetime) -> tuple[dt.datetime, int]:
        """When a table was made, and by which statement."""
        return self._began.get(held, (default, -1))


def _up_to(rows: pa.Table, most: int | None) -> pa.Table:
    return rows if most is None else rows.filter(pc.less_equal(rows.column(ROW), most))


def note(session: Session, table: Name, *, only_adds: bool = False) -> None:
    """Keep what a table holds, before a change of it that counts once it is committed."""
    held = session.physical(table)
    version = Version(session.sequence)
    ((count, most),) = session.engine.run(f"SELECT count(*), coalesce(max(rowid), -1) FROM {held.sql}")
    if only_adds:
        version.most = most
    elif count <= LONGEST:
        version.rows = session.engine.duck.sql(f"SELECT rowid AS {ROW}, * FROM {held.sql}").to_arrow_table()
    account = session.account
    session.when_committed(partial(account.past.add, held, version, account.clock.now))


def rows_at(session: Session, table: Name, word: str, kind: str, value: Any) -> pa.Table:
    """The rows of a table, with their places, AT or BEFORE a moment, an offset in seconds from now, or a statement.

    Raises:
        SqlError: that past is not kept, or never was.
    """
    from churnobs.testing.streams import committed
    from churnobs.testing.tables import has_table

    account, held = session.account, session.physical(table)
    began, first = account.past.began(held, account.started)
    not_there = SqlError(
        f"Time travel data is not available for table {table.name}. The requested time is either beyond the allowed "
        "time travel period or before the object creation time.", 707, "02000",
    )  # fmt: skip
    if not has_table(session, table):
        raise not_supported("time travel of anything but a table", "read the tables of the view")
    is_at = word == "AT"
    if kind == "STATEMENT":
        sequence = account.sequences.get(str(value))
        if sequence is None:
            raise SqlError(f"Statement {value} not found", 709, "02000")
        if sequence < first or (not is_at and sequence == first):
            raise not_there
        found = account.past.at(
            held, lambda v: v.sequence > sequence or (not is_at and v.sequence == sequence), partial(committed, session, table)
        )  # fmt: skip
    else:
        now = account.clock.now()
        moment = now + dt.timedelta(seconds=float(value)) if kind == "OFFSET" else zoned(value)
        kept_since = now - dt.timedelta(days=account.past.retention.get(held, 1))
        if moment < max(kept_since, began):
            raise not_there
        found = account.past.at(
            held,
            lambda v: v.ended is not None and (v.ended > moment or (not is_at and v.ended == moment)),
            partial(committed, session, table),
        )
    if found is None:
        raise not_supported(
            f"time travel of {table.name} to that moment: tables of more than {LONGEST} rows are not kept",
            "keep a clone before the change",
        )
    return found


def zoned(moment: Any) -> dt.datetime:
    """A moment in UTC; a date is its first moment, a text is read."""
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    made: dt.datetime = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return made
