"""What a binary monitor says beyond its metrics: performance before labels are final, and why F1 changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from churnobs.divergence import Histogram, drift
from churnobs.errors import BadConfig
from churnobs.monitoring.calibration import Calibration
from churnobs.monitoring.decomposition import DropExplained, explain_drop
from churnobs.monitoring.estimation import ESTIMATED, Grade, estimate, grade

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.monitoring.answers import MetricFunctions, Window
    from churnobs.monitoring.drift_verdict import DriftVerdict
    from churnobs.monitoring.metrics import Cells
    from churnobs.monitoring.settings import DriftSettings
    from churnobs.records import MonitorRecord

# an estimate is calibrated on the newest final labels of so many days
REFERENCE_DAYS: Final = 92
ESTIMATES: Final = (
    "EVENT_TIMESTAMP", "IS_FINAL", "METRIC_NAME", "METRIC_VALUE", "LOW", "HIGH", "LEVEL", "CALIBRATED", "COUNT_USED",
    "REALISED", "INSIDE",
)  # fmt: skip
_MOVED: Final = 3


def grades(
    answers: MetricFunctions,
    record: MonitorRecord,
    window: Window,
    *,
    reference: tuple[dt.date, dt.date] | None,
    level: float,
    seed: int,
) -> list[tuple[bool | None, Grade]]:
    """Estimate every period of a window by what was final when it began, and grade those whose labels are final now.

    Args:
        answers, record: of a binary monitor with scores.
        window: the periods.
        reference: the first and last day to calibrate on; None for the newest final days before each period.
        level: of the intervals.
        seed: of the draws.

    Returns:
        (whether the period is final, its grade) for each period and metric, oldest first.
    """
    if record.task != "TABULAR_BINARY_CLASSIFICATION" or not record.source.prediction_score_columns:
        raise BadConfig(
            f"monitor {record.name} has no scores of a binary classifier", hint="estimates need probabilities"
        )
    lag = dt.timedelta(days=record.horizon_days or 0)
    earliest = min(window.first - lag - dt.timedelta(days=REFERENCE_DAYS), *(reference or ()), window.first)
    days, cells = answers.by_day(earliest, max(window.last, *(reference or ()), window.last))
    if cells is None:
        return []
    final = answers.final(window)
    # only what is final has a truth to be graded by
    measured = answers.measured(window) if any(final.values()) else {}
    fixed = None
    if reference is not None:
        first, last = bisect_left(days, reference[0]), bisect_right(days, reference[1]) - 1
        if last < first:
            raise BadConfig(f"no rows from {reference[0]} to {reference[1]}", hint="choose another reference")
        fixed = Calibration.fit(cells.levels(first, last))
    found = []
    for period in sorted(final):
        start = window.start(period).date()
        first, last = bisect_left(days, start), bisect_right(days, window.last_day(period)) - 1
        calibration = fixed or _calibrated(cells, days, start, lag)
        guesses = estimate(cells.levels(first, last), calibration, level=level, seed=seed)
        for metric in ESTIMATED:
            truth = measured[None, period].values[metric] if final[period] else None
            found.append((final[period], grade(guesses[metric], truth, as_of=start)))
    return found


def _calibrated(cells: Cells, days: list[dt.date], start: dt.date, lag: dt.timedelta) -> Calibration:
    """By the labels that were final when a period began: those of days at least the horizon before it."""
    last = (bisect_right(days, start - lag) if lag else bisect_left(days, start)) - 1
    if last < 0:
        return Calibration(calibrated=False, rows=0, base_rate=None)
    first = bisect_left(days, days[last] - dt.timedelta(days=REFERENCE_DAYS - 1))
    return Calibration.fit(cells.levels(first, last))


def frame(graded: list[tuple[bool | None, Grade]]) -> pd.DataFrame:
    """Graded estimates as rows of ESTIMATES."""
    import pandas as pd

    rows = [
        (
            dt.datetime.combine(g.as_of, dt.time()), final, g.metric, g.estimate.value, g.estimate.low, g.estimate.high,
            g.estimate.level, g.estimate.calibrated, g.estimate.rows, g.realised, g.inside,
        )
        for final, g in graded
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(ESTIMATES))


def judged(
    answers: MetricFunctions,
    record: MonitorRecord,
    granularity: str | None,
    end: dt.date | None,
    segment: str | None,
    settings: DriftSettings,
) -> DriftVerdict:
    """The verdict on the newest period, after those before it that its persistence looks back on.

    Args:
        answers, record: of a monitor with a baseline.
        granularity: of the periods.
        end: a day of the newest period; None for the newest row.
        segment: a segment column whose values are judged beside all rows.
        settings: when drift is an alarm.
    """
    from churnobs.monitoring.alarms import judge
    from churnobs.monitoring.null import Nulls

    newest = answers.window(granularity, None, end)
    numbers = range(newest.number(newest.last) - settings.of + 1, newest.number(newest.last) + 1)
    reference = answers.baseline(None)
    columns = tuple(c for c in record.features if reference.get((None, None), c) is not None)
    history, verdict = None, None
    nulls: Nulls | None = None
    for number in numbers:
        day = newest.buckets.start(number)
        window = answers.window(granularity, day, day)
        periods = {"": next(iter(answers.histograms(window, None, None).values()), {})}
        if segment is not None:
            found = answers.histograms(window, None, segment).items()
            periods |= {value: own for (value, _), own in found if value is not None}
        if not periods[""]:
            # a period without rows says nothing about drift, neither for nor against
            continue
        everybody = {c: h for c, h in reference.columns((None, None)).items() if c in columns}
        before = {"": everybody}
        if segment is not None and record.settings.segment_baseline == "whole":
            before |= dict.fromkeys(periods, everybody)
        elif segment is not None:
            for value in reference.values(segment):
                of = reference.columns((segment, value))
                before[value] = {c: h for c, h in of.items() if c in columns}
        if nulls is None or not before.keys() <= nulls.segments.keys():
            nulls = Nulls.build(before, draws=settings.draws, seed=settings.seed)
        now = {key: {c: own[c] for c in columns if c in own} for key, own in periods.items()}
        verdict = judge(before, now, nulls, settings, history)
        history = verdict.history
    if verdict is None:
        raise BadConfig(f"monitor {record.name} has no rows up to {newest.last}", hint="choose another end")
    return verdict


def explained(
    answers: MetricFunctions, record: MonitorRecord, before: Window, after: Window, segment: str
) -> DropExplained:
    """Why F1 changed between two periods, with at most three columns that moved in the segment that lowered it most, by
    the Jensen-Shannon distance between the two periods.
    """
    sides = []
    for window in (before, after):
        found = answers.measured(window, segment)
        if not found:
            raise BadConfig(f"no rows from {window.first} to {window.last}", hint="choose another period")
        sides.append({value: one.hits for (value, _), one in found.items()})
    split = explain_drop(*sides)
    if split.worst is None:
        return split
    worst = split.worst.segment
    one, other = (
        next((h for (value, _), h in answers.histograms(w, None, segment).items() if value == worst), {})
        for w in (before, after)
    )
    kinds = {b.column: b.kind for b in record.bins if b.column in record.features}
    moved = []
    for column, kind in kinds.items():
        distance = drift(
            "JENSEN_SHANNON", kind, one.get(column, Histogram()), other.get(column, Histogram()), record.settings
        )
        if distance:
            moved.append((-distance, column))
    return dataclasses.replace(split, moved=tuple(column for _, column in sorted(moved)[:_MOVED]))
