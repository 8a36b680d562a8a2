"""When things are due: every so many minutes from a start, or at the times that a cron expression names in its zone."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from churnobs.testing.failures import SqlError

_UNITS = {"SECOND": 1, "MINUTE": 60, "MIN": 60, "M": 60, "HOUR": 3600, "H": 3600, "DAY": 86400, "S": 1}
_LONGEST = 11520 * 60
_MONTHS = {name.upper(): at for at, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: at for at, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


def seconds_of(text: str) -> int | None:
    """The seconds of an interval such as '5 MINUTE' or '1 hour'; None for anything else.

    >>> seconds_of("5 MINUTES"), seconds_of("1 hour"), seconds_of("soon")
    (300, 3600, None)
    """
    found = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]+?)s?\s*", text)
    if found is None or found[2].upper() not in _UNITS:
        return None
    return int(found[1]) * _UNITS[found[2].upper()]


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds after the start."""

    seconds: int
    comes: bool = True

    def after(self, moment: dt.datetime) -> dt.datetime | None:
        """The next time after one."""
        return moment + dt.timedelta(seconds=self.seconds) if self.comes else None


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that five fields name in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    months: frozenset[int]
    weekdays: str
    zone: ZoneInfo

    def after(self, moment: dt.datetime) -> dt.datetime | None:
        """The next time after one; a local time that a change of the clock leaves out does not come."""
        local = moment.astimezone(self.zone)
        day = local.date()
        for _ in range(366 * 9):
            if day.month in self.months and self._names(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        at = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                        made = at.astimezone(dt.UTC)
                        if made > moment and made.astimezone(self.zone).replace(tzinfo=None) == at.replace(tzinfo=None):
                            return made
            day += dt.timedelta(days=1)
        return None

    def _names(self, day: dt.date) -> bool:
        """Whether the fields name a day; days of the month and of the week are alternatives where both are given."""
        if self.days == "*" and self.weekdays == "*":
            return True
        found = []
        if self.days != "*":
            last = calendar.monthrange(day.year, day.month)[1]
            found.append(day.day == last if self.days == "L" else day.day in _field(self.days, 1, 31, {}))
        if self.weekdays != "*":
            found.append(self._weekday(day))
        return any(found)

    def _weekday(self, day: dt.date) -> bool:
        number = day.isoweekday() % 7
        if (last := re.fullmatch(r"(\w+)L", self.weekdays)) and last[1] not in ("", "*"):
            ends = (day + dt.timedelta(days=7)).month != day.month
            return ends and number in {n % 7 for n in _field(last[1], 0, 7, _DAYS)}
        return number in {n % 7 for n in _field(self.weekdays, 0, 7, _DAYS)}


Schedule = Every | Cron


@dataclass(slots=True)
class Timer:
    """A schedule with the moment that it counts from: that of its start or of its last time."""

    schedule: Schedule
    since: dt.datetime

    def due(self) -> dt.datetime | None:
        """The next time."""
        return self.schedule.after(self.since)


def read_schedule(text: str) -> Schedule:
    """Read the value of SCHEDULE.

    Raises:
        SqlError: it is neither an interval nor a cron expression.
    """
    if found := re.fullmatch(
        r"\s*USING\s+CRON\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*", text, re.IGNORECASE
    ):
        minute, hour, day, month, weekday, zone = found.groups()
        try:
            made = Cron(
                frozenset(_field(minute, 0, 59, {})), frozenset(_field(hour, 0, 23, {})), day.upper(),
                frozenset(_field(month, 1, 12, _MONTHS)), weekday.upper(), ZoneInfo(zone),
            )  # fmt: skip
            _ = made._names(dt.date(2024, 1, 1))
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise _invalid(text) from error
        return made
    seconds = seconds_of(text)
    if seconds is None or seconds < 10:
        raise _invalid(text)
    return Every(seconds, comes=seconds <= _LONGEST)  # a longer SCHEDULE is accepted, and never comes


def _invalid(text: str) -> SqlError:
    return SqlError(f"SQL compilation error:\ninvalid value ['{text}'] for parameter 'SCHEDULE'", 2008, "22023")


def _field(text: str, first: int, last: int, names: dict[str, int]) -> set[int]:
    """The numbers that one field names."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = first, last
        elif "-" in span:
            low, high = (_number(end, names) for end in span.split("-", 1))
        else:
            low = _number(span, names)
            high = last if step else low
        if not first <= low <= high <= last:
            raise ValueError(part)
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)
