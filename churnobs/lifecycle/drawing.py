"""The drawings of the static page: where lines, points, labels and cells stand; the template makes SVG of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from churnobs.lifecycle.points import BASE, CHALLENGER, SERVED, points_of, serving_since

if TYPE_CHECKING:
    import datetime as dt

    from churnobs.lifecycle.report import MonthReport

_WIDTH: Final = 900
_HEIGHT: Final = 280
_LEFT: Final = 56
_RIGHT: Final = 160
_TOP: Final = 16
_BOTTOM: Final = 34
_LABEL_GAP: Final = 15.0
# Okabe and Ito's colours, which the colour-blind can tell apart; each line has its own dash too
_LINES: Final = {
    SERVED: ("var(--a)", ""),
    BASE: ("var(--b)", "7 4"),
    CHALLENGER: ("var(--d)", "2 2"),
    "recency rule": ("var(--c)", "2 4"),
    "everyone churns": ("var(--e)", "8 3 2 3"),
}
_HEAT: Final = "JENSEN_SHANNON"
# a distance from which a cell is as dark as it gets
_DARKEST: Final = 0.3


def line_chart(reports: Sequence[MonthReport], metric: str) -> dict[str, Any]:
    """What served, what would have, and the floors, by as-of; ``series`` is empty where nothing was measured."""
    points = [p for p in points_of(reports, metric) if p.line in _LINES]
    if not any(p.is_final for p in points):
        return {"series": []}
    as_ofs = sorted({p.as_of for p in points})
    values = [v for p in points for v in (p.value, p.low, p.high) if v is not None]
    low = min(0.5, int(min(values) * 10) / 10)
    high = max(low + 0.1, min(1.0, int(max(values) * 10 + 1) / 10))

    def x(as_of: dt.date) -> float:
        return round(_LEFT + as_ofs.index(as_of) * (_WIDTH - _LEFT - _RIGHT) / max(len(as_ofs) - 1, 1), 1)

    def y(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    series = []
    for name, (color, dash) in _LINES.items():
        own = sorted((p for p in points if p.line == name), key=lambda p: p.as_of)
        dots = [
            {
                "x": x(p.as_of),
                "y": y(p.value),
                "final": p.is_final,
                "low": None if p.low is None else y(p.low),
                "high": None if p.high is None else y(p.high),
                "label": f"{p.as_of}: {p.value:.3f}{'' if p.is_final else ', expected'}",
            }
            for p in own
        ]
        final = [d for d in dots if d["final"]]
        if dots:
            line = " ".join(f"{d['x']},{d['y']}" for d in final)
            series.append({"name": name, "color": color, "dash": dash, "dots": dots, "points": line})
    _spread_labels(series)
    every = max(1, len(as_ofs) // 8)
    return {
        "metric": metric,
        "width": _WIDTH,
        "height": _HEIGHT,
        "series": series,
        "grid": [{"at": y(t / 10), "label": f"{t / 10:.1f}"} for t in range(round(low * 10), round(high * 10) + 1)],
        "ticks": [{"at": x(t), "label": str(t)[:7]} for i, t in enumerate(as_ofs) if i % every == 0],
        "promotions": [{"at": x(t), "label": words} for t, words in serving_since(reports) if t in as_ofs],
    }


def heat_map(reports: Sequence[MonthReport]) -> dict[str, Any]:
    """How far each column had moved in each month, the farthest first; alarms are marked."""
    moved = [r for r in reports if r.drift]
    columns = sorted(
        {c for r in moved for c in r.drift},
        key=lambda c: (-max((r.drift.get(c, {}).get(_HEAT) or 0.0) for r in moved), c),
    )
    rows = []
    for column in columns:
        cells = []
        for report in moved:
            value = report.drift.get(column, {}).get(_HEAT)
            alarm = dict(report.alarms).get(column)
            cells.append(
                {
                    "shade": 0.0 if value is None else round(min(value / _DARKEST, 1.0), 2),
                    "alarm": alarm is not None,
                    "label": f"{column}, {report.month}: {'not defined' if value is None else f'{value:.3f}'}"
                    f"{f'; alarm: {alarm}' if alarm else ''}",
                }
            )
        rows.append({"column": column, "cells": cells})
    return {"metric": _HEAT, "months": [r.month for r in moved], "rows": rows}


def _spread_labels(series: list[dict[str, Any]]) -> None:
    """Put each line's name at its end, never closer together than a line of text."""
    previous = -_LABEL_GAP
    for one in sorted(series, key=lambda s: s["dots"][-1]["y"]):
        previous = max(one["dots"][-1]["y"] + 4, previous + _LABEL_GAP)
        one["label_y"] = previous
