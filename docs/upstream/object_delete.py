"""OBJECT_DELETE is unknown. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT OBJECT_DELETE(OBJECT_CONSTRUCT('a', 1, 'b', 2), 'b')",),
    expected=[('{"a":1}',)],
)

if __name__ == "__main__":
    REPRO.main()
