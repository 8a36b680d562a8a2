"""Table functions of the user's own: handlers in Python with process and end_partition, and queries in SQL.

A handler is run while the query is rewritten: what it gives stands beside the rows that it was given, in two tables of one
length.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing import queries
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.python_code import Code, at_home, into_python, load, out_of_python
from churnobs.testing.results import Column, Result
from churnobs.testing.rewriting import TABLE_CALLS, Rewriter
from churnobs.testing.routines import arrow_type, handler_error, name_at_home, overloads
from churnobs.testing.trees import Tree, call_of, ident
from churnobs.testing.views import complete


@dataclass(slots=True)
class _Made:
    """The rows of a handler, each with the place of the row that it was made of, or with that of its partition."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)
    partitions: list[int | None] = field(default_factory=list)

    def add(self, rows: Iterable[tuple[Any, ...]], place: int | None, partition: int | None) -> None:
        """Take rows of one origin."""
        for row in rows:
            self.rows.append(row)
            self.places.append(place)
            self.partitions.append(partition)


def table_call(rewriter: Rewriter, node: exp.TableFromRows) -> bool:
    """Answer TABLE(function(...) [OVER (...)]) where the function is the user's own; says whether it was."""
    window = node.this if isinstance(node.this, exp.Window) else None
    call = window.this if window is not None else node.this
    path, args, named = call_of(call)
    if not path or isinstance(call, exp.ModelAttribute):
        return False
    try:
        name = name_at_home(rewriter, path)
    except SqlError:
        return False
    found = overloads(rewriter.session, "Function", name, len(args) + len(named))
    code = next((one for one in found if one.returns is None), None)
    if code is None:
        return False
    rewriter.dynamic = True
    args = _all_arguments(code, args, named)
    if code.language == "SQL":
        _put(node, _query(code, args))
    elif isinstance(node.parent, exp.Join):
        beside(rewriter, node, window, code, args)
    else:
        _alone(rewriter, node, code, args)
    return True


TABLE_CALLS.append(table_call)


def _all_arguments(code: Code, args: list[Tree], named: dict[str, Tree]) -> list[Tree]:
    made = list(args)
    for argument in code.arguments[len(args) :]:
        given = named.get(argument.name)
        if given is None and argument.default is None:
            raise SqlError(
                f"SQL compilation error:\nargument '{argument.name}' of {code.name} is missing", 1018, "42601"
            )
        made.append(given if given is not None else queries.parse(f"SELECT {argument.default}").expressions[0])
    return made


def _put(node: exp.TableFromRows, made: Any) -> None:
    """Put a relation in the place of a call."""
    if alias := node.args.get("alias"):
        made.set("alias", alias)
    for key in ("joins", "laterals", "sample"):
        if node.args.get(key):
            made.set(key, node.args[key])
    node.replace(made)


def _query(code: Code, args: list[Tree]) -> exp.Subquery:
    """A table function in SQL is its query over its arguments, which are named first: its tables may have their names too."""
    values = {argument.name: f"_given{at}" for at, argument in enumerate(code.arguments)}

    def put(node: Tree) -> Tree:
        is_argument = isinstance(node, exp.Column) and not node.table and node.name.upper() in values
        return exp.column(ident(values[node.name.upper()]), table=ident("_arguments")) if is_argument else node

    inner = queries.parse(code.body.strip().rstrip(";")).transform(put)
    for table in inner.find_all(exp.Table):
        complete(table, code.name)
    columns = [ident(column.name) for column in code.table]
    found = exp.Subquery(this=inner, alias=exp.TableAlias(this=ident("_found"), columns=columns))
    if args:
        given = exp.select(*(exp.alias_(one.copy(), ident(f"_given{at}")) for at, one in enumerate(args)))
        source = exp.Subquery(this=given, alias=exp.TableAlias(this=ident("_arguments")))
        picked = exp.select(*_typed(code)).from_(source)
        found = exp.Subquery(this=picked.join(found, join_type="CROSS"))  # DuckDB joins it laterally
    else:
        found = exp.Subquery(this=exp.select(*_typed(code)).from_(found))
    found.set("alias", exp.TableAlias(this=ident("_t")))
    return found


def _typed(code: Code) -> list[Tree]:
    """The columns of a table function as the types that it says."""
    columns = ((one, exp.column(ident(one.name), table=ident("_found"))) for one in code.table)
    return [exp.alias_(exp.cast(value, one.column.duck_type), ident(one.name)) for one, value in columns]


def _alone(rewriter: Rewriter, node: exp.TableFromRows, code: Code, args: list[Tree]) -> None:
    """TABLE(function(values)) with nothing on its left: one row is given to the handler."""
    made = _Made()
    if not rewriter.describe_only:
        given = tuple(into_python(a.column, rewriter.evaluate(v)) for a, v in zip(code.arguments, args, strict=True))
        made = _run(rewriter, code, [given], [0])
    _put(node, _aliased(rewriter, _result(code, made), "_t"))


def _aliased(rewriter: Rewriter, found: Result, name: str) -> Any:
    made: Any = rewriter.relation(found)
    if not made.args.get("alias"):
        made.set("alias", exp.TableAlias(this=ident(name)))
    return made


def beside(
    rewriter: Rewriter, node: exp.TableFromRows, window: exp.Window | None, code: Code, args: list[Tree]
) -> None:
    """A call whose arguments are columns of the table on its left."""
    join: Any = node.parent
    select: Any = join.parent
    if not isinstance(select, exp.Select) or select.args["joins"][0] is not join or join.args.get("on") is not None:
        raise not_supported("a table function behind several tables, or with ON", "join the tables in a subquery first")
    if str(join.args.get("side") or "").upper() == "LEFT":
        raise not_supported("LEFT JOIN of a table function", "join its rows to the table again")
    left: Any = select.args["from_"].this
    partition = list(window.args.get("partition_by") or []) if window is not None else []
    order = window.args["order"].expressions if window is not None and window.args.get("order") else []
    result, width = _left_rows(rewriter, select, left, [*args, *partition], len(partition), order)
    keys = [result.table.column(width + len(args) + at).to_pylist() for at in range(len(partition))]
    starts = _starts(list(zip(*keys, strict=True)) if keys else [()] * result.table.num_rows)
    columns = [result.table.column(width + at).to_pylist() for at in range(len(args))]
    given = [
        tuple(into_python(a.column, v) for a, v in zip(code.arguments, row, strict=True))
        for row in zip(*columns, strict=True)
    ] if columns else [()] * result.table.num_rows  # fmt: skip
    made = _Made() if rewriter.describe_only or not given else _run(rewriter, code, given, starts)
    plain = {column.name.upper() for column in partition if isinstance(column, exp.Column)}
    kept = _kept(result, width, made, plain)
    alias = left.args.get("alias") or exp.TableAlias(this=ident(left.name))
    shown = _aliased(rewriter, kept, "_l")
    shown.set("alias", alias)
    left.replace(shown)
    _put(node, _aliased(rewriter, _result(code, made), "_t"))
    for key in ("kind", "side", "using"):
        join.set(key, None)
    join.set("method", "POSITIONAL")


def _left_rows(
    rewriter: Rewriter, select: exp.Select, left: Any, more: list[Tree], keyed: int, order: list[Tree]
) -> tuple[Result, int]:
    """The rows on the left with arguments and keys beside them, by partition; and the number of their own columns."""
    named = [exp.alias_(one.copy(), ident(f"_given{at}")) for at, one in enumerate(more)]
    asked = exp.select(exp.Star(), *named).from_(left.copy())
    keys = [
        exp.Ordered(this=exp.column(ident(f"_given{at}")), nulls_first=True)
        for at in range(len(more) - keyed, len(more))
    ]
    if keys or order:
        asked = asked.order_by(*keys, *(one.copy() for one in order))
    above: Any = select
    while above is not None:
        if (held := above.args.get("with_")) is not None:
            for cte in held.expressions:
                asked = asked.with_(cte.alias, cte.this.copy(), append=True)
        above = above.parent
    inner = Rewriter(rewriter.session, (), describe_only=rewriter.describe_only)
    inner.known = rewriter.known
    inner.streams = rewriter.streams
    found = queries.select(rewriter.session, asked, inner, describe_only=rewriter.describe_only)
    rewriter.sources |= inner.sources
    if rewriter.describe_only:
        fields = [pa.field(c.name, arrow_type(c)) for c in found.columns]
        found = Result(found.columns, pa.schema(fields).empty_table())
    return found, len(found.columns) - len(more)


def _starts(keys: Sequence[Any]) -> list[int]:
    """The place of the first row of the partition that each row belongs to."""
    starts, start = [], 0
    for at, key in enumerate(keys):
        start = at if at and key != keys[at - 1] else start
        starts.append(start)
    return starts


def _run(rewriter: Rewriter, code: Code, given: list[tuple[Any, ...]], starts: list[int]) -> _Made:
    """Let one object of the handler's class see each partition."""
    made = _Made()
    handler = load(rewriter.session, code)
    try:
        with at_home(rewriter.session, code):
            for start, places in itertools.groupby(range(len(given)), key=starts.__getitem__):
                _partition(code, handler(), given, list(places), start, made)
    except SqlError:
        raise
    except Exception as error:
        raise handler_error(code, error) from error
    return made


def _partition(code: Code, one: Any, given: list[tuple[Any, ...]], places: list[int], start: int, made: _Made) -> None:
    process, end = getattr(one, "process", None), getattr(one, "end_partition", None)
    if process is not None and _takes_frames(process):
        most = getattr(process, "_sf_max_batch_size", None) or len(places)
        for batch in (places[at : at + most] for at in range(0, len(places), most)):
            rows = list(_rows(process(_frame(code, [given[place] for place in batch])), by_column=True))
            if len(rows) != len(batch):
                raise ValueError(f"process gave {len(rows)} rows for the {len(batch)} of a batch")
            for place, row in zip(batch, rows, strict=True):
                made.add([row], place, start)
    elif process is not None:
        for place in places:
            made.add(_rows(process(*given[place])), place, start)
    if end is not None:
        frames = [_frame(code, [given[place] for place in places])] if _takes_frames(end) else []
        made.add(_rows(end(*frames), by_column=bool(frames)), None, start)


def _takes_frames(method: Any) -> bool:
    return getattr(method, "_sf_vectorized_input", None) is not None


def _frame(code: Code, rows: list[tuple[Any, ...]]) -> Any:
    import pandas as pd

    return pd.DataFrame(rows, columns=[argument.name for argument in code.arguments])


def _rows(given: Any, *, by_column: bool = False) -> Iterator[tuple[Any, ...]]:
    """What a handler gave, as tuples: of an iterable of tuples or frames, a frame, or (of a handler of frames) columns."""
    if given is None:
        return
    if hasattr(given, "itertuples"):
        given = given.astype(object).where(given.notna(), None)
        yield from given.itertuples(index=False, name=None)
    elif isinstance(given, tuple) and given and (by_column or all(hasattr(one, "__array__") for one in given)):
        yield from zip(*(one.tolist() if hasattr(one, "tolist") else one for one in given), strict=True)
    else:
        for row in given:
            if hasattr(row, "itertuples"):
                yield from _rows(row)
            elif isinstance(row, tuple | list):
                yield tuple(row)
            else:
                raise TypeError(f"a table function gives tuples, not {type(row).__name__}")


def _result(code: Code, made: _Made) -> Result:
    """The rows of a handler with the columns that RETURNS TABLE declares."""
    arrays = []
    for row in made.rows:
        if len(row) != len(code.table):
            raise SqlError(f"{code.name} gave {len(row)} values for {len(code.table)} columns", 100357, "P0000")
    for at, column in enumerate(code.table):
        values = [out_of_python(column.column, row[at]) for row in made.rows]
        arrays.append(pa.array(values, arrow_type(column.column)))
    names = [column.name for column in code.table]
    columns = [Column(c.name, c.column.kind, c.column.precision, c.column.scale) for c in code.table]
    return Result(columns, pa.Table.from_arrays(arrays, names=names))


def _kept(result: Result, width: int, made: _Made, partition: set[str]) -> Result:
    """The left rows beside what was made of them; rows of a whole partition have its keys, and nothing else."""
    own, whole = pa.array(made.places, pa.int64()), pa.array(made.partitions, pa.int64())
    arrays = []
    for at, column in enumerate(result.columns[:width]):
        held = result.table.column(at).combine_chunks()
        arrays.append(held.take(whole if column.name.upper() in partition else own))
    names = [column.name for column in result.columns[:width]]
    return Result(result.columns[:width], pa.Table.from_arrays(arrays, names=names))
