"""DuckDB dressed by fakesnow: the only module that touches fakesnow's private parts.

fakesnow supplies the databases with their information schema and macros, and turns Snowflake's expressions into DuckDB's. What it
is relied on for is named in ``PRIVATE`` and checked by a contract test, so that a new release of it fails there first.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
from fakesnow import info_schema, macros, transforms
from fakesnow.instance import FakeSnow
from sqlglot import exp

from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.names import is_plain, literal, quote
from churnobs.testing.results import SELECT, Column, Result
from churnobs.testing.trees import value_of

if TYPE_CHECKING:
    from fakesnow.conn import FakeSnowflakeConnection

# In this order. Left out: what this package does itself (SHOW, stages, MERGE, identifier, RESULT_SCAN, ...), and
# numeric_agg_implicit_cast, which turns sums of integers into doubles and hides text that is no number.
TRANSFORMS = (
    "upper_case_unquoted_identifiers", "extract_comment_on_table", "extract_comment_on_columns", "information_schema_fs",
    "semi_structured_types", "try_parse_json", "split", "trim_cast_varchar", "indices_to_json_extract",
    "json_extract_cast_as_varchar",
    "json_extract_cased_as_varchar", "json_extract_precedence", "flatten_value_cast_as_varchar", "flatten", "regex_replace",
    "regex_substr", "sequence_nextval", "values_columns", "to_date", "timestamp_offsets", "to_decimal",
    "to_timestamp", "to_variant",
    "object_construct", "timestamp_ntz", "float_to_double", "integer_precision", "extract_text_length", "sample",
    "array_size", "random",
    "array_agg_within_group", "array_agg", "object_agg", "array_construct_etc", "dateadd_date_cast",
    "dateadd_string_literal_timestamp_cast", "datediff_string_literal_timestamp_cast", "haversine", "hex_string", "sha256",
    "alias_in_join", "alias_in_where",
)  # fmt: skip
PRIVATE = (
    "fakesnow.instance.FakeSnow.duck_conn",
    "fakesnow.instance.FakeSnow.connect",
    "fakesnow.conn.FakeSnowflakeConnection._duck_conn",
    "fakesnow.conn.FakeSnowflakeConnection._schema",
    *(f"fakesnow.transforms.{name}" for name in TRANSFORMS),
    "fakesnow.transforms.create_table_autoincrement",
    "fakesnow.transforms.alter_table_add_multiple_columns",
    "fakesnow.info_schema.per_db_creation_sql",
    "fakesnow.info_schema.insert_table_comment_sql",
    "fakesnow.info_schema.insert_text_lengths_sql",
    "fakesnow.macros.creation_sql",
)
HIDDEN = "_fs_information_schema"
_VARIABLE = re.compile(r"\$\$.*?\$\$|'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|(?<![\w$])\$(?P<name>[A-Za-z_]\w*)", re.DOTALL)


_CHAIN = [getattr(transforms, name) for name in TRANSFORMS]


def _exploded(expression: exp.Expr) -> list[exp.Expr]:
    for split in (
        transforms.create_table_autoincrement,
        transforms.alter_table_add_multiple_columns,
    ):
        parts: list[exp.Expr] = split(expression)
        if len(parts) > 1:
            return parts
    return [expression]


class Engine:
    """The DuckDB instance behind one account; closed to the file system but for the account's folders.

    Args:
        folders: what it may read and write; the first is the account's own.
        files: the folder of the databases' files, where the account is to be kept; else they are in memory.
    """

    def __init__(self, folders: list[Path], files: Path | None = None) -> None:
        self._files = files
        self._fake = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.root: duckdb.DuckDBPyConnection = self._fake.duck_conn
        self.functions: dict[str, int] = {}
        self.lock = threading.RLock()
        from churnobs.testing import arithmetic, arrays, clock, exact, flatten, functions, json_texts, scalars, typed

        root: Any = self.root
        root.create_function(json_texts.NAME, json_texts.column, None, "VARCHAR", type="arrow", null_handling="special")
        root.create_function(json_texts.WALK, json_texts.walks, None, "VARCHAR", type="arrow", null_handling="special")
        for module in (arithmetic, exact, typed, json_texts, arrays, flatten, scalars, functions, clock):
            self.root.execute(module.MACROS)
        allowed = ", ".join(literal(f"{folder}/") for folder in folders)
        # what does not fit into memory goes to the account's folder, not to one beside the program
        self.root.execute(f"SET temp_directory={literal(str(folders[0] / 'spilled'))}")
        self.root.execute(
            f"SET allowed_directories=[{allowed}]; SET autoinstall_known_extensions=false;"
            "SET autoload_known_extensions=false; SET enable_external_access=false; SET lock_configuration=true"
        )

    def databases(self) -> list[str]:
        """The names of the account's databases."""
        found = self.root.cursor().execute(
            "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name NOT IN ('memory', '_fs_global')"
        )
        return sorted(row[0] for row in found.fetchall())

    def schemas(self, database: str) -> list[str]:
        """The names of a database's schemas."""
        found = self.root.cursor().execute(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? AND NOT internal"
            f" AND schema_name NOT IN ('main', '{HIDDEN}')",
            [database],
        )
        return sorted(row[0] for row in found.fetchall())

    def create_database(self, name: str) -> None:
        """Attach an empty database with its information schema and a PUBLIC schema."""
        if not is_plain(name):
            raise not_supported(f"the database name {quote(name)}", "use letters, digits and underscores")
        cursor = self.root.cursor()
        if name in self.databases():
            raise exists("Object", name)
        if self._files is not None:
            (self._files / f"{name}.duckdb").unlink(missing_ok=True)  # of a database that was dropped
        self.attach(name)
        cursor.execute(info_schema.per_db_creation_sql(name))
        cursor.execute(macros.creation_sql(name))
        cursor.execute(f'CREATE SCHEMA {quote(name)}."PUBLIC"')

    def attach(self, name: str) -> None:
        """Attach a database: its file, if there is one, else an empty one."""
        place = ":memory:" if self._files is None else str(self._files / f"{name}.duckdb")
        self.root.cursor().execute(f"ATTACH {literal(place)} AS {quote(name)}")

    def connect(self, database: str | None, schema: str | None) -> EngineSession:
        """Open a session; the database and schema must exist."""
        return EngineSession(self, self._fake.connect(database, schema))

    def close(self) -> None:
        """Close DuckDB and everything in it."""
        self.root.close()


class EngineSession:
    """One connection: its current database and schema, and the way from Snowflake's expressions to results."""

    def __init__(self, engine: Engine, connection: FakeSnowflakeConnection) -> None:
        self.engine = engine
        self._connection = connection
        self.duck: duckdb.DuckDBPyConnection = connection._duck_conn
        self.in_transaction = False
        self._seen = 0
        self._own: dict[str, str] = {}
        self.variables: dict[str, Any] = {}

    @property
    def database(self) -> str | None:
        """The current database."""
        found: str | None = self._connection.database
        return found

    @property
    def schema(self) -> str | None:
        """The current schema."""
        found: str | None = self._connection.schema
        return found

    def use(self, database: str, schema: str | None) -> None:
        """Make a database, and a schema in it, the current one."""
        if database not in self.engine.databases():
            raise missing("Database", database)
        if schema is not None and schema != "INFORMATION_SCHEMA" and schema not in self.engine.schemas(database):
            raise missing("Schema", f"{database}.{schema}")
        inner = HIDDEN if schema == "INFORMATION_SCHEMA" else schema
        self.duck.execute(f"USE {quote(database)}.{quote(inner or 'main')}")
        self._connection.database, self._connection.database_set = database, True
        self._connection._schema = "_FS_INFORMATION_SCHEMA" if schema == "INFORMATION_SCHEMA" else schema
        self._connection.schema_set = schema is not None

    def forget_current(self, *, database: bool) -> None:
        """Have no current schema any more, after it was dropped."""
        self.duck.execute("USE memory.main")
        if database:
            self._connection.database, self._connection.database_set = None, False
        self._connection._schema, self._connection.schema_set = None, False

    def inline_variables(self, text: str) -> str:
        """Put the session's variables ($name) into a statement, outside its texts."""
        if not self.variables or "$" not in text:
            return text
        return _VARIABLE.sub(lambda m: self._variable(m) if m.group("name") else m.group(), text)

    def _variable(self, match: re.Match[str]) -> str:
        name = match.group("name").upper()
        if name not in self.variables:
            return match.group()
        value = self.variables[name]
        if isinstance(value, str):
            return literal(value)
        spelled = value_of(value).sql(dialect="snowflake")
        return f"({spelled})" if spelled.startswith("-") else spelled

    def translate(self, expression: exp.Expr) -> Iterator[exp.Expr]:
        """Turn one Snowflake expression into the DuckDB expressions that do it."""
        try:
            for part in [expression] if isinstance(expression, exp.Merge) else _exploded(expression):
                changed = part
                # an index of an index is turned without the inner one, unless that was turned before
                for index in reversed(list(changed.find_all(exp.Bracket))):
                    if index.parent is not None:
                        index.replace(transforms.indices_to_json_extract(index))
                for transform in _CHAIN:
                    changed = changed.transform(transform, copy=False)
                yield changed
        except NotImplementedError as error:
            raise not_supported(str(error), "rewrite the statement") from error

    def function(self, name: str, function: Callable[..., Any], returns: str, *, side_effects: bool = False) -> str:
        """The name by which DuckDB calls, in this session, a Python function of Arrow columns.

        The function sees NULLs, and its arguments have whatever type they have.
        """
        made, connection = name, cast("Any", self.engine.root)
        with self.engine.lock:
            if self.engine.functions.get(name, self._seen) < self._seen or name in self._own:
                return self._own.get(name, name)
            if self.in_transaction:
                # it does not see what others made since: it gets a function of its own, which a rollback takes away
                made, connection = f"{name}_{uuid.uuid4().hex}", self.duck
                self._own[name] = made
            elif name in self.engine.functions:
                return name
            else:
                self.engine.functions[name] = len(self.engine.functions)
            connection.create_function(
                made, function, None, returns, type="arrow", null_handling="special", side_effects=side_effects
            )
        return made

    def query(self, sql: str) -> Result:
        """Run a query given in DuckDB's SQL."""
        try:
            relation = self.duck.sql(sql)
            if relation is None:
                raise not_supported("a query without a result", "select something")
            columns = [Column.of(n, str(t)) for n, t in zip(relation.columns, relation.types, strict=True)]
            return Result(columns, relation.to_arrow_table(), SELECT, "duckdb")
        except duckdb.Error as error:
            raise translated(error) from error

    def types(self, sql: str) -> list[tuple[str, str]]:
        """The names and DuckDB types of a query's columns, without running it."""
        try:
            relation = self.duck.sql(sql)
        except duckdb.Error as error:
            raise translated(error) from error
        assert relation is not None
        return [(n, str(t)) for n, t in zip(relation.columns, relation.types, strict=True)]

    def side(self) -> duckdb.DuckDBPyConnection:
        """A second connection with the same current schema: an error there leaves the open transaction alone."""
        made = self.duck.cursor()
        if self.database is not None:
            made.execute(f"USE {quote(self.database)}.{quote(self.schema or 'main')}")
        return made

    def describe(self, sql: str) -> list[Column]:
        """The columns of a query without running it."""
        try:
            relation = self.duck.sql(sql)
            assert relation is not None
            return [Column.of(n, str(t)) for n, t in zip(relation.columns, relation.types, strict=True)]
        except duckdb.Error as error:
            raise translated(error) from error

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement given in DuckDB's SQL and fetch what it returns."""
        try:
            return self.duck.execute(sql).fetchall()
        except duckdb.Error as error:
            raise translated(error) from error

    def begin(self) -> None:
        """Open a transaction unless one is open."""
        if not self.in_transaction:
            self._seen, self._own = len(self.engine.functions), {}
            self.duck.execute("BEGIN TRANSACTION")
            self.in_transaction = True

    def end(self, *, commit: bool) -> None:
        """Close the open transaction, if any."""
        if self.in_transaction:
            self.in_transaction = False
            try:
                if commit:
                    self.duck.execute(
                        "SELECT 1"
                    )  # DuckDB would answer the COMMIT of an aborted transaction, and undo it
                self.duck.execute("COMMIT" if commit else "ROLLBACK")
            except duckdb.TransactionException as error:
                if "aborted" in str(error):
                    self.duck.execute("ROLLBACK")
                raise translated(error) from error
            except duckdb.Error as error:
                raise translated(error) from error

    def note_table(self, statement: exp.Expr, database: str, schema: str, name: str) -> None:
        """Record a created table's comment and text lengths where the information schema looks for them."""
        if comment := statement.args.get("table_comment"):
            text = str(comment[1]).replace("'", "''")
            self.engine.root.cursor().execute(info_schema.insert_table_comment_sql(database, schema, name, text))
        if lengths := statement.args.get("text_lengths"):
            self.engine.root.cursor().execute(info_schema.insert_text_lengths_sql(database, schema, name, lengths))

    def close(self) -> None:
        """Close the connection."""
        self.duck.close()


def translated(error: duckdb.Error) -> SqlError:  # noqa: PLR0912  # one branch a kind of error
    """DuckDB's error in Snowflake's numbers."""
    message = str(error.args[0]) if error.args else str(error)
    first = message.split("\n")[0]
    if "Python exception occurred" in message or "Python UDF" in message:
        return SqlError(f"Python Interpreter Error:\n{message}", 100357, "P0000")
    if isinstance(error, duckdb.CatalogException):
        if found := re.search(r"(?:Table|View|Table Function) with name (\S+) does not exist", first):
            return missing("Object", found.group(1).rstrip("!"))
        if found := re.search(r"(?:Scalar|Aggregate|Window) Function with name (\S+) does not exist", first):
            return SqlError(f"SQL compilation error:\nUnknown function {found.group(1).upper()}.", 2140, "42601")
        if found := re.search(r"Type with name (\S+) does not exist", first):
            return not_supported(f"the type {found.group(1).upper()}", "use another type")
        if found := re.search(r"Column with name \"?(.+?)\"? already exists", first):
            told = "the offline account cannot tell names apart that differ only in case"
            return SqlError(
                f"SQL compilation error:\nduplicate column name '{found.group(1)}'\n({told})", 2025, "42S21"
            )
        if "already exists" in first:
            found = re.search(r'name "([^"]+)"', first)
            return exists("Object", found.group(1) if found else first)
        return SqlError(f"SQL compilation error:\n{first}", 2003, "42S02")
    if isinstance(error, duckdb.BinderException):
        if found := re.search(r'Referenced column "([^"]+)" not found', first) or re.search(
            r'does not have a column named "([^"]+)"', first
        ):
            return SqlError(f"SQL compilation error:\ninvalid identifier '{found.group(1)}'", 904, "42000")
        return SqlError(f"SQL compilation error:\n{first}", 2043, "02000")
    if isinstance(error, duckdb.ParserException):
        return SqlError(f"SQL compilation error:\n{first}", 1003, "42000")
    if isinstance(error, duckdb.ConstraintException):
        if found := re.search(r"NOT NULL constraint failed: \S*?\.?([^.\s]+)$", first):
            return SqlError(f"NULL result in a non-nullable column '{found.group(1)}'", 100072, "22000")
        return SqlError(first, 200001, "22000")
    if "Error parsing JSON" in first:
        return SqlError(first[first.index("Error parsing JSON") :], 100069, "22P02")
    if "Division by zero" in first:
        return SqlError("Division by zero", 100051, "22012")
    if isinstance(error, duckdb.ConversionException | duckdb.InvalidInputException | duckdb.OutOfRangeException):
        if found := re.search(r"Could not convert string ['\"](.*)['\"] to (\w+)", first):
            kind = (
                "Numeric value"
                if re.match(r"U?INT|DECIMAL|DOUBLE|FLOAT|HUGEINT", found.group(2))
                else found.group(2).capitalize()
            )
            return SqlError(f"{kind} '{found.group(1)}' is not recognized", 100038, "22018")
        if found := re.search(r"(Failed to cast variant value .* to (?:ARRAY|OBJECT))$", message, re.DOTALL):
            return SqlError(found.group(1), 100071, "22000")
        if "destination type INT64" in first and "INT128" in first:
            return not_supported("a whole number of more than 64 bits", "keep it as FLOAT, or its digits as VARCHAR")
        if found := re.search(r"(String '.*' is too long and would be truncated)$", message, re.DOTALL):
            return SqlError(found.group(1), 100078, "22000")
        return SqlError(re.sub(r"^\w+ Input Error: (?=User character length)", "", first), 100035, "22007")
    if isinstance(error, duckdb.TransactionException) and "aborted" in first:
        return not_supported(
            "going on with a transaction after a statement of it failed",
            "ROLLBACK, and run the whole transaction again",
        )
    if isinstance(error, duckdb.TransactionException):
        return SqlError(first, 625, "57014")
    if isinstance(error, duckdb.PermissionException):
        return SqlError(f"offline account: {first}; files are reached through stages", 3001, "42501")
    return SqlError(first, 1001, "XX000")
