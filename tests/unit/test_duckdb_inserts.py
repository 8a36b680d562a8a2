"""Rows that a transaction adds after an INSERT of nothing are seen: DuckDB 2.0.0 hides them in large months."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

import churnobs
from churnobs.backends.duckdb.inserting import insert

ROWS = 130_000  # more than one row group, 122,880
MANY = f"SELECT 1 AS K, 'c' || i AS ID FROM range({ROWS}) AS r(i)"


@pytest.fixture
def connection(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(str(tmp_path / "rows.duckdb"), config={"threads": 2})
    made.execute("CREATE TABLE t (K INTEGER, ID VARCHAR)")
    return made


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Open a transaction and stage rows in it, as a loader does."""
    connection.execute("BEGIN")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE source AS {MANY}")


def seen(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Rows by the table's count, and by a scan: each has a 1 in K, which no statistic adds up."""
    (counted,) = connection.execute("SELECT count(*) FROM t").fetchall()[0]
    (scanned,) = connection.execute("SELECT coalesce(sum(K), 0) FROM t").fetchall()[0]
    return counted, int(scanned)


def test_the_defect_is_there(connection: duckdb.DuckDBPyConnection) -> None:
    """Where this fails, DuckDB has mended it: take ``inserting`` away."""
    begin(connection)
    connection.execute("INSERT INTO t SELECT * FROM source WHERE ID LIKE '%x'")
    connection.execute("INSERT INTO t SELECT * FROM source")
    assert seen(connection) == (ROWS, 0)
    connection.execute("COMMIT")
    assert seen(connection) == (ROWS, 0)


@pytest.mark.parametrize("before", [0, 10, ROWS])
def test_rows_after_an_insert_of_nothing_are_seen(connection: duckdb.DuckDBPyConnection, before: int) -> None:
    connection.execute(f"INSERT INTO t {MANY} LIMIT ?", [before])
    begin(connection)
    assert insert(connection, "t", "INSERT INTO t SELECT * FROM source WHERE ID LIKE '%x'") == 0
    assert insert(connection, "t", "INSERT INTO t SELECT * FROM source") == ROWS
    assert insert(connection, "t", "INSERT INTO t SELECT * FROM source WHERE ID LIKE ?", ["%x"]) == 0
    assert insert(connection, "t", "INSERT INTO t SELECT * FROM source") == ROWS
    assert seen(connection) == (before + 2 * ROWS,) * 2
    connection.execute("COMMIT")
    assert seen(connection) == (before + 2 * ROWS,) * 2
    # nothing is left of the row that came and went
    assert connection.execute("SELECT max(rowid) FROM t").fetchall() == [(before + 2 * ROWS - 1,)]


def test_a_table_with_rules_is_left_alone(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE ruled (K INTEGER NOT NULL)")
    begin(connection)
    assert insert(connection, "ruled", "INSERT INTO ruled SELECT K FROM source WHERE ID LIKE '%x'") == 0
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM ruled").fetchall() == [(0,)]


def test_a_large_month_whose_buyers_are_all_known(tmp_path: Path) -> None:
    """Customers are loaded in one transaction with sales, which bring nobody new: each gets one key."""
    buyers, everybody = ([f"C{i:07d}" for i in range(rows)] for rows in (ROWS, 2 * ROWS))
    files: dict[str, dict[str, Any]] = {
        f"sales_2024_{month}.csv": {
            "TRANSACTION_ID": [f"T{month}{i:06d}" for i in range(ROWS)], "CUSTOMER_ID": buyers,
            "TRANSACTION_DATE": [f"2024-0{month}-05"] * ROWS, "DISCOUNT_APPLIED": [False] * ROWS,
            "NUM_ITEMS": [1] * ROWS, "PAYMENT_METHOD": ["CARD"] * ROWS, "TOTAL_AMOUNT": [1.0] * ROWS,
        }
        for month in (1, 2)
    }  # fmt: skip
    files["customers_2024_2.csv"] = {
        "CUSTOMER_ID": everybody, "AGE": [30] * 2 * ROWS, "CUSTOMER_SEGMENT": ["A"] * 2 * ROWS, "GENDER": ["F"] * 2 * ROWS,
        "LOCATION": ["X"] * 2 * ROWS, "SIGNUP_DATE": ["2024-02-01"] * 2 * ROWS,
    }  # fmt: skip
    for name, columns in files.items():
        pa_csv.write_csv(pa.table(columns), tmp_path / name)
    with churnobs.connect(f"duckdb:{tmp_path / 'large.duckdb'}", threads=2) as workspace:
        workspace.lifecycle(source=tmp_path).run()
        keys = workspace.sql("SELECT COUNT(DISTINCT CUSTOMER_ID) AS IDS, MAX(CUSTOMER_KEY) AS LAST FROM CUSTOMER_KEYS")
        assert tuple(keys.collect()[0].values()) == (2 * ROWS, 2 * ROWS)
        of_customers = workspace.sql("SELECT COUNT(DISTINCT CUSTOMER_KEY) AS N FROM CUSTOMERS").collect()
        assert of_customers[0]["N"] == 2 * ROWS
