"""What a statement needs: the rights that a role which was made must have been granted before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from churnobs.testing.failures import SqlError, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, quoted_if_needed
from churnobs.testing.results import Result
from churnobs.testing.roles import RELATIONS
from churnobs.testing.session import Session
from churnobs.testing.statements import NOISE

# the kinds of object, and the shelf of those that one module alone knows
KINDS = {
    "MODEL MONITOR": "ModelMonitor", "DYNAMIC TABLE": "Dynamic table", "FILE FORMAT": "", "NOTIFICATION INTEGRATION": "",
    "TABLE": "", "VIEW": "", "STAGE": "", "STREAM": "Stream", "TASK": "Task", "ALERT": "Alert", "TAG": "", "DATASET": "Dataset",
    "MODEL": "Model", "FUNCTION": "Function", "PROCEDURE": "Procedure", "EXPERIMENT": "Experiment", "SEQUENCE": "",
    "SCHEMA": "", "DATABASE": "", "WAREHOUSE": "", "INTEGRATION": "", "ROLE": "", "USER": "",
}  # fmt: skip
_OF_ACCOUNT = frozenset({"DATABASE", "WAREHOUSE", "INTEGRATION", "NOTIFICATION INTEGRATION", "ROLE", "USER"})
# what others than the owner may do with ALTER, by the word that follows the name
_ALTERS = {
    ("TASK", "RESUME"): "OPERATE", ("TASK", "SUSPEND"): "OPERATE", ("ALERT", "RESUME"): "OPERATE",
    ("ALERT", "SUSPEND"): "OPERATE", ("DYNAMIC TABLE", "REFRESH"): "OPERATE", ("DYNAMIC TABLE", "SUSPEND"): "OPERATE",
    ("DYNAMIC TABLE", "RESUME"): "OPERATE", ("WAREHOUSE", "RESUME"): "OPERATE", ("WAREHOUSE", "SUSPEND"): "OPERATE",
    ("WAREHOUSE", "SET"): "MODIFY",
}  # fmt: skip


def read_kind(parser: Parser, *, plural: bool = False) -> str:
    """Take the words of a kind of object."""
    for kind in KINDS:
        words = f"{kind}S" if plural else kind
        if parser.accept(*words.split()):
            return "INTEGRATION" if kind.endswith("INTEGRATION") else kind
    from churnobs.testing.refusals import KINDS as ABSENT

    for kind in sorted(ABSENT, key=len, reverse=True):
        if parser.accept(*(f"{kind}S" if plural else kind).split()):
            raise not_supported(f"a grant on a {kind}", f"leave it out: none can be made here ({ABSENT[kind]})")
    raise parser.wrong("expected a kind of object, got")


def key_of(session: Session, kind: str, parts: tuple[str, ...]) -> str:
    """The full name under which grants on an object are kept."""
    if kind in _OF_ACCOUNT:
        return quoted_if_needed(parts[-1])
    if kind == "SCHEMA":
        database = parts[0] if len(parts) == 2 else session.engine.database or ""
        return f"{quoted_if_needed(database)}.{quoted_if_needed(parts[-1])}"
    return str(session.resolve(parts))


def refused(kind: str, name: str) -> SqlError:
    """The error of a right that is missing on an object that is seen."""
    told = name.rpartition(".")[2].strip('"')
    return SqlError(
        f"SQL access control error:\nInsufficient privileges to operate on {kind.lower()} '{told}'.", 3001, "42501"
    )


def need(session: Session, privileges: tuple[str, ...], kinds: tuple[str, ...], name: Name) -> None:
    """Fail unless the session's role has one of the privileges on an object in a schema, and may use the places it lies in.

    Raises:
        SqlError: the object is not seen, or seen and not open to this.
    """
    rights, role = session.account.rights, session.role
    if not rights.is_bound(role) or any((kind, str(name)) in session.shared.own for kind in kinds):
        return
    schema = f"{quoted_if_needed(name.database)}.{quoted_if_needed(name.schema)}"
    opens = rights.has(role, ("USAGE",), ("DATABASE",), quoted_if_needed(name.database)) and rights.has(
        role, ("USAGE",), ("SCHEMA",), schema
    )
    if not opens or not rights.has_any(role, kinds, str(name)):
        raise missing("Object" if kinds[0] in RELATIONS else kinds[0].capitalize(), name)
    if not rights.has(role, privileges, kinds, str(name)):
        raise refused(kinds[0], str(name))


def may_work(session: Session) -> bool:
    """Whether the session has a warehouse in use that its role may use."""
    if session.warehouse is None or not session.account.rights.is_bound(session.role):
        return session.warehouse is not None
    if session.warehouse == "SERVERLESS":
        return True
    return session.account.rights.has(session.role, ("USAGE",), ("WAREHOUSE",), quoted_if_needed(session.warehouse))


@contextmanager
def as_owner(session: Session) -> Iterator[None]:
    """Read with the rights of whoever made what is asked, and not with those of the role that asks."""
    role, session.role = session.role, "ACCOUNTADMIN"
    try:
        yield
    finally:
        session.role = role


def check(session: Session, text: str, bindings: Sequence[Any] = ()) -> tuple[str, str, str] | None:
    """Refuse a definition that the role has no right to; what it makes or drops, for the grants on it."""
    parser = Parser(text, bindings)
    verb = parser.accept_any("CREATE", "ALTER", "DROP", "EXECUTE", "TRUNCATE")
    if verb is None:
        return None
    replace = temporary = False
    while (
        verb == "CREATE" and (token := parser.peek()) is not None and (token.upper in NOISE or token.upper == "ALTER")
    ):
        parser.at += 1
        replace |= token.upper in ("REPLACE", "ALTER")
        temporary |= token.upper in ("TEMP", "TEMPORARY", "VOLATILE")
    if (token := parser.peek()) is None or token.upper in ("SESSION", "IMMEDIATE"):
        return None
    try:
        kind = read_kind(parser)
    except SqlError:
        return None
    parser.accept("IF", "NOT", "EXISTS")
    parser.accept("IF", "EXISTS")
    if kind in ("ROLE", "USER") or parser.peek() is None:
        return None
    parts = parser.parts()
    name = key_of(session, kind, parts)
    if session.account.rights.is_bound(session.role):
        word = token.upper if (token := parser.peek()) is not None else ""
        if verb == "CREATE":
            _may_create(session, kind, name, temporary=temporary, replace=replace)
        elif verb != "TRUNCATE" and (kind, name) not in session.shared.own:
            _may_change(session, verb, kind, name, word)
    return ("TEMPORARY" if temporary else verb), kind, name


def _may_create(session: Session, kind: str, name: str, *, temporary: bool, replace: bool) -> None:
    rights, role = session.account.rights, session.role
    wanted = f"CREATE {kind}"
    if kind in _OF_ACCOUNT:
        if not rights.has(role, (wanted,), ("ACCOUNT",), ""):
            raise refused("account", "OFFLINE")
        return
    place, above = name.rpartition(".")[0], "DATABASE" if kind == "SCHEMA" else "SCHEMA"
    allowed = (wanted, "USAGE") if temporary else (wanted,)
    if not rights.has(role, allowed, (above,), place):
        raise refused(above, place) if rights.has_any(role, (above,), place) else missing(above.capitalize(), place)
    kinds = RELATIONS if kind in RELATIONS else (kind,)
    if replace and rights.has_any(role, kinds, name) and not rights.has(role, (), kinds, name):
        raise refused(kind, name)


def _may_change(session: Session, verb: str, kind: str, name: str, word: str) -> None:
    rights, role = session.account.rights, session.role
    kinds = RELATIONS if kind in RELATIONS else (kind,)
    allowed = "OPERATE" if verb == "EXECUTE" else _ALTERS.get((kind, word), "")
    if kind == "MODEL MONITOR" and verb == "ALTER":
        allowed = "MODIFY"
    runs = verb == "EXECUTE" or word == "RESUME"
    if runs and kind in ("TASK", "ALERT") and not rights.has(role, (f"EXECUTE {kind}",), ("ACCOUNT",), ""):
        raise refused("account", "OFFLINE")
    if not rights.has(role, (allowed,), kinds, name):
        raise refused(kind, name) if rights.has_any(role, kinds, name) else missing(kind.capitalize(), name)


def done(session: Session, changed: tuple[str, str, str] | None, result: Result) -> None:
    """Keep the books after a definition: owners of what was made, nothing of what is gone."""
    if changed is None:
        return
    verb, kind, name = changed
    rights = session.account.rights
    told = str(result.rows[0][0]) if result.rows else ""
    if verb == "TEMPORARY":
        session.shared.own.add((kind, name))
    elif verb == "DROP" and (kind, name) in session.shared.own:
        session.shared.own.discard((kind, name))
    elif verb == "CREATE" and "already exists" not in told:
        schema = name.rpartition(".")[0]
        rights.created(session.role, kind, name, (schema, schema.rpartition(".")[0]))
    elif verb == "DROP":
        rights.forget((kind,), name)
