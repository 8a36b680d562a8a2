"""Every expression of churnobs.expressions, each as the function that builds it and its arguments at an as-of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir

from churnobs.expressions.customers import (
    at_risk,
    comments,
    key_of,
    purchases,
    risk_by_segment,
    risk_histogram,
)
from churnobs.expressions.datasets import (
    KEY_TYPES,
    commonest,
    dataset_part,
    medians,
    rows_at,
    rows_of,
    rows_open_at,
    scored_performance,
    stored_scores,
    watched,
)
from churnobs.expressions.drift import Bins, count_cells, summaries
from churnobs.expressions.features import AsOf, customer_features, customer_state, recent_feedback, rows_before
from churnobs.expressions.labels import LabelRule, LabelWindow, changed_labels, labels
from churnobs.expressions.monitored import (
    SOURCE,
    Watched,
    binned_day_scores,
    day_confusion,
    day_errors,
    day_histograms,
    exact_day_scores,
    refused_values,
    repeated_keys,
    watched_rows,
    with_late_labels,
)
from churnobs.expressions.paired import floors, meeting
from churnobs.expressions.performance import OUTCOMES, performance, stored_performance
from churnobs.expressions.point_in_time import View, join_at, known_rows
from churnobs.expressions.replayed import differing_rows, rows_within
from churnobs.expressions.scores import out_of_range, state_rows
from churnobs.months import add_months
from churnobs.tables import MONITOR_ERRORS, MONITOR_SCORES

MAY = dt.date(2024, 5, 1)
FEW = (("SPEND", "float64"), ("SEGMENT", "string"))
COLUMNS = (*KEY_TYPES.items(), *FEW, ("CHURNED", "int64"))
BINS = (
    Bins("AGE", "number", low=18.0, width=0.25, cells=256),
    Bins("SPEND", "number", low=0.0, width=0.01, cells=256, scale=50.0),
    Bins("SEGMENT", "category"),
)


WATCHED = (
    ("AT", "timestamp(6)"),
    ("AGE", "int64"),
    ("SPEND", "float64"),
    ("SEGMENT", "string"),
    ("SCORE", "float64"),
    ("SAID", "int64"),
    ("CHURNED", "int64"),
)
LATE = (("AT", "timestamp(6)"), ("CHURNED", "int64"))


def seen(as_of: dt.date) -> Watched:
    """What a monitor with a segment column and a horizon counts of two days."""
    return Watched(SOURCE, WATCHED, "AT", ("SEGMENT",), (add_months(as_of, -1), as_of), as_of)


def outcomes() -> ir.Table:
    """Performance by two columns."""
    return performance(
        ibis.table({"ROLE": "string", "BUCKET": "int64", **OUTCOMES}, name="OUTCOMES"), ("ROLE", "BUCKET")
    )


def cells() -> ir.Table:
    """Cells by bucket, as monitors count them."""
    return count_cells(
        ibis.table({"BUCKET": "int64", "SEGMENT": "string", "AGE": "float64"}, name="ROWS"),
        (BINS[0], BINS[2]),
        ("BUCKET",),
    )


def view(kind: str, *, known_at: bool, unique: bool = False) -> View:
    """A feature view of two features."""
    columns = (("CUSTOMER_ID", "string"), ("SEEN", kind), ("VISITS", "int64"), ("CLICKS", "int64"))
    return View("VIEW", columns, ("CUSTOMER_ID",), "SEEN", known_at, ("VISITS", "CLICKS"), unique=unique)


PEOPLE = View("PEOPLE", (("CUSTOMER_ID", "string"), ("AGE", "int64")), ("CUSTOMER_ID",), None, False, ("AGE",))
SPINE = (("CUSTOMER_ID", "string"), ("AS_OF", "timestamp(6)"))


def at(as_of: dt.date, **more: Any) -> tuple[AsOf]:
    """The argument of the feature expressions."""
    return (AsOf.at(as_of, **more),)


def window(as_of: dt.date, days: int, anchor: Any, refunds: Any = "orders") -> tuple[LabelWindow]:
    """The argument of the label expression when the data reach so many days beyond T."""
    return (LabelWindow.of(as_of, as_of + dt.timedelta(days=days), LabelRule(anchor=anchor, refunds=refunds)),)


Make = Callable[[dt.date], tuple[Any, ...]]
CATALOG: dict[str, tuple[Callable[..., ir.Table], Make]] = {
    "customer_features": (customer_features, at),
    "customer_features_in_parts": (customer_features, lambda t: (replace(at(t)[0], parts=4, part=1),)),
    "customer_features_of_all": (customer_features, lambda t: at(t, active_within_days=None)),
    "customer_features_with_state": (customer_features, lambda t: at(t, since=add_months(t, -1))),
    "customer_features_with_a_state_of_some_day": (customer_features, lambda t: at(t, since=t - dt.timedelta(days=40))),
    "customer_state": (customer_state, at),
    "customer_state_carried_forward": (customer_state, lambda t: at(t, since=add_months(t, -1))),
    "customer_features_less_refunds": (customer_features, lambda t: at(t, active_within_days=None, refunds="reduce")),
    "customer_state_less_refunds": (customer_state, lambda t: at(t, since=add_months(t, -1), refunds="reduce")),
    "labels_less_refunds": (labels, lambda t: window(t, 31, "as_of", "reduce")),
    "rows_before": (rows_before, lambda t: ((t,),)),
    "recent_feedback": (recent_feedback, at),
    "recent_feedback_carried_forward": (recent_feedback, lambda t: at(t, since=add_months(t, -1))),
    "labels_final": (labels, lambda t: window(t, 31, "as_of")),
    "labels_not_final": (labels, lambda t: window(t, 29, "as_of")),
    "labels_last_purchase": (labels, lambda t: window(t, 31, "last_purchase")),
    "differing_rows": (differing_rows, lambda t: ("SALES", FEW, None)),
    "differing_rows_from_a_month": (
        differing_rows,
        lambda _: ("DRIFT", (("MONTH", "string"), ("METRIC_VALUE", "float64")), ("MONTH", "2024-05")),
    ),
    "rows_within": (
        rows_within,
        lambda t: ("FEEDBACK_RAW", (("CHAT_DATE", "date"),), ("CHAT_DATE", dt.date(2024, 3, 1), t)),
    ),
    "differing_rows_of_some_months": (
        differing_rows,
        lambda t: (
            "LABELS",
            (("TIMESTAMP", "timestamp(6)"), ("CHURNED", "int64")),
            ("TIMESTAMP", add_months(t, -1), t),
        ),
    ),
    "changed_labels": (changed_labels, lambda t: window(t, 31, "as_of")),
    "dataset_part": (dataset_part, lambda _: (COLUMNS, None, 7)),
    "dataset_part_to_fit": (dataset_part, lambda _: (COLUMNS, "FIT", 7)),
    "dataset_part_to_judge": (dataset_part, lambda _: (COLUMNS, "JUDGE", 7)),
    "dataset_part_sampled": (dataset_part, lambda _: (COLUMNS, "FIT", 7, 250_000)),
    "scored_performance": (scored_performance, lambda _: ()),
    "rows_at_in_parts": (rows_at, lambda t: ("FEATURES", COLUMNS[:-1], t, 4, 1)),
    "rows_at": (rows_at, lambda t: ("FEATURES", COLUMNS[:-1], t)),
    "watched": (watched, lambda _: ("DEFAULT", "V1", FEW)),
    "at_risk": (at_risk, lambda t: (t, ("SEGMENT",), (("CITY", "PARIS"),), 100)),
    "risk_by_segment": (risk_by_segment, lambda t: (t, "SEGMENT", ())),
    "risk_histogram": (risk_histogram, lambda t: (t, (), 20)),
    "purchases": (purchases, lambda t: ((3, 7), dt.date(2023, 5, 1), t, "reduce")),
    "comments": (comments, lambda t: ((3, 7), t, 5)),
    "key_of": (key_of, lambda _: ("C1",)),
    "rows_of": (rows_of, lambda t: ("FEATURES", COLUMNS[:-1], t, (3, 7))),
    "rows_open_at": (rows_open_at, lambda t: ("FEATURES", COLUMNS[:-1], t)),
    "stored_scores": (stored_scores, lambda t: ((t,), "V1")),
    "medians": (medians, lambda t: ("FEATURES", ("SPEND", "ORDERS"), t)),
    "commonest": (commonest, lambda t: ("FEATURES", ("SEGMENT", "CITY"), t)),
    "floors": (floors, lambda t: ((t,), ("BASE", "DEFAULT"))),
    "floors_of_days": (floors, lambda t: ((t, t + dt.timedelta(days=31)), ("BASE",))),
    "meeting": (
        meeting,
        lambda _: (("BASE", "CHALLENGER"), (("CHALLENGER", "BASE"),), "CHALLENGER", 500),
    ),
    "performance": (outcomes, lambda _: ()),
    "stored_performance_unranked": (stored_performance, lambda t: ((t,), 30, ("BASE", "DEFAULT"), ("RECENCY_RULE",))),
    "stored_performance": (stored_performance, lambda t: ((t, add_months(t, -1)), 30, ("BASE", "DEFAULT"))),
    "summaries": (summaries, lambda _: ("BASELINE", ("AGE", "SPEND"))),
    "day_histograms": (day_histograms, lambda t: (seen(t), BINS)),
    "watched_rows": (watched_rows, lambda t: (seen(t),)),
    "baseline_histograms": (day_histograms, lambda _: (Watched(SOURCE, WATCHED, None), BINS)),
    "exact_day_scores": (exact_day_scores, lambda t: (seen(t), "CHURNED", "SAID", "SCORE", 1000)),
    "binned_day_scores": (binned_day_scores, lambda t: (seen(t), "CHURNED", None, "SCORE", 1000)),
    "binned_day_scores_of_all": (
        binned_day_scores,
        lambda _: (Watched(SOURCE, WATCHED, "AT"), "CHURNED", "SAID", "SCORE", 500),
    ),
    "day_confusion": (day_confusion, lambda t: (seen(t), "SEGMENT", "SEGMENT")),
    "day_errors": (day_errors, lambda t: (seen(t), "SPEND", "SCORE")),
    "refused_values": (refused_values, lambda t: (seen(t), "SCORE", ("AGE", "SPEND"))),
    "with_late_labels": (with_late_labels, lambda _: ("MADE", WATCHED[:4], "LATE", LATE, ("AT",), "CHURNED")),
    "repeated_keys": (repeated_keys, lambda _: ("LATE", LATE, ("AT",))),
    "out_of_range": (out_of_range, lambda _: ("MONITOR_SCORES", tuple(MONITOR_SCORES.items()), "WATCH")),
    "state_rows": (
        state_rows,
        lambda t: ("MONITOR_ERRORS", tuple(MONITOR_ERRORS.items()), "WATCH", t, add_months(t, 1), "SEGMENT"),
    ),
    "cells_by_bucket": (cells, lambda _: ()),
    "known_events": (known_rows, lambda t: (view("date", known_at=False), t)),
    "known_moments": (known_rows, lambda t: (view("timestamp(6)", known_at=True), t)),
    "known_unique_moments": (known_rows, lambda t: (view("timestamp(6)", known_at=True, unique=True), t)),
    "known_unique_rows_of_a_moment": (
        known_rows,
        lambda t: (replace(view("timestamp(6)", known_at=True, unique=True), oldest=t, one_moment=True), t),
    ),
    "known_rows_without_time": (known_rows, lambda t: (PEOPLE, t)),
    "point_in_time_join": (join_at, lambda t: ("SPINE", SPINE, (view("timestamp(6)", known_at=False), PEOPLE), t)),
}
