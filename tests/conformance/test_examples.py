"""A user's program runs unchanged on every backend, and never asks which one it has."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import Any

import pytest

import churnobs
from churnobs import Workspace

PROGRAM = Path(__file__).parents[2] / "examples" / "any_backend.py"
# words with which a program would look behind the door
TELLING = {"duckdb", "snowflake", "backend", "_backend", "dialect", "isinstance", "hasattr", "type", "location", "url"}


def test_the_program_never_asks_where_it_runs() -> None:
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    words |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }
    assert words & TELLING == set()
    branches = [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Match | ast.Try)]
    # the one that every program ends with
    assert [ast.unparse(node.test) for node in branches if isinstance(node, ast.If)] == ["__name__ == '__main__'"]
    assert len(branches) == 1


@pytest.mark.long
def test_the_program_runs(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    asked: list[Any] = []

    def connect(place: Any = None) -> Workspace:
        asked.append(place)
        return workspace

    monkeypatch.setattr(churnobs, "connect", connect)
    program = runpy.run_path(str(PROGRAM))
    program["main"]("anywhere", customers=250, months=4)
    text = capsys.readouterr().out
    assert asked == ["anywhere"]
    assert "LOW_AUC" in text
    assert "V2024" in text or "V2023" in text
    assert "ACTIVE" in text
