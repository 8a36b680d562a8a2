"""The worlds: their files, their truth, and that what should drift does."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from simulations import WORLDS, Drift, Simulation, simulate
from simulations.generate import MonthRows, churn_probability, live_month, start_of
from simulations.months import first_day
from simulations.population import Population, newcomers
from simulations.texts import comment_pool

SALES = [
    "TRANSACTION_ID",
    "CUSTOMER_ID",
    "TRANSACTION_DATE",
    "DISCOUNT_APPLIED",
    "NUM_ITEMS",
    "PAYMENT_METHOD",
    "TOTAL_AMOUNT",
]
FEEDBACK = ["CHAT_DATE", "COMMENT", "CUSTOMER_ID", "FEEDBACK_ID", "INTERNAL_ID"]
CUSTOMERS = ["CUSTOMER_ID", "AGE", "CUSTOMER_SEGMENT", "GENDER", "LOCATION", "SIGNUP_DATE"]
MONTHS = 15


@pytest.fixture(scope="module")
def runs() -> dict[str, Simulation]:
    return {name: simulate(world, customers=1500, months=MONTHS, seed=11) for name, world in WORLDS.items()}


def digest(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [
        digest(simulate(WORLDS["demo"], customers=200, months=10, seed=seed).write(tmp_path / str(n)))
        for n, seed in enumerate((5, 5, 6))
    ]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_fewer_months_are_the_beginning_of_more(tmp_path: Path) -> None:
    world = WORLDS["sudden"]
    short = simulate(world, customers=200, months=3, seed=5)
    long = simulate(world, customers=200, months=5, seed=5)
    for month in (1, 2, 3):
        assert short.sales(month).equals(long.sales(month))
        assert short.feedback(month).equals(long.feedback(month))
        assert short.customers(2).equals(long.customers(2))
        pd.testing.assert_frame_equal(short.truth(month), long.truth(month))


def test_worlds_are_alike_until_they_drift(runs: dict[str, Simulation]) -> None:
    for name in ("demo", "gradual", "sudden", "feedback"):
        assert runs[name].sales(7).equals(runs["steady"].sales(7))
    assert not runs["sudden"].sales(8).equals(runs["steady"].sales(8))


@pytest.mark.parametrize("name", list(WORLDS))
def test_tables_have_their_columns_keys_and_months(runs: dict[str, Simulation], name: str) -> None:
    run = runs[name]
    people: dict[str, dt.date] = {}
    sales_ids: list[str] = []
    feedback_ids: list[str] = []
    for month in range(1, MONTHS + 1):
        sales, feedback, customers = run.sales(month), run.feedback(month), run.customers(month)
        assert (sales.column_names, feedback.column_names, customers.column_names) == (SALES, FEEDBACK, CUSTOMERS)
        assert run.as_of(month) == first_day(month + 1)
        for dates in (sales["TRANSACTION_DATE"].to_pylist(), feedback["CHAT_DATE"].to_pylist()):
            assert dates == sorted(dates)
            assert first_day(month) <= dates[0]
            assert dates[-1] < run.as_of(month)
        signups = dict(zip(customers["CUSTOMER_ID"].to_pylist(), customers["SIGNUP_DATE"].to_pylist(), strict=True))
        assert not people.keys() & signups.keys()
        assert month == 1 or min(signups.values()) >= first_day(month)
        assert max(signups.values()) < run.as_of(month)
        people |= signups
        buyers = sales["CUSTOMER_ID"].to_pylist()
        assert set(buyers) <= people.keys()
        assert set(feedback["CUSTOMER_ID"].to_pylist()) <= set(buyers)
        bought = zip(buyers, sales["TRANSACTION_DATE"].to_pylist(), strict=True)
        assert all(people[who] <= day for who, day in bought)
        assert float(min(sales["TOTAL_AMOUNT"].to_pylist())) > 0
        assert min(sales["NUM_ITEMS"].to_pylist()) >= 1
        sales_ids += sales["TRANSACTION_ID"].to_pylist()
        feedback_ids += feedback["FEEDBACK_ID"].to_pylist()
    assert len(set(sales_ids)) == len(sales_ids)
    assert len(set(feedback_ids)) == len(feedback_ids)
    assert 0.10 < len(feedback_ids) / len(sales_ids) < 0.15


def test_files_are_named_like_the_demo(tmp_path: Path, runs: dict[str, Simulation]) -> None:
    steady = [path.name for path in runs["steady"].write(tmp_path / "steady")]
    assert steady[:4] == ["customers.csv", "sales_2024_1.csv", "feedback_raw_2024_1.csv", "customers_2024_2.csv"]
    assert steady[-2:] == ["sales_2025_3.csv", "feedback_raw_2025_3.csv"]
    demo = [path.name for path in runs["demo"].write(tmp_path / "demo", header=False)]
    assert demo[22:29] == [
        "sales_2024_8.csv",
        "feedback_raw_2024_8.csv",
        "new_customers.csv",
        "new_sales_2024_9.csv",
        "feedback_raw_2024_9.csv",
        "new_customers_2024_10.csv",
        "new_sales_2024_10.csv",
    ]
    assert sorted(demo) == sorted(path.name for path in (tmp_path / "demo").iterdir())


def test_files_hold_the_tables(tmp_path: Path, runs: dict[str, Simulation]) -> None:
    run = runs["steady"]
    run.write(tmp_path)
    run.write(tmp_path / "bare", header=False)
    with (tmp_path / "sales_2024_5.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    sales = run.sales(5).to_pylist()
    assert rows[0] == SALES
    assert rows[1] == [str(v).lower() if isinstance(v, bool) else str(v) for v in sales[0].values()]
    assert all(len(row[-1].partition(".")[2]) == 2 for row in rows[1:])
    text = (tmp_path / "feedback_raw_2024_5.csv").read_text(encoding="utf-8")
    assert text.partition("\n")[2] == (tmp_path / "bare" / "feedback_raw_2024_5.csv").read_text(encoding="utf-8")
    comments = [row["COMMENT"] or None for row in csv.DictReader(text.splitlines())]
    assert comments == run.feedback(5)["COMMENT"].to_pylist()


@pytest.mark.parametrize("name", list(WORLDS))
def test_truth_covers_the_active_customers(runs: dict[str, Simulation], name: str) -> None:
    run = runs[name]
    last: dict[str, dt.date] = {}
    for month in range(1, MONTHS + 1):
        sales = run.sales(month)
        last |= dict(zip(sales["CUSTOMER_ID"].to_pylist(), sales["TRANSACTION_DATE"].to_pylist(), strict=True))
        since = run.as_of(month) - dt.timedelta(days=90)
        truth = run.truth(month)
        assert set(truth["CUSTOMER_ID"]) == {who for who, day in last.items() if day >= since}
        assert truth["TRUE_CHURN_PROBABILITY"].between(0, 1, inclusive="neither").all()


def churned(run: Simulation, month: int) -> pd.DataFrame:
    """The truth at a month's as-of with what came of it, from the sales tables alone."""
    later = pd.concat([run.sales(m).to_pandas() for m in (month + 1, month + 2)])
    end = run.as_of(month) + dt.timedelta(days=30)
    buyers = set(later.loc[later["TRANSACTION_DATE"] < end, "CUSTOMER_ID"])
    truth = run.truth(month)
    return truth.assign(CHURNED=~truth["CUSTOMER_ID"].isin(buyers))


def assert_calibrated(p: np.ndarray, outcome: np.ndarray, groups: int) -> None:
    order = np.argsort(p, kind="stable")
    for chunk in np.array_split(order, groups):
        sigma = np.sqrt((p[chunk] * (1 - p[chunk])).sum())
        assert abs(outcome[chunk].sum() - p[chunk].sum()) < 4 * sigma + 1e-9


@pytest.mark.parametrize("name", list(WORLDS))
def test_what_happens_is_as_likely_as_the_truth_says(runs: dict[str, Simulation], name: str) -> None:
    rows = pd.concat([churned(runs[name], month) for month in range(1, MONTHS - 1)])
    assert_calibrated(rows["TRUE_CHURN_PROBABILITY"].to_numpy(), rows["CHURNED"].to_numpy(), 10)


@pytest.mark.parametrize(("name", "month"), [("sudden", 8), ("demo", 11), ("demo", 14), ("season", 14)])
def test_living_on_from_one_state_again_and_again_gives_the_truth(name: str, month: int) -> None:
    """Month 14 is a February of 28 days: the horizon reaches into March, whose rate depends on February."""
    world = replace(WORLDS[name], drifts=(*WORLDS[name].drifts, Drift("mood", month=5, strength=0.3)))
    rng = np.random.default_rng(1)
    people = newcomers(rng, np.zeros(0, dtype=np.int64), noise=world.noise, shrink=0.0, drifted=False)
    for past in range(month - 8, month):
        people, _ = live_month(rng, world, people, past, 300)
    start = start_of(month)
    who = np.flatnonzero(people.active(start))
    truth = churn_probability(people, world, month)[who]
    silent = np.zeros(len(who))
    repeats = 60
    for _ in range(repeats):
        rows: list[MonthRows] = []
        now: Population = people
        for later in (month, month + 1):
            now, happened = live_month(rng, world, now, later, 300)
            rows.append(happened)
        bought = np.zeros(now.size, dtype=np.bool_)
        for happened in rows:
            bought[happened.buyer[happened.day < start + 30]] = True
        silent += ~bought[who]
    for chunk in np.array_split(np.argsort(truth), 10):
        sigma = np.sqrt((truth[chunk] * (1 - truth[chunk])).sum() / repeats)
        assert abs(silent[chunk].sum() / repeats - truth[chunk].sum()) < 4 * sigma


@pytest.mark.parametrize("name", list(WORLDS))
def test_population_and_volume_stay_level(runs: dict[str, Simulation], name: str) -> None:
    run = runs[name]
    for month in range(3, MONTHS + 1):
        truth = run.truth(month)
        assert 0.9 < len(truth) / 1500 < 1.1
        assert 0.3 < truth["TRUE_CHURN_PROBABILITY"].mean() < 0.75
        assert 0.6 < run.sales(month).num_rows / 1500 < 2.1


def first_month_amount(run: Simulation, month: int) -> float:
    """The mean amount of purchases in the month of sign-up."""
    sales = run.sales(month).to_pandas().astype({"TOTAL_AMOUNT": float})
    new = sales["CUSTOMER_ID"].isin(run.customers(month).to_pandas()["CUSTOMER_ID"])
    return float(sales.loc[new, "TOTAL_AMOUNT"].mean())


def test_demo_newcomers_are_few_kinds_and_spend_a_tenth(runs: dict[str, Simulation]) -> None:
    run = runs["demo"]
    for month in (8, 9):
        people = run.customers(month).to_pandas()
        kinds = people["CUSTOMER_SEGMENT"].nunique(), people["LOCATION"].nunique()
        assert kinds == ((4, 8) if month == 8 else (2, 2))
    before = [first_month_amount(run, month) for month in range(4, 9)]
    after = [first_month_amount(run, month) for month in range(9, 14)]
    assert 0.07 < np.mean(after) / np.mean(before) < 0.13


def test_relation_turns_at_once_or_slowly(runs: dict[str, Simulation]) -> None:
    def age_tells(name: str, month: int) -> float:
        run = runs[name]
        people = pd.concat([run.customers(m).to_pandas() for m in range(1, month + 1)]).set_index("CUSTOMER_ID")
        truth = run.truth(month)
        age = truth["CUSTOMER_ID"].map(people["AGE"])
        return float(spearmanr(truth["TRUE_CHURN_PROBABILITY"], age).statistic)

    for name in ("steady", "sudden", "gradual"):
        assert age_tells(name, 6) > 0
    assert age_tells("steady", 12) > 0
    assert age_tells("sudden", 7) < -0.4
    assert age_tells("steady", 7) > age_tells("gradual", 7) > age_tells("gradual", 8) > age_tells("gradual", 12)
    assert age_tells("gradual", 12) < -0.4


def test_season_moves_the_level_only(runs: dict[str, Simulation]) -> None:
    season, steady = runs["season"], runs["steady"]
    assert season.sales(12).num_rows > 1.15 * steady.sales(12).num_rows
    assert season.sales(6).num_rows < 0.9 * steady.sales(6).num_rows


def test_feedback_turns_sour_and_nothing_else(runs: dict[str, Simulation]) -> None:
    sour, steady = runs["feedback"], runs["steady"]
    assert sour.moods(8).mean() < steady.moods(8).mean() - 0.4
    assert sour.moods(7).mean() == steady.moods(7).mean()
    assert sour.sales(8).equals(steady.sales(8))
    assert sour.world.relation_in(18) == steady.world.relation_in(18)


def test_comments_vary_and_tell_the_mood(runs: dict[str, Simulation]) -> None:
    texts = [text for row in comment_pool() for text in row]
    assert len(set(texts)) == len(texts)
    assert 2000 < len(texts) <= 3000
    analyzer = SentimentIntensityAnalyzer()
    compound = {text: analyzer.polarity_scores(text)["compound"] for text in texts}
    run = runs["steady"]
    comments = [text for m in range(1, 6) for text in run.feedback(m)["COMMENT"].to_pylist()]
    moods = np.concatenate([run.moods(m) for m in range(1, 6)])
    written = np.array([text is not None for text in comments])
    assert 0.0 < 1 - written.mean() < 0.03
    scores = [compound[text] for text in comments if text is not None]
    assert spearmanr(scores, moods[written]).statistic > 0.7
    assert len(set(comments)) > 600


def test_drifts_compose() -> None:
    world = replace(WORLDS["sudden"], drifts=(Drift("relation", 8, 0.25), Drift("relation", 10, 0.5, months=2)))
    assert [world.strength("relation", m) for m in (7, 8, 10, 11, 20)] == [0.0, 0.25, 0.5, 0.75, 0.75]
    assert world.relation_in(7) == world.relation
    assert world.relation_in(11) == world.relation.towards(world.turned, 0.75)
    assert world.relation_in(8).age == pytest.approx(0.75 * world.relation.age + 0.25 * world.turned.age)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="month"):
        Drift("mood", month=0)
    with pytest.raises(ValueError, match="customer"):
        simulate(WORLDS["steady"], customers=0, months=1, seed=0)
    with pytest.raises(IndexError, match="1 to 1"):
        simulate(WORLDS["steady"], customers=5, months=1, seed=0).truth(0)
