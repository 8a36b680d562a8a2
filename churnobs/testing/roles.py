"""Roles and what they were granted. A role that CREATE ROLE made may do what it was granted; any other may do everything."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

SYSTEM = ("ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN", "ORGADMIN", "PUBLIC")
RELATIONS = ("TABLE", "VIEW", "DYNAMIC TABLE", "STREAM")
ALL = "ALL PRIVILEGES"


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege on one object, or on the objects of a kind that are yet to be made in a place."""

    role: str
    privilege: str
    kind: str
    name: str
    may_grant: bool = False
    is_future: bool = False


@dataclass(slots=True)
class Role:
    """A role that was made, and the roles whose rights it has."""

    name: str
    owner: str
    comment: str = ""
    created_on: dt.datetime | None = None
    holds: set[str] = field(default_factory=set)


class Rights:
    """The roles and grants of an account."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.made: dict[str, Role] = {}
        self.grants: set[Grant] = set()
        self.of_users: dict[str, set[str]] = {}
        self.of_system: dict[str, set[str]] = {}

    def is_bound(self, role: str) -> bool:
        """Whether a role may do no more than it was granted."""
        return role in self.made and not any(name not in self.made and name != "PUBLIC" for name in self.reach(role))

    def reach(self, role: str) -> set[str]:
        """A role, those whose rights it has, and PUBLIC."""
        found, todo = {"PUBLIC"}, [role]
        while todo:
            name = todo.pop()
            if name not in found or name == role:
                found.add(name)
                held = self.made[name].holds if name in self.made else self.of_system.get(name, set())
                todo += [one for one in held if one not in found]
        return found

    def has(self, role: str, privileges: Iterable[str], kinds: Iterable[str], name: str) -> bool:
        """Whether a role has one of the privileges on an object, or owns it."""
        wanted, roles, of = {*privileges, "OWNERSHIP", ALL}, self.reach(role), set(kinds)
        return any(
            g.role in roles and g.privilege in wanted and g.kind in of and g.name == name and not g.is_future
            for g in self.grants
        )

    def has_any(self, role: str, kinds: Iterable[str], name: str) -> bool:
        """Whether a role has any privilege on an object."""
        roles, of = self.reach(role), set(kinds)
        return any(g.role in roles and g.kind in of and g.name == name and not g.is_future for g in self.grants)

    def add(self, grant: Grant) -> None:
        """Grant a privilege; ownership passes on."""
        with self._lock:
            if grant.privilege == "OWNERSHIP" and not grant.is_future:
                self.grants = {
                    g
                    for g in self.grants
                    if (g.privilege, g.kind, g.name, g.is_future) != ("OWNERSHIP", grant.kind, grant.name, False)
                }
            self.grants = {g for g in self.grants if _key(g) != _key(grant)} | {grant}

    def take(self, grant: Grant) -> None:
        """Revoke a privilege."""
        with self._lock:
            self.grants = {g for g in self.grants if _key(g) != _key(grant)}

    def owner(self, kinds: Iterable[str], name: str) -> str:
        """The role that owns an object."""
        of = set(kinds)
        found = [g.role for g in self.grants if g.privilege == "OWNERSHIP" and g.kind in of and g.name == name]
        return found[0] if found else "ACCOUNTADMIN"

    def created(self, role: str, kind: str, name: str, places: Iterable[str]) -> None:
        """An object was made: its maker owns it, nothing else is granted but what was granted for the future."""
        with self._lock:
            self.forget((kind,), name)
            if role in self.made:
                self.grants.add(Grant(role, "OWNERSHIP", kind, name))
            where = set(places)
            self.grants |= {
                Grant(g.role, g.privilege, kind, name, g.may_grant)
                for g in self.grants
                if g.is_future and g.kind == kind and g.name in where
            }

    def forget(self, kinds: Iterable[str], name: str) -> None:
        """An object is gone, and with it what was granted on it and in it."""
        of = set(kinds)
        inside = f"{name}." if of & {"DATABASE", "SCHEMA"} else None
        with self._lock:
            self.grants = {
                g
                for g in self.grants
                if not (g.kind in of and g.name == name) and not (inside is not None and g.name.startswith(inside))
            }

    def drop_role(self, name: str) -> None:
        """A role is gone, with what it was granted and whom it was granted to."""
        with self._lock:
            del self.made[name]
            self.grants = {g for g in self.grants if g.role != name}
            for held in (*(r.holds for r in self.made.values()), *self.of_users.values(), *self.of_system.values()):
                held.discard(name)

    def may_use(self, user: str, role: str) -> bool:
        """Whether a user may take a role: those that were not made are everybody's."""
        if role not in self.made:
            return True
        given = self.of_users.get(user, set())
        above = {name for name in (*self.made, *SYSTEM) if role in self.reach(name)}
        return bool(above & (given | set(SYSTEM) - {"PUBLIC"}))


def _key(grant: Grant) -> tuple[str, str, str, str, bool]:
    return grant.role, grant.privilege, grant.kind, grant.name, grant.is_future
