"""Who may run, what must be there before, and where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal
from churnobs.backends.snowflake.deploy import deployment
from churnobs.backends.snowflake.doctor import examine
from churnobs.backends.snowflake.schema import TABLES
from churnobs.errors import ChurnobsError, DatabaseBusy
from churnobs.ports import LifetimePort

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import Check

# a run that has kept nothing for so long is taken for dead
LEASE_MINUTES: Final = 120
# in UTC, whatever the time zone of a session
_NOW: Final = "SYSDATE()"


class RunLock:
    """The right to run the loop: the one row of RUN_LOCK.

    Snowflake enforces no key, but an UPDATE holds its table until its transaction ends. So every transaction of a run
    begins by stamping its row: while it is open nobody takes over, and after somebody did it changes nothing and stops.
    """

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        # a session is one process's own, and known by a number that is never used again
        self.me = str(engine.link.session.session_id)

    def take(self, *, over: bool) -> None:
        """Take the right.

        Args:
            over: even from another holder.

        Raises:
            DatabaseBusy: another session has it.
        """
        free = f"HOLDER IS NULL OR HOLDER = {literal(self.me)} OR BEAT < DATEADD('minute', -{LEASE_MINUTES}, {_NOW})"
        mine = f"HOLDER = {literal(self.me)}, WHO = CURRENT_USER(), SINCE = {_NOW}, BEAT = {_NOW}"
        where = "" if over else f" WHERE {free}"
        if self._engine.link.change(f"UPDATE RUN_LOCK SET {mine}{where}"):
            return
        (who, since), *_ = self._engine.link.rows("SELECT WHO, SINCE FROM RUN_LOCK") or [("somebody", "some time")]
        raise DatabaseBusy(
            f"{who} has been running the loop since {since:%Y-%m-%d %H:%M:%S}",
            hint="wait for it to end; if it died, run(take_over=True) goes on where it stopped",
        )

    def check(self) -> None:
        """Hold the right until the transaction ends."""
        if not self._engine.link.change(f"UPDATE RUN_LOCK SET BEAT = {_NOW} WHERE HOLDER = {literal(self.me)}"):
            raise DatabaseBusy("another run took over", hint="nothing of this step was kept; let the other one go on")

    def release(self) -> None:
        """Let go."""
        self._engine.link.run(f"UPDATE RUN_LOCK SET HOLDER = NULL WHERE HOLDER = {literal(self.me)}")


class SnowflakeLifetime(LifetimePort):
    """One schema's life."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    @property
    def location(self) -> str:
        """The schema."""
        session = self._engine.link.session
        return f"{session.get_current_account()} {session.get_current_database()}.{session.get_current_schema()}"

    @property
    def own_tables(self) -> frozenset[str]:
        """The names of churnobs' tables."""
        return frozenset({*TABLES, "CHURNOBS_SCHEMA"})

    def publish(self) -> None:
        """Nothing to do: everybody with the rights sees what is committed."""

    @contextmanager
    def running(self, *, take_over: bool) -> Iterator[None]:
        """The right to run the loop."""
        engine = self._engine
        if engine.fence is not None:
            yield
            return
        lock = RunLock(engine)
        lock.take(over=take_over)
        engine.hold(lock)
        try:
            yield
        finally:
            engine.hold(None)
            # a session that is over cannot let go; the right is taken over then
            with suppress(ChurnobsError):
                lock.release()

    def deployment(self) -> Sequence[str]:
        """The statements that make what is missing."""
        return deployment(self._engine.link)

    def deploy(self, statements: Sequence[str]) -> None:
        """Run them."""
        for statement in statements:
            self._engine.ddl(statement)

    def examine(self) -> Sequence[Check]:
        """Look at everything that must hold for churnobs to work here, and change nothing."""
        return examine(self._engine.link)

    def close(self) -> None:
        """Close the session if it is ours."""
        self._engine.link.close()
