"""Warehouses: they have a name and a size, and cost nothing."""

from __future__ import annotations

from typing import Any

from churnobs.testing.catalog import OWNER, Warehouse
from churnobs.testing.failures import exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, dropped

DONE = "Statement executed successfully."


def need_warehouse(session: Session, name: str) -> Warehouse:
    """The warehouse of that name, or the error that it is missing."""
    if (found := session.account.catalog.warehouses.get(name)) is None:
        raise missing("Warehouse", name)
    return found


def _options(parser: Parser) -> dict[str, Any]:
    options = parser.options()
    parser.end()
    if "RESOURCE_MONITOR" in options:
        raise not_supported("RESOURCE_MONITOR of a warehouse", "leave it out: nothing is charged here")
    return options


@command("CREATE WAREHOUSE", proof=document("sql/create-warehouse"))
def create_warehouse(session: Session, parser: Parser) -> Result:
    """CREATE WAREHOUSE; it becomes the current one."""
    parser.expect("CREATE")
    replace = parser.accept("OR", "REPLACE")
    parser.expect("WAREHOUSE")
    absent = parser.accept("IF", "NOT", "EXISTS")
    (name,) = parser.parts()
    parser.accept("WITH")
    options = _options(parser)
    held = session.account.catalog.warehouses
    if name in held and not replace:
        if absent:
            return created("Warehouse", name, made=False)
        raise exists("Object", name)
    held[name] = Warehouse(name, str(options.get("WAREHOUSE_SIZE", "X-Small")), str(options.get("COMMENT", "")))
    session.warehouse = name
    return created("Warehouse", name)


@command("DROP WAREHOUSE", proof=document("sql/drop-warehouse"))
def drop_warehouse(session: Session, parser: Parser) -> Result:
    """DROP WAREHOUSE [IF EXISTS]."""
    parser.expect("DROP", "WAREHOUSE")
    if_exists = parser.accept("IF", "EXISTS")
    (name,) = parser.parts()
    if not if_exists:
        need_warehouse(session, name)
    found = session.account.catalog.warehouses.pop(name, None) is not None
    session.warehouse = None if session.warehouse == name else session.warehouse
    return dropped(name, found=found)


@command("ALTER WAREHOUSE", proof=document("sql/alter-warehouse"))
def alter_warehouse(session: Session, parser: Parser) -> Result:
    """ALTER WAREHOUSE: suspend, resume, set size."""
    parser.expect("ALTER", "WAREHOUSE")
    parser.accept("IF", "EXISTS")
    found = need_warehouse(session, parser.parts()[0])
    if parser.accept_any("SUSPEND", "RESUME") is None:
        parser.expect("SET")
        options = _options(parser)
        found.size = str(options.get("WAREHOUSE_SIZE", found.size))
        found.comment = str(options.get("COMMENT", found.comment))
    return status(DONE)


@command("SHOW WAREHOUSES", reads=True, proof=document("sql/show-warehouses"))
def show_warehouses(session: Session, parser: Parser) -> Result:
    """SHOW WAREHOUSES [LIKE]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "WAREHOUSES")
    found = filters(session, parser)
    rows = [
        (w.name, "STARTED", "STANDARD", w.size, w.created_on, OWNER, w.comment)
        for w in sorted(session.account.catalog.warehouses.values(), key=lambda w: w.name)
        if found.fits(w.name)
    ]
    columns = {
        "name": "text",
        "state": "text",
        "type": "text",
        "size": "text",
        "created_on": "timestamp_ltz",
        "owner": "text",
        "comment": "text",
    }
    return found.shown(columns, rows)


@command("SHOW COMPUTE POOLS", reads=True, proof=document("sql/show-compute-pools"))
def show_compute_pools(session: Session, parser: Parser) -> Result:
    """SHOW COMPUTE POOLS [LIKE]: none, since none can be made here."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "COMPUTE", "POOLS")
    filters(session, parser)
    columns = dict.fromkeys(("name", "state", "min_nodes", "max_nodes", "instance_family", "owner", "comment"), "text")
    return of_rows(columns, [])
