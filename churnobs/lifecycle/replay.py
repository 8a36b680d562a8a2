"""Everything made once more from the files, in a database of its own, and compared with what is stored."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from churnobs.alerts.actions import RetrainAction, ToTable
from churnobs.display import Shown, html_table, shown
from churnobs.errors import BadConfig, ChurnobsError, NotFound
from churnobs.expressions.render import Query
from churnobs.expressions.replayed import REPLAYED, STORED, SURPLUS, Bounds, differing_rows, rows_within
from churnobs.places import LOCAL

if TYPE_CHECKING:
    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.lifecycle.report import MonthReport
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.months import Month
    from churnobs.records import Measurement

# what a month leaves behind, with the column that says in which month
_TABLES: Final = {
    "SALES": "TRANSACTION_DATE", "FEEDBACK_RAW": "CHAT_DATE", "FEEDBACK_SENTIMENT": "CHAT_DATE", "FEATURES": "TIMESTAMP",
    "LABELS": "TIMESTAMP", "PREDICTIONS": "TIMESTAMP", "MEASUREMENTS": "MONTH", "DRIFT": "MONTH", "BACKTESTS": "MONTH",
    "ESTIMATES": "MONTH", "ESTIMATE_GRADES": "MONTH",
}  # fmt: skip
_DECIDED: Final = ("as_of", "status", "rows", "active", "newly_final")


@dataclass(frozen=True, slots=True)
class Difference(Shown):
    """One thing that is not as it is stored: a file, a month, a decision, a number or a table; where, and in words."""

    what: Literal["file", "month", "decision", "number", "table"]
    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    Args:
        months: the months that were compared, as text.
        differences: files first, then months with their decisions and numbers, then tables.
    """

    months: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    def text(self) -> str:
        """A line a difference; empty where nothing differs."""
        return "\n".join(map(str, self.differences))

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        title = f"{self.months[0]} to {self.months[-1]}: " + ("" if self.differences else "nothing differs")
        return html_table(
            ("what", "where", "difference"), [(d.what, d.where, d.words) for d in self.differences], title
        )


def replayed(loop: Lifecycle, from_month: Month | None) -> Replay:
    """Make everything again and compare; see ``Lifecycle.replay``."""
    finished = loop.journal.finished()
    loop.journal.is_new(loop.config.meaning)
    if loop.source is None:
        raise BadConfig("a replay needs the files", hint="workspace.lifecycle(config, source=...)")
    if not finished or (from_month is not None and from_month not in finished):
        known = f"{finished[0]} to {finished[-1]}" if finished else "none"
        raise NotFound(f"{from_month or 'no month'} is not finished", hint=f"finished months: {known}")
    compared = [month for month in finished if from_month is None or month >= from_month]
    with loop.workspace.beside() as fresh:
        again = fresh.lifecycle(_quiet(loop.config))
        _seed(loop, again)
        found = list(_files(loop, finished))
        found += _run(loop, again, finished)
        for month in compared:
            if month in again.journal.finished():
                found += _month(loop.report(month), again.report(month))
        found += _tables(loop, again, compared)
    return Replay(tuple(map(str, compared)), tuple(found))


def _quiet(config: LifecycleConfig) -> LifecycleConfig:
    """The settings, without what reaches out of the database."""
    kept = (ToTable, RetrainAction)
    alerts = tuple(replace(a, action=tuple(one for one in a.action if isinstance(one, kept))) for a in config.alerts)
    return config.replaced(alerts=alerts, train_in=LOCAL)


def _seed(loop: Lifecycle, again: Lifecycle) -> None:
    """What is not made from files: the numbers of customers, who was forgotten, and feature views of the user's."""
    here, there = loop.backend, again.backend
    for name in ("CUSTOMER_KEYS", "FORGOTTEN"):
        there.engine.write(name, here.engine.read(name))
    cortex = getattr(loop.config.sentiment, "cortex", None)
    scores = here.engine.read("SENTIMENT_CACHE") if cortex else None
    if scores is not None and cortex in scores["MODEL"].to_pylist():
        # the function scored where the texts are, and is paid for by the word
        name = pa.array(
            [loop.config.sentiment.name if m == cortex else m for m in scores["MODEL"].to_pylist()], pa.string()
        )
        there.engine.write("SENTIMENT_CACHE", scores.set_column(scores.schema.get_field_index("MODEL"), "MODEL", name))
    for view in here.feature_store.feature_views():
        if (view.name, view.version) in loop.config.feature_views:
            for source in view.sources:
                there.engine.write(source, here.engine.read(source))
            for entity in view.entities:
                there.feature_store.put(entity)
            there.feature_store.put(view)


def _files(loop: Lifecycle, finished: list[Month]) -> Iterator[Difference]:
    source = loop.source
    assert source is not None
    given = {(f.kind, f.content_hash) for f in source.files}
    names = {f.name for f in source.files}
    ingested = loop.backend.loader.ingested()
    # of a file that covers several months a revision took those alone that differed
    long = {f.name for f in source.files if f.month is None}
    revised = {f.name for f in ingested if f.name in long and (f.kind, f.content_hash) in given}
    for file in {(f.kind, f.content_hash): f for f in ingested if f.name not in revised}.values():
        if (file.kind, file.content_hash) not in given and (file.month is None or file.month in finished):
            what = "has other content than was loaded" if file.name in names else "was loaded and is not there"
            yield Difference("file", file.name, what)


def _run(loop: Lifecycle, again: Lifecycle, finished: list[Month]) -> Iterator[Difference]:
    """Run the months as they were run: files as they come, and what was taken back in between."""
    source = loop.source
    assert source is not None
    rejected = any(f.rows_rejected for f in loop.backend.loader.ingested())
    on_error: Literal["raise", "quarantine"] = "quarantine" if rejected else "raise"
    given = {known.month for known in source.months}
    month = finished[0]
    try:
        again.door.ingest_history(source, on_error=on_error)
        for month in finished:
            if month in given:
                again.door.ingest_month(source, month, on_error=on_error)
            again.process_one_month()
            for correction in loop.journal.corrections(str(month)):
                if correction.kind == "ROLLBACK":
                    again.rollback(str(correction.facts["reason"]))
    except ChurnobsError as error:
        yield Difference("month", str(month), f"cannot be made again: {error}")


def _month(stored: MonthReport, made: MonthReport) -> Iterator[Difference]:
    for name in _DECIDED:
        one, other = getattr(stored, name), getattr(made, name)
        if one != other:
            yield Difference("decision", stored.month, f"{name} was {shown(one)}, now {shown(other)}")
    for name in ("action", "default_version"):
        one, other = getattr(stored.decision, name), getattr(made.decision, name)
        if one != other:
            yield Difference("decision", stored.month, f"{name} was {shown(one)}, now {shown(other)}")
    then, now = _numbers(stored.measurements), _numbers(made.measurements)
    for as_of, role, metric in sorted(then.keys() | now.keys()):
        one, other = then.get((as_of, role, metric)), now.get((as_of, role, metric))
        if not _same(one, other):
            words = f"{metric} of {role} at {as_of} was {shown(one) or 'not there'}, now {shown(other) or 'not there'}"
            yield Difference("number", stored.month, words)


def _numbers(measured: tuple[Measurement, ...]) -> dict[tuple[dt.date, str, str], float | None]:
    return {(m.as_of, m.role, name): value for m in measured for name, value in m.values.items()}


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other))


def _tables(loop: Lifecycle, again: Lifecycle, compared: list[Month]) -> Iterator[Difference]:
    """Row by row, where the stored rows are."""
    start, end = compared[0].start, max(loop.as_ofs())
    bounds: dict[str, str | None] = {**_TABLES, **{d.table: "TIMESTAMP" for d in loop.datasets()}}
    if not loop.waiting():
        # the newest word on a customer may be of a month that is not finished
        bounds["CUSTOMERS"] = None
    for name, column in bounds.items():
        try:
            made: Any = again.backend.engine.read(name)
        except NotFound:
            yield Difference("table", name, "was not made again")
            continue
        within: Bounds = None if column is None else (column, start, end)
        if column == "MONTH":
            within = (column, str(compared[0]))
        gone, new = _differing(loop, again, name, within, made)
        if gone or new:
            yield Difference("table", name, f"{gone:,} stored rows were not made again, {new:,} others were")


def _differing(loop: Lifecycle, again: Lifecycle, name: str, within: Bounds, made: Any) -> tuple[int, int]:
    """How many stored rows were not made again, and how many others were."""
    here, there = loop.backend.engine, again.backend.engine
    if there.agrees_with(here):
        query = Query(differing_rows, (name, tuple(here.columns(name).items()), within))
        counted = here.read(query, {REPLAYED: made})[SURPLUS].to_pylist()
        return sum(n for n in counted if n > 0), -sum(n for n in counted if n < 0)
    columns = tuple(there.columns(name).items())
    rows = here.read(Query(rows_within, (name, columns, within)))
    stored = rows.select([column for column, _ in columns]).cast(made.schema)
    query = Query(differing_rows, (STORED, columns, within))
    return _unmatched(there.read(query, {STORED: stored, REPLAYED: made}).to_pylist(), dict(columns))


def _unmatched(rows: list[dict[str, Any]], columns: dict[str, str]) -> tuple[int, int]:
    """Of rows with their SURPLUS, how many have no partner: two engines may differ in the last digits of a float.

    >>> _unmatched([{"A": 1, "X": 0.1 + 0.2, "SURPLUS": 1}, {"A": 1, "X": 0.3, "SURPLUS": -1}], {"A": "int64", "X": "float64"})
    (0, 0)
    """
    exact = [name for name, kind in columns.items() if kind.lstrip("!") != "float64"]
    floats = [name for name in columns if name not in exact]
    sides: dict[tuple[Any, ...], tuple[list[list[Any]], list[list[Any]]]] = {}
    for row in rows:
        stored, made = sides.setdefault(tuple(row[name] for name in exact), ([], []))
        (stored if row[SURPLUS] > 0 else made).extend([[row[name] for name in floats]] * int(abs(row[SURPLUS])))
    gone = new = 0
    for stored, made in sides.values():
        for values in stored:
            partner = next((m for m in made if all(map(_same, values, m))), None)
            if partner is None:
                gone += 1
            else:
                made.remove(partner)
        new += len(made)
    return gone, new
