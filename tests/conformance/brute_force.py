"""Features and labels once more, in plain Python, from their definitions and from no code of churnobs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from retail import Shop


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day so many months earlier, or the month's last day where it has no such day."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    number = day.day
    while True:
        try:
            return dt.date(year, month, number)
        except ValueError:
            number -= 1


def active_customers(shop: Shop, as_of: dt.date, active_within: int | None) -> list[str]:
    """Who is still a customer at an as-of."""
    last: dict[str, dt.date] = {}
    for sale in shop.sales:
        if sale.day < as_of:
            last[sale.customer] = max(sale.day, last.get(sale.customer, sale.day))
    return sorted(c for c, day in last.items() if active_within is None or (as_of - day).days <= active_within)


def orders_of(shop: Shop, refunds: str) -> Shop:
    """What was bought, without what came back."""
    return Shop(tuple(s for s in shop.sales if refunds == "orders" or s.amount >= 0), shop.feedback, shop.people)


def features_of(shop: Shop, customer: str, as_of: dt.date, refunds: str = "orders") -> dict[str, Any]:
    """What is known of a customer at an as-of."""
    sales = [s for s in shop.sales if s.customer == customer and s.day < as_of]
    bought = [s for s in orders_of(shop, refunds).sales if s.customer == customer and s.day < as_of]
    first, last = min(s.day for s in bought), max(s.day for s in bought)
    orders = len(bought)
    gap = (last - first).days / (orders - 1) if orders > 1 else 0.0
    recency, tenure = (as_of - last).days, (as_of - first).days
    spend = sum((s.amount for s in sales), Decimal(0))
    known: dict[str, Any] = {
        "LAST_PURCHASE_DATE": last,
        "DAYS_SINCE_LAST_PURCHASE": recency,
        "TENURE_DAYS": tenure,
        "LIFETIME_ORDERS": orders,
        "LIFETIME_SPEND": float(spend),
        "MEAN_GAP_DAYS": gap,
        "PURCHASE_RATE": orders / tenure,
        "RECENCY_OVER_MEAN_GAP": recency / gap if gap else 0.0,
    }
    starts = {"7D": as_of - dt.timedelta(days=7), **{f"{n}MM": months_before(as_of, n) for n in (1, 2, 3)}}
    for window, start in starts.items():
        inside = [s.amount for s in sales if s.day >= start]
        known[f"SUM_TOTAL_AMOUNT_PAST_{window}"] = float(sum(inside, Decimal(0)))
        known[f"COUNT_ORDERS_PAST_{window}"] = len([s for s in bought if s.day >= start])
    said = [
        (f.day, -1 if f.number is None else f.number, i, f.sentiment)
        for i, f in enumerate(shop.feedback)
        if f.customer == customer and f.day < as_of and f.sentiment is not None
    ]
    newest = [sentiment for *_, sentiment in sorted(said, reverse=True)]
    for depth in (2, 3, 4):
        taken = newest[:depth]
        known[f"SENTIMENT_MIN_{depth}"] = float(min(taken)) if taken else 0.0
        known[f"SENTIMENT_AVG_{depth}"] = float(sum(taken)) / len(taken) if taken else 0.0
    person = next((p for p in shop.people if p.customer == customer and (p.signup is None or p.signup < as_of)), None)
    known |= {"AGE": person.age if person else None, "CUSTOMER_SEGMENT": person.segment if person else None}
    return known | {"GENDER": None, "LOCATION": None}


def label_of(shop: Shop, customer: str, as_of: dt.date, through: dt.date, horizon: int, anchor: str) -> tuple[Any, Any]:
    """CHURNED (None while not final) and NEXT_TRANSACTION_DATE."""
    end = as_of + dt.timedelta(days=horizon)
    seen = sorted(s.day for s in shop.sales if s.customer == customer and as_of <= s.day < min(end, through))
    if anchor == "last_purchase":
        last = max(s.day for s in shop.sales if s.customer == customer and s.day < as_of)
        seen = [day for day in seen if (day - last).days <= horizon]
    following = seen[0] if seen else None
    return (None if through < end else int(following is None)), following
