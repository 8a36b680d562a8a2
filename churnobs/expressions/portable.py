"""The few idioms that must be spelled one way so that both dialects give the same number."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, Literal

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnobs.tables import Columns

# what a sale of a negative amount is: taken off what was spent, or an order like any other
Refunds = Literal["reduce", "orders"]
REFUNDS: Final[tuple[Refunds, ...]] = ("reduce", "orders")


def is_order(amounts: Any, refunds: Refunds) -> Any:
    """Whether a row of sales is an order; None where all are."""
    return amounts >= 0 if refunds == "reduce" else None


def of_part(rows: Any, parts: int, part: int) -> Any:
    """The rows, which have a CUSTOMER_KEY, of one of so many parts of the customers (from 0); all where there is one part."""
    return rows if parts == 1 else rows.filter(rows.CUSTOMER_KEY % parts == part)


def table(name: str, columns: Columns) -> ir.Table:
    """An unbound table of the workspace; the engine that renders it knows where it lives."""
    return ibis.table(dict(columns), name=name)


def united(parts: list[ir.Table]) -> ir.Table:
    """The rows of all parts, of which there is at least one."""
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def day(value: dt.date) -> ir.DateScalar:
    """A date literal."""
    return ibis.date(value.year, value.month, value.day)


def moment(value: dt.date) -> ir.TimestampScalar:
    """Midnight of a date as a naive UTC timestamp (TIMESTAMP_NTZ on Snowflake)."""
    scalar: Any = ibis.literal(dt.datetime(value.year, value.month, value.day), type="timestamp(6)")  # noqa: DTZ001  # naive UTC
    return scalar


def ratio(part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingValue:
    """Divide as doubles; NULL where the whole is zero.

    Snowflake keeps only six decimals when it divides two integers, so both sides are cast first.
    """
    quotient: Any = part.cast("float64") / whole.cast("float64").nullif(0.0)
    return quotient


def days_from(earlier: ir.DateValue, later: dt.date) -> ir.IntegerValue:
    """Whole days from a date column to a fixed later date."""
    days: Any = day(later).delta(earlier, unit="day")
    return days


def between(dates: ir.DateValue, start: dt.date | None, end: dt.date) -> ir.BooleanValue:
    """Dates in the half-open window [start, end); no start means all that came before."""
    inside: Any = dates < day(end)
    return inside if start is None else (dates >= day(start)) & inside


def finite(value: Any) -> Any:
    """A number as a double; NULL for NaN and the infinities."""
    value = value.cast("float64")
    return ibis.ifelse(value.isnan() | value.isinf(), ibis.null("float64"), value)
