"""How many hostile inputs there are: 333 cases in seven tables, 243 of them refused.

151 of them run with ``make test``, all of them with ``make check-long``.
"""

from __future__ import annotations

import importlib

PARTS = {"files": 57, "values": 80, "names": 99, "texts": 14, "times": 28, "disks": 28, "databases": 27}

# how many of each table's cases stand for one that runs with ``make test``
SHARES = {"files": 3, "values": 3, "names": 3, "texts": 2, "times": 2}


def test_there_are_at_least_100_cases_in_all_and_each_has_a_name_of_its_own() -> None:
    found = {part: importlib.import_module(f"test_hostile_{part}").cases for part in PARTS}
    names = [case.name for cases in found.values() for case in cases]
    assert len(names) >= 100
    assert len(set(names)) == len(names)
    for part, least in PARTS.items():
        assert len(found[part]) >= least, (part, len(found[part]))
    fast = [
        p for part in PARTS for p in importlib.import_module(f"test_hostile_{part}").cases.params(SHARES.get(part, 1))
    ]
    assert sum(not param.marks for param in fast) >= 100
    refused = [case for cases in found.values() for case in cases if case.error is not None]
    assert len(refused) > 100
    assert len({case.error for case in refused}) >= 7
