"""A month as a row of steps: planned before anything is done, each done exactly once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from churnobs.display import Shown
from churnobs.lifecycle.config import LifecycleConfig
from churnobs.months import Month


class StepKind(StrEnum):
    """What a month does, in this order."""

    INGEST = "INGEST"
    SENTIMENT = "SENTIMENT"
    FEATURES = "FEATURES"
    LABELS = "LABELS"
    DATASET = "DATASET"
    MEASURE = "MEASURE"
    DRIFT = "DRIFT"
    DECIDE = "DECIDE"
    TRAIN = "TRAIN"
    PROMOTE = "PROMOTE"
    PREDICT = "PREDICT"
    MONITOR = "MONITOR"
    ESTIMATE = "ESTIMATE"
    PRUNE = "PRUNE"
    ALERT = "ALERT"
    REPORT = "REPORT"


# steps that are kept together, all or none: a transaction costs more than most of them
TOGETHER: Final = (
    (StepKind.INGEST,),
    # scores that were paid for are not asked for again because of what comes after
    (StepKind.SENTIMENT,),
    (StepKind.FEATURES, StepKind.LABELS),
    (StepKind.DATASET, StepKind.MEASURE, StepKind.DRIFT, StepKind.DECIDE, StepKind.TRAIN, StepKind.PROMOTE),
    (StepKind.PREDICT, StepKind.MONITOR, StepKind.ESTIMATE, StepKind.PRUNE),
    # nor is anything told twice
    (StepKind.ALERT, StepKind.REPORT),
)


@dataclass(frozen=True, slots=True)
class Step(Shown):
    """One step of one month. Its key is a hash of the settings and the files behind it: what is journalled is done."""

    month: Month
    kind: StepKind
    as_of: dt.date
    key: str

    @property
    def name(self) -> str:
        """For people and the journal."""
        return self.kind.value


def plan_month(
    month: Month, as_of: dt.date, content: str, config: LifecycleConfig, done: Collection[tuple[str, str, str]]
) -> tuple[Step, ...]:
    """The steps a month still needs, in order.

    Args:
        month: the month.
        as_of: its T, the first day after what its files cover.
        content: the hash of its files.
        config: the settings; those that fix what the numbers mean are part of each key.
        done: what the journal holds, as (month, step, key).
    """
    steps = (Step(month, kind, as_of, config.key(str(month), kind.value, content)) for kind in StepKind)
    return tuple(step for step in steps if (str(month), step.name, step.key) not in done)


def together(steps: Collection[Step], *, quiet: bool = False) -> tuple[tuple[Step, ...], ...]:
    """The steps of a month in the groups in which they are kept; groups that are done already are left out.

    Args:
        steps: of the month.
        quiet: no alert can tell anybody anything: the last two groups are one.
    """
    named = (*TOGETHER[:-2], (*TOGETHER[-2], *TOGETHER[-1])) if quiet else TOGETHER
    groups = (tuple(step for step in steps if step.kind in kinds) for kinds in named)
    return tuple(group for group in groups if group)
