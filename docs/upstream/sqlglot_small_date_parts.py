"""dd in a date format is a day without its zero. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT TO_CHAR('2020-08-01'::TIMESTAMP, 'yyyy-mm-dd')",),
    expected=[("2020-08-01",)],
)

if __name__ == "__main__":
    REPRO.main()
