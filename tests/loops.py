"""Small worlds to run the loop over, a cheap recipe, and two databases compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from churnobs import Always, LifecycleConfig, Month, MonthReport, Trial, Workspace
from churnobs.lifecycle.steps import Step, StepKind
from simulations import WORLDS, Drift, simulate

# differ between two runs of the same, and may
WALL_CLOCK = {"JOURNAL": "SECONDS, STATEMENTS"}


def recipe() -> LogisticRegression:
    """What is fitted in a few milliseconds."""
    return LogisticRegression(C=0.3, max_iter=300)


def write_world(folder: Path, *, customers: int = 400, months: int = 9, drift: int = 5, seed: int = 3) -> Path:
    """The month files of a world whose behaviour comes to mean something else in month ``drift``; January 2024 first."""
    world = replace(WORLDS["sudden"], drifts=(Drift("relation", month=drift),))
    simulate(world, customers=customers, months=months, seed=seed).write(folder)
    return folder


def write_shop(folder: Path, first: Month, months: int, *, customers: int = 80, seed: int = 0, day: int = 99) -> Path:
    """Sales files of any months: every customer buys by a rate of their own; none after ``day`` of the last month."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    month, number = first, 0
    for left in reversed(range(months)):
        lines = ["TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT"]
        length = (month.end - month.start).days
        for customer in range(customers):
            for at in np.sort(rng.integers(0, length, rng.poisson(0.3 + 2.0 * customer / customers))):
                number += 1
                if left or at < day:
                    date = month.start + dt.timedelta(days=int(at))
                    lines.append(f"T{number},C{customer:04d},{date},false,1,card,{rng.integers(100, 9999) / 100}")
        (folder / f"sales_{month.year}_{month.number}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        month = month.next()
    return folder


@dataclass(frozen=True)
class Script:
    """A promotion rule that knows beforehand who wins, by the as-of that became final."""

    winners: Mapping[dt.date, Any]

    def choose(self, trial: Trial) -> tuple[Any, str]:
        return self.winners.get(trial.as_ofs[-1], "DEFAULT"), "so it is written"


# the first model serves after March; April to September try challengers
WINNERS = Script(
    {dt.date(2024, 4, 1): "CHALLENGER", dt.date(2024, 6, 1): "BASE", dt.date(2024, 7, 1): "CHALLENGER",
     dt.date(2024, 8, 1): "BASE"}
)  # fmt: skip
ACTIONS = ("wait", "wait", "first_model", "promote", "tie", "rollback", "promote", "rollback", "tie")


def scripted(**changes: Any) -> LifecycleConfig:
    """A loop that promotes, ties and rolls back on cue, and keeps every version."""
    config = LifecycleConfig(trainer=recipe(), policy=Always(), promotion=WINNERS, keep_versions=99)
    return config.replaced(**changes)


def tables(workspace: Workspace) -> dict[str, list[str]]:
    """Everything a database holds, but for the wall clock: table -> its rows as text, sorted."""
    names = workspace.sql(
        "SELECT table_name AS NAME FROM information_schema.tables WHERE table_schema = 'main' AND table_type = 'BASE TABLE'"
    ).collect()
    found = {}
    for name in sorted(row["NAME"] for row in names):
        without = f" EXCLUDE ({WALL_CLOCK[name]})" if name in WALL_CLOCK else ""
        rows = workspace.sql(f'SELECT *{without} FROM "{name}"').to_arrow().to_pylist()
        found[name] = sorted(map(repr, rows))
    return found


def different(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """The names of the tables in which two databases differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def stops_at(kind: StepKind, month: str) -> Callable[[Step], None]:
    """A progress callback that dies before one step of one month."""

    def progress(step: Step) -> None:
        if step.kind is kind and str(step.month) == month:
            raise Interrupted(f"before {step.name} of {month}")

    return progress


class Interrupted(BaseException):
    """Like Ctrl-C: no handler for exceptions stops it."""


@dataclass(frozen=True)
class Year:
    """One scripted run, with what the database held after each month and what the trainer was given."""

    workspace: Workspace
    loop: Any
    reports: list[MonthReport]
    predictions: list[list[dict[str, Any]]]
    fitted: list[tuple[str, Any]]


class Watched:
    """A trainer that remembers what it was given and in which month."""

    def __init__(self) -> None:
        from churnobs.training import as_trainer

        self.inner = as_trainer(recipe())
        self.month = ""
        self.given: list[tuple[str, Any]] = []

    def fit(self, training: Any, *, seed: int) -> Any:
        self.given.append((self.month, training))
        return self.inner.fit(training, seed=seed)

    def describe(self) -> str:
        return self.inner.describe()
