"""CREATE OR ALTER: what is not there is made; a table that is there gets the columns that it is said to have."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from churnobs.testing import queries
from churnobs.testing.failures import not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import quoted_if_needed
from churnobs.testing.proof import document
from churnobs.testing.results import Column, Result, status
from churnobs.testing.session import Session
from churnobs.testing.show import described
from churnobs.testing.statements import command, run_inside
from churnobs.testing.tables import has_table
from churnobs.testing.trees import folded, table_name

_OR_ALTER = re.compile(r"\bOR\s+ALTER\b", re.IGNORECASE)


def _spelled(parser: Parser, instead: str) -> str:
    return _OR_ALTER.sub(instead, parser.text, count=1)


@command("CREATE ALTER TABLE", proof=document("sql/create-or-alter"))
def table(session: Session, parser: Parser) -> Result:
    """CREATE OR ALTER TABLE: columns are added, dropped, given other types and NOT NULL; the rows stay."""
    made: Any = queries.parse(_spelled(parser, ""))
    if not isinstance(made.this, exp.Schema) or made.expression is not None:
        raise not_supported("CREATE OR ALTER TABLE without columns, or AS SELECT", "CREATE OR REPLACE it")
    name = session.resolve(table_name(made.this.this))
    if not has_table(session, name):
        return run_inside(session, _spelled(parser, ""))
    now = {column.name: column for column, _, _ in described(session, name)}
    wanted = {folded(one.this): one for one in made.this.expressions if isinstance(one, exp.ColumnDef)}
    changes = [f"DROP COLUMN {quoted_if_needed(gone)}" for gone in now if gone not in wanted]
    for column, one in wanted.items():
        kind = one.args["kind"].sql(dialect="snowflake")
        if column not in now:
            changes.append(f"ADD COLUMN {one.sql(dialect='snowflake')}")
            continue
        if _type(_of(session, kind)) != _type(now[column]):
            changes.append(f"ALTER COLUMN {quoted_if_needed(column)} SET DATA TYPE {kind}")
        if now[column].nullable == (one.find(exp.NotNullColumnConstraint) is not None):
            verb = "SET" if now[column].nullable else "DROP"
            changes.append(f"ALTER COLUMN {quoted_if_needed(column)} {verb} NOT NULL")
    for change in changes:
        run_inside(session, f"ALTER TABLE {name} {change}")
    return status(f"Table {name.name} successfully created.")


def _of(session: Session, kind: str) -> Column:
    (column,) = queries.run(session, f"SELECT CAST(NULL AS {kind}) AS V", (), describe_only=True).columns
    return column


def _type(column: Column) -> tuple[Any, ...]:
    exact = column.kind == "fixed"
    return column.kind, column.precision if exact else None, column.scale if exact else None


@command("CREATE ALTER VIEW", "CREATE ALTER FILE FORMAT", proof=document("sql/create-or-alter"))
def again(session: Session, parser: Parser) -> Result:
    """CREATE OR ALTER of a VIEW or a FILE FORMAT: it is made again."""
    return run_inside(session, _spelled(parser, "OR REPLACE"))


@command(
    "CREATE ALTER STAGE", "CREATE ALTER SCHEMA", "CREATE ALTER DATABASE", "CREATE ALTER WAREHOUSE",
    proof=document("sql/create-or-alter"),
)  # fmt: skip
def keeping(session: Session, parser: Parser) -> Result:
    """CREATE OR ALTER of a STAGE, SCHEMA, DATABASE or WAREHOUSE: what is in it stays, and its options are set."""
    parser.expect("CREATE", "OR", "ALTER")
    kind = parser.next().upper
    at = parser.peek()
    parts = parser.parts()
    options = parser.rest()
    place = at.start if at is not None else 0
    run_inside(session, f"CREATE {kind} IF NOT EXISTS {parser.text[place:]}")
    if options:
        run_inside(session, f"ALTER {kind} {'.'.join(map(quoted_if_needed, parts))} SET {options}")
    return status(f"{kind.capitalize()} {parts[-1]} successfully created.")
