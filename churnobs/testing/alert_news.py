"""Alerts on new data: the table or view that a condition reads, and the rows that came into it since the alert looked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlglot import exp

from churnobs.testing import queries, stream_views
from churnobs.testing.changes import require_table
from churnobs.testing.failures import SqlError
from churnobs.testing.names import Name
from churnobs.testing.results import Result
from churnobs.testing.rewriting import RELATIONS, Rewriter
from churnobs.testing.session import Session
from churnobs.testing.streams import METADATA, Stream, contents
from churnobs.testing.trees import table_name

_REFUSED = (exp.With, exp.Join, exp.Lateral, exp.SetOperation)


def watch(session: Session, name: Name, condition: str) -> Stream:
    """What sees the rows that are new from now on, in the one table or view that a condition reads.

    Raises:
        SqlError: the condition is not one that Snowflake evaluates on new rows.
    """
    tree = queries.parse(condition)
    tables = list(tree.find_all(exp.Table))
    is_plain = isinstance(tree, exp.Select) and len(tables) == 1 and isinstance(tables[0].this, exp.Identifier)
    if not is_plain or any(tree.find(kind) for kind in _REFUSED):
        told = "its condition must be a SELECT of one table or view, without joins, common table expressions and calls"
        raise SqlError(f"SQL compilation error:\nAlert '{name}' has no SCHEDULE, so {told}", 1003, "42601")
    table = session.resolve(table_name(tables[0]))
    view = session.account.catalog.views.get(table)
    if view is not None:
        table = stream_views.base_of(session, view)
    require_table(session, table)
    return Stream(name=name, table=table, append_only=True, view=view)


@contextmanager
def only_new(session: Session, news: Stream) -> Iterator[None]:
    """Let the session see in the table or view the new rows alone; afterwards they are new no more."""
    from churnobs.testing.show import described

    source = news.table if news.view is None else news.view.name
    rows, position = contents(session, news)
    session.relations = {
        source: Result([c for c, _, _ in described(session, source)], rows.drop_columns(list(METADATA)))
    }
    try:
        yield
    finally:
        session.relations = {}
        news.move_to(position)


def _relation(rewriter: Rewriter, name: Name) -> Result | None:
    if (found := rewriter.session.relations.get(name)) is not None:
        rewriter.dynamic = True
    return found


RELATIONS.append(_relation)
