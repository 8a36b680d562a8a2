"""A promotion taken back: the former default predicts from the next month on, once, and on the record."""

from __future__ import annotations

from pathlib import Path

import pytest
from loops import ACTIONS, scripted, write_world

from churnobs import BackendFailed, BadConfig, NotFound, Workspace
from churnobs.lifecycle.steps import Step, StepKind

MONTHS = 6
WHY = "the refit <b>over-calls</b> 'new' customers"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=120, months=MONTHS)


def serving(workspace: Workspace) -> str:
    return workspace.registry.get_model("CHURN").default.version_name


def stored(workspace: Workspace, as_of: object) -> set[str]:
    where = f"TIMESTAMP = CAST('{as_of}' AS TIMESTAMP)"
    return {row["V"] for row in workspace.sql(f"SELECT DEFAULT_VERSION AS V FROM PREDICTIONS WHERE {where}").collect()}


@pytest.mark.long_offline
def test_the_former_default_serves_from_the_next_month_on(workspace: Workspace, files: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=files)
    reports = loop.run(4)
    assert tuple(r.decision.action for r in reports) == ACTIONS[:4]
    base, refit = reports[2].decision.default_version, reports[3].decision.default_version
    back = loop.rollback(WHY)
    assert (back.after, back.version, back.former, back.reason) == ("2024-04", refit, base, WHY)
    assert serving(workspace) == base
    # what is stored is what was said then
    assert stored(workspace, reports[3].as_of) == {refit}
    # once, whoever asks again, and for whatever reason
    assert loop.rollback("again") == back
    assert workspace.lifecycle(scripted()).rollback("in another process") == back
    assert workspace.registry.rollback("through the registry") == back
    kept = workspace.sql("SELECT COUNT(*) AS N FROM JOURNAL WHERE STEP = 'ROLLBACK'").collect()
    assert [row["N"] for row in kept] == [1]
    comment = workspace.registry.get_model("CHURN").version(str(refit)).comment
    assert comment.endswith(f"rolled back after 2024-04: {WHY}")
    assert loop.history()[3].later[0].words == back.words
    assert back.words in loop.report("2024-04").text()
    # the finished month itself says what it said
    assert loop.report("2024-04") == reports[3]

    (may,) = loop.run(1)
    assert [c.words for c in may.corrections] == [back.words]
    assert back.words in may.text()
    assert may.to_dict()["corrections"] == [back.words]
    assert (may.decision.action, may.decision.default_version) == ("tie", base)
    assert stored(workspace, may.as_of) == {base}
    # the labels of 1 May are final: the default of that day is measured by what was stored on it
    (measured,) = [m for m in may.measurements if m.role == "DEFAULT"]
    assert (measured.as_of, measured.version) == (reports[3].as_of, refit)
    (june,) = loop.run(1)
    assert june.corrections == ()
    assert {m.version for m in june.measurements if m.role == "DEFAULT"} == {base}


@pytest.mark.long
def test_one_step_back_a_month_down_to_the_first_model(workspace: Workspace, files: Path) -> None:
    loop = workspace.lifecycle(scripted(), source=files)
    with pytest.raises(NotFound, match=r"^no former default to roll back to: no model serves; "):
        loop.rollback(WHY)
    reports = loop.run(3)
    with pytest.raises(
        NotFound, match=rf"^no former default .*: {reports[2].decision.default_version} was the first; "
    ):
        loop.rollback(WHY)
    loop.run(1)
    with pytest.raises(BadConfig, match=r"^a rollback needs a reason; "):
        loop.rollback("  ")
    assert loop.rollback(WHY).former == reports[2].decision.default_version

    def stops(step: Step) -> None:
        if step.kind is StepKind.PREDICT:
            raise BackendFailed("away")

    with pytest.raises(BackendFailed):
        loop.run(1, progress=stops)
    with pytest.raises(BadConfig, match=r"^month 2024-05 is begun and not finished; run\(\) finishes it"):
        loop.rollback(WHY)
    loop.run(1)
    with pytest.raises(NotFound, match=r"^no former default to roll back to: .* was the first; "):
        loop.rollback(WHY)
