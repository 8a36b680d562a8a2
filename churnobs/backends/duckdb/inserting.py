"""INSERT, with a way round a defect of DuckDB 2.0.0 that hides rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from churnobs.backends.duckdb.ddl import quoted

if TYPE_CHECKING:
    import duckdb


def insert(connection: duckdb.DuckDBPyConnection, table: str, sql: str, values: Sequence[Any] | None = None) -> int:
    """Run an INSERT of a query's rows, inside a transaction; gives how many.

    An INSERT of no rows leaves an empty row group in what the transaction has added to the table, and no scan goes beyond
    it: 122,880 rows or more that the same transaction adds to the table are not seen before the file is opened again
    (docs/upstream/index.md). A row that comes and goes takes the empty row group away.
    """
    inserted = int(connection.execute(sql, values).fetchall()[0][0])
    if inserted == 0 and not _constrained(connection, table):
        name = quoted(table)
        connection.execute(f"INSERT INTO {name} DEFAULT VALUES").fetchall()
        connection.execute(f"DELETE FROM {name} WHERE rowid = (SELECT max(rowid) FROM {name})").fetchall()
    return inserted


def _constrained(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a row of NULLs would be refused: the user's own tables may have rules."""
    found = connection.execute("SELECT count(*) FROM duckdb_constraints() WHERE table_name = ?", [table]).fetchall()
    return bool(found[0][0])
