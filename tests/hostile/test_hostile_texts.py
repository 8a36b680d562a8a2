"""SQL, HTML, Markdown and terminal codes in every text of a run, wherever they are shown: 100 hostile inputs, part four."""

from __future__ import annotations

import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_cases import HOSTILE, HTML, IDS, SQL, Case, Cases, Shop, Template, config, copied, examine, go_on
from rich.console import Console

from churnobs import cli
from churnobs.dashboard import reading
from churnobs.dashboard.frame import plain
from churnobs.errors import BadConfig, NotFound

cases = Cases()
# what no page of churnobs has a use for
RUNS = {"script", "iframe", "object", "embed", "img", "link", "base", "form", "input", "a"}


class _Tags(HTMLParser):
    """Which elements a browser would see, and which attributes that run code."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.runs += [tag] if tag in RUNS else []
        self.runs += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]

    def handle_data(self, data: str) -> None:
        self.text += data


def inert(page: str) -> str:
    """The text of a page in which nothing runs."""
    tags = _Tags()
    tags.feed(page)
    assert tags.runs == []
    return tags.text


def _hostile_ids(shop: Shop) -> list[str]:
    found = {row["CUSTOMER_ID"] for row in shop.ws.table("SALES").collect()}
    return sorted(one for one in found if one.rpartition(" ")[0] in IDS)


@cases.right(base="grown")
def texts_are_stored_as_they_are(shop: Shop) -> None:
    ids = _hostile_ids(shop)
    assert {one.rpartition(" ")[0] for one in ids} == set(IDS[1::2])
    for table, column in (("SALES", "PAYMENT_METHOD"), ("CUSTOMERS", "LOCATION"), ("FEEDBACK_RAW", "COMMENT"),
                          ("FEEDBACK_SENTIMENT", "COMMENT"), ("FEATURES", "CUSTOMER_SEGMENT")):  # fmt: skip
        values = [row[column] for row in shop.ws.table(table).collect() if row[column]]
        assert values
        assert all(value.endswith(f" {HOSTILE}") for value in values)
    assert all(shop.stored("PREDICTIONS", "CUSTOMER_ID", one) <= 1 for one in ids)


@cases.right(base="grown")
def the_report_as_a_page(shop: Shop) -> None:
    loop = shop.loop()
    risk = loop.at_risk(40)
    assert {c.customer_id for c in risk.customers} & set(_hostile_ids(shop))
    page = loop.history().to_html(title=HOSTILE, risk=risk)
    text = inert(page)
    assert HTML in text
    assert html.escape(HTML, quote=False) in page or HTML.replace("<", "&lt;").replace(">", "&gt;") in page


@cases.right("MODEL_VERSIONS", base="grown")
def everything_as_a_notebook_shows_it(shop: Shop) -> None:
    loop = shop.loop(shop.template.folder)
    version = shop.ws.registry.get_model("CHURN").default
    version.comment = HOSTILE
    shown = [
        loop.history(), loop.report(loop.journal.finished()[-1]), loop.at_risk(40), version, loop.source,
        shop.ws.table("CUSTOMERS"), shop.ws.table("FEEDBACK_RAW"), loop.replay("2024-03"),
    ]  # fmt: skip
    texts = [inert(one._repr_html_()) for one in shown]
    assert sum(HTML in text for text in texts) >= 4


@cases.right(base="grown")
def the_frames_of_the_dashboard(shop: Shop) -> None:
    found = reading.risks(shop.ws, 200, ())
    ids = set(found.customers["CUSTOMER_ID"])
    assert ids & set(_hostile_ids(shop))
    segment = found.segments["CUSTOMER_SEGMENT"][0]
    assert segment.endswith(HOSTILE)
    only = reading.risks(shop.ws, 200, (("CUSTOMER_SEGMENT", segment),))
    assert set(only.customers["CUSTOMER_SEGMENT"]) == {segment}
    for one in sorted(ids & set(_hostile_ids(shop)))[:2]:
        customer = reading.customer(shop.ws, one)
        assert customer.customer_id == one
        assert customer.comments["COMMENT"].str.endswith(HOSTILE).all()


@cases.refused(NotFound, "there is no customer x' OR '1'='1", base="grown")
def a_customer_of_the_dashboard_with_sql(shop: Shop) -> None:
    reading.customer(shop.ws, "x' OR '1'='1")


@cases.refused(NotFound, "DROP TABLE", base="grown")
def a_column_of_the_dashboard_with_sql(shop: Shop) -> None:
    reading.distributions(shop.ws, f"AGE{SQL}", reading.overview(shop.ws).reports[-1].as_of)


@cases.right(base="grown")
def markdown_of_the_dashboard(shop: Shop) -> None:
    for text in (HOSTILE, *IDS):
        marked = plain(text)
        assert not re.search(r"(?<!\\)[<>\[\]`*_{}$:~|#]", marked)
        assert re.sub(r"\\([\\`*_{}\[\]()<>#+\-.!|~$:])", r"\1", marked) == text


@cases.right("MODEL_VERSIONS", "JOURNAL", base="grown")
def a_rollback_whose_reason_is_hostile(shop: Shop) -> None:
    loop = shop.loop()
    registry = shop.ws.registry
    first = registry.get_model("CHURN").default
    registry.log_model(first, model_name="CHURN", version_name="OTHER")
    # as if it had been chosen by hand: the first model is its former default
    registry.get_model("CHURN").default = "OTHER"
    back = loop.rollback(HOSTILE)
    assert HTML in back.words
    assert registry.get_model("CHURN").default.version_name == first.version_name
    assert HTML in inert(back._repr_html_())
    assert HTML in inert(registry.get_model("CHURN").version("OTHER")._repr_html_())
    inert(shop.loop().history().to_html())
    _print(shop)


def _print(shop: Shop) -> str:
    """Everything that the command line shows of a database, as a terminal gets it."""
    terminal = io.StringIO()
    made: Any = lambda **_: Console(file=terminal, force_terminal=True, width=400, color_system=None)  # noqa: E731
    shop.close()
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setattr(cli, "Console", made)
        for word in ("status", "metrics", "lineage"):
            assert cli.guarded(lambda word=word: cli.app([word, "--db", str(shop.path)])) in {0}
        cli.print_table(("text",), [(HOSTILE,), *((one,) for one in IDS)])
    text = terminal.getvalue()
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    return text


@cases.right(base="grown")
def a_terminal(shop: Shop) -> None:
    text = _print(shop)
    assert "[/red]" in text
    assert r"\x1b[2J" in text
    assert "[/bold] **C** `x`" in text


@cases.right(base="grown")
def a_pipe_has_one_line_a_row(shop: Shop) -> None:
    from contextlib import redirect_stdout

    out = io.StringIO()
    with redirect_stdout(out):
        cli.print_table(("a", "b"), [("x\ty\r\nz", IDS[-1]), (HOSTILE, None)])
    assert [line.count("\t") for line in out.getvalue().splitlines()] == [1, 1, 1]
    assert "\x1b" not in out.getvalue()


@cases.refused(BadConfig, "cannot write", r"\x1b[2J", base="young")
def a_page_into_a_folder_that_is_not_there(shop: Shop) -> None:
    cli.write_aside(shop.tmp / "none\x1b[2J" / "[/red].html", "x")


@cases.right(base="young")
def the_command_line_on_hostile_arguments(shop: Shop) -> None:
    import contextlib

    shop.close()
    odd = [
        ["run", "--source", f"{shop.tmp}/{HTML}", "--db", str(shop.path)],
        ["run", "--source", f"{shop.folder}\x1b[2J", "--db", str(shop.path)],
        ["run", "--source", str(shop.folder), "--db", f"{shop.tmp}/none/{SQL}.duckdb"],
        ["run", "--source", str(shop.folder), "--db", str(shop.path), "--policy", SQL],
        ["run", "--source", str(shop.folder), "--db", str(shop.path), "--seed", "-5"],
        ["status", "--db", f"{shop.tmp}/x\x1b]0;owned\x07.duckdb"],
        ["status", "--url", SQL],
        ["plan", "--url", "duckdb:/dev/null"],
        ["status"],
    ]
    for words in odd:
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            assert cli.guarded(lambda words=words: cli.app(words)) == 2, words
        said = err.getvalue()
        assert said.startswith("churnobs: "), said
        assert (said.count("\n"), "Traceback" in said, "\x1b" in said) == (1, False, False)


@cases.right(base="grown")
def the_json_of_a_run(shop: Shop) -> None:
    reports = [report.to_dict() for report in shop.loop().history()]
    assert json.loads(json.dumps({"months": reports}))["months"] == reports


@cases.right("FORGOTTEN", "SALES", "CUSTOMERS", "CUSTOMER_KEYS", "FEEDBACK_RAW", "FEEDBACK_SENTIMENT", "FEATURES", "LABELS",
             "PREDICTIONS", "JOURNAL", "REJECTS", "SENTIMENT_CACHE", "DATASETS", "CHURN$2024_02_01", "CHURN$2024_03_01",
             "CHURN_BASELINE", "MONITOR_DAYS", "MONITOR_HISTOGRAMS", "MONITOR_SCORES", "STREAMS", "CUSTOMER_STATE",
             "STATE_THROUGH", base="grown")  # fmt: skip
def a_customer_with_a_hostile_id_is_forgotten_alone(shop: Shop) -> None:
    everybody = {row["CUSTOMER_ID"] for row in shop.ws.table("SALES").collect()}
    one = next(c for c in _hostile_ids(shop) if SQL in c)
    done = shop.ws.forget(one)
    assert done.rows["SALES"] > 0
    assert {row["CUSTOMER_ID"] for row in shop.ws.table("SALES").collect()} == everybody - {one}


@pytest.mark.parametrize("case", cases.params(share=2))
def test_hostile_texts(case: Case, shop: Shop) -> None:
    examine(case, shop)


@pytest.mark.long
@pytest.mark.parametrize("page", ["months", "drift", "customers", "lineage", "watching"])
def test_pages_of_the_dashboard_draw_hostile_texts(page: str, grown: Template, tmp_path: Path) -> None:
    from streamlit.testing.v1 import AppTest

    def script(name: str, url: str) -> None:
        import importlib

        importlib.import_module(f"churnobs.dashboard.{name}").page(url)

    with copied(grown, tmp_path) as shop:
        app = AppTest.from_function(script, args=(page, f"duckdb:{shop.path}"), default_timeout=120).run()
        assert not app.exception
        assert all(not mark.allow_html and "<script" not in mark.value for mark in app.markdown)
        go_on(shop, frozenset())
    assert config().name == "CHURN"
