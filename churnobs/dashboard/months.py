"""Page: which model served which month, why, and what it would have scored had nobody retrained."""

from __future__ import annotations

from typing import Any

import streamlit as st

from churnobs.charts import performance_chart
from churnobs.dashboard.frame import partial_note, plain, read, told
from churnobs.dashboard.reading import Overview, overview
from churnobs.lifecycle.corrections import put_back
from churnobs.lifecycle.page import lead
from churnobs.lifecycle.points import METRICS


def page(url: Any) -> None:
    """Draw it."""
    st.title("Months")
    with told(url):
        found: Overview = read(url, overview)
        partial_note(found.partial)
        if not found.reports:
            st.info(
                "No month is finished yet: churnobs run --source FOLDER --db FILE processes what is waiting.",
                icon=":material/info:",
            )
            return
        st.write(plain(lead(found.reports)))
        _newest(found)
        _chart(found)
        _table(found)
        _corrections(found)
        _one_month(found)


def _newest(found: Overview) -> None:
    last = found.reports[-1]
    scored = next((r for r in reversed(found.reports) if r.performance("DEFAULT")), None)
    served, base = (scored.performance(role) if scored else None for role in ("DEFAULT", "BASE"))
    columns = st.columns(4)
    columns[0].metric("Active customers", f"{last.active:,}", help=f"on {last.as_of}")
    auc = served["ROC_AUC"] if served else None
    never = base["ROC_AUC"] if base else None
    columns[1].metric(
        "ROC_AUC, final",
        "-" if auc is None else f"{auc:.3f}",
        delta=None if auc is None or never is None else f"{auc - never:+.3f} against never retrained",
        delta_color="normal" if auc != never else "off",
        delta_arrow="auto" if auc != never else "off",
        help=f"of what served at {scored.scored_as_of}" if scored else None,
    )
    value, low, high = last.estimates.get("ROC_AUC", (None, None, None))
    columns[2].metric(
        "ROC_AUC, expected",
        "-" if value is None else f"{value:.3f}",
        delta=None if value is None else f"{low:.3f} to {high:.3f}",
        delta_color="off",
        delta_arrow="off",
        help=f"at {last.as_of}, before its labels are final; {last.trust or 'estimates came true so far'}",
    )
    columns[3].metric("Promotions", sum(r.decision.action == "promote" for r in found.reports))
    version, back = last.decision.default_version, put_back(last)
    proven = last.proven or back is not None or not version
    st.caption(f"Serving: {plain(back or version or 'no model yet')}{'' if proven else ' (unproven)'}")


def _chart(found: Overview) -> None:
    metric = st.selectbox("Metric", METRICS, key="metric")
    with told(None):
        st.altair_chart(performance_chart(found.reports, metric), width="stretch")
        st.caption(
            "Filled points are measured on final labels, from predictions stored before; open points are expected, with "
            "their interval, until labels are final. Uprights: another model began to serve."
        )


def _table(found: Overview) -> None:
    st.subheader("Month by month")
    table = found.reports.to_pandas()
    table["DEFAULT_VERSION"] = table["DEFAULT_VERSION"].fillna("") + table["PROVEN"].map(
        {True: "", False: " (unproven)"}
    ).where(table["DEFAULT_VERSION"].notna(), "")
    shown = ["MONTH", "ACTION", "DEFAULT_VERSION", "SCORED_AS_OF", "ROC_AUC", "BASE_ROC_AUC", "RECENCY_AUC", "F1_SCORE"]
    number = {n: st.column_config.NumberColumn(format="%.4f") for n in [*shown[4:], "TRIVIAL_F1", "BASE_RATE"]}
    st.dataframe(
        table[[*shown, "TRIVIAL_F1", "BASE_RATE", "REASON"]],
        hide_index=True,
        column_config={**number, "REASON": st.column_config.TextColumn(width="large")},
        height="content",
        placeholder="",
        key="months",
    )


def _corrections(found: Overview) -> None:
    corrections = found.reports.corrections()
    if corrections.empty:
        return
    st.subheader("Corrections")
    st.dataframe(
        corrections,
        hide_index=True,
        column_config={
            "AFTER": st.column_config.TextColumn(help="the newest month that was finished then"),
            "WORDS": st.column_config.TextColumn(width="large"),
        },
        key="corrections",
    )
    revised = found.reports.revised()
    if revised.empty:
        return
    st.caption(
        "Final numbers as they were reported, which stay, and by the revised files: the same stored predictions, measured by "
        "the labels that the files give now."
    )
    numbers = {n: st.column_config.NumberColumn(format="%.4f") for n in ("REPORTED", "REVISED")}
    st.dataframe(revised, hide_index=True, column_config=numbers, key="revised")


def _one_month(found: Overview) -> None:
    st.subheader("One month")
    months = [r.month for r in found.reports]
    chosen = st.selectbox("Month", months, index=len(months) - 1, key="month")
    report = found.reports[months.index(chosen)]
    st.text(report.text())
    if report.measurements:
        st.caption("Every number on the labels that became final, as `churnobs metrics` prints them.")
        table = found.reports.metrics()
        own = table[table["AS_OF"].isin([m.as_of for m in report.measurements])]
        numbers = {n: st.column_config.NumberColumn(format="%.4f") for n in own.columns[4:]}
        st.dataframe(own, hide_index=True, column_config=numbers, key="measurements")
