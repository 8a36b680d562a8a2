"""The journal: append-only rows, and the present as a fold over them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from loops import Year

import churnobs
from churnobs import BadConfig, LifecycleConfig, Month, Workspace
from churnobs.lifecycle.journal import Journal
from churnobs.lifecycle.steps import StepKind, plan_month

MEANING = {"horizon_days": 30, "feature_views": [["A", "V1"]]}


@pytest.fixture
def workspace() -> Workspace:
    return churnobs.connect(threads=1)


def steps(month: Month):
    return plan_month(month, month.end, "a", LifecycleConfig(), ())


def test_what_is_appended_is_read_by_the_next_process(workspace: Workspace) -> None:
    engine = workspace._backend.engine
    journal = Journal(engine)
    journal.fix_meaning(MEANING)
    later, earlier = Month(2024, 2), Month(2024, 1)
    for month in (later, earlier):
        for step in steps(month)[: None if month == earlier else 2]:
            journal.append(step, {"of": str(month), "kind": step.name, "as_of": step.as_of}, 0.12345, 3)
    for known in (journal, Journal(engine)):
        assert known.finished() == [earlier]
        assert known.begun() == [earlier, later]
        assert known.result(later, StepKind.SENTIMENT) == {"of": "2024-02", "kind": "SENTIMENT", "as_of": "2024-03-01"}
        assert known.result(later, StepKind.FEATURES) is None
        assert [r["of"] for r in known.results(StepKind.INGEST)] == ["2024-01", "2024-02"]
        assert (
            known.seconds(later) == {"INGEST": 0.1235, "SENTIMENT": 0.1235} or known.seconds(later)["INGEST"] == 0.1234
        )
        assert len(known.done) == len(StepKind) + 2
    assert workspace.table("JOURNAL").count() == len(StepKind) + 3


def test_the_first_meaning_stays(workspace: Workspace) -> None:
    engine = workspace._backend.engine
    Journal(engine).fix_meaning(MEANING)
    Journal(engine).fix_meaning(MEANING)
    assert workspace.table("JOURNAL").count() == 1
    with pytest.raises(BadConfig, match=r"run with feature_views=\[\['A', 'V1'\]\], not \[\]; use the same setting"):
        Journal(engine).fix_meaning({**MEANING, "feature_views": []})


def test_what_was_rolled_back_is_forgotten(workspace: Workspace) -> None:
    engine = workspace._backend.engine
    journal = Journal(engine)
    step = steps(Month(2024, 1))[0]
    with suppress(ZeroDivisionError), engine.transaction():
        journal.append(step, {}, 0.0, 0)
        raise ZeroDivisionError
    assert journal.done != set()
    journal.reload()
    assert journal.done == set()


def test_every_step_of_a_run_has_exactly_one_row(year: Year) -> None:
    rows = year.workspace.sql("SELECT MONTH, STEP, KEY, SECONDS FROM JOURNAL WHERE MONTH <> ''").collect()
    assert len(rows) == 9 * len(StepKind)
    assert len({(row["MONTH"], row["STEP"]) for row in rows}) == len(rows)
    assert len({row["KEY"] for row in rows}) == len(rows)
    assert all(row["SECONDS"] >= 0 for row in rows)
