"""The expected AUC against the double sum that defines it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from simulations import expected_auc

PAIRS = st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(-3, 3)), min_size=2, max_size=25)


def double_sum(probabilities: list[float], scores: list[int]) -> float:
    above = weight = 0.0
    for i, (p, s) in enumerate(zip(probabilities, scores, strict=True)):
        for j, (q, t) in enumerate(zip(probabilities, scores, strict=True)):
            if i != j:
                above += p * (1 - q) * ((s > t) + 0.5 * (s == t))
                weight += p * (1 - q)
    return above / weight if weight > 1e-9 else math.nan


@given(PAIRS)
def test_it_is_the_double_sum(pairs: list[tuple[float, int]]) -> None:
    probabilities, scores = [p for p, _ in pairs], [s for _, s in pairs]
    expected = double_sum(probabilities, scores)
    if not math.isnan(expected):
        assert expected_auc(probabilities, scores) == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_sure_customers_give_the_ordinary_auc(pairs: list[tuple[bool, int]]) -> None:
    labels, scores = [float(p) for p, _ in pairs], [s for _, s in pairs]
    if 0 < sum(labels) < len(labels):
        assert expected_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def test_it_is_the_mean_auc_of_drawn_labels() -> None:
    rng = np.random.default_rng(3)
    p, s = rng.random(400), rng.random(400)
    s = s + p
    drawn = [roc_auc_score(rng.random(400) < p, s) for _ in range(300)]
    assert expected_auc(p, s) == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / math.sqrt(300))


def test_the_truth_ranks_best_and_its_reverse_worst() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(200)
    best = expected_auc(p, p)
    assert best > expected_auc(p, p + rng.normal(0, 0.3, 200)) > 0.5
    assert expected_auc(p, -p) == pytest.approx(1 - best)
    assert expected_auc(p, np.zeros(200)) == pytest.approx(0.5)


def test_no_pair_gives_nan() -> None:
    assert math.isnan(expected_auc([0.4], [1.0]))
    assert math.isnan(expected_auc([1.0, 1.0], [1.0, 2.0]))


@pytest.mark.parametrize(("p", "s"), [([0.5], [1, 2]), ([1.5, 0.1], [1, 2]), ([0.5, 0.1], [math.nan, 2])])
def test_nonsense_is_refused(p: list[float], s: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        expected_auc(p, s)
