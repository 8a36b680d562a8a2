"""Records as JSON text and back, the same text for the same record."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

from churnobs.errors import BadConfig

R = TypeVar("R")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
    if isinstance(value, Mapping):
        return {whole_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return whole_text(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def whole_text(text: str) -> str:
    """A text, if every engine can store it.

    Raises:
        BadConfig: it is none, or half of a character is in it, as a cut in the middle of one leaves behind.
    """
    if not isinstance(text, str):
        raise BadConfig(f"{text!r} is no text", hint="give a text")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadConfig(
                f"half a character is in {text!r}", hint="give text that can be written as UTF-8"
            ) from error
    return text


def to_json(record: Any) -> str:
    """JSON text of a record or of plain data; dates as ISO text, keys sorted.

    Raises:
        BadConfig: a text in it has half a character.
    """
    return json.dumps(_plain(record), sort_keys=True)


@lru_cache(maxsize=32)
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def from_json(kind: type[R], text: str) -> R:
    """The record that ``to_json`` wrote."""
    hashable: Any = kind
    record: R = _adapter(hashable).validate_json(text)
    return record


def content_hash(*parts: Any) -> str:
    """A sha256 over the JSON text of some parts.

    >>> content_hash("a", 1)[:8]
    '2657442b'
    """
    return hashlib.sha256(to_json(list(parts)).encode()).hexdigest()
