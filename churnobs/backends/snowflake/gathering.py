"""Few rows of many tables, kept back and sent together at the end of a transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from churnobs.backends.snowflake.ddl import insert_rows_sql, insert_tables_sql, quoted
from churnobs.backends.snowflake.schema import GATHERED

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_STATEMENT_LENGTH: Final = 700_000


class Gathering:
    """Rows by table, as plain values, and the tables whose former rows go."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._replaced: set[str] = set()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> list[str]:
        """The tables, in the order in which they came."""
        return list(self._rows)

    def add(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows of a table."""
        self._rows.setdefault(name, []).extend(rows)

    def replace(self, name: str) -> None:
        """Forget what was kept of a table; what comes takes the place of all it holds."""
        self._rows.pop(name, None)
        self._replaced.add(name)

    def mentioned(self, sql: str) -> set[str]:
        """The tables that a statement may read."""
        words = set(_WORD.findall(sql))
        return {name for name in self._rows if name in words}

    def statements(self, name: str) -> list[str]:
        """Give away what is kept of a table, as the statements that send it."""
        parts = list(_parts(name, self._rows.pop(name)))
        if name in self._replaced:
            self._replaced.remove(name)
            if not parts:
                return [f"DELETE FROM {quoted(name)}"]
            parts[0] = parts[0].replace("INSERT INTO", "INSERT OVERWRITE INTO", 1)
        return parts

    def together(self, condition: str, *, at_least: int) -> tuple[str, int] | None:
        """Give away what is kept of own tables as one statement, with the number of its rows.

        None where there are fewer tables than that, or the statement would be too long.
        """
        names = [n for n, rows in self._rows.items() if rows and n in GATHERED and n not in self._replaced]
        if len(names) < at_least:
            return None
        sql = insert_tables_sql({name: self._rows[name] for name in names}, condition)
        if len(sql) > _STATEMENT_LENGTH:
            return None
        return sql, sum(len(self._rows.pop(name)) for name in names)

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._replaced.clear()


def _parts(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The statements that append rows, each below Snowflake's limit of length."""
    if not rows:
        return
    sql = insert_rows_sql(name, list(rows[0]), rows)
    if len(sql) <= _STATEMENT_LENGTH or len(rows) == 1:
        yield sql
        return
    half = len(rows) // 2
    yield from _parts(name, rows[:half])
    yield from _parts(name, rows[half:])
