"""The programs in examples/snowflake run to the end, and their numbers are those of pandas, NumPy and scikit-learn."""

from __future__ import annotations

import datetime as dt
import json
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import nbformat
from nbclient import NotebookClient
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    precision_score,
    recall_score,
    root_mean_squared_error,
)
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from snowflake.ml.dataset import load_dataset
from snowflake.ml.registry import Registry
from xgboost import XGBRegressor

from churnobs.testing import serve
from churnobs.testing.running import pointed_at

PROGRAMS = Path(__file__).parents[2] / "examples" / "snowflake"
KEYS = ["AT", "CUSTOMER_ID"]
FEATURES = ["SPENT", "ORDERS", "SPENT_3M", "LARGEST_3M", "SPENT_BEFORE"]


@pytest.fixture
def account():
    with serve() as served:
        yield served


@pytest.fixture
def session(account):
    made = account.session(database=None, schema=None)
    yield made
    made.close()


def ran_here(name: str) -> None:
    """Run a program in this process, whose active session it finds."""
    runpy.run_path(str(PROGRAMS / name), run_name="__main__")


def plain(session, text: str) -> pd.DataFrame:
    """The rows of a query as floats and moments, whatever numbers they are in the account."""
    frame = session.sql(text).to_pandas()
    for name in frame.columns:
        if name not in ("CUSTOMER_ID", "ORDER_ID") and frame[name].map(lambda v: not isinstance(v, str)).all():
            moments = pd.api.types.is_datetime64_any_dtype(frame[name])
            frame[name] = frame[name].astype("datetime64[ns]") if moments else frame[name].astype(float)
    return frame


def same(found: pd.DataFrame, expected: pd.DataFrame, keys: list[str], tolerance: float = 1e-9) -> None:
    found, expected = (f.sort_values(keys, ignore_index=True)[list(expected.columns)] for f in (found, expected))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=tolerance, atol=tolerance)


class Spend:
    """The numbers of regression.py in pandas."""

    def __init__(self, orders: pd.DataFrame) -> None:
        self.orders = orders.assign(MONTH=orders.ORDERED_AT.dt.to_period("M").dt.to_timestamp())

    def features(self) -> pd.DataFrame:
        months = self.orders.groupby(["CUSTOMER_ID", "MONTH"]).AMOUNT.agg(["sum", "count", "max"]).reset_index()
        by = months.groupby("CUSTOMER_ID")
        return pd.DataFrame(
            {
                "CUSTOMER_ID": months.CUSTOMER_ID, "KNOWN_AT": months.MONTH + pd.DateOffset(months=1), "SPENT": months["sum"],
                "ORDERS": months["count"].astype(float), "SPENT_3M": by["sum"].transform(lambda v: v.rolling(3, min_periods=1).sum()),
                "LARGEST_3M": by["max"].transform(lambda v: v.rolling(3, min_periods=1).max()), "SPENT_BEFORE": by["sum"].shift().fillna(0.0),
            }
        )  # fmt: skip

    def spine(self, days: list[str], until: str) -> pd.DataFrame:
        """Every customer known before a moment, at the days, with what he spent in the month of the day."""
        who = self.orders[until > self.orders.ORDERED_AT].CUSTOMER_ID.unique()
        rows = pd.MultiIndex.from_product([pd.to_datetime(days), who], names=KEYS).to_frame(index=False)
        sums = self.orders.groupby(["CUSTOMER_ID", "MONTH"]).AMOUNT.sum().rename("NEXT_SPENT").reset_index()
        rows["MONTH"] = rows.AT.dt.to_period("M").dt.to_timestamp()
        rows = rows.merge(sums, how="left", on=["CUSTOMER_ID", "MONTH"]).drop(columns="MONTH")
        return rows.assign(NEXT_SPENT=rows.NEXT_SPENT.fillna(0.0))

    def known(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The newest features that were known at each row's moment."""
        left, right = rows.sort_values("AT"), self.features().sort_values("KNOWN_AT")
        right = right.assign(KNOWN_AT=right.KNOWN_AT.astype(left.AT.dtype))
        made = pd.merge_asof(left, right, left_on="AT", right_on="KNOWN_AT", by="CUSTOMER_ID")
        return made.drop(columns="KNOWN_AT").sort_values(KEYS, ignore_index=True)


def test_a_regression_on_a_managed_feature_view(account, session) -> None:
    ran_here("regression.py")
    orders = plain(session, "SELECT CUSTOMER_ID, ORDERED_AT, AMOUNT FROM SPEND.PUBLIC.ORDERS")
    assert len(orders) > 1000
    oracle = Spend(orders)
    view = 'SELECT * FROM SPEND.FEATURES."MONTHLY_SPEND$1"'
    same(plain(session, view), oracle.features(), ["CUSTOMER_ID", "KNOWN_AT"])

    training = oracle.known(oracle.spine(["2024-02-03", "2024-03-03", "2024-04-03", "2024-05-03"], until="2024-07-01"))
    dataset = load_dataset(session, "SPEND.FEATURES.SPEND_TRAINING", "MAY").read.to_pandas()
    same(dataset.astype(dict.fromkeys((*FEATURES, "NEXT_SPENT"), float)), training, KEYS)
    training = training.dropna()
    model = XGBRegressor(n_estimators=40, max_depth=3, learning_rate=0.2, random_state=0, n_jobs=1)
    model.fit(training[FEATURES], training.NEXT_SPENT)

    scored = []
    for day, until in (("2024-06-03", "2024-07-01"), ("2024-07-03", "2024-07-01"), ("2024-08-03", "2024-08-01")):
        rows = oracle.known(oracle.spine([day], until=until)).dropna()
        scored.append(rows.assign(PREDICTED=model.predict(rows[FEATURES]), ACTUAL=rows.NEXT_SPENT))
    scored[2]["ACTUAL"] = np.nan
    expected = pd.concat(scored)
    same(
        plain(session, "SELECT * FROM SPEND.PUBLIC.PREDICTIONS"),
        expected[[*KEYS, "SPENT", "SPENT_3M", "PREDICTED", "ACTUAL"]],
        KEYS,
        tolerance=1e-4,
    )

    quality = session.table("SPEND.PUBLIC.QUALITY").collect()
    measures = {"RMSE": root_mean_squared_error, "MAE": mean_absolute_error, "MSE": mean_squared_error}
    assert len(quality) == 6
    for at, metric, value, used in quality:
        rows = expected[expected.AT.dt.to_period("M") == pd.Timestamp(at).to_period("M")]
        assert (value, used) == (pytest.approx(measures[metric](rows.ACTUAL, rows.PREDICTED), rel=1e-5), len(rows))

    # tomorrow the view is refreshed by itself
    account.clock.set("2030-01-01")
    session.sql(
        "INSERT INTO SPEND.PUBLIC.ORDERS VALUES ('late', 1, '2024-08-20 10:00', 99.5), ('new', 999, '2024-08-21', 5)"
    ).collect()
    ran = account.clock.advance(days=2)
    assert {one.kind for one in ran} == {"DYNAMIC TABLE"}
    orders = plain(session, "SELECT CUSTOMER_ID, ORDERED_AT, AMOUNT FROM SPEND.PUBLIC.ORDERS")
    same(plain(session, view), Spend(orders).features(), ["CUSTOMER_ID", "KNOWN_AT"])


def test_several_classes_watched_by_region(account, session) -> None:
    ran_here("multiclass.py")
    features = ["DAYS_SINCE_ORDER", "ORDERS_90D", "COMPLAINTS"]
    training = session.table("RISK.TIERS.TRAINING").to_pandas().sort_values("CUSTOMER_ID")
    customers = session.table("RISK.TIERS.CUSTOMERS").to_pandas()
    models = {
        "LINEAR": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "FOREST": RandomForestClassifier(n_estimators=30, max_depth=4, random_state=0),
    }
    said, accuracy = {}, {}
    for name, model in models.items():
        said[name] = model.fit(training[features], training.TIER).predict(customers[features])
        accuracy[name] = accuracy_score(customers.TIER, said[name])
        stored = session.table(f"RISK.TIERS.{name}_PREDICTIONS").to_pandas()
        same(stored, customers.assign(PREDICTED=said[name]), ["CUSTOMER_ID"])

    best = max(accuracy, key=lambda name: accuracy[name])
    kept = Registry(session, database_name="RISK", schema_name="TIERS").get_model("RISK_TIER")
    assert (kept.default.version_name, kept.version("CHAMPION").version_name) == (best, best)
    assert kept.get_tag("STAGE_OF_LIFE") == "live"
    for name, model in models.items():
        metrics = kept.version(name).show_metrics()
        assert metrics["live_accuracy"] == pytest.approx(accuracy[name], abs=1e-12)
        assert metrics["training_accuracy"] == pytest.approx(model.score(training[features], training.TIER), abs=1e-12)
        assert metrics["tiers"] == training.TIER.value_counts().to_dict()

    watched = customers.assign(PREDICTED=said[best])
    measures = {
        "CLASSIFICATION_ACCURACY": accuracy_score,
        "MACRO_AVERAGE_PRECISION": partial(precision_score, average="macro"),
        "MACRO_AVERAGE_RECALL": partial(recall_score, average="macro"),
        "MICRO_AVERAGE_PRECISION": partial(precision_score, average="micro"),
        "MICRO_AVERAGE_RECALL": partial(recall_score, average="micro"),
    }
    quality = session.table("RISK.TIERS.QUALITY").collect()
    assert len(quality) == 5 * 4 * 3
    for week, region, metric, value, used in quality:
        rows = watched[(week == watched.WEEK) & ((region == "all") | (region == watched.REGION))]
        assert (value, used) == (pytest.approx(measures[metric](rows.TIER, rows.PREDICTED), abs=1e-12), len(rows))

    base = training.assign(PREDICTED=models[best].predict(training[features]))
    drift = session.table("RISK.TIERS.DRIFT").collect()
    assert len(drift) == 6
    for at, column, _, value in drift:
        rows = watched[pd.Timestamp(at) == watched.WEEK]
        if column == "PREDICTED":
            p, q = (frame.PREDICTED.value_counts(normalize=True).sort_index() for frame in (base, rows))
            expected = float(((q - p) * np.log(q / p)).sum())
        else:
            expected = rows[column].mean() - base[column].mean()
        assert value == pytest.approx(expected, abs=1e-9)


def test_a_task_graph_in_sql(account, session) -> None:
    account.clock.set("2024-03-05")
    with pointed_at(account) as environment:
        subprocess.run([sys.executable, str(PROGRAMS / "task_graph.py")], env=environment, check=True)
    session.use_schema("ORDERS_ETL.PUBLIC")
    check_orders(session, [0])
    assert states(session) == {("INGEST", "SUCCEEDED"), ("TOTALS", "SUCCEEDED"), ("CHECK_QUALITY", "SUCCEEDED"), ("SUM_UP", "SUCCEEDED")}  # fmt: skip

    account.clock.advance(hours=1)
    assert states(session) == {("INGEST", "SKIPPED")}
    add = "INSERT INTO ORDERS_RAW VALUES "
    session.sql(
        f"{add} (6, 'Bob', '420', '2024-03-06'), (7, 'dee', NULL, '2024-03-06'), (8, 'ann', '-3', '2024-03-06')"
    ).collect()
    account.clock.advance(hours=1)
    assert states(session) == {("INGEST", "SUCCEEDED"), ("TOTALS", "SUCCEEDED"), ("CHECK_QUALITY", "FAILED"), ("SUM_UP", "SUCCEEDED")}  # fmt: skip
    check_orders(session, [0, 1])
    session.sql(f"{add} (9, 'dee', '101.255', '2024-03-07')").collect()
    account.clock.advance(hours=1)
    check_orders(session, [0, 1, 2])
    (error,) = session.sql(
        "SELECT ERROR_CODE, ERROR_MESSAGE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE))"
    ).collect()
    assert "more orders were rejected than loaded" in error["ERROR_MESSAGE"]


ARRIVALS = (range(1, 6), range(6, 9), range(9, 10))


def states(session) -> set[tuple[str, str]]:
    """The tasks of the newest run."""
    rows = session.sql(
        "SELECT NAME, STATE, GRAPH_RUN_GROUP_ID FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE STATE <> 'SCHEDULED' "
        "QUALIFY RANK() OVER (ORDER BY SCHEDULED_TIME DESC) = 1 "
    ).collect()
    return {(row["NAME"], row["STATE"]) for row in rows}


def check_orders(session, runs: list[int]) -> None:
    """Orders, rejections, totals and what was told, against a rewrite of the raw rows."""
    raw = [tuple(row) for row in session.table("ORDERS_RAW").sort("ORDER_ID").collect()]
    good, bad, told = [], [], []
    for run in runs:
        reasons = {}
        for number, who, amount, on in (row for row in raw if row[0] in ARRIVALS[run]):
            try:
                value = round(float(amount) + 1e-9, 2)
            except (TypeError, ValueError):
                value = -1.0
            try:
                day = dt.date.fromisoformat(on)
            except ValueError:
                day = None
            if value <= 0:
                reasons[number] = f"amount {amount or 'missing'}"
            elif day is None:
                reasons[number] = f"date {on}"
            else:
                good.append((number, who.strip().upper(), value, day))
        bad += list(reasons.items())
        loaded = len(ARRIVALS[run]) - len(reasons)
        told.append((loaded, len(reasons), "failed: CHECK_QUALITY" if len(reasons) > loaded else "all well"))
    found = [(a, b, float(c), d) for a, b, c, d in session.table("ORDERS").sort("ORDER_ID").collect()]
    assert found == good
    assert [tuple(r)[:2] for r in session.table("REJECTED").sort("ORDER_ID").collect()] == bad
    totals = (
        pd.DataFrame(good, columns=["ID", "CUSTOMER", "AMOUNT", "DAY"]).groupby("CUSTOMER").AMOUNT.agg(["count", "sum"])
    )
    tiers = np.select([totals["sum"] >= 500, totals["sum"] >= 100], ["gold", "silver"], "new")
    expected = [
        (who, row["count"], round(row["sum"], 2), tier)
        for (who, row), tier in zip(totals.iterrows(), tiers, strict=True)
    ]
    found = [(a, b, float(c), d) for a, b, c, d in session.table("CUSTOMER_TOTALS").sort("CUSTOMER").collect()]
    assert found == expected
    rows = session.sql("SELECT LOADED, REJECTED, NOTE FROM RUNS").collect()
    assert sorted(map(tuple, rows)) == sorted(told)


@pytest.mark.long
def test_a_notebook_of_procedures_and_a_stream(account, session) -> None:
    notebook = nbformat.read(PROGRAMS / "sprocs_and_streams.ipynb", as_version=4)
    with pointed_at(account) as environment:
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
    said = [text for cell in notebook.cells for text in texts(cell)]
    session.use_schema("TELCO.PUBLIC")
    assert session.table("CONTRACT_CHANGES").count() == 0

    before, after = contracts(notebook), session.table("CONTRACTS").to_pandas()
    gone = set(before.CONTRACT_ID) - set(after.CONTRACT_ID)
    both = before.merge(after, on="CONTRACT_ID")
    changed = both[(both.PLAN_x != both.PLAN_y) | (both.MONTHLY_x != both.MONTHLY_y)]
    assert (gone, changed.CONTRACT_ID.tolist()) == (
        set(range(10, 15)),
        [
            r.CONTRACT_ID
            for r in before.itertuples()
            if r.PLAN == "plus" and r.MONTHS > 36 and r.CONTRACT_ID not in gone
        ],
    )
    assert said[0] == "300 profiles; 0 changes are left in the stream\n"
    assert said[1] == f"{len(changed) + len(gone) + 1} changes\n"
    assert said[2] == str(
        pd.DataFrame(
            {
                "METADATA$ACTION": ["DELETE", "DELETE", "INSERT", "INSERT"], "METADATA$ISUPDATE": [False, True, False, True],
                "COUNT": [len(gone), len(changed), 1, len(changed)],
            }
        )
    )  # fmt: skip

    value = (after.MONTHS * after.MONTHLY).astype(float)
    profiles = after.assign(VALUE=value, BAND=np.select([value >= 600, value >= 200], ["high", "middle"], "low"))
    profiles = profiles.drop(columns="MONTHLY").sort_values("CONTRACT_ID", ignore_index=True)
    same(session.table("PROFILES").to_pandas(), profiles, ["CONTRACT_ID"])
    bands = profiles.groupby("BAND").VALUE.agg(["size", "sum"]).reset_index()
    assert said[3] == str(bands.set_axis(["BAND", "CONTRACTS", "VALUE"], axis=1))

    inputs = profiles[["BAND", "CALLS", "MONTHS", "PLAN"]].astype({"CALLS": float, "MONTHS": float})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["BAND", "PLAN"]), (StandardScaler(), ["CALLS", "MONTHS"])),
        LogisticRegression(max_iter=1000),
    )
    scores = cross_val_score(model, inputs, profiles.LEFT, cv=4, scoring="roc_auc")
    answer = json.loads(eval(said[4]))  # the text of a VARIANT, as Python writes it
    assert answer == {"rows": len(profiles), "roc_auc": pytest.approx(scores.mean(), abs=1e-9)}
    risk = model.fit(inputs, profiles.LEFT).predict_proba(inputs)[:, 1]
    same(session.table("RISKS").to_pandas(), profiles[["CONTRACT_ID"]].assign(P_LEAVES=risk), ["CONTRACT_ID"])
    assert said[5] == "['FIRST']\n"
    plans = profiles.assign(RISK=risk).groupby("PLAN")[["RISK", "LEFT"]].mean().round(3).reset_index()
    assert said[6].split() == str(plans.rename(columns={"LEFT": "LEFT_SHARE"})).split()
    top = profiles.assign(P=risk).nlargest(5, "P")
    assert [float(line.split()[-1]) for line in said[7].splitlines()[1:]] == pytest.approx(list(top.P), abs=5e-4)


def texts(cell) -> list[str]:
    found = [o.text if o.output_type == "stream" else o.data["text/plain"] for o in cell.get("outputs", [])]
    return [text for text in found if not text.startswith(("[Row(status=", "<snowflake.snowpark.table"))]


def contracts(notebook) -> pd.DataFrame:
    """The rows that the notebook makes, by the lines that make them."""
    source = next(cell.source for cell in notebook.cells if "contracts = pd.DataFrame" in cell.source)
    made: dict = {"np": np, "pd": pd}
    exec(source.partition("session.write_pandas")[0], made)
    return made["contracts"]
