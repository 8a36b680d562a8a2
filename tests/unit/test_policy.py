"""When to retrain and who may take over: tables of histories, and laws over all of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops import Script, Year, recipe, scripted, write_shop
from scipy.stats import binomtest, norm
from sklearn.metrics import f1_score

import churnobs
from churnobs import (
    Always,
    BadConfig,
    ConfidentGain,
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
from churnobs.class_comparison import JointCounts
from churnobs.codec import from_json, to_json
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


def gains(challenger: float, base: float, *, error: float | None = 0.02, joint: Sequence[int] = ()) -> Trial:
    """A trial in which the default has ROC AUC .7; the challenger met it with these joint counts, the base is equal to it."""
    even = JointCounts((200, 40, 40, 20, 20, 30, 30, 120)).cells if joint else ()
    paired = (
        Paired("CHALLENGER", "DEFAULT", challenger, 0.7, 0.5, 500, error, 0.5, tuple(joint)),
        Paired("BASE", "DEFAULT", base, 0.7, 0.5, 500, error, 0.5, even),
    )
    return Trial((dt.date(2024, 6, 1),), 500, {"BASE": base, "DEFAULT": 0.7, "CHALLENGER": challenger}, paired)


@pytest.mark.parametrize(
    ("met", "gain", "certainty", "winner"),
    [
        (gains(0.74, 0.70), 0.0, 0.95, "CHALLENGER"),  # two errors ahead: .977
        (gains(0.74, 0.70), 0.0, 0.99, "DEFAULT"),
        (gains(0.74, 0.70), 0.01, 0.95, "DEFAULT"),  # 1.5 errors beyond the gain: .933
        (gains(0.74, 0.70), 0.01, 0.93, "CHALLENGER"),
        (gains(0.70, 0.74), 0.0, 0.95, "BASE"),
        (gains(0.75, 0.80), 0.0, 0.95, "BASE"),
        (gains(0.80, 0.80), 0.0, 0.95, "CHALLENGER"),
        (gains(0.60, 0.60), 0.0, 0.95, "DEFAULT"),
        # a difference that every row agrees on, and one that cannot be known
        (gains(0.80, 0.70, error=0.0), 0.0, 0.6, "DEFAULT"),
        (gains(0.80, 0.80, error=None), 0.0, 0.95, "DEFAULT"),
        (gains(math.nan, math.nan), 0.0, 0.95, "DEFAULT"),
    ],
)
def test_a_gain_of_auc_has_to_be_certain(met: Trial, gain: float, certainty: float, winner: str) -> None:
    chosen, why = ConfidentGain(gain=gain, certainty=certainty).choose(met)
    assert chosen == winner
    assert ("tie" in why) == (winner == "DEFAULT")
    assert "500 unseen rows" in why
    assert (f"by at least {gain:g}" in why) == (gain > 0)


@given(
    st.floats(0.5, 1.0), st.floats(0.5, 1.0), st.floats(0.001, 0.2), st.floats(0.0, 0.2), st.floats(0.51, 0.999)
)  # fmt: skip
def test_nobody_is_promoted_who_is_less_certain_than_asked(
    challenger: float, base: float, error: float, gain: float, certainty: float
) -> None:
    winner, _ = ConfidentGain(gain=gain, certainty=certainty).choose(gains(challenger, base, error=error))
    sure = {role: norm.cdf((auc - 0.7 - gain) / error) for role, auc in (("CHALLENGER", challenger), ("BASE", base))}
    if winner == "DEFAULT":
        assert max(sure.values()) < certainty + 1e-9
    else:
        assert sure[winner] >= certainty - 1e-9


@pytest.mark.parametrize("metric", ["F1_SCORE", "PRECISION", "RECALL", "CLASSIFICATION_ACCURACY"])
def test_a_gain_of_a_class_metric_has_to_be_certain(metric: str) -> None:
    # (label, challenger, default): the challenger is right on 120 rows where the default is wrong, wrong on 10 of the others
    ahead = (150, 60, 5, 30, 30, 5, 60, 160)
    chosen, why = ConfidentGain(metric).choose(gains(0.7, 0.7, joint=ahead))
    assert (chosen, "with certainty 1" in why) == ("CHALLENGER", True)
    assert f"challenger has {metric} " in why
    chosen, why = ConfidentGain(metric, gain=0.4).choose(gains(0.7, 0.7, joint=ahead))
    assert chosen == "DEFAULT"
    assert why.startswith(f"tie: nobody beats the default's {metric} by at least 0.4 with certainty 0.95")
    behind = (150, 5, 60, 30, 30, 60, 5, 160)
    assert ConfidentGain(metric).choose(gains(0.7, 0.7, joint=behind))[0] == "DEFAULT"
    # nothing but its own metric counts: by ROC AUC the challenger of this trial would have won
    assert ConfidentGain(metric).choose(gains(0.9, 0.7, joint=behind))[0] == "DEFAULT"


def test_a_class_metric_without_counts_or_values_promotes_nobody() -> None:
    assert ConfidentGain("F1_SCORE").choose(gains(0.9, 0.9)) == (
        "DEFAULT",
        "tie: nobody beats the default's F1_SCORE with certainty 0.95 on 500 unseen rows (challenger 0, base 0)",
    )
    nobody_churned = (500, 0, 0, 0, 0, 0, 0, 0)
    assert ConfidentGain("RECALL").choose(gains(0.9, 0.7, joint=nobody_churned))[0] == "DEFAULT"
    assert "nobody was compared" in ConfidentGain().choose(Trial((), 0, {"DEFAULT": 0.5}, ()))[1]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"metric": "LOG_LOSS"}, "'LOG_LOSS' cannot be gained; one of ROC_AUC"),
        ({"gain": -0.1}, "a gain of -0.1"),
        ({"gain": 1.0}, "a gain of 1.0"),
        ({"certainty": 0.5}, "a certainty of 0.5"),
        ({"certainty": 1.0}, "a certainty of 1.0"),
        ({"gain": math.nan}, "a gain of nan"),
    ],
)
def test_a_gain_that_cannot_be_meant_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        ConfidentGain(**how)


def test_a_trial_keeps_what_a_rule_needs(year: Year) -> None:
    tried = [r for r in year.reports if r.decision.trial]
    assert len(tried) == 6
    for report in tried:
        trial = report.decision.trial
        assert [(p.first, p.second) for p in trial.paired] == [
            ("CHALLENGER", "DEFAULT"), ("BASE", "DEFAULT"), ("CHALLENGER", "BASE")
        ]  # fmt: skip
        for pair in trial.paired:
            counts = JointCounts(pair.joint)
            assert counts.rows == pair.rows == trial.rows
            apart = pair.joint[1] + pair.joint[6], pair.joint[2] + pair.joint[5]
            assert pair.mcnemar_p == (pytest.approx(binomtest(apart[0], sum(apart)).pvalue) if sum(apart) else 1.0)
            if pair.standard_error:
                z = (pair.auc_first - pair.auc_second) / pair.standard_error
                assert pair.p_value == pytest.approx(norm.sf(z), abs=1e-9)
        assert trial.pair("DEFAULT", "BASE") is None
        # at no gain and 95% the rule asks what the paired test asks at 5%
        assert ConfidentGain().choose(trial)[0] == PairedTest().choose(trial)[0]
    line = next(x for x in tried[0].text().splitlines() if x.startswith("Challenger against default"))
    met = tried[0].decision.trial.pair("CHALLENGER", "DEFAULT")
    assert f"{met.auc_first - met.auc_second:+.4f}" in line
    assert f"McNemar p = {met.mcnemar_p:.4g}" in line


def test_the_joint_counts_of_a_trial_are_those_of_its_rows(year: Year) -> None:
    """The trial's rows once more, scored by hand."""
    from churnobs.expressions.datasets import is_fit_half
    from churnobs.lifecycle.models import split_seed

    report = next(r for r in year.reports if r.decision.action == "tie")
    (as_of,) = report.decision.trial.as_ofs
    dataset = next(d for d in year.loop.datasets() if as_of in d.as_ofs)
    rows = year.workspace.sql(f'SELECT * FROM "{dataset.table}"').to_pandas()

    class Key(int):
        def cast(self, _: str) -> int:
            return int(self)

    rows = rows[[not is_fit_half(Key(key), split_seed(year.loop, as_of)) for key in rows["CUSTOMER_KEY"]]]
    model = year.workspace.registry.get_model("CHURN")
    trained = next(v.record for v in model.versions() if v.version_name.startswith("V2024_05_CHALLENGER"))
    served = model.version(year.reports[3].decision.default_version).record
    said = []
    for record in (trained, served):
        fitted = year.loop.backend.registry.load(record)
        said.append(fitted.predict(rows[list(record.features)]).astype(int))
    label = rows["CHURNED"].to_numpy()
    pair = report.decision.trial.pair("CHALLENGER", "DEFAULT")
    assert pair.joint == JointCounts.of(label, *said).cells
    found = JointCounts(pair.joint).compare(metric="F1_SCORE", resamples=10)
    assert found.value_a == pytest.approx(f1_score(label, said[0]), abs=1e-12)
    assert found.value_b == pytest.approx(f1_score(label, said[1]), abs=1e-12)


def test_a_journal_from_before_still_reads(year: Year) -> None:
    import json

    trial = year.reports[4].decision.trial
    written = json.loads(to_json(trial))
    for pair in written["paired"]:
        for name in ("standard_error", "mcnemar_p", "joint"):
            del pair[name]
    old = from_json(Trial, json.dumps(written))
    assert old == replace(
        trial, paired=tuple(replace(p, standard_error=None, mcnemar_p=None, joint=()) for p in trial.paired)
    )
    assert PairedTest().choose(old) == PairedTest().choose(trial)
    assert ConfidentGain().choose(old)[0] == ConfidentGain("F1_SCORE").choose(old)[0] == "DEFAULT"
    report = replace(year.reports[4], decision=replace(year.reports[4].decision, trial=old))
    assert "Challenger against default" not in report.text()


def test_a_confident_gain_runs_the_loop(shop: Path) -> None:
    def actions(rule: ConfidentGain) -> list[str]:
        with churnobs.connect(threads=1) as workspace:
            config = LifecycleConfig(trainer=recipe(), policy=Always(), promotion=rule)
            reports = workspace.lifecycle(config, source=shop).run()
        for report in reports[2:]:
            assert rule.choose(report.decision.trial)[1] in report.decision.reason
        return [r.decision.action for r in reports]

    assert actions(ConfidentGain(gain=0.5)) == ["wait", "first_model", "tie", "tie"]
    assert actions(ConfidentGain("F1_SCORE", gain=0.5)) == ["wait", "first_model", "tie", "tie"]


def test_names_of_policies() -> None:
    for name in ("default", "f1-floor", "relative-drop", "always", "never"):
        assert isinstance(policy_named(name), RetrainPolicy)
    with pytest.raises(BadConfig, match="'sometimes' is no policy; one of default, f1-floor"):
        policy_named("sometimes")
    assert isinstance(PairedTest(), PromotionRule)
    assert isinstance(ConfidentGain(), PromotionRule)
    assert LifecycleConfig().promotion == PairedTest()


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
