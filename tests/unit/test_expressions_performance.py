"""The performance expression against scikit-learn, on ties, missing values and one class only."""

from __future__ import annotations

import math
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn import metrics

import churnobs
from churnobs.expressions.performance import OUTCOMES, performance

Row = tuple[str, float | None, float | None, float | None]
zero_or_one = st.sampled_from([0.0, 1.0, 1.0, None, math.nan])
scores = st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0, None, math.nan, math.inf]) | st.floats(0, 1)
outcomes = st.lists(st.tuples(st.sampled_from(["A", "B"]), zero_or_one, zero_or_one, scores), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


def measured(engine: Any, rows: list[Row]) -> dict[str, dict[str, Any]]:
    names = ("GROUP_NAME", *OUTCOMES)
    columns = zip(names, (pa.string(), *[pa.float64()] * 3), zip(*rows, strict=True), strict=True)
    engine.drop("OUTCOMES")
    engine.write("OUTCOMES", pa.table({name: pa.array(list(values), kind) for name, kind, values in columns}))
    source = ibis.table({"GROUP_NAME": "string", **OUTCOMES}, name="OUTCOMES")
    return {row["GROUP_NAME"]: row for row in engine.read(performance(source, ("GROUP_NAME",))).to_pylist()}


def there(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def same(found: float | None, expected: float | None) -> bool:
    return found is None if expected is None else found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(outcomes)
@example([("A", 1.0, 1.0, 0.5)])
@example([("A", None, None, None)])
@example([("A", 0.0, 0.0, 1.0), ("A", 1.0, 0.0, 0.0)])
def test_every_number_is_that_of_scikit_learn(engine: Any, rows: list[Row]) -> None:
    found = measured(engine, rows)
    assert set(found) == {name for name, *_ in rows}
    for name, row in found.items():
        own = [r[1:] for r in rows if r[0] == name]
        labels = [y for y, _, _ in own if there(y)]
        classed = [(y, c) for y, c, _ in own if there(y) and there(c)]
        scored = [(y, s) for y, _, s in own if there(y) and there(s)]
        assert (row["ROWS_ALL"], row["CLASS_USED"], row["SCORE_USED"]) == (len(own), len(classed), len(scored))
        assert row["POSITIVES"] == sum(labels)
        rate = sum(labels) / len(labels) if labels else None
        assert same(row["BASE_RATE"], rate)
        assert same(row["TRIVIAL_F1"], None if rate is None else 2 * rate / (1 + rate))
        truth, said = ([y for y, _ in classed], [c for _, c in classed])
        table = metrics.confusion_matrix(truth, said, labels=[0, 1]).ravel() if classed else (0, 0, 0, 0)
        assert [row["TN"], row["FP"], row["FN"], row["TP"]] == list(table)
        assert same(row["CLASSIFICATION_ACCURACY"], metrics.accuracy_score(truth, said) if classed else None)
        for column, score in (
            ("PRECISION", metrics.precision_score),
            ("RECALL", metrics.recall_score),
            ("F1_SCORE", metrics.f1_score),
        ):
            value = score(truth, said, zero_division=math.nan) if classed else None
            assert same(row[column], None if value is None or math.isnan(value) else value), column
        truth, given_score = [y for y, _ in scored], [s for _, s in scored]
        assert same(row["ROC_AUC"], metrics.roc_auc_score(truth, given_score) if len(set(truth)) == 2 else None)
        surprise = [-math.log(min(max(s if y == 1 else 1 - s, 1e-15), 1 - 1e-15)) for y, s in scored]
        assert same(row["LOG_LOSS"], sum(surprise) / len(surprise) if surprise else None)


def test_always_churn_has_the_trivial_f1(engine: Any) -> None:
    rows: list[Row] = [("A", float(i < 810), 1.0, 1.0) for i in range(1000)]
    row = measured(engine, rows)["A"]
    assert row["F1_SCORE"] == pytest.approx(row["TRIVIAL_F1"], abs=1e-12) == pytest.approx(0.895, abs=5e-4)
    assert row["ROC_AUC"] == 0.5


def test_scores_that_are_no_probabilities_rank_but_have_no_log_loss(engine: Any) -> None:
    row = measured(engine, [("A", 1.0, None, 30.0), ("A", 0.0, None, -2.0)])["A"]
    assert (row["ROC_AUC"], row["LOG_LOSS"]) == (1.0, None)
