"""LISTAGG of no rows is NULL. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    ("SELECT LISTAGG(a, ',') FROM VALUES ('x') AS t (a) WHERE a = 'y'",),
    expected=[("",)],
)

if __name__ == "__main__":
    REPRO.main()
