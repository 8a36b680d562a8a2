"""What a COPY INTO tells of each file, at once and later: its answer, LOAD_HISTORY and COPY_HISTORY."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from churnobs.testing.csv_files import BadRow
from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, now, of_rows
from churnobs.testing.rewriting import Rewriter, table_function
from churnobs.testing.session import Session


@dataclass(slots=True)
class Loaded:
    """What became of one file."""

    file: str
    parsed: int
    rows: pa.Table | None
    bad: list[BadRow] = field(default_factory=list)
    failed: bool = False

    def facts(self, table: Name, shown: str, limit: int) -> tuple[Any, ...]:
        """The file's row in the answer of COPY INTO."""
        loaded = 0 if self.failed or self.rows is None else self.rows.num_rows
        state = "LOAD_FAILED" if self.failed else "PARTIALLY_LOADED" if self.bad else "LOADED"
        first = self.bad[0] if self.bad else None
        column = f'"{table.name}"["{first.column}"]' if first and first.column else None
        return (
            f"{shown}{self.file}", state, self.parsed, loaded, limit, len(self.bad), first and first.message,
            first and first.line, first and first.character, column,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """A file that was loaded, or tried, and when."""

    table: Name
    facts: tuple[Any, ...]
    at: dt.datetime = field(default_factory=now)


def answer(table: Name, shown: str, done: list[Loaded], *, goes_on: bool) -> Result:
    """The answer of COPY INTO: one row a file."""
    columns = {
        "file": "text", "status": "text", "rows_parsed": "fixed", "rows_loaded": "fixed", "error_limit": "fixed",
        "errors_seen": "fixed",
        "first_error": "text", "first_error_line": "fixed", "first_error_character": "fixed",
        "first_error_column_name": "text",
    }  # fmt: skip
    return of_rows(columns, [one.facts(table, shown, one.parsed if goes_on else 1) for one in done])


def load_history(session: Session, database: str | None) -> Result:
    """INFORMATION_SCHEMA.LOAD_HISTORY."""
    columns = {
        "SCHEMA_NAME": "text", "FILE_NAME": "text", "TABLE_NAME": "text", "LAST_LOAD_TIME": "timestamp_ltz", "STATUS": "text",
        "ROW_COUNT": "fixed", "ROW_PARSED": "fixed", "FIRST_ERROR_MESSAGE": "text", "FIRST_ERROR_LINE_NUMBER": "fixed",
        "FIRST_ERROR_CHARACTER_POSITION": "fixed", "FIRST_ERROR_COL_NAME": "text", "ERROR_COUNT": "fixed", "ERROR_LIMIT": "fixed",
    }  # fmt: skip
    rows = []
    for load in session.account.catalog.history:
        if load.table.database == database:
            file, state, parsed, loaded, limit, errors, message, line, character, column = load.facts
            rows.append((load.table.schema, file, load.table.name, load.at, state, loaded, parsed, message, line, character,
                         column, errors, limit))  # fmt: skip
    return of_rows(columns, rows)


@table_function("COPY_HISTORY", proof=document("functions/copy_history"))
def copy_history(rewriter: Rewriter, args: list[Any], named: dict[str, Any]) -> Result:
    """COPY_HISTORY(TABLE_NAME => ..., START_TIME => ... [, END_TIME => ...])."""
    rewriter.dynamic = True
    given = {**dict(zip(("TABLE_NAME", "START_TIME", "END_TIME"), args, strict=False)), **named}
    if "TABLE_NAME" not in given or "START_TIME" not in given:
        raise SqlError("SQL compilation error:\nCOPY_HISTORY needs TABLE_NAME and START_TIME", 1003, "42601")
    table = rewriter.session.resolve(split_name(str(rewriter.evaluate(given["TABLE_NAME"]))))
    start = _utc(rewriter.evaluate(given["START_TIME"]))
    end = _utc(rewriter.evaluate(given["END_TIME"])) if "END_TIME" in given else rewriter.session.account.clock.now()
    columns = {
        "FILE_NAME": "text", "LAST_LOAD_TIME": "timestamp_ltz", "ROW_COUNT": "fixed", "ROW_PARSED": "fixed",
        "FIRST_ERROR_MESSAGE": "text",
        "FIRST_ERROR_LINE_NUMBER": "fixed", "FIRST_ERROR_CHARACTER_POS": "fixed", "FIRST_ERROR_COLUMN_NAME": "text",
        "ERROR_COUNT": "fixed", "ERROR_LIMIT": "fixed", "STATUS": "text", "TABLE_CATALOG_NAME": "text",
        "TABLE_SCHEMA_NAME": "text",
        "TABLE_NAME": "text", "PIPE_CATALOG_NAME": "text", "PIPE_SCHEMA_NAME": "text", "PIPE_NAME": "text",
        "PIPE_RECEIVED_TIME": "timestamp_ltz", "FIRST_COMMIT_TIME": "timestamp_ltz",
    }  # fmt: skip
    rows = []
    for load in rewriter.session.account.catalog.history:
        if load.table == table and start <= load.at <= end:
            file, state, parsed, loaded, limit, errors, message, line, character, column = load.facts
            told = {"LOADED": "Loaded", "PARTIALLY_LOADED": "Partially loaded"}.get(state, "Load failed")
            rows.append(
                (
                    file,
                    load.at,
                    loaded,
                    parsed,
                    message,
                    line,
                    character,
                    column,
                    errors,
                    limit,
                    told,
                    *_parts(table),
                    None,
                    None,
                    None,
                    None,
                    load.at,
                )
            )
    return of_rows(columns, rows)


def _parts(name: Name) -> tuple[str, str, str]:
    return name.database, name.schema, name.name


def _utc(value: Any) -> dt.datetime:
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    made: dt.datetime = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return made
