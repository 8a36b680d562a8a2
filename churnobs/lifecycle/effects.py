"""What each step of a month does. Every method gives the facts that go into the journal, and nothing else is remembered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, assert_never

import ibis
import pyarrow as pa

from churnobs.alerts.conditions import Observed
from churnobs.alerts.door import Looks
from churnobs.codec import from_json, to_json
from churnobs.errors import BadConfig
from churnobs.expressions.features import (
    FEATURES,
    AsOf,
    customer_features,
    customer_state,
    recent_feedback,
    rows_before,
)
from churnobs.expressions.labels import LabelWindow, labels
from churnobs.expressions.performance import BINARY_METRICS, RECENCY
from churnobs.expressions.portable import moment
from churnobs.expressions.render import Query, Text
from churnobs.lifecycle import models
from churnobs.lifecycle.combined import needs_estimates
from churnobs.lifecycle.decisions import Decision, History, Keep, Plan, Retrain, TrainFirst, Wait
from churnobs.lifecycle.drifts import count_features, measure_drift
from churnobs.lifecycle.estimates import estimate_open, foresee
from churnobs.lifecycle.meetings import gates, measuring
from churnobs.lifecycle.report import MonthReport
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.lineage import record_edges
from churnobs.records import Entity, FeatureView, Measurement
from churnobs.tables import LABELS

if TYPE_CHECKING:
    from churnobs.lifecycle.run import Lifecycle

CUSTOMER: Final = Entity("CUSTOMER", ("CUSTOMER_ID",), "who buys")
FEATURE_VIEW: Final = ("CUSTOMER_FEATURES", "V1")
Result = Any


def prepare(loop: Lifecycle, step: Step) -> Result:
    """What a step does before its transaction: what reaches beyond the database, and objects that can be made again."""
    match step.kind:
        case StepKind.ALERT:
            return look_at_alerts(loop, step)
        case StepKind.FEATURES:
            loop.backend.engine.make("FEATURES", _features_at(loop, as_of_of(loop, step.as_of, None)))
            return None
        case StepKind.MONITOR:
            return models.make_sources(loop, step)
        case _:
            return None


def perform(loop: Lifecycle, step: Step, prepared: Result) -> Result:  # noqa: PLR0912  # one arm a kind of step
    """Do one step; the caller wraps it in the transaction that also journals it."""
    match step.kind:
        case StepKind.INGEST:
            return loop.load(step.month)
        case StepKind.SENTIMENT:
            rows, texts = loop.backend.sentiment.score_unread(loop.config.sentiment)
            return {"rows": rows, "texts": texts}
        case StepKind.FEATURES:
            return make_features(loop, step.as_of)
        case StepKind.LABELS:
            return finish_labels(loop, step)
        case StepKind.DATASET:
            return make_datasets(loop, step)
        case StepKind.MEASURE:
            return measure(loop, step)
        case StepKind.DRIFT:
            return measure_drift(loop, step)
        case StepKind.DECIDE:
            return decide(loop, step)
        case StepKind.TRAIN:
            return models.train(loop, step)
        case StepKind.PROMOTE:
            return models.promote(loop, step)
        case StepKind.PREDICT:
            return models.predict(loop, step)
        case StepKind.MONITOR:
            return models.keep_monitors(loop, step)
        case StepKind.ESTIMATE:
            return estimate_open(loop, step)
        case StepKind.ALERT:
            loop.workspace.alerts.keep(prepared)
            return prepared.facts
        case StepKind.PRUNE:
            return models.prune(loop)
        case StepKind.REPORT:
            return report(loop, step)
        case _:
            assert_never(step.kind)


def make_features(loop: Lifecycle, as_of: dt.date) -> Result:
    """Features at T of every active customer, and the state that makes the next month cheap."""
    engine = loop.backend.engine
    since, counted = _state_moment(loop, as_of)
    at = as_of_of(loop, as_of, since)
    store = loop.workspace.feature_store
    with engine.transaction():
        parts = (replace(at, parts=engine.parts, part=part) for part in range(engine.parts))
        active = sum(engine.write("FEATURES", _features_at(loop, part)) for part in parts)
    engine.write("CUSTOMER_STATE", Query(customer_state, (at,)), replace=True)
    engine.write("RECENT_FEEDBACK", Query(recent_feedback, (at,)), replace=True)
    engine.write("STATE_THROUGH", counted)
    count_features(loop, as_of, active)
    if not any(e.name == CUSTOMER.name for e in loop.backend.feature_store.entities()):
        store.register_entity(CUSTOMER)
    if not any((v.name, v.version) == FEATURE_VIEW for v in loop.backend.feature_store.feature_views()):
        view = FeatureView(
            FEATURE_VIEW[0],
            (CUSTOMER,),
            _feature_rows(loop),
            "TIMESTAMP",
            "the built-in features",
            known_at=True,
            ttl_days=45,
            unique=True,
        )
        store.register_feature_view(view, FEATURE_VIEW[1])
        named = ["/".join(own) for own in loop.config.feature_views]
        own = [(("feature_view", name), ("feature_view", "/".join(FEATURE_VIEW))) for name in named]
        tables = ("SALES", "FEEDBACK_SENTIMENT", "CUSTOMERS")
        record_edges(engine, [*((("table", t), ("feature_view", "/".join(FEATURE_VIEW))) for t in tables), *own])
    return {"as_of": as_of, "active": active}


def as_of_of(loop: Lifecycle, as_of: dt.date, since: dt.date | None) -> AsOf:
    """The dates of an as-of by the loop's settings; ``since`` is up to when there is a state."""
    config = loop.config
    return AsOf.at(as_of, active_within_days=config.active_within_days, since=since, refunds=config.refunds)


def _features_at(loop: Lifecycle, at: AsOf) -> Any:
    """The query for the features at T, the user's own views included."""
    store = loop.workspace.feature_store
    query = Query(customer_features, (at,))
    views = [store.get_feature_view(name, version) for name, version in loop.config.feature_views]
    return store.features_at(query.sql(loop.backend.engine.dialect), views, at.moment) if views else query


def _state_moment(loop: Lifecycle, as_of: dt.date) -> tuple[dt.date | None, pa.Table]:
    """The moment up to which the stored state is true (None when rows came late, and all has to be counted again), and
    what there is before T.
    """
    engine = loop.backend.engine
    known = max(engine.read("STATE_THROUGH").to_pylist(), key=lambda row: row["AS_OF"], default=None)
    moments = (as_of, known["AS_OF"]) if known and known["AS_OF"] < as_of else (as_of,)
    rows = engine.read(Query(rows_before, (moments,)))
    found = {row["AS_OF"]: row for row in rows.to_pylist()}
    since = moments[-1] if len(moments) > 1 and found[moments[-1]] == known else None
    return since, pa.Table.from_pylist([found[as_of]], schema=rows.schema)


def _feature_rows(loop: Lifecycle) -> str:
    columns = loop.feature_columns()
    listed = ", ".join(f'"{name}"' for name in ("CUSTOMER_ID", "TIMESTAMP", *(name for name, _ in columns)))
    return f"SELECT {listed} FROM FEATURES"


def finish_labels(loop: Lifecycle, step: Step) -> Result:
    """Write the labels of every as-of whose horizon the data now cover; a final label never changes."""
    engine, rule = loop.backend.engine, loop.config.label_rule
    newly = [t for t in loop.as_ofs() if rule.is_final(t, step.as_of) and t not in loop.final_as_ofs()]
    for as_of in newly:
        engine.write("LABELS", Query(labels, (LabelWindow.of(as_of, step.as_of, rule),)))
    return {"final": newly}


def make_datasets(loop: Lifecycle, step: Step) -> Result:
    """One immutable dataset version for each as-of that became final."""
    made = []
    for as_of in loop.newly_final(step.month):
        names = ("CUSTOMER_KEY", "CUSTOMER_ID", "TIMESTAMP", "CHURNED")
        spine = Text(
            f"SELECT {', '.join(names)} FROM LABELS WHERE TIMESTAMP = CAST('{as_of}' AS TIMESTAMP) AND IS_FINAL",
            names,
            tuple(LABELS[name] for name in names),
        )
        store = loop.workspace.feature_store
        # whoever has a label has features of that very moment: none need be looked for among older ones
        view = replace(store.get_feature_view(*FEATURE_VIEW), ttl_days=0)
        dataset = store.generate_dataset(
            loop.config.name,
            spine,
            [view],
            version=as_of.strftime("%Y_%m_%d"),
            spine_timestamp_col="TIMESTAMP",
            spine_label_cols=["CHURNED"],
            desc=f"customers active at {as_of}, final labels",
            content=f"{step.key}/{as_of}",
        )
        made.append(dataset.selected_version)
        name = f"{made[-1].name}/{made[-1].version}"
        sources = [("feature_view", "/".join(FEATURE_VIEW)), ("table", "LABELS")]
        record_edges(loop.backend.engine, [(source, ("dataset", name)) for source in sources])
    return {"versions": [{"name": d.name, "version": d.version, "rows": d.rows} for d in made]}


def measure(loop: Lifecycle, step: Step) -> Result:
    """How base and default did on the labels that became final, from what they had stored at those as-ofs."""
    newly = tuple(t for t in loop.newly_final(step.month) if t in loop.predicted_as_ofs())
    if not newly:
        return {"measured": []}
    engine, config = loop.backend.engine, loop.config
    measured_by, gated_by = measuring(newly, config.horizon_days)
    rows = engine.read(measured_by).to_pylist()
    floors = gates(engine.read(gated_by))
    measured = []
    for as_of in newly:
        at = [row for row in rows if row["TIMESTAMP"].date() == as_of]
        rule = next(row for row in at if row["ROLE"] == RECENCY)
        for row in sorted((r for r in at if r["ROLE"] != RECENCY), key=lambda r: r["ROLE"]):
            loop.workspace.registry.refuse_seen(loop.version(row["VERSION"]), as_of)
            values = {name: row[name] for name in (*BINARY_METRICS, "LOG_LOSS", "BASE_RATE", "TRIVIAL_F1")}
            values |= {"NEVER_F1": 0.0, "RECENCY_F1": rule["F1_SCORE"], "RECENCY_AUC": rule["ROC_AUC"]}
            values |= floors.get((as_of, row["ROLE"]), {})
            measured.append(Measurement(as_of, row["ROLE"], row["VERSION"], row["ROWS_ALL"], values))
    _store_measurements(loop, step, measured)
    return {"measured": measured}


def _store_measurements(loop: Lifecycle, step: Step, measured: list[Measurement]) -> None:
    rows = [
        {
            "MONTH": str(step.month),
            "TIMESTAMP": dt.datetime.combine(m.as_of, dt.time()),
            "ROLE": m.role,
            "VERSION": m.version,
            "METRIC_NAME": name,
            "METRIC_VALUE": value,
            "COUNT_USED": m.rows,
            "IS_FINAL": True,
        }
        for m in measured
        for name, value in m.values.items()
    ]
    if rows:
        loop.backend.engine.write("MEASUREMENTS", pa.Table.from_pylist(rows))


def history(loop: Lifecycle, step: Step) -> History:
    """What the policy may look at this month."""
    measured = [
        from_json(Measurement, to_json(m)) for r in loop.journal.results(StepKind.MEASURE) for m in r["measured"]
    ]
    decisions = [from_json(Decision, to_json(r["decision"])) for r in loop.journal.results(StepKind.PROMOTE)]
    drifted = loop.journal.result(step.month, StepKind.DRIFT)
    foreseen, trusted = foresee(loop, step) if needs_estimates(loop.config.policy) else ({}, None)
    return History(
        tuple(measured), tuple(decisions), drifted["drift"], str(step.month), _alarms(drifted) or (), foreseen, trusted
    )


def decide(loop: Lifecycle, step: Step) -> Result:
    """Wait, train the first model, keep, or call for a challenger."""
    plan, foreseen = _decide(loop, step)
    if isinstance(plan, Keep | Retrain):
        # what an alert asked for waits for labels to learn from, and is taken with the decision
        asked = loop.workspace.alerts.take_requests(str(step.month))
        if asked:
            words = ", ".join(f"alert {one.name} of {one.month}" for one in asked)
            plan = Retrain(f"asked for by {words}; the policy alone: {type(plan).__name__.lower()}, {plan.reason}")
    return {"plan": type(plan).__name__, "reason": plan.reason, "foreseen": foreseen}


def _decide(loop: Lifecycle, step: Step) -> tuple[Plan, Mapping[str, Any]]:
    """The plan, and what the policy was told to expect."""
    newly = loop.newly_final(step.month)
    if not newly:
        rule = loop.config.label_rule
        open_as_ofs = [t for t in loop.as_ofs() if t not in loop.final_as_ofs()]
        first = min(open_as_ofs)
        reason = f"the labels of {first} close on {rule.final_at(first)}, the data reach {step.as_of}"
        return Wait(f"no as-of became final: {reason}"), {}
    if loop.default() is None:
        rates = loop.backend.engine.read(_label_rates(newly)).to_pylist()
        rows, churned = sum(r["ROWS"] for r in rates), sum(r["CHURNED"] or 0 for r in rates)
        if churned in {0, rows}:
            return Wait(f"all {rows} final labels are {'churned' if churned else 'stayed'}: nothing to learn from"), {}
        return TrainFirst("the first labels are final"), {}
    told = history(loop, step)
    answer: Any = loop.config.policy.decide(told)
    if not isinstance(answer, Keep | Retrain):
        raise BadConfig(f"the policy answered {answer!r}", hint="return Keep(reason) or Retrain(reason)")
    return answer, told.estimates


def _label_rates(as_ofs: tuple[dt.date, ...]) -> Any:
    rows = ibis.table({"TIMESTAMP": "timestamp(6)", "CHURNED": "int64"}, name="LABELS")
    rows = rows.filter(rows.TIMESTAMP.isin([moment(t) for t in as_ofs]))
    return rows.agg(ROWS=rows.count(), CHURNED=rows.CHURNED.sum())


def look_at_alerts(loop: Lifecycle, step: Step) -> Looks:
    """Look at every started alert once, and act where its condition is true."""
    default = loop.default()
    final = loop.final_as_ofs()
    own = [r for r in loop.backend.registry.versions() if r.model_name == loop.config.name]
    observed = Observed(
        month=str(step.month),
        as_of=step.as_of,
        # time is data: the loop looks on the day that its data reach
        now=step.as_of,
        measured=tuple(loop.measured(step.month)),
        drift=loop.journal.result(step.month, StepKind.DRIFT)["drift"],
        estimates={
            e["metric"]: (e["value"], e["low"], e["high"])
            for e in loop.journal.result(step.month, StepKind.ESTIMATE)["estimates"]
        },
        alarms=_alarms(loop.journal.result(step.month, StepKind.DRIFT)),
        data_through=step.as_of,
        open_since=min((t for t in loop.as_ofs() if t not in final), default=None),
        version=default.version_name if default else None,
        datasets={r.version_name: tuple(f"{f.dataset}/{f.version}" for f in r.fitted_on) for r in own},
    )
    return loop.workspace.alerts.look(observed, loop.config.alerts)


def _alarms(drifted: Any) -> tuple[tuple[str, str], ...] | None:
    """The alarmed columns with their words; None where nothing was judged."""
    return None if drifted["history"] is None else tuple((column, words) for column, words in drifted["alarms"])


def _expected(estimated: Any) -> dict[str, Any]:
    """What the report tells of the month's estimates."""
    found = {e["metric"]: (e["value"], e["low"], e["high"]) for e in estimated["estimates"]}
    shown = {name: found[name] for name in ("ROC_AUC", "F1_SCORE") if name in found}
    flag = estimated["trust"]
    return {"estimates": shown, "trusted": flag["up"] if found else None, "trust": flag["reason"]}


def report(loop: Lifecycle, step: Step) -> Result:
    """The month in facts; its words are made when it is shown."""
    journal, month = loop.journal, step.month
    ingested = journal.result(month, StepKind.INGEST)
    measured = loop.measured(month)
    scored = max((m.as_of for m in measured), default=None)
    return MonthReport(
        month=str(month),
        as_of=step.as_of,
        status="waiting" if journal.result(month, StepKind.DECIDE)["plan"] == "Wait" else "decided",
        rows=ingested["rows"],
        active=journal.result(month, StepKind.FEATURES)["active"],
        newly_final=loop.newly_final(month),
        scored_as_of=scored,
        measurements=tuple(measured),
        drift=journal.result(month, StepKind.DRIFT)["drift"],
        decision=from_json(Decision, to_json(journal.result(month, StepKind.PROMOTE)["decision"])),
        proven=journal.result(month, StepKind.PROMOTE)["proven"],
        alarms=_alarms(journal.result(month, StepKind.DRIFT)) or (),
        **_expected(journal.result(month, StepKind.ESTIMATE)),
        # months that were journaled before it was kept do not have it
        foreseen=journal.result(month, StepKind.DECIDE).get("foreseen", {}),
        alerts=tuple(
            a["NAME"]
            for a in journal.result(month, StepKind.ALERT)["alerts"]
            # an alarm of an earlier month that was delivered late is not of this one
            if a["MONTH"] == str(month) and a["STATE"] in {"TRIGGERED", "ACTION_FAILED"}
        ),
        corrections=journal.corrections(journal.before(month)),
    )


def features_of(columns: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The model's input columns of FEATURES with their types: the built-in ones, then those of the user's views."""
    left_out = {"CUSTOMER_KEY", "CUSTOMER_ID", "TIMESTAMP", "LAST_PURCHASE_DATE"}
    own = [name for name in columns if name not in left_out and name not in FEATURES]
    return tuple((name, columns[name]) for name in (*FEATURES, *own))
