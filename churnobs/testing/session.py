"""One session of the account: current names, temporary objects, results, transaction."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name

if TYPE_CHECKING:
    from churnobs.testing.account import Account
    from churnobs.testing.engine import EngineSession
    from churnobs.testing.results import Result


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a trace: its text, who answered it, how long that took, and the error if it failed.

    ``parameters`` were sent with this statement alone: a QUERY_TAG, for example.
    """

    text: str
    answered_by: str
    seconds: float
    error: str | None = None
    session: str = ""
    columns: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Shared:
    """What a session shares with the sessions of the procedures it calls."""

    def __init__(self, engine: EngineSession) -> None:
        self.engine = engine
        self.temporary: dict[Name, str] = {}
        self.own: set[tuple[str, str]] = (
            set()
        )  # kind and name of the temporary objects of every kind: no role needs a right to them
        self.at_commit: list[Callable[[], None]] = []
        self.parameters: dict[str, Any] = {}
        self.transaction_id = ""
        self.stream_reads: dict[Name, Any] = {}
        self.task: Any = None


class Session:
    """A logged-in session."""

    def __init__(self, account: Account, shared: Shared, *, user: str, role: str, warehouse: str | None) -> None:
        self.account = account
        self.shared = shared
        self.id = str(uuid.uuid4().int % 10**15)
        self.lock = threading.Lock()
        self.user, self.role, self.warehouse = user, role, warehouse
        self.queries: deque[str] = deque(maxlen=1000)
        self.nested = False
        self.depth = 0
        self.passed: Mapping[int | str, str] | None = None  # the variables in the CALL that a block is about to run
        self.sequence = 0
        self.relations: dict[Name, Result] = {}  # rows that stand for a table's while an alert looks at what is new

    @property
    def engine(self) -> EngineSession:
        """The DuckDB connection of the session."""
        return self.shared.engine

    def child(self) -> Session:
        """The session of a procedure called in this one: the same connection and temporary objects."""
        made = Session(self.account, self.shared, user=self.user, role=self.role, warehouse=self.warehouse)
        made.nested, made.depth = True, self.depth + 1
        return made

    def resolve(self, parts: tuple[str, ...]) -> Name:
        """Complete a name with the current database and schema."""
        if len(parts) == 3:
            return Name(*parts)
        database, schema = self.engine.database, self.engine.schema
        if database is None:
            raise SqlError(
                "Cannot perform this statement. This session does not have a current database. Call 'USE DATABASE', or use a "
                "qualified name.", 90105, "22000",
            )  # fmt: skip
        if len(parts) == 2:
            return Name(database, *parts)
        if len(parts) != 1:
            raise SqlError(f"SQL compilation error:\ninvalid identifier '{'.'.join(parts)}'", 904, "42000")
        if schema is None:
            raise SqlError(
                "Cannot perform this statement. This session does not have a current schema. Call 'USE SCHEMA', or use a "
                "qualified name.", 90106, "22000",
            )  # fmt: skip
        return Name(database, schema, parts[0])

    def physical(self, name: Name) -> Name:
        """The name under which DuckDB holds a table: temporary tables have one of their own."""
        held = self.shared.temporary.get(name)
        return name if held is None else Name(name.database, name.schema, held)

    def remember(self, query_id: str, result: Result, sequence: int) -> None:
        """Keep a result for RESULT_SCAN and LAST_QUERY_ID, with the place of its statement among all."""
        self.account.keep_result(query_id, result, sequence)
        self.queries.append(query_id)

    def when_committed(self, action: Callable[[], None]) -> None:
        """Do something once the open transaction is committed; at once when there is none."""
        if self.engine.in_transaction:
            self.shared.at_commit.append(action)
        else:
            action()

    def commit(self) -> None:
        """Commit the open transaction and what waited for it."""
        self.shared.stream_reads = {}
        self.engine.end(commit=True)
        actions, self.shared.at_commit = self.shared.at_commit, []
        for action in actions:
            action()

    def rollback(self) -> None:
        """Undo the open transaction and forget what waited for it."""
        self.shared.at_commit = []
        self.shared.stream_reads = {}
        self.engine.end(commit=False)

    def close(self) -> None:
        """End the session: undo what is open, drop what is temporary."""
        if self.nested:
            return
        self.rollback()
        for name, held in list(self.shared.temporary.items()):
            self.engine.run(f"DROP TABLE IF EXISTS {Name(name.database, name.schema, held).sql}")
        self.shared.temporary.clear()
        self.shared.own.clear()
        self.account.drop_temporary(self)
        self.engine.close()

    def timed(self, text: str, run: Callable[[], Result], parameters: Mapping[str, Any] | None = None) -> Result:
        """Run a statement and add it to the account's trace."""
        started, given = time.perf_counter(), parameters or {}
        try:
            result = run()
        except SqlError as error:
            took = time.perf_counter() - started
            self.account.note(Statement(text, "error", took, error.message, self.id, (), given))
            raise
        names, took = tuple(c.name for c in result.columns), time.perf_counter() - started
        self.account.note(Statement(text, result.answered_by, took, None, self.id, names, given))
        return result
