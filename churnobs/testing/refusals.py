"""Kinds of object that cannot be made here: each is refused with what to do instead, and there is never one to drop.

Functions that are known and not emulated are refused likewise, so that they are not taken for misspelt ones.
"""

from __future__ import annotations

from churnobs.testing.failures import missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import Function, judgement
from churnobs.testing.results import Result
from churnobs.testing.rewriting import SCALARS, Rewriter
from churnobs.testing.session import Session
from churnobs.testing.statements import COMMANDS, command, dropped, refuse
from churnobs.testing.trees import Tree

LOAD, LOCAL, ONE, OPEN = "load with COPY INTO", "run it locally", "use one account", "leave policies out"
PLAIN, WAREHOUSE = "use an ordinary table", "run the model in the warehouse: MODEL(...)!PREDICT(...)"
# the kind, and what to do without it; CREATE, ALTER and DESCRIBE of each are refused
KINDS = {
    "PIPE": LOAD, "SERVICE": WAREHOUSE, "COMPUTE POOL": WAREHOUSE, "IMAGE REPOSITORY": WAREHOUSE, "GATEWAY": WAREHOUSE,
    "MASKING POLICY": OPEN, "ROW ACCESS POLICY": OPEN, "AGGREGATION POLICY": OPEN, "PROJECTION POLICY": OPEN, "JOIN POLICY": OPEN,
    "PASSWORD POLICY": OPEN, "SESSION POLICY": OPEN, "AUTHENTICATION POLICY": OPEN, "NETWORK POLICY": OPEN,
    "PACKAGES POLICY": OPEN,
    "PRIVACY POLICY": OPEN, "STORAGE LIFECYCLE POLICY": OPEN, "BACKUP POLICY": OPEN, "FEATURE POLICY": OPEN,
    "NETWORK RULE": "the code runs in this process", "SECRET": "the code runs in this process: read its environment",
    "STORAGE INTEGRATION": "map the stage's URL to a folder: offline_account(external_stages=...)",
    "API INTEGRATION": "the code runs in this process", "SECURITY INTEGRATION": "log in with account.connection()",
    "CATALOG INTEGRATION": PLAIN, "EXTERNAL ACCESS INTEGRATION": "the code runs in this process",
    "EXTERNAL VOLUME": PLAIN, "EXTERNAL TABLE": "read the stage directly, or COPY INTO a table", "ICEBERG TABLE": PLAIN,
    "HYBRID TABLE": PLAIN, "EVENT TABLE": PLAIN, "INTERACTIVE TABLE": PLAIN, "MATERIALIZED VIEW": "use CREATE VIEW",
    "SEMANTIC VIEW": "use CREATE VIEW", "ONLINE FEATURE TABLE": "read the feature view's offline store",
    "SHARE": ONE, "LISTING": ONE, "ORGANIZATION LISTING": ONE, "REPLICATION GROUP": ONE, "FAILOVER GROUP": ONE, "CONNECTION": ONE,
    "ACCOUNT": ONE, "MANAGED ACCOUNT": ONE, "APPLICATION": ONE, "APPLICATION PACKAGE": ONE, "APPLICATION ROLE": "use CREATE ROLE",
    "DATABASE ROLE": "use CREATE ROLE", "USER": "grant to roles: the account has one user", "PROFILE": ONE, "CONTACT": ONE,
    "NOTEBOOK": LOCAL, "STREAMLIT": LOCAL, "GIT REPOSITORY": "PUT the files into a stage", "WORKSPACE": LOCAL,
    "DBT PROJECT": LOCAL,
    "RESOURCE MONITOR": "leave it out: nothing is charged here", "BACKUP SET": "use CREATE TABLE ... CLONE",
    "SNAPSHOT SET": "use CREATE TABLE ... CLONE", "SNAPSHOT": "use CREATE TABLE ... CLONE",
    "DATA METRIC FUNCTION": "query the rows in a task or an alert", "EXTERNAL FUNCTION": "use a Python function",
    "CORTEX SEARCH SERVICE": "search with a Python function", "CORTEX AGENT": LOCAL, "AGENT": LOCAL, "MCP SERVER": LOCAL,
    "ARTIFACT REPOSITORY": "packages are those of this process", "TYPE": "use the type itself",
}  # fmt: skip
# other statements
STATEMENTS = {
    "CREATE ALTER": "CREATE OR REPLACE it, or ALTER it", "COPY FILES": "PUT the files where they are needed",
    "EXECUTE NOTEBOOK": LOCAL, "EXECUTE JOB SERVICE": WAREHOUSE, "EXECUTE DBT PROJECT": LOCAL, "EXECUTE SERVICE": WAREHOUSE,
    "CREATE SNOWFLAKE . ML .": "fit a model and log it", "CREATE SNOWFLAKE . CORE .": "leave it out: nothing is charged here",
    "LOCK TABLE": "use a transaction", "ALTER ACCOUNT": "set it for the session",
}  # fmt: skip
_TYPED = "a VARIANT keeps a date or bytes as a text here: cast it, v::DATE"
_SKETCH = "aggregate the rows themselves"
_XML = "parse it in a Python function"
FUNCTIONS = {
    "GET_DDL": "keep the statement that made it", "VALIDATE": "read COPY INTO's own answer",
    "SYSTEM$CLUSTERING_INFORMATION": "nothing is clustered here", "SYSTEM$CLUSTERING_DEPTH": "nothing is clustered here",
    "SYSTEM$PIPE_STATUS": LOAD, "SYSTEM$EXPLAIN_PLAN_JSON": "use EXPLAIN USING TEXT",
    "SYSTEM$EXPLAIN_JSON_TO_TEXT": "use EXPLAIN USING TEXT",
    "SYSTEM$REFERENCE": "give the name", "SYSTEM$GET_PREDECESSOR_RETURN_VALUE_OF": "use SYSTEM$GET_PREDECESSOR_RETURN_VALUE",
    **dict.fromkeys(("NULL_COUNT", "NULL_PERCENT", "DUPLICATE_COUNT", "UNIQUE_COUNT", "FRESHNESS", "ROW_COUNT", "BLANK_COUNT"),
                    "query the rows"),
    "TOP_INSIGHTS": "compare the groups in a query",
    **dict.fromkeys(("IS_DATE", "IS_DATE_VALUE", "IS_TIME", "IS_BINARY", "IS_TIMESTAMP_LTZ", "IS_TIMESTAMP_NTZ",
                     "IS_TIMESTAMP_TZ",
                     "AS_DATE", "AS_TIME", "AS_BINARY", "AS_TIMESTAMP_LTZ", "AS_TIMESTAMP_NTZ", "AS_TIMESTAMP_TZ"), _TYPED),
    **dict.fromkeys(("PARSE_XML", "XMLGET", "CHECK_XML", "TO_XML"), _XML),
    **dict.fromkeys(("APPROX_TOP_K_ESTIMATE",
                     "APPROX_TOP_K_ACCUMULATE", "HLL_ACCUMULATE", "HLL_COMBINE", "HLL_ESTIMATE", "HLL_EXPORT", "HLL_IMPORT",
                     "MINHASH", "MINHASH_COMBINE", "APPROXIMATE_SIMILARITY"), _SKETCH),
    "TO_DECFLOAT": "use NUMBER or FLOAT", "COLLATE": "compare UPPER of both", "COLLATION": "compare UPPER of both",
    "AI_COUNT_TOKENS": "count them in a Python function", "AI_REDACT": "redact in a Python function",
    "GET_STAGE_LOCATION": "use DESCRIBE STAGE", "ENCRYPT": "encrypt in a Python function",
    "DECRYPT": "decrypt in a Python function",
    **dict.fromkeys(("TO_GEOGRAPHY", "TO_GEOMETRY", "ST_MAKEPOINT", "ST_POINT", "ST_DISTANCE"), "compute with HAVERSINE"),
}  # fmt: skip


@command(
    "DROP ONLINE FEATURE TABLE",
    "DROP SERVICE",
    "DROP PIPE",
    "DROP MATERIALIZED VIEW",
    proof=judgement("none of them can be made, so there is none to drop"),
)
def drop_what_cannot_be(session: Session, parser: Parser) -> Result:
    """DROP ... of kinds that cannot be made here: there is none to drop."""
    parser.expect("DROP")
    kind = []
    while (token := parser.peek()) is not None and token.upper in (
        "TABLE",
        "ONLINE",
        "FEATURE",
        "SERVICE",
        "PIPE",
        "MATERIALIZED",
        "VIEW",
    ):
        kind.append(parser.next().upper)
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    if not if_exists:
        raise missing(" ".join(kind).capitalize(), name)
    return dropped(name.name, found=False)


def _refuse_function(name: str, instead: str) -> None:
    def refused(_rewriter: Rewriter, _args: list[Tree], _named: dict[str, Tree]) -> Tree:
        raise not_supported(name, instead)

    SCALARS.setdefault(name, Function(refused, "", judgement("left out of what is emulated"), instead))


for _kind, _instead in KINDS.items():
    for _verb in ("CREATE", "ALTER", "DESCRIBE", "DESC"):
        if tuple(f"{_verb} {_kind}".split()) not in COMMANDS:
            refuse(f"{_verb} {_kind}", _instead)
for _head, _instead in STATEMENTS.items():
    refuse(_head, _instead)
for _name, _instead in FUNCTIONS.items():
    _refuse_function(_name, _instead)
