"""Training in the place that the settings name; that it is possible is looked at before a month begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.errors import BadConfig, NotSupported
from churnobs.fitting import Learnt, Lesson
from churnobs.places import LOCAL, InJob
from churnobs.training import DefaultTrainer, Trainer, as_trainer

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.expressions.render import Rendered
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.ports import WorkshopPort

_SAMPLE_ROWS: Final = 100


def trainer_of(loop: Lifecycle) -> Trainer:
    """The recipe that the settings name."""
    return as_trainer(DefaultTrainer() if loop.config.trainer is None else loop.config.trainer)


def check_place(loop: Lifecycle) -> None:
    """See that training can run where it is to run.

    Raises:
        NotSupported: the database has no such place.
        BadConfig: the trainer needs another place, or something of this one is missing.
    """
    place, trainer = loop.config.train_in, trainer_of(loop)
    if getattr(trainer, "needs_job", False) and not isinstance(place, InJob):
        raise BadConfig(
            f"{type(trainer).__name__} trains on the machines of a job",
            hint="set train_in=InJob(compute_pool=...), or choose another trainer",
        )
    if place != LOCAL:
        _workshop(loop).check(place)


def teach(loop: Lifecycle, rows: Rendered, features: tuple[str, ...]) -> tuple[Learnt, pd.DataFrame]:
    """Fit the recipe on the rows of a query; gives also a few of them, which tell the types of the columns."""
    engine, place = loop.backend.engine, loop.config.train_in
    lesson = Lesson(engine.text(rows), features, trainer_of(loop), loop.config.seed)
    if place == LOCAL:
        found = engine.read(rows)
        with engine.resting():
            few, training = found.slice(0, _SAMPLE_ROWS).to_pandas()[list(features)], lesson.training_set(found)
            # the rows as they came would only take memory while the model is fitted
            del found
            return Learnt(lesson.taught(training), len(training.labels)), few
    learnt = _workshop(loop).fit(place, lesson)
    few = engine.read(f"{lesson.query}\nLIMIT {_SAMPLE_ROWS}")
    return learnt, few.to_pandas()[list(features)]


def _workshop(loop: Lifecycle) -> WorkshopPort:
    place = loop.config.train_in
    found = loop.backend.workshops.get(type(place))
    if found is None:
        raise NotSupported(
            f"this database cannot train in {place}",
            hint='set train_in="local" here; procedures and jobs are for a workspace in Snowflake',
        )
    return found
