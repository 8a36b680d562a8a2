"""FLATTEN and SPLIT_TO_TABLE, beside a table (LATERAL, or TABLE() after a comma) or alone."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.trees import Tree

_ONE = "{'k': NULL::VARCHAR, 'p': NULL::VARCHAR, 'i': NULL::BIGINT, 'v': NULL::JSON}"
MACROS = f"""
CREATE OR REPLACE MACRO memory.main._offline_flatten(given, start, keeps) AS TABLE
    SELECT hash(given)::BIGINT AS SEQ, e.k AS KEY, e.p AS PATH, e.i AS INDEX, e.v AS VALUE, given AS THIS FROM (SELECT unnest(
        CASE WHEN json_type(given) = 'OBJECT' AND len(json_keys(given)) > 0 THEN list_transform(json_keys(given), lambda x:
                 {{'k': x, 'p': CASE WHEN start = '' THEN x ELSE start || '.' || x END, 'i': NULL::BIGINT,
                  'v': json_extract(given, '/' || replace(replace(x, '~', '~0'), '/', '~1'))}})
             WHEN json_type(given) = 'ARRAY' AND json_array_length(given) > 0 THEN list_transform(
                 range(json_array_length(given)::BIGINT), lambda n:
                 {{'k': NULL::VARCHAR, 'p': start || '[' || n || ']', 'i': n, 'v': json_extract(given, '$[' || n || ']')}})
             WHEN keeps THEN [{_ONE}] END) AS e);
CREATE OR REPLACE MACRO memory.main._offline_split_rows(given, sign) AS TABLE
    SELECT 1::BIGINT AS SEQ, e.i AS INDEX, e.v AS VALUE FROM (SELECT unnest(
        list_transform(range(1, len(string_split(given, sign)) + 1), lambda n:
        {{'i': n, 'v': string_split(given, sign)[n]}})) AS e);
"""


def rewrite(tree: Tree) -> None:
    """Put calls of this package's table macros where FLATTEN and SPLIT_TO_TABLE stand."""
    for select in tree.find_all(exp.Select):
        # what follows VALUES after a comma hangs on the SELECT, where DuckDB's generator forgets the comma
        for lateral in select.args.get("laterals") or []:
            select.append("joins", exp.Join(this=lateral.copy()))
        select.set("laterals", None)
    for node in list(tree.find_all(exp.Lateral, exp.TableFromRows)):
        if isinstance(node.this, exp.Explode):
            made = _flatten(node.this)
        elif isinstance(node.this, exp.SplitToTable):
            made = exp.Anonymous(
                this="memory.main._offline_split_rows", expressions=[node.this.this, node.this.expression]
            )
        else:
            continue
        table = exp.Table(this=made, alias=node.args.get("alias"))
        for key in ("joins", "sample"):
            if node.args.get(key):
                table.set(key, node.args[key])
        node.replace(table)


def _flatten(call: Any) -> Tree:
    given: dict[str, Tree] = {}
    names = iter(("INPUT", "PATH", "OUTER", "RECURSIVE", "MODE"))
    for argument in [call.this, *call.expressions]:
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.upper()] = argument.expression
        else:
            given[next(names)] = argument
    recursive, mode = given.get("RECURSIVE"), given.get("MODE")
    if recursive is not None and not (isinstance(recursive, exp.Boolean) and not recursive.this):
        raise not_supported("FLATTEN with RECURSIVE", "flatten each level: LATERAL FLATTEN(a.value) b")
    if mode is not None and mode.name.upper() != "BOTH":
        raise not_supported("FLATTEN with MODE", "filter by KEY IS NULL or INDEX IS NULL")
    source: Tree = exp.Anonymous(this="to_json", expressions=[given["INPUT"]])
    path = given["PATH"].name if "PATH" in given else ""
    if path:
        source = exp.Anonymous(this="json_extract", expressions=[source, exp.Literal.string(f"$.{path}")])
    outer = given.get("OUTER", exp.Boolean(this=False))
    return exp.Anonymous(
        this="memory.main._offline_flatten", expressions=[source, exp.Literal.string(path), outer.copy()]
    )


__all__ = ["MACROS", "rewrite"]
