"""What a statement returns, and how it travels: Snowflake's row types and Arrow layout."""

from __future__ import annotations

import datetime as dt
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churnobs.testing.failures import not_supported

SELECT, INSERT, UPDATE, DELETE, MERGE, DDL, UNKNOWN = 0x1000, 0x3100, 0x3200, 0x3300, 0x3400, 0x6000, 0x0000
DML = frozenset({INSERT, UPDATE, DELETE, MERGE})
TEXT_LIMIT = 16777216
_KINDS = {
    "BIGINT": "fixed", "INTEGER": "fixed", "SMALLINT": "fixed", "TINYINT": "fixed", "HUGEINT": "fixed", "UBIGINT": "fixed",
    "UINTEGER": "fixed", "USMALLINT": "fixed", "UTINYINT": "fixed", "UHUGEINT": "fixed",
    "BLOB": "binary", "BOOLEAN": "boolean", "DATE": "date", "DOUBLE": "real", "FLOAT": "real", "JSON": "variant", "TIME": "time",
    "TIMESTAMP WITH TIME ZONE": "timestamp_tz", "TIMESTAMP": "timestamp_ntz", "TIMESTAMP_NS": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz", "TIMESTAMP_MS": "timestamp_ntz", "VARCHAR": "text", "UUID": "text",
    '"NULL"': "text", "NULL": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result as Snowflake describes it; ``length`` is the n of VARCHAR(n)."""

    name: str
    kind: str
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    length: int | None = None

    @classmethod
    def of(cls, name: str, duck_type: str) -> Column:
        """Describe a column of a DuckDB type."""
        if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duck_type):
            return cls(name, "fixed", int(match[1]), int(match[2]))
        if duck_type.endswith("[]"):
            return cls(name, "array")
        if duck_type.startswith(("STRUCT", "MAP")):
            return cls(name, "object")
        if duck_type.startswith("INTERVAL"):
            raise not_supported("a result column of type INTERVAL", "cast it to VARCHAR or add it to a date")
        kind = _KINDS.get(duck_type)
        if kind is None:
            raise not_supported(f"a result column of DuckDB's type {duck_type}", "cast it to a Snowflake type")
        return cls(name, kind, 38 if kind == "fixed" else None, 0 if kind == "fixed" else None)

    def wire(self) -> dict[str, Any]:
        """The entry of this column in a response's row type."""
        text, times = self.kind == "text", self.kind.startswith("time")
        size = (self.length or TEXT_LIMIT) if text else 8388608 if self.kind == "binary" else None
        size_in_bytes = min(4 * size, TEXT_LIMIT) if text and size is not None else size
        return {
            "name": self.name, "database": "", "schema": "", "table": "", "nullable": self.nullable, "type": self.kind,
            "byteLength": size_in_bytes, "length": size, "collation": None,
            "precision": 0 if times else self.precision, "scale": 9 if times else self.scale,
        }  # fmt: skip

    @property
    def duck_type(self) -> str:
        """The DuckDB type that holds this column."""
        if self.kind == "fixed":
            return "BIGINT" if not self.scale else f"DECIMAL({self.precision},{self.scale})"
        return {
            "real": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "binary": "BLOB", "time": "TIME",
            "timestamp_ntz": "TIMESTAMP", "timestamp_ltz": "TIMESTAMP WITH TIME ZONE", "timestamp_tz": "TIMESTAMP WITH TIME ZONE",
        }.get(self.kind, "JSON")  # fmt: skip


@dataclass(slots=True)
class Result:
    """Rows with their description; ``outs`` are the values of a called procedure's output arguments."""

    columns: list[Column]
    table: pa.Table
    type_id: int = SELECT
    answered_by: str = "extension"
    extra: dict[str, Any] = field(default_factory=dict)
    outs: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python values."""
        return list(zip(*(c.to_pylist() for c in self.table.columns), strict=True)) if self.table.num_columns else []


_ARROW = {
    "text": pa.string(), "fixed": pa.int64(), "real": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(),
    "variant": pa.string(),
    "timestamp_ltz": pa.timestamp("us", tz="UTC"), "timestamp_ntz": pa.timestamp("us"), "array": pa.string(),
    "object": pa.string(),
}  # fmt: skip


def of_rows(columns: Mapping[str, str], rows: Sequence[Sequence[Any]], *, type_id: int = SELECT) -> Result:
    """Make a result of Python rows; ``columns`` maps names to kinds (text, fixed, real, boolean, timestamp_ltz, variant)."""
    arrays = [
        pa.array([row[at] for row in rows], type=_ARROW[kind]) for at, kind in enumerate(columns.values())
    ]  # names may repeat in a table, never here
    described = [Column(n, k, 38 if k == "fixed" else None, 0 if k == "fixed" else None) for n, k in columns.items()]
    return Result(described, pa.Table.from_arrays(arrays, names=list(columns)), type_id)


def status(text: str) -> Result:
    """The one row that a command answers with."""
    return of_rows({"status": "text"}, [(text,)], type_id=DDL)


def counts(type_id: int, **counted: int) -> Result:
    """The row counts that a data-changing statement answers with."""
    named = {key.replace("_", " "): value for key, value in counted.items()}
    return of_rows(dict.fromkeys(named, "fixed"), [tuple(named.values())], type_id=type_id)


def now() -> dt.datetime:
    """The present moment, as SHOW commands and histories state it."""
    return dt.datetime.now(dt.UTC)


def wire(result: Result, *, describe_only: bool = False) -> dict[str, Any]:
    """The data section of a response."""
    rowtype = [c.wire() for c in result.columns]
    shared = {"rowtype": rowtype, "statementTypeId": result.type_id, "numberOfBinds": 0, **result.extra}
    if describe_only:
        shared["arrayBindSupported"] = result.type_id == INSERT
        empty: dict[str, Any] = {"queryResultFormat": "arrow", "rowsetBase64": ""}
        return {**shared, "total": 0, "returned": 0, **empty}
    if result.type_id in DML:
        rowset = [[None if v is None else str(v) for v in row] for row in result.rows]
        return {**shared, "total": len(rowset), "returned": len(rowset), "queryResultFormat": "json", "rowset": rowset}
    table = _as_snowflake(result)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    encoded = b64encode(sink.getvalue().to_pybytes()).decode() if table.num_rows else ""
    return {
        **shared, "total": table.num_rows, "returned": table.num_rows, "queryResultFormat": "arrow", "rowsetBase64": encoded,
    }  # fmt: skip


def _as_snowflake(result: Result) -> pa.Table:
    arrays, fields = [], []
    for column, chunked in zip(result.columns, result.table.columns, strict=True):
        array = _array(column, chunked.combine_chunks() if isinstance(chunked, pa.ChunkedArray) else chunked)
        described = column.wire()
        meta = {
            "logicalType": column.kind.upper(),
            "precision": str(described["precision"] or 38),
            "scale": str(described["scale"] or 0),
            "charLength": str(described["length"] or 0),
        }
        arrays.append(array)
        fields.append(pa.field(column.name, array.type, metadata=meta))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _array(column: Column, array: pa.Array) -> pa.Array:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        array, kind = array.storage, array.storage.type
    if pa.types.is_timestamp(kind):
        return _timestamp(array, zoned=column.kind == "timestamp_tz")
    if pa.types.is_time(kind):
        return pc.multiply(array.cast(pa.time64("us")).cast(pa.int64()), 1000)
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    if pa.types.is_decimal(kind):
        return _decimal(array)
    if pa.types.is_integer(kind):
        return array.cast(pa.int64())
    if pa.types.is_float32(kind):
        return array.cast(pa.float64())
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else _print(_plain(v), 0) for v in array.to_pylist()], pa.string())
    if column.kind in ("variant", "array", "object"):
        return pa.array([None if v is None else pretty(v) for v in array.to_pylist()], pa.string())
    return array


def _decimal(array: pa.Array) -> pa.Array:
    """Exact numbers travel as whole numbers of their last decimal where those fit, which pandas then shows as floats."""
    words = array.cast(pa.decimal128(38, array.type.scale))
    pairs = np.frombuffer(words.buffers()[1], np.int64)[2 * words.offset :][: 2 * len(words)].reshape(-1, 2)
    there = array.is_valid()
    low, high = pa.array(pairs[:, 0]), pairs[:, 1]
    if pc.any(pc.and_(there, pa.array(high != pairs[:, 0] >> 63))).as_py():
        return array
    return pc.if_else(there, low, pa.scalar(None, pa.int64()))


def pretty(text: str) -> str:
    r"""Lay a VARIANT out the way Snowflake prints it: keys in order, numbers as they are spelled but for zeros at their end.

    >>> pretty('{"b":[1,2.50],"a":null}')
    '{\n  "a": null,\n  "b": [\n    1,\n    2.5\n  ]\n}'
    """
    if text[:1] not in "[{":
        return _short(text)
    try:
        value = json.loads(text, parse_float=_Spelled, parse_int=_Spelled)
    except ValueError:
        return text
    return _print(value, 0)


def _short(number: str) -> str:
    """A number without the zeros that end its decimals; one decimal stays."""
    return re.sub(r"^(-?\d+\.\d+?)0+$", r"\1", number)


def _plain(value: Any) -> Any:
    """A value of a list or a structure as one of JSON."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        return _Spelled(value)
    if isinstance(value, dt.datetime):
        zone = " +0000" if value.tzinfo else ""
        return f"{value.replace(tzinfo=None).isoformat(' ', 'milliseconds')}{zone}"
    return value if isinstance(value, str | int | float | None) else str(value)


class _Spelled(str):
    """A number that keeps its spelling."""

    __slots__ = ()


def _print(value: Any, depth: int) -> str:
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, _Spelled):
        return _short(str.__str__(value))
    if isinstance(value, dict) and value:
        body = ",\n".join(
            f"{inner}{json.dumps(k, ensure_ascii=False)}: {_print(v, depth + 1)}" for k, v in sorted(value.items())
        )
        return f"{{\n{body}\n{outer}}}"
    if isinstance(value, list) and value:
        body = ",\n".join(f"{inner}{_print(v, depth + 1)}" for v in value)
        return f"[\n{body}\n{outer}]"
    return json.dumps(value, ensure_ascii=False)


def _timestamp(array: pa.Array, *, zoned: bool) -> pa.Array:
    micros = array.cast(pa.timestamp("us", tz=array.type.tz), safe=False).cast(pa.int64())
    seconds = pc.divide(micros, 1_000_000)
    rest = pc.subtract(micros, pc.multiply(seconds, 1_000_000))
    before_1970 = pc.less(rest, 0)  # division truncates towards zero
    seconds = pc.if_else(before_1970, pc.subtract(seconds, 1), seconds)
    fraction = pc.multiply(pc.if_else(before_1970, pc.add(rest, 1_000_000), rest), 1000).cast(pa.int32())
    children = [seconds, fraction]
    fields = [pa.field("epoch", pa.int64(), nullable=False), pa.field("fraction", pa.int32(), nullable=False)]
    if zoned:
        children.append(pa.array([1440] * len(array), pa.int32()))
        fields.append(pa.field("timezone", pa.int32(), nullable=False))
    return pa.StructArray.from_arrays([c.fill_null(0) for c in children], fields=fields, mask=array.is_null())
