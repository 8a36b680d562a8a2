"""What ``import churnobs`` costs and touches, seen in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

HEAVY = (
    "duckdb",
    "snowflake",
    "fakesnow",
    "sklearn",
    "xgboost",
    "pandas",
    "optuna",
    "scipy",
    "skops",
    "streamlit",
    "vaderSentiment",
    "apprise",
)


def in_a_process(code: str) -> Any:
    """What a fresh interpreter prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_no_engine_and_nothing_heavy_is_loaded() -> None:
    # a namespace package may be there before the first import: Snowpark's installer puts one into every process
    code = "import sys, json; before = set(sys.modules); import churnobs; print(json.dumps(sorted(set(sys.modules) - before)))"
    loaded = in_a_process(code)
    assert {name.partition(".")[0] for name in loaded} & set(HEAVY) == set()
    assert "churnobs.workspace" in loaded


def test_no_socket_is_opened_and_no_process_started() -> None:
    code = """
import json, sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(("socket.", "subprocess.", "os.system")) else None)
import churnobs
print(json.dumps([event for event in seen if event != "socket.gethostname"]))
"""
    assert in_a_process(code) == []


def test_churnobs_is_light_beyond_ibis() -> None:
    code = """
import json, time
start = time.process_time()
import ibis
middle = time.process_time()
import churnobs
print(json.dumps([middle - start, time.process_time() - middle]))
"""
    beyond = min(in_a_process(code)[1] for _ in range(3))
    assert beyond < 0.3, f"import churnobs takes {beyond:.2f} s beyond ibis"


@pytest.mark.parametrize("name", ["connect", "Workspace", "LifecycleConfig", "FeatureView", "ChurnobsError"])
def test_public_names_are_there_and_all_is_true(name: str) -> None:
    import churnobs

    assert name in churnobs.__all__
    assert all(hasattr(churnobs, public) for public in churnobs.__all__)
