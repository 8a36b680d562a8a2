"""The account's life: how it starts, who may log in, what it leaves, what it never touches."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import snowflake.connector
from snowflake.snowpark import Session
from snowflake.snowpark.context import get_active_session

from churnobs.testing import offline_account, serve


def test_one_line_gives_a_snowpark_session() -> None:
    with offline_account(database="DB1", schema="S1") as session:
        assert session.sql("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA(), CURRENT_WAREHOUSE()").collect()[0][0:3] == (
            "DB1",
            "S1",
            "COMPUTE_WH",
        )
        assert get_active_session() is session
        assert Session.builder.getOrCreate() is session


def test_it_starts_in_under_a_second() -> None:
    with serve():
        pass  # imports are paid once a process
    started = time.perf_counter()
    with serve() as account:
        session = account.session()
        assert time.perf_counter() - started < 1.0
        session.close()


def test_nothing_is_left_on_disk_and_the_port_is_closed() -> None:
    with serve() as account:
        folder, port = account.account.folder, account.connection()["port"]
        session = account.session()
        session.sql("CREATE STAGE s").collect()
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_process_that_forgets_to_close_its_session_still_ends() -> None:
    code = (
        "from churnobs.testing import serve\n"
        "with serve() as a:\n    s = a.session(); print(s.sql('select 1').collect()[0][0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


def test_the_password_is_checked_and_is_new_for_each_server() -> None:
    with serve() as first, serve() as second:
        assert first.account.password != second.account.password
        for wrong in ("", "x", second.account.password):
            with pytest.raises(snowflake.connector.errors.Error, match="Incorrect username or password"):
                snowflake.connector.connect(**{**first.connection(), "password": wrong or " "})


def test_it_listens_on_loopback_only(snowflake_account) -> None:
    assert snowflake_account._server._server.server_address[0] == "127.0.0.1"


def test_a_request_without_a_session_is_refused(snowflake_account) -> None:
    url = f"http://127.0.0.1:{snowflake_account.connection()['port']}/queries/v1/query-request"
    request = urllib.request.Request(url, data=b'{"sqlText": "select 1"}', method="POST")
    with urllib.request.urlopen(request) as answer:
        assert b'"390104"' in answer.read()


def test_two_accounts_know_nothing_of_each_other() -> None:
    with serve() as first, serve() as second:
        one, two = first.session(), second.session()
        one.sql("CREATE TABLE t AS SELECT 1 AS a").collect()
        two.sql("CREATE TABLE t AS SELECT 2 AS a").collect()
        assert one.table("t").collect()[0][0] == 1
        assert two.table("t").collect()[0][0] == 2


def test_sessions_share_tables_but_not_temporary_ones_nor_their_current_schema(snowflake_account) -> None:
    one, two = (snowflake_account.session(database="SHARED") for _ in range(2))
    one.sql("CREATE OR REPLACE TABLE t AS SELECT 1 AS a").collect()
    one.sql("CREATE TEMPORARY TABLE t AS SELECT 2 AS a").collect()
    one.sql("CREATE SCHEMA IF NOT EXISTS other").collect()
    assert one.sql("SELECT a FROM shared.public.t").collect()[0][0] == 2
    assert two.sql("SELECT a FROM t").collect()[0][0] == 1
    assert (one.get_current_schema(), two.get_current_schema()) == ('"OTHER"', '"PUBLIC"')
    one.close()
    assert two.sql("SHOW TABLES LIKE 't'").collect()[0]["kind"] == "TABLE"
    two.close()


def test_the_connector_alone_works_and_threads_may_share_a_session(snowflake_account) -> None:
    with snowflake.connector.connect(**snowflake_account.connection(database="THREADS")) as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE t (a INT)")
        threads = [
            threading.Thread(target=lambda n=n: connection.cursor().execute("INSERT INTO t VALUES (%s)", (n,)))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert connection.cursor().execute("SELECT COUNT(*), SUM(a) FROM t").fetchone() == (8, 28)


def test_duckdb_reaches_no_file_outside_the_account(fails, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    for text in (
        "SELECT * FROM read_csv('/etc/passwd')",
        f"SELECT * FROM read_text('{tmp_path}/x.csv')",
        f"SELECT * FROM '{tmp_path}/x.csv'",
    ):
        number, message = fails(text)
        assert number in (3001, 2003, 2), message
        assert "root:" not in message
    for text in (f"ATTACH '{tmp_path}/x.db' AS x", "INSTALL httpfs", f"COPY (SELECT 1) TO '{tmp_path}/out.csv'"):
        fails(text)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "../x", "a/../../x"])
def test_a_stage_path_cannot_leave_its_stage(sql, fails, path: str) -> None:
    sql("CREATE OR REPLACE STAGE s")
    for text in (
        f"LIST @s/{path}",
        f"REMOVE @s/{path}",
        f"PUT 'file:///etc/hostname' '@s/{path}'",
        f"SELECT $1 FROM @s/{path}",
    ):
        assert "leaves its stage" in fails(text)[1]


def test_file_urls_are_signed_and_expire(snowflake_account, sql, snowflake_session, tmp_path: Path) -> None:
    sql("CREATE OR REPLACE STAGE s")
    (tmp_path / "h.txt").write_text("hello")
    snowflake_session.file.put(str(tmp_path / "h.txt"), "@s", auto_compress=False)
    ((url,),) = sql("SELECT GET_PRESIGNED_URL(@s, 'h.txt', 60)")
    assert urllib.request.urlopen(url).read() == b"hello"
    for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("until=", "until=9"), url.partition("?")[0]):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(wrong)
    ((old,),) = sql("SELECT GET_PRESIGNED_URL(@s, 'h.txt', -1)")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(old)


def test_the_trace_says_who_answered_and_how_long_it_took() -> None:
    heard = []
    with offline_account(trace=heard.append) as session:
        session.sql("SHOW TABLES").collect()
        session.sql("SELECT 1 AS a").collect()
    by_text = {s.text: s for s in heard}
    assert by_text["SHOW TABLES"].answered_by == "extension"
    assert by_text["SELECT 1 AS a"].answered_by == "fakesnow"
    assert by_text["SELECT 1 AS a"].columns == ("A",)
    assert all(0 <= s.seconds < 5 for s in heard)


def test_importing_the_package_loads_no_engine() -> None:
    code = "import sys, churnobs.testing, churnobs.testing.pytest_plugin; assert not {'duckdb', 'fakesnow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_autocommit_off_needs_a_commit(snowflake_account) -> None:
    parameters = snowflake_account.connection(database="AUTO")
    with (
        snowflake.connector.connect(**parameters) as one,
        snowflake.connector.connect(**parameters, autocommit=False) as two,
    ):
        one.cursor().execute("CREATE OR REPLACE TABLE t (a INT)")
        two.cursor().execute("INSERT INTO t VALUES (1)")
        assert one.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
        two.rollback()
        two.cursor().execute("INSERT INTO t VALUES (2)")
        two.commit()
        assert one.cursor().execute("SELECT a FROM t").fetchall() == [(2,)]


def test_what_cannot_be_emulated_at_login_is_refused(snowflake_account) -> None:
    parameters = snowflake_account.connection()
    parameters["session_parameters"] = {"TIMEZONE": "Europe/Madrid"}
    with pytest.raises(snowflake.connector.errors.Error, match=r"offline account: .*TIMEZONE"):
        snowflake.connector.connect(**parameters)
