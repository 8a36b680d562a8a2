"""Tables: CREATE in all its forms, ALTER, DROP, UNDROP refused; temporary tables under names of their own."""

from __future__ import annotations

from sqlglot import exp

from churnobs.testing import declared, descriptions, sequences
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, literal, quote
from churnobs.testing.proof import document
from churnobs.testing.results import Result, status
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.role_rules import need
from churnobs.testing.roles import RELATIONS
from churnobs.testing.session import Session
from churnobs.testing.show import described
from churnobs.testing.statements import command, dropped, refuse
from churnobs.testing.trees import duck_sql, folded, ident, refuse_types, table_name

Tree = exp.Expr
NARROW = ("INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT")
# what changes nothing of a table's rows here
_WITHOUT_EFFECT = {"MAX_DATA_EXTENSION_TIME_IN_DAYS", "CHANGE_TRACKING", "ENABLE_SCHEMA_EVOLUTION", "ERROR_LOGGING"}
UNENFORCED = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference)


def create(session: Session, tree: exp.Create, rewriter: Rewriter) -> Result:
    """CREATE TABLE: by columns, AS SELECT, LIKE or CLONE."""
    session.commit()
    bound = rewriter._bind(tree)
    assert isinstance(bound, exp.Create)
    tree = bound
    holder = tree.this
    node = holder.this if isinstance(holder, exp.Schema) else holder
    from churnobs.testing.trees import dynamic_identifier

    named = dynamic_identifier(node)
    name = session.resolve(table_name(named))  # type: ignore[arg-type]
    properties = tree.args.get("properties")
    transient = properties is not None and properties.find(exp.TransientProperty) is not None
    kept, temporary, tags, retention = _properties(tree)
    tree.set("properties", exp.Properties(expressions=kept) if kept else None)
    if not _clear_the_way(session, tree, name, temporary=temporary):
        return status(f"{name.name} already exists, statement succeeded.")
    held = Name(name.database, name.schema, f"{name.name}$temp${session.account.next_number()}") if temporary else name
    session.engine.begin()
    try:
        _build(session, tree, rewriter, name, held)
    except BaseException:
        session.rollback()
        raise
    if temporary:
        session.shared.temporary[name] = held.name
    else:
        session.shared.temporary.pop(name, None)
    from churnobs.testing.changes import advance

    advance(session, rewriter)
    session.commit()
    session.account.past.begin(held, session.account.clock.now(), session.sequence)
    session.account.past.retention[held] = retention
    known = session.account.catalog.transient
    (known.add if transient else known.discard)(held)
    session.account.catalog.loads.pop(name, None)
    for tag, value in tags.items():
        session.account.set_tag("TABLE", name, session.resolve(Parser(tag).parts()), value)
    return status(f"Table {name.name} successfully created.")


def _properties(tree: exp.Create) -> tuple[list[exp.Expr], bool, dict[str, str], int]:
    """What stands beside the columns: what is left for later, whether the table is temporary, its tags, days of time travel."""
    properties = tree.args.get("properties")
    kept: list[exp.Expr] = []
    temporary, tags, retention = False, {}, 1
    for found in properties.expressions if properties is not None else []:
        if isinstance(found, exp.TemporaryProperty):
            temporary = True
        elif isinstance(found, exp.SchemaCommentProperty | exp.LikeProperty):
            kept.append(found)
        elif isinstance(found, exp.Tags):
            tags = {pair.this.sql(): pair.expression.name for pair in found.expressions}
        elif type(found) is exp.Property and found.name.upper() == "DATA_RETENTION_TIME_IN_DAYS":
            retention = int(found.args["value"].name)
        elif isinstance(found, exp.DynamicProperty | exp.ExternalProperty | exp.IcebergProperty):
            raise not_supported(f"{found.sql(dialect='snowflake')} tables", "use an ordinary table")
        elif type(found) is exp.Property and found.name.upper() in _WITHOUT_EFFECT:
            pass
        elif not isinstance(
            found, exp.TransientProperty | exp.ClusterProperty | exp.CopyGrantsProperty | exp.VolatileProperty
        ):
            raise not_supported(f"CREATE TABLE ... {_spelled(found)}", "leave it out")
    return kept, temporary, tags, retention


def _spelled(found: exp.Expr) -> str:
    if isinstance(found, exp.RowAccessProperty):
        return "ROW ACCESS POLICY"
    return found.name.upper() if type(found) is exp.Property else found.sql(dialect="snowflake")


def _clear_the_way(session: Session, tree: exp.Create, name: Name, *, temporary: bool) -> bool:
    from churnobs.testing import dynamic_tables, streams

    replace = bool(tree.args.get("replace"))
    _refuse_other_case(session, name)
    dynamic_tables.refuse_change(session, name, "it cannot be replaced by a table")
    held = session.shared.temporary.get(name)
    there = held is not None if temporary else (held is not None or has_table(session, name))
    if session.account.catalog.views.get(name) is not None:
        raise exists("Object", name)
    if there and tree.args.get("exists"):
        return False
    if there and not replace:
        raise exists("Object", name)
    tree.args["exists"] = False
    if there and replace and not temporary:
        streams.table_replaced(session, name)
    if there and replace and held is not None:
        tree.args["_old"] = held
    return True


def _refuse_other_case(session: Session, name: Name) -> None:
    twins = session.engine.run(
        f"SELECT table_name FROM duckdb_tables() WHERE database_name = {literal(name.database)} AND schema_name ="
        f" {literal(name.schema)} AND lower(table_name) = lower({literal(name.name)}) AND table_name <> {literal(name.name)}"
    )
    if twins:
        raise not_supported(
            f"a table {quote(name.name)} beside {quote(twins[0][0])}, which differs only in case",
            "give it another name",
        )


def _build(session: Session, tree: exp.Create, rewriter: Rewriter, name: Name, held: Name) -> None:
    engine = session.engine
    old = tree.args.pop("_old", None)
    session.account.catalog.declared.pop(held, None)
    target = exp.Table(this=ident(held.name), db=ident(held.schema), catalog=ident(held.database))
    holder = tree.this
    clone = tree.args.get("clone")
    like = tree.find(exp.LikeProperty) or (holder.find(exp.LikeProperty) if isinstance(holder, exp.Schema) else None)
    comment = next((p.this.name for p in tree.find_all(exp.SchemaCommentProperty)), "")
    source_node = clone.this if clone is not None else None
    if source_node is None and like is not None:
        source_node = like.this
    if source_node is not None:
        source_name = session.resolve(table_name(source_node))
        source = session.physical(source_name)
        if source == source_name:
            need(session, ("SELECT",), RELATIONS, source_name)
        if (when := source_node.args.get("when")) is not None and clone is not None:
            from churnobs.testing.queries import final
            from churnobs.testing.time_travel import former

            rows: Tree = exp.select("*").from_(rewriter.relation(former(rewriter, source_name, when)))
            engine.run(f"CREATE OR REPLACE TABLE {held.sql} AS {final(session, rows)}")
        else:
            where = "" if clone is not None else " LIMIT 0"
            engine.run(f"CREATE OR REPLACE TABLE {held.sql} AS FROM {source.sql}{where}")
        declared.note(session, held, dict(session.account.catalog.declared.get(source, {})))
    elif tree.expression is not None:
        facts = descriptions.facts_of(session, tree.expression) or []
        _create_as(session, tree, rewriter, held)
        names = [column.name for column, _, _ in described(session, held)]
        found = dict(zip(names, (fact.kind for _, fact in facts), strict=True)) if len(names) == len(facts) else {}
        declared.note(session, held, {**found, **declared.defined(holder)})
    else:
        if not isinstance(holder, exp.Schema):
            raise SqlError("SQL compilation error:\nA table needs columns.", 1003, "42000")
        comments = _without_what_is_not_enforced(holder)
        declared.note(session, held, declared.defined(holder))
        holder.set("this", target)
        changed = exp.Paren(this=tree)
        rewriter._functions(changed)
        for part in sequences.beside(held, engine.translate(changed.this)):
            engine.run(duck_sql(part))
            engine.note_table(part, held.database, held.schema, held.name)
        for column, text in comments.items():
            engine.run(f"COMMENT ON COLUMN {held.sql}.{quote(column)} IS {literal(text)}")
    if comment:
        engine.run(f"COMMENT ON TABLE {held.sql} IS {literal(comment)}")
    if old is not None and old != held.name:
        engine.run(f"DROP TABLE IF EXISTS {Name(name.database, name.schema, old).sql}")


def refuse_extras(column: exp.ColumnDef) -> None:
    """Refuse what would change the values that a column shows, or that nobody could find again."""
    refuse_types(column)
    for constraint in column.args.get("constraints") or []:
        kind = constraint.kind
        if isinstance(kind, exp.MaskingPolicyColumnConstraint | exp.ProjectionPolicyColumnConstraint):
            raise not_supported("a policy of a column", "leave policies out")
        if isinstance(kind, exp.CollateColumnConstraint | exp.Tags):
            raise not_supported(
                f"{'a collation' if isinstance(kind, exp.CollateColumnConstraint) else 'a tag'} of a column",
                "leave it out",
            )


def _without_what_is_not_enforced(schema: exp.Schema) -> dict[str, str]:
    """Snowflake keeps keys as notes and enforces only that a primary key is not NULL; comments are put aside."""
    comments = {}
    kept: list[Tree] = []
    keys = {folded(part) for key in schema.expressions for part in _key_parts(key)}
    for column in schema.expressions:
        if isinstance(column, exp.ColumnDef):
            refuse_extras(column)
            constraints = []
            if any(
                isinstance(one.kind, exp.PrimaryKeyColumnConstraint) for one in column.args.get("constraints") or []
            ):
                keys.add(folded(column.this))
            for constraint in column.args.get("constraints") or []:
                kind = constraint.args.get("kind")
                if isinstance(kind, exp.CommentColumnConstraint):
                    comments[column.name if column.this.quoted else column.name.upper()] = kind.this.name
                elif isinstance(
                    kind, exp.GeneratedAsIdentityColumnConstraint | exp.AutoIncrementColumnConstraint
                ) or not isinstance(kind, UNENFORCED):
                    constraints.append(constraint)
            column.set("constraints", constraints)
            kept.append(column)
        elif isinstance(column, exp.Identifier | exp.Column):
            kept.append(column)
    for column in kept:
        if isinstance(column, exp.ColumnDef) and folded(column.this) in keys and not _not_null(column):
            column.append("constraints", exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    schema.set("expressions", kept)
    return comments


def _key_parts(key: Tree) -> list[exp.Identifier]:
    """The columns of PRIMARY KEY (a, b), with or without a name."""
    found = key.find(exp.PrimaryKey) if isinstance(key, exp.PrimaryKey | exp.Constraint) else None
    return list(found.find_all(exp.Identifier)) if found is not None else []


def _not_null(column: exp.ColumnDef) -> bool:
    return any(
        isinstance(one.kind, exp.NotNullColumnConstraint) and not one.kind.args.get("allow_null")
        for one in column.args.get("constraints") or []
    )


def _create_as(session: Session, tree: exp.Create, rewriter: Rewriter, held: Name) -> None:
    from churnobs.testing.queries import final

    engine = session.engine
    holder = tree.this
    changed = rewriter.query(tree.expression.copy())
    if isinstance(changed, exp.Subquery) and not changed.args.get("alias"):
        changed = changed.unnest()
    sql = final(session, changed)
    defined = holder.expressions if isinstance(holder, exp.Schema) else []
    if defined:
        names = [c.name for c in engine.describe(sql)]
        if len(names) != len(defined):
            raise SqlError("SQL compilation error:\nInvalid column definition list", 2026, "42601")
        comments = _without_what_is_not_enforced(holder)
        inner = [quote(f"_{at}") for at in range(len(names))]
        picked = []
        for at, column in enumerate(defined):
            name = column.name if column.find(exp.Identifier).quoted else column.name.upper()
            kind = column.args.get("kind") if isinstance(column, exp.ColumnDef) else None
            if kind is None:
                picked.append(f"{inner[at]} AS {quote(name)}")
            else:
                cast = exp.select(exp.alias_(exp.cast(exp.column(ident(f"_{at}")), kind.copy()), ident(name)))
                picked.append(final(session, cast).removeprefix("SELECT "))
        sql = f"SELECT {', '.join(picked)} FROM ({sql}) AS _source({', '.join(inner)})"
        engine.run(f"CREATE OR REPLACE TABLE {held.sql} AS {sql}")
        for column in defined:
            if isinstance(column, exp.ColumnDef) and _not_null(column):
                name = column.name if column.this.quoted else column.name.upper()
                engine.run(f"ALTER TABLE {held.sql} ALTER COLUMN {quote(name)} SET NOT NULL")
        for text, comment in comments.items():
            engine.run(f"COMMENT ON COLUMN {held.sql}.{quote(text)} IS {literal(comment)}")
        return
    kinds = engine.types(sql)
    names = [name for name, _ in kinds]
    if len({n.upper() for n in names}) < len(names):
        twice = next(n for n in names if [m.upper() for m in names].count(n.upper()) > 1)
        raise SqlError(f"SQL compilation error:\nduplicate column name '{twice}'", 2025, "42S21")
    wide = [f"CAST({quote(n)} AS BIGINT) AS {quote(n)}" for n, kind in kinds if kind in NARROW]
    picked_columns = f"* REPLACE ({', '.join(wide)})" if wide else "*"
    engine.run(f"CREATE OR REPLACE TABLE {held.sql} AS SELECT {picked_columns} FROM ({sql}) AS _source")


def has_table(session: Session, name: Name) -> bool:
    """Whether there is a table (not a view) of that name."""
    held = session.physical(name)
    return bool(
        session.engine.run(
            f"SELECT 1 FROM duckdb_tables() WHERE database_name = {literal(held.database)}"
            f" AND schema_name = {literal(held.schema)} AND table_name = {literal(held.name)}"
        )
    )


def plain(session: Session, tree: Tree, rewriter: Rewriter, answer: str) -> Result:
    """Run a definition that needs nothing but its translation."""
    for part in session.engine.translate(rewriter.query(tree)):
        session.engine.run(duck_sql(part))
    return status(answer)


@command("DROP TABLE", proof=document("sql/drop-table"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP TABLE [IF EXISTS] name."""
    from churnobs.testing import streams, undrop
    from churnobs.testing.dynamic_tables import refuse_change

    parser.expect("DROP", "TABLE")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    parser.accept_any("CASCADE", "RESTRICT")
    parser.end()
    session.commit()
    if not has_table(session, name):
        if if_exists:
            return dropped(name.name, found=False)
        from churnobs.testing.failures import missing

        raise missing("Table", name)
    refuse_change(session, name, "use DROP DYNAMIC TABLE")
    if session.physical(name) == name:
        undrop.keep(session, name)
    session.engine.run(f"DROP TABLE {session.physical(name).sql}")
    session.account.past.forget(session.physical(name).__eq__)
    if session.shared.temporary.pop(name, None) is None:
        streams.table_replaced(session, name)
        session.account.catalog.loads.pop(name, None)
        session.account.catalog.tagged.pop(("TABLE", str(name)), None)
    return dropped(name.name)


refuse("UNDROP", "UNDROP TABLE brings back a table")
refuse("CREATE DYNAMIC ICEBERG TABLE", "use CREATE DYNAMIC TABLE")
