"""The simulator: one DuckDB file holds data, catalog, artefacts and journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from churnobs.backends.duckdb.catalog import DuckDBAlerts, DuckDBFeatureStore
from churnobs.backends.duckdb.database import Database
from churnobs.backends.duckdb.feedback import FeedbackStream
from churnobs.backends.duckdb.forgetting import DuckDBEraser
from churnobs.backends.duckdb.loading import DuckDBLoader
from churnobs.backends.duckdb.monitors import DuckDBMonitors
from churnobs.backends.duckdb.publish import DuckDBLifetime, published_path
from churnobs.backends.duckdb.registry import DuckDBRegistry
from churnobs.errors import BadConfig, DatabaseBusy
from churnobs.ports import Backend

__all__ = ["open_backend", "open_published"]


def open_backend(path: Path | None, *, threads: int | None = None, memory_limit: str | None = None) -> Backend:
    """Open a database for writing, or make it."""
    return _backend(
        Database(path, threads=threads, memory_limit=memory_limit),
        beside=lambda: open_backend(None, threads=threads, memory_limit=memory_limit),
    )


def open_published(path: Path) -> Backend:
    """Open a database for reading; while another process writes it, what that process has published."""
    try:
        return _backend(Database(path, read_only=True))
    except DatabaseBusy:
        if not published_path(path).exists():
            raise
        try:
            published = Database(published_path(path), read_only=True)
        except BadConfig as error:
            raise BadConfig(error.message, hint="wait for the writer to end; its next run() publishes anew") from error
        return _backend(published, partial=True)


def _backend(database: Database, *, partial: bool = False, beside: Callable[[], Backend] | None = None) -> Backend:
    return Backend(
        engine=database,
        loader=DuckDBLoader(database.connection, database.transaction),
        sentiment=FeedbackStream(database),
        feature_store=DuckDBFeatureStore(database),
        registry=DuckDBRegistry(database),
        monitors=DuckDBMonitors(database),
        alerts=DuckDBAlerts(database),
        lifetime=DuckDBLifetime(database),
        eraser=DuckDBEraser(database),
        partial=partial,
        beside=beside,
    )
