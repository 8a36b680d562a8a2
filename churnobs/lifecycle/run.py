"""The loop: months in order, each step once, each in one transaction with its row in the journal."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

import pyarrow as pa

from churnobs.codec import from_json
from churnobs.divergence import Histogram, collect
from churnobs.errors import BadConfig, BadFile, NotFound
from churnobs.expressions.drift import Bins
from churnobs.ingest import Ingest
from churnobs.lifecycle.correcting import Correcting
from churnobs.lifecycle.deployed import Deployable
from churnobs.lifecycle.effects import features_of, perform, prepare
from churnobs.lifecycle.journal import Journal
from churnobs.lifecycle.places import check_place
from churnobs.lifecycle.preview import Preview, preview
from churnobs.lifecycle.questions import Asked
from churnobs.lifecycle.report import MonthReport
from churnobs.lifecycle.roles import PARTS
from churnobs.lifecycle.steps import Step, StepKind, plan_month, together
from churnobs.months import Month
from churnobs.records import DatasetVersion, MonitorRecord
from churnobs.tables import FEATURES_SUBJECT

if TYPE_CHECKING:
    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.ports import Backend
    from churnobs.sources import Source
    from churnobs.workspace import Workspace

Progress = Callable[[Step], None]


@final
class Lifecycle(Deployable, Correcting, Asked):
    """The monthly loop of one workspace. Made by ``workspace.lifecycle(config)``."""

    def __init__(
        self,
        workspace: Workspace,
        backend: Backend,
        config: LifecycleConfig,
        source: Source | None,
        *,
        load: bool = True,
    ) -> None:
        self.workspace = workspace
        self.backend = backend
        self.config = config
        self.journal = Journal(backend.engine)
        self.door = Ingest(backend.loader)
        self.source = source
        # statements that were sent and belong to a step already
        self._counted = 0
        # of the first model, by its name
        self._baselines: dict[str, dict[str, Histogram]] = {}
        self._checked = False
        if source is not None and source.history and load:
            # a file that covers many months cannot wait for one of them
            with self._running():
                self.door.ingest_history(source)

    def waiting(self) -> tuple[Month, ...]:
        """The months that are ingested, or wait in the source, and are not finished yet, oldest first.

        Raises:
            BadFile: a month was added before one that is finished already.
        """
        finished = self.journal.finished()
        known = {f.month for f in self.backend.loader.ingested() if f.kind == "sales" and f.month is not None}
        if self.source is not None:
            known |= {month.month for month in self.source.months}
        waiting = sorted(known - set(finished))
        if finished and waiting and waiting[0] < finished[-1]:
            raise BadFile(
                f"sales of {waiting[0]}",
                problem=f"the month comes before {finished[-1]}, which is finished",
                hint="rebuild the database from the files to change the past",
            )
        return tuple(waiting)

    def run(
        self, months: int | None = None, *, progress: Progress | None = None, take_over: bool = False
    ) -> list[MonthReport]:
        """Process all months waiting, or the first few of them; finished months are not touched.

        Args:
            months: how many months at most.
            progress: called before each step.
            take_over: go on where a run died that still holds the right to run (on Snowflake; a file is let go at once).

        Raises:
            DatabaseBusy: another process runs the loop.
        """
        if months is not None and (not isinstance(months, int) or months < 0):
            raise BadConfig(f"{months} months cannot be processed", hint="give a number from 0, or None for all")
        with self._running(take_over=take_over):
            reports = [self.process_one_month(progress=progress) for _ in self.waiting()[:months]]
            if not reports:
                # a process that died between its last step and this left readers the month before
                self.backend.lifetime.publish()
            return reports

    def process_one_month(self, *, progress: Progress | None = None) -> MonthReport:
        """Process the next month: ingest, sentiment, features, labels, dataset, measure, drift, decide, train, promote,
        predict, monitor, alert, prune, report.

        Steps commit with their rows in the journal: a process that dies anywhere goes on where it stopped.

        Raises:
            NotFound: no month is waiting.
            BadFile: a file of the month cannot be loaded; the month stays as it was before.
            DatabaseBusy: another process runs the loop.
            NotSupported, BadConfig: the settings ask for what cannot be had here.
        """
        engine = self.backend.engine
        self._check()
        with self._running():
            self._counted = engine.sent
            waiting = self.waiting()
            if not waiting:
                raise NotFound("no month is waiting", hint="ingest the next month's files")
            self._begin(waiting[0])
            for steps in self._groups(waiting[0]):
                self._keep(steps, progress)
            self.backend.lifetime.publish()
            engine.purpose = ""
            return self.report(waiting[0])

    @property
    def _loop(self) -> Lifecycle:
        return self

    def _run_group(self, kinds: tuple[StepKind, ...], *, begins: bool) -> str:
        engine = self.backend.engine
        self._check()
        with self._running():
            self._counted = engine.sent
            open_months = [month for month in self.journal.begun() if month not in self.journal.finished()]
            waiting = open_months or list(self.waiting() if begins else ())
            if not waiting:
                return "no month is waiting" if begins else "no month is in progress"
            month = waiting[0]
            groups = self._groups(month)
            if groups[0][0].kind not in kinds:
                return f"{month} goes on with {groups[0][0].name}"
            self._begin(month)
            self._keep(groups[0], None)
            if len(groups) == 1:
                self.backend.lifetime.publish()
            engine.purpose = ""
            return f"{month}: {', '.join(step.name for step in groups[0])}"

    def _groups(self, month: Month) -> tuple[tuple[Step, ...], ...]:
        """The steps that a month still needs, in the groups in which they are kept."""
        # without alerts nothing of a month reaches outside
        quiet = not self.config.alerts and not self.backend.alerts.alerts()
        return together(self.plan(month), quiet=quiet)

    def _begin(self, month: Month) -> None:
        """Say what is done for, and fix the settings with the first month."""
        self.backend.engine.purpose = f"{self.config.name} {month}"
        if self.journal.is_new(self.config.meaning):
            with self._transaction():
                self.journal.fix_meaning(self.config.meaning)

    def _check(self) -> None:
        """See once that the settings can be followed here, before anything is done."""
        if not self._checked:
            self.workspace.alerts.check(*self.config.alerts)
            check_place(self)
            self._checked = True

    def _keep(self, steps: tuple[Step, ...], progress: Progress | None) -> None:
        """Do steps that are kept together."""
        engine = self.backend.engine
        tell: Progress = progress or (lambda _: None)
        # what a look at the alerts tells people cannot be taken back: whatever may stop this group does so before it
        first = [step for step in steps if step is steps[0] or steps[0].kind is StepKind.ALERT]
        for step in first:
            tell(step)
        # in a month without alerts the look reaches nobody, and waits for what the steps before it find
        later = [step for step in steps if step.kind is StepKind.ALERT and step not in first]
        prepared = {step: self._for(step, prepare) for step in steps if step not in later}
        with self._transaction():
            for step in steps:
                if step not in first:
                    tell(step)
                started = time.perf_counter()
                ready = self._for(step, prepare) if step in later else prepared[step]
                result = self._for(step, perform, ready)
                # what was sent before the step, to begin the month or to end the former steps, is the step's
                before, self._counted = self._counted, engine.sent
                self.journal.append(step, result, time.perf_counter() - started, self._counted - before)

    def _for(self, step: Step, action: Callable[..., Any], *arguments: Any) -> Any:
        """Do something for a step, and let the engine know what it is done for."""
        self.backend.engine.purpose = f"{self.config.name} {step.month} {step.name}"
        return action(self, step, *arguments)

    def plan(self, month: Month | None = None) -> tuple[Step, ...]:
        """The steps that a month (default: the next one waiting) still needs; nothing is done."""
        if month is None:
            month = self.waiting()[0]
        if month in self.journal.finished():
            # whatever its files are by now: it may have been revised
            return ()
        period_end, content = self._files_of(month)
        steps = plan_month(month, period_end, content, self.config, self.journal.done)
        changed = [step for step in steps if self.journal.result(month, step.kind) is not None]
        if changed:
            raise BadFile(
                f"sales of {month}",
                problem="the month was begun with other files",
                hint="put the former files back, or build a new database from the new ones",
            )
        return steps

    def preview(self) -> Preview:
        """What the next month would do and send, in words and statements; nothing is done."""
        return preview(self)

    # -- what the steps ask; each answer is a fold over the journal or the catalog

    def load(self, month: Month) -> dict[str, Any]:
        """Ingest a month's files when they are not yet; count what the month holds."""
        if self.source is not None and month in {known.month for known in self.source.months}:
            self.door.ingest_month(self.source, month)
        own = [f for f in self.backend.loader.ingested() if f.month == month]
        kinds = ("sales", "feedback", "customers")
        return {
            "rows": {kind: sum(f.rows_loaded for f in own if f.kind == kind) for kind in kinds},
            "files": sorted(f.name for f in own),
        }

    def files_of(self, month: Month) -> tuple[str, ...]:
        """The names of a month's files that wait in the source."""
        return () if self.source is None else self.door.files_waiting(self.source, month)

    def history_files(self) -> tuple[str, ...]:
        """The names of files that cover many months and are not loaded."""
        return () if self.source is None else self.door.files_waiting(self.source, None)

    def own_monitors(self) -> list[MonitorRecord]:
        """The monitors of this loop's roles, oldest first."""
        parts = tuple(f"{self.config.name}_{part}_" for part in PARTS.values())
        return [m for m in self.backend.monitors.monitors() if m.name.startswith(parts)]

    def datasets(self) -> list[DatasetVersion]:
        """The kept dataset versions of this loop, oldest as-of first."""
        own = [d for d in self.backend.feature_store.datasets() if d.name == self.config.name]
        return sorted(own, key=lambda d: d.as_ofs[0])

    def feature_columns(self) -> tuple[tuple[str, str], ...]:
        """The model's input columns with their types."""
        return features_of(self.backend.engine.columns("FEATURES"))

    @property
    def baseline_table(self) -> str:
        """What the first model was trained on."""
        return f"{self.config.name}_BASELINE"

    def baseline(self) -> dict[str, Histogram]:
        """The baseline's counts of each feature, which never change; empty before the first model."""
        base = self.base()
        if base is None:
            return {}
        if base.version_name not in self._baselines:
            features = {bins.column for bins in self.bins()}
            counted = collect(self.workspace.monitor.state.counted(FEATURES_SUBJECT, None).to_pylist())
            self._baselines[base.version_name] = {c: found for c, found in counted.items() if c in features}
        return self._baselines[base.version_name]

    def bins(self, *, of_label: bool = False) -> tuple[Bins, ...]:
        """How each feature is counted, or the label; empty before the first model."""
        rows = [r for r in self.backend.engine.read("MONITOR_BINS").to_pylist() if r["SUBJECT"] == self.config.name]
        every = (from_json(Bins, r["BINS"]) for r in sorted(rows, key=lambda r: r["POSITION"]))
        return tuple(bins for bins in every if (bins.column == "CHURNED") == of_label)

    def segments(self) -> tuple[str, ...]:
        """The segment columns that the features have."""
        texts = [name for name, kind in self.feature_columns() if kind.lstrip("!").startswith("string")]
        return tuple(name for name in self.config.segment_columns if name in texts)

    def append(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows to one of the loop's tables."""
        if rows:
            self.backend.engine.write(table, pa.Table.from_pylist(list(rows)))

    def _files_of(self, month: Month) -> tuple[dt.date, str]:
        """The as-of of a month and the hash of its sales files, ingested or waiting."""
        own = [f for f in self.backend.loader.ingested() if f.kind == "sales" and f.month == month]
        hashes = {f.content_hash for f in own}
        ends = [f.period_end for f in own if f.period_end is not None]
        if self.source is not None and month in {known.month for known in self.source.months}:
            files = self.source.month(month).files
            hashes |= {f.content_hash for f in files if f.kind == "sales"}
            newest = max(known.month for known in self.source.months)
            # what was ingested says itself how far it reaches
            ends = ends or [(month == newest and self.source.period_end) or month.end]
        return max(ends), "/".join(sorted(hashes))

    def __repr__(self) -> str:
        return f"Lifecycle({self.config.name}, finished={len(self.journal.finished())}, waiting={len(self.waiting())})"
