"""Worlds learnt from sales: what was there comes back, what is read is what pandas reads, what cannot be is one error."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from worlds_fitted import YOUNG, sold, young

import churnobs
from churnobs import BadConfig, Month, NotSupported, Workspace
from churnobs.cli import guarded
from simulations import Drift, FittedWorld, World, expected_auc, held_back, load_world, simulate
from simulations.__main__ import app
from simulations.fitted.fidelity import real_month
from simulations.fitted.habits import Habits
from simulations.fitted.reading import observe
from simulations.fitted.shop import PastMonth, world_named
from simulations.lab.running import Lab, run_lab
from simulations.lab.settings import LabSettings

WAVE = tuple(float(factor) for factor in np.exp(0.4 * np.cos(2 * np.pi * np.arange(12) / 12)))
MANY = Habits(1.5, 40.0, 0.8, 8.0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Sixteen months of the young shop, 2022-01 to 2023-04."""
    with churnobs.connect() as workspace:
        sold(workspace, young(), tmp_path_factory.mktemp("shop"), months=16)
        yield workspace


@pytest.fixture(scope="module")
def learnt(shop: Workspace) -> FittedWorld:
    return World.fit(shop, until=Month(2022, 12), name="learnt")


@pytest.mark.parametrize(
    ("changes", "months"),
    [
        ({}, 14),
        pytest.param({"newcomers": MANY, "founders": MANY, "arrivals": 150.0}, 14, marks=pytest.mark.long),
        ({"season": WAVE, "arrivals": 150.0}, 26),
    ],
)
def test_what_a_shop_was_made_of_comes_back(changes: dict[str, Any], months: int, tmp_path: Path) -> None:
    world = young(**changes)
    with churnobs.connect() as workspace:
        sold(workspace, world, tmp_path, months=months)
        found = World.fit(workspace).shop
    true = world.shop
    assert (found.since, len(found.past)) == ("2022-01", months)
    horizon = np.array([30.0, 90.0, 300.0])
    # the level that all months share is the rate's to tell: rates are compared with it
    spent = found.newcomers.expected_visits(horizon * found.level)
    assert spent == pytest.approx(true.newcomers.expected_visits(horizon), rel=0.15)
    assert found.newcomers.leaving == pytest.approx(true.newcomers.leaving, abs=0.05)
    assert np.array(found.season) / np.mean(found.season) == pytest.approx(
        np.array(true.season) / np.mean(true.season), abs=0.15
    )
    mean_season = np.mean([found.season[(i - 3) % 12] / true.season[(i - 3) % 12] for i in range(12)])
    assert found.arrivals * mean_season == pytest.approx(true.arrivals, rel=0.1)
    basket, was = found.baskets, true.baskets
    # two visits on a day are one to be seen
    assert basket.per_visit == pytest.approx(was.per_visit, rel=0.03)
    assert basket.amount == pytest.approx(was.amount, rel=0.05)
    assert (basket.amount_between, basket.amount_within) == pytest.approx((0.5, 0.6), abs=0.03)
    assert (basket.items, basket.items_variance) == pytest.approx((2.5, 2.0), rel=0.1)
    assert basket.discounts == pytest.approx(0.2, abs=0.02)
    assert dict(basket.payments) == pytest.approx({"CARD": 0.6, "CASH": 0.25}, abs=0.02)


def test_founders_have_habits_of_their_own(tmp_path: Path) -> None:
    """Three months bring frequent customers, the others rare ones."""
    often, rarely = Habits(2.0, 30.0, 1.0, 15.0), Habits(0.8, 80.0, 1.0, 8.0)
    past = (PastMonth(500, 1.0), *[PastMonth(200, 1.0)] * 8)
    world = young(past=past, since="2021-04", founding_months=3, founders=often, newcomers=rarely)
    history = replace(world, shop=replace(world.shop, since="2020-12", past=(PastMonth(0, 1.0),), founding_months=4))
    with churnobs.connect() as workspace:
        sold(workspace, history, tmp_path, months=14)
        found = World.fit(workspace).shop
    assert found.founding_months == 3
    horizon = np.array([90.0, 300.0])
    assert found.founders.expected_visits(horizon) == pytest.approx(often.expected_visits(horizon), rel=0.15)
    assert found.newcomers.expected_visits(horizon) == pytest.approx(rarely.expected_visits(horizon), rel=0.15)


def test_later_months_do_not_matter(learnt: FittedWorld, tmp_path: Path) -> None:
    simulate(young(), customers=1000, months=12, seed=1).write(tmp_path)
    with churnobs.connect() as workspace:
        workspace.ingest(tmp_path)
        assert World.fit(workspace, name="learnt") == learnt


def test_the_order_of_rows_and_refunds_do_not_matter(shop: Workspace, learnt: FittedWorld, tmp_path: Path) -> None:
    rows = shop.sql("SELECT * FROM SALES").to_pandas().sample(frac=1, random_state=3)
    back = rows.head(300).assign(TRANSACTION_ID=[f"R{i}" for i in range(300)], TOTAL_AMOUNT=-5.0)
    both = pd.concat((rows, back)).drop(columns="CUSTOMER_KEY")
    both = both[pd.to_datetime(both["TRANSACTION_DATE"]) < "2023-01-01"]
    both.to_csv(tmp_path / "all.csv", index=False)
    columns = {name: name for name in both.columns}
    mapping = {"sales": {"file": "all.csv", "key": "TRANSACTION_ID", "columns": columns}, "period_end": "2023-01-01"}
    with churnobs.connect() as workspace:
        workspace.ingest(tmp_path / "all.csv", mapping=mapping)
        assert World.fit(workspace, name="learnt") == learnt


def test_sums_are_those_of_pandas(shop: Workspace) -> None:
    sales = shop.sql("SELECT * FROM SALES").to_pandas()
    sales["DAY"] = pd.to_datetime(sales["TRANSACTION_DATE"])
    sales = sales[sales["DAY"] < "2023-01-01"]
    found = observe(shop, Month(2022, 12))
    visits = sales.drop_duplicates(["CUSTOMER_KEY", "DAY"])
    own = visits.groupby("CUSTOMER_KEY")["DAY"].agg(["min", "max", "size"])
    month = pd.PeriodIndex(sales["DAY"], freq="M")
    assert found.orders.tolist() == sales.groupby(month).size().tolist()
    assert found.spend == pytest.approx(sales["TOTAL_AMOUNT"].astype(float).groupby(month).sum().to_numpy())
    assert found.visits.tolist() == visits.groupby(visits["DAY"].dt.to_period("M")).size().tolist()
    per_customer = visits.groupby([visits["DAY"].dt.to_period("M"), "CUSTOMER_KEY"]).size()
    assert found.squares.tolist() == (per_customer**2).groupby(level=0).sum().tolist()
    assert found.arrivals.tolist() == own.groupby(own["min"].dt.to_period("M")).size().tolist()
    assert found.active == int((own["max"] >= pd.Timestamp("2023-01-01") - pd.Timedelta(days=90)).sum())
    counted = own.assign(size=own["size"] - 1).groupby(["min", "max", "size"]).size()
    first = pd.Timestamp("2022-01-01")
    told = list(zip(found.came, found.last, found.repeats, found.count, strict=True))
    assert told == [((a - first).days, (b - first).days, n, c) for (a, b, n), c in counted.items()]
    # and a month beside what a fit has not seen
    buyers, active, orders, spend, churn = real_month(shop, Month(2022, 9), dt.date(2023, 5, 1))
    inside = sales[sales["DAY"].dt.to_period("M") == "2022-09"]
    assert (buyers, orders) == (inside["CUSTOMER_KEY"].nunique(), len(inside))
    assert spend == pytest.approx(float(inside["TOTAL_AMOUNT"].astype(float).sum()))
    end = pd.Timestamp("2022-10-01")
    who = set(sales[(sales["DAY"] < end) & (sales["DAY"] >= end - pd.Timedelta(days=90))]["CUSTOMER_KEY"])
    back = set(sales[(sales["DAY"] >= end) & (sales["DAY"] < end + pd.Timedelta(days=30))]["CUSTOMER_KEY"])
    assert (active, churn) == (len(who), pytest.approx(1 - len(who & back) / len(who)))
    assert real_month(shop, Month(2022, 9), dt.date(2022, 10, 20))[4] is None


def test_the_world_goes_on_as_the_shop_did(shop: Workspace, learnt: FittedWorld) -> None:
    found = held_back(learnt, shop, seeds=(1, 2, 3))
    assert [str(n.month) for n in found.numbers[::5]] == ["2023-01", "2023-02", "2023-03", "2023-04"]
    for measure in ("buyers", "active", "orders", "spend"):
        assert found.error(measure) is not None
        assert (found.error(measure) or 1.0) < 0.12, measure
    assert (found.error("churn rate") or 1.0) < 0.06
    assert all(n.real is None for n in found.numbers if (n.month, n.measure) == (Month(2023, 4), "churn rate"))
    # what one would have guessed is what the sales say
    numbers = {(str(n.month), n.measure): n for n in found.numbers}
    end = dt.date(2023, 5, 1)
    assert numbers["2023-03", "orders"].last_month == real_month(shop, Month(2022, 12), end)[2]
    assert numbers["2023-03", "orders"].last_year == real_month(shop, Month(2022, 3), end)[2]
    # the labels of the end of December were not known then
    assert numbers["2023-03", "churn rate"].last_month == real_month(shop, Month(2022, 11), end)[4]
    assert [row[0] for row in found.rows()] == ["buyers", "active", "orders", "spend", "churn rate"]


def test_the_truth_is_what_happens_as_often_as_it_says(learnt: FittedWorld) -> None:
    run = simulate(learnt, customers=6000, months=6, seed=5)
    later = pd.concat([run.sales(month).to_pandas() for month in (4, 5)])
    as_of = run.as_of(3)
    truth = run.truth(3)
    window = (later["TRANSACTION_DATE"] >= as_of) & (later["TRANSACTION_DATE"] < as_of + dt.timedelta(days=30))
    churned = ~truth["CUSTOMER_ID"].isin(later[window]["CUSTOMER_ID"])
    chance = truth["TRUE_CHURN_PROBABILITY"]
    assert len(truth) > 4000
    for _, own in truth.assign(CHURNED=churned).groupby(pd.qcut(chance, 8, labels=False)):
        p = own["TRUE_CHURN_PROBABILITY"]
        deviation = (own["CHURNED"] - p).sum() / np.sqrt((p * (1 - p)).sum())
        assert abs(deviation) < 4
    # somebody who has been silent for long is likelier to have left
    recency = pd.concat([run.sales(month).to_pandas() for month in (1, 2, 3)]).groupby("CUSTOMER_ID")[
        "TRANSACTION_DATE"
    ]
    days = [(as_of - day).days for day in recency.max().reindex(truth["CUSTOMER_ID"])]
    assert expected_auc(chance, days) > 0.55


def test_the_same_seed_gives_the_same_bytes_and_fewer_months_the_beginning(learnt: FittedWorld, tmp_path: Path) -> None:
    one, other = (pickle.loads(pickle.dumps(learnt)), learnt)
    first = simulate(one, customers=300, months=3, seed=4).write(tmp_path / "one")
    second = simulate(other, customers=300, months=5, seed=4).write(tmp_path / "other")
    assert [path.name for path in first] == ["sales_2023_1.csv", "sales_2023_2.csv", "sales_2023_3.csv"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second[:3]]
    third = simulate(other, customers=300, months=3, seed=5).write(tmp_path / "third")
    assert [path.read_bytes() for path in first] != [path.read_bytes() for path in third]


def test_a_size_is_the_customers_active_at_the_start(learnt: FittedWorld) -> None:
    for customers in (200, 2000):
        run = simulate(learnt, customers=customers, months=4, seed=1)
        assert len(run.truth(4)) == pytest.approx(customers, rel=0.25)


def test_a_world_is_kept_in_a_file(learnt: FittedWorld, tmp_path: Path) -> None:
    file = tmp_path / "learnt.json"
    drifting = replace(learnt, drifts=(Drift("prior", 3, 0.4),))
    drifting.save(file)
    assert load_world(file) == drifting
    assert world_named(str(file)) == drifting
    assert "MBG/NBD: r " in learnt.words()
    assert "new customers a month: " in learnt.words()
    # the numbers can be read and changed
    content = json.loads(file.read_text(encoding="utf-8"))
    content["shop"]["arrivals"] = 12.5
    file.write_text(json.dumps(content), encoding="utf-8")
    assert load_world(file).shop.arrivals == 12.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(churnobs_world=9), "is no fitted world of version 1"),
        (lambda c: c["shop"].pop("arrivals"), "arrivals: Field required"),
        (lambda c: c["shop"].update(level="high"), "level: Input should be a valid number"),
        (lambda c: c["shop"]["season"].pop(), "12 season factors"),
        (lambda c: c["shop"]["newcomers"].update(r=-1.0), "are above 0"),
        (lambda c: c["shop"].update(level=float("nan")), "are above 0"),
        (lambda c: c.update(drifts=[{"kind": "mood", "month": 2}]), "no drift of kind 'mood'; one of arrivals, delay"),
        (lambda c: c.update(drifts=[{"kind": "storm", "month": 2}]), "kind"),
    ],
)
def test_a_file_that_is_no_world_says_why(change: Any, said: str, learnt: FittedWorld, tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    learnt.save(file)
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadConfig, match=r"world\.json") as refused:
        load_world(file)
    assert said in str(refused.value)


def test_drifts_of_a_fitted_world(learnt: FittedWorld) -> None:
    calm = simulate(learnt, customers=2000, months=6, seed=2)

    def drifted(*drifts: Drift) -> Any:
        run = simulate(replace(learnt, drifts=drifts), customers=2000, months=6, seed=2)
        assert run.sales(2).equals(calm.sales(2))
        return run

    def mean_amount(run: Any) -> float:
        # of who came in month 6
        sales, old = run.sales(6).to_pandas(), run.sales(1).to_pandas()["CUSTOMER_ID"].max()
        return float(sales[sales["CUSTOMER_ID"] > old]["TOTAL_AMOUNT"].astype(float).mean())

    prior = drifted(Drift("prior", 3, 0.7))
    # the arrivals of a month stay; what returning customers buy halves
    assert prior.sales(3).num_rows < 0.85 * calm.sales(3).num_rows
    assert prior.truth(2)["TRUE_CHURN_PROBABILITY"].mean() > calm.truth(2)["TRUE_CHURN_PROBABILITY"].mean() + 0.05
    small = drifted(Drift("arrivals", 3, 1.0))
    assert mean_amount(small) < 0.3 * mean_amount(calm)
    turned = drifted(Drift("relation", 3))
    before = calm.sales(1).to_pandas()["CUSTOMER_ID"].value_counts()
    often = before[before >= 3].index
    assert len(often) > 50
    bought = [run.sales(4).to_pandas()["CUSTOMER_ID"].isin(often).sum() for run in (turned, calm)]
    assert bought[0] < 0.4 * bought[1]
    late = drifted(Drift("late", 3, 0.5))
    assert late.sales(3).equals(calm.sales(3))
    with pytest.raises(BadConfig, match="no drift of kind 'covariate'"):
        drifted(Drift("covariate", 3))
    with pytest.raises(NotSupported, match="no ages and segments"):
        calm.customers(1)
    assert calm.feedback(1).num_rows == 0


def write_sales(folder: Path, rows: list[tuple[str, str, float]]) -> Path:
    """Month files of (customer, day, amount)."""
    folder.mkdir(exist_ok=True)
    header = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
    by_month: dict[str, list[str]] = {}
    for number, (customer, day, amount) in enumerate(rows):
        year, month, _ = day.split("-")
        by_month.setdefault(f"{year}_{int(month)}", []).append(f"T{number},{customer},{day},,,,{amount}\n")
    for month, lines in by_month.items():
        (folder / f"sales_{month}.csv").write_text(header + "".join(lines), encoding="utf-8")
    return folder


def regulars(customers: int, months: int, amount: float = 9.5) -> list[tuple[str, str, float]]:
    days = [
        f"2022-{month:02}-{1 + customer % 28:02}" for month in range(1, months + 1) for customer in range(customers)
    ]
    return [(f"C{i % customers}", day, amount) for i, day in enumerate(days)]


@pytest.mark.parametrize(
    ("rows", "until", "said"),
    [
        (regulars(50, 3), None, "3 months of sales (2022-01 to 2022-03) cannot teach a world; fit on 4 months or more"),
        (regulars(1, 12), None, "1 customers with 11 purchases after their first cannot teach a world; fit on 30"),
        ([(f"C{i}", f"2022-{1 + i % 6:02}-05", 3.0) for i in range(90)], None, "90 customers with 0 purchases after"),
        (regulars(50, 6, -4.0), None, "there is no purchase up to 2022-06"),
        (regulars(50, 6, 0.0), None, "no recent amount is above 0; map the column of amounts"),
        (regulars(50, 6), "2022-09", "the sales reach 2022-07-01, and 2022-09 is not whole; fit until 2022-06"),
        (regulars(50, 6), "2021-09", "there is no purchase up to 2021-09"),
        (regulars(50, 6), "September", "'September' is not a month; write it as 2024-05"),
        ([], None, "the workspace has no sales; ingest() them first"),
    ],
)
def test_what_cannot_teach_a_world_is_one_error(rows: Any, until: str | None, said: str, tmp_path: Path) -> None:
    with churnobs.connect() as workspace:
        if rows:
            workspace.ingest(write_sales(tmp_path / "files", rows))
        with pytest.raises(BadConfig) as refused:
            World.fit(workspace, until=until)
    assert said in str(refused.value)


def test_a_month_without_sales_is_named(tmp_path: Path) -> None:
    rows = [row for row in regulars(50, 9) if "-05-" not in row[1]]
    lines = "".join(f"{customer},{day},{amount}\n" for customer, day, amount in rows)
    (tmp_path / "all.csv").write_text(f"who,day,paid\n{lines}", encoding="utf-8")
    columns = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
    mapping = {"sales": {"file": "all.csv", "key": "none", "columns": columns}, "period_end": "2022-10-01"}
    with churnobs.connect() as workspace:
        workspace.ingest(tmp_path / "all.csv", mapping=mapping)
        with pytest.raises(BadConfig, match="there are no sales in 2022-05; ingest the missing files, or fit until"):
            World.fit(workspace)
        assert len(World.fit(workspace, until="2022-04").shop.past) == 4


def test_the_least_that_teaches_a_world_does(tmp_path: Path) -> None:
    """Thirty customers who come each month on a day of their own, without items, discounts or methods."""
    with churnobs.connect() as workspace:
        workspace.ingest(write_sales(tmp_path / "files", regulars(30, 4)))
        world = World.fit(workspace)
        basket = world.shop.baskets
        assert (basket.items, basket.discounts, basket.payments, basket.amount) == (None, None, (), 9.5)
        assert (basket.amount_between, basket.amount_within) == pytest.approx((0.0, 0.0), abs=1e-4)
        with pytest.raises(BadConfig, match="no whole month was held back; fit until an earlier month"):
            held_back(world, workspace)
    sales = simulate(world, customers=30, months=3, seed=1).sales(1).to_pandas()
    assert set(sales["TOTAL_AMOUNT"].astype(float)) == {9.5}
    assert sales["PAYMENT_METHOD"].isna().all()
    assert sales["CUSTOMER_ID"].nunique() > 10


def test_no_customer_is_in_the_file_of_a_world(learnt: FittedWorld, tmp_path: Path) -> None:
    learnt.save(tmp_path / "world.json")
    text = (tmp_path / "world.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert len(text) < 6_000
    assert len(content["shop"]["past"]) == 12
    assert sum(month["arrivals"] for month in content["shop"]["past"]) > 3_000


def test_a_world_is_fitted_run_and_ranked_from_a_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    simulate(young(arrivals=60.0), customers=1000, months=8, seed=1).write("files")
    with churnobs.connect("duckdb:own.duckdb") as workspace:
        workspace.ingest("files")

    def told(words: str) -> tuple[int, str, str]:
        code = guarded(lambda: app(words.split()))
        return code, *capsys.readouterr()

    code, out, err = told("fit --db own.duckdb --until 2022-06 --out own.json --name own --seeds 2")
    assert (code, err) == (0, "")
    assert "customers, MBG/NBD\tr " in out
    assert "churn rate\t" in out
    assert out.endswith("wrote own.json: learnt from 6 months of sales, 2022-01 to 2022-06\n")
    code, out, err = told("run own.json --db run.duckdb --customers 120 --months 1")
    assert code == 0, err
    assert [line.split("\t")[0] for line in out.splitlines()[1:2]] == ["2022-07"]
    assert told("fit --db nowhere.duckdb --out own.json")[2].startswith(
        "churnobs: nowhere.duckdb is not there; give the"
    )
    assert not Path("nowhere.duckdb").exists()
    assert "cannot read other.json" in told("run other.json --db b.duckdb")[2]
    assert "'other' is no world; one of steady" in told("lab --worlds other")[2]


@pytest.mark.long
def test_policies_live_in_a_fitted_world(learnt: FittedWorld, tmp_path: Path) -> None:
    world = replace(learnt, drifts=(Drift("relation", 5),))
    lab = Lab((world,), (), (1,), LabSettings(customers=200, months=6))
    cells = run_lab(lab, tmp_path, workers=1)
    assert [cell.policy for cell in cells] == ["never", "oracle"]
    assert all(cell.world == "learnt" and 0.5 < cell.auc < 1 for cell in cells)
    learnt.save(tmp_path / "own.json")
    assert Lab.named([str(tmp_path / "own.json")], [], 1).worlds == (learnt,)


@pytest.mark.parametrize(("change", "said"), [({"active": 0}, "above 0"), ({"past": ()}, "12 season factors")])
def test_a_shop_refuses_what_is_no_rate(change: Any, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        replace(YOUNG, **change)
