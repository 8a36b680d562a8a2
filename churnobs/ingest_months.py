"""Files that cover several months, some of whose months are loaded: which rows are of them, and in which months the rows
differ from what is loaded; the SQL is the same on every engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from churnobs.ingest import Compared, LoadJob
from churnobs.ingest_plan import DATES, TABLES, Plan, quoted
from churnobs.mapping import Kind
from churnobs.months import Month

_DAY_ORDER: Final = "INTERNAL_ID"


def made_of_number(job: LoadJob, target: str, record: str) -> str:
    """An id, or the order within a day, of a row that has none: its number in the file, given as SQL."""
    if target == _DAY_ORDER:
        return record
    return f"'{job.file.content_hash[:12]}' || '-' || CAST({record} AS VARCHAR)"


def given_sql(kind: Kind, staged: str) -> str:
    """YEAR, MONTH and how many rows of each are in a relation of good rows."""
    date = DATES[kind]
    return f"SELECT YEAR({date}), MONTH({date}), COUNT(*) FROM ({staged}) AS s GROUP BY 1, 2"


def differing_sql(kind: Kind, numbered: Iterable[str], staged: Sequence[str]) -> str:
    """YEAR, MONTH, and how many rows of each the files have and the table does not, or the other way round.

    Args:
        kind: of the files.
        numbered: the columns that the files do not have: an id made of a row's number tells nothing, and of the order within
            a day the place counts.
        staged: for each file, its good rows with all columns that it has and NUMBER, in the order of the file.
    """
    date, (table, columns) = DATES[kind], TABLES[kind]
    unknown = set(numbered)
    names = [quoted(name) for name in columns if name != "CUSTOMER_KEY" and name not in unknown]
    listed, placed = ", ".join(names), ", ".join(names)
    if _DAY_ORDER in unknown:
        placed += ", ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID, {0} ORDER BY {1}, COMMENT) AS PLACE"
    given = " UNION ALL ".join(f"SELECT {listed}, NUMBER FROM ({rows}) AS s{n}" for n, rows in enumerate(staged))
    both = (
        f"SELECT {placed.format(date, 'NUMBER')}, 1 AS N FROM ({given}) AS g UNION ALL "
        f"SELECT {placed.format(date, _DAY_ORDER)}, -1 AS N FROM {table}"
    )
    grouped = listed + (", PLACE" if _DAY_ORDER in unknown else "")
    surplus = f"SELECT {date}, SUM(N) AS N FROM ({both}) AS b GROUP BY {grouped} HAVING SUM(N) <> 0"
    return f"SELECT YEAR({date}), MONTH({date}), SUM(ABS(N)) FROM ({surplus}) AS d GROUP BY 1, 2"


def compared(given: Iterable[Iterable[Sequence[int]]], differing: Iterable[Sequence[int]]) -> Compared:
    """What the queries found, a query of ``given_sql`` a file."""
    return Compared(tuple(map(_by_month, given)), _by_month(differing))


def good_rows(how: Plan, relation: str, number: str) -> str:
    """The columns that a file has, and NUMBER, of a relation of typed good rows."""
    return f"SELECT {', '.join(map(quoted, how.typed))}, {number} AS NUMBER FROM {relation}"


def _by_month(rows: Iterable[Sequence[int]]) -> dict[Month, int]:
    return {Month(int(year), int(number)): int(count) for year, number, count in rows}
