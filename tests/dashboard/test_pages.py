"""Every page by Streamlit's AppTest: no exception, the numbers of ``churnobs metrics``, a sentence for whatever is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from dashboards import HOSTILE
from loops import scripted
from streamlit.testing.v1 import AppTest

import churnobs
from churnobs import MonthReports
from churnobs.dashboard import frame
from churnobs.dashboard.opening import reading
from churnobs.dashboard.reading import loop_of

PAGES = ("months", "drift", "customers", "lineage", "watching")


def script(name: str, url: str) -> None:
    import importlib

    importlib.import_module(f"churnobs.dashboard.{name}").page(url)


def shown(name: str, url: str) -> AppTest:
    app = AppTest.from_function(script, args=(name, url), default_timeout=60).run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = ("markdown", "text", "caption", "info", "warning", "success", "error", "title", "subheader")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


# a column that only this table has
TABLES = {
    "measurements": "PRECISION", "months": "REASON", "judged": "Q_VALUE", "customers": "PROBABILITY", "comments": "COMMENT",
    "alerts": "firing_since", "corrections": "AFTER", "revised": "REPORTED",
}  # fmt: skip


def tables(app: AppTest, key: str) -> list[Any]:
    return [d.value for d in app.dataframe if TABLES[key] in d.value.columns]


def table(app: AppTest, key: str) -> Any:
    (found,) = tables(app, key)
    return found


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    frame._read.clear()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws(name: str, url: str) -> None:
    app = shown(name, url)
    assert not app.error
    assert not app.info


def test_months_shows_the_numbers_of_churnobs_metrics(url: str) -> None:
    path = url.removeprefix("duckdb:")
    printed = subprocess.run(
        [sys.executable, "-c", "from churnobs.cli import main; main()", "metrics", "--db", path],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    header, *lines = [line.split("\t") for line in printed]
    app = shown("months", url)
    (month,) = [s for s in app.selectbox if s.label == "Month"]
    seen = []
    for option in month.options:
        app.selectbox(key="month").select(option).run()
        seen += [row for rows in tables(app, "measurements") for row in rows.itertuples(index=False, name=None)]
    assert [name.upper() for name in header] == list(rows_columns(app))
    found = [[cell(value) for value in row] for row in seen]
    assert sorted(found) == sorted(lines)


def rows_columns(app: AppTest) -> Any:
    return table(app, "measurements").columns


def cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def test_months_says_what_was_decided_and_why(url: str) -> None:
    app = shown("months", url)
    with reading(url) as workspace:
        history = loop_of(workspace).history()
    assert history[-1].text() in [t.value for t in app.text]
    table_of_months = table(app, "months")
    assert table_of_months["REASON"].tolist() == [r.decision.reason for r in history]
    promotions = next(m for m in app.metric if m.label == "Promotions")
    assert promotions.value == str(sum(r.decision.action == "promote" for r in history))
    app.selectbox(key="metric").select("F1_SCORE").run()
    assert not app.exception


def test_months_shows_what_was_corrected_beside_what_was_reported(url: str, copied: str, tmp_path: Path) -> None:
    assert not tables(shown("months", url), "corrections")
    files = Path(shutil.copytree(Path(url.removeprefix("duckdb:")).parent / "files", tmp_path / "files"))
    newest = next(files.glob("*sales_2024_9.csv"))
    sales = pd.read_csv(newest, dtype=str)
    sales[sales.index % 2 == 0].to_csv(newest, index=False)
    with churnobs.connect(copied, threads=1) as workspace:
        loop = workspace.lifecycle(scripted())
        revision, back = loop.revise(files), loop.rollback("<b>not</b> **better**")
        beside = workspace.table("MEASUREMENTS_REVISED").to_pandas()
        page = loop.history().to_html()
    assert revision is not None
    app = shown("months", copied)
    corrections, revised = table(app, "corrections"), table(app, "revised")
    assert corrections["WORDS"].tolist() == [revision.words, back.words]
    assert set(corrections["AFTER"]) == {"2024-09"}
    assert f"Serving: {frame.plain(back.former)}" in [c.value for c in app.caption]
    assert "Corrections" in [s.value for s in app.subheader]
    # every final number that is another one now, as it was reported and as it is
    changed = beside[beside["METRIC_VALUE"] != beside["REPORTED_VALUE"]].dropna(
        subset=["METRIC_VALUE", "REPORTED_VALUE"]
    )
    numbers = {(r.ROLE, r.METRIC_NAME): (r.REPORTED_VALUE, r.METRIC_VALUE) for r in changed.itertuples()}
    assert {(r.ROLE, r.METRIC): (r.REPORTED, r.REVISED) for r in revised.itertuples()} == numbers
    assert ("DEFAULT", "ROC_AUC") in numbers
    # the table of final numbers says what was reported
    final = table(app, "measurements").set_index("ROLE")["ROC_AUC"]
    assert final["DEFAULT"] == numbers["DEFAULT", "ROC_AUC"][0]
    # and so does the report
    assert "<h2>Corrections</h2>" in page
    assert "&lt;b&gt;not&lt;/b&gt; **better**" in page
    assert "<b>not" not in page
    reported, now = (f'<td class="n">{value:.4f}</td>' for value in numbers["DEFAULT", "ROC_AUC"])
    assert f"<td>ROC_AUC</td>{reported}{now}" in page
    assert "<h2>Corrections</h2>" not in loop_reports(url).to_html()


def loop_reports(url: str) -> MonthReports:
    with reading(url) as workspace:
        return loop_of(workspace).history()


def test_drift_shows_every_column_and_its_judgement(url: str) -> None:
    app = shown("drift", url)
    with reading(url) as workspace:
        stored = workspace.sql("SELECT * FROM DRIFT").to_pandas()
    newest = stored[stored["MONTH"] == stored["MONTH"].max()]
    assert len(table(app, "judged")) == len(newest)
    column = app.selectbox(key="column")
    assert set(column.options) == set(newest["COLUMN_NAME"])
    for name in ("GENDER", "AGE", column.options[-1]):
        app.selectbox(key="column").select(name).run()
        assert not app.exception
        assert not app.info
    app.selectbox(key="month").select(stored["MONTH"].min()).run()
    assert not app.exception


def test_customers_are_those_at_risk(url: str) -> None:
    app = shown("customers", url)
    with reading(url) as workspace:
        expected = loop_of(workspace).at_risk(25)
    found = table(app, "customers")
    assert found["CUSTOMER_ID"].tolist() == [c.customer_id for c in expected.customers]
    assert found["PROBABILITY"].tolist() == [c.probability for c in expected.customers]
    app.selectbox(key="only_GENDER").select("FEMALE").run()
    assert set(table(app, "customers")["GENDER"]) == {"FEMALE"}
    assert not app.exception


def test_comments_stay_texts(url: str) -> None:
    app = shown("customers", url)
    box = next(s for s in app.selectbox if s.label == "Customer")
    for option in box.options:
        box.select(option).run()
        box = next(s for s in app.selectbox if s.label == "Customer")
        if tables(app, "comments"):
            break
    comments = table(app, "comments")["COMMENT"]
    assert comments.str.endswith(HOSTILE).all()
    assert not any("<script" in m.value for m in app.markdown)
    assert all(not m.allow_html for m in app.markdown)


def test_lineage_leads_from_tables_to_monitors(url: str) -> None:
    app = shown("lineage", url)
    box = app.selectbox[0]
    for domain in ("table", "feature_view", "dataset", "model", "prediction", "monitor"):
        node = next(option for option in box.options if option.startswith(f"{domain}: "))
        app.selectbox[0].select(node).run()
        assert not app.exception
        assert node.partition(": ")[2] in [t.value for t in app.text]
    app.selectbox[0].select("everything").run()
    assert not app.exception


def test_alerts_are_acknowledged_suspended_and_resumed(copied: str) -> None:
    app = shown("watching", copied)
    assert "started" in table(app, "alerts")["state"].tolist()
    app.selectbox(key="alert").select("LOW").run()
    app.button(key="alert_LOW").click().run()
    assert not app.exception
    assert state_of(copied, "LOW") == "suspended"
    app.button(key="alert_LOW").click().run()
    assert state_of(copied, "LOW") == "started"
    app.text_input(key="by").input("Ada")
    app.text_input(key="note").input("<b>looked</b>")
    next(b for b in app.button if b.label == "Acknowledge").click().run()
    assert not app.exception
    with churnobs.connect(copied, read_only=True) as workspace:
        history = workspace.alerts.alert_history()
    assert set(history["ACKNOWLEDGED_BY"].dropna()) == {"Ada"}
    monitor = app.selectbox(key="monitor").value
    app.button(key=f"monitor_{monitor}").click().run()
    assert not app.exception


def state_of(url: str, name: str) -> str:
    with churnobs.connect(url, read_only=True) as workspace:
        return workspace.alerts.get_alert(name).state


def test_nobody_acknowledges_without_a_name(copied: str) -> None:
    app = shown("watching", copied)
    next(b for b in app.button if b.label == "Acknowledge").click().run()
    assert "nobody acknowledges" in app.error[0].value


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_database_says_what_to_do(name: str, empty: str) -> None:
    app = shown(name, empty)
    assert not app.error
    assert "month" in words(app) or "alerts" in words(app)
    assert app.info


@pytest.mark.parametrize("name", PAGES)
def test_a_database_of_a_newer_schema_says_so(name: str, copied: str) -> None:
    with duckdb.connect(copied.removeprefix("duckdb:")) as raw:
        raw.execute("UPDATE CHURNOBS_SCHEMA SET VERSION = 99")
    assert "schema version 99" in shown(name, copied).info[0].value


def test_no_such_file(tmp_path: Path) -> None:
    assert "there is no database" in shown("months", f"duckdb:{tmp_path}/none.duckdb").info[0].value


def test_a_lost_connection_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise churnobs.BackendFailed("390111: the session no longer exists", hint="connect again")

    monkeypatch.setattr("churnobs.dashboard.months.overview", lost)
    found = shown("months", url).error[0].value
    assert "no longer exists" in found
    assert "reload the page" in found


def test_a_month_without_feedback(tmp_path: Path) -> None:
    from dashboards import build
    from loops import write_world

    files = write_world(tmp_path / "files", customers=150, months=5)
    for path in files.glob("feedback_raw_*.csv"):
        path.unlink()
    url = build(tmp_path / "silent.duckdb", files)
    assert "This customer has said nothing." in words(shown("customers", url))


def test_pages_are_read_once_while_the_database_is_the_same(url: str, asked: Any) -> None:
    app = shown("customers", url)
    before = asked()
    app.run()
    assert asked() == before > 0


def test_the_whole_app_starts_by_its_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--url", url])
    path = Path(churnobs.__file__).parent / "dashboard" / "app.py"
    app = AppTest.from_file(str(path), default_timeout=60).run()
    assert not app.exception
    assert [t.value for t in app.title] == ["Months"]


def test_without_a_database_the_app_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    path = Path(churnobs.__file__).parent / "dashboard" / "app.py"
    app = AppTest.from_file(str(path), default_timeout=60).run()
    assert not app.exception
    assert "no database is named" in app.error[0].value
