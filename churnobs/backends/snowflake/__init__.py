"""Snowflake: tables in one schema, features and labels in SQL, native models, datasets, monitors and alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churnobs.backends.snowflake.catalog import SnowflakeAlerts
from churnobs.backends.snowflake.engine import SnowflakeEngine
from churnobs.backends.snowflake.feature_store import SnowflakeFeatureStore
from churnobs.backends.snowflake.feedback import FeedbackStream
from churnobs.backends.snowflake.forgetting import SnowflakeEraser
from churnobs.backends.snowflake.job import Jobs
from churnobs.backends.snowflake.lifetime import SnowflakeLifetime
from churnobs.backends.snowflake.link import Link
from churnobs.backends.snowflake.loading import SnowflakeLoader
from churnobs.backends.snowflake.monitors import SnowflakeMonitors
from churnobs.backends.snowflake.procedure import Procedures
from churnobs.backends.snowflake.registry import SnowflakeRegistry
from churnobs.backends.snowflake.sessions import active_session, open_session
from churnobs.backends.snowflake.tasks import Tasks
from churnobs.places import InJob, InProcedure
from churnobs.ports import Backend

if TYPE_CHECKING:
    from snowflake.snowpark import Session

__all__ = ["active_session", "open_backend", "open_connection"]


def open_connection(name: str | None, parameters: dict[str, Any]) -> Backend:
    """A new session: by a name in connections.toml, or by parameters; nothing is made or changed."""
    session, named = open_session(name, parameters)
    return _backend(Link(session, owned=True, named=named))


def open_backend(session: Session) -> Backend:
    """Somebody's session, which stays open; nothing is made or changed."""
    return _backend(Link(session, owned=False))


def _backend(link: Link) -> Backend:
    engine = SnowflakeEngine(link)
    feedback = FeedbackStream(engine)
    return Backend(
        engine=engine,
        loader=SnowflakeLoader(engine),
        sentiment=feedback,
        feature_store=SnowflakeFeatureStore(engine),
        registry=SnowflakeRegistry(engine),
        monitors=SnowflakeMonitors(engine),
        alerts=SnowflakeAlerts(engine),
        lifetime=SnowflakeLifetime(engine),
        eraser=SnowflakeEraser(engine),
        workshops={InProcedure: Procedures(engine), InJob: Jobs(engine)},
        tasks=Tasks(engine),
        summarize=feedback.summarize,
    )
