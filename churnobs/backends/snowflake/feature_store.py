"""The feature store in Snowflake: records, tables of datasets, and native objects that follow them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import quoted
from churnobs.backends.snowflake.native_features import NativeFeatures, refuse_version
from churnobs.ports import FeatureStorePort
from churnobs.records import DatasetVersion, Entity, FeatureView

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.ports import Readable


class SnowflakeFeatureStore(FeatureStorePort):
    """Entities, feature views and datasets of one schema; a dataset version is a table that nothing writes again.

    Beside the table stands a native dataset version with the same rows, for people, loaders and lineage.
    """

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        self._entities = Shelf(engine, "ENTITIES", Entity)
        self._views = Shelf(engine, "FEATURE_VIEWS", FeatureView)
        self._datasets = Shelf(engine, "DATASETS", DatasetVersion)
        self._native = NativeFeatures(engine)

    def entities(self) -> list[Entity]:
        """All registered entities, oldest first."""
        return self._entities.all()

    def feature_views(self) -> list[FeatureView]:
        """All registered feature views, oldest first."""
        return self._views.all()

    def put(self, item: Entity | FeatureView) -> None:
        """Store an entity or a feature view, natively first: what Snowflake refuses is not recorded."""
        with self._engine.transaction():
            if isinstance(item, Entity):
                self._engine.outside(lambda: self._native.register_entity(item))
                self._entities.put(item.name, "", item)
            else:
                self._engine.outside(lambda: self._native.register_view(item))
                self._views.put(item.name, item.version or "", item)

    def remove(self, item: Entity | FeatureView) -> None:
        """Forget an entity or a feature view; its native object goes once that is kept."""
        with self._engine.transaction():
            if isinstance(item, Entity):
                self._entities.remove(item.name, "")
                self._engine.after_commit(lambda: self._native.delete_entity(item.name))
            else:
                self._views.remove(item.name, item.version or "")
                self._engine.after_commit(lambda: self._native.delete_view(item.name, item.version or ""))

    def datasets(self) -> list[DatasetVersion]:
        """All dataset versions, oldest first."""
        return self._datasets.all()

    def add_dataset(self, dataset: DatasetVersion, rows: Readable) -> DatasetVersion:
        """Materialise a dataset version, once: its table, its native version, then the record.

        Until the record is kept there is no such version, and what was made of it is replaced when it is made again.
        """
        refuse_version(dataset.name, dataset.version)
        table = quoted(dataset.table)
        sql = self._engine.text(rows)
        self._engine.flush_for(sql)
        self._engine.ddl(f"CREATE OR REPLACE TABLE {table} AS {sql}", dataset.table)
        kept = dataset
        if not dataset.as_ofs:
            # a join without moments may have any number of rows
            kept = dataclasses.replace(dataset, rows=int(self._engine.link.value(f"SELECT COUNT(*) FROM {table}")))
        self._native.make_dataset(kept)
        with self._engine.transaction():
            self._datasets.put(dataset.name, dataset.version, kept)
        return kept

    def put_dataset(self, dataset: DatasetVersion) -> None:
        """Store what is known of a dataset version now; its native version is made anew of the rows that are left."""

        def now() -> None:
            # files of a version are never changed
            self._native.drop_dataset(dataset.name, dataset.version)
            self._native.make_dataset(dataset)

        with self._engine.transaction():
            self._datasets.put(dataset.name, dataset.version, dataset)
            self._engine.after_commit(now)

    def drop_dataset(self, dataset: DatasetVersion) -> None:
        """Forget a dataset version; its table and its native version go once that is kept."""

        def now() -> None:
            # the native version last: while it is there, somebody who takes over knows what is left to drop
            self._engine.ddl(f"DROP TABLE IF EXISTS {quoted(dataset.table)}", dataset.table)
            self._native.drop_dataset(dataset.name, dataset.version)

        with self._engine.transaction():
            self._datasets.remove(dataset.name, dataset.version)
            self._engine.after_commit(now)
