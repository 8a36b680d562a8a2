"""Monitors in Snowflake: churnobs' own records and counts beside Snowflake's native model monitors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native_monitors import NativeMonitors
from churnobs.errors import ChurnobsError
from churnobs.ports import MonitorPort, Part, WatchedDay
from churnobs.records import MonitorRecord

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine

# what was counted, by part
STATES: Final[Mapping[Part, tuple[str, ...]]] = {
    "OUTCOMES": ("MONITOR_SCORES", "MONITOR_CONFUSION", "MONITOR_ERRORS"),
    "HISTOGRAMS": ("MONITOR_HISTOGRAMS",),
}


class SnowflakeMonitors(MonitorPort):
    """The monitors of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        self._shelf = Shelf(engine, "MONITORS", MonitorRecord)
        self._native = NativeMonitors(engine)

    def monitors(self) -> list[MonitorRecord]:
        """All monitors, oldest first."""
        return self._shelf.all()

    def put(self, monitor: MonitorRecord) -> None:
        """Store a monitor, or its new state; the native one follows once that is kept.

        One that Snowflake refuses to make is not kept either.
        """
        former: MonitorRecord | None = self._shelf.get(monitor.name, "")

        def now() -> None:
            try:
                self._native.follow(monitor, former)
            except ChurnobsError:
                if former is None:
                    self._shelf.remove(monitor.name, "")
                raise

        with self._engine.transaction():
            self._shelf.put(monitor.name, "", monitor)
            self._engine.after_commit(now)

    def remove(self, monitor: MonitorRecord) -> None:
        """Drop a monitor."""
        with self._engine.transaction():
            self._shelf.remove(monitor.name, "")
            if monitor.version_name:
                self._engine.after_commit(lambda: self._native.drop(monitor.name))

    def days(
        self, source: str, timestamp: str, together: Sequence[Sequence[str]], days: Sequence[dt.date] = ()
    ) -> list[WatchedDay]:
        """What the days of a source look like now; the order of its rows does not matter."""
        at, day = quoted(timestamp), f"{quoted(timestamp)}::DATE"
        where = f"{at} IS NOT NULL" + (f" AND {day} IN ({_listed(days)})" if days else "")
        # HASH_AGG is Snowflake's own fingerprint of rows in any order
        prints = ", ' ', ".join(f"COUNT(*), '/', HASH_AGG({', '.join(map(quoted, columns))})" for columns in together)
        rows = self._engine.link.rows(
            f"SELECT {day}, COUNT(*), MAX({at})::TIMESTAMP_NTZ(6), CONCAT({prints}) "
            f"FROM {quoted(source)} WHERE {where} GROUP BY 1 ORDER BY 1"
        )
        return [WatchedDay(one, int(count), newest, text) for one, count, newest, text in rows]

    def sample(self, source: str, rows: int, period: tuple[str, dt.date, dt.date] | None = None) -> str:
        """A query for about so many rows of a source, chosen by a hash of their values."""
        where = "TRUE"
        if period is not None:
            day = f"{quoted(period[0])}::DATE"
            where = f"{day} >= {literal(str(period[1]))}::DATE AND {day} <= {literal(str(period[2]))}::DATE"
        chosen = f"SELECT * FROM {quoted(source)} WHERE {where}"
        found = int(self._engine.link.value(f"SELECT COUNT(*) FROM {quoted(source)} WHERE {where}") or 0)
        if found <= rows:
            return chosen
        step = -(-found // rows)
        listed = ", ".join(map(quoted, self._engine.columns(chosen)))
        return (
            f"SELECT {listed} FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY HASH({listed})) AS CHURNOBS_POSITION "
            f"FROM ({chosen})) WHERE MOD(CHURNOBS_POSITION, {step}) = 0"
        )

    def forget(self, subject: str, days: Sequence[dt.date] | None = None, part: Part | None = None) -> None:
        """Delete what was counted of a subject."""
        where = f"SUBJECT = {literal(subject)}"
        if days is not None:
            if not days:
                return
            where += f" AND DAY IN ({_listed(days)})"
        with self._engine.transaction():
            for one, names in STATES.items():
                if part in {one, None}:
                    self._engine.dml(f"DELETE FROM MONITOR_DAYS WHERE {where} AND PART = '{one}'", "MONITOR_DAYS")
                    for name in names:
                        self._engine.dml(f"DELETE FROM {name} WHERE {where}", name)


def _listed(days: Sequence[dt.date]) -> str:
    return ", ".join(f"{literal(str(day))}::DATE" for day in days)
