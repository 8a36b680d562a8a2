"""The small tables that a run looks at again and again, read with one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from churnobs.backends.snowflake.ddl import quoted
from churnobs.backends.snowflake.schema import TABLES
from churnobs.tables import Columns

REMEMBERED: Final = (
    "JOURNAL", "RECORDS", "FILES_INGESTED", "LINEAGE", "STATE_THROUGH", "MONITOR_BINS", "MONITOR_NULLS", "MONITOR_DAYS",
    "RETRAIN_REQUESTS", "ALERT_HISTORY", "FORGOTTEN",
)  # fmt: skip
_ARROW: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "int32": pa.int64(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


def remembered_sql() -> str:
    """The query: a row a row of any of the tables, its numbers with a fraction as such and everything else as text."""
    texts = max(len(_texts(TABLES[name])) for name in REMEMBERED)
    floats = max(len(_floats(TABLES[name])) for name in REMEMBERED)
    parts = []
    for number, name in enumerate(REMEMBERED):
        columns = TABLES[name]
        spelt = [
            f"TO_VARCHAR({quoted(c)}, 'YYYY-MM-DD')" if columns[c] == "date" else f"{quoted(c)}::VARCHAR"
            for c in _texts(columns)
        ]
        spelt += ["NULL::VARCHAR"] * (texts - len(spelt))
        exact = [quoted(c) for c in _floats(columns)]
        exact += ["NULL::FLOAT"] * (floats - len(exact))
        listed = [f"{text} AS C{i}" for i, text in enumerate(spelt)] + [
            f"{text} AS F{i}" for i, text in enumerate(exact)
        ]
        parts.append(f"SELECT {number} AS T, {', '.join(listed)} FROM {quoted(name)}")
    return "\nUNION ALL ".join(parts)


def remembered(rows: pa.Table) -> dict[str, pa.Table]:
    """The tables of what the query gave."""
    found = {}
    for number, name in enumerate(REMEMBERED):
        own = rows.filter(pc.equal(rows["T"], number))
        columns = TABLES[name]
        place = {c: f"C{i}" for i, c in enumerate(_texts(columns))} | {
            c: f"F{i}" for i, c in enumerate(_floats(columns))
        }
        found[name] = pa.table({c: own[place[c]].cast(_ARROW[kind]) for c, kind in columns.items()})
    return found


def _texts(columns: Columns) -> list[str]:
    return [name for name, kind in columns.items() if kind != "float64"]


def _floats(columns: Columns) -> list[str]:
    return [name for name, kind in columns.items() if kind == "float64"]
