"""Snowflake's own SQL for names, values and tables."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

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
_ARROW: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "int64"),
    (pa.types.is_floating, "float64"),
    (pa.types.is_timestamp, "timestamp(6)"),
    (pa.types.is_date, "date"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_null, "string"),
    (pa.types.is_binary, "binary"),
    (pa.types.is_large_binary, "binary"),
)
_PLAIN: Final = re.compile(r"[A-Z_][A-Z0-9_$]*")
# rows that are written as they are read
_ONE_BY_ONE: Final = 4
_DECIMAL: Final = re.compile(r"decimal\((\d+), (\d+)\)")


def quoted(name: str) -> str:
    """A name as an identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def readable(*parts: str) -> str:
    """A dotted name, quoted where it must be.

    >>> readable("D", "my schema")
    'D."my schema"'
    """
    return ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in parts)


def bare(name: str | None) -> str:
    """A name as Snowpark gives it, without its quotes.

    >>> bare('"a""b"')
    'a"b'
    """
    text = name or ""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


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


def ibis_of(kind: pa.DataType) -> str:
    """The Ibis type of an Arrow column, as far as Snowflake keeps one."""
    if pa.types.is_dictionary(kind):
        return ibis_of(kind.value_type)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    for is_one, name in _ARROW:
        if is_one(kind):
            return name
    return "json"


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
    into = f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, columns))})"
    if len(rows) <= _ONE_BY_ONE:
        return f"{into} " + " UNION ALL ".join(
            "SELECT " + ", ".join(value_sql(row[c]) for c in columns) for row in rows
        )
    # one literal is compiled many times faster than a row of literals for each row
    kinds = [_kind([row[c] for row in rows]) for c in columns]
    values = ", ".join(kind.format(f"R.VALUE[{i}]") for i, kind in enumerate(kinds))
    text = json.dumps([[_as_text(row[c]) for c in columns] for row in rows], ensure_ascii=False, separators=(",", ":"))
    return f"{into} SELECT {values} FROM TABLE(FLATTEN(INPUT => PARSE_JSON({literal(text)}))) AS R"


def insert_tables_sql(tables: Mapping[str, Sequence[Mapping[str, Any]]], condition: str = "") -> str:
    """The one statement that appends rows to several tables, all or none (none where a condition does not hold).

    Everything travels as text and becomes what its column holds.

    >>> insert_tables_sql({"A": [{"X": 1}], "B": [{"Y": "b", "Z": None}]}).splitlines()[:2]
    ['INSERT ALL', 'WHEN T = 0 THEN INTO "A" ("X") VALUES (C0)']
    """
    lines, values, width = [], [], 0
    for number, (table, rows) in enumerate(tables.items()):
        columns = list(rows[0])
        width = max(width, len(columns))
        given = ", ".join(f"C{i}" for i in range(len(columns)))
        into = f"{quoted(table)} ({', '.join(map(quoted, columns))})"
        lines.append(f"WHEN T = {number} THEN INTO {into} VALUES ({given})")
        values += [[number, *(_as_text(row[c]) for c in columns)] for row in rows]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    cells = ", ".join(f"R.VALUE[{i + 1}]::VARCHAR AS C{i}" for i in range(width))
    source = (
        f"SELECT R.VALUE[0]::NUMBER(38,0) AS T, {cells} FROM TABLE(FLATTEN(INPUT => PARSE_JSON({literal(text)}))) AS R"
    )
    return "\n".join(["INSERT ALL", *lines, source + (f" WHERE {condition}" if condition else "")])


def _kind(values: Sequence[Any]) -> str:
    """How a column of plain values is read from JSON; numbers travel as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds & {dict, list}:
        return "{}"
    if decimal.Decimal in kinds:
        scales = [value.as_tuple().exponent for value in values if isinstance(value, decimal.Decimal)]
        return f"{{}}::VARCHAR::NUMBER(38,{max(0, *(-s for s in scales if isinstance(s, int)))})"
    found: list[tuple[type, str]] = [
        (float, "{}::VARCHAR::FLOAT"),
        (bool, "{}::VARCHAR::BOOLEAN"),
        (int, "{}::VARCHAR::NUMBER(38,0)"),
        (dt.datetime, "{}::VARCHAR::TIMESTAMP_NTZ(6)"),
        (dt.date, "{}::VARCHAR::DATE"),
        (bytes, "TO_BINARY({}::VARCHAR, 'HEX')"),
    ]
    return next((name for kind, name in found if kind in kinds), "{}::VARCHAR")


def _as_text(value: Any) -> Any:
    """A value as JSON that its column's type is read from."""
    match value:
        case None | str() | dict() | list():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
        case decimal.Decimal():
            return f"{value:f}"
        case dt.datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ")
        case bytes():
            return value.hex()
        case _:
            return str(value)


def _float_text(value: float) -> str:
    if value != value:  # noqa: PLR0124  # NaN alone is not itself
        return "NaN"
    return {float("inf"): "inf", float("-inf"): "-inf"}.get(value, repr(value))
