"""WIDTH_BUCKET is unknown. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT WIDTH_BUCKET(5, 0, 10, 5), WIDTH_BUCKET(-1, 0, 10, 5), WIDTH_BUCKET(10, 0, 10, 5)",),
    expected=[(3, 0, 6)],
)

if __name__ == "__main__":
    REPRO.main()
