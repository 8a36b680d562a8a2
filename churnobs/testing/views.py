"""Views: kept as text, so that SHOW VIEWS returns what was written; held by DuckDB where it can hold them.

A view over something that only this package knows (a stage, a stream, a metric function, a model) is put into each query instead.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.catalog import View
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.rewriting import RELATIONS, Rewriter
from churnobs.testing.session import Session
from churnobs.testing.statements import Creation, command, creation, dropped
from churnobs.testing.trees import ident


@command("CREATE VIEW", proof=document("sql/create-view"))
def create(session: Session, parser: Parser) -> Result:  # one branch a form of the statement
    """CREATE [OR REPLACE] VIEW name [(columns)] [COMMENT] [TAG] AS query."""
    from churnobs.testing import queries, streams
    from churnobs.testing.tables import has_table

    head = creation(session, parser, "VIEW")
    columns = column_list(parser)
    comment, tags = "", {}
    while not parser.accept("AS"):
        if parser.accept("COMMENT", "="):
            comment = parser.string()
        elif parser.accept("WITH", "TAG") or parser.accept("TAG"):
            parser.expect("(")
            while not parser.accept(")"):
                tag = session.resolve(parser.parts())
                parser.expect("=")
                tags[tag] = parser.string()
                parser.accept(",")
        elif parser.accept("COPY", "GRANTS") or parser.accept("CHANGE_TRACKING", "=", "TRUE"):
            pass
        else:
            raise parser.wrong()
    query = parser.rest()
    views = session.account.catalog.views
    if has_table(session, head.name):
        raise exists("Object", head.name)
    if views.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return status(f"{head.name.name} already exists, statement succeeded.")
        raise exists("Object", head.name)
    session.commit()
    streams.view_replaced(session, head.name)
    view = View(
        name=head.name, comment=comment, text=parser.text, query=query, columns=columns,
        database=session.engine.database, schema=session.engine.schema,
    )  # fmt: skip
    names = queries.coercing(lambda coerces: _hold(session, view, head, parser.bindings, coerces=coerces))
    if not columns:
        view.columns = [(n, "") for n in names]
    views.add(view, replace=True)
    for tag, value in tags.items():
        session.account.set_tag("TABLE", head.name, tag, value)
    return status(f"View {head.name.name} successfully created.")


def column_list(parser: Parser) -> list[tuple[str, str]]:
    """Read the names of columns with their comments, if they are given."""
    columns: list[tuple[str, str]] = []
    if parser.accept("("):
        while not parser.accept(")"):
            name = parser.part()
            columns.append((name, parser.string() if parser.accept("COMMENT") else ""))
            parser.accept(",")
    return columns


def _hold(session: Session, view: View, head: Creation, bindings: Any, *, coerces: bool) -> list[str]:
    """Let DuckDB hold a view where it can, and give its columns' names."""
    from churnobs.testing import queries

    rewriter = Rewriter(session, bindings, describe_only=True)
    rewriter.coerces = coerces
    try:
        changed = rewriter.query(queries.parse(view.query))
        sql = queries.final(session, changed)
        names = [c.name for c in session.engine.describe(sql)]
        if view.columns and len(view.columns) != len(names):
            raise SqlError("SQL compilation error:\nInvalid column definition list", 2026, "42601")
        if head.name in rewriter.sources:
            raise SqlError(
                f"SQL compilation error:\nView definition for '{head.name}' refers to itself.", 2057, "42000"
            )
        view.temporary, view.owner_session = head.temporary, session.shared if head.temporary else None
        view.inlined = (
            head.temporary
            or rewriter.dynamic
            or bool(rewriter.known)
            or any(n in session.shared.temporary for n in rewriter.sources)
        )
        held = f"({', '.join(quote(c) for c, _ in view.columns)})" if view.columns else ""
        session.engine.run(f"DROP VIEW IF EXISTS {head.name.sql}")
        if not view.inlined:
            session.engine.run(f"CREATE VIEW {head.name.sql} {held} AS {sql}")
        session.account.sources[head.name] = set(rewriter.sources)
        return names
    finally:
        rewriter.release()


def relation(rewriter: Rewriter, name: Name) -> exp.Expr | None:
    """A view that DuckDB does not hold, as the query it stands for."""
    view = rewriter.session.account.catalog.views.get(name)
    if view is None or (view.temporary and view.owner_session is not rewriter.session.shared):
        return None
    rewriter.sources.add(name)
    if not view.inlined:
        return exp.Table(this=ident(name.name), db=ident(name.schema), catalog=ident(name.database))
    from churnobs.testing import queries

    rewriter.dynamic = True
    session = rewriter.session
    inner = queries.parse(view.query)
    for table in inner.find_all(exp.Table):
        complete(table, view)
    alias = exp.TableAlias(this=ident(name.name), columns=[ident(c) for c, _ in view.columns])
    nested = Rewriter(session, (), describe_only=rewriter.describe_only)
    nested.coerces, nested.checks = rewriter.coerces, False  # a view reads with its owner's rights
    nested.known, nested.home = rewriter.known, (view.database, view.schema)
    nested.streams = rewriter.streams
    nested.columns_of = rewriter.columns_of
    made = exp.Subquery(this=nested.query(inner))
    rewriter.sources |= nested.sources
    wrapped = exp.select("*").from_(exp.Subquery(this=made.this, alias=alias))
    return exp.Subquery(this=wrapped)


def complete(table: exp.Table, view: View | Name) -> None:
    """Read the names in a view or a function as they were meant where it was made."""
    from churnobs.testing.trees import is_cte, table_name

    if not isinstance(table.this, exp.Identifier) or is_cte(table, table_name(table)[0]):
        return
    if table.args.get("db") is None and view.schema is not None:
        table.set("db", ident(view.schema))
    if table.args.get("catalog") is None and view.database is not None:
        table.set("catalog", ident(view.database))


RELATIONS.append(relation)


@command("DROP VIEW", proof=document("sql/drop-view"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP VIEW [IF EXISTS]."""
    from churnobs.testing import streams

    parser.expect("DROP", "VIEW")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    session.commit()
    found = session.account.catalog.views.drop(name, if_exists=if_exists)
    streams.view_replaced(session, name)
    if found is not None and not found.inlined:
        session.engine.run(f"DROP VIEW {name.sql}")
    session.account.catalog.tagged.pop(("TABLE", str(name)), None)
    return dropped(name.name, found=found is not None)


@command("ALTER VIEW", proof=document("sql/alter-view"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER VIEW: comment, tags, rename."""
    parser.expect("ALTER", "VIEW")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    view = session.account.catalog.views.get(name)
    done = status("Statement executed successfully.")
    if view is None:
        if if_exists:
            return done
        raise missing("View", name)
    if parser.accept("SET", "COMMENT", "="):
        view.comment = parser.string()
    elif parser.accept("UNSET", "COMMENT"):
        view.comment = ""
    elif parser.accept("SET", "TAG"):
        while not parser.done():
            tag = session.resolve(parser.parts())
            parser.expect("=")
            session.account.set_tag("TABLE", name, tag, parser.string())
            parser.accept(",")
    elif parser.accept("UNSET", "TAG"):
        while not parser.done():
            session.account.set_tag("TABLE", name, session.resolve(parser.parts()), None)
            parser.accept(",")
    else:
        raise not_supported("this ALTER VIEW", "CREATE OR REPLACE the view")
    return done
