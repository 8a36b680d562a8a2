"""The same tests for every backend: one joins by adding how to open it, and how to spoil an artefact in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import churnobs
from churnobs import Workspace


@contextmanager
def _duckdb() -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


def _spoil_duckdb(workspace: Workspace) -> None:
    """Change one byte of every stored artefact behind the registry's back."""
    database: Any = workspace._backend.engine
    stored = database.execute("SELECT SHA256, CONTENT FROM MODEL_ARTEFACTS")
    for checksum, content in stored:
        spoilt = bytearray(content)
        spoilt[len(spoilt) // 2] ^= 1
        database.execute("UPDATE MODEL_ARTEFACTS SET CONTENT = ? WHERE SHA256 = ?", [bytes(spoilt), checksum])


BACKENDS: dict[str, tuple[Callable[[], Any], Callable[[Workspace], None]]] = {"duckdb": (_duckdb, _spoil_duckdb)}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    return str(request.param)


@pytest.fixture
def workspace(backend: str) -> Iterator[Workspace]:
    """An empty workspace."""
    with BACKENDS[backend][0]() as opened:
        yield opened


@pytest.fixture
def spoil_artefacts(backend: str) -> Callable[[Workspace], None]:
    """What changes the stored bytes of all artefacts of a workspace."""
    return BACKENDS[backend][1]
