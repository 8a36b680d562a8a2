"""An alarm as text, JSON, notebook HTML and a page: the same facts, and every text of others stays a text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import json
from html.parser import HTMLParser

import pytest

from churnobs import AlertEvent
from churnobs.alerts import Alert, DriftedColumn, Metric, Observed
from churnobs.alerts.event import restored, stored
from churnobs.alerts.look import alarm

EVENT = AlertEvent(
    name="LOW_F1",
    month="2024-05",
    metric="F1_SCORE",
    value=0.65234,
    threshold=0.7,
    derived="fixed by the alert",
    words="F1_SCORE of DEFAULT is 0.6523, below 0.7",
    condition="F1_SCORE of DEFAULT below 0.7",
    as_of=dt.date(2024, 6, 1),
    version="V2024_03_BASE_a1b2c3",
    datasets=("CHURN/2024_02_01", "CHURN/2024_03_01"),
    segment="LOCATION = Bern: 61% of the drop",
    drifted=(
        DriftedColumn("AGE", "JENSEN_SHANNON", 0.31),
        DriftedColumn("SUM_TOTAL_AMOUNT_PAST_7D", "JENSEN_SHANNON", 0.155),
        DriftedColumn("LOCATION", "JENSEN_SHANNON", None),
    ),
    proposed="retrain",
    comment="call Ann",
)
TEXT = """\
LOW_F1 in 2024-05: F1_SCORE of DEFAULT is 0.6523, below 0.7
Condition: F1_SCORE of DEFAULT below 0.7
Value: F1_SCORE = 0.6523
Threshold: 0.7, fixed by the alert
As-of: 2024-06-01
Model: V2024_03_BASE_a1b2c3
Fitted on: CHURN/2024_02_01, CHURN/2024_03_01
Largest contribution: LOCATION = Bern: 61% of the drop
Most drifted: AGE (JENSEN_SHANNON 0.31), SUM_TOTAL_AMOUNT_PAST_7D (JENSEN_SHANNON 0.155), LOCATION (JENSEN_SHANNON )
Proposed: retrain
Comment: call Ann"""
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}\n\x1b[31m& "quoted"'


class Seen(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.values: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_as_text() -> None:
    assert EVENT.text() == str(EVENT) == TEXT
    bare = AlertEvent("LOW", "2024-05", "F1_SCORE", 0.5, 0.7)
    assert bare.text() == "LOW in 2024-05: F1_SCORE is 0.5\nValue: F1_SCORE = 0.5\nThreshold: 0.7"


def test_as_json() -> None:
    assert json.loads(EVENT.to_json()) == {
        "name": "LOW_F1", "month": "2024-05", "metric": "F1_SCORE", "value": 0.65234, "threshold": 0.7,
        "derived": "fixed by the alert", "words": "F1_SCORE of DEFAULT is 0.6523, below 0.7",
        "condition": "F1_SCORE of DEFAULT below 0.7", "as_of": "2024-06-01", "version": "V2024_03_BASE_a1b2c3",
        "datasets": ["CHURN/2024_02_01", "CHURN/2024_03_01"], "segment": "LOCATION = Bern: 61% of the drop",
        "drifted": [
            {"column": "AGE", "metric": "JENSEN_SHANNON", "value": 0.31},
            {"column": "SUM_TOTAL_AMOUNT_PAST_7D", "metric": "JENSEN_SHANNON", "value": 0.155},
            {"column": "LOCATION", "metric": "JENSEN_SHANNON", "value": None},
        ],
        "proposed": "retrain", "comment": "call Ann",
    }  # fmt: skip
    assert restored(stored(EVENT)) == EVENT


def test_in_a_notebook() -> None:
    page = EVENT._repr_html_()
    seen = Seen(page)
    assert set(seen.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    for line in TEXT.splitlines():
        assert html.escape(line.partition(": ")[2]) in page


def test_as_a_page() -> None:
    page = EVENT.html_page()
    seen = Seen(page)
    assert "".join(seen.texts).count("LOW_F1 in 2024-05") == 2
    for label, text in EVENT.facts():
        if label != "Most drifted":
            assert {label, text} <= set(seen.texts)
    assert [text for text in seen.texts if text in {"AGE", "SUM_TOTAL_AMOUNT_PAST_7D", "LOCATION", "0.31", "0.155"}] == [
        "AGE", "0.31", "SUM_TOTAL_AMOUNT_PAST_7D", "0.155", "LOCATION",
    ]  # fmt: skip
    assert seen.tags.count("rect") == 3
    assert '<rect width="220"' in page
    assert '<rect width="110"' in page
    assert '<rect width="0"' in page


def test_a_page_is_small_and_asks_nobody() -> None:
    page = EVENT.html_page()
    assert len(page.encode()) < 300_000
    seen = Seen(page)
    assert {"script", "link", "img", "iframe", "object", "form"} & set(seen.tags) == set()
    assert not {name for name in seen.names if name.startswith("on") or name in {"src", "href", "action"}}
    assert "://" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    "field", ["comment", "words", "segment", "proposed", "derived", "condition", "version", "column"]
)
def test_hostile_text_stays_text(field: str) -> None:
    if field == "column":
        event = dataclasses.replace(EVENT, drifted=(DriftedColumn(HOSTILE, "JENSEN_SHANNON", 0.2),))
    else:
        event = dataclasses.replace(EVENT, **{field: HOSTILE})
    for page, clean in ((event.html_page(), EVENT.html_page()), (event._repr_html_(), EVENT._repr_html_())):
        seen = Seen(page)
        assert set(seen.tags) <= set(Seen(clean).tags)
        assert not {name for name in seen.names if name.startswith("on")}
        assert "<script>alert(1)</script>" in "".join(seen.texts)
        assert "{{ 7 * 7 }}" in "".join(seen.texts)
    # one fact, one line, and nothing for the terminal to obey
    assert len(event.text().splitlines()) == len(TEXT.splitlines())
    assert event.text().isprintable() is False  # line breaks only
    assert all(line.isprintable() for line in event.text().splitlines())
    assert HOSTILE in json.dumps(json.loads(event.to_json()), ensure_ascii=False).encode().decode("unicode_escape")


def test_hostile_text_from_the_alert_to_the_page() -> None:
    alert = Alert("low", Metric("ROC_AUC", below=0.7), comment=HOSTILE, runbook=HOSTILE)
    observed = Observed("2024-05", dt.date(2024, 6, 1), drift={HOSTILE: {"JENSEN_SHANNON": 0.9}}, segment=HOSTILE)
    finding = dataclasses.replace(
        Metric("JENSEN_SHANNON", above=0.1, column="AGE").look(
            dataclasses.replace(observed, drift={"AGE": {"JENSEN_SHANNON": 0.2}})
        ),
        words=HOSTILE,
    )
    event = alarm(alert, finding, observed)
    assert (event.comment, event.proposed, event.segment, event.words) == (HOSTILE,) * 4
    assert [d.column for d in event.drifted] == ["AGE", HOSTILE]
    assert set(Seen(event.html_page()).tags) == set(Seen(EVENT.html_page()).tags)
