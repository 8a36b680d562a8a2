"""ALTER TABLE SWAP WITH is sent to DuckDB. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE s1t AS SELECT 1 AS a",
        "CREATE TABLE s2t AS SELECT 2 AS a",
        "ALTER TABLE s1t SWAP WITH s2t",
        "SELECT a FROM s1t",
    ),
    expected=[(2,)],
)

if __name__ == "__main__":
    REPRO.main()
