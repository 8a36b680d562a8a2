"""Telemetry is answered with 404. The exit code is 0 when it is mended."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from repro import Repro


def has_route(_cursor: Any) -> bool:
    """Whether the server has a route for what the connector sends."""
    return "/telemetry/send" in [route.path for route in import_module("fakesnow.server").routes]


REPRO = Repro((), expected=True, take=has_route)

if __name__ == "__main__":
    REPRO.main()
