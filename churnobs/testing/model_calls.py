"""MODEL(name, version)!METHOD(...) in queries, as a call of a function that runs the model."""

from __future__ import annotations

import pandas as pd
from sqlglot import exp

from churnobs.testing import inference, table_functions
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.models import Model, Version, model_of
from churnobs.testing.python_code import Argument, Code, type_of
from churnobs.testing.rewriting import MODEL_CALLS, TABLE_CALLS, Rewriter
from churnobs.testing.session import Session
from churnobs.testing.trees import ident


def _target(session: Session, attribute: exp.ModelAttribute) -> tuple[Model, Version]:
    held = attribute.this
    if isinstance(held, exp.Anonymous) and str(held.this).upper() == "MODEL":
        name, *rest = held.expressions
        parts = tuple(_fold(p) for p in name.find_all(exp.Identifier, bfs=False))
        version = rest[0] if rest else None
    else:
        parts = tuple(_fold(p) for p in held.find_all(exp.Identifier, bfs=False))
        version = None
    model = model_of(session, session.resolve(parts))
    if version is None:
        return model, model.version("DEFAULT")
    inner = version.find(exp.Identifier)
    return model, model.version(_fold(inner) if inner is not None else version.name)


def _fold(part: exp.Identifier) -> str:
    return part.name if part.quoted else part.name.upper()


def call(rewriter: Rewriter, attribute: exp.ModelAttribute) -> exp.Expr:
    """MODEL(m, v)!METHOD(...) as a call of a function that runs the model."""
    session = rewriter.session
    rewriter.dynamic = True
    model, version = _target(session, attribute)
    function = attribute.expression
    partition = attribute.args.get("partition_by") or []
    if isinstance(function, exp.Window):
        partition, function = function.args.get("partition_by") or [], function.this
    wanted = str(function.name).upper()
    method = next((m for m in inference.methods(version.folder) if m.name.upper() == wanted), None)
    if method is None:
        raise SqlError(f"SQL compilation error:\nUnknown function {model.name}!{wanted}", 2140, "42601")
    if partition:
        raise not_supported(
            "OVER (PARTITION BY ...) of a model outside FROM", "write TABLE(MODEL(...)!METHOD(...) OVER (...))"
        )
    duck, runner = _register(session, version, method)
    called_as = session.engine.function(duck, runner.rows, "VARCHAR")
    called = exp.Anonymous(this=called_as, expressions=[a.copy() for a in function.expressions])
    if attribute.args.get("as_table"):
        picked: list[exp.Expr] = []
        for (name, kind), output in zip(method.outputs, runner.outputs(), strict=True):
            value = exp.Anonymous(
                this="json_extract_string", expressions=[exp.column("J"), exp.Literal.string(f'$."{output}"')]
            )
            picked.append(exp.alias_(exp.cast(value, _duck_type(kind)), ident(name or output)))
        inner = exp.select(exp.alias_(called, ident("J"))).subquery("_model")
        return exp.Lateral(
            this=exp.select(*picked).from_(inner).subquery(), alias=exp.TableAlias(this=ident("_explained"))
        )
    if method.kind == "TABLE_FUNCTION":
        raise SqlError(
            f"SQL compilation error:\n{wanted} is a table function: write TABLE(MODEL(...)!{wanted}(...))",
            2140,
            "42601",
        )
    return exp.cast(called, "JSON")


def _duck_type(kind: str) -> str:
    upper = kind.upper()
    if upper.startswith(("NUMBER", "INT", "BIGINT")):
        return "BIGINT"
    return {"FLOAT": "DOUBLE", "DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN"}.get(upper, "VARCHAR")


def _register(session: Session, version: Version, method: inference.Method) -> tuple[str, inference.Runner]:
    with session.account.catalog.lock:
        held = version.runners.get(method.name)
        if held is None:
            duck, runner = f"_offline_model_{session.account.next_number()}", inference.Runner(version.folder, method)
            held = version.runners[method.name] = (duck, runner)
    return held


MODEL_CALLS.append(call)


def partitioned(rewriter: Rewriter, node: exp.TableFromRows) -> bool:
    """TABLE(MODEL(m, v)!METHOD(...) OVER (PARTITION BY ...)): the method sees a partition at a time; says whether it was that."""
    outer = node.this if isinstance(node.this, exp.Window) else None
    attribute = outer.this if outer is not None else node.this
    if not isinstance(attribute, exp.ModelAttribute):
        return False
    function: exp.Expr = attribute.expression
    window = outer if outer is not None else function if isinstance(function, exp.Window) else None
    if window is None or not window.args.get("partition_by"):
        return False
    function = function.this if isinstance(function, exp.Window) else function
    rewriter.dynamic = True
    model, version = _target(rewriter.session, attribute)
    wanted = str(function.name).upper()
    method = next((m for m in inference.methods(version.folder) if m.name.upper() == wanted), None)
    if method is None:
        raise SqlError(f"SQL compilation error:\nUnknown function {model.name}!{wanted}", 2140, "42601")
    if method.kind != "TABLE_FUNCTION":
        raise SqlError(f"SQL compilation error:\n{wanted} of {model.name} is no table function", 2140, "42601")
    if not isinstance(node.parent, exp.Join):
        raise not_supported(
            "a partitioned model function without a table on its left", "FROM rows, TABLE(MODEL(...)!...)"
        )
    table_functions.beside(
        rewriter, node, window, _as_code(rewriter.session, model, version, method), list(function.expressions)
    )
    return True


def _as_code(session: Session, model: Model, version: Version, method: inference.Method) -> Code:
    """A method of a model as a table function whose handler is given frames."""
    _, runner = _register(session, version, method)

    class OfModel:
        def end_partition(self, frame: pd.DataFrame) -> pd.DataFrame:
            return runner.partition(frame)

    OfModel.end_partition._sf_vectorized_input = pd.DataFrame  # type: ignore[attr-defined]
    given = [Argument(name, type_of(session, kind)) for name, kind in method.inputs]
    made = [Argument(name, type_of(session, kind)) for name, kind in method.outputs]
    return Code(
        name=model.name, arguments=given, returns=None, returns_sql="", language="PYTHON", body="",
        handler=method.target, table=made, loaded=OfModel,
    )  # fmt: skip


TABLE_CALLS.append(partitioned)
