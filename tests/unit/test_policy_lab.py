"""The policy lab: its shared story against churnobs' own loop, its arithmetic by hand, its files and its page."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loops import recipe
from scipy import stats
from sklearn.metrics import f1_score

from churnobs import (
    Always,
    BadConfig,
    DemoRule,
    Drifted,
    EstimatedFloor,
    LifecycleConfig,
    LiftOrDrop,
    PairedTest,
    PromoteAlways,
)
from churnobs.cli import guarded
from churnobs.training import as_trainer
from simulations import WORLDS, Drift, World, simulate
from simulations.__main__ import app
from simulations.lab.arena import Contender, Played, play
from simulations.lab.cells import Cell, detection, gained, lost_money, measured
from simulations.lab.page import dot_chart, lab_page
from simulations.lab.ranking import Interval, Ranking
from simulations.lab.running import REFERENCES, Lab, contender_named, do_job, run_lab
from simulations.lab.settings import LabSettings, Money, Prices
from simulations.lab.story import Story, final_labels, unripe_labels
from simulations.runs import month_files, run_against_truth

SMALL = LabSettings(customers=250, months=9)
EARLY = replace(WORLDS["sudden"], drifts=(Drift("relation", month=5),))


@pytest.fixture(scope="module")
def story() -> Story:
    """Nine months of a small world that turns in May, taught by a cheap recipe."""
    simulation = simulate(EARLY, customers=SMALL.customers, months=SMALL.months, seed=3)
    return Story.tell(simulation, 3, SMALL, as_trainer(recipe()))


@pytest.mark.parametrize(
    ("policy", "promotion"),
    [
        (LiftOrDrop(), PairedTest()),
        (Drifted() | EstimatedFloor(floor=0.78), DemoRule()),
    ],
)
def test_a_policy_lives_as_it_would_in_the_loop(story: Story, policy: Any, promotion: Any) -> None:
    played = play(story, Contender("it", policy, promotion), keep_datasets=12)
    drift = replace(LifecycleConfig().drift, draws=SMALL.drift_draws)
    config = LifecycleConfig(seed=3, policy=policy, promotion=promotion, drift=drift, trainer=recipe())
    simulation = simulate(EARLY, customers=SMALL.customers, months=SMALL.months, seed=3)
    with month_files(simulation) as files:
        reports, truths = run_against_truth(simulation, files, config)
    cell = measured(EARLY, "it", story, played, SMALL)
    assert any(p.decision.retrain for p in played)
    for mine, report in zip(played, reports, strict=True):
        live = report.decision
        assert (mine.decision.month, mine.decision.action) == (live.month, live.action)
        assert mine.decision.retrain == live.retrain
        if live.action != "wait":
            assert mine.decision.reason == live.reason
        if live.trial is not None:
            assert mine.decision.trial.rows == live.trial.rows
            for one, other in zip(mine.decision.trial.paired, live.trial.paired, strict=True):
                assert (one.first, one.second, one.joint) == (other.first, other.second, other.joint)
                assert one.p_value == pytest.approx(other.p_value, abs=1e-9)
    assert dict(cell.by_month) == pytest.approx({t.month: t.served for t in truths}, abs=1e-9)


def test_two_policies_that_train_on_the_same_rows_share_the_model(story: Story) -> None:
    first = play(story, Contender("a", Always(), PromoteAlways()), keep_datasets=12)
    second = play(story, Contender("b", Always(), PairedTest()), keep_datasets=12)
    for one, other in zip(first, second, strict=True):
        assert one.fits[:1] == other.fits[:1]
        assert one.possible is other.possible
    # the oracle serves what training could have brought
    assert [gained(p) for p in first if p.possible] == [
        pytest.approx(measured_auc(p, p.served) - measured_auc(p, p.before)) for p in first if p.possible
    ]


def measured_auc(played: Played, model: Any) -> float:
    """The double sum over pairs of customers."""
    p, s = played.moment.truth, model.at(played.moment).probability
    weight = p[:, None] * (1 - p[None, :])
    np.fill_diagonal(weight, 0.0)
    right = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    return float((weight * right).sum() / weight.sum())


def test_the_demo_trains_on_labels_before_their_time(story: Story) -> None:
    played = play(story, contender_named("demo"), keep_datasets=12)
    tried = [p for p in played if p.decision.trial is not None]
    assert tried
    for one in tried:
        labels = unripe_labels(one.moment)
        days = one.moment.features["DAYS_SINCE_LAST_PURCHASE"]
        assert (labels == 0).sum() == (days <= 1).sum()
        # most look churned, far more than have
        assert labels.mean() > 0.9
        assert one.fits[0].rows == len(labels)
        # judged by everybody whose labels became final, and nobody is fitted again
        newly = [story.by_as_of[t] for t in one.moment.newly_final]
        assert one.decision.trial.rows == sum(len(m.keys) for m in newly)
        assert len(one.fits) == 1
        said = np.concatenate([one.fits[0].at(m).said for m in newly])
        truth = np.concatenate([final_labels(m) for m in newly])
        assert (one.decision.action == "promote") <= (f1_score(truth, said) > 0)
    assert all("untested" in p.decision.reason for p in tried)


def test_labels_that_never_became_final_are_refused(story: Story) -> None:
    with pytest.raises(BadConfig, match="are not final"):
        final_labels(story.moments[-1])


def test_the_money_lost_is_that_of_the_calls() -> None:
    truth, scores = np.array([0.9, 0.2, 0.6, 0.5, 0.1]), np.array([0.1, 0.8, 0.7, 0.2, 0.3])
    money = Money(value=100.0, success=0.5, cost=7.0, capacity=0.4)

    def brought(called: list[int]) -> float:
        return sum(truth[i] * 0.5 * 100.0 - 7.0 for i in called)

    assert lost_money(truth, scores, money) == pytest.approx(brought([0, 2]) - brought([1, 2]))
    assert lost_money(truth, truth, money) == 0.0
    assert lost_money(truth, scores, replace(money, capacity=1.0)) == 0.0
    assert lost_money(truth, scores, replace(money, capacity=0.0)) == 0.0


def test_credits_are_seconds_and_tokens() -> None:
    prices = Prices(2.0, 100.0, 80.0, 30.0, 1000.0, 10.0, 50.0, 0.1)
    # 3 months of 180 s, 4 fits of 30 s and half a million rows, 2 trials; 10,000 comments
    seconds = 3 * 180 + 4 * 30 + 500 + 2 * 10
    expected = seconds / 3600 * 2 + 10_000 * 50 / 1e6 * 0.1
    assert prices.credits(months=3, fits=4, rows=500_000, trials=2, comments=10_000) == pytest.approx(expected)


class Month:
    def __init__(self, month: int, *, retrain: bool) -> None:
        self.moment = type("M", (), {"month": month})
        self.decision = type("D", (), {"retrain": retrain})


@pytest.mark.parametrize(
    ("called", "found"),
    [([6], (1, True)), ([2, 9], (4, True)), ([5], (0, True)), ([2], (5, False)), ([], (5, False))],
)
def test_detection_is_the_first_challenger_after_the_drift(called: list[int], found: Any) -> None:
    months: Any = [Month(m, retrain=m in called) for m in range(1, 10)]
    assert detection(EARLY, months) == found
    assert detection(WORLDS["steady"], months) == (None, None)
    assert detection(EARLY, months[:4]) == (None, None)


def test_wrong_and_missed_go_by_what_training_could_gain(story: Story) -> None:
    for contender in (Contender("always", Always()), *REFERENCES):
        played = play(story, contender, keep_datasets=12)
        cell = measured(EARLY, contender.name, story, played, SMALL)
        gains = {
            p.moment.month: measured_auc(p, p.possible) - measured_auc(p, p.before)
            for p in played
            if p.decision.action not in {"wait", "first_model"}
        }
        called = {p.moment.month for p in played if p.decision.retrain}
        assert cell.wrong == sum(gain <= 0.005 for month, gain in gains.items() if month in called)
        assert cell.missed == sum(gain > 0.02 for month, gain in gains.items() if month not in called)
        assert cell.challengers == len(called)
    never = measured(EARLY, "never", story, play(story, REFERENCES[0], keep_datasets=12), SMALL)
    # the world turns, and nobody noticed
    assert never.missed > 2
    assert (never.challengers, never.wrong, never.detected) == (0, 0, False)


# -- a tiny lab from end to end

TINY = LabSettings(customers=200, months=6)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab.named(("demo", "steady"), ("default", "calendar"), 2, TINY)


@pytest.fixture(scope="module")
def cells(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Cell]]:
    folder = tmp_path_factory.mktemp("lab")
    return folder, run_lab(lab, folder, workers=1)


def without_clock(cells: list[Cell]) -> list[dict[str, Any]]:
    return [cell.to_dict() | {"training_seconds": 0.0} for cell in cells]


@pytest.mark.long
def test_a_lab_gives_the_same_numbers_again(lab: Lab, cells: Any, tmp_path: Path) -> None:
    folder, first = cells
    assert len(first) == 2 * 4 * 2
    assert {c.policy for c in first} == {"default", "calendar", "never", "oracle"}
    again = run_lab(lab, tmp_path, workers=2)
    assert without_clock(again) == without_clock(first)
    names = sorted(p.name for p in lab.folder(folder).iterdir())
    assert names == sorted(p.name for p in lab.folder(tmp_path).iterdir())
    assert not [name for name in names if name.startswith(".")]


def test_a_second_start_does_what_is_missing_alone(lab: Lab, cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, first = cells
    own = lab.folder(folder)
    gone = lab.file(own, WORLDS["steady"], contender_named("calendar"), 2)
    kept = gone.read_text()
    gone.unlink()
    done, told = [], []
    monkeypatch.setattr("simulations.lab.running.do_job", lambda job: (done.append(job), do_job(job)))
    again = run_lab(lab, folder, workers=1, progress=lambda n, of: told.append((n, of)))
    assert [(job.world.name, job.seed, [c.name for c in job.missing.values()]) for job in done] == [
        ("steady", 2, ["calendar"])
    ]
    assert told == [(15, 16), (16, 16)]
    assert without_clock(again) == without_clock(first)
    assert json.loads(gone.read_text()).keys() == json.loads(kept).keys()
    # nothing to do
    done.clear()
    assert run_lab(lab, folder, workers=2) == again
    assert done == []


def test_other_settings_have_another_folder_and_other_worlds_another_file(lab: Lab, tmp_path: Path) -> None:
    folders = {
        Lab.named(("demo",), ("default",), 1, settings).folder(tmp_path)
        for settings in (
            TINY,
            replace(TINY, months=7),
            replace(TINY, money=Money(61.0)),
            replace(TINY, wrong_below=0.01),
        )
    }
    assert len(folders) == 4
    contender = contender_named("default")
    turned = replace(WORLDS["demo"], noise=0.3)
    assert lab.file(tmp_path, WORLDS["demo"], contender, 1) != lab.file(tmp_path, turned, contender, 1)
    assert lab.file(tmp_path, turned, contender, 1) != lab.file(tmp_path, turned, replace(contender, unripe=True), 1)


def cell(policy: str, world: str, seed: int, auc: float, **own: Any) -> Cell:
    fields: dict[str, Any] = {
        "challengers": 2, "promotions": 1, "wrong": 1, "missed": 0, "delay": None, "detected": None, "lost": 10.0,
        "credits": 1.0, "training_seconds": 0.5, "by_month": ((4, auc), (5, auc)),
    }  # fmt: skip
    return Cell(world, policy, seed, auc, **(fields | own))


def ranked(aucs: dict[str, list[float]]) -> Ranking:
    lab = Lab.named(("sudden",), [n for n in aucs if n not in {"never", "oracle"}], len(aucs["never"]), TINY)
    cells = [cell(name, "sudden", seed, auc) for name, own in aucs.items() for seed, auc in enumerate(own, start=1)]
    return Ranking(lab, cells)


def test_policies_are_ranked_by_what_they_served() -> None:
    ranking = ranked(
        {
            "never": [0.60, 0.62, 0.61, 0.60],
            "oracle": [0.80, 0.81, 0.79, 0.80],
            "default": [0.78, 0.79, 0.76, 0.78],
            # the same on average but for a hair, and no seed tells which is better
            "drift": [0.80, 0.76, 0.78, 0.765],
            "calendar": [0.70, 0.71, 0.70, 0.69],
        }
    )
    assert ranking.policies == ("oracle", "default", "drift", "calendar", "never")
    assert ranking.best == "default"
    assert ranking.tied == ("drift",)
    lines = {line.policy: line for line in ranking.overall}
    gap, won = (0.80 + 0.81 + 0.79 + 0.80) - 2.43, (0.78 + 0.79 + 0.76 + 0.78) - 2.43
    assert lines["default"].won_back.value == pytest.approx(won / gap)
    assert (lines["never"].won_back.value, lines["oracle"].won_back.value) == (0.0, pytest.approx(1.0))
    assert lines["calendar"].behind.value == pytest.approx(0.0775)
    assert lines["calendar"].behind.low > 0.05
    for line in ranking.overall:
        for name in ("auc", "challengers", "lost"):
            interval = getattr(line, name)
            assert interval.low <= interval.value <= interval.high
    assert (
        "default has the highest served truth AUC, and these seeds do not tell it apart from drift" in ranking.words()
    )


def test_a_gap_that_is_none_is_not_shared_out() -> None:
    ranking = ranked({"never": [0.70, 0.71], "oracle": [0.701, 0.709], "default": [0.70, 0.71]})
    assert all(math.isnan(line.won_back.value) for line in ranking.overall)
    assert all(math.isnan(line.delay.value) for line in ranking.overall)
    assert json.loads(json.dumps(ranking.to_dict(), allow_nan=False))["overall"][0]["won_back"] == [None] * 3


def test_an_interval_over_seeds_is_that_of_a_mean() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0.75, 0.02, 7)
    wins = rng.normal(0.05, 0.01, 7)
    lines = ranked({"never": list(values), "oracle": list(values + 0.1), "default": list(values + wins)}).overall
    line = next(line for line in lines if line.policy == "default")
    told = stats.t.interval(0.95, 6, loc=(values + wins).mean(), scale=stats.sem(values + wins))
    assert (line.auc.low, line.auc.high) == pytest.approx(told, abs=1e-12)
    # every gap is .1: the share is ten times the mean win, and so is its interval
    told = stats.t.interval(0.95, 6, loc=10 * wins.mean(), scale=10 * stats.sem(wins))
    assert (line.won_back.low, line.won_back.high) == pytest.approx(told, abs=1e-9)


def test_intervals_of_few_seeds_cover_what_they_should() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        values = rng.normal(0.75, 0.02, 3)
        line = ranked({"never": list(values), "oracle": list(values + 0.1), "default": list(values)}).overall[-1]
        covered += line.auc.low <= 0.75 <= line.auc.high
    # 95% of 400: 366 to 393 is four standard errors
    assert 366 <= covered <= 393


def test_one_seed_has_no_interval() -> None:
    ranking = ranked({"never": [0.6], "oracle": [0.8], "default": [0.7], "calendar": [0.65]})
    line = ranking.overall[1]
    assert (line.policy, line.auc.value) == ("default", 0.7)
    assert math.isnan(line.auc.low)
    assert ranking.tied == ("calendar", "never")
    assert "0.7000" in lab_page(ranking, "one")


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_all_of_it_and_fetches_nothing(lab: Lab, cells: Any) -> None:
    ranking = Ranking(lab, cells[1])
    page = Page()
    page.feed(lab_page(ranking, "A <lab>"))
    text = "".join(page.text)
    assert "A <lab>" in text
    assert ranking.words() in text
    for name in ("default", "calendar", "never", "oracle", "demo", "steady"):
        assert name in text
    names = [tag for tag, _ in page.tags]
    assert names.count("table") == 3
    # three rankings, and the months of each world
    assert names.count("svg") == 5
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any(value and "//" in value for _, attrs in page.tags for value in attrs.values())


def test_a_chart_of_one_value_has_room() -> None:
    chart = dot_chart([("a", Interval(0.5, 0.5, 0.5)), ("b", Interval(math.nan, math.nan, math.nan))], "x", 2)
    assert [row["name"] for row in chart["rows"]] == ["a"]
    assert dot_chart([], "x", 1) == {"rows": []}


def test_the_lab_runs_from_a_shell(lab: Lab, cells: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, measured_ = cells
    words = ["lab", "--worlds", "demo,steady", "--policies", "default,calendar", "--seeds", "2", "--months", "6"]
    words += ["--customers", "200", "--folder", str(folder), "--json", str(tmp_path / "a.json")]
    code = guarded(lambda: app(words))
    out = capsys.readouterr().out
    assert code == 0
    rows = [line.split("\t")[0] for line in out.splitlines()]
    assert set(rows[1:5]) == {"default", "calendar", "never", "oracle"}
    assert "The ranking rests on" in out
    found = json.loads((tmp_path / "a.json").read_text())
    assert len(found["cells"]) == len(measured_)
    assert found["settings"] == json.loads(json.dumps(asdict(TINY)))
    assert (lab.folder(folder) / "lab.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--worlds", "nowhere"], "'nowhere' is no world"),
        (["--policies", "best"], "'best' is no policy"),
        (["--worlds", "demo,demo"], "each world of a lab is there once"),
        (["--months", "2"], "counted from month 4"),
    ],
)
def test_what_a_lab_cannot_do_is_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["lab", *words])) == 2
    assert message in capsys.readouterr().err


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("customers = 50\n[money]\nvalue = 9.5\n[prices]\ncredits_per_hour = 2\n")
    found = LabSettings().read(file)
    assert (found.customers, found.money.value, found.prices.credits_per_hour) == (50, 9.5, 2)
    assert found.money.cost == Money().cost
    for text, message in (
        ("customer = 5", "no setting of LabSettings"),
        ("[prices]\nvalue = 5", "no setting of Prices"),
        ("customers = 'many'", "give a number"),
        ("money = 5", "no setting of Money"),
        ("=", "cannot read"),
    ):
        file.write_text(text)
        with pytest.raises(BadConfig, match=message):
            LabSettings().read(file)
    with pytest.raises(BadConfig, match="cannot read"):
        LabSettings().read(tmp_path / "missing.toml")


def test_a_world_of_ones_own_can_be_measured(tmp_path: Path) -> None:
    world: World = replace(WORLDS["demo"], name="own", drifts=(Drift("mood", 2), Drift("arrivals", 3, 0.5)))
    lab = Lab((world,), (contender_named("default"),), (1,), replace(TINY, customers=120, months=4))
    found = run_lab(lab, tmp_path, workers=1)
    assert {c.world for c in found} == {"own"}
    assert Ranking(lab, found).worlds == ("own",)
