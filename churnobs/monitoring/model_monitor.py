"""One monitor, as the user holds it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, final

from churnobs.errors import AlreadyExists
from churnobs.monitoring.answers import segment_column
from churnobs.monitoring.counting import PARTS
from churnobs.ports import Forgotten
from churnobs.records import MonitorRecord, identifier

if TYPE_CHECKING:
    from churnobs.monitoring.state import MonitorState
    from churnobs.ports import MonitorPort


@final
class ModelMonitor:
    """A monitor of one model version. Made by ``Monitor.add_monitor`` or ``Monitor.attach``."""

    def __init__(self, port: MonitorPort, state: MonitorState, record: MonitorRecord) -> None:
        self._port = port
        self._state = state
        self._record = record

    @property
    def name(self) -> str:
        """The monitor's name."""
        return self._record.name

    @property
    def record(self) -> MonitorRecord:
        """The monitor as it is stored now."""
        return next(m for m in self._port.monitors() if m.name == self._record.name)

    def suspend(self) -> None:
        """Stop watching; what was measured until now stays, and is what the metric functions still answer."""
        record = self.record
        if record.state == "ACTIVE" and record.refresh == "fresh":
            self._state.refresh([record])
        self._port.put(dataclasses.replace(record, state="SUSPENDED"))

    def resume(self) -> None:
        """Watch again; refreshes that failed are forgotten."""
        self._port.put(dataclasses.replace(self.record, state="ACTIVE", failures=0, last_error=""))

    def add_segment_column(self, column: str) -> None:
        """Count by the values of one more column; what was counted is counted anew.

        The baseline stays as it was counted: segments that it does not know are compared with all of it.

        Raises:
            AlreadyExists: it is a segment column already.
        """
        record, name = self.record, identifier(column)
        if name in record.source.segment_columns:
            raise AlreadyExists(f"segment column {name} already exists", hint="choose another column")
        self._change_segments((*record.source.segment_columns, name))

    def drop_segment_column(self, column: str) -> None:
        """Count no longer by the values of a column; it becomes a feature again."""
        name = segment_column(column, self.record)
        self._change_segments(tuple(c for c in self.record.source.segment_columns if c != name))

    def _change_segments(self, segments: tuple[str, ...]) -> None:
        record = self.record
        source = dataclasses.replace(record.source, segment_columns=segments)
        changed = self._state.with_columns(dataclasses.replace(record, source=source), record.bins)
        with self._state.transaction():
            days = {part: tuple(row["DAY"] for row in self._state.days(record, part)) for part in PARTS}
            self._port.forget([Forgotten(record.name, days[part], part) for part in PARTS])
            self._port.put(changed)

    def __repr__(self) -> str:
        return f"ModelMonitor({self.name}, {self._record.version_name})"

    def _repr_html_(self) -> str:
        return self.record._repr_html_()
