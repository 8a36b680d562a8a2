"""What all policies share in one world and seed: features, final labels, drift, truth, and every model fitted once.

The month files go through churnobs' own loop once, with a policy that never retrains; what it made of them does not depend
on the policy. Two policies that train on the same rows share the model.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from churnobs import (
    BadConfig,
    DefaultTrainer,
    LifecycleConfig,
    Never,
    Trainer,
    TrainingSet,
    connect,
    fit_half,
)
from simulations.lab.settings import LabSettings
from simulations.runs import month_files
from simulations.simulation import Simulation

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# which rows: of an as-of all, the half to fit on, the half to judge by, or all with labels that are not final
Part = tuple[dt.date, str | None]
UNRIPE = "UNRIPE"
_NO_FEATURES = ("CUSTOMER_KEY", "CUSTOMER_ID", "TIMESTAMP", "LAST_PURCHASE_DATE")


@dataclass(frozen=True, eq=False)
class Moment:
    """An as-of: its customers by key, what was known of them, and what is true of them.

    Attributes:
        month: The month's number, from 1; its name is ``label``.
        keys: CUSTOMER_KEY of the active customers, rising; everything else is in this order.
        newly_final: The as-ofs whose labels became final in the month.
        labels: 1 churned, 0 stayed; None where they never became final.
        truth: The true churn probabilities.
        drift, alarms: What the loop measured in the month.
    """

    month: int
    label: str
    as_of: dt.date
    newly_final: tuple[dt.date, ...]
    keys: npt.NDArray[np.int64]
    features: pd.DataFrame
    labels: npt.NDArray[np.int8] | None
    truth: Floats
    fit_half: Flags
    drift: Mapping[str, Mapping[str, float | None]]
    alarms: tuple[tuple[str, str], ...]

    @property
    def recency(self) -> Floats:
        """Days since the last purchase, the recency rule's score."""
        return self.features["DAYS_SINCE_LAST_PURCHASE"].to_numpy(np.float64)

    def chosen(self, half: str | None) -> Flags:
        """The rows of a half."""
        if half in (None, UNRIPE):
            return np.ones(len(self.keys), dtype=np.bool_)
        return self.fit_half if half == "FIT" else ~self.fit_half


@dataclass(frozen=True, eq=False)
class Scored:
    """What a model says of the customers of an as-of: P(churned) and the class, 0 or 1."""

    probability: Floats
    said: npt.NDArray[np.int64]


@dataclass(eq=False)
class Fitted:
    """A model, what it was fitted on, how long that took, and what it said so far."""

    model: Any
    rows: int
    seconds: float
    _said: dict[dt.date, Scored] = field(default_factory=dict)

    def at(self, moment: Moment) -> Scored:
        """Its scores at an as-of."""
        if moment.as_of not in self._said:
            model, features = self.model, moment.features
            if hasattr(model, "steps") and len(model) > 1:
                # a pipeline prepares the rows once for both answers
                model, features = model[-1], model[:-1].transform(features)
            probability = model.predict_proba(features)[:, list(model.classes_).index(1)].astype(np.float64)
            self._said[moment.as_of] = Scored(probability, np.asarray(model.predict(features), dtype=np.int64))
        return self._said[moment.as_of]


class Story:
    """One world and seed, as far as no policy matters; see ``tell``."""

    def __init__(self, moments: list[Moment], comments: int, seed: int, trainer: Trainer) -> None:
        self.moments = moments
        self.comments = comments
        self.seed = seed
        self.by_as_of = {moment.as_of: moment for moment in moments}
        self._trainer = trainer
        self._fitted: dict[tuple[Part, ...], Fitted | None] = {}

    @classmethod
    def tell(cls, simulation: Simulation, seed: int, settings: LabSettings, trainer: Trainer | None = None) -> Story:
        """Run the loop over a simulation's files once and keep what every policy would have seen."""
        drift = replace(LifecycleConfig().drift, draws=settings.drift_draws)
        # the model that serves here serves nobody: a cheap one
        cheap = LogisticRegression(max_iter=200)
        config = LifecycleConfig(seed=seed, policy=Never(), trainer=cheap, drift=drift, segment_columns=())
        with month_files(simulation) as files, connect(threads=1) as workspace:
            loop = workspace.lifecycle(config, source=files)
            loop.run()
            reports = loop.history()
            features = workspace.sql("SELECT * FROM FEATURES ORDER BY TIMESTAMP, CUSTOMER_KEY").to_pandas()
            labels = workspace.sql("SELECT TIMESTAMP, CUSTOMER_KEY, CHURNED FROM LABELS WHERE IS_FINAL").to_pandas()
        final = {
            pd.Timestamp(str(at)): own.set_index("CUSTOMER_KEY")["CHURNED"] for at, own in labels.groupby("TIMESTAMP")
        }
        names = [name for name in features.columns if name not in _NO_FEATURES]
        moments = []
        for number, report in enumerate(reports, start=1):
            at = pd.Timestamp(report.as_of)
            rows = features[features["TIMESTAMP"] == at].reset_index(drop=True)
            keys = rows["CUSTOMER_KEY"].to_numpy(np.int64)
            truth = simulation.truth(number).set_index("CUSTOMER_ID")["TRUE_CHURN_PROBABILITY"]
            churned = None if at not in final else final[at].reindex(rows["CUSTOMER_KEY"])
            moments.append(
                Moment(
                    number,
                    report.month,
                    report.as_of,
                    report.newly_final,
                    keys,
                    rows[names],
                    None if churned is None else churned.to_numpy(np.int8),
                    # whom booking days alone keep active has been silent for too long to come back
                    truth.reindex(rows["CUSTOMER_ID"]).fillna(1.0).to_numpy(np.float64),
                    fit_half(keys, seed=seed, as_of=report.as_of),
                    report.drift,
                    report.alarms,
                )
            )
        comments = sum(simulation.feedback(m).num_rows for m in range(1, len(simulation.months) + 1))
        return cls(moments, comments, seed, trainer or DefaultTrainer())

    def fit(self, parts: tuple[Part, ...]) -> Fitted | None:
        """The recipe fitted on parts, oldest first; None where they teach nothing. The same parts share one model."""
        if parts not in self._fitted:
            self._fitted[parts] = self._taught(parts)
        return self._fitted[parts]

    def _taught(self, parts: tuple[Part, ...]) -> Fitted | None:
        frames, labels, as_ofs = [], [], []
        for as_of, half in parts:
            moment = self.by_as_of[as_of]
            chosen = moment.chosen(half)
            frames.append(moment.features[chosen])
            labels.append(unripe_labels(moment) if half == UNRIPE else final_labels(moment)[chosen])
            as_ofs.append(np.full(int(chosen.sum()), np.datetime64(as_of, "D")))
        rows = pd.concat(frames, ignore_index=True)
        started = time.perf_counter()
        try:
            training = TrainingSet(rows, np.concatenate(labels), np.concatenate(as_ofs))
            model = self._trainer.fit(training, seed=self.seed)
        except BadConfig:
            return None
        return Fitted(model, len(rows), time.perf_counter() - started)


def final_labels(moment: Moment) -> npt.NDArray[np.int8]:
    """The final labels of an as-of.

    Raises:
        BadConfig: they never became final.
    """
    if moment.labels is None:
        raise BadConfig(f"the labels of {moment.as_of} are not final", hint="no rule may look at them yet")
    return moment.labels


def unripe_labels(moment: Moment) -> npt.NDArray[np.int8]:
    """What the newest month looks like when its labels are taken before their time: churned, but for the last day's buyers.

    The newest sales are of the as-of's last day; whoever did not buy on it has not bought since, as far as the data go.
    """
    return (moment.recency > 1.0).astype(np.int8)
