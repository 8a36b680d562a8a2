"""What predictions and outcomes add up to: small states, from which every performance metric of any period is a merge.

Binary: the scores on a fixed grid of cells, each with its rows by label and predicted class and with the pairs it orders
rightly, so that ROC AUC of the group is exact although the rows are gone. Multi-class: the confusion counts. Regression:
sums of errors.
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


def score_cells(rows: ir.Table, by: tuple[str, ...], cells: int, exact_rows: int) -> ir.Table:
    """Count the outcomes of a binary classifier, one result row a group and cell of the score.

    Args:
        rows: LABEL and CLASS (1, any other number for 0, or NULL), SCORE (a probability or NULL), the columns of ``by``.
        by: the grouping columns; a NULL is a group.
        cells: the score is counted in so many cells of equal width; the last one holds 1 too.
        exact_rows: a group of at most so many rows keeps each different score in a row of its own.

    Returns:
        ``by``, CELL (NULL for rows without a score), LOW and HIGH (least and largest score of the cell), SCORE_TOTAL and
        SCORE_LABELED (sum of the scores of all rows and of labelled ones), the COUNTS, WON (pairs of a labelled 1 above a
        labelled 0 within the cell, ties one half), SURPRISE (sum of the log loss of labelled rows), SQUARED_ERROR (of
        labelled rows).
    """
    rows = rows.mutate(LABEL=finite(rows.LABEL), CLASS=finite(rows.CLASS), SCORE=finite(rows.SCORE))
    inside = (rows.SCORE * float(cells)).floor()
    rows = rows.mutate(
        CELL=ibis.ifelse(inside > cells - 1.0, cells - 1.0, inside).cast("int64"),
        UP=ibis.ifelse(rows.LABEL == 1.0, 1, 0),
        DOWN=ibis.ifelse(rows.LABEL != 1.0, 1, 0),
        SIZE=rows.count().over(ibis.window(group_by=list(by))),
    )
    rows = rows.mutate(OWN=ibis.ifelse(exact_rows >= rows.SIZE, rows.SCORE, ibis.null("float64")))
    level = [*by, "CELL", "OWN"]
    # all rows of the cell up to here, those of the very same score included
    upto = ibis.range_window(preceding=(None, 0), group_by=level, order_by=rows.SCORE)
    rows = rows.mutate(DOWNS=rows.DOWN.sum().over(upto), UPS=rows.UP.sum().over(upto))
    up, down, said, denied = rows.UP == 1, rows.DOWN == 1, rows.CLASS == 1.0, rows.CLASS != 1.0
    labels = {"U": up, "D": down, "N": rows.LABEL.isnull()}
    classes = {"1": said, "0": denied, "N": rows.CLASS.isnull()}
    counted = {name: rows.count(where=labels[name[0]] & classes[name[1]]) for name in COUNTS}
    given: Any = ibis.ifelse(up, rows.SCORE, 1.0 - rows.SCORE)
    surprise = -ibis.ifelse(given < CLIP, CLIP, ibis.ifelse(given > 1.0 - CLIP, 1.0 - CLIP, given)).ln()
    error = rows.SCORE - rows.UP
    found = rows.group_by(level).agg(
        LOW=rows.SCORE.min(),
        HIGH=rows.SCORE.max(),
        SCORE_TOTAL=exact(rows.SCORE).sum(),
        SCORE_LABELED=exact(rows.SCORE).sum(where=rows.LABEL.notnull()),
        **counted,
        # down <= up, and up <= down; what both count are the ties
        BELOW=rows.DOWNS.sum(where=up),
        ABOVE=rows.UPS.sum(where=down),
        SURPRISE=exact(surprise).sum(where=rows.LABEL.notnull()),
        SQUARED_ERROR=exact(error * error).sum(where=rows.LABEL.notnull()),
    )
    ups, downs = found.U1 + found.U0 + found.UN, found.D1 + found.D0 + found.DN
    below, above = found.BELOW.fill_null(0).cast("float64"), found.ABOVE.fill_null(0).cast("float64")
    pairs = ups.cast("float64") * downs.cast("float64")
    return found.select(
        *by,
        "CELL",
        "LOW",
        "HIGH",
        SCORE_TOTAL=found.SCORE_TOTAL.cast("float64"),
        SCORE_LABELED=found.SCORE_LABELED.cast("float64"),
        **{name: found[name] for name in COUNTS},
        WON=ibis.ifelse(found.CELL.notnull(), below - (below + above - pairs) / 2.0, 0.0),
        SURPRISE=found.SURPRISE.cast("float64"),
        SQUARED_ERROR=found.SQUARED_ERROR.cast("float64"),
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


def exact(value: Any) -> Any:
    """A decimal: a parallel sum of doubles depends on its order, one of decimals does not."""
    return value.cast("decimal(18, 12)")


def state_rows(
    name: str, columns: tuple[tuple[str, str], ...], subject: str, first: dt.date, last: dt.date
) -> ir.Table:
    """What was counted of a subject over the days first to last."""
    rows = table(name, dict(columns))
    return rows.filter(subject == rows.SUBJECT, day(first) <= rows.DAY, day(last) >= rows.DAY)
