"""Charts of what the loop knows, with altair: for notebooks and the dashboard.

Colours are Okabe and Ito's (2008), which the colour-blind can tell apart; every line also has its own dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from churnobs.errors import NotFound, NotSupported
from churnobs.lifecycle.points import BASE, CHALLENGER, SERVED, serving_since
from churnobs.lineage import DOMAINS, Edge, Node, Placed

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
_SMALL: Final = 220


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


def _sized(chart: alt.Chart, height: int) -> alt.Chart:
    sized: alt.Chart = chart.properties(height=height, width="container")
    return sized


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
    y = alt.Y(
        "COLUMN_NAME:N", title=None, sort=order, axis=alt.Axis(labelLimit=190, labelOverlap=False, labelFontSize=11)
    )
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
            legend=None,
        ),
    )
    chart: alt.LayerChart = (
        alt.layer(heat, marks)
        .properties(height=190 + 20 * len(order), width="container")
        .resolve_legend(color="independent", shape="independent")
    )
    return chart


def distribution_chart(spread: pd.DataFrame) -> alt.LayerChart | alt.Chart:
    """How a feature was spread in the baseline and is now.

    Args:
        spread: WHICH ("baseline", "current"), SHARE, and LOW and HIGH of a bar, or VALUE of a text.
    """
    color = alt.Color(
        "WHICH:N",
        title=None,
        scale=alt.Scale(domain=["baseline", "current"], range=[GREY, BLUE]),
        legend=alt.Legend(orient="bottom"),
    )
    share = alt.Y("SHARE:Q", title="share of rows", stack=None, axis=alt.Axis(format="%"))
    base = alt.Chart(spread)
    if "VALUE" in spread:
        tips = [alt.Tooltip("VALUE:N"), alt.Tooltip("WHICH:N", title="when"), alt.Tooltip("SHARE:Q", format=".1%")]
        value = alt.X("VALUE:N", title=None, axis=alt.Axis(labelAngle=-45, labelLimit=120))
        drawn = base.mark_bar().encode(x=value, y=share, xOffset="WHICH:N", color=color, tooltip=tips)
        return _sized(drawn, HEIGHT)
    tips = [
        alt.Tooltip("LOW:Q", title="from", format=".4~g"),
        alt.Tooltip("HIGH:Q", title="to", format=".4~g"),
        alt.Tooltip("WHICH:N", title="when"),
        alt.Tooltip("SHARE:Q", format=".1%"),
    ]
    x, upto = alt.X("LOW:Q", title=None, scale=alt.Scale(zero=False)), alt.X2("HIGH:Q")
    before = base.transform_filter("datum.WHICH == 'baseline'").mark_bar(opacity=0.55)
    now = base.transform_filter("datum.WHICH == 'current'").mark_bar(filled=False, strokeWidth=1.8)
    return _layered(
        [
            before.encode(x=x, x2=upto, y=share, y2=alt.datum(0), color=color, tooltip=tips),
            now.encode(x=x, x2=upto, y=share, y2=alt.datum(0), color=color, tooltip=tips),
        ],
        HEIGHT,
    )


def purchases_chart(bought: pd.DataFrame) -> alt.Chart:
    """AMOUNT by MONTH as bars, with ORDERS in the tooltip."""
    rows = bought.assign(MONTH=pd.to_datetime(bought["MONTH"]).dt.strftime("%Y-%m"))
    tips = [alt.Tooltip("MONTH:O"), alt.Tooltip("ORDERS:Q"), alt.Tooltip("AMOUNT:Q", format=",.2f")]
    chart = alt.Chart(rows).mark_bar(color=BLUE)
    drawn = chart.encode(
        x=alt.X("MONTH:O", title=None, axis=alt.Axis(labelAngle=-45)), y=alt.Y("AMOUNT:Q", title="amount"), tooltip=tips
    )
    return _sized(drawn, _SMALL)


def sentiment_chart(comments: pd.DataFrame) -> alt.LayerChart:
    """SENTIMENT by CHAT_DATE, from -1 to 1."""
    rows = comments.assign(CHAT_DATE=pd.to_datetime(comments["CHAT_DATE"]))
    x = alt.X("CHAT_DATE:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelOverlap=True, labelAngle=-45))
    y = alt.Y("SENTIMENT:Q", title="sentiment", scale=alt.Scale(domain=[-1, 1]))
    tips = [
        alt.Tooltip("CHAT_DATE:T", format="%Y-%m-%d"),
        alt.Tooltip("SENTIMENT:Q", format=".3f"),
        alt.Tooltip("COMMENT:N"),
    ]
    zero = alt.Chart(pd.DataFrame({"SENTIMENT": [0.0]})).mark_rule(color=GREY, strokeDash=[2, 4]).encode(y=y)
    line = alt.Chart(rows).mark_line(color=BLUE, point=alt.OverlayMarkDef(size=60, filled=True))
    return _layered([zero, line.encode(x=x, y=y, tooltip=tips)], _SMALL)


def pushes_chart(pushes: pd.DataFrame, most: int = 10) -> alt.Chart:
    """The strongest SHAP_VALUE by FEATURE: right raises the score, left lowers it."""
    rows = pushes.head(most)
    rows = rows.assign(
        NAMED=rows["FEATURE"] + " = " + rows["FEATURE_VALUE"],
        RISK=(rows["SHAP_VALUE"] > 0).map({True: "raises", False: "lowers"}),
    )
    chart = alt.Chart(rows).mark_bar()
    drawn = chart.encode(
        x=alt.X("SHAP_VALUE:Q", title="SHAP value"),
        y=alt.Y("NAMED:N", title=None, sort=rows["NAMED"].tolist(), axis=alt.Axis(labelLimit=260, labelOverlap=False)),
        color=alt.Color(
            "RISK:N",
            title=None,
            scale=alt.Scale(domain=["raises", "lowers"], range=[ORANGE, BLUE]),
            legend=alt.Legend(orient="bottom"),
        ),
        tooltip=[alt.Tooltip("FEATURE:N"), alt.Tooltip("FEATURE_VALUE:N"), alt.Tooltip("SHAP_VALUE:Q", format="+.3f")],
    )
    return _sized(drawn, 110 + 24 * len(rows))


def spread_chart(spread: pd.DataFrame, cells: int) -> alt.Chart:
    """CUSTOMERS by probability to leave, CELL 0 to cells - 1."""
    rows = spread.assign(FROM=spread["CELL"] / cells, TO=(spread["CELL"] + 1) / cells)
    chart = alt.Chart(rows).mark_bar(color=BLUE)
    drawn = chart.encode(
        x=alt.X("FROM:Q", title="probability to leave", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        x2="TO:Q",
        y=alt.Y("CUSTOMERS:Q", title="customers"),
        y2=alt.datum(0),
        tooltip=[alt.Tooltip("FROM:Q", format=".0%"), alt.Tooltip("TO:Q", format=".0%"), alt.Tooltip("CUSTOMERS:Q")],
    )
    return _sized(drawn, _SMALL)


def segments_chart(rows: pd.DataFrame, name: str) -> alt.Chart:
    """MEAN_PROBABILITY by SEGMENT_VALUE."""
    shown = rows.assign(SEGMENT_VALUE=rows["SEGMENT_VALUE"].fillna("(missing)"))
    tips = [
        alt.Tooltip("SEGMENT_VALUE:N", title=name),
        alt.Tooltip("MEAN_PROBABILITY:Q", title="mean probability", format=".3f"),
        alt.Tooltip("CUSTOMERS:Q", title="customers", format=","),
    ]
    chart = alt.Chart(shown).mark_bar(color=GREEN)
    drawn = chart.encode(
        x=alt.X("MEAN_PROBABILITY:Q", title="mean probability to leave", scale=alt.Scale(domain=[0, 1])),
        y=alt.Y("SEGMENT_VALUE:N", title=None, sort="-x", axis=alt.Axis(labelLimit=190, labelOverlap=False)),
        tooltip=tips,
    )
    return _sized(drawn, 70 + 24 * len(shown))


def lineage_chart(places: Mapping[Node, Placed], edges: Sequence[Edge], chosen: Node | None) -> alt.LayerChart:
    """Nodes as points, a column a domain and a row a node, edges as lines; the parameter ``node`` is the one clicked."""
    nodes = pd.DataFrame(
        [
            {
                "DOMAIN": p.domain,
                "NAME": p.name,
                "SHORT": short(p.name),
                "X": p.column,
                "Y": p.row,
                "CHOSEN": node == chosen,
            }
            for node, p in places.items()
        ]
    )
    drawn = [(places[a], places[b]) for a, b in edges]
    lines = pd.DataFrame([{"X": a.column, "Y": a.row, "X2": b.column, "Y2": b.row} for a, b in drawn])
    domains = [d for d in DOMAINS if d in set(nodes["DOMAIN"])]
    # the names of the last column need as much room as all columns
    x = alt.X("X:Q", axis=None, scale=alt.Scale(domain=[-0.3, 2.4 * int(nodes["X"].max()) + 1.0], nice=False))
    y = alt.Y("Y:Q", axis=None, scale=alt.Scale(domain=[-0.7, len(nodes) - 0.3], reverse=True, nice=False))
    pick = alt.selection_point(name="node", fields=["DOMAIN", "NAME"], on="click", empty=False)
    color = alt.Color(
        "DOMAIN:N",
        title=None,
        scale=alt.Scale(domain=domains, range=[GREY, SKY, GREEN, BLUE, YELLOW, PINK][: len(domains)]),
        legend=alt.Legend(orient="top", columns=3),
    )
    tips = [alt.Tooltip("DOMAIN:N", title="kind"), alt.Tooltip("NAME:N", title="name")]
    shape = alt.Shape("DOMAIN:N", title=None, scale=alt.Scale(domain=domains), legend=None)
    size = alt.condition("datum.CHOSEN", alt.value(260), alt.value(110))
    base = alt.Chart(nodes)
    points = base.mark_point(filled=True, opacity=1.0).encode(
        x=x, y=y, color=color, shape=shape, size=size, tooltip=tips
    )
    words = base.mark_text(align="left", dx=12, fontSize=12, color=GREY).encode(x=x, y=y, text="SHORT:N", tooltip=tips)
    strokes = alt.Chart(lines).mark_rule(color=GREY, opacity=0.3).encode(x=x, y=y, x2="X2:Q", y2="Y2:Q")
    return _layered([strokes, points.add_params(pick), words], 60 + 24 * len(nodes))


def short(name: str, most: int = 30) -> str:
    """The end of a name, which tells nodes of one kind apart.

    >>> short("CHURN/V2024_03_BASE_C4C415")
    'V2024_03_BASE_C4C415'
    """
    end = name.rsplit("/", 1)[-1]
    return end if len(end) <= most else f"…{end[1 - most :]}"
