"""Periods of time as numbers that both engines agree on."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

import ibis

from churnobs.errors import BadConfig
from churnobs.months import CENTURY

_GRANULARITY: Final = re.compile(r"(\d+)\s+(DAY|WEEK|MONTH|QUARTER|YEAR)S?")
_MONTHS: Final = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_EPOCH: Final = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Periods of time, numbered so that both engines agree; weeks start on Monday, all are aligned to 1970.

    ALL is one bucket, which starts at ``origin``.
    """

    count: int
    unit: Literal["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "ALL"]
    origin: dt.date = _EPOCH

    @classmethod
    def parse(cls, granularity: str | None) -> Buckets:
        """Read '1 DAY', '2 WEEK', 'ALL', ...; None is one day.

        >>> Buckets.parse("3 months").start(8)
        datetime.date(1972, 1, 1)
        """
        text = (granularity or "1 DAY").strip().upper()
        if text == "ALL":
            return cls(1, "ALL")
        found = _GRANULARITY.fullmatch(text)
        if not found or not 1 <= int(found[1]) <= CENTURY:
            raise BadConfig(
                f"{granularity!r} is no granularity", hint="'1 DAY', '2 WEEK', '1 MONTH', '1 QUARTER', 'ALL'"
            )
        unit: Any = found[2]
        return cls(int(found[1]), unit)

    def number(self, at: Any) -> Any:
        """The bucket number of a timestamp column."""
        day = at.cast("date")
        since = day.delta(ibis.date(1970, 1, 1), unit="day")
        match self.unit:
            case "ALL":
                return ibis.literal(0).cast("int64")
            case "DAY":
                return (since // self.count).cast("int64")
            case "WEEK":
                return ((since + 3) // (7 * self.count)).cast("int64")
            case _:
                months = (day.year() - 1970) * 12 + day.month() - 1
                return (months // (_MONTHS[self.unit] * self.count)).cast("int64")

    def number_of(self, at: dt.date) -> int:
        """The bucket number of a date."""
        days = (at - _EPOCH).days
        match self.unit:
            case "ALL":
                return 0
            case "DAY":
                return days // self.count
            case "WEEK":
                return (days + 3) // (7 * self.count)
            case _:
                return ((at.year - 1970) * 12 + at.month - 1) // (_MONTHS[self.unit] * self.count)

    def start(self, number: int) -> dt.date:
        """The first day of a bucket."""
        match self.unit:
            case "ALL":
                return self.origin
            case "DAY":
                return _EPOCH + dt.timedelta(days=number * self.count)
            case "WEEK":
                return _EPOCH + dt.timedelta(days=number * self.count * 7 - 3)
            case _:
                months = number * _MONTHS[self.unit] * self.count
                return dt.date(1970 + months // 12, months % 12 + 1, 1)
