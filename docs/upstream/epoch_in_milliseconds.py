"""TO_TIMESTAMP reads a text of milliseconds as seconds. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT TO_TIMESTAMP('1700000000000')::VARCHAR LIKE '2023-11-14%'",),
    expected=[(True,)],
)

if __name__ == "__main__":
    REPRO.main()
