"""Starts the app in a server of its own on this machine."""

from __future__ import annotations

from pathlib import Path

from churnobs.connect import stamp_of
from churnobs.errors import NotSupported


def launch(url: str, *, port: int, headless: bool) -> None:
    """Serve the app until it is interrupted; nobody but this machine can reach it.

    Raises:
        BadConfig: there is no such database.
        NotSupported: the extra ``dashboard`` is not installed.
    """
    try:
        from streamlit.web import bootstrap
    except ImportError as error:
        raise NotSupported("the dashboard needs streamlit", hint='pip install "churnobs[dashboard]"') from error
    # what is wrong with the URL is said here and not in the browser
    stamp_of(url)
    _warm()
    script = str(Path(__file__).with_name("app.py"))
    options = {
        "server.port": port,
        "server.address": "localhost",
        "server.headless": headless,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
    }
    bootstrap.load_config_options(flag_options={name.replace(".", "_"): value for name, value in options.items()})
    bootstrap.run(script, False, ["--url", url], {})  # noqa: FBT003  # is_hello


def _warm() -> None:
    """Load what the pages need before the first one is asked for."""
    import skops.io
    import xgboost  # noqa: F401

    from churnobs.dashboard import customers, drift, lineage, months, watching  # noqa: F401
    from churnobs.dashboard.summary import extractive
    from churnobs.lifecycle import run, shapley  # noqa: F401

    # one use brings what is loaded on first use
    extractive(["One. Two.", "Two. Three."], 1)
    del skops
