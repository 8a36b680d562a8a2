"""A database in a file that the pages show: nine scripted months with alerts, and comments that look like HTML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dashboards import build, make_hostile
from loops import write_world

import churnobs


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a database that no test changes."""
    folder = tmp_path_factory.mktemp("shown")
    return build(folder / "shown.duckdb", make_hostile(write_world(folder / "files", customers=300)))


@pytest.fixture
def copied(url: str, tmp_path: Path) -> str:
    """Of a copy that a test may change."""
    place = tmp_path / "copy.duckdb"
    place.write_bytes(Path(url.removeprefix("duckdb:")).read_bytes())
    return f"duckdb:{place}"


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """Of a database without a month."""
    with churnobs.connect(f"duckdb:{tmp_path / 'empty.duckdb'}"):
        pass
    return f"duckdb:{tmp_path / 'empty.duckdb'}"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a database was opened."""
    count = 0
    original = churnobs.connect

    def counted(*given: object, **named: object) -> object:
        nonlocal count
        count += 1
        return original(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("churnobs.dashboard.opening.connect", counted)
    return lambda: count
