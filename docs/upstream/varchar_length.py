"""The length of VARCHAR(n) is not enforced. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE short (a VARCHAR(2))",
        "INSERT INTO short VALUES ('abc')",
    ),
    expected="ProgrammingError 100078",
)

if __name__ == "__main__":
    REPRO.main()
