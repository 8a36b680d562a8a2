"""The account: its state, its configuration, the server in front of it, and the sessions that clients open."""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import importlib
import itertools
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnobs.testing.catalog import Catalog, Warehouse
from churnobs.testing.clock import Clock
from churnobs.testing.engine import Engine
from churnobs.testing.failures import SqlError
from churnobs.testing.keeping import Keeper
from churnobs.testing.metrics import Measures
from churnobs.testing.names import Name, fold, quote
from churnobs.testing.past import Past
from churnobs.testing.results import Result, now
from churnobs.testing.roles import Rights
from churnobs.testing.session import Session, Shared, Statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session as SnowparkSession

HANDLERS = (
    "environment", "transactions", "grants", "warehouses", "refusals", "listings", "tables", "table_alters", "show", "streams",
    "views",
    "functions", "arithmetic", "typed", "moments", "arrays", "scalars", "stages", "copy_into", "infer", "several", "alerts",
    "notifications",
    "cortex", "tags", "routines", "aggregates", "routine_commands", "table_functions", "models", "model_calls", "datasets",
    "lineage", "monitors", "monitor_functions", "tasks", "task_runs", "task_history", "dynamic_tables", "dynamic_history",
    "experiments", "role_commands", "undrop", "create_or_alter", "scoped_files",
)  # fmt: skip
USER, ROLE = "OFFLINE", "ACCOUNTADMIN"
KEPT_RESULTS = 2000
KEPT_BYTES = 1 << 30
KEPT_SEQUENCES = 100_000


@dataclass(frozen=True, slots=True)
class Config:
    """What can be set on an offline account.

    Attributes:
        warehouse: the warehouse that exists from the start.
        external_stages: URL prefixes of external stages and the local folders that stand for them.
        trace: a callable that hears of each statement, True to keep them all in ``account.statements``, or None.
        complete: answers COMPLETE and AI_COMPLETE: ``complete(model, prompt, schema)`` returns a text, or a value for a schema.
        sentiment: scores a text in [-1, 1] in place of VADER.
        stale_monitors: let monitors answer from their last refresh, as real ones do, until ``account.refresh_monitors()``.
        denied: privileges that the role does not have, such as "CREATE MODEL": statements that begin so are refused.
        network_timeout: seconds after which a client gives up on the server.
        makes_named: make the database, schema and warehouse that a connection names; without, a session that names what is
            not there has none, as in Snowflake.
        keep: a folder to keep the account in when it closes, and to take it from when it opens again; one account at a time.
    """

    warehouse: str = "COMPUTE_WH"
    external_stages: Mapping[str, str | Path] = field(default_factory=dict)
    trace: Callable[[Statement], None] | bool | None = None
    complete: Callable[[str, str, Mapping[str, Any] | None], Any] | None = None
    sentiment: Callable[[str], float] | None = None
    stale_monitors: bool = False
    denied: Collection[str] = ()
    network_timeout: int = 120
    makes_named: bool = True
    keep: str | Path | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification that would have been sent."""

    channel: str
    integration: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    kind: str = "text/plain"
    sent_at: dt.datetime | None = field(default=None, compare=False, repr=False)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child shares the folder, and does not own it
        shutil.rmtree(folder, ignore_errors=True)


def load_handlers() -> None:
    """Import the modules that register commands and functions."""
    for name in HANDLERS:
        importlib.import_module(f"churnobs.testing.{name}")


class Account:
    """A Snowflake account that lives in this process until it is closed."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self.folder = Path(tempfile.mkdtemp(prefix="churnobs_offline_")).resolve()
        self._swept = weakref.finalize(self, _remove, self.folder, os.getpid())  # where close() was forgotten
        self.password = secrets.token_urlsafe(24)
        self.secret = secrets.token_bytes(32)
        self.external = {url.rstrip("/"): Path(p).resolve() for url, p in self.config.external_stages.items()}
        self._keeper = Keeper(Path(self.config.keep)) if self.config.keep is not None else None
        files = self._keeper.bring(self.folder) if self._keeper is not None else None
        self.engine = Engine([self.folder, *self.external.values()], files)
        self.clock = Clock(self)
        self.catalog = Catalog(self.clock.now)
        self.catalog.warehouses[fold(self.config.warehouse)] = Warehouse(fold(self.config.warehouse))
        self.started = now()
        self.statements: list[Statement] = []
        self.notifications: list[Notification] = []
        self.sources: dict[Name, set[Name]] = {}
        self.edges: list[Any] = []
        self.running: list[Any] = []
        self.graphs: list[Any] = []
        self.refreshes: list[Any] = []
        self.past = Past()
        self.dropped: list[Any] = []
        self.rights = Rights()
        self.sequences: OrderedDict[str, int] = OrderedDict()
        self.measures = Measures()
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._result_bytes = 0
        self.failures: OrderedDict[str, SqlError] = OrderedDict()
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self.sessions: dict[str, Session] = {}
        self.url = ""
        load_handlers()
        if self._keeper is not None:
            self._keeper.restore(self)

    def start_numbers(self, first: int) -> None:
        """Give out numbers from there on."""
        self._numbers = itertools.count(first)

    def next_number(self) -> int:
        """A number that nothing else in the account has."""
        return next(self._numbers)

    def note(self, statement: Statement) -> None:
        """Add a statement to the trace."""
        trace = self.config.trace
        if trace is True:
            self.statements.append(statement)
        elif callable(trace):
            trace(statement)

    def keep_result(self, query_id: str, result: Result, sequence: int = 0) -> None:
        """Keep a result for RESULT_SCAN, and the place of its statement; the oldest go when there are too many."""
        with self._lock:
            self.sequences[query_id] = sequence
            while len(self.sequences) > KEPT_SEQUENCES:
                self.sequences.popitem(last=False)
            self._results[query_id] = result
            self._result_bytes += result.table.nbytes if result.table is not None else 0
            while len(self._results) > KEPT_RESULTS or (self._result_bytes > KEPT_BYTES and len(self._results) > 1):
                _, gone = self._results.popitem(last=False)
                self._result_bytes -= gone.table.nbytes if gone.table is not None else 0

    def keep_failure(self, query_id: str, error: SqlError) -> None:
        """Keep what went wrong in a query that nobody waits for."""
        with self._lock:
            self.failures[query_id] = error
            while len(self.failures) > KEPT_RESULTS:
                self.failures.popitem(last=False)

    def result(self, query_id: str) -> Result | None:
        """The kept result of a query."""
        return self._results.get(query_id)

    def set_tag(self, domain: str, name: Name | str, tag: Name, value: str | None) -> None:
        """Tag an object, or take the tag off; the tag must exist and allow the value."""
        found = self.catalog.tags.need(tag)
        if value is not None and found.allowed and value not in found.allowed:
            raise SqlError(f"Tag value '{value}' is not allowed for tag '{tag}'.", 394211, "22023")
        held = self.catalog.tagged.setdefault((domain, str(name)), {})
        if value is None:
            held.pop(tag, None)
        else:
            held[tag] = value

    def open_session(
        self, user: str, password: str, options: Mapping[str, Any], parent: str | None = None
    ) -> tuple[str, Session]:
        """Log in; what the connection names is created if it is not there."""
        if not secrets.compare_digest(password.encode(), self.password.encode()):
            raise SqlError("Incorrect username or password was specified.", 390100, "08001")
        if parent is not None:
            session = self.sessions[parent].child()
        else:
            with self._lock:
                database, schema, warehouse = (self._make_named if self.config.makes_named else self._named)(options)
            engine = self.engine.connect(None, None)
            if database:
                engine.use(database, schema)
            role = options.get("role") or ROLE
            session = Session(self, Shared(engine), user=user.upper(), role=role, warehouse=warehouse)
        token = secrets.token_urlsafe(32)
        self.sessions[token] = session
        return token, session

    def _make_named(self, options: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
        """The database, schema and warehouse of a connection, made where they are not there."""
        database, warehouse = options.get("database"), options.get("warehouse")
        schema = options.get("schema") or "PUBLIC"
        if database and database not in self.engine.databases():
            self.engine.create_database(database)
        if database and schema not in (*self.engine.schemas(database), "INFORMATION_SCHEMA"):
            self.engine.root.cursor().execute(f"CREATE SCHEMA {quote(database)}.{quote(schema)}")
        if warehouse:
            self.catalog.warehouses.setdefault(warehouse, Warehouse(warehouse))
        return database, schema, warehouse or next(iter(self.catalog.warehouses), None)

    def _named(self, options: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
        """Those that are there; a user of Snowflake has no warehouse unless the connection names one."""
        database, schema, warehouse = (options.get(kind) for kind in ("database", "schema", "warehouse"))
        if database not in self.engine.databases():
            database = None
        known = (*self.engine.schemas(database), "INFORMATION_SCHEMA") if database else ()
        schema = (schema or "PUBLIC") if (schema or "PUBLIC") in known else None
        return database, schema, warehouse if warehouse in self.catalog.warehouses else None

    def close_session(self, token: str) -> None:
        """Log out."""
        session = self.sessions.pop(token, None)
        if session is not None:
            session.close()

    @contextlib.contextmanager
    def system_session(
        self, database: str | None, schema: str | None, *, warehouse: str | None = None, role: str = ROLE
    ) -> Iterator[Session]:
        """A session of the account's own, for what runs on a schedule, with a role's rights; it is closed at the end."""
        options = {"database": database, "schema": schema, "role": role}
        token, session = self.open_session("SYSTEM", self.password, {k: v for k, v in options.items() if v})
        # without a warehouse of its own it runs serverless; one that was dropped is missing
        there = not warehouse or warehouse in self.catalog.warehouses
        session.warehouse = (warehouse or "SERVERLESS") if there else None
        try:
            yield session
        finally:
            self.close_session(token)

    def drop_temporary(self, session: Session) -> None:
        """Drop what the session made as temporary."""
        for shelf in self.catalog.shelves():
            mine = {
                thing.name
                for thing in shelf
                if getattr(thing, "temporary", False) and thing.owner_session == session.shared
            }
            for thing in shelf.remove_where(lambda name, mine=mine: name in mine):  # type: ignore[misc]
                if folder := getattr(thing, "folder", None):
                    shutil.rmtree(folder, ignore_errors=True)

    def forget(self, database: str, schema: str | None) -> None:
        """Forget the objects of a dropped database or schema."""
        self.catalog.forget(database, schema)

        def is_in(name: Name) -> bool:
            return name.database == database and schema in (None, name.schema)

        self.dropped = [one for one in self.dropped if not is_in(one.name)]
        self.past.forget(is_in)

    def close(self) -> None:
        """Close everything; nothing is left on disk but in the folder that the account is kept in."""
        for token in list(self.sessions):
            with contextlib.suppress(Exception):
                self.close_session(token)
        self.measures.close()
        try:
            if self._keeper is not None:
                self._keeper.save(self)
        finally:
            self.engine.close()
            if self._keeper is not None:
                self._keeper.release()
            self._swept()


class OfflineAccount:
    """A served account: what ``serve()`` yields."""

    def __init__(self, config: Config) -> None:
        from churnobs.testing.http import Server

        self.account = Account(config)
        self._server = Server(self.account)
        self._open: list[SnowparkSession] = []
        self._closed, self._process = False, os.getpid()
        # while threads still run: a generator that is forgotten is closed when they do not
        atexit.register(self.close)

    @property
    def statements(self) -> list[Statement]:
        """The statements so far, when the account was made with ``trace=True``."""
        return self.account.statements

    @property
    def notifications(self) -> list[Notification]:
        """The notifications that would have been sent."""
        return self.account.notifications

    @property
    def clock(self) -> Clock:
        """The account's clock: ``clock.set(moment)``, then ``clock.advance(hours=1)`` runs what is due."""
        return self.account.clock

    def connection(
        self, *, database: str | None = "OFFLINE", schema: str | None = "PUBLIC", warehouse: str | None = None
    ) -> dict[str, Any]:
        """Parameters for any client; the database, schema and warehouse named here exist once it has connected."""
        given = {"database": database, "schema": schema, "warehouse": warehouse or self.account.config.warehouse}
        return {
            "account": "offline", "user": USER, "password": self.account.password, "role": ROLE, "protocol": "http",
            "host": "127.0.0.1", "port": self._server.port, "network_timeout": self.account.config.network_timeout,
            "login_timeout": 30,
            "session_parameters": {"CLIENT_TELEMETRY_ENABLED": False}, "client_session_keep_alive": False,
            **{key: value for key, value in given.items() if value is not None},
        }  # fmt: skip

    def session(
        self, *, database: str = "OFFLINE", schema: str = "PUBLIC", warehouse: str | None = None
    ) -> SnowparkSession:
        """Open a Snowpark session; it is closed with the account."""
        from snowflake.snowpark import Session as Snowpark

        made: SnowparkSession = Snowpark.builder.configs(
            self.connection(database=database, schema=schema, warehouse=warehouse)
        ).create()
        self._open.append(made)
        return made

    def refresh_monitors(self) -> None:
        """Let every running model monitor look at its source again."""
        from churnobs.testing.monitors import refresh_all

        refresh_all(self.account)

    def close(self) -> None:
        """Close the sessions, then the server, then the account; once is enough."""
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        atexit.unregister(self.close)
        for session in {*self._open, *self._found()}:
            with contextlib.suppress(Exception):
                session.close()
        self._server.close()
        self.account.close()

    def _found(self) -> list[SnowparkSession]:
        """The sessions that the program opened itself, which getOrCreate() would go on handing out."""
        from snowflake.snowpark import session as snowpark

        return [s for s in list(snowpark._active_sessions) if getattr(s.connection, "port", None) == self._server.port]


@contextlib.contextmanager
def serve(**config: Any) -> Iterator[OfflineAccount]:
    """Serve an offline account on loopback; ``Config`` says what can be set."""
    made = OfflineAccount(Config(**config))
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def offline_account(*, database: str = "OFFLINE", schema: str = "PUBLIC", **config: Any) -> Iterator[SnowparkSession]:
    """Open a Snowpark session of an offline account of its own; ``Config`` says what else can be set."""
    with serve(**config) as account:
        yield account.session(database=database, schema=schema)
