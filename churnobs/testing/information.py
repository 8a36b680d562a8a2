"""The information schema's tables that list what only this package knows; the rest is fakesnow's."""

from __future__ import annotations

from importlib import metadata

from churnobs.testing.catalog import OWNER
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.results import Result, of_rows
from churnobs.testing.session import Session
from churnobs.testing.show import Filters, described, tables, type_name

# what Snowflake puts beside a procedure's own packages and snowflake-ml always asks for; its code needs nothing of it
SUPPLIED = {"snowflake-telemetry-python": "0.6.0"}
_KNOWN = {"SCHEMATA", "DATABASES"}


def information(session: Session, parts: tuple[str, ...]) -> Result | None:
    """A table of INFORMATION_SCHEMA, or None when fakesnow answers."""
    what = parts[-1]
    if parts[0] == "SNOWFLAKE":
        raise not_supported(".".join(parts), "ask INFORMATION_SCHEMA")
    database = parts[0] if len(parts) == 3 else session.engine.database
    everywhere = Filters(None, database, None)
    if what == "TABLES":
        columns = {
            "TABLE_CATALOG": "text", "TABLE_SCHEMA": "text", "TABLE_NAME": "text", "TABLE_OWNER": "text", "TABLE_TYPE": "text",
            "IS_TRANSIENT": "text", "ROW_COUNT": "fixed", "BYTES": "fixed", "RETENTION_TIME": "fixed", "CREATED": "timestamp_ltz",
            "LAST_ALTERED": "timestamp_ltz", "COMMENT": "text", "IS_TEMPORARY": "text",
        }  # fmt: skip
        rows = [
            (n.database, n.schema, n.name, OWNER, "LOCAL TEMPORARY" if temp else "BASE TABLE",
             "YES" if n in session.account.catalog.transient else "NO", size, 0, 1,
                session.account.started,
             session.account.started, comment or None, "YES" if temp else "NO")
            for n, size, _, comment, temp in tables(session, everywhere)
        ] + [
            (v.name.database, v.name.schema, v.name.name, OWNER, "VIEW", "NO", None, None, None, v.created_on, v.created_on,
             v.comment or None, "NO")
            for v in session.account.catalog.views if v.name.database == database
        ]  # fmt: skip
        return of_rows(columns, rows)
    if what == "COLUMNS":
        return columns_of_all(session, everywhere)
    if what == "VIEWS":
        columns = {
            "TABLE_CATALOG": "text", "TABLE_SCHEMA": "text", "TABLE_NAME": "text", "TABLE_OWNER": "text",
            "VIEW_DEFINITION": "text",
            "CREATED": "timestamp_ltz", "COMMENT": "text",
        }  # fmt: skip
        return of_rows(columns, [
            (v.name.database, v.name.schema, v.name.name, OWNER, v.text, v.created_on, v.comment or None)
            for v in session.account.catalog.views if v.name.database == database
        ])  # fmt: skip
    if what == "STAGES":
        columns = dict.fromkeys(
            ("STAGE_CATALOG", "STAGE_SCHEMA", "STAGE_NAME", "STAGE_URL", "STAGE_TYPE", "STAGE_OWNER", "COMMENT"), "text"
        )
        return of_rows(columns, [
            (s.name.database, s.name.schema, s.name.name, s.url or None,
                "External Named" if s.url else "Internal Named", OWNER, s.comment or None)
            for s in session.account.catalog.stages if s.name.database == database
        ])  # fmt: skip
    if what == "PACKAGES":
        return packages()
    if what == "LOAD_HISTORY":
        from churnobs.testing.copy_report import load_history

        return load_history(session, database)
    if what in _KNOWN:
        return None
    raise not_supported(f"INFORMATION_SCHEMA.{what}", "use the SHOW command of the objects")


def columns_of_all(session: Session, everywhere: Filters) -> Result:
    """INFORMATION_SCHEMA.COLUMNS: those of the tables and views of a database."""
    kinds = dict.fromkeys(
        ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "COLUMN_DEFAULT", "IS_NULLABLE", "DATA_TYPE",
         "IS_IDENTITY", "COMMENT"), "text",
    ) | dict.fromkeys(
        ("ORDINAL_POSITION", "CHARACTER_MAXIMUM_LENGTH", "CHARACTER_OCTET_LENGTH", "NUMERIC_PRECISION", "NUMERIC_PRECISION_RADIX",
         "NUMERIC_SCALE", "DATETIME_PRECISION"), "fixed",
    )  # fmt: skip
    rows = []
    names = [name for name, *_ in tables(session, everywhere)]
    names += [v.name for v in session.account.catalog.views if everywhere.holds(v.name)]
    for name in names:
        try:
            found = described(session, name)
        except SqlError:  # a view of what is no longer there
            continue
        for place, (column, default, comment) in enumerate(found, 1):
            kind, told, exact = type_name(column).split("(")[0], column.wire(), column.kind == "fixed"
            rows.append((
                name.database, name.schema, name.name, column.name, default, "YES" if column.nullable else "NO",
                "TEXT" if kind == "VARCHAR" else kind, "NO", comment or None, place, told["length"], told["byteLength"],
                told["precision"] if exact else None, 10 if exact else None, told["scale"] if exact else None,
                9 if column.kind.startswith("time") else None,
            ))  # fmt: skip
    return of_rows(kinds, rows)


def packages() -> Result:
    """INFORMATION_SCHEMA.PACKAGES: the Python packages of this process, since code runs in it."""
    seen = dict(SUPPLIED)
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name:
            seen[name.lower().replace("_", "-")] = found.version
    columns = dict.fromkeys(("PACKAGE_NAME", "VERSION", "LANGUAGE", "RUNTIME_VERSION"), "text")
    return of_rows(columns, [(n, v, "python", None) for n, v in sorted(seen.items())])
