"""Files of finished months that come late or are restated: what they replace is planned, what they change is measured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from churnobs.display import Shown, shown
from churnobs.errors import BadFile
from churnobs.expressions.labels import LabelWindow, changed_labels, labels
from churnobs.expressions.performance import BINARY_METRICS, RECENCY, stored_performance
from churnobs.expressions.render import Query
from churnobs.tables import STATE_THROUGH

if TYPE_CHECKING:
    from churnobs.ingest import IngestedFile
    from churnobs.lifecycle.correcting import Correcting
    from churnobs.months import Month
    from churnobs.sources import Source, SourceFile

METRICS: Final = (*BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1", "RECENCY_F1", "RECENCY_AUC")
_ROLES: Final = ("BASE", "DEFAULT", "CHALLENGER")
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
    """

    number: int
    after: str
    files: tuple[Restated, ...]
    labels_changed: Mapping[str, int] = field(default_factory=dict)
    numbers: tuple[RevisedNumber, ...] = ()

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
        return "; ".join(parts)


def plan_revision(
    source: Source, ingested: Sequence[IngestedFile], finished: Collection[Month]
) -> tuple[tuple[SourceFile, ...], ...]:
    """The files to load anew, a kind of a finished month together, oldest month first; empty where nothing differs.

    Raises:
        BadFile: not all files of the month are given, its files are not finished, or a file covers several months.
    """
    known = {(f.kind, f.content_hash) for f in ingested}
    planned: dict[tuple[Month, str], list[SourceFile]] = {}
    for file in source.files:
        if file.kind == "customers":
            # the newest word on a customer counts: such files need no revision
            continue
        before = [f for f in ingested if f.kind == file.kind]
        if file.month is None:
            if before and (file.kind, file.content_hash) not in known:
                raise BadFile(
                    file.name,
                    problem="covers several months, and a revision is of one",
                    hint="give month files of what changed, or build a new database",
                )
            continue
        if file.month in finished:
            planned.setdefault((file.month, file.kind), []).append(file)
        elif any(f.month == file.month for f in before) and (file.kind, file.content_hash) not in known:
            raise BadFile(
                file.name, problem=f"{file.month} is loaded and not finished", hint="run() finishes it; revise it then"
            )
    changed = []
    for (month, kind), files in sorted(planned.items(), key=lambda pair: (pair[0][0], pair[0][1] != "sales")):
        if all((f.kind, f.content_hash) in known for f in files):
            continue
        missing = sorted({f.name for f in ingested if (f.kind, f.month) == (kind, month)} - {f.name for f in files})
        if missing:
            raise BadFile(
                files[0].name,
                problem=f"{kind} of {month} were also loaded from {missing[0]}, which is not given",
                hint="give all files of the month, each under its former name; what they hold then is the month",
            )
        changed.append(tuple(files))
    return tuple(changed)


def revise(
    loop: Correcting, source: Source, planned: Sequence[Sequence[SourceFile]], number: int, on_error: Any
) -> Revision:
    """Load what is planned and measure what it changes; within the caller's transaction."""
    after = str(loop.journal.finished()[-1])
    known = {(f.kind, f.content_hash) for f in loop.backend.loader.ingested()}
    names = {f.name for f in loop.backend.loader.ingested()}
    restated = []
    for files in planned:
        gone, loaded = loop.door.ingest_again(source, files, number, on_error)
        new = [f.name for f in files if (f.kind, f.content_hash) not in known]
        again, late = (tuple(n for n in new if (n in names) == was) for was in (True, False))
        restated.append(Restated(files[0].kind, str(files[0].month), again, late, gone, loaded))
    # what all rows before the newest as-of add up to is counted again
    empty = {name: pa.array([], _ARROW[kind]) for name, kind in STATE_THROUGH.items()}
    loop.backend.engine.write("STATE_THROUGH", pa.table(empty), replace=True)
    months = [files[0].month for files in planned if files[0].kind == "sales"]
    changed, numbers = {}, []
    for as_of in loop.final_as_ofs():
        end = loop.config.label_rule.final_at(as_of)
        if not any(month is not None and month.start < end and as_of < month.end for month in months):
            continue
        window = LabelWindow.of(as_of, max(loop.as_ofs()), loop.config.label_rule)
        (counted,) = loop.backend.engine.read(Query(changed_labels, (window,))).to_pylist()
        if counted["CHANGED"]:
            changed[as_of.isoformat()] = int(counted["CHANGED"])
        if as_of in loop.predicted_as_ofs():
            numbers += _numbers(loop, window)
    found = Revision(number, after, tuple(restated), changed, tuple(numbers))
    _store(loop, found)
    return found


def _numbers(loop: Correcting, window: LabelWindow) -> list[RevisedNumber]:
    """What was predicted at an as-of, measured by the labels that the sales give now."""
    query = Query(stored_performance, ((window.as_of,), loop.config.horizon_days, _ROLES))
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
