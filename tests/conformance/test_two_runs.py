"""Two runs over one schema: one works, the other says so; who takes over leaves nothing of the other's unfinished step."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema, session_of
from loops import Interrupted, different, scripted, write_world

from churnobs import DatabaseBusy, Workspace
from churnobs.backends.snowflake.lifetime import LEASE_MINUTES, RunLock
from churnobs.lifecycle.steps import Step, StepKind

MONTHS = 1
BUSY = r"OFFLINE has been running the loop since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC; wait for it to end; if it died"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=60, months=MONTHS)


@pytest.fixture(scope="module")
def new_schema(snowflake_account: Any) -> Callable[[], Schema]:
    return lambda: Schema(snowflake_account, f"TWO_{uuid.uuid4().hex[:12]}".upper())


@pytest.fixture(scope="module")
def undisturbed(files: Path, new_schema: Callable[[], Schema]) -> dict[str, Any]:
    place = new_schema()
    with place.open() as workspace:
        workspace.lifecycle(scripted(), source=files).run()
        return place.everything(workspace)


@pytest.fixture
def place(new_schema: Callable[[], Schema]) -> Schema:
    return new_schema()


@pytest.fixture
def one(place: Schema) -> Iterator[Workspace]:
    with place.open() as workspace:
        yield workspace


@pytest.fixture
def two(place: Schema, one: Workspace) -> Iterator[Workspace]:
    with place.open() as workspace:
        yield workspace


def at(kind: StepKind, action: Callable[[], object]) -> Callable[[Step], None]:
    """A progress callback that does something before each step of a kind."""

    def progress(step: Step) -> None:
        if step.kind is kind:
            action()

    return progress


def test_the_second_is_refused_at_once(
    place: Schema, one: Workspace, two: Workspace, files: Path, undisturbed: dict[str, Any]
) -> None:
    refused: list[StepKind] = []

    def second(step: Step) -> None:
        # between the transactions of the first, and within one
        with pytest.raises(DatabaseBusy, match=BUSY):
            two.lifecycle(scripted(), source=files).run()
        with pytest.raises(DatabaseBusy, match=BUSY):
            two.ingest(files)
        refused.append(step.kind)

    one.lifecycle(scripted(), source=files).run(progress=second)
    assert refused == list(StepKind) * MONTHS
    # it is free again
    assert two.lifecycle(scripted(), source=files).run() == []
    assert different(place.everything(two), undisturbed) == []


@pytest.mark.parametrize("kind", [StepKind.INGEST, StepKind.LABELS])
def test_who_is_taken_over_keeps_nothing_of_its_step(
    kind: StepKind, place: Schema, one: Workspace, two: Workspace, files: Path, undisturbed: dict[str, Any]
) -> None:
    """Before the first transaction, and in the middle of one in which rows are changed already."""
    taken: list[int] = []

    def take_over() -> None:
        if not taken:
            taken.append(len(two.lifecycle(scripted(), source=files).run(take_over=True)))

    with pytest.raises(Exception, match=r"the Snowflake session is over|another run took over"):
        one.lifecycle(scripted(), source=files).run(progress=at(kind, take_over))
    assert taken == [MONTHS]
    assert different(place.everything(two), undisturbed) == []


def test_a_session_that_cannot_be_ended_is_refused_by_its_rows(
    place: Schema,
    one: Workspace,
    two: Workspace,
    files: Path,
    undisturbed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As above where the role may not end sessions, and nothing of the first was open."""
    monkeypatch.setattr(RunLock, "_end", lambda *_: None)
    taken: list[int] = []

    def take_over() -> None:
        if not taken:
            taken.append(len(two.lifecycle(scripted(), source=files).run(take_over=True)))

    with pytest.raises(DatabaseBusy, match="another run took over; nothing of this step was kept"):
        one.lifecycle(scripted(), source=files).run(progress=at(StepKind.FEATURES, take_over))
    assert taken == [MONTHS]
    assert different(place.everything(two), undisturbed) == []


def test_a_stale_right_is_taken_without_being_asked(
    place: Schema, one: Workspace, two: Workspace, files: Path, undisturbed: dict[str, Any]
) -> None:
    def dies(step: Step) -> None:
        if step.kind is StepKind.LABELS:
            place.die(one)
            raise Interrupted("dead")

    with pytest.raises(Interrupted):
        one.lifecycle(scripted(), source=files).run(progress=dies)
    beat = f"UPDATE RUN_LOCK SET BEAT = DATEADD('minute', -{LEASE_MINUTES} {{}} 1, SYSDATE())"
    session_of(two).sql(beat.format("+")).collect()
    with pytest.raises(DatabaseBusy, match=BUSY):
        two.lifecycle(scripted(), source=files).run()
    session_of(two).sql(beat.format("-")).collect()
    assert len(two.lifecycle(scripted(), source=files).run()) == MONTHS
    assert different(place.everything(two), undisturbed) == []


def test_of_many_that_begin_at_once_one_works(place: Schema, files: Path, undisturbed: dict[str, Any]) -> None:
    workspaces = [place.open() for _ in range(4)]
    loops = [w.lifecycle(scripted(), source=files) for w in workspaces]
    together, done = threading.Barrier(len(loops)), dict[int, Any]()

    def run(number: int) -> None:
        together.wait()
        try:
            done[number] = len(loops[number].run())
        except BaseException as error:  # noqa: BLE001  # what it was is what is asked
            done[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(loops))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [found for found in done.values() if not isinstance(found, int)]
    assert {type(error) for error in errors} <= {DatabaseBusy}, errors
    # a late one finds nothing to do
    assert sorted(found for found in done.values() if isinstance(found, int))[-1] == MONTHS
    assert sum(found for found in done.values() if isinstance(found, int)) == MONTHS
    assert different(place.everything(workspaces[0]), undisturbed) == []
    for workspace in workspaces:
        workspace.close()
