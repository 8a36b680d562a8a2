"""The months together: their table, the points of their charts, their page and their drawings."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loops import Year

from churnobs import BadConfig, Measurement, MonthReports, NotFound
from churnobs.charts import LINES, drift_heat_map, performance_chart
from churnobs.lifecycle.drawing import heat_map, line_chart
from churnobs.lifecycle.page import lead
from churnobs.lifecycle.points import METRICS


def measured(year: Year) -> list[Measurement]:
    return [m for report in year.reports for m in report.measurements]


def test_history_is_a_list_that_shows_itself(year: Year) -> None:
    history = year.loop.history()
    assert history == year.reports
    table = history.to_pandas()
    assert table["MONTH"].tolist() == [r.month for r in year.reports]
    served = [r.performance("DEFAULT") for r in year.reports]
    expected = [None if m is None else m["ROC_AUC"] for m in served]
    assert [None if v != v else v for v in table["ROC_AUC"]] == expected
    assert lead(history) in history._repr_html_()
    assert "<html" not in history._repr_html_()


@pytest.mark.parametrize("metric", METRICS)
def test_points_are_the_measurements_and_then_what_is_expected(year: Year, metric: str) -> None:
    points = year.loop.history().points(metric)
    final = points[points["IS_FINAL"]]
    roles = {"DEFAULT": "what served", "BASE": "never retrained", "CHALLENGER": "challenger"}
    expected = {(m.as_of, roles[m.role], m[metric]) for m in measured(year) if m[metric] is not None}
    own = final[final["LINE"].isin(list(roles.values()))]
    assert set(own[["AS_OF", "LINE", "VALUE"]].itertuples(index=False, name=None)) == expected
    scored = {m.as_of for m in measured(year) if m.role == "DEFAULT"}
    waiting = points[~points["IS_FINAL"]]
    assert not set(waiting["AS_OF"]) & scored
    for row in waiting.itertuples():
        report = next(r for r in year.reports if r.as_of == row.AS_OF)
        assert report.estimates[metric] == (row.VALUE, row.LOW, row.HIGH)


def test_floors_stand_beside(year: Year) -> None:
    history = year.loop.history()
    auc, f1, loss = (set(history.points(metric)["LINE"]) for metric in ("ROC_AUC", "F1_SCORE", "LOG_LOSS"))
    assert {"recency rule", "base rate"} <= auc
    assert {"recency rule", "everyone churns", "base rate"} <= f1
    assert not loss & {"recency rule", "everyone churns", "base rate"}
    with pytest.raises(BadConfig, match="GINI"):
        history.points("GINI")


def marks(chart: dict[str, Any]) -> list[str]:
    return [layer["mark"]["type"] for layer in chart["layer"]]


def test_the_chart_tells_final_from_estimated(year: Year) -> None:
    chart = year.loop.history().plot().to_dict()
    assert marks(chart) == ["rule", "line", "point", "rule", "point"]
    assert [layer["mark"].get("filled") for layer in chart["layer"]][2::2] == [True, False]
    assert set(chart["layer"][1]["encoding"]["color"]["scale"]["domain"]) <= set(LINES)
    with pytest.raises(NotFound, match="ROC_AUC"):
        performance_chart(MonthReports(year.reports[:2]))


def test_charts_without_altair_say_what_to_install() -> None:
    code = (
        "import sys; sys.modules['altair'] = None\n"
        "from churnobs import NotSupported\n"
        "from churnobs.lifecycle.history import MonthReports\n"
        "try:\n    MonthReports().plot()\n"
        "except NotSupported as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "churnobs[dashboard]"' in found.stdout


def test_the_page_of_two_years_is_small_and_needs_no_network(year: Year, tmp_path: Path) -> None:
    history = MonthReports(
        replace(report, month=f"{2024 + n}-{number + 1:02}")
        for n in range(3)
        for number, report in enumerate(year.reports)
    )
    text = history.to_html(tmp_path / "report.html", title="two years", risk=year.loop.at_risk(10))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert len(text.encode()) < 500_000
    for word in ("http://", "https://", "<script", "@import", "url("):
        assert word not in text
    assert text.count("<svg") == 2
    assert "before its labels are final" in text


def test_lines_stay_in_the_drawing_and_their_names_apart(year: Year) -> None:
    for metric in ("ROC_AUC", "F1_SCORE"):
        chart = line_chart(year.reports, metric)
        for line in chart["series"]:
            for dot in line["dots"]:
                assert 0 < dot["x"] < chart["width"]
                assert 0 < dot["y"] < chart["height"]
        heights = sorted(line["label_y"] for line in chart["series"])
        assert all(b - a >= 15 for a, b in itertools.pairwise(heights))
    assert line_chart([], "ROC_AUC") == {"series": []}


def test_the_heat_map_marks_every_alarm(year: Year) -> None:
    drawn = heat_map(year.reports)
    alarmed = {(r.month, column) for r in year.reports for column, _ in r.alarms}
    found = {
        (month, row["column"])
        for row in drawn["rows"]
        for month, cell in zip(drawn["months"], row["cells"], strict=True)
        if cell["alarm"]
    }
    assert found == alarmed
    assert all(0.0 <= cell["shade"] <= 1.0 for row in drawn["rows"] for cell in row["cells"])


def test_the_drift_chart_says_what_is_alarmed(year: Year) -> None:
    drift = year.workspace.table("DRIFT").to_pandas()
    chart = drift_heat_map(drift, "JENSEN_SHANNON").to_dict()
    (rows,) = [v for v in chart["datasets"].values() if "STATE" in v[0]]
    alarmed = drift[(drift["METRIC_NAME"] == "JENSEN_SHANNON") & drift["ALARM"].isin([True])]
    assert {(r["MONTH"], r["COLUMN_NAME"]) for r in rows if r["STATE"] == "alarm"} == set(
        alarmed[["MONTH", "COLUMN_NAME"]].itertuples(index=False, name=None)
    )
