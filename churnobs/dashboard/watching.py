"""Page: alerts and monitors: state, thresholds, history; acknowledge, suspend and resume."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from churnobs.dashboard.frame import change, partial_note, read, told
from churnobs.dashboard.reading import Watch, watch

if TYPE_CHECKING:
    from churnobs.workspace import Workspace

_ALERTS = ["name", "state", "condition", "action", "firing_since", "failures", "undelivered", "comment", "runbook"]
_MONITORS = ["name", "version_name", "monitor_state", "model_task", "refresh_interval", "aggregation_last_error"]
_HISTORY = [
    "MONTH",
    "NAME",
    "STATE",
    "METRIC_NAME",
    "METRIC_VALUE",
    "THRESHOLD",
    "WORDS",
    "ACTION_TAKEN",
    "ACKNOWLEDGED_BY",
    "NOTE",
]


def page(url: Any) -> None:
    """Draw it."""
    st.title("Alerts and monitors")
    with told(url):
        found: Watch = read(url, watch)
        partial_note(found.partial)
        _alerts(url, found)
        _history(url, found)
        _monitors(url, found)


def _alerts(url: Any, found: Watch) -> None:
    st.subheader("Alerts")
    if found.alerts.empty:
        st.info(
            "There are no alerts: LifecycleConfig(alerts=...) or workspace.alerts.create_alert makes them.",
            icon=":material/info:",
        )
        return
    st.dataframe(found.alerts[_ALERTS], hide_index=True, key="alerts")
    names = found.alerts["name"].tolist()
    name = st.selectbox("Alert", names, key="alert")
    state = found.alerts.set_index("name").loc[name, "state"]
    _switch(url, found, f"alert_{name}", is_on=state == "started", act=lambda w, on: _set_alert(w, name, on=on))


def _set_alert(workspace: Workspace, name: str, *, on: bool) -> None:
    (workspace.alerts.resume if on else workspace.alerts.suspend)(name)


def _history(url: Any, found: Watch) -> None:
    st.subheader("What they saw")
    if found.history.empty:
        st.text("No alert was looked at yet.")
        return
    fired = found.history[found.history["STATE"].isin(["TRIGGERED", "ACTION_FAILED"])]
    shown = fired if st.toggle("Only alarms", value=not fired.empty, key="only_alarms") else found.history
    numbers = {n: st.column_config.NumberColumn(format="%.4f") for n in ("METRIC_VALUE", "THRESHOLD")}
    st.dataframe(shown[_HISTORY].iloc[::-1], hide_index=True, column_config=numbers, key="history")
    open_ones = fired[fired["ACKNOWLEDGED_BY"].isna()].drop_duplicates(["NAME", "MONTH"])
    if open_ones.empty:
        st.caption("Nothing waits to be acknowledged.")
        return
    with st.form("acknowledge", clear_on_submit=True):
        pairs = open_ones[["NAME", "MONTH"]].astype(str).to_numpy().tolist()
        words = {f"{name} of {month}": (str(name), str(month)) for name, month in pairs}
        chosen = st.selectbox("Acknowledge", list(words), key="alarm")
        by = st.text_input("By", key="by")
        note = st.text_input("What is done about it", key="note")
        if st.form_submit_button("Acknowledge", disabled=found.partial):
            name, month = words[chosen]
            if change(url, lambda w: w.alerts.acknowledge(name, month, by=by, note=note, on=_today())):
                st.rerun()
    _when_partial(found)


def _monitors(url: Any, found: Watch) -> None:
    st.subheader("Model monitors")
    if found.monitors.empty:
        st.text("There is no monitor yet: the first model gets the first one.")
        return
    st.dataframe(found.monitors[_MONITORS], hide_index=True, key="monitors")
    name = st.selectbox("Monitor", found.monitors["name"].tolist(), key="monitor")
    state = found.monitors.set_index("name").loc[name, "monitor_state"]
    _switch(url, found, f"monitor_{name}", is_on=state == "ACTIVE", act=lambda w, on: _set_monitor(w, name, on=on))


def _set_monitor(workspace: Workspace, name: str, *, on: bool) -> None:
    monitor = workspace.monitor.get_monitor(name=name)
    (monitor.resume if on else monitor.suspend)()


def _switch(url: Any, found: Watch, key: str, *, is_on: bool, act: Callable[[Workspace, bool], None]) -> None:
    words = "Suspend" if is_on else "Resume"
    if st.button(words, key=key, disabled=found.partial) and change(url, lambda w: act(w, not is_on)):
        st.rerun()
    _when_partial(found)


def _when_partial(found: Watch) -> None:
    if found.partial:
        st.caption("Changes wait until the run has ended.")


def _today() -> dt.date:
    # people acknowledge today; the loop itself never asks what day it is
    return pd.Timestamp.now(tz="UTC").date()
