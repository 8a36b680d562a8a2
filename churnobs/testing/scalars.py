"""Scalar functions that neither sqlglot nor fakesnow turns into DuckDB's."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlglot import exp

from churnobs.testing.proof import Function, document
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar
from churnobs.testing.trees import Tree, value_of
from churnobs.testing.typed import macro

Args = list[Tree]
Named = dict[str, Tree]
MACROS = r"""
CREATE OR REPLACE MACRO memory.main._offline_bucket(x, a, b, n) AS CASE WHEN x < a THEN 0 WHEN x >= b THEN n + 1
    ELSE CAST(floor((x - a) / (b - a) * n) AS BIGINT) + 1 END;
CREATE OR REPLACE MACRO memory.main._offline_url(u) AS json_object('fragment', nullif(regexp_extract(u, '#(.*)$', 1), ''),
    'host', nullif(regexp_extract(u, '^[^:]+://([^/:?#]*)', 1), ''),
    'path', nullif(regexp_extract(u, '^[^:]+://[^/?#]*/([^?#]*)', 1), ''),
    'port', nullif(regexp_extract(u, '^[^:]+://[^/:?#]*:(\d+)', 1), ''), 'query', nullif(regexp_extract(u, '\?([^#]*)', 1), ''),
    'scheme', nullif(regexp_extract(u, '^([^:]+)://', 1), ''));
"""


@scalar("WIDTH_BUCKET", proof=document("functions/width_bucket"))
def width_bucket(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """WIDTH_BUCKET(x, low, high, buckets)."""
    return macro("bucket", *(a.copy() for a in args))


@scalar("PARSE_URL", proof=document("functions/parse_url"))
def parse_url(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """PARSE_URL(text): its parts as an object."""
    return macro("url", args[0].copy())


@scalar("OBJECT_DELETE", proof=document("functions/object_delete"))
def object_delete(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """OBJECT_DELETE(object, key, ...)."""
    pairs = [part for key in args[1:] for part in (key.copy(), exp.null())]
    gone = exp.Anonymous(this="json_object", expressions=pairs)
    return exp.Anonymous(this="json_merge_patch", expressions=[args[0].copy(), gone])


@scalar("TO_OBJECT", proof=document("functions/to_object"))
def to_object(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """TO_OBJECT(variant)."""
    return macro("variant", args[0].copy())


@scalar("BYTE_LENGTH", "OCTET_LENGTH", proof=document("functions/octet_length"))
def octet_length(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """OCTET_LENGTH(text)."""
    return exp.Anonymous(this="strlen", expressions=[macro("text", args[0].copy())])


_KINDS = {
    "ARRAY": ("ARRAY",), "OBJECT": ("OBJECT",), "BOOLEAN": ("BOOLEAN",), "VARCHAR": ("VARCHAR",), "CHAR": ("VARCHAR",),
    "INTEGER": ("INTEGER",), "DECIMAL": ("INTEGER", "DECIMAL"), "DOUBLE": ("INTEGER", "DECIMAL", "DOUBLE"),
    "REAL": ("INTEGER", "DECIMAL", "DOUBLE"),
}  # fmt: skip
_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "VARCHAR",
    "CHAR": "VARCHAR",
    "INTEGER": "BIGINT",
    "DOUBLE": "DOUBLE",
    "REAL": "DOUBLE",
}
# pages that stand for two names
_PAGES = {"VARCHAR": "CHAR-VARCHAR", "CHAR": "CHAR-VARCHAR", "DOUBLE": "DOUBLE-REAL", "REAL": "DOUBLE-REAL"}


def _is(kinds: tuple[str, ...], _rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    found = macro("kind", args[0].copy())
    return exp.In(this=found, expressions=[value_of(kind) for kind in kinds])


def _as(kinds: tuple[str, ...], kind: str, rewriter: Rewriter, args: Args, named: Named) -> Tree:
    value: Any = macro("text", args[0].copy()) if kind != "JSON" else macro("variant", args[0].copy())
    value = (
        exp.Anonymous(this="memory.main._offline_whole", expressions=[value])
        if kind == "WHOLE"
        else exp.cast(value, kind)
    )
    return exp.Case(ifs=[exp.If(this=_is(kinds, rewriter, args, named), true=value)])


for _name, _kinds in _KINDS.items():
    _is_page = document(f"functions/is_{_PAGES.get(_name, _name).lower()}")
    SCALARS[f"IS_{_name}"] = Function(partial(_is, _kinds), f"IS_{_name}(variant): whether it holds one", _is_page)
    if _name != "DECIMAL":
        _as_page = document(f"functions/as_{_PAGES.get(_name, _name).lower()}")
        _read = partial(_as, _kinds, _TYPES.get(_name, "JSON"))
        SCALARS[f"AS_{_name}"] = Function(
            _read, f"AS_{_name}(variant): its value, or NULL where it holds another kind", _as_page
        )


def windows(tree: Tree) -> None:
    """RATIO_TO_REPORT and CONDITIONAL_TRUE_EVENT as the sums they are."""
    for window in list(tree.find_all(exp.Window)):
        call: Any = window.this
        name = str(call.this).upper() if isinstance(call, exp.Anonymous) else ""
        if name == "RATIO_TO_REPORT":
            total = window.copy()
            total.set("this", exp.Sum(this=call.expressions[0].copy()))
            window.replace(exp.Div(this=exp.cast(call.expressions[0].copy(), "DOUBLE"), expression=total))
        elif name == "CONDITIONAL_TRUE_EVENT":
            counted = exp.cast(
                exp.func("COALESCE", exp.cast(call.expressions[0].copy(), "BOOLEAN"), exp.false()), "INT"
            )
            call.replace(exp.Sum(this=counted))
            window.set(
                "spec", exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
            )
