"""RATIO_TO_REPORT is unknown. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT RATIO_TO_REPORT(a) OVER () AS r FROM VALUES (1), (3) AS t (a) ORDER BY r",),
    expected=[(0.25,), (0.75,)],
)

if __name__ == "__main__":
    REPRO.main()
