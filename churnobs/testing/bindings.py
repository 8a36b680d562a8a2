"""Bound values as the connector sends them, turned into Python values or one Arrow table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa

from churnobs.testing.failures import not_supported

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001
_ARROW = {
    "FIXED": pa.int64(), "REAL": pa.float64(), "BOOLEAN": pa.bool_(), "DATE": pa.date32(), "TIMESTAMP_NTZ": pa.timestamp("us"),
    "TIMESTAMP_LTZ": pa.timestamp("us", tz="UTC"), "TIMESTAMP_TZ": pa.timestamp("us", tz="UTC"), "BINARY": pa.binary(),
    "TIME": pa.time64("us"),
}  # fmt: skip


def read(sent: dict[str, Any] | None) -> Any:
    """The values of a request: a list of them, or a Batch of rows."""
    if not sent:
        return ()
    if not all(key.isdigit() for key in sent):
        return {name: value(b["type"], b["value"]) for name, b in sent.items()}
    ordered = [sent[str(at)] for at in range(1, len(sent) + 1)]
    if any(isinstance(b["value"], list) for b in ordered):
        from churnobs.testing.queries import Batch

        columns = [[value(b["type"], v) for v in b["value"]] for b in ordered]
        arrays = [_array(b["type"], c) for b, c in zip(ordered, columns, strict=True)]
        return Batch(pa.Table.from_arrays(arrays, names=[f"C{at + 1}" for at in range(len(arrays))]))
    return [value(b["type"], b["value"]) for b in ordered]


def _array(kind: str, values: list[Any]) -> pa.Array:
    if kind == "FIXED" and any(isinstance(v, Decimal) for v in values):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array(values, _ARROW.get(kind, pa.string()))


def value(kind: str, text: Any) -> Any:
    """One bound value.

    >>> value("DATE", "86400000")
    datetime.date(1970, 1, 2)
    """
    if text is None:
        return None
    if kind == "FIXED":
        return Decimal(text) if "." in text or "e" in text.lower() else int(text)
    if kind == "REAL":
        return float(text)
    if kind == "BOOLEAN":
        return str(text).lower() in ("true", "1")
    if kind == "DATE":
        return (_EPOCH + dt.timedelta(milliseconds=int(text))).date()
    if kind == "TIME":
        return (_EPOCH + dt.timedelta(microseconds=int(text) // 1000)).time()
    if kind == "TIMESTAMP_NTZ":
        return _EPOCH + dt.timedelta(microseconds=int(text) // 1000)
    if kind == "TIMESTAMP_LTZ":
        return (_EPOCH + dt.timedelta(microseconds=int(text) // 1000)).replace(tzinfo=dt.UTC)
    if kind == "TIMESTAMP_TZ":
        nanoseconds, _, minutes = str(text).partition(" ")
        moment = (_EPOCH + dt.timedelta(microseconds=int(nanoseconds) // 1000)).replace(tzinfo=dt.UTC)
        zone = dt.timezone(dt.timedelta(minutes=int(minutes) - 1440)) if minutes else dt.UTC
        return moment.astimezone(zone)
    if kind == "BINARY":
        return bytes.fromhex(text)
    if kind in ("TEXT", "ANY", "VARIANT"):
        return text
    raise not_supported(f"a bound value of type {kind}", "send it as text and cast it in the statement")
