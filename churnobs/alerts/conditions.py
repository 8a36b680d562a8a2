"""What an alert looks at: small frozen conditions, each a pure function of what was observed in a month."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from churnobs.codec import from_json, to_json
from churnobs.display import Shown, shown
from churnobs.divergence import DRIFT_METRICS
from churnobs.errors import BadConfig
from churnobs.expressions.performance import BINARY_METRICS
from churnobs.records import Measurement, identifier

Role: TypeAlias = Literal["BASE", "DEFAULT", "CHALLENGER"]

# what a Measurement holds
MEASURED: Final = (
    *BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1", "NEVER_F1", "RECENCY_F1", "RECENCY_AUC", "P_ABOVE_RECENCY",
    "P_BELOW_BASE_RATE",
)  # fmt: skip
_FIXED: Final = "fixed by the alert"


@dataclass(frozen=True, slots=True)
class Observed(Shown):
    """Everything conditions may look at, of one month.

    Args:
        month: as 2024-05.
        as_of: the newest T.
        now: the date of this look; None where none was given.
        measured: performance on labels that became final this month, oldest as-of first.
        drift: column -> metric -> value, this month's features against the baseline.
        estimates: metric -> (value, low, high): estimates for the as-of whose labels are not final yet.
        alarms: the columns alarmed by the drift verdict, each with the verdict in words; None where no verdict was made.
        data_through: the first day that the data do not cover.
        open_since: the oldest as-of whose labels are not final.
        version: the version that serves.
        datasets: version -> the dataset versions it was fitted on.
        segment: the segment that contributes most to a change, in words.
        monitors: monitor -> (metric, column or "") -> its newest known value. Read at each look, not kept.
    """

    month: str
    as_of: dt.date
    now: dt.date | None = None
    measured: tuple[Measurement, ...] = ()
    drift: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    estimates: Mapping[str, tuple[float | None, float | None, float | None]] = field(default_factory=dict)
    alarms: tuple[tuple[str, str], ...] | None = None
    data_through: dt.date | None = None
    open_since: dt.date | None = None
    version: str | None = None
    datasets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    segment: str | None = None
    monitors: Mapping[str, Mapping[tuple[str, str], float | None]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "measured", tuple(self.measured))
        if self.alarms is not None:
            object.__setattr__(self, "alarms", tuple((column, words) for column, words in self.alarms))


@dataclass(frozen=True, slots=True)
class Finding(Shown):
    """What a condition found.

    Args:
        metric: the name of the number.
        value: the number; None where it is not known.
        threshold: what it was held against; None where there was nothing to hold.
        fired: whether the condition is true; None for unknown.
        derived: how the threshold came about.
        words: what was found, for people.
        proposed: what to do about it.
        version: the model version it is about.
        columns: the columns it is about, worst first.

    Raises:
        BadConfig: it fired without a number and a threshold.
    """

    metric: str
    value: float | None
    threshold: float | None
    fired: bool | None
    derived: str
    words: str
    proposed: str = ""
    version: str | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fired and (self.value is None or self.threshold is None):
            raise BadConfig(f"{self.metric} fired without a number", hint="give value= and threshold=")


@runtime_checkable
class Condition(Protocol):
    """What an alert looks at. Your own needs these two; it is code, so it has to be given again in a new process."""

    @property
    def words(self) -> str:
        """The condition in words."""

    def look(self, observed: Observed) -> Finding:
        """Whether it is true of what was observed; pure."""


def _one_threshold(what: str, below: float | None, above: float | None) -> None:
    if (below is None) == (above is None):
        raise BadConfig(f"{what} needs one threshold", hint="give below= or above=")
    if not math.isfinite(_threshold(below, above)):
        raise BadConfig(f"{what} has the threshold {_threshold(below, above)}", hint="give a finite number")


def _threshold(below: float | None, above: float | None) -> float:
    return float(below if below is not None else above or 0.0)


def _side(below: float | None, above: float | None) -> str:
    return f"{'below' if below is not None else 'above'} {_threshold(below, above):g}"


def _is_crossed(value: float, below: float | None, above: float | None) -> bool:
    return value < below if below is not None else value > _threshold(below, above)


@dataclass(frozen=True, slots=True)
class Metric(Shown):
    """A number of the month on the wrong side of a threshold.

    Args:
        metric: F1_SCORE, ROC_AUC, LOG_LOSS, ... of ``role``; with ``column`` one of the four drift metrics.
        below, above: exactly one threshold; the number on it is not across.
        role: whose metric.
        column: the drifting column.
        monitor: the metric of a model monitor instead (its newest known value), any metric that the monitor answers.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    role: Role = "DEFAULT"
    column: str | None = None
    monitor: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", self.metric.upper())
        if self.column is not None:
            object.__setattr__(self, "column", identifier(self.column))
        if self.monitor is not None:
            object.__setattr__(self, "monitor", identifier(self.monitor))
        _one_threshold(self.metric, self.below, self.above)
        if self.role not in {"BASE", "DEFAULT", "CHALLENGER"}:
            raise BadConfig(f"{self.role!r} is no role", hint="BASE, DEFAULT or CHALLENGER")
        known = DRIFT_METRICS if self.column is not None else MEASURED
        # which performance metrics a monitor answers depends on its task: it says so itself when it is asked
        if self.metric not in known and (self.monitor is None or self.column is not None):
            raise BadConfig(f"{self.metric} is no metric here", hint=f"give one of {', '.join(known)}")

    @property
    def threshold(self) -> float:
        """The number that is not to be crossed."""
        return _threshold(self.below, self.above)

    @property
    def subject(self) -> str:
        """The number in words, without the threshold."""
        place = self.role if self.monitor is None else f"monitor {self.monitor}"
        if self.column is not None:
            place = self.column if self.monitor is None else f"{self.column} in {place}"
        return f"{self.metric} of {place}"

    @property
    def words(self) -> str:
        """The condition in words."""
        return f"{self.subject} {_side(self.below, self.above)}"

    def crossed(self, value: float) -> bool:
        """Whether a number is on the wrong side."""
        return _is_crossed(value, self.below, self.above)

    def look(self, observed: Observed) -> Finding:
        """Compare this month's number with the threshold."""
        own = [m for m in observed.measured if m.role == self.role]
        version = observed.version
        if self.monitor is not None:
            value = observed.monitors.get(self.monitor, {}).get((self.metric, self.column or ""))
        elif self.column is not None:
            value = observed.drift.get(self.column, {}).get(self.metric)
        else:
            value = own[-1][self.metric] if own else None
            version = own[-1].version if own else None
        columns = () if self.column is None else (self.column,)
        proposed = (
            "see whether the column is fed as before; where customers changed, retrain when their labels are final"
            if self.column
            else "hold it against the base rate and the trivial scores; see the drifted columns; retrain"
        )
        return _compared(self.subject, self.metric, value, self.below, self.above, _FIXED, proposed, version, columns)


def _compared(
    subject: str,
    metric: str,
    value: float | None,
    below: float | None,
    above: float | None,
    derived: str,
    proposed: str,
    version: str | None,
    columns: tuple[str, ...] = (),
) -> Finding:
    """A number held against a fixed threshold; None and NaN are unknown."""
    threshold = _threshold(below, above)
    if value is None or math.isnan(value):
        return Finding(metric, None, threshold, None, derived, f"{subject} is not known", version=version)
    fired = _is_crossed(value, below, above)
    words = f"{subject} is {shown(value)}, {'' if fired else 'not '}{_side(below, above)}"
    return Finding(metric, value, threshold, fired, derived, words, proposed, version, columns)


@dataclass(frozen=True, slots=True)
class Estimated(Shown):
    """An estimate of how the serving model does where labels are not final yet, on the wrong side of a threshold.

    Args:
        metric: ROC_AUC, CLASSIFICATION_ACCURACY, PRECISION, RECALL or F1_SCORE.
        below, above: exactly one threshold.
        certain: true only when the whole interval of the estimate is across, not just its middle.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    certain: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", self.metric.upper())
        _one_threshold(f"estimated {self.metric}", self.below, self.above)
        if self.metric not in BINARY_METRICS:
            raise BadConfig(f"{self.metric} is not estimated", hint=f"give one of {', '.join(BINARY_METRICS)}")

    @property
    def words(self) -> str:
        """The condition in words."""
        return f"estimated {self.metric} {_side(self.below, self.above)}{' for certain' if self.certain else ''}"

    def look(self, observed: Observed) -> Finding:
        """Compare the estimate, or the end of its interval that is nearer to the good side, with the threshold."""
        value, low, high = observed.estimates.get(self.metric, (None, None, None))
        span = "" if low is None or high is None else f" (interval {shown(low)} to {shown(high)})"
        held = value
        if self.certain:
            held = high if self.below is not None else low
        subject = f"estimated {self.metric}{span}" + (", its better end," if self.certain else "")
        derived = f"{_FIXED}, held against {'the interval' if self.certain else 'the estimate'}"
        proposed = (
            "labels are not final: see the drifted columns now, and the grade of the estimate when labels are final"
        )
        return _compared(
            subject, self.metric, held, self.below, self.above, derived, proposed, observed.version
        )  # fmt: skip


# of the alarmed columns a text names so many
_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class DriftAlarm(Shown):
    """The calibrated drift verdict has alarmed a column: significant, large enough and lasting.

    Args:
        columns: only these; all when empty.
    """

    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given: Any = self.columns
        names = (given,) if isinstance(given, str) else given
        object.__setattr__(self, "columns", tuple(identifier(column) for column in names))

    @property
    def words(self) -> str:
        """The condition in words."""
        return f"the drift verdict alarms {' or '.join(self.columns) if self.columns else 'any column'}"

    def look(self, observed: Observed) -> Finding:
        """Count the alarmed columns that are watched."""
        derived = "no alarmed column; when a column is alarmed is calibrated by the drift verdict"
        if observed.alarms is None:
            return Finding("DRIFT_VERDICT", None, 0.0, None, derived, "no drift verdict was made")
        own = [(column, words) for column, words in observed.alarms if not self.columns or column in self.columns]
        if not own:
            return Finding(
                "DRIFT_VERDICT", 0.0, 0.0, fired=False, derived=derived, words="no watched column is alarmed"
            )
        said = "; ".join(f"{column}: {words}" if words else column for column, words in own[:_TOLD])
        if len(own) > _TOLD:
            said += f"; and {len(own) - _TOLD} more"
        return Finding(
            "DRIFT_VERDICT",
            float(len(own)),
            0.0,
            fired=True,
            derived=derived,
            words=f"{len(own)} {'column has' if len(own) == 1 else 'columns have'} drifted: {said}",
            proposed="see whether the columns are fed as before; where customers changed, retrain when labels are final",
            version=observed.version,
            columns=tuple(column for column, _ in own),
        )


@dataclass(frozen=True, slots=True)
class Freshness(Shown):
    """Data or labels are late. Held against the date of the look, which is a parameter.

    The loop looks when data arrive, at the day that they reach: there only ``labels_days`` can be true. To hear of data
    that do not arrive, something else has to look: ``workspace.alerts.look_now(date)`` from a scheduler.

    Args:
        max_days: true when the data reach back more than so many days from the look.
        labels_days: true when the oldest as-of without final labels is more than so many days before the look.
    """

    max_days: int | None = None
    labels_days: int | None = None

    def __post_init__(self) -> None:
        given = [days for days in (self.max_days, self.labels_days) if days is not None]
        if not given or min(given) < 0:
            raise BadConfig("freshness needs a number of days", hint="give max_days= or labels_days=, from 0")

    @property
    def words(self) -> str:
        """The condition in words."""
        parts = []
        if self.max_days is not None:
            parts.append(f"data older than {self.max_days} days")
        if self.labels_days is not None:
            parts.append(f"labels waited for longer than {self.labels_days} days")
        return " or ".join(parts)

    def look(self, observed: Observed) -> Finding:
        """Count the days; where both are asked for, the one that is true is told."""
        found = []
        if self.max_days is not None:
            through = observed.data_through or observed.as_of
            found.append(_aged("DATA_AGE_DAYS", "the data reach", through, self.max_days, observed))
        if self.labels_days is not None:
            since = observed.open_since
            found.append(_aged("LABELS_WAIT_DAYS", "labels are waited for since", since, self.labels_days, observed))
        return next((one for one in found if one.fired), found[0])


def _aged(metric: str, subject: str, since: dt.date | None, days: int, observed: Observed) -> Finding:
    """How long ago something was, held against a number of days."""
    derived = f"{_FIXED}, in days before the look"
    if observed.now is None:
        return Finding(metric, None, float(days), None, derived, "no date was given to look at; pass now=")
    if since is None:
        return Finding(metric, 0.0, float(days), fired=False, derived=derived, words="no labels are waited for")
    age = (observed.now - since).days
    words = f"{subject} {since}, {age} days before {observed.now}; {days} are allowed"
    proposed = "see whether the files of the month arrived; ingest them, then run the loop"
    return Finding(metric, float(age), float(days), age > days, derived, words, proposed, observed.version)


BuiltIn: TypeAlias = Metric | Estimated | DriftAlarm | Freshness
_KINDS: Final[Mapping[str, type[BuiltIn]]] = {k.__name__: k for k in (Metric, Estimated, DriftAlarm, Freshness)}


def packed(condition: Condition) -> str:
    """A built-in condition as JSON text; empty for code.

    >>> packed(DriftAlarm(("AGE",)))
    '{"DriftAlarm": {"columns": ["AGE"]}}'
    """
    kind = type(condition).__name__
    return to_json({kind: condition}) if _KINDS.get(kind) is type(condition) else ""


def unpacked(text: str) -> Condition:
    """The condition that ``packed`` wrote."""
    ((kind, values),) = json.loads(text).items()
    return from_json(_KINDS[kind], json.dumps(values))
