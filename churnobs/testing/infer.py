"""INFER_SCHEMA: the columns of staged files."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnobs.testing.failures import SqlError
from churnobs.testing.locations import locate
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, table_function
from churnobs.testing.stage_reads import format_of, read_file

# the first that every value fits; a text with a time in it is no date, although DuckDB would cut it to one
_TRIES = (
    ("NUMBER", r"regexp_full_match({c}, '[+-]?(\d+\.?\d*|\.\d+)') AND TRY_CAST({c} AS DECIMAL(38, 10)) IS NOT NULL"),
    ("REAL", r"regexp_full_match({c}, '[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')"),
    ("BOOLEAN", "lower({c}) IN ('true', 'false')"),
    ("DATE", r"regexp_full_match({c}, '\d{{4}}-\d{{1,2}}-\d{{1,2}}') AND TRY_CAST({c} AS DATE) IS NOT NULL"),
    ("TIME", r"regexp_full_match({c}, '\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?') AND TRY_CAST({c} AS TIME) IS NOT NULL"),
    ("TIMESTAMP_NTZ", "TRY_CAST({c} AS TIMESTAMP) IS NOT NULL"),
)
_DIGITS = (
    "max(length(ltrim(split_part({c}, '.', 1), '+-0'))), "
    "max(CASE WHEN contains({c}, '.') THEN length(split_part({c}, '.', 2)) ELSE 0 END)"
)


@table_function("INFER_SCHEMA", proof=document("functions/infer_schema"))
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
            held[0] = _wider(held[0], kind)
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
        return _of_json(read_file(path, form).table.column("C1").to_pylist())
    read = read_file(path, form)
    names = read.header or [n.lower() for n in read.table.schema.names if re.fullmatch(r"C\d+", n)]
    side = rewriter.session.engine.side()
    side.register("_rows", read.table)
    return [(name, _kind(side, f"C{at + 1}"), True) for at, name in enumerate(names)]


def _of_json(texts: list[str]) -> list[tuple[str, str, bool]]:
    """The keys of the objects of a JSON file, each with the type that all its values have."""
    found: dict[str, str] = {}
    for text in texts:
        value = json.loads(text, parse_float=Decimal)
        for key, held in value.items() if isinstance(value, dict) else ():
            if held is not None:
                kind = _of_value(held)
                found[key] = _wider(found[key], kind) if key in found else kind
            else:
                found.setdefault(key, "TEXT")
    return [(key, kind, True) for key, kind in found.items()]


def _of_value(value: Any) -> str:
    for kind, name in ((bool, "BOOLEAN"), (str, "TEXT"), (list, "ARRAY"), (dict, "OBJECT")):
        if isinstance(value, kind):
            return name
    parts = Decimal(value).as_tuple()
    if not isinstance(parts.exponent, int) or parts.exponent > 0:
        return "REAL"
    return f"NUMBER({max(len(parts.digits), 1 - parts.exponent)}, {-parts.exponent})"


def _kind(side: Any, column: str) -> str:
    """The narrowest type that every value of a column of text has."""
    tests = ", ".join(f"bool_and({test.format(c=column)})" for _, test in _TRIES)
    found = side.sql(f"SELECT {tests}, {_DIGITS.format(c=column)} FROM _rows WHERE {column} IS NOT NULL").fetchall()[0]
    kind = next((kind for (kind, _), fits in zip(_TRIES, found, strict=False) if fits), "TEXT")
    if kind != "NUMBER":
        return kind
    whole, scale = (int(n or 0) for n in found[-2:])
    return f"NUMBER({max(whole + scale, 1)}, {scale})"


def _wider(one: str, other: str) -> str:
    """The type that holds the values of both.

    >>> _wider("NUMBER(3, 2)", "NUMBER(4, 0)"), _wider("NUMBER(3, 2)", "REAL"), _wider("DATE", "BOOLEAN")
    ('NUMBER(6, 2)', 'REAL', 'TEXT')
    """
    if one == other:
        return one
    numbers = [re.fullmatch(r"NUMBER\((\d+), (\d+)\)", kind) for kind in (one, other)]
    if all(numbers):
        sizes = [(int(n[1]) - int(n[2]), int(n[2])) for n in numbers if n]
        whole, scale = max(w for w, _ in sizes), max(s for _, s in sizes)
        return f"NUMBER({min(whole + scale, 38)}, {scale})"
    if any(numbers) and "REAL" in (one, other):
        return "REAL"
    return "TIMESTAMP_NTZ" if {one, other} == {"DATE", "TIMESTAMP_NTZ"} else "TEXT"


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
