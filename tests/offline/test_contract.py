"""Every private thing relied on is still there: a new release of fakesnow, snowflake-ml or a client fails here first."""

from __future__ import annotations

import importlib
import re
from importlib import metadata
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from churnobs.testing import engine, inference

CLIENTS = (
    "snowflake.snowpark.session._active_sessions",
    "snowflake.snowpark.files.get_active_session",
    "snowflake.connector.local_storage_client.SnowflakeLocalStorageClient",
    "snowflake.connector.result_batch.ArrowResultBatch",
)


def found(path: str) -> object:
    parts = path.split(".")
    for at in range(len(parts) - 1, 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for part in parts[at:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(path)


@pytest.mark.parametrize("path", [*engine.PRIVATE, *inference.PRIVATE, *CLIENTS])
def test_a_private_thing_is_where_it_was(path: str) -> None:
    if path.rpartition(".")[2] in ("duck_conn", "_duck_conn", "_schema"):  # set in the constructor
        owner = found(path.rpartition(".")[0])
        assert path.rpartition(".")[2] in owner.__init__.__code__.co_names  # type: ignore[misc]
    else:
        assert found(path) is not None


@pytest.mark.parametrize(("package", "file"), [("fakesnow", "engine.py"), ("snowflake.ml", "inference.py")])
def test_one_file_touches_each_private_package(package: str, file: str) -> None:
    folder = Path(engine.__file__).parent
    pattern = re.compile(rf"^\s*(?:from|import) {re.escape(package)}\b", re.MULTILINE)
    assert [p.name for p in sorted(folder.glob("*.py")) if pattern.search(p.read_text())] == [file]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    folder = Path(engine.__file__).parent
    assert {p.name: n for p in folder.glob("*.py") if (n := len(p.read_text().splitlines())) > 400} == {}


def test_the_versions_are_those_it_was_tried_with() -> None:
    assert metadata.version("fakesnow") == "0.12.1"
    assert metadata.version("duckdb") == "2.0.0"
    assert metadata.version("sqlglot") == "30.22.0"


def test_a_transform_of_fakesnow_takes_an_expression_and_nothing_else() -> None:
    from fakesnow import transforms

    for name in engine.TRANSFORMS:
        code = getattr(transforms, name).__code__
        required = code.co_argcount - len(getattr(transforms, name).__defaults__ or ())
        assert required == 1, name
