"""MERGE knows only the source's columns that stand alone. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE o (a INT, v INT)",
        "CREATE TABLE t (a INT, v INT)",
        "INSERT INTO o VALUES (1, 0)",
        "INSERT INTO t VALUES (1, 2)",
        "MERGE INTO o USING t AS s ON o.a = s.a WHEN MATCHED THEN UPDATE SET o.v = s.v + 1",
        "SELECT * FROM o",
    ),
    expected=[(1, 3)],
)

if __name__ == "__main__":
    REPRO.main()
