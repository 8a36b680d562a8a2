"""Buckets of time: the same number for a date and for a column, and starts that are in their own bucket."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnobs
from churnobs import BadConfig
from churnobs.expressions.buckets import Buckets
from churnobs.monitoring.state import kind_of

GRANULARITIES = (
    "1 DAY",
    "3 DAYS",
    "1 WEEK",
    "2 weeks",
    "1 MONTH",
    "5 MONTH",
    "1 QUARTER",
    "2 QUARTER",
    "1 YEAR",
    "3 YEARS",
)
dates = st.dates(dt.date(1969, 1, 1), dt.date(2100, 12, 31))


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


@given(st.sampled_from(GRANULARITIES), dates)
def test_a_bucket_holds_its_start_and_ends_where_the_next_begins(text: str, day: dt.date) -> None:
    buckets = Buckets.parse(text)
    number = buckets.number_of(day)
    assert buckets.start(number) <= day < buckets.start(number + 1)
    assert buckets.number_of(buckets.start(number)) == number


@given(st.lists(dates, min_size=1, max_size=30))
def test_a_column_is_numbered_as_its_dates_are(engine: Any, days: list[dt.date]) -> None:
    engine.drop("MOMENTS")
    stamps = [dt.datetime.combine(day, dt.time(23, 59, 59)) for day in days]
    engine.write("MOMENTS", pa.table({"N": list(range(len(days))), "AT_TIME": pa.array(stamps, pa.timestamp("us"))}))
    rows = ibis.table({"N": "int64", "AT_TIME": "timestamp(6)"}, name="MOMENTS")
    numbers = {f"B{i}": Buckets.parse(text).number(rows.AT_TIME) for i, text in enumerate(GRANULARITIES)}
    found = engine.read(rows.select("N", **numbers).order_by("N"))
    for i, text in enumerate(GRANULARITIES):
        assert found[f"B{i}"].to_pylist() == [Buckets.parse(text).number_of(day) for day in days], text


def test_weeks_start_on_monday_and_quarters_in_january() -> None:
    weeks, quarters = Buckets.parse("1 WEEK"), Buckets.parse("1 QUARTER")
    assert weeks.start(weeks.number_of(dt.date(2024, 5, 5))) == dt.date(2024, 4, 29)
    assert quarters.start(quarters.number_of(dt.date(2024, 6, 30))) == dt.date(2024, 4, 1)
    everything = Buckets.parse(" all ")
    assert everything.number_of(dt.date(2024, 5, 5)) == everything.number_of(dt.date(1999, 5, 5))


@pytest.mark.parametrize("text", ["", "DAY", "1", "0 DAY", "-1 DAY", "1 HOUR", "1 DAY 2", "one day"])
def test_no_granularity(text: str) -> None:
    if text:
        with pytest.raises(BadConfig, match="is no granularity"):
            Buckets.parse(text)
    else:
        assert Buckets.parse(text) == Buckets.parse(None) == Buckets(1, "DAY")


@pytest.mark.parametrize(
    ("kind", "counted"),
    [("int64", "number"), ("!float64", "number"), ("decimal(18, 4)", "number"), ("uint8", "number"),
     ("string", "category"), ("boolean", "category"), ("date", "category")],
)  # fmt: skip
def test_how_a_column_is_counted(kind: str, counted: str) -> None:
    assert kind_of(kind) == counted
