"""Fixtures for pytest: ``snowflake_account`` (one a test run) and ``snowflake_session`` (a database of its own a test)."""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from snowflake.snowpark import Session

    from churnobs.testing.account import OfflineAccount


@pytest.fixture(scope="session")
def snowflake_account() -> Iterator[OfflineAccount]:
    """An offline Snowflake account for the whole run; skips when churnobs[offline] is not installed."""
    if importlib.util.find_spec("fakesnow") is None:
        pytest.skip("the offline account needs: pip install 'churnobs[offline]'")
    from churnobs.testing.account import serve

    with serve(trace=True) as account:
        yield account


@pytest.fixture
def snowflake_session(snowflake_account: OfflineAccount) -> Iterator[Session]:
    """A Snowpark session whose database is new and is dropped after the test."""
    name = f"T_{uuid.uuid4().hex[:12]}".upper()
    session = snowflake_account.session(database=name, schema="PUBLIC")
    try:
        yield session
    finally:
        session.sql(f"DROP DATABASE IF EXISTS {name}").collect()
        session.close()
        if snowflake_account.clock.is_set:  # the next test has the real time again
            snowflake_account.clock.reset()
