"""Rows erased from a schema; what Time Travel and Fail-safe keep of them for days is the account's to decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.schema import STAGE
from churnobs.forgetting import ForgetPort

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine


class SnowflakeEraser(ForgetPort):
    """Erases rows of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def tables(self) -> Mapping[str, Collection[str]]:
        """Every table with its columns."""
        link = self._engine.link
        names = {str(row["name"]) for row in link.shown("SHOW TABLES")}
        found: dict[str, list[str]] = {}
        rows = link.rows(
            "SELECT TABLE_NAME, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = CURRENT_SCHEMA()"
        )
        for table, column in rows:
            if table in names:
                found.setdefault(str(table), []).append(str(column))
        return found

    def erase(self, table: str, column: str, value: str | int) -> int:
        """Delete the rows of a table whose column has a value."""
        where = f"CAST({quoted(column)} AS VARCHAR) = {literal(str(value))}"
        if not self._engine.rows(f"SELECT COUNT(*) FROM {quoted(table)} WHERE {where}")[0][0]:
            return 0
        return self._engine.dml(f"DELETE FROM {quoted(table)} WHERE {where}", table)

    def erase_scores(self, customer_id: str) -> int:
        """Delete the kept scores of texts that nobody else wrote."""
        own = f"COUNT_IF(CUSTOMER_ID = {literal(customer_id)}) = COUNT(*)"
        return self._engine.dml(
            f"""DELETE FROM SENTIMENT_CACHE WHERE TEXT_HASH IN (
                SELECT SHA2(COMMENT, 256) FROM FEEDBACK_RAW WHERE COMMENT IS NOT NULL GROUP BY 1 HAVING {own})""",
            "SENTIMENT_CACHE",
        )

    def sweep(self) -> None:
        """Remove the files that were loaded from the stage: nothing reads them again."""
        self._engine.link.run(f"REMOVE @{STAGE}")
