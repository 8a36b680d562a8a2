"""Models against each other and against the trivial floors, from sums that the engine made where the rows are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from churnobs.class_comparison import JointCounts
from churnobs.comparison import Surprise, Wins, compare_wins, p_below_base_rate
from churnobs.expressions.datasets import SCORED
from churnobs.expressions.paired import floors, meeting
from churnobs.expressions.performance import RECENCY, stored_performance
from churnobs.expressions.render import Query
from churnobs.lifecycle.decisions import Paired, Trial
from churnobs.lifecycle.roles import ROLES
from churnobs.monitoring.levels import Levels

if TYPE_CHECKING:
    import pyarrow as pa

    from churnobs.ports import EnginePort, Readable

Row = Mapping[str, Any]


def measuring(as_ofs: tuple[dt.date, ...], horizon_days: int) -> tuple[Query, Query]:
    """What measures the roles at as-ofs, and what the gates ask; these rank the models' scores, which is half of the work."""
    measured = Query(stored_performance, (as_ofs, horizon_days, ROLES, (RECENCY,)))
    return measured, Query(floors, (as_ofs, ROLES))


def gates(floors: pa.Table) -> dict[tuple[dt.date, str], dict[str, float | None]]:
    """The ROC AUC and the paired tests against both floors, of what roles had stored at each as-of."""
    found: dict[tuple[dt.date, str], dict[str, float | None]] = {}
    for row in floors.to_pylist():
        wins, surprise = [], []
        for side in ("UP", "DOWN"):
            rows, model, recency = (
                int(row[f"{side}_{what}"]) for what in ("ROWS_COUNTED", "WINS_MODEL", "WINS_RECENCY")
            )
            wins.append(Wins(rows, model, recency, row[f"{side}_SQUARES"]))
            surprise.append(Surprise(rows, row[f"{side}_SURPRISE"], row[f"{side}_SURPRISE_SQUARES"]))
        against = compare_wins(*wins)
        found[row["TIMESTAMP"].date(), row["ROLE"]] = {
            "ROC_AUC": None if math.isnan(against.auc_a) else against.auc_a,
            "P_ABOVE_RECENCY": against.p_value,
            "P_BELOW_BASE_RATE": p_below_base_rate(*surprise),
        }
    return found


def meet(
    engine: EnginePort,
    scored: Readable | pa.Table,
    as_ofs: tuple[dt.date, ...],
    roles: Sequence[str],
    pairs: tuple[tuple[str, str], ...],
    *,
    calibrated: str,
    cells: int,
) -> tuple[Trial, Levels]:
    """How versions met on scored rows, and what the scores of the ``calibrated`` role turned out to mean."""
    rows = engine.read(Query(meeting, (tuple(roles), pairs, calibrated, cells)), {SCORED: scored}).to_pylist()
    # an answer does not depend on the order in which an engine gives its groups
    rows.sort(key=lambda r: (r["CELL"], r["CHURNED"], *(r[f"{role}_CLASS"] for role in roles)))
    paired = []
    for first, second in pairs:
        met = compare_wins(*_wins(rows, first, second))
        joint = _joint(rows, first, second)
        paired.append(
            Paired(
                first, second, met.auc_a, met.auc_b, met.p_value, met.rows,
                standard_error=met.standard_error, mcnemar_p=joint.mcnemar().p_value, joint=joint.cells,
            )
        )  # fmt: skip
    auc = {role: compare_wins(*_wins(rows, role, role)).auc_a for role in roles}
    return Trial(as_ofs, sum(row["ROWS_COUNTED"] for row in rows), auc, tuple(paired)), _levels(rows, calibrated)


def _wins(rows: Iterable[Row], first: str, second: str) -> tuple[Wins, Wins]:
    """Of the churned and of those that stayed."""
    found = {1: Wins(), 0: Wins()}
    for row in rows:
        squares = 0.0 if first == second else row[f"SQUARES_{first}_{second}"]
        won_a, won_b = (int(row[f"WINS_{name}"]) for name in (first, second))
        found[row["CHURNED"]] += Wins(row["ROWS_COUNTED"], won_a, won_b, squares)
    return found[1], found[0]


def _joint(rows: Iterable[Row], first: str, second: str) -> JointCounts:
    counts = [0] * 8
    for row in rows:
        counts[4 * row["CHURNED"] + 2 * row[f"{first}_CLASS"] + row[f"{second}_CLASS"]] += row["ROWS_COUNTED"]
    return JointCounts(tuple(counts))


def _levels(rows: Sequence[Row], role: str) -> Levels:
    """One entry a group; a cell of one score is that score to the last bit."""
    score = [r["LOW"] if r["LOW"] == r["HIGH"] else r["SCORE_TOTAL"] / r["ROWS_COUNTED"] for r in rows]
    up, down = ([r["ROWS_COUNTED"] if r["CHURNED"] == label else 0 for r in rows] for label in (1, 0))
    said = [r[f"{role}_CLASS"] if r[f"{role}_CLASS"] is not None else math.nan for r in rows]
    counts: list[Any] = [np.asarray(column, dtype=np.int64) for column in (up, down, [0] * len(rows))]
    return Levels(np.asarray(score, dtype=np.float64), np.asarray(said, dtype=np.float64), *counts)
