"""The loader in Snowflake beside the simulator's: the same rows, rejects and words for whatever a text may hold."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import churnobs
from churnobs import Workspace
from churnobs.errors import BackendFailed, BadConfig, BadFile
from churnobs.ingest import Ingest

OWN = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
DAYS = [
    "2024-05-01", "2024-5-1", "2024/05/01", "2024-05/01", "2024.05.01", "20240501", "2024-05-01 ", "2024-05-01  12:00:00",
    "2024-05-01 12:00", "2024-05-01 12", "2024-05-01T12:00:00Z", "2024-05-01T12:00:00+02", "2024-05-01 x", "2024-05-01x",
    "2024-05-01T", "2024-05-01 12:00:00.123456789", "02024-05-01", "24-05-01", "2024-05-001", "2024-05-01 12:00:00 UTC",
    "10000-01-01", "2024-05-01 1:2:3", "2024-05-01 23:59:59+02:30", "0001-01-01", "2024-13-01", "2024-02-30", "2023-02-29",
    "2024-02-29", "epoch", "infinity", " 2024-05-01", "1899-12-31", "2200-01-01", "2024-05-01 12:00+02", "2024-05-01t12:00",
    "2024-05-01-12:00", "-2024-05-01", "2024-05-01T12:00:00 UTC", "today", "2024-00-10", "2024-05-00",
]  # fmt: skip
FLAGS = [
    "true",
    "TRUE",
    "t",
    "1",
    "0",
    "yes",
    "no",
    "y",
    "n",
    "on",
    "off",
    " true",
    "true ",
    "2",
    "1.0",
    "False",
    "tRuE",
    "-1",
]
WHOLE = [
    "1", " 1 ", "+1", "-1", "1.", "1.0", "1.5", "1e3", "1E3", "1e+3", "25e-1", "1e-5", "1_000", "0x10", "0b1", "1 000", "-0",
    "9223372036854775807", "9223372036854775808", "-9223372036854775807", "1e18", "1e19", "1.0e3", "1.000001", "+", "++1",
    ".", "e3", "1e", "00012", "1,0", ".0", "1.e3", "1.5e1", "١", "nan", "inf", "true", "1e400", "9" * 50,
]  # fmt: skip
AMOUNTS = [
    "1", " 1.5 ", "+1.5", "-1.5", ".5", "5.", "1e2", "1E2", "1e-2", "1e-5", "5e-5", "1.00005", "1.00015", "-0.00005",
    "nan", "NaN", "inf", "-Infinity", "1_0", "0x10", "99999999999999.9999", "99999999999999.99999", "100000000000000",
    "1e14", "1e13", "1.23456e2", ".", "-.", "e5", "1e", "1d", "$5", "1 000", "+.5", "-.5e1", "0e99", "1e400", "9" * 60,
    "0.1234500000000000000000000000000000000001", "٣", "1;5", "''", "\\N", "NULL", "null",
]  # fmt: skip


@pytest.fixture
def both(snowflake_session: Any) -> Iterator[tuple[Workspace, Workspace]]:
    """The simulator, and a schema of the offline account."""
    with churnobs.connect(threads=1) as one, churnobs.connect(snowflake_session) as other:
        other.deploy(show=None)
        yield one, other


def loaded(workspace: Workspace, path: Path, **options: Any) -> dict[str, list[tuple]]:
    """What a file becomes, whatever is wrong with it."""
    engine: Any = workspace._backend.engine
    Ingest(workspace._backend.loader).ingest(path, on_error="quarantine", **options)
    queries = {
        "SALES": "SELECT * FROM SALES ORDER BY TRANSACTION_ID",
        "REJECTS": "SELECT * FROM REJECTS ORDER BY LINE",
        "FILES": "SELECT * FROM FILES_INGESTED ORDER BY PERIOD_END",
        "KEYS": "SELECT * FROM CUSTOMER_KEYS ORDER BY CUSTOMER_KEY",
    }
    return {name: [tuple(r.values()) for r in engine.read(query).to_pylist()] for name, query in queries.items()}


def alike(both: tuple[Workspace, Workspace], path: Path, **options: Any) -> dict[str, list[tuple]]:
    """What both make of a file, which is the same."""
    one, other = (loaded(workspace, path, **options) for workspace in both)
    for name, rows in one.items():
        assert other[name] == rows
    return one


def test_texts_of_every_shape_mean_the_same(both: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    rows = [("2024-05-02", "true", "1", "1", "c")]
    rows += [(day, "true", "1", "1", "c") for day in DAYS] + [("2024-05-02", flag, "1", "1", "c") for flag in FLAGS]
    rows += [("2024-05-02", "true", n, "1", "c") for n in WHOLE] + [
        ("2024-05-02", "true", "1", n, "c") for n in AMOUNTS
    ]
    rows += [
        ("2024-05-02", "", "", "1", who) for who in ("é", " ", "a b", "c ", "\\", "'", "00", "Z", "a", "Ä", "😀", "_")
    ]
    text = "".join(
        f"t{n:03d},{who},{day},{flag},{items},CARD,{paid}\n" for n, (day, flag, items, paid, who) in enumerate(rows)
    )
    path = tmp_path / "sales.csv"
    path.write_text(
        "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n" + text
    )
    found = alike(both, path)
    assert len(found["SALES"]) + len(found["REJECTS"]) == len(rows)
    assert len(found["REJECTS"]) > 60


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("%d.%m.%Y", ["1.5.2024", " 1.5.2024", "01.05.2024 ", "01.05.24", "01.05.02024", "001.05.2024", "31.02.2024", "x", "-1.5.2024"]),
        ("%m/%d/%y", ["5/1/24", "05/01/68", "05/01/69", "5/1/2024", "13/1/24"]),
        ("%Y%m%d", ["20240501", "2024501", "20241301"]),
        ("%d %b %Y", ["1 May 2024", "1 may 2024", "1 MAI 2024", "1 Mayo 2024"]),
        ("%B %d, %Y", ["May 1, 2024", "june 02, 2024", "Juno 02, 2024"]),
        ("%d.%m.%Y %H:%M", ["01.05.2024 10:11", "01.05.2024 1:1", "01.05.2024", "01.05.2024 10:71"]),
        ("%Y-%m-%dT%H:%M:%S.%f", ["2024-05-01T10:11:12.5", "2024-05-01T10:11:12"]),
        ("[%d|%m] (%Y)", ["[1|5] (2024)", "1|5 2024"]),
    ],
)  # fmt: skip
def test_dates_by_format(both: tuple[Workspace, Workspace], tmp_path: Path, form: str, texts: list[str]) -> None:
    path = tmp_path / "all.csv"
    path.write_text(
        "who\tday\tpaid\na\t" + dt.date(2024, 5, 1).strftime(form) + "\t1\n" + "".join(f"b\t{t}\t1,5\n" for t in texts)
    )
    mapping = {"sales": {"columns": OWN, "date_format": form, "delimiter": "\t", "decimal": ","}}
    found = alike(both, path, mapping=mapping)
    assert found["SALES"]
    assert found["SALES"][0][6] == Decimal(1)


def test_a_format_that_is_not_read_is_told(both: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("who,day,paid\na,2024-122,1\n")
    with pytest.raises(BadConfig, match=r"date_format '%Y-%j': %j is not read on Snowflake"):
        both[1].ingest(path, mapping={"sales": {"columns": OWN, "date_format": "%Y-%j"}})


def test_parquet_of_every_type(both: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    draw = random.Random(7)
    paid = [round(draw.uniform(-1000, 1000), 5) for _ in range(300)] + [
        (draw.randrange(10**7) * 2 + 1) / 2e4 for _ in range(300)
    ]
    paid += [1e13, 1e14, 1e15, -1e15, 1e300, float("nan"), float("inf"), 1e-5, None]
    count = len(paid)
    items = [float(n) for n in range(count - 4)] + [2.5, float("nan"), None, 1e20]
    table = pa.table(
        {
            "TRANSACTION_ID": pa.array(range(count), pa.int32()),
            "CUSTOMER_ID": pa.array([f"c{n % 7}" for n in range(count)]).dictionary_encode(),
            "TRANSACTION_DATE": pa.array([dt.datetime(2024, 4, 25) + dt.timedelta(hours=n) for n in range(count)], pa.timestamp("us")),
            "DISCOUNT_APPLIED": [[True, False, None][n % 3] for n in range(count)],
            "NUM_ITEMS": items,
            "PAYMENT_METHOD": pa.array(["", None, "é\n"] * (count // 3), pa.large_string()),
            "TOTAL_AMOUNT": paid,
            "more": [dt.date(2024, 5, 1)] * count,
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "sales_2024_5.parquet")
    found = alike(both, tmp_path / "sales_2024_5.parquet")
    assert len(found["SALES"]) + len(found["REJECTS"]) == count
    assert len(found["REJECTS"]) > 100


def test_a_file_takes_five_statements_and_leaves_nothing_behind(
    both: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    workspace = both[1]
    link: Any = workspace._backend.engine.link  # type: ignore[attr-defined]
    said: list[str] = []
    (tmp_path / "sales_2024_5.csv").write_text("t1,c1,2024-05-01,true,1,CARD,1\n")
    (tmp_path / "feedback_raw_2024_5.csv").write_text('2024-05-01,"a, b",c1,f1,1\n')
    (tmp_path / "customers.csv").write_text("c1,30,GOLD,F,ROME,2024-01-01\n")
    link.listener = said.append
    with workspace._backend.engine.transaction():
        Ingest(workspace._backend.loader).ingest(tmp_path)
    link.listener = None
    words = [sql.split()[0] for sql in said]
    assert words == [
        # what was loaded before, and who was forgotten
        "SELECT", "SELECT", "PUT", "BEGIN", "COPY", "SELECT", "INSERT", "INSERT",  # a customer that is new
        "PUT", "COPY", "SELECT", "INSERT", "PUT", "COPY", "SELECT", "MERGE", "DELETE", "INSERT", "COMMIT",
    ]  # fmt: skip
    assert link.rows("LIST @CHURNOBS_FILES") == []
    assert link.rows("SELECT * FROM CHURNOBS_STAGED") == []
    (tmp_path / "sales_2024_6.csv").write_text("t1,c1,2024-06-01,true,1,CARD,1\n")
    with pytest.raises(BadFile, match="loaded before from another file"):
        workspace.ingest(tmp_path)
    assert link.rows("LIST @CHURNOBS_FILES") == []
    assert link.rows("SELECT * FROM CHURNOBS_STAGED") == []


def test_what_copy_cannot_read_leaves_nothing_behind(
    both: tuple[Workspace, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churnobs.backends.snowflake import loading_files

    workspace = both[1]
    link: Any = workspace._backend.engine.link  # type: ignore[attr-defined]
    path = tmp_path / "sales_2024_5.csv"
    path.write_text("t1,c1,2024-05-01,true,1,CARD,1\n")
    monkeypatch.setattr(loading_files, "count_plain", lambda *_: 2)
    with pytest.raises(BackendFailed, match=r"sales_2024_5.csv: 1 of 2 rows arrived; nothing of the file was loaded"):
        workspace.ingest(path)
    monkeypatch.setattr(loading_files.LocalFile, "copy", lambda *_: "COPY INTO NOWHERE FROM @CHURNOBS_FILES")
    with pytest.raises(churnobs.ChurnobsError, match="does not exist"):
        workspace.ingest(path)
    assert link.rows("LIST @CHURNOBS_FILES") == []
    monkeypatch.undo()
    assert workspace.ingest(path).rows_loaded == 1
