"""COPY INTO a table: file by file, with the load history, and with what ON_ERROR says about rows that do not fit."""

from __future__ import annotations

from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from churnobs.testing import changes, past, queries, streams
from churnobs.testing.copy_report import Load, Loaded, answer
from churnobs.testing.csv_files import BadRow, other_width
from churnobs.testing.engine import translated
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.formats import strptime_format
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import Location, locate
from churnobs.testing.names import Name, literal, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Column, Result, of_rows
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.show import described
from churnobs.testing.stage_reads import Copying, FileRows, format_of, json_keys, read_file
from churnobs.testing.stages import place
from churnobs.testing.statements import command

_OPTIONS = {
    "FILE_FORMAT", "FILES", "PATTERN", "ON_ERROR", "FORCE", "PURGE", "SIZE_LIMIT", "MATCH_BY_COLUMN_NAME", "VALIDATION_MODE",
    "ENFORCE_LENGTH", "TRUNCATECOLUMNS", "RETURN_FAILED_ONLY", "LOAD_UNCERTAIN_FILES", "USE_LOGICAL_TYPE",
}  # fmt: skip


@command("COPY INTO", proof=document("sql/copy-into-table"))
def copy(session: Session, parser: Parser) -> Result:
    """COPY INTO: a location as the target unloads, a table loads."""
    parser.expect("COPY", "INTO")
    token = parser.peek()
    if token is not None and (token.kind in ("stage", "url") or (token.kind == "string" and token.text[1:2] in "@s")):
        from churnobs.testing.unload import unload

        return unload(session, parser)
    table = session.resolve(parser.parts())
    columns: list[str] = []
    if parser.accept("("):
        while not parser.accept(")"):
            columns.append(parser.part())
            parser.accept(",")
    parser.expect("FROM")
    query, source = None, ""
    if (token := parser.peek()) is not None and token.text == "(":
        query = parser.group()
        source = _source_of(query)
    else:
        source = place(parser)
    options = parser.options()
    parser.end()
    if unknown := set(options) - _OPTIONS:
        raise not_supported(f"COPY INTO ... {sorted(unknown)[0]}", "leave the option out")
    if options.get("VALIDATION_MODE") or options.get("SIZE_LIMIT"):
        raise not_supported("COPY INTO ... VALIDATION_MODE or SIZE_LIMIT", "load into a temporary table first")
    changes.require_insert(session, table)
    location = locate(session, source)
    return _Load(session, table, columns, query, location, options).run()


def _source_of(query: str) -> str:
    tree = queries.parse(query)
    for node in tree.find_all(exp.Table):
        if isinstance(node.this, exp.Var | exp.Literal):
            return str(node.this.name)
    raise SqlError("SQL compilation error:\nCOPY INTO needs a stage to read from", 1003, "42000")


class _Load:
    """One COPY INTO a table."""

    def __init__(
        self,
        session: Session,
        table: Name,
        columns: list[str],
        query: str | None,
        location: Location,
        options: dict[str, Any],
    ) -> None:
        self.session, self.table, self.query, self.location, self.options = session, table, query, location, options
        self.form = format_of(session, location, options.get("FILE_FORMAT"))
        known = described(session, table)
        self.kinds = {c.name: c for c, _, _ in known}
        self.defaults = {c.name for c, default, _ in known if default}
        self.columns = columns or [c.name for c, _, _ in known]
        for name in self.columns:
            if name not in self.kinds:
                raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")
        self.on_error = str(options.get("ON_ERROR", "ABORT_STATEMENT")).upper()
        if self.on_error not in ("ABORT_STATEMENT", "CONTINUE") and not self.on_error.startswith("SKIP_FILE"):
            raise SqlError(f"SQL compilation error:\ninvalid value '{self.on_error}' for ON_ERROR", 1003, "42000")
        self.match = str(options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
        told = session.account.catalog.declared.get(session.physical(table), {})
        self.lengths = {column: most for column, most in told.items() if isinstance(most, int)}
        self.cuts = bool(options.get("TRUNCATECOLUMNS", False)) or options.get("ENFORCE_LENGTH", True) is False
        self.side = session.engine.side()

    def run(self) -> Result:
        """Load the files that were not loaded yet."""
        catalog = self.session.account.catalog
        history = catalog.loads.setdefault(self.table, {})
        only = self.options.get("FILES")
        files = self.location.files(
            self.options.get("PATTERN"), only if isinstance(only, list) or only is None else [only]
        )
        exact = self.location.path.strip("/")
        files = [exact] if exact in files else files
        if only is not None and not files:
            raise SqlError(f"Remote file '{self.location.shown}{only}' was not found.", 91016, "22000")
        todo = [
            f for f in files if self.options.get("FORCE") or history.get(f"{self.location.root}/{f}") != self._stamp(f)
        ]
        if not todo:
            return of_rows({"status": "text"}, [("Copy executed with 0 files processed.",)])
        done = [self._file(file) for file in todo]
        self._insert([d.rows for d in done if d.rows is not None and not d.failed])
        for one in done:
            if not one.failed:
                key = f"{self.location.root}/{one.file}"
                self.session.when_committed(partial(history.__setitem__, key, self._stamp(one.file)))
                if self.options.get("PURGE"):
                    self.location.inside(one.file).unlink()
        made = answer(self.table, self.location.shown, done, goes_on=self.on_error == "CONTINUE")
        at = self.session.account.clock.now()
        self.session.when_committed(partial(catalog.history.extend, [Load(self.table, r, at) for r in made.rows]))
        return made

    def _stamp(self, file: str) -> tuple[str, float]:
        held = self.location.inside(file).stat()
        return str(held.st_size), held.st_mtime

    def _file(self, file: str) -> Loaded:
        path = self.location.inside(file)
        try:
            read = read_file(path, self.form)
        except SqlError as error:
            if self.on_error == "ABORT_STATEMENT":
                raise
            return Loaded(file, 0, None, [BadRow(0, 1, error.message)], failed=True)
        count = read.table.num_rows
        if (
            read.kind == "csv"
            and self.query is None
            and self.match == "NONE"
            and self.form["ERROR_ON_COLUMN_COUNT_MISMATCH"]
        ):
            read.bad = self._widths(read)
        elif read.kind != "csv" or not self.form["ERROR_ON_COLUMN_COUNT_MISMATCH"]:
            read.bad = []
        if read.bad and self.on_error == "ABORT_STATEMENT":
            raise self._abort(file, read.bad[0])
        wrong = {b.row for b in read.bad}
        kept = (
            read.table.take(pa.array([at for at in range(count) if at not in wrong], pa.int64()))
            if wrong
            else read.table
        )
        rows, bad = self._convert(file, FileRows(kept, read.kind, read.header))
        bad = sorted([*read.bad, *bad], key=lambda b: b.line)
        if bad and self.on_error == "ABORT_STATEMENT":
            raise self._abort(file, bad[0])
        return Loaded(file, count, rows, bad, failed=bool(bad) and self._skips(len(bad), count))

    def _skips(self, errors: int, count: int) -> bool:
        if not self.on_error.startswith("SKIP_FILE"):
            return False
        limit = self.on_error.removeprefix("SKIP_FILE").lstrip("_")
        if not limit:
            return True
        if limit.endswith("%"):
            return errors * 100 > float(limit[:-1]) * count
        return errors >= int(limit)

    def _widths(self, read: FileRows) -> list[BadRow]:
        wanted = len(self.columns)
        widths, lines = read.table.column("_WIDTH").to_pylist(), read.table.column("_LINE").to_pylist()
        return [
            BadRow(at, lines[at], other_width(width, wanted))
            for at, width in enumerate(widths) if width != wanted
        ]  # fmt: skip

    def _abort(self, file: str, bad: BadRow) -> SqlError:
        return SqlError(
            f"{bad.message}\n  File '{file}', line {bad.line}, character {bad.character or 1}\n  Row {bad.row + 1}, column "
            f'"{self.table.name}"["{bad.column}"]\n  If you would like to continue loading when an error is encountered, use '
            "other values such as 'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option.", 100038, "22018",
        )  # fmt: skip

    def _convert(self, file: str, read: FileRows) -> tuple[pa.Table, list[BadRow]]:
        """Convert a file's rows to the table's types; rows that cannot be are named, and the rest converted."""
        rewriter = Rewriter(self.session, (), describe_only=False, duck=self.side)
        rewriter.copying = Copying(self.form, file, read)
        try:
            sql, relation = self._select(rewriter, read)
            good: list[pa.Table] = []
            bad: list[BadRow] = []
            self._halves(sql, relation, read, 0, read.table.num_rows, good, bad)
            if not good:
                return self._run(sql, relation, 0, 0), bad
            return pa.concat_tables(good), bad
        finally:
            rewriter.release()

    def _halves(
        self, sql: str, relation: str, read: FileRows, start: int, end: int, good: list[pa.Table], bad: list[BadRow]
    ) -> None:
        if start >= end:
            return
        try:
            table = self._run(sql, relation, start, end)
        except duckdb.Error as error:
            if end - start > 1:
                middle = (start + end) // 2
                self._halves(sql, relation, read, start, middle, good, bad)
                if self.on_error != "ABORT_STATEMENT" or not bad:
                    self._halves(sql, relation, read, middle, end, good, bad)
                return
            problem = translated(error)
            if not isinstance(
                error, duckdb.ConversionException | duckdb.InvalidInputException | duckdb.OutOfRangeException
            ):
                raise problem from error
            lines = read.table.column("_LINE").to_pylist()[start] if "_LINE" in read.table.schema.names else start + 1
            column, place = self._culprit(sql)
            bad.append(BadRow(start, lines, problem.message, column, self._character(read, start, place)))
            return
        good.append(self._not_null(table, start, bad))

    def _culprit(self, sql: str) -> tuple[str, int | None]:
        """The column that could not be converted, and its place among the file's."""
        for at, name in enumerate(self.columns):
            try:
                self.side.sql(f"SELECT {quote(name)} FROM ({sql})").fetchall()
            except duckdb.Error:
                return name, at if self.query is None and self.match == "NONE" else None
        return "", None

    def _character(self, read: FileRows, row: int, place: int | None) -> int | None:
        """Where in its line a value begins; unknown where quotes or a query stand between."""
        if place is None or read.kind != "csv" or self.form["FIELD_OPTIONALLY_ENCLOSED_BY"]:
            return None
        before = [read.table.column(f"C{at + 1}")[row].as_py() or "" for at in range(place)]
        return 1 + sum(len(value) + len(self.form["FIELD_DELIMITER"] or "") for value in before)

    def _not_null(self, table: pa.Table, start: int, bad: list[BadRow]) -> pa.Table:
        wrong: set[int] = set()
        for at, name in enumerate(self.columns):
            if not self.kinds[name].nullable and table.column(at).null_count:
                for row, valid in enumerate(table.column(at).is_valid().to_pylist()):
                    if not valid and row not in wrong:
                        wrong.add(row)
                        bad.append(
                            BadRow(start + row, start + row + 1, f"NULL result in a non-nullable column '{name}'", name)
                        )
        if not wrong:
            return table
        return table.take(pa.array([r for r in range(table.num_rows) if r not in wrong], pa.int64()))

    def _run(self, sql: str, relation: str, start: int, end: int) -> pa.Table:
        part = relation and self.parts[relation].slice(start, end - start)
        if part is not None:
            self.side.unregister(relation)
            self.side.register(relation, part)
        return self.side.sql(sql).to_arrow_table()

    def _select(self, rewriter: Rewriter, read: FileRows) -> tuple[str, str]:
        if self.query is not None:
            tree = rewriter.query(queries.parse(self.query))
            inner = queries.final(self.session, tree)
            relation = next(iter(rewriter.known))
            kinds = [d[1] for d in self.side.sql(f"DESCRIBE {inner}").fetchall()]
            if len(kinds) != len(self.columns):
                raise SqlError("SQL compilation error:\nInsert value list does not match column list", 2020, "21S01")
            held = ", ".join(quote(f"_{n}") for n in range(len(kinds)))
            targets = [self.kinds[c] for c in self.columns]
            # a text in a variant is a text without its quotes in a column of texts
            plain = [
                " ->> '$'" if kind == "JSON" != target.duck_type else ""
                for kind, target in zip(kinds, targets, strict=True)
            ]
            casts = ", ".join(
                self._fitting(f"({quote(f'_{n}')}{plain[n]})", target) for n, target in enumerate(targets)
            )
            sql = f"SELECT {casts} FROM ({inner}) AS _rows({held})"
        else:
            from churnobs.testing.stage_reads import _relation

            found = _relation([("", read)], self.location)
            relation = rewriter.register(found.table)
            sql = f"SELECT {', '.join(self._columns(read))} FROM {quote(relation)}"
        self.parts = {relation: self.side.sql(f"FROM {quote(relation)}").to_arrow_table()}
        return sql, relation

    def _columns(self, read: FileRows) -> list[str]:
        names = read.table.schema.names
        if self.match != "NONE":
            held = {
                (n.upper() if self.match == "CASE_INSENSITIVE" else n): quote(
                    n if read.kind == "parquet" else f"C{at + 1}"
                )
                for at, n in enumerate(names if read.kind == "parquet" else read.header)
            }
            if read.kind == "json":
                held = {(n.upper() if self.match == "CASE_INSENSITIVE" else n): n for n in json_keys(read.table)}
            if read.kind == "csv" and not read.header:
                raise SqlError(
                    "SQL compilation error:\nMATCH_BY_COLUMN_NAME with CSV needs PARSE_HEADER = TRUE", 1003, "42000"
                )
            self.columns = [
                c
                for c in self.columns
                if (c.upper() if self.match == "CASE_INSENSITIVE" else c) in held or c not in self.defaults
            ]
            sources = [held.get(c.upper() if self.match == "CASE_INSENSITIVE" else c, "NULL") for c in self.columns]
            if read.kind == "json":
                sources = [
                    n if n == "NULL" else self._json(n, self.kinds[c])
                    for n, c in zip(sources, self.columns, strict=True)
                ]
            return [self._cast(source, self.kinds[c]) for source, c in zip(sources, self.columns, strict=True)]
        if read.kind in ("parquet", "json"):
            if len(self.columns) != 1:
                raise SqlError(
                    f"SQL compilation error:\n{read.kind.upper()} file format can produce one and only one column of "
                    "type variant, object, or array. Load data into separate columns using MATCH_BY_COLUMN_NAME or copy "
                    "with transformation.", 1420, "42601",
                )  # fmt: skip
            packed = ", ".join(f"{literal(n)}: {quote(n)}" for n in names)
            value = "C1" if read.kind == "json" else f"to_json({{{packed}}})"
            return [self._cast(value, self.kinds[self.columns[0]])]
        return [
            self._cast(quote(f"C{at + 1}") if f"C{at + 1}" in names else "NULL", self.kinds[c])
            for at, c in enumerate(self.columns)
        ]

    @staticmethod
    def _json(key: str, column: Column) -> str:
        path = literal("/" + key.replace("~", "~0").replace("/", "~1"))
        return f"json_extract{'' if column.kind in ('variant', 'object', 'array') else '_string'}(C1, {path})"

    def _cast(self, value: str, column: Column) -> str:
        name = quote(column.name)
        kind = column.duck_type
        if self.form["TYPE"] == "CSV":
            key = {"DATE": "DATE_FORMAT", "TIMESTAMP": "TIMESTAMP_FORMAT", "TIME": "TIME_FORMAT"}.get(kind)
            given = str(self.form.get(key, "AUTO")) if key else "AUTO"
            if given.upper() != "AUTO":
                return f"CAST(strptime({value}, {literal(strptime_format(given))}) AS {kind}) AS {name}"
            if kind == "BOOLEAN" and value != "NULL":
                true, false = "('true', 't', 'yes', 'y', 'on', '1')", "('false', 'f', 'no', 'n', 'off', '0')"
                known = f"WHEN lower({value}) IN {true} THEN true WHEN lower({value}) IN {false} THEN false"
                return f"CASE {known} ELSE CAST({value} AS BOOLEAN) END AS {name}"
            if kind == "DATE" and value != "NULL":
                tries = ", ".join(f"try_strptime({value}, '{f}')" for f in ("%d-%b-%Y", "%m/%d/%Y"))
                plain = f"CAST({value} AS DATE)::TIMESTAMP"
                return f"CAST(coalesce(TRY_{plain}, {tries}, {plain}) AS DATE) AS {name}"
            if kind == "BLOB":
                return f"unhex({value}) AS {name}"
        return self._fitting(value, column)

    def _fitting(self, value: str, column: Column) -> str:
        made, most = f"CAST({value} AS {column.duck_type})", self.lengths.get(column.name)
        if most is not None and value != "NULL":
            told = f"'User character length limit ({most}) exceeded by string ' || chr(39) || {made} || chr(39)"
            whole = f"CASE WHEN length({made}) > {most} THEN error({told}) ELSE {made} END"
            made = f"left({made}, {most})" if self.cuts else whole
        return f"{made} AS {quote(column.name)}"

    def _insert(self, tables: list[pa.Table]) -> None:
        if not tables:
            return
        session, rows, alone = self.session, pa.concat_tables(tables), not self.session.engine.in_transaction
        session.engine.begin()
        try:
            past.note(session, self.table, only_adds=True)
            session.engine.duck.register("_offline_copy", rows)
            listed = ", ".join(quote(c) for c in self.columns)
            sql = f"INSERT INTO {session.physical(self.table).sql} ({listed}) SELECT {listed} FROM _offline_copy"
            if streams.watched(session, self.table):
                streams.arrived(session, self.table, session.engine.query(f"{sql} RETURNING *").table)
            else:
                session.engine.run(sql)
        except BaseException:
            if alone:
                session.rollback()
            raise
        finally:
            session.engine.duck.unregister("_offline_copy")
        if alone and session.shared.parameters.get("AUTOCOMMIT", True):
            session.commit()
