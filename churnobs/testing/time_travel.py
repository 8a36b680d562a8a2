"""The past of a table, in a query: AT (STREAM => ...)."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.rewriting import Rewriter
from churnobs.testing.trees import ident

_KEPT = ("joins", "laterals", "sample", "pivots")


def past(rewriter: Rewriter, node: exp.Table, parts: tuple[str, ...]) -> None:
    """Put a table's former rows in its place."""
    from churnobs.testing.streams import at_offset

    when: Any = node.args.get("when")
    if node.args.get("changes") is not None or when.this.upper() != "AT" or str(when.args["kind"]).upper() != "STREAM":
        raise not_supported(
            "time travel but for AT (STREAM => ...)", "keep a copy: CREATE TABLE ... CLONE before the change"
        )
    rewriter.dynamic = True
    name = rewriter.session.resolve(parts)
    made = rewriter.relation(at_offset(rewriter.session, name, str(rewriter.evaluate(when.expression))))
    made.set("alias", node.args.get("alias") or exp.TableAlias(this=ident(name.name)))
    for key in _KEPT:
        if node.args.get(key):
            made.set(key, node.args[key])
    node.replace(made)
