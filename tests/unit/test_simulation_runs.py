"""Worlds from the command line, and what served measured against the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from loops import recipe

import churnobs
from churnobs import Always, LifecycleConfig, PromoteAlways
from churnobs.cli import guarded
from simulations import WORLDS, expected_auc, runs, simulate
from simulations.__main__ import app
from simulations.check import CONFIGS, DRIFTING, Cell, _check_drifting, _check_equal_models, _check_steady
from simulations.runs import month_files


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a command, from inside."""
    code = guarded(lambda: app(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_world_runs_from_a_shell_and_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "sudden", "--customers", "60", "--seed", "3", "--db", str(tmp_path / "world.duckdb")]
    words += ["--json", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html")]
    run = subprocess.run(
        [sys.executable, "-m", "simulations", *words, "--months", "2"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    first = json.loads((tmp_path / "a.json").read_text())["months"]
    assert [m["decision"]["action"] for m in first] == ["wait", "wait"]
    assert "World sudden: 60 customers" in (tmp_path / "a.html").read_text(encoding="utf-8")
    # the same world lived for longer goes on
    code, out, _ = told([*words, "--months", "3"], capsys)
    assert code == 0
    assert "first_model" in out
    assert json.loads((tmp_path / "a.json").read_text())["months"][:2] == first


def test_all_worlds_are_listed() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "simulations", "list"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[0] for row in rows[1:]] == list(WORLDS)
    assert list(WORLDS)[:6] == ["steady", "demo", "gradual", "sudden", "season", "feedback"]
    assert all(row[1] for row in rows)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nowhere", "--db", "{tmp}/a.duckdb"], "'nowhere' is no world; one of steady, demo, gradual, sudden"),
        (["run", "steady", "--db", "{tmp}/a.duckdb", "--policy", "weekly"], "'weekly' is no policy"),
        (["run", "steady", "--db", "{tmp}/none/a.duckdb", "--customers", "20", "--months", "1"], "cannot open"),
        (
            ["run", "steady", "--db", "{tmp}/t.duckdb", "--customers", "20", "--months", "1"],
            "not a valid DuckDB database",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.duckdb").write_text("hello" * 1000)
    code, out, err = told([word.format(tmp=tmp_path) for word in words], capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "a.duckdb").exists()


def test_another_world_in_the_same_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--db", str(tmp_path / "a.duckdb"), "--customers", "30"]
    assert told(["run", "steady", "--months", "1", *where], capsys)[0] == 0
    code, _, err = told(["run", "season", "--months", "2", *where], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "with other content" in err


def test_what_served_is_measured_against_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = simulate(WORLDS["steady"], customers=120, months=4, seed=4)
    config = LifecycleConfig(trainer=recipe(), policy=Always(), promotion=PromoteAlways(), seed=4)
    seen: list[str] = []
    with month_files(simulation) as files, churnobs.connect(threads=1) as workspace:
        monkeypatch.setattr(runs, "connect", lambda: nullcontext(workspace))
        reports, truths = runs.run_against_truth(simulation, files, config, lambda report: seen.append(report.month))
        stored = workspace.sql("SELECT * FROM PREDICTIONS").to_pandas()
    assert not files.exists()
    assert seen == [r.month for r in reports]
    assert [t.month for t in truths] == [3, 4]
    assert [t.former is None for t in truths] == [True, False]
    for month in truths:
        truth = simulation.truth(month.month)
        at = stored[stored["TIMESTAMP"].dt.date == simulation.as_of(month.month)]
        rows = truth.merge(at, on="CUSTOMER_ID", validate="one_to_one")
        assert len(rows) == len(truth) == len(at)
        for role, found in (("DEFAULT", month.served), ("BASE", month.base)):
            assert found == expected_auc(rows["TRUE_CHURN_PROBABILITY"], rows[f"{role}_PROBABILITY"])
    assert truths[0].served == truths[0].base


def cells(**auc: float) -> dict[Any, Cell]:
    return {("sudden", 1, name): Cell("sudden", 1, name, value, 3, ()) for name, value in auc.items()}


def test_the_check_tells_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(_check_drifting("sudden", 1, cells(never=0.6, default=0.69, oracle=0.7))) == []
    assert "0.900" in capsys.readouterr().out
    (small,) = _check_drifting("sudden", 1, cells(never=0.66, default=0.70, oracle=0.70))
    assert "the gap 0.0400 is below 0.05" in small
    broken = list(_check_drifting("sudden", 1, cells(never=0.6, default=0.65, oracle=0.7)))
    assert len(broken) == 2
    # no gap at all is an error, not a pass
    assert len(list(_check_drifting("sudden", 1, cells(never=0.7, default=0.7, oracle=0.65)))) >= 2


def test_the_check_of_a_steady_world(capsys: pytest.CaptureFixture[str]) -> None:
    good = Cell("steady", 1, "always", 0.7, 30, (0.004, -0.01))
    assert list(_check_steady([good])) == []
    (lost,) = _check_steady([Cell("steady", 1, "default", 0.7, 1, (0.0051,)), good])
    assert "steady default: a promotion lost 0.0051" in lost
    (few,) = _check_steady([Cell("steady", 1, "always", 0.7, 29, ())])
    assert "only 29 challenges" in few
    assert list(_check_equal_models()) == []
    assert "of 1000 comparisons promote" in capsys.readouterr().out


def test_all_policies_share_trainer_and_history() -> None:
    assert set(CONFIGS) == {"default", "never", "oracle", "always"}
    assert set(DRIFTING) == {"sudden", "gradual", "demo"}
    assert {config.trainer for config in CONFIGS.values()} == {None}
    assert len({json.dumps(config.meaning) for config in CONFIGS.values()}) == 1
