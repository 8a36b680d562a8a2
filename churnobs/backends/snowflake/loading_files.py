"""A file on its way to the stage: as it is where every reader splits it the same way, otherwise as a Parquet file of texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churnobs.backends.snowflake.ddl import literal
from churnobs.backends.snowflake.loading_sql import DIALECT
from churnobs.backends.snowflake.schema import STAGED, STAGED_WIDTH
from churnobs.csv_records import count_plain, scan_bytes
from churnobs.errors import BadConfig
from churnobs.ingest import LoadJob
from churnobs.ingest_plan import Plan, Raw, locate, plan
from churnobs.ingest_rules import BadRow, empty_file, header_of, no_parquet, numbered_records, unreadable

_BATCH: Final = 50_000
_BROKEN: Final = (pa.ArrowException, OSError)
# as the simulator names the types of a Parquet file
_TYPES: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_boolean, "BOOLEAN"), (pa.types.is_int8, "TINYINT"), (pa.types.is_int16, "SMALLINT"),
    (pa.types.is_int32, "INTEGER"), (pa.types.is_int64, "BIGINT"), (pa.types.is_uint8, "UTINYINT"),
    (pa.types.is_uint16, "USMALLINT"), (pa.types.is_uint32, "UINTEGER"), (pa.types.is_uint64, "UBIGINT"),
    (pa.types.is_float16, "FLOAT"), (pa.types.is_float32, "FLOAT"), (pa.types.is_float64, "DOUBLE"),
    (pa.types.is_string, "VARCHAR"), (pa.types.is_large_string, "VARCHAR"), (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"), (pa.types.is_binary, "BLOB"), (pa.types.is_large_binary, "BLOB"), (pa.types.is_null, '"NULL"'),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that was looked at.

    Args:
        job: what is to be loaded.
        plan: how its staged rows are typed and checked.
        names: of all its columns.
        header: whether they stand in its first line.
        path: what is sent.
        rows: how many rows of it COPY must bring.
        select: the columns of COPY's query, RECORD first.
        format: the file format of COPY.
        numbered: whether RECORD counts from 1.
        unread: records that are none.
    """

    job: LoadJob
    plan: Plan
    names: tuple[str, ...]
    header: bool
    path: Path = Path()
    rows: int = 0
    select: tuple[str, ...] = ()
    format: str = ""
    numbered: bool = True
    unread: list[BadRow] = field(default_factory=list)

    @property
    def columns(self) -> list[int]:
        """The places of the columns that are staged, as C1, C2, ..."""
        return [at for at, raw in enumerate(self.plan.raws) if raw.expression != "NULL"]

    @property
    def staged_name(self) -> str:
        """What the file is called on the stage."""
        return f"{self.path.name}.gz" if self.path.suffix == ".csv" else self.path.name

    @property
    def compressed(self) -> bool:
        """Whether PUT is to compress it."""
        return self.path.suffix == ".csv"

    def copy(self, location: str) -> str:
        """The statement that brings the rows from a location, and takes the file away."""
        listed = ", ".join(["FILE", "RECORD", *(f"C{n}" for n in range(1, len(self.select)))])
        # the load history counts a file by its name: what was rolled back must come again
        return (
            f"COPY INTO {STAGED} ({listed}) FROM (SELECT METADATA$FILENAME, {', '.join(self.select)} FROM {location}) "
            f"FILE_FORMAT = ({self.format}) ON_ERROR = ABORT_STATEMENT FORCE = TRUE PURGE = TRUE"
        )

    def described(self, numbers: set[int]) -> dict[int, tuple[int, str]]:
        """The line of some rows, and the rows as JSON text, by number: the file is read again for them."""
        found: dict[int, tuple[int, str]] = {}
        rows = _csv_rows(self, numbers) if self.job.file.format == "csv" else _parquet_rows(self, numbers)
        for number, line, values in rows:
            found[number] = (line, _row_json(self.names, values))
            if len(found) == len(numbers):
                break
        return found


def look_at(job: LoadJob, folder: Path) -> LocalFile:
    """Read a file's names and decide how it is sent; what has to be written for that is put into a folder.

    Raises:
        BadFile: the file as a whole cannot be read, or lacks a column.
        BadConfig: the mapping reads too many columns.
    """
    return _look_at_csv(job, folder) if job.file.format == "csv" else _look_at_parquet(job, folder)


def _look_at_csv(job: LoadJob, folder: Path) -> LocalFile:
    if scan_bytes(job.file.path).empty:
        raise empty_file(job)
    names, header = header_of(job)
    local = LocalFile(job, _plan(job, [(name, "VARCHAR") for name in names]), names, header)
    lines = count_plain(job.file.path, job.columns.delimiter, len(names))
    if lines is None:
        return _write_texts(local, folder, _csv_batches(local))
    target = folder / f"{job.file.content_hash[:32]}.csv"
    try:
        # under a name that PUT does not take for a pattern
        target.symlink_to(job.file.path.resolve())
    except OSError:
        shutil.copyfile(job.file.path, target)
    text = (
        f"TYPE = CSV FIELD_DELIMITER = {literal(job.columns.delimiter)} SKIP_HEADER = {int(header)} "
        "FIELD_OPTIONALLY_ENCLOSED_BY = NONE ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = ('') ENCODING = 'UTF8'"
    )
    select = ("METADATA$FILE_ROW_NUMBER", *(f"${at + 1}" for at in local.columns))
    # whether a header that is skipped has a number is nowhere said
    return replace(local, path=target, rows=lines - int(header), select=select, format=text, numbered=False)


def _look_at_parquet(job: LoadJob, folder: Path) -> LocalFile:
    try:
        schema = pq.read_schema(job.file.path)
    except _BROKEN as error:
        raise no_parquet(job, error) from error
    how = _plan(job, [(column.name, _type_name(column.type)) for column in schema])
    local = LocalFile(job, how, tuple(schema.names), header=False)
    try:
        return _write_texts(local, folder, _parquet_batches(local))
    except _BROKEN as error:
        raise no_parquet(job, error) from error


def _plan(job: LoadJob, columns: Sequence[tuple[str, str]]) -> Plan:
    """The plan, over staged columns for what the mapping names; the rest of the file is not sent."""
    wanted = locate(job, tuple(Raw(name, "NULL", kind) for name, kind in columns))
    chosen = {raw.name for raw in wanted.values()}
    if len(chosen) > STAGED_WIDTH:
        raise BadConfig(
            f"the mapping reads {len(chosen)} columns of {job.file.name}, at most {STAGED_WIDTH} can be",
            hint="filter by fewer columns",
        )
    place = {name: n for n, name in enumerate((name for name, _ in columns if name in chosen), start=1)}
    raws = (
        Raw(name, f"C{place[name]}" if name in place else "NULL", kind, staged_as_text=True) for name, kind in columns
    )
    return plan(job, tuple(raws), DIALECT)


def _write_texts(local: LocalFile, folder: Path, batches: Iterable[tuple[pa.Array, list[pa.Array]]]) -> LocalFile:
    """Write numbers and texts of rows into a Parquet file."""
    path, rows = folder / f"{local.job.file.content_hash[:32]}.parquet", 0
    names = [f"C{n}" for n in range(1, len(local.columns) + 1)]
    schema = pa.schema([("RECORD", pa.int64()), *((name, pa.string()) for name in names)])
    with pq.ParquetWriter(path, schema) as writer:
        for numbers, columns in batches:
            writer.write_batch(pa.record_batch([numbers, *columns], schema=schema))
            rows += len(numbers)
    select = ('$1:"RECORD"::NUMBER(38,0)', *(f'$1:"{name}"::VARCHAR' for name in names))
    return replace(local, path=path, rows=rows, select=select, format="TYPE = PARQUET")


def _csv_batches(local: LocalFile) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    records = numbered_records(local.job, local.names, header=local.header)
    while batch := list(islice(records, _BATCH)):
        local.unread.extend(unreadable(local.job, n, record, local.names) for n, record in batch if record.problem)
        good = [(n, record.fields) for n, record in batch if not record.problem]
        columns = [pa.array([fields[at] or None for _, fields in good], pa.string()) for at in local.columns]
        yield pa.array([n for n, _ in good], pa.int64()), columns


def _parquet_batches(local: LocalFile) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    start = 1
    chosen = [local.names[at] for at in local.columns]
    with pq.ParquetFile(local.job.file.path) as file:
        for batch in file.iter_batches(_BATCH, columns=chosen):
            numbers = pa.array(range(start, start + batch.num_rows), pa.int64())
            start += batch.num_rows
            yield numbers, [_texts(batch.column(name)) for name in chosen]


def _csv_rows(local: LocalFile, numbers: set[int]) -> Iterator[tuple[int, int, list[str | None]]]:
    for number, record in numbered_records(local.job, local.names, header=local.header):
        if number in numbers:
            yield number, record.line, [text or None for text in record.fields]


def _parquet_rows(local: LocalFile, numbers: set[int]) -> Iterator[tuple[int, int, list[str | None]]]:
    start = 1
    with pq.ParquetFile(local.job.file.path) as file:
        for batch in file.iter_batches(_BATCH):
            columns = [_texts(column) for column in batch.columns]
            for number in range(start, start + batch.num_rows):
                if number in numbers:
                    yield number, number, [column[number - start].as_py() for column in columns]
            start += batch.num_rows


def _row_json(names: Sequence[str], values: Sequence[str | None]) -> str:
    pairs = (
        f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}"
        for name, value in zip(names, values, strict=True)
    )
    return "{" + ",".join(pairs) + "}"


def _type_name(kind: pa.DataType) -> str:
    """A type as the simulator names it.

    >>> _type_name(pa.list_(pa.int64())), _type_name(pa.decimal128(9, 2))
    ('BIGINT[]', 'DECIMAL(9,2)')
    """
    if pa.types.is_dictionary(kind):
        return _type_name(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{_type_name(kind.value_type)}[]"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP_NS" if kind.unit == "ns" else "TIMESTAMP"
    return next((name for is_one, name in _TYPES if is_one(kind)), str(kind).upper())


def _texts(values: pa.Array) -> pa.Array:
    """Values as the texts that the simulator would show.

    >>> _texts(pa.array([1.0, None, float("nan")])).to_pylist()
    ['1.0', None, 'nan']
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _texts(values.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        text = pc.replace_substring_regex(
            values.cast(pa.timestamp(kind.unit)).cast(pa.string()), r"(\.\d*[1-9])?\.?0*$", r"\1"
        )
        return pc.binary_join_element_wise(text, "+00", "") if kind.tz else text
    if pa.types.is_floating(kind):
        exact: Any = np.float32 if kind.bit_width < 64 else float
        return pa.array([None if v is None else str(exact(v)) for v in values.to_pylist()], pa.string())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())
