"""Who serves from when, what is stored, and who is about to leave."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from loops import ACTIONS, Year, recipe, scripted, write_shop
from sklearn.metrics import f1_score, log_loss, roc_auc_score

import churnobs
from churnobs import Always, BadConfig, LifecycleConfig, Month, NotFound, PromoteAlways


def at(rows: list[dict[str, Any]], as_of: dt.date) -> pd.DataFrame:
    return pd.DataFrame([row for row in rows if row["TIMESTAMP"].date() == as_of])


def version_of(year: Year, name: str) -> Any:
    return year.workspace.registry.get_model("CHURN").version(name)


def test_the_script_was_played(year: Year) -> None:
    assert tuple(r.decision.action for r in year.reports) == ACTIONS


def test_predictions_are_only_ever_added(year: Year) -> None:
    before: list[dict[str, Any]] = []
    for report, rows in zip(year.reports, year.predictions, strict=True):
        assert rows[: len(before)] == before
        added = {row["TIMESTAMP"].date() for row in rows[len(before) :]}
        assert added == ({report.as_of} if report.decision.default_version else set())
        before = rows
    keys = [(row["CUSTOMER_KEY"], row["TIMESTAMP"]) for row in before]
    assert len(set(keys)) == len(keys)


def test_who_is_promoted_serves_from_that_very_as_of(year: Year) -> None:
    first = year.reports[2].decision.default_version
    assert "_BASE_" in first
    for report in year.reports[2:]:
        stored = at(year.predictions[-1], report.as_of)
        assert len(stored) == report.active
        assert set(stored["DEFAULT_VERSION"]) == {report.decision.default_version}
        assert set(stored["BASE_VERSION"]) == {first}
        challengers = set(stored["CHALLENGER_VERSION"])
        if report.decision.trial is None:
            assert challengers == {None}
            assert stored["CHALLENGER_PROBABILITY"].isna().all()
        else:
            (challenger,) = challengers
            assert f"_CHALLENGER_{challenger[-6:]}" in challenger
    kinds = [str(r.decision.default_version).split("_")[2:3] for r in year.reports]
    assert kinds == [[], [], ["BASE"], ["REFIT"], ["REFIT"], ["BASE"], ["REFIT"], ["BASE"], ["BASE"]]


@pytest.mark.parametrize("role", ["BASE", "DEFAULT", "CHALLENGER"])
def test_what_is_stored_is_what_the_version_answers(year: Year, role: str) -> None:
    for report in year.reports[3:6]:
        stored = at(year.predictions[-1], report.as_of).set_index("CUSTOMER_ID")
        where = f"TIMESTAMP = CAST('{report.as_of}' AS TIMESTAMP)"
        rows = year.workspace.sql(f"SELECT * FROM FEATURES WHERE {where}").to_pandas().set_index("CUSTOMER_ID")
        version = version_of(year, stored[f"{role}_VERSION"].iloc[0])
        answer = version.run(rows, function_name="predict_proba")["output_feature_1"]
        assert np.array_equal(stored.loc[rows.index, f"{role}_PROBABILITY"], answer)
        classes = version.run(rows, function_name="predict")["output_feature_0"]
        assert np.array_equal(stored.loc[rows.index, f"{role}_CLASS"], classes)


def test_performance_is_of_what_was_stored(year: Year) -> None:
    labels = year.workspace.table("LABELS").collect()
    seen = 0
    for report in year.reports:
        for m in report.measurements:
            stored = at(year.predictions[-1], m.as_of)
            rows = stored.merge(at(labels, m.as_of)[["CUSTOMER_KEY", "CHURNED"]], on="CUSTOMER_KEY")
            assert set(rows[f"{m.role}_VERSION"]) == {m.version}
            assert m.rows == len(rows) == len(stored)
            truth, score = rows["CHURNED"], rows[f"{m.role}_PROBABILITY"]
            assert m["ROC_AUC"] == pytest.approx(roc_auc_score(truth, score))
            assert m["F1_SCORE"] == pytest.approx(f1_score(truth, rows[f"{m.role}_CLASS"]))
            assert m["LOG_LOSS"] == pytest.approx(log_loss(truth, score))
            assert m["BASE_RATE"] == pytest.approx(truth.mean())
            assert m["TRIVIAL_F1"] == pytest.approx(2 * truth.mean() / (1 + truth.mean()))
            assert m["NEVER_F1"] == 0.0
            seen += 1
    # April measures what served on 1 April; from May on a challenger was stored, too
    assert seen == 2 + 5 * 3
    served = {r.as_of: r.decision.default_version for r in year.reports}
    assert all(m.version == served[m.as_of] for r in year.reports for m in r.measurements if m.role == "DEFAULT")


def test_a_version_is_unproven_until_it_passed_the_gate(year: Year) -> None:
    passed: set[str] = set()
    for report in year.reports:
        passed |= {m.version for m in report.measurements if m.role != "CHALLENGER" and m.passes_gate()}
        assert report.proven == (report.decision.default_version in passed)
        assert (", unproven" in report.text()) == (not report.proven and report.decision.default_version is not None)
    by_month = {r.month: r.proven for r in year.reports}
    # the first model has seen nothing final yet; a refit is new; a first model that serves again was proven before
    assert (by_month["2024-03"], by_month["2024-04"], by_month["2024-06"]) == (False, False, True)


def test_the_refit_is_of_all_final_labels_and_linked_to_its_challenger(year: Year) -> None:
    for report in (year.reports[3], year.reports[6]):
        refit = version_of(year, report.decision.default_version).record
        assert {part.half for part in refit.fitted_on} == {None}
        final = {t for r in year.reports if r.month <= report.month for t in r.newly_final}
        assert {part.as_of for part in refit.fitted_on} == final
        challenger = version_of(year, refit.linked_to.removeprefix("CHURN/")).record
        assert refit.recipe == challenger.recipe
        assert "_CHALLENGER_" in challenger.version_name


def test_each_role_has_one_watching_monitor_and_history_is_kept(year: Year) -> None:
    import json

    rows = year.workspace.sql("SELECT RECORD FROM MONITORS ORDER BY POSITION").collect()
    monitors = [json.loads(row["RECORD"]) for row in rows]
    names = [m["name"] for m in monitors]
    assert len(set(names)) == len(names)
    assert len({m["version_name"] for m in monitors}) == len(monitors), "one monitor a version"
    last = year.reports[-1].decision.default_version
    active = {m["name"].split("_V2024")[0]: m["name"] for m in monitors if m["state"] == "ACTIVE"}
    assert sum(m["state"] == "ACTIVE" for m in monitors) == 3
    assert active["CHURN_PRODUCTION"] == f"CHURN_PRODUCTION_{last}"
    assert active["CHURN_BASE"].startswith("CHURN_BASE_V2024_03_BASE_")
    # first model, two refits; the first model serves again under the monitor it had
    assert sum(name.startswith("CHURN_PRODUCTION_") for name in names) == 3
    source = year.workspace.table(f"CHURN_PRODUCTION_{last}_SOURCE").to_pandas()
    assert set(source["TIMESTAMP"].dt.date) == {
        r.as_of for r in year.reports if r.decision.default_version == last
    }  # fmt: skip


def test_at_risk_are_the_highest_stored_probabilities(year: Year) -> None:
    newest = year.reports[-1].as_of
    stored = at(year.predictions[-1], newest)
    order = stored.sort_values(["DEFAULT_PROBABILITY", "CUSTOMER_ID"], ascending=[False, True])
    risk = year.loop.at_risk(12)
    assert (risk.as_of, risk.version) == (newest, year.reports[-1].decision.default_version)
    assert [c.customer_id for c in risk.customers] == order["CUSTOMER_ID"].tolist()[:12]
    assert [c.probability for c in risk.customers] == order["DEFAULT_PROBABILITY"].tolist()[:12]
    everybody = year.loop.at_risk(10**6)
    assert len(everybody.customers) == len(stored)
    assert everybody.customers[:12] == risk.customers
    assert risk.to_pandas()["CUSTOMER_ID"].tolist() == [c.customer_id for c in risk.customers]
    assert risk.customers[0].customer_id in risk._repr_html_()
    for wrong in (0, -1):
        with pytest.raises(BadConfig, match="at_risk"):
            year.loop.at_risk(wrong)


def test_reasons_are_the_drops_when_one_feature_is_made_typical(year: Year) -> None:
    risk = year.loop.at_risk(4)
    where = f"TIMESTAMP = CAST('{risk.as_of}' AS TIMESTAMP)"
    rows = year.workspace.sql(f"SELECT * FROM FEATURES WHERE {where}").to_pandas().set_index("CUSTOMER_ID")
    version = version_of(year, risk.version)
    features = list(version.record.features)
    for customer in risk.customers:
        own = rows.loc[[customer.customer_id], features]
        parts = {}
        for name in features:
            numeric = pd.api.types.is_numeric_dtype(rows[name])
            usual = rows[name].median() if numeric else rows[name].mode()[0]
            changed = own.astype({name: "float64"}) if numeric else own.copy()
            changed[name] = usual
            answer = version.run(changed, function_name="predict_proba")["output_feature_1"].iloc[0]
            parts[name] = customer.probability - answer
        best = sorted((-part, name) for name, part in parts.items() if part > 0)[:3]
        assert [reason[0] for reason in customer.reasons] == [name for _, name in best]
        assert [reason[2] for reason in customer.reasons] == pytest.approx([-part for part, _ in best])
        assert all(value == own[name].iloc[0] for name, value, _ in customer.reasons)


def test_nobody_is_at_risk_before_there_are_predictions(world: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(scripted(), source=world)
        with pytest.raises(NotFound, match="no predictions are stored yet"):
            loop.at_risk(3)


def test_pruning_keeps_what_is_still_needed(tmp_path: Path) -> None:
    """Sixty days until a label is final: who predicted then must still be there to be measured."""
    config = LifecycleConfig(
        trainer=recipe(), policy=Always(), promotion=PromoteAlways(), horizon_days=60, keep_versions=1, keep_datasets=2
    )
    with churnobs.connect(threads=1) as workspace:
        loop = workspace.lifecycle(config, source=write_shop(tmp_path, Month(2023, 6), 6))
        reports = loop.run()
        assert [r.decision.action for r in reports] == ["wait"] * 2 + ["first_model"] + ["promote"] * 3
        assert {m.role for m in reports[-1].measurements} == {"BASE", "DEFAULT", "CHALLENGER"}
        kept = {r.version_name for r in workspace.registry.records("CHURN")}
        logged = {row["VERSION"] for row in workspace.table("BACKTESTS").collect()}
        assert len(logged - kept) == 2
        waiting = {t: v for t, v in loop.predicted() if t not in loop.final_as_ofs()}
        assert set(waiting) == {dt.date(2023, 11, 1), dt.date(2023, 12, 1)}
        assert {name for versions in waiting.values() for name in versions.values()} <= kept
        assert loop.base().version_name in kept
        assert loop.default().version_name in kept
        assert [d.as_ofs for d in loop.datasets()] == [(dt.date(2023, 9, 1),), (dt.date(2023, 10, 1),)]
        tables = {row["name"] for row in workspace.sql("SHOW TABLES").collect()}
        assert {t for t in tables if t.startswith("CHURN$2")} == {d.table for d in loop.datasets()}
        # what was measured stays, also of versions that are gone
        measured = {row["VERSION"] for row in workspace.table("MEASUREMENTS").collect()}
        assert measured & (logged - kept)
