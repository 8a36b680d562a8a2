"""What is selected from RESULT_SCAN is ignored. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "SELECT 1 AS a, 2 AS b",
        "SELECT b FROM TABLE(RESULT_SCAN('{sfqid}'))",
    ),
    expected=[(2,)],
)

if __name__ == "__main__":
    REPRO.main()
