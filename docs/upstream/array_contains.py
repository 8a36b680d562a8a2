"""ARRAY_CONTAINS of a text is malformed JSON. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT ARRAY_CONTAINS('a'::VARIANT, ARRAY_CONSTRUCT('a', 'b'))",),
    expected=[(True,)],
)

if __name__ == "__main__":
    REPRO.main()
