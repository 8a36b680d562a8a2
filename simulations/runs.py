"""A world run through the churnobs loop, and what served measured against the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnobs import Lifecycle, LifecycleConfig, MonthReport, Workspace, connect
from simulations.simulation import Simulation
from simulations.truth import expected_auc

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class TrueMonth:
    """What served at the as-of after a month: expected ROC AUC under the true churn probabilities.

    Attributes:
        month: The month's number, from 1.
        served: Of the default model.
        base: Of the first model.
        former: Of the version that this month's promotion replaced; None in a month without promotion.
    """

    month: int
    served: float
    base: float
    former: float | None


@contextmanager
def month_files(simulation: Simulation, *, header: bool = True) -> Iterator[Path]:
    """The simulation's files in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        simulation.write(folder, header=header)
        yield Path(folder)


def run_against_truth(
    simulation: Simulation, files: Path, config: LifecycleConfig, done: Callable[[MonthReport], None] | None = None
) -> tuple[list[MonthReport], list[TrueMonth]]:
    """Run all months in memory and measure each month's stored predictions against the truth."""
    reports: list[MonthReport] = []
    truths: list[TrueMonth] = []
    with connect() as workspace:
        loop = workspace.lifecycle(config, source=files)
        for month in range(1, len(simulation.months) + 1):
            former = reports[-1].decision.default_version if reports else None
            reports.append(loop.process_one_month())
            if done is not None:
                done(reports[-1])
            if reports[-1].decision.default_version is not None:
                truths.append(_true_month(workspace, loop, simulation, month, former))
    return reports, truths


def _true_month(
    workspace: Workspace, loop: Lifecycle, simulation: Simulation, month: int, former: str | None
) -> TrueMonth:
    at = simulation.as_of(month)
    truth = simulation.truth(month)
    where = f"WHERE TIMESTAMP = CAST('{at}' AS TIMESTAMP)"
    stored = workspace.sql(
        f"SELECT CUSTOMER_ID, BASE_PROBABILITY, DEFAULT_PROBABILITY FROM PREDICTIONS {where}"
    ).to_pandas()
    damaged = simulation.world.is_damaged
    rows = truth.merge(stored, on="CUSTOMER_ID", how="right" if damaged else "left", validate="one_to_one")
    if damaged:
        # purchases that were booked late keep somebody active in the files who is lost in truth
        rows = rows.fillna({"TRUE_CHURN_PROBABILITY": 1.0})
    elif len(rows) != len(stored) or rows["DEFAULT_PROBABILITY"].isna().any():
        raise AssertionError(f"month {month}: the loop scored {len(stored)} customers, {len(truth)} were active")
    before = None
    replaced = loop.report(loop.journal.finished()[-1]).decision
    if replaced.action == "promote" and former is not None:
        features = workspace.sql(f"SELECT * FROM FEATURES {where}")
        scored = workspace.registry.get_model("CHURN").version(former).run(features, function_name="predict_proba")
        old = truth.merge(scored[["CUSTOMER_ID", "output_feature_1"]], on="CUSTOMER_ID", validate="one_to_one")
        before = expected_auc(old["TRUE_CHURN_PROBABILITY"], old["output_feature_1"])
    return TrueMonth(
        month,
        expected_auc(rows["TRUE_CHURN_PROBABILITY"], rows["DEFAULT_PROBABILITY"]),
        expected_auc(rows["TRUE_CHURN_PROBABILITY"], rows["BASE_PROBABILITY"]),
        before,
    )
