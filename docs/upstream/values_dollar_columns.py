"""$1, $2 over VALUES are taken for parameters. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT $1 AS a, $2 AS b FROM VALUES (1, 'x')",),
    expected=[(1, "x")],
)

if __name__ == "__main__":
    REPRO.main()
