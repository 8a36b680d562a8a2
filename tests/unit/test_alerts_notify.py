"""Messages reach a service of this machine, one a destination, and no secret of a URL is seen anywhere."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import apprise
import pytest
from test_alerts import auc

import churnobs
from churnobs import Alert, AlertEvent, BackendFailed, BadConfig, NotSupported
from churnobs.alerts import Notify

EVENT = AlertEvent("LOW", "2024-05", "F1_SCORE", 0.65, 0.7, words="F1 is <b>low</b>", comment="call Ann & Bob")
SECRET = "s3cr3tT0ken"

# apprise's own, when it loads its plugins
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@dataclass
class Service:
    """A webhook on loopback: what it got, and what it answers."""

    port: int = 0
    answer: int = 200
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.port}/{SECRET}/hook"


@pytest.fixture
def service() -> Iterator[Service]:
    known = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.got.append((self.path, json.loads(body)))
            self.send_response(known.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    known.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_message_arrives(service: Service) -> None:
    Notify(service.url)(EVENT)
    ((path, message),) = service.got
    assert path.endswith("/hook")
    assert message["title"] == "LOW in 2024-05: F1 is <b>low</b>"
    assert message["message"] == "Value: F1_SCORE = 0.65\nThreshold: 0.7\nComment: call Ann & Bob"
    assert message["type"] == "warning"


def test_a_registered_scheme_of_your_own() -> None:
    got: list[tuple[str, str]] = []

    @apprise.decorators.notify(on="churntest")
    def take(body: str, title: str, *args: Any, **kwargs: Any) -> bool:
        got.append((title, body))
        return True

    Notify("churntest://anywhere")(EVENT)
    assert [title for title, _ in got] == [EVENT.title]


def test_no_secret_is_seen(service: Service, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    service.answer = 500
    closed = f"json://user:{SECRET}@127.0.0.1:1/{SECRET}"
    notify = Notify(service.url, closed)
    alert = Alert("low", "ROC_AUC", below=0.7, action=notify)
    with pytest.raises(BackendFailed) as failed:
        notify(EVENT)
    assert str(failed.value).startswith("json, json did not take the message; see that the URL is right")
    place = tmp_path / "w.duckdb"
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.alerts.create_alert(alert)
        (row,) = workspace.alerts.execute_alert("low", auc(0.5))
        assert (row["STATE"], row["ACTION"]) == ("ACTION_FAILED", "notify json, notify json")
        shown = [workspace.alerts.show_alerts().to_json(), workspace.alerts.alert_history().to_json()]
        shown += [repr(alert), alert._repr_html_(), repr(notify), notify._repr_html_(), repr(row)]
        shown += [repr(alert.action), repr(workspace.alerts.get_alert("low")), str(failed.value), caplog.text]
    assert len(service.got) == 2
    assert [text for text in shown if SECRET in text] == []
    assert SECRET.encode() not in place.read_bytes()
    assert repr(notify) == "Notify(services=('json', 'json'))"
    # the loggers are as before
    logging.getLogger("apprise").warning("heard")
    assert "heard" in caplog.text


def test_a_destination_that_got_it_does_not_get_it_twice(service: Service) -> None:
    with churnobs.connect(threads=1) as workspace:
        alert = Alert("low", "ROC_AUC", below=0.7, action=Notify(service.url, "json://127.0.0.1:1/"))
        workspace.alerts.create_alert(alert)
        taken = [
            workspace.alerts.execute_alert("low", auc(value, f"2024-0{month}"))[0]["ACTION_TAKEN"]
            for month, value in enumerate((0.5, 0.8, 0.8, 0.8, 0.8), 1)
        ]
        assert taken == ["RETRY", "RETRY", "RETRY", "GIVEN_UP", None]
    assert len(service.got) == 1


def test_a_url_that_names_nothing_is_told_by_its_position(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BadConfig) as failed:
        Notify("json://127.0.0.1/", f"nosuchservice://{SECRET}")
    assert str(failed.value).startswith(
        "URL 2 of 2 names no service that apprise knows, or lacks a part; https://github"
    )
    assert SECRET not in str(failed.value) + caplog.text
    with pytest.raises(BadConfig, match="a message needs a destination"):
        Notify()


def test_without_apprise_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotSupported, match=r'messages need apprise; pip install "churnobs\[notify\]"'):
        Notify("json://127.0.0.1/")
