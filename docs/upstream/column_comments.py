"""Comments of columns in CREATE are lost. The exit code is 0 when it is mended."""

from __future__ import annotations

from repro import Repro

REPRO = Repro(
    (
        "CREATE TABLE commented (a INT COMMENT 'hello')",
        "SELECT comment FROM information_schema.columns WHERE table_name = 'COMMENTED'",
    ),
    expected=[("hello",)],
)

if __name__ == "__main__":
    REPRO.main()
