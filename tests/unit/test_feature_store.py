"""How a query is clipped to what was known at an as-of, as text in both dialects."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from churnobs import BadConfig
from churnobs.expressions.render import clip, with_named
from churnobs.tables import CLOCKS

MAY = dt.date(2024, 5, 1)
SEEN = '(SELECT * FROM SALES WHERE "TRANSACTION_DATE" IS NULL OR "TRANSACTION_DATE" < CAST(\'2024-05-01\' AS DATE))'


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
@pytest.mark.parametrize(
    ("sql", "clipped"),
    [
        ("SELECT * FROM SALES", f"SELECT * FROM {SEEN} AS SALES"),
        ("SELECT S.X FROM SALES AS S", f"SELECT S.X FROM {SEEN} AS S"),
        ("SELECT * FROM SALES AS S(A, B)", f"SELECT * FROM {SEEN} AS S(A, B)"),
        ("SELECT * FROM SALES, CUSTOMER_KEYS", f"SELECT * FROM {SEEN} AS SALES, CUSTOMER_KEYS"),
        ("WITH SALES AS (SELECT * FROM SALES) SELECT * FROM SALES",
         f"WITH SALES AS (SELECT * FROM {SEEN} AS SALES) SELECT * FROM SALES"),
        ("WITH A AS (SELECT * FROM SALES), B AS (SELECT * FROM A) SELECT * FROM B, A",
         f"WITH A AS (SELECT * FROM {SEEN} AS SALES), B AS (SELECT * FROM A) SELECT * FROM B, A"),
        ("WITH RECURSIVE SALES AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM SALES) SELECT * FROM SALES",
         "WITH RECURSIVE SALES AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM SALES) SELECT * FROM SALES"),
        ("SELECT * FROM SALES, (WITH SALES AS (SELECT 1) SELECT * FROM SALES) AS X",
         f"SELECT * FROM {SEEN} AS SALES, (WITH SALES AS (SELECT 1) SELECT * FROM SALES) AS X"),
        ("SELECT 1 WHERE 1 IN (SELECT 2 FROM SALES)", f"SELECT 1 WHERE 1 IN (SELECT 2 FROM {SEEN} AS SALES)"),
        ("SELECT 1 FROM LABELS",
         "SELECT 1 FROM (SELECT * FROM LABELS WHERE \"KNOWN_AT\" IS NULL OR \"KNOWN_AT\" <= CAST('2024-05-01' AS TIMESTAMP)) AS LABELS"),
    ],
)  # fmt: skip
def test_each_table_holds_only_what_was_known(sql: str, clipped: str, dialect: Any) -> None:
    found = clip(sql, dialect, CLOCKS, MAY)
    assert found.replace("TIMESTAMPNTZ", "TIMESTAMP") == clipped


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM WEB", r'reads WEB.*sources=\{"WEB": "ITS_DATE_COLUMN"\}'),
        ("WITH A AS (SELECT * FROM B), B AS (SELECT 1) SELECT * FROM B", "reads B,"),
        ("SELECT * FROM (WITH WEB AS (SELECT 1) SELECT * FROM WEB) AS X, WEB", "reads WEB"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("DELETE FROM SALES", "one SELECT"),
        ("SELECT FROM WHERE (", "is not SQL"),
    ],
)
def test_what_cannot_be_dated_is_refused(sql: str, words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        clip(sql, "duckdb", CLOCKS, MAY)


def test_named_queries_come_before_those_of_the_expression() -> None:
    own = "WITH A AS (SELECT 1 AS X) SELECT * FROM A"
    assert with_named("SELECT * FROM ROWS", {"ROWS": own}) == f'WITH "ROWS" AS ({own})\nSELECT * FROM ROWS'
    assert with_named("WITH B AS (SELECT 2) SELECT * FROM B", {"ROWS": own}).startswith(f'WITH "ROWS" AS ({own}), B AS')
