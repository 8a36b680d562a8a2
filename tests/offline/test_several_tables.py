"""INSERT ALL and INSERT FIRST through the real clients."""

from __future__ import annotations

import pytest


@pytest.fixture
def tables(sql):
    sql("CREATE TABLE small (a INT, b VARCHAR)")
    sql("CREATE TABLE large (n FLOAT, d DATE)")
    return sql


def test_rows_go_where_their_conditions_say(tables):
    counted = tables(
        "INSERT ALL WHEN t = 0 THEN INTO small (b, a) VALUES (c1, c0) WHEN t = 1 THEN INTO large (n, d) VALUES (c0, c1) "
        "SELECT column1 AS t, column2 AS c0, column3 AS c1 FROM VALUES (0, '1', 'x'), (1, '0.1', '2024-02-29'), (0, '2', NULL)"
    )
    assert counted == [(2, 1)]
    assert sorted(tables("SELECT * FROM small")) == [(1, "x"), (2, None)]
    ((n, d),) = tables("SELECT * FROM large")
    assert (n, str(d)) == (0.1, "2024-02-29")


def test_without_conditions_every_table_gets_every_row(tables):
    tables(
        "INSERT ALL INTO small (a) VALUES (n) INTO large (n) VALUES (n + 0.5) SELECT column1 AS n FROM VALUES (1), (2)"
    )
    assert sorted(tables("SELECT a FROM small")) == [(1,), (2,)]
    assert sorted(tables("SELECT n FROM large")) == [(1.5,), (2.5,)]


def test_first_stops_at_the_first_condition_that_holds(tables):
    tables(
        "INSERT FIRST WHEN n > 1 THEN INTO small (a) VALUES (n) WHEN n > 0 THEN INTO large (n) VALUES (n) "
        "SELECT column1 AS n FROM VALUES (1), (2), (NULL)"
    )
    assert tables("SELECT a FROM small") == [(2,)]
    assert tables("SELECT n FROM large") == [(1.0,)]


def test_else_takes_what_no_condition_took(tables):
    tables(
        "INSERT ALL WHEN n > 1 THEN INTO small (a) VALUES (n) ELSE INTO large (n) VALUES (n) "
        "SELECT column1 AS n FROM VALUES (1), (2), (NULL)"
    )
    assert tables("SELECT a FROM small") == [(2,)]
    assert sorted(tables("SELECT COALESCE(n, -1) FROM large")) == [(-1.0,), (1.0,)]


def test_the_query_is_run_once_and_all_or_nothing_is_kept(tables, fails):
    tables("INSERT INTO small VALUES (1, 'x')")
    tables("INSERT ALL INTO small (a) VALUES (a) INTO small (a) VALUES (a + 10) SELECT a FROM small")
    assert sorted(tables("SELECT a FROM small")) == [(1,), (1,), (11,)]
    fails("INSERT ALL INTO small (a) VALUES (a) INTO large (d) VALUES ('no date') SELECT a FROM small")
    assert len(tables("SELECT a FROM small")) == 3
    assert tables("SELECT * FROM large") == []
