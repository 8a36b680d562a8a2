"""The catalog in Snowflake: records of entities, feature views, datasets, versions, monitors and alerts.

The records say what churnobs knows; Snowflake's own objects (feature views, datasets, models, monitors, alerts) are made
from them, so that people find them where they look for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from churnobs.alerts.alert import AlertRecord
from churnobs.backends.snowflake.native_alerts import NativeAlerts
from churnobs.codec import from_json, to_json
from churnobs.errors import ChurnobsError
from churnobs.ports import AlertPort

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine


class Shelf:
    """Records of one kind by name and version, in the order in which they came."""

    def __init__(self, engine: SnowflakeEngine, name: str, kind: type[Any]) -> None:
        self._engine = engine
        self._name = name
        self._kind = kind

    def all(self) -> list[Any]:
        """All records, oldest first."""
        return [from_json(self._kind, row["RECORD"]) for row in self._rows().values()]

    def ever(self) -> set[tuple[str, str]]:
        """The names and versions of all records that were ever stored."""
        rows = self._engine.read("RECORDS").to_pylist()
        return {(row["NAME"], row["VERSION"]) for row in rows if row["SHELF"] == self._name}

    def get(self, name: str, version: str) -> Any:
        """One record; None if there is none."""
        row = self._rows().get((name, version))
        return None if row is None else from_json(self._kind, row["RECORD"])

    def put(self, name: str, version: str, record: Any) -> None:
        """Store a record, in the place of the one it replaces."""
        self._append(name, version, to_json(record))

    def remove(self, name: str, version: str) -> None:
        """Forget a record."""
        if (name, version) in self._rows():
            self._append(name, version, None)

    def _append(self, name: str, version: str, text: str | None) -> None:
        positions = self._engine.read("RECORDS")["POSITION"].to_pylist()
        row = {"POSITION": max(positions, default=0) + 1, "SHELF": self._name, "NAME": name, "VERSION": version}
        self._engine.append("RECORDS", [{**row, "RECORD": text}])

    def _rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        rows = self._engine.read("RECORDS").to_pylist()
        for row in sorted(rows, key=lambda r: r["POSITION"]):
            key = (row["NAME"], row["VERSION"])
            if row["SHELF"] != self._name:
                continue
            if row["RECORD"] is None:
                found.pop(key, None)
            else:
                # one that is replaced keeps its place
                found[key] = row
        return found


class SnowflakeAlerts(AlertPort):
    """The alerts of one schema, each with a native one beside it.

    The native one is for people: where Snowflake refuses it, a warning says so, and the loop goes on.
    """

    sends_messages = True

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        self._shelf = Shelf(engine, "ALERTS", AlertRecord)
        self._native = NativeAlerts(engine)

    def alerts(self) -> list[AlertRecord]:
        """All alerts, oldest first."""
        return self._shelf.all()

    def put(self, alert: AlertRecord) -> None:
        """Store an alert, or where it stands now; the native one follows once that is kept, if it is to change."""
        former: AlertRecord | None = self._shelf.get(alert.name, "")
        with self._engine.transaction():
            self._shelf.put(alert.name, "", alert)
            self._engine.after_commit(lambda: self._beside(alert, lambda: self._native.follow(alert, former)))

    def remove(self, alert: AlertRecord) -> None:
        """Forget an alert."""
        with self._engine.transaction():
            self._shelf.remove(alert.name, "")
            self._engine.after_commit(lambda: self._beside(alert, lambda: self._native.drop(alert.name)))

    @staticmethod
    def _beside(alert: AlertRecord, action: Callable[[], None]) -> None:
        try:
            action()
        except ChurnobsError as error:
            warnings.warn(
                f"alert {alert.name} is kept and looked at, but Snowflake's own alert beside it is not as it says: {error}",
                stacklevel=2,
            )
