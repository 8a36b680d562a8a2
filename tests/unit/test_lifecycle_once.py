"""A month is exactly once: again, after an interruption, after an error, in another process, with more threads."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from loops import Interrupted, different, recipe, scripted, stops_at, tables, write_shop, write_world

import churnobs
from churnobs import BackendFailed, BadConfig, BadFile, LifecycleConfig, Month, NotFound
from churnobs.lifecycle import run as run_module
from churnobs.lifecycle.steps import TOGETHER, StepKind

# a first model in March, a promotion in April
MONTHS = 4
DISTURBED = ("2024-03", "2024-04")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=100, months=MONTHS)


@pytest.fixture(scope="module")
def undisturbed(files: Path) -> dict[str, list[str]]:
    """What a run leaves that nothing disturbed."""
    with churnobs.connect(threads=1) as workspace:
        reports = workspace.lifecycle(scripted(), source=files).run()
        assert [r.decision.action for r in reports] == ["wait", "wait", "first_model", "promote"]
        return tables(workspace)


@pytest.fixture(scope="module")
def two_months(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("begun") / "retail.duckdb"
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(scripted(), source=files).run(2)
    return place


@pytest.fixture
def begun(two_months: Path, tmp_path: Path) -> Path:
    """A database with the two months before the disturbed ones, and where it is."""
    return Path(shutil.copy(two_months, tmp_path / "retail.duckdb"))


def test_again_changes_nothing(files: Path, undisturbed: dict[str, list[str]]) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        reports = loop.run()
        assert loop.waiting() == ()
        assert loop.run() == []
        again = workspace.lifecycle(scripted(), source=files)
        assert again.run() == []
        assert again.history() == reports == loop.history()
        with pytest.raises(NotFound, match="no month is waiting"):
            again.process_one_month()
        assert workspace.ingest(files).rows_loaded == 0
        # two fresh runs are the same, and another one changed nothing
        assert different(tables(workspace), undisturbed) == []


def test_more_threads_change_nothing(files: Path, undisturbed: dict[str, list[str]]) -> None:
    with churnobs.connect(threads=4) as workspace:
        workspace.lifecycle(scripted(), source=files).run()
        assert different(tables(workspace), undisturbed) == []


def test_interrupted_before_every_step_and_opened_again(
    begun: Path, files: Path, undisturbed: dict[str, list[str]]
) -> None:
    for month in DISTURBED:
        for kind in StepKind:
            with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
                loop = workspace.lifecycle(scripted(), source=files)
                with pytest.raises(Interrupted):
                    loop.process_one_month(progress=stops_at(kind, month))
                # steps that are kept together begin again together
                groups = (*TOGETHER[:-2], (*TOGETHER[-2], *TOGETHER[-1]))
                first = next(group[0] for group in groups if kind in group)
                assert [step.kind for step in loop.plan()] == list(StepKind)[list(StepKind).index(first) :]
        with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
            assert workspace.lifecycle(scripted(), source=files).process_one_month().month == month
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        assert different(tables(workspace), undisturbed) == []


def test_an_error_at_the_end_of_every_step_is_as_if_it_had_not_begun(
    begun: Path, files: Path, undisturbed: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = run_module.perform
    failed: set[tuple[str, StepKind]] = set()

    def fails_once(loop: Any, step: Any, prepared: Any) -> Any:
        found = perform(loop, step, prepared)
        key = (str(step.month), step.kind)
        if key not in failed:
            failed.add(key)
            raise (RuntimeError, Interrupted)[len(failed) % 2](f"after {step.name}")
        return found

    monkeypatch.setattr(run_module, "perform", fails_once)
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        # the same loop goes on where it failed, without being opened again
        loop = workspace.lifecycle(scripted(), source=files)
        while loop.waiting():
            with suppress(RuntimeError, Interrupted):
                loop.process_one_month()
        assert len(failed) == 2 * len(StepKind)
        assert different(tables(workspace), undisturbed) == []


def test_a_failed_statement_or_commit_is_told_and_undone(
    begun: Path, files: Path, undisturbed: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        engine: Any = loop.backend.engine
        execute, fail = type(engine).execute, {"INSERT INTO": 3, "COMMIT": 4}

        def failing(self: Any, sql: str, values: Any = None) -> Any:
            for start, left in fail.items():
                if sql.startswith(start):
                    fail[start] = left - 1
                    if left == 1:
                        # ends the transaction as a full disk would
                        return execute(self, "SELECT CAST('no number' AS INTEGER)")
            return execute(self, sql, values)

        monkeypatch.setattr(type(engine), "execute", failing)
        for _ in fail:
            with pytest.raises(BackendFailed, match="no number"):
                loop.run()
        loop.run()
        assert different(tables(workspace), undisturbed) == []


def test_a_trainer_that_fails_can_be_replaced(begun: Path, files: Path) -> None:
    def broken(features: Any, labels: Any) -> Any:
        raise ZeroDivisionError("my own mistake")

    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        loop = workspace.lifecycle(scripted(trainer=broken), source=files)
        with pytest.raises(ZeroDivisionError, match="my own mistake"):
            loop.run()
        assert workspace.registry.models() == []
        assert loop.plan()[0].kind is StepKind.DATASET
        assert workspace.lifecycle(scripted(), source=files).run(1)[0].decision.action == "first_model"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"horizon_days": 14}, "horizon_days=30, not 14"),
        ({"label_anchor": "last_purchase"}, "label_anchor='as_of', not 'last_purchase'"),
        ({"active_within_days": None}, "active_within_days=90, not None"),
        ({"seed": 7}, "seed=0, not 7"),
        ({"name": "other"}, "name='CHURN', not 'OTHER'"),
    ],
)
def test_other_meanings_are_refused(changes: dict[str, Any], said: str, begun: Path, files: Path) -> None:
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        before = tables(workspace)
        loop = workspace.lifecycle(scripted(**changes), source=files)
        with pytest.raises(BadConfig, match=f"this database was run with {said}; use the same setting"):
            loop.process_one_month()
        assert different(tables(workspace), before) == []


def test_settings_that_mean_the_same_may_change(begun: Path, files: Path) -> None:
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        config = LifecycleConfig(trainer=recipe(), keep_versions=3, policy=churnobs.Never())
        assert workspace.lifecycle(config, source=files).run(1)[0].month == "2024-03"


def test_a_begun_month_keeps_its_files(begun: Path, files: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(files, tmp_path / "other"))
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        with pytest.raises(Interrupted):
            loop.process_one_month(progress=stops_at(StepKind.LABELS, "2024-03"))
    march = other / "sales_2024_3.csv"
    march.write_text("\n".join(march.read_text().splitlines()[:-1]) + "\n", encoding="utf-8")
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace, pytest.raises(BadFile, match="2024-03"):
        workspace.lifecycle(scripted(), source=other).run()
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        assert len(workspace.lifecycle(scripted(), source=files).run()) == 2


def test_more_sales_of_a_begun_month_are_refused(begun: Path, files: Path, tmp_path: Path) -> None:
    with churnobs.connect(f"duckdb:{begun}", threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        with pytest.raises(Interrupted):
            loop.process_one_month(progress=stops_at(StepKind.LABELS, "2024-03"))
        other = Path(shutil.copytree(files, tmp_path / "other"))
        header, row, *_ = (files / "sales_2024_3.csv").read_text().splitlines()
        more = "\n".join([header, "X" + row]) + "\n"
        (other / "new_sales_2024_3.csv").write_text(more, encoding="utf-8")
        with pytest.raises(BadFile, match="the month was begun with other files; put the former files back"):
            workspace.lifecycle(scripted(), source=other).process_one_month()


def test_the_past_stays_closed(tmp_path: Path) -> None:
    late, early = write_shop(tmp_path / "late", Month(2024, 3), 2), write_shop(tmp_path / "early", Month(2024, 1), 2)
    with churnobs.connect(threads=1) as workspace:
        workspace.lifecycle(scripted(), source=late).run()
        before = tables(workspace)
        with pytest.raises(BadFile):
            workspace.lifecycle(scripted(), source=early).run()
        assert different(tables(workspace), before) == []


def test_months_are_taken_in_order_and_by_number(files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        assert [str(month) for month in loop.waiting()] == ["2024-01", "2024-02", "2024-03", "2024-04"]
        assert [step.kind for step in loop.plan()] == list(StepKind)
        assert loop.run(0) == []
        with pytest.raises(BadConfig, match="-1 months cannot be processed"):
            loop.run(-1)
        with pytest.raises(NotFound, match="month 2024-01 is not finished; run"):
            loop.report("2024-01")
        assert [r.month for r in loop.run(1)] == ["2024-01"]
        assert loop.report("2024-01").month == "2024-01"
        assert "finished=1, waiting=3" in repr(loop)
