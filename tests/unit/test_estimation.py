"""Estimates against all labellings that can be, row-by-row simulation and scikit-learn; grades and trust by their rule."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from churnobs.codec import from_json, to_json
from churnobs.errors import BadConfig
from churnobs.monitoring.calibration import MIN_ROWS, Calibration, _logistic, _spline
from churnobs.monitoring.estimation import (
    DRAWS,
    ESTIMATED,
    Estimate,
    Grade,
    _labels,
    coverage,
    estimate,
    grade,
    trust,
)
from churnobs.monitoring.levels import Levels
from simulations import expected_auc

AT_ITS_WORD = Calibration(calibrated=False, rows=0, base_rate=None)
chances = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5, 0.8, 1.0]), min_size=1, max_size=7)


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def unlabeled(scores: np.ndarray, said: np.ndarray) -> Levels:
    return Levels.of(scores, said, np.full(len(scores), np.nan))


def population(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A model's view (a logit), the chance that it means, and labels."""
    rng = np.random.default_rng(seed)
    view = rng.normal(-0.4, 1.5, rows)
    chance = logistic(0.8 * view + 0.3 * np.sin(view))
    return view, chance, rng.random(rows) < chance


def interval(found: Estimate) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


@given(chances, st.integers(0, 127))
def test_values_are_those_of_expected_counts_over_all_labellings(chance: list[float], bits: int) -> None:
    p = np.asarray(chance)
    said = np.asarray([bits >> i & 1 for i in range(len(p))], dtype=bool)
    tp = fp = fn = tn = won = pairs = 0.0
    for labels in itertools.product([False, True], repeat=len(p)):
        y = np.asarray(labels)
        weight = float(np.prod(np.where(y, p, 1 - p)))
        tp += weight * (y & said).sum()
        fp += weight * (~y & said).sum()
        fn += weight * (y & ~said).sum()
        tn += weight * (~y & ~said).sum()
        ahead = p[y][:, None] - p[~y][None, :]
        won += weight * ((ahead > 0) + 0.5 * (ahead == 0)).sum()
        pairs += weight * ahead.size
    found = estimate(unlabeled(p, said), AT_ITS_WORD, draws=50)
    for name, above, below in (
        ("F1_SCORE", 2 * tp, 2 * tp + fp + fn),
        ("PRECISION", tp, tp + fp),
        ("RECALL", tp, tp + fn),
        ("CLASSIFICATION_ACCURACY", tp + tn, tp + fp + fn + tn),
        ("ROC_AUC", won, pairs),
    ):
        if below > 1e-9:
            assert found[name].value == pytest.approx(above / below, abs=1e-9), name
        else:
            assert (found[name].value, found[name].low, found[name].high) == (None, None, None), name


def test_expected_auc_is_that_of_the_simulations() -> None:
    _, chance, _ = population(1, 3_000)
    scores = logistic(2 * np.log(chance / (1 - chance)) + 0.4).round(2)
    reference_view, _, labels = population(2, 4_000)
    calibration = Calibration.fit(Levels.of(logistic(reference_view), reference_view > 0, labels))
    found = estimate(unlabeled(scores, scores > 0.5), calibration, draws=50)["ROC_AUC"]
    assert found.value == pytest.approx(expected_auc(calibration.probability(scores), scores), abs=1e-12)


@pytest.mark.parametrize("rows", [60, 400])
def test_intervals_are_those_of_simulated_rows(rows: int) -> None:
    rng = np.random.default_rng(rows)
    chance = rng.beta(1, 2, rows)
    chance[: rows // 3] = chance[0]
    said = rng.random(rows) < chance
    labels = rng.random((1_500, rows)) < chance
    tp, fp, fn = ((part).sum(axis=1) for part in (labels & said, ~labels & said, labels & ~said))
    ups = labels.sum(axis=1)
    rank_sums = (labels * rankdata(chance)).sum(axis=1)
    drawn = {
        "F1_SCORE": 2 * tp / (2 * tp + fp + fn),
        "PRECISION": tp / (tp + fp),
        "RECALL": tp / (tp + fn),
        "CLASSIFICATION_ACCURACY": (labels == said).mean(axis=1),
        "ROC_AUC": (rank_sums - ups * (ups + 1) / 2) / (ups * (rows - ups)),
    }
    one = labels[0]
    assert [drawn[name][0] for name in ESTIMATED] == pytest.approx(
        [
            f1_score(one, said),
            precision_score(one, said),
            recall_score(one, said),
            accuracy_score(one, said),
            roc_auc_score(one, chance),
        ]
    )
    found = estimate(unlabeled(chance, said), AT_ITS_WORD, draws=4_000, level=0.8)
    for name in ESTIMATED:
        spread = float(np.std(drawn[name]))
        assert interval(found[name]) == pytest.approx(np.quantile(drawn[name], (0.1, 0.9)), abs=0.15 * spread), name
        assert found[name].value == pytest.approx(np.mean(drawn[name]), abs=0.15 * spread), name


def test_intervals_hold_the_calibrations_error_too() -> None:
    view, _, labels = population(3, 1_000)
    calibration = Calibration.fit(Levels.of(logistic(view), view > 0, labels))
    tiny = tuple(map(tuple, (1e-18 * np.eye(len(calibration.coefficients))).tolist()))
    sure = dataclasses.replace(calibration, covariance=tiny)
    months = logistic(population(4, 20_000)[0])
    levels = unlabeled(months, months > 0.5)
    wide, narrow = (interval(estimate(levels, c)["CLASSIFICATION_ACCURACY"]) for c in (calibration, sure))
    accuracy = [np.where(months > 0.5, p, 1 - p).mean() for p in calibration.draws(months, 200, seed=9)]
    assert wide[1] - wide[0] == pytest.approx(
        3.29 * math.hypot(float(np.std(accuracy)), (narrow[1] - narrow[0]) / 3.29), rel=0.15
    )
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_a_large_reference_teaches_the_truth_as_isotonic_regression_does() -> None:
    view, chance, labels = population(5, 200_000)
    calibration = Calibration.fit(Levels.of(logistic(3 * view), view > 0, labels))
    middle = (view > np.quantile(view, 0.01)) & (view < np.quantile(view, 0.99))
    fitted = calibration.probability(logistic(3 * view))
    assert np.abs(fitted - chance)[middle].max() < 0.02
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(view, labels).predict(view)
    assert np.abs(fitted - isotonic).mean() < 0.01
    assert np.abs(fitted - chance).mean() < np.abs(isotonic - chance).mean()


def test_the_scale_on_which_a_model_answers_does_not_matter() -> None:
    view, _, labels = population(6, 3_000)
    one, other = (
        Calibration.fit(Levels.of(s, view > 0, labels)).probability(s) for s in (logistic(view), logistic(view) ** 5)
    )
    assert one == pytest.approx(other, abs=2e-3)


def test_the_fit_is_the_maximum_and_its_covariance_the_inverse_curvature() -> None:
    rng = np.random.default_rng(7)
    at = np.sort(rng.normal(size=40))
    rows = rng.integers(1, 30, 40).astype(float)
    up = rng.binomial(rows.astype(int), logistic(at)).astype(float)
    design = _spline(at, np.quantile(at, [0.05, 0.35, 0.65, 0.95]))
    coefficients, information = _logistic(design, up, rows)
    prior = design.shape[1] * rows / rows.sum()
    hit, total = up + prior * up.sum() / rows.sum(), rows + prior

    def loss(b: np.ndarray) -> float:
        return float((total * np.logaddexp(0, design @ b) - hit * (design @ b)).sum())

    best = minimize(loss, np.zeros(design.shape[1]), method="BFGS", options={"gtol": 1e-7})
    assert loss(coefficients) <= best.fun + 1e-9
    assert design @ coefficients == pytest.approx(design @ best.x, abs=1e-4)
    chance = logistic(design @ coefficients)
    assert information == pytest.approx((design.T * (total * chance * (1 - chance))) @ design, rel=1e-4, abs=1e-5)


def test_a_natural_spline_is_straight_beyond_its_knots() -> None:
    knots = np.asarray([-1.5, -0.5, 0.2, 1.4])
    for outside in (np.asarray([-5.0, -4.0, -3.0]), np.asarray([2.0, 3.0, 4.0])):
        assert np.diff(_spline(outside, knots), 2, axis=0) == pytest.approx(0.0, abs=1e-9)
    assert np.linalg.matrix_rank(_spline(np.linspace(-2, 2, 50), knots)) == 4


def test_the_calibrations_error_is_that_of_resampled_references() -> None:
    view, _, labels = population(8, 2_000)
    scores, asked = logistic(view), np.asarray([0.1, 0.3, 0.5, 0.8])
    calibration = Calibration.fit(Levels.of(scores, view > 0, labels))
    rng = np.random.default_rng(0)
    again = [
        Calibration.fit(Levels.of(scores[pick], view[pick] > 0, labels[pick])).probability(asked)
        for pick in rng.integers(0, 2_000, (200, 2_000))
    ]
    assert calibration.draws(asked, 2_000, seed=1).std(axis=0) == pytest.approx(np.std(again, axis=0), rel=0.25)


def test_months_share_the_drawn_calibrations() -> None:
    view, _, labels = population(9, 1_000)
    calibration = Calibration.fit(Levels.of(logistic(view), view > 0, labels))
    one = calibration.draws(np.asarray([0.2, 0.7]), 100, seed=4)
    assert calibration.draws(np.asarray([0.7]), 100, seed=4)[:, 0] == pytest.approx(one[:, 1])
    assert not np.allclose(calibration.draws(np.asarray([0.7]), 100, seed=5)[:, 0], one[:, 1])


@pytest.mark.parametrize("labels", [[], [1.0] * 900, [0.0, 1.0] * (MIN_ROWS // 2 - 1), [0.0] * 900 + [1.0] * 19])
def test_too_few_labels_leave_the_score_at_its_word(labels: list[float]) -> None:
    scores = np.linspace(0.01, 0.99, len(labels))
    calibration = Calibration.fit(Levels.of(scores, scores > 0.5, labels))
    assert not calibration.calibrated
    assert calibration.rows == len(labels)
    assert calibration.probability([0.2, 0.9]).tolist() == [0.2, 0.9]
    assert not estimate(unlabeled(np.asarray([0.2, 0.9]), np.asarray([0, 1])), calibration)["F1_SCORE"].calibrated
    assert calibration.draws(np.asarray([0.2, 0.9]), 3, seed=0).tolist() == [[0.2, 0.9]] * 3


@pytest.mark.parametrize(
    "scores",
    [np.full(400, 0.3), np.tile([0.2, 0.9], 200), np.tile([0.0, 0.5, 1.0, 1.0], 100)],
    ids=["one", "two", "three"],
)
def test_scores_with_few_values_are_calibrated_to_their_shares(scores: np.ndarray) -> None:
    labels = np.random.default_rng(3).random(400) < np.where(scores > 0.4, 0.7, 0.2)
    calibration = Calibration.fit(Levels.of(scores, scores > 0.4, labels))
    for score in np.unique(scores):
        share = labels[scores == score].mean()
        assert calibration.probability([score])[0] == pytest.approx(share, abs=0.05)
    assert np.isfinite(calibration.draws(np.unique(scores), 50, seed=0)).all()


def test_classes_that_do_not_overlap_have_a_finite_calibration() -> None:
    scores = np.linspace(0, 1, 600)
    calibration = Calibration.fit(Levels.of(scores, scores > 0.5, scores > 0.5))
    assert calibration.probability([0.1, 0.9]) == pytest.approx([0.0, 1.0], abs=0.05)
    found = estimate(unlabeled(scores, scores > 0.5), calibration)
    for name in ESTIMATED:
        assert interval(found[name])[1] > 0.97, name


def test_a_calibration_survives_json_and_is_small() -> None:
    view, _, labels = population(10, 5_000)
    calibration = Calibration.fit(Levels.of(logistic(view), view > 0, labels))
    text = to_json(calibration)
    assert len(text) < 6_000
    assert from_json(Calibration, text) == calibration
    assert "Calibration" in calibration._repr_html_()


@given(st.integers(0, 10_000))
def test_order_and_splitting_of_levels_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 200))
    scores, said = rng.integers(0, 20, rows) / 20, rng.random(rows) < 0.5
    whole = unlabeled(scores, said)
    cut = int(rng.integers(0, rows))
    parts = Levels.merged([unlabeled(scores[cut:], said[cut:]), unlabeled(scores[:cut], said[:cut])])
    one, other = (estimate(levels, AT_ITS_WORD, seed=1, draws=50) for levels in (whole, parts))
    for name in ESTIMATED:
        assert one[name].value == pytest.approx(other[name].value, abs=1e-12), name
        assert one[name].low == pytest.approx(other[name].low, abs=1e-12), name
        assert one[name].low is None or one[name].low <= one[name].value <= one[name].high


def test_many_levels_are_drawn_in_cells_without_moving_the_interval() -> None:
    view, _, labels = population(11, 40_000)
    calibration = Calibration.fit(Levels.of(logistic(view), view > 0, labels))
    said = logistic(view) > 0.4
    fine = estimate(unlabeled(logistic(view), said), calibration, draws=3_000)
    coarse = estimate(unlabeled(logistic(view).round(3), said), calibration, draws=3_000, seed=0)
    for name in ESTIMATED:
        width = interval(fine[name])[1] - interval(fine[name])[0]
        assert interval(coarse[name]) == pytest.approx(interval(fine[name]), abs=0.06 * width), name


@pytest.mark.parametrize("rows", [1.0, 7.0, 500.0])
def test_drawn_labels_are_binomial(rows: float) -> None:
    chance = np.tile([0.02, 0.3, 0.9], (20_000, 1))
    drawn = _labels(np.full(3, rows), chance, np.random.default_rng(0))
    assert drawn.mean(axis=0) == pytest.approx(rows * chance[0], abs=4 * (rows * 0.21 / 20_000) ** 0.5)
    assert drawn.var(axis=0) == pytest.approx(rows * chance[0] * (1 - chance[0]), rel=0.08)
    assert (drawn == drawn.round()).all()
    assert drawn.min() >= 0
    assert drawn.max() <= rows


def test_labels_that_are_known_already_are_not_looked_at() -> None:
    scores, said = np.asarray([0.1, 0.4, 0.6, 0.9]), np.asarray([0, 0, 1, 1])
    early = estimate(Levels.of(scores, said, [0, 0, 0, np.nan]), AT_ITS_WORD)
    assert early == estimate(unlabeled(scores, said), AT_ITS_WORD)


def test_missing_scores_and_classes() -> None:
    scores, said = np.asarray([0.2, 0.7, np.nan, 0.9, np.inf]), np.asarray([0.0, 1.0, 1.0, np.nan, 1.0])
    found = estimate(unlabeled(scores, said), AT_ITS_WORD)
    assert (found["F1_SCORE"].rows, found["ROC_AUC"].rows) == (2, 3)
    assert found["PRECISION"].value == pytest.approx(0.7)
    assert found["ROC_AUC"].value == pytest.approx(expected_auc([0.2, 0.7, 0.9], [0.2, 0.7, 0.9]))
    nothing = estimate(unlabeled(np.empty(0), np.empty(0)), AT_ITS_WORD)
    assert {(e.value, e.low, e.high, e.rows) for e in nothing.values()} == {(None, None, None, 0)}
    nobody = estimate(unlabeled(np.asarray([0.2, 0.3]), np.zeros(2)), AT_ITS_WORD)
    assert nobody["PRECISION"].value is None
    assert nobody["RECALL"].value == 0.0


def test_bad_arguments() -> None:
    levels = unlabeled(np.asarray([0.5]), np.asarray([1]))
    with pytest.raises(BadConfig, match=r"scores between 0\.5 and 7"):
        estimate(unlabeled(np.asarray([0.5, 7.0]), np.ones(2)), AT_ITS_WORD)
    with pytest.raises(BadConfig, match="no probabilities"):
        Calibration.fit(Levels.of([-0.5, 0.5], [1, 1], [1, 0]))
    with pytest.raises(BadConfig, match="level 90"):
        estimate(levels, AT_ITS_WORD, level=90)
    with pytest.raises(BadConfig, match="10 draws"):
        estimate(levels, AT_ITS_WORD, draws=10)


def test_the_same_seed_gives_the_same_estimates() -> None:
    view, _, labels = population(12, 2_000)
    levels = Levels.of(logistic(view), view > 0, labels)
    calibration = Calibration.fit(levels)
    assert estimate(levels, calibration) == estimate(levels, calibration)
    assert estimate(levels, calibration) != estimate(levels, calibration, seed=1)
    assert DRAWS >= 200


def guess(metric: str = "F1_SCORE", value: float | None = 0.8) -> Estimate:
    if value is None:
        return Estimate(metric, None, None, None, 0.9, 0, True)
    return Estimate(metric, value, value - 0.04, value + 0.02, 0.9, 1_000, True)


def test_grades() -> None:
    day = dt.date(2024, 5, 1)
    one = NormalDist().inv_cdf(0.95)
    assert grade(guess(), 0.82, as_of=day).z == pytest.approx(one)
    assert grade(guess(), 0.82, as_of=day).inside
    assert grade(guess(), 0.72, as_of=day).z == pytest.approx(-2 * one)
    assert grade(guess(), 0.72, as_of=day).inside is False
    assert grade(guess(), 0.8, as_of=day).z == 0.0
    for nothing in (
        grade(guess(), None, as_of=day),
        grade(guess(value=None), 0.5, as_of=day),
        grade(guess(), math.nan, as_of=day),
    ):
        assert (nothing.inside, nothing.z) == (None, None)
    sure = Estimate("RECALL", 1.0, 1.0, 1.0, 0.9, 5, False)
    assert grade(sure, 1.0, as_of=day).inside
    assert grade(sure, 0.9, as_of=day).z == -math.inf
    held = coverage([grade(guess(), v, as_of=day) for v in (0.8, 0.81, 0.5, None)])
    assert held == {"F1_SCORE": pytest.approx(2 / 3)}
    assert "Grade" in grade(guess(), 0.8, as_of=day)._repr_html_()


def month(number: int, *z: float | None) -> list[Grade]:
    day = dt.date(2024, number, 1)
    return [
        Grade(
            day,
            name,
            guess(name),
            None if one is None else 0.8 + 0.01 * one,
            None if one is None else abs(one) < 1.645,
            one,
        )
        for name, one in zip(ESTIMATED, z, strict=False)
    ]


def history(*months: float | None) -> list[Grade]:
    return [g for number, z in enumerate(months, start=1) for g in month(number, 0.1, z)]


@pytest.mark.parametrize(
    ("months", "up", "since"),
    [
        ((), True, None),
        ((None, None), True, None),
        ((0.5, -2.9, 2.0), True, None),
        ((0.5, 3.5, 0.5, 0.5, 3.5), True, None),
        ((0.5, -9.0), False, 2),
        ((0.5, math.inf), False, 2),
        ((0.5, 3.5, 0.5, -3.5), False, 4),
        ((3.5, 3.5), False, 2),
        ((9.0, 0.5), False, 1),
        ((9.0, 0.5, 0.5), True, 3),
        ((9.0, 0.5, 3.5, 0.5), False, 1),
        ((9.0, 0.5, 0.5, 3.5), True, 3),
        ((9.0, None, 0.5, None, 0.5), True, 5),
        ((9.0, 0.5, 0.5, 3.5, 3.5), False, 5),
    ],
)
def test_trust_falls_and_gets_up_by_its_rule(months: tuple[float | None, ...], up: bool, since: int | None) -> None:
    grades = history(*months)
    # one metric that is always right does not hide another that is wrong, nor does it grade a month of its own
    grades = [g for g in grades if g.metric != "F1_SCORE" or months[g.as_of.month - 1] is not None]
    state = trust(list(reversed(grades)))
    assert state.up is up
    assert state.since == (None if since is None else dt.date(2024, since, 1))


def test_trust_says_why() -> None:
    assert trust([]).reason == "no estimate has been graded yet"
    assert trust(history(0.1)).reason == "no estimate of 1 final month was wrong"
    assert trust(history(0.1, -9.0)).reason == (
        "PRECISION of 2024-02-01 was 0.71, estimated 0.8 (0.76 to 0.82); "
        "trusted again after 2 final months in a row whose estimates come true"
    )
    assert trust(history(3.5, 0.0, 3.5)).reason.startswith(
        "estimates were off in 2 of the last 3 final months; PRECISION of 2024-03-01 was 0.835"
    )
    assert trust(history(9.0, 0.1, 0.1)).reason == "the estimates of the last 2 final months came true"
    assert trust(history(0.1, 3.5), far=3.0).up is False
    assert trust(history(2.0, 2.0), off=1.5).up is False
    assert "Trust" in trust([])._repr_html_()
