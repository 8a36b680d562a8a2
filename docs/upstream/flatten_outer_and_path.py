"""FLATTEN ignores OUTER and PATH. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("""SELECT x.value FROM (SELECT PARSE_JSON('{"a": [7]}') AS v) f, LATERAL FLATTEN(INPUT => f.v, PATH => 'a') x""",),
    expected=[("7",)],
)

if __name__ == "__main__":
    REPRO.main()
