"""Snowflake's own model monitors, for people, dashboards and alerts there; nothing here waits for what they count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native import Native, clients
from churnobs.errors import ChurnobsError

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import MonitorRecord


class NativeMonitors:
    """The native monitors of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    @property
    def _native(self) -> Native:
        return Native.of(self._engine)

    def shown(self) -> dict[str, dict[str, Any]]:
        """The native monitors in the schema, by name."""
        schema = ".".join(map(quoted, (self._native.database, self._native.schema)))
        return {str(row["name"]): row for row in self._engine.link.shown(f"SHOW MODEL MONITORS IN SCHEMA {schema}")}

    def follow(self, monitor: MonitorRecord, former: MonitorRecord | None) -> None:
        """Make the native monitor what the record says, knowing what it said before; only what differs is sent."""
        if not monitor.version_name:
            # a model that Snowflake's registry does not hold has no native monitor
            return
        if former is None:
            try:
                self._create(monitor)
            except ChurnobsError:
                # one whose removal was cut short
                if monitor.name not in self.shown():
                    raise
                self.drop(monitor.name)
                self._create(monitor)
        segments = monitor.source.segment_columns
        before = segments if former is None else former.source.segment_columns
        for column in before:
            if column not in segments:
                self._alter(monitor.name, f"DROP SEGMENT_COLUMN = {literal(column)}")
        for column in segments:
            if column not in before:
                self._alter(monitor.name, f"ADD SEGMENT_COLUMN = {literal(column)}")
        if monitor.state != ("ACTIVE" if former is None else former.state):
            self.set_state(monitor.name, monitor.state)

    def set_state(self, name: str, state: str) -> None:
        """Suspend or resume a native monitor."""
        with clients():
            held = self._native.registry.get_monitor(name=quoted(name))
            held.suspend() if state == "SUSPENDED" else held.resume()

    def drop(self, name: str) -> None:
        """Drop a native monitor if it is there."""
        self._engine.ddl(f"DROP MODEL MONITOR IF EXISTS {self._native.qualified(name)}")

    def _create(self, monitor: MonitorRecord) -> None:
        from snowflake.ml.monitoring.entities import model_monitor_config as ml

        source = monitor.source

        def named(columns: tuple[str, ...]) -> list[str]:
            return list(map(quoted, columns))

        with clients():
            registry = self._native.registry
            version = registry.get_model(quoted(monitor.model_name)).version(quoted(monitor.version_name))
            registry.add_monitor(
                quoted(monitor.name),
                ml.ModelMonitorSourceConfig(
                    source=quoted(source.source),
                    timestamp_column=quoted(source.timestamp_column),
                    id_columns=named(source.id_columns),
                    prediction_score_columns=named(source.prediction_score_columns),
                    prediction_class_columns=named(source.prediction_class_columns),
                    actual_score_columns=named(source.actual_score_columns),
                    actual_class_columns=named(source.actual_class_columns),
                    segment_columns=named(source.segment_columns),
                    custom_metric_columns=named(source.custom_metric_columns),
                    baseline=None if source.baseline is None else quoted(source.baseline),
                ),
                ml.ModelMonitorConfig(
                    model_version=version,
                    model_function_name=monitor.function_name,
                    background_compute_warehouse_name=self._native.warehouse,
                    refresh_interval=monitor.refresh_interval,
                    aggregation_window=monitor.aggregation_window,
                ),
            )

    def _alter(self, name: str, what: str) -> None:
        self._engine.ddl(f"ALTER MODEL MONITOR {self._native.qualified(name)} {what}")
