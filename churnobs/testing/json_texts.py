"""Texts of JSON: PARSE_JSON of what is not strictly JSON (names without quotes, commas at the end), FLATTEN of all levels."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

NAME, WALK = "_offline_relaxed", "_offline_walk"
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_$][\w$]*)|(?P<sign>[{}\[\],:]))""",
    re.VERBOSE,
)
_WORDS = {"true": "true", "false": "false", "null": "null", "undefined": "null", "nan": '"NaN"', "infinity": '"inf"'}
MACROS = """
CREATE OR REPLACE MACRO memory.main._offline_try_parse(v) AS CASE WHEN trim(v) = '' THEN NULL
    WHEN json_valid(v) THEN TRY_CAST(trim(v) AS JSON) ELSE TRY_CAST(_offline_relaxed(v) AS JSON) END;
CREATE OR REPLACE MACRO memory.main._offline_parse(v) AS CASE WHEN trim(v) = '' THEN NULL
    WHEN json_valid(v) THEN TRY_CAST(trim(v) AS JSON)
    ELSE coalesce(TRY_CAST(_offline_relaxed(v) AS JSON), CASE WHEN v IS NOT NULL THEN error('Error parsing JSON: ' || v) END) END;
CREATE OR REPLACE MACRO memory.main._offline_check(v) AS CASE WHEN v IS NOT NULL AND trim(v) <> ''
    AND memory.main._offline_try_parse(v) IS NULL THEN 'the text is not JSON' END;
"""


def relaxed(text: str) -> str | None:
    """The JSON that a text stands for; None when it stands for none.

    >>> relaxed("{a: 'b', c: [1, 2,]}")
    '{"a":"b","c":[1,2]}'
    """
    tokens, at = [], 0
    while at < len(text.rstrip()):
        if (found := _TOKEN.match(text, at)) is None:
            return None
        tokens.append((found.lastgroup, found.group(found.lastgroup or 0)))
        at = found.end()
    try:
        made, rest = _value(tokens)
    except (IndexError, ValueError):
        return None
    return made if not rest else None


def _value(tokens: list[Any]) -> tuple[str, list[Any]]:
    (kind, text), rest = tokens[0], tokens[1:]
    if kind == "text":
        return _quoted(text), rest
    if kind == "number":
        float(text)
        return text.lstrip("+") if not text.lstrip("+-").startswith(".") else str(float(text)), rest
    if kind == "word":
        return _WORDS[text.lower()] if text.lower() in _WORDS else _fail(text), rest
    parts: list[str] = []
    end = {"{": "}", "[": "]"}.get(text) or _fail(text)
    while rest[0][1] != end:
        if text == "{":
            key = rest[0]
            name = _quoted(key[1]) if key[0] == "text" else json.dumps(key[1]) if key[0] == "word" else _fail(key[1])
            if rest[1][1] != ":":
                _fail(rest[1][1])
            value, rest = _value(rest[2:])
            parts.append(f"{name}:{value}")
        elif rest[0][1] == ",":
            parts.append("null")
        else:
            value, rest = _value(rest)
            parts.append(value)
        if rest[0][1] == ",":
            rest = rest[1:]
        elif rest[0][1] != end:
            _fail(rest[0][1])
    return text + ",".join(parts) + end, rest[1:]


def _quoted(text: str) -> str:
    if text.startswith('"'):
        json.loads(text, strict=False)
        return json.dumps(json.loads(text, strict=False), ensure_ascii=False)
    inner = re.sub(r"\\'", "'", text[1:-1])
    return json.dumps(json.loads('"' + inner.replace('"', '\\"') + '"', strict=False), ensure_ascii=False)


def _fail(text: str) -> str:
    raise ValueError(text)


class Spelled(str):
    """A number that keeps its spelling."""

    __slots__ = ()


def written(value: Any) -> str:
    """A value as JSON."""
    if isinstance(value, Spelled):
        return str.__str__(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def walked(text: str | None, start: str, mode: str) -> list[dict[str, Any]]:
    """The elements of all levels of a value, each before its own: key, path, index, value and what it is an element of."""
    found: list[dict[str, Any]] = []

    def walk(held: Any, path: str) -> None:
        elements: list[tuple[str | None, int | None, str, Any]]
        if isinstance(held, dict) and mode != "ARRAY":
            elements = [(key, None, f"{path}.{key}" if path else key, held[key]) for key in sorted(held)]
        elif isinstance(held, list) and mode != "OBJECT":
            elements = [(None, at, f"{path}[{at}]", value) for at, value in enumerate(held)]
        else:
            return
        for key, at, place, value in elements:
            found.append({"k": key, "p": place, "i": at, "v": value, "t": held})
            walk(value, place)

    if text is not None:
        walk(json.loads(text, parse_float=Spelled, parse_int=Spelled), start)
    return found


def walks(texts: Any, starts: Any, modes: Any) -> pa.Array:
    """``walked`` of columns, as JSON."""
    given = zip(texts.to_pylist(), starts.to_pylist(), modes.to_pylist(), strict=True)
    return pa.array([written(walked(*one)) for one in given], pa.string())


def column(texts: Any) -> pa.Array:
    """``relaxed`` of a column."""
    return pa.array([None if text is None else relaxed(text) for text in texts.to_pylist()], pa.string())
