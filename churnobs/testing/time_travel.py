"""The past of a table, in a query: AT and BEFORE of a moment, an offset, a statement or a stream."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.names import Name
from churnobs.testing.past import ROW, rows_at
from churnobs.testing.results import Result
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.trees import ident

_KEPT = ("joins", "laterals", "sample", "pivots")


def past(rewriter: Rewriter, node: exp.Table, parts: tuple[str, ...]) -> None:
    """Put a table's former rows in its place."""
    if node.args.get("changes") is not None:
        raise not_supported("CHANGES (INFORMATION => ...)", "make a stream before the change")
    rewriter.dynamic = True
    name = rewriter.session.resolve(parts)
    made: Any = rewriter.relation(former(rewriter, name, node.args["when"]))
    rewriter.sources.add(name)
    made.set("alias", node.args.get("alias") or exp.TableAlias(this=ident(name.name)))
    for key in _KEPT:
        if node.args.get(key):
            made.set(key, node.args[key])
    node.replace(made)


def former(rewriter: Rewriter, name: Name, when: Any) -> Result:
    """The rows of a table at a time that a query names."""
    from churnobs.testing.results import Column
    from churnobs.testing.show import described
    from churnobs.testing.streams import at_offset

    session, word, kind = rewriter.session, when.this.upper(), str(when.args["kind"]).upper()
    value = rewriter.evaluate(when.expression)
    if kind == "STREAM":
        if word != "AT":
            raise not_supported("BEFORE (STREAM => ...)", "AT (STREAM => ...)")
        return at_offset(session, name, str(value))
    rows = rows_at(session, name, word, kind, value).drop_columns([ROW])
    known = {column.name: column for column, _, _ in described(session, name)}
    columns = [
        known.get(field.name) or Column.of(field.name, str(kind))
        for field, kind in zip(rows.schema, session.engine.duck.from_arrow(rows).types, strict=True)
    ]
    return Result(columns, rows)
