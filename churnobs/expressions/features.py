"""What a customer looks like at an as-of T: purchases, feedback and attributes known before T.

Two passes over the sales, as measured to be the fastest shape: one over the newest months for the windows, one over the
rows before them for what the lifetime totals still lack. Given a state (totals of all rows dated before ``since``), the
second pass reads only the rows after it, and there is none where a window has them already. No row adds to two windows: a
window is the sum of its bands.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.portable import (
    Refunds,
    between,
    day,
    days_from,
    is_order,
    moment,
    of_part,
    ratio,
    table,
    united,
)
from churnobs.months import add_months, days_before
from churnobs.tables import CUSTOMER_KEYS, CUSTOMER_STATE, CUSTOMERS, FEEDBACK_SENTIMENT, RECENT_FEEDBACK, SALES

if TYPE_CHECKING:
    import ibis.expr.types as ir

WINDOWS: Final = ("7D", "1MM", "2MM", "3MM")
DEPTHS: Final = (2, 3, 4)
TOTALS: Final = ("FIRST_PURCHASE_DATE", "LIFETIME_ORDERS", "LIFETIME_SPEND")
KEYS: Final = ("CUSTOMER_KEY", "CUSTOMER_ID", "TIMESTAMP")
ATTRIBUTES: Final = ("AGE", "CUSTOMER_SEGMENT", "GENDER", "LOCATION")
# what a model may read, in the order of the table; LAST_PURCHASE_DATE is there for people
FEATURES: Final[tuple[str, ...]] = (
    *ATTRIBUTES,
    "DAYS_SINCE_LAST_PURCHASE",
    "TENURE_DAYS",
    "LIFETIME_ORDERS",
    "LIFETIME_SPEND",
    "MEAN_GAP_DAYS",
    "PURCHASE_RATE",
    "RECENCY_OVER_MEAN_GAP",
    *(f"SUM_TOTAL_AMOUNT_PAST_{w}" for w in WINDOWS),
    *(f"COUNT_ORDERS_PAST_{w}" for w in WINDOWS),
    *(f"SENTIMENT_MIN_{n}" for n in DEPTHS),
    *(f"SENTIMENT_AVG_{n}" for n in DEPTHS),
)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The moment T, spelled out as the dates that the expressions compare with. Build it with ``at``.

    Args:
        moment: T, an exclusive upper bound.
        starts: the first day of each of WINDOWS.
        active_from: a customer's last purchase must not be older; None for all who ever bought.
        scan_from: the oldest sale that the window pass must see; None for all.
        since: rows dated before this are in CUSTOMER_STATE and RECENT_FEEDBACK; None where there is no state.
        refunds: "reduce": a negative amount reduces what was spent, and is no order and no purchase; "orders": it is one.
        parts: the customers are looked at in so many parts.
        part: which of them, from 0.
        fresh: the window that begins at ``since``; None where none does.
    """

    moment: dt.date
    starts: tuple[dt.date, ...]
    active_from: dt.date | None
    scan_from: dt.date | None
    since: dt.date | None
    refunds: Refunds = "orders"
    parts: int = 1
    part: int = 0
    fresh: str | None = None

    @classmethod
    def at(
        cls,
        as_of: dt.date,
        *,
        active_within_days: int | None = 90,
        since: dt.date | None = None,
        refunds: Refunds = "orders",
    ) -> AsOf:
        """The dates of one as-of.

        >>> AsOf.at(dt.date(2024, 5, 1)).scan_from
        datetime.date(2024, 2, 1)
        """
        starts = tuple(days_before(as_of, 7) if w == "7D" else add_months(as_of, -int(w[0])) for w in WINDOWS)
        active = None if active_within_days is None else days_before(as_of, active_within_days)
        fresh = WINDOWS[starts.index(since)] if since in starts else None
        return cls(as_of, starts, active, None if active is None else min(active, *starts), since, refunds, fresh=fresh)


def customer_features(at: AsOf) -> ir.Table:
    """One row a customer active at T, with the columns KEYS, LAST_PURCHASE_DATE and FEATURES.

    Counts, sums and sentiments are zero where nothing is known; attributes are NULL.
    """
    sales = of_part(table("SALES", SALES), at.parts, at.part)
    recent = _with_totals(_windows(sales, at), sales, at)
    people = of_part(table("CUSTOMERS", CUSTOMERS), at.parts, at.part)
    people = people.filter(people.SIGNUP_DATE.isnull() | (day(at.moment) > people.SIGNUP_DATE))
    rows = (
        recent.left_join(_sentiments(at), "CUSTOMER_KEY", rname="S_{name}")
        .left_join(people, "CUSTOMER_KEY", rname="P_{name}")
        .inner_join(of_part(table("CUSTOMER_KEYS", CUSTOMER_KEYS), at.parts, at.part), "CUSTOMER_KEY", rname="K_{name}")
    )
    return _derive(rows, at)


def _windows(sales: ir.Table, at: AsOf) -> ir.Table:
    """Sums and counts of each window of every customer active at T, and the totals of the rows that this pass reads."""
    scanned = sales.filter(between(sales.TRANSACTION_DATE, at.scan_from, at.moment))
    dates, amounts = scanned.TRANSACTION_DATE, scanned.TOTAL_AMOUNT
    # the windows are nested, so their starts cut the rows into bands, newest first; the last is older than all windows
    bands = [dates >= day(at.starts[0])]
    bands += [between(dates, start, end) for end, start in itertools.pairwise(at.starts)]
    bands.append(dates < day(at.starts[-1]))
    order = is_order(amounts, at.refunds)
    columns: dict[str, Any] = {
        "LAST_PURCHASE_DATE": dates.max(where=order),
        "FIRST_PURCHASE_DATE": dates.min(where=order),
    }
    for index, inside in enumerate(bands):
        columns[f"SUM_{index}"] = amounts.sum(where=inside)
        columns[f"COUNT_{index}"] = scanned.count(where=inside if order is None else inside & order)
    grouped = scanned.group_by("CUSTOMER_KEY").agg(**columns)
    if at.active_from is not None:
        grouped = grouped.filter(day(at.active_from) <= grouped.LAST_PURCHASE_DATE)
    elif order is not None:
        # who has nothing but refunds has never bought
        grouped = grouped.filter(grouped.LAST_PURCHASE_DATE.notnull())
    sums = list(itertools.accumulate(grouped[f"SUM_{index}"].fill_null(0) for index in range(len(bands))))
    counts = list(itertools.accumulate(grouped[f"COUNT_{index}"] for index in range(len(bands))))
    return grouped.select(
        "CUSTOMER_KEY",
        "LAST_PURCHASE_DATE",
        "FIRST_PURCHASE_DATE",
        LIFETIME_ORDERS=counts[-1],
        LIFETIME_SPEND=sums[-1],
        **{f"SUM_TOTAL_AMOUNT_PAST_{w}": total for w, total in zip(WINDOWS, sums, strict=False)},
        **{f"COUNT_ORDERS_PAST_{w}": count for w, count in zip(WINDOWS, counts, strict=False)},
    )


def _with_totals(windows: ir.Table, sales: ir.Table, at: AsOf) -> ir.Table:
    """The windows with first purchase, orders and spend of all rows dated before T.

    What was before is older than what is added to it: joining the two costs less than grouping them again.
    """
    later = windows
    if at.since is not None:
        before = of_part(table("CUSTOMER_STATE", CUSTOMER_STATE), at.parts, at.part)
    if at.fresh is not None:
        later = windows.mutate(
            LIFETIME_ORDERS=windows[f"COUNT_ORDERS_PAST_{at.fresh}"],
            LIFETIME_SPEND=windows[f"SUM_TOTAL_AMOUNT_PAST_{at.fresh}"],
        )
    elif at.since is not None:
        fresh = _lifetime(sales, at.since, at.moment, at.refunds)
        # not Table.drop: it keeps the names in a set, and the text would differ from one process to the next
        bare = windows.select(*(name for name in windows.columns if name not in TOTALS))
        later = bare.left_join(fresh, "CUSTOMER_KEY", rname="F_{name}")
    elif at.scan_from is not None:
        before = _lifetime(sales, None, at.scan_from, at.refunds)
    else:
        return windows
    rows = later.left_join(before, "CUSTOMER_KEY", rname="B_{name}")
    return rows.mutate(
        FIRST_PURCHASE_DATE=ibis.coalesce(rows.B_FIRST_PURCHASE_DATE, rows.FIRST_PURCHASE_DATE),
        LIFETIME_ORDERS=rows.LIFETIME_ORDERS.fill_null(0) + rows.B_LIFETIME_ORDERS.fill_null(0),
        LIFETIME_SPEND=rows.LIFETIME_SPEND.fill_null(0) + rows.B_LIFETIME_SPEND.fill_null(0),
    )


def _lifetime(sales: ir.Table, start: dt.date | None, end: dt.date, refunds: Refunds) -> ir.Table:
    rows = sales.filter(between(sales.TRANSACTION_DATE, start, end))
    order = is_order(rows.TOTAL_AMOUNT, refunds)
    return rows.group_by("CUSTOMER_KEY").agg(
        FIRST_PURCHASE_DATE=rows.TRANSACTION_DATE.min(where=order),
        LIFETIME_ORDERS=rows.count(where=order),
        LIFETIME_SPEND=rows.TOTAL_AMOUNT.sum(),
    )


def _totals(sales: ir.Table, at: AsOf) -> ir.Table:
    """First purchase, orders and spend of all rows dated before T."""
    if at.since is None:
        return _lifetime(sales, None, at.moment, at.refunds)
    fresh = _lifetime(sales, at.since, at.moment, at.refunds)
    both = ibis.union(table("CUSTOMER_STATE", CUSTOMER_STATE), _shaped(fresh))
    return both.group_by("CUSTOMER_KEY").agg(
        FIRST_PURCHASE_DATE=both.FIRST_PURCHASE_DATE.min(),
        LIFETIME_ORDERS=both.LIFETIME_ORDERS.sum(),
        LIFETIME_SPEND=both.LIFETIME_SPEND.sum(),
    )


def _shaped(totals: ir.Table) -> ir.Table:
    """Totals with exactly the columns and types of CUSTOMER_STATE."""
    return totals.select(*(totals[name].cast(kind).name(name) for name, kind in CUSTOMER_STATE.items()))


def customer_state(at: AsOf) -> ir.Table:
    """The totals of all rows dated before T, with the columns of CUSTOMER_STATE."""
    return _shaped(_totals(table("SALES", SALES), at))


def rows_before(as_ofs: tuple[dt.date, ...]) -> ir.Table:
    """AS_OF, SALES_ROWS and FEEDBACK_ROWS dated before each moment: how a state notices rows that came late."""
    sales, feedback = table("SALES", SALES), table("FEEDBACK_SENTIMENT", FEEDBACK_SENTIMENT)
    parts = []
    for as_of in as_ofs:
        counted = sales.filter(between(sales.TRANSACTION_DATE, None, as_of)).agg(SALES_ROWS=lambda rows: rows.count())
        other = feedback.filter(between(feedback.CHAT_DATE, None, as_of)).agg(FEEDBACK_ROWS=lambda rows: rows.count())
        parts.append(
            counted.cross_join(other).select(AS_OF=day(as_of), SALES_ROWS="SALES_ROWS", FEEDBACK_ROWS="FEEDBACK_ROWS")
        )
    return united(parts)


def recent_feedback(at: AsOf) -> ir.Table:
    """The last feedbacks with a sentiment, dated before T, of each customer, newest first in POSITION (1 is newest)."""
    feedback = of_part(table("FEEDBACK_SENTIMENT", FEEDBACK_SENTIMENT), at.parts, at.part)
    fresh = feedback.filter(
        between(feedback.CHAT_DATE, at.since, at.moment), feedback.SENTIMENT.notnull(), feedback.CUSTOMER_KEY.notnull()
    )
    columns = ("CUSTOMER_KEY", "CHAT_DATE", "INTERNAL_ID", "FEEDBACK_ID", "SENTIMENT")
    rows = fresh.select(*columns)
    if at.since is not None:
        rows = ibis.union(of_part(table("RECENT_FEEDBACK", RECENT_FEEDBACK), at.parts, at.part).select(*columns), rows)
    # newest first; ties of a day by the later number, so that the order never depends on the engine
    order = [ibis.desc(rows.CHAT_DATE), ibis.desc(rows.INTERNAL_ID, nulls_first=False), ibis.desc(rows.FEEDBACK_ID)]
    position = ibis.row_number().over(ibis.window(group_by=rows.CUSTOMER_KEY, order_by=order)) + 1
    ranked = rows.mutate(POSITION=position.cast("int64"))
    kept = ranked.filter(max(DEPTHS) >= ranked.POSITION)
    return kept.select(*RECENT_FEEDBACK)


def _sentiments(at: AsOf) -> ir.Table:
    last = recent_feedback(at)
    columns: dict[str, Any] = {}
    for depth in DEPTHS:
        inside = depth >= last.POSITION
        columns[f"SENTIMENT_MIN_{depth}"] = last.SENTIMENT.min(where=inside).cast("float64")
        columns[f"SENTIMENT_AVG_{depth}"] = ratio(last.SENTIMENT.sum(where=inside), last.count(where=inside))
    return last.group_by("CUSTOMER_KEY").agg(**columns)


def _derive(rows: ir.Table, at: AsOf) -> ir.Table:
    since_last = days_from(rows.LAST_PURCHASE_DATE, at.moment)
    tenure = days_from(rows.FIRST_PURCHASE_DATE, at.moment)
    gap = ratio(tenure - since_last, rows.LIFETIME_ORDERS - 1).fill_null(0.0)
    derived: dict[str, Any] = {
        "CUSTOMER_KEY": rows.CUSTOMER_KEY,
        "CUSTOMER_ID": rows.K_CUSTOMER_ID,
        "TIMESTAMP": moment(at.moment),
        "LAST_PURCHASE_DATE": rows.LAST_PURCHASE_DATE,
        "AGE": rows.AGE.cast("float64"),
        "DAYS_SINCE_LAST_PURCHASE": since_last.cast("int64"),
        "TENURE_DAYS": tenure.cast("int64"),
        "LIFETIME_ORDERS": rows.LIFETIME_ORDERS.cast("int64"),
        "LIFETIME_SPEND": rows.LIFETIME_SPEND.cast("float64"),
        "MEAN_GAP_DAYS": gap,
        "PURCHASE_RATE": ratio(rows.LIFETIME_ORDERS, tenure).fill_null(0.0),
        "RECENCY_OVER_MEAN_GAP": ratio(since_last, gap).fill_null(0.0),
    }
    for name in FEATURES:
        if name in derived:
            continue
        if name in ATTRIBUTES:
            derived[name] = rows[name]
        elif name.startswith("COUNT_"):
            derived[name] = rows[name].cast("int64")
        else:
            derived[name] = rows[name].cast("float64").fill_null(0.0)
    order = (*KEYS, "LAST_PURCHASE_DATE", *FEATURES)
    return rows.select(**{name: derived[name] for name in order})
