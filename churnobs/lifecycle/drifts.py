"""How far the features have moved from what the first model was trained on, and whether that is an alarm."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from churnobs.codec import from_json, to_json
from churnobs.divergence import DRIFT_METRICS, Histogram, collect, drifts
from churnobs.expressions.monitored import SOURCE, Watched
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.tables import FEATURES_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churnobs.lifecycle.run import Lifecycle
    from churnobs.monitoring.drift_verdict import DriftVerdict


def count_features(loop: Lifecycle, as_of: dt.date, active: int) -> None:
    """Count the features at T once, for drift and for all monitors; before the first model nothing says how."""
    bins = loop.bins()
    if bins:
        columns = (*loop.feature_columns(), ("TIMESTAMP", "timestamp(6)"))
        watched = Watched(SOURCE, columns, "TIMESTAMP", loop.segments(), (as_of,))
        loop.workspace.monitor.state.store_histograms(FEATURES_SUBJECT, "FEATURES", watched, bins, active)


def measure_drift(loop: Lifecycle, step: Step) -> dict[str, Any]:
    """Measure how far each feature has moved from the baseline, and judge it against chance."""
    bins, before = loop.bins(), loop.baseline()
    if not bins:
        return {"drift": {}, "alarms": [], "history": None}
    state = loop.workspace.monitor.state
    now = collect(state.counted(FEATURES_SUBJECT, step.as_of).to_pylist())
    found = {
        b.column: {
            name: _rounded(value)
            for name, value in drifts(
                b.kind, before.get(b.column, Histogram()), now.get(b.column, Histogram()), DRIFT_METRICS
            ).items()
        }
        for b in bins
    }
    verdict = _judge(loop, step, before, now)
    _store(loop, step, found, verdict)
    alarms = [(c.column, _words(verdict, c.column)) for c in verdict.columns if c.alarm]
    return {"drift": found, "alarms": alarms, "history": verdict.history}


def _judge(loop: Lifecycle, step: Step, before: Mapping[str, Histogram], now: Mapping[str, Histogram]) -> DriftVerdict:
    from churnobs.monitoring.alarms import judge
    from churnobs.monitoring.drift_verdict import DriftHistory
    from churnobs.monitoring.null import Nulls

    earlier = [m for m in loop.journal.begun() if m < step.month]
    result = loop.journal.result(earlier[-1], StepKind.DRIFT) if earlier else None
    past = from_json(DriftHistory, to_json(result["history"])) if result and result["history"] else None
    rows = loop.backend.engine.read("MONITOR_NULLS").to_pylist()
    text = next(r["NULLS"] for r in rows if r["SUBJECT"] == loop.config.name)
    counted = {column: now.get(column, Histogram()) for column in before}
    return judge(dict(before), counted, from_json(Nulls, text), loop.config.drift, past)


def _words(verdict: DriftVerdict, column: str) -> str:
    one = next(c for c in verdict.columns if c.column == column)
    finding = one.finding
    return (
        f"{finding.metric} {finding.value:.3g}, by chance at most {finding.threshold:.3g}, "
        f"in {one.months} of the last {verdict.of} months"
    )


def _store(loop: Lifecycle, step: Step, found: Mapping[str, Mapping[str, float | None]], verdict: DriftVerdict) -> None:
    judged = {(f.column, f.metric): f for f in verdict.findings}
    rows = []
    for column, values in found.items():
        for name, value in values.items():
            finding = judged.get((column, name))
            rows.append(
                {
                    "MONTH": str(step.month),
                    "TIMESTAMP": dt.datetime.combine(step.as_of, dt.time()),
                    "COLUMN_NAME": column,
                    "METRIC_NAME": name,
                    "METRIC_VALUE": value,
                    "EFFECT": None if finding is None else _rounded(finding.effect),
                    "EFFECT_FLOOR": None if finding is None else finding.floor,
                    "P_VALUE": None if finding is None else _rounded(finding.p_value),
                    "Q_VALUE": None if finding is None else _rounded(finding.q_value),
                    "THRESHOLD": None if finding is None else _rounded(finding.threshold),
                    "FIRES": None if finding is None else finding.fires,
                    "ALARM": None if finding is None else column in verdict.alarms,
                }
            )
    loop.backend.engine.write("DRIFT", pa.Table.from_pylist(rows))


def _rounded(value: float | None) -> float | None:
    # parallel sums of doubles differ in their last digits from run to run
    return None if value is None else float(f"{value:.10g}")
