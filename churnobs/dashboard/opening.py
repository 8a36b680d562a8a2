"""Holds a database no longer than a reading takes, so that a run is never kept waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from churnobs.connect import connect, stamp_of

if TYPE_CHECKING:
    from churnobs.workspace import Workspace

# the pages of one server share its process, and a process opens a file one way at a time
_ONE_AT_A_TIME: Final = threading.RLock()
# sessions that stay open, by URL: to open one costs more than to keep it
_KEPT: Final[dict[Any, Workspace]] = {}


@contextmanager
def reading(url: Any) -> Iterator[Workspace]:
    """A workspace to read from; a file is let go at the end, a session is kept.

    Args:
        url: as for ``connect``, or a Snowpark session.

    Raises:
        BadConfig, DatabaseBusy: it cannot be opened.
    """
    with _ONE_AT_A_TIME:
        if stamp_of(url) is None:
            yield _kept(url)
            return
        with connect(url, read_only=True) as workspace:
            yield workspace


@contextmanager
def writing(url: Any) -> Iterator[Workspace]:
    """A workspace to change something in, briefly.

    Raises:
        DatabaseBusy: a run is writing.
    """
    with _ONE_AT_A_TIME:
        if stamp_of(url) is None:
            yield _kept(url)
            return
        with connect(url) as workspace:
            yield workspace


def forget(url: Any) -> None:
    """Let a kept session go, after it was lost."""
    with _ONE_AT_A_TIME:
        _KEPT.pop(url, None)


def _kept(url: Any) -> Workspace:
    if url not in _KEPT:
        _KEPT[url] = connect(url)
    return _KEPT[url]
