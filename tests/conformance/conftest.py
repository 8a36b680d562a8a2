"""The same tests for every backend: one joins by adding how to open it, and how to spoil an artefact in it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

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


@contextmanager
def _snowflake(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A schema of its own in a real account; dropped afterwards."""
    name = request.config.getoption("--connection")
    if not name:
        why = "no connection to a Snowflake account: make test-live CONNECTION=name"
        if request.config.getoption("--require") == "snowflake":
            pytest.fail(why)
        pytest.skip(why)
    schema = f"CHURNOBS_T_{uuid.uuid4().hex[:12]}".upper()
    with churnobs.connect(f"snowflake:{name}", schema=schema) as opened:
        opened.deploy(show=None)
        try:
            yield opened
        finally:
            opened._backend.engine.link.run(f"DROP SCHEMA IF EXISTS {schema}")


def _spoil_snowflake(_: Workspace, __: pytest.FixtureRequest) -> None:
    raise churnobs.NotSupported("nobody can reach the files of a version in Snowflake")


BACKENDS: dict[str, tuple[Callable[..., Any], Callable[..., None]]] = {
    "duckdb": (_duckdb, _spoil_duckdb),
    "snowflake-offline": (_snowflake_offline, _spoil_snowflake_offline),
    "snowflake": (_snowflake, _spoil_snowflake),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a backend runs on each; on a real account only when one is named or required."""
    config = metafunc.config
    live = config.getoption("--connection") is not None or config.getoption("--require") == "snowflake"
    if "backend" in metafunc.fixturenames:
        # what takes long on the account in this process, and is quick on the simulator
        slow = {"snowflake-offline"} if metafunc.definition.get_closest_marker("long_offline") else set()
        names = [name for name in sorted(BACKENDS) if live or name != "snowflake"]
        cases = [pytest.param(name, marks=pytest.mark.long if name in slow else ()) for name in names]
        metafunc.parametrize("backend", cases, indirect=True)
    if "other_backend" in metafunc.fixturenames:
        others = ["snowflake-offline", "snowflake"] if live else ["snowflake-offline"]
        metafunc.parametrize("other_backend", others, indirect=True, scope="module")


@pytest.fixture(scope="module")
def other_backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend that is compared with the simulator."""
    return str(request.param)


@pytest.fixture
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


_OUTCOMES: dict[str, dict[str, str]] = {}
_BACKEND: Final = re.compile(r"\b(snowflake-offline|snowflake|duckdb)\b-?")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what each case did on each backend: an expected failure is a gap, never a pass."""
    file, _, rest = report.nodeid.partition("::")
    if "tests/conformance/" not in file or (report.when != "call" and report.passed):
        return
    name, _, parameters = rest.partition("[")
    on = _BACKEND.search(parameters)
    case = f"{Path(file).stem}::{name}" + (f"[{left}" if (left := _BACKEND.sub("", parameters)).strip("[]-") else "")
    outcome = {"passed": "pass", "failed": "fail", "skipped": "gap" if hasattr(report, "wasxfail") else "skip"}
    _OUTCOMES.setdefault(case, {})[on[1] if on else "all"] = outcome[report.outcome]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was remembered, where a file is named."""
    file = session.config.getoption("--conformance-report")
    if file and not hasattr(session.config, "workerinput"):
        Path(file).write_text(json.dumps(_OUTCOMES, indent=1, sort_keys=True), encoding="utf-8")
