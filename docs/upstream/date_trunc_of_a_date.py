"""DATE_TRUNC of a date is a timestamp. The exit code is 0 when it is mended."""

from __future__ import annotations

import datetime as dt

from repro import Repro

REPRO = Repro(
    ("SELECT DATE_TRUNC('month', '2024-02-03'::DATE)",),
    expected=[(dt.date(2024, 2, 1),)],
)

if __name__ == "__main__":
    REPRO.main()
