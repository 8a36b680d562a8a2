"""A run that is interrupted anywhere and goes on: the same tables, native objects, artefacts and decisions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accounts import File, Schema
from loops import Interrupted, different, scripted, write_world

from churnobs import BackendFailed, MonthReport, Workspace
from churnobs.backends.snowflake import lifetime
from churnobs.backends.snowflake.engine import SnowflakeEngine
from churnobs.backends.snowflake.reconcile import reconcile
from churnobs.lifecycle import run as run_module
from churnobs.lifecycle.steps import Step, StepKind

# a first model in March, a promotion in April
MONTHS = 4
RETRAINED = "2024-04"
ACTIONS = ["wait", "wait", "first_model", "promote"]
Place = File | Schema
Left = tuple[dict[str, Any], list[MonthReport]]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


@pytest.fixture(scope="module")
def new_place(tmp_path_factory: pytest.TempPathFactory, snowflake_account: Any) -> Callable[[str], Place]:
    """What gives an empty database on a backend."""

    def make(backend: str) -> Place:
        if backend == "duckdb":
            return File(tmp_path_factory.mktemp("place") / "retail.duckdb")
        return Schema(snowflake_account, f"R_{uuid.uuid4().hex[:12]}".upper())

    return make


@pytest.fixture(scope="module")
def undisturbed(files: Path, new_place: Callable[[str], Place]) -> Callable[[str], Left]:
    """What a run leaves that nothing disturbed, by backend."""
    known: dict[str, Left] = {}

    def left(backend: str) -> Left:
        if backend not in known:
            place = new_place(backend)
            with place.open() as workspace:
                reports = workspace.lifecycle(scripted(), source=files).run()
                assert [r.decision.action for r in reports] == ACTIONS
                known[backend] = place.everything(workspace), reports
        return known[backend]

    return left


@pytest.fixture
def place(backend: str, files: Path, new_place: Callable[[str], Place]) -> Place:
    """A database with the months before the retraining."""
    if backend == "snowflake":
        pytest.skip("sessions are left open as dead processes leave them")
    made = new_place(backend)
    with made.open() as workspace:
        workspace.lifecycle(scripted(), source=files).run(3)
    return made


def take_over(place: Place, files: Path) -> None:
    """Go on in a new process, to the end."""
    with place.open() as workspace:
        workspace.lifecycle(scripted(), source=files).run(take_over=True)


def assert_same(place: Place, files: Path, expected: Left) -> None:
    with place.open() as workspace:
        assert workspace.lifecycle(scripted(), source=files).run() == []
        assert different(place.everything(workspace), expected[0]) == []
        assert workspace.lifecycle(scripted()).history() == expected[1]


@pytest.mark.long
def test_dead_before_every_step(place: Place, backend: str, files: Path, undisturbed: Callable[[str], Left]) -> None:
    for kind in StepKind:
        workspace = place.open()

        def dies(step: Step, at: StepKind = kind, workspace: Workspace = workspace) -> None:
            if step.kind is at and str(step.month) == RETRAINED:
                # nothing of what a process does on its way out is done by one that was killed
                place.die(workspace)
                raise Interrupted(f"before {step.name}")

        with pytest.raises(Interrupted):
            workspace.lifecycle(scripted(), source=files).run(take_over=True, progress=dies)
    take_over(place, files)
    assert_same(place, files, undisturbed(backend))


@pytest.mark.long
def test_an_error_at_the_end_of_every_step(
    place: Place, backend: str, files: Path, undisturbed: Callable[[str], Left], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By turns an exception, after which the same process goes on, and a death, after which another one takes over."""
    expected, workspace = undisturbed(backend), place.open()
    perform, failed = run_module.perform, set()

    def fails_once(loop: Any, step: Step, prepared: Any) -> Any:
        found = perform(loop, step, prepared)
        if str(step.month) == RETRAINED and step.kind not in failed:
            failed.add(step.kind)
            if len(failed) % 2:
                raise BackendFailed(f"after {step.name}")
            place.die(workspace)
            raise Interrupted(f"after {step.name}")
        return found

    monkeypatch.setattr(run_module, "perform", fails_once)
    loop = workspace.lifecycle(scripted(), source=files)
    died = False
    while loop.waiting():
        try:
            loop.run(take_over=died)
        except BackendFailed:
            # the right was let go, and nobody needs to take it
            died = False
        except Interrupted:
            workspace, died = place.open(), True
            loop = workspace.lifecycle(scripted(), source=files)
    assert len(failed) == len(StepKind)
    workspace.close()
    assert_same(place, files, expected)


@pytest.mark.long
@pytest.mark.parametrize("dead", [True, False], ids=["dead", "an error"])
def test_native_objects_that_a_commit_left_behind(
    dead: bool,
    files: Path,
    new_place: Callable[[str], Place],
    undisturbed: Callable[[str], Left],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows are kept, and what follows them natively is cut short at its first or last part: the next run makes it so."""
    expected, place = undisturbed("snowflake-offline"), new_place("snowflake-offline")
    workspace = place.open()
    act, cut, mended = SnowflakeEngine._act, [], []

    def stop() -> None:
        if dead:
            place.die(workspace)
            raise Interrupted("dead")
        raise BackendFailed("the network is away")

    def cut_short(engine: SnowflakeEngine) -> None:
        if engine._after and engine.fence is not None:
            at = 0 if len(cut) % 2 else len(engine._after) - 1
            cut.append(len(engine._after))
            engine._after[at] = stop
        act(engine)

    def reconciled(engine: SnowflakeEngine) -> tuple[str, ...]:
        done = reconcile(engine)
        mended.extend(done)
        return done

    monkeypatch.setattr(SnowflakeEngine, "_act", cut_short)
    monkeypatch.setattr(lifetime, "reconcile", reconciled)
    loop = workspace.lifecycle(scripted(), source=files)
    while loop.waiting():
        try:
            loop.run(take_over=dead)
        except Interrupted:
            workspace = place.open()
            loop = workspace.lifecycle(scripted(), source=files)
        except BackendFailed:
            continue
    loop.run(take_over=dead)
    assert len(cut) >= 3
    assert len(mended) >= len(cut), (cut, mended)
    workspace.close()
    assert_same(place, files, expected)
