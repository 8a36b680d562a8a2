"""Snowflake's own SQL for names, values and tables."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from churnobs.tables import Columns

_TYPES: Final = {
    "string": "VARCHAR",
    "int8": "NUMBER(38,0)",
    "int16": "NUMBER(38,0)",
    "int32": "NUMBER(38,0)",
    "int64": "NUMBER(38,0)",
    "float32": "FLOAT",
    "float64": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "binary": "BINARY",
}
_DECIMAL: Final = re.compile(r"decimal\((\d+), (\d+)\)")


def quoted(name: str) -> str:
    """A name as an identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string literal: a backslash escapes in Snowflake.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def snowflake_type(ibis_type: str) -> str:
    """Snowflake's name of an Ibis type.

    >>> snowflake_type("decimal(18, 4)"), snowflake_type("timestamp(6)"), snowflake_type("int32")
    ('NUMBER(18,4)', 'TIMESTAMP_NTZ(6)', 'NUMBER(38,0)')
    """
    kind = ibis_type.lstrip("!")
    if found := _DECIMAL.fullmatch(kind):
        return f"NUMBER({found[1]},{found[2]})"
    if kind.startswith("timestamp"):
        return "TIMESTAMP_NTZ(6)"
    return _TYPES.get(kind, "VARIANT")


def create_table_sql(name: str, columns: Columns) -> str:
    """The statement that makes a table unless it is there.

    >>> create_table_sql("STATE_THROUGH", {"AS_OF": "date"})
    'CREATE TABLE IF NOT EXISTS "STATE_THROUGH" ("AS_OF" DATE)'
    """
    described = ", ".join(f"{quoted(column)} {snowflake_type(kind)}" for column, kind in columns.items())
    return f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({described})"


def value_sql(value: Any) -> str:
    """A Python value as SQL that gives it back exactly: numbers with a fraction travel as text.

    >>> value_sql(0.1), value_sql(dt.date(2024, 2, 29)), value_sql(None), value_sql(True)
    ("'0.1'::FLOAT", "'2024-02-29'::DATE", 'NULL', 'TRUE')
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return f"'{_float_text(value)}'::FLOAT"
        case decimal.Decimal():
            return f"{value:f}"
        case dt.datetime():
            return f"'{value.replace(tzinfo=None).isoformat(sep=' ')}'::TIMESTAMP_NTZ(6)"
        case dt.date():
            return f"'{value.isoformat()}'::DATE"
        case str():
            return literal(value)
        case bytes():
            return f"TO_BINARY('{value.hex()}', 'HEX')"
        case _:
            return f"PARSE_JSON({literal(json.dumps(value))})"


def insert_rows_sql(table: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    r"""The statement that appends rows of plain values.

    >>> insert_rows_sql("T", ["A", "B"], [{"A": 1, "B": "x"}])
    'INSERT INTO "T" ("A", "B") SELECT 1, \'x\''
    """
    listed = ", ".join(map(quoted, columns))
    values = " UNION ALL ".join("SELECT " + ", ".join(value_sql(row[c]) for c in columns) for row in rows)
    return f"INSERT INTO {quoted(table)} ({listed}) {values}"


def _float_text(value: float) -> str:
    if value != value:  # noqa: PLR0124  # NaN alone is not itself
        return "NaN"
    return {float("inf"): "inf", float("-inf"): "-inf"}.get(value, repr(value))
