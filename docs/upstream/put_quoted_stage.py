"""PUT does not take a stage in quotes. The exit code is 0 when it is mended."""

from __future__ import annotations

from pathlib import Path

from repro import Repro

HERE = str(Path(__file__).with_name("repro.py"))
REPRO = Repro(
    (
        "CREATE STAGE st",
        f"PUT 'file://{HERE}' '@st'",
    ),
    expected="UPLOADED",
    take=lambda cursor: cursor.fetchall()[-1][6],
)

if __name__ == "__main__":
    REPRO.main()
