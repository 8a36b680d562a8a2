"""From a meaning to SQL text: the only module that compiles expressions, and it remembers what it compiled.

An expression of one month differs from last month's only in its dates. So a query is compiled once with stand-in dates
of the years 9001 on, and each month's text is the compiled one with the real dates put in.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import ibis
import sqlglot
import sqlglot.errors
from sqlglot import exp

from churnobs.errors import BadConfig

if TYPE_CHECKING:
    import ibis.expr.types as ir

Dialect = Literal["duckdb", "snowflake"]
_CLOCK_FUNCTIONS: Final = {
    "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_TIME", "CURRENT_DATETIME", "CURRENT_TIMESTAMP_L_T_Z", "LOCALTIME",
    "LOCALTIMESTAMP", "NOW", "TODAY", "GETDATE", "SYSDATE", "GET_CURRENT_TIME", "GET_CURRENT_TIMESTAMP", "TRANSACTION_TIMESTAMP",
}  # fmt: skip
_FIRST_STAND_IN: Final = 9001
# what sqlglot hangs on a table although it belongs after it: it stays outside when the table is clipped
_AFTER_A_TABLE: Final = ("joins", "laterals", "pivots")
_STAND_IN: Final = re.compile(r"\((90\d\d), 1, 1(?=[,)])")


class Rendered(ABC):
    """Whatever an engine can run once its dialect is known."""

    __slots__ = ()

    @abstractmethod
    def sql(self, dialect: Dialect) -> str:
        """The text for one engine."""

    def names(self) -> tuple[str, ...]:
        """The columns, where they are known without asking an engine."""
        return ()


@dataclass(frozen=True, slots=True)
class Text(Rendered):
    """A query in the dialect of the engine that it is for, with its columns, and their types where they are known."""

    text: str
    columns: tuple[str, ...]
    types: tuple[str, ...] = ()

    def sql(self, dialect: Dialect) -> str:  # noqa: ARG002  # it is in that dialect
        """The text."""
        return self.text

    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns


@dataclass(frozen=True, slots=True)
class Query(Rendered):
    """An expression, as the function that builds it and its arguments.

    Args:
        build: a module-level function that gives an Ibis table; it must use its dates as they are (no date arithmetic).
        args: hashable arguments; dates may stand alone, in a tuple or in a frozen dataclass.
    """

    build: Callable[..., ir.Table]
    args: tuple[Hashable, ...]

    def expression(self) -> ir.Table:
        """The Ibis expression itself."""
        return self.build(*self.args)

    def sql(self, dialect: Dialect) -> str:
        """The text for one engine."""
        dates: list[dt.date] = []
        template = _compiled(self.build, _with_stand_ins(self.args, dates), dialect)
        return _STAND_IN.sub(lambda found: _spell(dates[int(found[1]) - _FIRST_STAND_IN]), template)

    def names(self) -> tuple[str, ...]:
        """The columns."""
        return _columns_of(self.build, _with_stand_ins(self.args, []))


@lru_cache(maxsize=256)
def _columns_of(build: Callable[..., ir.Table], args: tuple[Hashable, ...]) -> tuple[str, ...]:
    return tuple(build(*args).columns)


def to_sql(expression: ir.Table, dialect: Dialect) -> str:
    """Compile one expression for one engine, without remembering it."""
    return str(ibis.to_sql(expression, dialect=dialect))


@lru_cache(maxsize=256)
def _compiled(build: Callable[..., ir.Table], args: tuple[Hashable, ...], dialect: Dialect) -> str:
    return to_sql(build(*args), dialect)


def _with_stand_ins(value: Any, dates: list[dt.date]) -> Any:
    """The same value with its dates, in order, replaced by 9001-01-01, 9002-01-01, ..."""
    if isinstance(value, dt.date):
        dates.append(value)
        return dt.date(_FIRST_STAND_IN + len(dates) - 1, 1, 1)
    if isinstance(value, tuple):
        return tuple(_with_stand_ins(item, dates) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return dataclasses.replace(value, **{n: _with_stand_ins(getattr(value, n), dates) for n in names})
    return value


def _spell(date: dt.date) -> str:
    return f"({date.year}, {date.month}, {date.day}"


def clip(sql: str, dialect: Dialect, clocks: Mapping[str, tuple[str, str] | None], as_of: dt.date) -> str:
    """Rewrite a query so that each table it reads holds only what was known at an as-of.

    Args:
        sql: a SELECT in the dialect itself (nothing is translated between dialects).
        clocks: the tables a query may read, each with the column that dates its rows and "event" (known from the day
            after) or "known" (known from that moment on); None for a table without time.
        as_of: T; rows dated T or later are not seen.

    Raises:
        BadConfig: the text is no single SELECT, reads a table without a known clock, or reads the clock itself.
    """
    tree = _parsed(sql, dialect)
    for node in tree.find_all(exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        if name.upper() in _CLOCK_FUNCTIONS:
            raise BadConfig(
                f"the query asks for the present time ({name.upper()}), so it says another thing each day",
                hint="compare with dates of the rows; the as-of is applied for you",
            )
    for found in [table for table in tree.find_all(exp.Table) if not _is_named_query(table)]:
        name = found.name.upper()
        if name not in clocks:
            raise BadConfig(
                f"the query reads {found.name}, and nothing says which column dates its rows",
                hint=f'give FeatureView(..., sources={{"{name}": "ITS_DATE_COLUMN"}})',
            )
        clock = clocks[name]
        if clock is None:
            continue
        column = exp.column(clock[0], quoted=True)
        limit = exp.cast(exp.Literal.string(as_of.isoformat()), "TIMESTAMP" if clock[1] == "known" else "DATE")
        known: Any = exp.LTE if clock[1] == "known" else exp.LT
        outside = {part: found.args.pop(part, None) for part in ("alias", *_AFTER_A_TABLE)}
        seen = (
            exp.select("*")
            .from_(found.copy())
            .where(exp.or_(column.is_(exp.null()), known(this=column.copy(), expression=limit)))
        )
        clipped = seen.subquery(None if outside["alias"] else found.this.copy(), copy=False)
        for part, node in outside.items():
            if node:
                clipped.set(part, node)
        found.replace(clipped)
    return tree.sql(dialect=dialect)


def _is_named_query(found: exp.Table) -> bool:
    """Whether a name means a common table expression that is in sight there, and no table."""
    if found.db:
        return False
    inside: Any = found
    while (node := inside.parent) is not None:
        if isinstance(node, exp.With):
            # a part sees the parts before it, and itself only when it is recursive
            parts = list(node.expressions)
            seen = parts[: parts.index(inside) + bool(node.args.get("recursive"))]
        else:
            clause = node.args.get("with_") or node.args.get("with")
            seen = [] if clause is None or clause is inside else list(clause.expressions)
        if found.name.upper() in {part.alias_or_name.upper() for part in seen}:
            return True
        inside = node
    return False


def with_named(query: str, named: Mapping[str, str]) -> str:
    """A compiled query over some named queries, which come first as common table expressions.

    >>> with_named("SELECT * FROM A", {"A": "SELECT 1 AS X"}).split()[:3]
    ['WITH', '"A"', 'AS']
    """
    prefix = ", ".join(f'"{name}" AS ({text})' for name, text in named.items())
    if query.startswith("WITH "):
        return f"WITH {prefix}, {query.removeprefix('WITH ')}"
    return f"WITH {prefix}\n{query}"


def _parsed(sql: str, dialect: Dialect) -> exp.Query:
    try:
        statements = [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except sqlglot.errors.ParseError as error:
        raise BadConfig(f"this is not SQL: {error}", hint="give one SELECT statement") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BadConfig("a feature view is one SELECT statement", hint="leave out everything else")
    return statements[0]
