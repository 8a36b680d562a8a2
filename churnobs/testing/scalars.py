"""Scalar functions that neither sqlglot nor fakesnow turns into DuckDB's."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
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
CREATE OR REPLACE MACRO memory.main._offline_blob(v BLOB) AS v, (v) AS encode(memory.main._offline_text(v));
CREATE OR REPLACE MACRO memory.main._offline_hexed(v BLOB) AS v, (v) AS unhex(memory.main._offline_text(v));
CREATE OR REPLACE MACRO memory.main._offline_even(t) AS CASE WHEN length(t) % 2 = 0 THEN t END;
CREATE OR REPLACE MACRO memory.main._offline_character(v) AS chr(CAST(v AS INTEGER));
CREATE OR REPLACE MACRO memory.main._offline_factorial(v) AS CAST(factorial(CAST(v AS INTEGER)) AS BIGINT);
CREATE OR REPLACE MACRO memory.main._offline_changes(l) AS
    len(list_filter(l, lambda x, i: i > 1 AND x IS DISTINCT FROM l[i - 1]));
CREATE OR REPLACE MACRO memory.main._offline_state(l) AS to_json({'state': coalesce(l, []), 'type': 'tdigest'});
CREATE OR REPLACE MACRO memory.main._offline_states(s) AS CAST(json_extract(s, '$.state') AS DOUBLE[]);
CREATE OR REPLACE MACRO memory.main._offline_defined(v) AS CASE WHEN isnan(v) THEN NULL ELSE v END;
CREATE OR REPLACE MACRO memory.main._offline_month_part(d) AS day(d) + (epoch(d) % 86400) / 86400;
CREATE OR REPLACE MACRO memory.main._offline_months_apart(a, b) AS
    (year(a) - year(b)) * 12 + month(a) - month(b) + CASE WHEN day(a) = day(b) THEN 0
    WHEN CAST(a AS DATE) = last_day(a) AND CAST(b AS DATE) = last_day(b) THEN 0
    ELSE (memory.main._offline_month_part(a) - memory.main._offline_month_part(b)) / 31 END;
CREATE OR REPLACE MACRO memory.main._offline_months_between(a, b) AS
    CAST(memory.main._offline_months_apart(memory.main._offline_moment(a), memory.main._offline_moment(b)) AS DECIMAL(38,6));
"""


@scalar("WIDTH_BUCKET", proof=document("functions/width_bucket"))
def width_bucket(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """WIDTH_BUCKET(x, low, high, buckets)."""
    return macro("bucket", *(a.copy() for a in args))


@scalar("PARSE_URL", proof=document("functions/parse_url"))
def parse_url(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """PARSE_URL(text): its parts as an object."""
    return macro("url", args[0].copy())


@scalar("OBJECT_DELETE", "MAP_DELETE", proof=document("functions/object_delete"))
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


@scalar("MONTHS_BETWEEN", proof=document("functions/months_between"))
def months_between(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """MONTHS_BETWEEN(a, b): whole months, and days of a month of 31."""
    return macro("months_between", *(a.copy() for a in args))


@scalar("TRY_TO_BINARY", proof=document("functions/try_to_binary"))
def try_to_binary(rewriter: Rewriter, args: Args, named: Named) -> Tree:
    """TRY_TO_BINARY(text [, format]): NULL where TO_BINARY fails."""
    form = args[1].name.upper() if len(args) > 1 else "HEX"
    made = to_binary(rewriter, args, named)
    if form == "HEX":
        made = exp.Anonymous(this="unhex", expressions=[macro("even", macro("text", args[0].copy()))])
    return exp.Anonymous(this="TRY", expressions=[made])


@scalar("TO_BINARY", proof=document("functions/to_binary"))
def to_binary(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """TO_BINARY(text [, 'HEX', 'UTF-8' or 'BASE64'])."""
    form = args[1].name.upper() if len(args) > 1 else "HEX"
    if form == "HEX":
        return macro("hexed", args[0].copy())
    if form == "BASE64":
        return exp.Anonymous(this="from_base64", expressions=[args[0].copy()])
    if form not in ("UTF-8", "UTF8"):
        raise not_supported(f"TO_BINARY with the format {form}", "use HEX, UTF-8 or BASE64")
    return macro("blob", args[0].copy())


@scalar("BASE64_ENCODE", proof=document("functions/base64_encode"))
def base64_encode(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """BASE64_ENCODE(text or bytes)."""
    if len(args) > 1:
        raise not_supported("BASE64_ENCODE with a line length or an alphabet", "leave them out")
    return exp.Anonymous(this="to_base64", expressions=[macro("blob", args[0].copy())])


@scalar("BIT_LENGTH", proof=document("functions/bit_length"))
def bit_length(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """BIT_LENGTH(text or bytes)."""
    size = exp.Anonymous(this="octet_length", expressions=[macro("blob", args[0].copy())])
    return exp.Mul(this=size, expression=exp.Literal.number(8))


@scalar("CHR", proof=document("functions/chr"))
def character(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """CHR(number)."""
    return macro("character", args[0].copy())


@scalar("FACTORIAL", proof=document("functions/factorial"))
def factorial(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """FACTORIAL(number)."""
    return macro("factorial", args[0].copy())


@scalar("APPROX_QUANTILE", "APPROX_PERCENTILE", proof=document("functions/approx_percentile"))
def approx_percentile(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """APPROX_PERCENTILE(value, share): the percentile itself."""
    return exp.Anonymous(this="quantile_cont", expressions=[exp.cast(args[0].copy(), "DOUBLE"), args[1].copy()])


def _collected(values: Tree) -> Tree:
    listed = exp.Anonymous(this="list", expressions=[values])
    return exp.Filter(
        this=listed, expression=exp.Where(this=exp.Not(this=exp.Is(this=values.copy(), expression=exp.null())))
    )


@scalar("APPROX_PERCENTILE_ACCUMULATE", proof=document("functions/approx_percentile_accumulate"))
def approx_percentile_accumulate(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """APPROX_PERCENTILE_ACCUMULATE(value): its state holds the values themselves."""
    return macro("state", _collected(exp.cast(args[0].copy(), "DOUBLE")))


@scalar("APPROX_PERCENTILE_COMBINE", proof=document("functions/approx_percentile_combine"))
def approx_percentile_combine(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """APPROX_PERCENTILE_COMBINE(state)."""
    listed = exp.Anonymous(this="list", expressions=[macro("states", args[0].copy())])
    return exp.Anonymous(
        this="memory.main._offline_state", expressions=[exp.Anonymous(this="flatten", expressions=[listed])]
    )


@scalar("APPROX_PERCENTILE_ESTIMATE", proof=document("functions/approx_percentile_estimate"))
def approx_percentile_estimate(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """APPROX_PERCENTILE_ESTIMATE(state, share)."""
    held = macro("states", args[0].copy())
    return exp.Anonymous(this="list_aggregate", expressions=[held, exp.Literal.string("quantile_cont"), args[1].copy()])


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
        # a number with decimals is read as a whole one, rounded
        _whole = _name == "INTEGER"
        _read = partial(_as, _KINDS["DECIMAL"] if _whole else _kinds, "WHOLE" if _whole else _TYPES.get(_name, "JSON"))
        SCALARS[f"AS_{_name}"] = Function(
            _read, f"AS_{_name}(variant): its value, or NULL where it holds another kind", _as_page
        )


@scalar("AS_DECIMAL", "AS_NUMBER", proof=document("functions/as_decimal-number"))
def as_decimal(rewriter: Rewriter, args: Args, named: Named) -> Tree:
    """AS_DECIMAL(variant [, digits [, decimals]]): its exact number, or NULL where it holds another kind."""
    sizes = [int(a.name) for a in args[1:]] or [38]
    kind = f"DECIMAL({sizes[0]}, {sizes[1] if len(sizes) > 1 else 0})"
    return _as(_KINDS["DECIMAL"], kind, rewriter, args[:1], named)


_SO_FAR = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")


def windows(tree: Tree) -> None:
    """RATIO_TO_REPORT and the conditional events as the sums they are."""
    for window in list(tree.find_all(exp.Window)):
        call: Any = window.this
        name = str(call.this).upper() if isinstance(call, exp.Anonymous) else ""
        if name == "RATIO_TO_REPORT":
            total = window.copy()
            total.set("this", exp.Sum(this=call.expressions[0].copy()))
            window.replace(exp.Div(this=exp.cast(call.expressions[0].copy(), "DOUBLE"), expression=total))
        elif name == "CONDITIONAL_CHANGE_EVENT":
            call.replace(exp.Anonymous(this="list", expressions=[call.expressions[0].copy()]))
            window.set("spec", _SO_FAR.copy())
            window.replace(macro("changes", window.copy()))
        elif name == "CONDITIONAL_TRUE_EVENT":
            counted = exp.cast(
                exp.func("COALESCE", exp.cast(call.expressions[0].copy(), "BOOLEAN"), exp.false()), "INT"
            )
            call.replace(exp.Sum(this=counted))
            window.set("spec", _SO_FAR.copy())
