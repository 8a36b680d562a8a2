"""A NULL in a NOT NULL column raises DuckDB's own error. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE nn (a INT NOT NULL)",
        "INSERT INTO nn VALUES (NULL)",
    ),
    expected="IntegrityError 100072",
)

if __name__ == "__main__":
    REPRO.main()
