"""The offline account's tests run through the real clients, whose own warnings are not ours to fix."""

from __future__ import annotations

from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSTALLED = find_spec("fakesnow") is not None
if INSTALLED:
    import sent_by_tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    with sent_by_tests.listening(item) if INSTALLED else nullcontext():
        return (yield)


def pytest_deselected(items: list[pytest.Item]) -> None:
    if INSTALLED:
        sent_by_tests.DESELECTED.update(item.path for item in items if "long" not in item.keywords)


@pytest.fixture(scope="module", autouse=True)
def _what_is_sent(request: pytest.FixtureRequest):
    """What the tests of a file send through the clients is what tests/golden/emulated says of the file."""
    if not INSTALLED:
        yield
        return
    failed = request.session.testsfailed
    sent_by_tests.SENT.clear()
    yield
    if request.session.testsfailed == failed:
        sent_by_tests.compare(request)


@pytest.fixture
def sql(snowflake_session):
    """Run a statement and return its rows as tuples."""
    return lambda text: [tuple(row) for row in snowflake_session.sql(text).collect()]


@pytest.fixture
def fails(snowflake_session):
    """Run a statement that must fail and return (error number, message)."""
    from snowflake.snowpark.exceptions import SnowparkSQLException

    def run(text: str) -> tuple[int, str]:
        with pytest.raises(SnowparkSQLException) as caught:
            snowflake_session.sql(text).collect()
        return int(caught.value.sql_error_code), str(caught.value)

    return run
