"""ASOF JOIN with MATCH_CONDITION is not understood. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE l (k INT, ts INT)",
        "CREATE TABLE r (k INT, ts INT, v INT)",
        "INSERT INTO l VALUES (1, 5), (2, 5)",
        "INSERT INTO r VALUES (1, 3, 30), (1, 9, 90)",
        "SELECT l.k, r.v FROM l ASOF JOIN r MATCH_CONDITION (l.ts >= r.ts) ON l.k = r.k ORDER BY 1",
    ),
    expected=[(1, 30), (2, None)],
)

if __name__ == "__main__":
    REPRO.main()
