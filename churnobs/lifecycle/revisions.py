"""Files of finished months that come late or are restated: what they replace is planned, what they change is measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from churnobs.display import Shown, shown
from churnobs.expressions.labels import LabelWindow, changed_labels, labels
from churnobs.expressions.performance import BINARY_METRICS, RECENCY, stored_performance
from churnobs.expressions.render import Query
from churnobs.lifecycle.roles import ROLES
from churnobs.tables import STATE_THROUGH

if TYPE_CHECKING:
    from churnobs.ingest import IngestedFile
    from churnobs.lifecycle.correcting import Correcting
    from churnobs.lifecycle.restating import Planned
    from churnobs.months import Month
    from churnobs.sources import Source, SourceFile

METRICS: Final = (*BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1", "RECENCY_F1", "RECENCY_AUC")
_ARROW: Final = {"date": pa.date32(), "int64": pa.int64()}


@dataclass(frozen=True, slots=True)
class Restated(Shown):
    """One kind of files of one finished month, loaded anew.

    Args:
        kind: sales or feedback.
        month: as text.
        restated: files that came again with other content. late: files that were not there before.
        rows_before, rows_after: how many rows of the kind the month has.
    """

    kind: str
    month: str
    restated: tuple[str, ...]
    late: tuple[str, ...]
    rows_before: int
    rows_after: int

    @property
    def words(self) -> str:
        """For people."""
        parts = [
            f"{', '.join(names)} {what}" for names, what in ((self.restated, "restated"), (self.late, "late")) if names
        ]
        return f"{self.kind} of {self.month} ({'; '.join(parts)}): {self.rows_after:,} rows for {self.rows_before:,}"


@dataclass(frozen=True, slots=True)
class RevisedNumber(Shown):
    """A final number as it was reported, and as the revised files have it; the predictions are those that were stored."""

    as_of: dt.date
    role: str
    version: str
    metric: str
    reported: float | None
    revised: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Revision(Shown):
    """What a revision changed. What was reported stays; labels and datasets that are final are never changed.

    Args:
        number: from 1.
        after: the newest month that was finished then.
        files: what was loaded anew.
        labels_changed: as-of -> how many of its final labels would be others now; those without a change are left out.
        numbers: every final number of the as-ofs that the files can have changed.
        open: what the files have otherwise too, and is left alone since its month is not finished.
    """

    number: int
    after: str
    files: tuple[Restated, ...]
    labels_changed: Mapping[str, int] = field(default_factory=dict)
    numbers: tuple[RevisedNumber, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For people."""
        parts = [f"revision {self.number}: " + "; ".join(one.words for one in self.files)]
        parts += [f"{count:,} final labels of {as_of} would be others" for as_of, count in self.labels_changed.items()]
        parts += [
            f"ROC_AUC of what served at {n.as_of} was reported as {shown(n.reported)} and is {shown(n.revised)} by the "
            "revised files"
            for n in self.numbers
            if n.role == "DEFAULT" and n.metric == "ROC_AUC" and n.reported != n.revised
        ]
        if self.open:
            parts.append(f"{', '.join(self.open)} would change too, and can be revised when finished")
        return "; ".join(parts)


def revise(loop: Correcting, source: Source, planned: Planned, number: int, on_error: Any) -> Revision:
    """Load what is planned and measure what it changes; within the caller's transaction."""
    after = str(loop.journal.finished()[-1])
    before = loop.backend.loader.ingested()
    restated = []
    for kind, months in planned.replaced.items():
        counted = loop.door.ingest_again(source, kind, months, number, on_error)
        restated += [_restated(kind, month, files, before, counted[month]) for month, files in months.items()]
    restated.sort(key=lambda one: one.month)
    # what all rows before the newest as-of add up to is counted again
    empty = {name: pa.array([], _ARROW[kind]) for name, kind in STATE_THROUGH.items()}
    loop.backend.engine.write("STATE_THROUGH", pa.table(empty), replace=True)
    sold = planned.replaced.get("sales", ())
    changed, numbers = {}, []
    for as_of in loop.final_as_ofs():
        end = loop.config.label_rule.final_at(as_of)
        if not any(month.start < end and as_of < month.end for month in sold):
            continue
        window = LabelWindow.of(as_of, max(loop.as_ofs()), loop.config.label_rule)
        (counts,) = loop.backend.engine.read(Query(changed_labels, (window,))).to_pylist()
        if counts["CHANGED"]:
            changed[as_of.isoformat()] = int(counts["CHANGED"])
        if as_of in loop.predicted_as_ofs():
            numbers += _numbers(loop, window)
    found = Revision(number, after, tuple(restated), changed, tuple(numbers), planned.open)
    _store(loop, found)
    return found


def _restated(
    kind: str, month: Month, files: Sequence[SourceFile], before: Sequence[IngestedFile], counted: tuple[int, int]
) -> Restated:
    known = {f.content_hash for f in before if (f.kind, f.month) == (kind, month)}
    names = {f.name for f in before}
    new = [f.name for f in files if f.content_hash not in known]
    again, late = (tuple(name for name in new if (name in names) == was) for was in (True, False))
    return Restated(kind, str(month), again, late, *counted)


def _numbers(loop: Correcting, window: LabelWindow) -> list[RevisedNumber]:
    """What was predicted at an as-of, measured by the labels that the sales give now."""
    query = Query(stored_performance, ((window.as_of,), loop.config.horizon_days, ROLES))
    rows = loop.backend.engine.read(query, {"LABELS": Query(labels, (window,))}).to_pylist()
    rule = next(row for row in rows if row["ROLE"] == RECENCY)
    reported = {m.role: m for month in loop.journal.finished() for m in loop.measured(month) if m.as_of == window.as_of}
    found = []
    for row in sorted((r for r in rows if r["ROLE"] in reported), key=lambda r: str(r["ROLE"])):
        row |= {"RECENCY_F1": rule["F1_SCORE"], "RECENCY_AUC": rule["ROC_AUC"]}
        told = reported[row["ROLE"]]
        found += [
            RevisedNumber(window.as_of, told.role, told.version, name, told[name], row[name], row["ROWS_ALL"])
            for name in METRICS
        ]
    return found


def _store(loop: Correcting, revision: Revision) -> None:
    rows = [
        {
            "REVISION": revision.number,
            "MONTH": revision.after,
            "TIMESTAMP": dt.datetime.combine(n.as_of, dt.time()),
            "ROLE": n.role,
            "VERSION": n.version,
            "METRIC_NAME": n.metric,
            "METRIC_VALUE": n.revised,
            "REPORTED_VALUE": n.reported,
            "COUNT_USED": n.rows,
        }
        for n in revision.numbers
    ]
    if rows:
        loop.backend.engine.write("MEASUREMENTS_REVISED", pa.Table.from_pylist(rows))
