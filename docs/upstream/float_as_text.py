"""A whole float as text has a decimal point. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT 1::FLOAT::VARCHAR",),
    expected=[("1",)],
)

if __name__ == "__main__":
    REPRO.main()
