"""Which version served before: a fold over decisions and rollbacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from accounts import File
from loops import scripted, write_world

import churnobs
from churnobs import NotFound
from churnobs.lifecycle.corrections import defaults, plan_rollback


@pytest.mark.parametrize(
    ("promoted", "rollbacks", "expected"),
    [
        ("", {}, ""),
        ("-AABB", {}, "AB"),
        # taken back after the fourth month, kept, promoted anew and taken back again
        ("-ABAC", {"3": "A"}, "AC"),
        ("-ABACA", {"3": "A", "5": "A"}, "A"),
        # the promotion rule's own way back to the first model is a change like any other
        ("ABA", {}, "ABA"),
        ("ABAB", {"3": "B"}, "AB"),
    ],
)
def test_defaults(promoted: str, rollbacks: dict[str, str], expected: str) -> None:
    months = [(str(n), None if v == "-" else v) for n, v in enumerate(promoted, start=1)]
    assert defaults(months, rollbacks) == list(expected)


def test_a_default_that_was_set_by_hand_goes_back_to_what_the_loop_decided() -> None:
    planned = plan_rollback(["A", "B"], "X", {"A", "B", "X"}, "2024-05", "why")
    assert (planned.version, planned.former) == ("X", "B")


def test_a_former_default_that_was_deleted() -> None:
    with pytest.raises(NotFound, match=r"^the former default A was deleted; "):
        plan_rollback(["A", "B"], "B", {"B"}, "2024-05", "why")


def test_a_rollback_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dies before the commit is undone, and can be asked for again; readers see what was done."""
    files, place = write_world(tmp_path / "files", customers=120, months=4), File(tmp_path / "retail.duckdb")
    with place.open() as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        refit = loop.run()[-1].decision.default_version
        before = place.everything(workspace)
        with monkeypatch.context() as patched:
            patched.setattr("churnobs.lifecycle.journal.Journal.correct", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                loop.rollback("why")
        assert place.everything(workspace) == before
        assert loop.rollback("why").version == refit
        assert loop.served() == [workspace.registry.get_model("CHURN").default.version_name]
    with churnobs.connect(f"duckdb:{tmp_path / 'retail.duckdb.published'}", read_only=True) as published:
        assert published.lifecycle(scripted(), load=False).history()[-1].later[0].kind == "ROLLBACK"


def test_the_former_default_is_not_pruned(tmp_path: Path) -> None:
    files = write_world(tmp_path, customers=120, months=9)
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(keep_versions=1), source=files)
        loop.run(7)
        first = loop.rollback("the seventh month's refit").former
        loop.run(1)
        assert workspace.registry.get_model("CHURN").version(first)
