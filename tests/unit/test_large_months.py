"""What is done otherwise where a month has very many rows comes to the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from loops import scripted, write_world

import churnobs
import churnobs.backends.duckdb.database
from churnobs.backends.duckdb import registry
from churnobs.backends.duckdb.opening import settings_of
from churnobs.monitoring import counting, state

COUNTED = ("MONITOR_HISTOGRAMS", "MONITOR_SCORES", "MONITOR_DAYS")


def lived(files: Path) -> dict[str, list[dict[str, Any]]]:
    with churnobs.connect(threads=2) as workspace:
        workspace.lifecycle(scripted(), source=files).run()
        tables = {name: workspace.sql(f"SELECT * FROM {name} ORDER BY ALL").collect() for name in COUNTED}
        for row in tables["MONITOR_DAYS"]:
            del row[
                "FINGERPRINT"
            ]  # of probabilities to the last bit, which the size of a product of matrices may change
        tables["PREDICTIONS"] = workspace.sql("SELECT * FROM PREDICTIONS ORDER BY TIMESTAMP, CUSTOMER_KEY").collect()
        assert workspace.sql("SELECT COUNT(*) AS N FROM duckdb_tables() WHERE table_name LIKE '%HELD%'").collect() == [
            {"N": 0}
        ]
    return tables


def test_many_rows_are_counted_and_scored_as_few_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_world(tmp_path / "world", customers=120, months=6)
    few = lived(files)
    held: list[str] = []
    real = churnobs.backends.duckdb.database.Database.held

    def noted(self: Any, name: str, query: Any) -> Any:
        held.append(name)
        return real(self, name, query)

    monkeypatch.setattr(churnobs.backends.duckdb.database.Database, "held", noted)
    for module in (counting, state):
        monkeypatch.setattr(module, "MANY_ROWS", 0)
    monkeypatch.setattr(registry, "_AT_A_TIME", 7)
    many = lived(files)
    assert len(held) > 3
    assert all(name.endswith("_SOURCE") for name in held)
    for name in COUNTED:
        assert len(many[name]) == len(few[name]) > 0
        for a, b in zip(many[name], few[name], strict=True):
            numbers = [key for key, value in b.items() if isinstance(value, float)]
            assert {k: v for k, v in a.items() if k not in numbers} == {k: v for k, v in b.items() if k not in numbers}
            assert [a[key] for key in numbers] == pytest.approx([b[key] for key in numbers], rel=1e-9)
    assert len(many["PREDICTIONS"]) == len(few["PREDICTIONS"]) > 0
    for a, b in zip(many["PREDICTIONS"], few["PREDICTIONS"], strict=True):
        assert (a["CUSTOMER_KEY"], a["DEFAULT_VERSION"], a["DEFAULT_CLASS"]) == (
            b["CUSTOMER_KEY"], b["DEFAULT_VERSION"], b["DEFAULT_CLASS"],
        )  # fmt: skip
        assert np.isclose(a["DEFAULT_PROBABILITY"], b["DEFAULT_PROBABILITY"], rtol=1e-12)


def test_with_little_memory_features_are_made_in_parts_and_are_the_same(tmp_path: Path) -> None:
    files = write_world(tmp_path / "world", customers=120, months=4)
    found = []
    for limit in (None, "500MB"):
        with churnobs.connect(memory_limit=limit, threads=1) as workspace:
            assert workspace._backend.engine.parts == (1 if limit is None else 4)
            workspace.lifecycle(scripted(), source=files).run()
            found += [
                workspace.sql(f"SELECT * FROM {name} ORDER BY TIMESTAMP, CUSTOMER_KEY").to_pandas()
                for name in ("FEATURES", "PREDICTIONS")
            ]
    features, predictions, by_parts, predicted_by_parts = found
    assert len(features) > 200
    assert len(predictions) > 50
    pd.testing.assert_frame_equal(features, by_parts, check_exact=True)
    pd.testing.assert_frame_equal(predictions, predicted_by_parts, rtol=1e-12)


def test_versions_learn_from_a_sample_of_many_rows_and_are_judged_on_all(tmp_path: Path) -> None:
    files = write_world(tmp_path / "world", customers=1500, months=6)
    with churnobs.connect() as workspace:
        whole = workspace.lifecycle(scripted().replaced(sample_rows=1000), source=files)
        reports = whole.run()
        versions = workspace.registry.get_model("CHURN").show_versions()
        rows = [int(n) for text in versions["comment"] for n in re.findall(r"fitted on (\d+) rows", text)]
        used = workspace.sql(
            "SELECT MONTH, VERSION, sum(DISTINCT ROWS_USED) AS N FROM BACKTESTS GROUP BY ALL"
        ).collect()
        trials = [r.decision.trial for r in reports if r.decision.trial]
        halves = workspace.sql("SELECT count(*) AS N FROM LABELS WHERE IS_FINAL GROUP BY TIMESTAMP").collect()
    assert len(rows) > 3
    # five standard deviations of a binomial of about a thousand
    assert all(abs(n - 1000) < 160 for n in rows), rows
    assert used
    assert all(0 < row["N"] < 1000 + 160 for row in used)
    assert trials
    assert all(trial.rows > 0.4 * min(row["N"] for row in halves) for trial in trials)


@pytest.mark.parametrize(
    ("threads", "limit", "expected"),
    [
        (None, "512MB", 1), (None, "999.5 MiB", 1), (None, "1000MB", None), (None, "2GB", None), (None, "50%", None),
        (None, "800000KB", 1), (4, "512MB", 4), (None, None, None),
    ],
)  # fmt: skip
def test_little_memory_is_for_one_thread(threads: int | None, limit: str | None, expected: int | None) -> None:
    assert settings_of(threads, limit).get("threads") == expected
