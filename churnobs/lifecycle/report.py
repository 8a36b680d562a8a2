"""The month report: facts first, words made from them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from churnobs.codec import from_json, to_json
from churnobs.display import html_table, shown
from churnobs.lifecycle.corrections import Correction
from churnobs.lifecycle.decisions import Decision
from churnobs.records import Measurement


@dataclass(frozen=True, slots=True)
class MonthReport:
    """What a month did and why.

    Args:
        month, as_of: the month and its T.
        status: "waiting" when no as-of became final (no metric, no decision), else "decided".
        rows: rows ingested, by kind.
        active: customers active at T.
        newly_final: the as-ofs whose labels became final.
        scored_as_of: the newest as-of with a performance; None where nothing was measured.
        measurements: base, default and challenger at every newly final as-of.
        drift: column -> metric -> value, features at T against what the first model was trained on.
        decision: what was decided.
        proven: whether the serving version has passed the gate on final labels it never saw.
        alerts: the alerts that were triggered.
        alarms: (column, words) of the features whose drift is an alarm.
        estimates: metric -> (value, low, high) of what serves at T, expected before its labels are final.
        trusted: whether such estimates came true so far; None while nothing serves. trust: why.
        corrections: what people corrected since the month before. later: what they corrected after this one.
        foreseen: the same of what served until then, as the policy saw it; empty unless the policy needs estimates.
        seconds: how long each step took.
        statements: how many statements the steps sent.
    """

    month: str
    as_of: dt.date
    status: Literal["waiting", "decided"]
    rows: Mapping[str, int]
    active: int
    newly_final: tuple[dt.date, ...]
    scored_as_of: dt.date | None
    measurements: tuple[Measurement, ...]
    drift: Mapping[str, Mapping[str, float | None]]
    decision: Decision
    proven: bool
    alerts: tuple[str, ...] = ()
    alarms: tuple[tuple[str, str], ...] = ()
    estimates: Mapping[str, tuple[float | None, float | None, float | None]] = field(default_factory=dict)
    trusted: bool | None = None
    trust: str = ""
    corrections: tuple[Correction, ...] = ()
    later: tuple[Correction, ...] = field(default=(), compare=False)
    foreseen: Mapping[str, tuple[float | None, float | None, float | None]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    # steps that were done again after an interruption have sent more
    statements: int = field(default=0, compare=False)

    @classmethod
    def from_journal(cls, found: Any, seconds: Mapping[str, float], statements: int) -> MonthReport:
        """The report that a finished month left in the journal."""
        return dataclasses.replace(from_json(cls, to_json(found)), seconds=dict(seconds), statements=statements)

    def performance(self, role: str) -> Measurement | None:
        """The measurement of a role at ``scored_as_of``."""
        own = (m for m in self.measurements if m.role == role and m.as_of == self.scored_as_of)
        return next(own, None)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, the shape of ``churnobs run --json``."""
        found = {role.lower(): self.performance(role) for role in ("BASE", "DEFAULT", "CHALLENGER")}
        trial = self.decision.trial
        return {
            "month": self.month,
            "as_of": self.as_of.isoformat(),
            "status": self.status,
            "rows": sum(self.rows.values()),
            "rows_by_kind": dict(self.rows),
            "active": self.active,
            "performance": {
                role: {"version": m.version, "rows": m.rows, **m.values} for role, m in found.items() if m is not None
            },
            "drift": {column: dict(values) for column, values in self.drift.items()},
            "scored_as_of": self.scored_as_of.isoformat() if self.scored_as_of else None,
            "newly_final": [t.isoformat() for t in self.newly_final],
            "decision": {
                "action": self.decision.action,
                "reason": self.decision.reason,
                "default_version": self.decision.default_version,
                "proven": self.proven,
                "trial": None if trial is None else {"rows": trial.rows, **_known(trial.auc)},
            },
            "alerts": list(self.alerts),
            "drift_alarms": dict(self.alarms),
            "estimates": {m: {"value": v, "low": lo, "high": hi} for m, (v, lo, hi) in self.estimates.items()},
            "estimates_trusted": self.trusted,
            "corrections": [c.words for c in self.corrections],
            "corrected_later": [c.words for c in self.later],
            "seconds": dict(self.seconds),
            "statements": self.statements,
        }

    def text(self) -> str:
        """The month in words."""
        lines = [f"{self.month}: {self.active:,} active customers on {self.as_of}; {self._serving()}."]
        lines += [f"Corrected before: {c.words}." for c in self.corrections]
        if self.status == "waiting":
            lines.append(f"Waiting: {self.decision.reason}.")
        else:
            lines.append(f"Decision: {_ACTIONS[self.decision.action]}, because {self.decision.reason}.")
        for role, words in (("DEFAULT", "What served"), ("BASE", "Had nobody retrained")):
            m = self.performance(role)
            if m is not None:
                lines.append(
                    f"{words} at {m.as_of} ({m.version}): ROC_AUC {shown(m['ROC_AUC'])} "
                    f"(recency rule {shown(m['RECENCY_AUC'])}), F1 {shown(m['F1_SCORE'])} "
                    f'("everyone churns" {shown(m["TRIVIAL_F1"])}, recency rule {shown(m["RECENCY_F1"])}), '
                    f"base rate {shown(m['BASE_RATE'])}."
                )
        pair = self.decision.trial.pair("CHALLENGER", "DEFAULT") if self.decision.trial else None
        if pair is not None and pair.standard_error is not None and not math.isnan(pair.auc_first):
            lines.append(
                f"Challenger against default on {pair.rows:,} unseen rows: ROC_AUC "
                f"{pair.auc_first - pair.auc_second:+.4f} (standard error {pair.standard_error:.4f}), "
                f"classes by McNemar p = {shown(pair.mcnemar_p)}."
            )
        expected = [f"{m} {shown(v)} ({shown(lo)} to {shown(hi)})" for m, (v, lo, hi) in self.estimates.items() if v]
        if expected:
            doubt = "" if self.trusted else f"; not to be trusted: {self.trust}"
            lines.append(f"Expected at {self.as_of}, before its labels are final: {', '.join(expected)}{doubt}.")
        if self.alarms:
            told = "; ".join(f"{column} ({words})" for column, words in self.alarms[:_TOLD])
            more = f"; and {len(self.alarms) - _TOLD} more" if len(self.alarms) > _TOLD else ""
            lines.append(f"Drift alarms, strongest first: {told}{more}.")
        if self.alerts:
            lines.append(f"Alerts: {', '.join(self.alerts)}.")
        lines += [f"Corrected since: {c.words}." for c in self.later]
        if self.statements:
            lines.append(f"Statements sent: {self.statements:,}.")
        return "\n".join(lines)

    def _serving(self) -> str:
        version = self.decision.default_version
        if version is None:
            return "no model yet"
        return f"{version} serves{'' if self.proven else ', unproven'}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return (
            f"MonthReport({self.month}, {self.status}, {self.decision.action}, default={self.decision.default_version})"
        )

    def _repr_html_(self) -> str:
        return months_table([self])


def _known(auc: Mapping[str, float]) -> dict[str, float | None]:
    """Without a NaN, which JSON does not have: labels of one class only have no ROC AUC."""
    return {role: None if math.isnan(value) else value for role, value in auc.items()}


# of the alarmed columns a text names so many
_TOLD = 3
_ACTIONS = {
    "wait": "wait",
    "first_model": "the first model was trained and serves",
    "keep": "keep the model",
    "tie": "a challenger was trained and the model stays",
    "promote": "a challenger was promoted and refitted",
    "rollback": "the first model serves again",
}
COLUMNS = (
    "month", "decision", "serves", "scored as-of", "ROC_AUC", "never retrained", "recency rule", "F1", "everyone churns",
    "base rate", "why",
)  # fmt: skip


def month_row(report: MonthReport) -> tuple[Any, ...]:
    """One report as a row of COLUMNS."""
    served, base = report.performance("DEFAULT"), report.performance("BASE")

    def value(of: Measurement | None, metric: str) -> str:
        number = of[metric] if of else None
        return "" if number is None else f"{number:.3f}"

    version = report.decision.default_version or ""
    return (
        report.month,
        report.decision.action,
        version + ("" if report.proven or not version else " (unproven)"),
        report.scored_as_of,
        value(served, "ROC_AUC"),
        value(base, "ROC_AUC"),
        value(served, "RECENCY_AUC"),
        value(served, "F1_SCORE"),
        value(served, "TRIVIAL_F1"),
        value(served, "BASE_RATE"),
        report.decision.reason,
    )


def months_table(reports: list[MonthReport]) -> str:
    """Reports as an HTML table."""
    return html_table(COLUMNS, [month_row(r) for r in reports])
