"""What a month has cost: the statements that were sent, and what they took where the engine keeps that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnobs.display import Shown
from churnobs.errors import NotSupported

if TYPE_CHECKING:
    from churnobs.lifecycle.report import MonthReport
    from churnobs.lifecycle.run import Lifecycle


@dataclass(frozen=True, slots=True)
class Cost(Shown):
    """What a month has cost.

    Args:
        month: the month.
        statements: how many churnobs sent, as its journal counts them; those that end the month's last transaction come
            after the count, and what Snowflake's ML client sends of its own is not in it.
        found: how many statements of the month the engine's own history shows.
        bytes_scanned, rows_produced: of those; Snowflake's history counts no rows scanned.
        warehouse_seconds: how long those ran in a warehouse, which is less than what is billed: a warehouse is paid for
            while it is on.
        told: why the last four are None, or what is missing in them; empty where they are whole.
    """

    month: str
    statements: int
    found: int | None = None
    bytes_scanned: int | None = None
    rows_produced: int | None = None
    warehouse_seconds: float | None = None
    told: str = ""


def cost_of(loop: Lifecycle, report: MonthReport) -> Cost:
    """What a finished month has cost, as far as the engine tells."""
    try:
        spent = loop.backend.lifetime.spent(f"{loop.config.name} {report.month} ")
    except NotSupported as error:
        return Cost(report.month, report.statements, told=error.message)
    if not spent.statements:
        return Cost(report.month, report.statements, 0, told=f"the history no longer shows the month: {spent.keeps}")
    missing = report.statements - spent.statements
    told = f"{missing} statements are not in the history: {spent.keeps}" if missing > 0 else ""
    counted = (spent.statements, spent.bytes_scanned, spent.rows_produced, spent.warehouse_seconds)
    return Cost(report.month, report.statements, *counted, told=told)
