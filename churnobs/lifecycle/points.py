"""The lines of a chart of months: what served, what would have, the floors, and what is only expected yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from churnobs.lifecycle.report import MonthReport

SERVED, BASE, CHALLENGER = "what served", "never retrained", "challenger"
_ROLES: Final = {"DEFAULT": SERVED, "BASE": BASE, "CHALLENGER": CHALLENGER}
# metric -> the floors that stand beside it: line -> where a measurement has it
_FLOORS: Final = {
    "ROC_AUC": {"recency rule": "RECENCY_AUC"},
    "F1_SCORE": {"recency rule": "RECENCY_F1", "everyone churns": "TRIVIAL_F1"},
}
METRICS: Final = ("ROC_AUC", "F1_SCORE", "PRECISION", "RECALL", "CLASSIFICATION_ACCURACY", "LOG_LOSS")


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one line at one as-of; final, or expected with its interval before labels are final."""

    as_of: dt.date
    line: str
    version: str
    value: float
    is_final: bool = True
    low: float | None = None
    high: float | None = None


def points_of(reports: Sequence[MonthReport], metric: str) -> Iterator[Point]:
    """Every point of a metric: those on final labels, then what is expected where labels are not final yet."""
    floors = {} if metric == "LOG_LOSS" else {**_FLOORS.get(metric, {}), "base rate": "BASE_RATE"}
    final = set()
    for report in reports:
        for measured in report.measurements:
            if measured.role == "DEFAULT":
                final.add(measured.as_of)
                beside = ((line, measured[name]) for line, name in floors.items())
                yield from (Point(measured.as_of, line, "", value) for line, value in beside if value is not None)
            value = measured[metric]
            if value is not None:
                yield Point(measured.as_of, _ROLES[measured.role], measured.version, value)
    for report in reports:
        value, low, high = report.estimates.get(metric, (None, None, None))
        if report.as_of not in final and value is not None:
            version = report.decision.default_version or ""
            yield Point(report.as_of, SERVED, version, value, is_final=False, low=low, high=high)


def serving_since(reports: Sequence[MonthReport]) -> list[tuple[dt.date, str]]:
    """The as-ofs from which another model served, with words for people."""
    acted = [
        report
        for report in reports
        if report.decision.action in {"promote", "rollback", "first_model"}
        or any(correction.kind == "ROLLBACK" for correction in report.corrections)
    ]
    return [(report.as_of, f"{report.month}: {report.decision.default_version}") for report in acted]
