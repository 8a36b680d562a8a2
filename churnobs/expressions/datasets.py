"""Rows of stored features and datasets as training, judging and scoring need them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.performance import performance
from churnobs.expressions.portable import finite, moment, of_part, table, united
from churnobs.expressions.render import Dialect, Query, Rendered, with_named

if TYPE_CHECKING:
    import ibis.expr.types as ir

# a Lehmer generator's modulus and multipliers: integer arithmetic that every engine does alike, within 63 bits
_MODULUS: Final = 2_147_483_647
_FIRST, _SECOND = 48_271, 16_807
_MILLION: Final = 1_000_000

SCORED: Final = "CHURNOBS_SCORED"
KEY_TYPES: Final = {"CUSTOMER_KEY": "int32", "CUSTOMER_ID": "string", "TIMESTAMP": "timestamp(6)"}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one dataset version: all of them, or one half of its customers ("FIT" or "JUDGE"); or a sample of these."""

    table: str
    half: str | None = None
    split_seed: int = 0
    per_million: int = _MILLION


def is_fit_half(key: Any, split_seed: int) -> Any:
    """Whether a customer is in the FIT half of a split; about half are, and each seed splits anew."""
    return in_fit_half(key.cast("int64"), split_seed)


def in_fit_half(key: Any, split_seed: int) -> Any:
    """``is_fit_half`` of 64-bit integers of whatever library."""
    return _mixed(key, split_seed) < _MODULUS // 2


def is_sampled(key: Any, split_seed: int, per_million: int) -> Any:
    """Whether a customer is in a sample of so many of a million; which half it is in has no part in that."""
    return _mixed(key.cast("int64"), split_seed + 1) < _MODULUS * per_million // _MILLION


def share_of(rows: int, most: int | None) -> int:
    """How many of a million rows to take, so that of these rows about ``most`` are taken."""
    return _MILLION if most is None or rows <= most else max(1, _MILLION * most // rows)


def _mixed(key: Any, split_seed: int) -> Any:
    offset = (split_seed * 1_000_003 + 12_345) % _MODULUS
    mixed = (key * _FIRST + offset) % _MODULUS
    # without the squares two seeds would only shift the keys, and their halves would depend on each other
    mixed = (mixed * mixed + offset) % _MODULUS
    mixed = (mixed * mixed + _SECOND) % _MODULUS
    return (mixed * _FIRST) % _MODULUS


_DATASET: Final = "CHURNOBS_DATASET"
Columns = tuple[tuple[str, str], ...]


def dataset_part(columns: Columns, half: str | None, split_seed: int, per_million: int = _MILLION) -> ir.Table:
    """The asked columns of one dataset version, or of one half of its customers; or of so many of a million of them."""
    rows = table(_DATASET, dict(columns))
    if per_million < _MILLION:
        rows = rows.filter(is_sampled(rows.CUSTOMER_KEY, split_seed, per_million))
    if half is None:
        return rows
    fit = is_fit_half(rows.CUSTOMER_KEY, split_seed)
    return rows.filter(fit if half == "FIT" else ~fit)


@dataclass(frozen=True, slots=True)
class DatasetRows(Rendered):
    """The rows of dataset versions (or halves of them), ordered by as-of and customer.

    A part is compiled once, and put together for as many dataset versions as there are.

    Args:
        parts: which rows.
        columns: the columns to read with their types; CUSTOMER_KEY and TIMESTAMP are among them.
    """

    parts: tuple[Part, ...]
    columns: Columns

    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(name for name, _ in self.columns)

    def sql(self, dialect: Dialect) -> str:
        """The text for one engine."""
        listed = ", ".join(f'"{name}"' for name, _ in self.columns)
        texts = []
        for number, part in enumerate(self.parts):
            own = Query(dataset_part, (self.columns, part.half, part.split_seed, part.per_million)).sql(dialect)
            named = with_named(own, {_DATASET: f'SELECT {listed} FROM "{part.table}"'})
            texts.append(f"SELECT * FROM ({named}) AS P{number}")
        everything = "\nUNION ALL\n".join(texts)
        return f'SELECT * FROM ({everything}) AS EVERYTHING ORDER BY "TIMESTAMP", "CUSTOMER_KEY"'


def scored_performance() -> ir.Table:
    """The performance by TIMESTAMP of one version's scores in the table CHURNOBS_SCORED."""
    kinds = {"TIMESTAMP": "timestamp(6)", "CHURNED": "int64", "M_CLASS": "int64", "M_PROBABILITY": "float64"}
    rows = table(SCORED, kinds)
    outcome = rows.select(
        "TIMESTAMP",
        LABEL=rows.CHURNED.cast("float64"),
        CLASS=rows.M_CLASS.cast("float64"),
        SCORE=rows.M_PROBABILITY,
    )
    return performance(outcome, ("TIMESTAMP",))


def rows_at(name: str, columns: tuple[tuple[str, str], ...], as_of: dt.date, parts: int = 1, part: int = 0) -> ir.Table:
    """The rows of a table stamped with one as-of, ordered by customer: a score's last bit depends on what stands beside it.

    Of so many parts of the customers one, numbered from 0.
    """
    rows = of_part(table(name, dict(columns)), parts, part)
    return rows.filter(moment(as_of) == rows.TIMESTAMP).order_by("CUSTOMER_KEY")


def rows_open_at(name: str, columns: tuple[tuple[str, str], ...], as_of: dt.date) -> ir.Table:
    """``rows_at`` with a CHURNED of 0 for all: what looks at scores alone reads no label."""
    return rows_at(name, columns, as_of).mutate(CHURNED=ibis.literal(0, "int64"))


def stored_scores(as_ofs: tuple[dt.date, ...], version: str) -> ir.Table:
    """CHURNED, DEFAULT_CLASS and DEFAULT_PROBABILITY of what a version had stored at as-ofs whose labels are final."""
    labels = table("LABELS", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", "CHURNED": "int64"})
    stored = table("PREDICTIONS", {**KEY_TYPES, **_outputs("DEFAULT")})
    at = [moment(as_of) for as_of in as_ofs]
    stored = stored.filter(stored.TIMESTAMP.isin(at), version == stored.DEFAULT_VERSION)
    rows = labels.filter(labels.TIMESTAMP.isin(at)).inner_join(stored, ["CUSTOMER_KEY", "TIMESTAMP"], rname="P_{name}")
    return rows.select("CHURNED", "DEFAULT_CLASS", "DEFAULT_PROBABILITY")


def rows_of(name: str, columns: tuple[tuple[str, str], ...], as_of: dt.date, keys: tuple[int, ...]) -> ir.Table:
    """``rows_at`` of some customers, ordered by CUSTOMER_KEY."""
    rows = rows_at(name, columns, as_of)
    return rows.filter(rows.CUSTOMER_KEY.isin(keys)).order_by("CUSTOMER_KEY")


def medians(name: str, columns: tuple[str, ...], as_of: dt.date) -> ir.Table:
    """One row: the median of each numeric or boolean column at an as-of, without missing values; NULL without any."""
    rows = table(name, {"TIMESTAMP": "timestamp(6)", **dict.fromkeys(columns, "float64")})
    rows = rows.filter(moment(as_of) == rows.TIMESTAMP)
    return rows.agg(**{column: finite(rows[column]).median() for column in columns})


def commonest(name: str, columns: tuple[str, ...], as_of: dt.date) -> ir.Table:
    """COLUMN_NAME and COLUMN_VALUE: the most frequent value of each text column at an as-of, the first of equals."""
    rows = table(name, {"TIMESTAMP": "timestamp(6)", **dict.fromkeys(columns, "string")})
    rows = rows.filter(moment(as_of) == rows.TIMESTAMP)
    parts = []
    for column in columns:
        values = rows.filter(rows[column].notnull()).select(COLUMN_VALUE=rows[column])
        counted = values.group_by("COLUMN_VALUE").agg(TIMES=values.count())
        first = counted.order_by(counted.TIMES.desc(), counted.COLUMN_VALUE).limit(1)
        parts.append(first.select(COLUMN_NAME=ibis.literal(column), COLUMN_VALUE=first.COLUMN_VALUE))
    return united(parts)


def watched(role: str, version: str, columns: tuple[tuple[str, str], ...]) -> ir.Table:
    """What a monitor watches: one version's predictions in one role, the features, and the label once it is final.

    Returns:
        CUSTOMER_ID, TIMESTAMP, the features, CHURNED, CHURN_PREDICTED, CHURN_PROBABILITY.
    """
    predictions = table("PREDICTIONS", {**KEY_TYPES, **_outputs(role)})
    predictions = predictions.filter(predictions[f"{role}_VERSION"] == version)
    features = table("FEATURES", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", **dict(columns)})
    labels = table("LABELS", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", "CHURNED": "int64"})
    rows = predictions.inner_join(features, ["CUSTOMER_KEY", "TIMESTAMP"], rname="F_{name}")
    rows = rows.left_join(labels, ["CUSTOMER_KEY", "TIMESTAMP"], rname="L_{name}")
    return rows.select(
        "CUSTOMER_ID",
        "TIMESTAMP",
        *(name for name, _ in columns),
        "CHURNED",
        CHURN_PREDICTED=rows[f"{role}_CLASS"],
        CHURN_PROBABILITY=rows[f"{role}_PROBABILITY"],
    )


def _outputs(role: str) -> dict[str, str]:
    return {f"{role}_VERSION": "string", f"{role}_CLASS": "int64", f"{role}_PROBABILITY": "float64"}
