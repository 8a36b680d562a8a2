"""The domain classifier: exact under the null, and it sees what no single column shows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, kstest
from sklearn.metrics import roc_auc_score

from churnobs.divergence import DRIFT_METRICS, Histogram, fit_bins
from churnobs.errors import BadConfig
from churnobs.monitoring.alarms import judge
from churnobs.monitoring.classifier import DomainDrift, domain_classifier, permutation_test
from churnobs.monitoring.null import Nulls


def rows(rng: np.random.Generator, count: int, correlation: float = 0.0) -> pd.DataFrame:
    pair = rng.multivariate_normal([0.0, 0.0], [[1.0, correlation], [correlation, 1.0]], count)
    return pd.DataFrame({"A": pair[:, 0], "B": pair[:, 1], "C": rng.choice(["x", "y", "z"], count)})


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_the_auc_is_that_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    labels = np.array([label for label, _ in pairs])
    if labels.all() or not labels.any():
        labels[0] = not labels[0]
    scores = np.array([score / 7 for _, score in pairs])
    auc, p_value = permutation_test(labels, scores, 9, np.random.default_rng(0))
    assert auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert p_value in {(1 + k) / 10 for k in range(10)}


def test_the_p_value_is_that_of_all_permutations() -> None:
    labels = np.array([False, False, False, True, True])
    scores = np.array([0.1, 0.4, 0.4, 0.4, 0.9])
    # of the ten pairs of places for the two True, these reach the given AUC of 5/6: {0.4, 0.9}, three times
    _, p_value = permutation_test(labels, scores, 20_000, np.random.default_rng(1))
    assert p_value == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 20_000))


def test_p_values_are_uniform_when_nothing_has_happened() -> None:
    found = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        found.append(domain_classifier(rows(rng, 90, 0.5), rows(rng, 70, 0.5), seed=seed, permutations=99).p_value)
    values = np.array(found)
    # 99 permutations leave steps of .01: uniform on them, within what 120 draws can tell
    assert kstest(values - 0.005, "uniform").pvalue > 0.001
    assert np.sum(values <= 0.1) <= binom.ppf(0.999, 120, 0.1)
    assert np.sum(values <= 0.5) >= binom.ppf(0.001, 120, 0.5)


def test_a_flipped_correlation_is_found_that_no_column_shows() -> None:
    rng = np.random.default_rng(3)
    before, now, same = rows(rng, 3_000, 0.6), rows(rng, 3_000, -0.6), rows(rng, 3_000, 0.6)
    sides: list[dict[str, Histogram]] = []
    for frame in (before, now):
        side = {"C": Histogram({str(k): (int(n), 0.0) for k, n in frame["C"].value_counts().items()})}
        for name in ("A", "B"):
            bins = fit_bins(name, *(float(getattr(before[name], what)()) for what in ("min", "max", "mean", "std")))
            cells = np.clip((frame[name] - bins.low) / bins.width, 0, bins.cells - 1).astype(int)
            totals = frame[name].groupby(cells).agg(["size", "sum"])
            side[name] = Histogram({int(c): (int(t["size"]), float(t["sum"])) for c, t in totals.iterrows()})
        sides.append(side)
    verdict = judge(sides[0], sides[1], Nulls.build(sides[0]))
    assert len(verdict.findings) == 2 * len(DRIFT_METRICS) + 2
    assert not any(column.fires for column in verdict.columns)

    found = domain_classifier(before, now, seed=1)
    assert found.auc > 0.7
    assert found.p_value == 0.001
    assert {name for name, _ in found.features[:2]} == {"A", "B"}
    assert found.rows == 3_000
    assert "can be told" in found.text()
    quiet = domain_classifier(before, same, seed=1)
    assert quiet.p_value > 0.01
    assert abs(quiet.auc - 0.5) < 0.05


def test_every_kind_of_column_counts() -> None:
    rng = np.random.default_rng(5)

    def frame(count: int, *, gone: float, flags: float, texts: list[str]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "MISSING": np.where(rng.random(count) < gone, np.nan, rng.normal(size=count)),
                "WHOLE": rng.integers(0, 9, count),
                "FLAG": rng.random(count) < flags,
                "MAYBE": pd.array(np.where(rng.random(count) < 0.1, None, 1), dtype="Int64"),
                "AMOUNT": [Decimal(int(x)) / 100 if x else None for x in rng.integers(0, 999, count)],
                "TEXT": rng.choice([*texts, None], count),
                "FAR": np.where(rng.random(count) < 0.01, np.inf, rng.normal(size=count)),
                "EMPTY": [None] * count,
            }
        )

    base = {"gone": 0.1, "flags": 0.5, "texts": ["a", "b"]}
    before = frame(600, **base)
    for change, column in (
        ({"gone": 0.6}, "MISSING"),
        ({"flags": 0.9}, "FLAG"),
        ({"texts": ["a", "b", "c", "d"]}, "TEXT"),
    ):
        found = domain_classifier(before, frame(500, **(base | change)), seed=2, permutations=199)
        assert (found.p_value, found.features[0][0]) == (0.005, column)
    assert domain_classifier(before, frame(500, **base), seed=2, permutations=199).p_value > 0.01


def test_the_same_seed_gives_the_same_answer_whatever_the_order_of_columns() -> None:
    rng = np.random.default_rng(6)
    before, now = rows(rng, 400), rows(rng, 400, 0.5)
    first = domain_classifier(before, now, seed=4, sample=200)
    assert first == domain_classifier(before, now[["C", "B", "A"]], seed=4, sample=200)
    assert first.rows == 200
    assert first != domain_classifier(before, now, seed=5, sample=200)
    assert "<td>auc</td>" in first._repr_html_()


def test_what_cannot_be_meant_is_one_clear_error() -> None:
    frame = rows(np.random.default_rng(0), 100)
    dated = frame.assign(D=pd.Timestamp(dt.date(2024, 1, 1)))
    for before, now, words in (
        (frame, frame.drop(columns="A"), "same columns"),
        (frame[[]], frame[[]], "same columns"),
        (frame, frame.head(39), "too few"),
        (dated, dated, "column D holds dates"),
    ):
        with pytest.raises(BadConfig, match=words):
            domain_classifier(before, now)
    with pytest.raises(BadConfig, match="permutations"):
        domain_classifier(frame, frame, permutations=0)


def test_words_do_not_claim_what_is_not_significant() -> None:
    quiet = DomainDrift(0.52, 0.3, 100, (("A", 0.01),))
    assert quiet.text() == "the month cannot be told from the baseline (AUC 0.520, p = 0.3, 100 rows)"
    assert quiet.text(alpha=0.4).endswith("most by A (0.010)")
