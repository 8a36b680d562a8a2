"""An index of an index of an index reads another element. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("""SELECT v['a'][1]['b']::INT FROM (SELECT PARSE_JSON('{"a": [1, {"b": 2}]}') AS v)""",),
    expected=[(2,)],
)

if __name__ == "__main__":
    REPRO.main()
