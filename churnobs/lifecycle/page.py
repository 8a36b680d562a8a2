"""The reports of a run as one static HTML page: no script, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.divergence import DRIFT_METRICS
from churnobs.lifecycle.corrections import corrected_rows, put_back, revised_rows
from churnobs.lifecycle.drawing import heat_map, line_chart
from churnobs.lifecycle.report import COLUMNS, MonthReport, month_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churnobs.lifecycle.explain import AtRisk

CHARTED: Final = ("ROC_AUC", "F1_SCORE")
# of what restated files have changed a page has these
_REVISED: Final = (*CHARTED, "LOG_LOSS", "BASE_RATE")
_SHOWN: Final = 8


def html_page(reports: Sequence[MonthReport], risk: AtRisk | None, title: str) -> str:
    """The page of a run.

    Args:
        reports: the months, oldest first.
        risk: who is about to leave; None to leave that out.
        title: for people; like every text of the data it is escaped.
    """
    return _rendered("page.html", reports, risk, title)


def html_fragment(reports: Sequence[MonthReport], risk: AtRisk | None, title: str) -> str:
    """The same without the page around it, for a notebook."""
    return _rendered("report.html", reports, risk, title)


def _rendered(name: str, reports: Sequence[MonthReport], risk: AtRisk | None, title: str) -> str:
    from jinja2 import Environment, PackageLoader

    moved = next((r for r in reversed(reports) if r.drift), None)
    ranked = sorted((moved.drift if moved else {}).items(), key=lambda c: -(c[1]["JENSEN_SHANNON"] or 0.0))
    last = reports[-1] if reports else None
    return (
        Environment(autoescape=True, loader=PackageLoader("churnobs.lifecycle", "."))
        .get_template(name)
        .render(
            title=title,
            lead=lead(reports),
            charts=[chart for metric in CHARTED if (chart := line_chart(reports, metric))["series"]],
            columns=COLUMNS,
            numeric={4, 5, 6, 7, 8, 9},
            rows=[month_row(r) for r in reports],
            corrections=corrected_rows(reports),
            revised=[row for row in revised_rows(reports) if row[3] in _REVISED],
            risk=risk,
            last=last,
            alerts=[(r.month, r.alerts) for r in reports if r.alerts],
            heat=heat_map(reports),
            drifted=ranked[:_SHOWN],
            drift_month=moved.month if moved else "",
            drift_metrics=DRIFT_METRICS,
        )
    )


def lead(reports: Sequence[MonthReport]) -> str:
    """The run in a sentence or two: who serves, and what retraining was worth."""
    if not reports:
        return "No month is finished yet."
    last = reports[-1]
    both = [
        (s["ROC_AUC"], b["ROC_AUC"])
        for r in reports
        if (s := r.performance("DEFAULT")) and (b := r.performance("BASE"))
    ]
    known = [(s, b) for s, b in both if s is not None and b is not None]
    words = f"{len(reports)} months, {last.active:,} active customers at the end. "
    promoted = sum(r.decision.action == "promote" for r in reports)
    back = put_back(last)
    if back is not None:
        words += f"{last.decision.default_version} was rolled back: {back} predicts from the next month on; "
    else:
        words += f"{last.decision.default_version or 'No model'} serves{'' if last.proven else ', unproven'}; "
    words += f"{promoted} promotion{'' if promoted == 1 else 's'}. "
    if known:
        served, base = (sum(values) / len(known) for values in zip(*known, strict=True))
        words += f"Mean ROC AUC on final labels: {served:.3f} served, {base:.3f} had nobody retrained."
    if last.statements:
        words += f" The last month sent {last.statements:,} statements."
    return words
