"""What churnobs needs in a schema, as statements: those that are still missing, and nothing that is there is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import bare, create_table_sql, quoted
from churnobs.backends.snowflake.schema import FEEDBACK_STREAM, SCHEMA_VERSION, STAGE, TABLES
from churnobs.errors import BadConfig, NotFound

if TYPE_CHECKING:
    from churnobs.backends.snowflake.link import Link

_VERSION_TABLE: Final = "CHURNOBS_SCHEMA"


def deployment(link: Link) -> tuple[str, ...]:
    """The statements that make what is missing in the session's current schema.

    Raises:
        BadConfig: the session has no database or schema, the schema holds what somebody else made, or tables of another
            version of churnobs.
    """
    database, schema = where(link)
    name = f"{quoted(database)}.{quoted(schema)}"
    try:
        there = {row["name"]: row["kind"] for row in link.shown(f"SHOW OBJECTS IN SCHEMA {name}")}
    except NotFound:
        return (f"CREATE SCHEMA {name}", *_everything(set()))
    check_owner(link, there)
    others = [row["name"] for kind in ("STREAMS", "STAGES") for row in link.shown(f"SHOW {kind} IN SCHEMA {name}")]
    return _everything({*there, *others})


def where(link: Link) -> tuple[str, str]:
    """The session's database and schema; one that the connection names and that is not there yet is to be made.

    Raises:
        BadConfig: there is none.
    """
    session = link.session
    database = bare(session.get_current_database())
    schema = bare(session.get_current_schema()) or link.named.get("schema")
    if not database and "database" in link.named:
        raise BadConfig(
            f"database {link.named['database']} does not exist, or the role may not use it",
            hint="check database= and role= of the connection, or make the database: CREATE DATABASE",
        )
    if not database or not schema:
        what = "database" if not database else "schema"
        raise BadConfig(
            f"the connection names no {what}", hint=f"add {what}= to the connection: it holds what churnobs keeps"
        )
    return database, schema


def need_warehouse(link: Link) -> str:
    """The session's warehouse, as an identifier.

    Raises:
        BadConfig: there is none.
    """
    name: str | None = link.session.get_current_warehouse()
    if name:
        return name
    if "warehouse" in link.named:
        raise BadConfig(
            f"warehouse {link.named['warehouse']} does not exist, or the role may not use it",
            hint="check warehouse= and role= of the connection; SHOW WAREHOUSES lists them",
        )
    raise BadConfig("the session has no warehouse", hint="add warehouse= to the connection, or USE WAREHOUSE")


def check_owner(link: Link, there: dict[str, str]) -> None:
    """Refuse a schema that is not churnobs' own.

    Raises:
        BadConfig: says what is in it, or which version made it.
    """
    if _VERSION_TABLE in there:
        version = link.value(f"SELECT MAX(VERSION) FROM {_VERSION_TABLE}")
        if version is not None and int(version) != SCHEMA_VERSION:
            raise BadConfig(
                f"the schema holds tables of schema version {version}, this churnobs reads {SCHEMA_VERSION}",
                hint="use the churnobs that made it, or another schema",
            )
        return
    if there:
        names = ", ".join(sorted(there)[:5])
        raise BadConfig(
            f"the schema belongs to somebody else: it holds {names}{' and more' if len(there) > 5 else ''}",
            hint="name a schema that does not exist yet, or an empty one",
        )


def _everything(there: set[str]) -> tuple[str, ...]:
    made = []
    if _VERSION_TABLE not in there:
        # the mark that the schema is churnobs' own comes first: what follows may be cut short and made up later
        made.append(f"{create_table_sql(_VERSION_TABLE, {'VERSION': 'int64'})} AS SELECT {SCHEMA_VERSION}")
    for name in TABLES:
        if name not in there:
            # a table and its only row are there together, or not at all
            row = f" AS SELECT {', '.join(['NULL'] * len(TABLES[name]))}" if name == "RUN_LOCK" else ""
            made.append(create_table_sql(name, TABLES[name]) + row)
    if FEEDBACK_STREAM not in there:
        made.append(f"CREATE STREAM IF NOT EXISTS {FEEDBACK_STREAM} ON TABLE FEEDBACK_RAW APPEND_ONLY = TRUE")
    if STAGE not in there:
        made.append(f"CREATE STAGE IF NOT EXISTS {STAGE} COMMENT = 'month files on their way into tables'")
    return tuple(made)
