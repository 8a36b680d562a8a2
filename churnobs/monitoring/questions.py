"""What a monitor can be asked: Snowflake's three metric functions, and churnobs' own questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from churnobs.errors import BadConfig
from churnobs.monitoring.answers import MetricFunctions, segment_column, segment_of
from churnobs.monitoring.settings import DriftSettings
from churnobs.records import MonitorRecord

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.monitoring.classifier import DomainDrift
    from churnobs.monitoring.decomposition import DropExplained
    from churnobs.monitoring.drift_verdict import DriftVerdict
    from churnobs.monitoring.estimation import Trust
    from churnobs.monitoring.state import MonitorState
    from churnobs.ports import EnginePort, Part


class Questions:
    """Answers from what monitors have counted.

    Args:
        engine: whether it can be written decides whether a fresh monitor looks for changes first.
        state: what was counted.
        find: the record of a monitor by its name.
    """

    def __init__(self, engine: EnginePort, state: MonitorState, find: Callable[[str], MonitorRecord]) -> None:
        self._engine = engine
        self.state = state
        self._find = find

    def model_monitor_performance_metric(
        self,
        monitor: str,
        metric: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """A performance metric over time.

        Args:
            monitor: its name.
            metric: binary: ROC_AUC, CLASSIFICATION_ACCURACY, PRECISION, RECALL, F1_SCORE; multi-class:
                CLASSIFICATION_ACCURACY, MACRO_AVERAGE_PRECISION, MACRO_AVERAGE_RECALL, MICRO_AVERAGE_PRECISION,
                MICRO_AVERAGE_RECALL; regression: RMSE, MAE, MAPE (a fraction), MSE. ``performance`` has churnobs' own too.
            granularity: '1 DAY', '2 WEEK', '1 MONTH', '1 QUARTER', '1 YEAR', or 'ALL' for one bucket from start to end.
            start: only buckets from the one that holds this date; default 60 days before ``end``.
            end: up to the bucket that holds this date; default the newest row.
            extra_args: JSON text, ``{"SEGMENTS": [{"column": "C", "value": "v"}]}``.

        Returns:
            EVENT_TIMESTAMP (start of the bucket), METRIC_VALUE (None where undefined), COUNT_USED, COUNT_UNUSED,
            METRIC_NAME, SEGMENT_COLUMN, SEGMENT_VALUE; one row a bucket with rows, in the order of time.
        """
        found, record = self._answers(monitor, "OUTCOMES")
        segment = segment_of(extra_args, record)
        return found.performance_metric(metric, found.window(granularity, start, end), segment)

    def model_monitor_drift_metric(
        self,
        monitor: str,
        metric: str,
        column: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """How far a column moved from the baseline: JENSEN_SHANNON, WASSERSTEIN, DIFFERENCE_OF_MEANS or
        POPULATION_STABILITY_INDEX, as defined in ``churnobs.divergence``; arguments as for the performance metric.

        Returns:
            EVENT_TIMESTAMP, METRIC_VALUE, COL_COUNT_USED, COL_COUNT_UNUSED, BASELINE_COL_COUNT_USED,
            BASELINE_COL_COUNT_UNUSED, METRIC_NAME, COLUMN_NAME, SEGMENT_COLUMN, SEGMENT_VALUE.

        Raises:
            BadConfig: no baseline, no such column in source or baseline, or a metric of means on a string column.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        segment = segment_of(extra_args, record)
        return found.drift_metric(metric, column, found.window(granularity, start, end), segment)

    def model_monitor_stat_metric(
        self,
        monitor: str,
        metric: str,
        column: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        extra_args: str | None = None,
    ) -> pd.DataFrame:
        """COUNT (values that are neither NULL nor NaN nor infinite), COUNT_NULL (the others), and of a numeric column MIN,
        MAX, AVG, SUM over time; arguments as for the performance metric.

        Returns:
            EVENT_TIMESTAMP, METRIC_VALUE, METRIC_NAME, COLUMN_NAME, SEGMENT_COLUMN, SEGMENT_VALUE.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        segment = segment_of(extra_args, record)
        return found.stat_metric(metric, column, found.window(granularity, start, end), segment)

    def performance(
        self,
        monitor: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        segment: str | None = None,
    ) -> pd.DataFrame:
        """All performance metrics at once, Snowflake's and churnobs' own, with what they have to beat.

        Args:
            monitor, granularity, start, end: as for the metric functions.
            segment: a segment column: one row for each of its values too.

        Returns:
            EVENT_TIMESTAMP, IS_FINAL (True when every label of the bucket is final; None where no horizon is known),
            ROWS_ALL, CLASS_USED and SCORE_USED (rows behind the metrics of the class and of the score), one column a
            metric, ROC_AUC_BOUND and AVERAGE_PRECISION_BOUND (how far these may be from the value of the rows, where many
            days were merged), SEGMENT_COLUMN, SEGMENT_VALUE.
        """
        found, record = self._answers(monitor, "OUTCOMES")
        of = None if segment is None else segment_column(segment, record)
        return found.performance(found.window(granularity, start, end), of)

    def drift(
        self,
        monitor: str,
        granularity: str | None = "1 DAY",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        segment: str | None = None,
    ) -> pd.DataFrame:
        """All drift metrics of all columns at once, one row a bucket, column and metric; columns as the drift function's.

        Args:
            monitor, granularity, start, end: as for the metric functions.
            segment: a segment column: rows for each of its values instead of all rows.
        """
        found, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        of = None if segment is None else segment_column(segment, record)
        return found.drift(found.window(granularity, start, end), of)

    def drift_verdict(
        self,
        monitor: str,
        granularity: str | None = "1 MONTH",
        end: dt.date | None = None,
        *,
        segment: str | None = None,
        settings: DriftSettings | None = None,
    ) -> DriftVerdict:
        """Which columns have drifted in the newest period, and for how many of which it is an alarm.

        An alarm is more than chance (resampled nulls, Benjamini-Hochberg over columns, metrics and segments), large enough
        (an effect floor) and lasting (2 of the last 3 periods): see ``churnobs.monitoring.alarms``.

        Args:
            monitor: with a baseline.
            granularity: of the periods.
            end: a day of the newest period; default the newest row.
            segment: a segment column: its values are judged beside all rows.
            settings: when drift is an alarm.

        Raises:
            BadConfig: no baseline, no rows, or no such segment column.
        """
        from churnobs.monitoring.insight import judged

        found, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        of = None if segment is None else segment_column(segment, record)
        return judged(found, record, granularity, end, of, settings or DriftSettings())

    def domain_classifier(
        self, monitor: str, start: dt.date, end: dt.date, *, sample: int = 5_000, seed: int = 0
    ) -> DomainDrift:
        """Whether rows of a period can be told from the baseline at all, by all features together.

        Args:
            monitor: with a baseline.
            start, end: first and last day of the period.
            sample: at most so many rows of each side, drawn by a seeded hash of their position.
            seed: of the sample and the permutations.

        Returns:
            The AUC of a classifier on rows it was not fitted on, the permutation p-value, and the features that tell most.
        """
        from churnobs.monitoring.classifier import domain_classifier

        _, record = self._answers(monitor, "HISTOGRAMS")
        if record.source.baseline is None:
            raise BadConfig(f"monitor {record.name} has no baseline", hint="make it with baseline=")
        if end < start:
            raise BadConfig(f"end {end} is before start {start}", hint="swap them")
        before, now = self.state.samples(record, start, end)
        return domain_classifier(before, now, seed=seed, sample=sample)

    def estimate(
        self,
        monitor: str,
        granularity: str | None = "1 MONTH",
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        reference: tuple[dt.date, dt.date] | None = None,
        level: float = 0.90,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Performance before the labels are final, by calibrated scores, and graded where they are final by now.

        Each period is estimated by what was known when it began, so that its grade is honest
        (``churnobs.monitoring.estimation`` has the method).

        Args:
            monitor, granularity, start, end: as for the metric functions.
            reference: first and last day to calibrate on; None for the newest 92 final days before each period.
            level: the probability that an interval holds the realised metric.
            seed: of the intervals' draws.

        Returns:
            EVENT_TIMESTAMP, IS_FINAL, METRIC_NAME (F1_SCORE, PRECISION, RECALL, CLASSIFICATION_ACCURACY, ROC_AUC),
            METRIC_VALUE (the estimate), LOW, HIGH, LEVEL, CALIBRATED (False: too few final labels, the score was taken at
            its word), COUNT_USED, REALISED and INSIDE (None until final).
        """
        from churnobs.monitoring.insight import frame, grades

        found, record = self._answers(monitor, "OUTCOMES")
        window = found.window(granularity, start, end)
        return frame(grades(found, record, window, reference=reference, level=level, seed=seed))

    def trust(self, monitor: str, granularity: str | None = "1 MONTH", *, start: dt.date | None = None) -> Trust:
        """Whether a monitor's estimates can be relied on, by how its final periods were graded."""
        from churnobs.monitoring.estimation import trust
        from churnobs.monitoring.insight import grades

        found, record = self._answers(monitor, "OUTCOMES")
        days = found.final_days()
        window = found.window(granularity, start or min(days, default=None), None)
        graded = grades(found, record, window, reference=None, level=0.90, seed=0)
        return trust([g for final, g in graded if final and g.estimate.calibrated])

    def explain_drop(
        self, monitor: str, before: dt.date, after: dt.date, *, segment: str, granularity: str = "1 MONTH"
    ) -> DropExplained:
        """Why F1 changed between two periods: split exactly into segment mix and change within segments.

        Args:
            monitor: of a binary classifier.
            before, after: a day of each period.
            segment: a segment column.
            granularity: of the periods.

        Returns:
            The split; ``moved`` are the columns that moved most in the segment that lowered F1 most.

        Raises:
            BadConfig: no such segment column, a period without rows, or F1 is not defined in one.
        """
        from churnobs.monitoring.insight import explained

        found, record = self._answers(monitor, "OUTCOMES", "HISTOGRAMS")
        name = segment_column(segment, record)
        windows = [found.window(granularity, day, day) for day in (before, after)]
        return explained(found, record, windows[0], windows[1], name)

    def _answers(self, monitor: str, *parts: Part) -> tuple[MetricFunctions, MonitorRecord]:
        """What a monitor has counted, after it has looked for changes in the parts that are asked."""
        record = self._find(monitor)
        if record.refresh == "fresh" and record.state == "ACTIVE" and not self._engine.read_only:
            self.state.refresh([record], parts=parts)
        return MetricFunctions(self.state, record, parts[0]), record
