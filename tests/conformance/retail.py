"""Small shops: purchases, feedback and customers, drawn at random around an as-of and put straight into the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from churnobs import Workspace
from churnobs.tables import CUSTOMER_KEYS, CUSTOMERS, FEEDBACK_SENTIMENT, SALES

NAMES = ("C1", "C2", "C3", "c 4", "É5")
# month ends, leap days, a year's end, and days in the middle of a month
AS_OFS = (
    dt.date(2024, 3, 1),
    dt.date(2024, 2, 29),
    dt.date(2024, 3, 31),
    dt.date(2024, 5, 31),
    dt.date(2023, 3, 1),
    dt.date(2024, 1, 1),
    dt.date(2024, 12, 31),
    dt.date(2024, 7, 17),
)


@dataclass(frozen=True)
class Sale:
    customer: str
    day: dt.date
    amount: Decimal


@dataclass(frozen=True)
class Feedback:
    customer: str
    day: dt.date
    number: int | None
    sentiment: Decimal | None


@dataclass(frozen=True)
class Person:
    customer: str
    age: int | None
    segment: str | None
    signup: dt.date | None


@dataclass(frozen=True)
class Shop:
    """Everything that was written down; feedback ids are the positions."""

    sales: tuple[Sale, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    people: tuple[Person, ...] = ()


def days_around(as_of: dt.date) -> st.SearchStrategy[dt.date]:
    """Days near the edges of every window of an as-of, and any day of the years around it."""
    edges = [-8, -7, -6, -1, 0, 1, 6, 29, 30, 31, -90, -91, -89, -28, -29, -30, -31, -32, -59, -60, -61, -62, -92]
    edges += [-365, -366, -400]
    near = st.sampled_from(edges) | st.integers(-130, 40)
    return near.map(lambda days: as_of + dt.timedelta(days=days))


amounts = st.decimals(Decimal("-50"), Decimal("9999.9999"), places=4) | st.sampled_from(
    [Decimal("0.1000"), Decimal("0.2000")]
)
sentiments = st.none() | st.sampled_from([Decimal("-1"), Decimal("0"), Decimal("1")]) | st.decimals(-1, 1, places=4)


@st.composite
def shops(draw: st.DrawFn, as_of: dt.date, *, names: Sequence[str] = NAMES, most: int = 25) -> Shop:
    """A shop around an as-of: same-day rows, ties, missing sentiments, customers nobody knows anything about."""
    days, customers = days_around(as_of), st.sampled_from(names)
    sales = draw(st.lists(st.builds(Sale, customers, days, amounts), max_size=most))
    numbers = st.none() | st.integers(0, 3)
    feedback = draw(st.lists(st.builds(Feedback, customers, days, numbers, sentiments), max_size=12))
    person = st.builds(
        Person,
        customers,
        st.none() | st.integers(18, 99),
        st.none() | st.sampled_from(["Gold", "gold", ""]),
        st.none() | days,
    )
    people = draw(st.lists(person, max_size=4, unique_by=lambda p: p.customer))
    return Shop(tuple(sales), tuple(feedback), tuple(people))


@st.composite
def rows_from(draw: st.DrawFn, as_of: dt.date) -> Shop:
    """Rows that are all dated at an as-of or later, also of customers who were not there before."""
    later = st.sampled_from([0, 1, 29, 30, 400]) | st.integers(0, 60)
    days, customers = later.map(lambda n: as_of + dt.timedelta(days=n)), st.sampled_from([*NAMES, "NEW"])
    sales = draw(st.lists(st.builds(Sale, customers, days, amounts), min_size=1, max_size=15))
    feedback = draw(
        st.lists(st.builds(Feedback, customers, days, st.none() | st.integers(0, 9), sentiments), max_size=8)
    )
    people = draw(st.lists(st.builds(Person, customers, st.integers(18, 99), st.just("Late"), days), max_size=3))
    return Shop(tuple(sales), tuple(feedback), tuple(people))


def both(one: Shop, other: Shop) -> Shop:
    """Two shops as one, the second's rows after the first's."""
    return Shop(one.sales + other.sales, one.feedback + other.feedback, one.people + other.people)


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("decimal("):
        precision, scale = kind[len("decimal(") : -1].split(",")
        return pa.decimal128(int(precision), int(scale))
    plain = {"date": pa.date32(), "timestamp(6)": pa.timestamp("us"), "boolean": pa.bool_()}
    return plain[kind] if kind in plain else pa.type_for_alias(kind)


def put(workspace: Workspace, name: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Make a table hold exactly these rows."""
    data = {c: pa.array([row.get(c) for row in rows], _arrow(kind)) for c, kind in columns.items()}
    workspace._backend.engine.write(name, pa.table(data), replace=True)


def fill(workspace: Workspace, shop: Shop) -> None:
    """Make the workspace hold exactly this shop, with the integer keys that loading would have given."""
    rows: tuple[Sale | Feedback | Person, ...] = (*shop.sales, *shop.feedback, *shop.people)
    keys = {name: 7 * i + 3 for i, name in enumerate(dict.fromkeys(row.customer for row in rows))}
    put(workspace, "CUSTOMER_KEYS", CUSTOMER_KEYS, [{"CUSTOMER_KEY": k, "CUSTOMER_ID": n} for n, k in keys.items()])
    put(workspace, "SALES", SALES, [
        {"TRANSACTION_ID": f"S{i}", "CUSTOMER_ID": s.customer, "TRANSACTION_DATE": s.day, "TOTAL_AMOUNT": s.amount,
         "CUSTOMER_KEY": keys[s.customer]} for i, s in enumerate(shop.sales)
    ])  # fmt: skip
    put(workspace, "FEEDBACK_SENTIMENT", FEEDBACK_SENTIMENT, [
        {"FEEDBACK_ID": f"F{i:04d}", "CHAT_DATE": f.day, "CUSTOMER_ID": f.customer, "INTERNAL_ID": f.number,
         "COMMENT": "text", "SENTIMENT": f.sentiment, "CUSTOMER_KEY": keys[f.customer]} for i, f in enumerate(shop.feedback)
    ])  # fmt: skip
    put(workspace, "CUSTOMERS", CUSTOMERS, [
        {"CUSTOMER_ID": p.customer, "AGE": p.age, "CUSTOMER_SEGMENT": p.segment, "SIGNUP_DATE": p.signup,
         "CUSTOMER_KEY": keys[p.customer]} for p in shop.people
    ])  # fmt: skip


def rows_of(workspace: Workspace, query: Any) -> list[dict[str, Any]]:
    """The rows of a query, in its order."""
    rows: list[dict[str, Any]] = workspace._backend.engine.read(query).to_pylist()
    return rows
