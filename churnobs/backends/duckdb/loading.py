"""Files into DuckDB: read once, typed and checked in SQL; read again with care only when something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb

from churnobs.backends.duckdb.ddl import literal, quoted
from churnobs.backends.duckdb.feedback import remove_feedback
from churnobs.backends.duckdb.inserting import insert
from churnobs.backends.duckdb.loading_errors import (
    BAD,
    STAGE,
    TEXT,
    create_bad,
    explain,
    first_error,
    mark_duplicates,
    reread_csv,
)
from churnobs.backends.duckdb.loading_sql import DIALECT, path_literal
from churnobs.backends.duckdb.opening import translate
from churnobs.csv_records import scan_bytes
from churnobs.errors import BackendFailed
from churnobs.ingest import Compared, IngestedFile, LoadJob, LoadPort, LoadResult
from churnobs.ingest_months import compared, differing_sql, given_sql, good_rows, made_of_number
from churnobs.ingest_plan import DATES, TABLES, Plan, Raw, plan
from churnobs.ingest_rules import (
    Counts,
    check_not_empty,
    empty_file,
    header_of,
    ingested_rows,
    no_parquet,
    nothing_left,
    shares_of,
)
from churnobs.mapping import Kind
from churnobs.months import Month

_CSV_ERRORS: Final = "CHURNOBS_CSV_ERRORS"
_CSV_SCANS: Final = "CHURNOBS_CSV_SCANS"
_COMPARED: Final = "CHURNOBS_COMPARED"
# within the transaction that made a table its row ids do not start at 0
_ROW_NUMBER: Final = f"(rowid - (SELECT min(rowid) FROM {STAGE}) + 1)"


@dataclass(frozen=True, slots=True)
class _Staged:
    """A file in STAGE: how it was read, and where its rows can be read again."""

    plan: Plan
    # the number of a staged row, as SQL over STAGE
    record: str
    source: str | None
    names: tuple[str, ...]
    header: bool
    broken: bool = False


class DuckDBLoader(LoadPort):
    """Loads files over one connection.

    Args:
        connection: of the database.
        transaction: opens a transaction, or joins the one that is open; nothing is written outside it.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection = connection
        self._transaction = transaction

    def ingested(self) -> tuple[IngestedFile, ...]:
        """What was loaded, oldest first."""
        rows = self._connection.execute(
            """SELECT FILE_TYPE, FILE_NAME, YEAR, MONTH, CONTENT_HASH, ROWS_LOADED, ROWS_REJECTED, PERIOD_END, ROWS_FORGOTTEN,
                      REVISION FROM FILES_INGESTED WHERE REPLACED_IN IS NULL ORDER BY rowid"""
        ).fetchall()
        return tuple(
            IngestedFile(kind, name, Month(year, month) if year else None, *rest)
            for kind, name, year, month, *rest in rows
        )

    def retract(self, kind: Kind, month: Month, revision: int) -> int:
        """Delete what was loaded of a month."""
        self._connection.execute(
            "UPDATE FILES_INGESTED SET REPLACED_IN = ? WHERE FILE_TYPE = ? AND YEAR = ? AND MONTH = ? AND REPLACED_IN IS NULL",
            [revision, kind, month.year, month.number],
        )
        inside, days = f"{DATES[kind]} >= ? AND {DATES[kind]} < ?", [month.start, month.end]
        if kind == "feedback":
            self._connection.execute(f"DELETE FROM FEEDBACK_SENTIMENT WHERE {inside}", days)
            return remove_feedback(self._connection, inside, days)
        return self._row_of(f"DELETE FROM {TABLES[kind][0]} WHERE {inside}", days)[0]

    def forgotten(self) -> tuple[str, ...]:
        """The hashes of forgotten customers."""
        rows = self._connection.execute("SELECT DISTINCT CUSTOMER_HASH FROM FORGOTTEN ORDER BY 1").fetchall()
        return tuple(hashed for (hashed,) in rows)

    def load(self, job: LoadJob) -> LoadResult:
        """Load one file, all or nothing."""
        with self._reading(job):
            return self._load(job)

    def compare(self, jobs: Sequence[LoadJob]) -> Compared:
        """Look how files differ from what is loaded."""
        kind, given = jobs[0].file.kind, []
        numbered: tuple[str, ...] = ()
        tables = [f"{_COMPARED}_{n}" for n in range(len(jobs))]
        try:
            for table, job in zip(tables, jobs, strict=True):
                with self._reading(job):
                    staged = self._staged(job)
                    if staged.broken or self._has_bad_rows(job, against_table=False):
                        staged = self._explain(job, staged, against_table=False)
                    rows = good_rows(staged.plan, f"{STAGE} WHERE PROBLEM = 0", staged.record)
                    self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {rows}")
                    numbered = staged.plan.numbered
                given.append(self._connection.execute(given_sql(kind, f"FROM {table}")).fetchall())
            differing = differing_sql(kind, numbered, [f"FROM {table}" for table in tables])
            return compared(given, self._connection.execute(differing).fetchall())
        finally:
            self._drop_temporary(*tables)

    @contextmanager
    def _reading(self, job: LoadJob) -> Iterator[None]:
        """Around whatever reads one file: a transaction, and errors that name the file."""
        try:
            with self._transaction(), job.file.held():
                try:
                    yield
                finally:
                    self._drop_temporary(STAGE, BAD, TEXT, _CSV_ERRORS, _CSV_SCANS)
        except duckdb.Error as error:
            told = translate(error)
            hint = told.hint if type(told) is BackendFailed else "nothing of the file was loaded"
            raise BackendFailed(f"{job.file.name}: {told.message}", hint=hint) from error

    def _staged(self, job: LoadJob) -> _Staged:
        return self._stage_parquet(job) if job.file.format == "parquet" else self._stage_csv(job)

    def _load(self, job: LoadJob) -> LoadResult:
        staged = self._staged(job)
        rejected = 0
        if staged.broken or self._has_bad_rows(job):
            staged = self._explain(job, staged)
            rejected = self._one(f"SELECT count(*) FROM {BAD}")
            if rejected and job.on_error == "raise":
                raise first_error(self._connection, job)
        dropped = staged.plan.forgotten
        good, filtered, forgotten = self._row(
            f"SELECT count(*) FILTER (PROBLEM = 0), count(*) FILTER (PROBLEM IS NULL AND NOT {dropped}), "
            f"count(*) FILTER ({dropped}) FROM {STAGE}"
        )
        counts = Counts(good, filtered, rejected, self._by_month(job), forgotten)
        check_not_empty(job, counts, header=staged.header)
        shares = shares_of(job, counts)
        if not shares:
            raise first_error(self._connection, job) if rejected else nothing_left(job)
        self._insert(job, staged)
        self._record(job, ingested_rows(job, shares, counts), rejected)
        months = tuple(share.month for share in shares if share.month is not None)
        return LoadResult(good, rejected, filtered, months, forgotten)

    # staging

    def _stage_csv(self, job: LoadJob) -> _Staged:
        looked = scan_bytes(job.file.path)
        if looked.empty:
            raise empty_file(job)
        names, header = header_of(job)
        raws = tuple(Raw(name, f"c{i}", "VARCHAR") for i, name in enumerate(names))
        how = plan(job, raws, DIALECT)
        staged = _Staged(how, _ROW_NUMBER, None, names, header, broken=not looked.plain)
        if staged.broken:
            return staged
        columns = ", ".join(f"c{i}: 'VARCHAR'" for i in range(len(names)))
        # bad records are counted, not raised: an error would end a transaction that the caller may have opened
        source = f"""read_csv({path_literal(job.file.path)}, columns={{{columns}}}, auto_detect=false,
            header={str(header).lower()}, delim={literal(job.columns.delimiter)}, quote='"', escape='"', nullstr='',
            hive_partitioning=false, store_rejects=true, rejects_limit=1, rejects_table='{_CSV_ERRORS}',
            rejects_scan='{_CSV_SCANS}')"""
        self._stage(how, source)
        return replace(staged, broken=self._one(f"SELECT count(*) FROM {_CSV_ERRORS}") > 0)

    def _stage_parquet(self, job: LoadJob) -> _Staged:
        scan = f"read_parquet({path_literal(job.file.path)}, file_row_number=true, hive_partitioning=false)"
        try:
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
            fields = [(name, kind) for name, kind, *_ in described if name != "file_row_number"]
            raws = tuple(Raw(name, f"c{i}", kind) for i, (name, kind) in enumerate(fields))
            how = plan(job, raws, DIALECT)
            columns = ", ".join(f"{_parquet_value(name, kind)} AS c{i}" for i, (name, kind) in enumerate(fields))
            number = "CAST(file_row_number + 1 AS BIGINT)"
            source = f"(SELECT {number} AS RECORD, {number} AS LINE, {columns} FROM {scan})"
            self._stage(how, source, "RECORD")
        except duckdb.Error as error:
            raise no_parquet(job, error) from error
        return _Staged(how, "RECORD", source, tuple(name for name, _ in fields), header=False)

    def _stage(self, how: Plan, source: str, *extra: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {STAGE} AS {how.staged(source, *extra)}")

    # checking

    def _has_bad_rows(self, job: LoadJob, *, against_table: bool = True) -> bool:
        if self._one(f"SELECT count(*) FROM {STAGE} WHERE PROBLEM > 0"):
            return True
        if job.key is None:
            return False
        # ids that rise from row to row, as most exports have them, cannot repeat: much cheaper to see than distinct ids
        rises = f"SELECT count(*) FILTER (NOT coalesce({job.key} > BEFORE, BEFORE IS NULL)) FROM (SELECT {job.key}, "
        rises += f"lag({job.key}) OVER () AS BEFORE FROM {STAGE} WHERE PROBLEM = 0)"
        repeats = f"SELECT count(*) - count(DISTINCT {job.key}) FROM {STAGE} WHERE PROBLEM = 0"
        if self._one(rises) and self._one(repeats):
            return True
        if job.file.kind == "customers" or not against_table:
            return False
        table = TABLES[job.file.kind][0]
        known = f"SELECT count(*) FROM {STAGE} AS s SEMI JOIN {table} AS t USING ({job.key}) WHERE s.PROBLEM = 0"
        return self._one(known) > 0

    def _explain(self, job: LoadJob, staged: _Staged, *, against_table: bool = True) -> _Staged:
        """Find every bad row; for CSV this reads the file once more, with its lines."""
        if staged.source is None:
            source = reread_csv(self._connection, job, staged.names, header=staged.header)
            self._stage(staged.plan, source, "RECORD")
        else:
            source = staged.source
            create_bad(self._connection)
        if job.key is not None:
            table = TABLES[job.file.kind][0]
            against_table = against_table and job.file.kind != "customers"
            mark_duplicates(self._connection, job.key, table, against_table=against_table)
        explain(self._connection, staged.plan, source)
        return replace(staged, record="RECORD", source=source)

    # writing

    def _by_month(self, job: LoadJob) -> dict[Month, int]:
        """The good rows of each month, where the dates decide in which they are."""
        if job.file.month is not None or job.file.kind == "customers":
            return {}
        date = DATES[job.file.kind]
        counted = self._connection.execute(
            f"SELECT year({date}), month({date}), count(*) FROM {STAGE} WHERE PROBLEM = 0 GROUP BY ALL"
        ).fetchall()
        return {Month(year, number): count for year, number, count in counted}

    def _insert(self, job: LoadJob, staged: _Staged) -> None:
        kind = job.file.kind
        table, columns = TABLES[kind]
        # new customers get their keys in the order of their ids, whatever the number of threads
        insert(
            self._connection,
            "CUSTOMER_KEYS",
            f"""INSERT INTO CUSTOMER_KEYS (CUSTOMER_KEY, CUSTOMER_ID)
                SELECT (SELECT coalesce(max(CUSTOMER_KEY), 0) FROM CUSTOMER_KEYS)
                       + row_number() OVER (ORDER BY CUSTOMER_ID), CUSTOMER_ID
                FROM (SELECT DISTINCT CUSTOMER_ID FROM {STAGE} WHERE PROBLEM = 0) AS s
                ANTI JOIN CUSTOMER_KEYS USING (CUSTOMER_ID) ORDER BY CUSTOMER_ID""",
        )
        if kind == "customers":
            # the newest file's word on a customer counts
            self._connection.execute(
                f"DELETE FROM CUSTOMERS WHERE CUSTOMER_ID IN (SELECT CUSTOMER_ID FROM {STAGE} WHERE PROBLEM = 0)"
            )
        values = [
            f"{made_of_number(job, column, 's.NUMBER')} AS {quoted(column)}"
            if column in staged.plan.numbered
            else f"k.{column}"
            if column == "CUSTOMER_KEY"
            else f"s.{quoted(column)}"
            for column in columns
        ]
        order = "s.CUSTOMER_ID" if kind == "customers" else f"s.{DATES[kind]}, s.NUMBER"
        insert(
            self._connection,
            table,
            f"""INSERT INTO {table} ({", ".join(map(quoted, columns))}) SELECT {", ".join(values)}
                FROM (SELECT *, {staged.record} AS NUMBER FROM {STAGE} WHERE PROBLEM = 0) AS s
                JOIN CUSTOMER_KEYS AS k USING (CUSTOMER_ID) ORDER BY {order}""",
        )

    def _record(self, job: LoadJob, rows: list[dict[str, Any]], rejected: int) -> None:
        """Write what was done into FILES_INGESTED, a row a month, and bad rows into REJECTS."""
        file = job.file
        for row in rows:
            self._connection.execute(
                f"INSERT INTO FILES_INGESTED ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
            )
        if rejected:
            self._connection.execute(
                f"""INSERT INTO REJECTS (FILE_NAME, CONTENT_HASH, FILE_TYPE, LINE, COLUMN_NAME, REASON, "ROW")
                    SELECT ?, ?, ?, LINE, COLUMN_NAME, REASON, "ROW" FROM {BAD} ORDER BY RECORD""",
                [file.name, file.content_hash, file.kind],
            )

    # small things

    def _drop_temporary(self, *tables: str) -> None:
        # in a transaction that failed nothing more runs, and its temporary tables go with it
        with suppress(duckdb.Error):
            for table in tables:
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")

    def _row(self, query: str) -> tuple[int, ...]:
        return self._row_of(query, [])

    def _row_of(self, query: str, values: Sequence[object]) -> tuple[int, ...]:
        row = self._connection.execute(query, list(values)).fetchone()
        return tuple(row) if row else ()

    def _one(self, query: str) -> int:
        return self._row(query)[0]


def _parquet_value(name: str, kind: str) -> str:
    """A column of a Parquet file.

    Statistics of Parquet leave NaN out, and DuckDB's optimizer believes them (duckdb issue 25521): a check that sees
    NaN only by its failing cast would be optimized away.
    """
    column = quoted(name)
    return f"CASE WHEN isnan({column}) THEN 'nan' ELSE {column} END" if kind in ("FLOAT", "DOUBLE") else column
