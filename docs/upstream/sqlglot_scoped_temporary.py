"""sqlglot: CREATE SCOPED TEMPORARY is not parsed. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE SCOPED TEMPORARY TABLE sc (a INT)",
        "SELECT COUNT(*) FROM sc",
    ),
    expected=[(0,)],
)

if __name__ == "__main__":
    REPRO.main()
