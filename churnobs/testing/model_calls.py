"""MODEL(name, version)!METHOD(...) in queries, as a call of a function that runs the model."""

from __future__ import annotations

from sqlglot import exp

from churnobs.testing import inference
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.models import Model, Version, model_of
from churnobs.testing.rewriting import MODEL_CALLS, Rewriter
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
        raise not_supported("partitioned model functions", "run the model without OVER (PARTITION BY ...)")
    duck, runner = _register(session, version, method)
    called = exp.Anonymous(this=duck, expressions=[a.copy() for a in function.expressions])
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
            session.account.engine.add_function(duck, runner.rows, "VARCHAR")
            held = version.runners[method.name] = (duck, runner)
    return held


MODEL_CALLS.append(call)
