"""SHOW: the filters all of them share, and the SHOW and DESCRIBE commands of tables, views, stages and formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnobs.testing.catalog import OWNER
from churnobs.testing.directories import is_directory
from churnobs.testing.failures import SqlError, missing
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, like, literal
from churnobs.testing.proof import document
from churnobs.testing.results import TEXT_LIMIT, Column, Result, of_rows
from churnobs.testing.session import Session
from churnobs.testing.statements import COMMANDS, Command, command


@dataclass(frozen=True, slots=True)
class Filters:
    """LIKE, IN, STARTS WITH, LIMIT ... FROM."""

    pattern: str | None = None
    database: str | None = None
    schema: str | None = None
    table: Name | None = None
    prefix: str = ""
    limit: int | None = None
    after: str = ""

    def fits(self, name: str) -> bool:
        """Whether a name passes LIKE, STARTS WITH and FROM."""
        return (self.pattern is None or like(self.pattern, name)) and name.startswith(self.prefix)

    def shown(self, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Result:
        """The answer: so many rows as LIMIT says, of those after the first whose name begins as FROM says."""
        at, first = list(columns).index("name"), 0
        if self.after:
            names = [str(row[at]) for row in rows]
            match = next((place for place, name in enumerate(names) if name.startswith(self.after)), None)
            first = match + 1 if match is not None else sum(name < self.after for name in names)
        most = len(rows) if self.limit is None else self.limit
        return of_rows(columns, rows[first : first + most])

    def holds(self, name: Name) -> bool:
        """Whether an object lies in the place that IN names, and its name passes."""
        return self.database in (None, name.database) and self.schema in (None, name.schema) and self.fits(name.name)


def filters(session: Session, parser: Parser, *, of_database: bool = False) -> Filters:
    """Read the filters of a SHOW command; without IN the current schema (or database) is meant."""
    pattern: str | None = None
    database, schema = session.engine.database, session.engine.schema
    table: Name | None = None
    if parser.accept("HISTORY"):
        pass
    if parser.accept("LIKE"):
        pattern = parser.string()
    if parser.accept("IN"):
        kind = parser.accept_any("ACCOUNT", "DATABASE", "SCHEMA", "TABLE", "VIEW", "CLASS")
        token = parser.peek()
        named = token is not None and token.upper not in ("STARTS", "LIMIT", ";")
        if kind == "ACCOUNT":
            database = schema = None
        elif kind in ("TABLE", "VIEW"):
            table = session.resolve(parser.parts())
        elif named:
            parts = parser.parts()
            if kind == "DATABASE" or (of_database and len(parts) == 1):
                database, schema = parts[0], None
            elif len(parts) == 2:
                database, schema = parts
            elif len(parts) == 1 and kind is None and parts[0] not in session.engine.engine.schemas(database or ""):
                database, schema = parts[0], None
            else:
                schema = parts[0]
            _must_exist(session, database, schema)
        elif kind == "DATABASE":
            schema = None
    prefix = parser.string() if parser.accept("STARTS", "WITH") else ""
    limit, after = None, ""
    if parser.accept("LIMIT"):
        limit = int(parser.next().text)
        after = parser.string() if parser.accept("FROM") else ""
    parser.end()
    return Filters(pattern, database, schema, table, prefix, limit, after)


def _must_exist(session: Session, database: str | None, schema: str | None) -> None:
    if database is not None and database not in session.engine.engine.databases():
        raise missing("Database", database)
    if (
        database is not None
        and schema is not None
        and schema not in (*session.engine.engine.schemas(database), "INFORMATION_SCHEMA")
    ):
        raise missing("Schema", f"{database}.{schema}")


def kind_of(session: Session, table: Name, *, temporary: bool) -> str:
    """TEMPORARY, TRANSIENT or TABLE."""
    return "TEMPORARY" if temporary else "TRANSIENT" if table in session.account.catalog.transient else "TABLE"


def tables(session: Session, found: Filters) -> list[tuple[Name, int, int, str, bool]]:
    """The tables in a place: name, rows, columns, comment, temporary."""
    asked = session.engine.run(
        "SELECT database_name, schema_name, table_name, column_count, comment FROM duckdb_tables()"
        " WHERE NOT internal AND schema_name NOT IN ('_fs_information_schema', 'main') AND database_name <> '_fs_global'"
    )
    mine = {Name(n.database, n.schema, held): n for n, held in session.shared.temporary.items()}
    made = []
    for database, schema, name, columns, comment in asked:
        held = Name(database, schema, name)
        shown = mine.get(held, held)
        if ("$temp$" in name and held not in mine) or is_directory(name) or not found.holds(shown):
            continue
        made.append((shown, held, columns, comment or "", held in mine))
    counted = _counts(session, [held for _, held, *_ in made])
    return sorted((shown, counted[held], columns, comment, temp) for shown, held, columns, comment, temp in made)


def _counts(session: Session, names: list[Name]) -> dict[Name, int]:
    """The exact number of rows of each table; DuckDB's own estimate still counts what was deleted."""
    if not names:
        return {}
    text = " UNION ALL ".join(f"SELECT {at}, count(*) FROM {name.sql}" for at, name in enumerate(names))
    return {names[at]: rows for at, rows in session.engine.run(text)}


@command("SHOW TABLES", "SHOW TERSE TABLES", reads=True, proof=document("sql/show-tables"))
def show_tables(session: Session, parser: Parser) -> Result:
    """SHOW TABLES."""
    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("TABLES")
    found = filters(session, parser)
    columns = {
        "created_on": "timestamp_ltz", "name": "text", "database_name": "text", "schema_name": "text", "kind": "text",
        "comment": "text",
        "cluster_by": "text", "rows": "fixed", "bytes": "fixed", "owner": "text", "retention_time": "text",
        "change_tracking": "text",
        "owner_role_type": "text",
    }  # fmt: skip
    rows = [
        (
            session.account.started,
            n.name,
            n.database,
            n.schema,
            kind_of(session, n, temporary=temp),
            comment,
            "",
            size,
            0,
            OWNER,
            "1",
            "ON",
            "ROLE",
        )
        for n, size, _, comment, temp in tables(session, found)
    ]
    return found.shown(columns, rows)


@command("SHOW OBJECTS", "SHOW TERSE OBJECTS", reads=True, proof=document("sql/show-objects"))
def show_objects(session: Session, parser: Parser) -> Result:
    """SHOW OBJECTS: tables and views."""
    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("OBJECTS")
    found = filters(session, parser)
    columns = {
        "created_on": "timestamp_ltz", "name": "text", "database_name": "text", "schema_name": "text", "kind": "text",
        "comment": "text",
        "cluster_by": "text", "rows": "fixed", "bytes": "fixed", "owner": "text", "retention_time": "text",
        "owner_role_type": "text",
    }  # fmt: skip
    rows: list[tuple[Any, ...]] = [
        (
            session.account.started,
            n.name,
            n.database,
            n.schema,
            kind_of(session, n, temporary=temp),
            comment,
            "",
            size,
            0,
            OWNER,
            "1",
            "ROLE",
        )
        for n, size, _, comment, temp in tables(session, found)
    ]
    rows += [
        (v.created_on, v.name.name, v.name.database, v.name.schema, "VIEW", v.comment, "", 0, 0, OWNER, "1", "ROLE")
        for v in session.account.catalog.views
        if found.holds(v.name)
    ]
    rows.sort(key=lambda row: row[1:4])
    return found.shown(columns, rows)


@command("SHOW VIEWS", "SHOW TERSE VIEWS", reads=True, proof=document("sql/show-views"))
def show_views(session: Session, parser: Parser) -> Result:
    """SHOW VIEWS; `text` is the statement that made the view, which snowflake-ml reads back."""
    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("VIEWS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "reserved", "database_name", "schema_name", "owner", "comment", "text", "is_secure", "is_materialized",
         "owner_role_type", "change_tracking"), "text",
    )  # fmt: skip
    rows = [
        (
            v.created_on,
            v.name.name,
            "",
            v.name.database,
            v.name.schema,
            OWNER,
            v.comment,
            v.text,
            "false",
            "false",
            "ROLE",
            "OFF",
        )
        for v in session.account.catalog.views
        if found.holds(v.name)
    ]
    return found.shown(columns, rows)


def nothing(*heads: str, columns: str) -> None:
    """Register SHOW commands of objects that cannot exist here: they answer with no rows."""

    def handler(session: Session, parser: Parser) -> Result:
        parser.at = len(heads[0].split())
        filters(session, parser)
        return of_rows(dict.fromkeys(columns.split(), "text"), [])

    for head in heads:
        summary, proof = f"{head}: none, since none can be made here", document(f"sql/{head.lower().replace(' ', '-')}")
        COMMANDS[tuple(head.split())] = Command(handler, reads=True, summary=summary, proof=proof)


nothing(
    "SHOW ONLINE FEATURE TABLES",
    columns="created_on name database_name schema_name owner comment text target_lag refresh_mode refresh_mode_reason"
    " scheduling_state warehouse",
)


@command("SHOW COLUMNS", reads=True, proof=document("sql/show-columns"))
def show_columns(session: Session, parser: Parser) -> Result:
    """SHOW COLUMNS [LIKE] [IN TABLE | VIEW | SCHEMA | DATABASE]."""
    parser.expect("SHOW", "COLUMNS")
    found = filters(session, parser)
    columns = dict.fromkeys(
        ("table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression", "comment",
            "database_name",
         "autoincrement", "schema_evolution_record"), "text",
    )  # fmt: skip
    names = (
        [found.table] if found.table else [n for n, *_ in tables(session, Filters(None, found.database, found.schema))]
    )
    if not found.table:
        names += [
            v.name for v in session.account.catalog.views if Filters(None, found.database, found.schema).holds(v.name)
        ]
    rows = []
    for name in names:
        for column, default, comment in described(session, name):
            if found.fits(column.name):
                kind = json.dumps(_json_type(column))
                flag = "true" if column.nullable else "NOT_NULL"
                rows.append(
                    (
                        name.name,
                        name.schema,
                        column.name,
                        kind,
                        flag,
                        default or "",
                        "COLUMN",
                        "",
                        comment,
                        name.database,
                        "",
                        None,
                    )
                )
    return of_rows(columns, rows)


def _json_type(column: Column) -> dict[str, Any]:
    made: dict[str, Any] = {"type": column.kind.upper()}
    if column.kind == "fixed":
        made |= {"precision": column.precision, "scale": column.scale}
    elif column.kind == "text":
        made |= {"length": column.wire()["length"], "byteLength": column.wire()["byteLength"], "fixed": False}
    elif column.kind.startswith("time"):
        made |= {"precision": 0, "scale": 9}
    return made | {"nullable": column.nullable}


def described(session: Session, name: Name) -> list[tuple[Column, str | None, str]]:
    """The columns of a table or view, with default and comment."""
    view = session.account.catalog.views.get(name)
    if view is not None:
        from churnobs.testing import queries

        columns = queries.run(session, f"SELECT * FROM {name.sql}", (), describe_only=True).columns
        comments = dict(view.columns)
        return [(c, None, comments.get(c.name, "")) for c in columns]
    held = session.physical(name)
    rows = session.engine.run(
        "SELECT column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns() WHERE database_name ="
        f" {literal(held.database)} AND schema_name = {literal(held.schema)} AND table_name = {literal(held.name)}"
        " ORDER BY column_index"
    )
    if not rows:
        raise missing("Object", name)
    from churnobs.testing.descriptions import Fact, told_more

    declared, made = session.account.catalog.declared.get(held, {}), []
    for column, kind, nullable, default, comment in rows:
        fact = Fact(declared.get(column), nullable=bool(nullable))
        made.append((told_more(Column.of(column, kind), fact), default, comment or ""))
    return made


def type_name(column: Column) -> str:
    """Snowflake's spelling of a type."""
    if column.kind == "fixed":
        return f"NUMBER({column.precision},{column.scale})"
    return {
        "text": f"VARCHAR({column.length or TEXT_LIMIT})", "real": "FLOAT", "boolean": "BOOLEAN", "date": "DATE",
        "time": "TIME(9)",
        "binary": "BINARY(8388608)",
        "timestamp_ntz": "TIMESTAMP_NTZ(9)", "timestamp_tz": "TIMESTAMP_TZ(9)", "timestamp_ltz": "TIMESTAMP_LTZ(9)",
    }.get(column.kind, column.kind.upper())  # fmt: skip


@command("DESCRIBE TABLE", "DESC TABLE", "DESCRIBE VIEW", "DESC VIEW", reads=True, proof=document("sql/desc-table"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE TABLE or VIEW."""
    parser.at = 1
    kind = parser.accept_any("TABLE", "VIEW")
    name = session.resolve(parser.parts())
    if kind == "VIEW" and session.account.catalog.views.get(name) is None:
        raise missing("View", name)
    columns = dict.fromkeys(
        ("name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment", "policy name",
         "privacy domain"), "text",
    )  # fmt: skip
    rows = [
        (
            c.name,
            type_name(c),
            "COLUMN",
            "Y" if c.nullable else "N",
            default,
            "N",
            "N",
            None,
            None,
            comment or None,
            None,
            None,
        )
        for c, default, comment in described(session, name)
    ]
    return of_rows(columns, rows)


@command("DESCRIBE RESULT", "DESC RESULT", reads=True, proof=document("sql/desc-result"))
def describe_result(session: Session, parser: Parser) -> Result:
    """DESCRIBE RESULT 'query id'."""
    parser.at = 2
    query_id = session.queries[-1] if parser.accept("LAST_QUERY_ID", "(", ")") else parser.string()
    found = session.account.result(query_id)
    if found is None:
        raise SqlError(f"Statement {query_id} not found", 709, "02000")
    columns = dict.fromkeys(("name", "type", "kind", "null?"), "text")
    return of_rows(columns, [(c.name, type_name(c), "COLUMN", "Y") for c in found.columns])
