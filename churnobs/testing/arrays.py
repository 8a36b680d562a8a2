"""Functions of arrays and objects. An array may be a list of DuckDB's or JSON from a table, so each is read as a list of JSON.

NULL for an array gives NULL. Positions count from 0, and from the end when they are negative. Where Snowflake promises no order,
elements stay in the order of their first appearance.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.proof import Function, document
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar
from churnobs.testing.trees import Tree
from churnobs.testing.typed import macro

Args = list[Tree]
Named = dict[str, Tree]

_MACROS = """
CREATE OR REPLACE MACRO @list(v) AS CAST(@variant(v) AS JSON[]);
CREATE OR REPLACE MACRO @texts(v) AS list_transform(@list(v), lambda x: @text(x));
CREATE OR REPLACE MACRO @numbers(v) AS CAST(@list(v) AS DOUBLE[]);
CREATE OR REPLACE MACRO @signed(h) AS CAST(CAST(h AS HUGEINT) - 9223372036854775808 AS BIGINT);
CREATE OR REPLACE MACRO @count(l, x) AS len(list_filter(l, lambda e: e IS NOT DISTINCT FROM x));
CREATE OR REPLACE MACRO @place(l, n) AS CASE WHEN n < 0 THEN greatest(len(l) + n, 0) ELSE n END;
CREATE OR REPLACE MACRO @sortable(x) AS CASE WHEN x IS NULL OR json_type(x) = 'NULL' THEN NULL ELSE
    {'n': TRY_CAST(CASE WHEN json_type(x) IN ('VARCHAR', 'BOOLEAN') THEN NULL ELSE x END AS DOUBLE), 's': @text(x), 'v': x} END;
CREATE OR REPLACE MACRO @sorted(l) AS list_sort(list_transform(l, lambda x: @sortable(x)), 'ASC', 'NULLS LAST');
CREATE OR REPLACE MACRO @known(l) AS list_filter(l, lambda x: x IS NOT NULL AND json_type(x) <> 'NULL');
CREATE OR REPLACE MACRO @array_append(a, x) AS CASE WHEN a IS NOT NULL THEN to_json(list_append(@list(a), @variant(x))) END;
CREATE OR REPLACE MACRO @array_prepend(a, x) AS CASE WHEN a IS NOT NULL THEN to_json(list_prepend(@variant(x), @list(a))) END;
CREATE OR REPLACE MACRO @array_concat(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL
    THEN to_json(list_concat(@list(a), @list(b))) END;
CREATE OR REPLACE MACRO @array_compact(a) AS to_json(@known(@list(a)));
CREATE OR REPLACE MACRO @array_distinct(a) AS to_json(list_filter(@list(a), lambda x, i: @count(@list(a)[1:i], x) = 1));
CREATE OR REPLACE MACRO @array_except(a, b) AS CASE WHEN b IS NOT NULL THEN to_json(list_filter(@list(a),
    lambda x, i: @count(@list(a)[1:i], x) > @count(@list(b), x))) END;
CREATE OR REPLACE MACRO @array_intersect(a, b) AS CASE WHEN b IS NOT NULL THEN to_json(list_filter(@list(a),
    lambda x, i: @count(@list(a)[1:i], x) <= @count(@list(b), x))) END;
CREATE OR REPLACE MACRO @array_position(a, x) AS CASE WHEN x IS NOT NULL THEN
    list_position(@list(a), @variant(x)) - 1 END;
CREATE OR REPLACE MACRO @array_slice(a, b, e) AS CASE WHEN b IS NOT NULL AND e IS NOT NULL THEN to_json(list_filter(@list(a),
    lambda x, i: i > @place(@list(a), b) AND i <= @place(@list(a), e))) END;
CREATE OR REPLACE MACRO @array_least(a) AS @sorted(@known(@list(a)))[1].v;
CREATE OR REPLACE MACRO @array_greatest(a) AS @sorted(@known(@list(a)))[-1].v;
CREATE OR REPLACE MACRO @array_sort(a, o, n) AS to_json(list_transform(
    list_sort(list_transform(@list(a), lambda x: @sortable(x)), o, n), lambda x: x.v));
CREATE OR REPLACE MACRO @object_of(k, l) AS CAST('{' || array_to_string(list_transform(list_zip(k, l),
    lambda z: CAST(to_json(z[1]) AS VARCHAR) || ':' || coalesce(CAST(z[2] AS VARCHAR), 'null')), ',') || '}' AS JSON);
CREATE OR REPLACE MACRO @keys_of(k) AS CASE WHEN typeof(k) = 'JSON' OR typeof(k) LIKE '%[]'
    THEN list_transform(@list(to_json(k)), lambda x: @text(x)) ELSE [@text(k)] END;
CREATE OR REPLACE MACRO @pick(v, l) AS @object_of(list_filter(list_sort(json_keys(@variant(v))), lambda k: list_contains(l, k)),
    list_transform(list_filter(list_sort(json_keys(@variant(v))), lambda k: list_contains(l, k)),
    lambda k: json_extract(@variant(v), '/' || replace(replace(k, '~', '~0'), '/', '~1'))));
CREATE OR REPLACE MACRO @map_size(m) AS len(json_keys(@variant(m)));
CREATE OR REPLACE MACRO @only_in(a, b) AS
    list_filter(list_sort(json_keys(@variant(a))), lambda x: NOT list_contains(json_keys(@variant(b)), x));
CREATE OR REPLACE MACRO @map_cat(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN @object_of(
    list_concat(@only_in(a, b), list_sort(json_keys(@variant(b)))),
    list_transform(list_concat(@only_in(a, b), list_sort(json_keys(@variant(b)))), lambda x:
        json_extract(CASE WHEN list_contains(json_keys(@variant(b)), x) THEN @variant(b) ELSE @variant(a) END,
        '/' || replace(replace(x, '~', '~0'), '/', '~1')))) END;
CREATE OR REPLACE MACRO @has_key(k, m) AS list_contains(json_keys(@variant(m)), @text(k));
CREATE OR REPLACE MACRO @object_without(o, k) AS list_filter(list_sort(json_keys(@variant(o))), lambda x: x <> k);
CREATE OR REPLACE MACRO @object_insert(o, k, v, u) AS CASE WHEN o IS NULL OR k IS NULL THEN @variant(o)
    WHEN NOT u AND list_contains(json_keys(@variant(o)), k) THEN error('Duplicate field key ' || chr(39) || k || chr(39))
    ELSE @object_of(list_concat(@object_without(o, k), CASE WHEN v IS NULL THEN [] ELSE [k] END),
        list_concat(list_transform(@object_without(o, k),
            lambda x: json_extract(@variant(o), '/' || replace(replace(x, '~', '~0'), '/', '~1'))),
            CASE WHEN v IS NULL THEN [] ELSE [@variant(v)] END)) END;
CREATE OR REPLACE MACRO @to_object_of(k, v) AS CASE WHEN k IS NOT NULL AND v IS NOT NULL
    THEN @object_of(list_transform(@list(k), lambda x: @text(x)), @list(v)) END;
CREATE OR REPLACE MACRO @array_reverse(a) AS to_json(list_reverse(@list(a)));
CREATE OR REPLACE MACRO @array_to_string(a, s) AS CASE WHEN s IS NOT NULL THEN
    array_to_string(list_transform(@list(a), lambda x: coalesce(@text(x), '')), s) END;
CREATE OR REPLACE MACRO @array_overlaps(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN
    len(list_filter(@list(a), lambda x: @count(@list(b), x) > 0)) > 0 END;
CREATE OR REPLACE MACRO @array_insert(a, n, x) AS CASE WHEN n IS NOT NULL AND a IS NOT NULL THEN to_json(list_concat(list_concat(
    list_resize(@list(a)[1:@place(@list(a), n)], CAST(@place(@list(a), n) AS UBIGINT)), [@variant(x)]),
    @list(a)[@place(@list(a), n) + 1:])) END;
CREATE OR REPLACE MACRO @array_remove(a, x) AS CASE WHEN x IS NOT NULL THEN
    to_json(list_filter(@list(a), lambda e: e IS DISTINCT FROM @variant(x))) END;
CREATE OR REPLACE MACRO @array_remove_at(a, n) AS CASE WHEN n IS NOT NULL THEN to_json(list_filter(@list(a),
    lambda x, i: i - 1 <> CASE WHEN n < 0 THEN len(@list(a)) + n ELSE n END)) END;
CREATE OR REPLACE MACRO @array_flatten(a) AS CASE WHEN len(@known(@list(a))) = len(@list(a)) THEN
    to_json(flatten(list_transform(@list(a), lambda x: CAST(x AS JSON[])))) END;
CREATE OR REPLACE MACRO @to_array(v) AS CASE WHEN v IS NULL THEN NULL WHEN json_type(@variant(v)) = 'ARRAY' THEN @variant(v)
    ELSE to_json([@variant(v)]) END;
CREATE OR REPLACE MACRO @keys(v) AS to_json(list_sort(json_keys(@variant(v))));
CREATE OR REPLACE MACRO @ignoring_case(v, k) AS json_extract(@variant(v), '/' || list_filter(list_sort(json_keys(@variant(v)),
    'ASC'), lambda x: lower(x) = lower(k))[1]);
"""
MACROS = _MACROS.replace("@", "memory.main._offline_")


def object_values(tree: Tree) -> None:
    """Keys of objects are texts, whatever their case; values are written as VARIANT writes them."""
    for pair in reversed(list(tree.find_all(exp.PropertyEQ, exp.JSONKeyValue))):
        if isinstance(pair.this, exp.Identifier) and isinstance(pair.parent, exp.Struct):
            pair.this.args["quoted"] = True
        if not isinstance(pair.expression, exp.Literal | exp.Struct | exp.Array):
            pair.expression.replace(macro("variant", pair.expression.copy()))


def _plain(name: str, *names: str) -> None:
    """Register functions that are one macro of the same arguments."""

    def given(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
        return macro(name, *(a.copy() for a in args))

    titles = names or (name.upper(),)
    page = document(f"functions/{titles[-1].lower()}")
    SCALARS.update(dict.fromkeys(titles, Function(given, f"{titles[-1]}(...)", page)))


for _one in (
    "append", "prepend", "compact", "distinct", "except", "slice", "insert", "remove", "remove_at", "reverse", "to_string",
    "position",
):  # fmt: skip
    _plain(f"array_{_one}")
_plain("array_overlaps", "ARRAY_OVERLAPS", "ARRAYS_OVERLAP")
_plain("array_least", "ARRAY_MIN")
_plain("array_greatest", "ARRAY_MAX")
_plain("array_concat", "ARRAY_CONCAT", "ARRAY_CAT")
_plain("array_intersect", "ARRAY_INTERSECT", "ARRAY_INTERSECTION")
_plain("to_array")
_plain("to_object_of", "ARRAYS_TO_OBJECT")
_plain("keys", "JSON_KEYS", "OBJECT_KEYS")
_plain("keys", "MAP_KEYS")
_plain("map_size")
_plain("map_cat")
_plain("ignoring_case", "GET_IGNORE_CASE")


@scalar("ARRAY", proof=document("functions/array_construct"))
def array(_rewriter: Rewriter, args: Args, _named: Named) -> Tree | None:
    """ARRAY_CONSTRUCT(...) of elements that may differ in their types."""
    kinds = {a.is_string if isinstance(a, exp.Literal) else None for a in args}
    if kinds in ({True}, {False}, set()) and not any("." in a.name for a in args if not a.is_string):
        return None
    return exp.Anonymous(this="json_array", expressions=[macro("variant", a.copy()) for a in args])


@scalar("MAP_CONTAINS_KEY", proof=document("functions/map_contains_key"))
def map_contains_key(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """MAP_CONTAINS_KEY(key, map)."""
    return macro("has_key", args[0].copy(), args[1].copy())


@scalar("ARRAYS_ZIP", proof=document("functions/arrays_zip"))
def arrays_zip(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """ARRAYS_ZIP(array, ...): objects of the elements at one place, as many as the longest array has."""
    pairs: list[Tree] = []
    for at, given in enumerate(args):
        place = exp.Bracket(this=macro("list", given.copy()), expressions=[exp.to_identifier("_at", quoted=True)])
        pairs += [exp.Literal.string(f"${at + 1}"), place]
    sizes = [exp.Anonymous(this="len", expressions=[macro("list", given.copy())]) for given in args]
    longest = exp.Anonymous(this="greatest", expressions=[*sizes, exp.Literal.number(0)])
    places = exp.Anonymous(
        this="range", expressions=[exp.Literal.number(1), exp.Add(this=longest, expression=exp.Literal.number(1))]
    )
    each = exp.Lambda(
        this=exp.Anonymous(this="json_object", expressions=pairs), expressions=[exp.to_identifier("_at", quoted=True)]
    )
    made = exp.Anonymous(this="to_json", expressions=[exp.Anonymous(this="list_transform", expressions=[places, each])])
    missing: Tree = exp.or_(*(exp.Is(this=given.copy(), expression=exp.null()) for given in args))
    return exp.Case(ifs=[exp.If(this=missing, true=exp.null())], default=made)


@scalar("HASH", proof=document("functions/hash"))
def hashed(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """HASH(...), a signed number of 64 bits; other numbers than Snowflake's."""
    columns = [exp.Columns(this=a.copy(), unpack=True) if a.is_star else a.copy() for a in args]
    return macro("signed", exp.Anonymous(this="hash", expressions=columns))


@scalar("SORT_ARRAY", "ARRAY_SORT", proof=document("functions/array_sort"))
def array_sort(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """ARRAY_SORT(array [, ascending [, nulls first]]): NULL is last when it ascends, and first when it descends."""
    given = [bool(a.this) if isinstance(a, exp.Boolean) else None for a in args[1:]]
    if None in given:
        raise not_supported("ARRAY_SORT with an order that is no literal", "write TRUE or FALSE")
    ascending = given[0] if given else True
    nulls_first = given[1] if len(given) > 1 else not ascending
    order = [
        exp.Literal.string("ASC" if ascending else "DESC"),
        exp.Literal.string(f"NULLS {'FIRST' if nulls_first else 'LAST'}"),
    ]
    return macro("array_sort", args[0].copy(), *order)


@scalar("OBJECT_PICK", "MAP_PICK", proof=document("functions/object_pick"))
def object_pick(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """OBJECT_PICK(object, key, ...) or OBJECT_PICK(object, array of keys)."""
    keys = [macro("keys_of", key.copy()) for key in args[1:]]
    wanted = keys[0]
    for key in keys[1:]:
        wanted = exp.Anonymous(this="list_concat", expressions=[wanted, key])
    return macro("pick", args[0].copy(), wanted)


_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg)
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.In)


def _elements(function: Any, names: set[str]) -> None:
    """Read an element without a type as Snowflake reads a VARIANT: as the type of what stands beside it."""
    for node in list(function.this.find_all(exp.Identifier)):
        above: Any = node.parent
        if node.name.upper() not in names or isinstance(above, exp.Column | exp.Dot | exp.Lambda):
            continue
        if isinstance(above, _ARITHMETIC):
            node.replace(exp.cast(node.copy(), "DOUBLE"))
        elif isinstance(above, exp.DPipe | exp.Concat):
            node.replace(macro("text", node.copy()))
        elif isinstance(above, _COMPARED):
            others = [*above.args.get("expressions", []), above.this, above.args.get("expression")]
            texts = {
                o.is_string if isinstance(o, exp.Literal) else None
                for o in others
                if isinstance(o, exp.Expr) and o is not node
            }
            if texts == {True}:
                node.replace(macro("text", node.copy()))
            elif texts == {False}:
                node.replace(exp.cast(node.copy(), "DOUBLE"))


def _lambda(argument: Tree) -> Any:
    if not isinstance(argument, exp.Lambda):
        raise not_supported("a function of elements that is no lambda", "write x -> ...")
    return argument.copy()


@scalar("FILTER", proof=document("functions/filter"))
def array_filter(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """FILTER(array, x -> condition)."""
    function = _lambda(args[1])
    _elements(function, {p.name.upper() for p in function.expressions})
    return exp.Anonymous(this="to_json", expressions=[exp.func("list_filter", macro("list", args[0].copy()), function)])


@scalar("TRANSFORM", proof=document("functions/transform"))
def transform(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """TRANSFORM(array, x -> expression)."""
    function = _lambda(args[1])
    counted = isinstance(function.this, _ARITHMETIC)
    _elements(function, {p.name.upper() for p in function.expressions})
    if counted:  # a whole number stays one
        function.set("this", exp.cast(macro("text", function.this.copy()), "JSON"))
    return exp.Anonymous(
        this="to_json", expressions=[exp.func("list_transform", macro("list", args[0].copy()), function)]
    )


@scalar("REDUCE", proof=document("functions/reduce"))
def reduce(_rewriter: Rewriter, args: Args, _named: Named) -> Tree:
    """REDUCE(array, start, (sum, x) -> expression)."""
    start, function = args[1], _lambda(args[2])
    if not isinstance(start, exp.Literal):
        raise not_supported("REDUCE from a value that is no literal", "start from a number or a text")
    of_texts = start.is_string
    items = macro("texts" if of_texts else "numbers", args[0].copy())
    first = start.copy() if of_texts else exp.cast(start.copy(), "DOUBLE")
    made = exp.func("list_reduce", items, function, first)
    return made if of_texts else exp.cast(macro("text", made), "JSON")
