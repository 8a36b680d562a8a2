"""A file's texts and values in DuckDB's SQL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from churnobs.backends.duckdb.ddl import duckdb_type, literal
from churnobs.ingest_plan import WHOLE, FileDialect, Plan, Raw


class DuckDBFiles(FileDialect):
    """DuckDB keeps the types that a Parquet file has, and reads the texts of a CSV file with TRY_CAST."""

    small = "UTINYINT"

    def literal(self, text: str) -> str:
        """A text."""
        return literal(text)

    def null(self, ibis_type: str) -> str:
        """No value of a type."""
        return f"CAST(NULL AS {duckdb_type(ibis_type)})"

    def cast(self, raw: Raw, ibis_type: str, value: str) -> str:
        """A value as another type."""
        if ibis_type == "date" and raw.is_text:
            # a digit first: DuckDB also reads words such as 'epoch'
            return f"CASE WHEN {value} >= '0' AND {value} < ':' THEN TRY_CAST({value} AS DATE) END"
        return f"TRY_CAST({value} AS {duckdb_type(ibis_type)})"

    def dated(self, value: str, form: str) -> str:
        """A text as a date."""
        return f"CAST(try_strptime({value}, {literal(form)}) AS DATE)"

    def not_whole(self, raw: Raw, typed: str) -> str:
        """DuckDB rounds '2.5' to a whole number and reads '1_000' and '0x10'."""
        value = raw.expression
        if raw.is_text:
            doubtful = " OR ".join(f"contains({value}, '{sign}')" for sign in (*"._xXbB", "e-", "E-"))
            # one digit is the usual number of items, and needs no second look
            return f"(length({value}) > 1 AND ({doubtful}) AND NOT regexp_full_match({value}, {literal(WHOLE)}))"
        return f"({typed} <> {value})" if re.fullmatch("DECIMAL.*|FLOAT|DOUBLE", raw.type) else "FALSE"

    def contains(self, value: str, sign: str) -> str:
        """Whether a text has a sign in it."""
        return f"contains({value}, '{sign}')"

    def sha256(self, value: str) -> str:
        """The hash of a text."""
        return f"sha256({value})"

    def blank(self, value: str) -> str:
        """Whether a text is nothing but spaces."""
        return f"(starts_with({value}, ' ') AND trim({value}) = '')"


DIALECT: Final = DuckDBFiles()


def row_json(how: Plan) -> str:
    """The row as the file has it, as JSON text."""
    return f"CAST(json_object({', '.join(f'{literal(raw.name)}, {raw.text}' for raw in how.raws)}) AS VARCHAR)"


def path_literal(path: Path) -> str:
    """A path that DuckDB does not take for a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))
