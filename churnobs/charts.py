"""Charts of what the loop knows, with altair: for notebooks and the dashboard.

Colours are Okabe and Ito's (2008), which the colour-blind can tell apart; every line also has its own dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from churnobs.errors import NotFound, NotSupported
from churnobs.lifecycle.points import BASE, CHALLENGER, SERVED, serving_since

try:
    import altair as alt
except ImportError as missing:
    raise NotSupported("charts need altair", hint='pip install "churnobs[dashboard]"') from missing

if TYPE_CHECKING:
    from churnobs.lifecycle.history import MonthReports
    from churnobs.lifecycle.report import MonthReport

BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888",
)  # fmt: skip
LINES: Final = {
    SERVED: (BLUE, (1, 0)),
    BASE: (ORANGE, (7, 4)),
    CHALLENGER: (PINK, (2, 2)),
    "recency rule": (GREEN, (2, 4)),
    "everyone churns": (YELLOW, (8, 3, 2, 3)),
    "base rate": (GREY, (1, 3)),
}
HEIGHT: Final = 320


def performance_chart(reports: MonthReports, metric: str = "ROC_AUC") -> alt.LayerChart:
    """What served, what would have and the floors, by as-of; open points with an interval are not final yet.

    Raises:
        NotFound: nothing was measured or estimated yet.
    """
    points = reports.points(metric)
    if points.empty:
        raise NotFound(f"there is no {metric} yet", hint="run() until the first labels are final")
    points["AS_OF"] = pd.to_datetime(points["AS_OF"])
    points["LABELS"] = points["IS_FINAL"].map({True: "final", False: "estimated"})
    there = [line for line in LINES if line in set(points["LINE"])]
    color = alt.Color(
        "LINE:N",
        title=None,
        scale=alt.Scale(domain=there, range=[LINES[line][0] for line in there]),
        legend=alt.Legend(orient="bottom", columns=3, labelLimit=200, symbolType="stroke"),
    )
    dash = alt.StrokeDash(
        "LINE:N", title=None, scale=alt.Scale(domain=there, range=[list(LINES[line][1]) for line in there])
    )
    x = alt.X("AS_OF:T", title="as-of", axis=alt.Axis(format="%Y-%m", labelOverlap=True, tickCount="month"))
    y = alt.Y("VALUE:Q", title=metric, scale=alt.Scale(zero=False, nice=True))
    tips = [
        alt.Tooltip("AS_OF:T", title="as-of", format="%Y-%m-%d"),
        alt.Tooltip("LINE:N", title="line"),
        alt.Tooltip("VERSION:N", title="version"),
        alt.Tooltip("VALUE:Q", title=metric, format=".4f"),
        alt.Tooltip("LABELS:N", title="labels"),
    ]
    final, expected = points[points["IS_FINAL"]], points[~points["IS_FINAL"]]
    layers = [
        _served_from(reports),
        alt.Chart(final).mark_line(strokeWidth=2.2).encode(x=x, y=y, color=color, strokeDash=dash),
        alt.Chart(final).mark_point(filled=True, size=45).encode(x=x, y=y, color=color, tooltip=tips),
    ]
    if not expected.empty:
        layers += [
            alt.Chart(expected).mark_rule(strokeWidth=1.5).encode(x=x, y="LOW:Q", y2="HIGH:Q", color=color),
            alt.Chart(expected).mark_point(filled=False, size=70).encode(x=x, y=y, color=color, tooltip=tips),
        ]
    return _layered(layers, HEIGHT)


def _layered(layers: Sequence[alt.Chart], height: int) -> alt.LayerChart:
    chart: alt.LayerChart = alt.LayerChart(layer=list(layers)).properties(height=height, width="container")
    return chart


def _served_from(reports: Sequence[MonthReport]) -> alt.Chart:
    """A rule where another model began to serve."""
    marked = pd.DataFrame(serving_since(reports), columns=["AS_OF", "WORDS"]).astype({"AS_OF": "datetime64[ns]"})
    rule = alt.Chart(marked).mark_rule(strokeDash=[2, 4], color=GREY)
    found: alt.Chart = rule.encode(x="AS_OF:T", tooltip=[alt.Tooltip("WORDS:N", title="serves from here")])
    return found


def drift_heat_map(drift: pd.DataFrame, metric: str) -> alt.LayerChart:
    """Columns by month: how many floors a column has moved by one metric; a cross marks an alarm, a dot what fires.

    Args:
        drift: MONTH, COLUMN_NAME, METRIC_NAME, METRIC_VALUE, EFFECT, EFFECT_FLOOR, THRESHOLD, P_VALUE, FIRES, ALARM.
        metric: one METRIC_NAME.
    """
    shown = drift[drift["METRIC_NAME"] == metric].copy()
    shown["FLOORS"] = (shown["EFFECT"] / shown["EFFECT_FLOOR"]).clip(upper=4.0)
    shown["STATE"] = "quiet"
    shown.loc[shown["FIRES"].isin([True]), "STATE"] = "fires"
    shown.loc[shown["ALARM"].isin([True]), "STATE"] = "alarm"
    shown.loc[shown["EFFECT"].isna(), "STATE"] = "not judged"
    order = shown.groupby("COLUMN_NAME")["FLOORS"].max().sort_values(ascending=False).index.tolist()
    x = alt.X("MONTH:O", title="month", axis=alt.Axis(labelAngle=-45, labelOverlap=True))
    y = alt.Y("COLUMN_NAME:N", title=None, sort=order, axis=alt.Axis(labelLimit=190))
    tips = [
        alt.Tooltip("MONTH:O", title="month"),
        alt.Tooltip("COLUMN_NAME:N", title="column"),
        alt.Tooltip("METRIC_VALUE:Q", title=metric, format=".4f"),
        alt.Tooltip("THRESHOLD:Q", title="by chance at most", format=".4f"),
        alt.Tooltip("EFFECT:Q", title="effect", format=".3f"),
        alt.Tooltip("EFFECT_FLOOR:Q", title="effect floor", format=".3f"),
        alt.Tooltip("P_VALUE:Q", title="p", format=".3g"),
        alt.Tooltip("STATE:N", title="state"),
    ]
    scale = alt.Scale(scheme="cividis", domain=[0, 4])
    below = alt.Legend(orient="bottom", gradientLength=180)
    base = alt.Chart(shown)
    heat = base.mark_rect().encode(
        x=x, y=y, tooltip=tips, color=alt.Color("FLOORS:Q", title="effect in floors", scale=scale, legend=below)
    )
    marks = base.transform_filter("datum.STATE == 'alarm' || datum.STATE == 'fires'").mark_point(
        filled=True, size=55, color="white", stroke="black", strokeWidth=0.8
    )
    marks = marks.encode(
        x=x,
        y=y,
        tooltip=tips,
        shape=alt.Shape(
            "STATE:N",
            title=None,
            scale=alt.Scale(domain=["alarm", "fires"], range=["cross", "circle"]),
            legend=alt.Legend(orient="bottom", symbolFillColor="white", symbolStrokeColor="black"),
        ),
    )
    chart: alt.LayerChart = (
        alt.layer(heat, marks)
        .properties(height=max(120, 19 * len(order)), width="container")
        .resolve_legend(color="independent", shape="independent")
    )
    return chart
