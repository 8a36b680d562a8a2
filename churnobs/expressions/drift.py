"""How a column's values are counted: one mergeable histogram a column and period, on edges fixed by the baseline.

Numeric columns are counted on a grid of ``Bins`` cells (plain or logarithmic), strings and booleans by value. Counts and
totals of two periods add up to those of both, so any window is a sum of stored states and never a second scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from churnobs.expressions.portable import finite, table, united

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
        value = finite(rows[name])
        summary = rows.agg(LOW=value.min(), HIGH=value.max(), MEAN=value.mean(), SPREAD=value.std(how="pop"))
        parts.append(summary.select(COLUMN_NAME=ibis.literal(name), **{c: summary[c] for c in summary.columns}))
    return united(parts)


def count_cells(rows: ir.Table, bins: tuple[Bins, ...], by: tuple[str, ...]) -> ir.Table:
    """Count the cells of every column, one result row a cell and group.

    Args:
        rows: the columns of ``bins`` and of ``by``.
        bins: how each column is counted.
        by: further columns to group by.

    Returns:
        ``by``, COLUMN_NAME, BIN (cell number; NULL for categories and missing values), CATEGORY (NULL for numbers and
        missing values), ROWS_COUNTED, TOTAL, LOW and HIGH (sum, least and largest of the values of a cell; NULL for
        categories).
    """
    numbers = [b for b in bins if b.kind == "number"]
    texts = [b for b in bins if b.kind == "category"]
    parts = []
    if numbers:
        parts.append(_counted_numbers(united([_values(rows, b, i, by) for i, b in enumerate(numbers)]), numbers, by))
    if texts:
        parts.append(_counted_texts(united([_texts(rows, b, i, by) for i, b in enumerate(texts)]), texts, by))
    return united(parts)


def merged_cells(counted: ir.Table, by: tuple[str, ...], over: str) -> ir.Table:
    """What ``count_cells`` counted by some columns and one more, without that one.

    Totals are doubles, and their sum depends on its order: they are added in the order of the values of ``over``.
    """
    keys = [*by, "COLUMN_NAME", "BIN", "CATEGORY"]
    upto = ibis.cumulative_window(group_by=[counted[name] for name in keys], order_by=counted[over])
    counted = counted.mutate(SO_FAR=counted.TOTAL.sum().over(upto), POSITION=ibis.row_number().over(upto))
    return counted.group_by(keys).agg(
        ROWS_COUNTED=counted.ROWS_COUNTED.sum(),
        TOTAL=counted.SO_FAR.argmax(counted.POSITION),
        LOW=counted.LOW.min(),
        HIGH=counted.HIGH.max(),
    )


def _values(rows: ir.Table, bins: Bins, number: int, by: tuple[str, ...]) -> ir.Table:
    """A column's values with its grid beside them: the cell is computed once for all columns, which keeps the text short."""
    return rows.select(
        *by,
        COLUMN_NUMBER=ibis.literal(number, type="int32"),
        VALUE=rows[bins.column].cast("float64"),
        LOW=ibis.literal(bins.low, type="float64"),
        WIDTH=ibis.literal(bins.width, type="float64"),
        SCALE=ibis.literal(bins.scale, type="float64"),
        CELLS=ibis.literal(bins.cells, type="int64"),
    )


def _texts(rows: ir.Table, bins: Bins, number: int, by: tuple[str, ...]) -> ir.Table:
    return rows.select(*by, COLUMN_NUMBER=ibis.literal(number, type="int32"), CATEGORY=rows[bins.column].cast("string"))


def _counted_numbers(rows: ir.Table, bins: list[Bins], by: tuple[str, ...]) -> ir.Table:
    rows = rows.mutate(VALUE=finite(rows.VALUE))
    rows = rows.mutate(BIN=_cell(rows))
    counted = rows.group_by([*by, "COLUMN_NUMBER", "BIN"]).agg(
        ROWS_COUNTED=rows.count(), TOTAL=rows.VALUE.sum(), LOW=rows.VALUE.min(), HIGH=rows.VALUE.max()
    )
    return _named(counted.mutate(CATEGORY=ibis.null("string")), bins, by)


def _counted_texts(rows: ir.Table, bins: list[Bins], by: tuple[str, ...]) -> ir.Table:
    counted = rows.group_by([*by, "COLUMN_NUMBER", "CATEGORY"]).agg(ROWS_COUNTED=rows.count())
    nothing = ibis.null("float64")
    return _named(counted.mutate(BIN=ibis.null("int64"), TOTAL=nothing, LOW=nothing, HIGH=nothing), bins, by)


def _named(counted: ir.Table, bins: list[Bins], by: tuple[str, ...]) -> ir.Table:
    # a column goes by its number until its cells are counted: an engine hashes a short number sooner than a name
    name: Any = counted.COLUMN_NUMBER.cases(
        *((number, b.column) for number, b in enumerate(bins)), else_=ibis.null("string")
    )
    named = counted.mutate(COLUMN_NAME=name)
    return named.select(*by, "COLUMN_NAME", "BIN", "CATEGORY", "ROWS_COUNTED", "TOTAL", "LOW", "HIGH")


def _cell(rows: ir.Table) -> Any:
    offset = rows.VALUE - rows.LOW
    # the logarithm sees no negative number; the first cell takes what is below the grid
    far = (ibis.ifelse(offset < 0.0, 0.0, offset) / rows.SCALE + 1.0).ln()
    cell = ibis.ifelse(rows.SCALE.isnull(), offset, far) / rows.WIDTH
    # bounded while it is a double: a value far outside a narrow grid has a cell number that no integer holds
    last = (rows.CELLS - 1).cast("float64")
    inside = ibis.ifelse(cell < 0.0, 0.0, ibis.ifelse(cell > last, last, cell))
    return inside.floor().cast("int64")
