"""Does the loop keep its promises where the truth is known? Ten seeds, five worlds and policies, exact truth."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from churnobs import Always, LifecycleConfig, Never, PairedTest, PromoteAlways, compare_auc
from simulations.runs import month_files, run_against_truth
from simulations.simulation import simulate
from simulations.worlds import WORLDS

DRIFTING = ("sudden", "gradual", "demo")
FIRST_MONTH, LAST_MONTH = 4, 18
LEAST_GAP = 0.05
LEAST_SHARE, LEAST_SHARE_OF_SEED = 0.80, 0.60
MOST_LOST = 0.005
LEAST_CHALLENGES = 30
COMPARISONS, MOST_WRONG = 1_000, 0.066
CONFIGS: Mapping[str, LifecycleConfig] = {
    "default": LifecycleConfig(),
    "never": LifecycleConfig(policy=Never()),
    "oracle": LifecycleConfig(policy=Always(), promotion=PromoteAlways()),
    "always": LifecycleConfig(policy=Always(), promotion=PairedTest()),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One world, seed and policy: mean served truth AUC, challenges made, and what each promotion lost (or won, below 0)."""

    world: str
    seed: int
    policy: str
    auc: float
    challenges: int
    losses: tuple[float, ...]


def run_cell(world: str, seed: int, policies: tuple[str, ...], customers: int, months: int) -> list[Cell]:
    """Run one simulated history through several policies."""
    simulation = simulate(WORLDS[world], customers=customers, months=months, seed=seed)
    cells = []
    with month_files(simulation) as files:
        for policy in policies:
            reports, truths = run_against_truth(simulation, files, CONFIGS[policy].replaced(seed=seed))
            counted = [t.served for t in truths if FIRST_MONTH <= t.month <= LAST_MONTH]
            losses = tuple(t.former - t.served for t in truths if t.former is not None)
            challenges = sum(report.decision.retrain for report in reports)
            cells.append(Cell(world, seed, policy, float(np.mean(counted)), challenges, losses))
    return cells


def check(seeds: int, customers: int, months: int, workers: int) -> int:
    """Run everything, print what was measured, and give the number of broken promises."""
    jobs: list[tuple[str, int, tuple[str, ...]]] = [
        (world, seed, ("default", "never", "oracle")) for world in DRIFTING for seed in range(1, seeds + 1)
    ]
    jobs += [("steady", seed, ("default", "always")) for seed in range(1, seeds + 1)]
    cells: dict[tuple[str, int, str], Cell] = {}
    with ProcessPoolExecutor(workers) as pool:
        tasks = [pool.submit(run_cell, world, seed, policies, customers, months) for world, seed, policies in jobs]
        for number, task in enumerate(tasks, start=1):
            cells |= {(c.world, c.seed, c.policy): c for c in task.result()}
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{number} of {len(tasks)} histories")
    broken = [line for world in DRIFTING for line in _check_drifting(world, seeds, cells)]
    broken += _check_steady([c for c in cells.values() if c.world == "steady"])
    broken += _check_equal_models()
    for line in broken:
        print(f"BROKEN {line}")
    print(f"{'FAILED' if broken else 'OK'}: {len(broken)} broken of {3 * len(DRIFTING) + 3} promises")
    return len(broken)


def _check_drifting(world: str, seeds: int, cells: Mapping[tuple[str, int, str], Cell]) -> Iterable[str]:
    print(f"{world}\nseed\tnever\tdefault\toracle\tgap\tshare won back\tchallenges")
    won = gaps = 0.0
    shares = []
    for seed in range(1, seeds + 1):
        never, default, oracle = (cells[world, seed, policy].auc for policy in ("never", "default", "oracle"))
        gap = oracle - never
        shares.append((default - never) / gap if gap > 0 else float("nan"))
        won, gaps = won + default - never, gaps + gap
        challenges = cells[world, seed, "default"].challenges
        print(f"{seed}\t{never:.4f}\t{default:.4f}\t{oracle:.4f}\t{gap:.4f}\t{shares[-1]:.3f}\t{challenges}")
        if gap < LEAST_GAP:
            yield f"{world} seed {seed}: the gap {gap:.4f} is below {LEAST_GAP}"
    print(f"all\tshare won back {won / gaps:.3f}, least of a seed {min(shares):.3f}")
    if not won / gaps >= LEAST_SHARE:
        yield f"{world}: share won back {won / gaps:.3f} is below {LEAST_SHARE}"
    if not min(shares) >= LEAST_SHARE_OF_SEED:
        yield f"{world}: a seed won back {min(shares):.3f}, below {LEAST_SHARE_OF_SEED}"


def _check_steady(cells: list[Cell]) -> Iterable[str]:
    for policy in ("default", "always"):
        own = [c for c in cells if c.policy == policy]
        losses = [loss for c in own for loss in c.losses]
        challenges = sum(c.challenges for c in own)
        worst = max(losses, default=0.0)
        print(
            f"steady {policy}: {challenges} challenges, {len(losses)} promotions, largest loss of truth AUC {worst:.4f}"
        )
        if worst > MOST_LOST:
            yield f"steady {policy}: a promotion lost {worst:.4f} truth AUC, more than {MOST_LOST}"
        if policy == "always" and challenges < LEAST_CHALLENGES:
            yield f"steady always: only {challenges} challenges, fewer than {LEAST_CHALLENGES}"


def _check_equal_models() -> Iterable[str]:
    """Two models that know the same truth with equally large, independent errors: each is promoted only by chance."""
    rng = np.random.default_rng(20)
    promoted = 0
    for _ in range(COMPARISONS):
        truth = rng.normal(size=1_000)
        label = (rng.random(1_000) < 1 / (1 + np.exp(-truth))).astype(np.int8)
        first, second = (truth + rng.normal(size=1_000) for _ in range(2))
        promoted += compare_auc(label, first, second).p_value < PairedTest().alpha
    share = promoted / COMPARISONS
    print(f"equal models: {promoted} of {COMPARISONS} comparisons promote ({share:.1%})")
    if share > MOST_WRONG:
        yield f"equal models: {share:.1%} promoted, more than {MOST_WRONG:.1%}"
