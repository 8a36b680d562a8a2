"""One DuckDB database: the connection, its tables, transactions, and the wall where DuckDB's errors stop."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from churnobs.backends.duckdb.ddl import create_table_sql, literal, quoted, table_sql
from churnobs.backends.duckdb.inserting import insert
from churnobs.backends.duckdb.opening import BETWEEN, PATIENCE, is_little, open_file, remove, settings_of, translate
from churnobs.backends.duckdb.schema import OWN_TABLES, SCHEMA_VERSION, TABLES
from churnobs.errors import BackendFailed, BadConfig
from churnobs.expressions.render import Rendered, Text, to_sql, with_named
from churnobs.ports import EnginePort

if TYPE_CHECKING:
    from churnobs.expressions.render import Dialect
    from churnobs.ports import Readable

_AT_REST: Final = "32MB"
_BARE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


class Database(EnginePort):
    """A DuckDB file, or memory when there is no path.

    Raises:
        DatabaseBusy: another process writes the file.
        BadConfig: the file is no churnobs database, or one of a newer churnobs.
    """

    own_tables = OWN_TABLES

    def __init__(
        self,
        path: Path | None,
        *,
        read_only: bool = False,
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._depth = 0
        self._sent = 0
        # tables that were seen; asking the catalog costs more than most statements
        self._seen: set[str] = set()
        settings = settings_of(threads, memory_limit)
        self._limit = settings["memory_limit"] if is_little(memory_limit) else None
        self.connection = open_file(path, read_only=read_only, settings=settings)
        self.connection.execute("SET TimeZone = 'UTC'")
        try:
            self._check_tables(read_only=read_only)
        except BaseException:
            self.connection.close()
            raise

    @property
    def dialect(self) -> Dialect:
        """DuckDB's SQL."""
        return "duckdb"

    @property
    def threads(self) -> int:
        """How many threads DuckDB works with."""
        return int(self.value("SELECT current_setting('threads')"))

    @property
    def parts(self) -> int:
        """A few where memory is short."""
        return 1 if self._limit is None else 4

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Where memory is short, let go of all that is only kept to be read again."""
        if self._limit is None:
            yield
            return
        # what is in use cannot be let go of, and DuckDB says so after it has let go of the rest
        with suppress(duckdb.Error):
            self.connection.execute(f"SET memory_limit = '{_AT_REST}'")
        try:
            yield
        finally:
            self.connection.execute(f"SET memory_limit = '{self._limit}'")

    def text(self, query: Readable) -> str:
        """The SQL of a query."""
        if isinstance(query, str):
            return f"SELECT * FROM {quoted(query)}" if _BARE_NAME.fullmatch(query) else self._alone(query)
        return query.sql("duckdb") if isinstance(query, Rendered) else to_sql(query, "duckdb")

    def read(self, query: Readable, named: Mapping[str, Readable | pa.Table] | None = None) -> pa.Table:
        """Run a query and fetch its rows."""
        with ExitStack() as open_names:
            texts = {}
            for name, data in (named or {}).items():
                texts[name] = open_names.enter_context(self._readable(data, f"CHURNOBS_{name}"))
            sql = self.text(query)
            return self.fetch(with_named(sql, texts) if texts else sql)

    def fetch(self, sql: str, values: list[object] | None = None) -> pa.Table:
        """Run one query and fetch its rows; DuckDB's errors become churnobs'."""
        self._sent += 1
        try:
            return self.connection.sql(sql, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise translate(error) from error

    def batches(self, query: Readable, rows: int) -> Iterator[pa.Table]:
        """A query's rows in their order, so many at a time; nothing else may run before the last came. At least one."""
        self._sent += 1
        try:
            reader = self.connection.sql(self.text(query)).to_arrow_reader(rows)
            empty = True
            for batch in reader:
                empty = False
                yield pa.Table.from_batches([batch])
            if empty:
                yield pa.Table.from_batches([], reader.schema)
        except duckdb.Error as error:
            raise translate(error) from error

    def execute(self, sql: str, values: list[object] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement to its end; DuckDB's errors become churnobs'."""
        self._sent += 1
        try:
            rows: list[tuple[Any, ...]] = self.connection.execute(sql, values).fetchall()
        except duckdb.Error as error:
            raise translate(error) from error
        return rows

    def value(self, sql: str, values: list[object] | None = None) -> Any:
        """The first value of the first row, or None where there is no row."""
        rows = self.execute(sql, values)
        return rows[0][0] if rows else None

    def insert(self, name: str, sql: str, values: list[object] | None = None) -> int:
        """Run an INSERT of a query's rows into a table, inside a transaction; gives how many."""
        self._sent += 1
        try:
            return insert(self.connection, name, sql, values)
        except duckdb.Error as error:
            raise translate(error) from error

    def write(self, name: str, data: Readable | pa.Table, *, replace: bool = False) -> int:
        """Append rows to a table, or replace what it holds; a new table takes the columns of the data."""
        target = quoted(name)
        with self._readable(data) as source, self.transaction():
            if not self._exists(name):
                self.execute(f"CREATE TABLE {target} AS {source}")
                return int(self.value(f"SELECT count(*) FROM {target}"))
            if not replace:
                return self.insert(name, f"INSERT INTO {target} BY NAME {source}")
            # the rows may be made of the very table they replace
            self.execute(f"CREATE OR REPLACE TEMP TABLE CHURNOBS_REPLACEMENT AS {source}")
            self.execute(f"DELETE FROM {target}")
            inserted = self.insert(name, f"INSERT INTO {target} BY NAME SELECT * FROM CHURNOBS_REPLACEMENT")
            self.execute("DROP TABLE CHURNOBS_REPLACEMENT")
            return inserted

    def make(self, name: str, query: Readable) -> None:
        """Make a table with the columns of a query and no rows, unless it is there."""
        if not self._exists(name):
            described = self.execute(f"DESCRIBE SELECT * FROM ({self.text(query)}) AS q")
            self.execute(table_sql(name, {row[0]: row[1] for row in described}, packed=self._may_pack()))

    def view(self, name: str, query: Readable) -> None:
        """Create a view, or replace it."""
        self.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {self.text(query)}")

    def drop(self, name: str) -> None:
        """Drop a table or view if it is there."""
        self._seen.discard(name)
        kind = self.value(
            "SELECT table_type FROM information_schema.tables WHERE table_schema = 'main' AND table_name = ?", [name]
        )
        if kind:
            self.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {quoted(name)}")

    def columns(self, source: Readable) -> Mapping[str, str]:
        """Names and Ibis types of a query's result."""
        if isinstance(source, Text) and source.types:
            return dict(zip(source.columns, source.types, strict=True))
        from ibis.backends.sql.datatypes import DuckDBType

        described = self.execute(f"DESCRIBE SELECT * FROM ({self.text(source)}) AS q")
        return {row[0]: str(DuckDBType.from_string(row[1])) for row in described}

    @contextmanager
    def held(self, name: str, query: Readable) -> Iterator[str]:  # noqa: ARG002  # a view is run anew by each reader
        """Hold a query's rows in a temporary table."""
        table = f"CHURNOBS_HELD_{self._sent}"
        self.execute(f"CREATE TEMP TABLE {table} AS {self.text(query)}")
        try:
            yield table
        finally:
            with suppress(duckdb.Error):  # a transaction that was aborted has taken it along
                self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another joins it."""
        outermost = self._depth == 0
        if outermost:
            self.execute("BEGIN")
        self._depth += 1
        try:
            yield
            if outermost:
                self.execute("COMMIT")
        except BaseException:
            if outermost:
                self._seen.clear()
                # after a commit that failed there may be nothing to roll back; what is told is the first error
                with suppress(duckdb.Error):
                    self.connection.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1

    def rewrite(self) -> None:
        """Write the file anew, with nothing but what is in its tables; nothing to do for a database in memory.

        The copy is renamed into place: who dies on the way leaves the file as it was.
        """
        if self.path is None:
            return
        aside = self.path.with_name(f"{self.path.name}.rewriting")
        remove(aside)
        name = quoted(str(self.value("SELECT current_database()")))
        try:
            self.execute(f"ATTACH {literal(str(aside))} AS REWRITTEN")
            try:
                self.execute(f"COPY FROM DATABASE {name} TO REWRITTEN")
            finally:
                self.execute("DETACH REWRITTEN")
        except BaseException:
            remove(aside)
            raise
        # a connection stays what it is while its file is exchanged
        self.execute("ATTACH ':memory:' AS MEANWHILE")
        self.execute("USE MEANWHILE")
        self.execute(f"DETACH {name}")
        try:
            aside.replace(self.path)
        finally:
            self._attach_again(name)
            self.execute(f"USE {name}")
            self.execute("DETACH MEANWHILE")

    def _attach_again(self, name: str) -> None:
        """Somebody who wanted to read may have found the file free: readers hold it for moments."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                self.execute(f"ATTACH {literal(str(self.path))} AS {name}")
            except BackendFailed:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(BETWEEN)
            else:
                return

    @property
    def sent(self) -> int:
        """How many statements were sent so far."""
        return self._sent

    def close(self) -> None:
        """Close the connection; the file is whole."""
        self.connection.close()

    @contextmanager
    def _readable(self, data: Readable | pa.Table, named: str = "CHURNOBS_ARROW") -> Iterator[str]:
        if not isinstance(data, pa.Table):
            yield self.text(data)
            return
        try:
            self.connection.register(named, data)
        except duckdb.Error as error:
            raise translate(error) from error
        try:
            yield f"SELECT * FROM {quoted(named)}"
        finally:
            # in an aborted transaction this fails too, and the rollback forgets the rows anyway
            with suppress(duckdb.Error):
                self.connection.unregister(named)

    def _alone(self, sql: str) -> str:
        """Text that is one statement by itself: another one behind it would run too, and what closes a bracket too many
        would leave the query it is put into.
        """
        try:
            found = self.connection.extract_statements(sql)
        except duckdb.Error as error:
            raise translate(error) from error
        if len(found) != 1 or found[0].type == duckdb.StatementType.TRANSACTION:
            raise BadConfig(f"{sql.strip() or 'nothing'} is not one query", hint="give one SELECT statement")
        return sql

    def _exists(self, name: str) -> bool:
        if name in self._seen:
            return True
        found = self.value(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'main' AND table_name = ?", [name]
        )
        if found:
            self._seen.add(name)
        return bool(found)

    def _may_pack(self) -> bool:
        """Whether the file may hold zstd: an empty one that was made for the oldest readers may not."""
        oldest = "tags['storage_version'] = 'v1.0.0+'"
        return not self.value(f"SELECT {oldest} FROM duckdb_databases() WHERE database_name = current_database()")

    def _check_tables(self, *, read_only: bool) -> None:
        if self._exists("CHURNOBS_SCHEMA"):
            version = self.value("SELECT VERSION FROM CHURNOBS_SCHEMA")
            if version != SCHEMA_VERSION:
                raise BadConfig(
                    f"{self.path} holds tables of schema version {version}, this churnobs reads {SCHEMA_VERSION}",
                    hint="open it with the churnobs that wrote it, or rebuild it from the files",
                )
            # what this version of the schema has is there
            self._seen.update(TABLES)
            return
        if read_only or self.value("SELECT count(*) FROM information_schema.tables"):
            raise BadConfig(
                f"{self.path} is no churnobs database", hint="give a file that churnobs wrote, or a new one"
            )
        with self.transaction():
            packed = self._may_pack()
            for name, columns in TABLES.items():
                self.execute(create_table_sql(name, columns, packed=packed))
            self.execute("CREATE TABLE CHURNOBS_SCHEMA (VERSION INTEGER)")
            self.execute("INSERT INTO CHURNOBS_SCHEMA VALUES (?)", [SCHEMA_VERSION])
        self._seen.update(TABLES)
