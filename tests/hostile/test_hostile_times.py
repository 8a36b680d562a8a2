"""Months out of order, the ends of time, and clocks that go back: 100 hostile inputs, part seven."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from hostile_cases import ANYTHING, HEADER, LOADED, Case, Cases, Shop, config, examine

import churnobs
from churnobs import ModelMonitorSourceConfig
from churnobs.errors import BadConfig, BadFile, NotFound

cases = Cases()
ROW = "A1,C00001,{day},false,1,card,5.5\n"


def _month(shop: Shop, year: int, month: int, day: str) -> None:
    shop.put(HEADER + ROW.format(day=day), f"sales_{year}_{month}.csv")


@contextmanager
def zone(name: str) -> Iterator[None]:
    """This process in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


# year, month, a day in it -> class, words
MONTHS: dict[str, tuple[int, int, str, Any, tuple[str, ...]]] = {
    "the month before the last one": (2023, 12, "2023-12-05", BadFile, ("2023-12 comes after 2024-01", "in order")),
    "a month after a gap": (2024, 4, "2024-04-05", NotFound, ("leaves a gap", "2024-02", "add sales_2024_2.csv")),
    "a month in a hundred years": (2124, 2, "2124-02-05", NotFound, ("leaves a gap", "add sales_2024_2.csv")),
    "a month of the year 9999": (9999, 12, "9999-12-05", BadFile, ("9999 is not a year of data", "sales_2024_5.csv")),
    "a month of the year 0": (0, 1, "0001-01-05", BadFile, ("is not a year of data",)),
    "a thirteenth month": (2024, 13, "2024-02-05", BadFile, ("13 is not a month of the year", "sales_2024_5.csv")),
    "a month of no number": (2024, 0, "2024-02-05", BadFile, ("0 is not a month of the year",)),
    "a month that was loaded with other rows": (
        2024, 1, "2024-01-05", BadFile, ("2024-01 was loaded from sales_2024_1.csv", "lifecycle.revise"),
    ),
    "rows of another year in a month": (2024, 2, "2023-02-05", BadFile, ("line 2", "not in the month in the file's name")),
}  # fmt: skip


def _dated(name: str, year: int, month: int, day: str, error: Any, says: tuple[str, ...]) -> Case:
    def act(shop: Shop) -> None:
        shop.put(HEADER + ROW.format(day=day), f"sales_{year:04d}_{month}.csv")
        shop.ws.ingest(shop.folder)

    return Case(name, act, error, says)


cases.extend(_dated(name, *row) for name, row in MONTHS.items())


@cases.right()
def a_month_twice(shop: Shop) -> None:
    report = shop.ws.ingest(shop.good(number=1))
    assert (report.files[0].status, report.rows_loaded) == ("skipped", 0)
    assert shop.loop(shop.template.folder).run(0) == []


@cases.refused(BadFile, "sales_2024_2.csv", "TRANSACTION_ID", "was loaded before from another file")
def a_month_under_the_name_of_the_next(shop: Shop) -> None:
    rows = shop.good(number=1).read_text().replace("2024-01", "2024-02").replace("2024-02-30", "2024-02-01")
    shop.put(rows.replace("2024-02-31", "2024-02-01"))
    shop.ws.ingest(shop.folder)


@cases.right()
def the_last_month_that_can_be(shop: Shop) -> None:
    shop.put(HEADER + ROW.format(day="2199-12-31"), "sales_2199_12.csv")
    with churnobs.connect(threads=1) as workspace:
        (report,) = workspace.lifecycle(config(), source=shop.folder).run()
        assert (report.month, report.as_of) == ("2199-12", dt.date(2200, 1, 1))


@cases.right()
def the_first_month_that_can_be(shop: Shop) -> None:
    shop.put(HEADER + ROW.format(day="1900-01-01"), "sales_1900_1.csv")
    with churnobs.connect(threads=1) as workspace:
        assert workspace.lifecycle(config(), source=shop.folder).run()[0].month == "1900-01"


for _name, _end, _says in (
    (
        "a period that ends before its month",
        dt.date(2024, 1, 31),
        ("period_end 2024-01-31", "is not in the newest month"),
    ),
    ("a period that ends with time", dt.date.max, ("period_end 9999-12-31", "2199-12-31")),
    ("a period that ends as time begins", dt.date.min, ("period_end 0001-01-01", "1900-01-01")),
    ("a period that is a text", "2024-02-15", ("period_end", "is no date")),
):

    def _period(shop: Shop, end: Any = _end) -> None:
        _month(shop, 2024, 2, "2024-02-05")
        shop.ws.ingest(shop.folder, period_end=end)

    cases.append(Case(_name, _period, BadConfig, _says))


@cases.right(*LOADED)
def the_29th_of_february(shop: Shop) -> None:
    _month(shop, 2024, 2, "2024-02-29")
    shop.ws.ingest(shop.folder)
    assert shop.rows("SELECT TRANSACTION_DATE FROM SALES WHERE TRANSACTION_ID = 'A1'") == [(dt.date(2024, 2, 29),)]


def _zone(name: str) -> Case:
    def act(shop: Shop) -> None:
        with zone(name):
            shop.ws.ingest(shop.template.folder / "sales_2024_2.csv")
            shop.close()
        with zone("UTC"):
            shop.loop(shop.template.folder).run(1)

    return Case(f"a month begun in {name}", act, changes=ANYTHING)


cases.extend(_zone(name) for name in ("America/New_York", "Pacific/Apia", "Europe/Berlin"))


@cases.right(*ANYTHING)
def a_clock_that_goes_back(shop: Shop) -> None:
    patched = pytest.MonkeyPatch()
    clock = iter(range(4_000_000_000, 0, -86_400))
    with patched.context() as patch:
        patch.setattr(time, "time", lambda: float(next(clock)))
        shop.loop(shop.template.folder).run(1)


@cases.right(*ANYTHING)
def files_from_the_future(shop: Shop) -> None:
    path = shop.put(shop.good().read_bytes())
    os.utime(path, (2**33, 2**33))
    for kind in ("feedback_raw", "customers"):
        if shop.good(kind).exists():
            shop.put(shop.good(kind).read_bytes(), f"{kind}_2024_2.csv")
    shop.loop(shop.folder).run(1)


def _watched(shop: Shop) -> Any:
    rows = pd.DataFrame({"ID": ["a", "b"], "TS": pd.to_datetime(["2024-01-01", "2024-01-02"]), "P": [0.2, 0.9]})
    shop.ws.write_pandas(rows, "PREDS")
    source = ModelMonitorSourceConfig("PREDS", "TS", ("ID",), prediction_score_columns=("P",))
    shop.ws.monitor.attach("WATCHED", source, refresh="snowflake", refresh_interval="1 day")
    return shop.ws.monitor


WATCHED = ("PREDS", "MONITORS", "MONITOR_DAYS", "MONITOR_SCORES", "MONITOR_HISTOGRAMS", "MONITOR_BINS")


@cases.right(*WATCHED)
def a_monitor_whose_clock_goes_back(shop: Shop) -> None:
    monitor = _watched(shop)
    now = dt.datetime(2024, 3, 31, 2, 30)  # an hour that does not exist in Berlin
    assert monitor.advance(now)["name"].tolist() == ["WATCHED"]
    for other in (now, now - dt.timedelta(days=400), dt.datetime.min):
        assert monitor.advance(other).empty
    assert monitor.advance(dt.datetime.max)["name"].tolist() == ["WATCHED"]
    assert monitor.advance(dt.datetime.max).empty


for _name, _now in (
    ("a clock with a time zone", dt.datetime(2024, 3, 1, tzinfo=dt.UTC)),
    ("a clock that is a date", dt.date(2024, 3, 1)),
    ("a clock that is a text", "2024-03-01'; DROP TABLE SALES; --"),
):

    def _advance(shop: Shop, now: Any = _now) -> None:
        _watched(shop).advance(now)

    cases.append(Case(_name, _advance, BadConfig, ("is no moment of this clock", "time zone"), frozenset(WATCHED)))


@cases.right("ENTITIES", "FEATURE_VIEWS")
def features_at_the_ends_of_time(shop: Shop) -> None:
    from churnobs import Entity, FeatureView

    store = shop.ws.feature_store
    entity = store.register_entity(Entity("WHO", ("CUSTOMER_ID",)))
    query = "SELECT CUSTOMER_ID, TRANSACTION_DATE, TOTAL_AMOUNT AS PAID FROM SALES"
    view = store.register_feature_view(
        FeatureView("PAID", (entity,), feature_df=shop.ws.sql(query), timestamp_col="TRANSACTION_DATE"), "v1"
    )
    for moment, known in (("9999-12-31", True), ("0001-01-01", False)):
        spine = shop.ws.sql(f"SELECT DISTINCT CUSTOMER_ID, TIMESTAMP '{moment}' AS TS FROM SALES")
        rows = store.retrieve_feature_values(spine, [view], spine_timestamp_col="TS").collect()
        assert len(rows) > 0
        assert all((row["PAID"] is not None) == known for row in rows)


@pytest.mark.parametrize("case", cases.params(share=2))
def test_hostile_times(case: Case, shop: Shop) -> None:
    examine(case, shop)
