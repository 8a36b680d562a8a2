"""The rows that a monitor watches, by day and segment, ready to be counted into states."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.drift import Bins, count_cells, merged_cells
from churnobs.expressions.portable import day, moment, table, united
from churnobs.expressions.scores import confusion, errors, merged_scores, score_cells

if TYPE_CHECKING:
    import ibis.expr.types as ir

# the name under which a counting query reads what is watched, so that one compiled text serves every monitor
SOURCE: Final = "WATCHED_SOURCE"
_TRUE: Final[Any] = ibis.literal(value=True)
GROUPS: Final = ("DAY", "SEGMENT_COLUMN", "SEGMENT_VALUE")


@dataclass(frozen=True, slots=True)
class Watched:
    """Rows of a source.

    Args:
        source: a table or view.
        columns: the columns that are read, with their types.
        timestamp: the column that dates the rows.
        segments: columns by whose values the rows are counted too, beside all of them.
        days: only these days, oldest first; empty for all.
        ripe_before: labels count only in rows dated at or before this moment; None where no horizon is known.
    """

    source: str
    columns: tuple[tuple[str, str], ...]
    timestamp: str | None
    segments: tuple[str, ...] = ()
    days: tuple[dt.date, ...] = ()
    ripe_before: dt.date | None = None

    def dated(self) -> ir.Table:
        """The columns of the source with DAY and RIPE."""
        rows = table(self.source, dict(self.columns))
        if self.timestamp is None:
            rows = rows.mutate(DAY=ibis.null("date"), RIPE=_TRUE)
        else:
            at = rows[self.timestamp].cast("timestamp(6)")
            if self.days:
                # the plain comparison lets an engine skip what is older
                rows = rows.filter(at >= moment(self.days[0]), at.cast("date").isin([day(d) for d in self.days]))
            else:
                rows = rows.filter(at.notnull())
            at = rows[self.timestamp].cast("timestamp(6)")
            ripe: Any = _TRUE if self.ripe_before is None else at <= moment(self.ripe_before)
            rows = rows.mutate(DAY=at.cast("date"), RIPE=ripe)
        return rows

    def kept(self) -> ir.Table:
        """The columns of the source, in the rows of its days."""
        return self.dated().select(*(name for name, _ in self.columns))

    def rows(self) -> ir.Table:
        """The columns of the source with RIPE and GROUPS; a row comes once for all rows and once for each segment column."""
        rows = self.dated()
        parts = [rows.mutate(SEGMENT_COLUMN=ibis.null("string"), SEGMENT_VALUE=ibis.null("string"))]
        parts += [
            rows.mutate(SEGMENT_COLUMN=ibis.literal(name), SEGMENT_VALUE=rows[name].cast("string"))
            for name in self.segments
        ]
        return united(parts)


def watched_rows(watched: Watched) -> ir.Table:
    """The columns that are watched, in the rows of the days that are: to be held, and counted more than once."""
    return watched.kept()


def _column(rows: ir.Table, name: str | None, kind: str) -> Any:
    return ibis.null(kind) if name is None else rows[name].cast(kind)


def _label(rows: ir.Table, name: str | None, kind: str) -> Any:
    """A label, where it is ripe."""
    return ibis.ifelse(rows.RIPE, _column(rows, name, kind), ibis.null(kind))


def day_scores(
    watched: Watched, label: str | None, said: str | None, score: str | None, cells: int, *, exact: bool
) -> ir.Table:
    """``score_cells`` of a binary classifier by GROUPS, in doubles; the columns may be missing."""
    rows = watched.dated()
    outcome = {
        "LABEL": _label(rows, label, "float64"),
        "CLASS": _column(rows, said, "float64"),
        "SCORE": _column(rows, score, "float64"),
    }
    if not watched.segments:
        return _scores_in(score_cells(rows.select("DAY", **outcome), ("DAY",), cells, exact=exact), None)
    parts: list[ir.Table] = []
    for name in watched.segments:
        segments = rows.select("DAY", SEGMENT_VALUE=rows[name].cast("string"), **outcome)
        counted = score_cells(segments, ("DAY", "SEGMENT_VALUE"), cells, exact=exact)
        if not parts:
            parts.append(_scores_in(merged_scores(counted, ("DAY",)), None))
        parts.append(_scores_in(counted, name))
    return united(parts)


def _scores_in(cells: ir.Table, segment: str | None) -> ir.Table:
    """Counted scores with GROUPS first."""
    sums = {name: cells[name].cast("float64") for name in ("SCORE_TOTAL", "SURPRISE", "SQUARED_ERROR")}
    counts = ("CELL", "CLASS", "IS_LABELED", "LOW", "HIGH", "ROWS_ALL", "ROWS_UP")
    return _in_segment(cells, segment).select(*GROUPS, *counts, **sums)


def exact_day_scores(watched: Watched, label: str | None, said: str | None, score: str | None, cells: int) -> ir.Table:
    """``day_scores`` with a row for each different score."""
    return day_scores(watched, label, said, score, cells, exact=True)


def binned_day_scores(watched: Watched, label: str | None, said: str | None, score: str | None, cells: int) -> ir.Table:
    """``day_scores`` with a row for each cell of the score."""
    return day_scores(watched, label, said, score, cells, exact=False)


def day_confusion(watched: Watched, label: str | None, said: str | None) -> ir.Table:
    """``confusion`` of a multi-class classifier by GROUPS."""
    rows = watched.rows()
    outcome = rows.select(*GROUPS, LABEL=_label(rows, label, "string"), CLASS=_column(rows, said, "string"))
    return confusion(outcome, GROUPS)


def day_errors(watched: Watched, actual: str | None, score: str | None) -> ir.Table:
    """``errors`` of a regression by GROUPS."""
    rows = watched.rows()
    outcome = rows.select(*GROUPS, ACTUAL=_label(rows, actual, "float64"), SCORE=_column(rows, score, "float64"))
    return errors(outcome, GROUPS)


def day_histograms(watched: Watched, bins: tuple[Bins, ...]) -> ir.Table:
    """``count_cells`` of some columns by GROUPS."""
    rows = watched.dated()
    if not watched.segments:
        return _cells_in(count_cells(rows, bins, ("DAY",)), None)
    parts: list[ir.Table] = []
    for name in watched.segments:
        segments = rows.mutate(SEGMENT_VALUE=rows[name].cast("string"))
        counted = count_cells(segments, bins, ("DAY", "SEGMENT_VALUE"))
        if not parts:
            parts.append(_cells_in(merged_cells(counted, ("DAY",), "SEGMENT_VALUE"), None))
        parts.append(_cells_in(counted, name))
    return united(parts)


def _cells_in(cells: ir.Table, segment: str | None) -> ir.Table:
    """Counted cells with GROUPS first."""
    counts = ("COLUMN_NAME", "BIN", "CATEGORY", "ROWS_COUNTED", "TOTAL", "LOW", "HIGH")
    return _in_segment(cells, segment).select(*GROUPS, *counts)


def _in_segment(counted: ir.Table, segment: str | None) -> ir.Table:
    """What was counted of all rows (None) or by the values of a segment column."""
    if segment is None:
        return counted.mutate(SEGMENT_COLUMN=ibis.null("string"), SEGMENT_VALUE=ibis.null("string"))
    return counted.mutate(SEGMENT_COLUMN=ibis.literal(segment))


def with_late_labels(
    source: str,
    columns: tuple[tuple[str, str], ...],
    labels: str,
    label_columns: tuple[tuple[str, str], ...],
    keys: tuple[str, ...],
    label: str,
) -> ir.Table:
    """A table of predictions with the labels of another table beside them, NULL where there is none yet.

    Args:
        source, columns: the predictions.
        labels, label_columns: the labels, at most one row a key.
        keys: the columns that both have in common and are joined on.
        label: the column of the labels that is wanted; the predictions have none of that name.
    """
    known = table(labels, dict(label_columns)).select(*keys, label)
    made = table(source, dict(columns))
    return made.left_join(known, list(keys), rname="L_{name}").select(*made.columns, label)


def repeated_keys(source: str, columns: tuple[tuple[str, str], ...], keys: tuple[str, ...]) -> ir.Table:
    """REPEATED: how many keys stand in more than one row."""
    rows = table(source, dict(columns))
    counted = rows.group_by(list(keys)).agg(ROWS_COUNTED=rows.count())
    repeated = counted.filter(counted.ROWS_COUNTED > 1)
    return repeated.agg(REPEATED=repeated.count())


def refused_values(watched: Watched, score: str | None, numbers: tuple[str, ...]) -> ir.Table:
    """What a refresh does not take: OUTSIDE (rows with a score below 0 or above 1) and NOT_FINITE (rows with NaN or an
    infinity in a numeric column).
    """
    rows = table(watched.source, dict(watched.columns))
    if watched.days and watched.timestamp is not None:
        rows = rows.filter(rows[watched.timestamp].cast("date").isin([day(d) for d in watched.days]))
    outside: Any = ~_TRUE
    if score is not None:
        value = rows[score].cast("float64")
        outside = ~value.isnan() & ((value < 0.0) | (value > 1.0))
    strange: Any = ~_TRUE
    for name in numbers:
        value = rows[name].cast("float64")
        strange = strange | value.isnan() | value.isinf()
    return rows.agg(OUTSIDE=rows.count(where=outside), NOT_FINITE=rows.count(where=strange))
