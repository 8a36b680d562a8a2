"""Tables and transactions over one Snowflake session.

Snowflake commits an open transaction at every DDL statement. So a transaction begins with the first row that is changed,
objects are made before that, what is to be made or dropped because of the rows waits until they are kept, and few rows
(journal, catalog, measurements) are gathered and sent at the end, one statement a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from churnobs.backends.snowflake.ddl import (
    ibis_of,
    quoted,
    snowflake_type,
    value_sql,
)
from churnobs.backends.snowflake.gathering import Gathering
from churnobs.backends.snowflake.native import clients
from churnobs.backends.snowflake.remembering import remembered, remembered_sql
from churnobs.backends.snowflake.schema import GATHERED, OWN_TABLES, TABLES
from churnobs.errors import BackendFailed, ChurnobsError, DatabaseBusy
from churnobs.expressions.render import Rendered, Text, to_sql, with_named
from churnobs.ports import EnginePort

if TYPE_CHECKING:
    from churnobs.backends.snowflake.link import Link
    from churnobs.expressions.render import Dialect
    from churnobs.ports import Readable

_BARE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_WHOLE_TABLE: Final = re.compile(r'SELECT \* FROM "?([A-Za-z_][A-Za-z0-9_$]*)"?')
# rows that are gathered and sent as text; more go through a stage
FEW: Final = 2_000


class Fence(Protocol):
    """Whoever may write now."""

    # true while the right is held, in SQL
    condition: str

    def check(self) -> None:
        """Raise DatabaseBusy when somebody else may."""

    def lost(self) -> DatabaseBusy:
        """The error of one who lost the right."""


class SnowflakeEngine(EnginePort):
    """Runs queries and keeps tables in the session's current schema."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.fence: Fence | None = None
        self._depth = 0
        self._begun = False
        self._pending = Gathering()
        self._after: list[Callable[[], None]] = []
        # statements that end a transaction, and the tables they change
        self._before: dict[str, str] = {}
        # whole own tables as they are with what is pending, columns of queries, and tables that were seen
        self._known: dict[str, pa.Table] = {}
        self._columns: dict[str, Mapping[str, str]] = {}
        self._seen, self.own_tables = set(TABLES), OWN_TABLES

    @property
    def dialect(self) -> Dialect:
        """Snowflake's SQL."""
        return "snowflake"

    def text(self, query: Readable) -> str:
        """The SQL of a query; Snowflake takes one statement at a time."""
        if isinstance(query, str):
            return f"SELECT * FROM {quoted(query)}" if _BARE_NAME.fullmatch(query) else query
        return query.sql("snowflake") if isinstance(query, Rendered) else to_sql(query, "snowflake")

    def read(self, query: Readable, named: Mapping[str, Readable | pa.Table] | None = None) -> pa.Table:
        """Run a query and fetch its rows; an own table that is read whole is remembered while nobody else may write."""
        if isinstance(query, str) and query in TABLES and not named:
            if query not in self._known or not (self._depth or self.fence):
                self.flush({query})
                self._known[query] = self.link.fetch(self.text(query))
            return self._known[query]
        sql = self.text(query)
        if named:
            sql = with_named(sql, {name: self._named(data) for name, data in named.items()})
        self.flush_for(sql)
        return self.link.fetch(sql)

    def write(self, name: str, data: Readable | pa.Table, *, replace: bool = False) -> int:
        """Append rows to a table, or replace what it holds; a new table takes the columns of the data."""
        with self.transaction():
            if isinstance(data, pa.Table):
                return self._write_rows(name, data, replace=replace)
            sql = self.text(data)
            self.flush({*self._pending.mentioned(sql), name})
            self.make(name, sql)
            names = data.names() if isinstance(data, Rendered) else ()
            listed = ", ".join(map(quoted, names or self.columns(sql)))
            into = "INSERT OVERWRITE INTO" if replace else "INSERT INTO"
            return self.dml(f"{into} {quoted(name)} ({listed}) {sql}", name)

    def make(self, name: str, query: Readable) -> None:
        """Make a table with the columns of a query and no rows, unless it is there."""
        self._make(name, f"SELECT * FROM ({self.text(query)}) LIMIT 0")

    def view(self, name: str, query: Readable) -> None:
        """Create a view, or replace it."""
        self.ddl(f"CREATE OR REPLACE VIEW {quoted(name)} AS {self.text(query)}", name)
        if not isinstance(query, Rendered | str):
            # what an expression gives needs no asking
            schema = query.schema()
            self._columns[f"SELECT * FROM {quoted(name)}"] = {n: str(kind) for n, kind in schema.items()}

    def drop(self, name: str) -> None:
        """Drop a table or view if it is there, once the transaction is kept."""

        def now() -> None:
            kinds = [
                row["kind"] for row in self.link.shown(f"SHOW OBJECTS LIKE {_pattern(name)}") if row["name"] == name
            ]
            for kind in kinds:
                self.ddl(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} IF EXISTS {quoted(name)}", name)

        if self._begun:
            self.after_commit(now)
        else:
            now()

    def columns(self, source: Readable) -> Mapping[str, str]:
        """Names and Ibis types of a query's result; nothing is run."""
        if isinstance(source, str):
            whole = _WHOLE_TABLE.fullmatch(source)
            name = whole[1] if whole else source
            if name in TABLES:
                return TABLES[name]
        if isinstance(source, Text) and source.types:
            return dict(zip(source.columns, source.types, strict=True))
        sql = self.text(source)
        if sql not in self._columns:
            self._columns[sql] = self.link.describe(sql)
        return self._columns[sql]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another joins it."""
        outermost = self._depth == 0
        if outermost and self.fence is None:
            # somebody else may have written since
            self._known.clear()
        self._depth += 1
        try:
            yield
            if outermost:
                self._commit()
        except BaseException:
            if outermost:
                self._undo()
            raise
        finally:
            self._depth -= 1
        if outermost:
            self._act()

    @property
    def sent(self) -> int:
        """How many statements were sent so far."""
        return self.link.sent

    @property
    def purpose(self) -> str:
        """What is being done: the QUERY_TAG of the statements."""
        return self.link.tag

    @purpose.setter
    def purpose(self, text: str) -> None:
        self.link.tag = text

    # -- what the other ports of this backend use

    def hold(self, fence: Fence | None) -> None:
        """Write with a right that every transaction checks; what was remembered before may be old."""
        self.fence = fence
        self._known = {} if fence is None else remembered(self.link.fetch(remembered_sql()))

    def dml(self, sql: str, *changed: str) -> int:
        """Change rows of tables within the transaction; gives how many."""
        self._begin()
        for name in changed:
            self.flush({name})
            self._known.pop(name, None)
        return self.link.change(sql)

    def delete(self, name: str, where: str, keep: Callable[[dict[str, Any]], bool] | None = None) -> None:
        """Delete rows of an own table; ``keep`` says the same of rows that are remembered, so that they stay so."""
        self.flush({name})
        known = self._known.get(name)
        self.dml(f"DELETE FROM {quoted(name)} WHERE {where}", name)
        if known is not None and keep is not None:
            self._known[name] = known.filter(pa.array([keep(row) for row in known.to_pylist()], pa.bool_()))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query over what is written so far, and give its rows."""
        self.flush(self._pending.mentioned(sql))
        return self.link.rows(sql)

    def ddl(self, sql: str, *changed: str) -> None:
        """Make, change or drop an object; never between rows that belong together."""
        if self._begun:
            raise BackendFailed(
                f"{sql[:80]}... would commit rows that are not complete", hint="this is a defect of churnobs: report it"
            )
        self.link.run(sql)
        for name in changed:
            self._known.pop(name, None)
            self._seen.discard(name)
            self._columns = {text: found for text, found in self._columns.items() if name not in text}

    def before_commit(self, sql: str, changed: str) -> None:
        """Change rows of a table once, at the end of the transaction."""
        self._before[sql] = changed

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something outside the tables once the transaction is kept; at once when there is none."""
        if self._depth:
            self._after.append(action)
        else:
            action()

    @property
    def begun(self) -> bool:
        """Whether rows are changed that are not kept yet."""
        return self._begun

    def outside(self, action: Callable[[], None]) -> None:
        """Make an object that can be made again: at once, or where that would commit rows, once they are kept."""
        if self._begun:
            self._after.append(action)
        else:
            action()

    def append(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows; those of bookkeeping are gathered, and sent at the end of the transaction."""
        with self.transaction():
            self._pending.add(name, rows)
            if name in self._known:
                schema = self._known[name].schema
                self._known[name] = pa.concat_tables(
                    [self._known[name], pa.Table.from_pylist(list(rows), schema=schema)]
                )
            if name not in GATHERED:
                # a view may be read that stands on it
                self.flush({name})

    def exists(self, name: str) -> bool:
        """Whether a table or view is there."""
        if name not in self._seen:
            found = self.link.shown(f"SHOW OBJECTS LIKE {_pattern(name)}")
            if not any(row["name"] == name for row in found):
                return False
            self._seen.add(name)
        return True

    def flush(self, names: set[str] | None = None) -> None:
        """Send gathered rows, of some tables or of all."""
        for name in self._pending.names:
            if names is None or name in names:
                self._begin()
                for part in self._pending.statements(name):
                    self.link.change(part)

    def flush_for(self, sql: str) -> None:
        """Send gathered rows that a query reads."""
        self.flush(self._pending.mentioned(sql))

    # -- small things

    def _write_rows(self, name: str, data: pa.Table, *, replace: bool) -> int:
        if name not in TABLES:
            self._make(name, data)
        if data.num_rows > FEW and name not in TABLES:
            return self._upload(name, data, replace=replace)
        if replace:
            self._pending.replace(name)
            if name in TABLES:
                self._known[name] = data.schema.empty_table()
        columns = TABLES.get(name) or data.column_names
        self.append(name, [{c: row.get(c) for c in columns} for row in data.to_pylist()])
        return int(data.num_rows)

    def _upload(self, name: str, data: pa.Table, *, replace: bool) -> int:
        """Many rows, through a stage; the client makes objects for it, so nothing may be open."""
        if self._begun:
            raise BackendFailed(f"{data.num_rows} rows into {name} within a transaction", hint="write them before")
        with clients():
            self.link.session.write_pandas(
                data.to_pandas(), name, quote_identifiers=True, overwrite=replace, use_logical_type=True
            )
        return int(data.num_rows)

    def _make(self, name: str, like: str | pa.Table) -> None:
        """Make a table that is not there, empty: its rows come within the transaction."""
        # made unless it is there, in one statement; where that would commit rows it must be there
        if name in self._seen or (self._begun and self.exists(name)):
            return
        if isinstance(like, str):
            self.ddl(f"CREATE TABLE IF NOT EXISTS {quoted(name)} AS {like}", name)
        else:
            described = ", ".join(f"{quoted(f.name)} {snowflake_type(ibis_of(f.type))}" for f in like.schema)
            self.ddl(f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({described})", name)
        self._seen.add(name)

    def _begin(self) -> None:
        if self._begun or not self._depth:
            return
        self.link.run("BEGIN")
        self._begun = True

    def _commit(self) -> None:
        if not self._begun and self.fence is None and len(self._pending) == 1:
            parts = self._pending.statements(self._pending.names[0])
            if len(parts) == 1:
                # one statement is all or nothing by itself
                self.link.change(parts[0])
                return
            self._begin()
            for part in parts:
                self.link.change(part)
        waiting, self._before = self._before, {}
        for sql, changed in waiting.items():
            self.dml(sql, changed)
        checked = self._flush_together()
        self.flush()
        if self._begun and self.fence is not None and not checked:
            self.fence.check()
        if self._begun:
            self.link.run("COMMIT")
            self._begun = False

    def _flush_together(self) -> bool:
        """Send what is gathered of several own tables in one statement, where it is not too long.

        Rows arrive only while the right to write is held; whether it was is seen by their number.

        Returns:
            Whether that was seen.
        """
        condition = "" if self.fence is None else self.fence.condition
        gathered = self._pending.together(condition, at_least=2 if self.fence is None else 1)
        if gathered is None:
            return False
        sql, expected = gathered
        self._begin()
        arrived = sum(int(count) for count in self.link.rows(sql)[0])
        if self.fence is not None and arrived != expected:
            raise self.fence.lost()
        return True

    def _act(self) -> None:
        """Do what waited for the commit: all of it, whatever fails; the first error is told."""
        waiting, self._after = self._after, []
        errors: list[ChurnobsError] = []
        for action in waiting:
            try:
                action()
            except ChurnobsError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _undo(self) -> None:
        self._pending.clear()
        self._before.clear()
        self._after.clear()
        self._known.clear()
        self._columns.clear()
        self._seen = set(TABLES)
        if self._begun:
            self._begun = False
            # the session may be over; what is told is the first error
            with suppress(ChurnobsError):
                self.link.run("ROLLBACK")

    def _named(self, data: Readable | pa.Table) -> str:
        if not isinstance(data, pa.Table):
            return self.text(data)
        rows = data.to_pylist()
        shape = ", ".join(f"CAST(NULL AS {snowflake_type(ibis_of(f.type))}) AS {quoted(f.name)}" for f in data.schema)
        parts = ["SELECT " + ", ".join(map(value_sql, row.values())) for row in rows]
        return " UNION ALL ".join([f"SELECT * FROM (SELECT {shape}) WHERE FALSE", *parts])


def _pattern(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("_", "\\\\_").replace("%", "\\\\%") + "'"
