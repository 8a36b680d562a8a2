"""What is counted by segments: each segment by itself, and all rows from them, as if there were none."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnobs
from churnobs.expressions.drift import Bins
from churnobs.expressions.monitored import Watched, binned_day_scores, day_histograms, exact_day_scores
from churnobs.expressions.render import Query

KINDS = {
    "AT": "timestamp(6)",
    "AREA": "string",
    "PLAN": "int64",
    "AMOUNT": "float64",
    "KIND": "string",
    "SAID": "float64",
}
TYPES = [pa.timestamp("us"), pa.string(), pa.int64(), pa.float64(), pa.string(), pa.float64()]
BINS = (Bins("AMOUNT", "number", low=0.0, width=1.0, cells=3), Bins("KIND", "category"))
FIRST = dt.datetime(2024, 1, 31, 12)

numbers = st.one_of(st.none(), st.sampled_from([math.nan, math.inf, 0.1, 0.2, 1e15, -3.5]), st.floats(-1, 4))
one_row = st.tuples(
    st.integers(0, 1).map(lambda days: FIRST + dt.timedelta(days=days)),
    st.sampled_from(["north", "sOUTH", "", None]),
    st.sampled_from([1, 2, None]),
    numbers,
    st.sampled_from(["a", "b", None]),
    st.sampled_from([0.0, 1.0, None]),
)


@pytest.fixture(scope="module")
def engine() -> Any:
    with churnobs.connect(threads=1) as workspace:
        yield workspace._backend.engine


def watched(*segments: str) -> Watched:
    return Watched("SEGMENTED", tuple(KINDS.items()), "AT", segments)


def stored(engine: Any, rows: list[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * len(KINDS)
    arrays = [pa.array(values, kind, from_pandas=False) for values, kind in zip(columns, TYPES, strict=True)]
    engine.drop("SEGMENTED")
    engine.write("SEGMENTED", pa.table(dict(zip(KINDS, arrays, strict=True))))


def cells(engine: Any, *segments: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """By day, segment column and value, column, bin and category: rows, total, least and largest."""
    found = {}
    for row in engine.read(Query(day_histograms, (watched(*segments), BINS))).to_pylist():
        where = [row[n] for n in ("DAY", "SEGMENT_COLUMN", "SEGMENT_VALUE", "COLUMN_NAME", "BIN", "CATEGORY")]
        assert tuple(where) not in found
        found[tuple(where)] = tuple(row[n] for n in ("ROWS_COUNTED", "TOTAL", "LOW", "HIGH"))
    return found


def by_hand(rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Any]]:
    """The values in each cell, row by row."""
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for at, area, plan, amount, kind, _ in rows:
        known = amount is not None and math.isfinite(amount)
        cell = min(max(math.floor(amount), 0), 2) if known else None
        for segment in ((None, None), ("AREA", area), ("PLAN", None if plan is None else str(plan))):
            found[at.date(), *segment, "AMOUNT", cell, None].append(amount if known else None)
            found[at.date(), *segment, "KIND", None, kind].append(None)
    return found


@given(rows=st.lists(one_row, max_size=40))
def test_histograms_are_those_of_each_row_counted_by_hand(engine: Any, rows: list[tuple[Any, ...]]) -> None:
    stored(engine, rows)
    found, wanted = cells(engine, "AREA", "PLAN"), by_hand(rows)
    assert found.keys() == wanted.keys()
    for where, (counted, total, low, high) in found.items():
        values = [value for value in wanted[where] if value is not None]
        assert counted == len(wanted[where])
        assert (low, high) == ((min(values), max(values)) if values else (None, None))
        size = math.fsum(map(abs, values))
        assert total == (pytest.approx(math.fsum(values), rel=1e-12, abs=1e-12 * size) if values else None)


@given(rows=st.lists(one_row, max_size=40), order=st.permutations(["north", "sOUTH", "", None]))
def test_totals_do_not_depend_on_which_segment_came_first(engine: Any, rows: list[tuple[Any, ...]], order: Any) -> None:
    stored(engine, rows)
    before = cells(engine, "AREA")
    stored(engine, sorted(rows, key=lambda row: order.index(row[1])))
    assert cells(engine, "AREA") == before


def scores(engine: Any, rows: list[tuple[Any, ...]], *segments: str, exact: bool) -> dict[Any, list[tuple[Any, ...]]]:
    """What is counted of rows, by segment column and value, in one order."""
    stored(engine, rows)
    query = Query(exact_day_scores if exact else binned_day_scores, (watched(*segments), "SAID", "SAID", "AMOUNT", 4))
    found = defaultdict(list)
    for row in engine.read(query).to_pylist():
        # a sum of counts comes as a decimal
        counts = [int(row.pop(name)) for name in ("ROWS_ALL", "ROWS_UP")]
        found[row.pop("SEGMENT_COLUMN"), row.pop("SEGMENT_VALUE")].append((*counts, *row.values()))
    return {segment: sorted(counted, key=repr) for segment, counted in found.items()}


@given(rows=st.lists(one_row, min_size=1, max_size=40), exact=st.booleans())
def test_scores_are_those_of_each_segment_alone(engine: Any, rows: list[tuple[Any, ...]], *, exact: bool) -> None:
    wanted: dict[Any, list[tuple[Any, ...]]] = {(None, None): rows}
    for column, name in ((1, "AREA"), (2, "PLAN")):
        for row in rows:
            value = None if row[column] is None else str(row[column])
            wanted.setdefault((name, value), []).append(row)
    found = scores(engine, rows, "AREA", "PLAN", exact=exact)
    assert found.keys() == wanted.keys()
    for segment, own in wanted.items():
        assert found[segment] == scores(engine, own, exact=exact)[None, None]
