"""INFER_SCHEMA: the columns of staged files."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.locations import locate
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, table_function
from churnobs.testing.stage_reads import format_of, read_file

_TRIES = (
    ("NUMBER", "BIGINT"), ("DECIMAL", "DOUBLE"), ("BOOLEAN", "BOOLEAN"), ("DATE", "DATE"), ("TIME", "TIME"),
    ("TIMESTAMP_NTZ", "TIMESTAMP"),
)  # fmt: skip


@table_function("INFER_SCHEMA")
def infer_schema(rewriter: Rewriter, _args: list[Any], named: dict[str, Any]) -> Result:
    """INFER_SCHEMA(LOCATION => ..., FILE_FORMAT => ...)."""
    session = rewriter.session
    rewriter.dynamic = True
    location = locate(session, str(rewriter.evaluate(named["LOCATION"])))
    form = format_of(
        session, location, str(rewriter.evaluate(named["FILE_FORMAT"])) if "FILE_FORMAT" in named else None
    )
    only = None
    if "FILES" in named:
        given = named["FILES"]
        only = [e.name for e in given.expressions] if given.expressions else [given.name]
    files = location.files(None, only)
    exact = location.path.strip("/")
    files = [exact] if exact in files else files
    if "MAX_FILE_COUNT" in named:
        files = files[: int(rewriter.evaluate(named["MAX_FILE_COUNT"]))]
    if not files:
        raise SqlError(f"Remote file '{location.shown}{location.path}' was not found.", 91016, "22000")
    fold = bool(rewriter.evaluate(named["IGNORE_CASE"])) if "IGNORE_CASE" in named else False
    found: dict[str, list[Any]] = {}
    for file in files:
        for at, (name, kind, nullable) in enumerate(_columns(rewriter, location.inside(file), form)):
            key = name.upper() if fold else name
            held = found.setdefault(key, [kind, nullable, [], at, name])
            held[0] = kind if held[0] == kind else "TEXT"
            held[2].append(f"{location.shown}{file}")
    rows = [
        (
            key,
            kind,
            nullable,
            f'$1:"{name}"::{kind}' if form["TYPE"] != "CSV" else f"${at + 1}::{kind}",
            ", ".join(names),
            at,
        )
        for key, (kind, nullable, names, at, name) in found.items()
    ]
    kinds = {
        "COLUMN_NAME": "text",
        "TYPE": "text",
        "NULLABLE": "boolean",
        "EXPRESSION": "text",
        "FILENAMES": "text",
        "ORDER_ID": "fixed",
    }
    return of_rows(kinds, rows)


def _columns(rewriter: Rewriter, path: Any, form: dict[str, Any]) -> list[tuple[str, str, bool]]:
    if form["TYPE"] == "PARQUET":
        return [(f.name, arrow_type(f.type), True) for f in pq.read_schema(path)]
    if form["TYPE"] == "JSON":
        raise not_supported("INFER_SCHEMA of JSON files", "name the columns: $1:name::type")
    read = read_file(path, form)
    names = read.header or [n.lower() for n in read.table.schema.names if n.startswith("C")]
    side = rewriter.session.engine.side()
    side.register("_rows", read.table)
    made = []
    for at, name in enumerate(names):
        column = f"C{at + 1}"
        kind = "TEXT"
        for spelled, duck in _TRIES:
            seen, lost, scale = side.sql(
                f"SELECT count({column}), count({column}) FILTER (TRY_CAST({column} AS {duck}) IS NULL), "
                f"max(length(split_part({column}, '.', 2))) FROM _rows"
            ).fetchall()[0]
            digits = side.sql(
                f"SELECT max(length(replace(replace({column}, '.', ''), '-', ''))) FROM _rows"
            ).fetchall()[0][0]
            whole = spelled == "NUMBER" and (scale or 0) == 0
            if (
                seen
                and not lost
                and (spelled not in ("NUMBER", "BOOLEAN") or whole or (spelled == "BOOLEAN" and _words(side, column)))
            ):
                kind = (
                    f"NUMBER({digits}, 0)"
                    if spelled == "NUMBER"
                    else f"NUMBER({digits}, {scale})"
                    if spelled == "DECIMAL"
                    else spelled
                )
                break
        made.append((name, kind, True))
    return made


def _words(side: Any, column: str) -> bool:
    return bool(
        side.sql(
            f"SELECT bool_and(lower({column}) IN ('true', 'false')) FROM _rows WHERE {column} IS NOT NULL"
        ).fetchall()[0][0]
    )


def arrow_type(kind: pa.DataType) -> str:
    """Snowflake's type of a Parquet column."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return "NUMBER(38, 0)"
    if pa.types.is_floating(kind):
        return "REAL"
    if pa.types.is_decimal(kind):
        return f"NUMBER({kind.precision}, {kind.scale})"
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_date(kind):
        return "DATE"
    if pa.types.is_time(kind):
        return "TIME"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP_LTZ" if kind.tz else "TIMESTAMP_NTZ"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "BINARY"
    if pa.types.is_nested(kind):
        return "VARIANT"
    return "TEXT"
