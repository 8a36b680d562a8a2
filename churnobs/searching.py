"""Recipes that search: hyperparameters within a budget of seconds, and ensembles of what the search found.

What is chosen is chosen by its score a month ahead: fitted on the older as-ofs, judged on the newest. With one as-of there is
no month ahead to search on, and logistic regression is fitted. Optuna, scikit-learn and XGBoost load on first use.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.errors import BadConfig
from churnobs.training import _BOOSTED, _LOGISTIC, Floats, TrainingSet, _boosted, _logistic, _some, _Table

__all__ = ["EnsembleTrainer", "TunedTrainer"]

Rows = npt.NDArray[np.intp]
Labels = npt.NDArray[np.int64]
# of the search's best, that an ensemble may take members from, and how often it takes one
_POOL: Final = 16
_PICKS: Final = 24


@dataclass(frozen=True, slots=True)
class TunedTrainer:
    """Both families with hyperparameters searched by Optuna, scored by log loss on the newest as-of.

    Trials are asked for and told in batches, so threads that finish in another order change nothing. How many trials a
    time budget allows depends on the machine: give ``trials`` for the same model everywhere.

    Args:
        seconds: what the search may take: no trial starts later. The two default recipes are always tried, and the winner
            is refitted afterwards.
        n_jobs: threads, each fitting one trial.
        trials: how many at most, rounded up to whole batches; None for as many as time allows.
        batch: trials that are drawn together.
        search_rows: how many rows, older and newest each, a trial looks at.
        boosted_rows: how many rows boosting is refitted on at most.
    """

    seconds: float = 60.0
    n_jobs: int = 2
    trials: int | None = None
    batch: int = 8
    search_rows: int = 50_000
    boosted_rows: int = 300_000

    def __post_init__(self) -> None:
        _refuse_nothing(self)

    def fit(self, training: TrainingSet, *, seed: int) -> Any:
        """A fitted scikit-learn Pipeline.

        Raises:
            BadConfig: Optuna is not installed; or no rows, one class only, or no feature that varies.
        """
        with _one_thread():
            table = _Table.of(training)
            older, newest = _ahead(table, self.search_rows, seed)
            if older is None or newest is None:
                return table.straight(seed)
            tried = _search(self, table, older, newest, np.ones(len(newest), dtype=bool), seed)
            best = min(tried, key=lambda one: one.loss)
            model = _refitted(table, best, self.boosted_rows, seed)
            return table.serve(model, table.labels[newest], best.scores)

    def describe(self) -> str:
        """The recipe."""
        return f"TunedTrainer 2: {self}"


@dataclass(frozen=True, slots=True)
class EnsembleTrainer:
    """A weighted vote of models that a search found, or the best of them where that does better a month ahead.

    The search is that of ``TunedTrainer``. Members are picked with replacement, each time the one that brings the vote's log
    loss down most (Caruana et al. 2004, Ensemble selection from libraries of models), on one half of the newest as-of's
    rows. The other half, which neither search nor picking saw, decides by log loss between the vote and the best single model.
    The vote is of probabilities, weighted by how often a member was picked. SHAP values of a vote are not exact.

    Args:
        seconds: what the search may take, as in ``TunedTrainer``; picking adds a second at most.
        members: how many different models vote at most.
        n_jobs, trials, batch, search_rows, boosted_rows: as in ``TunedTrainer``.
    """

    seconds: float = 60.0
    members: int = 5
    n_jobs: int = 2
    trials: int | None = None
    batch: int = 8
    search_rows: int = 50_000
    boosted_rows: int = 300_000

    def __post_init__(self) -> None:
        _refuse_nothing(self)
        if self.members < 1:
            raise BadConfig(f"{self} lets nobody vote", hint="give members above 0")

    def fit(self, training: TrainingSet, *, seed: int) -> Any:
        """A fitted scikit-learn Pipeline, whose last step decides by a VotingClassifier or a single model.

        Raises:
            BadConfig: Optuna is not installed; or no rows, one class only, or no feature that varies.
        """
        with _one_thread():
            table = _Table.of(training)
            older, newest = _ahead(table, self.search_rows, seed)
            if older is None or newest is None:
                return table.straight(seed)
            truth = table.labels[newest]
            picking = _half(truth, seed)
            tried = sorted(_search(self, table, older, newest, picking, seed), key=lambda one: one.loss)
            weights = picked(truth[picking], [one.scores[picking] for one in tried[:_POOL]], self.members)
            voters = [(one, weight) for one, weight in zip(tried, weights, strict=False) if weight]
            vote: Floats = np.average([one.scores for one, _ in voters], axis=0, weights=[w for _, w in voters])
            alone = tried[0]
            if len(voters) == 1 or log_loss(truth[~picking], vote[~picking]) >= log_loss(
                truth[~picking], alone.scores[~picking]
            ):
                return table.serve(_refitted(table, alone, self.boosted_rows, seed), truth, alone.scores)
            fitted = [_refitted(table, one, self.boosted_rows, seed) for one, _ in voters]
            return table.serve(_voting(fitted, [weight for _, weight in voters]), truth, vote)

    def describe(self) -> str:
        """The recipe."""
        return f"EnsembleTrainer 1: {self}"


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What a trial drew, and how it did a month ahead: log loss on the rows that count, P(churned) of each newest row."""

    params: dict[str, Any]
    loss: float
    scores: Floats


def picked(truth: Labels, scores: Sequence[Floats], members: int) -> list[int]:
    """How often each model is picked into a vote by greedy selection with replacement.

    Args:
        truth: 0 or 1 a row.
        scores: P(churned) by each model, the best model first; of equals the earlier is picked.
        members: how many different models at most.

    Returns:
        A count a model; picking ends when no pick lowers the log loss.
    """
    counts = [0] * len(scores)
    total, size, least = np.zeros(len(truth)), 0, np.inf
    for _ in range(_PICKS):
        open_to = [n for n in range(len(scores)) if counts[n] or sum(map(bool, counts)) < members]
        losses = [log_loss(truth, (total + scores[n]) / (size + 1)) for n in open_to]
        at = int(np.argmin(losses))
        if losses[at] >= least:
            break
        counts[open_to[at]] += 1
        total, size, least = total + scores[open_to[at]], size + 1, losses[at]
    return counts


def log_loss(truth: Labels, scores: Floats) -> float:
    """The mean of -log P(what happened), probabilities kept off 0 and 1 by 1e-15."""
    given = np.clip(np.where(truth == 1, scores, 1 - scores), 1e-15, 1.0)
    return float(-np.log(given).mean())


def _refuse_nothing(recipe: TunedTrainer | EnsembleTrainer) -> None:
    whole = (recipe.n_jobs, recipe.batch, recipe.search_rows, recipe.boosted_rows, recipe.trials or 1)
    if not recipe.seconds > 0 or min(whole) < 1 or recipe.trials == 0:
        raise BadConfig(f"{recipe} searches nothing", hint="give seconds, n_jobs, batch, trials and rows above 0")


def _one_thread() -> Any:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    return threadpool_limits(limits=1)


def _ahead(table: _Table, most: int, seed: int) -> tuple[Rows | None, Rows | None]:
    """The rows to fit on and those to judge on, samples where there are very many; None, None without a month ahead."""
    older, newest = table.out_of_time()
    if older is None:
        return None, None
    rng = np.random.default_rng(seed)
    return _some(older, most, rng), _some(newest, most, rng)


def _half(truth: Labels, seed: int) -> npt.NDArray[np.bool_]:
    """One half of the rows, with half of each class, so that neither half lacks one."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(truth), dtype=bool)
    for kind in (0, 1):
        rows = rng.permutation(np.flatnonzero(truth == kind))
        chosen[rows[: (len(rows) + 1) // 2]] = True
    return chosen


def _search(
    recipe: TunedTrainer | EnsembleTrainer,
    table: _Table,
    older: Rows,
    newest: Rows,
    counting: npt.NDArray[np.bool_],
    seed: int,
) -> list[Tried]:
    """What was tried, in the order it was drawn; the two default recipes first."""
    from concurrent.futures import ThreadPoolExecutor

    optuna = _optuna()
    truth = table.labels[newest][counting]
    until = time.monotonic() + recipe.seconds

    def attempt(params: dict[str, Any], *, always: bool) -> Tried | None:
        if not always and time.monotonic() >= until:
            return None
        scores = table.ahead(_made(params, seed), older, newest)
        return Tried(params, log_loss(truth, scores[counting]), scores)

    spoken = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried: list[Tried] = []
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), direction="minimize")
        study.enqueue_trial({"family": "logistic", "C": _LOGISTIC["C"]})
        study.enqueue_trial({"family": "boosted", **_BOOSTED})
        with ThreadPoolExecutor(recipe.n_jobs) as pool:
            while True:
                asked = [study.ask() for _ in range(recipe.batch)]
                drawn = [_drawn(trial) for trial in asked]
                given = [len(tried) + n < 2 for n in range(len(asked))]
                found = pool.map(lambda one: attempt(one[0], always=one[1]), zip(drawn, given, strict=True))
                for trial, one in zip(asked, found, strict=True):
                    if one is None:
                        study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    else:
                        study.tell(trial, one.loss)
                        tried.append(one)
                enough = recipe.trials is not None and len(tried) >= recipe.trials
                if enough or time.monotonic() >= until:
                    return tried
    finally:
        optuna.logging.set_verbosity(spoken)


def _refitted(table: _Table, one: Tried, most: int, seed: int) -> Any:
    """A trial's model on all rows; boosting on a sample of very many."""
    everything = np.ones(len(table.labels), dtype=bool)
    boosted = one.params["family"] == "boosted"
    rows = _some(everything, most, np.random.default_rng(seed)) if boosted else np.flatnonzero(everything)
    return _made(one.params, seed).fit(table.matrix[rows], table.labels[rows])


def _voting(models: Sequence[Any], weights: Sequence[int]) -> Any:
    from sklearn.ensemble import VotingClassifier
    from sklearn.frozen import FrozenEstimator

    named = [(f"member_{n}", FrozenEstimator(model)) for n, model in enumerate(models, 1)]
    vote = VotingClassifier(named, voting="soft", weights=list(weights))
    # the members are fitted: this only tells it the classes
    return vote.fit(np.zeros((2, models[0].n_features_in_)), np.array([0, 1]))


def _made(params: Mapping[str, Any], seed: int) -> Any:
    """The model that a trial drew."""
    own = {k: v for k, v in params.items() if k != "family"}
    return _logistic({**_LOGISTIC, **own}, seed) if params["family"] == "logistic" else _boosted(own, seed)


def _drawn(trial: Any) -> dict[str, Any]:
    if trial.suggest_categorical("family", ["logistic", "boosted"]) == "logistic":
        trial.suggest_float("C", 1e-3, 10.0, log=True)
    else:
        trial.suggest_int("n_estimators", 30, 400, log=True)
        trial.suggest_float("learning_rate", 0.02, 0.3, log=True)
        trial.suggest_int("max_depth", 2, 6)
        trial.suggest_float("min_child_weight", 1.0, 100.0, log=True)
        trial.suggest_float("subsample", 0.5, 1.0)
        trial.suggest_float("colsample_bytree", 0.3, 1.0)
        trial.suggest_float("reg_lambda", 0.1, 100.0, log=True)
    return dict(trial.params)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as missing:
        raise BadConfig("a search needs Optuna", hint="pip install 'churnobs[tune]'") from missing
    return optuna
