"""The reports of a run as one static HTML page: no script, no network."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from churnobs.divergence import DRIFT_METRICS
from churnobs.lifecycle.report import COLUMNS, MonthReport, month_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churnobs.lifecycle.explain import AtRisk

_WIDTH: Final = 900
_HEIGHT: Final = 280
_LEFT: Final = 56
_RIGHT: Final = 160
_TOP: Final = 16
_BOTTOM: Final = 34
_SHOWN: Final = 8
_LABEL_GAP: Final = 15.0


def html_page(reports: Sequence[MonthReport], risk: AtRisk | None, title: str) -> str:
    """The page of a run.

    Args:
        reports: the months, oldest first.
        risk: who is about to leave; None to leave that out.
        title: for people; like every text of the data it is escaped.
    """
    from jinja2 import Environment

    template = files("churnobs.lifecycle").joinpath("page.html").read_text(encoding="utf-8")
    moved = next((r for r in reversed(reports) if r.drift), None)
    ranked = sorted((moved.drift if moved else {}).items(), key=lambda c: -(c[1]["JENSEN_SHANNON"] or 0.0))
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            title=title,
            lead=lead(reports),
            chart=_chart(reports),
            columns=COLUMNS,
            numeric={4, 5, 6, 7, 8, 9},
            rows=[month_row(r) for r in reports],
            risk=risk,
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
    words += f"{last.decision.default_version or 'No model'} serves{'' if last.proven else ', unproven'}; "
    words += f"{promoted} promotion{'' if promoted == 1 else 's'}. "
    if known:
        served, base = (sum(values) / len(known) for values in zip(*known, strict=True))
        words += f"Mean ROC AUC on final labels: {served:.3f} served, {base:.3f} had nobody retrained."
    if last.statements:
        words += f" The last month sent {last.statements:,} statements."
    return words


def _chart(reports: Sequence[MonthReport]) -> dict[str, Any]:
    scored = [r for r in reports if r.performance("DEFAULT")]
    lines = (
        ("what served", "DEFAULT", "ROC_AUC", "var(--a)", ""),
        ("never retrained", "BASE", "ROC_AUC", "var(--b)", "7 4"),
        ("recency rule", "DEFAULT", "RECENCY_AUC", "var(--c)", "2 4"),
    )
    values = {name: [(i, _metric(r, role, metric)) for i, r in enumerate(scored)] for name, role, metric, _, _ in lines}
    known = [v for line in values.values() for _, v in line if v is not None]
    if not known:
        return {"series": []}
    low = min(0.5, int(min(known) * 10) / 10)
    high = max(low + 0.1, min(1.0, int(max(known) * 10 + 1) / 10))

    def x(i: int) -> float:
        return round(_LEFT + i * (_WIDTH - _LEFT - _RIGHT) / max(len(scored) - 1, 1), 1)

    def y(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    series = []
    for name, _, _, color, dash in lines:
        dots = [
            {"x": x(i), "y": y(v), "label": f"{scored[i].scored_as_of}: {v:.3f}"}
            for i, v in values[name]
            if v is not None
        ]
        if dots:
            points = " ".join(f"{d['x']},{d['y']}" for d in dots)
            series.append({"name": name, "color": color, "dash": dash, "dots": dots, "points": points})
    _spread_labels(series)
    every = max(1, len(scored) // 8)
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "series": series,
        "grid": [{"at": y(t / 10), "label": f"{t / 10:.1f}"} for t in range(round(low * 10), round(high * 10) + 1)],
        "ticks": [{"at": x(i), "label": str(r.scored_as_of)[:7]} for i, r in enumerate(scored) if i % every == 0],
        "promotions": [
            {"at": x(i), "label": f"{r.month}: {r.decision.default_version}"}
            for i, r in enumerate(scored)
            if r.decision.action in {"promote", "rollback"}
        ],
    }


def _spread_labels(series: list[dict[str, Any]]) -> None:
    """Put each line's name at its end, never closer together than a line of text."""
    previous = -_LABEL_GAP
    for one in sorted(series, key=lambda s: s["dots"][-1]["y"]):
        previous = max(one["dots"][-1]["y"] + 4, previous + _LABEL_GAP)
        one["label_y"] = previous


def _metric(report: MonthReport, role: str, metric: str) -> float | None:
    measured = report.performance(role)
    return measured[metric] if measured else None
