"""System and context functions, and RESULT_SCAN."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp

from churnobs.testing.failures import SqlError
from churnobs.testing.results import Result
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar, table_function
from churnobs.testing.trees import value_of

Tree = exp.Expr
Args = list[Tree]
Named = dict[str, Tree]


def context(name: str, give: Callable[[Rewriter], Any]) -> None:
    """Register a function without arguments whose value the session knows."""
    SCALARS[name] = lambda rewriter, _args, _named: value_of(give(rewriter))


context("CURRENT_WAREHOUSE", lambda r: r.session.warehouse)
context("CURRENT_ROLE", lambda r: r.session.role)
context("CURRENT_USER", lambda r: r.session.user)
context("CURRENT_ACCOUNT", lambda _r: "OFFLINE")
context("CURRENT_ACCOUNT_NAME", lambda _r: "OFFLINE")
context("CURRENT_ORGANIZATION_NAME", lambda _r: "CHURNOBS")
context("CURRENT_REGION", lambda _r: "OFFLINE")
context("CURRENT_SESSION", lambda r: r.session.id)
context("CURRENT_DATABASE", lambda r: r.session.engine.database)
context("CURRENT_SCHEMA", lambda r: r.session.engine.schema)
context("CURRENT_VERSION", lambda _r: "9.30.0")
context("CURRENT_CLIENT", lambda _r: "PythonConnector")
context("CURRENT_SECONDARY_ROLES", lambda _r: json.dumps({"roles": "", "value": ""}))
context("CURRENT_TRANSACTION", lambda r: r.session.shared.transaction_id if r.session.engine.in_transaction else None)
context("CURRENT_AVAILABLE_ROLES", lambda r: json.dumps([r.session.role]))
context("SYSTEM$CLIENT_VERSION_INFO", lambda _r: "[]")
context("SYSTEM$ML_PLATFORM_CAPABILITIES", lambda _r: "{}")
context("SYSTEM$SUPPORTED_SNOWFLAKE_ML_VERSIONS", lambda _r: "[]")
context("SYSTEM$ARE_ANACONDA_TERMS_ACKNOWLEDGED", lambda _r: True)
context("SYSTEM$CANCEL_ALL_QUERIES", lambda _r: "0 queries cancelled")
context("SYSTEM$CANCEL_QUERY", lambda _r: "query cancelled")


@scalar("CURRENT_SCHEMAS")
def current_schemas(rewriter: Rewriter, _args: Args, _named: Named) -> Tree:
    """CURRENT_SCHEMAS()."""
    engine = rewriter.session.engine
    return value_of(json.dumps([f"{engine.database}.{engine.schema}"]))


@scalar("LAST_QUERY_ID")
def last_query_id(rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """LAST_QUERY_ID([n])."""
    queries = rewriter.session.queries
    place = int(rewriter.evaluate(args[0])) if args else -1
    held = list(queries)
    at = place if place < 0 else place - 1
    return value_of(held[at] if -len(held) <= at < len(held) else None)


@table_function("RESULT_SCAN")
def result_scan(rewriter: Rewriter, args: Args, _named: Named) -> Result:
    """RESULT_SCAN('query id')."""
    query_id = str(rewriter.evaluate(args[0]))
    found = rewriter.session.account.result(query_id)
    if found is None or found.table is None:
        raise SqlError(f"Statement {query_id} not found", 709, "02000")
    rewriter.dynamic = True
    return found


@scalar("UUID_STRING")
def uuid_string(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """UUID_STRING()."""
    if args:
        return value_of(str(uuid.uuid5(uuid.UUID(args[0].name), args[1].name)))
    return exp.cast(exp.func("UUID"), "TEXT")


@scalar("SYSTEM$TYPEOF")
def typeof(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """SYSTEM$TYPEOF: DuckDB's name of the type in Snowflake's spelling, as far as it maps."""
    inner = exp.Anonymous(this="typeof", expressions=[args[0].copy()])
    spelled = {
        "BIGINT": "NUMBER(38,0)[SB16]",
        "VARCHAR": "VARCHAR(16777216)[LOB]",
        "DOUBLE": "FLOAT[DOUBLE]",
        "BOOLEAN": "BOOLEAN[SB1]",
    }
    ifs = [exp.If(this=exp.EQ(this=inner.copy(), expression=value_of(k)), true=value_of(v)) for k, v in spelled.items()]
    return exp.Case(ifs=ifs, default=inner)


def duck(sql: str) -> Tree:
    """An expression given in DuckDB's SQL."""
    return sqlglot.parse_one(sql, read="duckdb")


@scalar("HASH_AGG")
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
