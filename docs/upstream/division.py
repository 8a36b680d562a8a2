"""Division by zero is infinite, and quotients have no scale. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT 1 / 0",),
    expected="ProgrammingError 100051",
)

if __name__ == "__main__":
    REPRO.main()
