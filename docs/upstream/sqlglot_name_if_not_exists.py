"""sqlglot: CREATE TABLE name IF NOT EXISTS is not parsed. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE named IF NOT EXISTS (a INT)",
        "SELECT COUNT(*) FROM named",
    ),
    expected=[(0,)],
)

if __name__ == "__main__":
    REPRO.main()
