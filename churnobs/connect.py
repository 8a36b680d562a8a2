"""From a URL to a workspace: the only module that names a backend."""

from __future__ import annotations

from pathlib import Path

from churnobs.errors import BadConfig
from churnobs.records import Refresh
from churnobs.workspace import Workspace


def connect(
    url: str | None = None,
    *,
    read_only: bool = False,
    threads: int | None = None,
    memory_limit: str | None = None,
    refresh: Refresh = "fresh",
) -> Workspace:
    """Open a workspace.

    Args:
        url: None or ``"duckdb:"`` for a simulator in memory, ``"duckdb:FILE"`` for one in a file.
        read_only: read a file, or what its writer has published while it writes.
        threads: threads of the simulator; all cores by default.
        memory_limit: memory of the simulator, for example "2GB"; it spills to disk beyond.
        refresh: "snowflake" makes model monitors as stale as Snowflake's: they answer by their last refresh, and refresh
            when ``workspace.monitor.advance(now)`` says that their interval has passed.

    Raises:
        BadConfig: the URL names no backend, ``refresh`` is no such word, or the file is no churnobs database.
        DatabaseBusy: another process writes the file.

    >>> with connect() as workspace:
    ...     workspace.sql("SELECT 1 AS ONE").collect()
    [{'ONE': 1}]
    """
    scheme, _, place = (url or "duckdb:").partition(":")
    if scheme != "duckdb":
        raise BadConfig(f"{url!r} names no backend", hint='use "duckdb:FILE", or nothing for a simulator in memory')
    from churnobs.backends.duckdb import open_backend, open_published

    path = Path(place) if place and place != ":memory:" else None
    if read_only:
        if path is None or not path.exists():
            raise BadConfig(f"there is no database {place or 'in memory'} to read", hint="check the path")
        return Workspace(open_published(path), refresh=refresh)
    return Workspace(open_backend(path, threads=threads, memory_limit=memory_limit), refresh=refresh)
