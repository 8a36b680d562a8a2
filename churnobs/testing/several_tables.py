"""INSERT ALL and INSERT FIRST: one query whose rows go into several tables, all or none."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from churnobs.testing import results
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.results import Column, Result
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.session import Session
from churnobs.testing.trees import Tree

Insert = Callable[[exp.Insert], int]


def inserts_of(tree: exp.MultitableInserts, source: Callable[[], exp.Table]) -> list[exp.Insert]:
    """One INSERT for each INTO, over the rows that the query gave once."""
    first = str(tree.args["kind"]).upper() == "FIRST"
    made: list[exp.Insert] = []
    before: list[Tree] = []
    for part in tree.expressions:
        conditional = isinstance(part, exp.ConditionalInsert)
        into = part.this if conditional else part
        if not isinstance(into, exp.Insert):
            raise not_supported("this form of INSERT ALL", "write WHEN ... THEN INTO table (columns) VALUES (columns)")
        wanted = part.args.get("expression") if conditional else None
        if conditional and (part.args.get("else_") or first):
            # what an earlier WHEN took is left out; a condition that is not known has not taken it
            taken = [exp.func("COALESCE", one.copy(), exp.false()) for one in before]
            wanted = exp.and_(*([wanted] if wanted else []), *(exp.not_(one) for one in taken)) if taken else wanted
        if conditional and part.args.get("expression") is not None:
            before.append(part.args["expression"])
        made.append(_insert(into, wanted, source()))
    return made


def _insert(into: exp.Insert, wanted: Tree | None, source: exp.Table) -> exp.Insert:
    values = into.expression
    if values is None or isinstance(values, exp.Table):
        columns: list[Tree] = [exp.Star()]
    elif isinstance(values, exp.Values) and len(values.expressions) == 1:
        columns = [one.copy() for one in values.expressions[0].expressions]
    else:
        raise not_supported("several rows of VALUES in INSERT ALL", "name one list of columns a table")
    if any(isinstance(one, exp.Var) and one.name.upper() == "DEFAULT" for one in columns):
        raise not_supported("DEFAULT in INSERT ALL", "leave the column out")
    rows = exp.select(*columns).from_(source)
    if wanted is not None:
        rows = rows.where(wanted.copy())
    return exp.Insert(this=into.this.copy(), expression=rows)


def run(session: Session, tree: exp.MultitableInserts, rewriter: Rewriter, change: Insert) -> Result:
    """Run the query once, then each INSERT of its rows; the caller keeps the transaction."""
    from churnobs.testing import queries

    if tree.args.get("overwrite"):
        raise not_supported("INSERT OVERWRITE ALL", "delete the rows first")
    found = queries.select(session, tree.args["source"].copy(), rewriter, describe_only=False)
    names = [column.name for column in found.columns]
    if len(set(names)) < len(names):
        raise SqlError(
            "SQL compilation error:\nthe columns of the query of INSERT ALL need names of their own", 2028, "42601"
        )
    counted: dict[str, int] = {}
    made = results.counts(results.INSERT)
    for one in inserts_of(tree, lambda: rewriter.relation(found)):
        table = one.this.this if isinstance(one.this, exp.Schema) else one.this
        counted[table.name] = counted.get(table.name, 0) + change(one)
    made = results.of_rows(
        {f"number of rows inserted into {name}": "fixed" for name in counted}, [tuple(counted.values())]
    )
    made.type_id = results.INSERT
    made.columns = [Column(column.name, "fixed", 38, 0) for column in made.columns]
    return made
