"""Files into Snowflake: put on the stage, copied as text into a table of their own, checked and loaded in SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.loading_files import LocalFile, look_at
from churnobs.backends.snowflake.schema import STAGE, STAGED
from churnobs.errors import BackendFailed, BadFile, ChurnobsError
from churnobs.ingest import Compared, IngestedFile, LoadJob, LoadPort, LoadResult
from churnobs.ingest_months import compared, differing_sql, given_sql, good_rows, made_of_number
from churnobs.ingest_plan import DATES, DUPLICATE_IN_FILE, DUPLICATE_IN_TABLE, TABLES
from churnobs.ingest_rules import (
    BadRow,
    Counts,
    check_not_empty,
    first_error,
    ingested_rows,
    nothing_left,
    shares_of,
)
from churnobs.mapping import Kind
from churnobs.months import Month

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine

_ORDER: Final = ("sales", "feedback", "customers")


class SnowflakeLoader(LoadPort):
    """Loads files over one session."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def ingested(self) -> tuple[IngestedFile, ...]:
        """What was loaded, oldest first."""
        rows = self._engine.read("FILES_INGESTED").to_pylist()
        # rows of a table have no order: they are told by what they cover
        rows.sort(key=lambda r: (r["PERIOD_END"] or dt.date.min, _ORDER.index(r["FILE_TYPE"]), r["FILE_NAME"]))
        return tuple(
            IngestedFile(
                row["FILE_TYPE"],
                row["FILE_NAME"],
                Month(row["YEAR"], row["MONTH"]) if row["YEAR"] else None,
                row["CONTENT_HASH"],
                row["ROWS_LOADED"],
                row["ROWS_REJECTED"],
                row["PERIOD_END"],
                row["ROWS_FORGOTTEN"],
                row["REVISION"],
            )
            for row in rows
            if row["REPLACED_IN"] is None
        )

    def retract(self, kind: Kind, month: Month, revision: int) -> int:
        """Delete what was loaded of a month; what the stream still gives of it is left out when it is read."""
        self._engine.dml(
            f"UPDATE FILES_INGESTED SET REPLACED_IN = {int(revision)} WHERE FILE_TYPE = {literal(kind)} AND "
            f"YEAR = {month.year} AND MONTH = {month.number} AND REPLACED_IN IS NULL",
            "FILES_INGESTED",
        )
        inside = f"{DATES[kind]} >= DATE '{month.start}' AND {DATES[kind]} < DATE '{month.end}'"
        if kind == "feedback":
            self._engine.dml(f"DELETE FROM FEEDBACK_SENTIMENT WHERE {inside}", "FEEDBACK_SENTIMENT")
        return self._engine.dml(f"DELETE FROM {TABLES[kind][0]} WHERE {inside}", TABLES[kind][0])

    def forgotten(self) -> tuple[str, ...]:
        """The hashes of forgotten customers."""
        return tuple(sorted(set(self._engine.read("FORGOTTEN")["CUSTOMER_HASH"].to_pylist())))

    def load(self, job: LoadJob) -> LoadResult:
        """Load one file, all or nothing."""
        with self._looked_at(job) as load:
            return load.run()

    def compare(self, jobs: Sequence[LoadJob]) -> Compared:
        """Look how files differ from what is loaded: all are staged together."""
        kind, given, rows = jobs[0].file.kind, [], []
        numbered: tuple[str, ...] = ()
        with self._engine.transaction():
            for job in jobs:
                with self._looked_at(job) as load:
                    rows.append(load.only_staged())
                    given.append(self._engine.link.rows(given_sql(kind, rows[-1])))
                    numbered = load.numbered
            self._engine.flush({TABLES[kind][0]})
            differing = self._engine.link.rows(differing_sql(kind, numbered, rows))
            # a file may be staged again in this transaction, to be loaded
            self._engine.dml(f"DELETE FROM {STAGED}", STAGED)
        return compared(given, differing)

    @contextmanager
    def _looked_at(self, job: LoadJob) -> Iterator[_Load]:
        """Around whatever reads one file: a transaction, and errors that name the file."""
        with TemporaryDirectory(prefix="churnobs") as folder, self._engine.transaction(), job.file.held():
            try:
                yield _Load(self._engine, look_at(job, Path(folder)))
            except BackendFailed as error:
                raise BackendFailed(
                    f"{job.file.name}: {error.message}", hint="nothing of the file was loaded"
                ) from error


class _Load:
    """One file on its way through the stage."""

    def __init__(self, engine: SnowflakeEngine, local: LocalFile) -> None:
        self._engine = engine
        self._local = local
        self._job = local.job
        self._table, self._columns = TABLES[local.job.file.kind]
        # what a staged RECORD is more than the row's number
        self._offset = 0
        self._strangers = 0

    @property
    def numbered(self) -> tuple[str, ...]:
        """The columns that are made of a row's number."""
        return self._local.plan.numbered

    def only_staged(self) -> str:
        """Stage the rows, and give the good ones as a query: of rows that repeat a key the first, whatever is loaded."""
        local = self._local
        if local.rows:
            self._stage()
        verdicts = f"({_verdicts(local, against_table=False)}) AS v WHERE VERDICT = 0"
        return good_rows(local.plan, verdicts, "RECORD")

    def run(self) -> LoadResult:
        job, local = self._job, self._local
        counts = Counts(0, 0, len(local.unread), {})
        if local.rows:
            self._stage()
            counts = self._checked()
        if counts.rejected and job.on_error == "raise":
            raise self._first_error()
        check_not_empty(job, counts, header=local.header)
        shares = shares_of(job, counts)
        if not shares:
            raise self._first_error() if counts.rejected else nothing_left(job)
        if counts.rejected:
            self._put_aside()
        if counts.good:
            self._insert(_rows(local, checked=counts.rejected == 0))
        if local.rows:
            # once for all files of the transaction, so that the table is empty outside it
            self._engine.before_commit(f"DELETE FROM {STAGED}", STAGED)
        self._engine.append("FILES_INGESTED", ingested_rows(job, shares, counts))
        months = tuple(share.month for share in shares if share.month is not None)
        return LoadResult(counts.good, counts.rejected, counts.filtered, months, counts.forgotten)

    # staging

    def _stage(self) -> None:
        local = self._local
        location = f"@{STAGE}/{local.staged_name}"
        if local.job.months:
            # other months of the file may have been loaded in this transaction
            self._engine.dml(f"DELETE FROM {STAGED}", STAGED)
        try:
            self._engine.link.put(local.path.as_posix(), f"@{STAGE}", compress=local.compressed)
            self._engine.dml(local.copy(location), STAGED)
        except ChurnobsError:
            with suppress(ChurnobsError):
                self._engine.link.run(f"REMOVE {location}")
            raise

    # checking

    def _checked(self) -> Counts:
        """Count good, filtered and bad rows, and the good ones' months and new customers, in one query."""
        date = DATES[self._job.file.kind]
        self._engine.flush({self._table, "CUSTOMER_KEYS"})
        rows = self._engine.link.rows(
            f"""SELECT YEAR(s.GOOD_DATE), MONTH(s.GOOD_DATE), COUNT_IF(s.VERDICT = 0), COUNT_IF(s.VERDICT IS NULL),
                COUNT_IF(s.VERDICT > 0), COUNT_IF(s.VERDICT = 0 AND k.CUSTOMER_ID IS NULL), MIN(s.RECORD),
                COUNT_IF(s.IS_FORGOTTEN)
                FROM (SELECT *, CASE WHEN VERDICT = 0 THEN {date} END AS GOOD_DATE, {self._local.plan.forgotten} AS IS_FORGOTTEN
                      FROM ({_verdicts(self._local)})) AS s
                LEFT JOIN CUSTOMER_KEYS AS k ON k.CUSTOMER_ID = s.CUSTOMER_ID GROUP BY 1, 2"""
        )
        good, filtered, bad, strangers = (sum(int(row[n]) for row in rows) for n in (2, 3, 4, 5))
        if good + filtered + bad != self._local.rows:
            arrived = good + filtered + bad
            raise BackendFailed(f"{arrived} of {self._local.rows} rows arrived", hint="ingest it again")
        if not self._local.numbered:
            self._offset = min(int(row[6]) for row in rows) - 1
        self._strangers = strangers
        forgotten = sum(int(row[7]) for row in rows)
        by_month = {Month(int(year), int(month)): int(count) for year, month, count, *_ in rows if count and year}
        return Counts(good, filtered - forgotten, bad + len(self._local.unread), by_month, forgotten)

    def _told(self, *, only_first: bool) -> list[tuple[int, str, str, int]]:
        """Bad rows that the checks found: number, column, reason, and how many there are."""
        if not self._local.rows:
            return []
        found = self._engine.link.rows(
            f"""SELECT RECORD - {self._offset}, {self._local.plan.told("VERDICT")}, COUNT(*) OVER ()
                FROM ({_verdicts(self._local)}) WHERE VERDICT > 0 ORDER BY RECORD
                {"LIMIT 1" if only_first else ""}"""
        )
        return [(int(number), column, reason, int(count)) for number, column, reason, count in found]

    def _first_error(self) -> BadFile:
        told, unread = self._told(only_first=True), self._local.unread
        count = len(unread) + (told[0][3] if told else 0)
        if told and (not unread or told[0][0] < unread[0].record):
            number, column, reason, _ = told[0]
            return first_error(self._job, (self._local.described({number})[number][0], column, reason), count)
        first = unread[0] if unread else None
        return first_error(self._job, (first.line, first.column, first.reason) if first else None, count)

    def _put_aside(self) -> None:
        """Write bad rows into REJECTS."""
        told = self._told(only_first=False)
        described = self._local.described({number for number, *_ in told})
        bad = [BadRow(n, described[n][0], column, reason, described[n][1]) for n, column, reason, _ in told]
        file = self._job.file
        self._engine.append(
            "REJECTS",
            [
                {
                    "FILE_NAME": file.name,
                    "CONTENT_HASH": file.content_hash,
                    "FILE_TYPE": file.kind,
                    "LINE": row.line,
                    "COLUMN_NAME": row.column,
                    "REASON": row.reason,
                    "ROW": row.row,
                }
                for row in sorted([*self._local.unread, *bad], key=lambda r: r.record)
            ],
        )

    # writing

    def _insert(self, good: str) -> None:
        job, how = self._job, self._local.plan
        if self._strangers:
            # new customers get their keys in the order of their ids
            self._engine.dml(
                f"""INSERT INTO CUSTOMER_KEYS (CUSTOMER_KEY, CUSTOMER_ID)
                    SELECT (SELECT COALESCE(MAX(CUSTOMER_KEY), 0) FROM CUSTOMER_KEYS)
                           + ROW_NUMBER() OVER (ORDER BY CUSTOMER_ID), CUSTOMER_ID
                    FROM (SELECT DISTINCT s.CUSTOMER_ID FROM ({good}) AS s
                          LEFT JOIN CUSTOMER_KEYS AS k ON k.CUSTOMER_ID = s.CUSTOMER_ID WHERE k.CUSTOMER_ID IS NULL)""",
                "CUSTOMER_KEYS",
            )
        number = f"(s.RECORD - {self._offset})"
        values = [
            f"{made_of_number(job, column, number)} AS {quoted(column)}"
            if column in how.numbered
            else f"k.{column}"
            if column == "CUSTOMER_KEY"
            else f"s.{quoted(column)}"
            for column in self._columns
        ]
        rows = f"SELECT {', '.join(values)} FROM ({good}) AS s JOIN CUSTOMER_KEYS AS k ON k.CUSTOMER_ID = s.CUSTOMER_ID"
        listed = ", ".join(map(quoted, self._columns))
        if job.file.kind == "customers":
            # the newest file's word on a customer counts
            said = ", ".join(f"{quoted(c)} = n.{quoted(c)}" for c in self._columns if c != "CUSTOMER_ID")
            new = ", ".join(f"n.{quoted(c)}" for c in self._columns)
            sql = f"""MERGE INTO {self._table} AS t USING ({rows}) AS n ON t.CUSTOMER_ID = n.CUSTOMER_ID
                      WHEN MATCHED THEN UPDATE SET {said} WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({new})"""
        else:
            sql = f"INSERT INTO {self._table} ({listed}) {rows} ORDER BY s.{DATES[job.file.kind]}, s.RECORD"
        self._engine.dml(sql, self._table)


def _staged(local: LocalFile) -> str:
    """The rows of one file among those staged."""
    return f"(SELECT * FROM {STAGED} WHERE ENDSWITH(FILE, {literal(local.staged_name)}))"


def _verdicts(local: LocalFile, *, against_table: bool = True) -> str:
    """Staged rows with what is typed and VERDICT: their PROBLEM, or that they repeat a key."""
    job, how = local.job, local.plan
    marked = how.marked(_staged(local))
    if job.key is None:
        return f"SELECT *, PROBLEM AS VERDICT FROM ({marked})"
    nth = f"ROW_NUMBER() OVER (PARTITION BY PROBLEM, {job.key} ORDER BY RECORD) AS NTH"
    known, join = "", ""
    if job.file.kind != "customers" and against_table:
        known = f"WHEN m.PROBLEM = 0 AND t.KNOWN IS NOT NULL THEN {DUPLICATE_IN_TABLE}"
        table = TABLES[job.file.kind][0]
        join = f"LEFT JOIN (SELECT DISTINCT {job.key} AS KNOWN FROM {table}) AS t ON t.KNOWN = m.{job.key}"
    return f"""SELECT m.*, CASE {known} WHEN m.PROBLEM = 0 AND m.NTH > 1 THEN {DUPLICATE_IN_FILE} ELSE m.PROBLEM END
               AS VERDICT FROM (SELECT *, {nth} FROM ({marked})) AS m {join}"""


def _rows(local: LocalFile, *, checked: bool) -> str:
    """The good rows; once all are known to be good or filtered, repeated keys need no second look."""
    if checked:
        return f"SELECT * FROM ({local.plan.marked(_staged(local))}) WHERE PROBLEM = 0"
    return f"SELECT * FROM ({_verdicts(local)}) WHERE VERDICT = 0"
