"""What a fit needs of a workspace, as sums and counts: the queries, and what cannot teach a world."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs import BadConfig, Month, Workspace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_MONTHS: Final = 4
LEAST_CUSTOMERS: Final = 30
LEAST_REPEATS: Final = 30
# amounts and items are those of the newest months
RECENT_MONTHS: Final = 6
_MOST_METHODS: Final = 8
# a month's number from year 0 on
_INDEX = "(EXTRACT(YEAR FROM TRANSACTION_DATE) * 12 + EXTRACT(MONTH FROM TRANSACTION_DATE) - 1)"


@dataclass(frozen=True, eq=False)
class Observed:
    """The sales of whole months, summed up. Days are counted from the first day of the first month.

    A visit is a customer's day with a purchase; a negative amount is a refund, and no purchase.

    Attributes:
        first: The first month.
        months: How many.
        starts: First day of each month, and of the one after the last.
        calendar: Of each month, 0 for January.
        arrivals, visits, orders, spend: Of each month; who buys for the first time arrives.
        squares: Of each month, the sum over customers of their visits squared: how much hangs on a few.
        came, last, repeats, count: Customers by the days of their first and last visit and the visits after the first.
        active: Customers who bought in the 90 days before the end.
    """

    first: Month
    months: int
    starts: Ints
    calendar: Ints
    arrivals: Ints
    visits: Ints
    squares: Ints
    orders: Ints
    spend: Floats
    came: Ints
    last: Ints
    repeats: Ints
    count: Ints
    active: int


def month_of(index: int) -> Month:
    """The month of a number from year 0 on."""
    return Month(index // 12, index % 12 + 1)


def index_of(month: Month) -> int:
    """The number of a month from year 0 on."""
    return month.year * 12 + month.number - 1


def purchases_before(day: dt.date) -> str:
    """What counts as a purchase before a day, as a condition."""
    return f"TRANSACTION_DATE < CAST('{day}' AS DATE) AND TOTAL_AMOUNT >= 0"


def data_end(workspace: Workspace) -> dt.date:
    """The first day that the sales do not cover.

    Raises:
        BadConfig: nothing was ingested.
    """
    told = "SELECT MAX(PERIOD_END) AS PERIOD_END FROM FILES_INGESTED WHERE FILE_TYPE = 'sales' AND REPLACED_IN IS NULL"
    end = workspace.sql(told).collect()[0]["PERIOD_END"]
    if end is None:
        raise BadConfig("the workspace has no sales", hint="ingest() them first")
    assert isinstance(end, dt.date)
    return end


def last_month(workspace: Workspace, until: Month | str | None) -> Month:
    """The last month to learn from.

    Raises:
        BadConfig: there are no sales, or they do not reach the end of that month.
    """
    end = data_end(workspace)
    whole = month_of(index_of(Month.of(end)) - 1)
    if until is None:
        return whole
    asked = Month.parse(until) if isinstance(until, str) else until
    if asked > whole:
        raise BadConfig(f"the sales reach {end}, and {asked} is not whole", hint=f"fit until {whole}, or ingest more")
    return asked


def observe(workspace: Workspace, last: Month) -> Observed:
    """Read what a fit needs of all months up to one.

    Raises:
        BadConfig: too little for a fit, or a month without any sale.
    """
    where = purchases_before(last.end)
    by_month = _rows(
        workspace,
        f"SELECT {_INDEX} AS M, COUNT(*) AS ORDERS, SUM(TOTAL_AMOUNT) AS SPEND "
        f"FROM SALES WHERE {where} GROUP BY {_INDEX} ORDER BY M",
    )
    if not by_month:
        raise BadConfig(f"there is no purchase up to {last}", hint="fit until a later month, or ingest more")
    first = int(by_month[0]["M"])
    n = index_of(last) - first + 1
    if n < LEAST_MONTHS:
        raise BadConfig(
            f"{n} months of sales ({month_of(first)} to {last}) cannot teach a world",
            hint=f"fit on {LEAST_MONTHS} months or more",
        )
    orders, spend = np.zeros(n, dtype=np.int64), np.zeros(n)
    for row in by_month:
        orders[int(row["M"]) - first] = int(row["ORDERS"])
        spend[int(row["M"]) - first] = float(row["SPEND"])
    empty = [month_of(first + i) for i in range(n) if not orders[i]]
    if empty:
        raise BadConfig(
            f"there are no sales in {', '.join(map(str, empty[:3]))}{' ...' if empty[3:] else ''}",
            hint="ingest the missing files, or fit until the month before",
        )
    visits = f"SELECT CUSTOMER_KEY, TRANSACTION_DATE FROM SALES WHERE {where} GROUP BY CUSTOMER_KEY, TRANSACTION_DATE"
    own = (
        "SELECT MIN(TRANSACTION_DATE) AS CAME, MAX(TRANSACTION_DATE) AS LAST, COUNT(*) AS VISITS "
        f"FROM ({visits}) AS V GROUP BY CUSTOMER_KEY"
    )
    lives = workspace.sql(
        f"SELECT CAME, LAST, VISITS, COUNT(*) AS CUSTOMERS FROM ({own}) AS C "
        "GROUP BY CAME, LAST, VISITS ORDER BY CAME, LAST, VISITS"
    ).to_arrow()
    monthly = f"SELECT {_INDEX} AS M, COUNT(*) AS VISITS FROM ({visits}) AS V GROUP BY CUSTOMER_KEY, {_INDEX}"
    per_month = _rows(
        workspace, f"SELECT M, SUM(VISITS) AS VISITS, SUM(VISITS * VISITS) AS SQUARES FROM ({monthly}) AS W GROUP BY M"
    )
    visited, squares = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for row in per_month:
        visited[int(row["M"]) - first] = int(row["VISITS"])
        squares[int(row["M"]) - first] = int(row["SQUARES"])
    zero = month_of(first).start.toordinal()
    starts = np.array([month_of(first + i).start.toordinal() - zero for i in range(n + 1)], dtype=np.int64)
    came, newest = (
        np.array([day.toordinal() - zero for day in lives[name].to_pylist()], dtype=np.int64)
        for name in ("CAME", "LAST")
    )
    repeats, count = (
        np.array([int(number) for number in lives[name].to_pylist()], dtype=np.int64)
        for name in ("VISITS", "CUSTOMERS")
    )
    repeats -= 1
    customers, repeated = int(count.sum()), int((repeats * count).sum())
    if customers < LEAST_CUSTOMERS or repeated < LEAST_REPEATS:
        raise BadConfig(
            f"{customers} customers with {repeated} purchases after their first cannot teach a world",
            hint=f"fit on {LEAST_CUSTOMERS} customers and {LEAST_REPEATS} such purchases or more",
        )
    arrivals = np.bincount(np.searchsorted(starts, came, side="right") - 1, weights=count, minlength=n)
    return Observed(
        first=month_of(first),
        months=n,
        starts=starts,
        calendar=(first + np.arange(n, dtype=np.int64)) % 12,
        arrivals=np.rint(arrivals).astype(np.int64),
        visits=visited,
        squares=squares,
        orders=orders,
        spend=spend,
        came=came,
        last=newest,
        repeats=repeats,
        count=count,
        active=int(count[starts[n] - newest <= 90].sum()),
    )


def observed_baskets(workspace: Workspace, observed: Observed, last: Month) -> dict[str, Any]:
    """The sums over orders of the newest months that ``Baskets`` rests on."""
    since = month_of(max(index_of(observed.first), index_of(last) - RECENT_MONTHS + 1)).start
    recent = f"{purchases_before(last.end)} AND TRANSACTION_DATE >= CAST('{since}' AS DATE)"
    # logs become decimals before they are summed: a sum of doubles depends on the order of its terms
    logs = (
        "SELECT CUSTOMER_KEY, CAST(LN(CAST(TOTAL_AMOUNT AS DOUBLE)) AS DECIMAL(16, 10)) AS L "
        f"FROM SALES WHERE {purchases_before(last.end)} AND TOTAL_AMOUNT > 0"
    )
    per = (
        "SELECT COUNT(*) AS N, SUM(L) AS S, SUM(CAST(CAST(L AS DOUBLE) * CAST(L AS DOUBLE) AS DECIMAL(28, 10))) AS Q "
        f"FROM ({logs}) AS A GROUP BY CUSTOMER_KEY"
    )
    spread = (
        "SELECT COUNT(*) AS CUSTOMERS, SUM(N) AS ORDERS, SUM(S) AS LOGS, SUM(Q) AS SQUARES, SUM(N * N) AS WEIGHT, "
        "SUM(CAST(CAST(S AS DOUBLE) * CAST(S AS DOUBLE) / N AS DECIMAL(28, 10))) AS OWN "
        f"FROM ({per}) AS B"
    )
    items = "CAST(NUM_ITEMS AS DOUBLE)"
    sums = (
        "SELECT COUNT(*) AS ORDERS, COUNT(NUM_ITEMS) AS TOLD, SUM(NUM_ITEMS) AS ITEMS, "
        f"SUM(CAST({items} * {items} AS DECIMAL(28, 0))) AS ITEMS_SQUARED, COUNT(DISCOUNT_APPLIED) AS DISCOUNTS_TOLD, "
        f"SUM(CASE WHEN DISCOUNT_APPLIED THEN 1 ELSE 0 END) AS DISCOUNTS FROM SALES WHERE {recent}"
    )
    methods = (
        f"SELECT PAYMENT_METHOD AS METHOD, COUNT(*) AS ORDERS FROM SALES WHERE {recent} AND PAYMENT_METHOD IS NOT NULL "
        f"GROUP BY PAYMENT_METHOD ORDER BY COUNT(*) DESC, PAYMENT_METHOD LIMIT {_MOST_METHODS}"
    )
    return {
        **_rows(workspace, sums)[0],
        "spread": _rows(workspace, spread)[0],
        "methods": [(str(row["METHOD"]), int(row["ORDERS"])) for row in _rows(workspace, methods)],
    }


def _rows(workspace: Workspace, query: str) -> list[dict[str, Any]]:
    return workspace.sql(query).collect()
