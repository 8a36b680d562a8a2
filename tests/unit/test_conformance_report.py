"""What the suite found, told: an unproven case is never shown as equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from churnobs import BadFile, NotFound
from churnobs.cli import app
from churnobs.conformance import BACKENDS, NEVER, Conformance

FOUND = {
    "test_models::test_a": {"duckdb": "pass", "snowflake-offline": "pass"},
    "test_models::test_b": {"duckdb": "pass", "snowflake-offline": "gap"},
    "test_same_loop::test_c": {"snowflake-offline": "pass"},
    "test_examples::test_d": {"all": "pass"},
}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(FOUND), encoding="utf-8")
    return file


def test_what_was_not_run_is_never_a_pass(report: Path) -> None:
    found = Conformance.read(report)
    assert found.cases["test_models::test_a"] == ("pass", "pass", NEVER)
    assert found.cases["test_models::test_b"] == ("pass", "gap", NEVER)
    assert found.cases["test_same_loop::test_c"] == (NEVER, "pass", NEVER)
    # a test without a backend says nothing of a real account
    assert found.cases["test_examples::test_d"] == ("pass", "pass", NEVER)
    assert found.count("snowflake") == {NEVER: 4}
    assert found.count("snowflake-offline") == {"pass": 3, "gap": 1}
    assert not found.failed


def test_the_command_tells_and_fails_with_a_failed_case(report: Path) -> None:
    told = CliRunner().invoke(app, ["conformance", "--report", str(report)])
    assert told.exit_code == 0
    assert "test_models::test_b\tpass\tgap\tnever run" in told.output
    assert "snowflake: 4 never run" in told.output
    report.write_text(json.dumps({"t::a": {"duckdb": "pass", "snowflake-offline": "fail"}}), encoding="utf-8")
    assert CliRunner().invoke(app, ["conformance", "--report", str(report)]).exit_code == 1
    assert Conformance.read(report).failed


def test_a_report_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--conformance-report"):
        Conformance.read(tmp_path / "nothing.json")
    (tmp_path / "bad.json").write_text("[1", encoding="utf-8")
    with pytest.raises(BadFile, match="is no conformance report"):
        Conformance.read(tmp_path / "bad.json")
    assert BACKENDS == ("duckdb", "snowflake-offline", "snowflake")
