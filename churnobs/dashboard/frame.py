"""What every page needs: cached readings, one sentence for what went wrong, texts of the data that stay texts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from churnobs.connect import stamp_of
from churnobs.dashboard.opening import forget, reading
from churnobs.errors import BackendFailed, ChurnobsError, DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churnobs.workspace import Workspace

# what cannot say when it changed is read again after so many seconds
_FRESH: Final = 60
_MARKDOWN: Final = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:"})


def read(url: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """What a reading says, from the cache while the database is the same."""
    key = url if isinstance(url, str) else f"session {id(url)}"
    stamp = stamp_of(url) or str(int(time.time()) // _FRESH)
    return _read(key, stamp, ask.__name__, arguments, url, ask)


@st.cache_data(show_spinner=False, max_entries=64)
def _read(key: str, stamp: str, name: str, arguments: Any, _url: Any, _ask: Any) -> Any:  # noqa: ARG001  # the cache's keys
    with reading(_url) as workspace:
        return _ask(workspace, *arguments)


@contextmanager
def told(url: Any) -> Iterator[None]:
    """Say what went wrong in a sentence, with what to do; the rest of the page is left out."""
    try:
        yield
    except DatabaseBusy as error:
        st.warning(
            f"{plain(error.message)}. Nothing is published yet: try again in a moment.", icon=":material/hourglass_top:"
        )
    except BackendFailed as error:
        forget(url)
        st.error(
            f"{plain(error.message)}. The connection may be lost: reload the page. ({plain(error.hint)})",
            icon=":material/power_off:",
        )
    except ChurnobsError as error:
        st.info(f"{plain(error.message)}: {plain(error.hint)}.", icon=":material/info:")


def partial_note(partial: bool) -> None:  # noqa: FBT001
    """Say that only published rows are shown."""
    if partial:
        st.caption(
            ":material/hourglass_top: A run is writing this database: this is what it published after the last finished month."
        )


def plain(text: object) -> str:
    """A text of the data for a place that reads Markdown: nothing in it is a mark."""
    return str(text).translate(_MARKDOWN)


def change(url: Any, act: Callable[[Workspace], Any]) -> bool:
    """Change something, and say so where a run is in the way."""
    from churnobs.dashboard.opening import writing

    try:
        with writing(url) as workspace:
            act(workspace)
    except ChurnobsError as error:
        st.error(f"{plain(error.message)}: {plain(error.hint)}.", icon=":material/warning:")
        return False
    # a session does not tell that it has changed
    _read.clear()
    return True
