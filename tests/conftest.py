"""Options and profiles that every test shares."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("churnobs", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("churnobs")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--connection", default=None, help="a connection of connections.toml: conformance runs on Snowflake too"
    )
    parser.addoption("--require", default="", help="snowflake: that its tests are skipped is an error")
    parser.addoption(
        "--conformance-report", default=None, help="write what each case did on each backend to this JSON file"
    )
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden and stored outputs anew instead of comparing"
    )


@pytest.fixture(autouse=True)
def main_stays() -> Iterator[None]:
    """Streamlit's AppTest leaves a script that is gone as the main module, and processes that are spawned later look for it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
