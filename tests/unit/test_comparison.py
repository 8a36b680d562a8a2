"""The paired comparisons against scikit-learn, a bootstrap, and the laws they must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from churnobs.comparison import Verdict, compare_auc, compare_log_loss, roc_auc


def world(seed: int, rows: int, noise_a: float, noise_b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels drawn from a true risk, and two scores that see it through independent noise."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(0.8, 1.0, rows)
    labels = (rng.random(rows) < 1 / (1 + np.exp(-risk))).astype(np.int8)
    first = risk + noise_a * rng.normal(size=rows)
    second = risk + noise_b * rng.normal(size=rows)
    return labels, 1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second))


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_auc_is_scikit_learns_also_with_ties(digits: int) -> None:
    labels, a, b = world(1, 800, 0.5, 1.5)
    met = compare_auc(labels, a.round(digits), b.round(digits))
    assert met.auc_a == pytest.approx(roc_auc_score(labels, a.round(digits)), abs=1e-12)
    assert met.auc_b == pytest.approx(roc_auc_score(labels, b.round(digits)), abs=1e-12)
    assert roc_auc(labels, a.round(digits)) == met.auc_a
    assert met.difference == met.auc_a - met.auc_b
    assert met.rows == 800


def test_delong_agrees_with_a_paired_bootstrap() -> None:
    labels, a, b = world(2, 1_000, 0.8, 1.0)
    met = compare_auc(labels, a, b)
    rng = np.random.default_rng(0)
    draws = [
        roc_auc(labels[pick], a[pick]) - roc_auc(labels[pick], b[pick])
        for pick in rng.integers(0, len(labels), (2_000, len(labels)))
    ]
    assert met.standard_error == pytest.approx(np.std(draws), rel=0.08)
    assert met.p_value == pytest.approx(np.mean(np.asarray(draws) <= 0), abs=0.03)


def test_log_loss_is_scikit_learns_and_its_error_that_of_the_mean() -> None:
    labels, a, b = world(3, 500, 0.2, 1.5)
    met = compare_log_loss(labels, a, b)
    assert met.difference == pytest.approx(log_loss(labels, b) - log_loss(labels, a), abs=1e-12)
    assert met.verdict() is Verdict.BETTER
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(labels), (2_000, len(labels)))
    draws = [compare_log_loss(labels[pick], a[pick], b[pick]).difference for pick in picks]
    assert met.standard_error == pytest.approx(np.std(draws), rel=0.08)


def test_log_loss_against_a_base_rate() -> None:
    labels, a, _ = world(4, 500, 0.2, 0.2)
    met = compare_log_loss(labels, a, labels.mean())
    floor = log_loss(labels, np.full(500, labels.mean()))
    assert met.difference == pytest.approx(floor - log_loss(labels, a), abs=1e-12)
    assert met.auc_b == 0.5
    assert met.verdict() is Verdict.BETTER


@pytest.mark.parametrize("compare", [compare_auc, compare_log_loss])
def test_equal_models_are_promoted_by_chance_only_as_often_as_said(compare) -> None:
    promoted = [compare(*world(seed, 400, 1.0, 1.0)).verdict() is Verdict.BETTER for seed in range(1_000)]
    assert 0.03 <= np.mean(promoted) <= 0.066


def test_a_real_difference_is_found() -> None:
    found = [compare_auc(*world(seed, 1_000, 0.3, 1.0)).verdict() for seed in range(200)]
    assert np.mean([v is Verdict.BETTER for v in found]) >= 0.95
    assert Verdict.WORSE not in found


@pytest.mark.parametrize("compare", [compare_auc, compare_log_loss])
@pytest.mark.parametrize(
    ("labels", "a", "b"),
    [
        ([], [], []),
        ([1], [0.3], [0.9]),
        ([1, 1, 1], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
        ([0, 1, 0, 1], [0.5] * 4, [0.5] * 4),
        ([0, 1, 0, 1], [0.1, 0.8, 0.3, 0.6], [0.1, 0.8, 0.3, 0.6]),
        ([0, 1], [math.nan, 0.2], [0.2, 0.3]),
    ],
)
def test_nothing_to_tell_is_a_tie(compare, labels, a, b) -> None:
    met = compare(labels, a, b)
    assert met.p_value == 1.0
    assert met.difference == 0.0
    assert met.verdict() is Verdict.TIE


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_one_class_has_no_auc_and_never_a_winner(labels: list[int]) -> None:
    met = compare_auc(labels, [0.1, 0.2, 0.3], [0.3, 0.2, 0.2])
    assert math.isnan(met.auc_a)
    assert math.isnan(roc_auc(labels, [0.1, 0.2, 0.3]))
    assert met.verdict() is Verdict.TIE


@pytest.mark.parametrize(("times", "verdict"), [(1, Verdict.TIE), (3, Verdict.BETTER)])
def test_a_difference_without_any_spread_needs_enough_rows(times: int, verdict: Verdict) -> None:
    met = compare_auc([0, 0, 1, 1] * times, [0.1, 0.2, 0.8, 0.9] * times, [0.5, 0.5, 0.5, 0.5] * times)
    assert (met.auc_a, met.auc_b, met.difference, met.standard_error) == (1.0, 0.5, 0.5, 0.0)
    assert met.p_value == 0.25**times
    assert met.verdict() is verdict


def test_certainty_that_fails_costs_a_finite_loss() -> None:
    met = compare_log_loss([1, 0, 1, 0] * 10, [0.0, 1.0, 0.6, 0.4] * 10, [0.5] * 40)
    assert math.isfinite(met.difference)
    assert met.verdict() is Verdict.WORSE


def test_rows_without_both_scores_do_not_count() -> None:
    labels, a, b = world(5, 100, 0.5, 0.7)
    whole = compare_auc(labels[10:], a[10:], b[10:])
    a[:5], b[5:10] = np.nan, np.nan
    assert compare_auc(labels, a, b) == whole


GRID = st.integers(0, 12).map(lambda k: (k + 1) / 16)
ROWS = st.lists(st.tuples(st.integers(0, 1), GRID, GRID), min_size=0, max_size=60)


@pytest.mark.parametrize("compare", [compare_auc, compare_log_loss])
@settings(deadline=None)
@given(rows=ROWS)
def test_swapping_the_models_swaps_the_verdict(compare, rows) -> None:
    labels, a, b = (np.array(c, dtype=float) for c in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    one, two = compare(labels, a, b), compare(labels, b, a)
    assert one.difference == pytest.approx(-two.difference, abs=1e-12)
    assert one.standard_error == pytest.approx(two.standard_error, abs=1e-12)
    assert 0.0 <= one.p_value <= 1.0
    if one.difference != 0:
        assert one.p_value + two.p_value == pytest.approx(1.0, abs=1e-9)
    swapped = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER, Verdict.TIE: Verdict.TIE}
    assert two.verdict() is swapped[one.verdict()]


@settings(deadline=None)
@given(rows=ROWS, power=st.sampled_from([0.5, 2.0, 3.0]), shift=st.integers(-3, 3))
def test_auc_sees_only_the_order_of_scores(rows, power: float, shift: int) -> None:
    labels, a, b = (np.array(c, dtype=float) for c in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    one, two = compare_auc(labels, a, b), compare_auc(labels, a**power + shift, np.log(b))
    assert (one.difference, one.p_value, one.verdict()) == (two.difference, two.p_value, two.verdict())


@settings(deadline=None)
@given(rows=ROWS)
def test_flipping_labels_and_scores_changes_nothing(rows) -> None:
    labels, a, b = (np.array(c, dtype=float) for c in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    one, two = compare_auc(labels, a, b), compare_auc(1 - labels, 1 - a, 1 - b)
    assert one.difference == pytest.approx(two.difference, abs=1e-12)
    assert one.p_value == pytest.approx(two.p_value, abs=1e-9)
