"""Records of model versions: names, what a version saw, and their way through JSON."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from churnobs import BadConfig, FittedOn
from churnobs.codec import content_hash, from_json, to_json
from churnobs.records import VersionRecord, identifier

MAY, JUNE = dt.date(2024, 5, 1), dt.date(2024, 6, 1)


@pytest.mark.parametrize(("name", "stored"), [("v1", "V1"), ("_x", "_X"), ("A$b_1", "A$B_1")])
def test_names_are_stored_upper_case(name: str, stored: str) -> None:
    assert identifier(name) == stored


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", 'a"b', "a;b", "é", "a\n"])
def test_names_that_need_quotes_are_refused(name: str) -> None:
    with pytest.raises(BadConfig, match="is not a name"):
        identifier(name)


@pytest.mark.parametrize(
    ("fitted", "as_of", "half", "saw"),
    [
        (None, MAY, None, True),
        (None, MAY, "JUDGE", True),
        (None, JUNE, None, False),
        ("FIT", MAY, "FIT", True),
        ("FIT", MAY, "JUDGE", False),
        ("FIT", MAY, None, True),
        ("FIT", JUNE, "FIT", False),
    ],
)
def test_what_a_version_saw(fitted: Any, as_of: dt.date, half: Any, saw: bool) -> None:
    record = VersionRecord("M", "V", fitted_on=(FittedOn("D", "1", MAY, fitted),))
    assert record.saw(as_of, half) is saw


def test_a_record_survives_json() -> None:
    record = VersionRecord(
        "M", "V", "abc", features=("A", "B"), fitted_on=(FittedOn("D", "1", MAY, "FIT", 7),),
        metrics={"AUC": 0.1, "TABLE": [[1, 2]], "NOTE": "é"}, alias="LIVE", is_default=True, linked_to="M/U",
    )  # fmt: skip
    again = from_json(VersionRecord, to_json(record))
    assert again == record
    assert to_json(again) == to_json(record)


def test_a_hash_tells_parts_apart() -> None:
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
