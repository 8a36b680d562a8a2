"""What a month's drift comes to, column by column, with the numbers behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from churnobs.display import Shown, html_table

_UNITS: Final = {"DIFFERENCE_OF_MEANS": " baseline standard deviations", "WASSERSTEIN": " baseline standard deviations"}


@dataclass(frozen=True, slots=True)
class DriftHistory(Shown):
    """Which (segment, column) fired in each of the last months, newest last; all that a verdict must remember."""

    months: tuple[tuple[tuple[str, str], ...], ...] = ()

    def after(self, fired: tuple[tuple[str, str], ...], keep: int) -> DriftHistory:
        """The history with one month more, of which the last ``keep`` months are kept."""
        return DriftHistory((*self.months, fired)[-keep:])


@dataclass(frozen=True, slots=True)
class Finding(Shown):
    """One metric of one column in one segment.

    Args:
        value: the metric, as ``divergence.drift`` gives it (a difference of means has a sign).
        effect: how large it is without what chance alone brings at these sizes, so that it does not depend on how many
            rows there are: for distances the root of (value squared - its mean under the null), for the stability index
            the value - its mean under the null, and 0 where that is negative. In baseline standard deviations for
            DIFFERENCE_OF_MEANS and WASSERSTEIN.
        floor: what the effect must pass.
        p_value: how often chance alone reaches the value.
        q_value: Benjamini-Hochberg adjusted: the finding is rejected when it is at most alpha.
        threshold: the value at the level that Benjamini-Hochberg came to this month; significant is what passes it.
        fires: rejected, and the effect is above the floor.
    """

    segment: str
    column: str
    metric: str
    value: float
    effect: float
    floor: float
    p_value: float
    q_value: float
    threshold: float
    fires: bool

    @property
    def strength(self) -> float:
        """The effect in floors, on one scale for all metrics: 1 at the floor, 2 for a move twice as far.

        The stability index grows with the square of a move and the distances with the move itself, so of the index it is
        the root that is compared.
        """
        times = self.effect / self.floor
        return math.sqrt(times) if self.metric == "POPULATION_STABILITY_INDEX" else times


@dataclass(frozen=True, slots=True)
class ColumnDrift(Shown):
    """One column of one segment, by its strongest finding.

    Args:
        finding: of its metrics that fire, or of all when none does, the one of the largest strength.
        fires: whether any metric fires this month.
        months: in how many of the last months it fired, this one included.
        alarm: whether that is often enough.
    """

    segment: str
    column: str
    finding: Finding
    fires: bool
    months: int
    alarm: bool

    @property
    def contribution(self) -> float:
        """What columns are ranked by: the strength of their strongest finding."""
        return self.finding.strength


@dataclass(frozen=True, slots=True)
class DriftVerdict(Shown):
    """What a month's drift comes to.

    Args:
        alarms: the columns alarmed in any segment, by contribution.
        columns: every judged (segment, column): first those alarmed, then those that fire, each by contribution.
        findings: every metric of them.
        unjudged: segment, column and why it could not be judged.
        level: the p-value up to which findings were rejected this month.
        alpha, needed, of: the settings judged by.
        history: what to hand to the next month's judging.
    """

    alarms: tuple[str, ...]
    columns: tuple[ColumnDrift, ...]
    findings: tuple[Finding, ...] = field(repr=False)
    unjudged: tuple[tuple[str, str, str], ...]
    level: float
    alpha: float
    needed: int
    of: int
    history: DriftHistory

    def text(self) -> str:
        """The verdict in words, one line a column that is alarmed or fires."""
        tested = f"{len(self.columns)} columns, {len(self.findings)} tests, false alarm rate {self.alpha:g} a month"
        drifted = [column for column in self.columns if column.alarm or column.fires]
        head = f"Drift in {', '.join(self.alarms)}" if self.alarms else "No drift alarm"
        lines = [f"{head} ({tested})", *(f"  {self._line(column)}" for column in drifted)]
        lines += [f"  {_named(segment, column)}: not judged, {why}" for segment, column, why in self.unjudged]
        return "\n".join(lines)

    def _line(self, column: ColumnDrift) -> str:
        found = column.finding
        state = "ALARM" if column.alarm else "fires"
        return (
            f"{_named(column.segment, column.column)}: {state}, fired in {column.months} of the last {self.of} months; "
            f"{found.metric} {found.value:.4g} (significant above {found.threshold:.4g}, p = {found.p_value:.2g}), "
            f"effect {found.effect:.3g}{_UNITS.get(found.metric, '')}, floor {found.floor:.3g}"
        )

    def _repr_html_(self) -> str:
        header = ("SEGMENT", "COLUMN", "STATE", "METRIC", "VALUE", "THRESHOLD", "P_VALUE", "EFFECT", "FLOOR", "MONTHS")
        rows = []
        for column in self.columns:
            state, found = "ALARM" if column.alarm else "FIRES" if column.fires else "", column.finding
            numbers = (found.value, found.threshold, found.p_value, found.effect, found.floor, column.months)
            rows.append((column.segment, column.column, state, found.metric, *numbers))
        return html_table(header, rows, self.text().partition("\n")[0])


def _named(segment: str, column: str) -> str:
    return f"{column} in {segment}" if segment else column
