"""Opening a Snowpark session; how one proves who one is (key pair, browser, token) is the connector's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from churnobs.backends.snowflake.ddl import bare
from churnobs.errors import BadConfig

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def open_session(name: str | None, parameters: dict[str, Any]) -> tuple[Session, dict[str, str]]:
    """A session by a name in connections.toml (with parameters that replace its own), or by parameters alone.

    Returns:
        The session, and the database, schema and warehouse that were named: what is not there is not in use.

    Raises:
        BadConfig: the clients are not installed, there is no such connection, or Snowflake refused it.
    """
    try:
        from snowflake.snowpark import Session
    except ModuleNotFoundError as error:
        raise BadConfig("snowflake-snowpark-python is not installed", hint="pip install churnobs[snowflake]") from error
    options: dict[str, Any] = {"paramstyle": "qmark", **parameters}
    if name:
        options["connection_name"] = name
    elif not parameters:
        raise BadConfig(
            "the URL names no connection",
            hint='use "snowflake:NAME" with a name of connections.toml, or connect("snowflake:", account=..., user=...)',
        )
    try:
        session: Session = Session.builder.configs(options).create()
    except Exception as error:
        text = str(getattr(error, "raw_msg", None) or getattr(error, "message", None) or error).strip()
        raise BadConfig(
            f"cannot connect to Snowflake{f' as {name}' if name else ''}: {text}",
            hint="check account, user and authenticator in connections.toml; `snow connection test` shows more",
        ) from error
    return session, _named({**_stored(name), **parameters})


def _stored(name: str | None) -> Mapping[str, Any]:
    """A connection of connections.toml."""
    from snowflake.connector.config_manager import CONFIG_MANAGER

    known: Any = CONFIG_MANAGER["connections"] if name else {}
    found: Mapping[str, Any] = known.get(name, {})
    return found


def _named(options: Mapping[str, Any]) -> dict[str, str]:
    """The names that a connection gives, as Snowflake folds them.

    >>> _named({"database": "retail", "schema": '"my schema"', "user": "me"})
    {'database': 'RETAIL', 'schema': 'my schema'}
    """
    given = {kind: str(options[kind]) for kind in ("database", "schema", "warehouse") if options.get(kind)}
    return {kind: bare(name) if name.startswith('"') else name.upper() for kind, name in given.items()}


def active_session() -> Session:
    """The session that runs this code in Snowflake.

    Raises:
        BadConfig: there is none.
    """
    try:
        from snowflake.snowpark.context import get_active_session
        from snowflake.snowpark.exceptions import SnowparkSessionException
    except ImportError as error:
        raise BadConfig("no database is named", hint="churnobs dashboard --db FILE, or --url") from error
    try:
        return get_active_session()
    except SnowparkSessionException as error:
        raise BadConfig(
            "no database is named, and no session is active", hint="churnobs dashboard --db FILE"
        ) from error
