"""Drift alarms: the null against rows drawn again, SciPy and brute force; and what it takes to be an alarm."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2, false_discovery_control, genpareto, norm, skellam

from churnobs.codec import from_json, to_json
from churnobs.divergence import (
    DRIFT_METRICS,
    SETTINGS,
    Histogram,
    drift,
    drifts,
    fit_bins,
    jensen_shannon,
    population_stability_index,
)
from churnobs.errors import BadConfig, NotFound
from churnobs.expressions.drift import Bins
from churnobs.monitoring.alarms import adjusted, judge
from churnobs.monitoring.drift_verdict import DriftHistory, DriftVerdict
from churnobs.monitoring.null import (
    ColumnNull,
    Nulls,
    Pair,
    jensen_shannon_rows,
    seed_of,
    stability_rows,
    tails,
)
from churnobs.monitoring.settings import FLOORS, DriftSettings
from churnobs.monitoring.tail import Tail

Values = npt.NDArray[np.float64]
LAWS: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "normal": lambda r, n: r.normal(3.0, 2.0, n),
    "exponential": lambda r, n: r.exponential(5.0, n),
    "rounded": lambda r, n: np.round(r.normal(40.0, 8.0, n)),
    "counts": lambda r, n: r.poisson(0.7, n).astype(float),
}


def grid(values: Values) -> Bins:
    return fit_bins("X", float(values.min()), float(values.max()), float(values.mean()), float(values.std()))


def counted(bins: Bins, values: Values) -> Histogram:
    offset = values - bins.low
    at = offset if bins.scale is None else np.log1p(np.maximum(offset, 0.0) / bins.scale)
    cells = np.floor(np.clip(at / bins.width, 0.0, bins.cells - 1.0)).astype(np.int64)
    rows, totals = np.bincount(cells), np.bincount(cells, values)
    return Histogram({int(c): (int(rows[c]), float(totals[c])) for c in np.flatnonzero(rows)})


def events(hits: int, rows: int) -> Histogram:
    """A column of zeros and so many ones."""
    return Histogram({0: (rows - hits, 0.0)} | ({255: (hits, float(hits))} if hits else {}))


def texts(counts: dict[str, int]) -> Histogram:
    return Histogram({name: (rows, 0.0) for name, rows in counts.items()})


# --- the null distribution -----------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 10_000), min_size=4, max_size=4), min_size=4, max_size=12))
def test_many_rows_of_shares_give_what_one_pair_gives(rows: list[list[int]]) -> None:
    weights = np.array(rows) + np.array([1.0, 0.0, 0.0, 0.0])
    shares = weights / weights.sum(axis=1, keepdims=True)
    before, now = shares[::2][: len(shares) // 2], shares[1::2]
    pairs = list(zip(before.tolist(), now.tolist(), strict=True))
    assert stability_rows(before, now) == pytest.approx([population_stability_index(p, q) for p, q in pairs], abs=1e-12)
    assert jensen_shannon_rows(before, now) == pytest.approx([jensen_shannon(p, q) for p, q in pairs], abs=1e-7)


def test_all_metrics_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(0)
    values = LAWS["exponential"](rng, 800)
    bins = grid(values)
    for kind, before, now in (
        ("number", counted(bins, values), counted(bins, values[:300] * 1.3)),
        ("category", texts({"a": 5, "b": 9}), texts({"b": 4, "c": 1})),
        ("number", counted(bins, values), Histogram()),
    ):
        assert drifts(kind, before, now) == {m: drift(m, kind, before, now) for m in DRIFT_METRICS}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("month", [1_000, 4_000])
def test_the_null_is_that_of_rows_drawn_again(law: str, month: int) -> None:
    """Both sides drawn row by row, counted on the grid, measured by ``drift``: each p-value as often as it says."""
    rng, size, tries = np.random.default_rng(11), 1_000, 600
    values = LAWS[law](rng, size)
    bins = grid(values)
    nulls = Nulls.build({"X": counted(bins, values)}, seed=1)
    found: dict[str, list[float]] = {m: [] for m in DRIFT_METRICS}
    for _ in range(tries):
        before, now = (counted(bins, rng.choice(values, n)) for n in (size, month))
        for metric, value in drifts("number", before, now).items():
            assert value is not None
            found[metric].append(nulls.p_value("X", metric, value, month))
    pair = Pair.of(counted(bins, values), counted(bins, rng.choice(values, month)))
    for metric, p_values in found.items():
        if not pair.fits(metric):
            continue
        for level in (0.5, 0.2, 0.05, 0.01):
            hits = int(np.sum(np.array(p_values) <= level))
            # what 600 tries can tell, and a tenth of the level for merged cells and the drawing of the null itself
            low, high = (binom.ppf(q, tries, p) for q, p in ((0.0005, level * 0.9), (0.9995, level * 1.1)))
            assert low <= hits <= high, (metric, level, hits)


def test_the_shares_follow_chi_square_as_scipy_has_it() -> None:
    """Many rows in every group: both metrics are a chi-square of groups - 1 degrees, each on its own scale."""
    sizes = 40_000, 10_000
    even = {f"V{i}": (sizes[0] // 8, 0.0) for i in range(8)}
    nulls = Nulls.build({"X": Histogram(dict(even))}, draws=20_000)
    by = 1 / sizes[0] + 1 / sizes[1]
    for chance in (0.5, 0.1, 0.02):
        at = chi2.isf(chance, 7)
        assert nulls.p_value("X", "POPULATION_STABILITY_INDEX", at * by, sizes[1]) == pytest.approx(chance, rel=0.1)
        distance = math.sqrt(at * by / (8 * math.log(2)))
        assert nulls.p_value("X", "JENSEN_SHANNON", distance, sizes[1]) == pytest.approx(chance, rel=0.1)
        assert nulls.quantile("X", "JENSEN_SHANNON", chance, sizes[1]) == pytest.approx(distance, rel=0.05)
    for chance, most in ((1e-4, 1e-3), (1e-6, 1e-4), (1e-9, 1e-5)):
        found = nulls.p_value("X", "POPULATION_STABILITY_INDEX", chi2.isf(chance, 7) * by, sizes[1])
        assert chance <= found <= most


def test_the_difference_of_means_follows_the_normal_law_and_the_tail_is_never_thinner() -> None:
    values = norm.ppf((np.arange(5_000) + 0.5) / 5_000)
    bins = grid(values)
    nulls = Nulls.build({"X": counted(bins, values)}, seed=5)
    error = float(values.std()) * math.sqrt(1 / 5_000 + 1 / 5_000)
    for chance in (0.5, 0.1, 0.02):
        z = norm.isf(chance / 2)
        assert nulls.p_value("X", "DIFFERENCE_OF_MEANS", -z * error, 5_000) == pytest.approx(chance, rel=0.15)
    for z in (4.0, 5.0, 7.0, 12.0):
        assert nulls.p_value("X", "DIFFERENCE_OF_MEANS", z * error, 5_000) > 2 * norm.sf(z)
    # and still thin enough to be told apart from chance among a thousand tests
    assert nulls.p_value("X", "DIFFERENCE_OF_MEANS", 7.5 * error, 5_000) < 0.05 / 1_000


@pytest.mark.parametrize("law", ["normal", "exponential"])
@pytest.mark.parametrize("month", [500, 5_000, 100_000])
def test_scaling_to_another_size_is_drawing_at_that_size(law: str, month: int) -> None:
    rng = np.random.default_rng(2)
    values = LAWS[law](rng, 5_000)
    bins = grid(values)
    baseline = counted(bins, values)
    nulls = Nulls.build({"X": baseline}, draws=20_000)
    # a month of the baseline's own shares, at another size: what is pooled is the baseline
    scale = month / 5_000
    pair = Pair.of(baseline, baseline)
    resized = Pair(True, pair.before, pair.now * scale, pair.means, pair.starts)
    assert all(resized.fits(metric) for metric in DRIFT_METRICS)
    drawn = tails(resized, DRIFT_METRICS, 20_000, (3,))
    for metric in DRIFT_METRICS:
        null = nulls.column("X").scaled(metric, month)
        assert null.level == pytest.approx(drawn[metric].level, rel=0.08)
        for chance in (0.5, 0.05, 0.01):
            assert null.quantile(chance) == pytest.approx(drawn[metric].quantile(chance), rel=0.1), (metric, chance)


def test_rare_groups_and_heavy_tails_are_not_scaled_but_drawn() -> None:
    rng = np.random.default_rng(4)
    plain, heavy = rng.normal(size=5_000), rng.lognormal(0.0, 2.0, 5_000)
    for values, trusted in ((plain, True), (heavy, False)):
        pair = Pair.of(counted(grid(values), values), counted(grid(values), values))
        assert pair.fits("WASSERSTEIN") is pair.fits("DIFFERENCE_OF_MEANS") is trusted
        assert pair.fits("JENSEN_SHANNON")
    common, rare = texts({"a": 4_000, "b": 1_000}), texts({"a": 4_995, "b": 5})
    assert Pair.of(common, common).fits("POPULATION_STABILITY_INDEX")
    assert not Pair.of(rare, rare).fits("POPULATION_STABILITY_INDEX")
    # a category that only the month has is a rare group too
    assert not Pair.of(common, texts({"a": 3_999, "b": 1_000, "new": 1})).fits("JENSEN_SHANNON")


def test_an_event_that_the_baseline_has_not_seen_is_judged_by_both_sides() -> None:
    """Of a rate of 2 in 5,000 the baseline saw none and the month 8: Skellam's law, not certainty."""
    baseline, month = events(0, 5_000), events(8, 5_000)
    pair = Pair.of(baseline, month)
    assert not pair.fits("DIFFERENCE_OF_MEANS")
    drawn = tails(pair, ("DIFFERENCE_OF_MEANS",), 50_000, (1,))["DIFFERENCE_OF_MEANS"]
    exact = 2 * skellam.sf(7, 4.0, 4.0)
    assert exact * 0.95 < drawn.p_value(8 / 5_000) < exact * 1.5
    # up to where it was counted and not fitted, it is exact
    assert drawn.p_value(6 / 5_000) == pytest.approx(2 * skellam.sf(5, 4.0, 4.0), rel=0.05)
    # one that was seen once, and then 12 times, has a null of its own that is too narrow
    once = Nulls.build({"X": events(1, 5_000)}).p_value("X", "DIFFERENCE_OF_MEANS", 11 / 5_000, 5_000)
    both = tails(Pair.of(events(1, 5_000), events(12, 5_000)), ("DIFFERENCE_OF_MEANS",), 50_000, (1,))
    honest = both["DIFFERENCE_OF_MEANS"].p_value(11 / 5_000)
    exact = 2 * skellam.sf(10, 6.5, 6.5)
    assert once < exact / 3
    assert exact * 0.95 < honest < exact * 2


def test_an_outlier_of_a_heavy_tail_is_no_drift() -> None:
    rng = np.random.default_rng(8)
    values = rng.exponential(1.0, 5_000)
    bins = grid(values)
    calm, month = counted(bins, values), rng.exponential(1.0, 5_000)
    month[0] = 800.0
    verdict = judge({"X": calm}, {"X": counted(bins, month)}, Nulls.build({"X": calm}))
    means = next(f for f in verdict.findings if f.metric == "DIFFERENCE_OF_MEANS")
    assert means.value > means.floor  # the one row moves the mean by more than the floor
    assert means.p_value > 0.1
    assert not any(f.fires for f in verdict.findings)


# --- the tail ------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), min_size=100, max_size=300), st.integers(0, 8))
@settings(max_examples=60)
def test_a_p_value_never_claims_more_than_the_draws(draws: list[int], value: int) -> None:
    values = np.array(draws, dtype=float)
    tail = Tail.fit(values, 0.0)
    counted_p = (1 + np.sum(values >= value)) / (1 + len(values))
    if value <= values.max():
        assert tail.p_value(float(value)) >= counted_p * (1 - 1e-5) - 1e-12
    found = [tail.p_value(x) for x in np.linspace(0.0, 12.0, 60)]
    assert all(a >= b for a, b in pairwise(found))
    assert all(0 < p <= 1 for p in found)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.25])
def test_the_fitted_tail_errs_to_the_safe_side(shape: float) -> None:
    law = genpareto(shape)
    rng = np.random.default_rng(0)
    for chance, least in ((1e-3, 0.85), (1e-5, 0.8), (1e-7, 0.75)):
        # by shape 0.25 a value of chance 1e-7 lies a hundred times further out than the last of 5,000 draws
        found = [
            Tail.fit(law.rvs(5_000, random_state=rng), 0.0).p_value(float(law.isf(chance))) / chance for _ in range(60)
        ]
        assert np.mean(np.array(found) >= 0.8) >= least, (chance, np.median(found))


def test_a_quantile_is_where_the_p_value_is_that() -> None:
    tail = Tail.fit(np.abs(np.random.default_rng(1).normal(size=5_000)), 0.0)
    for chance in (0.9, 0.3, 0.06, 0.049, 1e-3, 1e-6, 1e-12):
        assert tail.p_value(tail.quantile(chance)) == pytest.approx(chance, rel=1e-3)
    assert tail.p_value(1e9) >= 1e-15
    assert tail.p_value(0.0) == 1.0


def test_draws_that_are_all_the_same() -> None:
    tail = Tail.fit(np.zeros(2_000), 0.0)
    assert tail.p_value(0.0) == 1.0
    assert tail.p_value(0.1) == 1 / 2_001
    assert tail.quantile(1e-6) == 0.0


# --- many tests at once --------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_benjamini_hochberg_is_that_of_scipy_and_of_its_definition(p_values: list[float]) -> None:
    q_values = adjusted(p_values)
    assert q_values == pytest.approx(false_discovery_control(p_values, method="bh"), abs=1e-12)
    for alpha in (0.01, 0.05, 0.3):
        ordered = sorted(p_values)
        passed = [k for k in range(1, len(ordered) + 1) if ordered[k - 1] <= alpha * k / len(ordered)]
        limit = ordered[max(passed) - 1] if passed else -1.0
        for p, q in zip(p_values, q_values.tolist(), strict=True):
            if abs(q - alpha) > 1e-12:
                assert (q <= alpha) == (p <= limit)


# --- the verdict ---------------------------------------------------------------------------------------------------


class World:
    """Two numbers and a text, whose months can be moved."""

    def __init__(self, seed: int = 0, rows: int = 3_000) -> None:
        self.rng, self.rows = np.random.default_rng(seed), rows
        age, gap = self.rng.normal(45.0, 12.0, rows), self.rng.exponential(20.0, rows)
        self.grids = {"AGE": grid(age), "GAP": grid(gap)}
        self.baseline = {"AGE": counted(self.grids["AGE"], age), "GAP": counted(self.grids["GAP"], gap)}
        self.baseline["PAYMENT"] = self.payment()
        self.nulls = Nulls.build(self.baseline)

    def payment(self, cash: float = 0.5) -> Histogram:
        counts = self.rng.multinomial(self.rows, [cash, 0.95 - cash, 0.05])
        return texts(dict(zip(("cash", "card", "check"), map(int, counts), strict=True)))

    def month(self, *, age: float = 0.0, gap: float = 1.0, cash: float = 0.5) -> dict[str, Histogram]:
        return {
            "AGE": counted(self.grids["AGE"], self.rng.normal(45.0, 12.0, self.rows) + 12.0 * age),
            "GAP": counted(self.grids["GAP"], self.rng.exponential(20.0 * gap, self.rows)),
            "PAYMENT": self.payment(cash),
        }

    def run(self, *months: dict[str, Any], settings: DriftSettings | None = None) -> list[DriftVerdict]:
        verdicts: list[DriftVerdict] = []
        for moved in months:
            history = verdicts[-1].history if verdicts else None
            verdicts.append(judge(self.baseline, self.month(**moved), self.nulls, settings, history))
        return verdicts


def test_an_alarm_takes_two_of_the_last_three_months() -> None:
    world = World()
    verdicts = world.run({}, {"age": 0.4}, {}, {"age": 0.4}, {}, {}, {"age": 0.4}, {"age": 0.4, "cash": 0.7})
    fired = [tuple(c.column for c in v.columns if c.fires) for v in verdicts]
    assert fired == [(), ("AGE",), (), ("AGE",), (), (), ("AGE",), ("PAYMENT", "AGE")] or fired[-1] == (
        "AGE",
        "PAYMENT",
    )
    # the second firing of three months alarms; with one of the last three it is over
    assert [v.alarms for v in verdicts] == [(), (), (), ("AGE",), (), (), (), ("AGE",)]
    assert [len(v.history.months) for v in verdicts] == [1, 2, 3, 3, 3, 3, 3, 3]
    assert verdicts[3].history.months == ((("", "AGE"),), (), (("", "AGE"),))
    at_once = world.run({"age": 0.4}, settings=DriftSettings(needed=1, of=1))
    assert at_once[0].alarms == ("AGE",)


def test_every_number_of_a_finding_is_the_one_it_says() -> None:
    world = World(1)
    month = world.month(age=0.3)
    verdict = judge(world.baseline, month, world.nulls)
    assert len(verdict.findings) == 4 + 4 + 2
    p_values = [f.p_value for f in verdict.findings]
    spread = math.sqrt(_variance(world.baseline["AGE"]))
    for finding, q in zip(verdict.findings, false_discovery_control(p_values), strict=True):
        kind = "category" if finding.column == "PAYMENT" else "number"
        baseline, current = world.baseline[finding.column], month[finding.column]
        assert finding.value == drift(finding.metric, kind, baseline, current)
        assert finding.q_value == pytest.approx(q)
        assert finding.floor == FLOORS[finding.metric]
        assert finding.fires == (q <= 0.05 and finding.effect > finding.floor)
        if finding.column == "AGE":
            assert (abs(finding.value) > finding.threshold) == (q <= 0.05)
            known = world.nulls.p_value(finding.column, finding.metric, finding.value, world.rows)
            assert finding.p_value == known
    means = next(f for f in verdict.findings if (f.column, f.metric) == ("AGE", "DIFFERENCE_OF_MEANS"))
    chance = 2 * spread**2 / world.rows
    assert means.effect == pytest.approx(math.sqrt(means.value**2 - chance) / spread, rel=1e-3)
    rejected = sum(q <= 0.05 for q in false_discovery_control(p_values))
    assert verdict.level == pytest.approx(0.05 * rejected / 10)


def _variance(histogram: Histogram) -> float:
    cells = histogram.cells.values()
    return sum(rows * (total / rows - histogram.mean) ** 2 for rows, total in cells) / histogram.rows


def test_columns_are_ranked_by_effect_in_floors_and_told_in_words() -> None:
    world = World(2)
    moved = {"age": 0.25, "gap": 2.0}
    verdict = world.run(moved, moved)[-1]
    assert verdict.alarms == ("GAP", "AGE")
    gap, age, payment = verdict.columns
    assert (gap.alarm, age.alarm, payment.alarm, payment.fires) == (True, True, False, False)
    assert gap.contribution > age.contribution > 1
    for column in (gap, age):
        found = [f for f in verdict.findings if f.column == column.column and f.fires]
        strengths = {f.metric: f.effect / f.floor for f in found}
        strengths["POPULATION_STABILITY_INDEX"] **= 0.5
        assert column.contribution == max(strengths.values())
    # a move of a quarter of a standard deviation is two and a half floors by every metric, give or take
    by_metric = {f.metric: f.strength for f in verdict.findings if f.column == "AGE"}
    assert all(1.8 < strength < 3.2 for strength in by_metric.values()), by_metric
    words = verdict.text().splitlines()
    assert words[0] == "Drift in GAP, AGE (3 columns, 10 tests, false alarm rate 0.05 a month)"
    assert words[1].startswith("  GAP: ALARM, fired in 2 of the last 3 months; ")
    assert words[2].endswith(("floor 0.1", "floor 0.01", "floor 0.0425"))
    assert len(words) == 3
    page = verdict._repr_html_()
    assert page.count("<tr>") == 4
    assert "<td>ALARM</td>" in page
    quiet = world.run({})[0]
    assert quiet.text() == "No drift alarm (3 columns, 10 tests, false alarm rate 0.05 a month)"
    assert from_json(DriftVerdict, to_json(verdict)) == verdict


def test_a_sure_but_small_effect_is_no_drift() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=400_000)
    bins = grid(values)
    baseline = {"X": counted(bins, values)}
    nulls = Nulls.build(baseline)
    for shift, fires in ((0.05, False), (0.15, True)):
        verdict = judge(baseline, {"X": counted(bins, rng.normal(shift, 1.0, 400_000))}, nulls)
        means = next(f for f in verdict.findings if f.metric == "DIFFERENCE_OF_MEANS")
        assert means.q_value < 1e-6
        assert means.fires is fires
    small = judge(
        baseline, {"X": counted(bins, rng.normal(0.05, 1.0, 400_000))}, nulls, DriftSettings(floors=_no_floor())
    )
    assert small.columns[0].fires


def _no_floor() -> dict[str, float]:
    return dict.fromkeys(DRIFT_METRICS, 1e-9)


def test_the_effect_does_not_depend_on_the_rows() -> None:
    """Forty categories, a tenth of them moved: the raw index of 500 rows is mostly chance, the effect is not."""
    shares = np.full(40, 1 / 40)
    moved = shares * np.where(np.arange(40) % 10 == 0, 1.6, 0.9333333)
    moved /= moved.sum()
    true = population_stability_index(shares.tolist(), moved.tolist())
    rng = np.random.default_rng(6)
    for rows, within in ((500, 0.3), (50_000, 0.05)):
        effects, values = [], []
        for _ in range(20):
            before, now = (
                texts({f"V{i}": int(c) for i, c in enumerate(rng.multinomial(rows, p)) if c}) for p in (shares, moved)
            )
            found = judge(
                {"X": before}, {"X": now}, Nulls.build({"X": before}, draws=1_000), DriftSettings(draws=1_000)
            )
            index = next(f for f in found.findings if f.metric == "POPULATION_STABILITY_INDEX")
            effects.append(index.effect)
            values.append(index.value)
        assert np.mean(effects) == pytest.approx(true, rel=within)
        if rows == 500:
            assert np.mean(values) > 4 * true


def test_the_floors_of_the_two_share_metrics_are_one() -> None:
    shares = np.full(SETTINGS.groups, 1 / SETTINGS.groups)
    tilt = np.linspace(-1, 1, SETTINGS.groups)
    size = math.sqrt(0.01 / float(np.sum((shares * tilt) ** 2 / shares)))
    moved = (shares * (1 + size * tilt)).tolist()
    assert population_stability_index(shares.tolist(), moved) == pytest.approx(0.01, rel=0.01)
    assert jensen_shannon(shares.tolist(), moved) == pytest.approx(FLOORS["JENSEN_SHANNON"], rel=0.01)


def test_segments_are_judged_each_by_their_own_baseline() -> None:
    north, south = World(4), World(5, rows=700)
    baseline = {"NORTH": north.baseline, "SOUTH": south.baseline}
    nulls = Nulls.build(baseline)
    history = DriftHistory()
    for _ in range(2):
        month = {"NORTH": north.month(), "SOUTH": south.month(cash=0.8), "WEST": north.month()}
        verdict = judge(baseline, month, nulls, history=history)
        history = verdict.history
    assert verdict.alarms == ("PAYMENT",)
    assert [(c.segment, c.column) for c in verdict.columns if c.alarm] == [("SOUTH", "PAYMENT")]
    assert len(verdict.findings) == 20
    assert {why for segment, _, why in verdict.unjudged if segment == "WEST"} == {"the baseline has no such segment"}
    assert "PAYMENT in SOUTH: ALARM" in verdict.text()
    # firing in another segment does not add up to an alarm
    other = judge(
        baseline,
        {"NORTH": north.month(cash=0.8), "SOUTH": south.month()},
        nulls,
        history=DriftHistory(((("SOUTH", "PAYMENT"),),)),
    )
    assert other.alarms == ()


def test_what_cannot_be_judged_is_said() -> None:
    world = World(6)
    baseline = world.baseline | {"FLAT": Histogram({0: (3_000, 0.0)}), "NEVER": Histogram({}, 3_000)}
    nulls = Nulls.build(baseline)
    month = world.month() | {"FLAT": Histogram({0: (3_000, 5.0)}), "NEVER": Histogram({}, 3_000)}
    del month["GAP"]
    verdict = judge(baseline, month, nulls)
    assert {column: why for _, column, why in verdict.unjudged} == {
        "GAP": "no rows in the month",
        "NEVER": "no rows in the baseline",
        "FLAT": "constant in the baseline, so there is no spread to measure a move by",
    }
    assert "  FLAT: not judged, constant in the baseline" in verdict.text()
    nothing = judge({}, {}, Nulls.build({}))
    assert (nothing.alarms, nothing.findings, nothing.unjudged) == ((), (), ())


def test_one_clear_error_for_what_does_not_belong_together() -> None:
    world = World(7)
    with pytest.raises(NotFound, match="the baseline has no column SPEND"):
        judge(world.baseline, world.month() | {"SPEND": events(1, 9)}, world.nulls)
    with pytest.raises(NotFound, match="no column SPEND"):
        world.nulls.p_value("SPEND", "WASSERSTEIN", 1.0, 10)
    with pytest.raises(NotFound, match="PAYMENT has no WASSERSTEIN"):
        world.nulls.p_value("PAYMENT", "WASSERSTEIN", 1.0, 10)
    with pytest.raises(NotFound, match="no column AGE of segment NORTH"):
        world.nulls.quantile("AGE", "WASSERSTEIN", 0.05, 10, segment="NORTH")
    with pytest.raises(BadConfig, match="the baseline has 2000"):
        judge(World(7, rows=2_000).baseline, world.month(), world.nulls)
    with pytest.raises(BadConfig, match="PAYMENT is a number on one side"):
        judge(world.baseline, {"PAYMENT": events(1, 9)}, world.nulls)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"draws": 999}, "draws"),
        ({"needed": 0}, "0 of the last 3"),
        ({"needed": 4}, "4 of the last 3"),
        ({"seed": -1}, "seed"),
        ({"floors": {"KS": 0.1}}, "'KS' is no drift metric"),
        ({"floors": {"WASSERSTEIN": 0.0}}, "floor of WASSERSTEIN"),
        ({"floors": {"WASSERSTEIN": math.nan}}, "floor of WASSERSTEIN"),
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        DriftSettings(**wrong)


def test_settings_keep_the_defaults_of_what_is_left_out() -> None:
    chosen = DriftSettings(floors={"WASSERSTEIN": 0.3})
    assert chosen.floors == {**FLOORS, "WASSERSTEIN": 0.3}
    assert DriftSettings().floors["JENSEN_SHANNON"] == pytest.approx(0.04247, abs=1e-5)


def test_nulls_are_stored_small_and_the_same_for_a_seed() -> None:
    world = World(8)
    stored = to_json(world.nulls)
    assert from_json(Nulls, stored) == world.nulls
    assert len(json.dumps(json.loads(stored))) < 3 * 6_000
    # a column's null does not depend on which other columns there are
    alone = Nulls.build({"AGE": world.baseline["AGE"]})
    assert alone.column("AGE") == world.nulls.column("AGE")
    assert Nulls.build({"AGE": world.baseline["AGE"]}, seed=1).column("AGE") != alone.column("AGE")
    assert seed_of(0, "A", "B") != seed_of(0, "", "AB")
    assert isinstance(alone.column("AGE"), ColumnNull)
    first, again = (judge(world.baseline, world.baseline, world.nulls) for _ in range(2))
    assert first == again


def test_a_column_of_very_many_categories_is_drawn_less_often() -> None:
    rng = np.random.default_rng(9)
    counts = rng.multinomial(5_000, rng.dirichlet(np.full(900, 0.5)))
    before = texts({f"V{i}": int(c) for i, c in enumerate(counts) if c})
    tail = Nulls.build({"X": before}).column("X").tails["POPULATION_STABILITY_INDEX"]
    assert tail.beyond == 1 / 1_001
    assert tail.level > 0.1


def test_an_ignored_column_is_measured_and_not_judged() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0, 1, 2000)
    bins = grid(values)
    before = dict.fromkeys(("GROWN", "AGE"), counted(bins, values))
    now = dict.fromkeys(("GROWN", "AGE"), counted(bins, rng.normal(3, 1, 2000)))
    verdict = judge(before, now, Nulls.build(before, draws=1000), DriftSettings(draws=1000, ignored=("grown",)))
    assert {c.column for c in verdict.columns} == {"AGE"}
    assert verdict.unjudged == (("", "GROWN", "ignored by the settings"),)
