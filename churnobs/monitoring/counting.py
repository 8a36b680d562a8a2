"""Counting what monitors watch: only what changed, and for several monitors with one statement a table."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churnobs.errors import BadConfig
from churnobs.expressions.drift import Bins
from churnobs.expressions.monitored import (
    SOURCE,
    Watched,
    binned_day_scores,
    day_confusion,
    day_errors,
    day_histograms,
    exact_day_scores,
    refused_values,
)
from churnobs.expressions.render import Query, Text
from churnobs.expressions.scores import out_of_range
from churnobs.tables import MONITOR_CONFUSION, MONITOR_ERRORS, MONITOR_SCORES

if TYPE_CHECKING:
    from churnobs.ports import EnginePort, Part, WatchedDay
    from churnobs.records import MonitorRecord
    from churnobs.tables import Columns

PARTS: Final[tuple[Part, ...]] = ("OUTCOMES", "HISTOGRAMS")
# columns that are counted together where there are many rows: it takes less memory
AT_A_TIME: Final = 6
MANY_ROWS: Final = 200_000
OUTCOMES: Final[Mapping[str, tuple[str, Columns]]] = {
    "TABULAR_BINARY_CLASSIFICATION": ("MONITOR_SCORES", MONITOR_SCORES),
    "TABULAR_MULTI_CLASSIFICATION": ("MONITOR_CONFUSION", MONITOR_CONFUSION),
    "TABULAR_REGRESSION": ("MONITOR_ERRORS", MONITOR_ERRORS),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be counted again of one part of a monitor.

    Args:
        days: of the source that are new or not what they were.
        gone: counted days that are to be forgotten.
        final: whether the labels of each day are final.
        through: labels of rows up to this moment are final; None where nobody knows.
        everything: whether the days are all that the source has.
    """

    record: MonitorRecord
    part: Part
    days: tuple[WatchedDay, ...]
    gone: tuple[dt.date, ...]
    final: Mapping[dt.date, bool | None]
    through: dt.date | None
    everything: bool


def change_of(
    record: MonitorRecord,
    part: Part,
    seen: Sequence[WatchedDay],
    known: Mapping[dt.date, Mapping[str, Any]],
    days: Sequence[dt.date],
) -> Change | None:
    """What changed of a part between what was counted and what is seen; None where nothing did.

    A day whose labels are final is never counted again, whatever becomes of its rows.
    """
    through = record.data_through or max((d.newest.date() for d in seen), default=None)
    ripe_before = None
    if record.horizon_days is not None and through is not None:
        ripe_before = through - dt.timedelta(days=record.horizon_days)
    final = {d.day: _is_final(d, ripe_before) for d in seen}
    changed = tuple(
        d
        for d in seen
        if d.day not in known or (not known[d.day]["IS_FINAL"] and _differs(d, known[d.day], is_final=final[d.day]))
    )
    gone = () if days else tuple(day for day in known if day not in final and not known[day]["IS_FINAL"])
    if not changed and not gone:
        return None
    again = tuple(d.day for d in changed if d.day in known)
    everything = not days and len(changed) == len(seen)
    return Change(record, part, changed, (*again, *gone), final, ripe_before, everything)


class Tally:
    """Counting queries, gathered and run one statement a table; those over many rows one by one."""

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self._queries: dict[str, list[Text]] = {}

    def add(self, table: str, subject: str, source: str, query: Query, rows: int) -> None:
        """Count a source, to be kept under a subject."""
        text = over(source, query, self._engine)
        counted = Text(
            f"SELECT '{subject}' AS SUBJECT, COUNTED.* FROM (\n{text}\n) AS COUNTED", ("SUBJECT", *query.names())
        )
        if rows > MANY_ROWS:
            self._engine.write(table, counted)
        else:
            self._queries.setdefault(table, []).append(counted)

    def histograms(self, subject: str, source: str, watched: Watched, bins: tuple[Bins, ...], rows: int) -> None:
        """Count columns: all at once, or where there are many rows a few at a time."""
        step = AT_A_TIME if rows > MANY_ROWS else len(bins)
        for start in range(0, len(bins), max(step, 1)):
            query = Query(day_histograms, (watched, bins[start : start + step]))
            self.add("MONITOR_HISTOGRAMS", subject, source, query, rows)

    def outcomes(self, record: MonitorRecord, held: str, watched: Watched, days: Sequence[WatchedDay]) -> None:
        """Count predictions beside what came true, in a table or view that has them."""
        source, settings = record.source, record.settings
        label, said = (first(c) for c in (source.actual_class_columns, source.prediction_class_columns))
        actual, score = (first(c) for c in (source.actual_score_columns, source.prediction_score_columns))
        table, rows = OUTCOMES[record.task][0], sum(d.rows for d in days)
        match record.task:
            case "TABULAR_REGRESSION":
                self.add(table, record.name, held, Query(day_errors, (watched, actual, score)), rows)
            case "TABULAR_MULTI_CLASSIFICATION":
                self.add(table, record.name, held, Query(day_confusion, (watched, label, said)), rows)
            case _:
                few = tuple(d.day for d in days if d.rows <= settings.exact_rows)
                many = tuple(d.day for d in days if d.rows > settings.exact_rows)
                for build, chosen in ((exact_day_scores, few), (binned_day_scores, many)):
                    if chosen:
                        # days that are all of one kind need no list
                        own = watched if len(chosen) == len(days) else dataclasses.replace(watched, days=chosen)
                        query = Query(build, (own, label, said, score, settings.score_cells))
                        self.add(table, record.name, held, query, rows)

    def write(self) -> None:
        """Run what is gathered."""
        for table, queries in self._queries.items():
            text = "\nUNION ALL\n".join(query.text for query in queries)
            self._engine.write(table, Text(text, queries[0].columns))
        self._queries.clear()


def over(source: str, query: Query, engine: EnginePort) -> str:
    """The text of a counting query over a source.

    The name is put in as it is: a common table expression with many readers is written out whole, row by row.
    """
    return query.sql(engine.dialect).replace(f'"{SOURCE}"', f'"{source}"')


def refuse(engine: EnginePort, record: MonitorRecord, part: Part, watched: Watched) -> None:
    """Look whether what was counted could be.

    Raises:
        BadConfig: a score is outside 0 to 1, or (strict) a value is no finite number.
    """
    score = first(record.source.prediction_score_columns)
    # what the loop stored are the probabilities of its own models
    is_foreign = record.shared is None
    is_probability = is_foreign and score is not None and record.task == "TABULAR_BINARY_CLASSIFICATION"
    if is_probability and part == "HISTOGRAMS":
        # its grid holds everything; the outcomes tell
        is_probability = False
    if is_probability:
        counted = Query(out_of_range, ("MONITOR_SCORES", tuple(MONITOR_SCORES.items()), record.name))
        # the rows are looked at only where their cells say that something is wrong
        is_probability = bool(engine.read(counted)["OUTSIDE"][0].as_py())
    numbers = tuple(b.column for b in record.bins if b.kind == "number") if record.settings.strict else ()
    if not is_probability and not numbers:
        return
    query = Query(refused_values, (watched, score if is_probability else None, numbers))
    (row,) = engine.read(over(record.source.source, query, engine)).to_pylist()
    if row["OUTSIDE"]:
        raise BadConfig(
            f"{row['OUTSIDE']} rows of {record.source.source} have a {score} outside 0 to 1",
            hint="a score is the probability of class 1; rescale it in a view",
        )
    if row["NOT_FINITE"]:
        raise BadConfig(
            f"{row['NOT_FINITE']} rows of {record.source.source} hold NaN or an infinity",
            hint="make them NULL in a view, or watch without strict",
        )


def note(engine: EnginePort, changes: Iterable[Change]) -> None:
    """Remember what the counted days looked like."""
    import pyarrow as pa

    days = [(change, day) for change in changes for day in change.days]
    columns = {
        "SUBJECT": pa.array([change.record.name for change, _ in days], pa.string()),
        "PART": pa.array([change.part for change, _ in days], pa.string()),
        "DAY": pa.array([d.day for _, d in days], pa.date32()),
        "ROWS_ALL": pa.array([d.rows for _, d in days], pa.int64()),
        "FINGERPRINT": pa.array([d.fingerprint for _, d in days], pa.string()),
        "IS_FINAL": pa.array([change.final[d.day] for change, d in days], pa.bool_()),
    }
    engine.write("MONITOR_DAYS", pa.table(columns))


def first(columns: Sequence[str]) -> str | None:
    """The only column of a role, or None."""
    return columns[0] if columns else None


def _is_final(day: WatchedDay, ripe_before: dt.date | None) -> bool | None:
    return None if ripe_before is None else day.newest <= dt.datetime.combine(ripe_before, dt.time())


def _differs(day: WatchedDay, known: Mapping[str, Any], *, is_final: bool | None) -> bool:
    return (day.fingerprint, is_final) != (known["FINGERPRINT"], known["IS_FINAL"])
