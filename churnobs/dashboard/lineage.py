"""Page: what was made of what."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from churnobs.charts import lineage_chart
from churnobs.dashboard.frame import partial_note, read, told
from churnobs.dashboard.reading import details, edges, overview
from churnobs.lineage import around, edges_of, nodes_of, placed

_WHOLE = "everything"


def page(url: Any) -> None:
    """Draw it."""
    st.title("Lineage")
    with told(url):
        found = read(url, overview)
        partial_note(found.partial)
        every = edges_of(read(url, edges))
        if not every:
            st.info(
                "Nothing was made yet: run months until the first labels are final.",
                icon=":material/info:",
            )
            return
        nodes = nodes_of(every)
        words = {f"{domain}: {name}": (domain, name) for domain, name in nodes}
        serving = found.reports[-1].decision.default_version if found.reports else None
        clicked = st.session_state.get("lineage_node")
        at = next((w for w, node in words.items() if node == clicked), None) or next(
            (w for w, (domain, name) in words.items() if domain == "model" and name.endswith(f"/{serving}")),
            next(iter(words)),
        )
        names = [_WHOLE, *words]
        chosen = st.selectbox("Show what belongs to", names, index=names.index(at), key=f"node_{at}")
        shown = every if chosen == _WHOLE else around(every, words[chosen])
        node = words.get(chosen)
        event = st.altair_chart(
            lineage_chart(placed(shown), shown, node), width="stretch", on_select="rerun", key=f"drawn_{chosen}"
        )
        st.caption("Click a node to see what belongs to it, or choose it above. From left to right: made of.")
        if _clicked(event, node):
            st.rerun()
        if node is not None:
            _node(url, node, every)


def _clicked(event: Any, node: tuple[str, str] | None) -> bool:
    """Remember the node that was clicked; whether it is another one."""
    picked = (event.get("selection") or {}).get("node") if event else None
    if not picked:
        return False
    now = (picked[0]["DOMAIN"], picked[0]["NAME"])
    if now == node:
        return False
    st.session_state["lineage_node"] = now
    return True


def _node(url: Any, node: tuple[str, str], every: Any) -> None:
    domain, name = node
    st.subheader(domain.replace("_", " "))
    st.text(name)
    facts = read(url, details, domain, name)
    if facts:
        st.dataframe(pd.DataFrame(facts, columns=["", "value"]), hide_index=True, key="facts")
    left, right = st.columns(2)
    for place, title, found in (
        (left, "Made of", [a for a, b in every if b == node]),
        (right, "Went into", [b for a, b in every if a == node]),
    ):
        place.markdown(f"**{title}**")
        place.text("\n".join(f"{one_domain}: {one}" for one_domain, one in found) or "nothing")
