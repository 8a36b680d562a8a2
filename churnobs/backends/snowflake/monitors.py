"""Monitors in Snowflake: churnobs' own records and counts beside Snowflake's native model monitors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native_monitors import NativeMonitors
from churnobs.errors import ChurnobsError
from churnobs.monitoring.counting import OUTCOMES
from churnobs.ports import Forgotten, Look, MonitorPort, Part, WatchedDay
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

        One that Snowflake refuses to make is not kept either; of a step that is kept it stays, and the next run makes it.
        """
        former: MonitorRecord | None = self._shelf.get(monitor.name, "")

        def now() -> None:
            try:
                self._native.follow(monitor, former)
            except ChurnobsError:
                if former is None and self._engine.fence is None:
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

    def days(self, looks: Sequence[Look]) -> list[list[WatchedDay]]:
        """What the days of each source look like now, in one statement; the order of rows does not matter."""
        found: list[list[WatchedDay]] = [[] for _ in looks]
        if looks:
            query = " UNION ALL ".join(_days_sql(number, look) for number, look in enumerate(looks))
            for number, day, rows, newest, text in self._engine.rows(f"{query} ORDER BY 1, 2"):
                found[number].append(WatchedDay(day, int(rows), newest, text))
        return found

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

    def forget(self, what: Sequence[Forgotten]) -> None:
        """Delete what was counted, with one statement a table."""
        kept = {record.name: record for record in self.monitors()}
        wanted: dict[str, list[str]] = {}
        for one in what:
            where = f"SUBJECT = {literal(one.subject)}"
            if one.days is not None:
                if not one.days:
                    continue
                where += f" AND DAY IN ({_listed(one.days)})"
            own = OUTCOMES[kept[one.subject].task][:1] if one.subject in kept else STATES["OUTCOMES"]
            for part, names in (("OUTCOMES", own), ("HISTOGRAMS", STATES["HISTOGRAMS"])):
                if one.part in {part, None}:
                    wanted.setdefault("MONITOR_DAYS", []).append(f"{where} AND PART = '{part}'")
                    for name in names:
                        wanted.setdefault(name, []).append(where)
        with self._engine.transaction():
            for name, places in wanted.items():
                keep = (lambda row: not _is_forgotten(row, what)) if name == "MONITOR_DAYS" else None
                self._engine.delete(name, " OR ".join(f"({place})" for place in places), keep)


def _is_forgotten(row: Mapping[str, Any], what: Sequence[Forgotten]) -> bool:
    return any(
        row["SUBJECT"] == one.subject
        and one.part in {row["PART"], None}
        and (one.days is None or row["DAY"] in one.days)
        for one in what
    )


def _days_sql(number: int, look: Look) -> str:
    at, day = quoted(look.timestamp), f"{quoted(look.timestamp)}::DATE"
    where = f"{at} IS NOT NULL" + (f" AND {day} IN ({_listed(look.days)})" if look.days else "")
    # HASH_AGG is Snowflake's own fingerprint of rows in any order
    prints = ", ' ', ".join(f"COUNT(*), '/', HASH_AGG({', '.join(map(quoted, columns))})" for columns in look.together)
    return (
        f"SELECT {number}, {day}, COUNT(*), MAX({at})::TIMESTAMP_NTZ(6), CONCAT({prints}) "
        f"FROM {quoted(look.source)} WHERE {where} GROUP BY 1, 2"
    )


def _listed(days: Sequence[dt.date]) -> str:
    return ", ".join(f"{literal(str(day))}::DATE" for day in days)
