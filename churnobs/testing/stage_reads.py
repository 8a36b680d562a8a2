"""Staged files as something to select from: $1, $2 of delimited files, $1:"name" of Parquet and JSON."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from churnobs.testing import csv_files
from churnobs.testing.csv_files import BadRow
from churnobs.testing.failures import SqlError, missing
from churnobs.testing.formats import checked, complete
from churnobs.testing.json_texts import Spelled, written
from churnobs.testing.locations import Location, locate
from churnobs.testing.names import split_name
from churnobs.testing.results import Column, Result, now
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.trees import ident

FILE, ROW = "METADATA$FILENAME", "METADATA$FILE_ROW_NUMBER"
CONTENT, MODIFIED, SCANNED = "METADATA$FILE_CONTENT_KEY", "METADATA$FILE_LAST_MODIFIED", "METADATA$START_SCAN_TIME"
METADATA = (FILE, ROW, CONTENT, MODIFIED, SCANNED)


@dataclass(slots=True)
class Copying:
    """What a COPY INTO says about the files its query reads: the format and the one file to read now."""

    form: dict[str, Any]
    file: str | None = None
    read: FileRows | None = None


@dataclass(slots=True)
class FileRows:
    """The rows of one file."""

    table: pa.Table
    kind: str
    header: list[str] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def is_location(node: exp.Table) -> bool:
    """Whether a table in a query is a place with files."""
    return isinstance(node.this, exp.Var | exp.Literal) and node.this.name.startswith(("@", "snow://"))


def format_of(session: Session, location: Location, given: Any) -> dict[str, Any]:
    """The complete format: what is given inline or by name, over that of the stage."""
    if isinstance(given, str):
        given = {"FORMAT_NAME": given}
    given = dict(given or {})
    if name := given.pop("FORMAT_NAME", None):
        full = session.resolve(split_name(str(name)))
        found = session.account.catalog.formats.get(full)
        if found is None:
            raise missing("File format", full)
        given = {**found.options, **given}
    base = {} if given.get("TYPE") else dict(location.file_format)
    return complete(checked({**base, **given}) if given or base else {})


def read_file(path: Path, form: Mapping[str, Any]) -> FileRows:
    """Read one file."""
    kind = form["TYPE"]
    if kind == "PARQUET":
        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise SqlError(f"Error parsing the parquet file: {error}", 100126, "22000") from error
        return FileRows(_plain(table), "parquet")
    if kind == "JSON":
        rows = json_rows(csv_files.content(path, str(form.get("COMPRESSION", "AUTO"))).decode("utf-8-sig"), form)
        return FileRows(pa.table({"C1": pa.array(rows, pa.string())}), "json")
    table, header, bad = csv_files.read(path, form)
    return FileRows(table, "csv", header, bad)


def _plain(table: pa.Table) -> pa.Table:
    """Let go of dictionaries, which DuckDB would show as enumerations."""
    for at, held in enumerate(table.schema):
        if pa.types.is_dictionary(held.type):
            table = table.set_column(at, held.name, table.column(at).cast(held.type.value_type))
    return table.replace_schema_metadata(None)


def json_rows(text: str, form: Mapping[str, Any]) -> list[str]:
    """The documents of a JSON file; an outer array is taken apart when the format says so."""
    decoder = json.JSONDecoder(parse_float=Spelled, parse_int=Spelled)
    rows: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text):
            return rows
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError as error:
            raise SqlError(f"Error parsing JSON: {error}", 100069, "22P02") from error
        parts = value if form.get("STRIP_OUTER_ARRAY") and isinstance(value, list) else [value]
        rows += [written(part) for part in parts]


def json_keys(table: pa.Table) -> list[str]:
    """The keys of the objects of a JSON file, in the order in which they come up."""
    keys: dict[str, None] = {}
    for text in table.column("C1").to_pylist():
        value = json.loads(text)
        keys.update(dict.fromkeys(value if isinstance(value, dict) else ()))
    return list(keys)


def read_location(rewriter: Rewriter, text: str, node: exp.Table) -> Result:
    """All files of a location as one relation, with the metadata columns."""
    session = rewriter.session
    location = locate(session, text)
    copying: Copying | None = rewriter.copying
    if copying is not None:
        assert copying.read is not None
        return _relation([(str(copying.file), copying.read)], location)
    given, pattern = node.args.get("format"), node.args.get("pattern")
    named: Any = given.name if isinstance(given, exp.Expr) else None
    form = format_of(session, location, named)
    files = location.files(pattern.name if pattern is not None else None)
    exact = location.path.strip("/")
    files = [exact] if exact in files else files
    if not files:
        raise SqlError(f"Remote file '{text}' was not found.", 91016, "22000")
    parts = [(file, read_file(location.inside(file), form)) for file in files]
    for file, part in parts:
        if part.bad:
            raise SqlError(f"{part.bad[0].message}\n  File '{file}', line {part.bad[0].line}", 100080, "22000")
    wanted = any(column.name.upper() == CONTENT for column in node.root().find_all(exp.Column))
    return _relation(parts, location, hashed=wanted)


def _relation(parts: Sequence[tuple[str, FileRows]], location: Location, *, hashed: bool = False) -> Result:
    tables = []
    for file, part in parts:
        count = part.table.num_rows
        table = part.table.append_column(FILE, pa.array([_within(location, file)] * count, pa.string()))
        table = table.append_column(ROW, pa.array(range(1, count + 1), pa.int64()))
        path = location.inside(file)
        changed = None
        if path.is_file():
            changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).replace(tzinfo=None, microsecond=0)
        if hashed:
            key = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            table = table.append_column(CONTENT, pa.array([key] * count, pa.string()))
        table = table.append_column(MODIFIED, pa.array([changed] * count, pa.timestamp("us")))
        tables.append(table.append_column(SCANNED, pa.array([now()] * count, pa.timestamp("us", tz="UTC"))))
    table = pa.concat_tables(tables, promote_options="permissive")
    kind = parts[0][1].kind
    columns = [Column(n, "variant" if kind == "json" and n == "C1" else "text") for n in table.schema.names]
    made = Result(columns, table)
    made.extra["kind"] = kind
    return made


def _within(location: Location, file: str) -> str:
    """What METADATA$FILENAME says: the path in an internal stage, or that in the bucket of an external one."""
    bucket = re.match(r"(?!snow:)[a-z0-9]+://[^/]+/", location.shown)
    if bucket is not None:
        return f"{location.shown}{file}"[bucket.end() :]
    return f"{location.shown}{file}" if location.shown.startswith("snow:") else file


def stage_position(mark: exp.Parameter, kind: str, names: Sequence[str]) -> None:
    """Put the column that $n stands for in its place."""
    place = int(mark.this.name)
    if kind == "parquet":
        above = mark.parent
        if place != 1:
            raise SqlError(
                f"SQL compilation error:\ninvalid identifier '${place}': a Parquet file has $1 only", 904, "42000"
            )
        if isinstance(above, exp.JSONExtract) and (key := _key(above)) is not None:
            column: exp.Expr = exp.column(ident(key)) if key in names else exp.null()
            rest = above.expression.expressions[2:]
            if rest or not isinstance(above.parent, exp.Cast | exp.TryCast):
                column = exp.Anonymous(this="to_json", expressions=[column])
            if rest:
                column = exp.JSONExtract(
                    this=column, expression=exp.JSONPath(expressions=[exp.JSONPathRoot(), *rest]), variant_extract=True
                )
            above.replace(column)
            return
        fields = [exp.PropertyEQ(this=ident(n), expression=exp.column(ident(n))) for n in names if n not in METADATA]
        mark.replace(exp.Anonymous(this="to_json", expressions=[exp.Struct(expressions=fields)]))
        return
    if kind == "json" and place != 1:
        raise SqlError(f"SQL compilation error:\ninvalid identifier '${place}': a JSON file has $1 only", 904, "42000")
    name = f"C{place}"
    mark.replace(exp.column(ident(name)) if name in names else exp.null())


def _key(extract: exp.JSONExtract) -> str | None:
    steps = extract.expression.expressions if isinstance(extract.expression, exp.JSONPath) else []
    return str(steps[1].this) if len(steps) > 1 and isinstance(steps[1], exp.JSONPathKey) else None
