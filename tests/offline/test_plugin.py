"""The pytest plugin, run as a user's test run would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_each_test_has_a_database_of_its_own(snowflake_session, n):
    snowflake_session.sql("CREATE TABLE t AS SELECT 1 AS a").collect()
    assert snowflake_session.sql("SHOW TABLES IN DATABASE").count() == 1

def test_the_account_is_shared_and_traced(snowflake_account, snowflake_session):
    assert any(s.text.startswith("CREATE TABLE t") for s in snowflake_account.statements)
    names = [r["name"] for r in snowflake_session.sql("SHOW DATABASES").collect()]
    assert len([n for n in names if n.startswith("T_")]) == 1
"""


def test_the_fixtures_come_with_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_clock_of_the_run_may_be_set(snowflake_account, snowflake_session) -> None:
    snowflake_account.clock.set("2001-02-03")
    assert str(snowflake_session.sql("SELECT CURRENT_DATE()").collect()[0][0]) == "2001-02-03"


def test_and_the_next_test_has_the_real_time(snowflake_account, snowflake_session) -> None:
    assert not snowflake_account.clock.is_set
    assert str(snowflake_session.sql("SELECT CURRENT_DATE()").collect()[0][0]) != "2001-02-03"
