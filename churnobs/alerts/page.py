"""An alarm as one static HTML page: no script, no network."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from churnobs.alerts.event import one_line
from churnobs.display import shown

if TYPE_CHECKING:
    from churnobs.alerts.event import AlertEvent

# the bars of the drifted columns, in pixels
_WIDTH: Final = 220


def html_page(event: AlertEvent) -> str:
    """The page of an alarm; every text in it is escaped."""
    from jinja2 import Environment

    template = files("churnobs.alerts").joinpath("page.html").read_text(encoding="utf-8")
    longest = {d.metric: max(_size(o.value) for o in event.drifted if o.metric == d.metric) for d in event.drifted}
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            name=event.name,
            month=event.month,
            words=one_line(event.words),
            facts=[(label, text) for label, text in event.facts() if label != "Most drifted"],
            drifted=[
                (
                    one_line(d.column),
                    d.metric,
                    shown(d.value),
                    round(_WIDTH * _size(d.value) / longest[d.metric]) if longest[d.metric] else 0,
                )
                for d in event.drifted
            ],
            width=_WIDTH,
        )
    )


def _size(value: float | None) -> float:
    """How long a bar is drawn: the absolute value, nothing for what is unknown or infinite."""
    return abs(value) if value is not None and abs(value) < float("inf") else 0.0
