"""Performance metrics from counted states against scikit-learn, on random rows of many days and segments."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from dataclasses import astuple
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

import churnobs
import churnobs.monitoring.levels
from churnobs.expressions.monitored import Watched, binned_day_scores, day_confusion, day_errors, exact_day_scores
from churnobs.expressions.render import Query
from churnobs.monitoring.metrics import Cells, binary, multi_class, regression
from churnobs.monitoring.settings import MetricSettings

COLUMNS = (("AT", "timestamp(6)"), ("LABEL", "float64"), ("SAID", "float64"), ("SCORE", "float64"))
FIRST = dt.datetime(2024, 1, 30)


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


def counted(engine: Any, rows: dict[str, Any], *, cells: int = 500, exact: bool = True) -> tuple[Any, Any]:
    """The counted state of some rows: its days, and its columns as arrays."""
    engine.drop("ROWS_NOW")
    engine.write("ROWS_NOW", pa.table({n: pa.array(v, from_pandas=False) for n, v in rows.items()}))
    build = exact_day_scores if exact else binned_day_scores
    query = Query(build, (Watched("ROWS_NOW", COLUMNS, "AT"), "LABEL", "SAID", "SCORE", cells))
    found = engine.read(query)
    return found["DAY"].to_pylist(), {n: found[n].to_numpy() for n in found.column_names if n not in GROUPS}


GROUPS = ("DAY", "SEGMENT_COLUMN", "SEGMENT_VALUE")


def rows_of(size: int, days: int, seed: int, ties: int, missing: float, churn: float) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    score = random.random(size)
    if ties:
        score = np.round(score * ties) / ties
    label = (random.random(size) < churn * score).astype(float)
    said = (score > 0.5).astype(float)
    # a class need not follow from the score
    said[random.random(size) < 0.1] = 1.0
    for values in (label, said, score):
        values[random.random(size) < missing] = random.choice([np.nan, np.inf, -np.inf])
    at = [FIRST + dt.timedelta(days=int(d), hours=int(d)) for d in random.integers(0, days, size)]
    return {"AT": at, "LABEL": label, "SAID": said, "SCORE": score}


def expected(label: Any, said: Any, score: Any) -> dict[str, float | None]:
    """The same by scikit-learn and by the definition, row by row."""
    known = np.isfinite(label) & np.isfinite(said)
    y, c = label[known], said[known]
    found: dict[str, float | None] = {"CLASSIFICATION_ACCURACY": metrics.accuracy_score(y, c) if len(y) else None}
    found["PRECISION"] = metrics.precision_score(y, c) if c.any() else None
    found["RECALL"] = metrics.recall_score(y, c) if y.any() else None
    found["F1_SCORE"] = metrics.f1_score(y, c) if c.any() or y.any() else None
    known = np.isfinite(label) & np.isfinite(score)
    y, s = label[known], score[known]
    both = 0 < y.sum() < len(y)
    found["ROC_AUC"] = metrics.roc_auc_score(y, s) if both else None
    # scikit-learn keeps probabilities another distance away from 0 and 1
    given = np.clip(np.where(y == 1, s, 1 - s), 1e-15, 1 - 1e-15)
    found["LOG_LOSS"] = float(-np.log(given).mean()) if len(y) else None
    if len(y) and s.min() > 0 and s.max() < 1:
        assert found["LOG_LOSS"] == pytest.approx(metrics.log_loss(y, s, labels=[0, 1]))
    found["BRIER_SCORE"] = float(np.mean((s - y) ** 2)) if len(y) else None
    found["AVERAGE_PRECISION"] = metrics.average_precision_score(y, s) if y.any() else None
    bins = np.minimum(np.floor(s * 500), 499) // 50
    gaps = [abs(s[bins == b].sum() - y[bins == b].sum()) for b in range(10)]
    found["CALIBRATION_ERROR"] = sum(gaps) / len(y) if len(y) else None
    top = math.ceil(len(y) / 10)
    if y.any():
        # the tenth with the highest scores; rows tied at the border count by their share
        border = np.sort(s)[::-1][top - 1]
        sure, tied = s > border, s == border
        caught = y[sure].sum() + y[tied].mean() * (top - sure.sum())
        found["LIFT_TOP_DECILE"], found["RECALL_TOP_DECILE"] = caught / top / y.mean(), caught / y.sum()
    else:
        found["LIFT_TOP_DECILE"] = found["RECALL_TOP_DECILE"] = None
    all_labels = label[np.isfinite(label)]
    found["BASE_RATE"] = p = all_labels.mean() if len(all_labels) else None
    found["TRIVIAL_F1"] = None if p is None else 2 * p / (1 + p)
    found["TRIVIAL_ACCURACY"] = None if p is None else max(p, 1 - p)
    return found


def close(found: Any, wanted: dict[str, float | None], names: Any) -> None:
    for name in names:
        assert found.values[name] == pytest.approx(wanted[name], abs=1e-9 + found.bounds.get(name, 0.0)), name


@given(
    st.integers(1, 60), st.integers(1, 4), st.integers(0, 2**31), st.sampled_from([0, 1, 5, 20]),
    st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 1.0, 2.0]),
)  # fmt: skip
def test_any_period_is_what_scikit_learn_says_of_its_rows(
    engine: Any, size: int, days: int, seed: int, ties: int, missing: float, churn: float
) -> None:
    """Small groups keep each score, so that also the merge of many days is exact."""
    rows = rows_of(size, days, seed, ties, missing, churn)
    day, columns = counted(engine, rows)
    at = np.array([moment.date() for moment in rows["AT"]])
    periods = {d: np.ones(size, bool) if d == "all" else at == d for d in ("all", *sorted(set(at)))}
    for number, (which, inside) in enumerate(periods.items()):
        chosen = [i for i, d in enumerate(day) if which in ("all", d)]
        cells = Cells([number] * len(chosen), {n: v[chosen] for n, v in columns.items()})
        (found,) = binary(cells, MetricSettings()).values()
        wanted = expected(rows["LABEL"][inside], rows["SAID"][inside], rows["SCORE"][inside])
        assert not any(found.bounds.values())
        close(found, wanted, wanted)
        assert found.rows == inside.sum()
        known = np.isfinite(rows["LABEL"]) & inside
        assert found.used == (known & np.isfinite(rows["SAID"])).sum()
        assert found.scored == (known & np.isfinite(rows["SCORE"])).sum()


@given(st.integers(0, 2**31), st.sampled_from([1, 3]), st.sampled_from([10, 100, 1000]))
def test_counted_in_cells_a_ranking_has_a_stated_bound_and_the_rest_is_exact(
    engine: Any, seed: int, days: int, cells: int
) -> None:
    rows = rows_of(300, days, seed, 0, 0.1, 1.0)
    day, columns = counted(engine, rows, cells=cells, exact=False)
    settings = MetricSettings(score_cells=cells)
    (found,) = binary(Cells([0] * len(day), columns), settings).values()
    wanted = expected(rows["LABEL"], rows["SAID"], rows["SCORE"])
    exact = ("F1_SCORE", "PRECISION", "RECALL", "CLASSIFICATION_ACCURACY", "LOG_LOSS", "BRIER_SCORE", "BASE_RATE")
    assert not set(exact) & set(found.bounds)
    close(found, wanted, (*exact, "ROC_AUC", "AVERAGE_PRECISION"))
    assert found.bounds["ROC_AUC"] <= 3.0 / cells


def test_the_bound_holds_where_the_highest_cell_is_not_ordered(engine: Any) -> None:
    rows = {"LABEL": [0.0, 1.0, 1.0], "SAID": [1.0, 1.0, 0.0], "SCORE": [0.971, 0.972, 0.2], "AT": [FIRST] * 3}
    day, columns = counted(engine, {n: np.array(v) for n, v in rows.items()}, cells=10, exact=False)
    found = binary(Cells([0] * len(day), columns), MetricSettings(score_cells=10))[0]
    wanted = expected(*(np.array(rows[n]) for n in ("LABEL", "SAID", "SCORE")))
    assert (
        found.bounds["AVERAGE_PRECISION"] >= abs(found.values["AVERAGE_PRECISION"] - wanted["AVERAGE_PRECISION"]) > 0.1
    )


def test_the_order_of_stored_rows_does_not_matter(engine: Any) -> None:
    day, columns = counted(engine, rows_of(2000, 40, 3, 9, 0.1, 1.0))
    random = np.random.default_rng(0)
    periods = np.array([d.toordinal() // 20 for d in day])
    settled = Cells(periods, columns)
    for _ in range(5):
        shuffled = random.permutation(len(day))
        cells = Cells(periods[shuffled], {n: v[shuffled] for n, v in columns.items()})
        assert binary(cells, MetricSettings()) == binary(settled, MetricSettings())
        for one, other in zip(astuple(cells.levels(0)), astuple(settled.levels(0)), strict=True):
            np.testing.assert_array_equal(one, other)


def test_periods_do_not_mix(engine: Any) -> None:
    rows = rows_of(500, 20, 5, 7, 0.1, 1.0)
    day, columns = counted(engine, rows)
    together = binary(Cells([d.toordinal() // 3 for d in day], columns), MetricSettings())
    for period, found in together.items():
        chosen = [i for i, d in enumerate(day) if d.toordinal() // 3 == period]
        alone = binary(Cells([0] * len(chosen), {n: v[chosen] for n, v in columns.items()}), MetricSettings())[0]
        assert alone == found


def test_levels_are_the_counted_rows(engine: Any) -> None:
    rows = rows_of(400, 1, 8, 10, 0.1, 1.0)
    day, columns = counted(engine, rows)
    levels = Cells([0] * len(day), columns).levels(0)
    finite = [np.where(np.isfinite(rows[n]), rows[n], np.nan) for n in ("SCORE", "SAID", "LABEL")]
    wanted = churnobs.monitoring.levels.Levels.of(*finite)
    # rows of one score and class may stand in two levels, those with a label and those without
    one: dict[Any, Any] = {}
    other: dict[Any, Any] = {}
    for of, x in ((one, levels), (other, wanted)):
        keys = zip(np.nan_to_num(x.score, nan=-1).round(9), np.nan_to_num(x.said, nan=-1), strict=True)
        for key, *n in zip(keys, x.up, x.down, x.unlabeled, strict=True):
            of[key] = tuple(np.add(of.get(key, (0, 0, 0)), n).tolist())
    assert one == other


def test_zero_division_is_a_setting(engine: Any) -> None:
    rows = {"AT": [FIRST] * 3, "LABEL": [0.0, 0.0, 0.0], "SAID": [0.0, 0.0, 0.0], "SCORE": [0.1, 0.2, 0.3]}
    day, columns = counted(engine, {n: np.array(v) for n, v in rows.items()})
    for zero in (None, 0):
        found = binary(Cells([0] * len(day), columns), MetricSettings(zero_division=zero))[0]
        assert (found.values["PRECISION"], found.values["RECALL"], found.values["F1_SCORE"]) == (zero, zero, zero)
        assert found.values["ROC_AUC"] is None


@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", "c c", None])] * 2), min_size=1, max_size=40))
def test_multi_class(engine: Any, rows: list[tuple[str | None, str | None]]) -> None:
    engine.drop("ROWS_NOW")
    engine.write("ROWS_NOW", pa.table({
        "AT": [FIRST] * len(rows), "LABEL": pa.array([r[0] for r in rows], pa.string()),
        "SAID": pa.array([r[1] for r in rows], pa.string()),
    }))  # fmt: skip
    watched = Watched("ROWS_NOW", (("AT", "timestamp(6)"), ("LABEL", "string"), ("SAID", "string")), "AT")
    state = engine.read(Query(day_confusion, (watched, "LABEL", "SAID"))).to_pylist()
    found = multi_class([(r["LABEL"], r["CLASS"], r["ROWS_COUNTED"]) for r in state])
    known = [r for r in rows if None not in r]
    assert (found.rows, found.used) == (len(rows), len(known))
    if not known:
        assert found.values["CLASSIFICATION_ACCURACY"] is found.values["MACRO_AVERAGE_RECALL"] is None
        return
    y, c = zip(*known, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for average in ("macro", "micro"):
            for name, score in (("PRECISION", metrics.precision_score), ("RECALL", metrics.recall_score)):
                wanted = score(y, c, average=average, zero_division=0)
                assert found.values[f"{average.upper()}_AVERAGE_{name}"] == pytest.approx(wanted, abs=1e-9)
    assert found.values["CLASSIFICATION_ACCURACY"] == pytest.approx(metrics.accuracy_score(y, c))
    assert found.values["TRIVIAL_ACCURACY"] == max(y.count(v) for v in set(y)) / len(y)


@given(st.integers(1, 60), st.integers(0, 2**31), st.sampled_from([0.0, 0.3]), st.integers(1, 4))
def test_regression(engine: Any, size: int, seed: int, missing: float, days: int) -> None:
    random = np.random.default_rng(seed)
    actual, score = random.normal(50, 20, size), random.normal(50, 20, size)
    actual[random.random(size) < 0.1] = 0.0
    for values in (actual, score):
        values[random.random(size) < missing] = random.choice([np.nan, np.inf])
    at = [FIRST + dt.timedelta(days=int(d)) for d in random.integers(0, days, size)]
    engine.drop("ROWS_NOW")
    engine.write("ROWS_NOW", pa.table({"AT": at, "ACTUAL": pa.array(actual), "SCORE": pa.array(score)}))
    columns = (("AT", "timestamp(6)"), ("ACTUAL", "float64"), ("SCORE", "float64"))
    state = engine.read(Query(day_errors, (Watched("ROWS_NOW", columns, "AT"), "ACTUAL", "SCORE"))).to_pylist()
    known = np.isfinite(actual) & np.isfinite(score)
    y, s = actual[known], score[known]
    for mape in ("count", "skip"):
        found = regression(state, MetricSettings(mape_of_zero=mape))
        assert (found.rows, found.used) == (size, len(y))
        if not len(y):
            assert set(found.values.values()) == {None}
            continue
        assert found.values["MSE"] == pytest.approx(metrics.mean_squared_error(y, s), rel=1e-9)
        assert found.values["RMSE"] == pytest.approx(metrics.root_mean_squared_error(y, s), rel=1e-9)
        assert found.values["MAE"] == pytest.approx(metrics.mean_absolute_error(y, s), rel=1e-9)
        assert found.values["TRIVIAL_RMSE"] == pytest.approx(float(np.std(y)), rel=1e-6, abs=1e-5)
        relative = np.abs((s - y)[y != 0] / y[y != 0])
        rows = len(y) if mape == "count" else len(relative)
        assert found.values["MAPE"] == (pytest.approx(relative.sum() / rows, rel=1e-9) if rows else None)
