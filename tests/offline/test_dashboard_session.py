"""The app in Snowflake: the same pages by the active session, with the same numbers as on the simulator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loops import scripted, write_world
from streamlit.testing.v1 import AppTest

import churnobs
from churnobs import Alert
from churnobs.dashboard import reading as r
from churnobs.dashboard.opening import reading
from churnobs.testing import offline_account

PAGES = ("months", "drift", "customers", "lineage", "watching")
ALERTS = (Alert("low", "roc_auc", below=1.01),)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    files = write_world(tmp_path_factory.mktemp("files"), customers=120, months=4)
    with offline_account() as opened:
        with churnobs.connect(opened) as workspace:
            workspace.deploy(show=None)
            workspace.lifecycle(scripted(alerts=ALERTS), source=files).run()
        yield opened, files


def script(name: str) -> None:
    import importlib

    from churnobs.connect import active_session

    importlib.import_module(f"churnobs.dashboard.{name}").page(active_session())


@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_by_the_active_session(session: Any, name: str) -> None:
    app = AppTest.from_function(script, args=(name,), default_timeout=120).run()
    assert not app.exception
    assert not app.error
    assert not app.info


def test_a_change_is_seen_at_once(session: Any) -> None:
    app = AppTest.from_function(script, args=("watching",), default_timeout=120).run()
    for expected in ("suspended", "started"):
        app.button(key="alert_LOW").click().run()
        assert not app.exception
        shown = next(d.value for d in app.dataframe if "firing_since" in d.value.columns)
        assert shown.set_index("name").loc["LOW", "state"] == expected


def test_the_app_finds_the_active_session(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py"])
    path = Path(churnobs.__file__).parent / "dashboard" / "app.py"
    app = AppTest.from_file(str(path), default_timeout=120).run()
    assert not app.exception
    assert [t.value for t in app.title] == ["Months"]


def test_the_pages_read_what_they_read_on_the_simulator(session: Any, tmp_path: Path) -> None:
    opened, files = session
    url = f"duckdb:{tmp_path / 'same.duckdb'}"
    with churnobs.connect(url, threads=1) as workspace:
        workspace.lifecycle(scripted(alerts=ALERTS), source=files).run()
    for ask in (lambda w: r.risks(w, 25, ()), lambda w: r.risks(w, 10, (("GENDER", "MALE"),))):
        with reading(url) as one, reading(opened) as other:
            expected, found = ask(one), ask(other)
        assert found.customers["CUSTOMER_ID"].tolist() == expected.customers["CUSTOMER_ID"].tolist()
        assert found.customers["PROBABILITY"].tolist() == pytest.approx(expected.customers["PROBABILITY"].tolist())
        assert found.segments == expected.segments
        assert found.spread["CUSTOMERS"].tolist() == expected.spread["CUSTOMERS"].tolist()
    who = expected.customers["CUSTOMER_ID"][0]
    with reading(url) as one, reading(opened) as other:
        expected, found = r.customer(one, who), r.customer(other, who)
        assert found.purchases["ORDERS"].tolist() == expected.purchases["ORDERS"].tolist()
        assert found.purchases["AMOUNT"].tolist() == pytest.approx(expected.purchases["AMOUNT"].tolist())
        assert found.comments["COMMENT"].tolist() == expected.comments["COMMENT"].tolist()
        assert found.pushes is not None
        assert set(found.pushes["FEATURE"]) == set(expected.pushes["FEATURE"])
        day = r.loop_of(one).as_ofs()[-1]
        for column in ("AGE", "GENDER"):
            mine, theirs = r.distributions(one, column, day), r.distributions(other, column, day)
            assert theirs["SHARE"].tolist() == pytest.approx(mine["SHARE"].tolist())


@pytest.mark.long
def test_a_summary_by_cortex_quotes_the_comments(session: Any) -> None:
    opened, _ = session
    with reading(opened) as workspace:
        risk = r.risks(workspace, 100, ())
        for who in risk.customers["CUSTOMER_ID"]:
            found = r.customer(workspace, who)
            said = [" ".join(c.split()).lower() for c in found.comments["COMMENT"]]
            assert all(any(s.lower() in one for one in said) for s in found.summary)
            if len(said) > 1:
                assert found.summary
                return
    raise AssertionError("nobody said anything")
