"""COMMIT after a failed statement succeeds and loses the transaction. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE kept (a INT)",
        "BEGIN",
        "INSERT INTO kept VALUES (1)",
        "{fail}SELECT 'x'::INT",
        "COMMIT",
    ),
    expected="ProgrammingError 9999",
)

if __name__ == "__main__":
    REPRO.main()
