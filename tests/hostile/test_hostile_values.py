"""Values that no column can hold, and odd ones that are right; mappings that cannot be meant: 100 hostile inputs, part two."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hostile_cases import HEADER, LOADED, Case, Cases, Shop, examine

from churnobs.errors import BadConfig, BadFile, NotFound

cases = Cases()
ROW = {"id": "A1", "who": "C00001", "day": "2024-02-05", "off": "false", "items": "1", "how": "card", "paid": "1"}
DAY, PAID, ITEMS = "TRANSACTION_DATE", "TOTAL_AMOUNT", "NUM_ITEMS"
PUT_RIGHT = "quarantine"


def _row(**changes: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in {**ROW, **changes}.values())


# what is wrong in the fourth line -> column, words
WRONG: list[tuple[str, str, str, str]] = [
    ("day", "0000-00-00", DAY, "'0000-00-00' is not a date, expected YYYY-MM-DD"),
    ("day", "9999-12-31", DAY, "'9999-12-31' is not a date between 1900 and 2199"),
    ("day", "2023-02-29", DAY, "'2023-02-29' is not a date"),
    ("day", "2024-02-30", DAY, "'2024-02-30' is not a date"),
    ("day", "infinity", DAY, "'infinity' is not a date"),
    ("day", "1707000000", DAY, "'1707000000' is not a date"),
    ("day", "2024-01-31", DAY, "not in the month in the file's name, 2024-02"),
    ("day", "2024-03-01T00:00:00+14:00", DAY, "not in the month in the file's name"),
    ("paid", "NaN", PAID, "'NaN' is not a number"),
    ("paid", "-inf", PAID, "'-inf' is not a number"),
    ("paid", "1e308", PAID, "'1e308' is too large, expected at most 14 digits"),
    ("paid", "1" + "0" * 40, PAID, "is too large, expected at most 14 digits"),
    ("paid", "-99999999999999999999", PAID, "is too large"),
    ("paid", "1,000.00", PAID, "'1,000.00' is not a number"),
    ("paid", "=cmd|'/c calc'!A1", PAID, "is not a number"),
    ("paid", "1); DROP TABLE SALES; --", PAID, "'1); DROP TABLE SALES; --' is not a number"),
    ("paid", "\x1b[2J\x07", PAID, r"'\x1b[2J\x07' is not a number"),
    ("paid", "\u202e5.00", PAID, r"'\u202e5.00' is not a number"),
    ("items", "9223372036854775808", ITEMS, "is not a whole number"),
    ("items", "0x7f", ITEMS, "'0x7f' is not a whole number"),
    ("items", "٣", ITEMS, "'٣' is not a whole number"),
    ("off", "maybe", "DISCOUNT_APPLIED", "'maybe' is not true or false"),
    ("who", "", "CUSTOMER_ID", "is empty, expected a value"),
    ("id", "G1", "TRANSACTION_ID", "'G1' is in the file more than once"),
]


def _wrong(field: str, value: str, column: str, words: str) -> Case:
    def act(shop: Shop) -> None:
        shop.sales(_row(**{field: value}))
        shop.ws.ingest(shop.folder)

    said = ("sales_2024_2.csv, line 4", f"column {column}", words, PUT_RIGHT)
    return Case(f"{field} is {value[:30]!r}", act, BadFile, said)


cases.extend(_wrong(*row) for row in WRONG)

LONG = "long " * 200_000
# odd and right: field -> value as written, value as stored
ODD: list[tuple[str, str, str, Any]] = [
    ("day", "2024-02-29", DAY, dt.date(2024, 2, 29)),
    ("day", "2024-02-29T23:59:59+14:00", DAY, dt.date(2024, 2, 29)),
    ("day", "2024-02-29 02:30:00 Europe/Berlin", DAY, dt.date(2024, 2, 29)),
    ("paid", "-12.34", PAID, Decimal("-12.34")),
    ("paid", "99999999999999.9999", PAID, Decimal("99999999999999.9999")),
    ("paid", "1e-400", PAID, Decimal(0)),
    ("items", "9223372036854775807", ITEMS, 2**63 - 1),
    ("items", "-5", ITEMS, -5),
    ("items", "", ITEMS, None),
    ("how", "NULL", "PAYMENT_METHOD", "NULL"),
    ("how", LONG, "PAYMENT_METHOD", LONG),
    ("who", "🛒👩‍👩‍👧‍👦", "CUSTOMER_ID", "🛒👩‍👩‍👧‍👦"),
    ("who", "لا \u202egnp.exe", "CUSTOMER_ID", "لا \u202egnp.exe"),
    ("who", "C00001\u200b", "CUSTOMER_ID", "C00001\u200b"),
    ("who", "c00001", "CUSTOMER_ID", "c00001"),
    ("who", "=HYPERLINK(\"http://x\",\"y\")", "CUSTOMER_ID", "=HYPERLINK(\"http://x\",\"y\")"),
    ("who", "'; DROP TABLE SALES; --", "CUSTOMER_ID", "'; DROP TABLE SALES; --"),
    ("who", "a\r\nb,\"c\"\t\\", "CUSTOMER_ID", "a\r\nb,\"c\"\t\\"),
    ("how", "\x1b]0;owned\x07", "PAYMENT_METHOD", "\x1b]0;owned\x07"),
]  # fmt: skip


def _odd(field: str, value: str, column: str, stored: Any) -> Case:
    def act(shop: Shop) -> None:
        shop.sales(_row(**{field: value}))
        assert shop.ws.ingest(shop.folder).rows_loaded == 3
        (row,) = [r for r in shop.ws.table("SALES").collect() if r["TRANSACTION_ID"] == "A1"]
        assert row[column] == stored
        if field == "who":
            # another text is another customer
            assert shop.stored("CUSTOMER_KEYS", "CUSTOMER_ID", stored) == 1

    return Case(f"{field} may be {value[:30]!r}", act, changes=LOADED)


cases.extend(_odd(*row) for row in ODD)


@cases.right(*LOADED, "REJECTS")
def every_wrong_value_is_set_aside_and_the_good_rows_stay(shop: Shop) -> None:
    rows = [_row(**{"id": f"A{n}", field: value}) for n, (field, value, *_) in enumerate(WRONG)]
    shop.sales(*rows)
    report = shop.ws.ingest(shop.folder, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (2, len(WRONG))
    told = [(r["LINE"], r["COLUMN_NAME"]) for r in shop.ws.table("REJECTS").collect()]
    assert told == [(n, row[2]) for n, row in enumerate(WRONG, start=4)]
    assert "<" not in report._repr_html_().replace("<t", "").replace("</t", "").replace("<caption", "").replace(
        "</caption", ""
    )


@cases.right("CUSTOMERS", "CUSTOMER_KEYS", "FILES_INGESTED", "SALES", "REJECTS")
def customers_of_no_age_and_of_the_future(shop: Shop) -> None:
    shop.sales()
    head = "CUSTOMER_ID,AGE,CUSTOMER_SEGMENT,GENDER,LOCATION,SIGNUP_DATE\n"
    text = (
        head
        + "C00001,-1,,,,2199-12-31\nC00002,9223372036854775807,x,,,1900-01-01\nC00003,NaN,x,,,\nC00004,,,,,2200-01-01\n"
    )
    shop.put(text, "customers_2024_2.csv")
    report = shop.ws.ingest(shop.folder, on_error="quarantine")
    assert (report.rows_loaded, report.rows_rejected) == (4, 2)
    ages = {r["CUSTOMER_ID"]: r["AGE"] for r in shop.ws.table("CUSTOMERS").collect()}
    assert (ages["C00001"], ages["C00002"]) == (-1, 2**63 - 1)


# -- mappings

COLUMNS = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
HISTORY = "who,day,paid,kind\nC00001,2024-02-03,5.5,a\nC00002,2024-02-04,6.25,b\n"


def _mapping(**changes: Any) -> dict[str, Any]:
    return {"sales": {"file": "history.csv", "columns": COLUMNS, **changes}}


MAPPINGS: list[tuple[str, Any, type[Exception], tuple[str, ...]]] = [
    ("of nothing", {}, BadConfig, ("maps nothing", "sales, feedback or customers")),
    ("that is a list", [1], BadConfig, ("a list is no mapping", "TOML file")),
    ("with an unknown key", _mapping(colums={}), BadConfig, ("sales.colums", "allowed are file, columns")),
    ("of an unknown kind", {"orders": {}}, BadConfig, ("orders", "allowed are sales, feedback")),
    ("without a required column", _mapping(columns={"CUSTOMER_ID": "who"}), BadConfig, ("TRANSACTION_DATE is missing",)),
    (
        "to no column of churnobs",
        _mapping(columns={**COLUMNS, "SALES; DROP TABLE": "kind"}),
        BadConfig,
        ("SALES; DROP TABLE is no column", "allowed are TRANSACTION_ID"),
    ),
    ("with a number for a name", _mapping(columns={**COLUMNS, "NUM_ITEMS": 5}), BadConfig, ("sales.columns.NUM_ITEMS",)),
    ("with a key that is none", _mapping(key="PAYMENT_METHOD"), BadConfig, ("PAYMENT_METHOD cannot be the key",)),
    ("with a key that is not mapped", _mapping(key="TRANSACTION_ID"), BadConfig, ("TRANSACTION_ID is not mapped",)),
    ("with a quote between fields", _mapping(delimiter='"'), BadConfig, ("delimiter", "no quote")),
    ("with a long delimiter", _mapping(delimiter="; DROP"), BadConfig, ("delimiter", "one character")),
    ("with the decimal between fields", _mapping(decimal=";"), BadConfig, ("sales.decimal",)),
    ("with a date without a year", _mapping(date_format="%d.%m."), BadConfig, ("date_format", "year, month and day")),
    ("with a format that quotes", _mapping(date_format="%Y-%m-%d' OR '1'='1"), BadFile, ("'2024-02-03' is not a date",)),
    ("with another encoding", _mapping(encoding="latin-1"), BadConfig, ("encoding", "utf-8")),
    ("with a filter that says nothing", _mapping(filter=[{"column": "kind"}]), BadConfig, ("says nothing; give equals",)),
    (
        "with a filter of mixed types",
        _mapping(filter=[{"column": "kind", "in": ["a", 1]}]),
        BadConfig,
        ("values of one type",),
    ),
    (
        "with a filter that leaves nothing",
        _mapping(filter=[{"column": "kind", "equals": "a' OR '1'='1"}]),
        BadFile,
        ("history.csv", "no row is left", "check the filter"),
    ),
    (
        "with a filter of no column",
        _mapping(filter=[{"column": "kind) OR TRUE --", "equals": "a"}]),
        BadFile,
        ("history.csv", "kind) OR TRUE --", "is missing"),
    ),
    ("of a column that is not there", _mapping(columns={**COLUMNS, "NUM_ITEMS": "n"}), BadFile, ("column n", "is missing")),
    (
        "of a file outside the folder",
        _mapping(file="../files/sales_2024_2.csv"),
        BadConfig,
        ("sales.file", "../files/sales_2024_2.csv", "name"),
    ),
    ("of a file from the root", _mapping(file="/etc/passwd"), BadConfig, ("sales.file", "/etc/passwd", "name")),
    ("of a file that is not there", _mapping(file="none*.csv"), NotFound, ("has no sales files", "none*.csv")),
    ("with a period that ends before it", {**_mapping(), "period_end": dt.date(2024, 2, 3)}, BadFile, ("after the period",)),
    ("with a period that is no date", {**_mapping(), "period_end": "soon"}, BadConfig, ("period_end",)),
    (
        "with a period of a hundred years",
        {**_mapping(), "period_end": dt.date(2124, 1, 1)},
        BadFile,
        ("its newest row is of 2024-02", "2124-01-01", "up to 60 months"),
    ),
    ("with a period of the year 9999", {**_mapping(), "period_end": dt.date(9999, 12, 31)}, BadConfig, ("period_end", "2199")),
]  # fmt: skip


def _refused(name: str, mapping: Any, error: Any, says: tuple[str, ...]) -> Case:
    def act(shop: Shop) -> None:
        shop.put(HISTORY, "history.csv")
        shop.ws.ingest(shop.folder, mapping=mapping)

    return Case(f"a mapping {name}", act, error, says)


cases.extend(_refused(*row) for row in MAPPINGS)


@cases.right(*LOADED)
def a_mapping_of_one_column_to_two_targets(shop: Shop) -> None:
    shop.put(HISTORY, "history.csv")
    shop.ws.ingest(
        shop.folder, mapping=_mapping(columns={**COLUMNS, "PAYMENT_METHOD": "kind", "TRANSACTION_ID": "kind"})
    )
    assert shop.rows("SELECT PAYMENT_METHOD, TRANSACTION_ID FROM SALES WHERE TRANSACTION_DATE >= '2024-02-01' ORDER BY 1") == [
        ("a", "a"), ("b", "b"),
    ]  # fmt: skip


@cases.right(*LOADED)
def a_mapping_of_columns_with_quotes(shop: Shop) -> None:
    names = ('wh"o', "d'ay; --", "<b>paid</b>")
    head = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    shop.put(f"{head}\nC00001,2024-02-03,5.5\n", "history.csv")
    shop.ws.ingest(shop.folder, mapping=_mapping(columns=dict(zip(COLUMNS, names, strict=True))))
    assert shop.rows("SELECT CUSTOMER_ID FROM SALES WHERE TRANSACTION_DATE = '2024-02-03' AND TOTAL_AMOUNT = 5.5") == [
        ("C00001",)
    ]


@cases.refused(BadConfig, "m.toml", "is no TOML", "see examples/mappings")
def a_mapping_that_is_no_text(shop: Shop) -> None:
    (shop.tmp / "m.toml").write_bytes(b"\xff\xfe\0\0")
    shop.ws.ingest(shop.folder, mapping=shop.tmp / "m.toml")


@cases.refused(BadConfig, "m.toml", "cannot read mapping", "check the path")
def a_mapping_that_is_a_folder(shop: Shop) -> None:
    (shop.tmp / "m.toml").mkdir()
    shop.ws.ingest(shop.folder, mapping=shop.tmp / "m.toml")


@cases.refused(BadConfig, "cannot read mapping", "check the path")
def a_mapping_whose_path_has_a_nul(shop: Shop) -> None:
    shop.ws.ingest(shop.folder, mapping="a\0b.toml")


@cases.refused(BadConfig, "m.toml", "nested", "see examples/mappings")
def a_mapping_nested_without_end(shop: Shop) -> None:
    (shop.tmp / "m.toml").write_text(f"sales = {'[' * 100_000}{']' * 100_000}")
    shop.ws.ingest(shop.folder, mapping=shop.tmp / "m.toml")


@cases.refused(BadConfig, "mapping", "sales", "see examples/mappings")
def a_mapping_that_holds_itself(shop: Shop) -> None:
    mapping: dict[str, Any] = {"sales": {"columns": dict(COLUMNS)}}
    mapping["sales"]["columns"]["NUM_ITEMS"] = mapping
    shop.ws.ingest(shop.folder, mapping=mapping)


@cases.right(*LOADED)
def a_file_pattern_is_a_pattern_and_no_sql(shop: Shop) -> None:
    # a name that fits the pattern only by its letters
    shop.put(HISTORY, "history'; --.csv")
    assert shop.ws.ingest(shop.folder, mapping=_mapping(file="history'*.csv")).rows_loaded == 2


def test_rows_are_written_as_they_are_told() -> None:
    assert _row() == ",".join(f'"{value}"' for value in ROW.values())
    assert len(HEADER.split(",")) == len(ROW)
    assert Path("history.csv").suffix == ".csv"


@pytest.mark.parametrize("case", cases.params(share=3))
def test_hostile_values(case: Case, shop: Shop) -> None:
    examine(case, shop)
