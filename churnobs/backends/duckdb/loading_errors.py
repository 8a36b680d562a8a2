"""The careful reading, taken only when something is wrong with a file: which row, line and column, and why."""

from __future__ import annotations

from dataclasses import astuple
from itertools import islice
from typing import Final

import duckdb
import pyarrow as pa

from churnobs.backends.duckdb.inserting import insert
from churnobs.backends.duckdb.loading_sql import row_json
from churnobs.csv_records import Record
from churnobs.errors import BadFile
from churnobs.ingest import LoadJob
from churnobs.ingest_plan import DUPLICATE_IN_FILE, DUPLICATE_IN_TABLE, Plan
from churnobs.ingest_rules import first_error as told_as_error
from churnobs.ingest_rules import numbered_records, unreadable

STAGE: Final = "CHURNOBS_STAGE"
BAD: Final = "CHURNOBS_BAD"
TEXT: Final = "CHURNOBSTEXT"
_BATCH: Final = 50_000


def reread_csv(connection: duckdb.DuckDBPyConnection, job: LoadJob, names: tuple[str, ...], *, header: bool) -> str:
    """Read a CSV file as text with record and line numbers; records that are none go to BAD. Names the relation."""
    columns = "".join(f", c{i} VARCHAR" for i in range(len(names)))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {TEXT} (RECORD BIGINT, LINE BIGINT{columns})")
    create_bad(connection)
    missing = ", ".join(["RECORD", "LINE", *(f"nullif(c{i}, '')" for i in range(len(names)))])
    numbered = numbered_records(job, names, header=header)
    while batch := list(islice(numbered, _BATCH)):
        _append(connection, TEXT, _texts([(n, r) for n, r in batch if not r.problem], len(names)), missing)
        _append(connection, BAD, _rejects(job, [(n, r) for n, r in batch if r.problem], names), "*")
    return TEXT


def create_bad(connection: duckdb.DuckDBPyConnection) -> None:
    """An empty table of bad rows."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {BAD} "
        '(RECORD BIGINT, LINE BIGINT, COLUMN_NAME VARCHAR, REASON VARCHAR, "ROW" VARCHAR)'
    )


def mark_duplicates(connection: duckdb.DuckDBPyConnection, key: str, table: str, *, against_table: bool) -> None:
    """Mark the good rows that repeat a key: all but the first in the file, and all that the table has."""
    connection.execute(
        f"""UPDATE {STAGE} SET PROBLEM = {DUPLICATE_IN_FILE} WHERE RECORD IN (
            SELECT RECORD FROM (SELECT RECORD, row_number() OVER (PARTITION BY {key} ORDER BY RECORD) AS NTH
            FROM {STAGE} WHERE PROBLEM = 0) WHERE NTH > 1)"""
    )
    if against_table:
        connection.execute(
            f"""UPDATE {STAGE} SET PROBLEM = {DUPLICATE_IN_TABLE}
                WHERE PROBLEM IN (0, {DUPLICATE_IN_FILE}) AND {key} IN (SELECT {key} FROM {table})"""
        )


def explain(connection: duckdb.DuckDBPyConnection, plan: Plan, source: str) -> None:
    """Write every bad row of a staged source into BAD. The source has RECORD and LINE."""
    told = f"RECORD, LINE, {plan.told('PROBLEM')}, {row_json(plan)}"
    insert(connection, BAD, f"INSERT INTO {BAD} SELECT {told} FROM ({plan.marked(source)}) WHERE PROBLEM > 0")
    repeated = (
        f"(SELECT s.*, d.PROBLEM FROM {source} AS s JOIN (SELECT RECORD AS NUMBER, PROBLEM FROM {STAGE} "
        f"WHERE PROBLEM >= {DUPLICATE_IN_FILE}) AS d ON s.RECORD = d.NUMBER)"
    )
    insert(connection, BAD, f"INSERT INTO {BAD} SELECT {told} FROM {repeated}")


def first_error(connection: duckdb.DuckDBPyConnection, job: LoadJob) -> BadFile:
    """The error that names the first bad row."""
    row = connection.execute(
        f"SELECT LINE, COLUMN_NAME, REASON, count(*) OVER () FROM {BAD} ORDER BY LINE, RECORD LIMIT 1"
    ).fetchone()
    return told_as_error(job, row[:3] if row else None, row[3] if row else 0)


def _texts(batch: list[tuple[int, Record]], width: int) -> pa.Table:
    columns = list(zip(*(record.fields for _, record in batch), strict=True)) or [()] * width
    names = ["RECORD", "LINE", *(f"c{i}" for i in range(width))]
    numbers = [pa.array([n for n, _ in batch], pa.int64()), pa.array([r.line for _, r in batch], pa.int64())]
    return pa.table([*numbers, *(pa.array(column, pa.string()) for column in columns)], names=names)


def _rejects(job: LoadJob, batch: list[tuple[int, Record]], names: tuple[str, ...]) -> pa.Table:
    rows = [unreadable(job, number, record, names) for number, record in batch]
    kinds = [("RECORD", pa.int64()), ("LINE", pa.int64()), ("COLUMN_NAME", pa.string())]
    schema = pa.schema([*kinds, ("REASON", pa.string()), ("ROW", pa.string())])
    return pa.Table.from_pylist([dict(zip(schema.names, astuple(row), strict=True)) for row in rows], schema=schema)


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, columns: str) -> None:
    if rows.num_rows == 0:
        return
    connection.register("CHURNOBS_BATCH", rows)
    try:
        connection.execute(f"INSERT INTO {table} SELECT {columns} FROM CHURNOBS_BATCH")
    finally:
        connection.unregister("CHURNOBS_BATCH")
