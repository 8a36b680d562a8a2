"""A lab as one static HTML page: no script, no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from simulations.lab.ranking import Interval, Line, Ranking

WIDTH: Final = 900
_LEFT, _RIGHT, _ROW = 170, 60, 24
_TOP, _BOTTOM, _HEIGHT = 14, 30, 240
# Okabe and Ito's colours, which the colour-blind can tell apart; each line has its own dash too
_STROKES: Final = (
    ("var(--a)", ""), ("var(--b)", "7 4"), ("var(--c)", "2 4"), ("var(--d)", "2 2"), ("var(--e)", "8 3 2 3"),
)  # fmt: skip
COLUMNS: Final = (
    "policy", "served truth AUC", "behind the best", "gap won back", "challengers", "wrong", "missed", "delay, months",
    "detected", "money lost", "credits", "training, s",
)  # fmt: skip


def row(line: Line) -> tuple[str, ...]:
    """A line of the ranking as text: COLUMNS."""
    return (
        line.policy,
        shown(line.auc, 4),
        shown(line.behind, 4),
        shown(line.won_back, 2),
        shown(line.challengers, 1),
        shown(line.wrong, 1),
        shown(line.missed, 1),
        shown(line.delay, 1),
        "" if math.isnan(line.detected) else f"{line.detected:.0%}",
        shown(line.lost, 0),
        shown(line.credits, 2),
        shown(line.training_seconds, 1),
    )


def shown(interval: Interval, digits: int) -> str:
    """A number with its interval, where it has one.

    >>> shown(Interval(0.5, 0.4, 0.61), 2)
    '0.50 (0.40 to 0.61)'
    """
    if math.isnan(interval.value):
        return ""
    if math.isnan(interval.low):
        return f"{interval.value:,.{digits}f}"
    return f"{interval.value:,.{digits}f} ({interval.low:,.{digits}f} to {interval.high:,.{digits}f})"


def lab_page(ranking: Ranking, title: str) -> str:
    """The page of a lab."""
    from jinja2 import Environment, PackageLoader

    settings = ranking.lab.settings
    return (
        Environment(autoescape=True, loader=PackageLoader("simulations.lab", "."))
        .get_template("lab.html")
        .render(
            title=title,
            words=ranking.words(),
            columns=COLUMNS,
            overall=[row(line) for line in ranking.overall],
            by_world=[
                (world.name, world.summary, [row(line) for line in ranking.by_world if line.world == world.name])
                for world in ranking.lab.worlds
            ],
            dots_chart=dot_chart([(line.policy, line.auc) for line in ranking.overall], "mean served truth AUC", 4),
            lost=dot_chart(
                [(line.policy, line.lost) for line in ranking.overall], "money lost to churners not called", 0
            ),
            credits=dot_chart([(line.policy, line.credits) for line in ranking.overall], "estimated credits a run", 2),
            months=[month_chart(ranking, world.name) for world in ranking.lab.worlds],
            settings=settings,
            money=settings.money,
            prices=settings.prices,
        )
    )


def dot_chart(rows: Sequence[tuple[str, Interval]], label: str, digits: int) -> dict[str, Any]:
    """A dot and its interval for each name, in the order given."""
    known = [
        (name, Interval(i.value, i.value, i.value) if math.isnan(i.low) else i)
        for name, i in rows
        if not math.isnan(i.value)
    ]
    if not known:
        return {"rows": []}
    low, high = min(i.low for _, i in known), max(i.high for _, i in known)
    span = (high - low) or max(abs(high), 1.0)

    def x(value: float) -> float:
        return round(_LEFT + (value - low) / span * (WIDTH - _LEFT - _RIGHT), 1)

    ticks = round_ticks(low, low + span)
    return {
        "label": label,
        "width": WIDTH,
        "height": _TOP + len(known) * _ROW + _BOTTOM,
        "bottom": _TOP + len(known) * _ROW,
        "left": _LEFT,
        "rows": [
            {
                "name": name,
                "y": _TOP + number * _ROW + _ROW // 2,
                "x": x(i.value),
                "low": x(i.low),
                "high": x(i.high),
                "label": f"{name}: {shown(i, digits)}",
            }
            for number, (name, i) in enumerate(known)
        ],
        "ticks": [{"at": x(t), "label": f"{t:,.{digits}f}"} for t in ticks],
    }


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """The multiples of 1, 2 or 5 times a power of ten from low to high, at most so many, and as many as that allows.

    >>> round_ticks(0.7224, 0.7737)
    [0.73, 0.74, 0.75, 0.76, 0.77]
    >>> round_ticks(2986.0, 7400.0)
    [3000.0, 4000.0, 5000.0, 6000.0, 7000.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * factor for factor in (1, 2, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def month_chart(ranking: Ranking, world: str) -> dict[str, Any]:
    """Served truth AUC month by month, the mean over seeds: never, the oracle and the best three others in the world."""
    able = [line for line in ranking.by_world if line.world == world and line.policy not in {"never", "oracle"}]
    best = sorted(able, key=lambda line: -line.auc.value)[:3]
    lines = {}
    for name in ("oracle", *(line.policy for line in best), "never"):
        found: dict[int, list[float]] = {}
        for seed in ranking.lab.seeds:
            for month, auc in ranking.cells[world, name, seed].by_month:
                found.setdefault(month, []).append(auc)
        lines[name] = sorted((month, float(np.mean(values))) for month, values in found.items())
    points = [point for line in lines.values() for point in line]
    if not points:
        return {"world": world, "series": []}
    low, high = min(auc for _, auc in points) - 0.01, max(auc for _, auc in points) + 0.01
    first, last = min(m for m, _ in points), max(m for m, _ in points)

    def x(month: float) -> float:
        return round(56 + (month - first) / max(last - first, 1) * (WIDTH - 56 - 140), 1)

    def y(auc: float) -> float:
        return round(_TOP + (high - auc) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    series = []
    ends = sorted(((y(line[-1][1]), name) for name, line in lines.items() if line))
    places: dict[str, float] = {}
    for at, name in ends:
        # names at the ends of lines never closer together than a line of text
        places[name] = max([at + 4, *(place + 15 for place in places.values())])
    for (name, line), (color, dash) in zip(lines.items(), _STROKES, strict=False):
        if line:
            drawn = " ".join(f"{x(month)},{y(auc)}" for month, auc in line)
            series.append({"name": name, "color": color, "dash": dash, "points": drawn, "label_y": places[name]})
    drifts = next(w for w in ranking.lab.worlds if w.name == world).drifts
    return {
        "world": world,
        "width": WIDTH,
        "height": _HEIGHT,
        "bottom": _HEIGHT - _BOTTOM,
        "end": x(last) + 6,
        "series": series,
        "grid": [{"at": y(auc), "label": f"{auc:.3f}"} for auc in round_ticks(low, high)],
        "ticks": [{"at": x(month), "label": month} for month in range(first, last + 1)],
        # the first as-of that feels a drift is that after its month
        "drifts": sorted({x(d.month) for d in drifts if first <= d.month <= last}),
    }
