"""What monitors have counted: kept by day and segment, counted anew only where the source changed, read as merges."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from churnobs.divergence import fit_bins
from churnobs.errors import BadConfig
from churnobs.expressions.drift import Bins, summaries
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
from churnobs.expressions.render import Query, Rendered
from churnobs.expressions.scores import out_of_range, state_rows
from churnobs.monitoring.roles import features_of, watched_columns
from churnobs.tables import MONITOR_CONFUSION, MONITOR_ERRORS, MONITOR_HISTOGRAMS, MONITOR_SCORES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from churnobs.ports import EnginePort, MonitorPort, Part, WatchedDay
    from churnobs.records import MonitorRecord
    from churnobs.tables import Columns

PARTS: Final[tuple[Part, ...]] = ("OUTCOMES", "HISTOGRAMS")
_AT_A_TIME: Final = 6
MANY_ROWS: Final = 200_000
# of each side, for what looks at rows and not at counts
SAMPLE_ROWS: Final = 50_000
OUTCOMES: Final[Mapping[str, tuple[str, Columns]]] = {
    "TABULAR_BINARY_CLASSIFICATION": ("MONITOR_SCORES", MONITOR_SCORES),
    "TABULAR_MULTI_CLASSIFICATION": ("MONITOR_CONFUSION", MONITOR_CONFUSION),
    "TABULAR_REGRESSION": ("MONITOR_ERRORS", MONITOR_ERRORS),
}


def kind_of(ibis_type: str) -> str:
    """How a column of an Ibis type is counted: "number" or "category"."""
    return "number" if ibis_type.lstrip("!").startswith(("int", "uint", "float", "decimal")) else "category"


def baseline_table(monitor: str) -> str:
    """Where a monitor keeps rows of its baseline: all of them, or a sample of SAMPLE_ROWS."""
    return f"{monitor}$BASELINE"


class MonitorState:
    """Counts what monitors watch, and reads what was counted."""

    def __init__(self, engine: EnginePort, port: MonitorPort) -> None:
        self._engine = engine
        self._port = port

    def refresh(
        self, record: MonitorRecord, days: Sequence[dt.date] = (), parts: Sequence[Part] = PARTS
    ) -> list[dt.date]:
        """Count the days of a monitor's source that are new or not what they were, and forget those that are gone.

        A day whose labels are final is never counted again, whatever becomes of its rows.

        Args:
            record: the monitor.
            days: look at these days only; all of them when empty.
            parts: what to count.

        Returns:
            The days that were counted.

        Raises:
            BadConfig: a score is outside 0 to 1, or (strict) a value is no finite number; nothing was counted.
        """
        source = record.source
        counted = []
        for part in parts:
            groups = self._together(record, part)
            seen = self._port.days(source.source, source.timestamp_column, groups, sorted(days))
            counted.append(self._refresh_part(record, part, seen, days))
        return sorted({day for part in counted for day in part})

    def _refresh_part(
        self, record: MonitorRecord, part: Part, seen: Sequence[WatchedDay], days: Sequence[dt.date]
    ) -> list[dt.date]:
        source = record.source
        known = {row["DAY"]: row for row in self.days(record, part)}
        through = record.data_through or max((d.newest.date() for d in seen), default=None)
        ripe_before = None
        if record.horizon_days is not None and through is not None:
            ripe_before = through - dt.timedelta(days=record.horizon_days)
        final = {d.day: _is_final(d, ripe_before) for d in seen}
        changed = [
            d
            for d in seen
            if d.day not in known or (not known[d.day]["IS_FINAL"] and _differs(d, known[d.day], is_final=final[d.day]))
        ]
        gone = [] if days else [day for day in known if day not in final and not known[day]["IS_FINAL"]]
        if not changed and not gone:
            return []
        counted = [d.day for d in changed]
        everything = not days and len(changed) == len(seen)
        with self._engine.transaction():
            if counted:
                columns = tuple(self._engine.columns(f'SELECT * FROM "{source.source}"').items())
                watched = Watched(
                    SOURCE,
                    columns,
                    source.timestamp_column,
                    source.segment_columns,
                    () if everything else tuple(counted),
                    ripe_before,
                )
                self._port.forget(record.name, [*(day for day in counted if day in known), *gone], part)
                self._count(record, part, watched, changed)
                self._refuse(record, part, watched)
                self._note(record, part, changed, final)
            else:
                self._port.forget(record.name, gone, part)
        return counted

    def keep_baseline(self, record: MonitorRecord) -> None:
        """Count the baseline of a monitor, and keep a sample of its rows; what becomes of the table means nothing after.

        Where features are counted elsewhere the baseline is the loop's own, which never changes: it is read where it is.
        """
        table = str(record.source.baseline)
        if record.shared is None:
            self._engine.drop(baseline_table(record.name))
            self._engine.write(baseline_table(record.name), self._port.sample(table, SAMPLE_ROWS))
        columns = self._engine.columns(f'SELECT * FROM "{table}"')
        own = self._subjects(record)[record.name]
        bins = tuple(b for b in record.bins if b.column in columns and b.column in own)
        segments = tuple(c for c in record.source.segment_columns if c in columns)
        watched = Watched(SOURCE, tuple(columns.items()), None, segments)
        rows = int(self._engine.read(f'SELECT count(*) AS ROWS_ALL FROM "{table}"')["ROWS_ALL"][0].as_py())
        self.store_histograms(record.name, table, watched, bins, rows)

    def with_columns(self, record: MonitorRecord, bins: tuple[Bins, ...] = ()) -> MonitorRecord:
        """The record with its features, and how each of its columns is counted.

        Args:
            record: a monitor whose source is set.
            bins: columns that are counted in a given way.

        Raises:
            BadConfig: see ``features_of``.
        """
        source = record.source
        columns = self._engine.columns(f'SELECT * FROM "{source.source}"')
        features = features_of(source, columns, record.task)
        given = {b.column: b for b in bins}
        names = [c for c in watched_columns(source, features) if c not in given]
        is_binary = record.task == "TABULAR_BINARY_CLASSIFICATION"
        scores = source.prediction_score_columns if is_binary else ()
        fitted = self.fit_bins(names, columns, scores, source.baseline, record.settings.cells)
        return dataclasses.replace(record, features=features, bins=(*bins, *fitted))

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        return self._engine.transaction()

    def fit_bins(
        self, names: Sequence[str], kinds: Mapping[str, str], scores: Sequence[str], table: str | None, cells: int
    ) -> tuple[Bins, ...]:
        """How columns are counted, by what the baseline (where there is one) holds of them.

        Args:
            names: the columns.
            kinds: name -> Ibis type in the source.
            scores: those that are probabilities: their grid is 0 to 1.
            table: the baseline.
            cells: of a numeric column.
        """
        numbers = [n for n in names if kind_of(kinds[n]) == "number" and n not in scores]
        there = self._engine.columns(f'SELECT * FROM "{table}"') if table else {}
        known = tuple(n for n in numbers if n in there and kind_of(there[n]) == "number")
        found = {}
        if known:
            rows = self._engine.read(summaries(table or "", known)).to_pylist()
            found = {row["COLUMN_NAME"]: row for row in rows}
        bins = []
        for name in names:
            if name in scores:
                bins.append(Bins(name, "number", low=0.0, width=1.0 / cells, cells=cells))
            elif name in found:
                row = found[name]
                bins.append(fit_bins(name, row["LOW"], row["HIGH"], row["MEAN"], row["SPREAD"], cells))
            else:
                bins.append(Bins(name, kind_of(kinds[name])))
        return tuple(bins)

    def days(self, record: MonitorRecord, part: Part = "OUTCOMES") -> list[dict[str, Any]]:
        """The days of which a part was counted: DAY, ROWS_ALL, FINGERPRINT, IS_FINAL; oldest first."""
        query = f"SELECT * FROM MONITOR_DAYS WHERE SUBJECT = '{record.name}' AND PART = '{part}' ORDER BY DAY"
        rows: list[dict[str, Any]] = self._engine.read(query).to_pylist()
        return rows

    def outcomes(self, record: MonitorRecord, first: dt.date, last: dt.date, segment: str | None) -> pa.Table:
        """The counted outcomes of the days first to last, of all rows or by the values of a segment column."""
        name, columns = OUTCOMES[record.task]
        return self._engine.read(Query(state_rows, (name, tuple(columns.items()), record.name, first, last, segment)))

    def histograms(
        self, record: MonitorRecord, column: str | None, first: dt.date, last: dt.date, segment: str | None
    ) -> pa.Table:
        """The counted cells of one column (or all) over the days first to last; segments as for the outcomes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = []
        for subject, names in self._subjects(record).items():
            if column is None or column in names:
                query = Query(
                    state_rows, ("MONITOR_HISTOGRAMS", tuple(MONITOR_HISTOGRAMS.items()), subject, first, last, segment)
                )
                rows = self._engine.read(query)
                wanted = list(names) if column is None else [column]
                parts.append(rows.filter(pc.is_in(rows["COLUMN_NAME"], pa.array(wanted, pa.string()))))
        return pa.concat_tables(parts)

    def baseline(self, record: MonitorRecord, column: str | None = None) -> pa.Table:
        """The counted cells of the baseline, of one column or all."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = []
        for subject, names in self._subjects(record).items():
            rows = self._engine.read(f"SELECT * FROM MONITOR_HISTOGRAMS WHERE SUBJECT = '{subject}' AND DAY IS NULL")
            wanted = list(names) if column is None else [c for c in names if c == column]
            parts.append(rows.filter(pc.is_in(rows["COLUMN_NAME"], pa.array(wanted, pa.string()))))
        return pa.concat_tables(parts)

    def samples(self, record: MonitorRecord, start: dt.date, end: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The features of the baseline and of the days start to end, of those features that both have: all rows, or a
        sample of SAMPLE_ROWS of each.

        Raises:
            BadConfig: they have no feature in common.
        """
        kept = baseline_table(record.name) if record.shared is None else str(record.source.baseline)
        there = self._engine.columns(f'SELECT * FROM "{kept}"')
        names = [name for name in record.features if name in there]
        if not names:
            raise BadConfig(
                f"source and baseline of {record.name} share no feature", hint="make it with another baseline"
            )
        before = self._engine.read(self._port.sample(kept, SAMPLE_ROWS))
        period = (record.source.timestamp_column, start, end)
        now = self._engine.read(self._port.sample(record.source.source, SAMPLE_ROWS, period))
        return before.select(names).to_pandas(), now.select(names).to_pandas()

    def counted(self, subject: str, day: dt.date | None) -> pa.Table:
        """The counted cells of all rows of one day, or of the baseline (None)."""
        when = "DAY IS NULL" if day is None else f"DAY = DATE '{day}'"
        return self._engine.read(
            f"SELECT * FROM MONITOR_HISTOGRAMS WHERE SUBJECT = '{subject}' AND {when} AND SEGMENT_COLUMN IS NULL"
        )

    def store(self, table: str, subject: str, source: str, query: Rendered) -> None:
        """Count a source and keep what was counted under a subject."""
        text = self._over(source, query)
        self._engine.write(table, f"SELECT '{subject}' AS SUBJECT, COUNTED.* FROM (\n{text}\n) AS COUNTED")

    def _over(self, source: str, query: Rendered) -> str:
        """The text of a counting query over a source.

        The name is put in as it is: a common table expression with many readers is written out whole, row by row.
        """
        return query.sql(self._engine.dialect).replace(f'"{SOURCE}"', f'"{source}"')

    def _together(self, record: MonitorRecord, part: Part) -> list[tuple[str, ...]]:
        """The columns whose values in one row matter together: a few at a time, so that a scan holds few columns."""
        source = record.source
        if part == "OUTCOMES":
            actual = (*source.actual_class_columns, *source.actual_score_columns)
            said = (*source.prediction_class_columns, *source.prediction_score_columns)
            return [(source.timestamp_column, *said, *actual, *source.segment_columns)]
        own = [name for name in self._subjects(record)[record.name] if name not in source.segment_columns]
        chunks = [own[i : i + _AT_A_TIME] for i in range(0, len(own), _AT_A_TIME)] or [[]]
        return [(source.timestamp_column, *chunk, *source.segment_columns) for chunk in chunks]

    def _subjects(self, record: MonitorRecord) -> dict[str, tuple[str, ...]]:
        """Who counts which columns of a monitor."""
        names = tuple(b.column for b in record.bins)
        if record.shared is None:
            return {record.name: names}
        return {
            record.name: tuple(n for n in names if n not in record.features),
            record.shared: tuple(n for n in names if n in record.features),
        }

    def _count(self, record: MonitorRecord, part: Part, watched: Watched, days: Sequence[WatchedDay]) -> None:
        if part == "OUTCOMES":
            self._count_outcomes(record, watched, days)
            return
        own = self._subjects(record)[record.name]
        bins = tuple(b for b in record.bins if b.column in own)
        self.store_histograms(record.name, record.source.source, watched, bins, sum(d.rows for d in days))

    def store_histograms(self, subject: str, source: str, watched: Watched, bins: tuple[Bins, ...], rows: int) -> None:
        """Count columns: all at once, or where there are many rows a few at a time, which takes less memory."""
        step = _AT_A_TIME if rows > MANY_ROWS else len(bins)
        for start in range(0, len(bins), max(step, 1)):
            query = Query(day_histograms, (watched, bins[start : start + step]))
            self.store("MONITOR_HISTOGRAMS", subject, source, query)

    def _count_outcomes(self, record: MonitorRecord, watched: Watched, days: Sequence[WatchedDay]) -> None:
        source, settings = record.source, record.settings
        label, said = (_first(c) for c in (source.actual_class_columns, source.prediction_class_columns))
        actual, score = (_first(c) for c in (source.actual_score_columns, source.prediction_score_columns))
        query: Query | None
        match record.task:
            case "TABULAR_REGRESSION":
                query = Query(day_errors, (watched, actual, score))
            case "TABULAR_MULTI_CLASSIFICATION":
                query = Query(day_confusion, (watched, label, said))
            case _:
                self._count_scores(record, watched, days, (label, said, score, settings.score_cells))
                query = None
        if query is not None:
            self.store(OUTCOMES[record.task][0], record.name, source.source, query)

    def _count_scores(
        self, record: MonitorRecord, watched: Watched, days: Sequence[WatchedDay], roles: tuple[Any, ...]
    ) -> None:
        few = tuple(d.day for d in days if d.rows <= record.settings.exact_rows)
        many = tuple(d.day for d in days if d.rows > record.settings.exact_rows)
        for build, chosen in ((exact_day_scores, few), (binned_day_scores, many)):
            if chosen:
                # days that are all of one kind need no list
                own = watched if len(chosen) == len(days) else dataclasses.replace(watched, days=chosen)
                self.store("MONITOR_SCORES", record.name, record.source.source, Query(build, (own, *roles)))

    def _refuse(self, record: MonitorRecord, part: Part, watched: Watched) -> None:
        score = _first(record.source.prediction_score_columns)
        # what the loop stored are the probabilities of its own models
        is_foreign = record.shared is None
        is_probability = is_foreign and score is not None and record.task == "TABULAR_BINARY_CLASSIFICATION"
        if is_probability and part == "HISTOGRAMS":
            # its grid holds everything; the outcomes tell
            is_probability = False
        if is_probability:
            counted = Query(out_of_range, ("MONITOR_SCORES", tuple(MONITOR_SCORES.items()), record.name))
            # the rows are looked at only where their cells say that something is wrong
            is_probability = bool(self._engine.read(counted)["OUTSIDE"][0].as_py())
        numbers = tuple(b.column for b in record.bins if b.kind == "number") if record.settings.strict else ()
        if not is_probability and not numbers:
            return
        query = Query(refused_values, (watched, score if is_probability else None, numbers))
        (row,) = self._engine.read(self._over(record.source.source, query)).to_pylist()
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

    def _note(
        self, record: MonitorRecord, part: Part, days: Sequence[WatchedDay], final: Mapping[dt.date, bool | None]
    ) -> None:
        import pyarrow as pa

        columns = {
            "SUBJECT": pa.array([record.name] * len(days), pa.string()),
            "PART": pa.array([part] * len(days), pa.string()),
            "DAY": pa.array([d.day for d in days], pa.date32()),
            "ROWS_ALL": pa.array([d.rows for d in days], pa.int64()),
            "FINGERPRINT": pa.array([d.fingerprint for d in days], pa.string()),
            "IS_FINAL": pa.array([final[d.day] for d in days], pa.bool_()),
        }
        self._engine.write("MONITOR_DAYS", pa.table(columns))


def _is_final(day: WatchedDay, ripe_before: dt.date | None) -> bool | None:
    return None if ripe_before is None else day.newest <= dt.datetime.combine(ripe_before, dt.time())


def _differs(day: WatchedDay, known: Mapping[str, Any], *, is_final: bool | None) -> bool:
    return (day.fingerprint, is_final) != (known["FINGERPRINT"], known["IS_FINAL"])


def _first(columns: Sequence[str]) -> str | None:
    return columns[0] if columns else None
