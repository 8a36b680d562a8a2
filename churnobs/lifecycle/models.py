"""The life of models within a month: train, try on unseen rows, promote and refit, predict, watch, prune."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from churnobs.codec import content_hash, from_json, to_json
from churnobs.errors import BadConfig
from churnobs.expressions.datasets import (
    KEY_TYPES,
    SCORED,
    DatasetRows,
    Part,
    rows_at,
    scored_performance,
    share_of,
    watched,
)
from churnobs.expressions.monitored import SOURCE, Watched
from churnobs.expressions.performance import BINARY_METRICS
from churnobs.expressions.render import Query
from churnobs.lifecycle.decisions import Action, Decision, Trial
from churnobs.lifecycle.drifts import count_features
from churnobs.lifecycle.halves import seed_of_split
from churnobs.lifecycle.meetings import meet
from churnobs.lifecycle.roles import PARTS, monitor_name
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.lineage import record_edges
from churnobs.monitoring.settings import MetricSettings
from churnobs.records import (
    CountedElsewhere,
    DatasetVersion,
    DropVersion,
    FittedOn,
    Measurement,
    ModelMonitorConfig,
    ModelMonitorSourceConfig,
    SetDefault,
    VersionRecord,
)
from churnobs.tables import FEATURES_SUBJECT

if TYPE_CHECKING:
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.monitoring.calibration import Calibration

Result = Any
_PAIRS: Final = (("CHALLENGER", "DEFAULT"), ("BASE", "DEFAULT"), ("CHALLENGER", "BASE"))
_ACTIONS: Final[Mapping[str, Action]] = {"DEFAULT": "tie", "BASE": "rollback", "CHALLENGER": "promote"}


def train(loop: Lifecycle, step: Step) -> Result:
    """Train the first model on all final labels, or a challenger on one half of the customers that became final.

    The challenger also learns from all older as-ofs; base, default and challenger then meet on the other half.
    """
    plan = loop.journal.result(step.month, StepKind.DECIDE)["plan"]
    if plan == "TrainFirst":
        return {"version": fit(loop, step, "BASE", [(d, None) for d in loop.datasets()]).version_name, "trial": None}
    if plan != "Retrain":
        return {"version": None, "trial": None}
    newly = loop.newly_final(step.month)
    halves = [(d, "FIT" if d.as_ofs[0] in newly else None) for d in loop.datasets()]
    challenger = fit(loop, step, "CHALLENGER", halves)
    trial, calibration = compare(loop, step, challenger)
    return {"version": challenger.version_name, "trial": trial, "calibration": calibration}


def fit(
    loop: Lifecycle, step: Step, role: str, parts: Sequence[tuple[DatasetVersion, Any]], linked_to: str | None = None
) -> VersionRecord:
    """Fit the recipe on dataset versions (or halves of them), log the version and backtest it on all kept datasets."""
    from churnobs.lifecycle.places import teach, trainer_of

    seed, features = loop.config.seed, loop.feature_columns()
    # half of the customers is about half of the rows
    share = share_of(sum(d.rows if half is None else d.rows // 2 for d, half in parts), loop.config.sample_rows)
    split = [Part(d.table, half, split_seed(loop, d.as_ofs[0]), share) for d, half in parts]
    columns = (*KEY_TYPES.items(), *features, ("CHURNED", "int64"))
    learnt, sample = teach(loop, DatasetRows(tuple(split), columns), tuple(name for name, _ in features))
    recipe = trainer_of(loop).describe()
    drawn = [] if share == share_of(0, None) else [share]
    content = content_hash([(d.content_hash, half) for d, half in parts], recipe, seed, role, *drawn)
    version = loop.workspace.registry.log_model(
        learnt.model,
        model_name=loop.config.name,
        version_name=f"V{str(step.month).replace('-', '_')}_{role}_{content[:6]}",
        comment=f"{role.lower()} of {step.month}, fitted on {learnt.rows} rows",
        sample_input_data=sample,
        fitted_on=[
            FittedOn(d.name, d.version, d.as_ofs[0], half, p.split_seed)
            for (d, half), p in zip(parts, split, strict=True)
        ],
        linked_to=linked_to,
        recipe=recipe,
    ).record
    name = f"{version.model_name}/{version.version_name}"
    record_edges(loop.backend.engine, [(("dataset", f"{d.name}/{d.version}"), ("model", name)) for d, _ in parts])
    backtest(loop, step, version)
    return version


def split_seed(loop: Lifecycle, as_of: dt.date) -> int:
    """The seed of an as-of's split."""
    return seed_of_split(loop.config.seed, as_of)


def compare(loop: Lifecycle, step: Step, challenger: VersionRecord) -> tuple[Trial, Calibration]:
    """Base, default and challenger on the half that none of them has seen; and what the challenger's scores meant there."""
    from churnobs.monitoring.calibration import Calibration

    newly = loop.newly_final(step.month)
    roles = {"BASE": loop.base(), "DEFAULT": loop.default(), "CHALLENGER": challenger}
    versions = {role: version for role, version in roles.items() if version is not None}
    parts = tuple(
        Part(d.table, "JUDGE", split_seed(loop, d.as_ofs[0])) for d in loop.datasets() if d.as_ofs[0] in newly
    )
    columns = (*KEY_TYPES.items(), *loop.feature_columns(), ("CHURNED", "int64"))
    for as_of in newly:
        for version in versions.values():
            loop.workspace.registry.refuse_seen(version, as_of, "JUDGE")
    rows = loop.workspace.registry.score(DatasetRows(parts, columns), ["CHURNED"], versions)
    trial, seen = meet(
        loop.backend.engine,
        rows,
        newly,
        tuple(versions),
        _PAIRS,
        calibrated="CHALLENGER",
        cells=MetricSettings().score_cells,
    )
    return trial, Calibration.fit(seen)


def backtest(loop: Lifecycle, step: Step, version: VersionRecord) -> None:
    """Score a new version on every kept dataset; rows it was fitted on are marked, never left out in silence."""
    columns = (*KEY_TYPES.items(), *loop.feature_columns(), ("CHURNED", "int64"))
    engine = loop.backend.engine
    datasets = loop.datasets()
    share = share_of(sum(d.rows for d in datasets), loop.config.sample_rows)
    sample = (Part(d.table, None, split_seed(loop, d.as_ofs[0]), share) for d in datasets)
    rows = DatasetRows(tuple(sample), columns)
    scored = loop.workspace.registry.score(rows, ["TIMESTAMP", "CHURNED"], {"M": version})
    judged = engine.read(Query(scored_performance, ()), {SCORED: scored}).to_pylist()
    found = {row["TIMESTAMP"].date(): row for row in judged}
    loop.append(
        "BACKTESTS",
        [
            {
                "MONTH": str(step.month),
                "VERSION": version.version_name,
                "DATASET": d.name,
                "DATASET_VERSION": d.version,
                "IN_SAMPLE": version.saw(d.as_ofs[0]),
                "ROWS_USED": found[d.as_ofs[0]]["SCORE_USED"],
                "METRIC_NAME": name,
                "METRIC_VALUE": found[d.as_ofs[0]][name],
            }
            for d in datasets
            for name in (*BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1")
        ],
    )


def promote(loop: Lifecycle, step: Step) -> Result:
    """Make the winner of the trial the default; a winning recipe is refitted on all final labels first."""
    plan = loop.journal.result(step.month, StepKind.DECIDE)
    trained = loop.journal.result(step.month, StepKind.TRAIN)
    default = loop.default()
    current = default.version_name if default else None
    trial = from_json(Trial, to_json(trained["trial"])) if trained["trial"] else None
    action: Action
    reason: str = plan["reason"]
    match plan["plan"]:
        case "Wait":
            action = "wait"
        case "Keep":
            action = "keep"
        case "TrainFirst":
            action, current = "first_model", trained["version"]
            keep_baseline(loop)
            # the features that this model is about to predict from; from the next month on they are counted when made
            count_features(loop, step.as_of, loop.journal.result(step.month, StepKind.FEATURES)["active"])
        case _:
            assert trial is not None
            winner, words = loop.config.promotion.choose(trial)
            if winner not in _ACTIONS:
                raise BadConfig(f"the promotion rule chose {winner!r}", hint=f"choose one of {', '.join(_ACTIONS)}")
            reason = f"{reason}; {words}"
            action = _ACTIONS[winner]
            if winner == "CHALLENGER":
                link = f"{loop.config.name}/{trained['version']}"
                current = fit(loop, step, "REFIT", [(d, None) for d in loop.datasets()], link).version_name
            elif winner == "BASE":
                base = loop.base()
                current = base.version_name if base else current
            if current is not None and winner != "DEFAULT":
                loop.backend.registry.change(SetDefault(loop.config.name, current))
    decision = Decision(str(step.month), action, reason, current, plan["plan"] == "Retrain", trial)
    return {"decision": decision, "proven": proven(loop, current)}


def proven(loop: Lifecycle, version: str | None) -> bool:
    """Whether the serving version has passed the gate on final labels that it never saw."""
    measured = [m for r in loop.journal.results(StepKind.MEASURE) for m in r["measured"]]
    own = [
        from_json(Measurement, to_json(m)) for m in measured if m["version"] == version and m["role"] != "CHALLENGER"
    ]
    return any(m.passes_gate() for m in own)


def keep_baseline(loop: Lifecycle) -> None:
    """Keep what the first model was trained on, as the baseline of drift for people and monitors; and what chance does to it."""
    import pyarrow as pa

    from churnobs.monitoring.null import Nulls

    engine, columns = loop.backend.engine, loop.feature_columns()
    everything = (*KEY_TYPES.items(), *columns, ("CHURNED", "int64"))
    engine.write(loop.baseline_table, DatasetRows(tuple(Part(d.table) for d in loop.datasets()), everything))
    state, cells = loop.workspace.monitor.state, MetricSettings().cells
    names = [*(name for name, _ in columns), "CHURNED"]
    bins = state.fit_bins(names, dict(everything), (), loop.baseline_table, cells)
    texts = [to_json(b) for b in bins]
    subject = [loop.config.name] * len(texts)
    engine.write("MONITOR_BINS", pa.table({"SUBJECT": subject, "POSITION": list(range(len(texts))), "BINS": texts}))
    watched = Watched(SOURCE, everything, None, loop.segments())
    rows = sum(d.rows for d in loop.datasets())
    state.store_histograms(FEATURES_SUBJECT, loop.baseline_table, watched, bins, rows)
    rules = loop.config.drift
    nulls = Nulls.build(loop.baseline(), draws=rules.draws, seed=rules.seed)
    engine.write("MONITOR_NULLS", pa.table({"SUBJECT": [loop.config.name], "NULLS": [to_json(nulls)]}))


def serving(loop: Lifecycle, step: Step) -> dict[str, VersionRecord]:
    """The versions that predict in a month, by role; none before the first model."""
    default = loop.default()
    if default is None:
        return {}
    roles: dict[str, VersionRecord | None] = {"BASE": loop.base(), "DEFAULT": default}
    trained = loop.journal.result(step.month, StepKind.TRAIN)
    if trained["trial"]:
        roles["CHALLENGER"] = loop.version(trained["version"])
    return {role: version for role, version in roles.items() if version is not None}


def make_sources(loop: Lifecycle, step: Step) -> None:
    """The views that this month's new monitors watch."""
    known = {m.name for m in loop.backend.monitors.monitors()}
    for role, version in serving(loop, step).items():
        name = monitor_name(loop.config.name, role, version.version_name)
        if name not in known:
            query = watched(role, version.version_name, loop.feature_columns())
            loop.backend.engine.view(_source_of(name), query)


def _source_of(monitor: str) -> str:
    return f"{monitor}_SOURCE"


def predict(loop: Lifecycle, step: Step) -> Result:
    """Store the predictions of base, default and this month's challenger at T; what is stored never changes."""
    versions = serving(loop, step)
    if not versions:
        return {"rows": 0, "versions": {}}
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    engine, rows = loop.backend.engine, 0
    with engine.transaction():
        for part in range(engine.parts):
            at = Query(rows_at, ("FEATURES", columns, step.as_of, engine.parts, part))
            scored = loop.workspace.registry.score(at, list(KEY_TYPES), versions, unseen=(step.as_of, None))
            rows += engine.write("PREDICTIONS", scored)
    names = {role: version.version_name for role, version in versions.items()}
    edges = [
        (("model", f"{loop.config.name}/{n}"), ("prediction", f"PREDICTIONS/{step.as_of}")) for n in names.values()
    ]
    record_edges(loop.backend.engine, edges)
    return {"rows": rows, "versions": names}


def keep_monitors(loop: Lifecycle, step: Step) -> Result:
    """One monitor a version and role, each counted up to this month.

    A version that takes up a role gets a new one. The role's former monitor is suspended as soon as the labels of all it
    watched are final, so that its history is complete.
    """
    predicted: dict[str, str] = loop.journal.result(step.month, StepKind.PREDICT)["versions"]
    names = {role: monitor_name(loop.config.name, role, version) for role, version in predicted.items()}
    made = []
    for role, version_name in predicted.items():
        known = next((m for m in loop.backend.monitors.monitors() if m.name == names[role]), None)
        if known is None:
            _make_monitor(loop, step, role, version_name, names[role])
            made.append(names[role])
        elif known.state != "ACTIVE":
            # a version that serves again: its history goes on
            loop.workspace.monitor.get_monitor(name=known.name).resume()
    final = loop.final_as_ofs()
    days = tuple(sorted({step.as_of, *loop.newly_final(step.month)}))
    active = [m for m in loop.own_monitors() if m.state == "ACTIVE"]
    loop.workspace.monitor.refresh_all([m.name for m in active], days=days, data_through=step.as_of)
    for monitor in active:
        watched = [row["DAY"] for row in loop.workspace.monitor.state.days(monitor)]
        if monitor.name not in names.values() and all(day in final for day in watched):
            # all of it is counted by now
            loop.backend.monitors.put(replace(monitor, state="SUSPENDED", data_through=step.as_of))
    return {"made": made}


def _make_monitor(loop: Lifecycle, step: Step, role: str, version_name: str, name: str) -> None:
    version = loop.workspace.registry.get_model(loop.config.name).version(version_name)
    if any(m.version_name == version_name for m in loop.backend.monitors.monitors()):
        version = loop.workspace.registry.log_model(
            version, model_name=loop.config.name, version_name=f"{version_name}_{PARTS[role]}"
        )
    loop.workspace.monitor.add_monitor(
        name,
        ModelMonitorSourceConfig(
            source=_source_of(name),
            timestamp_column="TIMESTAMP",
            id_columns=("CUSTOMER_ID",),
            prediction_class_columns=("CHURN_PREDICTED",),
            prediction_score_columns=("CHURN_PROBABILITY",),
            actual_class_columns=("CHURNED",),
            segment_columns=loop.segments(),
            baseline=loop.baseline_table,
        ),
        ModelMonitorConfig(version),
        horizon_days=loop.config.horizon_days,
        counted=CountedElsewhere(FEATURES_SUBJECT, (*loop.bins(), *loop.bins(of_label=True))),
    )
    record_edges(loop.backend.engine, [(("prediction", f"PREDICTIONS/{step.as_of}"), ("monitor", name))])


def prune(loop: Lifecycle) -> Result:
    """Drop datasets and versions that nothing needs.

    Base, default, the former default, the newest, and those whose predictions still wait for final labels stay.
    """
    config = loop.config
    gone_datasets = loop.datasets()[: -config.keep_datasets]
    for dataset in gone_datasets:
        loop.backend.feature_store.drop_dataset(dataset)
    records = [r for r in loop.backend.registry.versions() if r.model_name == config.name]
    served = list(dict.fromkeys(r["decision"]["default_version"] for r in loop.journal.results(StepKind.PROMOTE)))
    kept = (*served[-2:], *loop.served()[-2:], *(b.version_name for b in (loop.base(), loop.default()) if b))
    needed = {name for name in kept if name}
    final = loop.final_as_ofs()
    needed |= {name for as_of, versions in loop.predicted() if as_of not in final for name in versions.values()}
    active = {m.version_name for m in loop.backend.monitors.monitors() if m.state == "ACTIVE"}
    gone = [r for r in records[: -config.keep_versions] if r.version_name not in needed | active]
    for record in gone:
        loop.backend.registry.change(DropVersion(record.model_name, record.version_name))
    return {"datasets": [d.version for d in gone_datasets], "versions": [r.version_name for r in gone]}
