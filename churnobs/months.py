"""Calendar months and as-of dates: plain arithmetic, no clock."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from churnobs.errors import BadConfig

# what a date of somebody's data can be
FIRST_DAY: Final = dt.date(1900, 1, 1)
LAST_DAY: Final = dt.date(2199, 12, 31)
# the longest time in days that a setting may speak of
CENTURY: Final = 36_500


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month.

    >>> Month(2024, 12).next()
    Month(2025, 1)
    >>> str(Month.parse("2024-05"))
    '2024-05'
    >>> Month(2024, 2).end
    datetime.date(2024, 3, 1)
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 12:
            raise BadConfig(f"{self.number} is not a month of the year", hint="months are 1 to 12")
        if not FIRST_DAY.year <= self.year <= LAST_DAY.year + 1:
            raise BadConfig(f"{self.year} is not a year of data", hint=f"{FIRST_DAY.year} to {LAST_DAY.year}")

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read ``YYYY-MM``; raises BadConfig for anything else."""
        found = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})", text)
        if found is None:
            raise BadConfig(f"{text!r} is not a month", hint="write it as 2024-05")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: dt.date) -> Month:
        """The month that holds a day."""
        return cls(day.year, day.month)

    @property
    def start(self) -> dt.date:
        """The first day of the month."""
        return dt.date(self.year, self.number, 1)

    @property
    def end(self) -> dt.date:
        """The first day after the month: the default as-of of its file."""
        return self.next().start

    def next(self) -> Month:
        """The month after this one."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    def __repr__(self) -> str:
        return f"Month({self.year}, {self.number})"


def add_months(day: dt.date, months: int) -> dt.date:
    """Move a date by whole calendar months, clamped to the month's last day (as SQL intervals do).

    >>> add_months(dt.date(2024, 3, 31), -1)
    datetime.date(2024, 2, 29)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """A setting that is a whole number.

    Raises:
        BadConfig: it is none, or outside its bounds.

    >>> whole_number("horizon_days", 30, 1, 36_500)
    30
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadConfig(f"{name} is {value!r}", hint=f"give a whole number from {least} to {most}")
    return value


def days_before(day: dt.date, days: int) -> dt.date:
    """The date so many days earlier."""
    return day - dt.timedelta(days=days)
