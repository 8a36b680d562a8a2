"""What the pages show, as frames and records: aggregates and few rows, never a whole table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from churnobs.errors import ChurnobsError, NotFound
from churnobs.expressions.customers import at_risk, comments, key_of, purchases, risk_by_segment, risk_histogram
from churnobs.expressions.render import Query
from churnobs.months import add_months
from churnobs.tables import FEATURES_SUBJECT

if TYPE_CHECKING:
    from churnobs.lifecycle.history import MonthReports
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.workspace import Workspace

Only = tuple[tuple[str, str], ...]

MONTHS_SHOWN: Final = 12
COMMENTS_SHOWN: Final = 50
CELLS: Final = 20
# what a partial reading has of each customer
PUBLISHED_COMMENTS: Final = 5
_KEYS: Final = ("CUSTOMER_KEY", "CUSTOMER_ID", "PROBABILITY", "VERSION")
_BARS: Final = 30


def loop_of(workspace: Workspace) -> Lifecycle:
    """The loop that this database was run with."""
    loop = workspace.lifecycle()
    # the journal is read once: to be asked of, a loop needs no more
    loop.config = loop.config.as_run(loop.journal.meaning)
    return loop


@dataclass(frozen=True, slots=True)
class Overview:
    """All finished months, and whether more is being written."""

    reports: MonthReports
    partial: bool


def overview(workspace: Workspace) -> Overview:
    """The months of the loop."""
    return Overview(loop_of(workspace).history(), workspace.is_partial)


def drift(workspace: Workspace) -> pd.DataFrame:
    """The table DRIFT: one row a month, column and metric."""
    found: pd.DataFrame = workspace._backend.engine.read("DRIFT").to_pandas()
    return found.sort_values(["MONTH", "COLUMN_NAME", "METRIC_NAME"]).reset_index(drop=True)


def distributions(workspace: Workspace, column: str, day: dt.date) -> pd.DataFrame:
    """How a feature was spread in the baseline and at an as-of.

    Returns:
        WHICH ("baseline" or "current"), SHARE of the rows, and VALUE of a text column, or LOW and HIGH of a bar of a
        number; missing values are the VALUE "(missing)".

    Raises:
        NotFound: it was not counted, or the day is not published.
    """
    named = "FEATURE_HISTOGRAMS" if workspace.is_partial else "MONITOR_HISTOGRAMS"
    rows: pd.DataFrame = workspace._backend.engine.read(
        f"SELECT DAY, BIN, CATEGORY, ROWS_COUNTED, TOTAL, LOW, HIGH FROM {named} WHERE SUBJECT = '{FEATURES_SUBJECT}' "
        f"AND SEGMENT_COLUMN IS NULL AND COLUMN_NAME = {_literal(column)} AND (DAY IS NULL OR DAY = DATE '{day}')"
    ).to_pandas()
    rows["WHICH"] = rows["DAY"].isna().map({True: "baseline", False: "current"})
    if set(rows["WHICH"]) != {"baseline", "current"}:
        raise NotFound(
            f"{column} at {day} is not there",
            hint="wait for the run to end" if workspace.is_partial else "choose another month",
        )
    return _bars(rows) if rows["BIN"].notna().any() else _shares(rows)


def _bars(rows: pd.DataFrame) -> pd.DataFrame:
    """Bars of equal width over where nearly all values are; a counted cell goes where its mean is."""
    counted = rows[rows["BIN"].notna()].assign(AT=lambda r: r["TOTAL"] / r["ROWS_COUNTED"]).sort_values("AT")
    share = counted["ROWS_COUNTED"] / counted.groupby("WHICH")["ROWS_COUNTED"].transform("sum")
    upto = share.groupby(counted["WHICH"]).cumsum()
    inside = counted[(upto > 0.005) & (upto <= 0.995)]  # a tail would leave the rest one bar
    low, high = (inside["AT"].min(), inside["AT"].max()) if len(inside) else (counted["AT"].min(), counted["AT"].max())
    if not high > low:
        low, high = counted["LOW"].min(), max(counted["HIGH"].max(), counted["LOW"].min() + 1.0)
    width = (high - low) / _BARS
    bar = ((counted["AT"] - low) / width).clip(0, _BARS - 1).astype(int)
    parts = pd.DataFrame({"WHICH": counted["WHICH"], "BAR": bar, "SHARE": share})
    found: pd.DataFrame = parts.groupby(["WHICH", "BAR"])[["SHARE"]].sum().reset_index()
    edges = {"LOW": low + found["BAR"] * width, "HIGH": low + (found["BAR"] + 1) * width}
    return found.assign(**edges).drop(columns="BAR")


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(VALUE=rows["CATEGORY"].fillna("(missing)"))
    rows["SHARE"] = rows["ROWS_COUNTED"] / rows.groupby("WHICH")["ROWS_COUNTED"].transform("sum")
    found: pd.DataFrame = rows.groupby(["WHICH", "VALUE"])[["SHARE"]].sum().reset_index()
    return found


@dataclass(frozen=True, slots=True)
class Risks:
    """Whom to call: CUSTOMER_ID, PROBABILITY and the text features of the most likely to leave.

    Args:
        as_of, version: whose predictions.
        customers: the frame.
        segments: text features that can be filtered by, with the values that occur.
        by_segment: text feature -> SEGMENT_VALUE, CUSTOMERS, MEAN_PROBABILITY.
        spread: CELL and CUSTOMERS: all customers by probability, in CELLS cells.
        partial: whether these are only the published customers.
    """

    as_of: dt.date
    version: str
    customers: pd.DataFrame
    segments: dict[str, list[str]]
    by_segment: dict[str, pd.DataFrame]
    spread: pd.DataFrame
    partial: bool


def risks(workspace: Workspace, most: int, only: Only) -> Risks:
    """The customers most likely to leave at the newest as-of.

    Args:
        workspace: read from.
        most: how many.
        only: (text feature, value) that they must have.

    Raises:
        NotFound: no predictions are stored yet.
    """
    loop = loop_of(workspace)
    predicted = loop.predicted()
    if not predicted:
        raise NotFound("no predictions are stored yet", hint="run months until the first labels are final")
    as_of, versions = predicted[-1]
    engine = loop.backend.engine
    if workspace.is_partial:
        everybody: pd.DataFrame = engine.read("AT_RISK").to_pandas()
        if everybody.empty:
            raise NotFound("nobody is published yet", hint="wait for the run to end")
        names = [c for c in everybody.columns if c not in _KEYS]
        shown = everybody
        for name, value in only:
            shown = shown[shown[name] == value]
        values = {name: sorted(everybody[name].dropna().unique()) for name in names}
        empty = pd.DataFrame({"CELL": [], "CUSTOMERS": []}, dtype="int64")
        return Risks(as_of, versions["DEFAULT"], _people(shown.head(most)), values, {}, empty, partial=True)
    texts = tuple(n for n, kind in loop.feature_columns() if kind.lstrip("!") == "string")
    people = engine.read(Query(at_risk, (as_of, texts, only, most))).to_pandas()
    by_segment = {name: engine.read(Query(risk_by_segment, (as_of, name, ()))).to_pandas() for name in texts}
    # a text of very many values is no segment
    values = {n: f["SEGMENT_VALUE"].dropna().tolist() for n, f in by_segment.items() if 1 < len(f) <= 50}
    spread = engine.read(Query(risk_histogram, (as_of, only, CELLS))).to_pandas()
    return Risks(as_of, versions["DEFAULT"], _people(people), values, by_segment, spread, partial=False)


def _people(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=["CUSTOMER_KEY", "VERSION"]).reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of one customer.

    Args:
        customer_id, as_of: who, and until when.
        purchases: MONTH, ORDERS, AMOUNT of the last 12 months, months without a purchase among them.
        comments: CHAT_DATE, COMMENT, SENTIMENT, newest first.
        pushes: FEATURE, FEATURE_VALUE, SHAP_VALUE, the strongest first; None with the reason in ``unexplained``.
        base: the expected score, in ``unit``.
        summary: what the comments come to, in their own words.
    """

    customer_id: str
    as_of: dt.date
    purchases: pd.DataFrame
    comments: pd.DataFrame
    pushes: pd.DataFrame | None
    base: float | None = None
    unit: str = ""
    unexplained: str = ""
    summary: list[str] = field(default_factory=list)


def customer(workspace: Workspace, customer_id: str) -> Customer:
    """One customer at the newest as-of.

    Raises:
        NotFound: there is no such customer, or the customer is not among the published.
    """
    from churnobs.dashboard.summary import summarized

    loop = loop_of(workspace)
    engine = loop.backend.engine
    as_of = loop.predicted()[-1][0]
    since = add_months(as_of, -MONTHS_SHOWN)
    if workspace.is_partial:
        where = f"WHERE CUSTOMER_ID = {_literal(customer_id)}"
        if not engine.read(f"SELECT CUSTOMER_ID FROM AT_RISK {where}").num_rows:
            raise NotFound(f"{customer_id} is not published", hint="wait for the run to end")
        bought = engine.read(f"SELECT MONTH, ORDERS, AMOUNT FROM AT_RISK_PURCHASES {where}").to_pandas()
        said = engine.read(f"SELECT CHAT_DATE, COMMENT, SENTIMENT FROM AT_RISK_COMMENTS {where}").to_pandas()
        said = said.sort_values("CHAT_DATE", ascending=False, kind="stable").reset_index(drop=True)
        why = "a run is writing this database: what pushes the score is shown when it has ended"
        summary = summarized(said["COMMENT"].tolist(), None)
        return Customer(customer_id, as_of, _year(bought, since), said, None, unexplained=why, summary=summary)
    keys = engine.read(Query(key_of, (customer_id,)))[0].to_pylist()
    if not keys:
        raise NotFound(f"there is no customer {customer_id}", hint="ids are as in the sales files")
    bought = engine.read(Query(purchases, (tuple(keys), since, as_of, loop.config.refunds))).to_pandas()
    said = engine.read(Query(comments, (tuple(keys), as_of, COMMENTS_SHOWN))).to_pandas()
    pushed, base, unit, why = _pushes(loop, customer_id)
    summary = summarized(said["COMMENT"].tolist(), loop.backend.summarize)
    said = said.drop(columns="CUSTOMER_ID")
    return Customer(customer_id, as_of, _year(bought, since), said, pushed, base, unit, why, summary)


def _pushes(loop: Lifecycle, customer_id: str) -> tuple[pd.DataFrame | None, float | None, str, str]:
    try:
        found = loop.explain([customer_id])
    except ChurnobsError as error:
        return None, None, "", f"{error.message}: {error.hint}"
    found["STRENGTH"] = found["SHAP_VALUE"].abs()
    ordered = found.sort_values("STRENGTH", ascending=False, kind="stable").reset_index(drop=True)
    base, unit = float(found["BASE_VALUE"].iloc[0]), str(found["UNIT"].iloc[0])
    ordered["FEATURE_VALUE"] = [_words(value) for value in ordered["FEATURE_VALUE"]]
    return ordered[["FEATURE", "FEATURE_VALUE", "SHAP_VALUE"]], base, unit, ""


def _words(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _year(bought: pd.DataFrame, since: dt.date) -> pd.DataFrame:
    """Every month of the year, those without a purchase as 0."""
    first = since.replace(day=1)
    months = pd.DataFrame({"MONTH": [add_months(first, n) for n in range(MONTHS_SHOWN + (since.day > 1))]})
    bought = bought.assign(MONTH=pd.to_datetime(bought["MONTH"]).dt.date)[["MONTH", "ORDERS", "AMOUNT"]]
    return months.merge(bought, on="MONTH", how="left").fillna({"ORDERS": 0, "AMOUNT": 0.0}).astype({"ORDERS": "int64"})


def edges(workspace: Workspace) -> pd.DataFrame:
    """The table LINEAGE."""
    found: pd.DataFrame = workspace._backend.engine.read("LINEAGE").to_pandas()
    return found


def details(workspace: Workspace, domain: str, name: str) -> list[tuple[str, str]]:
    """What is known of a node of the lineage, as (name, value) for people; empty where nothing more is."""
    backend = workspace._backend
    facts: Sequence[Any] = ()
    if domain == "model":
        facts = [r for r in backend.registry.versions() if f"{r.model_name}/{r.version_name}" == name]
    elif domain == "dataset":
        facts = [d for d in backend.feature_store.datasets() if f"{d.name}/{d.version}" == name]
    elif domain == "monitor":
        facts = [m for m in backend.monitors.monitors() if m.name == name]
    shown = _SHOWN.get(domain, ())
    return [(f, _plain(getattr(r, f))) for r in facts[:1] for f in shown if getattr(r, f, None) not in {None, "", ()}]


_SHOWN: Final = {
    "model": ("model_name", "version_name", "is_default", "task", "comment", "recipe", "linked_to", "fitted_on"),
    "dataset": ("name", "version", "as_ofs", "rows", "content_hash", "table"),
    "monitor": ("name", "version_name", "state", "refresh_interval", "aggregation_window", "last_error"),
}


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_plain(one) for one in value)
    if hasattr(value, "__dataclass_fields__"):
        return " ".join(
            str(getattr(value, name)) for name in value.__dataclass_fields__ if getattr(value, name) is not None
        )
    return str(value)


@dataclass(frozen=True, slots=True)
class Watch:
    """Alerts as ``show_alerts`` has them, their history, and monitors as ``show_model_monitors`` has them."""

    alerts: pd.DataFrame
    history: pd.DataFrame
    monitors: pd.DataFrame
    partial: bool


def watch(workspace: Workspace) -> Watch:
    """What watches, and what it has found."""
    return Watch(
        workspace.alerts.show_alerts(),
        workspace.alerts.alert_history(),
        workspace.monitor.show_model_monitors(),
        workspace.is_partial,
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
