"""The loop as a task graph, driven by the test clock: the same tables, models and decisions as by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema
from loops import scripted, write_world

import churnobs
from churnobs import BadConfig, NotSupported, Workspace
from churnobs.lifecycle.deployed import GROUPS
from churnobs.testing import OfflineAccount, serve

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
MONTHS = 4
GRAPH = "CHURNOBS_CHURN"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


@pytest.fixture(scope="module")
def account() -> Iterator[OfflineAccount]:
    with serve() as opened:
        opened.clock.set(START)
        yield opened


def put(workspace: Workspace, *paths: Path) -> None:
    """What whoever delivers files does."""
    session = workspace._backend.engine.link.session  # type: ignore[attr-defined]
    for path in paths:
        session.file.put(path.as_posix(), "@CHURNOBS_INBOX", auto_compress=path.suffix == ".csv")
    session.sql("ALTER STAGE CHURNOBS_INBOX REFRESH").collect()


def of_month(files: Path, number: int) -> list[Path]:
    dated = sorted(files.glob(f"*_2024_{number}.csv"))
    return [*dated, *(sorted(files.glob("customers.csv")) if number == 1 else [])]


def states(workspace: Workspace) -> dict[str, list[str]]:
    found = workspace.lifecycle(scripted()).task_history()
    return found[found["STATE"] != "SCHEDULED"].groupby("NAME")["STATE"].apply(list).to_dict()


@pytest.fixture(scope="module")
def by_hand(account: OfflineAccount, files: Path) -> Any:
    place = Schema(account, "BY_HAND")
    workspace = place.open()
    workspace.lifecycle(scripted(), source=files).run()
    yield place.everything(workspace), workspace.lifecycle(scripted()).history()
    workspace.close()


def same(expected: Any, found: Any) -> None:
    """All tables but those of the graph itself."""
    assert {name for name in found if not name.startswith(GRAPH)} == set(expected)
    for name, rows in expected.items():
        assert found[name] == rows, name


@pytest.mark.long
def test_a_graph_on_a_schedule_ends_as_the_loop_by_hand(account: OfflineAccount, files: Path, by_hand: Any) -> None:
    place = Schema(account, "SCHEDULED")
    workspace = place.open()
    loop = workspace.lifecycle(scripted())
    shown: list[str] = []
    statements = loop.deploy_tasks(schedule="60 MINUTE", show=shown.append)
    assert tuple(shown) == statements
    assert workspace.lifecycle(scripted()).task_history()["STATE"].tolist().count("SCHEDULED") >= 1
    put(workspace, *sorted(files.glob("*.csv")))
    for _ in range(MONTHS):
        account.clock.advance(hours=1)
    tables, history = by_hand
    assert workspace.lifecycle(scripted()).history() == history
    same(tables, place.everything(workspace))
    found = states(workspace)
    assert set(found) == {GRAPH, *(f"{GRAPH}_{first}" for first in list(GROUPS)[1:])}
    assert all(state == "SUCCEEDED" for each in found.values() for state in each)
    said = workspace.lifecycle(scripted()).task_history()["RETURN_VALUE"].dropna().tolist()
    assert "2024-04: INGEST" in said
    # a run that finds nothing to do says so, and changes nothing
    account.clock.advance(hours=1)
    assert workspace.lifecycle(scripted()).task_history()["RETURN_VALUE"].iloc[-1] is not None
    same(tables, place.everything(workspace))
    dropped = loop.undeploy_tasks()
    assert any("DROP PROCEDURE" in one for one in dropped)
    assert loop.undeploy_tasks() == ()
    account.clock.advance(hours=3)
    same(tables, place.everything(workspace))
    workspace.close()


@pytest.mark.long
def test_new_files_start_the_graph_and_each_month_is_done_once(
    account: OfflineAccount, files: Path, by_hand: Any
) -> None:
    place = Schema(account, "ON_DATA")
    workspace = place.open()
    loop = workspace.lifecycle(scripted())
    loop.deploy_tasks(on_new_data=True, show=None)
    account.clock.advance(hours=1)
    assert loop.history() == []
    # month by month, and then two at once
    for number in (1, 2):
        put(workspace, *of_month(files, number))
        account.clock.advance(hours=1)
        assert [r.month for r in workspace.lifecycle(scripted()).history()] == [
            f"2024-0{n}" for n in range(1, number + 1)
        ]
    put(workspace, *of_month(files, 3), *of_month(files, 4))
    account.clock.advance(hours=1)
    tables, history = by_hand
    assert workspace.lifecycle(scripted()).history() == history
    same(tables, place.everything(workspace))
    workspace.close()


@pytest.mark.long
def test_a_task_that_fails_leaves_the_graph_to_be_taken_up(
    account: OfflineAccount, files: Path, by_hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Schema(account, "FAILING")
    workspace = place.open()
    loop = workspace.lifecycle(scripted())
    session: Any = workspace._backend.engine.link.session  # type: ignore[attr-defined]
    session.sql(
        "CREATE NOTIFICATION INTEGRATION OPS ENABLED = TRUE TYPE = QUEUE NOTIFICATION_PROVIDER = AWS_SNS DIRECTION = OUTBOUND "
        "AWS_SNS_TOPIC_ARN = 'arn:topic' AWS_SNS_ROLE_ARN = 'arn:role'"
    ).collect()
    loop.deploy_tasks(schedule="60 MINUTE", suspend_after=0, error_integration="OPS", show=None)
    put(workspace, *sorted(files.glob("*.csv")))
    before = len(account.notifications)
    from churnobs.lifecycle import models

    train, failures = models.train, iter((True, False, True))

    def sometimes(*given: Any) -> Any:
        if next(failures, False):
            raise churnobs.BackendFailed("the warehouse is out of memory", hint="try again")
        return train(*given)

    monkeypatch.setattr(models, "train", sometimes)
    for _ in range(MONTHS + 2):
        account.clock.advance(hours=1)
    tables, history = by_hand
    assert workspace.lifecycle(scripted()).history() == history
    same(tables, place.everything(workspace))
    found = workspace.lifecycle(scripted()).task_history()
    failed = found[found["STATE"] == "FAILED"]
    assert len(failed) == 2
    assert failed["NAME"].unique().tolist() == [f"{GRAPH}_DATASET"]
    assert failed["ERROR_MESSAGE"].str.contains("out of memory").all()
    told = account.notifications[before:]
    assert [n.integration for n in told] == ["OPS", "OPS"]
    assert all("out of memory" in n.body for n in told)
    workspace.close()


@pytest.mark.long
def test_a_bad_file_fails_its_task_and_nothing_of_it_is_loaded(
    account: OfflineAccount, files: Path, tmp_path: Path
) -> None:
    place = Schema(account, "BAD")
    workspace = place.open()
    loop = workspace.lifecycle(scripted())
    loop.deploy_tasks(schedule="60 MINUTE", suspend_after=2, show=None)
    bad = tmp_path / "sales_2024_1.csv"
    bad.write_text(
        (files / "sales_2024_1.csv").read_text(encoding="utf-8") + "T,C,no date,false,1,card,1\n", encoding="utf-8"
    )
    put(workspace, bad)
    account.clock.advance(hours=3)
    found = workspace.lifecycle(scripted()).task_history()
    failed = found[found["STATE"] == "FAILED"]
    # two failures in a row suspend the graph
    assert failed["NAME"].tolist() == [GRAPH, GRAPH]
    assert failed["ERROR_MESSAGE"].str.contains("sales_2024_1.csv").all()
    assert workspace.sql("SELECT * FROM SALES").collect() == []
    workspace.close()


def test_nothing_would_start_it(account: OfflineAccount) -> None:
    with Schema(account, "NEVER").open() as workspace:
        loop = workspace.lifecycle(scripted())
        with pytest.raises(BadConfig, match="nothing would start the graph"):
            loop.deploy_tasks()
        with pytest.raises(BadConfig, match="suspend_after is -1"):
            loop.deploy_tasks("60 MINUTE", suspend_after=-1)
        with pytest.raises(BadConfig, match="begins no group"):
            loop.run_group("LUNCH")
        assert loop.undeploy_tasks() == ()


def test_the_simulator_runs_no_tasks(files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        with pytest.raises(NotSupported, match="nothing here runs tasks"):
            loop.deploy_tasks("60 MINUTE")
        # the groups themselves run anywhere, and do no more than is next
        assert loop.run_group("LABELS" if "LABELS" in GROUPS else "DATASET") == "no month is in progress"
        for _ in range(MONTHS):
            for first in GROUPS:
                loop.run_group(first)
        assert loop.run_group("INGEST") == "no month is waiting"
        by_groups = loop.history()
    with churnobs.connect(threads=1) as workspace:
        assert workspace.lifecycle(scripted(), source=files).run() == by_groups


@pytest.mark.parametrize(
    ("denied", "where"),
    [("CREATE TASK", "SCHEMA D.FRESH"), ("CREATE PROCEDURE", "SCHEMA D.FRESH"), ("EXECUTE TASK", "ACCOUNT")],
)
def test_a_missing_grant_is_named_before_and_after(denied: str, where: str) -> None:
    with (
        serve(denied=[denied]) as account,
        churnobs.connect(account.session(database="D", schema="FRESH")) as workspace,
    ):
        workspace.deploy(show=None)
        lacking = [check for check in workspace.doctor() if check.ok is False]
        assert [check.name.upper() for check in lacking] == [f"GRANT {denied} ON {where}".upper()]
        assert "deploy_tasks" in lacking[0].found
        assert lacking[0].mend == f'GRANT {denied} ON {where} TO ROLE "ACCOUNTADMIN"'
        with pytest.raises(BadConfig, match=r"Insufficient privileges.*churnobs doctor"):
            workspace.lifecycle(scripted()).deploy_tasks(schedule="60 MINUTE", show=None)
