"""One Snowflake session: its statements, their results as Arrow, and the wall where the clients' errors stop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from churnobs.errors import BackendFailed, BadConfig, ChurnobsError, DatabaseBusy, NotFound, NotSupported

if TYPE_CHECKING:
    from snowflake.connector.cursor import ResultMetadata, SnowflakeCursor
    from snowflake.snowpark import Session

# every statement's tag begins so
TAG: Final = "churnobs"
_NOT_THERE: Final = {2003, 2043, 90105, 90106, 390201}
_NO_RIGHT: Final = {3001, 3007, 3540}
_NO_WAREHOUSE: Final = {606}
_EXPIRED: Final = {390104, 390111, 390112, 390114, 390195, 250001, 250002}
# a feature that the account does not have, and a table that another transaction holds
_NOT_SUPPORTED, _LOCKED = 2, 625
_OVER: Final = ("session no longer exists", "token has expired", "connection is closed", "must login again")
# the connector's codes of types, as its documentation lists them
_FIXED, _REAL, _TEXT, _DATE, _BINARY, _BOOLEAN = 0, 1, 2, 3, 11, 13
_TIMESTAMPS: Final = {4, 6, 7, 8}


def translate(error: Exception) -> ChurnobsError:
    """A client's error as one of ours; the caller raises it from the original."""
    number = getattr(error, "errno", None) or getattr(error, "sql_error_code", None) or 0
    text = re.sub(r"\s*\n\s*", " ", str(getattr(error, "raw_msg", None) or error)).strip()
    number = int(number) if str(number).isdigit() else 0
    if number == _NOT_SUPPORTED:
        return NotSupported(text, hint="the account has no such feature: ask its administrator")
    if number == _LOCKED:
        return DatabaseBusy(text, hint="another session changes the same rows: wait for it, and run again")
    if number in _NO_RIGHT or "Insufficient privileges" in text:
        return BadConfig(text, hint="churnobs doctor names the grants that are needed, and how to give them")
    if number in _NO_WAREHOUSE or "No active warehouse" in text:
        return BadConfig(text, hint="name a warehouse in the connection, or USE WAREHOUSE")
    if number in _EXPIRED or _is_over(text):
        return BackendFailed(f"the Snowflake session is over: {text}", hint="connect again and run again: it goes on")
    if number in _NOT_THERE or "does not exist" in text:
        return NotFound(text, hint="workspace.deploy() makes what the loop needs; check names, role and grants")
    if "SQL compilation error" in text:
        return BadConfig(text, hint="check the spelling of columns and tables")
    return BackendFailed(text, hint="nothing of this statement was kept")


class Link:
    """Sends statements over a Snowpark session, each tagged, and counts them.

    Args:
        session: whose current database and schema hold everything.
        owned: whether closing the workspace closes the session.
        named: the database, schema and warehouse that the connection names.
    """

    def __init__(self, session: Session, *, owned: bool, named: Mapping[str, str] | None = None) -> None:
        self.session = session
        self.owned = owned
        self.named = named or {}
        self.sent = 0
        self.tag = ""
        # hears of each statement before it is sent
        self.listener: Callable[[str], None] | None = None

    def run(self, sql: str, values: Sequence[Any] | None = None) -> SnowflakeCursor:
        """Run one statement to its end; the clients' errors become churnobs'."""
        self.sent += 1
        if self.listener is not None:
            self.listener(sql)
        with _told():
            cursor = self.session.connection.cursor()
            cursor.execute(sql, values, _statement_params=self._tagged)
        return cursor

    def rows(self, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one query and give its rows."""
        cursor = self.run(sql, values)
        with _told():
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def value(self, sql: str) -> Any:
        """The first value of the first row, or None where there is no row."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def shown(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SHOW or DESCRIBE by lower-case column name."""
        cursor = self.run(sql)
        names = [column.name.lower() for column in cursor.description]
        with _told():
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def put(self, path: str, place: str, *, compress: bool) -> None:
        """Put a file on a stage: by the client, since no procedure may send PUT as a statement."""
        self.sent += 1
        if self.listener is not None:
            self.listener(f"PUT {path} {place}")
        with _told():
            self.session.file.put(path, place, auto_compress=compress, overwrite=True, statement_params=self._tagged)

    def change(self, sql: str) -> int:
        """Run one INSERT, UPDATE, DELETE or MERGE; gives how many rows it changed."""
        return int(self.run(sql).rowcount or 0)

    def fetch(self, sql: str) -> pa.Table:
        """Run one query and fetch its rows; whole numbers are int64, timestamps have microseconds."""
        with _exact(self.session.connection):
            cursor = self.run(sql)
            with _told():
                found = cursor.fetch_arrow_all(force_return_table=True)
        columns = [_plain(found.column(i), kind) for i, kind in enumerate(cursor.description)]
        return pa.table(columns, names=[kind.name for kind in cursor.description])

    def describe(self, sql: str) -> Mapping[str, str]:
        """Names and Ibis types of a query's result; nothing is run."""
        self.sent += 1
        with _told():
            found = self.session.connection.cursor().describe(sql, _statement_params=self._tagged)
        return {column.name: ibis_type(column) for column in found}

    @property
    def _tagged(self) -> dict[str, str]:
        """A parameter of the statement itself, so that no other is needed to set it."""
        return {"QUERY_TAG": f"{TAG} {self.tag}".strip()}

    def close(self) -> None:
        """End the session if it is ours; one that is over has only this end left to close."""
        if not self.owned:
            return
        try:
            self.session.close()
        except Exception as error:
            self.session.connection.close()
            told = translate(error)
            if not _is_over(told.message):
                raise told from error


@contextmanager
def _told() -> Iterator[None]:
    """What the connector raises, as one of ours."""
    try:
        yield
    except ChurnobsError:
        raise
    except Exception as error:
        raise translate(error) from error


def _is_over(text: str) -> bool:
    return any(words in text.lower() for words in _OVER)


def ibis_type(column: ResultMetadata) -> str:
    """The Ibis type of a result column."""
    code = column.type_code
    if code == _FIXED:
        return f"decimal({column.precision}, {column.scale})" if column.scale else "int64"
    if code in _TIMESTAMPS:
        return "timestamp(6)"
    names = {_REAL: "float64", _TEXT: "string", _DATE: "date", _BINARY: "binary", _BOOLEAN: "boolean"}
    return names.get(code, "json")


@contextmanager
def _exact(connection: Any) -> Iterator[None]:
    """Have exact numbers fetched as they are; else the client makes floats of those that have decimals."""
    # the connection of a stored procedure is another kind of object and may not have it
    before = getattr(connection, "arrow_number_to_decimal", None)
    if before is None:
        yield
        return
    connection.arrow_number_to_decimal_setter = True
    try:
        yield
    finally:
        connection.arrow_number_to_decimal_setter = before


def _plain(values: pa.ChunkedArray, column: ResultMetadata) -> pa.ChunkedArray:
    """A result column with the type that the simulator gives it."""
    code = column.type_code
    if code == _FIXED:
        if column.scale:
            return values.cast(pa.decimal128(38, column.scale))
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            # beyond 64 bits
            return values
    if code in _TIMESTAMPS:
        return values.cast(pa.timestamp("us"), safe=False)
    return values
