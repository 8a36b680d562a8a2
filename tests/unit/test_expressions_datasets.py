"""Halves of datasets, and texts that are compiled once and dated later."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import Any

import ibis
import pyarrow as pa
import pytest
from expressions_catalog import CATALOG, MAY

import churnobs
from churnobs.expressions.datasets import DatasetRows, Part, is_fit_half, share_of
from churnobs.expressions.features import AsOf, customer_features
from churnobs.expressions.labels import LabelRule, LabelWindow, labels
from churnobs.expressions.render import Query, to_sql
from churnobs.tables import CUSTOMER_KEYS

COLUMNS = (("CUSTOMER_KEY", "int32"), ("TIMESTAMP", "timestamp(6)"))


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        found = workspace._backend.engine
        keys = pa.array(range(20_000), pa.int32())
        found.write("CUSTOMER_KEYS", pa.table({"CUSTOMER_KEY": keys, "CUSTOMER_ID": keys.cast(pa.string())}))
        yield found


def fit_half(engine: Any, seed: int) -> set[int]:
    keys = ibis.table(dict(CUSTOMER_KEYS), name="CUSTOMER_KEYS")
    rows = engine.read(keys.filter(is_fit_half(keys.CUSTOMER_KEY, seed)).select("CUSTOMER_KEY"))
    return set(rows["CUSTOMER_KEY"].to_pylist())


@pytest.mark.parametrize("seed", [0, 1, 2, 24_285, 24_286, 2**40])
def test_about_half_of_the_customers_are_fitted(engine: Any, seed: int) -> None:
    half = fit_half(engine, seed)
    # five standard deviations of a fair coin, over all keys and over runs of neighbouring keys
    assert abs(len(half) - 10_000) < 5 * 71
    for start in range(0, 20_000, 2_000):
        assert abs(sum(key in half for key in range(start, start + 2_000)) - 1_000) < 5 * 23
    assert abs(sum(key in half for key in range(0, 20_000, 2)) - 5_000) < 5 * 50, "even keys are no half of their own"


def test_each_seed_splits_anew(engine: Any) -> None:
    seeds = [0, 1, 2, 24_285, 24_286]
    halves = [fit_half(engine, seed) for seed in seeds]
    for i, one in enumerate(halves):
        assert fit_half(engine, seeds[i]) == one, "a split is stable"
        for other in halves[i + 1 :]:
            assert abs(len(one & other) - 5_000) < 5 * 61, "two splits are independent"


def test_the_halves_make_up_the_whole(engine: Any) -> None:
    stamps = pa.array([dt.datetime(2024, 5, 1), dt.datetime(2024, 4, 1)] * 500, pa.timestamp("us"))
    engine.write("D", pa.table({"CUSTOMER_KEY": pa.array(range(1000), pa.int32()), "TIMESTAMP": stamps}))

    def keys(*parts: Part) -> list[int]:
        found: list[int] = engine.read(DatasetRows(parts, COLUMNS))["CUSTOMER_KEY"].to_pylist()
        return found

    fit, judge, everyone = keys(Part("D", "FIT", 7)), keys(Part("D", "JUDGE", 7)), keys(Part("D"))
    assert sorted(fit + judge) == list(range(1000))
    assert everyone == [*range(1, 1000, 2), *range(0, 1000, 2)], "by as-of, then by customer"
    assert keys(Part("D", "FIT", 7), Part("D", "JUDGE", 7)) == everyone


def test_a_sample_has_about_its_share_of_each_half(engine: Any) -> None:
    stamps = pa.array([dt.datetime(2024, 5, 1)] * 20_000, pa.timestamp("us"))
    engine.write("D", pa.table({"CUSTOMER_KEY": pa.array(range(20_000), pa.int32()), "TIMESTAMP": stamps}))

    def keys(half: str | None, per_million: int) -> set[int]:
        return set(engine.read(DatasetRows((Part("D", half, 7, per_million),), COLUMNS))["CUSTOMER_KEY"].to_pylist())

    everyone, fit = keys(None, 200_000), keys("FIT", 200_000)
    assert abs(len(everyone) - 4_000) < 5 * 57, "five standard deviations of a binomial"
    assert abs(len(fit) - 2_000) < 5 * 43
    assert fit == everyone & keys("FIT", 1_000_000)
    assert keys(None, 100_000) < everyone, "a smaller sample is part of a larger one"


def test_a_share_is_of_a_million_and_never_nothing() -> None:
    assert [share_of(rows, 500_000) for rows in (0, 500_000, 1_000_000, 10**13)] == [1_000_000, 1_000_000, 500_000, 1]
    assert share_of(10**13, None) == 1_000_000


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_dated_text_is_the_compiled_one(name: str, dialect: Any) -> None:
    build, make = CATALOG[name]
    for as_of in (MAY, dt.date(2024, 2, 29), dt.date(2023, 12, 31), dt.date(9001, 1, 1)):
        query = Query(build, make(as_of))
        # where two dates happen to be equal, Ibis shares what is built on them and counts its aliases otherwise; where lines
        # end depends on how long a date is written
        dated, direct = (
            re.sub(r"\s+", " ", re.sub(r'"t\d+"', '"t"', text))
            for text in (query.sql(dialect), to_sql(query.expression(), dialect))
        )
        assert dated == direct


def test_a_dated_text_gives_the_rows_of_the_compiled_one(engine: Any) -> None:
    random = range(3_000)
    days = [dt.date(2023, 9, 1) + dt.timedelta(days=(i * 37) % 300) for i in random]
    keys = pa.array([i % 97 for i in random], pa.int32())
    amounts = pa.array([i % 50 for i in random], pa.int64())
    engine.write("SALES", pa.table({"CUSTOMER_KEY": keys, "TRANSACTION_DATE": pa.array(days), "TOTAL_AMOUNT": amounts}))
    texts = set()
    for as_of in (MAY, dt.date(2024, 2, 29), dt.date(2023, 12, 31)):
        query = Query(customer_features, (AsOf.at(as_of),))
        dated, direct = (engine.read(q).sort_by("CUSTOMER_KEY") for q in (query, query.expression()))
        assert dated.num_rows > 50
        assert dated.equals(direct)
        texts.add(query.sql("duckdb"))
        engine.drop("FEATURES")
        engine.write("FEATURES", query)
        window = Query(labels, (LabelWindow.of(as_of, dt.date(2024, 6, 1), LabelRule()),))
        assert (
            engine.read(window).sort_by("CUSTOMER_KEY").equals(engine.read(window.expression()).sort_by("CUSTOMER_KEY"))
        )
    assert len(texts) == 3


def test_dates_inside_records_are_found() -> None:
    at = AsOf.at(MAY, since=dt.date(2024, 4, 1))
    text = Query(customer_features, (at,)).sql("duckdb")
    for day in (at.moment, *at.starts, at.since):
        assert day is not None
        assert f"({day.year}, {day.month}, {day.day}" in text
    assert "9001" not in text
    assert dataclasses.replace(at) == at
