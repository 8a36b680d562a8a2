"""A query that has not run yet, as ``workspace.sql`` and ``workspace.table`` give it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from churnobs.display import html_table
from churnobs.errors import BadConfig
from churnobs.records import identifier

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from churnobs.ports import EnginePort, Readable
    from churnobs.records import DatasetVersion


def quoted(name: str) -> str:
    """A name as an identifier, in any engine.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def free_name(engine: EnginePort, name: str, datasets: Iterable[DatasetVersion] = ()) -> str:
    """A name that a user's own table or view may have.

    Raises:
        BadConfig: it is no name, or a table that churnobs keeps.
    """
    own = identifier(name)
    if own in engine.own_tables or own in {dataset.table for dataset in datasets}:
        raise BadConfig(f"{own} is churnobs' own table", hint="choose another name, or ingest() what belongs there")
    return own


def rows_of(df: pd.DataFrame) -> pa.Table:
    """A DataFrame as rows that any engine takes, its columns in upper case.

    Raises:
        BadConfig: it is none, has no columns or two that differ in case only, or a column has no one type.
    """
    import pandas as pd
    import pyarrow as pa

    if not isinstance(df, pd.DataFrame):
        raise BadConfig(f"a {type(df).__name__} is no DataFrame", hint="give a pandas DataFrame")
    columns = [str(column).upper() for column in df.columns]
    if len(set(columns)) != len(columns):
        raise BadConfig("two columns differ in case only", hint="rename one")
    if not columns or not all(columns):
        raise BadConfig("a column has no name" if columns else "there are no columns", hint="name each column")
    try:
        rows: pa.Table = pa.Table.from_pandas(df, preserve_index=False).rename_columns(columns)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        why = str(error.args[-1] if error.args else error)
        raise BadConfig(f"the rows cannot be stored: {why}", hint="give each column values of one type") from error
    return rows


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
        """Give the query a name, under which it can be read and monitored.

        Raises:
            BadConfig: it is no name, or one of churnobs' own tables.
        """
        self._engine.view(free_name(self._engine, name), self._query)

    def count(self) -> int:
        """How many rows there are."""
        return int(self.to_arrow().num_rows)

    def __repr__(self) -> str:
        return f"Frame({', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        first = f"SELECT * FROM ({self._query}) AS q LIMIT 10" if isinstance(self._query, str) else self.expr.limit(10)
        rows = self._engine.read(first)
        return html_table(rows.column_names, (tuple(row.values()) for row in rows.to_pylist()))
