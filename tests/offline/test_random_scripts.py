"""Random blocks of Snowflake Scripting give what the same program in Python gives, variables, loops, exceptions and tables alike."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

NAMES = ("a", "b", "c")


class Own(Exception):
    """The exception that the programs raise."""


class Out(Exception):
    """BREAK."""


class On(Exception):
    """CONTINUE."""


@dataclass
class World:
    """What the Python program works on."""

    values: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))
    table: list[int] = field(default_factory=list)


class Program:
    """A random program, as text and as something to run in Python."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def number(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.35:
            value = rng.randint(-3, 9)
            return (f"({value})" if value < 0 else str(value)), lambda w: value
        if kind < 0.7:
            name = rng.choice(NAMES)
            return name, lambda w: w.values[name]
        (left, one), (right, two), sign = self.number(), self.number(), rng.choice("+-*")
        # kept small, so that no number outgrows its type
        return f"MOD({left} {sign} {right}, 97)", lambda w: _mod(
            {"+": one(w) + two(w), "-": one(w) - two(w), "*": one(w) * two(w)}[sign]
        )

    def test(self):
        (left, one), (right, two), sign = self.number(), self.number(), self.rng.choice(("<", "=", ">="))
        return f"{left} {sign} {right}", lambda w: {
            "<": one(w) < two(w),
            "=": one(w) == two(w),
            ">=": one(w) >= two(w),
        }[sign]

    def body(self, depth: int, *, looping: bool):
        parts = [self.step(depth, looping=looping) for _ in range(self.rng.randint(1, 3))]

        def run(w: World) -> None:
            for _, one in parts:
                one(w)

        return " ".join(text for text, _ in parts), run

    def step(self, depth: int, *, looping: bool):
        rng = self.rng
        kinds = ["set", "set", "insert", "count"]
        kinds += ["if", "for", "while", "block", "delete"] if depth else []
        kinds += ["break", "continue"] if looping else []
        return getattr(self, f"_{rng.choice(kinds)}")(depth, looping)

    def _set(self, depth, looping):
        name, (text, value) = self.rng.choice(NAMES), self.number()

        def run(w):
            w.values[name] = value(w)

        return f"{name} := {text};", run

    def _insert(self, depth, looping):
        name = self.rng.choice(NAMES)
        return f"INSERT INTO t VALUES (:{name});", lambda w: w.table.append(w.values[name])

    def _delete(self, depth, looping):
        name, into = self.rng.choice(NAMES), self.rng.choice(NAMES)

        def run(w):
            gone = [v for v in w.table if v > w.values[name]]
            w.table[:] = [v for v in w.table if v <= w.values[name]]
            w.values[into] = len(gone)

        return f"DELETE FROM t WHERE v > :{name}; {into} := SQLROWCOUNT;", run

    def _count(self, depth, looping):
        name, other = self.rng.choice(NAMES), self.rng.choice(NAMES)

        def run(w):
            w.values[name] = sum(v >= w.values[other] for v in w.table)

        return f"SELECT COUNT(*) INTO :{name} FROM t WHERE v >= :{other};", run

    def _if(self, depth, looping):
        (first, one), (second, two) = self.test(), self.test()
        bodies = [self.body(depth - 1, looping=looping) for _ in range(3)]

        def run(w):
            bodies[0 if one(w) else 1 if two(w) else 2][1](w)

        texts = [text for text, _ in bodies]
        return f"IF ({first}) THEN {texts[0]} ELSEIF ({second}) THEN {texts[1]} ELSE {texts[2]} END IF;", run

    def _for(self, depth, looping):
        first, last, is_reverse = self.rng.randint(-1, 2), self.rng.randint(0, 3), self.rng.random() < 0.3
        name, (text, body) = self.rng.choice(NAMES), self.body(depth - 1, looping=True)
        index = f"i{depth}"

        def run(w):
            counted = range(first, last + 1)
            for at in reversed(counted) if is_reverse else counted:
                w.values[name] = _mod(w.values[name] + at)
                try:
                    body(w)
                except On:
                    continue
                except Out:
                    break

        word = "REVERSE " if is_reverse else ""
        return f"FOR {index} IN {word}({first}) TO {last} DO {name} := MOD({name} + {index}, 97); {text} END FOR;", run

    def _while(self, depth, looping):
        most, (text, body) = self.rng.randint(1, 4), self.body(depth - 1, looping=True)
        index = f"n{depth}_{self.rng.randint(0, 10**6)}"

        def run(w):
            for _ in range(most):
                try:
                    body(w)
                except On:
                    continue
                except Out:
                    break

        return f"LET {index} INT := 0; WHILE ({index} < {most}) DO {index} := {index} + 1; {text} END WHILE;", run

    def _block(self, depth, looping):
        """A block with a variable of its own over an outer one, and an exception that it may raise and handles."""
        name, (condition, holds) = self.rng.choice(NAMES), self.test()
        (before, one), (after, two), (handler, three) = (self.body(depth - 1, looping=False) for _ in range(3))

        def run(w):
            outer, w.values[name] = w.values[name], 5
            try:
                one(w)
                _own_if(holds(w))
                two(w)
            except Own:
                three(w)
            finally:
                w.values[name] = outer

        return (
            f"DECLARE {name} INT DEFAULT 5; own EXCEPTION (-20001, 'own'); BEGIN {before} IF ({condition}) THEN RAISE own; END IF; "
            f"{after} EXCEPTION WHEN own THEN {handler} END;"
        ), run

    def _break(self, depth, looping):
        condition, holds = self.test()

        def run(w):
            if holds(w):
                raise Out

        return f"IF ({condition}) THEN BREAK; END IF;", run

    def _continue(self, depth, looping):
        condition, holds = self.test()

        def run(w):
            if holds(w):
                raise On

        return f"IF ({condition}) THEN CONTINUE; END IF;", run


def _own_if(is_raised: bool) -> None:
    if is_raised:
        raise Own


def _mod(value: int) -> int:
    """The remainder with the sign of the number, as in SQL."""
    return value % 97 if value >= 0 else -(-value % 97)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_program(sql, seed: int) -> None:
    program = Program(seed)
    text, run = program.body(3, looping=False)
    world = World()
    run(world)
    declared = " ".join(f"{name} INT DEFAULT 1;" for name in NAMES)
    sql("CREATE TABLE t (v INT)")
    block = f"DECLARE {declared} BEGIN {text} RETURN a || ',' || b || ',' || c; END"
    assert sql(block) == [(",".join(str(world.values[name]) for name in NAMES),)], block
    assert sql("SELECT v FROM t ORDER BY v") == [(v,) for v in sorted(world.table)], block
    sql("DELETE FROM t")
    sql(f"CREATE PROCEDURE p() RETURNS VARCHAR LANGUAGE SQL AS $${block}$$")
    assert sql("CALL p()") == [(",".join(str(world.values[name]) for name in NAMES),)], block
