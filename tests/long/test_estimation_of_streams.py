"""Do the intervals hold what comes true, and does trust fall when scores come to mean something else? Printed, then asserted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from loops import recipe
from sklearn.metrics import roc_auc_score

import churnobs
from churnobs import LifecycleConfig, Never, RetrainPolicy
from churnobs.lifecycle.policy import LiftOrDrop
from churnobs.monitoring.calibration import Calibration
from churnobs.monitoring.estimation import ESTIMATED, Grade, coverage, estimate, grade, trust
from churnobs.monitoring.levels import Levels
from simulations import WORLDS, simulate

STREAMS, MONTHS = 200, 12
DRIFTING_STREAMS, DRIFT_MONTH = 60, 5
LEAST, MOST = 0.85, 0.95
MOST_FALSE_FALLS = 0.05

pytestmark = pytest.mark.long


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# what a model makes of its view of the risk (a logit): honest, too sure, too timid, shifted, bent, in steps, stretched
MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "calibrated": lambda z: logistic(0.82 * z),
    "too sure": lambda z: logistic(2 * z + 0.5),
    "too timid": lambda z: logistic(0.4 * z - 0.6),
    "bent": lambda z: logistic(z) ** 2.5,
    "steps": lambda z: np.round(logistic(z) * 20) / 20,
    "stretched": lambda z: logistic(z * np.abs(z)),
}


def truth(scores: np.ndarray, said: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The realised metrics, from their definitions."""
    yes, called = labels == 1, said == 1
    tp, fp, fn = (int(part.sum()) for part in (yes & called, ~yes & called, yes & ~called))
    return {
        "F1_SCORE": 2 * tp / (2 * tp + fp + fn),
        "PRECISION": tp / (tp + fp),
        "RECALL": tp / (tp + fn),
        "CLASSIFICATION_ACCURACY": float((yes == called).mean()),
        "ROC_AUC": float(roc_auc_score(labels, scores)),
    }


class Stream:
    """Months of one population and one model with a fixed threshold."""

    def __init__(self, model: str, seed: int) -> None:
        self.rng = np.random.default_rng((seed, 77))
        self.model = MODELS[model]
        base_rate = self.rng.uniform(0.2, 0.8)
        # the logits' spread pulls the mean chance towards one half, which the factor makes up for
        self.level = 1.26 * np.log(base_rate / (1 - base_rate))
        self.threshold = 0.0
        scores, _ = self.rows(20_000)
        self.threshold = float(np.quantile(scores, self.rng.uniform(0.2, 0.8)))

    def rows(self, count: int, *, meaning: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Scores and labels; ``meaning`` 1 as ever, 0 when the risk no longer depends on what the model sees."""
        spread = self.rng.normal(0, 1.3, count)
        seen = self.level + spread + 0.6 * self.rng.normal(size=count)
        labels = self.rng.random(count) < logistic(self.level + meaning * spread)
        return self.model(seen), labels.astype(int)

    def calibration(self) -> Calibration:
        scores, labels = self.rows(int(self.rng.integers(2_000, 5_001)))
        return Calibration.fit(Levels.of(scores, scores >= self.threshold, labels))

    def grades(self, calibration: Calibration, month: int, *, meaning: float = 1.0) -> list[Grade]:
        scores, labels = self.rows(int(self.rng.integers(2_000, 5_001)), meaning=meaning)
        said = scores >= self.threshold
        guessed = estimate(Levels.of(scores, said, np.full(len(scores), np.nan)), calibration, seed=month)
        found = truth(scores, said, labels)
        return [grade(guessed[name], found[name], as_of=dt.date(2024, month, 1)) for name in ESTIMATED]


def first_fall(grades: Sequence[Grade]) -> dt.date | None:
    """The as-of whose grades first made the flag fall, as it is seen month by month."""
    for as_of in sorted({g.as_of for g in grades}):
        if not trust([g for g in grades if g.as_of <= as_of]).up:
            return as_of
    return None


def test_intervals_hold_what_comes_true_and_trust_stays_without_drift() -> None:
    streams = []
    base_rates = []
    by_model: dict[str, list[Grade]] = {}
    for seed in range(STREAMS):
        model = list(MODELS)[seed % len(MODELS)]
        stream = Stream(model, seed)
        calibration = stream.calibration()
        base_rates.append(calibration.base_rate or 0.0)
        grades = [g for month in range(1, MONTHS + 1) for g in stream.grades(calibration, month)]
        streams.append(grades)
        by_model.setdefault(model, []).extend(grades)
    pooled = coverage([g for grades in streams for g in grades])
    falls = mean(first_fall(grades) is not None for grades in streams)
    print(
        f"\n{STREAMS} driftless streams of {MONTHS} months, base rates {min(base_rates):.2f} to {max(base_rates):.2f}"
    )
    for model, grades in by_model.items():
        print(f"{model:12}", {name: round(share, 3) for name, share in coverage(grades).items()})
    print("all         ", {name: round(share, 4) for name, share in pooled.items()})
    print(f"streams in which trust falls: {falls:.3f}")
    assert set(pooled) == set(ESTIMATED)
    assert min(base_rates) < 0.25
    assert max(base_rates) > 0.75
    for name, share in pooled.items():
        assert LEAST <= share <= MOST, name
    assert falls <= MOST_FALSE_FALLS


@pytest.mark.parametrize(("meaning", "least"), [(0.0, 1.0), (0.5, 0.95)])
def test_trust_falls_when_the_score_comes_to_mean_something_else(meaning: float, least: float) -> None:
    found = []
    for seed in range(DRIFTING_STREAMS):
        stream = Stream(list(MODELS)[seed % len(MODELS)], 10_000 + seed)
        calibration = stream.calibration()
        grades = [
            g
            for month in range(DRIFT_MONTH - 2, DRIFT_MONTH + 2)
            for g in stream.grades(calibration, month, meaning=meaning if month >= DRIFT_MONTH else 1.0)
        ]
        fall = first_fall(grades)
        found.append(fall is not None and fall.month in (DRIFT_MONTH, DRIFT_MONTH + 1))
    print(
        f"\nmeaning {meaning}: trust is down within 2 final months in {mean(found):.3f} of {DRIFTING_STREAMS} streams"
    )
    assert mean(found) >= least


def loop_grades(
    world: str, policy: RetrainPolicy, seed: int, months: int, files: Path
) -> tuple[list[Grade], list[dt.date]]:
    """A world run by the loop; each as-of estimated by what was final when it was predicted, graded by what came."""
    simulation = simulate(WORLDS[world], customers=1_500, months=months, seed=seed)
    simulation.write(files)
    with churnobs.connect(threads=1) as workspace:
        config = LifecycleConfig(trainer=recipe(), policy=policy, seed=seed)
        workspace.lifecycle(config, source=files).run()
        rows = workspace.sql(
            "SELECT P.TIMESTAMP, DEFAULT_VERSION AS V, DEFAULT_PROBABILITY AS S, DEFAULT_CLASS AS C, CHURNED AS Y "
            "FROM PREDICTIONS P JOIN LABELS L USING (CUSTOMER_KEY, TIMESTAMP) WHERE L.IS_FINAL ORDER BY 1, P.CUSTOMER_ID"
        ).to_pandas()
    rows["AS_OF"] = rows["TIMESTAMP"].dt.date
    as_ofs = sorted(set(rows["AS_OF"]))
    grades = []
    for as_of in as_ofs:
        now = rows[rows["AS_OF"] == as_of]
        final = [day for day in as_ofs if day + dt.timedelta(days=30) <= as_of]
        before = rows[rows["AS_OF"].isin(final[-3:])]
        calibration = Calibration.fit(Levels.of(before["S"], before["C"], before["Y"]))
        if not calibration.calibrated:
            continue
        guessed = estimate(Levels.of(now["S"], now["C"], np.full(len(now), np.nan)), calibration)
        found = truth(now["S"].to_numpy(), now["C"].to_numpy(), now["Y"].to_numpy())
        grades += [grade(guessed[name], found[name], as_of=as_of) for name in ESTIMATED]
    return grades, [simulation.as_of(month) for month in range(1, months + 1)]


@pytest.mark.parametrize(("policy", "seed"), [(Never(), 1), (LiftOrDrop(), 2), (LiftOrDrop(), 3)])
def test_trust_falls_in_the_loop_of_the_sudden_world(policy: RetrainPolicy, seed: int, tmp_path: Path) -> None:
    grades, as_ofs = loop_grades("sudden", policy, seed, 11, tmp_path)
    # behaviour changes in month 8: what was predicted on its first day is the first to come out differently
    drifted = as_ofs[6:8]
    calm = [g for g in grades if g.as_of < drifted[0]]
    fall = first_fall(grades)
    print(f"\nsudden, {type(policy).__name__}, seed {seed}: graded from {grades[0].as_of}, first fall {fall}")
    print(f"  before the drift: {dict(coverage(calm))}")
    print(f"  {trust([g for g in grades if g.as_of <= drifted[1]]).reason}")
    print(f"  at the end: {trust(grades)}")
    assert trust(calm).up
    assert fall in drifted


@pytest.mark.parametrize("seed", [1])
def test_trust_stays_in_the_loop_of_a_steady_world(seed: int, tmp_path: Path) -> None:
    grades, _ = loop_grades("steady", LiftOrDrop(), seed, 12, tmp_path)
    print(
        f"\nsteady, seed {seed}: {len(grades)} grades, covered {dict(coverage(grades))}, first fall {first_fall(grades)}"
    )
    assert len({g.as_of for g in grades}) >= 6
    assert first_fall(grades) is None
