"""What a policy that looks ahead is told: estimates before labels are final, graded when they are, as the loop makes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from churnobs import Calibration, Estimate, Grade, Levels, Measurement, estimate, grade, trust
from simulations.lab.story import Fitted, Moment, final_labels

_REFERENCES = 3
Expected = tuple[float | None, float | None, float | None]


class Foresight:
    """Estimates of one policy's default models, by every score (the loop keeps those of large days in cells)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._estimates: dict[dt.date, Mapping[str, Estimate]] = {}
        # as-ofs with final labels at which a version served
        self._final: dict[str, list[tuple[Moment, Fitted]]] = {}
        self._served: dict[dt.date, tuple[str, Fitted]] = {}
        self._grades: list[Grade] = []
        self._trials: dict[str, Calibration] = {}
        self._trial: Calibration | None = None
        self._made: dict[tuple[str, dt.date, int], Mapping[str, Estimate]] = {}

    def of(self, moment: Moment, name: str, model: Fitted) -> tuple[dict[str, Expected], bool]:
        """What a version is expected to do at an as-of, by metric as (value, low, high), and whether that is trusted."""
        found = self._estimate(moment, name, model)
        up = trust([g for g in self._grades if g.estimate.calibrated]).up
        return {metric: (e.value, e.low, e.high) for metric, e in found.items()}, up

    def remember(self, moment: Moment, name: str, model: Fitted) -> None:
        """What serves at an as-of is estimated, to be graded."""
        self._served[moment.as_of] = (name, model)
        self._estimates[moment.as_of] = self._estimate(moment, name, model)

    def learn(self, moment: Moment, measured: Measurement) -> None:
        """The labels of an as-of became final; ``measured`` is of the default."""
        name, model = self._served[moment.as_of]
        self._final.setdefault(name, []).append((moment, model))
        for one in self._estimates[moment.as_of].values():
            self._grades.append(grade(one, measured[one.metric], as_of=moment.as_of))

    def tried(
        self, labels: npt.NDArray[np.int8], scores: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]
    ) -> None:
        """What the challenger's scores meant in the newest trial."""
        self._trial = Calibration.fit(Levels.of(scores, classes, labels))

    def promoted(self, name: str) -> None:
        """The challenger of the newest trial serves under a name."""
        if self._trial is not None:
            self._trials[name] = self._trial

    def _estimate(self, moment: Moment, name: str, model: Fitted) -> Mapping[str, Estimate]:
        key = name, moment.as_of, len(self._final.get(name, []))
        if key not in self._made:
            said = model.at(moment)
            levels = Levels.of(said.probability, said.said, np.full(len(said.said), np.nan))
            self._made[key] = estimate(levels, self._calibration(name), seed=self._seed)
        return self._made[key]

    def _calibration(self, name: str) -> Calibration:
        known = self._final.get(name, [])[-_REFERENCES:]
        if known:
            said = [model.at(moment) for moment, model in known]
            levels = Levels.of(
                np.concatenate([s.probability for s in said]),
                np.concatenate([s.said for s in said]),
                np.concatenate([final_labels(moment) for moment, _ in known]),
            )
            fitted = Calibration.fit(levels)
            if fitted.calibrated:
                return fitted
        return self._trials.get(name, Calibration(calibrated=False, rows=0, base_rate=None))
