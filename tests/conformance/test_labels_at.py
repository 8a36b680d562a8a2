"""Labels: both anchors, finality to the day, and who gets one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from brute_force import active_customers, label_of, orders_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retail import AS_OFS, Sale, Shop, fill, put, rows_of, shops

from churnobs import Workspace
from churnobs.expressions.features import AsOf, customer_features
from churnobs.expressions.labels import ANCHORS, LabelRule, LabelWindow, labels
from churnobs.expressions.portable import REFUNDS
from churnobs.expressions.render import Query
from churnobs.tables import SPINE

same_workspace = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
T = dt.date(2024, 3, 1)


def labels_at(workspace: Workspace, as_of: dt.date, through: dt.date, rule: LabelRule) -> dict[str, dict[str, Any]]:
    rows = rows_of(workspace, Query(customer_features, (AsOf.at(as_of, refunds=rule.refunds),)))
    stale = [{**row, "TIMESTAMP": dt.datetime(2020, 1, 1)} for row in rows]
    put(workspace, "FEATURES", SPINE, [*rows, *stale])
    found = rows_of(workspace, Query(labels, (LabelWindow.of(as_of, through, rule),)))
    assert len(found) == len(rows)
    return {row["CUSTOMER_ID"]: row for row in found}


def bought(*days: int) -> Shop:
    """One customer who bought a day before T, and then so many days after T."""
    return Shop(tuple(Sale("C1", T + dt.timedelta(days=d), Decimal(1)) for d in (-1, *days)))


@pytest.mark.long_offline
@same_workspace
@given(st.data())
def test_labels_match_their_definition(workspace: Workspace, data: st.DataObject) -> None:
    as_of = data.draw(st.sampled_from(AS_OFS))
    shop = data.draw(shops(as_of))
    through = as_of + dt.timedelta(days=data.draw(st.sampled_from([0, 1, 10, 29, 30, 31, 90])))
    drawn = (data.draw(st.sampled_from(choices)) for choices in ([30, 7], ANCHORS, REFUNDS))
    rule = LabelRule(*drawn)
    fill(workspace, shop)
    found = labels_at(workspace, as_of, through, rule)
    shop = orders_of(shop, rule.refunds)
    assert sorted(found) == active_customers(shop, as_of, 90)
    for customer, row in found.items():
        churned, following = label_of(shop, customer, as_of, through, rule.horizon_days, rule.anchor)
        assert (row["CHURNED"], row["NEXT_TRANSACTION_DATE"]) == (churned, following)
        assert row["IS_FINAL"] == (through >= as_of + dt.timedelta(days=rule.horizon_days))
        assert row["KNOWN_AT"].date() == as_of + dt.timedelta(days=rule.horizon_days)


@pytest.mark.parametrize(("days", "churned"), [((0,), 0), ((29,), 0), ((30,), 1), ((31,), 1), ((), 1), ((29, 0), 0)])
def test_the_horizon_is_half_open(workspace: Workspace, days: tuple[int, ...], churned: int) -> None:
    fill(workspace, bought(*days))
    row = labels_at(workspace, T, T + dt.timedelta(days=90), LabelRule())["C1"]
    assert row["CHURNED"] == churned
    assert row["NEXT_TRANSACTION_DATE"] == (T + dt.timedelta(days=min(days)) if churned == 0 else None)


@pytest.mark.parametrize(("reach", "final"), [(29, False), (30, True), (31, True), (0, False), (-5, False)])
def test_a_label_is_final_when_the_data_reach_the_horizon(workspace: Workspace, reach: int, final: bool) -> None:
    fill(workspace, bought(3))
    row = labels_at(workspace, T, T + dt.timedelta(days=reach), LabelRule())["C1"]
    assert row["IS_FINAL"] is final
    assert row["CHURNED"] == (0 if final else None)


def test_rows_beyond_what_the_data_reach_are_not_looked_at(workspace: Workspace) -> None:
    fill(workspace, bought(5))
    assert labels_at(workspace, T, T + dt.timedelta(days=5), LabelRule())["C1"]["NEXT_TRANSACTION_DATE"] is None


def test_the_last_purchase_anchor_counts_from_the_last_purchase(workspace: Workspace) -> None:
    fill(workspace, Shop((*bought().sales, *(Sale(c, T - dt.timedelta(days=20), Decimal(1)) for c in ("C2", "C3")),
                          Sale("C2", T + dt.timedelta(days=10), Decimal(1)),
                          Sale("C3", T + dt.timedelta(days=11), Decimal(1)))))  # fmt: skip
    through = T + dt.timedelta(days=30)
    found = labels_at(workspace, T, through, LabelRule(anchor="last_purchase"))
    assert {c: row["CHURNED"] for c, row in found.items()} == {"C1": 1, "C2": 0, "C3": 1}
    assert {c: r["CHURNED"] for c, r in labels_at(workspace, T, through, LabelRule()).items()}["C3"] == 0


def test_only_the_population_is_labelled(workspace: Workspace) -> None:
    outside = (Sale("OLD", T - dt.timedelta(days=91), Decimal(1)), Sale("NEW", T, Decimal(1)))
    fill(workspace, Shop((*bought().sales, Sale("EDGE", T - dt.timedelta(days=90), Decimal(1)), *outside)))
    assert sorted(labels_at(workspace, T, T + dt.timedelta(days=30), LabelRule())) == ["C1", "EDGE"]
