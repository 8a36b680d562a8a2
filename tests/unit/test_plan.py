"""A month as a row of steps: pure arithmetic on settings, files and what is done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnobs import BadConfig, LifecycleConfig, Month
from churnobs.lifecycle.steps import Step, StepKind, plan_month

MAY = Month(2024, 5)
CONFIG = LifecycleConfig()


def plan(content: str = "a", config: LifecycleConfig = CONFIG, done: Any = ()) -> tuple[Step, ...]:
    return plan_month(MAY, MAY.end, content, config, done)


def key(step: Step) -> tuple[str, str, str]:
    return str(step.month), step.name, step.key


def test_a_month_does_all_steps_in_order() -> None:
    assert [step.name for step in plan()] == [
        "INGEST", "SENTIMENT", "FEATURES", "LABELS", "DATASET", "MEASURE", "DRIFT", "DECIDE", "TRAIN", "PROMOTE",
        "PREDICT", "MONITOR", "ESTIMATE", "PRUNE", "ALERT", "REPORT",
    ]  # fmt: skip
    assert {step.as_of for step in plan()} == {dt.date(2024, 6, 1)}
    assert len({step.key for step in plan()}) == len(StepKind)
    assert plan() == plan()


@given(st.integers(0, len(StepKind)))
def test_what_is_done_is_not_planned_again(steps: int) -> None:
    done = {key(step) for step in plan()[:steps]}
    assert plan(done=done) == plan()[steps:]


@pytest.mark.parametrize(
    "config",
    [
        CONFIG.replaced(horizon_days=14),
        CONFIG.replaced(label_anchor="last_purchase"),
        CONFIG.replaced(active_within_days=None),
        CONFIG.replaced(seed=1),
        CONFIG.replaced(name="OTHER"),
        CONFIG.replaced(feature_views=(("LOYALTY", "V1"),)),
    ],
)
def test_keys_tell_meanings_apart(config: LifecycleConfig) -> None:
    assert not {step.key for step in plan()} & {step.key for step in plan(config=config)}


def test_keys_tell_files_and_months_apart_and_nothing_else() -> None:
    assert not {step.key for step in plan()} & {step.key for step in plan("b")}
    june = plan_month(MAY.next(), MAY.next().end, "a", CONFIG, ())
    assert not {step.key for step in plan()} & {step.key for step in june}
    assert plan(config=CONFIG.replaced(keep_versions=2, trainer=lambda x, y: None)) == plan()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"horizon_days": 0}, "horizon_days is 0; give a whole number from 1 to 36500"),
        ({"active_within_days": -1}, "active_within_days is -1"),
        ({"keep_datasets": 0}, "keep_datasets is 0"),
        ({"keep_versions": 0}, "keep_versions is 0"),
        ({"sample_rows": 10}, "sample_rows is 10; give a whole number from 1000"),
        ({"label_anchor": "today"}, "'today' is no label anchor; one of as_of, last_purchase"),
        ({"name": "my model"}, "'my model' is not a name"),
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        LifecycleConfig(**wrong)


def test_names_are_upper_case() -> None:
    config = LifecycleConfig(name="churn_x", feature_views=(("loyalty", "V1"),))
    assert (config.name, config.feature_views) == ("CHURN_X", (("LOYALTY", "V1"),))
