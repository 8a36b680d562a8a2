"""Random programs of DDL, DML, transactions, streams and time travel agree with a plain Python model of the rules."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import random
from dataclasses import dataclass, field

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
# two hundred programs, of which few are for every day
STEPS, PROGRAMS, QUICK = 25, 200, 12
Rows = dict[int, tuple[int, int]]


@dataclass
class Stream:
    table: str
    only_inserts: bool
    offset: Rows
    log: list[tuple[int, int]] = field(default_factory=list)
    is_stale: bool = False


class Model:
    """Tables of rows with an identity; streams that compare with an offset or keep a log; one transaction at a time."""

    def __init__(self) -> None:
        self.committed: dict[str, Rows] = {}
        self.tables: dict[str, Rows] = {}
        self.streams: dict[str, Stream] = {}
        self.past: dict[str, list[tuple[int, Rows]]] = {}
        self.open = False
        self.moved: dict[str, tuple[Rows, int]] = {}
        self.added: list[tuple[str, tuple[int, int]]] = []
        self.numbers = itertools.count()
        self.minute = 0

    def begin(self) -> None:
        self.open = True

    def commit(self) -> None:
        for name, rows in self.tables.items():
            if rows != self.committed.get(name):
                self.past.setdefault(name, []).append((self.minute, copy.copy(rows)))
        self.committed = copy.deepcopy(self.tables)
        for name, (offset, count) in self.moved.items():
            stream = self.streams[name]
            stream.offset, stream.log = offset, stream.log[count:]
        for table, row in self.added:
            for stream in self.streams.values():
                if stream.table == table and not stream.is_stale:
                    stream.log.append(row)
        self.open, self.moved, self.added = False, {}, []

    def rollback(self) -> None:
        self.tables = copy.deepcopy(self.committed)
        self.open, self.moved, self.added = False, {}, []

    def done(self) -> None:
        """After a change: alone it is committed."""
        if not self.open:
            self.commit()

    def create(self, name: str, rows: list[tuple[int, int]]) -> None:
        self.commit()
        for stream in self.streams.values():
            if stream.table == name:
                stream.is_stale = True
        self.past[name] = []
        self.tables[name] = {next(self.numbers): row for row in rows}
        self.commit()

    def insert(self, name: str, rows: list[tuple[int, int]]) -> None:
        for row in rows:
            self.tables[name][next(self.numbers)] = row
            self.added.append((name, row))

    def read(self, name: str) -> list[tuple[int, int, str, bool]]:
        stream = self.streams[name]
        if stream.only_inserts:
            return sorted((*row, "INSERT", False) for row in stream.log)
        before, after, found = stream.offset, self.committed[stream.table], []
        for number in before.keys() | after.keys():
            old, new = before.get(number), after.get(number)
            if old != new:
                is_update = old is not None and new is not None
                found += [(*old, "DELETE", is_update)] if old is not None else []
                found += [(*new, "INSERT", is_update)] if new is not None else []
        return sorted(found)

    def consume(self, name: str, sink: str) -> None:
        rows = [row[:2] for row in self.read(name)]
        stream = self.streams[name]
        self.insert(sink, rows)
        self.moved[name] = (copy.copy(self.committed[stream.table]), len(stream.log))

    def at(self, name: str, minute: int) -> list[tuple[int, int]]:
        """The rows that were committed at the end of a minute."""
        found = [rows for ended, rows in self.past[name] if ended <= minute]
        return sorted(found[-1].values())


class Program:
    """A random statement at a time, as text and done to the model."""

    def __init__(self, seed: int, model: Model) -> None:
        self.rng, self.model = random.Random(seed), model

    def step(self) -> str | None:
        kinds = {
            "insert": 5, "update": 3, "delete": 2, "merge": 3, "overwrite": 1, "truncate": 0.5, "replace": 0.4, "clone": 0.4, "stream": 1.5,
            "consume": 4, "begin": 2.5, "commit": 2 if self.model.open else 0.2, "rollback": 1.5 if self.model.open else 0.2,
        }  # fmt: skip
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        return getattr(self, f"_{kind}")()

    def _row(self) -> tuple[int, int]:
        return self.rng.randint(0, 9), self.rng.randint(0, 3)

    def _name(self) -> str:
        return self.rng.choice(("t", "u"))

    def _insert(self) -> str:
        name, rows = self._name(), [self._row() for _ in range(self.rng.randint(1, 3))]
        self.model.insert(name, rows)
        self.model.done()
        return f"INSERT INTO {name} VALUES {', '.join(map(str, rows))}"

    def _update(self) -> str:
        name, (limit, value) = self._name(), self._row()
        rows = self.model.tables[name]
        rows.update({number: (a, value) for number, (a, _) in rows.items() if a < limit})
        self.model.done()
        return f"UPDATE {name} SET b = {value} WHERE a < {limit}"

    def _delete(self) -> str:
        name, (limit, _) = self._name(), self._row()
        rows = self.model.tables[name]
        for number in [number for number, (a, _) in rows.items() if a > limit]:
            del rows[number]
        self.model.done()
        return f"DELETE FROM {name} WHERE a > {limit}"

    def _merge(self) -> str:
        name, (key, value), removes = self._name(), self._row(), self.rng.random() < 0.3
        rows = self.model.tables[name]
        met = [number for number, (a, _) in rows.items() if a == key]
        for number in met:
            if removes:
                del rows[number]
            else:
                rows[number] = (key, value)
        if not met:
            self.model.insert(name, [(key, value)])
        self.model.done()
        then = "DELETE" if removes else f"UPDATE SET b = {value}"
        return (
            f"MERGE INTO {name} USING (SELECT {key} AS a) s ON {name}.a = s.a WHEN MATCHED THEN {then} "
            f"WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, {value})"
        )

    def _overwrite(self) -> str:
        name, (limit, _) = self._name(), self._row()
        kept = [row for row in self.model.tables[name].values() if row[0] <= limit]
        self.model.tables[name] = {}
        self.model.insert(name, kept)
        self.model.done()
        return f"INSERT OVERWRITE INTO {name} SELECT a, b FROM {name} WHERE a <= {limit}"

    def _truncate(self) -> str:
        name = self._name()
        self.model.tables[name] = {}
        self.model.done()
        return f"TRUNCATE TABLE {name}"

    def _replace(self) -> str:
        name, row = self._name(), self._row()
        self.model.create(name, [row])
        return f"CREATE OR REPLACE TABLE {name} AS SELECT {row[0]}::INT AS a, {row[1]}::INT AS b"

    def _clone(self) -> str:
        self.model.commit()
        self.model.create("u", list(self.model.tables["t"].values()))
        return "CREATE OR REPLACE TABLE u CLONE t"

    def _stream(self) -> str:
        self.model.commit()
        name, table, only = self.rng.choice(("s1", "s2")), self._name(), self.rng.random() < 0.4
        self.model.streams[name] = Stream(table, only, copy.copy(self.model.committed[table]))
        return f"CREATE OR REPLACE STREAM {name} ON TABLE {table} APPEND_ONLY = {str(only).upper()}"

    def _consume(self) -> str | None:
        fresh = [name for name, stream in self.model.streams.items() if not stream.is_stale]
        if not fresh:
            return None
        name = self.rng.choice(fresh)
        self.model.consume(name, "sink")
        self.model.done()
        return f"INSERT INTO sink SELECT a, b FROM {name}"

    def _begin(self) -> str:
        self.model.begin()
        return "BEGIN"

    def _commit(self) -> str:
        self.model.commit()
        return "COMMIT"

    def _rollback(self) -> str:
        self.model.rollback()
        return "ROLLBACK"


@pytest.fixture(scope="module")
def served():
    from churnobs.testing import serve

    with serve() as account:
        yield account


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=() if n < QUICK else pytest.mark.long) for n in range(PROGRAMS)]
)
def test_a_random_program(served, seed: int) -> None:
    import snowflake.connector

    served.clock.set(START)
    with snowflake.connector.connect(**served.connection(database=f"P{seed}")) as connection:
        cursor, model, said = connection.cursor(), Model(), []
        sql = lambda text: cursor.execute(text).fetchall()  # noqa: E731
        for name in ("t", "u", "sink"):
            sql(f"CREATE TABLE {name} (a INT, b INT)")
            model.create(name, [])
            model.past[name] = [(0, {})]
        program = Program(seed, model)
        for minute in range(1, STEPS + 1):
            served.clock.advance(minutes=1)
            model.minute = minute
            text = program.step()
            if text is None:
                continue
            said.append(text)
            sql(text)
            for name in ("t", "u", "sink"):
                assert sql(f"SELECT a, b FROM {name} ORDER BY a, b") == sorted(model.tables[name].values()), (
                    name,
                    said,
                )
            for name, stream in model.streams.items():
                # in a transaction, reading would fix what a stream shows; the model leaves that out
                if not stream.is_stale and not model.open:
                    found = sql(f"SELECT a, b, METADATA$ACTION, METADATA$ISUPDATE FROM {name}")
                    assert sorted(found) == model.read(name), (name, said)
        sql("ROLLBACK")
        model.rollback()
        for name, minute in itertools.product(("t", "u"), range(0, STEPS + 1, 3)):
            if model.past[name] and model.past[name][0][0] <= minute:
                at = (START + dt.timedelta(minutes=minute)).replace(tzinfo=None)
                found = sql(f"SELECT a, b FROM {name} AT (TIMESTAMP => '{at}'::TIMESTAMP_NTZ) ORDER BY a, b")
                assert found == model.at(name, minute), (name, minute, said)
