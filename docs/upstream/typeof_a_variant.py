"""TYPEOF of a VARIANT is always JSON. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("""SELECT TYPEOF(PARSE_JSON('1')), TYPEOF(PARSE_JSON('"a"')), TYPEOF(PARSE_JSON('[]'))""",),
    expected=[("INTEGER", "VARCHAR", "ARRAY")],
)

if __name__ == "__main__":
    REPRO.main()
