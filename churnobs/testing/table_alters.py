"""ALTER TABLE: columns, names, comments, tags and options."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing import declared, past
from churnobs.testing.failures import exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, literal, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.statements import command
from churnobs.testing.tables import UNENFORCED, has_table, refuse_extras
from churnobs.testing.trees import duck_sql, folded, table_name


@command("ALTER TABLE", proof=document("sql/alter-table"))
def alter_text(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """ALTER TABLE: what sqlglot does not read is read here, the rest goes on to it."""
    from churnobs.testing.changes import require_table
    from churnobs.testing.dynamic_tables import refuse_change

    parser.expect("ALTER", "TABLE")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    session.commit()
    if if_exists and not has_table(session, name):
        return status("Statement executed successfully.")
    require_table(session, name)
    refuse_change(session, name, "use ALTER DYNAMIC TABLE")
    done = status("Statement executed successfully.")
    if parser.accept("RENAME", "TO"):
        _rename(session, name, session.resolve(parser.parts()))
        return done
    if parser.accept("SWAP", "WITH"):
        other = session.resolve(parser.parts())
        aside = Name(name.database, name.schema, f"{name.name}$swap")
        for old, new in ((name, aside), (other, name), (aside, other)):
            session.account.past.move(old, new)
            session.engine.run(f"ALTER TABLE {old.sql} RENAME TO {quote(new.name)}")
            _move(session, old, new)
        return done
    if parser.accept("SET", "TAG"):
        while not parser.done():
            tag = session.resolve(parser.parts())
            parser.expect("=")
            session.account.set_tag("TABLE", name, tag, parser.string())
            parser.accept(",")
        return done
    if parser.accept("UNSET", "TAG"):
        while not parser.done():
            session.account.set_tag("TABLE", name, session.resolve(parser.parts()), None)
            parser.accept(",")
        return done
    if parser.accept("SET"):
        following = parser.peek(1)
        if following is not None and following.upper == "POLICY":
            raise not_supported("policies of tables", "leave policies out")
        options = parser.options()
        parser.end()
        if (text := options.pop("COMMENT", None)) is not None:
            session.engine.run(f"COMMENT ON TABLE {session.physical(name).sql} IS {literal(str(text))}")
        kept = {
            "CHANGE_TRACKING",
            "DATA_RETENTION_TIME_IN_DAYS",
            "MAX_DATA_EXTENSION_TIME_IN_DAYS",
            "ENABLE_SCHEMA_EVOLUTION",
        }
        if "DATA_RETENTION_TIME_IN_DAYS" in options:
            session.account.past.retention[session.physical(name)] = int(options["DATA_RETENTION_TIME_IN_DAYS"])
        if unknown := set(options) - kept:
            raise not_supported(f"ALTER TABLE ... SET {sorted(unknown)[0]}", "leave the option out")
        return done
    if parser.accept("CLUSTER", "BY") or parser.accept("DROP", "CLUSTERING", "KEY"):
        return done
    if parser.accept("DROP", "COLUMN") or parser.accept("DROP"):
        return _drop_columns(session, parser, name)
    from churnobs.testing import queries

    return queries.run(session, parser.text, parser.bindings, describe_only=False)


def _drop_columns(session: Session, parser: Parser, name: Name) -> Result:
    from churnobs.testing import streams

    if_exists = parser.accept("IF", "EXISTS")
    gone = [parser.part()]
    while parser.accept(","):
        gone.append(parser.part())
    parser.end()
    past.note(session, name)
    for column in gone:
        optional = "IF EXISTS " if if_exists else ""
        session.engine.run(f"ALTER TABLE {session.physical(name).sql} DROP COLUMN {optional}{quote(column)}")
    streams.table_altered(session, name)
    return status("Statement executed successfully.")


def _rename(session: Session, name: Name, new: Name) -> None:
    from churnobs.testing import streams

    if (new.database, new.schema) != (name.database, name.schema):
        raise not_supported(
            "ALTER TABLE ... RENAME TO another schema", "CREATE TABLE ... CLONE there and drop this one"
        )
    if has_table(session, new) or session.account.catalog.views.get(new) is not None:
        raise exists("Object", new)
    if name in session.shared.temporary:
        session.shared.temporary[new] = session.shared.temporary.pop(name)
        return
    session.engine.run(f"ALTER TABLE {name.sql} RENAME TO {quote(new.name)}")
    session.account.past.move(name, new)
    _move(session, name, new)
    for stream in streams.all_streams(session):
        if stream.table == name:
            stream.table = new
    loads = session.account.catalog.loads
    if name in loads:
        loads[new] = loads.pop(name)


def _move(session: Session, old: Name, new: Name) -> None:
    """What is known of a table beside DuckDB goes with it."""
    catalog = session.account.catalog
    declared.note(session, new, dict(catalog.declared.pop(old, {})))
    if old in catalog.transient:
        catalog.transient.remove(old)
        catalog.transient.add(new)


def alter(session: Session, tree: exp.Alter, rewriter: Rewriter) -> Result:
    """ALTER TABLE ADD, DROP, RENAME or ALTER COLUMN."""
    name = session.resolve(table_name(tree.this))
    past.note(session, name)
    declared.note(session, session.physical(name), declared.defined(tree))
    for change in tree.find_all(exp.AlterColumn):
        if isinstance(kind := change.args.get("dtype"), exp.DataType):
            declared.note(
                session, session.physical(name), {folded(change.this.find(exp.Identifier)): declared.told(kind)}
            )
    for renamed in tree.find_all(exp.RenameColumn):
        known = session.account.catalog.declared.get(session.physical(name), {})
        if (most := known.pop(folded(renamed.this.find(exp.Identifier)), None)) is not None:
            known[folded(renamed.args["to"].find(exp.Identifier))] = most
    for column in tree.find_all(exp.ColumnDef):
        refuse_extras(column)
        kept = [c for c in column.args.get("constraints") or [] if not isinstance(c.kind, UNENFORCED)]
        column.set("constraints", kept)
    for change in list(tree.args["actions"]):  # sqlglot calls SET NOT NULL unsupported, although it writes it
        if isinstance(change, exp.AlterColumn) and change.args.get("allow_null") is False:
            told = quote(folded(change.this.find(exp.Identifier)))
            session.engine.run(f"ALTER TABLE {session.physical(name).sql} ALTER COLUMN {told} SET NOT NULL")
            tree.args["actions"].remove(change)
    for part in session.engine.translate(rewriter.query(tree)) if tree.args["actions"] else ():
        found: Any = part.this
        if isinstance(found, exp.Table):
            found.set("alias", None)
        session.engine.run(duck_sql(part))
    from churnobs.testing import streams

    streams.table_altered(session, name)
    return status("Statement executed successfully.")
