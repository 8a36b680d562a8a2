"""COPY INTO a location: the rows of a query or table written as CSV, Parquet or JSON files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnobs.testing import changes, queries
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import locate
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.stage_reads import format_of
from churnobs.testing.stages import place

_OPTIONS = {"FILE_FORMAT", "HEADER", "OVERWRITE", "SINGLE", "MAX_FILE_SIZE", "DETAILED_OUTPUT", "INCLUDE_QUERY_ID"}


def unload(session: Session, parser: Parser) -> Result:
    """COPY INTO <location> FROM <table | (query)>."""
    target = place(parser)
    parser.expect("FROM")
    token = parser.peek()
    query: str = (
        parser.group()
        if token is not None and token.text == "("
        else f"SELECT * FROM {session.resolve(parser.parts()).sql}"
    )
    if parser.accept("PARTITION", "BY"):
        raise not_supported("COPY INTO a location ... PARTITION BY", "unload each part with a COPY INTO of its own")
    options = parser.options()
    parser.end()
    if unknown := set(options) - _OPTIONS:
        raise not_supported(f"COPY INTO a location ... {sorted(unknown)[0]}", "leave the option out")
    where = locate(session, target, writes=True)
    form = format_of(session, where, options.get("FILE_FORMAT"))
    alone = not session.engine.in_transaction
    session.engine.begin()
    rewriter = Rewriter(session, parser.bindings, describe_only=False)
    try:
        found = queries.select(session, queries.parse(query), rewriter, describe_only=False)
        changes.advance(session, rewriter)
    except BaseException:
        if alone:
            session.rollback()
        raise
    finally:
        rewriter.release()
    if alone:
        session.commit()
    written = _write(
        found, form, where.inside(where.path), options, named=bool(where.path) and not where.path.endswith("/")
    )
    size = sum(p.stat().st_size for p in written)
    return of_rows(
        dict.fromkeys(("rows_unloaded", "input_bytes", "output_bytes"), "fixed"), [(found.table.num_rows, size, size)]
    )


def _write(found: Result, form: dict[str, Any], place_: Path, options: dict[str, Any], *, named: bool) -> list[Path]:
    kind = form["TYPE"]
    packed = kind != "PARQUET" and str(form.get("COMPRESSION", "AUTO")).upper() in ("AUTO", "GZIP")
    suffix = {"PARQUET": ".snappy.parquet", "CSV": ".csv", "JSON": ".json"}[kind] + (".gz" if packed else "")
    if options.get("SINGLE"):
        path = place_ if named else place_ / "data"
    elif named:
        path = place_.with_name(f"{place_.name}_0_0_0{suffix}")
    else:
        path = place_ / f"data_0_0_0{suffix}"
    if path.exists() and not options.get("OVERWRITE"):
        raise SqlError(
            f"Files already existing at the unload destination: {path.name}. Use overwrite option to force unloading.",
            1030,
            "22000",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_arrays(found.table.columns, names=[c.name for c in found.columns])
    if kind == "PARQUET":
        pq.write_table(_for_parquet(found, table, header=bool(options.get("HEADER"))), path, compression="snappy")
        return [path]
    rows = _json_lines(found) if kind == "JSON" else _csv_lines(found, form, header=bool(options.get("HEADER")))
    data = "".join(rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return [path]


def _for_parquet(found: Result, table: pa.Table, *, header: bool) -> pa.Table:
    for at, column in enumerate(found.columns):
        kind = table.column(at).type
        if pa.types.is_null(kind):
            table = table.set_column(at, column.name, table.column(at).cast(pa.string()))
        elif pa.types.is_timestamp(kind) and kind.tz:
            raise SqlError(
                "Error encountered when unloading to PARQUET: TIMESTAMP_TZ and LTZ types are not supported for Parquet",
                1400,
                "22000",
            )
        elif pa.types.is_decimal(kind) and kind.scale == 0:
            table = table.set_column(at, column.name, table.column(at).cast(pa.int64()))
    names = [c.name for c in found.columns] if header else [f"_COL_{at}" for at in range(table.num_columns)]
    return table.rename_columns(names)


def _json_lines(found: Result) -> list[str]:
    if len(found.columns) != 1 or found.columns[0].kind not in ("variant", "object", "array"):
        raise SqlError(
            "SQL compilation error:\nJSON file format can unload a single column of type VARIANT, OBJECT or ARRAY",
            1420,
            "42601",
        )
    return [json.dumps(json.loads(value), separators=(",", ":")) + "\n" for (value,) in found.rows if value is not None]


def _csv_lines(found: Result, form: dict[str, Any], *, header: bool) -> list[str]:
    delimiter, end, quote = (
        form["FIELD_DELIMITER"] or ",",
        form["RECORD_DELIMITER"] or "\n",
        form["FIELD_OPTIONALLY_ENCLOSED_BY"],
    )
    null = str(form["NULL_IF"][0]) if form["NULL_IF"] else "\\N"

    def spelled(value: Any) -> str:
        if value is None:
            return null
        if isinstance(value, bool):
            return str(value).lower()
        text = str(value)
        if isinstance(value, str) and quote:
            return f"{quote}{text.replace(quote, quote * 2)}{quote}"
        if not quote and isinstance(value, str):
            text = text.replace("\\", "\\\\").replace(delimiter, f"\\{delimiter}").replace("\n", "\\\n")
        return text

    lines = [delimiter.join(spelled(c.name) for c in found.columns) + end] if header else []
    return lines + [delimiter.join(map(spelled, row)) + end for row in found.rows]
