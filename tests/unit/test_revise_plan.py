"""Which months a file that covers several makes new, and what is refused: SALES is always what the files say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loops import recipe, write_shop

import churnobs
from churnobs import BadFile, LifecycleConfig, Month, Never, Workspace

MONTHS = 3
CONFIG = LifecycleConfig(trainer=recipe(), policy=Never())
COLUMNS = {"CUSTOMER_ID": "CUSTOMER_ID", "TRANSACTION_DATE": "TRANSACTION_DATE", "TOTAL_AMOUNT": "TOTAL_AMOUNT"}
KEYED = {"sales": {"file": "*.csv", "columns": {"TRANSACTION_ID": "TRANSACTION_ID", **COLUMNS}}}
PLAIN = {"sales": {"file": "*.csv", "columns": COLUMNS}}


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Three months of a small shop as one table of texts, by customer and not by day."""
    folder = write_shop(tmp_path_factory.mktemp("shop"), Month(2024, 1), MONTHS, customers=20)
    whole = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
    return whole.sort_values(["CUSTOMER_ID", "TRANSACTION_DATE"], ignore_index=True)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


def write(path: Path, rows: pd.DataFrame) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows.to_csv(path, index=False)
    return path.parent


def stored(workspace: Workspace, *, ids: bool = True) -> list[tuple[Any, ...]]:
    found = workspace.table("SALES").collect()
    names = ["CUSTOMER_ID", "TRANSACTION_DATE", "TOTAL_AMOUNT", *(["TRANSACTION_ID"] if ids else [])]
    return sorted(tuple(str(row[name]) for name in names) for row in found)


def said(rows: pd.DataFrame, *, ids: bool = True) -> list[tuple[Any, ...]]:
    amount = rows["TOTAL_AMOUNT"].map(lambda text: f"{float(text):.4f}")
    names = ["CUSTOMER_ID", "TRANSACTION_DATE", "TOTAL_AMOUNT", *(["TRANSACTION_ID"] if ids else [])]
    return sorted(rows.assign(TOTAL_AMOUNT=amount)[names].itertuples(index=False, name=None))


def moved(rows: pd.DataFrame) -> pd.DataFrame:
    """A sale of January that was one of February."""
    at = rows[rows["TRANSACTION_DATE"] < "2024-02"].index[0]
    return rows.assign(TRANSACTION_DATE=rows["TRANSACTION_DATE"].where(rows.index != at, "2024-02-03"))


def dearer(rows: pd.DataFrame) -> pd.DataFrame:
    """A sale of March that cost a cent more."""
    at = rows[rows["TRANSACTION_DATE"] >= "2024-03"].index[-1]
    more = rows["TOTAL_AMOUNT"].map(lambda text: f"{float(text) + 0.01:.2f}")
    return rows.assign(TOTAL_AMOUNT=rows["TOTAL_AMOUNT"].where(rows.index != at, more))


def without_february(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[~rows["TRANSACTION_DATE"].str.startswith("2024-02")]


def twice(rows: pd.DataFrame) -> pd.DataFrame:
    """The same sale once more; without an id the two cannot be told apart."""
    january = rows[rows["TRANSACTION_DATE"] < "2024-02"]
    return pd.concat([rows, january.head(1).assign(TRANSACTION_ID="again")])


def reversed_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[::-1]


CHANGES = (
    (moved, ["2024-01", "2024-02"]), (dearer, ["2024-03"]), (without_february, ["2024-02"]), (twice, ["2024-01"]),
    (reversed_rows, []),
)  # fmt: skip


@pytest.mark.parametrize("mapping", [KEYED, PLAIN], ids=["with ids", "without"])
def test_what_differs_is_what_is_revised(
    workspace: Workspace, sold: pd.DataFrame, tmp_path: Path, mapping: Any
) -> None:
    ids = mapping is KEYED
    files = write(tmp_path / "files" / "all.csv", sold)
    loop = workspace.lifecycle(CONFIG, source=files, mapping=mapping)
    loop.run()
    for change, months in CHANGES:
        # and back to what it was
        for rows in (change(sold), sold):
            write(files / "all.csv", rows)
            done = loop.revise(files, mapping=mapping)
            assert [one.month for one in (done.files if done else ())] == months, change
            assert stored(workspace, ids=ids) == said(rows, ids=ids)
    assert loop.revise(files, mapping=mapping) is None
    assert loop.replay().text() == ""


def test_a_late_file_beside_the_one_with_all_months(workspace: Workspace, sold: pd.DataFrame, tmp_path: Path) -> None:
    files = write(tmp_path / "files" / "all.csv", sold)
    loop = workspace.lifecycle(CONFIG, source=files, mapping=KEYED)
    loop.run()
    late = sold.head(1).assign(TRANSACTION_ID="late", TRANSACTION_DATE="2024-02-28")
    write(files / "more_2024_1.csv", late.assign(TRANSACTION_DATE="2024-01-31"))
    write(files / "more_2024_2.csv", late.assign(TRANSACTION_ID="later"))
    write(files / "more_2024_3.csv", late.assign(TRANSACTION_ID="latest", TRANSACTION_DATE="2024-03-01"))
    done = loop.revise(files, mapping=KEYED)
    assert done is not None
    assert [(one.late, one.rows_after - one.rows_before) for one in done.files] == [
        ((f"more_2024_{n}.csv",), 1) for n in (1, 2, 3)
    ]
    # the long one changes under them
    whole = pd.concat([pd.read_csv(path, dtype=str) for path in files.glob("more*.csv")])
    write(files / "all.csv", dearer(sold))
    again = loop.revise(files, mapping=KEYED)
    assert again is not None
    assert [(one.month, one.restated) for one in again.files] == [("2024-03", ("all.csv",))]
    assert stored(workspace) == said(pd.concat([dearer(sold), whole]))
    (files / "more_2024_3.csv").unlink()
    write(files / "all.csv", sold)
    with pytest.raises(BadFile, match=r"sales of 2024-03 were also loaded from more_2024_3.csv, which is not given"):
        loop.revise(files, mapping=KEYED)


def test_feedback_that_comes_late_for_a_month_without(workspace: Workspace, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files", Month(2024, 1), 2, customers=10)
    loop = workspace.lifecycle(CONFIG, source=files)
    loop.run(2)
    head = "CHAT_DATE,COMMENT,CUSTOMER_ID,FEEDBACK_ID,INTERNAL_ID\n"
    (files / "feedback_raw_2024_1.csv").write_text(f"{head}2024-01-09,awful,C0009,F1,1\n", encoding="utf-8")
    done = loop.revise(files)
    assert done is not None
    assert [(one.kind, one.late, one.rows_before, one.rows_after) for one in done.files] == [
        ("feedback", ("feedback_raw_2024_1.csv",), 0, 1)
    ]
    # restated before anybody read it
    (files / "feedback_raw_2024_1.csv").write_text(f"{head}2024-01-09,lovely,C0009,F1,1\n", encoding="utf-8")
    assert loop.revise(files) is not None
    write_shop(files, Month(2024, 1), 3, customers=10)
    workspace.lifecycle(CONFIG, source=files).run()
    assert [row["COMMENT"] for row in workspace.table("FEEDBACK_SENTIMENT").collect()] == ["lovely"]


def test_bad_rows_and_the_end_of_a_period(workspace: Workspace, sold: pd.DataFrame, tmp_path: Path) -> None:
    end = dt.date(2024, 3, 20)
    mapping = {**KEYED, "period_end": end}
    inside = sold[sold["TRANSACTION_DATE"] < str(end)]
    bad = pd.DataFrame([{**sold.iloc[0], "TRANSACTION_ID": "bad", "TOTAL_AMOUNT": "oops"}])
    files = write(tmp_path / "files" / "all.csv", pd.concat([inside, bad, inside.head(2)]))
    workspace.ingest(files, mapping=mapping, on_error="quarantine")
    loop = workspace.lifecycle(CONFIG, source=files, mapping=mapping)
    loop.run()
    assert loop.revise(files, mapping=mapping) is None
    # another bad row of January changes nothing of what counts; one of March stands in the way
    write(files / "all.csv", pd.concat([dearer(inside), bad.assign(TRANSACTION_ID="worse"), inside.head(2)]))
    done = loop.revise(files, mapping=mapping)
    assert done is not None
    assert [one.month for one in done.files] == ["2024-03"]
    assert stored(workspace) == said(dearer(inside))
    (kept,) = [f for f in workspace.table("FILES_INGESTED").collect() if f["MONTH"] == 3 and f["REPLACED_IN"] is None]
    assert (kept["PERIOD_END"], kept["REVISION"]) == (end, 1)
    for amount, day, why in (("oops", "2024-03-02", "'oops' is not a number"), ("1", str(end), "is after the period")):
        write(files / "all.csv", pd.concat([inside, bad.assign(TOTAL_AMOUNT=amount, TRANSACTION_DATE=day)]))
        with pytest.raises(BadFile, match=why):
            loop.revise(files, mapping=mapping)
        assert stored(workspace) == said(dearer(inside))


def test_what_one_file_cannot_change(workspace: Workspace, sold: pd.DataFrame, tmp_path: Path) -> None:
    files = write(tmp_path / "files" / "all.csv", sold)
    loop = workspace.lifecycle(CONFIG, source=files, mapping=KEYED)
    loop.run(2)
    early = sold.head(1).assign(TRANSACTION_ID="early", TRANSACTION_DATE="2023-12-31")
    write(files / "all.csv", pd.concat([sold, early]))
    with pytest.raises(BadFile, match=r"^all.csv: has sales of 2023-12, and 2024-01 is the first month"):
        loop.revise(files, mapping=KEYED)
    write(files / "all.csv", dearer(sold))
    with pytest.raises(BadFile, match="2024-03 is loaded and not finished"):
        loop.revise(files, mapping=KEYED)
    other = write(tmp_path / "other" / "renamed.csv", moved(sold))
    with pytest.raises(BadFile, match=r"sales of 2024-01 were also loaded from all.csv, which is not given"):
        loop.revise(other, mapping=KEYED)
    # months outside what it covers are left alone
    later = sold[sold["TRANSACTION_DATE"] >= "2024-02"]
    write(files / "all.csv", later.drop(index=later.index[later["TRANSACTION_DATE"] < "2024-03"][0]))
    done = loop.revise(files, mapping=KEYED)
    assert done is not None
    assert [one.month for one in done.files] == ["2024-02"]
