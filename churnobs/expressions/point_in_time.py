"""The point-in-time join: each spine row meets the newest feature row that was known at its as-of, and no later one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from churnobs.expressions.portable import day, moment, table

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class View:
    """A feature view as the join needs it.

    Args:
        name: of the query of its rows, clipped to what was known at T.
        columns: that query's columns with their types.
        keys: the join keys.
        timestamp: the column that dates a row; None for a view without time.
        known_at: a row stamped T counts at T; else only rows dated before T do.
        features: the columns to join.
        oldest: rows dated before are not known any more; None for no limit.
        unique: there are no two rows of the same keys and timestamp.
        one_moment: what is known at T is stamped T.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    timestamp: str | None
    known_at: bool
    features: tuple[str, ...]
    oldest: dt.date | None = None
    unique: bool = False
    one_moment: bool = False


def known_rows(view: View, as_of: dt.date) -> ir.Table:
    """The newest known row of each key at T: the keys and the features, one row a key.

    Rows of one key and moment are told apart by their feature values, so that the choice does not depend on the engine.
    """
    rows = table(view.name, dict(view.columns))
    order: list[Any] = [ibis.asc(rows[name]) for name in view.features]
    if view.timestamp is not None:
        dated = rows[view.timestamp]
        if view.oldest is not None:
            rows = rows.filter(dated >= (day(view.oldest) if dated.type().is_date() else moment(view.oldest)))
        if dated.type().is_date():
            rows = rows.filter(dated <= day(as_of) if view.known_at else dated < day(as_of))
        else:
            at = dated.cast("timestamp(6)")
            rows = rows.filter(at <= moment(as_of) if view.known_at else at < moment(as_of))
        order = [ibis.desc(rows[view.timestamp]), *(ibis.asc(rows[name]) for name in view.features)]
    if view.unique:
        # of one moment there is one row a key, and nothing needs to be sorted
        newest = rows if view.timestamp is None or view.one_moment else _newest(rows, view)
        return newest.select(*view.keys, *view.features)
    position = ibis.row_number().over(ibis.window(group_by=[rows[key] for key in view.keys], order_by=order))
    ranked = rows.mutate(CHURNOBS_POSITION=position)
    ranked = ranked.filter(ranked.CHURNOBS_POSITION == 0)
    return ranked.select(*view.keys, *view.features)


def _newest(rows: ir.Table, view: View) -> ir.Table:
    """The rows of each key's newest moment."""
    newest = rows.group_by(list(view.keys)).agg(CHURNOBS_NEWEST=rows[str(view.timestamp)].max())
    return rows.inner_join(newest, [*view.keys, (str(view.timestamp), "CHURNOBS_NEWEST")], rname="N_{name}")


def join_at(
    spine_name: str, spine_columns: tuple[tuple[str, str], ...], views: tuple[View, ...], as_of: dt.date
) -> ir.Table:
    """Every spine row with the features known at T; NULL where nothing was known. Rows and their number stay."""
    joined = table(spine_name, dict(spine_columns))
    columns = [name for name, _ in spine_columns]
    for view in views:
        joined = joined.left_join(known_rows(view, as_of), list(view.keys), rname="V_{name}")
        columns += view.features
        joined = joined.select(*columns)
    return joined
