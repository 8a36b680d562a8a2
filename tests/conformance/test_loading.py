"""What files become, on every backend."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import pytest
from files import GOOD, HEADER, OWN, ROW, House, parquet, sales

from churnobs import Workspace
from churnobs.errors import BadConfig, BadFile, NotFound
from churnobs.months import Month

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHURNOBS_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def house(workspace: Workspace) -> House:
    return House(workspace)


# what is loaded


@pytest.mark.parametrize("start", ["", HEADER, "\ufeff", "\ufeff" + HEADER, HEADER.lower()])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sales_with_or_without_header(house: House, tmp_path: Path, start: str, end: str) -> None:
    path = sales(tmp_path, (start + GOOD).replace("\n", end))
    report = house.door.ingest(path)
    assert repr(report) == "IngestReport(1 files loaded, 0 skipped, 2 rows, 0 rejected)"
    assert report.months == (Month(2024, 5),)
    assert "sales_2024_5.csv" in report._repr_html_()
    assert house.rows("SELECT * FROM SALES ORDER BY TRANSACTION_DATE") == [
        ("t2", "c1", dt.date(2024, 5, 1), False, 1, "CASH", Decimal("3.0000"), 1),
        ("t1", "c2", dt.date(2024, 5, 3), True, 2, "CARD", Decimal("10.5000"), 2),
    ]
    content_hash = house.door.open(path).files[0].content_hash
    assert house.rows("SELECT * FROM FILES_INGESTED") == [
        (2024, 5, "sales", "sales_2024_5.csv", content_hash, 2, 0, dt.date(2024, 6, 1), 0, 0, None)
    ]


def test_extra_columns_and_another_order_are_fine_with_a_header(house: House, tmp_path: Path) -> None:
    names = HEADER.strip().split(",")
    values = GOOD.split("\n", maxsplit=1)[0].split(",")
    text = ",".join(["x", *reversed(names)]) + "\n" + ",".join(["?", *reversed(values)])
    house.door.ingest(sales(tmp_path, text))
    assert house.rows("SELECT TRANSACTION_ID, TOTAL_AMOUNT FROM SALES ORDER BY TRANSACTION_DATE") == [
        ("t1", Decimal("10.5000"))
    ]


def test_values_keep_what_they_say(house: House, tmp_path: Path) -> None:
    text = "007,00001,2024-05-01 23:59:00,True,,,1e2\n8,1,2024-05-02T01:00:00,0,2.0,é,-.5\n"
    house.door.ingest(sales(tmp_path, text))
    assert house.rows("SELECT * EXCLUDE CUSTOMER_KEY FROM SALES ORDER BY TRANSACTION_DATE") == [
        ("007", "00001", dt.date(2024, 5, 1), True, None, None, Decimal("100.0000")),
        ("8", "1", dt.date(2024, 5, 2), False, 2, "é", Decimal("-0.5000")),
    ]


def test_parquet(house: House, tmp_path: Path) -> None:
    stamps = [dt.datetime.fromisoformat(text) for text in ("2024-05-01 05:00", "2024-05-31 23:00")]
    house.door.ingest(parquet(tmp_path, TRANSACTION_DATE=stamps, CUSTOMER_ID=[7, 8]))
    assert house.rows("SELECT * FROM SALES ORDER BY TRANSACTION_DATE") == [
        ("t1", "7", dt.date(2024, 5, 1), True, 1, "CARD", Decimal("1.5000"), 1),
        ("t2", "8", dt.date(2024, 5, 31), None, 2, None, Decimal("2.2500"), 2),
    ]


def test_feedback_and_customers(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    sales(tmp_path, '2024-05-04,"two\nlines, ""quoted""",c1,f1,1\n2024-05-02,,c9,f2,2\n', "feedback_raw_2024_5.csv")
    sales(tmp_path, "c1,30,GOLD,F,ROME,2024-01-01\nc3,,,,,\n", "customers.csv")
    report = house.door.ingest(tmp_path)
    assert [(f.name, f.rows_loaded) for f in report.files] == [
        ("sales_2024_5.csv", 2),
        ("feedback_raw_2024_5.csv", 2),
        ("customers.csv", 2),
    ]
    assert house.rows("SELECT * FROM FEEDBACK_RAW ORDER BY CHAT_DATE") == [
        (dt.date(2024, 5, 2), None, "c9", "f2", 2, 3),
        (dt.date(2024, 5, 4), 'two\nlines, "quoted"', "c1", "f1", 1, 1),
    ]
    assert house.rows("SELECT CUSTOMER_ID, AGE, CUSTOMER_KEY FROM CUSTOMERS ORDER BY CUSTOMER_ID") == [
        ("c1", 30, 1),
        ("c3", None, 4),
    ]
    assert house.rows("SELECT FILE_TYPE, YEAR, MONTH FROM FILES_INGESTED ORDER BY FILE_TYPE DESC") == [
        ("sales", 2024, 5),
        ("feedback", 2024, 5),
        ("customers", 2024, 5),
    ]


def test_a_month_without_feedback_is_a_header(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    sales(tmp_path, "CHAT_DATE,COMMENT,CUSTOMER_ID,FEEDBACK_ID,INTERNAL_ID\n", "feedback_raw_2024_5.csv")
    assert house.door.ingest(tmp_path).files[1].rows_loaded == 0
    assert house.counts()["FILES_INGESTED"] == 2


def test_the_newest_file_on_a_customer_counts(house: House, tmp_path: Path) -> None:
    house.door.ingest(sales(tmp_path, "c1,30,GOLD,F,ROME,2024-01-01\nc2,40,,,,\n", "customers.csv"))
    house.door.ingest(sales(tmp_path, "c1,31,TIN,F,OSLO,2024-01-01\n", "customers.csv"))
    assert house.rows("SELECT CUSTOMER_ID, AGE, LOCATION, CUSTOMER_KEY FROM CUSTOMERS ORDER BY CUSTOMER_ID") == [
        ("c1", 31, "OSLO", 1),
        ("c2", 40, None, 2),
    ]


# mappings


def test_a_history_is_cut_into_months_and_numbers_its_rows(house: House, tmp_path: Path) -> None:
    text = "who;day;paid;kind\na;31.03.2024;1,5;buy\nb;02.01.2024;2;void\nb;x;y;void\nc;03.01.2024;3,25;buy\n"
    mapping = {
        "sales": {
            "columns": OWN,
            "date_format": "%d.%m.%Y",
            "delimiter": ";",
            "decimal": ",",
            "filter": [{"column": "kind", "equals": "buy"}],
        },
        "period_end": dt.date(2024, 5, 20),
    }
    path = sales(tmp_path, text, "all.csv")
    report = house.door.ingest(path, mapping=mapping)
    assert report.files[0].rows_filtered == 2
    prefix = house.door.open(path, mapping=mapping).files[0].content_hash[:12]
    assert house.rows("SELECT TRANSACTION_ID, CUSTOMER_ID, TOTAL_AMOUNT FROM SALES ORDER BY TRANSACTION_DATE") == [
        (f"{prefix}-4", "c", Decimal("3.2500")),
        (f"{prefix}-1", "a", Decimal("1.5000")),
    ]
    assert house.rows("SELECT YEAR, MONTH, ROWS_LOADED, PERIOD_END FROM FILES_INGESTED ORDER BY PERIOD_END") == [
        (2024, 1, 1, dt.date(2024, 2, 1)),
        (2024, 2, 0, dt.date(2024, 3, 1)),
        (2024, 3, 1, dt.date(2024, 4, 1)),
        (2024, 4, 0, dt.date(2024, 5, 1)),
        (2024, 5, 0, dt.date(2024, 5, 20)),
    ]


@pytest.mark.parametrize(
    ("test", "kept"),
    [
        ({"equals": "1"}, "a"),
        ({"equals": 1}, "ab"),
        ({"not_equals": "1"}, "bcd"),
        ({"in": ["1", "2"]}, "ac"),
        ({"not_in": [1]}, "cd"),
        ({"minimum": 2}, "c"),
        ({"maximum": 1.5}, "ab"),
        ({"minimum": 1, "maximum": 1}, "ab"),
    ],
)
def test_filters(house: House, tmp_path: Path, test: dict, kept: str) -> None:
    path = sales(tmp_path, "who,day,paid,n\na,2024-05-01,1,1\nb,2024-05-01,1,1.0\nc,2024-05-01,1,2\nd,2024-05-01,1,\n")
    house.door.ingest(path, mapping={"sales": {"columns": OWN, "filter": [{"column": "n", **test}]}})
    assert "".join(w for (w,) in house.rows("SELECT CUSTOMER_ID FROM SALES ORDER BY CUSTOMER_ID")) == kept


def test_a_filter_does_not_guess(house: House, tmp_path: Path) -> None:
    path = sales(tmp_path, "who,day,paid\na,2024-05-01,1\nb,2024-05-01,x\n")
    mapping = {"sales": {"columns": OWN, "filter": [{"column": "paid", "minimum": 0}]}}
    with pytest.raises(BadFile, match="line 3, column paid: 'x' is not a number, and the filter compares it"):
        house.door.ingest(path, mapping=mapping)


@pytest.mark.parametrize(
    ("name", "rows", "filtered", "months", "end"),
    [
        ("cdnow", 69_659, 0, 18, dt.date(1998, 7, 1)),
        ("online_retail", 44_780 - 7_897, 7_897, 25, dt.date(2011, 12, 10)),
    ],
)
def test_real_data(house: House, name: str, rows: int, filtered: int, months: int, end: dt.date) -> None:
    path = DATA / name / "transactions.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there; set CHURNOBS_DATA to the folder of the data sets")
    report = house.door.ingest(path, mapping=ROOT / "examples" / "mappings" / f"{name}.toml")
    assert (report.rows_loaded, report.files[0].rows_filtered, len(report.months)) == (rows, filtered, months)
    assert house.rows("SELECT max(PERIOD_END), sum(ROWS_LOADED) FROM FILES_INGESTED") == [(end, rows)]
    assert house.rows("SELECT count(DISTINCT TRANSACTION_ID), min(TOTAL_AMOUNT) >= 0 FROM SALES") == [(rows, True)]
    assert house.rows("SELECT count(*) FROM SALES WHERE length(CUSTOMER_ID) <> 5") == [(0,)]


def test_mixed_line_ends_are_read_with_care(house: House, tmp_path: Path) -> None:
    path = sales(tmp_path, HEADER + GOOD + ROW.replace("\n", "\r\n"))
    assert repr(house.door.ingest(path)) == "IngestReport(1 files loaded, 0 skipped, 3 rows, 0 rejected)"


def test_a_path_is_not_a_pattern(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "o'k [1] *=?"
    folder.mkdir()
    sales(folder, GOOD)
    parquet(folder, "sales_2024_6.parquet", TRANSACTION_ID=["u", "v"], TRANSACTION_DATE=[dt.date(2024, 6, 1)] * 2)
    assert house.door.ingest(folder).rows_loaded == 4


# exactly once


def test_a_file_is_loaded_once(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    sales(tmp_path, "u1,c5,2024-06-03,true,2,CARD,10.5\n", "sales_2024_6.csv")
    assert house.door.waiting(house.door.open(tmp_path)) == (Month(2024, 5), Month(2024, 6))
    house.door.ingest(tmp_path)
    before = house.rows("SELECT * FROM SALES ORDER BY TRANSACTION_DATE"), house.rows("SELECT * FROM FILES_INGESTED")
    again = house.door.ingest(tmp_path)
    assert repr(again) == "IngestReport(0 files loaded, 2 skipped, 0 rows, 0 rejected)"
    assert again.months == (Month(2024, 5), Month(2024, 6))
    assert (
        house.rows("SELECT * FROM SALES ORDER BY TRANSACTION_DATE"),
        house.rows("SELECT * FROM FILES_INGESTED"),
    ) == before
    assert house.door.waiting(house.door.open(tmp_path)) == ()


def test_month_by_month_within_a_transaction(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    sales(tmp_path, "bad\nu1,c5,2024-06-03,true,2,CARD,10.5\n", "sales_2024_6.csv")
    source = house.door.open(tmp_path)
    with house.transaction():
        house.door.ingest_month(source, Month(2024, 5))
        house.door.ingest_month(source, Month(2024, 6), on_error="quarantine")
    assert house.counts() | {"CUSTOMERS": 0} == {
        "SALES": 3,
        "CUSTOMERS": 0,
        "FEEDBACK_RAW": 0,
        "CUSTOMER_KEYS": 3,
        "FILES_INGESTED": 2,
        "REJECTS": 1,
    }
    with pytest.raises(NotFound, match="has no files of 2024-07"):
        house.door.ingest_month(source, Month(2024, 7))


def test_one_files_failure_leaves_those_before_it(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    late = sales(tmp_path, "t1,c5,2024-06-03,true,2,CARD,10.5\n", "sales_2024_6.csv")
    with pytest.raises(BadFile, match=r"sales_2024_6.csv, line 1.*'t1' was loaded before from another file"):
        house.door.ingest(tmp_path)
    assert house.counts()["SALES"] == 2
    late.write_text("u1,c5,2024-06-03,true,2,CARD,10.5\n")
    assert [file.status for file in house.door.ingest(tmp_path).files] == ["skipped", "loaded"]


def test_a_restated_month_is_refused(house: House, tmp_path: Path) -> None:
    path = sales(tmp_path, GOOD)
    house.door.ingest(path)
    sales(tmp_path, GOOD + ROW)
    with pytest.raises(BadFile, match=r"2024-05 was loaded from sales_2024_5.csv with other content; what is loaded"):
        house.door.ingest(path)
    assert house.counts()["SALES"] == 2


def test_a_second_file_of_the_month_joins_the_first(house: House, tmp_path: Path) -> None:
    sales(tmp_path, GOOD)
    house.door.ingest(tmp_path)
    sales(tmp_path, ROW, "new_sales_2024_5.csv")
    assert house.door.ingest(tmp_path).rows_loaded == 1


def test_months_come_in_order_and_without_gaps(house: House, tmp_path: Path) -> None:
    house.door.ingest(sales(tmp_path, GOOD))
    with pytest.raises(BadFile, match="2024-04 comes after 2024-05 was loaded"):
        house.door.ingest(sales(tmp_path, "a,b,2024-04-01,,,,1\n", "sales_2024_4.csv"))
    with pytest.raises(NotFound, match="leaves a gap: 2024-05 is loaded and 2024-06 is not"):
        house.door.ingest(sales(tmp_path, "a,b,2024-07-01,,,,1\n", "sales_2024_7.csv"))


def test_a_history_continues_after_what_is_loaded(house: House, tmp_path: Path) -> None:
    mapping = {"sales": {"columns": OWN}}
    house.door.ingest(sales(tmp_path, "who,day,paid\na,2024-05-09,1\n", "one.csv"), mapping=mapping)
    with pytest.raises(BadFile, match="line 2, column day: '2024-05-30' is in a month that was loaded before"):
        house.door.ingest(sales(tmp_path, "who,day,paid\na,2024-05-30,1\n", "two.csv"), mapping=mapping)
    with pytest.raises(BadFile, match=r"its months was loaded from one.csv with other content"):
        house.door.ingest(sales(tmp_path, "who,day,paid\na,2024-06-30,1\n", "one.csv"), mapping=mapping)
    house.door.ingest(sales(tmp_path, "who,day,paid\na,2024-06-30,1\n", "three.csv"), mapping=mapping)
    assert house.rows("SELECT YEAR, MONTH FROM FILES_INGESTED ORDER BY YEAR, MONTH") == [(2024, 5), (2024, 6)]


def test_a_partial_month(house: House, tmp_path: Path) -> None:
    path = sales(tmp_path, GOOD)
    with pytest.raises(BadFile, match=r"line 1.*'2024-05-03' is after the period, expected before 2024-05-03"):
        house.door.ingest(path, period_end=dt.date(2024, 5, 3))
    house.door.ingest(path, period_end=dt.date(2024, 5, 4))
    assert house.rows("SELECT PERIOD_END FROM FILES_INGESTED ORDER BY PERIOD_END") == [(dt.date(2024, 5, 4),)]


def test_an_unknown_way_with_errors_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="on_error 'ignore' is not known"):
        house.door.ingest(sales(tmp_path, GOOD), on_error="ignore")  # type: ignore[arg-type]
