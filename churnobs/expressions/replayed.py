"""Two tables that should hold the same, compared where one of them is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.portable import day, moment, table

if TYPE_CHECKING:
    import ibis.expr.types as ir

REPLAYED: Final = "REPLAYED"
# what is stored, fetched from another engine
STORED: Final = "STORED"
# more rows here than in the other table, or fewer
SURPLUS: Final = "SURPLUS"
# what is compared: rows by a column and two dates, or by a text from which on; None for all
Bounds = tuple[str, dt.date, dt.date] | tuple[str, str] | None


def differing_rows(name: str, columns: tuple[tuple[str, str], ...], bounds: Bounds) -> ir.Table:
    """The rows in which a table differs from REPLAYED, whatever their order.

    Args:
        name: of the table.
        columns: of both, with their types.
        bounds: a column with what is compared: a text from the given one on, a timestamp after the first date up to the
            second, or a date from the first up to but not the second; None for all rows.

    Returns:
        The columns, each combination of values once, and SURPLUS: how many more rows the table has of it (negative: fewer).
    """
    here, there = (_within(table(one, dict(columns)), bounds) for one in (name, REPLAYED))
    both = ibis.union(here.mutate(ONE=ibis.literal(1, "int64")), there.mutate(ONE=ibis.literal(-1, "int64")))
    counted = both.group_by([column for column, _ in columns]).agg(**{SURPLUS: both.ONE.sum()})
    return counted.filter(counted[SURPLUS] != 0)


def rows_within(name: str, columns: tuple[tuple[str, str], ...], bounds: Bounds) -> ir.Table:
    """The rows of a table that ``differing_rows`` compares, to be fetched where the two tables are in different engines."""
    return _within(table(name, dict(columns)), bounds)


def _within(rows: ir.Table, bounds: Bounds) -> ir.Table:
    if bounds is None:
        return rows
    values: Any = rows[bounds[0]]
    if len(bounds) == 2:
        return rows.filter(values >= bounds[1])
    _, start, end = bounds
    if values.type().is_timestamp():
        return rows.filter(values > moment(start), values <= moment(end))
    return rows.filter(values >= day(start), values < day(end))
