"""From a URL to a workspace: the only module that names a backend."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnobs.errors import BadConfig, NotSupported
from churnobs.monitor import refresh_or
from churnobs.records import Refresh
from churnobs.workspace import Workspace

if TYPE_CHECKING:
    from snowflake.snowpark import Session

    from churnobs.ports import Backend


def connect(
    url: str | Session | None = None,
    *,
    read_only: bool = False,
    threads: int | None = None,
    memory_limit: str | None = None,
    refresh: Refresh = "fresh",
    **parameters: Any,
) -> Workspace:
    """Open a workspace. Nothing is made or changed in Snowflake; ``workspace.deploy()`` does that.

    Args:
        url: None or ``"duckdb:"`` for a simulator in memory, ``"duckdb:FILE"`` for one in a file; ``"snowflake:NAME"`` for a
            connection of connections.toml, ``"snowflake:"`` with parameters, or a Snowpark session, which stays open.
        read_only: read a file, or what its writer has published while it writes.
        threads: threads of the simulator; all cores by default, and one where the memory is limited to less than 1 GB.
        memory_limit: memory of the database, for example "2GB"; it spills to disk beyond. Python's own comes on top. Of
            less than 1 GB a part is left to what the database needs beside its buffers, and one thread works.
        refresh: "snowflake" makes model monitors as stale as Snowflake's: they answer by their last refresh, and refresh
            when ``workspace.monitor.advance(now)`` says that their interval has passed.
        parameters: of snowflake.connector.connect, for ``"snowflake:"``: account, user, database, schema, warehouse, ...

    Raises:
        BadConfig: the URL names no backend, ``refresh`` is no such word, or the file is no churnobs database.
        DatabaseBusy: another process writes the file.

    >>> with connect() as workspace:
    ...     workspace.sql("SELECT 1 AS ONE").collect()
    [{'ONE': 1}]
    """
    # before anything is opened
    refresh_or(None, refresh)
    if url is not None and not isinstance(url, str):
        _refuse({"read_only": read_only, "threads": threads, "memory_limit": memory_limit, **parameters})
        from churnobs.backends import snowflake

        return Workspace(_with_simulator(snowflake.open_backend(url)), refresh=refresh)
    scheme, _, place = (url or "duckdb:").partition(":")
    if scheme == "snowflake":
        _refuse({"read_only": read_only, "threads": threads, "memory_limit": memory_limit})
        from churnobs.backends import snowflake

        return Workspace(_with_simulator(snowflake.open_connection(place or None, parameters)), refresh=refresh)
    if scheme != "duckdb":
        raise BadConfig(
            f"{url!r} names no backend",
            hint='use "duckdb:FILE", "snowflake:CONNECTION", or nothing for a simulator in memory',
        )
    _refuse(parameters)
    from churnobs.backends.duckdb import open_backend, open_published

    path = Path(place) if place and place != ":memory:" else None
    if read_only:
        if path is None or not path.exists():
            raise BadConfig(f"there is no database {place or 'in memory'} to read", hint="check the path")
        return Workspace(open_published(path), refresh=refresh)
    return Workspace(open_backend(path, threads=threads, memory_limit=memory_limit), refresh=refresh)


def _with_simulator(backend: Backend) -> Backend:
    """A schema is seen by others: what is made beside it is made in a simulator in memory."""

    def beside() -> Backend:
        if find_spec("duckdb") is None:
            raise NotSupported("duckdb is not installed here", hint="do it where it is: pip install churnobs")
        from churnobs.backends.duckdb import open_backend

        return open_backend(None)

    return replace(backend, beside=beside)


def active_session() -> Session:
    """The Snowpark session that runs this code in Snowflake.

    Raises:
        BadConfig: there is none.
    """
    from churnobs.backends import snowflake

    return snowflake.active_session()


def stamp_of(url: str | Session | None) -> str | None:
    """What changes whenever the database of a URL does; None where only the database itself could tell.

    Raises:
        BadConfig: there is no such file.
    """
    scheme, _, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if scheme != "duckdb":
        return None
    path = Path(place)
    if not place or not path.exists():
        raise BadConfig(f"there is no database {place or 'in memory'} to read", hint="check the path")
    # while a run writes, the file changes at every checkpoint, and what readers see with the published copy
    beside = [path, path.with_name(path.name + ".wal"), path.with_name(path.name + ".published")]
    return "/".join(f"{s.st_mtime_ns}-{s.st_size}" for s in (p.stat() for p in beside if p.exists()))


def _refuse(given: dict[str, Any]) -> None:
    """Refuse arguments that mean nothing for this backend."""
    extra = [name for name, value in given.items() if value not in {None, False}]
    if extra:
        raise BadConfig(f"{', '.join(extra)} mean nothing here", hint="leave them out for this URL")
