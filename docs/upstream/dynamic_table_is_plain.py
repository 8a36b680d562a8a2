"""CREATE DYNAMIC TABLE makes a plain table that never refreshes. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("CREATE DYNAMIC TABLE dt TARGET_LAG = '1 day' WAREHOUSE = w AS SELECT 1 AS a",),
    expected="ProgrammingError 9999",
)

if __name__ == "__main__":
    REPRO.main()
