"""Drift metrics: known vectors, SciPy, brute force, and how far a histogram may be off."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

import churnobs
from churnobs.divergence import (
    SETTINGS,
    Histogram,
    collect,
    drift,
    fit_bins,
    jensen_shannon,
    population_stability_index,
    wasserstein,
)
from churnobs.expressions.drift import Bins, summaries
from churnobs.expressions.monitored import Watched, day_histograms
from churnobs.expressions.render import Query


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


def counted(engine: Any, bins: Bins, values: Any) -> Histogram:
    engine.drop("VALUES_NOW")
    engine.write("VALUES_NOW", pa.table({"X": values}))
    kind = "float64" if bins.kind == "number" else "string"
    return collect(
        engine.read(Query(day_histograms, (Watched("VALUES_NOW", (("X", kind),), None), (bins,)))).to_pylist()
    ).get("X", Histogram())


def both(engine: Any, before: Any, now: Any) -> tuple[Bins, Histogram, Histogram]:
    engine.drop("VALUES_BEFORE")
    engine.write("VALUES_BEFORE", pa.table({"X": before}))
    row = engine.read(summaries("VALUES_BEFORE", ("X",))).to_pylist()[0]
    bins = fit_bins("X", row["LOW"], row["HIGH"], row["MEAN"], row["SPREAD"])
    return bins, counted(engine, bins, before), counted(engine, bins, now)


def width_at(bins: Bins, value: float) -> float:
    """The width of the cell that holds a value, in column units."""
    if bins.scale is None:
        return bins.width
    cell = math.floor(math.log1p((value - bins.low) / bins.scale) / bins.width)
    return bins.scale * (math.expm1((cell + 1) * bins.width) - math.expm1(cell * bins.width))


def test_the_vectors_of_the_sheet() -> None:
    p, q = [0.5, 0.5], [0.9, 0.1]
    assert population_stability_index(p, q) == pytest.approx(0.878890, abs=5e-7)
    assert jensen_shannon(p, q) == pytest.approx(0.383136, abs=5e-7)
    assert jensen_shannon(p, q) ** 2 == pytest.approx(0.146793, abs=5e-7)
    moved = [Histogram({i: (1, float(x)) for i, x in enumerate(xs)}) for xs in ([0, 1, 3], [5, 6, 8])]
    assert wasserstein(*moved) == pytest.approx(5.0)


shares = st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda xs: sum(xs) > 1e-3)


@given(st.data())
def test_jensen_shannon_is_that_of_scipy(data: st.DataObject) -> None:
    p = data.draw(shares)
    q = data.draw(st.lists(st.floats(0, 1), min_size=len(p), max_size=len(p)).filter(lambda xs: sum(xs) > 1e-3))
    p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
    found = jensen_shannon(p, q)
    # a distance is a root: what rounding leaves of nothing is of the size of the root of rounding
    assert found == pytest.approx(np.nan_to_num(jensenshannon(p, q, base=2)), abs=1e-7)
    assert 0 <= found <= 1 + 1e-12
    assert found == pytest.approx(jensen_shannon(q, p), abs=1e-7)


def test_jensen_shannon_is_nothing_for_equal_and_one_for_disjoint_shares() -> None:
    assert jensen_shannon([0.2, 0.8], [0.2, 0.8]) == 0
    assert jensen_shannon([1.0, 0.0], [0.0, 1.0]) == 1


@given(st.data())
def test_the_stability_index_is_its_sum(data: st.DataObject) -> None:
    p = data.draw(shares)
    q = data.draw(st.lists(st.floats(0, 1), min_size=len(p), max_size=len(p)).filter(lambda xs: sum(xs) > 1e-3))
    p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
    floored = [np.maximum(side, 1e-4) / np.maximum(side, 1e-4).sum() for side in (p, q)]
    expected = float(np.sum((floored[1] - floored[0]) * np.log(floored[1] / floored[0])))
    assert population_stability_index(p, q) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_numbers_are_grouped_by_the_tenths_of_the_baseline(engine: Any) -> None:
    random = np.random.default_rng(5)
    before, now = random.uniform(0, 256, 20_000), random.uniform(60, 300, 15_000)
    before[:2] = 0.0, 256.0
    _, reference, current = both(engine, before, now)
    # the deciles of a uniform column, each moved up to the next edge of a cell
    edges = np.ceil(np.quantile(before, np.arange(0.1, 1, 0.1)))
    p, q = (np.histogram(side, [-np.inf, *edges, np.inf])[0] / len(side) for side in (before, now))
    psi = float(np.sum((np.maximum(q, 1e-4) - p) * np.log(np.maximum(q, 1e-4) / p)))
    assert drift("POPULATION_STABILITY_INDEX", "number", reference, current) == pytest.approx(psi, rel=0.01)
    assert drift("JENSEN_SHANNON", "number", reference, current) == pytest.approx(jensenshannon(p, q, base=2), rel=0.01)


def test_a_column_does_not_drift_from_itself(engine: Any) -> None:
    values = np.random.default_rng(2).normal(size=500)
    _, reference, current = both(engine, values, values)
    for metric in ("JENSEN_SHANNON", "WASSERSTEIN", "DIFFERENCE_OF_MEANS", "POPULATION_STABILITY_INDEX"):
        assert drift(metric, "number", reference, current) == pytest.approx(0, abs=1e-12)


numbers = st.floats(-1e4, 1e4) | st.sampled_from([0.0, 0.0, 1.0])


@given(st.lists(numbers, min_size=1, max_size=60), st.lists(numbers, min_size=1, max_size=60), st.integers(0, 1))
def test_wasserstein_and_means_are_near_and_exact(
    engine: Any, before: list[float], now: list[float], tail: int
) -> None:
    before = [*before, *([1e7] if tail and len(before) > 20 else [])]
    bins, reference, current = both(engine, np.array(before), np.array(now))
    exact = np.mean(now) - np.mean(before)
    assert drift("DIFFERENCE_OF_MEANS", "number", reference, current) == pytest.approx(exact, rel=1e-9, abs=1e-6)
    # values outside the baseline's range share the outer cells, so the bound holds for what is inside
    inside = np.clip(now, min(before), max(before))
    _, _, clipped = both(engine, np.array(before), inside)
    found = drift("WASSERSTEIN", "number", reference, clipped)
    bound = max(width_at(bins, x) for x in (*before, *inside)) if bins.cells > 1 else 0.0
    assert found == pytest.approx(wasserstein_distance(before, inside), abs=bound + 1e-6)
    assert drift("WASSERSTEIN", "number", reference, current) >= abs(exact) - 1e-6


@given(
    st.lists(st.integers(-20, 200), min_size=1, max_size=80), st.lists(st.integers(-20, 235), min_size=1, max_size=80)
)
def test_wasserstein_of_few_integers_is_exact(engine: Any, before: list[int], now: list[int]) -> None:
    before = [*before, -20, 235]
    _, reference, current = both(engine, np.array(before), np.array(now))
    assert len(set(range(-20, 236))) == SETTINGS.cells
    assert drift("WASSERSTEIN", "number", reference, current) == pytest.approx(
        wasserstein_distance(before, now), abs=1e-9
    )


def test_a_heavy_tail_is_counted_on_a_logarithmic_grid(engine: Any) -> None:
    before = np.random.default_rng(1).lognormal(3, 2, 5_000)
    bins, reference, current = both(engine, before, before * 1.3)
    assert bins.scale is not None
    assert len(reference.cells) > 100, "the grid spreads the values out"
    found = drift("WASSERSTEIN", "number", reference, current)
    assert found == pytest.approx(wasserstein_distance(before, before * 1.3), rel=0.02)


def test_missing_values_are_counted_and_nothing_else(engine: Any) -> None:
    values = pa.array([1.0, None, math.nan, math.inf, -math.inf, 3.0])
    _, reference, current = both(engine, np.array([1.0, 2.0, 3.0]), values)
    assert (current.rows, current.missing) == (2, 4)
    assert current.mean == reference.mean == 2.0


def test_categories_are_their_own_groups(engine: Any) -> None:
    bins = Bins("X", "category")
    before = counted(engine, bins, pa.array(["a"] * 5 + ["b"] * 5))
    now = counted(engine, bins, pa.array(["a"] * 9 + ["b", None]))
    assert (now.rows, now.missing) == (10, 1)
    assert drift("JENSEN_SHANNON", "category", before, now) == pytest.approx(0.383136, abs=5e-7)
    assert drift("POPULATION_STABILITY_INDEX", "category", before, now) == pytest.approx(0.878890, abs=5e-7)
    new = counted(engine, bins, pa.array(["c"] * 3))
    assert drift("JENSEN_SHANNON", "category", before, new) == pytest.approx(1.0)
    for metric in ("WASSERSTEIN", "DIFFERENCE_OF_MEANS"):
        assert drift(metric, "category", before, now) is None


def test_no_rows_no_drift() -> None:
    some, none = Histogram({0: (3, 1.0)}), Histogram(missing=4)
    for metric in ("JENSEN_SHANNON", "WASSERSTEIN", "DIFFERENCE_OF_MEANS", "POPULATION_STABILITY_INDEX"):
        assert drift(metric, "number", some, none) is None
        assert drift(metric, "number", none, some) is None


def test_two_periods_add_up(engine: Any) -> None:
    bins = Bins("X", "number", low=0.0, width=1.0, cells=8)
    columns = [{"COLUMN_NAME": "X", "CATEGORY": None, "BIN": b, "ROWS_COUNTED": n, "TOTAL": t}
               for b, n, t in ((0, 2, 0.5), (3, 1, 3.5), (None, 4, None), (3, 2, 6.5), (None, 1, None))]  # fmt: skip
    added = collect(columns)["X"]
    assert added == Histogram({0: (2, 0.5), 3: (3, 10.0)}, 5)
    whole = counted(engine, bins, np.array([0.1, 0.4, 3.5, 3.2, 3.3]))
    assert {cell: n for cell, (n, _) in whole.cells.items()} == {0: 2, 3: 3}


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [None], [math.nan]])
def test_a_column_without_spread_is_one_cell(engine: Any, values: list[float | None]) -> None:
    bins, reference, current = both(engine, pa.array(values, pa.float64()), np.array([7.0, 9.0]))
    assert bins.cells == 1
    if values[0] == 5.0:
        assert drift("WASSERSTEIN", "number", reference, current) == pytest.approx(3.0)
        assert drift("DIFFERENCE_OF_MEANS", "number", reference, current) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "bins", [Bins("X", "number", 0.0, 1e-24, 256), Bins("X", "number", 0.0, 1e-3, 256, scale=1e-300)]
)
def test_values_far_outside_a_narrow_grid_are_in_its_outer_cells(engine: Any, bins: Bins) -> None:
    found = counted(engine, bins, np.array([-1e9, 0.0, 1e9, 1e300]))
    assert {cell: rows for cell, (rows, _) in found.cells.items()} == {0: 2, 255: 2}


def test_a_spread_too_small_to_divide_is_none() -> None:
    assert fit_bins("X", 0.0, 5e-324, 0.0, 5e-324).cells == 1
