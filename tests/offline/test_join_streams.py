"""Streams on views that join tables: what changed between two states of the view, row by row of the tables below."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

REFUSED = "a stream on a view that is more than columns, WHERE and inner joins of tables is not supported"


@pytest.fixture
def shop(sql):
    """Customers, their orders, and a view of the large orders with the customers' names."""
    sql("CREATE TABLE CUSTOMERS (ID INT, NAME VARCHAR)")
    sql("CREATE TABLE ORDERS (NO INT, CUSTOMER INT, AMOUNT INT)")
    sql("INSERT INTO CUSTOMERS VALUES (1, 'Ann'), (2, 'Bo')")
    sql("INSERT INTO ORDERS VALUES (10, 1, 5), (11, 2, 60), (12, 1, 70)")
    sql(
        "CREATE VIEW LARGE AS SELECT C.NAME, O.AMOUNT FROM CUSTOMERS C JOIN ORDERS O ON C.ID = O.CUSTOMER WHERE O.AMOUNT > 50"
    )
    return sql


def test_an_update_of_either_table_is_a_delete_and_an_insert_of_one_row(shop) -> None:
    shop("CREATE STREAM S ON VIEW LARGE")
    assert shop("SELECT * FROM S") == []
    shop("UPDATE CUSTOMERS SET NAME = 'Anna' WHERE ID = 1")
    shop("INSERT INTO ORDERS VALUES (13, 2, 90), (14, 2, 1)")
    shop("DELETE FROM ORDERS WHERE NO = 11")
    found = shop("SELECT NAME, AMOUNT, METADATA$ACTION, METADATA$ISUPDATE, METADATA$ROW_ID FROM S ORDER BY 1, 2, 3")
    assert [row[:4] for row in found] == [
        ("Ann", 70, "DELETE", True),
        ("Anna", 70, "INSERT", True),
        ("Bo", 60, "DELETE", False),
        ("Bo", 90, "INSERT", False),
    ]
    assert found[0][4] == found[1][4]
    assert len({row[4] for row in found}) == 3


def test_a_committed_change_of_data_consumes_it_and_a_rollback_does_not(shop) -> None:
    shop("CREATE STREAM S ON VIEW LARGE SHOW_INITIAL_ROWS = TRUE")
    shop("CREATE TABLE SINK (NAME VARCHAR, AMOUNT INT)")
    shop("BEGIN")
    shop("INSERT INTO SINK SELECT NAME, AMOUNT FROM S")
    shop("ROLLBACK")
    assert shop("SELECT SYSTEM$STREAM_HAS_DATA('S')") == [(True,)]
    shop("INSERT INTO SINK SELECT NAME, AMOUNT FROM S")
    assert sorted(shop("SELECT * FROM SINK")) == [("Ann", 70), ("Bo", 60)]
    assert shop("SELECT SYSTEM$STREAM_HAS_DATA('S')") == [(False,)]
    shop("INSERT INTO ORDERS VALUES (15, 1, 99)")
    assert shop("SELECT NAME, AMOUNT, METADATA$ACTION FROM S") == [("Ann", 99, "INSERT")]


def test_views_on_views_and_what_snowpark_writes_are_followed(snowflake_session, shop) -> None:
    orders, customers = snowflake_session.table("ORDERS"), snowflake_session.table("CUSTOMERS")
    joined = orders.join(customers, orders["CUSTOMER"] == customers["ID"], rsuffix="_C")
    joined.select("NO", "NAME", "AMOUNT").create_or_replace_view("JOINED")
    shop("CREATE VIEW OUTER_VIEW (WHO, TWICE) AS SELECT J.NAME, J.AMOUNT * 2 FROM (SELECT * FROM JOINED) J, CUSTOMERS C"
         " WHERE J.NAME = C.NAME")  # fmt: skip
    shop("CREATE STREAM S ON VIEW OUTER_VIEW")
    shop("INSERT INTO ORDERS VALUES (16, 2, 4)")
    assert shop("SELECT WHO, TWICE, METADATA$ACTION FROM S") == [("Bo", 8, "INSERT")]
    (row,) = snowflake_session.sql("SHOW STREAMS LIKE 'S'").collect()
    assert (row["source_type"], row["base_tables"].count("ORDERS"), row["base_tables"].count("CUSTOMERS")) == (
        "View",
        1,
        1,
    )


def test_it_tells_every_difference_of_two_states(sql) -> None:
    rng = np.random.default_rng(7)
    sql("CREATE TABLE L (K INT, X INT)")
    sql("CREATE TABLE R (K INT, Y INT)")
    sql("CREATE VIEW V AS SELECT L.K, L.X, R.Y FROM L INNER JOIN R ON L.K = R.K")
    sql("CREATE STREAM S ON VIEW V")
    sql("CREATE TABLE SINK (K INT, X INT, Y INT, A VARCHAR)")
    tables: dict[str, list[list[int]]] = {"L": [], "R": []}
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(5):
        for name, column in (("L", "X"), ("R", "Y")):
            rows = [[int(k), int(v)] for k, v in zip(rng.integers(0, 4, 3), rng.integers(0, 9, 3), strict=True)]
            key, value = int(rng.integers(0, 4)), int(rng.integers(0, 9))
            sql(f"INSERT INTO {name} VALUES {', '.join(str(tuple(row)) for row in rows)}")
            sql(f"UPDATE {name} SET {column} = {value} WHERE K = {key}")
            sql(f"DELETE FROM {name} WHERE {column} = {key + 1}")
            tables[name] = [
                [k, value if k == key else v] for k, v in tables[name] + rows if (value if k == key else v) != key + 1
            ]
        now = Counter((k, x, y) for k, x in tables["L"] for j, y in tables["R"] if k == j)
        sql("TRUNCATE TABLE SINK")
        sql("INSERT INTO SINK SELECT K, X, Y, METADATA$ACTION FROM S")
        found = sql("SELECT * FROM SINK")
        added = Counter(row[:3] for row in found if row[3] == "INSERT")
        gone = Counter(row[:3] for row in found if row[3] == "DELETE")
        assert added - gone == now - seen
        assert gone - added == seen - now
        seen = now


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ID, COUNT(*) AS N FROM CUSTOMERS GROUP BY ID",
        "SELECT C.ID, O.AMOUNT FROM CUSTOMERS C LEFT JOIN ORDERS O ON C.ID = O.CUSTOMER",
        "SELECT C.ID FROM CUSTOMERS C JOIN ORDERS O ON C.ID = O.CUSTOMER WHERE O.AMOUNT = (SELECT MAX(AMOUNT) FROM ORDERS)",
        "SELECT DISTINCT C.ID FROM CUSTOMERS C, ORDERS O",
        "SELECT ID FROM CUSTOMERS UNION ALL SELECT CUSTOMER FROM ORDERS",
    ],
)
def test_views_that_no_stream_can_follow_are_refused(shop, fails, query) -> None:
    shop(f"CREATE VIEW V AS {query}")
    assert REFUSED in fails("CREATE STREAM S ON VIEW V")[1]


def test_it_ends_with_its_tables_and_takes_no_rows_that_were_only_added(shop, fails) -> None:
    assert "an append-only stream on a view" in fails("CREATE STREAM S ON VIEW LARGE APPEND_ONLY = TRUE")[1]
    shop("CREATE STREAM S ON VIEW LARGE")
    shop("CREATE OR REPLACE TABLE ORDERS (NO INT, CUSTOMER INT, AMOUNT INT)")
    assert "dropped or replaced" in fails("SELECT * FROM S")[1]
