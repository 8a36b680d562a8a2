"""One policy living through a story: the loop's own rules of measuring, trying and promoting, on rows that are shared.

A test runs churnobs' loop beside it: the same decisions, reasons and served scores, month for month.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from churnobs import (
    Decision,
    History,
    JointCounts,
    Keep,
    Measurement,
    PairedTest,
    PromotionRule,
    Retrain,
    RetrainPolicy,
    Trial,
    compare_auc,
    compare_log_loss,
    roc_auc,
)
from churnobs import Paired as Pair
from simulations.lab.foresight import Expected, Foresight
from simulations.lab.story import UNRIPE, Fitted, Moment, Part, Scored, Story, final_labels

HORIZON_DAYS = 30
Role = Literal["BASE", "DEFAULT", "CHALLENGER"]
_PAIRS: tuple[tuple[Role, Role], ...] = (("CHALLENGER", "DEFAULT"), ("BASE", "DEFAULT"), ("CHALLENGER", "BASE"))


@dataclass(frozen=True, slots=True)
class Contender:
    """What is compared in a lab.

    Attributes:
        name: For people.
        policy: When a challenger is trained.
        promotion: When it takes over.
        unripe: Train challengers on the newest month alone, whose labels are not final, judge them by all customers whose
            labels became final, and let the winner serve as it is. The loop cannot be made to do that; the lab shows what
            it would cost.
    """

    name: str
    policy: RetrainPolicy
    promotion: PromotionRule = field(default_factory=PairedTest)
    unripe: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A model with its name."""

    name: str
    model: Fitted


@dataclass(frozen=True, slots=True)
class Played:
    """A month as a policy lived it.

    Attributes:
        decision: As the loop would have written it.
        served: The model that predicts at the as-of, None before the first.
        before: The one that served until then.
        possible: The recipe refitted on all final labels, what training could have brought; None before the first model,
            and in months that waited.
        fits: The models trained in the month.
    """

    moment: Moment
    decision: Decision
    served: Fitted | None
    before: Fitted | None
    possible: Fitted | None
    fits: tuple[Fitted, ...]


def play(story: Story, contender: Contender, *, keep_datasets: int) -> list[Played]:
    """Let a policy live through a story.

    Args:
        story: What happened.
        contender: Who decides.
        keep_datasets: As-ofs to train on.
    """
    return list(_Life(story, contender, keep_datasets).months())


class _Life:
    def __init__(self, story: Story, contender: Contender, keep_datasets: int) -> None:
        self.story = story
        self.contender = contender
        self.keep = keep_datasets
        self.datasets: list[dt.date] = []
        self.measured: list[Measurement] = []
        self.decisions: list[Decision] = []
        self.stored: dict[dt.date, dict[Role, Version]] = {}
        self.base: Version | None = None
        self.default: Version | None = None
        asks = bool(getattr(contender.policy, "needs_estimates", False))
        self.foresight = Foresight(story.seed) if asks else None

    def months(self) -> Iterator[Played]:
        for moment in self.story.moments:
            self.datasets += moment.newly_final
            self._measure(moment)
            before = self.default
            fits: list[Fitted] = []
            decision, challenger = self._decide(moment, fits)
            self.decisions.append(decision)
            possible = None
            if before is not None and decision.action != "wait":
                possible = self.story.fit(self._everything())
            if self.default is not None and self.base is not None:
                roles: dict[Role, Version] = {"BASE": self.base, "DEFAULT": self.default}
                self.stored[moment.as_of] = roles | ({"CHALLENGER": challenger} if challenger else {})
                if self.foresight is not None:
                    self.foresight.remember(moment, self.default.name, self.default.model)
            del self.datasets[: -self.keep]
            served, former = (None if v is None else v.model for v in (self.default, before))
            yield Played(moment, decision, served, former, possible, tuple(fits))

    def _everything(self) -> tuple[Part, ...]:
        return tuple((as_of, None) for as_of in self.datasets)

    def _measure(self, now: Moment) -> None:
        for as_of in now.newly_final:
            if as_of not in self.stored:
                continue
            moment, roles = self.story.by_as_of[as_of], self.stored[as_of]
            for role in sorted(roles):
                self.measured.append(measurement(moment, role, roles[role].name, roles[role].model.at(moment)))
            if self.foresight is not None:
                self.foresight.learn(moment, self.measured[-1])

    def _decide(self, moment: Moment, fits: list[Fitted]) -> tuple[Decision, Version | None]:
        """The month's decision, and the challenger that was tried."""
        newly = moment.newly_final
        label = moment.label
        if not newly:
            return Decision(label, "wait", "no as-of became final", self._name()), None
        if self.default is None:
            first = self.story.fit(self._everything())
            if first is None:
                return Decision(label, "wait", "nothing to learn from", None), None
            fits.append(first)
            self.base = self.default = Version(f"{label}_BASE", first)
            return Decision(label, "first_model", "the first labels are final", self._name()), None
        answer: Any = self.contender.policy.decide(self._history(moment))
        if isinstance(answer, Keep):
            return Decision(label, "keep", answer.reason, self._name()), None
        assert isinstance(answer, Retrain)
        half = None if self.contender.unripe else "JUDGE"
        if self.contender.unripe:
            parts: tuple[Part, ...] = ((moment.as_of, UNRIPE),)
        else:
            parts = tuple((as_of, "FIT" if as_of in newly else None) for as_of in self.datasets)
        model = self.story.fit(parts)
        if model is None:
            reason = f"{answer.reason}; the rows teach nothing"
            return Decision(label, "tie", reason, self._name(), retrain=True), None
        fits.append(model)
        challenger = Version(f"{label}_CHALLENGER", model)
        trial = self._trial(newly, challenger, half)
        decision = self._promote(moment, answer.reason, trial, challenger, fits)
        return decision, challenger

    def _history(self, moment: Moment) -> History:
        estimates: dict[str, Expected] = {}
        trusted = None
        if self.foresight is not None and self.default is not None:
            estimates, trusted = self.foresight.of(moment, self.default.name, self.default.model)
        return History(
            tuple(self.measured), tuple(self.decisions), moment.drift, moment.label, moment.alarms, estimates, trusted
        )

    def _trial(self, newly: tuple[dt.date, ...], challenger: Version, half: str | None) -> Trial:
        assert self.base is not None
        assert self.default is not None
        roles: dict[Role, Version] = {"BASE": self.base, "DEFAULT": self.default, "CHALLENGER": challenger}
        moments = [self.story.by_as_of[as_of] for as_of in newly]
        chosen = [moment.chosen(half) for moment in moments]
        label = np.concatenate([final_labels(m)[c] for m, c in zip(moments, chosen, strict=True)])
        scores, classes = {}, {}
        for role, version in roles.items():
            said = [version.model.at(moment) for moment in moments]
            scores[role] = np.concatenate([s.probability[c] for s, c in zip(said, chosen, strict=True)])
            classes[role] = np.concatenate([s.said[c] for s, c in zip(said, chosen, strict=True)])
        paired = []
        for first, second in _PAIRS:
            met = compare_auc(label, scores[first], scores[second])
            joint = JointCounts.of(label, classes[first], classes[second])
            paired.append(
                Pair(
                    first, second, met.auc_a, met.auc_b, met.p_value, met.rows,
                    standard_error=met.standard_error, mcnemar_p=joint.mcnemar().p_value, joint=joint.cells,
                )
            )  # fmt: skip
        if self.foresight is not None:
            self.foresight.tried(label, scores["CHALLENGER"], classes["CHALLENGER"])
        auc: dict[str, float] = {role: roc_auc(label, own) for role, own in scores.items()}
        return Trial(newly, len(label), auc, tuple(paired))

    def _promote(self, moment: Moment, asked: str, trial: Trial, challenger: Version, fits: list[Fitted]) -> Decision:
        winner, words = self.contender.promotion.choose(trial)
        reason = f"{asked}; {words}"
        action: Any = "tie"
        if winner == "BASE":
            action, self.default = "rollback", self.base
        elif winner == "CHALLENGER":
            action = "promote"
            refit = None if self.contender.unripe else self.story.fit(self._everything())
            if refit is not None:
                fits.append(refit)
            self.default = challenger if refit is None else Version(f"{moment.label}_REFIT", refit)
            if self.foresight is not None:
                self.foresight.promoted(self.default.name)
        return Decision(moment.label, action, reason, self._name(), retrain=True, trial=trial)

    def _name(self) -> str | None:
        return None if self.default is None else self.default.name


def measurement(moment: Moment, role: Role, version: str, said: Scored) -> Measurement:
    """How stored predictions did on final labels, with the floors and the gate's tests."""
    label = final_labels(moment)
    rate = float(label.mean())
    values: dict[str, float | None] = {"ROC_AUC": _known(roc_auc(label, said.probability))}
    values |= _class_metrics(label, said.said)
    given = np.clip(np.where(label == 1, said.probability, 1 - said.probability), 1e-15, 1 - 1e-15)
    values |= {
        "LOG_LOSS": float(-np.log(given).mean()),
        "BASE_RATE": rate,
        "TRIVIAL_F1": 2 * rate / (1 + rate),
        "NEVER_F1": 0.0,
        "RECENCY_F1": _class_metrics(label, (moment.recency >= HORIZON_DAYS).astype(np.int64))["F1_SCORE"],
        "RECENCY_AUC": _known(roc_auc(label, moment.recency)),
    }
    if role != "CHALLENGER":
        values["P_ABOVE_RECENCY"] = compare_auc(label, said.probability, moment.recency).p_value
        values["P_BELOW_BASE_RATE"] = compare_log_loss(label, said.probability, rate).p_value
    return Measurement(moment.as_of, role, version, len(label), values)


def _class_metrics(label: Any, said: Any) -> dict[str, float | None]:
    tn, fp, fn, tp = (int(n) for n in np.bincount(2 * label.astype(np.int64) + said, minlength=4))
    ratios = {
        "CLASSIFICATION_ACCURACY": (tp + tn, len(label)),
        "PRECISION": (tp, tp + fp),
        "RECALL": (tp, tp + fn),
        "F1_SCORE": (2 * tp, 2 * tp + fp + fn),
    }
    return {name: above / below if below else None for name, (above, below) in ratios.items()}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
