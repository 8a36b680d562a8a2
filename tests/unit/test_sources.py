from __future__ import annotations

import csv
import datetime as dt
import io
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnobs.csv_records import read_records, scan_bytes
from churnobs.errors import BadConfig, BadFile, NotFound
from churnobs.months import Month
from churnobs.sources import discover


def folder(path: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (path / name).write_text(f"{number}\n")
    return path


def test_files_are_ordered_by_month_and_kind(tmp_path: Path) -> None:
    source = discover(
        folder(
            tmp_path,
            "new_sales_2025_1.csv",
            "sales_2024_12.parquet",
            "feedback_raw_2024_12.csv",
            "new_feedback_raw_2025_1.csv",
            "customers.csv",
            "new_customers.csv",
            "customers_2024_12.csv",
            "notes.txt",
        )
    )
    assert [(str(m.month), [f.name for f in m.files]) for m in source.months] == [
        ("2024-12", ["sales_2024_12.parquet", "feedback_raw_2024_12.csv", "customers.csv", "customers_2024_12.csv"]),
        ("2025-01", ["new_sales_2025_1.csv", "new_feedback_raw_2025_1.csv", "new_customers.csv"]),
    ]
    assert source.ignored == ("notes.txt",)
    assert source.history == ()
    assert repr(source) == f"Source({tmp_path}, 7 files, 2 months)"
    assert "notes.txt" in source._repr_html_()


def test_new_customers_without_new_sales_come_with_the_first_month(tmp_path: Path) -> None:
    source = discover(folder(tmp_path, "sales_2024_5.csv", "sales_2024_6.csv", "new_customers.csv"))
    assert [f.name for f in source.month(Month(2024, 5)).files] == ["sales_2024_5.csv", "new_customers.csv"]


def test_two_sales_files_may_share_a_month(tmp_path: Path) -> None:
    source = discover(folder(tmp_path, "sales_2024_5.csv", "new_sales_2024_5.csv"))
    assert [f.name for f in source.months[0].files] == ["new_sales_2024_5.csv", "sales_2024_5.csv"]


def test_a_file_without_a_month_is_history(tmp_path: Path) -> None:
    mapping = {
        "sales": {
            "file": "tx*.csv",
            "columns": {"CUSTOMER_ID": "a", "TRANSACTION_DATE": "b", "TOTAL_AMOUNT": "c"},
        }
    }
    source = discover(folder(tmp_path, "tx_old.csv", "tx_2024_5.csv", "sales_2024_5.csv"), mapping)
    assert [f.name for f in source.history] == ["tx_old.csv"]
    assert [f.name for f in source.months[0].files] == ["tx_2024_5.csv"]
    assert source.ignored == ("sales_2024_5.csv",)


def test_a_missing_month_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no sales file of 2024-06.*add sales_2024_6\.csv"):
        discover(folder(tmp_path, "sales_2024_5.csv", "sales_2024_7.csv"))


def test_feedback_of_a_month_without_sales_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"has feedback_raw_2024_6\.csv and no sales file of 2024-06"):
        discover(folder(tmp_path, "sales_2024_5.csv", "feedback_raw_2024_6.csv"))


def test_a_folder_without_sales_tells_the_names(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"has no sales files; expected names: sales_2024_5\.csv"):
        discover(folder(tmp_path, "customers.csv"))


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file or folder"):
        discover(tmp_path / "nowhere")


def test_a_name_that_says_nothing_needs_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="does not say what the file holds"):
        discover(folder(tmp_path, "export.csv") / "export.csv")


def test_other_names_of_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sales_2024_5.csv").mkdir()
    with pytest.raises(BadFile, match=r"sales_2024_5\.csv: is a folder"):
        discover(tmp_path)
    mapping = {"sales": {"columns": {"CUSTOMER_ID": "a", "TRANSACTION_DATE": "b", "TOTAL_AMOUNT": "c"}}}
    with pytest.raises(BadFile, match=r"\.xlsx is not known"):
        discover(folder(tmp_path, "a.xlsx") / "a.xlsx", mapping)
    with pytest.raises(BadFile, match="13 is not a month"):
        discover(folder(tmp_path, "a_2024_13.csv") / "a_2024_13.csv", mapping)


@pytest.mark.parametrize("end", [dt.date(2024, 5, 1), dt.date(2024, 6, 2)])
def test_a_period_end_outside_the_newest_month_is_refused(tmp_path: Path, end: dt.date) -> None:
    with pytest.raises(BadConfig, match="is not in the newest month, 2024-05"):
        discover(folder(tmp_path, "sales_2024_5.csv"), period_end=end)


FIELD = st.text(st.sampled_from('ab"\n\r, é'), max_size=6)


@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_records_are_those_that_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list, end: str) -> None:
    written = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=end).writerow(row)
        written.append(text.getvalue())
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes("".join(written).encode())
    found = list(read_records(path, ",", 2))
    assert [record.problem for record in found] == [""] * len(rows)
    assert [[field or "" for field in record.fields] for record in found] == rows
    starts = accumulate((len(text.splitlines()) for text in written), initial=1)
    assert [record.line for record in found] == list(starts)[: len(rows)]


def test_bad_records_are_told_by_their_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'\xef\xbb\xbfa,"x\ny"\n\nb\nc,d,e\nf,g,\nh,"i"j\nk,\xe9\nl,m\0\nn,"open\no,p\nq,"r"\ns, "t"\n u,5" pipe\nv,"'
    )
    found = list(read_records(path, ",", 2))
    assert [(r.line, r.fields or r.problem) for r in found] == [
        (1, ("a", "x\ny")),
        (4, "1 field, expected 2"),
        (5, "3 fields, expected 2"),
        (6, ("f", "g")),
        (7, "text follows a closing quote (a quote within a text is written twice)"),
        (8, "byte 0xe9 is not UTF-8"),
        (9, "a NUL byte"),
        (10, "text follows a closing quote (a quote within a text is written twice)"),
        (11, ("o", "p")),
        (12, ("q", "r")),
        (13, ("s", "t")),
        (14, (" u", '5" pipe')),
        (15, "a quote that opens here is never closed"),
    ]


@pytest.mark.parametrize(
    ("text", "plain", "empty"),
    [
        (b"", True, True),
        (b"\xef\xbb\xbf\n", True, True),
        (b"a\nb\n", True, False),
        (b"a\r\nb\r\n", True, False),
        (b"a\rb\r", True, False),
        (b"a\r\nb\n", False, False),
        (b"a\0\n", False, False),
        (b"x" * ((1 << 20) - 1) + b"\r\nb\r\n", True, False),
    ],
)
def test_a_look_at_the_bytes(tmp_path: Path, text: bytes, plain: bool, empty: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    assert (scan_bytes(path).plain, scan_bytes(path).empty) == (plain, empty)
