"""The account's clock: the real one until it is set, then a clock that only moves when it is told to.

What runs on a schedule (tasks, alerts, dynamic tables, monitors) runs when the clock is advanced over the moment it is due,
in the order of those moments, and at no other time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnobs.testing import results
from churnobs.testing.names import Name
from churnobs.testing.schedules import Timer

if TYPE_CHECKING:
    from churnobs.testing.account import Account

MACROS = "CREATE OR REPLACE MACRO memory.main._offline_now() AS now();"
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Due:
    """Something that a moment brings; ``order`` decides between those of one moment, then the name."""

    at: dt.datetime
    order: int
    kind: str
    name: Name
    run: Callable[[dt.datetime], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """What an advance of the clock ran."""

    at: dt.datetime
    kind: str
    name: str


COMING: list[Callable[[Account], Iterable[Due]]] = []
TIMERS: list[Callable[[Account], Iterable[Timer]]] = []


class Clock:
    """The time of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._moment: dt.datetime | None = None
        self._advances = False

    @property
    def is_set(self) -> bool:
        """Whether the clock stands still but for what it is told."""
        return self._moment is not None

    def now(self) -> dt.datetime:
        """The present moment of the account, in UTC."""
        return results.now() if self._moment is None else self._moment

    def set(self, moment: dt.datetime | dt.date | str) -> None:
        """Put the clock to a moment; what would have been due in between does not run, schedules count from here.

        A moment without a zone is in UTC.
        """
        self._move(_utc(moment))
        self._restart()

    def resume(self, moment: dt.datetime) -> None:
        """Stand where the clock of a kept account stood; schedules count on from where they were."""
        self._move(moment)

    def reset(self) -> None:
        """Go back to the real time; schedules count from now."""
        self._moment = None
        self._account.engine.root.cursor().execute(MACROS)
        self._restart()

    def _restart(self) -> None:
        for timers in TIMERS:
            for timer in timers(self._account):
                timer.since = self.now()

    def advance(
        self,
        by: dt.timedelta | None = None,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> list[Ran]:
        """Let time pass, and run what becomes due, in the order of its moments; what ran is returned.

        A clock that was not set starts at the real present.

        Raises:
            ValueError: time would go back.
            RuntimeError: it was called from what an advance runs, or what is due never comes to an end.
        """
        span = (by or dt.timedelta()) + dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if span < dt.timedelta():
            raise ValueError("the clock only goes forward; set() puts it back")
        if self._advances:
            raise RuntimeError("the clock is being advanced already")
        start, ran = self.now(), list[Ran]()
        until = start + span
        self._move(start)
        self._advances = True
        try:
            while (due := self._next(until)) is not None:
                self._move(max(due.at, self.now()))
                due.run(due.at)
                ran.append(Ran(due.at, due.kind, str(due.name)))
                if len(ran) > _MOST:
                    raise RuntimeError(f"{due.kind} {due.name} is due without an end")
        finally:
            self._advances = False
        self._move(until)
        return ran

    def _next(self, until: dt.datetime) -> Due | None:
        coming = [due for coming in COMING for due in coming(self._account) if due.at <= until]
        return min(coming, key=lambda due: (due.at, due.order, due.name), default=None)

    def _move(self, moment: dt.datetime) -> None:
        self._moment = moment
        text = moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ")
        self._account.engine.root.cursor().execute(
            f"CREATE OR REPLACE MACRO memory.main._offline_now() AS CAST('{text}+00' AS TIMESTAMPTZ)"
        )


def _utc(moment: dt.datetime | dt.date | str) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
