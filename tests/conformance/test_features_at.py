"""Features at T against their plain-Python definition, with and without the stored state."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from brute_force import active_customers, features_of, orders_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from retail import AS_OFS, Feedback, Sale, Shop, fill, put, rows_of, shops
from retail import Person as Known

from churnobs import Workspace
from churnobs.expressions.features import FEATURES, WINDOWS, AsOf, customer_features, customer_state, recent_feedback
from churnobs.expressions.portable import REFUNDS, Refunds
from churnobs.expressions.render import Query
from churnobs.tables import CUSTOMER_STATE, RECENT_FEEDBACK

same_workspace = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
LEAP = dt.date(2024, 2, 29)


def features_at(workspace: Workspace, at: AsOf) -> dict[str, dict[str, Any]]:
    rows = rows_of(workspace, Query(customer_features, (at,)))
    by_customer = {row["CUSTOMER_ID"]: row for row in rows}
    assert len(by_customer) == len(rows), "one row a customer"
    return by_customer


def assert_same(row: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if isinstance(value, float):
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert row[name] == value, name


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dt.date, Shop, int | None]:
    as_of = draw(st.sampled_from(AS_OFS))
    return as_of, draw(shops(as_of)), draw(st.sampled_from([90, 30, None]))


rules: st.SearchStrategy[Refunds] = st.sampled_from(REFUNDS)


@pytest.mark.long_offline
@same_workspace
@given(worlds(), rules)
@example((LEAP, Shop((Sale("C1", dt.date(2024, 1, 29), Decimal(1)),)), 90), "reduce")
def test_features_match_their_definition(
    workspace: Workspace, world: tuple[dt.date, Shop, int | None], refunds: Refunds
) -> None:
    as_of, shop, active = world
    fill(workspace, shop)
    found = features_at(workspace, AsOf.at(as_of, active_within_days=active, refunds=refunds))
    assert sorted(found) == active_customers(orders_of(shop, refunds), as_of, active)
    for customer, row in found.items():
        assert set(row) == {"CUSTOMER_KEY", "CUSTOMER_ID", "TIMESTAMP", "LAST_PURCHASE_DATE", *FEATURES}
        assert row["TIMESTAMP"] == dt.datetime.combine(as_of, dt.time())
        assert_same(row, features_of(shop, customer, as_of, refunds))


@pytest.mark.long
@same_workspace
@given(worlds(), st.integers(0, 200) | st.sampled_from(WINDOWS), st.integers(0, 100), rules)
def test_the_state_changes_nothing(
    workspace: Workspace, world: tuple[dt.date, Shop, int | None], days: int | str, more: int, refunds: Refunds
) -> None:
    as_of, shop, active = world
    # what came since the state is often a window
    starts = dict(zip(WINDOWS, AsOf.at(as_of).starts, strict=True))
    since = starts[days] if isinstance(days, str) else as_of - dt.timedelta(days=days)
    fill(workspace, shop)
    plain = features_at(workspace, AsOf.at(as_of, active_within_days=active, refunds=refunds))
    # the state of `since` is itself carried forward from an older state, as month after month does
    put(workspace, "CUSTOMER_STATE", CUSTOMER_STATE, [])
    put(workspace, "RECENT_FEEDBACK", RECENT_FEEDBACK, [])
    older = since - dt.timedelta(days=more)
    steps = (AsOf.at(older, refunds=refunds), AsOf.at(since, since=older, refunds=refunds))
    for step in steps:
        for name, build in (("CUSTOMER_STATE", customer_state), ("RECENT_FEEDBACK", recent_feedback)):
            workspace._backend.engine.write(name, Query(build, (step,)), replace=True)
    assert features_at(workspace, AsOf.at(as_of, active_within_days=active, since=since, refunds=refunds)) == plain


def test_windows_are_half_open_and_months_are_clamped(workspace: Workspace) -> None:
    as_of = dt.date(2024, 3, 31)
    days = [
        "2024-03-31",
        "2024-03-30",
        "2024-03-24",
        "2024-03-23",
        "2024-02-29",
        "2024-02-28",
        "2024-01-31",
        "2024-01-30",
    ]
    fill(workspace, Shop(tuple(Sale("C1", dt.date.fromisoformat(d), 10**i) for i, d in enumerate(days))))  # type: ignore[arg-type]
    row = features_at(workspace, AsOf.at(as_of))["C1"]
    assert row["SUM_TOTAL_AMOUNT_PAST_7D"] == 110
    assert row["SUM_TOTAL_AMOUNT_PAST_1MM"] == 11_110
    assert row["SUM_TOTAL_AMOUNT_PAST_2MM"] == 1_111_110
    assert row["LIFETIME_ORDERS"] == 7


@pytest.mark.long
def test_amounts_add_up_exactly(workspace: Workspace) -> None:
    sales = tuple(Sale("C1", dt.date(2024, 2, 1), a) for a in (0.1, 0.2, 0.3) * 1000)  # type: ignore[arg-type]
    fill(workspace, Shop(tuple(Sale(s.customer, s.day, Decimal(str(s.amount))) for s in sales)))
    assert features_at(workspace, AsOf.at(dt.date(2024, 3, 1)))["C1"]["LIFETIME_SPEND"] == 600.0


def test_sentiments_skip_what_was_not_scored_and_break_ties_by_number(workspace: Workspace) -> None:
    day = dt.date(2024, 2, 10)
    feedback = (
        Feedback("C1", day, 1, Decimal("0.5")),
        Feedback("C1", day, 2, Decimal("-0.5")),
        Feedback("C1", day, None, Decimal("-1")),
        Feedback("C1", day + dt.timedelta(days=1), 1, None),
    )
    fill(workspace, Shop((Sale("C1", day, Decimal(1)),), feedback, ()))
    row = features_at(workspace, AsOf.at(dt.date(2024, 3, 1)))["C1"]
    assert (row["SENTIMENT_MIN_2"], row["SENTIMENT_AVG_2"]) == (-0.5, 0.0)
    assert (row["SENTIMENT_MIN_3"], row["SENTIMENT_AVG_3"]) == (-1.0, pytest.approx(-1 / 3))


def test_attributes_are_unknown_before_signup(workspace: Workspace) -> None:
    as_of = dt.date(2024, 3, 1)
    sales = tuple(Sale(c, dt.date(2024, 2, 1), Decimal(1)) for c in ("C1", "C2", "C3"))
    people = (Known("C1", 30, "Gold", as_of - dt.timedelta(days=1)), Known("C2", 40, "Gold", as_of))
    fill(workspace, Shop(sales, (), people))
    found = features_at(workspace, AsOf.at(as_of))
    assert {c: row["AGE"] for c, row in found.items()} == {"C1": 30.0, "C2": None, "C3": None}


def test_an_empty_shop_has_no_features(workspace: Workspace) -> None:
    fill(workspace, Shop())
    assert features_at(workspace, AsOf.at(LEAP)) == {}


def test_four_feedbacks_are_remembered_and_no_more(workspace: Workspace) -> None:
    days = [dt.date(2024, 1, day) for day in (3, 5, 7, 9, 11)]
    feedback = tuple(Feedback("C1", day, i, Decimal(-i) / 10) for i, day in enumerate(days))
    fill(workspace, Shop((Sale("C1", dt.date(2024, 2, 1), Decimal(1)),), feedback[::-1]))
    since = dt.date(2024, 1, 10)
    for name, build in (("CUSTOMER_STATE", customer_state), ("RECENT_FEEDBACK", recent_feedback)):
        workspace._backend.engine.write(name, Query(build, (AsOf.at(since),)), replace=True)
    for at in (AsOf.at(dt.date(2024, 3, 1)), AsOf.at(dt.date(2024, 3, 1), since=since)):
        row = features_at(workspace, at)["C1"]
        assert [row[f"SENTIMENT_MIN_{n}"] for n in (2, 3, 4)] == [-0.4] * 3
        assert [row[f"SENTIMENT_AVG_{n}"] for n in (2, 3, 4)] == pytest.approx([-0.35, -0.3, -0.25])
