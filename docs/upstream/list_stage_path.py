"""LIST of a path in a stage looks for a stage of that name. The exit code is 0 when it is mended."""

from __future__ import annotations

from pathlib import Path

from repro import Repro

HERE = str(Path(__file__).with_name("repro.py"))
REPRO = Repro(
    (
        "CREATE STAGE st2",
        f"PUT 'file://{HERE}' @st2/sub",
        "LIST @st2/sub",
    ),
    expected="st2/sub/repro.py.gz",
    take=lambda cursor: cursor.fetchall()[-1][0],
)

if __name__ == "__main__":
    REPRO.main()
