"""A query that has not run yet, as ``workspace.sql`` and ``workspace.table`` give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churnobs.display import html_table
from churnobs.records import identifier

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from churnobs.ports import EnginePort, Readable


class Frame:
    """Rows to come: fetch them with ``to_pandas`` or ``to_arrow``, or build on ``expr``."""

    def __init__(self, engine: EnginePort, query: Readable) -> None:
        self._engine = engine
        self._query = query

    @property
    def query(self) -> Readable:
        """The SQL text or the expression."""
        return self._query

    @property
    def schema(self) -> dict[str, str]:
        """Column names and their Ibis types."""
        return dict(self._engine.columns(self._query))

    @property
    def columns(self) -> list[str]:
        """Column names."""
        return list(self.schema)

    @property
    def expr(self) -> ir.Table:
        """An Ibis table to build a feature view or a query on; needs a Frame made by ``workspace.table``."""
        import ibis.expr.types as ir

        from churnobs.errors import NotSupported

        if isinstance(self._query, ir.Table):
            return self._query
        raise NotSupported("SQL text has no expression", hint="start from workspace.table(name).expr")

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        return self._engine.read(self._query)

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def collect(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        return rows

    def create_or_replace_view(self, name: str) -> None:
        """Give the query a name, under which it can be read and monitored."""
        self._engine.view(identifier(name), self._query)

    def count(self) -> int:
        """How many rows there are."""
        return int(self.to_arrow().num_rows)

    def __repr__(self) -> str:
        return f"Frame({', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        first = f"SELECT * FROM ({self._query}) AS q LIMIT 10" if isinstance(self._query, str) else self.expr.limit(10)
        rows = self._engine.read(first)
        return html_table(rows.column_names, (tuple(row.values()) for row in rows.to_pylist()))
