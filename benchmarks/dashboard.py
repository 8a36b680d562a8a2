"""How long the app keeps people waiting, in a real browser, and how much memory its server takes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import churnobs
from simulations import WORLDS, simulate

# each page, and the heading of what stands last on it
PAGES = {
    "Drift": "What was judged",
    "Customers at risk": "All active customers",
    "Lineage": "model",
    "Alerts and monitors": "Model monitors",
    "Months": "One month",
}
SETTLED = """() => !document.querySelector('[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-stale="true"]')
  && [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].every(e => e.querySelector('canvas, svg'))"""


def build(path: Path, *, customers: int, months: int, world: str, seed: int) -> None:
    """A database of a simulated world, unless the file is there."""
    if path.exists():
        return
    files = path.with_name(f"{path.name}.files")
    simulate(WORLDS[world], customers=customers, months=months, seed=seed).write(files)
    with churnobs.connect(f"duckdb:{path}") as workspace:
        workspace.lifecycle(churnobs.LifecycleConfig(seed=seed), source=files).run()
    shutil.rmtree(files)


def measure(path: Path) -> dict[str, Any]:
    """Seconds until a page stands still: the first one of a fresh browser, each other page for the first time, and again."""
    from playwright.sync_api import sync_playwright

    found: dict[str, Any] = {}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with _served(path) as (server, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})

        def settled(title: str, started: float) -> float:
            page.get_by_role("heading", name=title, level=1).wait_for(timeout=60_000)
            page.get_by_role("heading", name=PAGES[title], exact=True).wait_for(timeout=60_000)
            page.wait_for_function(SETTLED, timeout=60_000)
            return round(time.perf_counter() - started, 3)

        started = time.perf_counter()
        page.goto(address)
        found["first_page"] = settled("Months", started)
        for when in ("first", "again"):
            for title in PAGES:
                started = time.perf_counter()
                page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
                found[f"{title}, {when}"] = settled(title, started)
        found["page_change_worst"] = max(value for name, value in found.items() if name != "first_page")
        browser.close()
        found["server_peak_mb"] = _peak_mb(server.pid)
    return found


@contextmanager
def _served(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from churnobs.cli import main; main()", "dashboard"]
    command += ["--db", str(path), "--port", str(port), "--headless"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        address = f"http://localhost:{port}"
        try:
            while True:
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health").close()
                    break
                except (urllib.error.URLError, ConnectionError):
                    if server.poll() is not None:
                        raise
                    time.sleep(0.1)
            yield server, address
        finally:
            server.terminate()


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024, 1)
