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

    # a source, its timestamp and the days to look at
    _Rows = tuple[str, str, tuple[dt.date, ...]]
    # day, rows and newest moment; and a mark by group of columns
    _Day = tuple[tuple[dt.date, int, dt.datetime], dict[tuple[str, ...], str]]

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
        asked: dict[_Rows, dict[tuple[str, ...], None]] = {}
        for look in looks:
            asked.setdefault(_rows_of(look), {}).update(dict.fromkeys(look.together))
        found = {rows: self._days(rows, tuple(groups)) for rows, groups in asked.items()}
        return [
            [WatchedDay(*of, " ".join(texts[group] for group in look.together)) for of, texts in found[_rows_of(look)]]
            for look in looks
        ]

    def _days(self, rows: _Rows, groups: tuple[tuple[str, ...], ...]) -> list[_Day]:
        """Day, rows and newest moment of each day, and what marks the content of each group of columns: read once."""
        source, timestamp, days = rows
        at, day = quoted(timestamp), f"CAST({quoted(timestamp)} AS DATE)"
        where = f"{at} IS NOT NULL"
        if days:
            where = f"{at} >= TIMESTAMP '{min(days)}' AND {day} IN ({_listed(days)})"
        hashes = [f"hash({', '.join(map(quoted, columns))})" for columns in groups]
        # the exclusive or finds what changed, the sum what stands there twice
        marks = ", ".join(f"concat_ws('/', count(*), bit_xor({h}), sum({h}))" for h in hashes)
        counted = self._database.execute(
            f"SELECT {day}, count(*), CAST(max({at}) AS TIMESTAMP), {marks} "
            f"FROM {quoted(source)} WHERE {where} GROUP BY 1 ORDER BY 1"
        )
        return [((row[0], row[1], row[2]), dict(zip(groups, row[3:], strict=True))) for row in counted]

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


def _rows_of(look: Look) -> _Rows:
    return look.source, look.timestamp, look.days


def _listed(days: Sequence[dt.date]) -> str:
    return ", ".join(f"DATE '{day}'" for day in days)
