"""The Streamlit script: ``churnobs dashboard`` runs it, and so does Streamlit in Snowflake, by its active session."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image


def url_or_session() -> Any:
    """The URL of the command line; in Snowflake the session that runs the app.

    Raises:
        BadConfig: there is neither.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    given = parser.parse_known_args(sys.argv[1:])[0].url
    if given:
        return given
    from churnobs.connect import active_session

    return active_session()


def _icon() -> Image.Image:
    """A falling line, as pixels: an icon by name would be fetched from elsewhere."""
    icon = np.full((32, 32, 3), 255, dtype=np.uint8)
    for x in range(4, 28):
        y = x if x < 14 or x > 20 else 28 - x  # down, up a little, down
        icon[max(y - 2, 0) : y + 2, x] = (0, 114, 178)
    return Image.fromarray(icon)


def main(url: Any = None) -> None:
    """Draw the app; ``url`` as for ``churnobs.connect``, or a Snowpark session."""
    st.set_page_config(page_title="churnobs", page_icon=_icon(), layout="wide")
    from churnobs.dashboard import customers, drift, lineage, months, watching
    from churnobs.errors import ChurnobsError

    try:
        place = url or url_or_session()
    except ChurnobsError as error:
        st.error(f"{error.message}: {error.hint}")
        return
    pages = (
        (months.page, "Months", "months", ":material/calendar_month:"),
        (drift.page, "Drift", "drift", ":material/insights:"),
        (customers.page, "Customers at risk", "customers", ":material/group:"),
        (lineage.page, "Lineage", "lineage", ":material/account_tree:"),
        (watching.page, "Alerts and monitors", "alerts", ":material/notifications:"),
    )
    st.navigation(
        [
            st.Page(_named(page, place, path), title=title, url_path=path, icon=icon, default=path == "months")
            for page, title, path, icon in pages
        ]
    ).run()


def _named(page: Any, place: Any, path: str) -> Any:
    drawn = partial(page, place)
    drawn.__name__ = path  # type: ignore[attr-defined]
    return drawn


if __name__ == "__main__":
    main()
