"""What the files say of a month, where that is not what happened: late, doubled, in another unit, or with gaps.

Damage is done to files alone: who buys, and the true churn probabilities, stay as they are. Which rows are hit depends on
their numbers, so that a world's history is the same with and without.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulations.worlds import DriftKind

if TYPE_CHECKING:
    from simulations.simulation import Simulation

_MODULUS: Final = 2_147_483_647
_EPOCH: Final = dt.date(1970, 1, 1)
# what stands before the number of a purchase that was exported a second time
COPY: Final = "D"


def delivered_sales(simulation: Simulation, month: int) -> pa.Table:
    """The rows of a month's sales file, by the day they were booked on."""
    world = simulation.world
    kinds: tuple[DriftKind, ...] = ("late", "delay", "duplicates", "unit")
    if not any(world.strength(kind, m) for kind in kinds for m in (month - 1, month) if m >= 1):
        return simulation.sales(month)
    parts = [_booked(simulation, m, month) for m in (month - 1, month) if m >= 1]
    rows = pa.concat_tables(parts)
    twice = rows.filter(pa.array(_hit(rows, "TRANSACTION_ID", world.strength("duplicates", month), salt=2)))
    copies = pc.binary_join_element_wise(COPY, pc.utf8_slice_codeunits(twice["TRANSACTION_ID"], 1), "")
    rows = pa.concat_tables([rows, twice.set_column(0, "TRANSACTION_ID", copies)])
    # a stable order: by day, then as they were bought
    return rows.take(
        pc.sort_indices(rows, sort_keys=[("TRANSACTION_DATE", "ascending"), ("TRANSACTION_ID", "ascending")])
    )


def delivered_feedback(simulation: Simulation, month: int) -> pa.Table:
    """The rows of a month's feedback file: some comments have lost their text."""
    return _with_gaps(
        simulation.feedback(month), "FEEDBACK_ID", ("COMMENT",), simulation.world.strength("missing", month)
    )


def delivered_customers(simulation: Simulation, month: int) -> pa.Table:
    """The rows of a month's customers file: some who signed up have no age and no segment."""
    table = simulation.customers(month)
    return _with_gaps(table, "CUSTOMER_ID", ("AGE", "CUSTOMER_SEGMENT"), simulation.world.strength("missing", month))


def _booked(simulation: Simulation, bought: int, month: int) -> pa.Table:
    """The purchases of one month that are booked in a month, dated and priced as they are there."""
    world, rows = simulation.world, simulation.sales(bought)
    start, end, after = ((simulation.first_day(m) - _EPOCH).days for m in (bought, bought + 1, bought + 2))
    day: npt.NDArray[np.int64] = rows["TRANSACTION_DATE"].cast(pa.int32()).to_numpy().astype(np.int64)
    # a delay reaches into the next month at most
    day = np.minimum(day + round(world.strength("delay", bought)), after - 1)
    day = np.where(_hit(rows, "TRANSACTION_ID", world.strength("late", bought), salt=1), np.maximum(day, end), day)
    here = (day < end) if bought == month else (day >= end)
    assert day.min(initial=start) >= start
    dates = pa.array(day.astype(np.int32)).cast(pa.date32())
    rows = rows.set_column(rows.column_names.index("TRANSACTION_DATE"), "TRANSACTION_DATE", dates)
    factor = 10.0 ** world.strength("unit", bought)
    if factor != 1.0:
        amounts = pc.round(pc.multiply(rows["TOTAL_AMOUNT"].cast(pa.float64()), factor), 2)
        money = pc.max_element_wise(amounts, 0.01).cast(pa.decimal128(18, 2), safe=False)
        rows = rows.set_column(rows.column_names.index("TOTAL_AMOUNT"), "TOTAL_AMOUNT", money)
    return rows.filter(pa.array(here))


def _hit(rows: pa.Table, key: str, share: float, *, salt: int) -> npt.NDArray[np.bool_]:
    """About a share of the rows, by the numbers in their keys."""
    numbers = pc.utf8_slice_codeunits(rows[key], 1).cast(pa.int64()).to_numpy()
    mixed = (numbers * 48_271 + salt * 1_000_003) % _MODULUS
    mixed = (mixed * mixed + 12_345) % _MODULUS
    found: Any = (mixed * 16_807) % _MODULUS < share * _MODULUS
    return np.asarray(found, dtype=np.bool_)


def _with_gaps(rows: pa.Table, key: str, columns: tuple[str, ...], share: float) -> pa.Table:
    if not share:
        return rows
    hit = pa.array(_hit(rows, key, share, salt=3))
    for name in columns:
        column = rows[name]
        emptied = pc.if_else(hit, pa.scalar(None, column.type), column)
        rows = rows.set_column(rows.column_names.index(name), name, emptied)
    return rows
