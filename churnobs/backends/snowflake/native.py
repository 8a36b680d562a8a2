"""Snowflake's ML clients: opened once a session, silent, and with their errors as churnobs' own."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from churnobs.backends.snowflake.ddl import quoted
from churnobs.backends.snowflake.deploy import need_warehouse, where
from churnobs.backends.snowflake.link import translate
from churnobs.errors import BackendFailed, BadConfig, ChurnobsError, NotFound

if TYPE_CHECKING:
    from snowflake.ml.feature_store import FeatureStore
    from snowflake.ml.registry import Registry

    from churnobs.backends.snowflake.engine import SnowflakeEngine


class Native:
    """The native doors of one session's schema."""

    _of_engines: ClassVar[WeakKeyDictionary[SnowflakeEngine, Native]] = WeakKeyDictionary()

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._link = engine.link
        self._session = engine.link.session
        self.database, self.schema = where(engine.link)
        self._registry: Registry | None = None
        self._feature_store: FeatureStore | None = None

    @classmethod
    def of(cls, engine: SnowflakeEngine) -> Native:
        """The doors of an engine's session, the same for all who ask."""
        if engine not in cls._of_engines:
            cls._of_engines[engine] = cls(engine)
        return cls._of_engines[engine]

    def qualified(self, name: str) -> str:
        """The full name of an object in the schema."""
        return ".".join(map(quoted, (self.database, self.schema, name)))

    @property
    def warehouse(self) -> str:
        """The session's warehouse, as an identifier.

        Raises:
            BadConfig: there is none.
        """
        return need_warehouse(self._link)

    @property
    def registry(self) -> Registry:
        """The model registry."""
        if self._registry is None:
            from snowflake.ml.registry import Registry

            names = {"database_name": quoted(self.database), "schema_name": quoted(self.schema)}
            with clients():
                self._registry = Registry(self._session, **names)
        return self._registry

    @property
    def feature_store(self) -> FeatureStore:
        """The feature store; its tags are made when they are not there."""
        if self._feature_store is None:
            from snowflake.ml.feature_store import CreationMode, FeatureStore

            with clients():
                self._feature_store = FeatureStore(
                    self._session,
                    quoted(self.database),
                    quoted(self.schema),
                    self.warehouse,
                    creation_mode=CreationMode.CREATE_IF_NOT_EXIST,
                )
        return self._feature_store


@contextmanager
def clients() -> Iterator[None]:
    """While a client works: its warnings and progress are not shown, and what it raises becomes a ChurnobsError."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        except ChurnobsError:
            raise
        except ValueError as error:
            raise BadConfig(str(error), hint="Snowflake's client refused it") from error
        except Exception as error:
            raise translate(error) from error


def closed(engine: SnowflakeEngine, what: str) -> None:
    """Refuse to make an object while rows that belong together are not kept: it would commit them.

    Raises:
        BackendFailed: a transaction has changed rows.
    """
    if engine.begun:
        raise BackendFailed(
            f"{what} would commit rows that are not complete", hint="this is a defect of churnobs: report it"
        )


def version_rows(engine: SnowflakeEngine, model: str) -> dict[str, dict[str, Any]]:
    """Native versions of a model by name, oldest first; none where there is no such model."""
    try:
        rows = engine.link.shown(f"SHOW VERSIONS IN MODEL {Native.of(engine).qualified(model)}")
    except NotFound:
        return {}
    return {str(row["name"]): row for row in rows}
