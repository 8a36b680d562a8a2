"""The simulator's monitors: their records, and what changed in the sources they watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.backends.duckdb.catalog import Shelf
from churnobs.backends.duckdb.ddl import literal, quoted
from churnobs.ports import Forgotten, Look, MonitorPort, Part, WatchedDay
from churnobs.records import MonitorRecord

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from churnobs.backends.duckdb.database import Database

STATES: Final[Mapping[Part, tuple[str, ...]]] = {
    "OUTCOMES": ("MONITOR_SCORES", "MONITOR_CONFUSION", "MONITOR_ERRORS"),
    "HISTOGRAMS": ("MONITOR_HISTOGRAMS",),
}


class DuckDBMonitors(MonitorPort):
    """The monitors of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shelf = Shelf(database, "MONITORS", MonitorRecord)

    def monitors(self) -> list[MonitorRecord]:
        """All monitors, oldest first."""
        return self._shelf.all()

    def put(self, monitor: MonitorRecord) -> None:
        """Store a monitor, or its new state."""
        self._shelf.put(monitor.name, "", monitor)

    def remove(self, monitor: MonitorRecord) -> None:
        """Drop a monitor."""
        self._shelf.remove(monitor.name, "")

    def days(self, looks: Sequence[Look]) -> list[list[WatchedDay]]:
        """What the days of each source look like now; the order of its rows does not matter."""
        return [self._days(look) for look in looks]

    def _days(self, look: Look) -> list[WatchedDay]:
        at, day = quoted(look.timestamp), f"CAST({quoted(look.timestamp)} AS DATE)"
        where = f"{at} IS NOT NULL"
        if look.days:
            where = f"{at} >= TIMESTAMP '{min(look.days)}' AND {day} IN ({_listed(look.days)})"
        found: dict[dt.date, WatchedDay] = {}
        for columns in look.together:
            row_hash = f"hash({', '.join(quoted(name) for name in columns)})"
            # the exclusive or finds what changed, the sum what stands there twice
            for one, rows, newest, text in self._database.execute(
                f"SELECT {day}, count(*), CAST(max({at}) AS TIMESTAMP), "
                f"concat_ws('/', count(*), bit_xor({row_hash}), sum({row_hash})) "
                f"FROM {quoted(look.source)} WHERE {where} GROUP BY 1 ORDER BY 1"
            ):
                before = f"{found[one].fingerprint} " if one in found else ""
                found[one] = WatchedDay(one, rows, newest, before + text)
        return list(found.values())

    def sample(self, source: str, rows: int, period: tuple[str, dt.date, dt.date] | None = None) -> str:
        """A query for about so many rows of a source, chosen by a hash of their position: rows may be alike."""
        where = "true"
        if period is not None:
            day = f"CAST({quoted(period[0])} AS DATE)"
            where = f"{day} >= DATE '{period[1]}' AND {day} <= DATE '{period[2]}'"
        found = self._database.value(f"SELECT count(*) FROM {quoted(source)} WHERE {where}")
        chosen = f"SELECT * FROM {quoted(source)} WHERE {where}"
        if found <= rows:
            return chosen
        return (
            f"SELECT * EXCLUDE (CHURNOBS_POSITION) FROM (SELECT *, row_number() OVER () AS CHURNOBS_POSITION FROM ({chosen})) "
            f"WHERE hash(CHURNOBS_POSITION) % {-(-found // rows)} = 0"
        )

    def forget(self, what: Sequence[Forgotten]) -> None:
        """Delete what was counted."""
        with self._database.transaction():
            for one in what:
                where = f"SUBJECT = {literal(one.subject)}"
                if one.days is not None:
                    where += f" AND DAY IN ({_listed(one.days)})" if one.days else " AND FALSE"
                for part, names in STATES.items():
                    if one.part in {part, None}:
                        self._database.execute(f"DELETE FROM MONITOR_DAYS WHERE {where} AND PART = '{part}'")
                        for name in names:
                            self._database.execute(f"DELETE FROM {name} WHERE {where}")


def _listed(days: Sequence[dt.date]) -> str:
    return ", ".join(f"DATE '{day}'" for day in days)
