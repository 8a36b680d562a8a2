"""Names that only DuckDB reserves are not quoted. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE log (at INT, lambda INT)",
        "INSERT INTO log VALUES (1, 2)",
        "SELECT at, lambda FROM log",
    ),
    expected=[(1, 2)],
)

if __name__ == "__main__":
    REPRO.main()
