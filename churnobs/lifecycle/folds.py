"""What the journal and the catalog say of the past."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from churnobs.codec import from_json, to_json
from churnobs.lifecycle.steps import StepKind
from churnobs.records import Measurement

if TYPE_CHECKING:
    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.lifecycle.journal import Journal
    from churnobs.months import Month
    from churnobs.ports import Backend
    from churnobs.records import VersionRecord
    from churnobs.workspace import Workspace


class Folds:
    """Questions about months that are done; each answer is a fold over the journal."""

    workspace: Workspace
    backend: Backend
    config: LifecycleConfig
    journal: Journal

    def state_through(self) -> dt.date | None:
        """The moment up to which purchases are added up already."""
        return max((row["AS_OF"] for row in self.backend.engine.read("STATE_THROUGH").to_pylist()), default=None)

    def as_ofs(self) -> tuple[dt.date, ...]:
        """All as-ofs with features, oldest first."""
        return tuple(dt.date.fromisoformat(r["as_of"]) for r in self.journal.results(StepKind.FEATURES))

    def final_as_ofs(self) -> tuple[dt.date, ...]:
        """All as-ofs whose labels are final."""
        return tuple(dt.date.fromisoformat(t) for r in self.journal.results(StepKind.LABELS) for t in r["final"])

    def newly_final(self, month: Month) -> tuple[dt.date, ...]:
        """The as-ofs that became final in a month."""
        return tuple(dt.date.fromisoformat(t) for t in self.journal.result(month, StepKind.LABELS)["final"])

    def predicted(self) -> list[tuple[dt.date, dict[str, str]]]:
        """The as-ofs for which predictions were stored, with the version in each role, oldest first."""
        months = self.journal.begun()
        done = [(self.journal.result(m, StepKind.PREDICT), self.journal.result(m, StepKind.FEATURES)) for m in months]
        return [(dt.date.fromisoformat(f["as_of"]), p["versions"]) for p, f in done if p and p["rows"]]

    def predicted_as_ofs(self) -> tuple[dt.date, ...]:
        """The as-ofs for which predictions were stored."""
        return tuple(as_of for as_of, _ in self.predicted())

    def measured(self, month: Month) -> list[Measurement]:
        """What was measured in a month."""
        return [from_json(Measurement, to_json(m)) for m in self.journal.result(month, StepKind.MEASURE)["measured"]]

    def version(self, version_name: str) -> VersionRecord:
        """A version of this loop's model."""
        return self.workspace.registry.record(self.config.name, version_name)

    def base(self) -> VersionRecord | None:
        """The first model."""
        first = [r["version"] for r in self.journal.results(StepKind.TRAIN) if r["version"]]
        return self.version(first[0]) if first else None

    def default(self) -> VersionRecord | None:
        """The version that serves."""
        own = (r for r in self.backend.registry.versions() if r.model_name == self.config.name)
        return next((r for r in own if r.is_default), None)
