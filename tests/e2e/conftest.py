"""The app as a user starts it, and a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dashboards import build, make_hostile
from loops import write_world
from playwright.sync_api import Browser, sync_playwright

CHURNOBS = (sys.executable, "-c", "from churnobs.cli import main; main()")


@dataclass(frozen=True)
class Served:
    """The app at an address, and what ``churnobs metrics`` says of its database."""

    address: str
    metrics: list[dict[str, Any]]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("e2e")
    url = build(folder / "shown.duckdb", make_hostile(write_world(folder / "files", customers=300)))
    db, found = url.removeprefix("duckdb:"), folder / "metrics.json"
    subprocess.run([*CHURNOBS, "metrics", "--db", db, "--json", str(found)], check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [*CHURNOBS, "dashboard", "--db", db, "--port", str(port), "--headless"]
    with (folder / "log.txt").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        address = f"http://localhost:{port}"
        try:
            _wait(server, f"{address}/_stcore/health", folder / "log.txt")
            yield Served(address, json.loads(found.read_text(encoding="utf-8")))
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; ``make test-e2e`` installs it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "there is no chromium: make test-e2e installs it, or CHROMIUM names it"
    with sync_playwright() as playwright:
        # the tests may run as root in a container, where Chromium's own sandbox cannot
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
