"""What must hold in an account for churnobs to work, each looked at by itself, with the way to mend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.ddl import bare, literal, quoted, readable
from churnobs.backends.snowflake.deploy import check_owner, where
from churnobs.errors import ChurnobsError, NotFound
from churnobs.records import Check

if TYPE_CHECKING:
    from churnobs.backends.snowflake.link import Link

# client -> the versions it was tried with: from the first (with it) to the second (without)
CLIENTS: Final[Mapping[str, tuple[str, str]]] = {
    "snowflake-connector-python": ("4", "5"),
    "snowflake-snowpark-python": ("1.56", "2"),
    "snowflake-ml-python": ("2.6", "3"),
}
# what deploy and a month make, in the schema
SCHEMA_GRANTS: Final = (
    "CREATE TABLE",
    "CREATE VIEW",
    "CREATE STAGE",
    "CREATE STREAM",
    "CREATE TAG",
    "CREATE DATASET",
    "CREATE MODEL",
    "CREATE MODEL MONITOR",
)
_UNSEEN: Final = "missing: the loop runs without, but its alerts are not seen in Snowsight and nobody is told by them"
_BY_HAND: Final = "missing: the loop runs by hand, but deploy_tasks() cannot make it run by itself"
# what people see and hear natively, and what runs by itself; without these the loop runs all the same
WANTED: Final = {
    ("CREATE ALERT", "SCHEMA"): _UNSEEN,
    ("EXECUTE ALERT", "ACCOUNT"): _UNSEEN,
    ("CREATE PROCEDURE", "SCHEMA"): _BY_HAND,
    ("CREATE TASK", "SCHEMA"): _BY_HAND,
    ("EXECUTE TASK", "ACCOUNT"): _BY_HAND,
}
# seconds that the clocks here and there may differ
_CLOCKS: Final = 120


def examine(link: Link) -> tuple[Check, ...]:
    """Look at everything; a check that cannot be made says so, and the others go on."""
    looks: tuple[tuple[str, Callable[[Link], Sequence[Check]]], ...] = (
        ("clients", lambda _: clients()),
        ("role and warehouse", _session),
        ("schema", _schema),
        ("grants", _grants),
        ("Cortex", _cortex),
        ("clock", _clock),
        ("time zone", _time_zone),
    )
    found: list[Check] = []
    for name, look in looks:
        try:
            found += look(link)
        except ChurnobsError as error:
            found.append(Check(name, ok=None, found=error.message, mend=error.hint))
    return tuple(found)


def clients() -> list[Check]:
    """Whether the clients are installed in versions that were tried."""
    found = []
    for name, (first, beyond) in CLIENTS.items():
        try:
            have = version(name)
        except PackageNotFoundError:
            found.append(Check(name, ok=False, found="not installed", mend="pip install churnobs[snowflake]"))
            continue
        fits = _number(first) <= _number(have) < _number(beyond)
        found.append(Check(name, ok=fits, found=have, mend="" if fits else f'pip install "{name}>={first},<{beyond}"'))
    return found


def _session(link: Link) -> list[Check]:
    role, warehouse, user = link.rows("SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_USER()")[0]
    checks = [
        Check(
            "role",
            ok=bool(role),
            found=f"{role or 'none'} of {user}",
            mend="" if role else "add role= to the connection",
        )
    ]
    if not warehouse:
        named = link.named.get("warehouse")
        found, mend = (f"{named} is not there, or not granted", "SHOW WAREHOUSES lists them") if named else ("none", "")
        return [*checks, Check("warehouse", ok=False, found=found, mend=mend or "add warehouse= to the connection")]
    rows = [row for row in link.shown("SHOW WAREHOUSES") if row["name"] == warehouse]
    mend = "" if rows else f"GRANT USAGE ON WAREHOUSE {quoted(warehouse)} TO ROLE {quoted(role or '')}"
    state = rows[0].get("state", "") if rows else "not there, or not granted"
    return [*checks, Check("warehouse", ok=bool(rows), found=f"{warehouse}, {state}".lower(), mend=mend)]


def _schema(link: Link) -> list[Check]:
    database, schema = where(link)
    name = f"{database}.{schema}"
    try:
        rows = link.shown(f"SHOW OBJECTS IN SCHEMA {quoted(database)}.{quoted(schema)}")
    except NotFound:
        return [Check("schema", ok=False, found=f"{name} is not there yet", mend="workspace.deploy() makes it")]
    there = {row["name"]: row["kind"] for row in rows}
    check_owner(link, there)
    if "CHURNOBS_SCHEMA" not in there:
        return [Check("schema", ok=False, found=f"{name} is empty", mend="workspace.deploy() fills it")]
    return [Check("schema", ok=True, found=f"{name}, {len(there)} tables and views")]


def _grants(link: Link, *, everything: bool = True) -> list[Check]:
    role, warehouse = link.rows("SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE()")[0]
    database, schema = where(link)
    held = grants_of(link, str(role))
    is_there = bool(link.shown(f"SHOW SCHEMAS LIKE {literal(schema)} IN DATABASE {quoted(database)}"))
    asked = [(grant, "missing") for grant in needed(database, schema if is_there else None, warehouse)]
    if everything:
        asked += [(grant, WANTED[grant[:2]]) for grant in wanted(database, schema if is_there else None)]
    return [
        Check(
            f"grant {privilege} on {kind.lower()} {name}".rstrip(),
            ok=has,
            found="given" if has else lacking,
            mend="" if has else f"GRANT {privilege} ON {f'{kind} {name}'.rstrip()} TO ROLE {quoted(str(role))}",
        )
        for (privilege, kind, name), lacking in asked
        for has in [holds(held, privilege, kind, name)]
    ]


def missing_grants(link: Link) -> list[Check]:
    """The grants that are needed and known to be missing; none where the role may not even ask."""
    try:
        return [check for check in _grants(link, everything=False) if check.ok is False]
    except ChurnobsError:
        return []


def needed(database: str, schema: str | None, warehouse: str | None) -> list[tuple[str, str, str]]:
    """The grants that churnobs needs: privilege, kind of object, its name; a schema that is to be made is then owned.

    >>> needed("D", None, None)
    [('USAGE', 'DATABASE', 'D'), ('CREATE SCHEMA', 'DATABASE', 'D')]
    >>> needed("D", "S", "W")[:3]
    [('USAGE', 'WAREHOUSE', 'W'), ('USAGE', 'DATABASE', 'D'), ('USAGE', 'SCHEMA', 'D.S')]
    """
    wanted = [("USAGE", "WAREHOUSE", readable(warehouse))] if warehouse else []
    wanted.append(("USAGE", "DATABASE", readable(database)))
    if schema is None:
        return [*wanted, ("CREATE SCHEMA", "DATABASE", readable(database))]
    name = readable(database, schema)
    return [
        *wanted,
        ("USAGE", "SCHEMA", name),
        *((privilege, "SCHEMA", name) for privilege in SCHEMA_GRANTS),
    ]


def wanted(database: str, schema: str | None) -> list[tuple[str, str, str]]:
    """The grants that native alerts and deployed tasks need; in a schema that is to be made everything is owned.

    >>> wanted("D", None)
    [('EXECUTE ALERT', 'ACCOUNT', ''), ('EXECUTE TASK', 'ACCOUNT', '')]
    """
    names = {"ACCOUNT": "", "SCHEMA": f"{database}.{schema}"}
    return [(privilege, kind, names[kind]) for privilege, kind in WANTED if kind == "ACCOUNT" or schema is not None]


def grants_of(link: Link, role: str) -> list[tuple[str, str, str]]:
    """All grants of a role and of the roles granted to it, as (privilege, kind, name)."""
    found: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    waiting = [role]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for row in link.shown(f"SHOW GRANTS TO ROLE {quoted(one)}"):
            kind, name = str(row["granted_on"]).replace("_", " "), str(row["name"])
            found.append((str(row["privilege"]), kind, name))
            if kind == "ROLE" and row["privilege"] == "USAGE":
                waiting.append(bare(name))
    return found


def holds(held: Collection[tuple[str, str, str]], privilege: str, kind: str, name: str) -> bool:
    """Whether a grant, or one that is more, is among those held; there is one account, whatever it is called.

    >>> holds([("OWNERSHIP", "SCHEMA", "D.S")], "CREATE TABLE", "SCHEMA", "D.S")
    True
    >>> holds([("EXECUTE ALERT", "ACCOUNT", "AB12345")], "EXECUTE ALERT", "ACCOUNT", "")
    True
    """
    enough = {privilege, "OWNERSHIP", "ALL"}
    # how a name is quoted differs from place to place
    plain = name.replace('"', "")
    return any(p in enough and k == kind and (n.replace('"', "") == plain or kind == "ACCOUNT") for p, k, n in held)


def _cortex(link: Link) -> list[Check]:
    region = link.value("SELECT CURRENT_REGION()")
    try:
        link.rows("SELECT SNOWFLAKE.CORTEX.SENTIMENT('good')")
    except ChurnobsError as error:
        mend = (
            "GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO the role; where the region has no Cortex, an administrator may "
            "ALTER ACCOUNT SET CORTEX_ENABLED_CROSS_REGION = 'ANY_REGION'; or give LifecycleConfig(sentiment=...) a model"
        )
        return [Check("Cortex", ok=False, found=f"{region}: {error.message}", mend=mend)]
    return [Check("Cortex", ok=True, found=f"SENTIMENT answers in {region}")]


def _clock(link: Link) -> list[Check]:
    there: dt.datetime = link.value("SELECT SYSDATE()")
    here = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    apart = abs((there - here).total_seconds())
    fine = apart <= _CLOCKS
    mend = "" if fine else "set this machine's clock: signed requests and tokens depend on it; churnobs' dates do not"
    return [Check("clock", ok=fine, found=f"{apart:.0f} s apart", mend=mend)]


def _time_zone(link: Link) -> list[Check]:
    rows: list[dict[str, Any]] = link.shown("SHOW PARAMETERS LIKE 'TIMEZONE'")
    zone = rows[0]["value"] if rows else "unknown"
    # every column is a DATE or TIMESTAMP_NTZ, so that no zone changes a number
    return [Check("time zone", ok=True, found=f"{zone}; churnobs keeps dates and timestamps without a zone")]


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
