"""What is wrong with files, and how it is told: in the same words on every backend."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from files import GOOD, HEADER, ROW, House, parquet, sales
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnobs import Workspace
from churnobs.errors import BadFile


@pytest.fixture
def house(workspace: Workspace) -> House:
    return House(workspace)


# what is refused

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


@pytest.mark.parametrize(
    ("header", "row", "column", "problem"), [([HEADER, ""][n % 2], *r) for n, r in enumerate(BAD_ROWS)]
)
def test_a_bad_row_is_told_or_put_aside(
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
    assert house.empty()
    path = sales(tmp_path, (HEADER + GOOD).encode() + row + ROW.encode())
    report = house.door.ingest(path, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (3, 1)
    assert house.rows("SELECT TRANSACTION_ID FROM SALES ORDER BY TRANSACTION_ID") == [("t1",), ("t2",), ("t9",)]
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
    assert house.empty()


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
    assert house.empty()
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
    assert house.empty()


def test_damaged_pages_of_parquet(house: House, tmp_path: Path) -> None:
    path = parquet(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[4:40] = bytes(36)
    path.write_bytes(whole)
    with pytest.raises(BadFile, match="is no whole Parquet file"):
        house.door.ingest(path)
    assert house.empty()


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


@pytest.mark.long_offline
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=1, max_size=12))
def test_accepted_and_rejected_rows_are_the_file(house: House, tmp_path: Path, rows: list) -> None:
    house.clear()
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
    path = sales(tmp_path, text)
    if rejected:
        with pytest.raises(BadFile) as caught:
            house.door.ingest(path)
        assert caught.value.line == rejected[0]
        assert house.empty()
    report = house.door.ingest(path, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (len(accepted), len(rejected))
    assert sorted(t for (t,) in house.rows("SELECT TRANSACTION_ID FROM SALES")) == sorted(accepted)
    assert house.rows("SELECT LINE FROM REJECTS ORDER BY LINE") == [(number,) for number in rejected]
