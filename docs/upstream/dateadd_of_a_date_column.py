"""DATEADD of days to a column of dates is a timestamp. The exit code is 0 when it is mended."""

from __future__ import annotations

import datetime as dt

from repro import Repro

REPRO = Repro(
    ("SELECT DATEADD(day, 1, d) FROM (SELECT '2024-02-03'::DATE AS d)",),
    expected=[(dt.date(2024, 2, 4),)],
)

if __name__ == "__main__":
    REPRO.main()
