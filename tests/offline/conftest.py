"""The offline account's tests run through the real clients, whose own warnings are not ours to fix."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


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
