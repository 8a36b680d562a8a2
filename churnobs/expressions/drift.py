"""How a column's values are counted: one mergeable histogram a column and period, on edges fixed by the baseline.

Numeric columns are counted on a grid of ``Bins`` cells (plain or logarithmic), strings and booleans by value. Counts and
totals of two periods add up to those of both, so any window is a sum of stored states and never a second scan.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from churnobs.expressions.portable import moment, table

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Bins:
    """How one column is counted.

    Args:
        column: its name.
        kind: "number" or "category".
        low: where the grid of a numeric column starts.
        width: the width of a cell, in column units, or in units of ln(1 + (x - low) / scale).
        cells: how many; values outside go to the first and the last.
        scale: None for a plain grid.
    """

    column: str
    kind: str
    low: float = 0.0
    width: float = 1.0
    cells: int = 1
    scale: float | None = None


def summaries(source: str, columns: tuple[str, ...]) -> ir.Table:
    """COLUMN_NAME, LOW, HIGH, MEAN, SPREAD (population standard deviation) of numeric columns; one row a column."""
    rows = table(source, dict.fromkeys(columns, "float64"))
    parts = []
    for name in columns:
        value = _finite(rows[name])
        summary = rows.agg(LOW=value.min(), HIGH=value.max(), MEAN=value.mean(), SPREAD=value.std(how="pop"))
        parts.append(summary.select(COLUMN_NAME=ibis.literal(name), **{c: summary[c] for c in summary.columns}))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def histograms(source: str, bins: tuple[Bins, ...], as_of: dt.date | None) -> ir.Table:
    """Count every column of a table, of all its rows or of those stamped with one as-of."""
    columns = column_types(bins)
    rows = table(source, columns if as_of is None else {**columns, "TIMESTAMP": "timestamp(6)"})
    return count_cells(rows if as_of is None else rows.filter(moment(as_of) == rows.TIMESTAMP), bins, ())


def column_types(bins: tuple[Bins, ...]) -> dict[str, str]:
    """The columns to be counted, with the types they are read as."""
    return {b.column: "float64" if b.kind == "number" else "string" for b in bins}


def count_cells(rows: ir.Table, bins: tuple[Bins, ...], by: tuple[str, ...]) -> ir.Table:
    """Count the cells of every column, one result row a cell and group.

    Args:
        rows: the columns of ``bins`` and of ``by``.
        bins: how each column is counted.
        by: further columns to group by.

    Returns:
        ``by``, COLUMN_NAME, BIN (cell number; NULL for categories and missing values), CATEGORY (NULL for numbers and
        missing values), ROWS_COUNTED, TOTAL (sum of the values of a cell; NULL for categories).
    """
    parts = [_counted(rows, b, by) for b in bins]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _finite(value: Any) -> Any:
    value = value.cast("float64")
    return ibis.ifelse(value.isnan() | value.isinf(), ibis.null("float64"), value)


def _counted(rows: ir.Table, bins: Bins, by: tuple[str, ...]) -> ir.Table:
    if bins.kind == "category":
        cells: dict[str, Any] = {
            "BIN": ibis.null("int64"),
            "CATEGORY": rows[bins.column].cast("string"),
            "VALUE": ibis.null("float64"),
        }
    else:
        value = _finite(rows[bins.column])
        cells = {"BIN": _cell(value, bins), "CATEGORY": ibis.null("string"), "VALUE": value}
    keyed = rows.select(*by, **cells)
    counted = keyed.group_by([*by, "BIN", "CATEGORY"]).agg(ROWS_COUNTED=keyed.count(), TOTAL=keyed.VALUE.sum())
    return counted.select(COLUMN_NAME=ibis.literal(bins.column), **{n: counted[n] for n in counted.columns})


def _cell(value: Any, bins: Bins) -> Any:
    offset = value - bins.low
    if bins.scale is not None:
        offset = (ibis.ifelse(offset < 0.0, 0.0, offset) / bins.scale + 1.0).ln()
    cell = (offset / bins.width).floor()
    inside = ibis.ifelse(cell < 0, 0, ibis.ifelse(cell > bins.cells - 1, bins.cells - 1, cell))
    return inside.cast("int64")
