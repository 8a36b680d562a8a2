"""What models add up to on the same rows, against DeLong's test by pairs, scikit-learn, and the paired tests of arrays."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

import churnobs
from churnobs.class_comparison import JointCounts
from churnobs.comparison import Surprise, compare_auc, compare_log_loss, p_below_base_rate
from churnobs.expressions.paired import floors
from churnobs.expressions.render import Query
from churnobs.lifecycle.meetings import gates, meet
from churnobs.monitoring.levels import Levels

ROLES = ("BASE", "DEFAULT", "CHALLENGER")
PAIRS = (("CHALLENGER", "DEFAULT"), ("BASE", "DEFAULT"), ("CHALLENGER", "BASE"))
AS_OFS = (dt.date(2024, 3, 1), dt.date(2024, 4, 1))

scores = st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0]) | st.floats(0, 1)
row = st.tuples(st.sampled_from([0, 1]), scores, scores, scores)
rows_of = st.lists(row, min_size=1, max_size=40)


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


def by_pairs(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """DeLong's standard error and one-sided p-value, from every pair of a churned row and one that stayed."""

    def kernel(score: np.ndarray) -> np.ndarray:
        ahead = score[labels == 1][:, None] - score[labels == 0][None, :]
        return np.where(ahead > 0, 1.0, np.where(ahead == 0, 0.5, 0.0))

    first, second = kernel(a), kernel(b)
    apart = first - second
    error = math.sqrt(np.var(apart.mean(1), ddof=1) / apart.shape[0] + np.var(apart.mean(0), ddof=1) / apart.shape[1])
    return error, float(norm.sf(apart.mean() / error)) if error > 1e-12 else math.nan


def met_on(engine: Any, columns: dict[str, list[Any]], cells: int = 500) -> Any:
    scored = pa.table(columns)
    return meet(engine, scored, AS_OFS[:1], ROLES, PAIRS, calibrated="CHALLENGER", cells=cells)


def as_columns(rows: list[tuple[int, float, float, float]]) -> dict[str, list[Any]]:
    labels, *given_scores = map(list, zip(*rows, strict=True))
    columns: dict[str, list[Any]] = {"CHURNED": labels}
    for role, values in zip(ROLES, given_scores, strict=True):
        columns |= {f"{role}_CLASS": [int(v > 0.4) for v in values], f"{role}_PROBABILITY": values}
    return columns


@given(rows_of)
@example([(1, 0.5, 0.5, 0.5)])
@example([(1, 0.9, 0.1, 0.5), (1, 0.8, 0.2, 0.5), (0, 0.1, 0.9, 0.5), (0, 0.2, 0.8, 0.5)])
def test_versions_meet_as_their_rows_would(engine: Any, rows: list[tuple[int, float, float, float]]) -> None:
    columns = as_columns(rows)
    trial, _ = met_on(engine, columns)
    labels = np.asarray(columns["CHURNED"])
    both = len(set(labels.tolist())) == 2
    assert trial.rows == len(rows)
    for role in ROLES:
        auc = roc_auc_score(labels, columns[f"{role}_PROBABILITY"]) if both else math.nan
        assert trial.auc[role] == pytest.approx(auc, abs=1e-12, nan_ok=True)
    for pair in trial.paired:
        a, b = (np.asarray(columns[f"{role}_PROBABILITY"]) for role in (pair.first, pair.second))
        expected = compare_auc(labels, a, b)
        assert pair.p_value == pytest.approx(expected.p_value, abs=1e-12)
        assert pair.rows == expected.rows
        if min((labels == 1).sum(), (labels == 0).sum()) >= 2:
            error, p_value = by_pairs(labels, a, b)
            assert pair.standard_error == pytest.approx(error, abs=1e-8)
            if error > 1e-6:
                assert pair.p_value == pytest.approx(p_value, abs=1e-9)
        classes = (columns[f"{role}_CLASS"] for role in (pair.first, pair.second))
        assert pair.joint == JointCounts.of(labels, *classes).cells


def test_scores_are_counted_in_cells_with_their_labels_and_classes(engine: Any) -> None:
    rng = np.random.default_rng(5)
    rows = [(int(u < s), s, s, s) for s, u in zip(rng.random(3_000).tolist(), rng.random(3_000).tolist(), strict=True)]
    columns = as_columns(rows)
    _, seen = met_on(engine, columns, cells=500)
    score, label = np.asarray(columns["CHALLENGER_PROBABILITY"]), np.asarray(columns["CHURNED"])
    exact = Levels.of(score, columns["CHALLENGER_CLASS"], label)
    assert (seen.up.sum(), seen.down.sum(), seen.unlabeled.sum()) == (exact.up.sum(), exact.down.sum(), 0)
    # far fewer than rows, each a mean within a cell of one class
    assert len(seen.score) <= 500 * 4
    assert float((seen.score * seen.rows).sum()) == pytest.approx(score.sum(), abs=1e-8)
    assert set(np.floor(seen.score * 500).astype(int)) == set(np.floor(score * 500).astype(int))
    assert (seen.said == (seen.score > 0.4)).all()


def test_a_row_without_a_score_of_one_role_does_not_count(engine: Any) -> None:
    columns = as_columns([(1, 0.9, 0.8, 0.7), (0, 0.1, 0.2, 0.3), (1, 0.6, 0.5, 0.4), (0, 0.5, 0.6, 0.2)] * 3)
    whole, _ = met_on(engine, columns)
    holed = {name: [*values, values[0]] for name, values in columns.items()}
    holed["DEFAULT_PROBABILITY"][-1] = math.nan
    assert met_on(engine, holed)[0] == whole


def store(engine: Any, as_of: dt.date, rows: list[tuple[int, float, float, float]], *, base: bool) -> None:
    """Labels, recency (from the last score, in days) and what base and default predicted at an as-of."""
    keys = {
        "CUSTOMER_KEY": pa.array(range(len(rows)), pa.int32()),
        "TIMESTAMP": pa.array([dt.datetime.combine(as_of, dt.time())] * len(rows), pa.timestamp("us")),
    }
    labels, first, second, recency = map(list, zip(*rows, strict=True))
    engine.write("LABELS", pa.table({**keys, "CHURNED": pa.array(labels, pa.int64())}))
    days = pa.array([int(10 * r) for r in recency], pa.int64())
    engine.write("FEATURES", pa.table({**keys, "DAYS_SINCE_LAST_PURCHASE": days}))
    predicted = {"BASE_PROBABILITY": first if base else [None] * len(rows), "DEFAULT_PROBABILITY": second}
    doubles = {name: pa.array(values, pa.float64()) for name, values in predicted.items()}
    names = pa.array([str(number) for number in range(len(rows))])
    engine.write("PREDICTIONS", pa.table({**keys, "CUSTOMER_ID": names, **doubles}))


@given(rows_of, rows_of, st.booleans())
def test_the_gates_are_those_of_the_rows_at_each_as_of(
    engine: Any, rows: list[tuple[int, float, float, float]], more: list[tuple[int, float, float, float]], base: bool
) -> None:
    for name in ("LABELS", "FEATURES", "PREDICTIONS"):
        engine.drop(name)
    store(engine, AS_OFS[0], rows, base=base)
    store(engine, AS_OFS[1], more, base=True)
    found = gates(engine.read(Query(floors, (AS_OFS, ("BASE", "DEFAULT")))))
    alone = [gates(engine.read(Query(floors, ((as_of,), ("BASE", "DEFAULT"))))) for as_of in AS_OFS]
    assert found == alone[0] | alone[1]
    for as_of, own, based in ((AS_OFS[0], rows, base), (AS_OFS[1], more, True)):
        labels, first, second, recency = map(np.asarray, zip(*own, strict=True))
        days = (10 * recency).astype(int).astype(float)
        roles = {"BASE": first, "DEFAULT": second} if based else {"DEFAULT": second}
        assert {role for at, role in found if at == as_of} == set(roles)
        for role, score in roles.items():
            gate = found[as_of, role]
            both = 0 < labels.sum() < len(labels)
            assert gate["ROC_AUC"] == (pytest.approx(roc_auc_score(labels, score), abs=1e-12) if both else None)
            assert gate["P_ABOVE_RECENCY"] == pytest.approx(compare_auc(labels, score, days).p_value, abs=1e-12)
            floor = compare_log_loss(labels, score, np.full(len(labels), labels.mean()))
            # a spread within rounding is none in the sums, and may be some in the rows
            if floor.standard_error == 0.0 or floor.standard_error > 1e-4:
                assert gate["P_BELOW_BASE_RATE"] == pytest.approx(floor.p_value, abs=1e-6)


def test_the_base_rate_itself_is_no_better_than_the_base_rate() -> None:
    cost = [-math.log(0.2), -math.log(0.8)]
    exactly_it = [Surprise(rows, rows * c, rows * c * c) for rows, c in ((20, cost[0]), (80, cost[1]))]
    assert p_below_base_rate(*exactly_it) == 1.0
    assert p_below_base_rate(Surprise(), Surprise(1, 0.1, 0.01)) == 1.0
