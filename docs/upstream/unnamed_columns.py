"""Columns without a name are named as DuckDB names them. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT 1 + 1, COUNT(*) FROM VALUES (1) AS t (a)",),
    expected=["1 + 1", "COUNT(*)"],
    take=lambda cursor: [column.name for column in cursor.description],
)

if __name__ == "__main__":
    REPRO.main()
