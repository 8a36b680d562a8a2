"""OBJECT_INSERT needs a STRUCT. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), 'b', 2)",),
    expected=[('{"a":1,"b":2}',)],
)

if __name__ == "__main__":
    REPRO.main()
