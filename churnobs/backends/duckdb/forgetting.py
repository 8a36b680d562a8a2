"""Rows erased from the simulator for good: deleted, and the file written anew without them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from churnobs.backends.duckdb.ddl import quoted
from churnobs.backends.duckdb.feedback import remove_feedback
from churnobs.forgetting import ForgetPort

if TYPE_CHECKING:
    from churnobs.backends.duckdb.database import Database


class DuckDBEraser(ForgetPort):
    """Erases rows of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tables(self) -> Mapping[str, Collection[str]]:
        """Every table with its columns."""
        found: dict[str, list[str]] = {}
        rows = self._database.execute(
            """SELECT c.table_name, c.column_name FROM duckdb_columns() AS c
               JOIN duckdb_tables() AS t USING (table_oid, database_name)
               WHERE c.database_name = current_database() AND c.schema_name = 'main' AND NOT t.temporary"""
        )
        for table, column in rows:
            found.setdefault(table, []).append(column)
        return found

    def erase(self, table: str, column: str, value: str | int) -> int:
        """Delete the rows of a table whose column has a value."""
        gone = f"CAST({quoted(column)} AS VARCHAR) = ?"
        if table == "FEEDBACK_RAW":
            return remove_feedback(self._database.connection, gone, [str(value)])
        return int(self._database.value(f"DELETE FROM {quoted(table)} WHERE {gone}", [str(value)]))

    def erase_scores(self, customer_id: str) -> int:
        """Delete the kept scores of texts that nobody else wrote."""
        return int(
            self._database.value(
                """DELETE FROM SENTIMENT_CACHE WHERE TEXT_HASH IN (
                       SELECT sha256(COMMENT) FROM FEEDBACK_RAW WHERE COMMENT IS NOT NULL
                       GROUP BY 1 HAVING bool_and(CUSTOMER_ID = ?))""",
                [customer_id],
            )
        )

    def sweep(self) -> None:
        """Write the file anew: what is deleted stays in its free blocks otherwise."""
        self._database.rewrite()
