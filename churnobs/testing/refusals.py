"""Kinds of object that cannot be made here: each is refused with what to do instead, and there is never one to drop."""

from __future__ import annotations

from churnobs.testing.failures import missing
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import judgement
from churnobs.testing.results import Result
from churnobs.testing.session import Session
from churnobs.testing.statements import command, dropped, refuse


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


for _head, _instead in {
    "CREATE ALTER": "CREATE OR REPLACE it, or ALTER it",
    "DESC ARTIFACT REPOSITORY": "packages are those of this process",
    "DESCRIBE ARTIFACT REPOSITORY": "packages are those of this process",
    "CREATE PIPE": "load with COPY INTO",
    "CREATE SERVICE": "run the model in the warehouse: MODEL(...)!PREDICT(...)",
    "CREATE COMPUTE POOL": "run the model in the warehouse",
    "CREATE MASKING POLICY": "leave policies out",
    "CREATE ROW ACCESS POLICY": "leave policies out",
    "CREATE MATERIALIZED VIEW": "use CREATE VIEW",
    "CREATE ONLINE FEATURE TABLE": "read the feature view's offline store",
    "COPY FILES": "PUT the files where they are needed",
    "CREATE SHARE": "use one account",
    "CREATE STREAMLIT": "run streamlit locally",
    "CREATE EXTERNAL FUNCTION": "use a Python function",
}.items():
    refuse(_head, _instead)
