"""A float cast to an integer rounds half to even. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT 2.5::FLOAT::INT, (-2.5)::FLOAT::INT",),
    expected=[(3, -3)],
)

if __name__ == "__main__":
    REPRO.main()
