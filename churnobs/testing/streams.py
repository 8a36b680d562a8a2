"""Streams: what changed in a table since an offset that only a committed change of data moves.

An append-only stream reads the log of inserted rows that every INSERT, MERGE and COPY into its table writes. A standard stream
compares the table with a copy of it taken at the offset, row by row. Both see committed data only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing import directories, stream_joins, stream_views
from churnobs.testing.catalog import OWNER, Object, View
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, split_name
from churnobs.testing.past import rows_at
from churnobs.testing.proof import document
from churnobs.testing.results import Column, Result, of_rows, status
from churnobs.testing.rewriting import RELATIONS, Rewriter, scalar
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped
from churnobs.testing.trees import value_of

METADATA: tuple[str, str, str] = ("METADATA$ACTION", "METADATA$ISUPDATE", "METADATA$ROW_ID")

_MARKS = [Column(METADATA[0], "text"), Column(METADATA[1], "boolean"), Column(METADATA[2], "text")]


@dataclass(slots=True, kw_only=True)
class Stream(Object):
    """A stream and its offset: a place in the log of inserts, or a copy of the table."""

    table: Name
    append_only: bool
    view: View | None = None
    joined: tuple[Name, ...] = ()  # the tables of a view with joins: the copy is then of the view
    under: tuple[Name, ...] = ()  # the views that such a view reads
    stale: str = ""
    log: list[pa.Table] = field(default_factory=list)
    copy: pa.Table | None = None
    arrived: int = 0

    def move_to(self, position: Any) -> None:
        """Move the offset to what a consumer has read."""
        if self.append_only:
            del self.log[: position - self.arrived]
            self.arrived = position
        else:
            self.copy = position


def watched(session: Session, table: Name) -> list[Stream]:
    """The append-only streams that must hear of rows inserted into a table."""
    return [s for s in all_streams(session) if s.table == table and s.append_only and not s.stale]


def all_streams(session: Session) -> list[Stream]:
    """The streams that have a name, and those by which alerts on new data see what is new."""
    shelf = session.account.catalog.shelf
    return [*shelf("Stream"), *(alert.news for alert in shelf("Alert") if alert.news is not None)]


def arrived(session: Session, table: Name, rows: pa.Table) -> None:
    """Tell a table's append-only streams of inserted rows, once they are committed."""
    if rows.num_rows:
        for stream in watched(session, table):
            session.when_committed(partial(stream.log.append, rows))


def table_replaced(session: Session, table: Name) -> None:
    """A stream cannot outlive its table."""
    for stream in all_streams(session):
        if stream.table == table or table in stream.joined:
            stream.stale = f"Base table '{table}' dropped or replaced, cannot read from stream '{stream.name.name}'"


def table_altered(session: Session, table: Name) -> None:
    """After a change of columns, let the copies of standard streams have the same columns."""
    columns = committed(session, table).schema.names
    for stream in session.account.catalog.shelf("Stream"):
        if stream.table == table and stream.copy is not None and not stream.joined:
            current = committed(session, table)
            kept = stream.copy.select([n for n in stream.copy.schema.names if n in columns])
            for name in columns:
                if name not in kept.schema.names:
                    kept = kept.append_column(name, pa.nulls(kept.num_rows, current.schema.field(name).type))
            stream.copy = kept.select(columns)


def committed(session: Session, table: Name) -> pa.Table:
    """The rows of a table that every session sees, with their places."""
    held = session.physical(table)
    return session.engine.engine.root.cursor().sql(f"SELECT rowid AS _rowid, * FROM {held.sql}").to_arrow_table()


@command("CREATE STREAM", proof=document("sql/create-stream"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE STREAM name ON TABLE t [APPEND_ONLY] [SHOW_INITIAL_ROWS] [COMMENT]."""
    from churnobs.testing.changes import require_table

    head = creation(session, parser, "STREAM")
    if parser.accept("CLONE") or parser.accept("COPY"):
        raise not_supported("this CREATE STREAM", "CREATE STREAM ... ON TABLE")
    parser.expect("ON")
    kind = parser.next().upper
    if kind not in ("TABLE", "VIEW", "STAGE"):
        raise not_supported(f"a stream on a {kind.lower()}", "make it on the table")
    table = session.resolve(parser.parts())
    if kind == "STAGE":
        table = directories.watched(session, table)
    view = session.account.catalog.views.need(table) if kind == "VIEW" else None
    place = parser.at
    parser.accept_any("AT", "BEFORE") and parser.group()
    options = parser.options()
    parser.end()
    parser.at = place
    append_only, initial = bool(options.get("APPEND_ONLY", False)), bool(options.get("SHOW_INITIAL_ROWS", False))
    joined: list[Name] = []
    under: list[Name] = []
    if view is not None:
        only = stream_views.base_of(session, view) if append_only else stream_views.only_table(session, view)
        if only is None:
            _, joined, under = stream_joins.query(session, view)
        table = only or table
    start = _start(session, parser, table)
    if not joined:
        require_table(session, table)
    shelf = session.account.catalog.shelf("Stream")
    if shelf.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return created("Stream", head.name.name, made=False)
        raise exists("Object", head.name)
    session.commit()
    stream = Stream(
        name=head.name, table=table, append_only=append_only, view=view, joined=tuple(joined), under=tuple(under),
        comment=str(options.get("COMMENT", "")),
    )  # fmt: skip
    current = _now(session, stream)
    if start is not None:
        _begin_at(stream, start)
    elif append_only:
        stream.log = [current.drop_columns(["_rowid"])] if initial and current.num_rows else []
    else:
        stream.copy = current.slice(0, 0) if initial else current
    shelf.add(stream, replace=True)
    return created("Stream", head.name.name)


def _start(session: Session, parser: Parser, table: Name) -> Stream | pa.Table | None:
    """AT or BEFORE: the offset of another stream on the table, or the rows that it had at another moment."""
    from churnobs.testing import queries

    word = parser.accept_any("AT", "BEFORE")
    if word is None:
        return None
    (when,) = queries.parse(f"SELECT * FROM t {word} ({parser.group()})").find_all(exp.HistoricalData)
    kind = str(when.args["kind"]).upper()
    value = Rewriter(session, (), describe_only=False).evaluate(when.expression)
    if kind != "STREAM":
        return rows_at(session, table, word, kind, value)
    if word != "AT":
        raise not_supported("CREATE STREAM ... BEFORE (STREAM => ...)", "AT (STREAM => ...)")
    other: Stream = session.account.catalog.shelf("Stream").need(session.resolve(split_name(str(value))))
    if other.table != table:
        raise SqlError(f"Stream '{other.name}' is not on '{table}'", 2211, "42601")
    return other


def _begin_at(stream: Stream, other: Stream | pa.Table) -> None:
    if isinstance(other, pa.Table):
        if stream.append_only:
            raise not_supported("an append-only stream AT or BEFORE a moment", "make a standard stream")
        stream.copy = other
        return
    if stream.append_only != other.append_only:
        raise not_supported("CREATE STREAM ... AT a stream of the other kind", "make both append-only, or neither")
    stream.log, stream.copy, stream.arrived = list(other.log), other.copy, other.arrived


def at_offset(session: Session, table: Name, name: str) -> Result:
    """The rows that a table had at the offset of a standard stream on it."""
    from churnobs.testing.show import described

    stream: Stream = session.account.catalog.shelf("Stream").need(session.resolve(split_name(name)))
    if stream.table != table or stream.stale:
        raise SqlError(stream.stale or f"Stream '{stream.name}' is not on '{table}'", 2211, "42601")
    if stream.copy is None:
        raise not_supported("AT (STREAM => ...) of an append-only stream", "use a standard stream")
    return Result([c for c, _, _ in described(session, table)], stream.copy.drop_columns(["_rowid"]))


def view_replaced(session: Session, view: Name) -> None:
    """A stream cannot outlive its view."""
    for stream in all_streams(session):
        if (stream.view is not None and stream.view.name == view) or view in stream.under:
            stream.stale = f"Base view '{view}' dropped or replaced, cannot read from stream '{stream.name.name}'"


@command("DROP STREAM", proof=document("sql/drop-stream"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP STREAM [IF EXISTS]."""
    parser.expect("DROP", "STREAM")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("Stream").drop(name, if_exists=if_exists)
    return dropped(name.name, found=found is not None)


@command("ALTER STREAM", proof=document("sql/alter-stream"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER STREAM ... SET COMMENT."""
    parser.expect("ALTER", "STREAM")
    parser.accept("IF", "EXISTS")
    stream = session.account.catalog.shelf("Stream").need(session.resolve(parser.parts()))
    parser.expect("SET")
    stream.comment = str(parser.options().get("COMMENT", stream.comment))
    parser.end()
    return status("Statement executed successfully.")


@command("SHOW STREAMS", "SHOW TERSE STREAMS", reads=True, proof=document("sql/show-streams"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW STREAMS [LIKE] [IN] [STARTS WITH]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW")
    parser.accept("TERSE")
    parser.expect("STREAMS")
    found = filters(session, parser)
    return found.shown(_columns(), [_row(s) for s in session.account.catalog.shelf("Stream") if found.holds(s.name)])


@command("DESCRIBE STREAM", "DESC STREAM", reads=True, proof=document("sql/desc-stream"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE STREAM: one row like that of SHOW STREAMS."""
    parser.at = 2
    return of_rows(_columns(), [_row(session.account.catalog.shelf("Stream").need(session.resolve(parser.parts())))])


def _columns() -> dict[str, str]:
    return {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "database_name", "schema_name", "owner", "comment", "table_name", "source_type", "base_tables",
            "type", "stale", "mode",
         "stale_after", "invalid_reason", "owner_role_type"), "text",
    )  # fmt: skip


def _kind(s: Stream) -> str:
    return "View" if s.view else "Stage" if directories.is_directory(s.table.name) else "Table"


def _row(s: Stream) -> tuple[Any, ...]:
    mode = "APPEND_ONLY" if s.append_only else "DEFAULT"
    return (
        s.created_on, s.name.name, s.name.database, s.name.schema, OWNER, s.comment, str(s.view.name if s.view else s.table),
        _kind(s), ", ".join(map(str, s.joined or (s.table,))), "DELTA",
        "true" if s.stale else "false", mode, None, s.stale or "N/A", "ROLE",
    )  # fmt: skip


def contents(session: Session, stream: Stream) -> tuple[pa.Table, Any]:
    """What a stream holds now, and the position a consumer of it moves the offset to."""
    from churnobs.testing.show import described

    if stream.stale:
        raise SqlError(stream.stale, 91901, "02000")
    key = stream.name
    if session.engine.in_transaction and key in session.shared.stream_reads:
        held: tuple[pa.Table, Any] = session.shared.stream_reads[key]
        return held
    current = _now(session, stream)
    made = _appended(stream, current) if stream.append_only else _compared(session, stream, current)
    if stream.view is not None and not stream.joined:
        kinds = [*(c for c, _, _ in described(session, stream.table)), *_MARKS]
        made = stream_views.through(session, stream.view, kinds, made[0], METADATA), made[1]
    if session.engine.in_transaction:
        session.shared.stream_reads[key] = made
    return made


def _now(session: Session, stream: Stream) -> pa.Table:
    """The committed rows that a stream looks at, with their places."""
    if stream.joined and stream.view is not None:
        return stream_joins.rows(session, stream.view)
    return committed(session, stream.table)


def _appended(stream: Stream, current: pa.Table) -> tuple[pa.Table, int]:
    schema = current.drop_columns(["_rowid"]).schema
    chunks = list(stream.log)
    rows = pa.concat_tables([schema.empty_table(), *chunks], promote_options="permissive").select(schema.names)
    first = stream.arrived
    count = rows.num_rows
    rows = rows.append_column(METADATA[0], pa.array(["INSERT"] * count, pa.string()))
    rows = rows.append_column(METADATA[1], pa.array([False] * count, pa.bool_()))
    ids = [_row_id(stream, f"a{first}.{at}") for at in range(count)]
    return rows.append_column(METADATA[2], pa.array(ids, pa.string())), first + len(chunks)


def _compared(session: Session, stream: Stream, current: pa.Table) -> tuple[pa.Table, pa.Table]:
    cursor = session.engine.engine.root.cursor()
    cursor.register("_current", current)
    cursor.register("_before", stream.copy)
    names = [n for n in current.schema.names if n != "_rowid"]
    listed = ", ".join('"' + n.replace('"', '""') + '"' for n in names)
    found = cursor.sql(
        "WITH added AS (FROM _current EXCEPT FROM _before), gone AS (FROM _before EXCEPT FROM _current), "
        "both_ AS (SELECT _rowid FROM added INTERSECT SELECT _rowid FROM gone) "
        f'SELECT {listed}, \'INSERT\' AS "{METADATA[0]}", _rowid IN (FROM both_) AS "{METADATA[1]}", _rowid AS _id FROM added '
        f"UNION ALL SELECT {listed}, 'DELETE', _rowid IN (FROM both_), _rowid FROM gone ORDER BY _id, \"{METADATA[0]}\""
    ).to_arrow_table()
    ids = pa.array([_row_id(stream, f"r{n}") for n in found.column("_id").to_pylist()], pa.string())
    return found.drop_columns(["_id"]).append_column(METADATA[2], ids), current


def _row_id(stream: Stream, place: str) -> str:
    return hashlib.sha1(f"{stream.table}:{place}".encode(), usedforsecurity=False).hexdigest()


def relation(rewriter: Rewriter, name: Name) -> Result | None:
    """A stream in a query."""
    stream = rewriter.session.account.catalog.shelf("Stream").get(name)
    if stream is None:
        return None
    rewriter.dynamic = True
    table, position = contents(rewriter.session, stream)
    rewriter.streams[name] = (stream, position)
    from churnobs.testing.show import described

    source = stream.table if stream.view is None else stream.view.name
    return Result([*(c for c, _, _ in described(rewriter.session, source)), *_MARKS], table)


RELATIONS.append(relation)


@scalar("SYSTEM$STREAM_HAS_DATA", proof=document("functions/system_stream_has_data"))
def has_data(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Any:
    """SYSTEM$STREAM_HAS_DATA('stream')."""
    name = rewriter.session.resolve(split_name(rewriter.evaluate(args[0])))
    stream = rewriter.session.account.catalog.shelf("Stream").need(name)
    return value_of(contents(rewriter.session, stream)[0].num_rows > 0)
