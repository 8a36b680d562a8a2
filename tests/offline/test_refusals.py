"""Statements of Snowflake's SQL reference: each fails with what to do instead, or gives the right rows; none is only accepted."""

from __future__ import annotations

import datetime as dt

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

REFUSED = [
    # pipes, shares, listings, applications
    "CREATE PIPE p AS COPY INTO t FROM @s",
    "ALTER PIPE p REFRESH",
    "DESCRIBE PIPE p",
    "CREATE SHARE sh",
    "ALTER SHARE sh ADD ACCOUNTS = x",
    "SHOW SHARES",
    "GRANT USAGE ON DATABASE d TO SHARE sh",
    "CREATE DATABASE d2 FROM SHARE a.b",
    "CREATE DATABASE d2 AS REPLICA OF a.b.c",
    "CREATE LISTING l AS ''",
    "CREATE ORGANIZATION LISTING ol",
    "CREATE APPLICATION app FROM APPLICATION PACKAGE ap",
    "CREATE APPLICATION PACKAGE ap",
    # policies
    "CREATE MASKING POLICY p AS (v VARCHAR) RETURNS VARCHAR -> '*'",
    "ALTER TABLE t MODIFY COLUMN b SET MASKING POLICY p",
    "CREATE TABLE u (a INT WITH MASKING POLICY p)",
    "ALTER TABLE t ADD COLUMN c VARCHAR WITH MASKING POLICY p",
    "CREATE ROW ACCESS POLICY p AS (v VARCHAR) RETURNS BOOLEAN -> TRUE",
    "CREATE TABLE u (a INT) WITH ROW ACCESS POLICY p ON (a)",
    "ALTER TABLE t ADD ROW ACCESS POLICY p ON (a)",
    "CREATE AGGREGATION POLICY p AS () RETURNS AGGREGATION_CONSTRAINT -> AGGREGATION_CONSTRAINT(MIN_GROUP_SIZE => 5)",
    "ALTER TABLE t SET AGGREGATION POLICY p",
    "CREATE PROJECTION POLICY p AS () RETURNS PROJECTION_CONSTRAINT -> PROJECTION_CONSTRAINT(ALLOW => TRUE)",
    "CREATE TABLE u (a INT WITH PROJECTION POLICY p)",
    "CREATE JOIN POLICY p AS () RETURNS JOIN_CONSTRAINT -> JOIN_CONSTRAINT(JOIN_REQUIRED => TRUE)",
    "CREATE PRIVACY POLICY p AS () RETURNS PRIVACY_BUDGET -> NO_PRIVACY_POLICY()",
    "CREATE PASSWORD POLICY p PASSWORD_MIN_LENGTH = 12",
    "CREATE SESSION POLICY p SESSION_IDLE_TIMEOUT_MINS = 30",
    "CREATE AUTHENTICATION POLICY p",
    "CREATE NETWORK POLICY p ALLOWED_IP_LIST = ('192.0.2.1')",
    "CREATE PACKAGES POLICY p LANGUAGE PYTHON",
    "CREATE STORAGE LIFECYCLE POLICY p AS (ts TIMESTAMP) RETURNS BOOLEAN -> TRUE",
    "SHOW MASKING POLICIES",
    # secrets, integrations, network rules
    "CREATE NETWORK RULE r MODE = EGRESS TYPE = HOST_PORT VALUE_LIST = ('example.com')",
    "CREATE SECRET s TYPE = GENERIC_STRING",
    "CREATE STORAGE INTEGRATION i TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE",
    "CREATE API INTEGRATION i API_PROVIDER = aws_api_gateway ENABLED = TRUE",
    "CREATE SECURITY INTEGRATION i TYPE = OAUTH ENABLED = TRUE",
    "CREATE CATALOG INTEGRATION i CATALOG_SOURCE = GLUE",
    "CREATE EXTERNAL ACCESS INTEGRATION i ALLOWED_NETWORK_RULES = (r) ENABLED = TRUE",
    # other kinds of tables and views
    "CREATE EXTERNAL TABLE e (a INT) LOCATION = @s FILE_FORMAT = (TYPE = CSV)",
    "CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = ((NAME = 'x'))",
    "CREATE ICEBERG TABLE i (a INT)",
    "CREATE DYNAMIC ICEBERG TABLE i TARGET_LAG = '1 hour' WAREHOUSE = COMPUTE_WH AS SELECT * FROM t",
    "CREATE HYBRID TABLE h (a INT PRIMARY KEY)",
    "CREATE EVENT TABLE e",
    "CREATE INTERACTIVE TABLE i CLUSTER BY (a) AS SELECT * FROM t",
    "CREATE ONLINE FEATURE TABLE o PRIMARY KEY (a) TARGET_LAG = '1 minute' WAREHOUSE = COMPUTE_WH FROM t",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
    "CREATE SECURE MATERIALIZED VIEW m AS SELECT 1 AS a",
    "CREATE SEMANTIC VIEW v TABLES (t PRIMARY KEY (a)) METRICS (t.n AS COUNT(a))",
    "SELECT * FROM SEMANTIC_VIEW(v METRICS n)",
    "CREATE TABLE u (a VARCHAR COLLATE 'en-ci')",
    "CREATE TABLE u (a VARCHAR) DEFAULT_DDL_COLLATION = 'en-ci'",
    "CREATE INDEX i ON t (a)",
    "ALTER TABLE t ADD SEARCH OPTIMIZATION",
    "ALTER TABLE t ADD SEARCH OPTIMIZATION ON EQUALITY(a)",
    "ALTER TABLE t SET DATA_METRIC_SCHEDULE = '5 MINUTE'",
    "ALTER TABLE t ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (a)",
    "CREATE DATA METRIC FUNCTION f (x TABLE(c INT)) RETURNS NUMBER AS 'SELECT COUNT(*) FROM x'",
    "SELECT SNOWFLAKE.CORE.NULL_COUNT(SELECT a FROM t)",
    "CREATE OR ALTER FUNCTION altered() RETURNS INT AS '1'",
    "CREATE SCHEMA c CLONE public",
    "CREATE SCHEMA c WITH MANAGED ACCESS",
    "CREATE DATABASE c CLONE other",
    "UNDROP SCHEMA s",
    "UNDROP DATABASE s",
    "LOCK TABLE t IN EXCLUSIVE MODE",
    # services, notebooks, applications of Streamlit, code
    "CREATE SERVICE s IN COMPUTE POOL p FROM SPECIFICATION ''",
    "ALTER SERVICE s SUSPEND",
    "SHOW SERVICES",
    "EXECUTE JOB SERVICE IN COMPUTE POOL p FROM SPECIFICATION ''",
    "CREATE COMPUTE POOL p MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS",
    "CREATE IMAGE REPOSITORY r",
    "CREATE GATEWAY g FROM SPECIFICATION ''",
    "CREATE NOTEBOOK n FROM '@s' MAIN_FILE = 'x.ipynb'",
    "EXECUTE NOTEBOOK n()",
    "CREATE STREAMLIT s ROOT_LOCATION = '@s'",
    "CREATE GIT REPOSITORY g API_INTEGRATION = i ORIGIN = 'https://example.com'",
    "CREATE DBT PROJECT d FROM '@s'",
    "CREATE EXTERNAL FUNCTION f(a INT) RETURNS INT API_INTEGRATION = i AS 'https://example.com'",
    "CREATE FUNCTION f(a FLOAT) RETURNS FLOAT LANGUAGE JAVASCRIPT AS 'return A'",
    "CREATE FUNCTION f(a FLOAT) RETURNS FLOAT LANGUAGE JAVA HANDLER = 'X.y' AS 'x'",
    "CREATE PROCEDURE f() RETURNS FLOAT LANGUAGE SCALA HANDLER = 'X.y' AS 'x'",
    "BEGIN CANCEL x; END",
    "EXECUTE IMMEDIATE FROM @s/x.sql",
    # replication, accounts, cost
    "CREATE REPLICATION GROUP g OBJECT_TYPES = DATABASES ALLOWED_ACCOUNTS = x.y",
    "CREATE FAILOVER GROUP g OBJECT_TYPES = DATABASES ALLOWED_ACCOUNTS = x.y",
    "ALTER DATABASE d ENABLE REPLICATION TO ACCOUNTS x",
    "CREATE RESOURCE MONITOR r WITH CREDIT_QUOTA = 10",
    "ALTER WAREHOUSE COMPUTE_WH SET RESOURCE_MONITOR = r",
    "CREATE SNOWFLAKE.CORE.BUDGET b()",
    "CREATE ACCOUNT a ADMIN_NAME = x",
    "ALTER ACCOUNT SET TIMEZONE = 'UTC'",
    "CREATE USER u PASSWORD = 'x'",
    "CREATE DATABASE ROLE r",
    "CREATE CONNECTION c",
    # Cortex and Snowflake's own models
    "CREATE CORTEX SEARCH SERVICE c ON b WAREHOUSE = COMPUTE_WH TARGET_LAG = '1 hour' AS SELECT b FROM t",
    "SELECT SNOWFLAKE.CORTEX.SEARCH_PREVIEW('c', '{}')",
    "SELECT SNOWFLAKE.CORTEX.TRANSLATE('a', 'en', 'de')",
    "SELECT AI_EMBED('m', 'a')",
    "CREATE AGENT a FROM SPECIFICATION ''",
    "CREATE MCP SERVER m FROM SPECIFICATION ''",
    "CREATE SNOWFLAKE.ML.FORECAST f(INPUT_DATA => TABLE(t), TIMESTAMP_COLNAME => 'TS', TARGET_COLNAME => 'A')",
    "CREATE SNOWFLAKE.ML.ANOMALY_DETECTION f(INPUT_DATA => TABLE(t), TIMESTAMP_COLNAME => 'TS', TARGET_COLNAME => 'A')",
    "CREATE SNOWFLAKE.ML.CLASSIFICATION f(INPUT_DATA => TABLE(t), TARGET_COLNAME => 'A')",
    "SELECT SNOWFLAKE.ML.TOP_INSIGHTS(1)",
    # queries
    "SELECT * FROM t CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -1)",
    "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts MEASURES COUNT(*) AS n PATTERN (up+) DEFINE up AS a > 1)",
    "SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = a - 1",
    "SELECT * FROM t SAMPLE BLOCK (10)",
    "SELECT COUNT(*) FROM TABLE(GENERATOR(TIMELIMIT => 1))",
    "SELECT a FROM t FOR UPDATE",
    "SELECT * FROM TABLE(VALIDATE(t, JOB_ID => '_last'))",
    "SELECT GET_DDL('TABLE', 't')",
    "SELECT SYSTEM$CLUSTERING_INFORMATION('t')",
    "SELECT SYSTEM$EXPLAIN_PLAN_JSON('SELECT 1')",
    "EXPLAIN SELECT 1",
    "SELECT PARSE_XML('<a/>')",
    "SELECT IS_DATE(PARSE_JSON('1'))",
    "SELECT HLL_ACCUMULATE(a) FROM t",
    "SELECT TO_GEOGRAPHY('POINT(1 1)')",
    "SELECT COLLATE('a', 'en-ci')",
    "SELECT * FROM DIRECTORY(@s)",
    "COPY FILES INTO @s FROM @s",
    "COPY INTO t FROM @s VALIDATION_MODE = RETURN_ERRORS",
    "COPY INTO @s FROM t PARTITION BY (a)",
    "SELECT * FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())",
    "SELECT * FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(POLICY_NAME => 'p'))",
    "SELECT * FROM TABLE(INFORMATION_SCHEMA.WAREHOUSE_METERING_HISTORY(CURRENT_DATE))",
    "SELECT * FROM INFORMATION_SCHEMA.APPLICABLE_ROLES",
    "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY",
    "SHOW GRANTS",
    "SELECT 1; SELECT 2",
    # DuckDB's own
    "PRAGMA database_list",
    "INSTALL httpfs",
    "COPY t TO 'x.csv'",
    "SELECT * FROM read_csv('x.csv')",
]
NEW_YEAR = dt.datetime(2024, 1, 1)
ANSWERED: list[tuple[str, list[tuple[object, ...]]]] = [
    ("SELECT a, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS r FROM t QUALIFY r = 1 ORDER BY a", [(1, 1), (2, 1)]),
    ("SELECT a, COUNT(*) FROM t GROUP BY ALL ORDER BY 1", [(1, 1), (2, 2)]),
    ("SELECT b, a FROM t ORDER BY ALL", [("x", 1), ("y", 2), ("z", 2)]),
    ("SELECT * EXCLUDE (ts) FROM t ORDER BY b", [(1, "x"), (2, "y"), (2, "z")]),
    ("SELECT * EXCLUDE ts RENAME a AS n FROM t ORDER BY b LIMIT 1", [(1, "x")]),
    ("SELECT * REPLACE (a + 1 AS a) FROM t ORDER BY b LIMIT 1", [(2, "x", NEW_YEAR)]),
    ("SELECT * ILIKE '%s' FROM t ORDER BY 1 LIMIT 1", [(NEW_YEAR,)]),
    ("SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 3))", [(0,), (1,), (2,)]),
    ("SELECT x.v FROM t, LATERAL (SELECT t.a * 2 AS v) x ORDER BY 1", [(2,), (4,), (4,)]),
    ("SELECT f.index, f.value FROM TABLE(FLATTEN(PARSE_JSON('[5, 6]'))) f", [(0, "5"), (1, "6")]),
    (
        "SELECT l.b, r.b FROM t l ASOF JOIN t r MATCH_CONDITION (l.ts > r.ts) ON l.a = r.a ORDER BY 1",
        [("x", None), ("y", None), ("z", "y")],
    ),
    (
        "SELECT l.b, r.b, a FROM t l ASOF JOIN t r MATCH_CONDITION (l.ts > r.ts) USING (a) ORDER BY 1",
        [("x", None, 1), ("y", None, 2), ("z", "y", 2)],
    ),
    (
        "SELECT * FROM (SELECT a, ts FROM t) l ASOF JOIN (SELECT a, ts AS u, b FROM t) r MATCH_CONDITION (l.ts > r.u) USING (a)"
        " WHERE b = 'y'",
        [(2, dt.datetime(2024, 1, 3), dt.datetime(2024, 1, 2), "y")],
    ),
    ("SELECT a, GROUPING(a), COUNT(*) FROM t GROUP BY ROLLUP (a) ORDER BY 2, 1", [(1, 0, 1), (2, 0, 2), (None, 1, 3)]),
    ("SELECT a, COUNT(*) FROM t GROUP BY GROUPING SETS ((a), ()) ORDER BY 1", [(1, 1), (2, 2), (None, 3)]),
    ("SELECT COUNT(*) FROM (SELECT a, b FROM t GROUP BY CUBE (a, b))", [(9,)]),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
        [(1,), (2,), (3,)],
    ),
    ("SELECT a FROM t MINUS SELECT 1", [(2,)]),
    ("SELECT TOP 2 b FROM t ORDER BY b", [("x",), ("y",)]),
    ("SELECT b FROM t ORDER BY b FETCH FIRST 1 ROW ONLY", [("x",)]),
    ("SELECT b FROM t WHERE b LIKE ANY ('x%', 'y%') ORDER BY b", [("x",), ("y",)]),
    ("SELECT b FROM t WHERE b LIKE ALL ('x%', '%x')", [("x",)]),
    ("SELECT LAG(a) IGNORE NULLS OVER (ORDER BY ts) FROM t ORDER BY ts", [(None,), (1,), (2,)]),
    ("SELECT COUNT(DISTINCT a) OVER () FROM t LIMIT 1", [(2,)]),
    (
        "SELECT SUM(a) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND CURRENT ROW) FROM t ORDER BY ts",
        [(1,), (3,), (4,)],
    ),
    ("SELECT LISTAGG(DISTINCT b, ',') WITHIN GROUP (ORDER BY b DESC) FROM t", [("z,y,x",)]),
    ("SELECT * FROM (SELECT a, b FROM t) PIVOT (COUNT(b) FOR a IN (SELECT DISTINCT a FROM t))", [(1, 2)]),
    (
        "SELECT * FROM (SELECT a, b, 1 AS n FROM t) PIVOT (MAX(n) FOR b IN ('x', 'y') DEFAULT ON NULL (0)) ORDER BY 1",
        [(1, 1, 0), (2, 0, 1)],
    ),
    ("SELECT b, n, v FROM (SELECT a, b FROM t) UNPIVOT (v FOR n IN (a)) ORDER BY 1 LIMIT 1", [("x", "A", 1)]),
    ("SELECT 1 FROM DUAL", [(1,)]),
    ("SELECT HASH(1) = HASH(1), HASH(1) = HASH(2)", [(True, False)]),
    ("SELECT COUNT(DISTINCT HASH(*)) FROM t", [(3,)]),
]


@pytest.fixture(scope="module")
def session():
    from churnobs.testing import offline_account

    with offline_account() as made:
        made.sql("CREATE DATABASE d").collect()
        made.sql("CREATE STAGE s").collect()
        made.sql("CREATE TABLE t (a INT, b VARCHAR, ts TIMESTAMP_NTZ)").collect()
        made.sql(
            "INSERT INTO t VALUES (1, 'x', '2024-01-01'), (2, 'y', '2024-01-02'), (2, 'z', '2024-01-03')"
        ).collect()
        yield made


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused_with_a_way_out(session, text: str) -> None:
    from snowflake.snowpark.exceptions import SnowparkSQLException

    with pytest.raises(SnowparkSQLException) as caught:
        session.sql(text).collect()
    message = str(caught.value)
    assert "offline account:" in message, message
    assert "is not supported; " in message
    assert int(caught.value.sql_error_code) == 2
    assert session.sql("SHOW TABLES").collect()[0]["name"] == "T"


@pytest.mark.parametrize(("text", "expected"), ANSWERED)
def test_it_is_answered(session, text: str, expected: list[tuple[object, ...]]) -> None:
    assert [tuple(row) for row in session.sql(text).collect()] == expected


def test_the_lists_are_long() -> None:
    assert len({*REFUSED, *(text for text, _ in ANSWERED)}) == len(REFUSED) + len(ANSWERED) >= 100


def test_a_misspelt_statement_is_a_syntax_error(fails) -> None:
    number, message = fails("SELEC 1")
    assert number == 1003
    assert "syntax error" in message


def test_an_unknown_function_is_named(fails) -> None:
    assert fails("SELECT no_such_function(1)")[0] == 2140
    assert fails("SELECT db.sch.no_such_function(1)")[0] == 2140


def test_unknown_columns_and_objects_are_named(sql, fails) -> None:
    sql("CREATE TABLE t (a INT)")
    assert fails("SELECT nope FROM t")[0] == 904
    assert fails("INSERT INTO nowhere VALUES (1)")[0] == 2003
    assert fails("DROP TABLE nowhere")[0] in (2003, 2043)
    assert fails("USE SCHEMA nowhere")[0] == 2043
    assert fails("USE WAREHOUSE nowhere")[0] == 2043
    sql("DROP TABLE IF EXISTS nowhere")
    sql("DROP VIEW IF EXISTS nowhere")
    sql("DROP STREAM IF EXISTS nowhere")


def test_nothing_is_lost_by_a_form_that_is_not_known(sql, fails) -> None:
    sql("CREATE TABLE t AS SELECT 1 AS a")
    for text in (
        "CREATE OR ALTER TABLE t AS SELECT 2 AS b",
        "SELECT * FROM t CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -1)",
    ):  # fmt: skip
        assert "offline account:" in fails(text)[1], text
    assert fails("INSERT INTO t (a) VALUES (5) RETURNING a")[0] == 1003
    assert sql("SELECT a FROM t") == [(1,)]
    assert [r[1] for r in sql("SHOW TABLES")] == ["T"]
