"""The loop on real purchases: what the then-serving model had stored, against labels that became final later."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import churnobs

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHURNOBS_DATA", ROOT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not here: set CHURNOBS_DATA to their folder"),
]


def served_auc(name: str, policy: str) -> float:
    """Mean ROC AUC of what the default model stored, over the as-ofs with final labels from the fourth on."""
    with churnobs.connect() as workspace:
        config = churnobs.LifecycleConfig(policy=churnobs.policy_named(policy))
        mapping = ROOT / "examples" / "mappings" / f"{name}.toml"
        loop = workspace.lifecycle(config, source=DATA / name / "transactions.csv", mapping=mapping)
        reports = loop.run()
        fourth = sorted(as_of for report in reports for as_of in report.newly_final)[3]
        measured = [m for report in reports for m in report.measurements if m.role == "DEFAULT" and m.as_of >= fourth]
        values = [value for m in measured if (value := m["ROC_AUC"]) is not None]
        print(f"\n{name}, {policy}: {sum(values) / len(values):.4f} over {len(values)} as-ofs")
        for report in reports:
            print(report)
        return sum(values) / len(values)


def test_cdnow_is_served_well() -> None:
    assert served_auc("cdnow", "default") >= 0.700


def test_online_retail_is_served_well_and_far_better_than_without_retraining() -> None:
    served = served_auc("online_retail", "default")
    assert served >= 0.738
    assert served - served_auc("online_retail", "never") >= 0.05
