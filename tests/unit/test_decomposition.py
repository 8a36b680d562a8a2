"""The split of a change of F1 against arithmetic by hand, and the laws it must keep."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from churnobs.errors import BadConfig
from churnobs.monitoring.decomposition import COLUMNS, explain_drop

counts = st.tuples(*[st.integers(0, 500)] * 3)
sides = st.dictionaries(st.sampled_from(["a", "b", "c", "d", None]), counts, max_size=5)


def about(side: dict) -> int:
    return sum(2 * tp + fp + fn for tp, fp, fn in side.values())


@given(sides.filter(about), sides.filter(about))
def test_parts_add_up_to_the_change_exactly(before: dict, after: dict) -> None:
    told = explain_drop(before, after)
    for value, side in ((told.f1_before, before), (told.f1_after, after)):
        assert value == pytest.approx(2 * sum(c[0] for c in side.values()) / about(side), abs=1e-12)
    assert told.mix + told.within == pytest.approx(told.f1_after - told.f1_before, abs=1e-9)
    assert sum(part.total for part in told.segments) == pytest.approx(told.change, abs=1e-9)
    assert sum(part.share_before for part in told.segments) == pytest.approx(1.0, abs=1e-9)
    assert sum(part.share_after for part in told.segments) == pytest.approx(1.0, abs=1e-9)
    assert {part.segment for part in told.segments} == before.keys() | after.keys()
    assert [p.total for p in told.segments] == sorted(p.total for p in told.segments)


@given(sides.filter(about), sides.filter(about))
def test_going_back_undoes_every_part(before: dict, after: dict) -> None:
    there = {p.segment: p for p in explain_drop(before, after).segments}
    back = {p.segment: p for p in explain_drop(after, before).segments}
    for segment, part in there.items():
        assert back[segment].mix == pytest.approx(-part.mix, abs=1e-9)
        assert back[segment].within == pytest.approx(-part.within, abs=1e-9)


@given(sides.filter(about), st.integers(2, 5))
def test_more_rows_of_the_same_kind_change_nothing(before: dict, times: int) -> None:
    after = {segment: tuple(times * n for n in three) for segment, three in before.items()}
    for part in explain_drop(before, after).segments:
        assert part.mix == pytest.approx(0.0, abs=1e-12)
        assert part.within == pytest.approx(0.0, abs=1e-12)


def test_by_hand() -> None:
    # D: 20 and 20, then 30 and 10; F1: .8 and .6, then .6 and .6
    told = explain_drop({"a": (8, 2, 2), "b": (6, 4, 4)}, {"a": (9, 6, 6), "b": (3, 2, 2)})
    assert (told.f1_before, told.f1_after) == pytest.approx((0.7, 0.6))
    a, b = (next(p for p in told.segments if p.segment == name) for name in "ab")
    assert (a.share_before, a.share_after, a.f1_before, a.f1_after) == pytest.approx((0.5, 0.75, 0.8, 0.6))
    # mix: change of share x (middle of the segment's F1 - middle of the overall F1, .65)
    assert (a.mix, b.mix) == pytest.approx((0.25 * (0.7 - 0.65), -0.25 * (0.6 - 0.65)))
    assert (a.within, b.within) == pytest.approx((0.625 * -0.2, 0.0))
    assert told.worst == a


def test_pure_mix_and_pure_within() -> None:
    mix = explain_drop({"good": (90, 10, 10), "bad": (10, 20, 20)}, {"good": (9, 1, 1), "bad": (100, 200, 200)})
    assert mix.within == pytest.approx(0.0, abs=1e-12)
    assert mix.mix == pytest.approx(mix.change)
    within = explain_drop({"x": (50, 10, 10), "y": (50, 10, 10)}, {"x": (50, 10, 10), "y": (40, 20, 20)})
    assert within.mix == pytest.approx(0.0, abs=1e-12)
    assert [part.segment for part in within.segments] == ["y", "x"]


def test_segments_that_appear_vanish_or_are_empty() -> None:
    told = explain_drop({"old": (8, 1, 1), "gone": (2, 4, 4), "idle": (0, 0, 0)}, {"old": (8, 1, 1), "new": (1, 5, 5)})
    parts = {p.segment: p for p in told.segments}
    assert parts["new"].f1_before is None
    assert parts["gone"].f1_after is None
    assert (parts["new"].within, parts["gone"].within) == (0.0, 0.0)
    assert (parts["idle"].f1_before, parts["idle"].total) == (None, 0.0)
    assert told.mix + told.within == pytest.approx(told.change, abs=1e-12)
    assert parts["new"].mix < 0 < parts["gone"].mix


def test_rows_labels_and_predictions_by_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    sides, oracle = [], []
    for wrong in (0.1, 0.3):
        segment = rng.choice(["a", "b", "c"], 2_000)
        label = rng.random(2_000) < 0.4
        said = label ^ (rng.random(2_000) < wrong * (1 + (segment == "c")))
        oracle.append(f1_score(label, said))
        sides.append(
            {
                s: tuple(int((m & (segment == s)).sum()) for m in (label & said, ~label & said, label & ~said))
                for s in "abc"
            }
        )
    told = explain_drop(*sides)
    assert (told.f1_before, told.f1_after) == pytest.approx(tuple(oracle), abs=1e-12)
    assert told.worst is not None
    assert told.worst.segment == "c"


def test_words_and_tables() -> None:
    told = explain_drop({"a": (8, 2, 2), None: (6, 4, 4)}, {"a": (9, 6, 6), None: (3, 2, 2)})
    assert dataclasses.replace(told, moved=("AGE", "TENURE")).text() == (
        "F1 fell from 0.7 to 0.6 (-0.1000): +0.0250 because segments grew or shrank, -0.1250 because it changed within "
        "segments. a lowered it most, by 0.1125: its share went from 50.0% to 75.0% (+0.0125), its F1 from 0.8 to 0.6 "
        "(-0.1250). Columns that moved in it: AGE, TENURE."
    )
    frame = told.to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    assert frame["TOTAL"].sum() == pytest.approx(-0.1)
    assert frame["SEGMENT"].isna().tolist() == [False, True]
    gone = explain_drop({"a": (1, 0, 0), "b": (0, 1, 0)}, {"a": (1, 0, 0)})
    assert gone.worst is None
    assert gone.text().endswith("No segment lowered it.")
    assert pd.isna(gone.to_pandas().set_index("SEGMENT").loc["b", "F1_AFTER"])
    assert "<caption>F1 rose" in gone._repr_html_()
    new = explain_drop({"a": (1, 0, 0)}, {"a": (1, 0, 0), "<b>": (0, 1, 0)})
    assert "its F1 from none to 0" in new.text()
    assert "<td>&lt;b&gt;</td>" in new._repr_html_()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"a": (1, 0, 0)}, "not defined before"),
        ({"a": (1, 0, 0)}, {"a": (0, 0, 0)}, "not defined after"),
        ({"a": (1, 0, 0)}, {"a": (1, -1, 0)}, "negative"),
    ],
)
def test_what_cannot_be_explained_says_so(before: dict, after: dict, words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        explain_drop(before, after)
