"""Recipes for the machines of a job: a search whose trials run side by side, and boosting that many workers share.

They are data: the work is done by Snowflake's container runtime, inside a job (``train_in=InJob(...)``), and nowhere else.
The runtime's modules are in no installable package, so that this part was never run: see the docs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn

from churnobs.errors import BadConfig, NotSupported
from churnobs.training import TrainingSet

_HINT: Final = "set LifecycleConfig(train_in=InJob(compute_pool=...))"


@dataclass(frozen=True, slots=True)
class DistributedSearch:
    """Both families' hyperparameters, drawn by the seed, each tried on the newest as-of by a worker of the job.

    Of candidates with the same log loss the first wins; the winner is refitted on all rows.

    Args:
        trials: how many candidates.
        concurrent: how many at a time at most; None for as many as the machines allow.
    """

    trials: int = 32
    concurrent: int | None = None

    def __post_init__(self) -> None:
        if self.trials < 1 or (self.concurrent is not None and self.concurrent < 1):
            raise BadConfig(f"{self} searches nothing", hint="give trials and concurrent above 0")

    @property
    def needs_job(self) -> bool:
        """It runs in a job only."""
        return True

    def fit(self, training: TrainingSet, *, seed: int) -> NoReturn:  # noqa: ARG002 (it is the runtime that fits)
        """Refuse: this process is no job.

        Raises:
            NotSupported: always.
        """
        raise NotSupported("DistributedSearch runs in a job only", hint=_HINT)

    def describe(self) -> str:
        """The recipe; how many run at a time is none of it."""
        return f"DistributedSearch 1: trials={self.trials}"


@dataclass(frozen=True, slots=True)
class DistributedXGBoost:
    """XGBoost fitted by all workers of a job together, for more rows than one machine takes.

    The threshold of ``predict`` maximises F1 on the newest as-of, scored by a fit on the older ones.

    Args:
        n_estimators, learning_rate, max_depth, min_child_weight, subsample, colsample_bytree, reg_lambda: XGBoost's.
        workers, cpus_per_worker: -1 for all that there are.
    """

    n_estimators: int = 60
    learning_rate: float = 0.12
    max_depth: int = 3
    min_child_weight: float = 20.0
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    reg_lambda: float = 10.0
    workers: int = -1
    cpus_per_worker: int = -1

    @property
    def needs_job(self) -> bool:
        """It runs in a job only."""
        return True

    @property
    def params(self) -> dict[str, Any]:
        """XGBoost's parameters, the number of trees apart."""
        names = ("learning_rate", "max_depth", "min_child_weight", "subsample", "colsample_bytree", "reg_lambda")
        return {name: getattr(self, name) for name in names} | {"tree_method": "hist", "max_bin": 64}

    def fit(self, training: TrainingSet, *, seed: int) -> NoReturn:  # noqa: ARG002 (it is the runtime that fits)
        """Refuse: this process is no job.

        Raises:
            NotSupported: always.
        """
        raise NotSupported("DistributedXGBoost runs in a job only", hint=_HINT)

    def describe(self) -> str:
        """The recipe; who works on it is none of it."""
        return f"DistributedXGBoost 1: n_estimators={self.n_estimators}, {self.params}"
