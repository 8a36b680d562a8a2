"""System and context functions, and RESULT_SCAN."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name
from churnobs.testing.proof import Function, Proof, client_source, document, judgement
from churnobs.testing.results import Result
from churnobs.testing.rewriting import RELATIONS, SCALARS, Rewriter, scalar, table_function
from churnobs.testing.trees import value_of

Tree = exp.Expr
Args = list[Tree]
Named = dict[str, Tree]


def context(name: str, summary: str, give: Callable[[Rewriter], Any], proof: Proof | None = None) -> None:
    """Register a function without arguments whose value the session knows; a page of its name says what it is."""
    known = proof or document(f"functions/{name.lower()}")
    SCALARS[name] = Function(lambda rewriter, _args, _named: value_of(give(rewriter)), summary, known)


MACROS = r"""
CREATE OR REPLACE MACRO memory.main._offline_sized(digits, decimals) AS 'NUMBER(' || digits || ',' || decimals || ')[SB' ||
    CASE WHEN digits <= 2 THEN 1 WHEN digits <= 4 THEN 2 WHEN digits <= 9 THEN 4 WHEN digits <= 18 THEN 8 ELSE 16 END || ']';
CREATE OR REPLACE MACRO memory.main._offline_typeof(v) AS CASE
    WHEN regexp_full_match(typeof(v), 'U?[A-Z]*INT(EGER)?') THEN memory.main._offline_sized(38, 0)
    WHEN regexp_full_match(typeof(v), 'DECIMAL\(\d+,\d+\)') THEN memory.main._offline_sized(
        TRY_CAST(regexp_extract(typeof(v), '\((\d+)', 1) AS INTEGER),
        TRY_CAST(regexp_extract(typeof(v), '(\d+)\)', 1) AS INTEGER))
    WHEN typeof(v) LIKE '%[]' THEN 'ARRAY[LOB]' WHEN typeof(v) LIKE 'STRUCT%' OR typeof(v) LIKE 'MAP%' THEN 'OBJECT[LOB]'
    ELSE CASE typeof(v) WHEN 'VARCHAR' THEN 'VARCHAR(16777216)[LOB]' WHEN 'DOUBLE' THEN 'FLOAT[DOUBLE]'
    WHEN 'FLOAT' THEN 'FLOAT[DOUBLE]'
    WHEN 'BOOLEAN' THEN 'BOOLEAN[SB1]' WHEN 'DATE' THEN 'DATE[SB4]' WHEN 'TIME' THEN 'TIME(9)[SB8]'
    WHEN 'JSON' THEN 'VARIANT[LOB]'
    WHEN 'TIMESTAMP' THEN 'TIMESTAMP_NTZ(9)[SB16]' WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_TZ(9)[SB16]'
    WHEN 'BLOB' THEN 'BINARY(8388608)[LOB]' ELSE typeof(v) END END;
"""
MADE_UP = judgement("the value is made up")
context("CURRENT_WAREHOUSE", "The warehouse in use", lambda r: r.session.warehouse)
context("CURRENT_ROLE", "The role in use", lambda r: r.session.role)
context("CURRENT_USER", "The user", lambda r: r.session.user)
context("CURRENT_ACCOUNT", "Always OFFLINE", lambda _r: "OFFLINE", MADE_UP)
context("CURRENT_ACCOUNT_NAME", "Always OFFLINE", lambda _r: "OFFLINE", MADE_UP)
context("CURRENT_ORGANIZATION_NAME", "Always CHURNOBS", lambda _r: "CHURNOBS", MADE_UP)
context("CURRENT_REGION", "Always OFFLINE", lambda _r: "OFFLINE", MADE_UP)
context("CURRENT_SESSION", "The number of the session", lambda r: r.session.id)
context("CURRENT_DATABASE", "The database in use", lambda r: r.session.engine.database)
context("CURRENT_SCHEMA", "The schema in use", lambda r: r.session.engine.schema)
context("CURRENT_VERSION", "Always 9.30.0", lambda _r: "9.30.0", MADE_UP)
context("CURRENT_CLIENT", "Always PythonConnector", lambda _r: "PythonConnector", MADE_UP)
context("CURRENT_SECONDARY_ROLES", "Always none", lambda _r: json.dumps({"roles": "", "value": ""}))
context(
    "CURRENT_TRANSACTION",
    "The number of the open transaction, or NULL",
    lambda r: r.session.shared.transaction_id if r.session.engine.in_transaction else None,
)
context("CURRENT_AVAILABLE_ROLES", "The role in use alone", lambda r: json.dumps([r.session.role]))
context("SYSTEM$CLIENT_VERSION_INFO", "Always an empty list", lambda _r: "[]", client_source("core/_root.py"))
context(
    "SYSTEM$ML_PLATFORM_CAPABILITIES",
    "Always none, which lets snowflake-ml go by stages",
    lambda _r: "{}",
    client_source("ml/_internal/platform_capabilities.py"),
)
context(
    "SYSTEM$SUPPORTED_SNOWFLAKE_ML_VERSIONS",
    "Always an empty list",
    lambda _r: "[]",
    judgement("no client of the pinned versions asks"),
)
context("SYSTEM$ARE_ANACONDA_TERMS_ACKNOWLEDGED", "Always TRUE", lambda _r: True, client_source("snowpark/session.py"))
context(
    "SYSTEM$CANCEL_ALL_QUERIES",
    "Nothing runs that could be cancelled",
    lambda _r: "0 queries cancelled",
    document("functions/system_cancel_all_queries"),
)
context(
    "SYSTEM$CANCEL_QUERY",
    "Nothing runs that could be cancelled",
    lambda _r: "query cancelled",
    document("functions/system_cancel_query"),
)


@scalar("CURRENT_SCHEMAS", proof=document("functions/current_schemas"))
def current_schemas(rewriter: Rewriter, _args: Args, _named: Named) -> Tree:
    """CURRENT_SCHEMAS()."""
    engine = rewriter.session.engine
    return value_of(json.dumps([f"{engine.database}.{engine.schema}"]))


@scalar("LAST_QUERY_ID", proof=document("functions/last_query_id"))
def last_query_id(rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """LAST_QUERY_ID([n])."""
    queries = rewriter.session.queries
    place = int(rewriter.evaluate(args[0])) if args else -1
    held = list(queries)
    at = place if place < 0 else place - 1
    return value_of(held[at] if -len(held) <= at < len(held) else None)


@table_function("RESULT_SCAN", proof=document("functions/result_scan"))
def result_scan(rewriter: Rewriter, args: Args, _named: Named) -> Result:
    """RESULT_SCAN('query id')."""
    query_id = str(rewriter.evaluate(args[0]))
    found = rewriter.session.account.result(query_id)
    if found is None or found.table is None:
        raise SqlError(f"Statement {query_id} not found", 709, "02000")
    rewriter.dynamic = True
    return found


@scalar("SYSTEM$TYPEOF", proof=document("functions/system_typeof"))
def typeof(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """SYSTEM$TYPEOF(value): its type and how it is stored; a whole number that is no literal is NUMBER(38,0)."""
    given = args[0]
    if isinstance(given, exp.Literal):
        if given.is_string:
            return value_of(f"VARCHAR({max(len(given.name), 1)})[LOB]")
        if given.name.isdigit():
            return exp.Anonymous(
                this="memory.main._offline_sized", expressions=[value_of(len(given.name)), value_of(0)]
            )
    if isinstance(given, exp.Null):
        return value_of("NULL[LOB]")
    return exp.Anonymous(this="memory.main._offline_typeof", expressions=[given.copy()])


def dual(rewriter: Rewriter, name: Name) -> pa.Table | None:
    """DUAL: one row, unless a table or view has that name."""
    from churnobs.testing.tables import has_table

    session = rewriter.session
    if name.name != "DUAL" or has_table(session, name) or session.account.catalog.views.get(name) is not None:
        return None
    return pa.table({"DUMMY": ["X"]})


RELATIONS.append(dual)


def duck(sql: str) -> Tree:
    """An expression given in DuckDB's SQL."""
    return sqlglot.parse_one(sql, read="duckdb")


@scalar("HASH_AGG", proof=document("functions/hash_agg"))
def hash_agg(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """HASH_AGG(...): one number for rows in any order; other numbers than Snowflake's."""
    is_distinct = isinstance(args[0], exp.Distinct)
    columns = [a.copy() for a in (args[0].expressions if is_distinct else args)]
    each: Tree = exp.Anonymous(this="hash", expressions=columns)
    if is_distinct:
        each = exp.Distinct(expressions=[each])
    total = duck("coalesce(CAST(sum(X) % 9223372036854775807 AS BIGINT), 0)")
    total.find(exp.Sum).set("this", each)  # type: ignore[union-attr]
    return total
