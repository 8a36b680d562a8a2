"""The paired comparisons against scikit-learn, scipy, bootstraps of rows, and the laws they must keep."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2, norm
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score

from churnobs import BadConfig
from churnobs.class_comparison import CLASS_METRICS, JointCounts, compare_classes, mcnemar
from churnobs.comparison import PairedComparison, Verdict, compare_auc, compare_log_loss, roc_auc


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


@pytest.mark.parametrize("gain", [0.0, 0.01, 0.05])
def test_certainty_is_the_normal_chance_of_the_gain(gain: float) -> None:
    met = compare_auc(*world(2, 1_000, 0.8, 1.0))
    assert met.certainty(gain) == pytest.approx(norm.cdf((met.difference - gain) / met.standard_error), abs=1e-12)
    if gain == 0.0:
        assert met.certainty() == pytest.approx(1.0 - met.p_value, abs=1e-12)


def test_certainty_of_a_gain_agrees_with_a_paired_bootstrap() -> None:
    labels, a, b = world(2, 1_000, 0.8, 1.0)
    rng = np.random.default_rng(0)
    draws = [
        roc_auc(labels[pick], a[pick]) - roc_auc(labels[pick], b[pick])
        for pick in rng.integers(0, len(labels), (2_000, len(labels)))
    ]
    assert compare_auc(labels, a, b).certainty(0.02) == pytest.approx(np.mean(np.asarray(draws) >= 0.02), abs=0.03)


def test_certainty_without_a_spread() -> None:
    met = compare_auc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.5] * 4)
    assert (met.certainty(), met.certainty(0.5), met.certainty(0.6)) == (0.75, 0.5, 0.25)
    worse = compare_auc([0, 0, 1, 1], [0.5] * 4, [0.1, 0.2, 0.8, 0.9])
    assert worse.certainty() == 0.25
    nothing = compare_auc([1, 1], [0.1, 0.2], [0.3, 0.1])
    assert (nothing.certainty(), nothing.certainty(0.1)) == (0.5, 0.0)
    assert PairedComparison(0.7, 0.7, 0.0, 0.01, 0.5, 9).certainty() == pytest.approx(0.5)


METRICS = {
    "F1_SCORE": f1_score,
    "PRECISION": precision_score,
    "RECALL": recall_score,
    "CLASSIFICATION_ACCURACY": accuracy_score,
}
CLASS = st.sampled_from([0, 1])


def classes(seed: int, rows: int, noise_a: float, noise_b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two models' classes, of scores that see the risk through independent noise."""
    labels, a, b = world(seed, rows, noise_a, noise_b)
    return labels, (a > 0.5).astype(np.int8), (b > 0.5).astype(np.int8)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(*[st.sampled_from([0.0, 1.0, math.nan, math.inf])] * 3), max_size=40
    ),
    st.integers(0, 40),
)  # fmt: skip
def test_joint_counts_are_those_counted_one_by_one_and_add_up(rows: list[tuple[float, ...]], cut: int) -> None:
    counted = [0] * 8
    for row in rows:
        if all(map(math.isfinite, row)):
            label, a, b = map(int, row)
            counted[4 * label + 2 * a + b] += 1

    def of(part: list[tuple[float, ...]]) -> JointCounts:
        return JointCounts.of(*([row[i] for row in part] for i in range(3)))

    assert of(rows).cells == tuple(counted)
    assert of(rows[:cut]) + of(rows[cut:]) == of(rows)
    assert of(rows).rows == sum(counted)


def test_joint_counts_do_not_care_how_the_rows_are_kept() -> None:
    labels, a, b = classes(1, 200_000, 0.5, 1.0)
    wanted = tuple(np.bincount(4 * labels.astype(int) + 2 * a + b, minlength=8))
    for kind in (np.bool_, np.int64, np.float32, object):
        assert JointCounts.of(labels.astype(kind), a.astype(kind), b.astype(kind)).cells == wanted
    assert JointCounts.of([1, None], [1, 1], [0, 1]).cells == (0, 0, 0, 0, 0, 0, 1, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(CLASS, CLASS, CLASS), min_size=1, max_size=60))
def test_metrics_of_classes_are_scikit_learns(rows: list[tuple[int, int, int]]) -> None:
    labels, a, b = (np.array(c) for c in zip(*rows, strict=True))
    for metric, oracle in METRICS.items():
        met = compare_classes(labels, a, b, metric=metric, resamples=200)
        for value, said in ((met.value_a, a), (met.value_b, b)):
            wanted = oracle(labels, said, **({} if metric == "CLASSIFICATION_ACCURACY" else {"zero_division": np.nan}))
            assert (math.nan if value is None else value) == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        assert 0.0 <= met.certainty <= 1.0
        if met.difference is None:
            assert (met.low, met.high, met.certainty) == (None, None, 0.0)
        else:
            assert met.difference == met.value_a - met.value_b
            assert met.low <= met.high


@given(st.lists(st.tuples(CLASS, CLASS, CLASS), max_size=80), st.integers(1, 30))
def test_mcnemar_is_the_two_sided_binomial_test(rows: list[tuple[int, int, int]], times: int) -> None:
    labels, a, b = (np.array(c * times) for c in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    met = mcnemar(labels, a, b)
    assert met.only_a_right == int(((a == labels) & (b != labels)).sum())
    assert met.only_b_right == int(((a != labels) & (b == labels)).sum())
    assert met.rows == len(labels)
    apart = met.only_a_right + met.only_b_right
    if apart == 0:
        assert met.p_value == 1.0
    elif apart <= 1_000:
        assert met.p_value == pytest.approx(binomtest(met.only_a_right, apart).pvalue, rel=1e-9)
    swapped = mcnemar(labels, b, a)
    assert (swapped.only_a_right, swapped.p_value) == (met.only_b_right, met.p_value)


@pytest.mark.parametrize("one", [400, 470, 499, 500, 501])
def test_mcnemar_with_many_rows_apart_is_the_corrected_chi_square(one: int) -> None:
    other = 1_001 - one
    met = JointCounts((0, one, other, 0, 0, 0, 0, 5)).mcnemar()
    assert met.p_value == pytest.approx(chi2.sf((abs(one - other) - 1) ** 2 / (one + other), 1), rel=1e-9)
    # where one test takes over from the other they agree
    assert met.p_value == pytest.approx(binomtest(one, one + other).pvalue, abs=1e-3)


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_the_bootstrap_of_counts_is_that_of_rows(metric: str) -> None:
    labels, a, b = classes(11, 600, 0.6, 0.9)
    met = compare_classes(labels, a, b, metric=metric, gain=0.01)
    rng = np.random.default_rng(1)
    score = METRICS[metric]
    draws = np.array(
        [
            score(labels[pick], a[pick]) - score(labels[pick], b[pick])
            for pick in rng.integers(0, len(labels), (500, len(labels)))
        ]
    )
    spread = draws.std()
    # 500 draws place a quantile at the 5% tail within 0.1 of their spread, and a share within 0.023, one standard error
    assert met.low == pytest.approx(np.quantile(draws, 0.05), abs=0.3 * spread)
    assert met.high == pytest.approx(np.quantile(draws, 0.95), abs=0.3 * spread)
    assert met.certainty == pytest.approx(np.mean(draws > 0.01), abs=0.07)
    assert met.low < met.difference < met.high
    narrow = compare_classes(labels, a, b, metric=metric, level=0.5)
    assert met.low < narrow.low < narrow.high < met.high


@pytest.fixture(scope="module")
def equals() -> list[JointCounts]:
    """2,000 worlds in which a and b see the risk equally well, each through noise of its own."""
    return [JointCounts.of(*classes(seed, 400, 1.0, 1.0)) for seed in range(2_000)]


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_the_certainty_of_equal_models_is_as_rarely_high_as_it_says(metric: str, equals: list[JointCounts]) -> None:
    sure = np.array([counts.compare(metric=metric, resamples=1_000).certainty for counts in equals])
    # three standard errors of 2,000 draws around 5%, and a little for the steps of counts
    assert 0.03 <= np.mean(sure >= 0.95) <= 0.07
    assert 0.03 <= np.mean(sure <= 0.05) <= 0.07
    assert 0.47 <= np.mean(sure) <= 0.53


def test_a_real_gain_is_found_and_one_that_is_asked_too_high_is_not() -> None:
    found = [compare_classes(*classes(seed, 4_000, 0.2, 1.5), resamples=1_000) for seed in range(50)]
    assert all(met.certainty >= 0.95 for met in found)
    gain = float(np.mean([met.difference for met in found]))
    asked = [
        compare_classes(*classes(seed, 4_000, 0.2, 1.5), gain=2 * gain, resamples=1_000).certainty for seed in range(50)
    ]
    assert max(asked) < 0.5


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=8, max_size=8), st.sampled_from(CLASS_METRICS), st.floats(0, 0.5),
    st.floats(0, 0.4),
)  # fmt: skip
def test_certainty_falls_with_the_gain(cells: list[int], metric: str, gain: float, more: float) -> None:
    counts = JointCounts(tuple(cells))
    less, wanted = (counts.compare(metric=metric, gain=g, resamples=300) for g in (gain, gain + more))
    assert wanted.certainty <= less.certainty
    assert counts.compare(metric=metric, gain=gain, resamples=300) == less


def test_equal_classes_are_a_toss_up_and_gain_nothing() -> None:
    labels, a, _ = classes(3, 500, 0.5, 0.5)
    same = compare_classes(labels, a, a)
    assert (same.difference, same.low, same.high, same.certainty) == (0.0, 0.0, 0.0, 0.5)
    assert compare_classes(labels, a, a, gain=0.001).certainty == 0.0
    # also where many resamples have nothing to divide by
    assert compare_classes([0, 1, 0], [0, 1, 0], [0, 1, 0], metric="RECALL").certainty == 0.5
    assert mcnemar(labels, a, a).p_value == 1.0


@pytest.mark.parametrize("metric", CLASS_METRICS)
@pytest.mark.parametrize("cells", [(9, 4, 4, 5, 9, 3, 3, 20), (9, 6, 2, 5, 9, 2, 5, 20)])
def test_swapping_the_models_turns_the_certainty_round(metric: str, cells: tuple[int, ...]) -> None:
    swapped = tuple(cells[4 * label + 2 * b + a] for label in (0, 1) for a in (0, 1) for b in (0, 1))
    one, two = (JointCounts(c).compare(metric=metric) for c in (cells, swapped))
    # the resamples that tie, some 10% here, count one half on both sides; 0.02 is four standard errors
    assert one.certainty + two.certainty == pytest.approx(1.0, abs=0.02)
    assert one.difference == pytest.approx(-two.difference)
    if cells == swapped:
        assert one.certainty == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("apart", "most"), [(1, 0.5), (3, 0.875), (4, 0.9375), (5, 0.96875)])
def test_a_handful_of_rows_cannot_make_certain(apart: int, most: float) -> None:
    counts = JointCounts((500, 0, 0, 0, 0, 0, apart, 500))
    for metric in ("F1_SCORE", "RECALL", "CLASSIFICATION_ACCURACY"):
        assert counts.compare(metric=metric).certainty <= most
    # rows that stayed say nothing of recall
    assert JointCounts((500, 50, 0, 0, 0, 0, apart, 500)).compare(metric="RECALL").certainty <= most


@pytest.mark.parametrize(
    ("cells", "metric"),
    [
        ((0,) * 8, "CLASSIFICATION_ACCURACY"),
        ((0,) * 8, "F1_SCORE"),
        ((9, 0, 0, 0, 0, 0, 0, 0), "F1_SCORE"),
        ((5, 3, 0, 0, 5, 3, 0, 0), "PRECISION"),
        ((5, 0, 3, 0, 5, 0, 3, 0), "PRECISION"),
        ((5, 3, 3, 2, 0, 0, 0, 0), "RECALL"),
    ],
)
def test_what_is_not_defined_is_none_and_never_certain(cells: tuple[int, ...], metric: str) -> None:
    met = JointCounts(cells).compare(metric=metric, resamples=100)
    assert (met.difference, met.low, met.high, met.certainty) == (None, None, None, 0.0)
    assert None in {met.value_a, met.value_b}
    assert 0.0 <= JointCounts(cells).mcnemar().p_value <= 1.0


def test_resamples_without_a_value_speak_against_the_candidate() -> None:
    # the one row that a says yes to is missing in (1 - 1/100)^100 of the resamples: its precision is then not known
    counts = JointCounts((60, 20, 0, 0, 10, 9, 0, 1))
    met = counts.compare(metric="PRECISION")
    assert met.value_a == 1.0
    assert met.certainty == pytest.approx(1.0 - 0.99**100, abs=0.02)
    assert math.isfinite(met.low)


def test_ten_thousand_resamples_of_a_million_rows_need_little_memory() -> None:
    rng = np.random.default_rng(0)
    labels, a, b = (rng.integers(0, 2, 1_000_000) for _ in range(3))
    tracemalloc.start()
    compare_classes(labels, a, b, resamples=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6, f"{peak / 1e6:.1f} MB beside the rows themselves"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"labels": [0, 1, 1]}, "labels, class_a and class_b have 3, 2, 2 rows; compare two models on the same rows"),
        ({"class_a": [0, 2]}, "a label or class is neither 0 nor 1"),
        ({"labels": [0.5, 1]}, "a label or class is neither 0 nor 1"),
        ({"class_b": ["yes", "no"]}, "class_b are not numbers"),
        ({"metric": "ROC_AUC"}, "'ROC_AUC' is no metric of classes; one of F1_SCORE, PRECISION"),
        ({"gain": -0.1}, "gain=-0.1"),
        ({"gain": math.nan}, "gain=nan"),
        ({"level": 1.0}, "level=1.0"),
        ({"resamples": 0}, "resamples=0"),
    ],
)
def test_what_cannot_be_compared_is_refused(how: dict[str, object], words: str) -> None:
    given_ = {"labels": [0, 1], "class_a": [0, 1], "class_b": [1, 1], **how}
    rows = [given_.pop(name) for name in ("labels", "class_a", "class_b")]
    with pytest.raises(BadConfig, match=words):
        compare_classes(*rows, **given_)


@pytest.mark.parametrize("cells", [(1, 2), (0, 0, 0, 0, 0, 0, 0, -1)])
def test_joint_counts_are_eight(cells: tuple[int, ...]) -> None:
    with pytest.raises(BadConfig, match="are no joint counts"):
        JointCounts(cells)
