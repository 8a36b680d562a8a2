"""A VARIANT cannot be computed with or compared with a number. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("""SELECT v:a + 1, v:a > 9 FROM (SELECT PARSE_JSON('{"a": 10}') AS v)""",),
    expected=[(11.0, True)],
)

if __name__ == "__main__":
    REPRO.main()
