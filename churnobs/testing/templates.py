"""CREATE TABLE ... USING TEMPLATE: columns that a query tells, as INFER_SCHEMA's rows in an array of objects."""

from __future__ import annotations

import json
import re
from typing import Any

from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.names import quote
from churnobs.testing.results import Result
from churnobs.testing.session import Session
from churnobs.testing.statements import creation, run_inside

_HEAD = re.compile(r"\s*CREATE\s.*?\bTABLE\s[^()]*?\bUSING\s+TEMPLATE\s*\(", re.IGNORECASE | re.DOTALL)


def is_template(text: str) -> bool:
    """Whether a statement makes a table from a template."""
    return _HEAD.match(text) is not None


def create(session: Session, text: str, bindings: Any) -> Result:
    """CREATE [OR REPLACE] [TEMPORARY] TABLE name USING TEMPLATE (query)."""
    from churnobs.testing import queries

    parser = Parser(text, bindings if isinstance(bindings, list | tuple) else ())
    head = creation(session, parser, "TABLE")
    parser.expect("USING", "TEMPLATE")
    query = parser.group()
    parser.end()
    rows = queries.run(session, query, (), describe_only=False).rows
    found = json.loads(rows[0][0]) if len(rows) == 1 and rows[0][0] else []
    if not found:
        raise SqlError("SQL compilation error:\nThe template of USING TEMPLATE has no columns.", 1003, "42000")
    found.sort(key=lambda column: column.get("ORDER_ID", 0))
    columns = [f"{quote(c['COLUMN_NAME'])} {c['TYPE']}{'' if c.get('NULLABLE', True) else ' NOT NULL'}" for c in found]
    replace, kind = "OR REPLACE " if head.replace else "", "TEMPORARY TABLE" if head.temporary else "TABLE"
    absent = "IF NOT EXISTS " if head.if_not_exists else ""
    return run_inside(session, f"CREATE {replace}{kind} {absent}{head.name.sql} ({', '.join(columns)})")
