"""The same tests for every backend: one joins by adding how to open it, and how to spoil an artefact in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gaps
import pytest

import churnobs
from churnobs import Workspace
from churnobs.testing import OfflineAccount

HERE = Path(__file__).parent


@contextmanager
def _duckdb(_: pytest.FixtureRequest) -> Iterator[Workspace]:
    with churnobs.connect(threads=1) as opened:
        yield opened


@contextmanager
def _snowflake_offline(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A schema of its own in an account that all tests of a run share."""
    account: OfflineAccount = request.getfixturevalue("snowflake_account")
    schema = f"T_{uuid.uuid4().hex[:12]}".upper()
    session = account.session(database="CONFORMANCE", schema=schema)
    try:
        with churnobs.connect(session) as opened:
            opened.deploy(show=None)
            yield opened
    finally:
        session.sql(f"DROP SCHEMA IF EXISTS {schema}").collect()
        session.close()


def _spoil_duckdb(workspace: Workspace, _: pytest.FixtureRequest) -> None:
    """Change one byte of every stored artefact behind the registry's back."""
    database: Any = workspace._backend.engine
    stored = database.execute("SELECT SHA256, CONTENT FROM MODEL_ARTEFACTS")
    for checksum, content in stored:
        database.execute("UPDATE MODEL_ARTEFACTS SET CONTENT = ? WHERE SHA256 = ?", [_spoilt(content), checksum])


def _spoil_snowflake_offline(_: Workspace, request: pytest.FixtureRequest) -> None:
    """Change one byte of the bytes that every native version keeps, in the account's own files."""
    account: OfflineAccount = request.getfixturevalue("snowflake_account")
    for path in (account.account.folder / "models").rglob("*.skops"):
        path.write_bytes(_spoilt(path.read_bytes()))


def _spoilt(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


BACKENDS: dict[str, tuple[Callable[..., Any], Callable[..., None]]] = {
    "duckdb": (_duckdb, _spoil_duckdb),
    "snowflake-offline": (_snowflake_offline, _spoil_snowflake_offline),
}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    return str(request.param)


@pytest.fixture(scope="session")
def open_workspace(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """What opens an empty workspace on a backend given by name."""
    return lambda name: BACKENDS[name][0](request)


@pytest.fixture
def workspace(backend: str, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """An empty workspace."""
    with BACKENDS[backend][0](request) as opened:
        yield opened


@pytest.fixture
def spoil_artefacts(backend: str, request: pytest.FixtureRequest) -> Callable[[Workspace], None]:
    """What changes the stored bytes of all artefacts of a workspace."""
    return lambda workspace: BACKENDS[backend][1](workspace, request)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gaps are known: such a test must fail, and in the way that is written down."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        known = gaps.find(str(parameters.get("backend", "")), item.name)
        if known is not None:
            item.add_marker(pytest.mark.xfail(reason=known.reason, raises=known.raises, strict=True))
