"""REGEXP_REPLACE with the default position and occurrence is refused. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT REGEXP_REPLACE('aXbX', 'X', '-', 1, 0)",),
    expected=[("a-b-",)],
)

if __name__ == "__main__":
    REPRO.main()
