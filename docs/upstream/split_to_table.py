"""SPLIT_TO_TABLE is unknown. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT value FROM TABLE(SPLIT_TO_TABLE('a,b', ',')) ORDER BY index",),
    expected=[("a",), ("b",)],
)

if __name__ == "__main__":
    REPRO.main()
