"""FLATTEN and SPLIT_TO_TABLE, beside a table (LATERAL, or TABLE() after a comma) or alone."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.trees import Tree

_ONE = "{'s': seq, 't': given, 'k': NULL::VARCHAR, 'p': NULL::VARCHAR, 'i': NULL::BIGINT, 'v': NULL::JSON}"
# all that a row says comes out of the one unnest: only then does DuckDB join without a hash, and keep the order of the elements
MACROS = f"""
CREATE OR REPLACE MACRO memory.main._offline_seq(given) AS CAST(hash(given) // 2 AS BIGINT);
CREATE OR REPLACE MACRO memory.main._offline_flatten(given, start, keeps, mode, seq) AS TABLE
    SELECT e.s AS SEQ, e.k AS KEY, e.p AS PATH, e.i AS INDEX, e.v AS VALUE, e.t AS THIS FROM (SELECT unnest(
        CASE WHEN mode <> 'ARRAY' AND json_type(given) = 'OBJECT' AND len(json_keys(given)) > 0 THEN
                 list_transform(list_sort(json_keys(given)), lambda x:
                 {{'s': seq, 't': given, 'k': x, 'p': CASE WHEN start = '' THEN x ELSE start || '.' || x END, 'i': NULL::BIGINT,
                  'v': json_extract(given, '/' || replace(replace(x, '~', '~0'), '/', '~1'))}})
             WHEN mode <> 'OBJECT' AND json_type(given) = 'ARRAY' AND json_array_length(given) > 0 THEN list_transform(
                 range(json_array_length(given)::BIGINT), lambda n:
                 {{'s': seq, 't': given, 'k': NULL::VARCHAR, 'p': start || '[' || n || ']', 'i': n,
                  'v': json_extract(given, '$[' || n || ']')}})
             WHEN keeps THEN [{_ONE}] END) AS e);
CREATE OR REPLACE MACRO memory.main._offline_flatten_all(given, start, keeps, mode, seq) AS TABLE
    SELECT e.s AS SEQ, e.k AS KEY, e.p AS PATH, e.i AS INDEX, e.v AS VALUE, e.t AS THIS FROM (SELECT unnest(
        CASE WHEN json_array_length(_offline_walk(CAST(given AS VARCHAR), start, mode)) > 0 THEN list_transform(
                 CAST(_offline_walk(CAST(given AS VARCHAR), start, mode) AS JSON[]), lambda x:
                 {{'s': seq, 't': json_extract(x, '$.t'), 'k': json_extract_string(x, '$.k'), 'p': json_extract_string(x, '$.p'),
                  'i': CAST(json_extract_string(x, '$.i') AS BIGINT), 'v': json_extract(x, '$.v')}})
             WHEN keeps THEN [{_ONE}] END) AS e);
CREATE OR REPLACE MACRO memory.main._offline_split_rows(given, sign, seq) AS TABLE
    SELECT e.s AS SEQ, e.i AS INDEX, e.v AS VALUE FROM (SELECT unnest(
        list_transform(range(1, len(string_split(given, sign)) + 1), lambda n:
        {{'s': seq, 'i': n, 'v': string_split(given, sign)[n]}})) AS e);
"""


def rewrite(tree: Tree) -> None:
    """Put calls of this package's table macros where FLATTEN and SPLIT_TO_TABLE stand."""
    for select in tree.find_all(exp.Select):
        # what follows VALUES after a comma hangs on the SELECT, where DuckDB's generator forgets the comma
        for lateral in select.args.get("laterals") or []:
            select.append("joins", exp.Join(this=lateral.copy()))
        select.set("laterals", None)
    for node in list(tree.find_all(exp.Lateral, exp.TableFromRows)):
        alone = isinstance(node.parent, exp.From | exp.Paren | exp.Subquery)
        call: Any = node.this.this if isinstance(node.this, exp.Window) else node.this
        if isinstance(call, exp.Explode):
            made = _flatten(call, alone=alone)
        elif isinstance(call, exp.SplitToTable):
            parts = [call.this, call.expression, _sequence(call.this, alone=alone)]
            made = exp.Anonymous(this="memory.main._offline_split_rows", expressions=parts)
        else:
            continue
        table = exp.Table(this=made, alias=node.args.get("alias"))
        for key in ("joins", "sample"):
            if node.args.get(key):
                table.set(key, node.args[key])
        join = node.parent
        if isinstance(join, exp.Join) and join.side and not join.args.get("on"):
            join.set("on", exp.true())  # else the row that has no element would be lost
        node.replace(table)


def _flatten(call: Any, *, alone: bool) -> Tree:
    given: dict[str, Tree] = {}
    names = iter(("INPUT", "PATH", "OUTER", "RECURSIVE", "MODE"))
    for argument in [call.this, *call.expressions]:
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.upper()] = argument.expression
        else:
            given[next(names)] = argument
    recursive, mode = given.get("RECURSIVE"), given.get("MODE")
    if recursive is not None and not isinstance(recursive, exp.Boolean):
        raise not_supported("FLATTEN with RECURSIVE that is no literal", "write TRUE or FALSE")
    source: Tree = exp.Anonymous(this="to_json", expressions=[given["INPUT"]])
    path = given["PATH"].name if "PATH" in given else ""
    if path:
        source = exp.Anonymous(this="json_extract", expressions=[source, exp.Literal.string(f"$.{path}")])
    outer = given.get("OUTER", exp.Boolean(this=False))
    kind = exp.Literal.string("BOTH" if mode is None else mode.name.upper())
    parts = [source, exp.Literal.string(path), outer.copy(), kind, _sequence(source, alone=alone)]
    every = "_all" if recursive is not None and recursive.this else ""
    return exp.Anonymous(this=f"memory.main._offline_flatten{every}", expressions=parts)


def _sequence(source: Any, *, alone: bool) -> Tree:
    """What SEQ says of a row's elements: 1 for the elements of one value, and otherwise a number of the value's own."""
    if alone and source.find(exp.Column) is None:
        return exp.Literal.number(1)
    return exp.Anonymous(this="memory.main._offline_seq", expressions=[source.copy()])


__all__ = ["MACROS", "rewrite"]
