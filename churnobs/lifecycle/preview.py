"""What the next month would do and send: from the settings, the calendar and the catalog, and nothing is done.

What depends on the month's own numbers (whether a challenger is trained, who wins) is said in words.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churnobs.display import Shown
from churnobs.expressions.datasets import KEY_TYPES, rows_at
from churnobs.expressions.features import customer_features, customer_state, recent_feedback
from churnobs.expressions.labels import LabelWindow, labels
from churnobs.expressions.render import Query, Rendered
from churnobs.lifecycle.effects import as_of_of
from churnobs.lifecycle.meetings import measuring
from churnobs.lifecycle.steps import Step, StepKind

if TYPE_CHECKING:
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.ports import Readable


@dataclass(frozen=True, slots=True)
class PlannedStep(Shown):
    """One step to come: what it does in words, and the statements that are known before it runs."""

    step: str
    does: str
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview(Shown):
    """A month to come; ``str`` gives the whole text."""

    month: str
    as_of: dt.date | None
    steps: tuple[PlannedStep, ...]

    def __str__(self) -> str:
        if not self.steps:
            return "no month is waiting"
        lines = [f"{self.month}, as of {self.as_of}: {len(self.steps)} steps" if self.as_of else self.month]
        for planned in self.steps:
            lines += ["", f"-- {planned.step}: {planned.does}", *(f"{text};" for text in planned.statements)]
        return "\n".join(lines)


def preview(loop: Lifecycle) -> Preview:
    """The next month waiting, step by step; without steps where none is."""
    whole = loop.history_files()
    if whole:
        does = f"load {', '.join(whole)}, which cover many months; what comes then depends on them"
        return Preview("history", None, (PlannedStep("INGEST", does),))
    waiting = loop.waiting()
    if not waiting:
        return Preview("", None, ())
    steps = loop.plan(waiting[0])
    return Preview(str(waiting[0]), steps[0].as_of, tuple(_planned(loop, step) for step in steps))


def _planned(loop: Lifecycle, step: Step) -> PlannedStep:
    does = _DOES[step.kind]
    statements: tuple[str, ...] = ()
    config, rule = loop.config, loop.config.label_rule
    newly = [t for t in (*loop.as_ofs(), step.as_of) if rule.is_final(t, step.as_of) and t not in loop.final_as_ofs()]
    match step.kind:
        case StepKind.INGEST:
            files = loop.files_of(step.month)
            does = f"load {', '.join(files)}" if files else "nothing: the files are loaded"
        case StepKind.FEATURES:
            at = as_of_of(loop, step.as_of, loop.state_through())
            statements = (
                _insert(loop, "FEATURES", Query(customer_features, (at,))),
                _insert(loop, "CUSTOMER_STATE", Query(customer_state, (at,))),
                _insert(loop, "RECENT_FEEDBACK", Query(recent_feedback, (at,))),
            )
            if config.feature_views:
                does += f", joined with {', '.join('/'.join(view) for view in config.feature_views)}"
        case StepKind.LABELS:
            windows = [LabelWindow.of(t, step.as_of, rule) for t in newly]
            statements = tuple(_insert(loop, "LABELS", Query(labels, (window,))) for window in windows)
            does = f"labels of {_listed(newly)} become final" if newly else "no label becomes final"
        case StepKind.DATASET:
            does = f"a dataset version each for {_listed(newly)}" if newly else "nothing"
        case StepKind.MEASURE:
            judged = tuple(t for t in newly if t in loop.predicted_as_ofs())
            if judged:
                statements = tuple(loop.backend.engine.text(q) for q in measuring(judged, config.horizon_days))
            else:
                does = "nothing: no stored prediction has final labels"
        case StepKind.DECIDE:
            does = _decision(loop, newly)
        case StepKind.PREDICT:
            statements = _predictions(loop, step)
        case _:
            pass
    return PlannedStep(step.name, does, statements)


_DOES = {
    StepKind.INGEST: "load the month's files",
    StepKind.SENTIMENT: "score new feedback",
    StepKind.FEATURES: "features of every active customer",
    StepKind.LABELS: "",
    StepKind.DATASET: "",
    StepKind.MEASURE: "how the stored predictions did",
    StepKind.DRIFT: "count the features, compare them with the baseline and judge",
    StepKind.DECIDE: "",
    StepKind.TRAIN: "a first model or a challenger, if the decision says so",
    StepKind.PROMOTE: "the winner, refitted, if there was a trial",
    StepKind.PREDICT: "store the predictions of base, default and challenger",
    StepKind.MONITOR: "monitors of versions that are new in a role; count what they watch",
    StepKind.ESTIMATE: "estimate the default where labels are open, grade what became final",
    StepKind.ALERT: "look at every started alert once",
    StepKind.PRUNE: "drop datasets and versions that nothing needs",
    StepKind.REPORT: "write the month's report",
}


def _decision(loop: Lifecycle, newly: list[dt.date]) -> str:
    if not newly:
        return "wait: no label becomes final"
    if loop.default() is None:
        return "train the first model, if both classes are among the labels"
    return f"{type(loop.config.policy).__name__} keeps the default or asks for a challenger"


def _predictions(loop: Lifecycle, step: Step) -> tuple[str, ...]:
    default, base = loop.default(), loop.base()
    if default is None or base is None:
        return ()
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    roles = {"BASE": base, "DEFAULT": default}
    rows = Query(rows_at, ("FEATURES", columns, step.as_of))
    scored = loop.workspace.registry.score_text(rows, list(KEY_TYPES), roles)
    return () if scored is None else (_insert(loop, "PREDICTIONS", scored),)


def _insert(loop: Lifecycle, table: str, query: Readable | Rendered) -> str:
    return f"INSERT INTO {table}\n{loop.backend.engine.text(query)}"


def _listed(as_ofs: list[dt.date]) -> str:
    return ", ".join(map(str, as_ofs))
