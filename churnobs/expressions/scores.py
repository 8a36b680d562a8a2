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

# rows of a cell by label (U: 1, D: 0, N: not known) and predicted class (1, 0, N: none)
COUNTS: Final = ("U1", "U0", "UN", "D1", "D0", "DN", "N1", "N0", "NN")
CLIP: Final = 1e-15


def score_cells(rows: ir.Table, by: tuple[str, ...], cells: int, *, exact: bool) -> ir.Table:
    """Count the outcomes of a binary classifier, one result row a group and cell of the score.

    Args:
        rows: LABEL and CLASS (1, any other number for 0, or NULL), SCORE (a probability or NULL), the columns of ``by``.
        by: the grouping columns; a NULL is a group.
        cells: the score is counted in so many cells of equal width; the last one holds 1 too.
        exact: each different score has a result row of its own.

    Returns:
        ``by``, CELL (NULL for rows without a score), LOW and HIGH (least and largest score of the cell), SCORE_TOTAL and
        SCORE_LABELED (sum of the scores of all rows and of labelled ones), the COUNTS, SURPRISE (sum of the log loss of
        labelled rows), SQUARED_ERROR (of labelled rows).
    """
    rows = rows.mutate(LABEL=finite(rows.LABEL), CLASS=finite(rows.CLASS), SCORE=finite(rows.SCORE))
    # a score that is no probability is refused by its LOW or HIGH; until then it must not overflow a sum
    bounded: Any = ibis.ifelse(rows.SCORE < 0.0, 0.0, ibis.ifelse(rows.SCORE > 1.0, 1.0, rows.SCORE))
    rows = rows.mutate(BOUNDED=bounded)
    inside = (rows.BOUNDED * float(cells)).floor()
    rows = rows.mutate(CELL=ibis.ifelse(inside > cells - 1.0, cells - 1.0, inside).cast("int64"))
    up, down, said, denied = rows.LABEL == 1.0, rows.LABEL != 1.0, rows.CLASS == 1.0, rows.CLASS != 1.0
    labels = {"U": up, "D": down, "N": rows.LABEL.isnull()}
    classes = {"1": said, "0": denied, "N": rows.CLASS.isnull()}
    given: Any = ibis.ifelse(up, rows.BOUNDED, 1.0 - rows.BOUNDED)
    surprise = -ibis.ifelse(given < CLIP, CLIP, ibis.ifelse(given > 1.0 - CLIP, 1.0 - CLIP, given)).ln()
    error = 1.0 - given
    labeled = rows.LABEL.notnull()
    found = rows.group_by([*by, "CELL", "SCORE"] if exact else [*by, "CELL"]).agg(
        LOW=rows.SCORE.min(),
        HIGH=rows.SCORE.max(),
        SCORE_TOTAL=_exactly(rows.BOUNDED).sum(),
        SCORE_LABELED=_exactly(rows.BOUNDED).sum(where=labeled),
        **{name: rows.count(where=labels[name[0]] & classes[name[1]]) for name in COUNTS},
        SURPRISE=_exactly(surprise).sum(where=labeled),
        SQUARED_ERROR=_exactly(error * error).sum(where=labeled),
    )
    sums = ("SCORE_TOTAL", "SCORE_LABELED", "SURPRISE", "SQUARED_ERROR")
    return found.select(*by, "CELL", "LOW", "HIGH", *COUNTS, **{name: found[name].cast("float64") for name in sums})


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


def _exactly(value: Any) -> Any:
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
