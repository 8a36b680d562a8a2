"""DROP FILE FORMAT is sent to DuckDB. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE FILE FORMAT ff TYPE = CSV",
        "DROP FILE FORMAT ff",
    ),
    expected=[("FF successfully dropped.",)],
)

if __name__ == "__main__":
    REPRO.main()
