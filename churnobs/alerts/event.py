"""The alarm: what an action is told, and what people read; as text, JSON, notebook HTML and a page of its own."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass

from churnobs.codec import from_json, to_json
from churnobs.display import Shown, html_table, shown


def one_line(text: str) -> str:
    r"""Text of others on one line: no line breaks, no terminal codes.

    >>> one_line("a\nb\x1b[31m")
    'a b [31m'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@dataclass(frozen=True, slots=True)
class DriftedColumn(Shown):
    """How far one column has moved by one drift metric."""

    column: str
    metric: str
    value: float | None


@dataclass(frozen=True, slots=True)
class AlertEvent(Shown):
    """A fired alarm.

    Args:
        name: of the alert.
        month: in which it fired.
        metric: the name of the number.
        value, threshold: the number, and what it was held against.
        derived: how the threshold came about.
        words: what was found.
        condition: the alert's condition in words.
        as_of: the newest T of the month.
        version: the model version it is about.
        datasets: what the version was fitted on, as NAME/version.
        segment: the segment that contributes most, in words.
        drifted: the columns that moved most, worst first.
        proposed: what to do about it.
        comment: the alert's.
    """

    name: str
    month: str
    metric: str
    value: float
    threshold: float
    derived: str = ""
    words: str = ""
    condition: str = ""
    as_of: dt.date | None = None
    version: str | None = None
    datasets: tuple[str, ...] = ()
    segment: str | None = None
    drifted: tuple[DriftedColumn, ...] = ()
    proposed: str = ""
    comment: str = ""

    @property
    def title(self) -> str:
        """One line, as the subject of a message."""
        return f"{self.name} in {self.month}: {one_line(self.words) or f'{self.metric} is {shown(self.value)}'}"

    def facts(self) -> list[tuple[str, str]]:
        """What is known, as (label, text), each text on one line; what is not known is left out."""
        drifted = ", ".join(f"{d.column} ({d.metric} {shown(d.value)})" for d in self.drifted)
        pairs = [
            ("Condition", self.condition),
            ("Value", f"{self.metric} = {shown(self.value)}"),
            ("Threshold", f"{shown(self.threshold)}" + (f", {self.derived}" if self.derived else "")),
            ("As-of", shown(self.as_of)),
            ("Model", shown(self.version)),
            ("Fitted on", ", ".join(self.datasets)),
            ("Largest contribution", shown(self.segment)),
            ("Most drifted", drifted),
            ("Proposed", self.proposed),
            ("Comment", self.comment),
        ]
        return [(label, one_line(text)) for label, text in pairs if text]

    def text(self) -> str:
        """The alarm in words, a fact a line."""
        return "\n".join([self.title, *(f"{label}: {text}" for label, text in self.facts())])

    def to_json(self) -> str:
        """The alarm as JSON text; a number that JSON does not have (an infinite drift) is null, its words tell it."""
        plain = json.loads(to_json(self))
        for name in ("value", "threshold"):
            plain[name] = _finite(plain[name])
        plain["drifted"] = [{**d, "value": _finite(d["value"])} for d in plain["drifted"]]
        return json.dumps(plain, sort_keys=True, allow_nan=False)

    def html_page(self) -> str:
        """The alarm as one static page: no script, no network, every text escaped."""
        from churnobs.alerts.page import html_page

        return html_page(self)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return html_table(("alarm", self.title), self.facts())


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def stored(event: AlertEvent) -> str:
    """An alarm as it is kept; unlike ``to_json`` nothing is lost."""
    return to_json(event)


def restored(text: str) -> AlertEvent:
    """The alarm that ``stored`` wrote."""
    return from_json(AlertEvent, text)
