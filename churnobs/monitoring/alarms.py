"""Has a column drifted? An alarm is significant, large enough, and lasting.

Every column, metric and segment gets a p-value from its own null distribution (``monitoring.null``); Benjamini & Hochberg
(1995) keep the share of false ones among the rejected at alpha, which is also the chance of any rejection in a month in
which nothing happened (their condition, positive dependence, is what metrics of one column and columns of one customer
have). Effects below a floor do not count, however sure they are: with a million rows everything is significant. A column
that fires in 2 of the last 3 months is an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnobs.divergence import NUMERIC_ONLY, Histogram, drifts
from churnobs.errors import BadConfig, NotFound
from churnobs.monitoring.drift_verdict import ColumnDrift, DriftHistory, DriftVerdict, Finding
from churnobs.monitoring.null import Nulls, Pair, by_segment, is_number, seed_of, tails
from churnobs.monitoring.settings import LEAST_DRAWS, DriftSettings
from churnobs.monitoring.tail import Tail

Floats = npt.NDArray[np.float64]

Histograms = Mapping[str, Histogram] | Mapping[str, Mapping[str, Histogram]]


def judge(
    baseline: Histograms,
    current: Histograms,
    nulls: Nulls,
    settings: DriftSettings | None = None,
    history: DriftHistory | None = None,
) -> DriftVerdict:
    """Which columns have drifted this month, and which of them for so long that it is an alarm.

    Args:
        baseline: column -> histogram, or segment -> column -> histogram (``divergence.collect``).
        current: the month's, in the same form and on the same grids. A segment that the baseline does not have, and a
            column without rows, are listed as not judged.
        nulls: ``Nulls.build`` of this baseline.
        settings: when drift is an alarm.
        history: the last month's ``verdict.history``; None for the first month.

    Raises:
        NotFound: the month has a column that the baseline, or the nulls, do not have.
        BadConfig: the nulls were made of another baseline, or a column is a number on one side and text on the other.
    """
    rules, past = settings or DriftSettings(), history or DriftHistory()
    before, now = by_segment(baseline), by_segment(current)
    measured: list[_Measured] = []
    unjudged = [(s, c, "the baseline has no such segment") for s in now if s not in before for c in now[s]]
    for segment, columns in before.items():
        months_of = now.get(segment, {})
        for column in months_of:
            if column not in columns:
                raise NotFound(f"the baseline has no column {column}", hint=f"it has {', '.join(columns)}")
        for column, histogram in columns.items():
            sides = _Sides(segment, column, histogram, months_of.get(column, Histogram()))
            why = "ignored by the settings" if column in rules.ignored else sides.why_not(nulls)
            if why:
                unjudged.append((segment, column, why))
            else:
                measured += _measure(sides, nulls, rules)
    return _verdict(_findings(measured, rules), tuple(unjudged), rules, past)


@dataclass(frozen=True, slots=True)
class _Sides:
    segment: str
    column: str
    baseline: Histogram
    current: Histogram

    def why_not(self, nulls: Nulls) -> str:
        """Why nothing can be said of this column; empty when something can."""
        if not self.baseline.rows or not self.current.rows:
            return f"no rows in the {'month' if self.baseline.rows else 'baseline'}"
        if is_number(self.baseline) != is_number(self.current):
            raise BadConfig(f"column {self.column} is a number on one side only", hint="count both sides on one grid")
        null = nulls.column(self.column, self.segment)
        if null.rows != self.baseline.rows:
            message = f"the null of {self.column} is of {null.rows} rows, the baseline has {self.baseline.rows}"
            raise BadConfig(message, hint="build the nulls of this baseline")
        if is_number(self.baseline) and not null.spread > 0.0:
            return "constant in the baseline, so there is no spread to measure a move by"
        return ""


@dataclass(frozen=True, slots=True)
class _Measured:
    segment: str
    column: str
    metric: str
    value: float
    effect: float
    tail: Tail
    p_value: float


def _measure(sides: _Sides, nulls: Nulls, rules: DriftSettings) -> list[_Measured]:
    null, rows = nulls.column(sides.column, sides.segment), sides.current.rows
    kind = "number" if is_number(sides.baseline) else "category"
    found = drifts(kind, sides.baseline, sides.current)
    values = {metric: value for metric in null.tails if (value := found[metric]) is not None}
    known = {metric: null.scaled(metric, rows) for metric in values}
    # drawn anew only where it can matter: a p-value far from alpha beside an effect below the floor cannot fire
    units = {metric: null.spread if metric in NUMERIC_ONLY else 1.0 for metric in values}
    near = [
        metric
        for metric, value in values.items()
        if abs(value) > rules.floors[metric] * units[metric] or known[metric].p_value(abs(value)) <= 2.0 * rules.alpha
    ]
    if near:
        pair = Pair.of(sides.baseline, sides.current)
        doubtful = tuple(metric for metric in near if not pair.fits(metric))
        # a few draws tell most of them to be nothing; what they do not clear is drawn in full
        for draws in (LEAST_DRAWS, rules.draws):
            if doubtful:
                known |= tails(pair, doubtful, draws, seed_of(rules.seed, sides.segment, sides.column, rows, draws))
            doubtful = tuple(m for m in doubtful if known[m].p_value(abs(values[m])) <= rules.alpha)
    return [
        _Measured(
            sides.segment,
            sides.column,
            metric,
            value,
            _effect(metric, value, known[metric].level) / units[metric],
            known[metric],
            known[metric].p_value(abs(value)),
        )
        for metric, value in values.items()
    ]


def _effect(metric: str, value: float, level: float) -> float:
    if metric == "POPULATION_STABILITY_INDEX":
        return max(value - level, 0.0)
    return math.sqrt(max(value * value - level, 0.0))


def adjusted(p_values: npt.ArrayLike) -> Floats:
    """Benjamini-Hochberg q-values: the least alpha at which each would be rejected.

    >>> adjusted([0.01, 0.04, 0.03, 0.2]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.2]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(p[order] * len(p) / ranks), 1.0)
    return q


def _findings(measured: list[_Measured], rules: DriftSettings) -> tuple[list[Finding], float]:
    """Every finding, and the p-value up to which they were rejected."""
    q_values = adjusted([m.p_value for m in measured])
    level = rules.alpha * max(int(np.sum(q_values <= rules.alpha)), 1) / max(len(measured), 1)
    findings = [
        Finding(
            m.segment,
            m.column,
            m.metric,
            m.value,
            m.effect,
            rules.floors[m.metric],
            m.p_value,
            float(q),
            m.tail.quantile(level),
            fires=bool(q <= rules.alpha and m.effect > rules.floors[m.metric]),
        )
        for m, q in zip(measured, q_values, strict=True)
    ]
    return findings, level


def _verdict(
    judged: tuple[list[Finding], float],
    unjudged: tuple[tuple[str, str, str], ...],
    rules: DriftSettings,
    past: DriftHistory,
) -> DriftVerdict:
    findings, level = judged
    by_column: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_column.setdefault((finding.segment, finding.column), []).append(finding)
    fired = tuple(key for key, found in by_column.items() if any(f.fires for f in found))
    history = past.after(fired, rules.of)
    columns = []
    for key, found in by_column.items():
        strongest = max((f for f in found if f.fires or key not in fired), key=lambda f: f.strength)
        months = sum(key in month for month in history.months)
        columns.append(ColumnDrift(*key, strongest, key in fired, months, months >= rules.needed))
    columns.sort(key=lambda c: (not c.alarm, not c.fires, -c.contribution))
    alarms = tuple(dict.fromkeys(c.column for c in columns if c.alarm))
    return DriftVerdict(
        alarms, tuple(columns), tuple(findings), unjudged, level, rules.alpha, rules.needed, rules.of, history
    )
