"""Who may run, what must be there before, and where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal
from churnobs.backends.snowflake.deploy import deployment, need_warehouse
from churnobs.backends.snowflake.doctor import examine, missing_grants
from churnobs.backends.snowflake.history import spent
from churnobs.backends.snowflake.reconcile import reconcile
from churnobs.errors import BadConfig, ChurnobsError, DatabaseBusy, NotFound, NotSupported
from churnobs.ports import LifetimePort, Spent

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import Check

# a run that has kept nothing for so long is taken for dead
LEASE_MINUTES: Final = 120
# in UTC, whatever the time zone of a session
_NOW: Final = "SYSDATE()"


class RunLock:
    """The right to run the loop: the one row of RUN_LOCK.

    Snowflake enforces no key, so a run keeps rows only under this condition: the last statement of each of its
    transactions inserts nothing once another session is the holder, and the transaction is undone. Whoever takes over
    first becomes the holder, then ends the transactions that the former one left open, and only then reads the journal:
    what the former one had committed by then is there, and nothing more will come.
    """

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        # a session is one process's own, and known by a number that is never used again
        self.me = str(engine.link.session.session_id)
        self.condition = f"EXISTS (SELECT 1 FROM RUN_LOCK WHERE HOLDER = {literal(self.me)})"

    def take(self, *, over: bool) -> bool:
        """Take the right.

        Args:
            over: even from a holder that may be alive.

        Returns:
            Whether the run before left things unfinished: it has the right still, or failed.

        Raises:
            DatabaseBusy: another session has it.
        """
        mine = f"HOLDER = {literal(self.me)}, WHO = CURRENT_USER(), SINCE = {_NOW}, BEAT = {_NOW}"
        # no transaction of a run holds the row, so that nobody waits for one
        if self._change(f"{mine} WHERE HOLDER IS NULL AND BEAT IS NULL"):
            return False
        holder, unfinished = self._look(over=over)
        seen = "HOLDER IS NULL" if holder is None else f"HOLDER = {literal(holder)}"
        if not self._change(f"{mine} WHERE {seen}"):
            # who it was is known once its statement is kept
            self._look(over=False)
            raise DatabaseBusy("another run has just begun", hint="wait for it to end")
        if holder is not None and holder != self.me:
            self._end(holder)
        return unfinished

    def _look(self, *, over: bool) -> tuple[str | None, bool]:
        """Who has the right, and whether the run before left things unfinished; raises as ``take`` when it is not free."""
        late = f"BEAT < DATEADD('minute', -{LEASE_MINUTES}, {_NOW})"
        rows = self._engine.link.rows(f"SELECT HOLDER, WHO, SINCE, BEAT, COALESCE({late}, TRUE) FROM RUN_LOCK")
        if not rows:
            raise NotFound("RUN_LOCK has lost its row", hint="workspace.deploy() in an empty schema makes it")
        holder, who, since, beat, is_late = rows[0]
        if holder not in {None, self.me} and not (over or is_late):
            raise DatabaseBusy(
                f"{who} has been running the loop since {since:%Y-%m-%d %H:%M:%S} UTC",
                hint="wait for it to end; if it died, run(take_over=True) goes on where it stopped",
            )
        return holder, beat is not None

    def _end(self, holder: str) -> None:
        """End a session that died: what it left open would hold its tables for hours.

        The whole session: one that is alive after all, and whose transaction alone was ended, would go on outside of any.
        """
        link = self._engine.link
        # it is over already, or not ours to end
        with suppress(ChurnobsError):
            link.rows(f"SELECT SYSTEM$ABORT_SESSION({int(holder)})")
        for row in link.shown("SHOW TRANSACTIONS"):
            if str(row["session"]) == holder:
                with suppress(NotFound):
                    link.rows(f"SELECT SYSTEM$ABORT_TRANSACTION({int(row['id'])})")

    def check(self) -> None:
        """See whether the right is still held.

        Raises:
            DatabaseBusy: another run took over.
        """
        if not self._engine.link.value(f"SELECT {self.condition}"):
            raise self.lost()

    def lost(self) -> DatabaseBusy:
        """The error of one who lost the right."""
        return DatabaseBusy("another run took over", hint="nothing of this step was kept; let the other one go on")

    def beat(self) -> None:
        """Say that the holder is alive; raises as ``check``."""
        if not self._change(f"BEAT = {_NOW} WHERE HOLDER = {literal(self.me)}"):
            raise self.lost()

    def release(self, *, finished: bool) -> None:
        """Let go; a beat that stays tells the next one that things were left unfinished."""
        beat = ", BEAT = NULL" if finished else ""
        self._engine.link.run(f"UPDATE RUN_LOCK SET HOLDER = NULL{beat} WHERE HOLDER = {literal(self.me)}")

    def _change(self, what: str) -> bool:
        """Change the row; not where somebody else changes it now."""
        try:
            return bool(self._engine.link.change(f"UPDATE RUN_LOCK SET {what}"))
        except DatabaseBusy:
            return False


class SnowflakeLifetime(LifetimePort):
    """One schema's life."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        self._lock: RunLock | None = None

    @property
    def location(self) -> str:
        """The schema."""
        session = self._engine.link.session
        return f"{session.get_current_account()} {session.get_current_database()}.{session.get_current_schema()}"

    def publish(self) -> None:
        """Nothing to do: everybody with the rights sees what is committed."""

    @contextmanager
    def running(self, *, take_over: bool) -> Iterator[None]:
        """The right to run the loop."""
        engine = self._engine
        if self._lock is not None:
            self._lock.beat()
            yield
            return
        lock = RunLock(engine)
        left_unfinished = lock.take(over=take_over)
        engine.hold(lock)
        self._lock = lock
        finished = False
        try:
            if left_unfinished:
                reconcile(engine)
            yield
            finished = True
        finally:
            engine.hold(None)
            self._lock = None
            # a session that is over cannot let go; the right is taken over then
            with suppress(ChurnobsError):
                lock.release(finished=finished)

    def deployment(self) -> Sequence[str]:
        """The statements that make what is missing."""
        return deployment(self._engine.link)

    def deploy(self, statements: Sequence[str]) -> None:
        """Run them, if all grants are there: nothing is half made for want of one.

        Raises:
            BadConfig: there is no warehouse, or a grant is missing; says how to give each.
        """
        if not statements:
            return
        need_warehouse(self._engine.link)
        missing = missing_grants(self._engine.link)
        if missing:
            raise BadConfig(
                f"grants are missing: {'; '.join(c.name for c in missing)}", hint="; ".join(c.mend for c in missing)
            )
        for statement in statements:
            self._engine.ddl(statement)

    def examine(self) -> Sequence[Check]:
        """Look at everything that must hold for churnobs to work here, and change nothing."""
        return examine(self._engine.link)

    def spent(self, purpose: str) -> Spent:
        """What QUERY_HISTORY says of the session user's statements with such a tag.

        Raises:
            NotSupported: the account does not tell.
        """
        try:
            return spent(self._engine.link, purpose)
        except (NotFound, NotSupported, BadConfig) as error:
            raise NotSupported(f"the account does not tell: {error.message}", hint=error.hint) from error

    def close(self) -> None:
        """Close the session if it is ours."""
        self._engine.link.close()
