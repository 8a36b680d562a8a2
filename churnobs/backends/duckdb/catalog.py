"""The simulator's catalog: entities, feature views, dataset versions and alerts as records in tables."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from churnobs.alerts.alert import AlertRecord
from churnobs.codec import from_json, to_json
from churnobs.ports import AlertPort, FeatureStorePort
from churnobs.records import DatasetVersion, Entity, FeatureView

if TYPE_CHECKING:
    from churnobs.backends.duckdb.database import Database
    from churnobs.ports import Readable

R = TypeVar("R")


class Shelf:
    """One catalog table: records by name and version, in the order in which they came."""

    def __init__(self, database: Database, table: str, kind: type[Any]) -> None:
        self._database = database
        self._table = table
        self._kind = kind

    def all(self) -> list[Any]:
        """All records, oldest first."""
        rows = self._database.execute(f"SELECT RECORD FROM {self._table} ORDER BY POSITION")
        return [from_json(self._kind, text) for (text,) in rows]

    def put(self, name: str, version: str, record: Any) -> None:
        """Store a record, in the place of the one it replaces."""
        key = (name, version)
        with self._database.transaction():
            old = self._database.value(f"SELECT POSITION FROM {self._table} WHERE NAME = ? AND VERSION = ?", list(key))
            newest = self._database.value(f"SELECT coalesce(max(POSITION), 0) + 1 FROM {self._table}")
            self.remove(name, version)
            position = newest if old is None else old
            self._database.execute(f"INSERT INTO {self._table} VALUES (?, ?, ?, ?)", [position, *key, to_json(record)])

    def remove(self, name: str, version: str) -> None:
        """Forget a record."""
        self._database.execute(f"DELETE FROM {self._table} WHERE NAME = ? AND VERSION = ?", [name, version])


class DuckDBFeatureStore(FeatureStorePort):
    """Entities, feature views and datasets of one database; a dataset version is a table that nothing writes again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entities = Shelf(database, "ENTITIES", Entity)
        self._views = Shelf(database, "FEATURE_VIEWS", FeatureView)
        self._datasets = Shelf(database, "DATASETS", DatasetVersion)

    def entities(self) -> list[Entity]:
        """All registered entities, oldest first."""
        return self._entities.all()

    def feature_views(self) -> list[FeatureView]:
        """All registered feature views, oldest first."""
        return self._views.all()

    def put(self, item: Entity | FeatureView) -> None:
        """Store an entity or a feature view."""
        if isinstance(item, Entity):
            self._entities.put(item.name, "", item)
        else:
            self._views.put(item.name, item.version or "", item)

    def remove(self, item: Entity | FeatureView) -> None:
        """Forget an entity or a feature view."""
        if isinstance(item, Entity):
            self._entities.remove(item.name, "")
        else:
            self._views.remove(item.name, item.version or "")

    def datasets(self) -> list[DatasetVersion]:
        """All dataset versions, oldest first."""
        return self._datasets.all()

    def add_dataset(self, dataset: DatasetVersion, rows: Readable) -> DatasetVersion:
        """Materialise a dataset version, once."""
        with self._database.transaction():
            kept = dataclasses.replace(dataset, rows=self._database.write(dataset.table, rows))
            self._datasets.put(dataset.name, dataset.version, kept)
        return kept

    def put_dataset(self, dataset: DatasetVersion) -> None:
        """Store what is known of a dataset version now."""
        self._datasets.put(dataset.name, dataset.version, dataset)

    def drop_dataset(self, dataset: DatasetVersion) -> None:
        """Delete a dataset version and its rows."""
        with self._database.transaction():
            self._database.drop(dataset.table)
            self._datasets.remove(dataset.name, dataset.version)


class DuckDBAlerts(AlertPort):
    """The alerts of one database."""

    def __init__(self, database: Database) -> None:
        self._shelf = Shelf(database, "ALERTS", AlertRecord)

    def alerts(self) -> list[AlertRecord]:
        """All alerts, oldest first."""
        return self._shelf.all()

    def put(self, alert: AlertRecord) -> None:
        """Store an alert, or where it stands now."""
        self._shelf.put(alert.name, "", alert)

    def remove(self, alert: AlertRecord) -> None:
        """Forget an alert."""
        self._shelf.remove(alert.name, "")
