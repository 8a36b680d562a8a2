"""Policies that look at chance, estimates, drift and the calendar; policies made of others; months replayed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import recipe, write_shop, write_world
from sklearn.metrics import f1_score

import churnobs
from churnobs import (
    Alert,
    Always,
    BadConfig,
    Calendar,
    Cooldown,
    Decision,
    DemoRule,
    Drifted,
    EstimatedFloor,
    History,
    Keep,
    LifecycleConfig,
    LiftOrDrop,
    Measurement,
    MetricFloor,
    Month,
    Never,
    Policy,
    RelativeDrop,
    Retrain,
    RetrainAction,
    RetrainPolicy,
    SignificantDrop,
    Trial,
    backtest,
    policy_named,
)
from churnobs.codec import from_json, to_json
from churnobs.lifecycle.decisions import Paired
from churnobs.lifecycle.policies import POLICIES
from churnobs.lifecycle.report import MonthReport
from simulations import WORLDS, simulate

R, K = Retrain("yes"), Keep("no")


class Says:
    """A policy of ten lines that is no child of churnobs' own."""

    def __init__(self, answer: Keep | Retrain) -> None:
        self.answer = answer

    def decide(self, history: History) -> Keep | Retrain:
        return self.answer


def said(answer: Keep | Retrain) -> bool:
    assert answer.reason
    return isinstance(answer, Retrain)


def aucs(*values: float | None, rows: int = 1000, rate: float = 0.5) -> History:
    start = dt.date(2024, 1, 1)
    return History(
        tuple(
            Measurement(start + dt.timedelta(31 * i), "DEFAULT", "A", rows, {"ROC_AUC": v, "BASE_RATE": rate})
            for i, v in enumerate(values)
        )
    )


@pytest.mark.parametrize("a", [R, K])
@pytest.mark.parametrize("b", [R, K])
def test_and_or_not_are_those_of_logic(a: Keep | Retrain, b: Keep | Retrain) -> None:
    first, second = Always() if a is R else Never(), Says(b)
    for both in (first & second, second & first):
        assert said(both.decide(History())) == (a is R and b is R)
    for either in (first | second, second | first):
        assert said(either.decide(History())) == (a is R or b is R)
    assert said((~first).decide(History())) == (a is not R)
    # De Morgan
    assert said((~(first & second)).decide(History())) == said((~first | ~(Never() | second)).decide(History()))


def test_a_combined_policy_gives_the_reasons_that_decided() -> None:
    yes, no = Says(Retrain("it rains")), Says(Keep("the sun shines"))
    assert (Always() & yes).decide(History()) == Retrain(
        "the policy retrains whenever labels become final and it rains"
    )
    assert (Always() & no).decide(History()) == Keep("the sun shines")
    assert (Never() | yes).decide(History()) == Retrain("it rains")
    assert (Never() | no).decide(History()) == Keep("the policy never retrains and the sun shines")
    assert (~(Never() | yes)).decide(History()) == Keep("not: it rains")
    assert len((Always() & yes & no).policies) == 3
    assert len((Always() | (yes | Never()) | no).policies) == 4
    assert len(((Always() & yes) | no).policies) == 2


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(BadConfig, match="42 is no policy"):
        Always() & 42  # type: ignore[operator]
    with pytest.raises(BadConfig, match="no policy"):
        backtest("default", [])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="abstract"):
        Policy()  # type: ignore[abstract]
    for wrong in (lambda: Calendar(0), lambda: Cooldown(0), lambda: Drifted(0), lambda: SignificantDrop(0.6)):
        with pytest.raises(BadConfig):
            wrong()


def test_estimates_are_asked_for_by_any_part() -> None:
    needs = EstimatedFloor()
    for policy, expected in (
        (needs, True),
        (Always(), False),
        (~(Always() & (Never() | needs)), True),
        (~Never(), False),
    ):
        assert getattr(policy, "needs_estimates", False) is expected


def simulated_error(auc: float, ups: int, downs: int) -> float:
    """The standard deviation of the AUC of drawn scores, negative exponential as in Hanley and McNeil's formula."""
    rng = np.random.default_rng(5)
    rate = auc / (1 - auc)
    found = []
    for _ in range(800):
        # P(up > down) of exponentials with means rate and 1 is rate / (1 + rate)
        up, down = rate * rng.exponential(size=ups), rng.exponential(size=downs)
        found.append((up[:, None] > down[None, :]).mean())
    return float(np.std(found))


def test_a_drop_is_significant_by_the_error_that_auc_has() -> None:
    error = float(np.hypot(simulated_error(0.8, 150, 150), simulated_error(0.72, 150, 150)))
    z = 0.08 / error
    assert 2.0 < z < 3.6
    from scipy.stats import norm

    p = norm.sf(z)
    history = aucs(0.8, 0.72, rows=300)
    assert said(SignificantDrop(alpha=min(p * 1.4, 0.49)).decide(history))
    assert not said(SignificantDrop(alpha=p / 1.4).decide(history))
    # more rows make the same drop surer
    assert said(SignificantDrop(alpha=p / 1.4).decide(aucs(0.8, 0.72, rows=3000)))


def test_a_significant_drop_needs_numbers_and_size() -> None:
    policy = SignificantDrop(alpha=0.05)
    assert not said(policy.decide(History()))
    assert not said(policy.decide(aucs(0.8, 0.4, rate=1.0)))
    assert not said(policy.decide(aucs(0.8, None)))
    assert not said(policy.decide(aucs(0.8, 0.795, rows=10_000_000)))
    assert said(SignificantDrop(alpha=0.05, least=0.0).decide(aucs(0.8, 0.795, rows=10_000_000)))
    assert not said(policy.decide(aucs(0.7, 0.9)))


@given(st.lists(st.floats(0.5, 0.99), min_size=1, max_size=8))
def test_a_significant_drop_never_fires_at_the_best(values: list[float]) -> None:
    assert not said(SignificantDrop().decide(aucs(*values, max(values))))


@pytest.mark.parametrize(
    ("estimates", "trusted", "sure", "fires"),
    [
        ({"ROC_AUC": (0.65, 0.6, 0.75)}, True, False, True),
        ({"ROC_AUC": (0.65, 0.6, 0.75)}, True, True, False),
        ({"ROC_AUC": (0.65, 0.6, 0.69)}, True, True, True),
        ({"ROC_AUC": (0.70, 0.6, 0.8)}, True, False, False),
        ({"ROC_AUC": (0.65, 0.6, 0.69)}, False, False, False),
        ({"ROC_AUC": (0.65, 0.6, 0.69)}, None, False, False),
        ({"ROC_AUC": (None, None, None)}, True, False, False),
        ({}, True, False, False),
    ],
)
def test_the_estimated_floor(estimates: Any, trusted: bool | None, sure: bool, fires: bool) -> None:
    history = History(estimates=estimates, trusted=trusted)
    assert said(EstimatedFloor(sure=sure).decide(history)) == fires


def test_drift_alarms_call_for_a_challenger() -> None:
    history = History(alarms=(("AGE", "far"), ("LIFETIME_SPEND", "far")))
    assert Drifted().decide(history) == Retrain("2 drift alarms (AGE, LIFETIME_SPEND), 1 needed")
    assert said(Drifted(2).decide(history))
    assert not said(Drifted(3).decide(history))
    assert said(Drifted(columns=("age",)).decide(history))
    assert not said(Drifted(2, columns=("age",)).decide(history))
    assert not said(Drifted().decide(History()))


def months_called(policy: RetrainPolicy, months: int = 14) -> list[int]:
    """The months, from 1, in which a policy calls for a challenger; the first model is of month 2."""
    decisions: list[Decision] = []
    month, found = Month(2023, 11), []
    for number in range(1, months + 1):
        if number == 2:
            decisions.append(Decision(str(month), "first_model", "r", "A"))
        elif number > 2:
            answer = policy.decide(History(decisions=tuple(decisions), month=str(month)))
            decisions.append(Decision(str(month), "tie", answer.reason, "A", retrain=said(answer)))
            found += [number] if said(answer) else []
        else:
            decisions.append(Decision(str(month), "wait", "r", None))
        month = month.next()
    return found


def test_the_calendar_counts_months_over_the_turn_of_years() -> None:
    assert months_called(Calendar(3)) == [5, 8, 11, 14]
    assert months_called(Calendar(1)) == list(range(3, 15))
    assert months_called(Calendar(12)) == [14]


def test_a_cooldown_keeps_challengers_apart() -> None:
    assert months_called(Always() & Cooldown(3)) == [3, 7, 11]
    assert months_called(Always() & Cooldown(1)) == [3, 5, 7, 9, 11, 13]
    assert months_called(~Cooldown(3) & Always()) == []


def test_the_calendar_knows_the_month_without_being_told() -> None:
    past = (Decision("2024-03", "first_model", "r", "A"), Decision("2024-05", "keep", "r", "A"))
    assert History(decisions=past).months_since_training() == 3
    assert History(decisions=past, month="2025-01").months_since_training() == 10
    assert History(decisions=past).months_since_challenge() is None
    assert not said(Calendar().decide(History()))


def met(first: str, label: np.ndarray, a: np.ndarray, b: np.ndarray) -> Paired:
    joint = tuple(np.bincount(4 * label + 2 * a + b, minlength=8).tolist())
    return Paired(first, "DEFAULT", 0.5, 0.5, 0.5, len(label), None, None, joint)


@given(st.integers(0, 10_000))
def test_the_demo_promotes_by_the_higher_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, default, base, challenger = rng.integers(0, 2, (4, 30))
    trial = Trial((), 30, {}, (met("CHALLENGER", label, challenger, default), met("BASE", label, base, default)))
    scores = {
        role: f1_score(label, said_, zero_division=0)
        for role, said_ in (("DEFAULT", default), ("BASE", base), ("CHALLENGER", challenger))
    }
    winner, why = DemoRule().choose(trial)
    assert scores[winner] == pytest.approx(max(scores.values()))
    assert (winner == "DEFAULT") == ("tie" in why)
    if winner != "DEFAULT":
        assert scores[winner] > scores["DEFAULT"]


def test_the_demo_without_counts_promotes_nobody() -> None:
    assert DemoRule().choose(Trial((), 0, {}, ()))[0] == "DEFAULT"
    assert DemoRule(0.7).decide(aucs(0.9)) == MetricFloor("F1_SCORE", 0.7).decide(aucs(0.9))


def test_every_named_policy_answers_an_empty_history() -> None:
    for name, policy in POLICIES.items():
        assert policy_named(name) is policy
        assert isinstance(policy, Policy)
        assert policy.decide(History()).reason
    with pytest.raises(BadConfig, match="significant-drop"):
        policy_named("best")


RUNS: dict[str, tuple[str, Callable[[], LifecycleConfig]]] = {
    "default": ("sudden", lambda: LifecycleConfig(policy=LiftOrDrop())),
    "f1": ("demo", lambda: LifecycleConfig(policy=MetricFloor(floor=0.75), promotion=DemoRule())),
    "drop": ("gradual", lambda: LifecycleConfig(policy=RelativeDrop() | SignificantDrop(alpha=0.2))),
    "calendar": ("season", lambda: LifecycleConfig(policy=Calendar(2) & ~Never())),
    "drift": ("demo", lambda: LifecycleConfig(policy=Drifted() & Cooldown(1))),
    "estimated": ("sudden", lambda: LifecycleConfig(policy=EstimatedFloor(floor=0.9) & Cooldown(1))),
}


# two of the runs in each CI, all of them in make check-long
@pytest.fixture(
    scope="module",
    params=[name if name in {"default", "f1"} else pytest.param(name, marks=pytest.mark.long) for name in RUNS],
)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world, made = RUNS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    simulate(WORLDS[world], customers=300, months=12, seed=4).write(folder)
    config = made().replaced(trainer=recipe())
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(config, source=folder)
        loop.run()
        yield loop


def test_a_backtest_says_what_the_policy_said_live(ran: Any) -> None:
    before = [report.to_dict() for report in ran.history()]
    found = ran.config.policy.backtest(ran)
    assert found.same
    reports = ran.history()
    assert [m.month for m in found] == [r.month for r in reports]
    asked = 0
    for month, report in zip(found, reports, strict=True):
        if report.decision.action in {"wait", "first_model"}:
            assert (month.live, month.says) == (None, None)
        else:
            asked += 1
            assert month.says == report.decision.retrain
            assert report.decision.reason.startswith(month.reason)
    assert asked == 9
    assert list(backtest(ran.config.policy, list(reports))) == list(found)
    assert [report.to_dict() for report in ran.history()] == before
    # all policies can be asked of any run
    for policy in POLICIES.values():
        replayed = backtest(policy, reports)
        assert [m.says is None for m in replayed] == [m.says is None for m in found]
    assert backtest(Always(), reports).retrains == 9
    assert backtest(Never(), reports).retrains == 0


def test_some_runs_retrain_and_some_months_keep(ran: Any) -> None:
    called = [r.decision.retrain for r in ran.history()][3:]
    assert any(called)
    assert not all(called)


def test_what_was_foreseen_is_what_the_report_expects_where_nothing_changed(ran: Any) -> None:
    seen = [r for r in ran.history() if r.foreseen]
    if not getattr(ran.config.policy, "needs_estimates", False):
        assert seen == []
        return
    kept = [r for r in seen if r.decision.action in {"keep", "tie"}]
    assert kept
    for report in kept:
        for metric, expected in report.estimates.items():
            seen_then = report.foreseen[metric]
            # the monitor keeps scores of a large day in cells, and intervals are drawn
            assert seen_then[0] == pytest.approx(expected[0], abs=0.01)
            assert seen_then[1:] == pytest.approx(expected[1:], abs=0.03)


def test_a_backtest_shows_itself(ran: Any) -> None:
    found = Never().backtest(ran)
    assert repr(found).startswith("Backtest(12 months, 0 challengers called for, ")
    frame = found.to_pandas()
    assert list(frame.columns) == ["MONTH", "LIVE", "SAYS", "REASON", "SAME"]
    assert frame["SAME"].tolist() == [m.same for m in found]
    assert "the policy never retrains" in found._repr_html_()


def test_a_month_that_an_alert_decided_tells_nothing_of_the_policy(tmp_path: Path) -> None:
    alerts = (Alert("low", "roc_auc", below=1.01, action=RetrainAction()),)
    config = LifecycleConfig(policy=Never(), alerts=alerts, trainer=recipe())
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(config, source=write_world(tmp_path, customers=200, months=7))
        loop.run()
        found = Never().backtest(loop)
    assert any(m.by_alert and m.live and m.says is False for m in found)
    assert found.same


def test_reports_of_before_replay_too(tmp_path: Path) -> None:
    """A report that was journaled without what this version keeps."""
    write_shop(tmp_path, Month(2024, 1), 7)
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(LifecycleConfig(policy=Calendar(2), trainer=recipe()), source=tmp_path)
        reports = loop.run()
    import json

    old = []
    for report in reports:
        plain = json.loads(to_json(report))
        del plain["foreseen"]
        old.append(from_json(MonthReport, json.dumps(plain)))
    assert Calendar(2).backtest(old).same


def test_an_answer_that_is_none_is_refused(ran: Any) -> None:
    class Silent:
        def decide(self, history: History) -> Any:
            return None

    with pytest.raises(BadConfig, match="the policy answered None"):
        backtest(Silent(), ran)
