"""Page: how far each column has moved, and whether that is more than chance."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from churnobs.charts import distribution_chart, drift_heat_map
from churnobs.dashboard.frame import partial_note, read, told
from churnobs.dashboard.reading import distributions, drift, overview
from churnobs.divergence import DRIFT_METRICS


def page(url: Any) -> None:
    """Draw it."""
    st.title("Drift")
    with told(url):
        partial_note(read(url, overview).partial)
        rows: pd.DataFrame = read(url, drift)
        if rows.empty:
            st.info(
                "No drift is measured before the first model: run months until the first labels are final.",
                icon=":material/info:",
            )
            return
        _map(rows)
        months = sorted(rows["MONTH"].unique())
        left, right = st.columns(2)
        month = left.selectbox("Month", months, index=len(months) - 1, key="month")
        own = rows[rows["MONTH"] == month]
        order = _by_strength(own)
        column = right.selectbox("Column", order, key="column")
        _verdict(own, month, column)
        _spread(url, own, column)
        _judged(own)


def _map(rows: pd.DataFrame) -> None:
    metric = st.selectbox("Drift metric", DRIFT_METRICS, key="metric")
    st.altair_chart(drift_heat_map(rows, metric), width="stretch")
    st.caption(
        "Colour: the effect in floors (1 is large enough to matter, 4 or more is the end of the scale). A cross is an alarm: "
        "more than chance, large enough and lasting; a circle fires this month."
    )


def _by_strength(own: pd.DataFrame) -> list[str]:
    alarm = own["ALARM"].isin([True]) * 100.0 + own["FIRES"].isin([True]) * 10.0
    strength = (own["EFFECT"] / own["EFFECT_FLOOR"]).fillna(0.0) + alarm
    found: list[str] = (
        strength.groupby(own["COLUMN_NAME"]).max().sort_values(ascending=False, kind="stable").index.tolist()
    )
    return found


def _verdict(own: pd.DataFrame, month: str, column: str) -> None:
    alarms = sorted(own.loc[own["ALARM"].isin([True]), "COLUMN_NAME"].unique())
    if alarms:
        st.warning(
            f"{month}: drift alarm in {len(alarms)} of {own['COLUMN_NAME'].nunique()} columns.",
            icon=":material/warning:",
        )
        st.text(", ".join(alarms))
    else:
        st.success(f"{month}: no drift alarm.", icon=":material/check_circle:")
    judged = own[(own["COLUMN_NAME"] == column) & own["EFFECT"].notna()]
    if judged.empty:
        st.text(f"{column} is measured and not judged: it grows by what it means, or was constant.")
    for row in judged.itertuples():
        state = "alarm" if row.ALARM else "fires" if row.FIRES else "quiet"
        st.text(
            f"{column}, {row.METRIC_NAME}: {row.METRIC_VALUE:.4g}; by chance at most {row.THRESHOLD:.4g} "
            f"(p = {row.P_VALUE:.2g}); effect {row.EFFECT:.3g}, large enough from {row.EFFECT_FLOOR:.3g}: {state}"
        )


def _spread(url: Any, own: pd.DataFrame, column: str) -> None:
    day = pd.Timestamp(own["TIMESTAMP"].iloc[0]).date()
    st.subheader(f"Baseline and {day}")
    st.text(column)
    with told(url):
        st.altair_chart(distribution_chart(read(url, distributions, column, day)), width="stretch")


def _judged(own: pd.DataFrame) -> None:
    st.subheader("What was judged")
    shown = ["COLUMN_NAME", "METRIC_NAME", "METRIC_VALUE", "THRESHOLD", "EFFECT", "EFFECT_FLOOR", "P_VALUE", "Q_VALUE"]
    numbers = {n: st.column_config.NumberColumn(format="%.4g") for n in shown[2:]}
    st.dataframe(own[[*shown, "FIRES", "ALARM"]], hide_index=True, column_config=numbers, key="judged")
