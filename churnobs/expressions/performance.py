"""How well predictions came true: confusion counts, threshold metrics, ROC AUC and log loss, one row a group.

Formulas: positive class is 1; precision tp/(tp+fp), recall tp/(tp+fn), F1 2tp/(2tp+fp+fn); ROC AUC is the rank statistic
with ties at one half (Hanley & McNeil 1982); log loss is the mean of -ln of the probability given to what happened,
with probabilities kept 1e-15 away from 0 and 1. A value that is not defined (no row, one class only, a zero denominator)
is NULL. The trivial classifier "always churn" has F1 = 2p/(1+p) at base rate p.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.portable import finite, moment, ratio, table, united
from churnobs.tables import LABELS, PREDICTIONS

if TYPE_CHECKING:
    import ibis.expr.types as ir

BINARY_METRICS: Final = ("ROC_AUC", "CLASSIFICATION_ACCURACY", "PRECISION", "RECALL", "F1_SCORE")
CLIP: Final = 1e-15
OUTCOMES: Final = {"LABEL": "float64", "CLASS": "float64", "SCORE": "float64"}
RECENCY: Final = "RECENCY_RULE"


def performance(rows: ir.Table, by: tuple[str, ...], ranked: tuple[str, ...] | None = None) -> ir.Table:
    """Measure predictions, one result row a group.

    Args:
        rows: LABEL (1, 0 or NULL), CLASS (1, 0 or NULL), SCORE (a probability, any ranking score, or NULL) and the
            columns of ``by``, which hold no NULL.
        by: the grouping columns.
        ranked: only groups with one of these as ROLE get a ROC AUC, which is half of the work; None for all.

    Returns:
        ``by``, ROWS_ALL, CLASS_USED, SCORE_USED, POSITIVES, TP, FP, FN, TN, BASE_RATE, TRIVIAL_F1, the BINARY_METRICS,
        LOG_LOSS (NULL when a score is outside 0 to 1).
    """
    usable = rows.mutate(
        LABEL=finite(rows.LABEL),
        CLASS=finite(rows.CLASS),
        SCORE=finite(rows.SCORE),
    )
    counts = _counts(usable, by)
    scored = usable.filter(usable.LABEL.notnull(), usable.SCORE.notnull())
    ranks = _roc_auc(scored if ranked is None else scored.filter(scored.ROLE.isin(ranked)), by)
    joined = counts.left_join(ranks, list(by), rname="R_{name}")
    tp, fp, fn, tn = joined.TP, joined.FP, joined.FN, joined.TN
    base_rate = ratio(joined.POSITIVES, joined.LABELED)
    return joined.select(
        *by,
        "ROWS_ALL",
        "CLASS_USED",
        "SCORE_USED",
        "POSITIVES",
        "TP",
        "FP",
        "FN",
        "TN",
        BASE_RATE=base_rate,
        TRIVIAL_F1=ratio(base_rate * 2.0, base_rate + 1.0),
        ROC_AUC=joined.ROC_AUC,
        CLASSIFICATION_ACCURACY=ratio(tp + tn, joined.CLASS_USED),
        PRECISION=ratio(tp, tp + fp),
        RECALL=ratio(tp, tp + fn),
        F1_SCORE=ratio(tp * 2, tp * 2 + fp + fn),
        LOG_LOSS=joined.LOG_LOSS,
    )


def _counts(rows: ir.Table, by: tuple[str, ...]) -> ir.Table:
    labeled = rows.LABEL.notnull()
    classed = labeled & rows.CLASS.notnull()
    scored = labeled & rows.SCORE.notnull()
    yes, said = rows.LABEL == 1.0, rows.CLASS == 1.0
    given: Any = ibis.ifelse(yes, rows.SCORE, 1.0 - rows.SCORE)
    surprise = -ibis.ifelse(given < CLIP, CLIP, ibis.ifelse(given > 1.0 - CLIP, 1.0 - CLIP, given)).ln()
    # a parallel sum of doubles depends on its order, one of decimals does not
    exact: Any = surprise.cast("decimal(18, 12)")
    is_probability = (rows.SCORE.min(where=scored) >= 0.0) & (rows.SCORE.max(where=scored) <= 1.0)
    grouped = rows.group_by(list(by)) if by else rows
    return grouped.agg(
        ROWS_ALL=rows.count(),
        LABELED=rows.count(where=labeled),
        CLASS_USED=rows.count(where=classed),
        SCORE_USED=rows.count(where=scored),
        POSITIVES=rows.count(where=labeled & yes),
        TP=rows.count(where=classed & yes & said),
        FP=rows.count(where=classed & ~yes & said),
        FN=rows.count(where=classed & yes & ~said),
        TN=rows.count(where=classed & ~yes & ~said),
        LOG_LOSS=ibis.ifelse(
            is_probability, ratio(exact.sum(where=scored), rows.count(where=scored)), ibis.null("float64")
        ),
    )


def _roc_auc(rows: ir.Table, by: tuple[str, ...]) -> ir.Table:
    """P(score of a positive > score of a negative) + half the ties, from the counts of each distinct score."""
    yes = rows.LABEL == 1.0
    levels = rows.group_by([*by, "SCORE"]).agg(UP=rows.count(where=yes), DOWN=rows.count(where=~yes))
    below = ibis.cumulative_window(group_by=[levels[name] for name in by], order_by=levels.SCORE)
    levels = levels.mutate(DOWN_UPTO=levels.DOWN.sum().over(below))
    # ties count one half: all negatives up to here, less half of those at the very same score
    wins = levels.UP.cast("float64") * (levels.DOWN_UPTO.cast("float64") - levels.DOWN.cast("float64") / 2.0)
    levels = levels.mutate(WINS=wins)
    sums = levels.group_by(list(by)).agg(WON=levels.WINS.sum(), UPS=levels.UP.sum(), DOWNS=levels.DOWN.sum())
    return sums.select(*by, ROC_AUC=ratio(sums.WON, sums.UPS.cast("float64") * sums.DOWNS.cast("float64")))


def stored_performance(
    as_ofs: tuple[dt.date, ...], horizon_days: int, roles: tuple[str, ...], ranked: tuple[str, ...] | None = None
) -> ir.Table:
    """The performance of what was predicted at each as-of, against its final labels, and of the recency rule.

    Args:
        as_ofs: as-ofs whose labels are final.
        horizon_days: the recency rule calls a customer churned who has not bought for so many days.
        roles: which prediction columns to read (BASE, DEFAULT, CHALLENGER).
        ranked: which roles get a ROC AUC; None for all.

    Returns:
        The columns of ``performance`` by ROLE (the roles and RECENCY_RULE), VERSION and TIMESTAMP.
    """
    predictions, final = table("PREDICTIONS", PREDICTIONS), table("LABELS", LABELS)
    recency = table(
        "FEATURES", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", "DAYS_SINCE_LAST_PURCHASE": "int64"}
    )
    wanted = [moment(as_of) for as_of in as_ofs]
    final = final.filter(final.TIMESTAMP.isin(wanted))
    rows = final.inner_join(
        recency.filter(recency.TIMESTAMP.isin(wanted)), ["CUSTOMER_KEY", "TIMESTAMP"], rname="F_{name}"
    ).left_join(predictions.filter(predictions.TIMESTAMP.isin(wanted)), ["CUSTOMER_KEY", "TIMESTAMP"], rname="P_{name}")
    # after the joins: what is read once for each role is then joined once
    rows = rows.filter(rows.IS_FINAL)
    days = rows.DAYS_SINCE_LAST_PURCHASE
    parts = [
        _outcome(
            rows, RECENCY, ibis.literal(RECENCY), ibis.ifelse(days >= horizon_days, 1.0, 0.0), days.cast("float64")
        )
    ]
    for role in roles:
        stored = rows.filter(rows[f"{role}_VERSION"].notnull())
        parts.append(
            _outcome(stored, role, stored[f"{role}_VERSION"], stored[f"{role}_CLASS"], stored[f"{role}_PROBABILITY"])
        )
    outcomes = united(parts)
    return performance(outcomes, ("ROLE", "VERSION", "TIMESTAMP"), ranked)


def _outcome(rows: ir.Table, role: str, version: Any, predicted: Any, score: Any) -> ir.Table:
    return rows.select(
        ROLE=ibis.literal(role),
        VERSION=version,
        TIMESTAMP=rows.TIMESTAMP,
        LABEL=rows.CHURNED.cast("float64"),
        CLASS=predicted.cast("float64"),
        SCORE=score.cast("float64"),
    )
