"""Did the customer come back? A label of T is final only when the data reach T + horizon."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import ibis

from churnobs.expressions.portable import Refunds, between, is_order, moment, table
from churnobs.tables import LABELS, SALES, SPINE

if TYPE_CHECKING:
    import ibis.expr.types as ir

Anchor = Literal["as_of", "last_purchase"]
ANCHORS: Final[tuple[Anchor, ...]] = ("as_of", "last_purchase")


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What churn means.

    Args:
        horizon_days: a customer who does not buy within so many days has churned.
        anchor: "as_of" counts the days from T (will the customer buy again in the next 30 days); "last_purchase" from
            the customer's last purchase before T, the demo notebook's variant, which leaks recency into the label.
        refunds: "reduce": a negative amount is no purchase; "orders": it is one.
    """

    horizon_days: int = 30
    anchor: Anchor = "as_of"
    refunds: Refunds = "orders"

    def final_at(self, as_of: dt.date) -> dt.date:
        """The day the data must reach for the labels of an as-of to be final.

        >>> LabelRule().final_at(dt.date(2023, 2, 1))
        datetime.date(2023, 3, 3)
        """
        return as_of + dt.timedelta(days=self.horizon_days)

    def is_final(self, as_of: dt.date, data_through: dt.date) -> bool:
        """Whether the labels of an as-of are final when the data reach ``data_through`` (exclusive)."""
        return data_through >= self.final_at(as_of)


@dataclass(frozen=True, slots=True)
class LabelWindow:
    """One as-of's question: who bought in [as_of, until), and is the answer final."""

    as_of: dt.date
    until: dt.date
    known_at: dt.date
    is_final: bool
    rule: LabelRule

    @classmethod
    def of(cls, as_of: dt.date, data_through: dt.date, rule: LabelRule) -> LabelWindow:
        """The window of an as-of when the data reach ``data_through`` (exclusive); later rows are not looked at."""
        until = max(as_of, min(rule.final_at(as_of), data_through))
        return cls(as_of, until, rule.final_at(as_of), rule.is_final(as_of, data_through), rule)


def changed_labels(window: LabelWindow) -> ir.Table:
    """How many final labels of one as-of would be others by what the sales say now: LABELED and CHANGED, one row."""
    kept = table("LABELS", LABELS)
    kept = kept.filter(moment(window.as_of) == kept.TIMESTAMP, kept.IS_FINAL)
    both = kept.inner_join(labels(window), "CUSTOMER_KEY", rname="NOW_{name}")
    return both.agg(LABELED=both.count(), CHANGED=both.count(where=both.CHURNED != both.NOW_CHURNED))


def labels(window: LabelWindow) -> ir.Table:
    """Label each customer who was active at one as-of (the rows of FEATURES stamped with it).

    Returns:
        CUSTOMER_KEY, CUSTOMER_ID, TIMESTAMP, NEXT_TRANSACTION_DATE (first purchase inside the horizon, else NULL),
        CHURNED (1 churned, 0 bought, NULL while not final), IS_FINAL, KNOWN_AT (the end of the horizon).
    """
    spine = table("FEATURES", SPINE)
    spine = spine.filter(moment(window.as_of) == spine.TIMESTAMP)
    sales = table("SALES", SALES)
    order = is_order(sales.TOTAL_AMOUNT, window.rule.refunds)
    later = sales.filter(
        between(sales.TRANSACTION_DATE, window.as_of, window.until), *([] if order is None else [order])
    )
    following = later.group_by("CUSTOMER_KEY").agg(FOLLOWING=later.TRANSACTION_DATE.min())
    rows = spine.left_join(following, "CUSTOMER_KEY", rname="F_{name}")
    inside: Any = rows.FOLLOWING.notnull()
    if window.rule.anchor == "last_purchase":
        inside = inside & (rows.FOLLOWING.delta(rows.LAST_PURCHASE_DATE, unit="day") <= window.rule.horizon_days)
    churned: Any = ibis.ifelse(inside, 0, 1).cast("int64") if window.is_final else ibis.null("int64")
    return rows.select(
        CUSTOMER_KEY=rows.CUSTOMER_KEY,
        CUSTOMER_ID=rows.CUSTOMER_ID,
        TIMESTAMP=rows.TIMESTAMP,
        NEXT_TRANSACTION_DATE=ibis.ifelse(inside, rows.FOLLOWING, ibis.null("date")),
        CHURNED=churned,
        IS_FINAL=ibis.literal(window.is_final),
        KNOWN_AT=moment(window.known_at),
    )
