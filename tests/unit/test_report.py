"""The month report: facts, their words, their JSON and their page."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace

import pytest
from loops import Year

from churnobs import Cost, Decision, Measurement, Month, MonthReport, NotFound
from churnobs.codec import from_json, to_json
from churnobs.lifecycle.page import html_page, lead
from churnobs.lifecycle.report import COLUMNS, month_row, months_table


def test_reports_survive_the_journal(year: Year) -> None:
    for report in year.reports:
        again = from_json(MonthReport, to_json(report))
        assert replace(again, seconds=report.seconds) == report
        assert year.loop.report(report.month) == report
        assert set(report.seconds) == {
            "INGEST", "SENTIMENT", "FEATURES", "LABELS", "DATASET", "MEASURE", "DRIFT", "DECIDE", "TRAIN", "PROMOTE",
            "PREDICT", "MONITOR", "ESTIMATE", "ALERT", "PRUNE", "REPORT",
        }  # fmt: skip


def test_words_say_what_was_decided_and_why_with_the_floors_beside(year: Year) -> None:
    waiting, first, promoted, rolled_back = (year.reports[i] for i in (1, 2, 3, 5))
    assert "no model yet" in waiting.text()
    assert "Waiting: no as-of became final" in waiting.text()
    assert "the first model was trained and serves, because the first labels are final" in first.text()
    assert "a challenger was promoted and refitted, because" in promoted.text()
    assert "so it is written" in promoted.text()
    assert "the first model serves again" in rolled_back.text()
    served = rolled_back.performance("DEFAULT")
    line = next(x for x in rolled_back.text().splitlines() if x.startswith("What served"))
    for number in ("ROC_AUC", "RECENCY_AUC", "F1_SCORE", "TRIVIAL_F1", "RECENCY_F1", "BASE_RATE"):
        assert f"{served[number]:.4g}" in line
    assert "Alerts: LOW, MOVED." in rolled_back.text()
    assert str(promoted) == promoted.text()
    assert repr(promoted) == f"MonthReport(2024-04, decided, promote, default={promoted.decision.default_version})"
    assert promoted.month in promoted._repr_html_()


def test_the_json_is_the_published_one(year: Year) -> None:
    for report in year.reports:
        found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
        wanted = {"month", "as_of", "status", "rows", "performance", "drift", "scored_as_of", "decision", "seconds"}
        assert wanted <= set(found)
        # what is beyond the published schema
        assert set(found) - wanted == {
            "rows_by_kind", "active", "newly_final", "alerts", "estimates", "estimates_trusted",
            "drift_alarms", "statements", "corrections", "corrected_later",
        }  # fmt: skip
        assert set(found["decision"]) == {"action", "reason", "default_version", "proven", "trial"}
        assert dt.date.fromisoformat(found["as_of"]) == report.as_of
        assert found["status"] in {"waiting", "decided"}
        assert found["rows"] == sum(found["rows_by_kind"].values()) > 0
        assert all(isinstance(s, float) for s in found["seconds"].values())
        for role, values in found["performance"].items():
            assert role in {"base", "default", "challenger"}
            assert {"version", "F1_SCORE", "ROC_AUC", "BASE_RATE", "TRIVIAL_F1"} <= set(values)
        assert bool(found["performance"]) == (found["scored_as_of"] is not None)
        for values in found["drift"].values():
            assert set(values) == {
                "JENSEN_SHANNON", "WASSERSTEIN", "DIFFERENCE_OF_MEANS", "POPULATION_STABILITY_INDEX"
            }  # fmt: skip
    assert set(year.reports[4].to_dict()["performance"]) == {"base", "default", "challenger"}
    assert year.reports[0].to_dict()["drift"] == {}


def test_statements_are_counted_and_shown_where_there_are_any(year: Year) -> None:
    report = year.reports[3]
    assert report.statements == year.loop.journal.statements(Month.parse(report.month)) > len(report.seconds)
    assert f"Statements sent: {report.statements:,}." in report.text()
    assert f"The last month sent {year.reports[-1].statements:,} statements." in lead(year.reports)
    nothing = replace(report, statements=0)
    assert nothing == report
    assert "Statements" not in nothing.text()
    assert "statements" not in lead([nothing])


def test_what_a_month_cost_as_far_as_the_engine_tells(year: Year) -> None:
    report = year.reports[3]
    cost = year.loop.cost(report.month)
    assert cost == Cost(report.month, report.statements, told="the simulator keeps no history of statements")
    assert (cost.found, cost.bytes_scanned, cost.rows_produced, cost.warehouse_seconds) == (None,) * 4
    with pytest.raises(NotFound, match="month 2030-01 is not finished"):
        year.loop.cost("2030-01")


def test_drift_is_measured_every_month_after_the_first_model(year: Year) -> None:
    features = {name for name, _ in year.loop.feature_columns()}
    for report in year.reports:
        assert set(report.drift) == (features if report.month > "2024-03" else set())
    moved = [r.drift["COUNT_ORDERS_PAST_3MM"]["JENSEN_SHANNON"] for r in year.reports[3:]]
    assert moved[-1] > moved[0]
    rows = year.workspace.table("DRIFT").collect()
    assert len(rows) == 6 * len(features) * 4


def test_rows_and_table_have_the_same_columns(year: Year) -> None:
    for report in year.reports:
        assert len(month_row(report)) == len(COLUMNS)
    html = months_table(year.reports)
    assert html.count("<tr>") == 10
    assert "(unproven)" in html


def test_the_page_is_whole_and_escaped(year: Year) -> None:
    odd = replace(year.reports[3], decision=replace(year.reports[3].decision, reason="<script>alert(1)</script>"))
    page = html_page([*year.reports[:3], odd, *year.reports[4:]], year.loop.at_risk(5), "A & <b>")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "A &amp; &lt;b&gt;" in page
    assert not re.search(r'(src|href)\s*=\s*"http', page)
    assert year.loop.at_risk(1).customers[0].customer_id in page
    empty = html_page([], None, "nothing yet")
    assert "No month is finished yet." in empty


def test_the_lead_counts_what_retraining_was_worth(year: Year) -> None:
    words = lead(year.reports)
    assert words.startswith("9 months, ")
    assert "2 promotions" in words
    both = [(r.performance("DEFAULT")["ROC_AUC"], r.performance("BASE")["ROC_AUC"]) for r in year.reports[3:]]
    served, base = (sum(values) / len(both) for values in zip(*both, strict=True))
    assert f"{served:.3f} served, {base:.3f} had nobody retrained" in words
    assert lead([]) == "No month is finished yet."


def test_a_month_with_nothing_measurable_is_shown() -> None:
    nothing = Measurement(dt.date(2024, 4, 1), "DEFAULT", "V1", 3, dict.fromkeys(("ROC_AUC", "F1_SCORE")))
    decision = Decision("2024-04", "keep", "the newest final labels are all of one class", "V1")
    report = MonthReport(
        "2024-04", dt.date(2024, 5, 1), "decided", {"sales": 1}, 3, (nothing.as_of,), nothing.as_of, (nothing,), {},
        decision, proven=False,
    )  # fmt: skip
    assert "ROC_AUC  (recency rule )" in report.text()
    assert not nothing.passes_gate()
    assert month_row(report)[4] == ""
    assert "keep" in html_page([report], None, "one month")


def test_a_trial_on_labels_of_one_class_has_no_auc(year: Year) -> None:
    report = year.reports[4]
    trial = replace(report.decision.trial, auc=dict.fromkeys(("BASE", "DEFAULT", "CHALLENGER"), float("nan")))
    report = replace(report, decision=replace(report.decision, trial=trial))
    again = from_json(MonthReport, to_json(report))
    found = json.loads(json.dumps(again.to_dict(), allow_nan=False))["decision"]["trial"]
    assert found == {"rows": trial.rows, "BASE": None, "DEFAULT": None, "CHALLENGER": None}


@pytest.mark.parametrize("role", ["BASE", "DEFAULT", "CHALLENGER"])
def test_a_role_without_a_measurement_is_none(role: str, year: Year) -> None:
    assert year.reports[0].performance(role) is None
    assert (year.reports[4].performance(role) or nothing_of(role)).as_of == dt.date(2024, 5, 1)


def nothing_of(role: str) -> Measurement:
    raise AssertionError(f"{role} was not measured")
