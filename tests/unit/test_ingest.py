from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnobs import tables
from churnobs.backends.duckdb.ddl import create_table_sql
from churnobs.backends.duckdb.loading import DuckDBLoader
from churnobs.errors import BadConfig, BadFile, ChurnobsError, NotFound
from churnobs.ingest import Ingest
from churnobs.months import Month

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHURNOBS_DATA", ROOT.parent / "shared" / "data"))
HEADER = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
GOOD = "t1,c2,2024-05-03,true,2,CARD,10.5\nt2,c1,2024-05-01,false,1,CASH,3\n"
OWN = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}


class House:
    """An in-memory database behind the door, and a way to look round its back."""

    def __init__(self, *, threads: int = 2) -> None:
        self.connection = duckdb.connect(config={"threads": threads})
        for name in ("SALES", "CUSTOMERS", "FEEDBACK_RAW", "CUSTOMER_KEYS", "FILES_INGESTED", "REJECTS"):
            self.connection.execute(create_table_sql(name, getattr(tables, name)))
        self.door = Ingest(DuckDBLoader(self.connection, self.transaction))
        self.depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        outermost = self.depth == 0
        if outermost:
            self.connection.execute("BEGIN")
        self.depth += 1
        try:
            yield
        except BaseException:
            self.depth -= 1
            if outermost:
                self.connection.execute("ROLLBACK")
            raise
        self.depth -= 1
        if outermost:
            self.connection.execute("COMMIT")

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def counts(self) -> dict[str, int]:
        return {
            name: self.rows(f"SELECT count(*) FROM {name}")[0][0]
            for name in ("SALES", "CUSTOMERS", "FEEDBACK_RAW", "CUSTOMER_KEYS", "FILES_INGESTED", "REJECTS")
        }


@pytest.fixture
def house() -> House:
    return House()


def sales(folder: Path, text: str | bytes, name: str = "sales_2024_5.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet(folder: Path, name: str = "sales_2024_5.parquet", **columns: object) -> Path:
    table = {
        "TRANSACTION_ID": ["t1", "t2"],
        "CUSTOMER_ID": ["c1", "c2"],
        "TRANSACTION_DATE": [dt.date(2024, 5, 1), dt.date(2024, 5, 2)],
        "DISCOUNT_APPLIED": [True, None],
        "NUM_ITEMS": [1, 2],
        "PAYMENT_METHOD": ["CARD", None],
        "TOTAL_AMOUNT": [1.5, 2.25],
    } | columns
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), folder / name)
    return folder / name


# what is loaded


@pytest.mark.parametrize("start", ["", HEADER, "\ufeff", "\ufeff" + HEADER, HEADER.lower()])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sales_with_or_without_header(house: House, tmp_path: Path, start: str, end: str) -> None:
    path = sales(tmp_path, (start + GOOD).replace("\n", end))
    report = house.door.ingest(path)
    assert repr(report) == "IngestReport(1 files loaded, 0 skipped, 2 rows, 0 rejected)"
    assert report.months == (Month(2024, 5),)
    assert "sales_2024_5.csv" in report._repr_html_()
    assert house.rows("SELECT * FROM SALES") == [
        ("t2", "c1", dt.date(2024, 5, 1), False, 1, "CASH", Decimal("3.0000"), 1),
        ("t1", "c2", dt.date(2024, 5, 3), True, 2, "CARD", Decimal("10.5000"), 2),
    ]
    content_hash = house.door.open(path).files[0].content_hash
    assert house.rows("SELECT * FROM FILES_INGESTED") == [
        (2024, 5, "sales", "sales_2024_5.csv", content_hash, 2, 0, dt.date(2024, 6, 1))
    ]


def test_extra_columns_and_another_order_are_fine_with_a_header(house: House, tmp_path: Path) -> None:
    names = HEADER.strip().split(",")
    values = GOOD.split("\n", maxsplit=1)[0].split(",")
    text = ",".join(["x", *reversed(names)]) + "\n" + ",".join(["?", *reversed(values)])
    house.door.ingest(sales(tmp_path, text))
    assert house.rows("SELECT TRANSACTION_ID, TOTAL_AMOUNT FROM SALES") == [("t1", Decimal("10.5000"))]


def test_values_keep_what_they_say(house: House, tmp_path: Path) -> None:
    text = "007,00001,2024-05-01 23:59:00,True,,,1e2\n8,1,2024-05-02T01:00:00,0,2.0,é,-.5\n"
    house.door.ingest(sales(tmp_path, text))
    assert house.rows("SELECT * EXCLUDE CUSTOMER_KEY FROM SALES") == [
        ("007", "00001", dt.date(2024, 5, 1), True, None, None, Decimal("100.0000")),
        ("8", "1", dt.date(2024, 5, 2), False, 2, "é", Decimal("-0.5000")),
    ]


def test_parquet(house: House, tmp_path: Path) -> None:
    stamps = [dt.datetime.fromisoformat(text) for text in ("2024-05-01 05:00", "2024-05-31 23:00")]
    house.door.ingest(parquet(tmp_path, TRANSACTION_DATE=stamps, CUSTOMER_ID=[7, 8]))
    assert house.rows("SELECT * FROM SALES") == [
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
    assert house.rows("SELECT * FROM FEEDBACK_RAW") == [
        (dt.date(2024, 5, 2), None, "c9", "f2", 2, 3),
        (dt.date(2024, 5, 4), 'two\nlines, "quoted"', "c1", "f1", 1, 1),
    ]
    assert house.rows("SELECT CUSTOMER_ID, AGE, CUSTOMER_KEY FROM CUSTOMERS") == [("c1", 30, 1), ("c3", None, 4)]
    assert house.rows("SELECT FILE_TYPE, YEAR, MONTH FROM FILES_INGESTED") == [
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
    assert house.rows("SELECT CUSTOMER_ID, AGE, LOCATION, CUSTOMER_KEY FROM CUSTOMERS ORDER BY ALL") == [
        ("c1", 31, "OSLO", 1),
        ("c2", 40, None, 2),
    ]


def test_keys_and_order_do_not_depend_on_threads(tmp_path: Path) -> None:
    rows = [f"t{i},c{i * 7919 % 50021},2024-05-{i * 31 % 31 + 1:02d},,1,,{i}.25\n" for i in range(150_000)]
    path = sales(tmp_path, "".join(rows))
    one, many = House(threads=1), House(threads=4)
    one.door.ingest(path)
    many.door.ingest(path)
    query = "SELECT CUSTOMER_KEY, TRANSACTION_ID FROM SALES"
    assert one.rows(query) == many.rows(query)
    assert one.rows("SELECT * FROM CUSTOMER_KEYS") == many.rows("SELECT * FROM CUSTOMER_KEYS")
    assert one.rows("SELECT count(*) FROM SALES JOIN CUSTOMER_KEYS USING (CUSTOMER_KEY, CUSTOMER_ID)") == [(150_000,)]


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
    assert house.rows("SELECT TRANSACTION_ID, CUSTOMER_ID, TOTAL_AMOUNT FROM SALES") == [
        (f"{prefix}-4", "c", Decimal("3.2500")),
        (f"{prefix}-1", "a", Decimal("1.5000")),
    ]
    assert house.rows("SELECT YEAR, MONTH, ROWS_LOADED, PERIOD_END FROM FILES_INGESTED") == [
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
    assert "".join(w for (w,) in house.rows("SELECT CUSTOMER_ID FROM SALES ORDER BY ALL")) == kept


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


# what is refused

ROW = "t9,c9,2024-05-09,true,1,CARD,9.9\n"
BAD_ROWS = [
    (b"t3,c1,2024-05-04,true,1,CARD,abc\n", "TOTAL_AMOUNT", "'abc' is not a number"),
    (b"t3,c1,2024-05-04,true,1,CARD,\n", "TOTAL_AMOUNT", "is empty, expected a value"),
    (b"t3,c1,2024-05-04,true,1,CARD,nan\n", "TOTAL_AMOUNT", "'nan' is not a number"),
    (b"t3,c1,2024-05-04,true,1,CARD,inf\n", "TOTAL_AMOUNT", "'inf' is not a number"),
    (b"t3,c1,2024-05-04,true,1,CARD,1_0\n", "TOTAL_AMOUNT", "'1_0' is not a number"),
    (b"t3,c1,2024-05-04,true,1,CARD,999999999999999\n", "TOTAL_AMOUNT", "is too large, expected at most 14 digits"),
    (b"t3,c1,2024-05-04,true,2.5,CARD,1\n", "NUM_ITEMS", "'2.5' is not a whole number"),
    (b"t3,c1,2024-05-04,true,0x10,CARD,1\n", "NUM_ITEMS", "'0x10' is not a whole number"),
    (b"t3,c1,2024-05-04,true,99999999999999999999,CARD,1\n", "NUM_ITEMS", "is not a whole number"),
    (b"t3,c1,2024-05-04,maybe,1,CARD,1\n", "DISCOUNT_APPLIED", "'maybe' is not true or false"),
    (b"t3,c1,04/05/2024,true,1,CARD,1\n", "TRANSACTION_DATE", "'04/05/2024' is not a date, expected YYYY-MM-DD"),
    (b"t3,c1,2024-05-32,true,1,CARD,1\n", "TRANSACTION_DATE", "'2024-05-32' is not a date"),
    (b"t3,c1,epoch,true,1,CARD,1\n", "TRANSACTION_DATE", "'epoch' is not a date"),
    (b"t3,c1,0024-05-01,true,1,CARD,1\n", "TRANSACTION_DATE", "is not a date between 1900 and 2199"),
    (b"t3,c1,2024-04-30,true,1,CARD,1\n", "TRANSACTION_DATE", "not in the month in the file's name, 2024-05"),
    (b"t3,c1,2024-06-01,true,1,CARD,1\n", "TRANSACTION_DATE", "not in the month in the file's name, 2024-05"),
    (b"t3,,2024-05-04,true,1,CARD,1\n", "CUSTOMER_ID", "is empty"),
    (b"t3,  ,2024-05-04,true,1,CARD,1\n", "CUSTOMER_ID", "is empty"),
    (b",c1,2024-05-04,true,1,CARD,1\n", "TRANSACTION_ID", "is empty"),
    (b"t1,c1,2024-05-04,true,1,CARD,1\n", "TRANSACTION_ID", "'t1' is in the file more than once"),
    (b"t3,c\xff,2024-05-04,true,1,CARD,1\n", "CUSTOMER_ID", "byte 0xff is not UTF-8"),
    (b"t3,c1,2024-05-04,true,1,CA\0RD,1\n", "PAYMENT_METHOD", "a NUL byte"),
    (b"t3,c1,2024-05-04,true,1,CARD\n", None, "6 fields, expected 7"),
    (b"t3,c1,2024-05-04,true,1,CARD,1,2\n", None, "8 fields, expected 7"),
    (b't3,c1,2024-05-04,true,1,"CARD,1\n', None, "a quote that opens here is never closed"),
    (b't3,c1,2024-05-04,true,1,"CA"RD,1\n', None, "text follows a closing quote"),
]


@pytest.mark.parametrize("header", [HEADER, ""])
@pytest.mark.parametrize(("row", "column", "problem"), BAD_ROWS)
def test_a_bad_row_is_told_and_nothing_is_loaded(
    house: House, tmp_path: Path, header: str, row: bytes, column: str | None, problem: str
) -> None:
    # the line is the one in which the record starts, whatever line breaks stand in texts before it
    first = 't0,c0,2024-05-01,true,1,"CA\nRD",1\n'
    path = sales(tmp_path, (header + first + GOOD).encode() + row + ROW.encode())
    with pytest.raises(BadFile) as caught:
        house.door.ingest(path)
    assert (caught.value.file, caught.value.line) == ("sales_2024_5.csv", 6 if header else 5)
    assert caught.value.column == column
    assert problem in caught.value.problem
    assert "quarantine" in caught.value.hint
    assert set(house.counts().values()) == {0}


@pytest.mark.parametrize(("row", "column", "problem"), BAD_ROWS)
def test_a_bad_row_is_put_aside(house: House, tmp_path: Path, row: bytes, column: str | None, problem: str) -> None:
    path = sales(tmp_path, (HEADER + GOOD).encode() + row + ROW.encode())
    report = house.door.ingest(path, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (3, 1)
    assert house.rows("SELECT TRANSACTION_ID FROM SALES ORDER BY ALL") == [("t1",), ("t2",), ("t9",)]
    ((line, name, reason, text),) = house.rows('SELECT LINE, COLUMN_NAME, REASON, "ROW" FROM REJECTS')
    assert (line, name) == (4, column)
    assert problem in reason
    row_again = json.loads(text)
    assert row_again["PAYMENT_METHOD"] == "CARD" if isinstance(row_again, dict) else row_again.startswith("t3,c")
    assert house.rows("SELECT ROWS_LOADED, ROWS_REJECTED FROM FILES_INGESTED") == [(3, 1)]
    assert house.door.ingest(path).files[0].status == "skipped"


def test_the_first_bad_row_speaks_for_all(house: House, tmp_path: Path) -> None:
    text = HEADER + GOOD + "t3,c1,2024-05-04,true,x,CARD,y\n" + "short\n" + "t1,c1,2024-05-01,,,,1\n"
    with pytest.raises(BadFile, match=r"line 4, column NUM_ITEMS: 'x' is not a whole number \(3 bad rows in all\)"):
        house.door.ingest(sales(tmp_path, text))


def test_long_values_are_shortened(house: House, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=f"'{'x' * 40}...' is not a number"):
        house.door.ingest(sales(tmp_path, f"t3,c1,2024-05-04,true,1,CARD,{'x' * 5000}\n"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: is empty, expected a header or rows"),
        ("\ufeff\n", "line 1: is empty"),
        (HEADER, "has a header and no rows"),
        (HEADER.replace("TOTAL_AMOUNT", "TOTAL") + GOOD, "line 1, column TOTAL_AMOUNT: is missing"),
        (HEADER.replace("NUM_ITEMS", "CUSTOMER_ID") + GOOD, "line 1, column CUSTOMER_ID: is there more than once"),
        (HEADER.replace("PAYMENT", "\0") + GOOD, "line 1: a NUL byte, expected a header"),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "quarantine"])
def test_a_bad_file_is_told(house: House, tmp_path: Path, text: str, problem: str, on_error: str) -> None:
    with pytest.raises(BadFile, match=problem):
        house.door.ingest(sales(tmp_path, text), on_error=on_error)  # type: ignore[arg-type]
    assert set(house.counts().values()) == {0}


@pytest.mark.parametrize(
    ("columns", "line", "column", "problem"),
    [
        ({"TOTAL_AMOUNT": [1.0, float("nan")]}, 2, "TOTAL_AMOUNT", "'nan' is not a number"),
        ({"TOTAL_AMOUNT": ["1.0", "x"]}, 2, "TOTAL_AMOUNT", "'x' is not a number"),
        ({"TOTAL_AMOUNT": [1e15, 1.0]}, 1, "TOTAL_AMOUNT", "is too large"),
        ({"NUM_ITEMS": [1.0, 2.5]}, 2, "NUM_ITEMS", "'2.5' is not a whole number"),
        ({"CUSTOMER_ID": ["a", None]}, 2, "CUSTOMER_ID", "is empty"),
        ({"TRANSACTION_ID": ["a", "a"]}, 2, "TRANSACTION_ID", "'a' is in the file more than once"),
        ({"TRANSACTION_DATE": ["2024-05-01", "2024-06-01"]}, 2, "TRANSACTION_DATE", "not in the month"),
        ({"CUSTOMER_ID": [1.0, 2.0]}, None, "CUSTOMER_ID", "has type DOUBLE, expected text or a whole number"),
        ({"TRANSACTION_DATE": [1, 2]}, None, "TRANSACTION_DATE", "has type BIGINT, expected a date"),
        ({"TOTAL_AMOUNT": [[1], [2]]}, None, "TOTAL_AMOUNT", r"has type BIGINT\[\], expected a number"),
        ({"PAYMENT_METHOD": None}, None, "PAYMENT_METHOD", "is missing"),
    ],
)
def test_bad_parquet(house: House, tmp_path: Path, columns: dict, line: int | None, column: str, problem: str) -> None:
    path = parquet(tmp_path, **columns)
    with pytest.raises(BadFile, match=problem) as caught:
        house.door.ingest(path)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert set(house.counts().values()) == {0}
    if line is not None:
        assert house.door.ingest(path, on_error="quarantine").rows_rejected == 1
        assert house.rows("SELECT LINE, COLUMN_NAME FROM REJECTS") == [(line, column)]


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_broken_parquet(house: House, tmp_path: Path, kept: float) -> None:
    path = parquet(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept >= 1 else kept * len(whole))])
    with pytest.raises(BadFile, match="is no whole Parquet file"):
        house.door.ingest(path, on_error="quarantine")
    assert set(house.counts().values()) == {0}


def test_damaged_pages_of_parquet(house: House, tmp_path: Path) -> None:
    path = parquet(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[4:40] = bytes(36)
    path.write_bytes(whole)
    with pytest.raises(BadFile, match="is no whole Parquet file"):
        house.door.ingest(path)
    assert set(house.counts().values()) == {0}


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
    before = house.rows("SELECT * FROM SALES"), house.rows("SELECT * FROM FILES_INGESTED")
    again = house.door.ingest(tmp_path)
    assert repr(again) == "IngestReport(0 files loaded, 2 skipped, 0 rows, 0 rejected)"
    assert again.months == (Month(2024, 5), Month(2024, 6))
    assert (house.rows("SELECT * FROM SALES"), house.rows("SELECT * FROM FILES_INGESTED")) == before
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
    assert house.rows("SELECT YEAR, MONTH FROM FILES_INGESTED") == [(2024, 5), (2024, 6)]


def test_a_partial_month(house: House, tmp_path: Path) -> None:
    path = sales(tmp_path, GOOD)
    with pytest.raises(BadFile, match=r"line 1.*'2024-05-03' is after the period, expected before 2024-05-03"):
        house.door.ingest(path, period_end=dt.date(2024, 5, 3))
    house.door.ingest(path, period_end=dt.date(2024, 5, 4))
    assert house.rows("SELECT PERIOD_END FROM FILES_INGESTED") == [(dt.date(2024, 5, 4),)]


def test_an_unknown_way_with_errors_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="on_error 'ignore' is not known"):
        house.door.ingest(sales(tmp_path, GOOD), on_error="ignore")  # type: ignore[arg-type]


# the law: accepted and rejected rows are the file, and a plain reader agrees which is which


def is_good(row: list[str]) -> bool:
    """What a row of sales must be, told in Python; for texts of the strategies below."""
    if len(row) != 7:
        return False
    _, customer, date, discount, items, _, amount = row
    try:
        day = dt.date.fromisoformat(date[:10])
        number = float(amount)
        whole = items == "" or (float(items) == int(float(items)) and abs(int(float(items))) < 2**63)
    except (ValueError, OverflowError):
        return False
    fits = abs(number) < 1e14 and (len(date) == 10 or date[10] in " T")
    return bool(customer.strip()) and day.month == 5 and day.year == 2024 and whole and fits and discount in BOOLEANS


BOOLEANS = ("true", "false", "True", "0", "1", "")
DATES = st.sampled_from(["2024-05-01", "2024-05-31 10:00:00", "2024-06-01", "2024-05-32", "", "01.05.2024"])
NUMBERS = st.sampled_from(["1", "2.0", "-3", "2.5", "", "x", "1e3", "9" * 20, "nan"])
ROWS = st.one_of(
    st.tuples(
        st.integers(0, 30).map(lambda n: f"t{n}"),
        st.sampled_from(["c1", "c2", "00", " ", "", "é", 'a"b', "a,b", "a\nb"]),
        DATES | st.just("2024-05-02"),
        st.sampled_from([*BOOLEANS, "maybe"]),
        NUMBERS,
        st.sampled_from(["CARD", "", 'x "y"', "\n"]),
        NUMBERS | st.decimals(-1000, 1000, places=2).map(str),
    ).map(list),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=6),
)


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\n') else text


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=12))
def test_accepted_and_rejected_rows_are_the_file(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    accepted: list[str] = []
    rejected: list[int] = []
    line = 2
    for row in rows:
        if is_good(row) and row[0] not in accepted:
            accepted.append(row[0])
        else:
            rejected.append(line)
        line += 1 + sum(text.count("\n") for text in row)
    text = HEADER + "".join(",".join(map(cell, row)) + "\n" for row in rows)
    path = sales(tmp_path_factory.mktemp("law"), text)
    house = House()
    if rejected:
        with pytest.raises(BadFile) as caught:
            house.door.ingest(path)
        assert caught.value.line == rejected[0]
        assert set(house.counts().values()) == {0}
    report = house.door.ingest(path, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (len(accepted), len(rejected))
    assert sorted(t for (t,) in house.rows("SELECT TRANSACTION_ID FROM SALES")) == sorted(accepted)
    assert house.rows("SELECT LINE FROM REJECTS") == [(number,) for number in rejected]


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(BadFile, ChurnobsError)
