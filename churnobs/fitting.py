"""One fit, wherever it runs: rows become a training set, and the trainer makes a model of it.

This module and what it needs travel into stored procedures and jobs: it knows neither an engine nor the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churnobs.training import TrainingSet

if TYPE_CHECKING:
    import pyarrow as pa

    from churnobs.training import Trainer


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a fit needs.

    Args:
        query: SQL that gives the rows in their order: the features, TIMESTAMP and CHURNED.
        features: the model's input columns, in order.
        trainer: the recipe.
        seed: of the fit.
    """

    query: str
    features: tuple[str, ...]
    trainer: Trainer
    seed: int

    def learn(self, rows: pa.Table) -> Any:
        """The model fitted on the query's rows."""
        return self.taught(self.training_set(rows))

    def taught(self, training: TrainingSet) -> Any:
        """The model fitted on a training set."""
        return self.trainer.fit(training, seed=self.seed)

    def training_set(self, rows: pa.Table) -> TrainingSet:
        """The query's rows as a trainer is given them."""
        frame = rows.select([*self.features, "TIMESTAMP", "CHURNED"]).to_pandas()
        as_of = frame["TIMESTAMP"].to_numpy().astype("datetime64[D]")
        return TrainingSet(frame[list(self.features)], frame["CHURNED"].to_numpy().astype("int8"), as_of)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a fit gave: the model, and how many rows it was fitted on."""

    model: Any
    rows: int
