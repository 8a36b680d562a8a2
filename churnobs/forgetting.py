"""A customer erased from everything that is kept, on the record: what is to go is planned, then it goes in one transaction."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, final

from churnobs.codec import whole_text
from churnobs.display import Shown
from churnobs.errors import BadConfig, NotFound
from churnobs.tables import ALARMS, FORGOTTEN

if TYPE_CHECKING:
    from churnobs.ports import Backend

GONE: Final = "[forgotten]"
# texts that may name a customer; the tables that alerts write to are known by their columns
_TELLING: Final[Mapping[str, tuple[str, ...]]] = {
    "ALERT_HISTORY": ("WORDS", "SQL_ERROR_MESSAGE", "EVENT"),
    "ALERT_ACKNOWLEDGEMENTS": ("NOTE",),
    "RETRAIN_REQUESTS": ("WORDS",),
}
# an id or a comment as short as that is also a word or a number of somebody else's
_SHORT: Final = 3


class ForgetPort(ABC):
    """Erases rows for good."""

    @abstractmethod
    def tables(self) -> Mapping[str, Collection[str]]:
        """Every table that is kept here, views aside, with its columns."""

    @abstractmethod
    def erase(self, table: str, column: str, value: str | int) -> int:
        """Delete the rows of a table whose column has a value, within the transaction; gives how many."""

    @abstractmethod
    def erase_scores(self, customer_id: str) -> int:
        """Delete the kept scores of texts that nobody but a customer wrote; while the texts are there."""

    @abstractmethod
    def sweep(self) -> None:
        """Leave nothing of deleted rows where it could be read; outside of transactions, safe to repeat."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Rows of a table to be deleted: those whose column has a value."""

    table: str
    column: str
    value: str | int


@dataclass(frozen=True, slots=True)
class Forgetting(Shown):
    """That a customer was forgotten.

    Args:
        customer_hash: the sha256 of the id as UTF-8, hexadecimal, without salt: who knows the id can tell that it was done.
        forgotten_at: the day up to which the data reached then; None before any data.
        rows: how many rows were erased, by table.
    """

    customer_hash: str
    forgotten_at: dt.date | None
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """For people."""
        return (
            f"customer {self.customer_hash[:12]} (sha256) was forgotten, {sum(self.rows.values()):,} rows of "
            f"{len(self.rows)} tables erased"
        )


def hash_of(customer_id: str) -> str:
    """By what a forgotten customer is known.

    >>> hash_of("C1")[:12]
    'ab861dc170dc'
    """
    return hashlib.sha256(customer_id.encode()).hexdigest()


def plan_erasures(
    tables: Mapping[str, Collection[str]], customer_id: str, customer_key: int | None
) -> tuple[Erasure, ...]:
    """What is to be deleted of which table, by name: rows with the id, or where a table has only keys, with the key."""
    planned = []
    for table, columns in sorted(tables.items()):
        if "CUSTOMER_ID" in columns:
            planned.append(Erasure(table, "CUSTOMER_ID", customer_id))
        elif "CUSTOMER_KEY" in columns and customer_key is not None:
            planned.append(Erasure(table, "CUSTOMER_KEY", customer_key))
    return tuple(planned)


def without(text: str, secrets: Sequence[str]) -> str:
    """A text in which an id and comments are replaced; short ones only where they stand in quotes.

    >>> without("customer C-17 (not C-170) said 'awful'", ["C-17", "awful"])
    "customer [forgotten] (not C-170) said '[forgotten]'"
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for spelt in dict.fromkeys((secret, json.dumps(secret)[1:-1])):
            short = len(spelt) <= _SHORT or spelt.isdigit()
            before, after = ("(?<=[\"'])", "(?=[\"'])") if short else (r"(?<![\w-])", r"(?![\w-])")
            text = re.sub(f"{before}{re.escape(spelt)}{after}", GONE, text)
    return text


def names_customer(row: str, customer_id: str) -> bool:
    """Whether a rejected row, as JSON text, has the id as one of its values.

    >>> names_customer('{"who": "C1", "paid": "x"}', "C1"), names_customer('"t1,C10,oops"', "C1")
    (True, False)
    """
    try:
        found = json.loads(row)
    except ValueError:
        found = row
    values = found.values() if isinstance(found, dict) else re.split(r"[,;|\t\r\n]", str(found))
    return any(str(value).strip(" \"'") == customer_id.strip() for value in values)


@final
class Forget:
    """Forgets customers of one workspace."""

    def __init__(self, backend: Backend, port: ForgetPort) -> None:
        self._backend = backend
        self._engine = backend.engine
        self._port = port

    def forget(self, customer_id: str) -> Forgetting:
        """Erase a customer; see ``Workspace.forget``."""
        if not whole_text(customer_id).strip():
            raise BadConfig("an empty customer_id", hint="give the id as it stands in the files")
        hashed = hash_of(customer_id)
        known = self._known(hashed)
        done = self._erased(customer_id, hashed)
        if known is None and not done.rows:
            raise NotFound(f"no row is of customer {customer_id}", hint="give the id as it stands in the files")
        # also where the rows went before, and the process died then
        self._port.sweep()
        self._backend.lifetime.publish()
        return self._known(hashed) or done

    def _known(self, hashed: str) -> Forgetting | None:
        rows = [r for r in self._engine.read("FORGOTTEN").to_pylist() if r["CUSTOMER_HASH"] == hashed]
        if not rows:
            return None
        erased: dict[str, int] = {}
        for row in sorted(rows, key=lambda r: str(r["TABLE_NAME"])):
            erased[row["TABLE_NAME"]] = erased.get(row["TABLE_NAME"], 0) + row["ROWS_ERASED"]
        return Forgetting(hashed, min((r["FORGOTTEN_AT"] for r in rows if r["FORGOTTEN_AT"]), default=None), erased)

    def _erased(self, customer_id: str, hashed: str) -> Forgetting:
        import pyarrow as pa

        tables = self._port.tables()
        with self._engine.transaction():
            keys = [r["CUSTOMER_KEY"] for r in self._read("CUSTOMER_KEYS") if r["CUSTOMER_ID"] == customer_id]
            comments = [r["COMMENT"] for r in self._read("FEEDBACK_RAW", customer_id) if r["COMMENT"]]
            counts = {"SENTIMENT_CACHE": self._port.erase_scores(customer_id)}
            for planned in plan_erasures(tables, customer_id, keys[0] if keys else None):
                counts[planned.table] = self._port.erase(planned.table, planned.column, planned.value)
            counts["REJECTS"] = self._without_rejects(customer_id)
            for table, texts in _telling(tables).items():
                counts[table] = counts.get(table, 0) + self._redacted(table, texts, [customer_id, *comments])
            done = Forgetting(hashed, self._reached(), {table: n for table, n in counts.items() if n})
            if done.rows:
                rows = [(hashed, done.forgotten_at, table, n) for table, n in done.rows.items()]
                columns = dict(zip(FORGOTTEN, zip(*rows, strict=True), strict=True))
                kinds = {"FORGOTTEN_AT": pa.date32(), "ROWS_ERASED": pa.int64()}
                self._engine.write(
                    "FORGOTTEN", pa.table({c: pa.array(v, kinds.get(c, pa.string())) for c, v in columns.items()})
                )
                self._note_datasets(done)
                self._note(done)
        return done

    def _read(self, table: str, customer_id: str | None = None) -> list[dict[str, Any]]:
        import ibis

        from churnobs.tables import ALL

        rows = ibis.table(dict(ALL[table]), name=table)
        found = rows if customer_id is None else rows.filter(customer_id == rows.CUSTOMER_ID)
        return list(self._engine.read(found).to_pylist())

    def _without_rejects(self, customer_id: str) -> int:
        """A rejected row has the columns of its file: whichever of them holds the id, it goes."""
        import pyarrow as pa

        found = self._engine.read("REJECTS")
        keep = [not names_customer(row["ROW"] or "", customer_id) for row in found.to_pylist()]
        if not all(keep):
            self._engine.write("REJECTS", found.filter(pa.array(keep, pa.bool_())), replace=True)
        return keep.count(False)

    def _redacted(self, table: str, texts: Sequence[str], secrets: Sequence[str]) -> int:
        """Texts that tell something else too are kept, without what is secret; gives how many rows were changed."""
        import pyarrow as pa

        found = self._engine.read(table)
        before = found.to_pylist()
        after = [{c: without(v, secrets) if c in texts and v else v for c, v in row.items()} for row in before]
        changed = [a != b for a, b in zip(before, after, strict=True)].count(True)
        if changed:
            self._engine.write(table, pa.Table.from_pylist(after, schema=found.schema), replace=True)
        return changed

    def _reached(self) -> dt.date | None:
        ends = [f.period_end for f in self._backend.loader.ingested() if f.period_end is not None]
        return max(ends, default=None)

    def _note_datasets(self, done: Forgetting) -> None:
        """A dataset says how many of its rows are gone."""
        store = self._backend.feature_store
        for dataset in store.datasets():
            gone = done.rows.get(dataset.table, 0)
            if gone:
                store.put_dataset(replace(dataset, rows=dataset.rows - gone, erased=dataset.erased + gone))

    def _note(self, done: Forgetting) -> None:
        """The next month's report tells it."""
        from churnobs.lifecycle.journal import Journal

        journal = Journal(self._engine)
        finished = journal.finished()
        after, key = str(finished[-1]) if finished else "", done.customer_hash[:12]
        if journal.correction(after, "FORGET", key) is None:
            journal.correct(after, "FORGET", done.words, done, key=key)


def _telling(tables: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    alarms = {table: ("WORDS", "EVENT") for table, columns in tables.items() if set(ALARMS) <= set(columns)}
    return {**alarms, **_TELLING}
