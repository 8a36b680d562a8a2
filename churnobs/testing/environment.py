"""Databases, schemas, warehouses, roles, transactions, session parameters."""

from __future__ import annotations

import uuid
from typing import Any

from churnobs.testing.catalog import OWNER
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import like, quote, quoted_if_needed
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, dropped
from churnobs.testing.warehouses import need_warehouse

DONE = "Statement executed successfully."
PARAMETERS = {
    "AUTOCOMMIT": True, "QUOTED_IDENTIFIERS_IGNORE_CASE": False, "TIMEZONE": "Etc/UTC", "QUERY_TAG": "", "WEEK_START": 0,
    "STATEMENT_TIMEOUT_IN_SECONDS": 172800, "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ", "ERROR_ON_NONDETERMINISTIC_MERGE": True,
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW", "CLIENT_SESSION_KEEP_ALIVE": False, "BINARY_OUTPUT_FORMAT": "HEX",
    "PYTHON_SNOWPARK_USE_SCOPED_TEMP_OBJECTS": True, "ENABLE_UNREDACTED_QUERY_SYNTAX_ERROR": False, "MULTI_STATEMENT_COUNT": 1,
}  # fmt: skip
_FIXED: dict[str, set[Any]] = {
    "QUOTED_IDENTIFIERS_IGNORE_CASE": {False},
    "TIMEZONE": {"Etc/UTC", "UTC"},
    "TIMESTAMP_TYPE_MAPPING": {"TIMESTAMP_NTZ"},
}


@command("CREATE DATABASE", proof=document("sql/create-database"))
def create_database(session: Session, parser: Parser) -> Result:
    """CREATE DATABASE; it becomes the current one, with PUBLIC as the schema."""
    parser.expect("CREATE")
    replace = parser.accept("OR", "REPLACE")
    parser.accept("TRANSIENT")
    parser.expect("DATABASE")
    absent = parser.accept("IF", "NOT", "EXISTS")
    (name,) = parser.parts()
    if parser.accept("CLONE"):
        raise not_supported("CREATE DATABASE ... CLONE", "clone the tables one by one")
    if parser.accept_any("FROM", "AS") is not None:
        raise not_supported("a database of another account's", "use one account")
    parser.options()
    parser.end()
    session.commit()
    there = name in session.engine.engine.databases()
    if there and absent:
        return created("Database", name, made=False)
    if there and not replace:
        raise exists("Object", name)
    if there:
        _drop_database(session, name)
    session.engine.engine.create_database(name)
    session.engine.use(name, "PUBLIC")
    return created("Database", name)


def _drop_database(session: Session, name: str) -> None:
    session.account.forget(name, None)
    if session.engine.database == name:
        session.engine.forget_current(database=True)
    session.engine.run(f"DETACH {quote(name)}")


@command("DROP DATABASE", proof=document("sql/drop-database"))
def drop_database(session: Session, parser: Parser) -> Result:
    """DROP DATABASE [IF EXISTS]."""
    parser.expect("DROP", "DATABASE")
    if_exists = parser.accept("IF", "EXISTS")
    (name,) = parser.parts()
    parser.accept_any("CASCADE", "RESTRICT")
    parser.end()
    session.commit()
    if name not in session.engine.engine.databases():
        if if_exists:
            return dropped(name, found=False)
        raise missing("Database", name)
    _drop_database(session, name)
    return dropped(name)


@command("CREATE SCHEMA", proof=document("sql/create-schema"))
def create_schema(session: Session, parser: Parser) -> Result:
    """CREATE SCHEMA; it becomes the current one."""
    parser.expect("CREATE")
    replace = parser.accept("OR", "REPLACE")
    parser.accept("TRANSIENT")
    parser.expect("SCHEMA")
    absent = parser.accept("IF", "NOT", "EXISTS")
    database, name = _schema_name(session, parser.parts())
    if parser.accept("CLONE"):
        raise not_supported("CREATE SCHEMA ... CLONE", "clone the tables one by one")
    if parser.accept("WITH", "MANAGED", "ACCESS"):
        raise not_supported("MANAGED ACCESS", "grant from the objects' owners")
    options = parser.options()
    parser.end()
    session.commit()
    if name.upper() == "MAIN":
        raise not_supported(
            "a schema of the name MAIN", "name it otherwise: DuckDB has one of that name in every database"
        )
    there = name in session.engine.engine.schemas(database)
    if there and absent:
        return created("Schema", name, made=False)
    if there and not replace:
        raise exists("Object", f"{database}.{name}")
    if there:
        _drop_schema(session, database, name)
    session.engine.run(f"CREATE SCHEMA {quote(database)}.{quote(name)}")
    session.account.catalog.comments[database, name] = str(options.get("COMMENT", ""))
    session.engine.use(database, name)
    return created("Schema", name)


def _schema_name(session: Session, parts: tuple[str, ...]) -> tuple[str, str]:
    if len(parts) == 1:
        return session.resolve(("X",) if session.engine.schema else ("PUBLIC", "X")).database, parts[0]
    database = parts[0]
    if database not in session.engine.engine.databases():
        raise missing("Database", database)
    return database, parts[1]


def _drop_schema(session: Session, database: str, name: str) -> None:
    session.account.forget(database, name)
    if (session.engine.database, session.engine.schema) == (database, name):
        session.engine.forget_current(database=False)
        session.engine.use(database, None)
    session.engine.run(f"DROP SCHEMA {quote(database)}.{quote(name)} CASCADE")


@command("DROP SCHEMA", proof=document("sql/drop-schema"))
def drop_schema(session: Session, parser: Parser) -> Result:
    """DROP SCHEMA [IF EXISTS] name."""
    parser.expect("DROP", "SCHEMA")
    if_exists = parser.accept("IF", "EXISTS")
    parts = parser.parts()
    parser.accept_any("CASCADE", "RESTRICT")
    parser.end()
    session.commit()
    database, name = _schema_name(session, parts)
    if name not in session.engine.engine.schemas(database):
        if if_exists:
            return dropped(name, found=False)
        raise missing("Schema", f"{database}.{name}")
    _drop_schema(session, database, name)
    return dropped(name)


@command("USE", proof=document("sql/use"))
def use(session: Session, parser: Parser) -> Result:
    """USE [DATABASE | SCHEMA | WAREHOUSE | ROLE] name."""
    from churnobs.testing.role_commands import take_role

    parser.expect("USE")
    kind = parser.accept_any("DATABASE", "SCHEMA", "WAREHOUSE", "ROLE", "SECONDARY")
    if kind == "SECONDARY":
        return status(DONE)
    parts = parser.parts()
    parser.end()
    if kind == "WAREHOUSE":
        need_warehouse(session, parts[0])
        session.warehouse = parts[0]
    elif kind == "ROLE":
        take_role(session, parts[0])
    elif kind == "DATABASE" or (kind is None and len(parts) == 1):
        schemas = session.engine.engine.schemas(parts[0])
        session.engine.use(parts[0], "PUBLIC" if "PUBLIC" in schemas else None)
    else:
        database = parts[0] if len(parts) == 2 else session.engine.database
        if database is None:
            raise SqlError("Cannot perform USE SCHEMA. This session does not have a current database.", 90105, "22000")
        session.engine.use(database, parts[-1])
    return status(DONE)


@command("BEGIN", "START TRANSACTION", proof=document("sql/begin"))
def begin(session: Session, parser: Parser) -> Result:
    """BEGIN [WORK | TRANSACTION], or a block of Snowflake Scripting."""
    from churnobs.testing import script_parser, scripting

    if script_parser.begins_block(parser):
        return scripting.run_text(session, parser.text)
    parser.next()
    parser.accept_any("TRANSACTION", "WORK")
    parser.accept("NAME")
    if not parser.done() and (token := parser.peek()) is not None and token.kind == "word" and parser.peek(1) is None:
        parser.at += 1
    parser.end()
    session.engine.begin()
    session.shared.transaction_id = str(uuid.uuid4().int % 10**18)
    return status(DONE)


@command("COMMIT", proof=document("sql/commit"))
def commit(session: Session, parser: Parser) -> Result:
    """COMMIT [WORK]."""
    parser.expect("COMMIT")
    parser.accept("WORK")
    parser.end()
    session.commit()
    return status(DONE)


@command("ROLLBACK", proof=document("sql/rollback"))
def rollback(session: Session, parser: Parser) -> Result:
    """ROLLBACK [WORK]."""
    parser.expect("ROLLBACK")
    parser.accept("WORK")
    parser.end()
    session.rollback()
    return status(DONE)


@command("ALTER SESSION", proof=document("sql/alter-session"))
def alter_session(session: Session, parser: Parser) -> Result:
    """ALTER SESSION SET or UNSET: parameters that would change an answer are refused."""
    parser.expect("ALTER", "SESSION")
    if parser.accept("UNSET"):
        while not parser.done():
            session.shared.parameters.pop(parser.part(), None)
            parser.accept(",")
        return status(DONE)
    parser.expect("SET")
    for name, value in parser.options().items():
        set_parameter(session, name, value)
    parser.end()
    return status(DONE)


def set_parameter(session: Session, name: str, value: Any) -> None:
    """Set a session parameter, unless the account could not honour it."""
    if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
        value = value.upper() == "TRUE"
    if name in _FIXED and value not in _FIXED[name]:
        raise not_supported(f"ALTER SESSION SET {name} = {value}", f"it stays at {PARAMETERS[name]}")
    if name == "AUTOCOMMIT":
        session.commit()
    session.shared.parameters[name] = value


@command("SHOW PARAMETERS", reads=True, proof=document("sql/show-parameters"))
def show_parameters(session: Session, parser: Parser) -> Result:
    """SHOW PARAMETERS [LIKE pattern] [IN ...]."""
    parser.expect("SHOW", "PARAMETERS")
    pattern = parser.string() if parser.accept("LIKE") else "%"
    parser.rest()
    columns = dict.fromkeys(("key", "value", "default", "level", "description", "type"), "text")
    rows = []
    for name, default in sorted({**PARAMETERS, **session.shared.parameters}.items()):
        usual = PARAMETERS.get(name, "")
        if like(pattern, name):
            kind = "BOOLEAN" if isinstance(default, bool) else "NUMBER" if isinstance(default, int) else "STRING"
            level = "SESSION" if name in session.shared.parameters else ""
            rows.append((name, _spelled(default), _spelled(usual), level, "", kind))
    return of_rows(columns, rows)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@command("SET", "UNSET", proof=document("sql/set"))
def set_variable(session: Session, parser: Parser) -> Result:
    """SET name = value, SET (names) = (values or a query): session variables, used as $name."""
    from churnobs.testing import queries

    head = parser.next().upper
    variables = session.engine.variables
    if head == "UNSET":
        variables.pop(parser.part(), None)
        return status(DONE)
    many = parser.accept("(")
    names = [parser.part()]
    while many and not parser.accept(")"):
        parser.expect(",")
        names.append(parser.part())
    parser.expect("=")
    text = parser.group() if many else f"SELECT {parser.rest()}"
    if many and parser.tokens[parser.at - 1].text == ")" and text.split(None, 1)[0].upper() not in ("SELECT", "WITH"):
        text = f"SELECT {text}"
    found = queries.run(session, text, parser.bindings, describe_only=False)
    if len(found.columns) != len(names) or found.table.num_rows != 1:
        raise SqlError(
            f"SQL compilation error:\nSET of {len(names)} variables needs one row of {len(names)} values", 2026, "42601"
        )
    variables.update(zip(names, found.rows[0], strict=True))
    return status(DONE)


@command("SHOW DATABASES", "SHOW TERSE DATABASES", reads=True, proof=document("sql/show-databases"))
def show_databases(session: Session, parser: Parser) -> Result:
    """SHOW DATABASES [LIKE] [STARTS WITH]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("DATABASES")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "is_default", "is_current", "origin", "owner", "comment", "options", "retention_time", "kind"), "text"
    )
    rows = [
        (
            session.account.started,
            n,
            "N",
            "Y" if n == session.engine.database else "N",
            "",
            OWNER,
            "",
            "",
            "1",
            "STANDARD",
        )
        for n in session.engine.engine.databases()
        if found.fits(n)
    ]
    return found.shown(columns, rows)


@command("SHOW SCHEMAS", "SHOW TERSE SCHEMAS", reads=True, proof=document("sql/show-schemas"))
def show_schemas(session: Session, parser: Parser) -> Result:
    """SHOW SCHEMAS [LIKE] [IN DATABASE]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("SCHEMAS")
    found = filters(session, parser, of_database=True)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        (
            "name",
            "is_default",
            "is_current",
            "database_name",
            "owner",
            "comment",
            "options",
            "retention_time",
            "owner_role_type",
        ),
        "text",
    )
    rows = []
    for database in [found.database] if found.database else session.engine.engine.databases():
        if database not in session.engine.engine.databases():
            raise missing("Database", database)
        for name in [*session.engine.engine.schemas(database), "INFORMATION_SCHEMA"]:
            current = (database, name) == (session.engine.database, session.engine.schema)
            if found.fits(name):
                comment = session.account.catalog.comments.get((database, name), "")
                rows.append(
                    (
                        session.account.started,
                        name,
                        "N",
                        "Y" if current else "N",
                        database,
                        OWNER,
                        comment,
                        "",
                        "1",
                        "ROLE",
                    )
                )
    return found.shown(columns, sorted(rows, key=lambda r: (r[4], r[1])))


def full(*parts: str) -> str:
    """A dotted name, quoted where needed."""
    return ".".join(quoted_if_needed(p) for p in parts)
