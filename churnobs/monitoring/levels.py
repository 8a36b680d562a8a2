"""Scores beside what was said and what came true, counted: all that a binary metric needs, and it adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Levels:
    """The state of some rows of a binary classifier, one entry for each different (score, class) among them.

    All arrays have the same length.

    Args:
        score: the probability of class 1; where scores were counted in cells, the mean score of the rows of a cell.
            NaN for rows without a score.
        said: the predicted class, 1.0 or 0.0; NaN for rows without one.
        up: how many of the rows are labelled 1.
        down: how many are labelled 0.
        unlabeled: how many have no label.
    """

    score: Floats
    said: Floats
    up: Counts
    down: Counts
    unlabeled: Counts

    @classmethod
    def of(cls, scores: npt.ArrayLike, said: npt.ArrayLike, labels: npt.ArrayLike) -> Levels:
        """Count rows; a score, class or label that is NaN is missing.

        >>> Levels.of([0.2, 0.2, 0.7], [0, 0, 1], [1, 0, np.nan]).up
        array([1, 0])
        """
        truth = np.asarray(labels, dtype=np.float64).ravel()
        # NaN equals nothing, not even itself: a number that no score or class has stands in for it
        given = [np.asarray(column, dtype=np.float64).ravel() for column in (scores, said)]
        score, told = (np.where(np.isnan(column), -1.0, column) for column in given)
        order = np.lexsort((told, score))
        truth, score, told = truth[order], score[order], told[order]
        new = np.ones(len(score), dtype=bool)
        new[1:] = (score[1:] != score[:-1]) | (told[1:] != told[:-1])
        starts = np.flatnonzero(new)
        counts: list[Any] = [
            np.add.reduceat(chosen.astype(np.int64), starts) if len(starts) else np.zeros(0, np.int64)
            for chosen in (truth == 1.0, truth == 0.0, np.isnan(truth))
        ]
        values = [np.where(column[starts] == -1.0, np.nan, column[starts]) for column in (score, told)]
        return cls(values[0], values[1], *counts)

    @property
    def labeled(self) -> Counts:
        """How many rows of each level have a label."""
        found: Counts = self.up + self.down
        return found

    @property
    def rows(self) -> Counts:
        """How many rows each level holds."""
        found: Counts = self.up + self.down + self.unlabeled
        return found

    @classmethod
    def merged(cls, parts: Sequence[Levels]) -> Levels:
        """The state of several sets of rows; equal levels are not put together, no metric asks for that."""
        names = ("score", "said", "up", "down", "unlabeled")
        columns: list[Any] = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
        return cls(*columns)
