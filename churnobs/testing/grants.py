"""Privileges that are denied by configuration: statements that need them fail as they do without the grant."""

from __future__ import annotations

from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser, words
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.session import Session
from churnobs.testing.statements import NOISE, command

# what a role may do in its schema, beside owning what it made
SCHEMA = (
    "CREATE TABLE", "CREATE DYNAMIC TABLE", "CREATE VIEW", "CREATE STAGE", "CREATE STREAM", "CREATE TAG", "CREATE DATASET",
    "CREATE MODEL", "CREATE MODEL MONITOR", "CREATE ALERT", "CREATE TASK", "CREATE FUNCTION", "CREATE PROCEDURE",
    "CREATE FILE FORMAT", "CREATE EXPERIMENT",
)  # fmt: skip
# and in the account
ACCOUNT = ("EXECUTE ALERT", "EXECUTE TASK")
_COLUMNS = {
    "created_on": "timestamp_ltz", "privilege": "text", "granted_on": "text", "name": "text", "granted_to": "text",
    "grantee_name": "text", "grant_option": "text", "granted_by": "text",
}  # fmt: skip


def check(session: Session, text: str) -> None:
    """Refuse a statement that needs a denied privilege."""
    head = words(text)
    if head[:1] == ["CREATE"]:
        head = ["CREATE", *(word for word in head[1:] if word not in NOISE)]
    for privilege in session.account.config.denied:
        wanted = privilege.upper().split()
        # CREATE MODEL is another privilege than CREATE MODEL MONITOR
        more = head[len(wanted) : len(wanted) + 1]
        if head[: len(wanted)] == wanted and not (more and f"{privilege.upper()} {more[0]}" in SCHEMA):
            raise _refused("account 'OFFLINE'" if privilege.upper() in ACCOUNT else f"schema '{session.engine.schema}'")
        if wanted[:1] == ["EXECUTE"] and head[:2] == ["ALTER", *wanted[1:]] and "RESUME" in head:
            raise _refused("account 'OFFLINE'")


def check_runs(session: Session, kind: str) -> None:
    """Refuse to let tasks or alerts run by themselves, where the privilege for it is denied or was not granted."""
    privilege, rights = f"EXECUTE {kind}", session.account.rights
    denied = privilege in {one.upper() for one in session.account.config.denied}
    if denied or (rights.is_bound(session.role) and not rights.has(session.role, (privilege,), ("ACCOUNT",), "")):
        raise _refused("account 'OFFLINE'")


def _refused(what: str) -> SqlError:
    return SqlError(f"SQL access control error:\nInsufficient privileges to operate on {what}.", 3001, "42501")


@command("SHOW GRANTS TO ROLE", reads=True, proof=document("sql/show-grants"))
def show_grants_to_role(session: Session, parser: Parser) -> Result:
    """SHOW GRANTS TO ROLE name: what it was granted, or everything that is not denied on what the session has in use."""
    from churnobs.testing.role_commands import grants_to

    parser.expect("SHOW", "GRANTS", "TO", "ROLE")
    role = parser.part()
    parser.end()
    if (granted := grants_to(session, role)) is not None:
        return granted
    database, schema = session.engine.database, session.engine.schema
    denied = {privilege.upper() for privilege in session.account.config.denied}
    held = [("USAGE", "WAREHOUSE", name) for name in session.account.catalog.warehouses]
    held += [(p, "ACCOUNT", "OFFLINE") for p in ACCOUNT]
    if database:
        held += [("USAGE", "DATABASE", database), ("CREATE SCHEMA", "DATABASE", database)]
    if database and schema:
        held += [(p, "SCHEMA", f"{database}.{schema}") for p in ("USAGE", *SCHEMA)]
    rows = [
        (session.account.clock.now(), p, kind, name, "ROLE", role, "false", "")
        for p, kind, name in held
        if p not in denied
    ]
    return of_rows(_COLUMNS, rows)
