"""What the journal says of the past."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from churnobs.codec import from_json, to_json
from churnobs.lifecycle.steps import StepKind
from churnobs.records import Measurement

if TYPE_CHECKING:
    from churnobs.lifecycle.journal import Journal
    from churnobs.months import Month
    from churnobs.ports import Backend


class Folds:
    """Questions about months that are done; each answer is a fold over the journal."""

    backend: Backend
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
