"""SUM of integers is a double, and text that is no number counts as NULL. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT SUM(a)::VARCHAR FROM VALUES (9007199254740993), (0) AS t (a)",),
    expected=[("9007199254740993",)],
)

if __name__ == "__main__":
    REPRO.main()
