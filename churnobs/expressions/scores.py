"""What predictions and outcomes add up to: small states, from which every performance metric of any period is a merge.

Binary: the scores one by one, or on a fixed grid of cells, each with its rows by label and predicted class. Multi-class:
the confusion counts. Regression: sums of errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.portable import day, finite, table

if TYPE_CHECKING:
    import datetime as dt

    import ibis.expr.types as ir

CLIP: Final = 1e-15


def score_cells(rows: ir.Table, by: tuple[str, ...], cells: int, *, exact: bool) -> ir.Table:
    """Count the outcomes of a binary classifier, one result row a group, cell of the score, predicted class and whether
    there is a label.

    Args:
        rows: LABEL and CLASS (1, any other number for 0, or NULL), SCORE (a probability or NULL), the columns of ``by``.
        by: the grouping columns; a NULL is a group.
        cells: the score is counted in so many cells of equal width; the last one holds 1 too.
        exact: each different score has a result row of its own.

    Returns:
        ``by``, CELL (NULL for rows without a score), CLASS (1, 0, or NULL for rows without one), IS_LABELED, SCORE (where
        ``exact``), LOW and HIGH (least and largest score), ROWS_ALL, ROWS_UP (labelled 1), and decimals: SCORE_TOTAL (sum of
        the scores), SURPRISE (sum of the log loss) and SQUARED_ERROR (both NULL without labels).
    """
    rows = rows.mutate(LABEL=finite(rows.LABEL), CLASS=finite(rows.CLASS), SCORE=finite(rows.SCORE))
    rows = rows.mutate(BOUNDED=bounded(rows.SCORE))
    up, down, unknown = rows.LABEL == 1.0, rows.LABEL != 1.0, ibis.null("float64")
    rows = rows.mutate(
        CELL=unit_cell(rows.BOUNDED, cells),
        CLASS=ibis.ifelse(rows.CLASS == 1.0, 1, ibis.ifelse(rows.CLASS != 1.0, 0, ibis.null("int32"))).cast("int32"),
        IS_LABELED=rows.LABEL.notnull(),
        # the chance that was given to what came true
        GIVEN=ibis.ifelse(up, rows.BOUNDED, ibis.ifelse(down, 1.0 - rows.BOUNDED, unknown)),
    )
    clipped: Any = ibis.ifelse(rows.GIVEN < CLIP, CLIP, ibis.ifelse(rows.GIVEN > 1.0 - CLIP, 1.0 - CLIP, rows.GIVEN))
    error = 1.0 - rows.GIVEN
    return rows.group_by([*by, "CELL", "CLASS", "IS_LABELED", *(["SCORE"] if exact else [])]).agg(
        LOW=rows.SCORE.min(),
        HIGH=rows.SCORE.max(),
        ROWS_ALL=rows.count(),
        ROWS_UP=rows.count(where=rows.LABEL == 1.0),
        SCORE_TOTAL=exactly(rows.BOUNDED).sum(),
        SURPRISE=exactly(-clipped.ln()).sum(),
        SQUARED_ERROR=exactly(error * error).sum(),
    )


def merged_scores(counted: ir.Table, by: tuple[str, ...]) -> ir.Table:
    """What ``score_cells`` counted, by fewer columns."""
    keys = [*by, "CELL", "CLASS", "IS_LABELED", *(name for name in ("SCORE",) if name in counted.columns)]
    return counted.group_by(keys).agg(
        LOW=counted.LOW.min(),
        HIGH=counted.HIGH.max(),
        ROWS_ALL=counted.ROWS_ALL.sum(),
        ROWS_UP=counted.ROWS_UP.sum(),
        SCORE_TOTAL=counted.SCORE_TOTAL.sum(),
        SURPRISE=counted.SURPRISE.sum(),
        SQUARED_ERROR=counted.SQUARED_ERROR.sum(),
    )


def confusion(rows: ir.Table, by: tuple[str, ...]) -> ir.Table:
    """Count the outcomes of a multi-class classifier: ``by``, LABEL, CLASS (texts or NULL), ROWS_COUNTED."""
    return rows.group_by([*by, "LABEL", "CLASS"]).agg(ROWS_COUNTED=rows.count())


def errors(rows: ir.Table, by: tuple[str, ...]) -> ir.Table:
    """Add up the errors of a regression.

    Args:
        rows: ACTUAL and SCORE (doubles) and the columns of ``by``.
        by: the grouping columns.

    Returns:
        ``by``, ROWS_ALL, ROWS_USED (both numbers there and finite), ROWS_NOT_ZERO (of these, with an actual other than 0),
        SQUARED_ERROR, ABSOLUTE_ERROR, RELATIVE_ERROR (sum of abs(error / actual); rows with an actual of 0 add nothing),
        ACTUAL_TOTAL and ACTUAL_SQUARES (sums over the used rows).
    """
    actual, score = finite(rows.ACTUAL), finite(rows.SCORE)
    error = score - actual
    used = error.notnull()
    return rows.group_by(list(by)).agg(
        ROWS_ALL=rows.count(),
        ROWS_USED=rows.count(where=used),
        ROWS_NOT_ZERO=rows.count(where=used & (actual != 0.0)),
        SQUARED_ERROR=(error * error).sum(where=used),
        ABSOLUTE_ERROR=error.abs().sum(where=used),
        RELATIVE_ERROR=(error / actual.nullif(0.0)).abs().sum(where=used),
        ACTUAL_TOTAL=actual.sum(where=used),
        ACTUAL_SQUARES=(actual * actual).sum(where=used),
    )


def bounded(score: Any) -> Any:
    """A score kept within 0 and 1: one that is no probability is refused by LOW or HIGH, and must not overflow a sum."""
    return ibis.ifelse(score < 0.0, 0.0, ibis.ifelse(score > 1.0, 1.0, score))


def unit_cell(score: Any, cells: int) -> Any:
    """The cell, of so many of equal width, that a number from 0 to 1 is in; the last one holds 1 too."""
    # compared as whole numbers: beside 499.0 each cell number would become a decimal of 128 bits first
    inside = (score * float(cells)).floor().cast("int64")
    return ibis.ifelse(inside > cells - 1, cells - 1, inside).cast("int32")


def exactly(value: Any) -> Any:
    """A decimal: a parallel sum of doubles depends on its order, one of decimals does not."""
    return value.cast("decimal(18, 12)")


def state_rows(
    name: str, columns: tuple[tuple[str, str], ...], subject: str, first: dt.date, last: dt.date, segment: str | None
) -> ir.Table:
    """What was counted of a subject over the days first to last, of all rows or by the values of a segment column."""
    rows = table(name, dict(columns))
    wanted: Any = rows.SEGMENT_COLUMN.isnull() if segment is None else segment == rows.SEGMENT_COLUMN
    found = rows.filter(subject == rows.SUBJECT, day(first) <= rows.DAY, day(last) >= rows.DAY, wanted)
    return found.select(*(name for name, _ in columns if name not in {"SUBJECT", "SEGMENT_COLUMN"}))


def out_of_range(name: str, columns: tuple[tuple[str, str], ...], subject: str) -> ir.Table:
    """OUTSIDE: counted cells of a subject that hold a score below 0 or above 1."""
    rows = table(name, dict(columns))
    outside = rows.filter(subject == rows.SUBJECT, (rows.LOW < 0.0) | (rows.HIGH > 1.0))
    return outside.agg(OUTSIDE=outside.count())
