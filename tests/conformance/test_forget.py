"""A customer who is forgotten is nowhere, what was reported stays, and the id does not come back."""

from __future__ import annotations

import csv
import datetime as dt
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loops import scripted, write_world

from churnobs import NotFound, Workspace
from churnobs.forgetting import hash_of

MONTHS = 5
REPORTED = ("MEASUREMENTS", "DRIFT", "BACKTESTS", "ESTIMATES", "MONITOR_BINS", "MONITOR_HISTOGRAMS", "MONITOR_SCORES")
OWN = "TABLE_NAME NOT IN ('RUN_LOCK', 'MODEL_ARTEFACTS', 'CHURNOBS_SCHEMA') AND TABLE_SCHEMA = CURRENT_SCHEMA()"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world, and one customer's comments that nobody else makes; the last month has a bad row of the customer, too."""
    folder = write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)
    who = chosen(folder)
    for path in sorted(folder.glob("feedback_raw_*.csv")):
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        at, said = header.split(",").index("CUSTOMER_ID"), header.split(",").index("COMMENT")
        rows = list(csv.reader(lines))
        for number, row in enumerate(rows):
            if row[at] == who:
                row[said] = f'my {path.stem} zqzq {number}: it\'s "awful"; really'
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([header.split(","), *rows])
    return folder


def chosen(folder: Path) -> str:
    """Who buys in every month and says something early."""
    buyers = [{r["CUSTOMER_ID"] for r in rows_in(folder, f"sales_2024_{n}.csv")} for n in range(1, MONTHS + 1)]
    said = {r["CUSTOMER_ID"] for n in (1, 2, 3) for r in rows_in(folder, f"feedback_raw_2024_{n}.csv")}
    return min(set.intersection(*buyers) & said)


def rows_in(folder: Path, name: str) -> list[dict[str, str]]:
    path = next(p for p in (folder / name, folder / f"new_{name}") if p.exists())
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def everything(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    names = workspace.sql(
        f"SELECT TABLE_NAME AS NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND {OWN}"
    ).collect()
    return {row["NAME"]: workspace.sql(f'SELECT * FROM "{row["NAME"]}"').collect() for row in names}


def naming(workspace: Workspace, *secrets: str) -> list[str]:
    """The tables in which a text stands."""
    found = re.compile("|".join(rf"(?<!\w){re.escape(s)}(?!\w)" for s in secrets))
    return sorted(n for n, rows in everything(workspace).items() if any(found.search(str(r)) for r in rows))


@pytest.mark.long_offline
def test_a_forgotten_customer_is_nowhere_and_does_not_come_back(workspace: Workspace, files: Path) -> None:
    who, loop = chosen(files), workspace.lifecycle(scripted(), source=files)
    reports = loop.run(4)
    workspace.write_pandas(pd.DataFrame({"CUSTOMER_ID": [who, "other"], "NOTE": ["vip", "x"]}), "MY_NOTES")
    assert {"SALES", "CUSTOMERS", "FEEDBACK_RAW", "FEEDBACK_SENTIMENT", "FEATURES", "LABELS", "PREDICTIONS",
            "CUSTOMER_KEYS", "MY_NOTES", loop.baseline_table} <= set(naming(workspace, who))  # fmt: skip
    before = everything(workspace)
    datasets = {d.version: d for d in loop.datasets()}
    (key,) = (r["CUSTOMER_KEY"] for r in before["CUSTOMER_KEYS"] if r["CUSTOMER_ID"] == who)

    done = workspace.forget(who)
    assert naming(workspace, who, "zqzq") == []
    after = everything(workspace)
    for name in ("CUSTOMER_STATE", "RECENT_FEEDBACK", "FEATURES"):
        assert all(row["CUSTOMER_KEY"] != key for row in after[name])
    own = {row["COMMENT"] for row in before["FEEDBACK_RAW"] if row["CUSTOMER_ID"] == who}
    assert len(before["SENTIMENT_CACHE"]) - len(after["SENTIMENT_CACHE"]) == len(own) > 0
    # how many rows of which table, and nothing of anybody else
    assert done.customer_hash == hash_of(who)
    assert done.forgotten_at == dt.date(2024, 5, 1)
    gone = {n: len(before[n]) - len(after[n]) for n in before if n in after and len(before[n]) != len(after[n])}
    added = {"FORGOTTEN", "JOURNAL", "RECORDS"}
    assert {n: count for n, count in gone.items() if n not in added} == dict(done.rows)
    kept = {(r["TABLE_NAME"], r["ROWS_ERASED"]) for r in after["FORGOTTEN"]}
    assert kept == set(done.rows.items())
    assert {r["CUSTOMER_HASH"] for r in after["FORGOTTEN"]} == {hash_of(who)}
    # what was reported stays, and a dataset says how many rows are gone
    assert all(after[name] == before[name] for name in REPORTED)
    assert list(loop.history()) == reports
    for dataset in loop.datasets():
        assert dataset.rows + dataset.erased == datasets[dataset.version].rows
        assert dataset.rows == len(after[dataset.table])
    assert sum(d.erased for d in loop.datasets()) > 0

    # again: nothing happens
    assert workspace.forget(who) == done
    assert everything(workspace) == after

    (may,) = loop.run()
    assert [c.kind for c in may.corrections] == ["FORGET"]
    assert done.words in may.text()
    assert who not in may.text()
    assert naming(workspace, who, "zqzq") == []
    given = {kind: rows_in(files, f"{kind}_2024_5.csv") for kind in ("sales", "feedback_raw")}
    ingested = [r for r in workspace.table("FILES_INGESTED").collect() if (r["MONTH"], r["YEAR"]) == (5, 2024)]
    for kind, table in (("sales", "sales"), ("feedback_raw", "feedback")):
        (row,) = (r for r in ingested if r["FILE_TYPE"] == table)
        dropped = sum(r["CUSTOMER_ID"] == who for r in given[kind])
        assert row["ROWS_FORGOTTEN"] == dropped
        assert row["ROWS_LOADED"] == len(given[kind]) - dropped
    # those of April became final after the customer was forgotten
    april = [r for r in before["PREDICTIONS"] if r["TIMESTAMP"].date() == dt.date(2024, 5, 1)]
    if may.newly_final and dt.date(2024, 5, 1) in may.newly_final:
        measured = next(m for m in may.measurements if m.role == "DEFAULT")
        assert measured.rows == len(april) - sum(r["CUSTOMER_ID"] == who for r in april)


def test_nobody_knows_the_customer(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match=r"^no row is of customer C'1; give the id as it stands in the files$"):
        workspace.forget("C'1")


HEAD = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"


def test_bad_rows_of_a_customer(workspace: Workspace, tmp_path: Path) -> None:
    """Rejected rows go, whole or broken; and later ones of the same customer are not even kept as rejects."""
    who = 'O\'Neil "x"-7'
    quoted = '"' + who.replace('"', '""') + '"'
    may = f"t1,{quoted},2024-05-01,true,1,CARD,5\nt2,{quoted},2024-05-02,true,1,CARD,oops\nt3,b,2024-05-02,true,1,CARD,oops\n"
    (tmp_path / "sales_2024_5.csv").write_text(HEAD + may, encoding="utf-8")
    workspace.ingest(tmp_path, on_error="quarantine")
    assert len(workspace.table("REJECTS").collect()) == 2
    done = workspace.forget(who)
    assert done.rows == {"CUSTOMER_KEYS": 1, "REJECTS": 1, "SALES": 1}
    june = f"t4,{quoted},2024-06-01,true,1,CARD,oops\nt5,{quoted},2024-06-02,true,1,CARD,7\nt6,b,2024-06-02,true,1,CARD,7\n"
    (tmp_path / "sales_2024_6.csv").write_text(HEAD + june, encoding="utf-8")
    report = workspace.ingest(tmp_path, on_error="raise")
    assert (report.rows_loaded, report.rows_rejected, report.rows_forgotten) == (1, 0, 2)
    assert "2 of forgotten customers" in repr(report)
    assert naming(workspace, "Neil") == []
