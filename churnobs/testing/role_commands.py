"""CREATE ROLE, GRANT, REVOKE, USE ROLE and what is shown of them."""

from __future__ import annotations

from typing import Any

from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, like, quoted_if_needed
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.role_rules import KINDS, key_of, read_kind
from churnobs.testing.roles import ALL, SYSTEM, Grant, Role
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, dropped
from churnobs.testing.warehouses import DONE

_GRANTS = {
    "created_on": "timestamp_ltz", "privilege": "text", "granted_on": "text", "name": "text", "granted_to": "text",
    "grantee_name": "text", "grant_option": "text", "granted_by": "text",
}  # fmt: skip


@command("CREATE ROLE", proof=document("sql/create-role"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE [OR REPLACE] ROLE [IF NOT EXISTS] name [COMMENT = ...]."""
    parser.expect("CREATE")
    replace = parser.accept("OR", "REPLACE")
    parser.expect("ROLE")
    absent = parser.accept("IF", "NOT", "EXISTS")
    (name,) = parser.parts()
    comment = str(parser.options().get("COMMENT", ""))
    parser.end()
    rights = session.account.rights
    if name in rights.made or name in SYSTEM:
        if absent:
            return created("Role", name, made=False)
        if not replace or name in SYSTEM:
            raise exists("Role", name)
        rights.drop_role(name)
    rights.made[name] = Role(name, session.role, comment, session.account.clock.now())
    return created("Role", name)


@command("DROP ROLE", proof=document("sql/drop-role"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP ROLE [IF EXISTS]."""
    parser.expect("DROP", "ROLE")
    if_exists = parser.accept("IF", "EXISTS")
    (name,) = parser.parts()
    there = name in session.account.rights.made
    if there:
        session.account.rights.drop_role(name)
    elif not if_exists:
        raise missing("Role", name)
    return dropped(name, found=there)


def need_role(session: Session, name: str) -> str:
    """The name of a role that is there."""
    if name not in session.account.rights.made and name not in SYSTEM:
        raise missing("Role", name)
    return name


def take_role(session: Session, name: str) -> None:
    """USE ROLE: it must be there, and be granted to the user."""
    if name != session.role:
        need_role(session, name)
        if not session.account.rights.may_use(session.user, name):
            raise SqlError(
                f"SQL execution error:\nRequested role '{name}' is not assigned to the executing user. Specify another role "
                "to activate.", 3013, "42501",
            )  # fmt: skip
    session.role = name


@command("SHOW ROLES", reads=True, proof=document("sql/show-roles"))
def show_roles(session: Session, parser: Parser) -> Result:
    """SHOW ROLES [LIKE]."""
    parser.expect("SHOW", "ROLES")
    pattern = parser.string() if parser.accept("LIKE") else "%"
    parser.end()
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(("name", "is_current", "owner", "comment"), "text")
    rights = session.account.rights
    rows = [
        (r.created_on if r else session.account.started, name, "Y" if name == session.role else "N",
         r.owner if r else "", r.comment if r else "")
        for name in sorted({*SYSTEM, *rights.made}) if like(pattern, name) for r in (rights.made.get(name),)
    ]  # fmt: skip
    return of_rows(columns, rows)


@command("GRANT", proof=document("sql/grant-privilege"))
def grant(session: Session, parser: Parser) -> Result:
    """GRANT privileges ON object, or GRANT ROLE, TO a role or a user."""
    parser.expect("GRANT")
    return _change(session, parser, gives=True)


@command("REVOKE", proof=document("sql/revoke-privilege"))
def revoke(session: Session, parser: Parser) -> Result:
    """REVOKE privileges ON object, or REVOKE ROLE, FROM a role or a user."""
    parser.expect("REVOKE")
    parser.accept("GRANT", "OPTION", "FOR")
    return _change(session, parser, gives=False)


def _change(session: Session, parser: Parser, *, gives: bool) -> Result:
    rights, word = session.account.rights, "TO" if gives else "FROM"
    if parser.accept("DATABASE", "ROLE"):
        parser.parts()
        parser.rest()  # those of the database SNOWFLAKE open what needs no right here: Cortex, usage
        return status(DONE)
    if parser.accept("ROLE"):
        (role,) = parser.parts()
        need_role(session, role)
        parser.expect(word)
        if parser.accept("USER"):
            held = rights.of_users.setdefault(parser.part(), set())
        else:
            parser.accept("ROLE")
            above = need_role(session, parser.part())
            held = rights.made[above].holds if above in rights.made else rights.of_system.setdefault(above, set())
        parser.end()
        held.add(role) if gives else held.discard(role)
        return status(DONE)
    privileges = _privileges(parser)
    for kind, name, is_future in _objects(session, parser):
        _may_grant(session, kind, name)
        place = parser.at
        parser.expect(word)
        if parser.accept_any("SHARE", "APPLICATION", "DATABASE"):
            raise not_supported("grants to shares, applications and database roles", "grant to a role")
        parser.accept("ROLE")
        role = need_role(session, parser.part())
        may_grant = parser.accept("WITH", "GRANT", "OPTION")
        while parser.accept_any("COPY", "REVOKE", "CURRENT", "GRANTS", "CASCADE", "RESTRICT"):
            pass
        parser.end()
        for privilege in privileges:
            one = Grant(role, privilege, kind, name, may_grant, is_future)
            rights.add(one) if gives else rights.take(one)
        parser.at = place
    parser.rest()
    return status(DONE)


def _privileges(parser: Parser) -> list[str]:
    found: list[str] = []
    words: list[str] = []
    while not parser.accept("ON"):
        if parser.accept(","):
            found.append(" ".join(words))
            words = []
        else:
            words.append(parser.next().upper)
    found.append(" ".join(words))
    return [ALL if one in ("ALL", ALL) else one for one in found]


def _objects(session: Session, parser: Parser) -> list[tuple[str, str, bool]]:
    """What a grant is on: kind, name, and whether it is for what is yet to come."""
    if parser.accept("ACCOUNT"):
        return [("ACCOUNT", "", False)]
    many = parser.accept_any("ALL", "FUTURE")
    if many is None:
        kind = read_kind(parser)
        name = key_of(session, kind, parser.parts())
        if (token := parser.peek()) is not None and token.text == "(":
            parser.group()  # the types of a function or procedure: grants are kept by name
        return [(kind, name, False)]
    kind = read_kind(parser, plural=True)
    parser.expect("IN")
    inside = "DATABASE" if parser.accept("DATABASE") else "SCHEMA"
    if inside == "SCHEMA":
        parser.expect("SCHEMA")
    place = key_of(session, inside, parser.parts())
    if many == "FUTURE":
        return [(kind, place, True)]
    return [(kind, name, False) for name in _held(session, kind) if name.startswith(f"{place}.")]


def _held(session: Session, kind: str) -> list[str]:
    """The names of the objects of a kind."""
    from churnobs.testing.show import Filters, tables

    catalog, everywhere = session.account.catalog, Filters()
    if kind == "TABLE":
        return [str(name) for name, *_ in tables(session, everywhere)]
    if kind == "SCHEMA":
        engine = session.engine.engine
        return [f"{quoted_if_needed(d)}.{quoted_if_needed(s)}" for d in engine.databases() for s in engine.schemas(d)]
    shelf = {"VIEW": catalog.views, "STAGE": catalog.stages, "FILE FORMAT": catalog.formats, "TAG": catalog.tags}.get(
        kind
    )
    held: Any = shelf if shelf is not None else catalog.shelf(KINDS.get(kind) or kind.capitalize())
    names = [one.name for one in held]
    return [
        str(Name(n.database, n.schema, n.name.partition("(")[0]) if kind in ("FUNCTION", "PROCEDURE") else n)
        for n in names
    ]


def _may_grant(session: Session, kind: str, name: str) -> None:
    rights = session.account.rights
    if not rights.is_bound(session.role) or rights.has(session.role, (), (kind,), name):
        return
    reach = rights.reach(session.role)
    if any(g.role in reach and g.may_grant and (g.kind, g.name) == (kind, name) for g in rights.grants):
        return
    raise SqlError(
        f"SQL access control error:\nInsufficient privileges to operate on {kind.lower()} '{name}'.", 3001, "42501"
    )


def grants_to(session: Session, role: str) -> Result | None:
    """What a role that was made has; None for the others, which may do everything."""
    rights = session.account.rights
    if role not in rights.made:
        return None
    now = session.account.clock.now()
    rows = [
        _row(now, g)
        for g in sorted(rights.grants, key=lambda g: (g.kind, g.name, g.privilege))
        if g.role == role and not g.is_future
    ]
    rows += [(now, "USAGE", "ROLE", held, "ROLE", role, "false", "") for held in sorted(rights.made[role].holds)]
    return of_rows(_GRANTS, rows)


def _row(now: Any, g: Grant) -> tuple[Any, ...]:
    return now, g.privilege, g.kind.replace(" ", "_"), g.name, "ROLE", g.role, str(g.may_grant).lower(), ""


@command("SHOW GRANTS ON", reads=True, proof=document("sql/show-grants"))
def show_grants_on(session: Session, parser: Parser) -> Result:
    """SHOW GRANTS ON kind name: what was granted, and who owns it."""
    parser.expect("SHOW", "GRANTS", "ON")
    ((kind, name, _),) = _objects(session, parser)
    parser.end()
    rights, now = session.account.rights, session.account.clock.now()
    found = [g for g in rights.grants if (g.kind, g.name, g.is_future) == (kind, name, False)]
    if not any(g.privilege == "OWNERSHIP" for g in found) and kind != "ACCOUNT":
        found.append(Grant("ACCOUNTADMIN", "OWNERSHIP", kind, name, may_grant=True))
    return of_rows(_GRANTS, [_row(now, g) for g in sorted(found, key=lambda g: (g.privilege, g.role))])


@command("SHOW GRANTS OF ROLE", reads=True, proof=document("sql/show-grants"))
def show_grants_of(session: Session, parser: Parser) -> Result:
    """SHOW GRANTS OF ROLE name: whom it was granted to."""
    parser.expect("SHOW", "GRANTS", "OF", "ROLE")
    role = need_role(session, parser.part())
    parser.end()
    rights, now = session.account.rights, session.account.clock.now()
    above = [(name, "ROLE") for name, held in ((r.name, r.holds) for r in rights.made.values()) if role in held]
    above += [(name, "ROLE") for name, held in rights.of_system.items() if role in held]
    above += [(user, "USER") for user, held in rights.of_users.items() if role in held]
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("role", "granted_to", "grantee_name", "granted_by"), "text"
    )
    return of_rows(columns, [(now, role, kind, name, "") for name, kind in sorted(above)])
