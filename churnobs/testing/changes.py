"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE: counts as Snowflake gives them, streams fed and consumed."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlglot import exp

from churnobs.testing import declared, past, results, several_tables
from churnobs.testing.failures import SqlError, missing, not_supported
from churnobs.testing.names import Name
from churnobs.testing.results import Column, Result
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.trees import duck_sql, ident, table_name

Tree = exp.Expr
_TYPES: dict[type[Any], int] = {
    exp.Insert: results.INSERT,
    exp.Update: results.UPDATE,
    exp.Delete: results.DELETE,
    exp.Merge: results.MERGE,
}


def described(tree: Tree) -> Result:
    """The columns of the answer, without doing anything."""
    if isinstance(tree, exp.TruncateTable):
        return results.of_rows({"status": "text"}, [], type_id=results.DDL)
    if isinstance(tree, exp.MultitableInserts):
        return results.of_rows({"number of rows inserted": "fixed"}, [], type_id=results.INSERT)
    fixed: dict[type[Any], list[str]] = {
        exp.Insert: ["number of rows inserted"],
        exp.Update: ["number of rows updated", "number of multi-joined rows updated"],
        exp.Delete: ["number of rows deleted"],
    }
    names = fixed.get(type(tree)) or [f"number of rows {verb}" for verb in _verbs(tree)]
    return results.of_rows(dict.fromkeys(names, "fixed"), [], type_id=_TYPES[type(tree)])


def run(session: Session, tree: Tree, rewriter: Rewriter) -> Result:
    """Run one data-changing statement, alone or in the open transaction."""
    engine = session.engine
    alone = not engine.in_transaction
    implicit = alone and session.shared.parameters.get("AUTOCOMMIT", True) is False
    engine.begin()
    try:
        if isinstance(tree, exp.MultitableInserts):
            result = several_tables.run(session, tree, rewriter, lambda one: _change(session, one, rewriter).rows[0][0])
        else:
            result = _change(session, tree, rewriter)
    except BaseException:
        if alone:
            session.rollback()
        raise
    advance(session, rewriter)
    if alone and not implicit:
        session.commit()
    result.answered_by = "fakesnow"
    return result


def advance(session: Session, rewriter: Rewriter) -> None:
    """Move the offsets of the streams that were read, once their transaction is committed."""
    for stream, position in rewriter.streams.values():
        session.when_committed(partial(stream.move_to, position))


def target_of(session: Session, tree: Tree) -> Name:
    """The table that a statement changes."""
    node = tree.this
    if isinstance(tree, exp.TruncateTable):
        node = tree.expressions[0]
    if isinstance(node, exp.Schema):
        node = node.this
    if not isinstance(node, exp.Table):
        raise not_supported("this target of a change", "name one table")
    return session.resolve(table_name(node))


def _change(session: Session, tree: Tree, rewriter: Rewriter) -> Result:
    tree = rewriter._bind(tree).transform(_identifier_target, copy=False)
    target = target_of(session, tree)
    from churnobs.testing.dynamic_tables import refuse_change
    from churnobs.testing.tables import has_table

    if session.account.catalog.views.get(target) is not None:
        raise SqlError(f"SQL compilation error:\nObject '{target}' is a view and cannot be changed.", 2003, "42000")
    refuse_change(session, target, "it changes by its refreshes only")
    _may_change(session, tree, target)
    if tree.args.get("returning"):
        raise SqlError("SQL compilation error:\nsyntax error: unexpected 'RETURNING'.", 1003, "42000")
    if isinstance(tree, exp.TruncateTable):
        if tree.args.get("exists") and not has_table(session, target):
            return results.status("Statement executed successfully.")
        require_table(session, target)
        session.account.catalog.loads.pop(target, None)
        past.note(session, target)
        session.engine.run(f"DELETE FROM {session.physical(target).sql}")
        return results.status("Statement executed successfully.")
    changed = rewriter.query(tree)
    require_table(session, target)
    past.note(session, target, only_adds=isinstance(changed, exp.Insert) and not changed.args.get("overwrite"))
    if isinstance(changed, exp.Merge):
        merged = _merge(session, changed, target)
        declared.enforce(session, target)
        return merged
    _unqualify(changed)
    if isinstance(changed, exp.Insert):
        count = insert(session, changed, target)
        declared.enforce(session, target)
        return results.counts(results.INSERT, number_of_rows_inserted=count)
    count = several = 0
    for part in session.engine.translate(changed):
        several = _met_several(session, part)
        count = session.engine.run(duck_sql(part))[0][0]
    if isinstance(changed, exp.Update):
        declared.enforce(session, target)
        made = results.counts(results.UPDATE, number_of_rows_updated=count)
        made.columns.append(Column("number of multi-joined rows updated", "fixed", 38, 0))
        made.table = made.table.append_column("number of multi-joined rows updated", [[several]])
        return made
    return results.counts(results.DELETE, number_of_rows_deleted=count)


def _met_several(session: Session, update: Tree) -> int:
    """How many rows of an UPDATE ... FROM meet more than one row of what it reads from."""
    source = update.args.get("from_")
    if not isinstance(update, exp.Update) or source is None:
        return 0
    row = exp.column("rowid", table=ident(update.this.alias_or_name))
    met = exp.select(row).from_(update.this.copy()).join(source.this.copy(), join_type="CROSS").group_by(row.copy())
    if (where := update.args.get("where")) is not None:
        met = met.where(where.this.copy())
    counted = exp.select("count(*)").from_(met.having("count(*) > 1").subquery("_met"))
    found: int = session.engine.run(duck_sql(counted))[0][0]
    return found


def _may_change(session: Session, tree: Tree, target: Name) -> None:
    """Fail unless the role has the privilege that each verb of a statement needs."""
    from churnobs.testing.role_rules import need

    if target in session.shared.temporary:
        return
    if isinstance(tree, exp.Merge):
        wanted = [{"inserted": "INSERT", "updated": "UPDATE", "deleted": "DELETE"}[verb] for verb in _verbs(tree)]
    else:
        verbs: dict[type[Any], str] = {exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE"}
        wanted = [verbs.get(type(tree), "TRUNCATE")]
        if tree.args.get("overwrite"):
            wanted.append("DELETE")
    for privilege in wanted:
        need(session, (privilege,), ("TABLE",), target)


def insert(session: Session, tree: Tree, target: Name) -> int:
    """Run an INSERT and tell the table's streams what came."""
    from churnobs.testing import streams

    watched = streams.watched(session, target)
    count = 0
    # what is inserted may be selected from the table itself: its former rows go last, and are known by their places
    former = _newest_row(session, target) if tree.args.get("overwrite") else None
    tree.set("overwrite", None)
    for part in session.engine.translate(tree):
        sql = duck_sql(part)
        if isinstance(part, exp.Insert) and watched:
            arrived = session.engine.query(f"{sql} RETURNING *")
            count = arrived.table.num_rows
            streams.arrived(session, target, arrived.table)
        elif isinstance(part, exp.Insert) and session.engine.in_transaction:
            # without RETURNING, DuckDB hides what a transaction inserts after an INSERT of nothing: docs/upstream/index.md
            count = session.engine.query(f"{sql} RETURNING 1").table.num_rows
        else:
            count = session.engine.run(sql)[0][0]
    if former is not None:
        session.engine.run(f"DELETE FROM {session.physical(target).sql} WHERE rowid <= {former}")
    return count


def _newest_row(session: Session, target: Name) -> int | None:
    """The place of a table's newest row, or None where it has none."""
    ((place,),) = session.engine.run(f"SELECT max(rowid) FROM {session.physical(target).sql}")
    return None if place is None else int(place)


def require_table(session: Session, name: Name) -> None:
    """Fail in Snowflake's words when a table is not there."""
    held = session.physical(name)
    found = session.engine.run(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = "
        f"{results_literal(held.database)} AND schema_name = {results_literal(held.schema)}"
        f" AND table_name = {results_literal(held.name)}"
    )
    if not found:
        raise missing("Object", name)


def require_insert(session: Session, name: Name) -> None:
    """Fail when a table is not there, or the role may not add rows to it."""
    from churnobs.testing.role_rules import need

    require_table(session, name)
    if name not in session.shared.temporary:
        need(session, ("INSERT",), ("TABLE",), name)


def results_literal(text: str) -> str:
    """A text in single quotes."""
    from churnobs.testing.names import literal

    return literal(text)


def _identifier_target(node: Tree) -> Tree:
    from churnobs.testing.trees import dynamic_identifier

    return dynamic_identifier(node) if isinstance(node, exp.Table) else node


def _unqualify(tree: Tree) -> None:
    for assignment in tree.expressions if isinstance(tree, exp.Update) else []:
        if isinstance(assignment, exp.EQ) and isinstance(assignment.this, exp.Column):
            assignment.set("this", exp.column(assignment.this.this.copy()))


def _verbs(tree: Tree) -> list[str]:
    verbs = []
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        verb = "inserted" if isinstance(then, exp.Insert) else "updated" if isinstance(then, exp.Update) else "deleted"
        if verb not in verbs:
            verbs.append(verb)
    return [v for v in ("inserted", "updated", "deleted") if v in verbs]


def _merge(session: Session, tree: exp.Merge, target: Name) -> Result:
    from churnobs.testing import streams

    verbs = _verbs(tree)
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Update):
            _unqualify(then)
        if isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
            for column in list(then.this.expressions):
                if isinstance(column, exp.Column):
                    column.replace(exp.column(column.this.copy()))
    held: Any = tree.this
    alias = held.args.get("alias") or exp.TableAlias(this=ident(held.name))
    held.set("alias", alias)
    if any(w.args.get("matched") for w in tree.args["whens"].expressions):
        _no_duplicates(session, tree)
    (translated,) = session.engine.translate(tree)
    name = duck_sql(alias.this)
    merged = duck_sql(translated)
    done = session.engine.query(f"{merged} RETURNING merge_action AS _action, {name}.*")
    actions = done.table.column(0).to_pylist()
    counted = {
        verb: sum(1 for a in actions if a == verb[:-1].upper().removesuffix("D") or a == verb.upper()[:6])
        for verb in verbs
    }
    if streams.watched(session, target):
        import pyarrow.compute as pc

        arrived = done.table.filter(pc.equal(done.table.column(0), "INSERT"))
        streams.arrived(session, target, arrived.drop_columns(["_action"]))
    return results.counts(results.MERGE, **{f"number_of_rows_{verb}": n for verb, n in counted.items()})


def _no_duplicates(session: Session, tree: exp.Merge) -> None:
    """Refuse a MERGE in which one row of the target meets several rows of the source, as Snowflake does."""
    from churnobs.testing.queries import final

    for when in tree.args["whens"].expressions:
        if when.args.get("matched") and isinstance(when.args["then"], exp.Update):
            break
    else:
        return
    alias = tree.this.args["alias"].this.copy()
    condition = tree.args["on"].copy()
    asked = (
        exp.select(exp.Literal.number(1))
        .from_(tree.this.copy())
        .join(tree.args["using"].copy(), on=condition)
        .group_by(exp.column("rowid", table=alias))
        .having("COUNT(*) > 1")
        .limit(1)
    )
    sql = final(session, asked).replace('"ROWID"', "rowid").replace("ROWID", "rowid")
    if session.engine.run(sql):
        raise SqlError("Duplicate row detected during DML action", 100090, "42P18")
