"""SHOW SCHEMAS ignores LIKE. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SHOW SCHEMAS LIKE 'no such name'",),
    expected=[],
)

if __name__ == "__main__":
    REPRO.main()
