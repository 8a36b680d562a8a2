"""A cast to VARCHAR(n) does not cut the text. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT 'abcdef'::VARCHAR(3)",),
    expected=[("abc",)],
)

if __name__ == "__main__":
    REPRO.main()
