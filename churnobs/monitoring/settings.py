"""What the metric functions mean where Snowflake's documents leave it open, and when drift is an alarm: one record each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from churnobs.display import Shown
from churnobs.errors import BadConfig


@dataclass(frozen=True, slots=True)
class MetricSettings(Shown):
    """The open points of the metric functions; a monitor keeps the settings it was made with.

    Args:
        zero_division: what precision, recall and F1 are when their denominator is zero: None (NULL) or 0.
        jensen_shannon: the "distance" (square root, base 2, 0 to 1) or the "divergence" (its square).
        groups: JENSEN_SHANNON and POPULATION_STABILITY_INDEX compare the shares of so many groups of about equal size in
            the baseline.
        floor: no share counts as less than this in POPULATION_STABILITY_INDEX.
        cells: numbers are counted in so many cells between the least and the largest value of the baseline.
        score_cells: scores are counted in so many cells between 0 and 1; answers say how far that may put them off.
        exact_rows: a day of at most so many rows keeps each different score, and its metrics are exact.
        calibration_bins: CALIBRATION_ERROR compares scores with outcomes in so many bins of equal width; it divides
            ``score_cells``.
        mape_of_zero: rows with an actual of 0 "count" with an error of 0 in MAPE, or the metric is to "skip" them.
        segment_baseline: a segment is compared with the "same" segment of the baseline (where that has the column), or
            with the "whole" baseline.
        default_days: a metric function without a start looks so many days back.
        strict: a refresh fails on NaN or an infinity in a watched column, as the documents say a real one may.
    """

    zero_division: Literal[0] | None = None
    jensen_shannon: Literal["distance", "divergence"] = "distance"
    groups: int = 10
    floor: float = 1e-4
    cells: int = 256
    score_cells: int = 500
    exact_rows: int = 1000
    calibration_bins: int = 10
    mape_of_zero: Literal["count", "skip"] = "count"
    segment_baseline: Literal["same", "whole"] = "same"
    default_days: int = 60
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("groups", "cells", "score_cells", "calibration_bins", "default_days"):
            if getattr(self, name) < 1:
                raise BadConfig(f"{name} is {getattr(self, name)}", hint="give a whole number above 0")
        if self.exact_rows < 0:
            raise BadConfig(f"exact_rows is {self.exact_rows}", hint="give a whole number from 0")
        if self.score_cells % self.calibration_bins:
            raise BadConfig(
                f"{self.score_cells} score_cells cannot be put into {self.calibration_bins} calibration_bins",
                hint="give a number of bins that divides the number of cells",
            )
        if not 0.0 < self.floor < 1.0:
            raise BadConfig(f"floor is {self.floor}", hint="give a share between 0 and 1")


@dataclass(frozen=True, slots=True)
class Task:
    """Which metrics a task has; the names are Snowflake's, then churnobs' own."""

    name: str
    snowflake: tuple[str, ...]
    own: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics of the task."""
        return (*self.snowflake, *self.own)


TASKS = {
    task.name: task
    for task in (
        Task(
            "TABULAR_BINARY_CLASSIFICATION",
            ("ROC_AUC", "CLASSIFICATION_ACCURACY", "PRECISION", "RECALL", "F1_SCORE"),
            (
                "LOG_LOSS", "BRIER_SCORE", "CALIBRATION_ERROR", "AVERAGE_PRECISION", "LIFT_TOP_DECILE",
                "RECALL_TOP_DECILE", "BASE_RATE", "TRIVIAL_F1", "TRIVIAL_ACCURACY",
            ),
        ),
        Task(
            "TABULAR_MULTI_CLASSIFICATION",
            (
                "CLASSIFICATION_ACCURACY", "MACRO_AVERAGE_PRECISION", "MACRO_AVERAGE_RECALL",
                "MICRO_AVERAGE_PRECISION", "MICRO_AVERAGE_RECALL",
            ),
            ("TRIVIAL_ACCURACY",),
        ),
        Task("TABULAR_REGRESSION", ("RMSE", "MAE", "MAPE", "MSE"), ("TRIVIAL_RMSE",)),
    )
}  # fmt: skip

DRAWS: Final = 5_000
LEAST_DRAWS: Final = 1_000
STABILITY_FLOOR: Final = 0.01
# shares that differ little by d from p: the stability index is sum(d^2 / p), the Jensen-Shannon divergence in bits
# sum(d^2 / p) / (8 ln 2), and the distance its root
FLOORS: Final[Mapping[str, float]] = {
    "DIFFERENCE_OF_MEANS": 0.1,
    "WASSERSTEIN": 0.1,
    "POPULATION_STABILITY_INDEX": STABILITY_FLOOR,
    "JENSEN_SHANNON": math.sqrt(STABILITY_FLOOR / (8.0 * math.log(2.0))),
}


@dataclass(frozen=True, slots=True)
class DriftSettings(Shown):
    """When drift is an alarm.

    Args:
        alpha: the share of false rejections that a month may have (Benjamini-Hochberg).
        draws: of each null distribution, at least 1,000; what is rarer comes from a fitted tail.
        needed, of: a column must fire in ``needed`` of the last ``of`` months.
        floors: by metric, the effect that must be passed: baseline standard deviations for DIFFERENCE_OF_MEANS and
            WASSERSTEIN, the metric's own scale for the others. Metrics left out keep their default.
        ignored: columns that are measured and not judged, such as those that grow with time by what they mean.
        seed: of the random numbers.

    Raises:
        BadConfig: a setting that cannot be meant.
    """

    alpha: float = 0.05
    draws: int = DRAWS
    needed: int = 2
    of: int = 3
    floors: Mapping[str, float] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise BadConfig(f"alpha is {self.alpha}", hint="a probability such as 0.05")
        if self.draws < LEAST_DRAWS:
            raise BadConfig(f"{self.draws} draws are too few for a tail", hint=f"at least {LEAST_DRAWS}")
        if not 1 <= self.needed <= self.of:
            raise BadConfig(f"{self.needed} of the last {self.of} months", hint="for example needed=2, of=3")
        if self.seed < 0:
            raise BadConfig(f"seed is {self.seed}", hint="0 or more")
        for metric, floor in self.floors.items():
            if metric not in FLOORS:
                raise BadConfig(f"{metric!r} is no drift metric", hint=f"one of {', '.join(FLOORS)}")
            if not 0.0 < floor < math.inf:
                raise BadConfig(f"the floor of {metric} is {floor}", hint="above 0; 1e-9 for none to speak of")
        object.__setattr__(self, "floors", {**FLOORS, **self.floors})
        object.__setattr__(self, "ignored", tuple(name.upper() for name in self.ignored))
