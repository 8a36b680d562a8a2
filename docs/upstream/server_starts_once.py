"""fakesnow.server() works once a process. The exit code is 0 when it is mended."""

from __future__ import annotations

from typing import Any

import fakesnow
from repro import Repro


def start_twice(_cursor: Any) -> str:
    """Enter the server's context two times."""
    for _ in range(2):
        with fakesnow.server():
            pass
    return "started twice"


REPRO = Repro((), expected="started twice", take=start_twice)

if __name__ == "__main__":
    REPRO.main()
