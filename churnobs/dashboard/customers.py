"""Page: who is about to leave, what they bought and said, and what pushes their score."""

from __future__ import annotations

from typing import Any

import streamlit as st

from churnobs.charts import purchases_chart, pushes_chart, segments_chart, sentiment_chart, spread_chart
from churnobs.dashboard.frame import partial_note, plain, read, told
from churnobs.dashboard.reading import CELLS, Customer, Risks, customer, risks

_EVERYBODY = "all"
_MOST = (25, 50, 100, 200)


def page(url: Any) -> None:
    """Draw it."""
    st.title("Customers at risk")
    with told(url):
        first: Risks = read(url, risks, _MOST[0], ())
        partial_note(first.partial)
        only = _filters(first)
        most = st.selectbox("How many", _MOST, key="most")
        found: Risks = read(url, risks, most, only)
        st.write(
            f"The highest probabilities to leave after **{found.as_of}**, by {plain(found.version)}."
            + (" Only the published customers." if found.partial else "")
        )
        if found.customers.empty:
            st.info("Nobody has these values: choose others.", icon=":material/info:")
            return
        chosen = _list(found)
        _one(url, chosen)
        _everybody(found)


def _filters(found: Risks) -> tuple[tuple[str, str], ...]:
    names = list(found.segments)
    if not names:
        return ()
    picked = {}
    for place, name in zip(st.columns(len(names)), names, strict=True):
        picked[name] = place.selectbox(name, [_EVERYBODY, *found.segments[name]], key=f"only_{name}")
    return tuple((name, value) for name, value in picked.items() if value != _EVERYBODY)


def _list(found: Risks) -> str:
    probability = st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f")
    event = st.dataframe(
        found.customers,
        hide_index=True,
        height=300,
        column_config={"PROBABILITY": probability},
        on_select="rerun",
        selection_mode="single-row",
        key="customers",
    )
    names = found.customers["CUSTOMER_ID"].tolist()
    rows = event.selection.rows if hasattr(event, "selection") else []
    at = rows[0] if rows and rows[0] < len(names) else 0
    # a row clicked is a choice made; the box is for the keyboard
    chosen: str = st.selectbox("Customer", names, index=at, key=f"customer_{at}")
    return chosen


def _one(url: Any, customer_id: str) -> None:
    st.subheader("One customer")
    with told(url):
        found: Customer = read(url, customer, customer_id)
        st.text(f"{found.customer_id}, until {found.as_of}")
        left, right = st.columns(2)
        with left:
            st.markdown("**Purchases of 12 months**")
            st.altair_chart(purchases_chart(found.purchases), width="stretch")
        with right:
            st.markdown("**Sentiment of feedback**")
            if found.comments.empty:
                st.text("No feedback.")
            else:
                st.altair_chart(sentiment_chart(found.comments), width="stretch")
        _pushes(found)
        _said(found)


def _pushes(found: Customer) -> None:
    st.markdown("**What pushes the score**")
    if found.pushes is None:
        st.text(found.unexplained)
        return
    st.altair_chart(pushes_chart(found.pushes), width="stretch")
    st.caption(
        f"SHAP values in {found.unit}: from {found.base:+.2f}, what is expected of anybody, they add up to this customer's "
        "score. Right raises the risk, left lowers it; what the model answers, not what would happen."
    )


def _said(found: Customer) -> None:
    st.markdown("**Feedback**")
    if found.comments.empty:
        st.text("This customer has said nothing.")
        return
    if found.summary:
        st.caption("In short, in the customer's own words:")
        for sentence in found.summary:
            st.text(f"“{sentence}”")
    st.caption("The last comments, newest first:")
    st.dataframe(
        found.comments,
        hide_index=True,
        column_config={
            "COMMENT": st.column_config.TextColumn(width="large"),
            "SENTIMENT": st.column_config.NumberColumn(format="%.3f", help="from -1 to 1"),
        },
        key="comments",
    )


def _everybody(found: Risks) -> None:
    if found.partial:
        return
    st.subheader("All active customers")
    st.altair_chart(spread_chart(found.spread, CELLS), width="stretch")
    names = [n for n in found.segments if n in found.by_segment]
    if names:
        name = st.selectbox("By segment", names, key="by_segment")
        st.altair_chart(segments_chart(found.by_segment[name], name), width="stretch")
