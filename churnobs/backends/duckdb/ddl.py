"""DuckDB's own SQL for names, texts and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from churnobs.tables import Columns

_TYPES: Final = {
    "string": "VARCHAR",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "binary": "BLOB",
}


# texts of which few are alike: DuckDB by itself tries a dictionary, which takes longer, and for comments more room
_DIFFERENT: Final = frozenset({"COMMENT", "CUSTOMER_ID", "FEEDBACK_ID", "TEXT_HASH", "TRANSACTION_ID"})


def quoted(name: str) -> str:
    """A name as an identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(ibis_type: str) -> str:
    """DuckDB's name of an Ibis type.

    >>> duckdb_type("decimal(18, 4)"), duckdb_type("timestamp(6)")
    ('DECIMAL(18, 4)', 'TIMESTAMP')
    """
    if ibis_type.startswith("decimal("):
        return ibis_type.upper()
    if re.fullmatch(r"timestamp(\(6\))?", ibis_type):
        return "TIMESTAMP"
    return _TYPES[ibis_type]


def create_table_sql(name: str, columns: Columns, *, packed: bool = False) -> str:
    """The statement that makes a table.

    >>> create_table_sql("STATE_THROUGH", {"AS_OF": "date"})
    'CREATE TABLE "STATE_THROUGH" ("AS_OF" DATE)'
    """
    return table_sql(name, {column: duckdb_type(kind) for column, kind in columns.items()}, packed=packed)


def table_sql(name: str, types: Mapping[str, str], *, packed: bool = False) -> str:
    """The statement that makes a table of columns with DuckDB's types; ``packed`` where its file may hold zstd.

    >>> table_sql("LABELS", {"CUSTOMER_ID": "VARCHAR", "CHURNED": "BIGINT"}, packed=True)
    'CREATE TABLE "LABELS" ("CUSTOMER_ID" VARCHAR USING COMPRESSION zstd, "CHURNED" BIGINT)'
    """
    zstd = {column for column, kind in types.items() if packed and column in _DIFFERENT and kind == "VARCHAR"}
    described = (
        f"{quoted(column)} {kind}{' USING COMPRESSION zstd' if column in zstd else ''}"
        for column, kind in types.items()
    )
    return f"CREATE TABLE {quoted(name)} ({', '.join(described)})"
