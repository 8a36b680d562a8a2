"""What monitors have counted: kept by day and segment, counted anew only where the source changed, read as merges."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Final

from churnobs.divergence import fit_bins
from churnobs.errors import BadConfig
from churnobs.expressions.drift import Bins, summaries
from churnobs.expressions.monitored import SOURCE, Watched, watched_rows
from churnobs.expressions.render import Query, Text
from churnobs.expressions.scores import state_rows
from churnobs.monitoring.counting import (
    AT_A_TIME,
    MANY_ROWS,
    OUTCOMES,
    PARTS,
    Change,
    Tally,
    change_of,
    note,
    over,
    refuse,
)
from churnobs.monitoring.roles import features_of, watched_columns
from churnobs.ports import Forgotten, Look
from churnobs.tables import MONITOR_HISTOGRAMS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from churnobs.ports import EnginePort, MonitorPort, Part
    from churnobs.records import MonitorRecord

    # where the rows of a monitor are read, and their columns there, by its name
    _Held = dict[str, tuple[str, tuple[tuple[str, str], ...]]]

# of each side, for what looks at rows and not at counts
SAMPLE_ROWS: Final = 50_000


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
        self, records: Sequence[MonitorRecord], days: Sequence[dt.date] = (), parts: Sequence[Part] = PARTS
    ) -> dict[str, list[dt.date]]:
        """Count the days of monitors' sources that are new or not what they were, and forget those that are gone.

        A day whose labels are final is never counted again, whatever becomes of its rows.

        Args:
            records: the monitors.
            days: look at these days only; all of them when empty.
            parts: what to count.

        Returns:
            The days that were counted of each monitor, by its name.

        Raises:
            BadConfig: a score is outside 0 to 1, or (strict) a value is no finite number; nothing was counted.
        """
        asked, asked_days = [(record, part) for record in records for part in parts], tuple(sorted(days))
        counted = [{row["DAY"]: row for row in self.days(record, part)} for record, part in asked]
        with ExitStack() as until_counted:
            held: _Held = {}
            for (record, _), known in zip(asked, counted, strict=True):
                # a day is about as large as those before it
                rows = len(asked_days) * max((row["ROWS_ALL"] for row in known.values()), default=0)
                self._hold(record, asked_days, rows, held, until_counted)
            looks = []
            for record, part in asked:
                source, _ = held.get(record.name, (record.source.source, ()))
                together = tuple(self._together(record, part))
                looks.append(Look(source, record.source.timestamp_column, together, asked_days))
            found = [
                change_of(record, part, seen, known, days)
                for (record, part), known, seen in zip(asked, counted, self._port.days(looks), strict=True)
            ]
            changes = [change for change in found if change is not None]
            if changes:
                with self._engine.transaction():
                    self._recount(changes, held, until_counted)
        return {r.name: sorted({d.day for c in changes if c.record is r for d in c.days}) for r in records}

    def _recount(self, changes: Sequence[Change], held: _Held, until_counted: ExitStack) -> None:
        self._port.forget([Forgotten(c.record.name, c.gone, c.part) for c in changes if c.gone])
        tally = Tally(self._engine)
        counted = [(change, self._watched(change)) for change in changes if change.days]
        for record in {change.record.name: change.record for change, _ in counted}.values():
            own = [(change, watched) for change, watched in counted if change.record is record]
            of_all = any(not watched.days for _, watched in own)
            own_days = () if of_all else tuple(sorted({d for _, watched in own for d in watched.days}))
            self._hold(record, own_days, sum(d.rows for c, _ in own for d in c.days), held, until_counted)
        for change, seen in counted:
            record = change.record
            source, columns = held.get(record.name, (record.source.source, seen.columns))
            watched = dataclasses.replace(seen, columns=columns)
            if change.part == "OUTCOMES":
                tally.outcomes(record, source, watched, change.days)
            else:
                names = self._subjects(record)[record.name]
                bins = tuple(b for b in record.bins if b.column in names)
                tally.histograms(record.name, source, watched, bins, sum(d.rows for d in change.days))
        tally.write()
        for change, watched in counted:
            refuse(self._engine, change.record, change.part, watched)
        note(self._engine, changes)

    def _hold(
        self, record: MonitorRecord, days: tuple[dt.date, ...], rows: int, held: _Held, until_counted: ExitStack
    ) -> None:
        """Remember where the rows of a large monitor are read, and their columns there, until they are counted.

        The loop's sources are views that join tables, and are read to see what changed and once for each column and segment:
        where there are many rows they are joined once.
        """
        if record.shared is None or rows <= MANY_ROWS or record.name in held:
            return
        wanted = {column for part in PARTS for group in self._together(record, part) for column in group}
        columns = tuple((column, kind) for column, kind in self._columns(record) if column in wanted)
        kept = Query(watched_rows, (Watched(SOURCE, columns, record.source.timestamp_column, (), days),))
        names = tuple(column for column, _ in columns)
        # the source has more columns, and its query says *
        listed = ", ".join(f'"{name}"' for name in names)
        text = f"SELECT {listed} FROM (\n{over(record.source.source, kept, self._engine)}\n) AS q"
        source = until_counted.enter_context(self._engine.held(record.source.source, Text(text, names)))
        held[record.name] = (source, columns)

    def _columns(self, record: MonitorRecord) -> tuple[tuple[str, str], ...]:
        return tuple(self._engine.columns(f'SELECT * FROM "{record.source.source}"').items())

    def _watched(self, change: Change) -> Watched:
        source = change.record.source
        days = () if change.everything else tuple(d.day for d in change.days)
        columns = self._columns(change.record)
        return Watched(SOURCE, columns, source.timestamp_column, source.segment_columns, days, change.through)

    def keep_baseline(self, record: MonitorRecord) -> None:
        """Count the baseline of a monitor, and keep a sample of its rows; what becomes of the table means nothing after.

        Where features are counted elsewhere so is the baseline, and it never changes: it is read where it is.
        """
        if record.shared is not None:
            return
        table = str(record.source.baseline)
        self._engine.drop(baseline_table(record.name))
        self._engine.write(baseline_table(record.name), self._port.sample(table, SAMPLE_ROWS))
        columns = self._engine.columns(f'SELECT * FROM "{table}"')
        bins = tuple(b for b in record.bins if b.column in columns)
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
        there = self._engine.columns(f'SELECT * FROM "{table}"') if table and numbers else {}
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
        import pyarrow.compute as pc

        rows = self._engine.read("MONITOR_DAYS")
        own = rows.filter(pc.and_(pc.equal(rows["SUBJECT"], record.name), pc.equal(rows["PART"], part)))
        return sorted(own.to_pylist(), key=lambda row: row["DAY"])

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
                if subject == record.shared:
                    # features are counted every month, whether this version predicted from them or not
                    days = pa.array([row["DAY"] for row in self.days(record, "HISTOGRAMS")], pa.date32())
                    rows = rows.filter(pc.is_in(rows["DAY"], days))
                wanted = list(names) if column is None else [column]
                parts.append(rows.filter(pc.is_in(rows["COLUMN_NAME"], pa.array(wanted, pa.string()))))
        return pa.concat_tables(parts)

    def baseline(self, record: MonitorRecord, column: str | None = None) -> pa.Table:
        """The counted cells of the baseline, of one column or all."""
        import pyarrow as pa
        import pyarrow.compute as pc

        subject = record.shared or record.name
        rows = self._engine.read(f"SELECT * FROM MONITOR_HISTOGRAMS WHERE SUBJECT = '{subject}' AND DAY IS NULL")
        names = [b.column for b in record.bins if column in {None, b.column}]
        return rows.filter(pc.is_in(rows["COLUMN_NAME"], pa.array(names, pa.string())))

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

    def store_histograms(self, subject: str, source: str, watched: Watched, bins: tuple[Bins, ...], rows: int) -> None:
        """Count columns of a source and keep what was counted under a subject."""
        tally = Tally(self._engine)
        tally.histograms(subject, source, watched, bins, rows)
        tally.write()

    def _together(self, record: MonitorRecord, part: Part) -> list[tuple[str, ...]]:
        """The columns whose values in one row matter together: a few at a time, so that a scan holds few columns."""
        source = record.source
        always = {source.timestamp_column, *source.segment_columns}
        if part == "OUTCOMES":
            actual = (*source.actual_class_columns, *source.actual_score_columns)
            chunks = [[*source.prediction_class_columns, *source.prediction_score_columns, *actual]]
        else:
            own = [name for name in self._subjects(record)[record.name] if name not in source.segment_columns]
            chunks = [own[i : i + AT_A_TIME] for i in range(0, len(own), AT_A_TIME)] or [[]]
        # in one order, so that parts with the same columns are looked at once
        return [tuple(sorted({*always, *chunk})) for chunk in chunks]

    def _subjects(self, record: MonitorRecord) -> dict[str, tuple[str, ...]]:
        """Who counts which columns of a monitor."""
        names = tuple(b.column for b in record.bins)
        if record.shared is None:
            return {record.name: names}
        return {
            record.name: tuple(n for n in names if n not in record.features),
            record.shared: tuple(n for n in names if n in record.features),
        }
