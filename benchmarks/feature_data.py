"""A DuckDB file for the benchmark of the features: 15 purchases and 2 feedbacks a customer over one year."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

import duckdb
import ibis
from ibis.backends.sql.datatypes import DuckDBType

from churnobs.expressions.features import AsOf, customer_state, recent_feedback
from churnobs.expressions.render import Query
from churnobs.tables import (
    CUSTOMER_KEYS,
    CUSTOMER_STATE,
    CUSTOMERS,
    FEEDBACK_SENTIMENT,
    RECENT_FEEDBACK,
    SALES,
    Columns,
)

# rows go on to the end of the year: whoever computes the features must leave out what is dated T or later
AS_OF: Final = dt.date(2024, 12, 1)
STATE_AS_OF: Final = dt.date(2024, 11, 1)
PURCHASES: Final = 15
FEEDBACKS: Final = 2

TABLES: Final[dict[str, Columns]] = {
    "SALES": SALES,
    "CUSTOMERS": CUSTOMERS,
    "CUSTOMER_KEYS": CUSTOMER_KEYS,
    "FEEDBACK_SENTIMENT": FEEDBACK_SENTIMENT,
    "CUSTOMER_STATE": CUSTOMER_STATE,
    "RECENT_FEEDBACK": RECENT_FEEDBACK,
}

# chance comes from hash(), so that the same number of customers always gives the same rows
_KEYS: Final = """
INSERT INTO CUSTOMER_KEYS BY NAME
SELECT (i + 1)::INTEGER AS CUSTOMER_KEY, printf('C%08d', i + 1) AS CUSTOMER_ID FROM range({customers}) AS t(i)
"""
_SALES: Final = """
INSERT INTO SALES BY NAME
SELECT
    printf('T%09d', i) AS TRANSACTION_ID, printf('C%08d', i % {customers} + 1) AS CUSTOMER_ID,
    DATE '2024-01-01' + (hash(i, 1) % 366)::INTEGER AS TRANSACTION_DATE, hash(i, 2) % 4 = 0 AS DISCOUNT_APPLIED,
    1 + hash(i, 3) % 5 AS NUM_ITEMS, ['CARD', 'CASH', 'WALLET'][(1 + hash(i, 4) % 3)::BIGINT] AS PAYMENT_METHOD,
    ((1 + hash(i, 5) % 30000)::DECIMAL(18, 2) / 100)::DECIMAL(18, 4) AS TOTAL_AMOUNT,
    (i % {customers} + 1)::INTEGER AS CUSTOMER_KEY
FROM range({customers} * {purchases}) AS t(i)
ORDER BY TRANSACTION_DATE, hash(i, 6)
"""
_FEEDBACK: Final = """
INSERT INTO FEEDBACK_SENTIMENT BY NAME
SELECT
    printf('F%09d', i) AS FEEDBACK_ID, DATE '2024-01-01' + (hash(i, 11) % 366)::INTEGER AS CHAT_DATE,
    printf('C%08d', i % {customers} + 1) AS CUSTOMER_ID, i AS INTERNAL_ID, 'It was what I hoped for.' AS COMMENT,
    CASE WHEN hash(i, 12) % 100 > 0 THEN ((hash(i, 13) % 20001)::DECIMAL(9, 0) - 10000) / 10000 END AS SENTIMENT,
    (i % {customers} + 1)::INTEGER AS CUSTOMER_KEY
FROM range({customers} * {feedbacks}) AS t(i)
ORDER BY CHAT_DATE, hash(i, 14)
"""
_CUSTOMERS: Final = """
INSERT INTO CUSTOMERS BY NAME
SELECT
    CUSTOMER_ID, CUSTOMER_KEY, 18 + hash(CUSTOMER_KEY, 21) % 60 AS AGE,
    ['BUDGET', 'PLUS', 'PREMIUM'][(1 + hash(CUSTOMER_KEY, 22) % 3)::BIGINT] AS CUSTOMER_SEGMENT,
    ['F', 'M', 'X'][(1 + hash(CUSTOMER_KEY, 23) % 3)::BIGINT] AS GENDER,
    ['North', 'East', 'South', 'West'][(1 + hash(CUSTOMER_KEY, 24) % 4)::BIGINT] AS LOCATION,
    DATE '2023-01-01' + (hash(CUSTOMER_KEY, 25) % 365)::INTEGER AS SIGNUP_DATE
FROM CUSTOMER_KEYS
"""


def build(path: Path, *, customers: int, attributes: bool) -> None:
    """Write the file, with the state of STATE_AS_OF in it; a file that is there already is kept."""
    if path.exists():
        return
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with duckdb.connect(str(partial)) as connection:
        for name, columns in TABLES.items():
            spelled = ", ".join(f"{column} {_duckdb_type(kind)}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {name} ({spelled})")
        for statement in (_KEYS, _SALES, _FEEDBACK, *([_CUSTOMERS] if attributes else [])):
            connection.execute(statement.format(customers=customers, purchases=PURCHASES, feedbacks=FEEDBACKS))
        before = AsOf.at(STATE_AS_OF)
        connection.execute(f"INSERT INTO CUSTOMER_STATE BY NAME {Query(customer_state, (before,)).sql('duckdb')}")
        connection.execute(f"INSERT INTO RECENT_FEEDBACK BY NAME {Query(recent_feedback, (before,)).sql('duckdb')}")
    partial.replace(path)


def _duckdb_type(kind: str) -> str:
    return str(DuckDBType.to_string(ibis.dtype(kind)))
