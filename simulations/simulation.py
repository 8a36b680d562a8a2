"""A simulated world as tables and month files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from churnobs import NotSupported
from simulations.delivery import delivered_customers, delivered_feedback, delivered_sales
from simulations.fitted.life import Patrons, live
from simulations.fitted.life import true_churn as fitted_churn
from simulations.fitted.shop import FittedWorld
from simulations.generate import (
    BURN_IN_MONTHS,
    PAYMENT_METHODS,
    MonthRows,
    MonthTruth,
    live_month,
    start_of,
    true_churn,
)
from simulations.months import first_day, year_month
from simulations.population import GENDERS, LOCATIONS, SEGMENTS, Ints, Population, newcomers
from simulations.texts import comment_pool
from simulations.worlds import World

_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened in a world, month by month, and what was bound to happen next.

    Months are numbered from 1 as in the world's drifts; ``months[0]`` is the calendar month of number 1. Get one from
    ``simulate``.

    Attributes:
        world: The world.
        months: The calendar (year, month) of each month.
    """

    world: World
    months: tuple[tuple[int, int], ...]
    _people: Population | Patrons
    _rows: tuple[MonthRows, ...]
    _truths: tuple[MonthTruth, ...]

    def __repr__(self) -> str:
        return f"Simulation({self.world.name!r}, {len(self.months)} months, {self._people.size} customers ever)"

    def as_of(self, month: int) -> dt.date:
        """The first day after a month."""
        self._index(month)
        return self.first_day(month + 1)

    def first_day(self, month: int) -> dt.date:
        """The first day of a month, also of one that is not simulated."""
        return first_day(month, self.world.first_month)

    def sales(self, month: int) -> pa.Table:
        """A month's purchases by date: columns of SALES, amounts DECIMAL(18, 2)."""
        rows = self._rows[self._index(month)]
        world = self.world
        methods = world.shop.baskets.methods if isinstance(world, FittedWorld) else PAYMENT_METHODS
        return pa.table(
            {
                "TRANSACTION_ID": _ids("T", self._before(month, "buyer"), len(rows.buyer), 8),
                "CUSTOMER_ID": _customer_ids(rows.buyer),
                "TRANSACTION_DATE": _dates(rows.day),
                "DISCOUNT_APPLIED": pa.array(rows.discount),
                "NUM_ITEMS": pa.array(rows.items),
                "PAYMENT_METHOD": _names(methods, rows.payment),
                "TOTAL_AMOUNT": _money(rows.cents),
            }
        )

    def feedback(self, month: int) -> pa.Table:
        """A month's comments by date: columns of FEEDBACK_RAW."""
        rows = self._rows[self._index(month)]
        before, n = self._before(month, "author"), len(rows.author)
        pool = [text for row in comment_pool() for text in row]
        position = pa.array(rows.comment, mask=rows.comment < 0)
        return pa.table(
            {
                "CHAT_DATE": _dates(rows.chat_day),
                "COMMENT": pa.array(pool).take(position),
                "CUSTOMER_ID": _customer_ids(rows.author),
                "FEEDBACK_ID": _ids("F", before, n, 8),
                "INTERNAL_ID": pa.array(np.arange(before + 1, before + n + 1)),
            }
        )

    def moods(self, month: int) -> npt.NDArray[np.float64]:
        """What the authors of a month's comments felt, from -1 to 1, in the order of ``feedback``."""
        return self._rows[self._index(month)].mood

    def customers(self, month: int) -> pa.Table:
        """Who signed up in a month, by date: columns of CUSTOMERS; month 1 also holds who had come before.

        Raises:
            NotSupported: the world is fitted, and knows of its customers what they buy alone.
        """
        self._index(month)
        if isinstance(self._people, Patrons):
            raise NotSupported("a fitted world has no ages and segments", hint="read sales() and truth()")
        people, end = self._people, start_of(month + 1)
        new = (people.signup < end) & (people.signup >= start_of(month))
        if month == 1:
            # of the past only those who can still come back
            bought = np.zeros(people.size, dtype=np.bool_)
            for rows in self._rows:
                bought[rows.buyer] = True
            new = (people.signup < end) & bought
        who = np.flatnonzero(new)
        return pa.table(
            {
                "CUSTOMER_ID": _customer_ids(who),
                "AGE": pa.array(people.age[who]),
                "CUSTOMER_SEGMENT": _names(SEGMENTS, people.segment[who]),
                "GENDER": _names(GENDERS, people.gender[who]),
                "LOCATION": _names(LOCATIONS, people.location[who]),
                "SIGNUP_DATE": _dates(people.signup[who]),
            }
        )

    def truth(self, month: int) -> pd.DataFrame:
        """CUSTOMER_ID and TRUE_CHURN_PROBABILITY of the customers active at the as-of after a month.

        Active is who bought in the 90 days before, by what the files tell. The probability is that of no purchase in
        the 30 days from the as-of, given all that has happened.
        """
        truth = self._truths[self._index(month)]
        ids = _customer_ids(truth.customer).to_pandas()
        return pd.DataFrame({"CUSTOMER_ID": ids, "TRUE_CHURN_PROBABILITY": truth.churn_probability})

    def write(self, directory: str | Path, *, header: bool = True) -> list[Path]:
        """Write the month files as CSV and give their paths, month by month; they say what the world's drifts let them say.

        A file appears whole or not at all; a fitted world has files of sales alone. From the month of an ``arrivals``
        drift on sales are ``new_sales_...`` and the first customers file is ``new_customers.csv``.

        Args:
            directory: Where to; made when missing.
            header: Whether the first line holds the column names.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        drift = self.world.first_arrivals_drift()
        paths: list[Path] = []
        for month, (year, number) in enumerate(self.months, start=1):
            new = "new_" if drift is not None and month >= drift else ""
            dated = "" if month in (1, drift) else f"_{year}_{number}"
            tables = {f"{new}sales_{year}_{number}.csv": delivered_sales(self, month)}
            if not isinstance(self.world, FittedWorld):
                customers = {f"{new}customers{dated}.csv": delivered_customers(self, month)}
                feedback = {f"feedback_raw_{year}_{number}.csv": delivered_feedback(self, month)}
                tables = customers | tables | feedback
            for name, table in tables.items():
                paths.append(folder / name)
                _write_csv(table, paths[-1], header=header)
        return paths

    def _index(self, month: int) -> int:
        if not 1 <= month <= len(self.months):
            raise IndexError(f"months are 1 to {len(self.months)}, not {month}")
        return month - 1

    def _before(self, month: int, column: str) -> int:
        return sum(len(getattr(rows, column)) for rows in self._rows[: month - 1])


def simulate(world: World, *, customers: int, months: int, seed: int) -> Simulation:
    """Let a world run.

    Months before the first are lived but not kept, so that month 1 is like any other. The same arguments give the same
    bytes; fewer months give the beginning of more; worlds with one seed are alike until they drift apart.

    Args:
        world: Which world, one of ``WORLDS`` or your own.
        customers: How many customers are active on average, at least 1.
        months: How many months to keep, at least 1.
        seed: Where chance starts from, not negative.
    """
    if customers < 1 or months < 1:
        raise ValueError(f"a world needs a customer and a month, not {customers} and {months}")
    if isinstance(world, FittedWorld):
        return _simulate_fitted(world, customers, months, seed)
    rng = np.random.default_rng(seed)
    people = newcomers(rng, np.zeros(0, dtype=np.int64), noise=world.noise, shrink=0.0, drifted=False)
    kept: list[MonthRows] = []
    truths: list[MonthTruth] = []
    for month in range(1 - BURN_IN_MONTHS, months + 1):
        people, rows = live_month(rng, world, people, month, customers)
        if month >= 1:
            kept.append(rows)
            truths.append(true_churn(people, world, month))
    calendar = tuple(year_month(month) for month in range(1, months + 1))
    return Simulation(world, calendar, people, tuple(kept), tuple(truths))


def _simulate_fitted(world: FittedWorld, customers: int, months: int, seed: int) -> Simulation:
    rows: list[MonthRows] = []
    truths: list[MonthTruth] = []
    people: Patrons | None = None
    for month, people, happened in live(world, customers=customers, months=months, seed=seed):
        if month >= 1:
            rows.append(happened)
            truths.append(fitted_churn(world, people, month))
    assert people is not None
    calendar = tuple(year_month(month, world.first_month) for month in range(1, months + 1))
    return Simulation(world, calendar, people, tuple(rows), tuple(truths))


def _ids(letter: str, before: int, n: int, digits: int) -> pa.Array:
    return _prefixed(letter, np.arange(before + 1, before + n + 1), digits)


def _customer_ids(positions: Ints) -> pa.Array:
    return _prefixed("C", positions + 1, 7)


def _prefixed(letter: str, numbers: Ints, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(letter, padded, "")


def _dates(ordinals: Ints) -> pa.Array:
    return pa.array((ordinals - _EPOCH).astype(np.int32)).cast(pa.date32())


def _names(names: Sequence[str], positions: Ints) -> pa.Array:
    # nobody told where the position is below 0
    return pa.array(names, pa.string()).take(pa.array(positions, mask=positions < 0))


def _money(cents: Ints) -> pa.Array:
    # a decimal is a 128-bit integer of cents, low half first; amounts are never negative
    halves = np.zeros((len(cents), 2), dtype="<i8")
    halves[:, 0] = cents
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(halves.tobytes())])


def _write_csv(table: pa.Table, path: Path, *, header: bool) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        if header:
            file.write((",".join(table.column_names) + "\n").encode())
        pa_csv.write_csv(table, file, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
    partial.replace(path)
