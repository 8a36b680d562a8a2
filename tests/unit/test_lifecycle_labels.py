"""Nothing is trained on, scored against or promoted by a label that is not final, or a row that a version has seen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from loops import Year, recipe, scripted, write_shop

import churnobs
from churnobs import LifecycleConfig, Month, SeenRows, roc_auc
from churnobs.expressions.datasets import KEY_TYPES, DatasetRows, Part

HORIZON = dt.timedelta(days=30)


def through(year: Year, month: str) -> dt.date:
    """What the data reached in a month."""
    return next(r.as_of for r in year.reports if r.month == month)


def records(year: Year) -> list[Any]:
    return year.workspace.registry.records("CHURN")


def test_every_fitted_as_of_was_final_when_it_was_fitted(year: Year) -> None:
    fitted_in = {row["VERSION"]: row["MONTH"] for row in year.workspace.table("BACKTESTS").collect()}
    own = [r for r in records(year) if r.version_name in fitted_in]
    assert len(own) == 1 + 6 + 2
    for record in own:
        assert record.fitted_on
        for part in record.fitted_on:
            assert part.as_of + HORIZON <= through(year, fitted_in[record.version_name])


def test_what_the_trainer_was_given_is_final_and_true(year: Year) -> None:
    sales = year.workspace.table("SALES").to_pandas()[["CUSTOMER_ID", "TRANSACTION_DATE"]]
    sales["DAY"] = sales["TRANSACTION_DATE"].to_numpy().astype("datetime64[D]")
    labels = year.workspace.table("LABELS").to_pandas()
    assert len(year.fitted) == 9
    for month, training in year.fitted:
        newest = training.as_of.max()
        assert newest + np.timedelta64(30, "D") <= np.datetime64(through(year, month), "D")
    for as_of, own in labels.groupby("TIMESTAMP"):
        start = np.datetime64(as_of, "D")
        inside = sales[(sales["DAY"] >= start) & (sales["DAY"] < start + np.timedelta64(30, "D"))]
        stayed = own["CUSTOMER_ID"].isin(inside["CUSTOMER_ID"])
        assert own["CHURNED"].tolist() == (~stayed).astype(int).tolist()
        assert own["IS_FINAL"].all()
    # the labels of the fits are those of the table
    _, last = year.fitted[-1]
    kept = {np.datetime64(t, "D"): rows for t, rows in labels.groupby("TIMESTAMP")}
    for as_of in np.unique(last.as_of)[:-1]:
        assert last.labels[last.as_of == as_of].sum() == kept[as_of]["CHURNED"].sum()


def test_nothing_is_measured_before_its_label_is_final(year: Year) -> None:
    rows = year.workspace.table("MEASUREMENTS").collect()
    assert {row["MONTH"] for row in rows} == {r.month for r in year.reports[3:]}
    for row in rows:
        assert row["IS_FINAL"]
        assert row["TIMESTAMP"].date() + HORIZON <= through(year, row["MONTH"])
    # each as-of is judged once
    assert len({(row["TIMESTAMP"], row["ROLE"], row["METRIC_NAME"]) for row in rows}) == len(rows)


def test_no_version_is_measured_on_rows_it_was_fitted_on(year: Year) -> None:
    known = {r.version_name: r for r in records(year)}
    for row in year.workspace.table("MEASUREMENTS").collect():
        assert not known[row["VERSION"]].saw(row["TIMESTAMP"].date())


def test_challengers_learn_one_half_and_meet_on_the_other(year: Year) -> None:
    known = {r.version_name: r for r in records(year)}
    datasets = {d.as_ofs[0]: d for d in year.loop.datasets()}
    trials = [r for r in year.reports if r.decision.trial is not None]
    assert len(trials) == 6
    for report in trials:
        trial = report.decision.trial
        (as_of,) = trial.as_ofs
        challenger = next(r for n, r in known.items() if f"{report.month.replace('-', '_')}_CHALLENGER" in n)
        halves = {part.as_of: part.half for part in challenger.fitted_on}
        assert halves.pop(as_of) == "FIT"
        assert set(halves.values()) == {None}
        assert not challenger.saw(as_of, "JUDGE")
        fit, judge = (half_of(year, datasets[as_of].table, half, challenger.fitted_on[-1]) for half in ("FIT", "JUDGE"))
        assert not set(fit["CUSTOMER_KEY"]) & set(judge["CUSTOMER_KEY"])
        assert len(fit) + len(judge) == datasets[as_of].rows
        assert 0.4 < len(fit) / datasets[as_of].rows < 0.6
        given = next(t for month, t in year.fitted if month == report.month)
        newest = given.as_of == np.datetime64(as_of, "D")
        assert given.features.loc[newest, "LIFETIME_SPEND"].tolist() == fit["LIFETIME_SPEND"].tolist()
        assert trial.rows == len(judge)
        default_before = year.reports[year.reports.index(report) - 1].decision.default_version
        assert not known[default_before].saw(as_of)
        # what was decided is what the judges say
        judged = judge["CHURNED"].to_numpy(), year.workspace.registry.get_model("CHURN").version(default_before)
        score = judged[1].run(judge, function_name="predict_proba")["output_feature_1"]
        assert trial.auc["DEFAULT"] == pytest.approx(roc_auc(judged[0], score))


def half_of(year: Year, table: str, half: str, part: Any) -> pd.DataFrame:
    columns = (*KEY_TYPES.items(), *year.loop.feature_columns(), ("CHURNED", "int64"))
    return year.loop.backend.engine.read(DatasetRows((Part(table, half, part.split_seed),), columns)).to_pandas()


def test_scoring_refuses_rows_that_were_seen(year: Year) -> None:
    registry = year.workspace.registry
    first = year.reports[2].decision.default_version
    challenger = next(r for r in records(year) if "2024_04_CHALLENGER" in r.version_name)
    as_of = dt.date(2024, 4, 1)
    with pytest.raises(SeenRows, match=f"{first} was fitted on customers of 2024-02-01"):
        registry.score("FEATURES", [], {"M": registry.record("CHURN", first)}, unseen=(dt.date(2024, 2, 1), None))
    for half in ("FIT", None):
        with pytest.raises(SeenRows, match="measure it on an as-of that became final after"):
            registry.score("FEATURES", [], {"M": challenger}, unseen=(as_of, half))
    assert len(registry.score("FEATURES", ["CUSTOMER_ID"], {"M": challenger}, unseen=(as_of, "JUDGE"))) > 0


def test_backtests_mark_exactly_the_rows_that_were_fitted(year: Year) -> None:
    rows = year.workspace.table("BACKTESTS").collect()
    known = {r.version_name: r for r in records(year)}
    months = {row["VERSION"]: row["MONTH"] for row in rows}
    for row in rows:
        as_of = dt.date(*map(int, row["DATASET_VERSION"].split("_")))
        assert row["IN_SAMPLE"] == (as_of in {part.as_of for part in known[row["VERSION"]].fitted_on})
    for version, month in months.items():
        kept = {t for r in year.reports if r.month <= month for t in r.newly_final}
        tested = {row["DATASET_VERSION"] for row in rows if row["VERSION"] == version}
        assert tested == {f"{t:%Y_%m_%d}" for t in kept}


def shop_reports(folder: Path, config: LifecycleConfig) -> list[Any]:
    with churnobs.connect(threads=1) as workspace:
        return workspace.lifecycle(config, source=folder).run()


@pytest.mark.parametrize(
    ("year_number", "closes"), [(2023, "2023-03-03"), (2024, "2024-03-02")], ids=["28 days", "leap year"]
)
def test_a_february_is_too_short_and_the_loop_waits(year_number: int, closes: str, tmp_path: Path) -> None:
    write_shop(tmp_path, Month(year_number - 1, 12), 4)
    reports = shop_reports(tmp_path, LifecycleConfig(trainer=recipe()))
    assert [r.status for r in reports] == ["waiting", "decided", "waiting", "decided"]
    february = reports[2]
    assert february.decision.reason == (
        f"no as-of became final: the labels of {year_number}-02-01 close on {closes}, the data reach {year_number}-03-01"
    )
    assert f"Waiting: {february.decision.reason}." in february.text()
    assert february.measurements == ()
    assert february.newly_final == ()
    assert february.scored_as_of is None
    # the model that serves goes on predicting
    assert february.decision.default_version == reports[1].decision.default_version is not None
    march = reports[3]
    assert march.newly_final == (dt.date(year_number, 2, 1), dt.date(year_number, 3, 1))
    assert march.scored_as_of == dt.date(year_number, 3, 1)
    assert {(m.as_of, m.role) for m in march.measurements} == {
        (t, role) for t in march.newly_final for role in ("BASE", "DEFAULT")
    }


@pytest.mark.parametrize(
    ("horizon", "anchor", "months"), [(7, "as_of", 2), (30, "last_purchase", 3), (60, "last_purchase", 4)]
)
def test_labels_mature_by_horizon_and_anchor(horizon: int, anchor: Any, months: int, tmp_path: Path) -> None:
    write_shop(tmp_path, Month(2022, 12), months)
    config = LifecycleConfig(trainer=recipe(), horizon_days=horizon, label_anchor=anchor)
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(config, source=tmp_path)
        for month in loop.waiting():
            report = loop.process_one_month()
            wanted = {t for t in loop.as_ofs() if t + dt.timedelta(days=horizon) <= month.end}
            assert set(loop.final_as_ofs()) == wanted
            assert {row["TIMESTAMP"].date() for row in workspace.table("LABELS").collect()} == wanted
            assert (report.status == "waiting") == (not report.newly_final)
            known = workspace.table("LABELS").to_pandas()["KNOWN_AT"]
            assert (known <= pd.Timestamp(month.end)).all()
        sales = workspace.table("SALES").to_pandas()
        last = workspace.sql("SELECT CUSTOMER_ID, TIMESTAMP, LAST_PURCHASE_DATE FROM FEATURES").to_pandas()
        rows = workspace.table("LABELS").to_pandas().merge(last, on=["CUSTOMER_ID", "TIMESTAMP"])
    assert len(rows) > 0
    days = dict(list(sales.groupby("CUSTOMER_ID")["TRANSACTION_DATE"]))
    for row in rows.itertuples():
        as_of, until = row.TIMESTAMP.date(), row.TIMESTAMP.date() + dt.timedelta(days=horizon)
        if anchor == "last_purchase":
            until = min(until, pd.Timestamp(row.LAST_PURCHASE_DATE).date() + dt.timedelta(days=horizon + 1))
        bought = [d for d in pd.to_datetime(days[row.CUSTOMER_ID]).dt.date if as_of <= d < until]
        assert (0 if bought else 1) == row.CHURNED


def test_a_partial_month_reaches_to_its_declared_end(tmp_path: Path) -> None:
    write_shop(tmp_path, Month(2022, 12), 4, day=17)
    with churnobs.connect(threads=1) as workspace:
        # no sale of the 18th or 19th: what counts is what the files cover
        workspace.ingest(tmp_path, period_end=dt.date(2023, 3, 20))
        loop = workspace.lifecycle(LifecycleConfig(trainer=recipe()))
        reports = loop.run()
        assert [r.as_of for r in reports] == [
            dt.date(2023, 1, 1), dt.date(2023, 2, 1), dt.date(2023, 3, 1), dt.date(2023, 3, 20)
        ]  # fmt: skip
        # 1 March closes on the 31st
        assert reports[-1].newly_final == (dt.date(2023, 2, 1),)
        now = loop.labels(dt.date(2023, 3, 1)).to_pandas()
        assert not now["IS_FINAL"].any()
        assert now["CHURNED"].isna().all()


def test_labels_of_one_kind_are_waited_for(tmp_path: Path) -> None:
    # nobody comes back, then half of them do
    header = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
    who = {1: range(40), 2: [90], 3: [91], 4: range(20)}
    for month, customers in who.items():
        rows = [f"T{month}-{c},C{c:02d},2024-{month:02d}-{1 + c % 25:02d},false,1,card,{c + 1}" for c in customers]
        (tmp_path / f"sales_2024_{month}.csv").write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
    reports = shop_reports(tmp_path, LifecycleConfig(trainer=recipe(), active_within_days=None))
    assert [r.decision.action for r in reports] == ["wait", "wait", "wait", "first_model"]
    assert "nothing to learn from" in reports[2].decision.reason
    assert reports[2].status == "waiting"
    # the first fit takes what had become final before, too
    assert reports[3].newly_final == (dt.date(2024, 4, 1),)


def test_a_source_says_how_far_its_last_month_reaches(tmp_path: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        files = write_shop(tmp_path, Month(2023, 6), 2)
        loop = workspace.lifecycle(scripted(), source=files, period_end=dt.date(2023, 7, 20))
        assert [loop.plan(month)[0].as_of for month in loop.waiting()] == [dt.date(2023, 7, 1), dt.date(2023, 7, 20)]
