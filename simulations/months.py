"""The calendar of a simulation: month 1 is January 2024 or what a world says, earlier months are the hidden burn-in."""

from __future__ import annotations

import datetime as dt
from typing import Final

FIRST_YEAR: Final = 2024
FIRST_MONTH: Final = (FIRST_YEAR, 1)


def year_month(number: int, first: tuple[int, int] = FIRST_MONTH) -> tuple[int, int]:
    """The calendar year and month of a simulated month; numbers below 1 are the burn-in.

    >>> year_month(1), year_month(14), year_month(0)
    ((2024, 1), (2025, 2), (2023, 12))
    >>> year_month(12, first=(2011, 4))
    (2012, 3)
    """
    year, month = first
    years, index = divmod(month - 1 + number - 1, 12)
    return year + years, index + 1


def first_day(number: int, first: tuple[int, int] = FIRST_MONTH) -> dt.date:
    """The first day of a simulated month.

    >>> first_day(2)
    datetime.date(2024, 2, 1)
    """
    return dt.date(*year_month(number, first), 1)


def days_in(number: int, first: tuple[int, int] = FIRST_MONTH) -> int:
    """How many days a simulated month has.

    >>> days_in(2), days_in(14)
    (29, 28)
    """
    return (first_day(number + 1, first) - first_day(number, first)).days
