"""Entities, feature views and datasets as Snowflake's own objects, for people to find them and for lineage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native import Native, clients
from churnobs.errors import BadConfig, NotFound

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import DatasetVersion, Entity, FeatureView

_VERSION: Final = re.compile(r"[^'/\\]{1,128}")


class NativeFeatures:
    """The native objects of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    @property
    def _native(self) -> Native:
        return Native.of(self._engine)

    def entities(self) -> dict[str, str]:
        """The comments of registered entities, by name."""
        with clients():
            return {row["NAME"]: row["DESC"] or "" for row in self._native.feature_store.list_entities().collect()}

    def feature_views(self) -> set[tuple[str, str]]:
        """Registered feature views: name and version."""
        with clients():
            rows = self._native.feature_store.list_feature_views().collect()
        return {(row["NAME"], row["VERSION"]) for row in rows}

    def register_entity(self, entity: Entity) -> None:
        """Register an entity; one that is there gets the new words."""
        from snowflake.ml import feature_store as ml

        with clients():
            store = self._native.feature_store
            # what is there already stays as it is
            store.register_entity(ml.Entity(entity.name, list(entity.join_keys), desc=entity.desc))

    def register_view(self, view: FeatureView) -> None:
        """Register a feature view as a view over its query, in the place of one of the same name and version."""
        from snowflake.ml import feature_store as ml

        with clients():
            entities = [ml.Entity(e.name, list(e.join_keys), desc=e.desc) for e in view.entities]
            draft = ml.FeatureView(
                view.name,
                entities,
                self._engine.link.session.sql(view.query),
                timestamp_col=view.timestamp_col,
                desc=view.desc,
            )
            self._native.feature_store.register_feature_view(draft, view.version, overwrite=True)

    def delete_entity(self, name: str) -> None:
        """Delete an entity if it is there."""
        if name in self.entities():
            with clients():
                self._native.feature_store.delete_entity(name)

    def delete_view(self, name: str, version: str) -> None:
        """Delete a feature view if it is there."""
        if (name, version) in self.feature_views():
            with clients():
                self._native.feature_store.delete_feature_view(name, version)

    def dataset_versions(self, name: str) -> set[str]:
        """The versions of a dataset; none where there is no such dataset."""
        try:
            rows = self._engine.link.shown(f"SHOW VERSIONS IN DATASET {self._native.qualified(name)}")
        except NotFound:
            return set()
        return {str(row["version"]) for row in rows}

    def make_dataset(self, dataset: DatasetVersion) -> None:
        """Make a dataset version of the rows of its table; one of the same name that nobody recorded is replaced."""
        from snowflake.ml.dataset import Dataset

        session, name = self._engine.link.session, self._native.qualified(dataset.name)
        with clients():
            made = Dataset.create(session, name, exist_ok=True)
        try:
            self._make_version(made, dataset)
        except Exception:
            # a run that died before it recorded what it had made
            if dataset.version not in self.dataset_versions(dataset.name):
                raise
            self.drop_dataset(dataset.name, dataset.version)
            self._make_version(made, dataset)

    def drop_dataset(self, name: str, version: str) -> None:
        """Drop a dataset version if it is there."""
        if version in self.dataset_versions(name):
            self._engine.ddl(f"ALTER DATASET {self._native.qualified(name)} DROP VERSION {literal(version)}")

    def _make_version(self, made: Any, dataset: DatasetVersion) -> None:
        with clients():
            made.create_version(
                dataset.version,
                self._engine.link.session.table(self._native.qualified(dataset.table)),
                exclude_cols=list(map(quoted, dataset.exclude_cols)) or None,
                label_cols=list(map(quoted, dataset.label_cols)) or None,
                comment=dataset.desc or None,
            )


def refuse_version(name: str, version: str) -> None:
    """Refuse a name that Snowflake's datasets cannot have.

    Raises:
        BadConfig: it cannot.

    >>> refuse_version("CHURN", "2024_05_01")
    """
    if not _VERSION.fullmatch(version):
        raise BadConfig(
            f"{version!r} is no version of dataset {name}", hint="at most 128 characters, no quotes and slashes"
        )
