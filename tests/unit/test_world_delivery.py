"""Files that say something else than what happened, against the tables of what did; drifts of who comes and how much they buy."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loops import recipe
from scipy.stats import spearmanr

import churnobs
from churnobs import LifecycleConfig, Never
from simulations import WORLDS, Drift, Simulation, World, simulate
from simulations.months import first_day
from simulations.runs import month_files, run_against_truth

MONTHS, CUSTOMERS, SEED = 11, 800, 7


def lived(world: World) -> Simulation:
    return simulate(world, customers=CUSTOMERS, months=MONTHS, seed=SEED)


@pytest.fixture(scope="module")
def steady() -> Simulation:
    return lived(WORLDS["steady"])


def files(run: Simulation, folder: Path, kind: str = "sales") -> dict[int, pd.DataFrame]:
    """What the files of each month say."""
    run.write(folder)
    found = {}
    for month, (year, number) in enumerate(run.months, start=1):
        name = "customers.csv" if (kind, month) == ("customers", 1) else f"{kind}_{year}_{number}.csv"
        found[month] = pd.read_csv(folder / name)
    return found


def sales(run: Simulation, month: int) -> pd.DataFrame:
    return run.sales(month).to_pandas().astype({"TOTAL_AMOUNT": float}).set_index("TRANSACTION_ID")


@pytest.mark.parametrize("name", ["late", "lagging", "doubled", "cents", "gaps"])
def test_damage_changes_files_and_nothing_else(name: str, steady: Simulation, tmp_path: Path) -> None:
    run = lived(WORLDS[name])
    for month in (7, 8, 11):
        assert run.sales(month).equals(steady.sales(month))
        assert run.feedback(month).equals(steady.feedback(month))
        pd.testing.assert_frame_equal(run.truth(month), steady.truth(month))
    run.write(tmp_path / "a")
    steady.write(tmp_path / "b")
    changed = {p.name for p in (tmp_path / "a").iterdir() if p.read_bytes() != (tmp_path / "b" / p.name).read_bytes()}
    assert changed
    assert all(int(file.stem.split("_")[-1]) >= 8 for file in map(Path, changed))


def test_late_purchases_are_booked_on_the_first_of_the_next_month(tmp_path: Path) -> None:
    run = lived(WORLDS["late"])
    told = files(run, tmp_path)
    for month in (8, 9, 10):
        true, now, after = sales(run, month), set(told[month]["TRANSACTION_ID"]), told[month + 1]
        moved = after[after["TRANSACTION_ID"].isin(true.index)]
        assert len(moved) / len(true) == pytest.approx(0.33, abs=0.05)
        assert set(moved["TRANSACTION_DATE"]) == {str(first_day(month + 1))}
        # in one file or in the other, each once
        assert now & set(true.index) | set(moved["TRANSACTION_ID"]) == set(true.index)
        assert not now & set(moved["TRANSACTION_ID"])
    assert set(told[8]["TRANSACTION_ID"]) < set(sales(run, 8).index)


def test_a_delay_moves_every_purchase_by_days(tmp_path: Path) -> None:
    run = lived(WORLDS["lagging"])
    told = files(run, tmp_path)
    everything = pd.concat(told.values()).set_index("TRANSACTION_ID")["TRANSACTION_DATE"]
    for month in (7, 8, 9):
        true = sales(run, month)["TRANSACTION_DATE"]
        booked = pd.to_datetime(everything.reindex(true.index)) - pd.to_datetime(true)
        assert set(booked.dt.days) == {10 if month >= 8 else 0}
    for month, rows in told.items():
        assert (
            rows["TRANSACTION_DATE"].between(str(first_day(month)), str(first_day(month + 1) - dt.timedelta(1))).all()
        )
        assert rows["TRANSACTION_DATE"].is_monotonic_increasing


def test_doubled_purchases_differ_by_their_number_alone(tmp_path: Path) -> None:
    run = lived(WORLDS["doubled"])
    rows = files(run, tmp_path)[9].set_index("TRANSACTION_ID")
    assert rows.index.is_unique
    copies = rows[rows.index.str.startswith("D")]
    assert len(copies) / (len(rows) - len(copies)) == pytest.approx(0.5, abs=0.06)
    originals = rows.loc["T" + copies.index.str[1:]]
    assert (copies.to_numpy() == originals.to_numpy()).all()


def test_amounts_come_in_another_unit(tmp_path: Path) -> None:
    told = files(lived(WORLDS["cents"]), tmp_path)
    for month, factor in ((7, 1), (8, 100), (11, 100)):
        run = lived(WORLDS["cents"]) if month == 7 else None
        true = sales(run or lived(WORLDS["cents"]), month)["TOTAL_AMOUNT"]
        got = told[month].set_index("TRANSACTION_ID")["TOTAL_AMOUNT"]
        np.testing.assert_allclose(got.reindex(true.index), true * factor)


def test_sign_ups_and_comments_have_gaps(tmp_path: Path, steady: Simulation) -> None:
    run = lived(WORLDS["gaps"])
    people, comments = files(run, tmp_path, "customers"), files(run, tmp_path, "feedback_raw")
    assert people[7][["AGE", "CUSTOMER_SEGMENT"]].notna().all().all()
    for month in (8, 10):
        lacking = people[month]["AGE"].isna()
        assert lacking.mean() == pytest.approx(0.7, abs=0.1)
        assert (lacking == people[month]["CUSTOMER_SEGMENT"].isna()).all()
        assert people[month]["LOCATION"].notna().all()
        assert comments[month]["COMMENT"].isna().mean() == pytest.approx(0.7, abs=0.12)


def test_the_loop_takes_damaged_files_and_is_judged_by_the_truth() -> None:
    drifts = (Drift("late", 2, 0.2), Drift("duplicates", 3, 0.3), Drift("unit", 4, 2.0), Drift("missing", 2, 0.5))
    world = replace(WORLDS["steady"], drifts=(*drifts, Drift("delay", 3, 5.0)))
    run = simulate(world, customers=150, months=5, seed=2)
    with month_files(run) as folder:
        reports, truths = run_against_truth(run, folder, LifecycleConfig(policy=Never(), trainer=recipe()))
        with churnobs.connect() as workspace:
            told = workspace.ingest(folder)
    assert [r.decision.action for r in reports] == ["wait", "wait", "first_model", "keep", "keep"]
    assert all(0.3 < t.served < 1.0 for t in truths)
    assert told.rows_rejected == 0


def test_who_signs_up_is_older_and_age_means_the_same(steady: Simulation) -> None:
    run = lived(WORLDS["older"])
    assert run.sales(7).equals(steady.sales(7))
    ages = [np.mean([run.customers(m)["AGE"].to_numpy().mean() for m in months]) for months in ((5, 6, 7), (9, 10, 11))]
    assert ages[1] - ages[0] == pytest.approx(22.5, abs=3)
    people = pd.concat([run.customers(m).to_pandas() for m in range(1, MONTHS + 1)]).set_index("CUSTOMER_ID")
    truth = run.truth(MONTHS)
    age = truth["CUSTOMER_ID"].map(people["AGE"])
    assert spearmanr(truth["TRUE_CHURN_PROBABILITY"], age).statistic > 0
    assert run.world.relation_in(11) == run.world.relation


def test_a_recession_moves_the_base_rate_and_hardly_the_ranks(steady: Simulation) -> None:
    run = lived(WORLDS["recession"])
    assert run.sales(7).equals(steady.sales(7))
    # the truth at an as-of is of the month that follows; the drift is complete in month 10
    rates = {m: run.truth(m)["TRUE_CHURN_PROBABILITY"].mean() for m in (6, 10)}
    assert rates[10] - rates[6] > 0.05
    calm = steady.truth(7).set_index("CUSTOMER_ID")["TRUE_CHURN_PROBABILITY"]
    less = run.truth(7).set_index("CUSTOMER_ID")["TRUE_CHURN_PROBABILITY"]
    # of the same people, in the first of three months of it: exp(-rate x 30), the rate lower by a third of .35 in logs
    capped = calm < 1.01 * np.exp(-np.exp(1.6))
    assert capped.mean() < 0.1
    np.testing.assert_allclose(less[~capped], np.exp(np.log(calm[~capped]) * np.exp(-0.35 / 3)), rtol=1e-9)


@pytest.mark.parametrize("kind", ["late", "duplicates", "missing"])
def test_a_share_that_is_none_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Drift(kind, 3, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 to 27"):
        Drift("delay", 3, 40)
