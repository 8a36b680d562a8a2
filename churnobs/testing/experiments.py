"""Experiments: runs with metrics, parameters and files, as `snowflake.ml.experiment` keeps them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import SNOW, Location
from churnobs.testing.names import Name, fold, like, quoted_if_needed, split_name
from churnobs.testing.proof import client_source, document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.rewriting import Rewriter, scalar, table_function
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped
from churnobs.testing.trees import Tree, value_of
from churnobs.testing.warehouses import DONE

_STATES = ("FINISHED", "FAILED")


@dataclass(slots=True)
class Run:
    """One run: each point of each metric, and each parameter."""

    name: str
    id: int
    folder: Path
    started: dt.datetime
    source: str | None = None
    status: str = "RUNNING"
    ended: dt.datetime | None = None
    metrics: dict[tuple[str, int], tuple[float, dt.datetime]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def newest(self) -> dict[str, tuple[int, float]]:
        """The value of each metric at its highest step."""
        found: dict[str, tuple[int, float]] = {}
        for (name, step), (value, _) in sorted(self.metrics.items()):
            found[name] = (step, value)
        return found


@dataclass(slots=True, kw_only=True)
class Experiment(Object):
    """An experiment and its runs."""

    id: int
    runs: dict[str, Run] = field(default_factory=dict)

    def run(self, name: str) -> Run:
        """A run by its name."""
        if (found := self.runs.get(name)) is None:
            raise missing("Run", name)
        return found


def _experiment(session: Session, name: Name) -> Experiment:
    found: Experiment = session.account.catalog.shelf("Experiment").need(name)
    return found


@command("CREATE EXPERIMENT", proof=document("sql/create-experiment"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE EXPERIMENT [IF NOT EXISTS] name [COMMENT = ...]."""
    head = creation(session, parser, "EXPERIMENT")
    comment = str(parser.options().get("COMMENT", ""))
    parser.end()
    made = Experiment(name=head.name, id=session.account.next_number(), comment=comment)
    done = session.account.catalog.shelf("Experiment").add(made, replace=head.replace, if_not_exists=head.if_not_exists)
    return created("Experiment", head.name.name, made=done)


@command("DROP EXPERIMENT", proof=document("sql/drop-experiment"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP EXPERIMENT [IF EXISTS]."""
    parser.expect("DROP", "EXPERIMENT")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found: Experiment | None = session.account.catalog.shelf("Experiment").drop(name, if_exists=if_exists)
    for run in found.runs.values() if found is not None else ():
        shutil.rmtree(run.folder, ignore_errors=True)
    return dropped(name.name, found=found is not None)


@command("ALTER EXPERIMENT", proof=document("sql/alter-experiment"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER EXPERIMENT: ADD RUN, COMMIT RUN, DROP RUN, MODIFY RUN ... ADD METRICS or PARAMETERS, SET COMMENT."""
    parser.expect("ALTER", "EXPERIMENT")
    experiment = _experiment(session, session.resolve(parser.parts()))
    if parser.accept("SET"):
        experiment.comment = str(parser.options().get("COMMENT", experiment.comment))
        return status(DONE)
    verb = parser.accept_any("ADD", "COMMIT", "DROP", "MODIFY")
    if verb is None:
        raise not_supported("this ALTER EXPERIMENT", "add, modify, commit or drop its runs")
    parser.expect("RUN")
    name = parser.part()
    match verb:
        case "ADD":
            _add(session, experiment, name, parser)
        case "COMMIT":
            _commit(session, experiment.run(name), parser)
        case "DROP":
            shutil.rmtree(experiment.run(name).folder, ignore_errors=True)
            del experiment.runs[name]
        case _:
            _modify(session, experiment.run(name), parser)
    parser.end()
    return status(DONE)


def _add(session: Session, experiment: Experiment, name: str, parser: Parser) -> None:
    if name in experiment.runs:
        raise exists("Run", name)
    source = None
    if parser.accept("WITH", "("):
        source = parser.options().get("SOURCE_INFO")
        parser.expect(")")
    number = session.account.next_number()
    folder = session.account.folder / "experiments" / str(number)
    folder.mkdir(parents=True)
    experiment.runs[name] = Run(name, number, folder, session.account.clock.now(), source)


def _commit(session: Session, run: Run, parser: Parser) -> None:
    given = parser.options() if parser.accept("WITH") else {}
    wanted = str(given.get("STATUS", "FINISHED")).upper()
    if wanted not in _STATES:
        raise SqlError(f"Invalid status '{wanted}' of a run: one of {', '.join(_STATES)}", 400001, "22023")
    _open(run)
    run.status, run.ended = wanted, session.account.clock.now()


def _open(run: Run) -> None:
    if run.status != "RUNNING":
        raise SqlError(f"Run '{run.name}' is {run.status} and cannot be changed.", 400002, "22023")


def _modify(session: Session, run: Run, parser: Parser) -> None:
    parser.expect("ADD")
    kind = parser.accept_any("METRICS", "PARAMETERS")
    if kind is None:
        raise parser.wrong()
    parser.expect("=")
    given = json.loads(parser.string())
    _open(run)
    for one in given:
        if kind == "METRICS":
            value = float(one["value"]), session.account.clock.now()
            run.metrics[str(one["name"]), int(one.get("step") or 0)] = value
        else:
            run.parameters[str(one["name"])] = str(one["value"])


@command("SHOW EXPERIMENTS", reads=True, proof=document("sql/show-experiments"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW EXPERIMENTS [LIKE] [IN]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "EXPERIMENTS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "database_name", "schema_name", "owner", "comment"), "text"
    )
    held = [one for one in session.account.catalog.shelf("Experiment") if found.holds(one.name)]
    return found.shown(
        columns, [(e.created_on, e.name.name, e.name.database, e.name.schema, OWNER, e.comment) for e in held]
    )


def _asked(session: Session, parser: Parser) -> tuple[Experiment, str, list[Run]]:
    """[LIKE pattern] IN EXPERIMENT name [RUN run]: the experiment, the pattern, and its runs."""
    pattern = parser.string() if parser.accept("LIKE") else "%"
    parser.expect("IN", "EXPERIMENT")
    experiment = _experiment(session, session.resolve(parser.parts()))
    only = parser.part() if parser.accept("RUN") else None
    parser.end()
    return experiment, pattern, [experiment.run(only)] if only is not None else list(experiment.runs.values())


@command("SHOW RUNS", reads=True, proof=document("sql/show-runs-in-experiment"))
def show_runs(session: Session, parser: Parser) -> Result:
    """SHOW RUNS [LIKE] IN EXPERIMENT."""
    parser.expect("SHOW", "RUNS")
    experiment, pattern, runs = _asked(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "experiment_name", "database_name", "schema_name", "metadata"), "text"
    )
    place = (experiment.name.name, experiment.name.database, experiment.name.schema)
    return of_rows(columns, [(r.started, r.name, *place, _metadata(r)) for r in runs if like(pattern, r.name)])


def _metadata(run: Run) -> str:
    metrics = [{"name": n, "step": step, "value": value} for (n, step), (value, _) in sorted(run.metrics.items())]
    parameters = [{"name": name, "value": value} for name, value in sorted(run.parameters.items())]
    told: dict[str, Any] = {"status": run.status, "metrics": metrics, "parameters": parameters}
    if run.source is not None:
        told["source_info"] = json.loads(run.source)
    return json.dumps(told)


@command("SHOW RUN METRICS", reads=True, proof=document("sql/show-run-in-experiment"))
def show_metrics(session: Session, parser: Parser) -> Result:
    """SHOW RUN METRICS [LIKE] IN EXPERIMENT name [RUN run]: each metric at its highest step."""
    parser.expect("SHOW", "RUN", "METRICS")
    _, pattern, runs = _asked(session, parser)
    rows = [
        (run.name, name, value, step)
        for run in runs
        for name, (step, value) in run.newest().items()
        if like(pattern, name)
    ]
    return of_rows({"run_name": "text", "name": "text", "value": "real", "step": "fixed"}, rows)


@command("SHOW RUN PARAMETERS", reads=True, proof=document("sql/show-run-in-experiment"))
def show_parameters(session: Session, parser: Parser) -> Result:
    """SHOW RUN PARAMETERS [LIKE] IN EXPERIMENT name [RUN run]."""
    parser.expect("SHOW", "RUN", "PARAMETERS")
    _, pattern, runs = _asked(session, parser)
    rows = [(r.name, name, value) for r in runs for name, value in sorted(r.parameters.items()) if like(pattern, name)]
    return of_rows(dict.fromkeys(("run_name", "name", "value"), "text"), rows)


def _named(rewriter: Rewriter, argument: Tree) -> Experiment:
    return _experiment(rewriter.session, rewriter.session.resolve(split_name(str(rewriter.evaluate(argument)))))


@table_function(
    "SYSTEM$GET_EXPERIMENT_RUN_METRICS", proof=client_source("ml/experiment/_client/experiment_tracking_sql_client.py")
)
def run_metrics(rewriter: Rewriter, args: list[Tree], _named_args: dict[str, Tree]) -> Result:
    """SYSTEM$GET_EXPERIMENT_RUN_METRICS(experiment, run): every point of every metric."""
    rewriter.dynamic = True
    run = _named(rewriter, args[0]).run(fold(str(rewriter.evaluate(args[1]))))
    columns = {"METRIC_NAME": "text", "STEP": "fixed", "VALUE": "real", "TIMESTAMP": "timestamp_ltz"}
    return of_rows(columns, [(name, step, *point) for (name, step), point in sorted(run.metrics.items())])


@scalar("SYSTEM$RESOLVE_EXPERIMENT_ID", proof=client_source("ml/experiment/_client/experiment_tracking_sql_client.py"))
def experiment_id(rewriter: Rewriter, args: list[Tree], _named_args: dict[str, Tree]) -> Tree:
    """SYSTEM$RESOLVE_EXPERIMENT_ID(experiment)."""
    return value_of(_named(rewriter, args[0]).id)


@scalar(
    "SYSTEM$RESOLVE_EXPERIMENT_RUN_ID", proof=client_source("ml/experiment/_client/experiment_tracking_sql_client.py")
)
def run_id(rewriter: Rewriter, args: list[Tree], _named_args: dict[str, Tree]) -> Tree:
    """SYSTEM$RESOLVE_EXPERIMENT_RUN_ID(experiment, run)."""
    return value_of(_named(rewriter, args[0]).run(fold(str(rewriter.evaluate(args[1])))).id)


def _location(session: Session, rest: str) -> Location:
    """snow://experiment/name/versions/run/path."""
    name, _, path = rest.partition("/versions/")
    run_name, _, inner = path.partition("/")
    run = _experiment(session, session.resolve(split_name(name))).run(fold(run_name))
    return Location(run.folder, inner, f"/versions/{quoted_if_needed(run.name)}/")


SNOW["experiment"] = _location
