"""The SQL of every expression in both dialects, reviewed like code; ``pytest --update-golden`` writes it anew."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from expressions_catalog import CATALOG, MAY

import churnobs.expressions
from churnobs.expressions.render import Query

GOLDEN = Path(__file__).parent.parent / "golden"
DIALECTS = ("duckdb", "snowflake")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(CATALOG))
def test_the_sql_is_the_reviewed_one(name: str, dialect: Any, request: pytest.FixtureRequest) -> None:
    build, make = CATALOG[name]
    text = Query(build, make(MAY)).sql(dialect) + "\n"
    path = GOLDEN / f"{name}.{dialect}.sql"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), "pytest --update-golden writes it"
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.glob("*.sql")} == {
        f"{name}.{dialect}.sql" for name in CATALOG for dialect in DIALECTS
    }


def test_every_expression_has_a_golden_file() -> None:
    """A public function that gives an Ibis table is in the catalog, by itself or under another that calls it."""
    inner = {"table", "united"}
    built = {build.__name__ for build, _ in CATALOG.values()} | {
        "performance",
        "count_cells",
        "score_cells",
        "day_scores",
        "merged_cells",
        "merged_scores",
        "confusion",
        "errors",
    }
    for module in pkgutil.iter_modules(churnobs.expressions.__path__, "churnobs.expressions."):
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            gives_table = inspect.signature(function).return_annotation == "ir.Table"
            if function.__module__ == module.name and gives_table and not name.startswith("_"):
                assert name in built | inner, f"add {name} to expressions_catalog.py"
