"""The leak law: no row dated T or later changes a feature of T; and a view that would leak elsewhere is found out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retail import AS_OFS, NAMES, Feedback, Sale, Shop, both, fill, put, rows_from, rows_of, shops

from churnobs import Entity, FeatureView, LeakFound, Workspace
from churnobs.expressions.features import AsOf, customer_features
from churnobs.expressions.render import Query

same_workspace = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
CUSTOMER = Entity("CUSTOMER", ("CUSTOMER_ID",))
T = dt.date(2024, 5, 1)

EVENTS = "SELECT CUSTOMER_ID, TRANSACTION_DATE, CAST(TOTAL_AMOUNT AS DOUBLE) AS AMOUNT FROM SALES"
# honest by themselves: each row is made of rows that are not later
HONEST = {
    "events": EVENTS,
    "running": """SELECT CUSTOMER_ID, TRANSACTION_DATE, COUNT(*) OVER (
        PARTITION BY CUSTOMER_ID ORDER BY TRANSACTION_DATE RANGE UNBOUNDED PRECEDING) AS ORDERS_SO_FAR FROM SALES""",
}
# five that read ahead when no one clips what they read
LEAKY = {
    "a window over all history": "SELECT CUSTOMER_ID, TRANSACTION_DATE, SUM(TOTAL_AMOUNT) OVER (PARTITION BY CUSTOMER_ID) AS X FROM SALES",
    "a look ahead": "SELECT CUSTOMER_ID, TRANSACTION_DATE, LEAD(TRANSACTION_DATE) OVER "
    "(PARTITION BY CUSTOMER_ID ORDER BY TRANSACTION_DATE) AS X FROM SALES",
    "a mean over everybody": "SELECT CUSTOMER_ID, TRANSACTION_DATE, TOTAL_AMOUNT - (SELECT AVG(TOTAL_AMOUNT) FROM SALES) AS X FROM SALES",
    "no timestamp": "SELECT CUSTOMER_ID, MAX(TRANSACTION_DATE) AS X FROM SALES GROUP BY CUSTOMER_ID",
    "who never came back": "WITH SALES AS (SELECT * FROM SALES) SELECT CUSTOMER_ID, TRANSACTION_DATE, 1 AS X FROM SALES "
    "QUALIFY LEAD(TRANSACTION_DATE) OVER (PARTITION BY CUSTOMER_ID ORDER BY TRANSACTION_DATE) IS NULL",
}


def registered(
    workspace: Workspace, source: Any, timestamp: str | None = "TRANSACTION_DATE", **more: Any
) -> FeatureView:
    workspace.feature_store.register_entity(CUSTOMER)
    view = FeatureView("OWN", (CUSTOMER,), source, timestamp, **more)
    return workspace.feature_store.register_feature_view(view, "V1", overwrite=True)


def stamp(sql: str) -> str | None:
    return None if "GROUP BY" in sql else "TRANSACTION_DATE"


def expression(workspace: Workspace) -> Any:
    """A user's own feature, as an Ibis expression."""
    sales = workspace.table("SALES").expr
    return sales.group_by("CUSTOMER_ID", "TRANSACTION_DATE").agg(
        SPENT=sales.TOTAL_AMOUNT.sum().cast("float64"), BIGGEST=sales.TOTAL_AMOUNT.max().cast("float64")
    )


def spine_at(as_of: dt.date) -> str:
    customers = ", ".join(f"('{name}')" for name in NAMES)
    return f"SELECT CUSTOMER_ID, CAST('{as_of}' AS TIMESTAMP) AS AS_OF FROM (VALUES {customers}) AS V (CUSTOMER_ID)"


def joined(workspace: Workspace, view: FeatureView, as_of: dt.date) -> list[tuple[Any, ...]]:
    found = workspace.feature_store.retrieve_feature_values(spine_at(as_of), [view], spine_timestamp_col="AS_OF")
    features = [c for c in found.columns if c not in {"CUSTOMER_ID", "AS_OF"}]
    rows = [(row["CUSTOMER_ID"], *(row[c] for c in features)) for row in found.collect()]
    return sorted((row for row in rows if any(value is not None for value in row[1:])), key=repr)


@st.composite
def before_and_after(draw: st.DrawFn) -> tuple[dt.date, Shop, Shop]:
    as_of = draw(st.sampled_from(AS_OFS))
    shop = draw(shops(as_of))
    return as_of, shop, both(shop, draw(rows_from(as_of)))


@pytest.mark.long_offline
@same_workspace
@given(before_and_after())
def test_later_rows_change_no_feature(workspace: Workspace, case: tuple[dt.date, Shop, Shop]) -> None:
    as_of, shop, more = case
    query = Query(customer_features, (AsOf.at(as_of),))
    seen = []
    for history in (shop, more):
        fill(workspace, history)
        rows = [{**row, "CUSTOMER_KEY": 0} for row in rows_of(workspace, query)]
        seen.append(sorted(rows, key=lambda row: row["CUSTOMER_ID"]))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", [*HONEST, *LEAKY, "an Ibis expression", "at a known moment"])
@settings(same_workspace, max_examples=8)
@given(before_and_after())
def test_later_rows_change_no_feature_of_an_own_view(
    workspace: Workspace, name: str, case: tuple[dt.date, Shop, Shop]
) -> None:
    as_of, shop, more = case
    if name == "an Ibis expression":
        view = registered(workspace, expression(workspace))
    elif name == "at a known moment":
        view = registered(workspace, EVENTS, known_at=True)
    else:
        sql = {**HONEST, **LEAKY}[name]
        view = registered(workspace, sql, stamp(sql))
    seen = []
    for history in (shop, more):
        fill(workspace, history)
        seen.append(joined(workspace, view, as_of))
    assert seen[0] == seen[1]


def leaking_shop() -> Shop:
    """Two customers before T; one of them buys again from T on."""
    days = {"C1": (-40, -10, 0, 20), "C2": (-30, -5)}
    return Shop(tuple(Sale(c, T + dt.timedelta(days=d), Decimal(9 + d * d)) for c, ds in days.items() for d in ds))


@pytest.mark.parametrize("sql", LEAKY.values(), ids=LEAKY.keys())
def test_planted_leaks_are_found(workspace: Workspace, sql: str) -> None:
    fill(workspace, leaking_shop())
    view = registered(workspace, sql, stamp(sql))
    with pytest.raises(LeakFound, match=r"OWN/V1 at 2024-05-01: .* of \('C\d',\)"):
        workspace.feature_store.check_leakage(view, T)
    with pytest.raises(LeakFound):
        workspace.feature_store.check_leakage("own", T, "V1")


@pytest.mark.parametrize("sql", HONEST.values(), ids=HONEST.keys())
def test_honest_views_pass(workspace: Workspace, sql: str) -> None:
    fill(workspace, leaking_shop())
    assert workspace.feature_store.check_leakage(registered(workspace, sql), T) == 2
    assert workspace.feature_store.check_leakage(registered(workspace, expression(workspace)), T) == 2


@pytest.mark.long
def test_sums_of_doubles_in_another_order_are_no_leak(workspace: Workspace) -> None:
    sales = tuple(Sale(f"C{i % 7}", T - dt.timedelta(days=1 + i % 50), Decimal(i) / 7) for i in range(3000))
    rounded = tuple(Sale(s.customer, s.day, s.amount.quantize(Decimal("0.0001"))) for s in sales)
    fill(workspace, Shop((*rounded, *(Sale("C1", T, Decimal(1)) for _ in range(9)))))
    sql = """SELECT CUSTOMER_ID, TRANSACTION_DATE, SUM(CAST(TOTAL_AMOUNT AS DOUBLE) / 3) OVER (
        PARTITION BY CUSTOMER_ID ORDER BY TRANSACTION_DATE RANGE UNBOUNDED PRECEDING) AS X FROM SALES"""
    assert workspace.feature_store.check_leakage(registered(workspace, sql), T) == 7


def test_a_leaky_view_still_gives_honest_training_sets(workspace: Workspace) -> None:
    fill(workspace, leaking_shop())
    view = registered(workspace, LEAKY["a window over all history"])
    assert joined(workspace, view, T) == [("C1", Decimal(9 + 1600 + 9 + 100)), ("C2", Decimal(9 + 900 + 9 + 25))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("WITH SALES AS (SELECT * FROM SALES) SELECT CUSTOMER_ID, COUNT(*) AS N FROM SALES GROUP BY 1", 2),
        (
            "WITH OLD AS (SELECT * FROM SALES), SALES AS (SELECT * FROM OLD) SELECT CUSTOMER_ID, COUNT(*) AS N FROM SALES GROUP BY 1",
            2,
        ),
        ("SELECT CUSTOMER_ID, COUNT(*) AS N FROM (SELECT * FROM SALES UNION ALL SELECT * FROM SALES) GROUP BY 1", 4),
        (
            "SELECT CUSTOMER_ID, (SELECT COUNT(*) FROM SALES B WHERE B.CUSTOMER_ID = A.CUSTOMER_ID) AS N FROM CUSTOMER_KEYS A",
            2,
        ),
        (
            "SELECT A.CUSTOMER_ID, COUNT(*) AS N FROM (SALES A JOIN SALES B ON A.CUSTOMER_ID = B.CUSTOMER_ID) GROUP BY 1",
            4,
        ),
        ("SELECT C AS CUSTOMER_ID, COUNT(*) AS N FROM SALES AS S(T, C) GROUP BY 1", 2),
        (
            "SELECT SALES.CUSTOMER_ID, COUNT(*) AS N FROM SALES, (WITH SALES AS (SELECT 1) SELECT * FROM SALES) ONE GROUP BY 1",
            2,
        ),
        (
            "SELECT K.CUSTOMER_ID, COUNT(S.CUSTOMER_ID) AS N FROM CUSTOMER_KEYS K LEFT JOIN SALES S USING (CUSTOMER_ID) GROUP BY 1",
            2,
        ),
    ],
)
def test_no_way_of_naming_a_table_escapes(workspace: Workspace, sql: str, expected: int) -> None:
    fill(workspace, leaking_shop())
    assert joined(workspace, registered(workspace, sql, None), T)[0] == ("C1", expected)


def test_feedback_of_the_day_is_not_known(workspace: Workspace) -> None:
    said = tuple(Feedback("C1", T + dt.timedelta(days=d), d + 1, Decimal(d)) for d in (-1, 0))
    fill(workspace, Shop(feedback=said))
    sql = "SELECT CUSTOMER_ID, CHAT_DATE, SENTIMENT FROM FEEDBACK_SENTIMENT"
    assert joined(workspace, registered(workspace, sql, "CHAT_DATE"), T) == [("C1", Decimal(-1))]


def test_an_own_table_is_clipped_by_the_column_that_dates_it(workspace: Workspace) -> None:
    fill(workspace, Shop((Sale("C1", T, Decimal(1)),)))
    columns = {"CUSTOMER_ID": "string", "SEEN": "timestamp(6)", "VISITS": "int64"}
    rows = [{"CUSTOMER_ID": "C1", "SEEN": dt.datetime(2024, 4, day), "VISITS": day} for day in (10, 30)]
    put(workspace, "WEB", columns, [*rows, {"CUSTOMER_ID": "C1", "SEEN": dt.datetime(2024, 5, 1), "VISITS": 99}])
    sql = "SELECT CUSTOMER_ID, SEEN, SUM(VISITS) OVER (PARTITION BY CUSTOMER_ID) AS TOTAL FROM WEB"
    view = registered(workspace, sql, "SEEN", sources={"web": "seen"})
    assert joined(workspace, view, T) == [("C1", 40)]
    # the same rows, when SEEN is the moment from which they were known, count from that moment on
    known = registered(workspace, sql, "SEEN", sources={"WEB": "SEEN"}, known_at=True)
    assert joined(workspace, known, T) == [("C1", 139)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CUSTOMER_ID, 1 AS X FROM SOMEWHERE",
        "SELECT CUSTOMER_ID, 1 AS X FROM query_table('SALES')",
        "SELECT CUSTOMER_ID, 1 AS X FROM SALES; SELECT 1",
        "DROP TABLE SALES",
    ],
)
def test_what_cannot_be_clipped_is_refused(workspace: Workspace, sql: str) -> None:
    from churnobs import ChurnobsError

    fill(workspace, leaking_shop())
    put(workspace, "SOMEWHERE", {"CUSTOMER_ID": "string"}, [])
    with pytest.raises(ChurnobsError):
        registered(workspace, sql, None)
    assert len(rows_of(workspace, "SALES")) == 6
