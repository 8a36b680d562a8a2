"""Whom to call for the money: arithmetic against brute force over all orders, and the loop against pandas."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import Year, scripted, write_shop
from sklearn.metrics import precision_score, recall_score

import churnobs
from churnobs import BadConfig, Month, NotFound
from churnobs.lifecycle.value import Called, Offer, Ranking

CHANCE = st.sampled_from([0.1, 0.25, 0.5, 0.8, 0.8, math.nan])
MONEY = st.sampled_from([0.0, 3.0, 10.0, 12.5, -4.0, math.nan])
ROWS = st.lists(st.tuples(CHANCE, st.integers(0, 1), MONEY), max_size=6)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"n": 0}, "at_risk of 0 customers; give a number above 0"),
        ({"budget": 100}, "a budget without a cost"),
        ({"budget": 100, "value": 5}, "a budget without a cost"),
        ({"budget": -1, "cost": 1}, "budget is -1"),
        ({"budget": math.inf, "cost": 1}, "budget is inf"),
        ({"value": 5, "cost": -0.5}, "cost is -0.5"),
        ({"value": 5, "cost": "much"}, "cost is 'much'; give a number"),
        ({"value": 5, "success": 1.1}, "success is 1.1; give a probability"),
        ({"value": 5, "success": -0.1}, "success is -0.1"),
        ({"value": 5, "success": math.nan}, "success is nan"),
        ({"value": -5}, "value is -5.0"),
        ({"value": math.nan}, "value is nan"),
        ({"value": [5]}, r"value is \[5\]; give a number"),
        ({"value": {}}, "value is a mapping with no number"),
        ({"value": {"C1": math.inf}}, "not finite"),
        ({"value": {"C1": "much"}}, "value is 'much'"),
        ({"cost": 1}, "cost and success decide nothing without a value"),
        ({"success": 0.5}, "cost and success decide nothing without a value"),
    ],
)
def test_an_offer_that_cannot_be_meant_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        Offer(**how)


@pytest.mark.parametrize(
    ("how", "capacity"),
    [
        ({}, 10),
        ({"n": 7}, 7),
        ({"value": 3}, 10),
        ({"budget": 100, "cost": 3}, 33),
        ({"n": 5, "budget": 100, "cost": 3}, 5),
        ({"n": 50, "budget": 100, "cost": 3}, 33),
        ({"budget": 0.3, "cost": 0.1}, 3),
        ({"budget": 0, "cost": 1}, 0),
        ({"budget": 0.9, "cost": 1, "value": 9}, 0),
        ({"budget": 100, "cost": 0}, None),
        ({"n": 4, "budget": 100, "cost": 0}, 4),
        ({"budget": 1e300, "cost": 1e-300}, 2**62),
    ],
)
def test_a_budget_pays_for_so_many_calls(how: dict[str, Any], capacity: int | None) -> None:
    assert Offer(**how).capacity == capacity


@given(ROWS, st.floats(0, 5), st.floats(0, 1), st.integers(1, 8))
def test_the_best_are_those_of_a_sorted_list(
    rows: list[tuple[float, int, float]], cost: float, success: float, n: int
) -> None:
    offer = Offer(n, value=1.0, cost=cost, success=success)
    chances, values = [row[0] for row in rows], [row[2] for row in rows]
    expected = [p * success * v - cost for p, v in zip(chances, values, strict=True)]
    wanted = sorted((i for i, e in enumerate(expected) if e > 0), key=lambda i: (-expected[i], i))[:n]
    scores = offer.scores(chances, values)
    assert scores.tolist() == pytest.approx(expected, nan_ok=True)
    assert offer.best(scores).tolist() == wanted


def brute(rows: list[tuple[float, int, float]], calls: int, cost: float, success: float) -> tuple[float, float, float]:
    """Hits, net value and calls of the first ``calls``, over every order that puts higher expected values first."""
    scored = [(p * success * v - cost, left, v) for p, left, v in rows if not math.isnan(p * success * v - cost)]
    orders = [o for o in itertools.permutations(scored) if all(o[i][0] >= o[i + 1][0] for i in range(len(o) - 1))]
    hits = [sum(left for _, left, _ in order[:calls]) for order in orders]
    net = [sum(left * success * v - cost for _, left, v in order[:calls]) for order in orders]
    return float(np.mean(hits)), float(np.mean(net)), min(calls, len(scored))


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 7), st.sampled_from([0.0, 1.0]), st.sampled_from([0.3, 1.0]))
def test_what_calls_find_is_the_mean_over_all_orders(
    rows: list[tuple[float, int, float]], calls: int, cost: float, success: float
) -> None:
    offer = Offer(5, value=1.0, cost=cost, success=success)
    chance, left, value = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [])
    ranking = Ranking.of(offer, chance, left, value)
    met = ranking.at(calls)
    hits, net, called = brute(rows, calls, cost, success)
    assert met.called == called
    assert met.net_value == pytest.approx(net, abs=1e-9)
    churned = sum(left)
    assert met.precision == (pytest.approx(hits / called) if called else None)
    assert met.recall == (pytest.approx(hits / churned) if churned else None)
    if called and churned:
        assert met.lift == pytest.approx((hits / called) / (churned / len(rows)))
    else:
        assert met.lift is None
    assert ranking.worth == sum(p * success * v - cost > 0 for p, _, v in rows)


@settings(deadline=None)
@given(st.lists(st.tuples(CHANCE, st.integers(0, 1), MONEY), max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_at_all(rows: list[tuple[float, int, float]], random: Any) -> None:
    offer = Offer(5, value=1.0, cost=0.7, success=0.3)

    def curve(of: list[tuple[float, int, float]]) -> list[Called]:
        chance, left, value = (list(c) for c in zip(*of, strict=True)) if of else ([], [], [])
        return Ranking.of(offer, chance, left, value).curve(7)

    mixed = list(rows)
    random.shuffle(mixed)
    assert curve(mixed) == curve(rows)


def test_sums_of_money_do_not_depend_on_the_order_of_equal_scores() -> None:
    # the same expected value from seven values, whose sum rounds differently in most orders
    values = [0.7 * 2.0**k for k in (0, 9, 21, 30, 42, 50, 53)]
    chances = [1.0 / value * 0.7 for value in values]
    offer = Offer(value=1.0)
    assert len(set(offer.scores(chances, values))) == 1
    orders = list(itertools.permutations(range(7)))[::97]
    met = {
        Ranking.of(offer, [chances[i] for i in order], [1] * 7, [values[i] for i in order]).at(7) for order in orders
    }
    assert len({sum(values[i] for i in order) for order in orders}) > 1
    assert len(met) == 1


def test_without_ties_it_is_precision_and_recall_of_the_first_k() -> None:
    rng = np.random.default_rng(0)
    chance = rng.permutation(np.linspace(0.01, 0.99, 300))
    left = (rng.random(300) < chance).astype(int)
    ranking = Ranking.of(Offer(10), chance, left)
    for k in (1, 10, 57, 300):
        said = (chance >= np.sort(chance)[-k]).astype(int)
        met = ranking.at(k)
        assert (met.called, met.net_value) == (k, None)
        assert met.precision == pytest.approx(precision_score(left, said), abs=1e-12)
        assert met.recall == pytest.approx(recall_score(left, said), abs=1e-12)
        assert met.lift == pytest.approx(precision_score(left, said) / left.mean(), abs=1e-12)
    assert ranking.at(10**6) == ranking.at(300)


def test_a_curve_goes_from_the_first_step_to_everybody() -> None:
    chance = np.arange(1000) / 1000
    left = (chance > 0.7).astype(int)
    curve = Ranking.of(Offer(value=10, cost=1, success=0.5), chance, left, np.full(1000, 10.0)).curve()
    assert [met.called for met in curve] == list(range(10, 1001, 10))
    assert (curve[-1].precision, curve[-1].recall, curve[-1].lift) == (left.mean(), 1.0, 1.0)
    # scores in the right order: calling all who leave and nobody else is worth most
    best = max(curve, key=lambda met: met.net_value)
    assert (best.called, best.precision, best.net_value) == (300, pytest.approx(299 / 300), 299 * 5.0 - 300)
    assert Ranking.of(Offer(), [], []).curve() == []
    assert len(Ranking.of(Offer(), [0.5, 0.4], [1, 0]).curve(100)) == 2
    with pytest.raises(BadConfig, match="a curve of 0 points"):
        Ranking.of(Offer(), [0.5], [1]).curve(0)


# -- the loop


def rows_at(year: Year, as_of: Any) -> pd.DataFrame:
    """What was stored, known and (where it is final) came true at an as-of, put together by pandas."""
    where = f"TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)"
    stored = year.workspace.sql(f"SELECT * FROM PREDICTIONS WHERE {where}").to_pandas()
    features = year.workspace.sql(f"SELECT * FROM FEATURES WHERE {where}").to_pandas()
    labels = year.workspace.sql(f"SELECT CUSTOMER_ID, CHURNED FROM LABELS WHERE {where} AND IS_FINAL").to_pandas()
    rows = stored.merge(features.drop(columns=["CUSTOMER_KEY", "TIMESTAMP"]), on="CUSTOMER_ID", validate="1:1")
    return rows.merge(labels, on="CUSTOMER_ID", how="left", validate="1:1")


COLUMN = "SUM_TOTAL_AMOUNT_PAST_3MM"


def test_a_budget_is_spent_on_the_highest_expected_values(year: Year) -> None:
    risk = year.loop.at_risk(budget=100, value=COLUMN, cost=4.0, success=0.3)
    now = rows_at(year, year.reports[-1].as_of)
    money = now[COLUMN].astype(float)
    now["EXPECTED"] = now["DEFAULT_PROBABILITY"] * 0.3 * money - 4.0
    wanted = now[now["EXPECTED"] > 0].sort_values(["EXPECTED", "CUSTOMER_ID"], ascending=[False, True]).head(25)
    assert risk.capacity == len(risk.customers) == 25
    assert [c.customer_id for c in risk.customers] == wanted["CUSTOMER_ID"].tolist()
    assert [c.expected_value for c in risk.customers] == pytest.approx(wanted["EXPECTED"].tolist(), abs=1e-9)
    assert [c.value for c in risk.customers] == pytest.approx(wanted[COLUMN].astype(float).tolist())
    assert [c.probability for c in risk.customers] == wanted["DEFAULT_PROBABILITY"].tolist()
    assert risk.expected_value == pytest.approx(wanted["EXPECTED"].sum(), abs=1e-9)
    # money asks another question than probability
    assert [c.customer_id for c in risk.customers] != [c.customer_id for c in year.loop.at_risk(25).customers]
    table = risk.to_pandas()
    assert list(table.columns) == ["CUSTOMER_ID", "PROBABILITY", "VALUE", "EXPECTED_VALUE", "REASONS"]
    assert table["EXPECTED_VALUE"].is_monotonic_decreasing
    assert "expected value" in risk._repr_html_()


def test_what_is_realised_is_that_of_the_newest_final_as_of(year: Year) -> None:
    risk = year.loop.at_risk(budget=100, value=COLUMN, cost=4.0, success=0.3)
    final = [t for t in year.loop.predicted_as_ofs() if t in year.loop.final_as_ofs()]
    assert risk.realised_as_of == final[-1] < risk.as_of
    assert risk.unrealised == ""
    assert risk.realised_version == next(
        r.decision.default_version for r in year.reports if r.as_of == risk.realised_as_of
    )
    then = rows_at(year, risk.realised_as_of)
    assert then["CHURNED"].notna().all()
    money = then[COLUMN].astype(float)
    then["EXPECTED"] = then["DEFAULT_PROBABILITY"] * 0.3 * money - 4.0
    then = then.sort_values(["EXPECTED"], ascending=False).reset_index(drop=True)
    assert then["EXPECTED"].is_unique, "the oracle below knows no ties"
    called = then[then["EXPECTED"] > 0].head(25)
    assert risk.precision_at_capacity == pytest.approx(called["CHURNED"].mean(), abs=1e-12)
    assert risk.lift_at_capacity == pytest.approx(called["CHURNED"].mean() / then["CHURNED"].mean(), abs=1e-12)
    curve = risk.curve()
    assert list(curve.columns) == ["CALLED_SHARE", "CALLED", "PRECISION", "RECALL", "LIFT", "NET_VALUE"]
    assert curve["CALLED"].iloc[-1] == len(then)
    for row in curve.to_dict("records"):
        own = then.head(row["CALLED"])
        assert row["CALLED_SHARE"] == pytest.approx(row["CALLED"] / len(then))
        assert row["PRECISION"] == pytest.approx(own["CHURNED"].mean())
        assert row["RECALL"] == pytest.approx(own["CHURNED"].sum() / then["CHURNED"].sum())
        assert row["LIFT"] == pytest.approx(own["CHURNED"].mean() / then["CHURNED"].mean())
        saved = (own["CHURNED"] * 0.3 * own[COLUMN].astype(float)).sum()
        assert row["NET_VALUE"] == pytest.approx(saved - 4.0 * row["CALLED"], abs=1e-6)
    assert len(risk.curve(5)) == 5


def test_without_money_the_highest_probabilities_are_looked_at_again(year: Year) -> None:
    risk = year.loop.at_risk(20)
    then = rows_at(year, risk.realised_as_of)
    cut = then["DEFAULT_PROBABILITY"].nlargest(20).min()
    above, ties = then[then["DEFAULT_PROBABILITY"] > cut], then[then["DEFAULT_PROBABILITY"] == cut]
    hits = above["CHURNED"].sum() + (20 - len(above)) * ties["CHURNED"].mean()
    assert risk.precision_at_capacity == pytest.approx(hits / 20, abs=1e-12)
    assert risk.lift_at_capacity == pytest.approx(hits / 20 / then["CHURNED"].mean(), abs=1e-12)
    assert (risk.capacity, risk.expected_value) == (20, None)
    assert {(c.value, c.expected_value) for c in risk.customers} == {(None, None)}
    assert list(risk.to_pandas().columns) == ["CUSTOMER_ID", "PROBABILITY", "REASONS"]
    assert risk.curve()["NET_VALUE"].isna().all()
    assert len(year.loop.at_risk().customers) == 10
    # a budget alone buys calls by probability
    assert year.loop.at_risk(budget=100, cost=5).customers == risk.customers


def test_one_value_for_all_keeps_the_order_and_leaves_out_losses(year: Year) -> None:
    order = [c.customer_id for c in year.loop.at_risk(10**6).customers]
    risk = year.loop.at_risk(10**6, value=10, cost=6)
    assert [c.customer_id for c in risk.customers] == order[: len(risk.customers)]
    assert 0 < len(risk.customers) < len(order)
    assert all(c.probability > 0.6 for c in risk.customers)
    nobody = year.loop.at_risk(value=1, cost=2)
    assert (nobody.customers, nobody.expected_value) == ((), 0.0)
    assert (nobody.precision_at_capacity, nobody.lift_at_capacity) == (None, None)
    assert nobody.unrealised == f"nobody was worth a call at {nobody.realised_as_of}"
    poor = year.loop.at_risk(budget=1, value=100, cost=2)
    assert (poor.capacity, poor.customers, poor.unrealised) == (0, (), "the budget pays for no call")
    assert len(poor.curve()) == 100


def test_a_value_for_each_customer(year: Year) -> None:
    ids = [c.customer_id for c in year.loop.at_risk(40).customers]
    worth = {customer: float(i + 1) for i, customer in enumerate(ids)}
    risk = year.loop.at_risk(5, value=worth, cost=0.5)
    chance = {c.customer_id: c.probability for c in year.loop.at_risk(40).customers}
    best = sorted(ids, key=lambda c: -(chance[c] * worth[c] - 0.5))[:5]
    assert [c.customer_id for c in risk.customers] == best
    assert [c.value for c in risk.customers] == [worth[c] for c in best]
    # whoever has no value is not called, and still counts among those who left
    everybody = year.loop.at_risk(10**6, value=worth)
    assert {c.customer_id for c in everybody.customers} <= set(worth)
    then = rows_at(year, risk.realised_as_of)
    known = then["CUSTOMER_ID"].isin(worth)
    last = risk.curve().iloc[-1]
    assert last["CALLED"] == known.sum()
    assert last["RECALL"] == pytest.approx(then.loc[known, "CHURNED"].sum() / then["CHURNED"].sum())
    with pytest.raises(BadConfig, match="value names none of the"):
        year.loop.at_risk(value={"nobody": 3.0})


def test_a_value_column_has_to_be_a_number_that_is_there(year: Year) -> None:
    assert year.loop.at_risk(3, value=COLUMN.lower()).customers == year.loop.at_risk(3, value=COLUMN).customers
    # whole numbers and money are read alike
    assert all(c.value == int(c.value) for c in year.loop.at_risk(3, value="COUNT_ORDERS_PAST_3MM").customers)
    for wrong in ("NOWHERE", "CUSTOMER_SEGMENT", "CUSTOMER_ID"):
        with pytest.raises(BadConfig, match=f"value='{wrong}' is no numeric feature column; one of .*{COLUMN}"):
            year.loop.at_risk(value=wrong)
    with pytest.raises(BadConfig, match="a budget without a cost"):
        year.loop.at_risk(budget=5)


def test_reasons_do_not_depend_on_how_many_are_asked_for(year: Year, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = year.loop.at_risk(50).customers
    monkeypatch.setattr("churnobs.lifecycle.explain._BLOCK", 7)
    assert year.loop.at_risk(50).customers == whole


def test_before_labels_are_final_nothing_is_realised(tmp_path: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=write_shop(tmp_path, Month(2023, 6), 2))
        loop.run()
        risk = loop.at_risk(3, value=5)
    assert len(risk.customers) == 3
    assert (risk.realised_as_of, risk.realised_version, risk.precision_at_capacity) == (None, None, None)
    assert risk.unrealised.startswith("no as-of with predictions is final yet: the labels of 2023-08-01 close on")
    with pytest.raises(NotFound, match="there is no curve: no as-of with predictions is final yet"):
        risk.curve()
