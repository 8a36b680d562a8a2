"""The recipes that search: within a budget, chosen a month ahead, and votes of what was found."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import log_loss as of_sklearn
from sklearn.metrics import roc_auc_score
from training_sets import customers, family, stored

import churnobs.searching as searching
from churnobs.errors import BadConfig
from churnobs.searching import EnsembleTrainer, TunedTrainer, picked


def test_tuned_does_not_depend_on_threads_and_can_be_stored() -> None:
    training = customers(crooked=True, rows=600)
    one = TunedTrainer(seconds=600, n_jobs=1, trials=6, batch=3).fit(training, seed=2)
    two = TunedTrainer(seconds=600, n_jobs=2, trials=6, batch=3).fit(training, seed=2)
    assert np.array_equal(one.predict_proba(training.features), two.predict_proba(training.features))
    assert family(one) == "XGBClassifier"
    assert np.array_equal(stored(one).predict_proba(training.features), one.predict_proba(training.features))


def test_a_spent_budget_still_tries_the_default_recipes() -> None:
    model = TunedTrainer(seconds=1e-9, batch=2).fit(customers(rows=300), seed=2)
    assert family(model) in {"LogisticRegression", "XGBClassifier"}


def test_tuning_without_optuna_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BadConfig, match=r"pip install 'churnobs\[tune\]'"):
        TunedTrainer(seconds=1).fit(customers(rows=300), seed=1)


@pytest.mark.parametrize("recipe", [TunedTrainer, EnsembleTrainer])
@pytest.mark.parametrize("bad", [{"seconds": 0}, {"n_jobs": 0}, {"batch": 0}, {"trials": 0}, {"search_rows": 0}])
def test_a_search_of_nothing_is_refused(recipe: Callable[..., object], bad: dict[str, int]) -> None:
    with pytest.raises(BadConfig, match="searches nothing"):
        recipe(**bad)


def test_no_trial_starts_after_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, made = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow(params: dict[str, object], seed: int) -> object:
        made.append(params)
        clock[0] += 4.0
        return real(params, seed)

    real = searching._made
    monkeypatch.setattr(searching, "_made", slow)
    TunedTrainer(seconds=10.0, n_jobs=1, batch=8).fit(customers(rows=200), seed=3)
    assert len(made) == 4  # three began within ten seconds, and the winner was refitted


def brute(truth: np.ndarray, scores: list[np.ndarray], members: int) -> list[int]:
    """Greedy selection by trying every vote that has one model more."""
    counts, least = [0] * len(scores), np.inf
    for _ in range(24):
        votes = {}
        for n in range(len(scores)):
            more = [c + (k == n) for k, c in enumerate(counts)]
            if sum(c > 0 for c in more) <= members:
                votes[n] = of_sklearn(truth, np.average(scores, axis=0, weights=more), labels=[0, 1])
        best = min(votes, key=lambda n: votes[n])
        if votes[best] >= least - 1e-12:
            break
        counts[best] += 1
        least = votes[best]
    return counts


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 4))
def test_members_are_picked_as_by_trying_every_vote(seed: int, models: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 40)
    scores = [np.clip(truth * 0.3 + rng.uniform(0.05, 0.65, 40), 0.01, 0.99) for _ in range(models)]
    found = picked(truth, scores, members)
    assert found == brute(truth, scores, members)
    assert 1 <= sum(n > 0 for n in found) <= members


def test_a_vote_is_the_weighted_mean_of_its_members_and_can_be_stored() -> None:
    training = customers(rows=600)
    model = EnsembleTrainer(seconds=600, trials=10, batch=5).fit(training, seed=1)
    vote = model[-1].estimator_.estimator
    assert isinstance(vote, VotingClassifier)
    assert 2 <= len(vote.estimators_) <= 5
    matrix = model[0].transform(training.features)
    single = [member.predict_proba(matrix)[:, 1] for member in vote.estimators_]
    mean = np.average(single, axis=0, weights=vote.weights)
    assert np.allclose(model.predict_proba(training.features)[:, 1], mean, atol=1e-12)
    assert roc_auc_score(training.labels, mean) > 0.75
    assert np.array_equal(stored(model).predict_proba(training.features), model.predict_proba(training.features))
    again = EnsembleTrainer(seconds=600, trials=10, batch=5, n_jobs=1).fit(training, seed=1)
    assert np.array_equal(again.predict_proba(training.features), model.predict_proba(training.features))


def test_one_member_is_no_vote() -> None:
    model = EnsembleTrainer(seconds=600, members=1, trials=4, batch=4).fit(customers(rows=400), seed=1)
    assert family(model) in {"LogisticRegression", "XGBClassifier"}
    with pytest.raises(BadConfig, match="lets nobody vote"):
        EnsembleTrainer(members=0)


def test_the_judging_half_is_not_seen_by_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    training = customers(rows=900)
    newest = np.flatnonzero(training.as_of == training.as_of.max())
    half = searching._half(training.labels[newest].astype(np.int64), 5)
    heard: list[np.ndarray] = []
    monkeypatch.setattr(searching, "picked", lambda truth, _s, _m: heard.append(truth) or [1, 1])
    told: list[int] = []
    real = searching.log_loss
    monkeypatch.setattr(searching, "log_loss", lambda truth, s: told.append(len(truth)) or real(truth, s))
    EnsembleTrainer(seconds=600, trials=4, batch=4).fit(training, seed=5)
    assert len(heard[0]) == half.sum()
    assert told == [half.sum()] * 4 + [(~half).sum()] * 2
    assert abs(int(half.sum()) * 2 - len(newest)) <= 2
