"""Living with the loop afterwards: what people correct between months, each once and on the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from churnobs.codec import from_json, to_json
from churnobs.errors import BadConfig
from churnobs.lifecycle.corrections import Rollback, defaults, plan_rollback
from churnobs.lifecycle.folds import Folds
from churnobs.lifecycle.restating import plan_revision
from churnobs.lifecycle.revisions import Revision, revise
from churnobs.lifecycle.steps import StepKind
from churnobs.months import Month
from churnobs.records import SetComment, SetDefault

if TYPE_CHECKING:
    from churnobs.ingest import Ingest
    from churnobs.lifecycle.replay import Replay
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.sources import Source


class Correcting(Folds):
    """What a loop lets people correct."""

    door: Ingest
    source: Source | None

    def rollback(self, reason: str) -> Rollback:
        """Put the former default back: it predicts from the next month on; what is stored and measured stays.

        A second call before the next month does nothing and gives the first one's answer. What a later promotion does is
        not held up by it.

        Args:
            reason: why; the next report tells it, and the comment of the version that goes.

        Raises:
            NotFound: no version served before the one that serves, or it was deleted.
            BadConfig: no reason is given, or a month is begun and not finished.
            DatabaseBusy: another process runs the loop.
        """
        with self._running():
            after = self._between_months()
            done = self.journal.correction(after, "ROLLBACK")
            if done is not None:
                return from_json(Rollback, to_json(done.facts))
            current = self.default()
            registry = self.backend.registry
            known = {r.version_name for r in registry.versions() if r.model_name == self.config.name}
            name = None if current is None else current.version_name
            planned = plan_rollback(self.served(), name, known, after, reason)
            with self._transaction():
                registry.change(SetDefault(self.config.name, planned.former))
                said = f"rolled back after {after}: {planned.reason}"
                comment = f"{current.comment}; {said}" if current is not None and current.comment else said
                registry.change(SetComment(self.config.name, planned.version, comment))
                self.journal.correct(after, "ROLLBACK", planned.words, planned)
            self.backend.lifetime.publish()
            return planned

    def revise(
        self,
        source: str | Path,
        *,
        mapping: Any = None,
        on_error: Literal["raise", "quarantine"] = "raise",
    ) -> Revision | None:
        """Take files of finished months that were restated, or came late, as a revision.

        All files of a month and kind are loaded anew in the place of what was loaded of it. What was reported stays: final
        labels, datasets, predictions and measurements are not touched. Beside them stand the numbers by the revised files
        (MEASUREMENTS_REVISED: the same stored predictions, the labels that the sales give now), and the next month's
        report says what changed. Features, labels and decisions of later months are made of the revised rows.

        Of a file that covers several months those are loaded anew that are finished and whose rows are not the stored ones,
        the others are left alone; months that follow on all that is loaded are loaded, and wait for ``run``.

        Args:
            source, mapping, on_error: as for ``workspace.ingest``; every file that a revised month was loaded from must be
                there under its former name. Months that are not loaded yet are left to ``run``.

        Returns:
            What changed; None where nothing of a finished month did.

        Raises:
            BadFile: a file cannot be loaded, or its month is not finished; nothing was changed.
            BadConfig: a month is begun and not finished, or the months were run with other settings.
            DatabaseBusy: another process runs the loop.
        """
        with self._running():
            after = self._between_months()
            # what is final, and an order, is counted by them
            self.journal.is_new({n: value for n, value in self.config.meaning.items() if n != "sentiment"})
            found = self.door.open(source, mapping=mapping)
            planned = plan_revision(self.door, found, self.backend.loader.ingested(), self.journal.finished())
            if not planned.replaced and not planned.fresh:
                return None
            before = [int(c.facts["number"]) for c in self.journal.corrections() if c.kind == "REVISION"]
            done, number = None, max(before, default=0) + 1
            with self._transaction():
                if planned.replaced:
                    done = revise(self, found, planned, number, on_error)
                    self.journal.correct(after, "REVISION", done.words, done, key=str(number))
                for file, months in planned.fresh:
                    self.door.ingest_more(found, file, months, on_error)
            if self.source is not None:
                # its files may be the revised ones
                own = self.source
                self.source = self.door.open(own.path, mapping=own.mapping, period_end=own.period_end)
            self.backend.lifetime.publish()
            return done

    def replay(self, from_month: Month | str | None = None) -> Replay:
        """Make everything once more from the files, in a simulator in memory, and show what differs from what is stored.

        Files, months with their decisions and numbers, and tables are compared; nothing that is stored is changed, and no
        alert tells anybody. All finished months are made again, since the later ones rest on them. Rollbacks are repeated;
        a month that was revised, and a customer who was forgotten, differ in what had been reported before. Customers keep
        their numbers.

        What is stored in Snowflake is fetched to be compared, within 1e-9 where a number is a float; training is done in
        this process, and comments that Cortex scored are not scored again.

        Args:
            from_month: the first month that is compared; None for the first one.

        Raises:
            NotFound: the month is not finished.
            BadConfig: the loop has no source, or the months were run with other settings.
            NotSupported: the backend has no database of its own to give.
        """
        from churnobs.lifecycle.replay import replayed

        return replayed(cast("Lifecycle", self), Month.parse(from_month) if isinstance(from_month, str) else from_month)

    def served(self) -> list[str]:
        """The versions that served and were not rolled back, oldest first; the last one serves by the journal."""
        decided = [r["decision"] for r in self.journal.results(StepKind.PROMOTE)]
        rollbacks = {c.after: str(c.facts["former"]) for c in self.journal.corrections() if c.kind == "ROLLBACK"}
        return defaults([(d["month"], d["default_version"]) for d in decided], rollbacks)

    def _between_months(self) -> str:
        """The newest finished month; empty before the first.

        Raises:
            BadConfig: a month was interrupted.
        """
        finished = self.journal.finished()
        begun = [month for month in self.journal.begun() if month not in finished]
        if begun:
            raise BadConfig(
                f"month {begun[0]} is begun and not finished", hint="run() finishes it; correct things then"
            )
        return str(finished[-1]) if finished else ""

    @contextmanager
    def _running(self, *, take_over: bool = False) -> Iterator[None]:
        with self.backend.lifetime.running(take_over=take_over):
            # what another process did before it let go
            self.journal.reload()
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self.backend.engine.transaction():
                yield
        except BaseException:
            # the commit itself may have failed: nothing that was not kept is remembered
            self.journal.reload()
            raise
