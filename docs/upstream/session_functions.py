"""CURRENT_WAREHOUSE() and SYSTEM$CANCEL_ALL_QUERIES() are unknown. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT CURRENT_WAREHOUSE(), SYSTEM$CANCEL_ALL_QUERIES(1)",),
    expected=[("FAKESNOW_WAREHOUSE", "0 queries cancelled.")],
)

if __name__ == "__main__":
    REPRO.main()
