"""When to retrain and who may take over: tables of histories, and laws over all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import Script, recipe, scripted, write_shop

import churnobs
from churnobs import (
    Always,
    BadConfig,
    History,
    Keep,
    LifecycleConfig,
    LiftOrDrop,
    Measurement,
    MetricFloor,
    Month,
    Never,
    PairedTest,
    PromoteAlways,
    PromotionRule,
    RelativeDrop,
    Retrain,
    RetrainPolicy,
    Trial,
    policy_named,
)
from churnobs.lifecycle.decisions import Paired

PASSED = {"P_ABOVE_RECENCY": 0.001, "P_BELOW_BASE_RATE": 0.001}


def measured(values: Sequence[Any], *, role: Any = "DEFAULT", versions: str = "", metric: str = "ROC_AUC") -> History:
    """A history of one metric; None where it is not known, a dict for all values of a measurement."""
    names = versions or "A" * len(values)
    rows = []
    for i, (value, version) in enumerate(zip(values, names, strict=True)):
        own = value if isinstance(value, dict) else {metric: value, **PASSED}
        rows.append(Measurement(dt.date(2024, 1, 1) + dt.timedelta(days=31 * i), role, version, 100, own))
    return History(tuple(rows))


def calls(policy: RetrainPolicy, values: Sequence[Any], **how: Any) -> str:
    """What a policy answers month by month: R for retrain, k for keep."""
    whole = measured(values, **how)
    answers = [policy.decide(History(whole.measurements[: i + 1])) for i in range(len(values))]
    assert all(answer.reason for answer in answers)
    return "".join("R" if isinstance(answer, Retrain) else "k" for answer in answers)


@pytest.mark.parametrize(
    ("values", "answers"),
    [
        ([0.80, 0.80, 0.79], "kkk"),
        # exactly 5% below is not more than 5% below
        ([0.80, 0.76, 0.7599], "kkR"),
        # from there on until the score is back near the best
        ([0.80, 0.70, 0.77, 0.78, 0.795, 0.77], "kRRRkk"),
        # a slow fall adds up: what counts is the best ever, not the month before
        ([0.80, 0.78, 0.77, 0.755], "kkkR"),
        ([0.70, 0.80, 0.75], "kkR"),
    ],
)
def test_lift_or_drop_by_the_score(values: list[float], answers: str) -> None:
    assert calls(LiftOrDrop(), values) == answers


def test_lift_or_drop_is_not_reset_by_a_promotion() -> None:
    assert calls(LiftOrDrop(), [0.80, 0.70, 0.71, 0.72], versions="ABCD") == "kRRR"


def test_lift_or_drop_gives_up_on_a_score_that_stays_near_after_its_patience() -> None:
    # 0.77 is within 5% of the best and not back at it: six months of trying, then peace
    assert calls(LiftOrDrop(), [0.80, 0.75] + [0.77] * 8) == "k" + "R" * 6 + "k" * 3
    assert calls(LiftOrDrop(patience=2), [0.80, 0.75] + [0.77] * 3) == "kRRkk"


def test_lift_or_drop_never_gives_up_on_a_score_that_is_too_low() -> None:
    assert calls(LiftOrDrop(), [0.80] + [0.70] * 20) == "k" + "R" * 20


@pytest.mark.parametrize("failed", [{"P_ABOVE_RECENCY": 0.051}, {"P_BELOW_BASE_RATE": 0.06}, {"P_ABOVE_RECENCY": None}])
def test_lift_or_drop_fires_when_the_lift_is_lost(failed: dict[str, Any]) -> None:
    lost = {"ROC_AUC": 0.80, **PASSED, **failed}
    history = measured([0.80, lost])
    answer = LiftOrDrop().decide(history)
    assert answer == Retrain("the model does not beat the trivial classifiers on the newest final labels")
    assert isinstance(LiftOrDrop(alpha=0.2).decide(history), Keep if None not in failed.values() else Retrain)


def test_lift_or_drop_without_numbers() -> None:
    assert LiftOrDrop().decide(History()) == Keep("the default model has not been measured yet")
    assert LiftOrDrop().decide(measured([0.1], role="BASE")) == Keep("the default model has not been measured yet")
    one_class = measured([0.8, {"ROC_AUC": None, "P_ABOVE_RECENCY": 1.0, "P_BELOW_BASE_RATE": 1.0}])
    assert LiftOrDrop().decide(one_class) == Keep("the newest final labels are all of one class")


def test_the_demos_floor_is_there_by_name() -> None:
    assert policy_named("f1-floor") == MetricFloor("F1_SCORE", 0.8)
    assert calls(policy_named("f1-floor"), [0.8, 0.799, 0.9, 0.1], metric="F1_SCORE") == "kRkR"
    assert policy_named("f1-floor").decide(measured([0.79], metric="F1_SCORE")) == Retrain(
        "F1_SCORE 0.790 is below 0.8"
    )
    assert isinstance(MetricFloor("ROC_AUC", 0.6).decide(measured([None])), Keep)
    assert isinstance(MetricFloor().decide(History()), Keep)


def test_relative_drop_counts_from_the_version_that_serves() -> None:
    assert calls(RelativeDrop(), [0.80, 0.77, 0.75, 0.75, 0.74, 0.71], versions="AAABBB") == "kkRkkR"
    assert isinstance(RelativeDrop().decide(measured([None])), Keep)
    assert isinstance(RelativeDrop().decide(History()), Keep)


@given(st.lists(st.floats(0.0, 1.0), max_size=12))
def test_always_and_never_look_at_nothing(values: list[float]) -> None:
    assert set(calls(Always(), values)) <= {"R"}
    assert set(calls(Never(), values)) <= {"k"}


SCORES = st.lists(st.floats(0.3, 1.0), min_size=1, max_size=20)


@given(SCORES)
def test_lift_or_drop_always_fires_below_the_drop_and_never_at_the_best(values: list[float]) -> None:
    for i, answer in enumerate(calls(LiftOrDrop(), values)):
        best = max(values[: i + 1])
        if values[i] < best * 0.95:
            assert answer == "R"
        if values[i] >= best * 0.99:
            assert answer == "k"


@given(SCORES, st.floats(0.31, 0.6))
def test_lift_or_drop_fires_first_where_relative_drop_does_without_promotions(
    values: list[float], scale: float
) -> None:
    lift, relative = calls(LiftOrDrop(), values), calls(RelativeDrop(), values)
    assert lift.find("R") == relative.find("R")
    # only ratios count
    assert calls(RelativeDrop(), [v * 0.5 for v in values]) == relative


@given(SCORES, st.integers(1, 6))
def test_lift_or_drop_without_a_new_drop_stops_after_its_patience(values: list[float], patience: int) -> None:
    near = [1.0, 0.94] + [0.96 + 0.02 * value for value in values]
    answers = calls(LiftOrDrop(patience=patience), near)
    assert answers.count("R") == min(patience, len(near) - 1)
    assert answers.lstrip("k").rstrip("k") == "R" * answers.count("R")


def trial(challenger: float, base: float, *, p_challenger: float, p_base: float) -> Trial:
    paired = (
        Paired("CHALLENGER", "DEFAULT", challenger, 0.7, p_challenger, 500),
        Paired("BASE", "DEFAULT", base, 0.7, p_base, 500),
    )
    auc = {"BASE": base, "DEFAULT": 0.7, "CHALLENGER": challenger}
    return Trial((dt.date(2024, 6, 1),), 500, auc, paired)


@pytest.mark.parametrize(
    ("met", "winner"),
    [
        (trial(0.8, 0.6, p_challenger=0.01, p_base=0.99), "CHALLENGER"),
        (trial(0.8, 0.6, p_challenger=0.05, p_base=0.99), "DEFAULT"),
        (trial(0.6, 0.8, p_challenger=0.99, p_base=0.01), "BASE"),
        (trial(0.8, 0.9, p_challenger=0.01, p_base=0.01), "BASE"),
        (trial(0.9, 0.8, p_challenger=0.01, p_base=0.01), "CHALLENGER"),
        # equally good: the newer one
        (trial(0.8, 0.8, p_challenger=0.01, p_base=0.01), "CHALLENGER"),
        (trial(0.75, 0.74, p_challenger=0.2, p_base=0.3), "DEFAULT"),
    ],
)
def test_the_paired_test_promotes_rolls_back_or_ties(met: Trial, winner: str) -> None:
    chosen, why = PairedTest().choose(met)
    assert chosen == winner
    assert ("tie" in why) == (winner == "DEFAULT")
    assert "500 unseen rows" in why


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 1), st.floats(0.5, 1), st.floats(0.001, 0.2))
def test_nobody_is_promoted_without_evidence(p_c: float, p_b: float, c: float, b: float, alpha: float) -> None:
    met = trial(c, b, p_challenger=p_c, p_base=p_b)
    winner, _ = PairedTest(alpha).choose(met)
    assert (winner == "DEFAULT") == (p_c >= alpha and p_b >= alpha)
    assert winner == "DEFAULT" or met.p_better(winner, "DEFAULT") < alpha


def test_pairs_that_never_met_prove_nothing() -> None:
    alone = Trial((), 0, {"DEFAULT": 0.5}, ())
    assert alone.p_better("BASE", "DEFAULT") == 1.0
    assert PairedTest().choose(alone)[0] == "DEFAULT"
    assert PromoteAlways().choose(alone)[0] == "CHALLENGER"


def test_names_of_policies() -> None:
    for name in ("default", "f1-floor", "relative-drop", "always", "never"):
        assert isinstance(policy_named(name), RetrainPolicy)
    with pytest.raises(BadConfig, match="'sometimes' is no policy; one of default, f1-floor"):
        policy_named("sometimes")
    assert isinstance(PairedTest(), PromotionRule)


class EverySecond:
    """A policy of one's own needs one method."""

    def __init__(self) -> None:
        self.asked: list[History] = []

    def decide(self, history: History) -> Any:
        self.asked.append(history)
        return Retrain("every second time") if len(self.asked) % 2 else Keep("not this time")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """June to September: July has the first model."""
    return write_shop(tmp_path_factory.mktemp("shop"), Month(2023, 6), 4)


def test_a_policy_of_ones_own_runs_the_loop(shop: Path) -> None:
    policy = EverySecond()
    with churnobs.connect(threads=1) as workspace:
        config = LifecycleConfig(trainer=recipe(), policy=policy, promotion=Script({}))
        reports = workspace.lifecycle(config, source=shop).run()
    assert [r.decision.action for r in reports] == ["wait", "first_model", "tie", "keep"]
    assert reports[2].decision.reason == "every second time; so it is written"
    assert reports[3].decision.reason == "not this time"
    first, second = policy.asked
    # measurements and decisions so far, and this month's drift; not the decision that is being made
    assert [m.as_of for m in first.of("DEFAULT")] == [dt.date(2023, 8, 1)]
    assert [m.as_of for m in second.of("DEFAULT")] == [dt.date(2023, 8, 1), dt.date(2023, 9, 1)]
    assert [d.action for d in second.decisions] == ["wait", "first_model", "tie"]
    assert second.drift == reports[3].drift


class Odd:
    """A policy that forgot to answer."""

    def decide(self, history: History) -> Any:
        return None


def test_an_answer_that_is_none_is_told(shop: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(policy=Odd()), source=shop)
        loop.run(2)
        with pytest.raises(BadConfig, match=r"the policy answered None; return Keep\(reason\) or Retrain"):
            loop.run(1)
        rule = Script({dt.date(2023, 8, 1): "NOBODY"})
        with pytest.raises(BadConfig, match="the promotion rule chose 'NOBODY'; choose one of DEFAULT, BASE"):
            workspace.lifecycle(scripted(promotion=rule), source=shop).run(1)
        rule = Script({dt.date(2023, 8, 1): "CHALLENGER"})
        (report,) = workspace.lifecycle(scripted(promotion=rule), source=shop).run(1)
        assert report.decision.action == "promote"


@pytest.mark.parametrize("setting", ["policy", "promotion", "sentiment"])
def test_what_cannot_decide_is_refused_at_once(setting: str) -> None:
    with pytest.raises(BadConfig, match=f"{setting} is no"):
        LifecycleConfig(**{setting: object()})
