"""IDENTIFIER() takes a quoted name of several parts for one name. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        """CREATE TABLE IDENTIFIER('"DB1"."S1"."PLACED"') (a INT)""",
        "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '%PLACED%'",
    ),
    expected=[("PLACED",)],
)

if __name__ == "__main__":
    REPRO.main()
