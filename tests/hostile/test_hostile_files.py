"""Files that are no month files, or not the ones they were: 100 hostile inputs, part one."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import pytest
from hostile_cases import HEADER, LOADED, Case, Cases, Shop, examine

from churnobs.errors import BadConfig, BadFile, NotFound

cases = Cases()
GOOD = "A1,C00001,2024-02-03,false,1,card,5.5\nA2,C00002,2024-02-04,true,2,cash,6.25\n"
TOTAL = [(2, 11.75)]
NAME = "sales_2024_2.csv"


def _parquet(shop: Shop, name: str) -> Path:
    import pandas as pd

    path = shop.folder / name
    pd.read_csv(io.StringIO(HEADER + GOOD)).to_parquet(path)
    return path


# content -> what is said of it
CONTENT: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "an empty file": (b"", (NAME, "line 1", "is empty", "export it again")),
    "nothing but line ends": (b"\r\n\n\r\n", (NAME, "line 1", "is empty")),
    "a header only": (HEADER.encode(), (NAME, "has a header and no rows", "expected the sales")),
    "UTF-16 with a mark": ((HEADER + GOOD).encode("utf-16"), (NAME, "UTF-16", "as UTF-8")),
    "UTF-16 without a mark": ((HEADER + GOOD).encode("utf-16-le"), (NAME, "UTF-16", "as UTF-8")),
    "UTF-32 with a mark": ((HEADER + GOOD).encode("utf-32"), (NAME, "UTF-", "as UTF-8")),
    "Latin-1": (
        (HEADER + GOOD).replace("cash", "espèces").encode("latin-1"),
        (NAME, "line 3", "PAYMENT_METHOD", "byte 0xe8 is not UTF-8", "quarantine"),
    ),
    "a NUL byte": (
        (HEADER + GOOD).replace("cash", "ca\0sh").encode(),
        (NAME, "line 3", "PAYMENT_METHOD", "a NUL byte", "quarantine"),
    ),
    "nothing but NUL bytes": (b"\0" * 100_000, (NAME, "NUL")),
    "a row too short": ((HEADER + GOOD + "A3,C1\n").encode(), (NAME, "line 4", "2 fields, expected 7")),
    "a row too long": ((HEADER + GOOD + "A3,C1,2024-02-05,true,1,x,1,2,3\n").encode(), (NAME, "line 4", "9 fields")),
    "a quote that stays open": (
        (HEADER + GOOD + 'A3,"C1,2024-02-05,true,1,x,1\n' + "A4,C1,2024-02-05,true,1,x,1\n").encode(),
        (NAME, "line 4", "never closed", "quarantine"),
    ),
    "a line of ten megabytes": (
        HEADER.encode() + b"A3," + b"x" * 10_000_000 + b",2024-02-05,true,1,card,1\n",
        (NAME, "line 2", "longer than 2097152"),
    ),
    "a column twice": (
        (HEADER.replace("NUM_ITEMS", "CUSTOMER_ID") + GOOD).encode(),
        (NAME, "line 1", "CUSTOMER_ID", "more than once"),
    ),
    "a column that differs in case only": (
        (HEADER.replace("NUM_ITEMS", "customer_id").replace("CUSTOMER_ID", "Customer_Id") + GOOD).encode(),
        (NAME, "line 1", "CUSTOMER_ID", "more than once"),
    ),
    "a column missing": (
        (HEADER.replace("TOTAL_AMOUNT", "TOTAL") + GOOD).encode(),
        (NAME, "line 1", "TOTAL_AMOUNT", "is missing", "found TRANSACTION_ID"),
    ),
    "gzip under the name of CSV": (gzip.compress((HEADER + GOOD).encode()), (NAME, "gzip", "unpack")),
    "a workbook under the name of CSV": (b"PK\x03\x04" + bytes(60) + b"xl/workbook.xml", (NAME, "zip", "export")),
    "HTML in place of CSV": (b"<!DOCTYPE html><html><body>Log in</body></html>\n", (NAME, "line 1", "expected 7")),
    "random bytes": (bytes(range(1, 256)) * 40, (NAME, "line 1")),
}  # fmt: skip


def _content_case(name: str, content: bytes, says: tuple[str, ...]) -> Case:
    def act(shop: Shop) -> None:
        shop.put(content)
        shop.ws.ingest(shop.folder)

    return Case(name, act, BadFile, says)


cases.extend(_content_case(name, *row) for name, row in CONTENT.items())


def _same_rows(name: str, content: bytes) -> Case:
    def act(shop: Shop) -> None:
        shop.put(content)
        assert shop.ws.ingest(shop.folder).rows_loaded == 2
        assert (
            shop.rows("SELECT count(*), sum(TOTAL_AMOUNT)::DOUBLE FROM SALES WHERE TRANSACTION_ID IN ('A1', 'A2')")
            == TOTAL
        )
        assert shop.rows("SELECT PAYMENT_METHOD FROM SALES WHERE TRANSACTION_ID = 'A2'") == [("cash",)]

    return Case(name, act, changes=LOADED)


for _name, _text in {
    "a byte order mark": b"\xef\xbb\xbf" + (HEADER + GOOD).encode(),
    "CRLF": (HEADER + GOOD).replace("\n", "\r\n").encode(),
    "CR alone": (HEADER + GOOD).replace("\n", "\r").encode(),
    "line ends of three kinds": (HEADER.rstrip() + "\r\n" + GOOD.replace("\n", "\r", 1)).encode(),
    "no line end at the end": (HEADER + GOOD).rstrip().encode(),
    "everything in quotes": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in (HEADER + GOOD).splitlines()
    ).encode(),
    "empty fields beyond the last": (HEADER + GOOD).replace("\n", ",,,\n").replace(",,,\n", "\n", 1).encode(),
}.items():
    cases.append(_same_rows(_name, _text))


@cases.refused(BadFile, NAME, "Parquet", ".parquet")
def parquet_under_the_name_of_csv(shop: Shop) -> None:
    _parquet(shop, "x.parquet").rename(shop.folder / NAME)
    shop.ws.ingest(shop.folder)


@cases.right(*LOADED)
def ids_that_begin_like_a_parquet_file(shop: Shop) -> None:
    shop.put(GOOD.replace("A1", "PAR1"))
    assert shop.ws.ingest(shop.folder).rows_loaded == 2
    assert shop.stored("SALES", "TRANSACTION_ID", "PAR1") == 1


@cases.refused(BadFile, "sales_2024_2.parquet", "is no whole Parquet file", "export it again")
def csv_under_the_name_of_parquet(shop: Shop) -> None:
    shop.put(HEADER + GOOD, "sales_2024_2.parquet")
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, "sales_2024_2.parquet", "is no whole Parquet file", "cut short")
def half_a_parquet_file(shop: Shop) -> None:
    path = _parquet(shop, "sales_2024_2.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, NAME, "is a folder, expected a file")
def a_folder_in_place_of_the_file(shop: Shop) -> None:
    (shop.folder / NAME).mkdir()
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, NAME, "is no regular file")
def a_link_that_leads_to_itself(shop: Shop) -> None:
    (shop.folder / NAME).symlink_to(NAME)
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, NAME, "is no regular file")
def a_link_that_leads_nowhere(shop: Shop) -> None:
    (shop.folder / NAME).symlink_to("gone.csv")
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, NAME, "is no regular file")
def a_pipe_that_never_ends(shop: Shop) -> None:
    os.mkfifo(shop.folder / NAME)
    shop.ws.ingest(shop.folder)


@cases.refused(BadFile, NAME, "cannot be read", "check")
def a_file_that_fails_when_read(shop: Shop) -> None:
    (shop.folder / NAME).symlink_to("/proc/self/mem")
    shop.ws.ingest(shop.folder)


@cases.refused(NotFound, "there is no file or folder", "loop", "check the path")
def a_source_that_leads_to_itself(shop: Shop) -> None:
    (shop.folder / "loop").symlink_to("loop")
    shop.ws.ingest(shop.folder / "loop")


@cases.refused(NotFound, "there is no file or folder ", "check the path")
def a_path_of_5000_letters(shop: Shop) -> None:
    shop.ws.ingest(str(shop.folder / ("x" * 5000)))


@cases.refused(NotFound, "there is no file or folder ", "check the path")
def a_path_with_a_nul(shop: Shop) -> None:
    shop.ws.ingest(f"{shop.folder}/a\0b.csv")


@cases.refused(BadConfig, "''", "no file or folder", "give the path")
def an_empty_path(shop: Shop) -> None:
    shop.ws.ingest("")


@cases.refused(BadConfig, "5", "no file or folder", "give the path")
def a_number_as_path(shop: Shop) -> None:
    source: Any = 5
    shop.ws.ingest(source)


@cases.refused(BadFile, NAME, "is gone", "put it back")
def a_file_removed_between_plan_and_load(shop: Shop) -> None:
    path = shop.put(HEADER + GOOD)
    loop = shop.loop(shop.folder)
    assert [str(month) for month in loop.waiting()] == ["2024-02"]
    path.unlink()
    loop.run()


@cases.refused(BadFile, NAME, "has changed since", "start again")
def a_file_changed_between_plan_and_load(shop: Shop) -> None:
    path = shop.put(HEADER + GOOD)
    loop = shop.loop(shop.folder)
    path.write_text(HEADER + GOOD + "A3,C00003,2024-02-05,true,1,card,1\n")
    loop.run()


@cases.refused(BadFile, NAME, "has changed since", "start again")
def a_file_exchanged_for_one_of_the_same_size(shop: Shop) -> None:
    path = shop.put(HEADER + GOOD)
    loop = shop.loop(shop.folder)
    path.unlink()
    path.write_text(HEADER + GOOD.replace("6.25", "9.99"))
    os.utime(path, ns=(1, 1))
    loop.run()


@cases.right(*LOADED)
def a_file_touched_between_plan_and_load(shop: Shop) -> None:
    path = shop.put(HEADER + GOOD)
    source = shop.loop(shop.folder)
    os.utime(path, ns=(1, 1))
    assert source.load(source.waiting()[0])["rows"]["sales"] == 2


@cases.refused(BadFile, NAME, "is gone", "put it back")
def a_file_replaced_by_a_folder_between_plan_and_load(shop: Shop) -> None:
    path = shop.put(HEADER + GOOD)
    loop = shop.loop(shop.folder)
    path.unlink()
    path.mkdir()
    loop.run()


def _any_name() -> dict[str, Any]:
    return {"sales": {"file": "*_2024_2.csv", "columns": {name: name for name in HEADER.strip().split(",")}}}


def _named(name: str) -> Case:
    def act(shop: Shop) -> None:
        shop.put(HEADER + GOOD, name)
        report = shop.ws.ingest(shop.folder, mapping=_any_name())
        assert (report.rows_loaded, report.files[0].name) == (2, name)
        assert shop.rows("SELECT FILE_NAME FROM FILES_INGESTED WHERE MONTH = 2") == [(name,)]
        assert "<img" not in report._repr_html_()
        assert shop.ws.ingest(shop.folder, mapping=_any_name()).files[0].status == "skipped"

    return Case(f"a file named {name!r}", act, changes=LOADED)


cases.extend(
    _named(name)
    for name in (
        'it\'s "two"; DROP TABLE SALES; --_2024_2.csv',
        "a\nb\tc_2024_2.csv",
        "*?[a]{b}_2024_2.csv",
        "продажи-販売-🛒_2024_2.csv",
        "<img src=x onerror=alert(1)>_2024_2.csv",
        "..sales..%2e%2e_2024_2.csv",
        "-rf $HOME `id`_2024_2.csv",
    )
)


@cases.refused(BadFile, "_2024_2.csv", "name", "UTF-8", "rename it")
def a_file_name_that_is_no_text(shop: Shop) -> None:
    (Path(os.fsdecode(os.fsencode(shop.folder) + b"/sal\xe9s_2024_2.csv"))).write_text(HEADER + GOOD)
    shop.ws.ingest(shop.folder, mapping=_any_name())


@cases.right(*LOADED)
def a_path_with_dots(shop: Shop) -> None:
    shop.put(HEADER + GOOD)
    assert shop.ws.ingest(shop.folder / ".." / shop.folder.name).rows_loaded == 2


@cases.right(*LOADED)
def a_folder_with_quotes_and_patterns(shop: Shop) -> None:
    folder = shop.folder.rename(shop.tmp / 'it\'s [a]* "?" \n;--')
    (folder / NAME).write_text(HEADER + GOOD)
    assert shop.ws.ingest(folder).rows_loaded == 2


@cases.refused(BadFile, "feedback_raw_2024_2.csv", "line 2", "CHAT_DATE", "is not a date")
def good_sales_beside_bad_feedback_in_one_month(shop: Shop) -> None:
    # sales come first: within the month's transaction they go with the feedback
    shop.put(HEADER + GOOD)
    shop.put(
        "CHAT_DATE,COMMENT,CUSTOMER_ID,FEEDBACK_ID,INTERNAL_ID\nsoon,fine,C00001,F1,1\n", "feedback_raw_2024_2.csv"
    )
    shop.loop(shop.folder).run()


@pytest.mark.parametrize("case", cases.params(share=3))
def test_hostile_files(case: Case, shop: Shop) -> None:
    examine(case, shop)
