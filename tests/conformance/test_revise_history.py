"""One file that holds all months, restated and grown: what differs is revised, the rest is left alone, nothing is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from comparing import TOLERANCE, rows
from loops import scripted, write_world
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from churnobs import Workspace

MONTHS = 6
# without an id in the files: a row's number makes it, and the order of a day's feedback
SALES = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
FEEDBACK = {"CUSTOMER_ID": "who", "CHAT_DATE": "day", "COMMENT": "said"}
MAPPING = {
    "sales": {"file": "sales.csv", "columns": SALES},
    "feedback": {"file": "feedback.csv", "columns": FEEDBACK},
}
KEPT = ("LABELS", "PREDICTIONS", "MEASUREMENTS", "FEATURES", "DRIFT", "BACKTESTS")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All sales and all feedback of a world, as one user's files."""
    folder = write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)
    found = []
    for kind, columns in (("sales", SALES), ("feedback_raw", FEEDBACK)):
        parts = [pd.read_csv(path, dtype=str) for path in folder.glob(f"*{kind}_*.csv")]
        whole = pd.concat(parts)[list(columns)].set_axis(list(columns.values()), axis=1)
        found.append(whole.sort_values(["day", "who"], kind="stable", ignore_index=True))
    return found[0], found[1]


def write(folder: Path, sales: pd.DataFrame, feedback: pd.DataFrame) -> Path:
    folder.mkdir(exist_ok=True)
    sales.to_csv(folder / "sales.csv", index=False)
    feedback.to_csv(folder / "feedback.csv", index=False)
    return folder


def without_half(sales: pd.DataFrame, month: str) -> pd.DataFrame:
    """Half of a month's customers did not buy after all."""
    inside = sales["day"].str.startswith(month)
    gone = sorted(sales.loc[inside, "who"].unique())[::2]
    return sales[~(inside & sales["who"].isin(gone))]


def upto(month: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows[rows["day"] < f"2024-{month + 1:02}-01"]


def features_at(workspace: Workspace, as_of: dt.date) -> pd.DataFrame:
    found = workspace.sql(f"SELECT * FROM FEATURES WHERE TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)").to_pandas()
    return found.drop(columns="CUSTOMER_KEY").sort_values("CUSTOMER_ID", ignore_index=True)


def sold(workspace: Workspace) -> list[tuple[Any, ...]]:
    found = workspace.table("SALES").collect()
    return sorted((r["CUSTOMER_ID"], str(r["TRANSACTION_DATE"]), float(r["TOTAL_AMOUNT"])) for r in found)


def given(sales: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted((r.who, r.day, float(r.paid)) for r in sales.itertuples())


@pytest.mark.long
def test_months_of_one_file(
    workspace: Workspace, world: Any, tmp_path: Path, open_workspace: Any, backend: str
) -> None:
    sales, feedback = world
    first = upto(5)
    files = write(tmp_path / "files", first(sales), first(feedback))
    loop = workspace.lifecycle(scripted(), source=files, mapping=MAPPING)
    reports = loop.run(4)
    assert loop.revise(files, mapping=MAPPING) is None
    kept = {name: rows(workspace, name) for name in KEPT}
    before = {(r["FILE_TYPE"], r["MONTH"]): r for r in workspace.table("FILES_INGESTED").collect()}

    # a sale of February that was not there, half of April, and a sale of May, which is not finished
    other = pd.DataFrame(
        [{"who": "late-c", "day": "2024-02-09", "paid": "9.5"}, {"who": "may-c", "day": "2024-05-02", "paid": "4"}]
    )
    restated = pd.concat([without_half(first(sales), "2024-04"), other]).sort_values("day", kind="stable")
    # two comments of one customer and day in another order, in March
    twice = first(feedback)[first(feedback)["day"].str.startswith("2024-03")].index[0]
    said = first(feedback)
    said = pd.concat([said.loc[:twice], said.loc[[twice]].assign(said="awful, never again"), said.loc[twice + 1 :]])
    write(files, restated, said)
    done = loop.revise(files, mapping=MAPPING)
    assert done is not None
    found = [(r.kind, r.month, r.restated, r.late, r.rows_after - r.rows_before) for r in done.files]
    april = [len(rows[rows["day"].str.startswith("2024-04")]) for rows in (sales, restated)]
    assert found == [
        ("sales", "2024-02", ("sales.csv",), (), 1),
        ("feedback", "2024-03", ("feedback.csv",), (), 1),
        ("sales", "2024-04", ("sales.csv",), (), april[1] - april[0]),
    ]
    assert done.open == ("sales of 2024-05",)
    assert done.words.endswith("; sales of 2024-05 would change too, and can be revised when finished")
    # what was reported stays, and so do the months that are as they were
    assert {name: rows(workspace, name) for name in KEPT} == kept
    assert list(loop.history()) == reports
    now = {(r["FILE_TYPE"], r["MONTH"]): r for r in workspace.table("FILES_INGESTED").collect() if not r["REPLACED_IN"]}
    new = {("sales", 2), ("feedback", 3), ("sales", 4)}
    assert {at: row for at, row in now.items() if at not in new} == {at: r for at, r in before.items() if at not in new}
    assert {now[at]["REVISION"] for at in new} == {1}
    assert sold(workspace) == given(restated[restated["who"] != "may-c"])
    # the numbers by the labels that the file gives now
    as_of = dt.date(2024, 4, 1)
    numbers = {(n.as_of, n.role, n.metric): n for n in done.numbers}
    stored = workspace.sql(f"SELECT * FROM PREDICTIONS WHERE TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)").to_pandas()
    bought = set(restated[restated["day"].between("2024-04-01", "2024-04-30")]["who"])
    truth = (~stored["CUSTOMER_ID"].isin(bought)).astype(int)
    assert numbers[as_of, "DEFAULT", "ROC_AUC"].revised == pytest.approx(
        roc_auc_score(truth, stored["DEFAULT_PROBABILITY"]), abs=TOLERANCE
    )
    assert done.labels_changed[as_of.isoformat()] == int((truth != label_then(workspace, as_of, stored)).sum())

    # when May is finished the rest is revised; then the file grows
    loop.run(1)
    more = loop.revise(files, mapping=MAPPING)
    assert more is not None
    assert [(r.kind, r.month) for r in more.files] == [("sales", "2024-05")]
    assert sold(workspace) == given(restated)
    assert loop.revise(files, mapping=MAPPING) is None
    grown = pd.concat([restated, sales[sales["day"] >= "2024-06-01"]])
    spoken = pd.concat([said, feedback[feedback["day"] >= "2024-06-01"]])
    write(files, grown, spoken)
    assert loop.revise(files, mapping=MAPPING) is None
    assert [str(month) for month in loop.waiting()] == ["2024-06"]
    (june,) = loop.run()
    assert sold(workspace) == given(grown)
    assert june.rows["sales"] == int((grown["day"] >= "2024-06-01").sum())
    # as in a database that never knew anything else
    with open_workspace(backend) as fresh:
        fresh.lifecycle(scripted(), source=files, mapping=MAPPING).run()
        last = dt.date(2024, 7, 1)
        assert_frame_equal(features_at(workspace, last), features_at(fresh, last), rtol=TOLERANCE)


def label_then(workspace: Workspace, as_of: dt.date, stored: pd.DataFrame) -> pd.Series:
    found = workspace.sql(f"SELECT * FROM LABELS WHERE TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)").to_pandas()
    return stored["CUSTOMER_ID"].map(found.set_index("CUSTOMER_ID")["CHURNED"])


@pytest.mark.long_offline
def test_feedback_that_is_restated_before_it_is_read(workspace: Workspace, tmp_path: Path) -> None:
    """What a revision puts in, and the next one takes out again, is never scored."""
    files = write_world(tmp_path / "files", customers=40, months=3)
    march = (files / "sales_2024_3.csv").read_text(encoding="utf-8")
    loop = workspace.lifecycle(scripted(), source=files)
    loop.run(2)
    path = files / "feedback_raw_2024_2.csv"
    said = pd.read_csv(path, dtype=str)
    for words in ("terrible", "lovely", "so so"):
        said.head(-1).assign(COMMENT=words).to_csv(path, index=False)
        assert loop.revise(files) is not None
    assert (files / "sales_2024_3.csv").read_text(encoding="utf-8") == march
    loop.run()
    raw, scored = workspace.table("FEEDBACK_RAW").to_pandas(), workspace.table("FEEDBACK_SENTIMENT").to_pandas()
    both = [sorted(map(tuple, f[["FEEDBACK_ID", "COMMENT"]].to_numpy().tolist())) for f in (raw, scored)]
    assert both[0] == both[1]
    assert {"so so"} == set(scored[scored["FEEDBACK_ID"].isin(said["FEEDBACK_ID"])]["COMMENT"])
