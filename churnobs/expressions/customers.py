"""What people look at of single customers: who is at risk, what they bought, what they said."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.datasets import KEY_TYPES
from churnobs.expressions.portable import Refunds, between, day, is_order, moment, table
from churnobs.tables import FEEDBACK_SENTIMENT, SALES

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEYS: Final = {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)"}
# a column and the value it must have
Only = tuple[str, str]


def at_risk(as_of: dt.date, segments: tuple[str, ...], only: tuple[Only, ...], most: int) -> ir.Table:
    """The customers whom the default gave the highest probability at an as-of, at most so many.

    Args:
        as_of: whose predictions.
        segments: text features to show.
        only: (feature, value) that customers must have.
        most: how many.

    Returns:
        CUSTOMER_KEY, CUSTOMER_ID, PROBABILITY, VERSION and the segments; highest first, then by CUSTOMER_ID.
    """
    rows = _scored(as_of, segments, only)
    return rows.order_by(rows.PROBABILITY.desc(), rows.CUSTOMER_ID).limit(most)


def risk_by_segment(as_of: dt.date, segment: str, only: tuple[Only, ...]) -> ir.Table:
    """SEGMENT_VALUE, CUSTOMERS and the MEAN_PROBABILITY of each value of a text feature at an as-of."""
    rows = _scored(as_of, (segment,), only)
    rows = rows.mutate(SEGMENT_VALUE=rows[segment])
    found = rows.group_by("SEGMENT_VALUE").agg(CUSTOMERS=rows.count(), MEAN_PROBABILITY=rows.PROBABILITY.mean())
    return found.order_by(found.SEGMENT_VALUE)


def risk_histogram(as_of: dt.date, only: tuple[Only, ...], cells: int) -> ir.Table:
    """CELL (0 to cells - 1, of equal width between 0 and 1) and CUSTOMERS of the default's probabilities at an as-of."""
    rows = _scored(as_of, (), only)
    inside: Any = (rows.PROBABILITY * float(cells)).floor().cast("int64")
    rows = rows.mutate(CELL=ibis.ifelse(inside > cells - 1, cells - 1, inside).cast("int32"))
    found = rows.group_by("CELL").agg(CUSTOMERS=rows.count())
    return found.order_by(found.CELL)


def purchases(keys: tuple[int, ...], since: dt.date, end: dt.date, refunds: Refunds) -> ir.Table:
    """CUSTOMER_ID, MONTH (its first day), ORDERS and AMOUNT of customers by CUSTOMER_KEY, of the days since to before end.

    ``refunds`` as for features: by "reduce" a negative amount is in AMOUNT and not in ORDERS.
    """
    sales = table("SALES", SALES)
    rows = sales.filter(sales.CUSTOMER_KEY.isin(keys), between(sales.TRANSACTION_DATE, since, end))
    rows = rows.mutate(MONTH=rows.TRANSACTION_DATE.truncate("M").cast("date"))
    found = rows.group_by(["CUSTOMER_ID", "MONTH"]).agg(
        ORDERS=rows.count(where=is_order(rows.TOTAL_AMOUNT, refunds)), AMOUNT=rows.TOTAL_AMOUNT.sum().cast("float64")
    )
    return found.order_by(found.CUSTOMER_ID, found.MONTH)


def comments(keys: tuple[int, ...], end: dt.date, most: int) -> ir.Table:
    """CUSTOMER_ID, CHAT_DATE, COMMENT and SENTIMENT of the newest feedback of customers before end, newest first, at most
    so many of each.
    """
    said = table("FEEDBACK_SENTIMENT", FEEDBACK_SENTIMENT)
    rows = said.filter(said.CUSTOMER_KEY.isin(keys), day(end) > said.CHAT_DATE)
    newest = [rows.CHAT_DATE.desc(), rows.INTERNAL_ID.desc(), rows.FEEDBACK_ID.desc()]
    rows = rows.mutate(PLACE=ibis.row_number().over(ibis.window(group_by=rows.CUSTOMER_KEY, order_by=newest)))
    rows = rows.filter(most > rows.PLACE).order_by(rows.CUSTOMER_ID, rows.PLACE)
    return rows.select("CUSTOMER_ID", "CHAT_DATE", "COMMENT", SENTIMENT=rows.SENTIMENT.cast("float64"))


def key_of(customer_id: str) -> ir.Table:
    """CUSTOMER_KEY of a customer id; no row where there is none."""
    known = table("CUSTOMER_KEYS", {"CUSTOMER_KEY": "int32", "CUSTOMER_ID": "string"})
    return known.filter(customer_id == known.CUSTOMER_ID).select("CUSTOMER_KEY")


def _scored(as_of: dt.date, segments: tuple[str, ...], only: tuple[Only, ...]) -> ir.Table:
    stored = table("PREDICTIONS", {**KEY_TYPES, "DEFAULT_VERSION": "string", "DEFAULT_PROBABILITY": "float64"})
    stored = stored.filter(moment(as_of) == stored.TIMESTAMP, stored.DEFAULT_PROBABILITY.notnull())
    stored = stored.select(
        "CUSTOMER_KEY", "CUSTOMER_ID", PROBABILITY=stored.DEFAULT_PROBABILITY, VERSION=stored.DEFAULT_VERSION
    )
    names = tuple(dict.fromkeys((*segments, *(name for name, _ in only))))
    if not names:
        return stored
    features = table("FEATURES", {**KEYS, **dict.fromkeys(names, "string")})
    features = features.filter(moment(as_of) == features.TIMESTAMP, *(features[name] == value for name, value in only))
    rows = stored.inner_join(features.select("CUSTOMER_KEY", *names), "CUSTOMER_KEY", rname="F_{name}")
    return rows.select("CUSTOMER_KEY", "CUSTOMER_ID", "PROBABILITY", "VERSION", *segments)
