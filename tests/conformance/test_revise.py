"""Files that come late or are restated: what was reported stays, and what they change stands beside it."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from comparing import rows, same
from loops import scripted, write_world
from sklearn.metrics import roc_auc_score

from churnobs import BadFile, Workspace

MONTHS = 5
KEPT = ("LABELS", "PREDICTIONS", "MEASUREMENTS", "FEATURES", "DRIFT", "BACKTESTS")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


@pytest.fixture
def files(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "files"))


def edit(path: Path, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    with path.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(found[0]))
        writer.writeheader()
        writer.writerows(change(found))


def without_half(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Half of the customers did not buy after all."""
    customers = sorted({row["CUSTOMER_ID"] for row in found})
    return [row for row in found if row["CUSTOMER_ID"] not in set(customers[::2])]


@pytest.mark.long_offline
def test_a_restated_month(workspace: Workspace, files: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=files)
    reports = loop.run(4)
    kept = {name: rows(workspace, name) for name in KEPT}
    april = files / "sales_2024_4.csv"
    former = april.read_text(encoding="utf-8")
    sales = len(workspace.sql("SELECT 1 AS X FROM SALES").collect())
    edit(april, without_half)
    edit(files / "feedback_raw_2024_4.csv", lambda found: [{**row, "COMMENT": "terrible"} for row in found])
    # not by accident
    with pytest.raises(BadFile, match=r"^sales_2024_4.csv: .* with other content; .* lifecycle.revise\(source\)$"):
        workspace.ingest(files)

    done = loop.revise(files)
    assert done is not None
    assert (done.number, done.after) == (1, "2024-04")
    assert [(r.kind, r.month, r.restated, r.late) for r in done.files] == [
        ("sales", "2024-04", ("sales_2024_4.csv",), ()), ("feedback", "2024-04", ("feedback_raw_2024_4.csv",), ()),
    ]  # fmt: skip
    fewer = done.files[0].rows_before - done.files[0].rows_after
    assert fewer > 0
    assert len(workspace.sql("SELECT 1 AS X FROM SALES").collect()) == sales - fewer
    # what was reported stays
    assert {name: rows(workspace, name) for name in KEPT} == kept
    assert list(loop.history()) == reports
    # the labels of 1 April are final since April was loaded; what was predicted then is measured by what is sold now
    as_of = dt.date(2024, 4, 1)
    assert set(done.labels_changed) >= {as_of.isoformat()}
    where = f"TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)"
    stored = workspace.sql(f"SELECT * FROM PREDICTIONS WHERE {where}").to_pandas()
    bought = set(
        workspace.sql("SELECT DISTINCT CUSTOMER_ID FROM SALES WHERE TRANSACTION_DATE >= '2024-04-01' "
                      "AND TRANSACTION_DATE < '2024-05-01'").to_pandas()["CUSTOMER_ID"]
    )  # fmt: skip
    truth = (~stored["CUSTOMER_ID"].isin(bought)).astype(int)
    numbers = {(n.as_of, n.role, n.metric): n for n in done.numbers}
    revised = numbers[as_of, "DEFAULT", "ROC_AUC"]
    assert revised.revised == pytest.approx(roc_auc_score(truth, stored["DEFAULT_PROBABILITY"]))
    assert numbers[as_of, "DEFAULT", "BASE_RATE"].revised == pytest.approx(truth.mean())
    told = next(m for m in reports[3].measurements if m.role == "DEFAULT")
    assert (revised.reported, revised.version, revised.rows) == (told["ROC_AUC"], told.version, told.rows)
    beside = workspace.table("MEASUREMENTS_REVISED").collect()
    assert {(r["TIMESTAMP"].date(), r["ROLE"], r["METRIC_NAME"]) for r in beside} == set(numbers)
    assert all(same(r["METRIC_VALUE"], numbers[as_of, r["ROLE"], r["METRIC_NAME"]].revised) for r in beside)

    # once: the same files again are nothing new, and the former ones are refused as any others
    assert loop.revise(files) is None
    assert workspace.ingest(files / "sales_2024_4.csv").files[0].status == "skipped"
    april.write_text(former, encoding="utf-8")
    with pytest.raises(BadFile, match="with other content"):
        workspace.ingest(files / "sales_2024_4.csv")
    edit(april, without_half)

    (may,) = loop.run()
    assert [c.words for c in may.corrections] == [done.words]
    assert "sales of 2024-04 (sales_2024_4.csv restated)" in may.text()
    assert f"ROC_AUC of what served at {as_of}" in may.text()
    # the new comments are scored, the former ones are gone
    assert fresh(workspace) == fresh_by_hand(workspace)
    said = workspace.sql("SELECT DISTINCT COMMENT AS C FROM FEEDBACK_SENTIMENT WHERE CHAT_DATE >= '2024-04-01' "
                         "AND CHAT_DATE < '2024-05-01'").collect()  # fmt: skip
    assert [row["C"] for row in said] == ["terrible"]


def fresh(workspace: Workspace) -> dict[str, tuple[int, float]]:
    """Orders and spend as the newest features have them."""
    found = workspace.sql("SELECT * FROM FEATURES WHERE TIMESTAMP = CAST('2024-06-01' AS TIMESTAMP)").to_pandas()
    return {r.CUSTOMER_ID: (r.LIFETIME_ORDERS, round(r.LIFETIME_SPEND, 2)) for r in found.itertuples()}


def fresh_by_hand(workspace: Workspace) -> dict[str, tuple[int, float]]:
    """Orders and spend by all that is sold."""
    sales = workspace.table("SALES").to_pandas().astype({"TOTAL_AMOUNT": float})
    sales["DAY"] = pd.to_datetime(sales["TRANSACTION_DATE"])
    newest = sales.groupby("CUSTOMER_ID")["DAY"].max()
    active = set(newest[newest >= pd.Timestamp("2024-03-03")].index)
    found = sales.groupby("CUSTOMER_ID")["TOTAL_AMOUNT"].agg(["size", "sum"])
    return {str(c): (int(n), round(float(total), 2)) for c, n, total in found.itertuples() if c in active}


@pytest.mark.long_offline
def test_a_late_file_and_what_a_revision_refuses(workspace: Workspace, files: Path, tmp_path: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=files)
    loop.run(2)
    header = (files / "sales_2024_2.csv").read_text(encoding="utf-8").splitlines()[0]
    late = f"{header}\nlate-1,late-c,2024-02-09,true,1,CARD,9.5\n"
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "new_sales_2024_2.csv").write_text(late, encoding="utf-8")
    # it would be the whole month
    with pytest.raises(BadFile, match=r"sales of 2024-02 were also loaded from sales_2024_2.csv, which is not given; "):
        loop.revise(alone)
    shutil.copy(alone / "new_sales_2024_2.csv", files)
    before = {name: rows(workspace, name) for name in KEPT if name != "PREDICTIONS"}
    bad = files / "new_sales_2024_1.csv"
    bad.write_text(f"{header}\nlate-2,late-c,2024-03-09,true,1,CARD,9.5\n", encoding="utf-8")
    with pytest.raises(BadFile, match=r"^new_sales_2024_1.csv.*not in the month in the file's name"):
        loop.revise(files)
    bad.unlink()
    done = loop.revise(files)
    assert done is not None
    assert [(r.restated, r.late, r.rows_after - r.rows_before) for r in done.files] == [
        ((), ("new_sales_2024_2.csv",), 1)
    ]
    assert {name: rows(workspace, name) for name in before} == before
    # months that are not loaded yet are left alone
    assert [str(m) for m in loop.waiting()] == ["2024-03", "2024-04", "2024-05"]
    (march,) = loop.run(1)
    assert "late" in march.corrections[0].words
    found: list[Any] = workspace.sql("SELECT LIFETIME_ORDERS FROM FEATURES WHERE CUSTOMER_ID = 'late-c'").collect()
    assert [row["LIFETIME_ORDERS"] for row in found] == [1]
