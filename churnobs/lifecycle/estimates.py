"""How the serving model does where labels are not final yet: estimated, graded when they are, and trusted or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from churnobs.codec import from_json, to_json
from churnobs.expressions.datasets import KEY_TYPES, rows_open_at, stored_scores
from churnobs.expressions.render import Query
from churnobs.lifecycle.meetings import meet
from churnobs.lifecycle.roles import monitor_name
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.monitoring.answers import MetricFunctions
from churnobs.monitoring.settings import MetricSettings

if TYPE_CHECKING:
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.monitoring.calibration import Calibration
    from churnobs.monitoring.estimation import Estimate, Grade, Trust
    from churnobs.monitoring.levels import Levels

# a calibration rests on so many of the version's newest as-ofs with final labels
REFERENCES: Final = 3
ROLE: Final = "DEFAULT"


def estimate_open(loop: Lifecycle, step: Step) -> dict[str, Any]:
    """Estimate the default at T by its own final labels, and grade what is final by now.

    A version that has no final labels of its own yet is calibrated by the trial that promoted its recipe; the first model
    has neither, and its scores are taken at their word.
    """
    from churnobs.monitoring.estimation import estimate

    graded = grades(loop)
    flag = trust_of(graded)
    new = [g for g in graded if g.as_of in loop.newly_final(step.month)]
    _store_grades(loop, step, new, flag)
    version = loop.journal.result(step.month, StepKind.PREDICT)["versions"].get(ROLE)
    levels = None if version is None else levels_at(loop, version, (step.as_of,))
    if levels is None:
        return {"version": version, "estimates": [], "trust": flag}
    own = levels_at(loop, version, _references(loop, version))
    found = list(estimate(levels, _calibration(loop, version, own), seed=loop.config.seed).values())
    _store_estimates(loop, step, str(version), found)
    return {"version": version, "estimates": found, "trust": flag}


def foresee(loop: Lifecycle, step: Step) -> tuple[dict[str, tuple[Any, Any, Any]], bool | None]:
    """What the default is expected to do at T, before this month changes it, and whether estimates are trusted."""
    from churnobs.monitoring.estimation import estimate

    default = loop.default()
    if default is None:
        return {}, None
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    rows = Query(rows_open_at, ("FEATURES", columns, step.as_of))
    scored = loop.workspace.registry.score(rows, ["CHURNED"], {ROLE: default}, unseen=(step.as_of, None))
    cells = MetricSettings().score_cells
    engine = loop.backend.engine
    _, levels = meet(engine, scored, (step.as_of,), (ROLE,), (), calibrated=ROLE, cells=cells)
    # the monitor counts the labels of this month's newly final as-ofs only later in the month
    final = _references(loop, default.version_name)
    stored = Query(stored_scores, (final, default.version_name))
    own = meet(engine, stored, final, (ROLE,), (), calibrated=ROLE, cells=cells)[1] if final else None
    found = estimate(levels, _calibration(loop, default.version_name, own), seed=loop.config.seed)
    return {e.metric: (e.value, e.low, e.high) for e in found.values()}, trust_of(grades(loop)).up


def levels_at(loop: Lifecycle, version: str, as_ofs: tuple[dt.date, ...]) -> Levels | None:
    """The counted scores of a version in production at some as-ofs; None where nothing was counted."""
    from churnobs.monitoring.levels import Levels

    name = monitor_name(loop.config.name, ROLE, version)
    record = next((m for m in loop.own_monitors() if m.name == name), None)
    if record is None or not as_ofs:
        return None
    days, cells = MetricFunctions(loop.workspace.monitor.state, record).by_day(min(as_ofs), max(as_ofs))
    parts = [cells.levels(number) for number, day in enumerate(days) if cells is not None and day in as_ofs]
    return Levels.merged(parts) if parts else None


def _references(loop: Lifecycle, version: str) -> tuple[dt.date, ...]:
    """The newest as-ofs with final labels at which a version served."""
    final = [t for t, versions in loop.predicted() if versions.get(ROLE) == version and t in loop.final_as_ofs()]
    return tuple(final[-REFERENCES:])


def _calibration(loop: Lifecycle, version: str, own: Levels | None) -> Calibration:
    """By a version's own final labels, or else by the trial that promoted its recipe."""
    from churnobs.monitoring.calibration import Calibration

    fitted = Calibration.fit(own) if own is not None else None
    if fitted is not None and fitted.calibrated:
        return fitted
    for trained, decided in zip(
        loop.journal.results(StepKind.TRAIN), loop.journal.results(StepKind.PROMOTE), strict=False
    ):
        promoted = decided["decision"]["action"] == "promote" and decided["decision"]["default_version"] == version
        if promoted and trained.get("calibration"):
            return from_json(Calibration, to_json(trained["calibration"]))
    return Calibration(calibrated=False, rows=0, base_rate=None)


def grades(loop: Lifecycle) -> list[Grade]:
    """Every estimate of the default beside what came true, of all as-ofs whose labels are final."""
    from churnobs.monitoring.estimation import Estimate, grade

    measured = {
        dt.date.fromisoformat(m["as_of"]): m["values"]
        for result in loop.journal.results(StepKind.MEASURE)
        for m in result["measured"]
        if m["role"] == ROLE
    }
    found = []
    for as_of, estimates in estimated(loop).items():
        if as_of in measured:
            for one in estimates.values():
                guess = from_json(Estimate, to_json(one))
                found.append(grade(guess, measured[as_of].get(guess.metric), as_of=as_of))
    return found


def estimated(loop: Lifecycle) -> Mapping[dt.date, Mapping[str, Any]]:
    """The estimates of every as-of as plain data, by metric."""
    found = {}
    for month in loop.journal.begun():
        result = loop.journal.result(month, StepKind.ESTIMATE)
        features = loop.journal.result(month, StepKind.FEATURES)
        if result and result["estimates"]:
            found[dt.date.fromisoformat(features["as_of"])] = {e["metric"]: e for e in result["estimates"]}
    return found


def trust_of(graded: list[Grade]) -> Trust:
    """Whether estimates can be relied on; a score taken at its word is graded, but nothing rests on it."""
    from churnobs.monitoring.estimation import trust

    return trust([g for g in graded if g.estimate.calibrated])


def _store_estimates(loop: Lifecycle, step: Step, version: str, found: list[Estimate]) -> None:
    loop.append(
        "ESTIMATES",
        [
            {
                "MONTH": str(step.month),
                "TIMESTAMP": dt.datetime.combine(step.as_of, dt.time()),
                "ROLE": ROLE,
                "VERSION": version,
                "METRIC_NAME": e.metric,
                "METRIC_VALUE": e.value,
                "LOW": e.low,
                "HIGH": e.high,
                "LEVEL": e.level,
                "CALIBRATED": e.calibrated,
                "COUNT_USED": e.rows,
            }
            for e in found
        ],
    )


def _store_grades(loop: Lifecycle, step: Step, new: list[Grade], flag: Trust) -> None:
    loop.append(
        "ESTIMATE_GRADES",
        [
            {
                "MONTH": str(step.month),
                "TIMESTAMP": dt.datetime.combine(g.as_of, dt.time()),
                "ROLE": ROLE,
                "METRIC_NAME": g.metric,
                "METRIC_VALUE": g.estimate.value,
                "LOW": g.estimate.low,
                "HIGH": g.estimate.high,
                "REALISED": g.realised,
                "INSIDE": g.inside,
                "TRUSTED": flag.up,
            }
            for g in new
        ],
    )
