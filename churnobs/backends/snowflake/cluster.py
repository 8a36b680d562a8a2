"""What Snowflake's container runtime does for a job: trials side by side, and XGBoost on many workers.

NEVER RUN, AND NOT CHECKED AGAINST SIGNATURES: ``snowflake.ml.modeling.tune`` and ``snowflake.ml.modeling.distributors`` are
in the container's image only, in no package that could be installed here. Their calls follow Snowflake's documentation;
what is not theirs (candidates, the choice, the classifier made of a booster) is tested with stand-ins for them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churnobs.distributed import DistributedSearch, DistributedXGBoost
from churnobs.errors import BackendFailed
from churnobs.searching import _made
from churnobs.training import _BOOSTED, _LOGISTIC, _probability, _Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from snowflake.snowpark import Session

    from churnobs.fitting import Lesson

_LABEL: Final = "LABEL"
_METRIC: Final = "LOG_LOSS"


def learn(session: Session, lesson: Lesson, rows: pa.Table) -> Any:
    """The model of a recipe for many machines."""
    table, trainer = _Table.of(lesson.training_set(rows)), lesson.trainer
    older, newest = table.out_of_time()
    if isinstance(trainer, DistributedXGBoost):
        return _boost(session, trainer, table, older, newest, lesson.seed)
    if not isinstance(trainer, DistributedSearch):
        raise BackendFailed(f"{type(trainer).__name__} is no recipe for a job", hint="this is a defect: report it")
    if older is None:
        return table.straight(lesson.seed)
    best = _search(session, trainer, table, older, newest, lesson.seed)
    scores = table.ahead(_made(best, lesson.seed), older, newest)
    return table.serve(_made(best, lesson.seed).fit(table.matrix, table.labels), table.labels[newest], scores)


def candidates(trials: int, seed: int) -> list[dict[str, Any]]:
    """What is tried: both families as they are by default, then draws, the same for the same seed.

    >>> candidates(2, 0) == [{"family": "logistic", "C": 1.0}, {"family": "boosted", **_BOOSTED}]
    True
    """
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))

    drawn: list[dict[str, Any]] = [{"family": "logistic", "C": _LOGISTIC["C"]}, {"family": "boosted", **_BOOSTED}]
    while len(drawn) < trials:
        if rng.random() < 0.2:
            drawn.append({"family": "logistic", "C": between(1e-3, 10.0)})
            continue
        drawn.append(
            {
                "family": "boosted",
                "n_estimators": round(between(30, 400)),
                "learning_rate": between(0.02, 0.3),
                "max_depth": int(rng.integers(2, 7)),
                "min_child_weight": between(1.0, 100.0),
                "subsample": float(rng.uniform(0.5, 1.0)),
                "colsample_bytree": float(rng.uniform(0.3, 1.0)),
                "reg_lambda": between(0.1, 100.0),
            }
        )
    return drawn[:trials]


def _search(
    session: Session, trainer: DistributedSearch, table: Any, older: Any, newest: Any, seed: int
) -> dict[str, Any]:
    """The candidate with the least log loss, of equals the first.

    The tuner is given the numbers of the candidates as a grid: what is drawn does not depend on its samplers.
    """
    from snowflake.ml.data.data_connector import DataConnector
    from snowflake.ml.modeling import tune
    from snowflake.ml.modeling.tune.search import GridSearch

    drawn = candidates(trainer.trials, seed)

    def attempt() -> None:
        from sklearn.metrics import log_loss

        context = tune.get_tuner_context()
        number, data = int(context.get_hyper_params()["trial"]), context.get_dataset_map()
        (x, y), (ahead, truth) = (_split(data[name].to_pandas()) for name in ("older", "newest"))
        model = _made(drawn[number], seed).fit(x, y)
        context.report(metrics={_METRIC: float(log_loss(truth, _probability(model, ahead), labels=[0, 1]))})

    many = {} if trainer.concurrent is None else {"max_concurrent_trials": trainer.concurrent}
    config = tune.TunerConfig(metric=_METRIC, mode="min", search_alg=GridSearch(), num_trials=len(drawn), **many)
    data = {
        name: DataConnector.from_dataframe(session.create_dataframe(_frame(table, mask)))
        for name, mask in (("older", older), ("newest", newest))
    }
    found = tune.Tuner(attempt, {"trial": list(range(len(drawn)))}, config).run(dataset_map=data).results
    tried = sorted(zip(found[_METRIC].astype(float), found["config/trial"].astype(int), strict=True))
    if not tried:
        raise BackendFailed("no trial of the search came to an end", hint="look at the job's logs in Snowsight")
    best: dict[str, Any] = drawn[tried[0][1]]
    return best


def _boost(session: Session, trainer: DistributedXGBoost, table: Any, older: Any, newest: Any, seed: int) -> Any:
    """XGBoost fitted by all workers: once on the older as-ofs for the threshold, and on everything."""
    everything = np.ones(len(table.labels), dtype=bool)
    model = _fitted(session, trainer, table, everything, seed)
    if older is None:
        return table.serve(model, table.labels, _probability(model, table.matrix))
    ahead = _fitted(session, trainer, table, older, seed)
    return table.serve(model, table.labels[newest], _probability(ahead, table.matrix[newest]))


def _fitted(session: Session, trainer: DistributedXGBoost, table: Any, mask: Any, seed: int) -> Any:
    from snowflake.ml.data.data_connector import DataConnector
    from snowflake.ml.modeling.distributors.xgboost import XGBEstimator, XGBScalingConfig

    frame = _frame(table, mask)
    estimator = XGBEstimator(
        n_estimators=trainer.n_estimators,
        objective="binary:logistic",
        params={**trainer.params, "seed": seed},
        scaling_config=XGBScalingConfig(
            num_workers=trainer.workers, num_cpu_per_worker=trainer.cpus_per_worker, use_gpu=False
        ),
    )
    connector = DataConnector.from_dataframe(session.create_dataframe(frame))
    names = [name for name in frame.columns if name != _LABEL]
    return classifier(estimator.fit(connector, input_cols=names, label_col=_LABEL), trainer, seed)


def classifier(booster: Any, trainer: DistributedXGBoost, seed: int) -> Any:
    """A scikit-learn classifier of what the workers' booster learnt."""
    from xgboost import XGBClassifier

    # the matrix that is scored has no names
    booster.feature_names = None
    booster.feature_types = None
    made = XGBClassifier(n_estimators=trainer.n_estimators, **trainer.params, n_jobs=1, random_state=seed)
    made.load_model(bytearray(booster.save_raw("ubj")))
    return made


def _frame(table: Any, mask: Any) -> pd.DataFrame:
    import pandas as pd

    matrix = table.matrix[mask]
    frame = pd.DataFrame(matrix, columns=[f"F{number}" for number in range(matrix.shape[1])])
    return frame.assign(**{_LABEL: table.labels[mask]})


def _split(frame: pd.DataFrame) -> tuple[Any, Any]:
    names = sorted((name for name in frame.columns if name != _LABEL), key=lambda name: int(str(name).strip('"')[1:]))
    return frame[names].to_numpy(dtype=np.float64), frame[_LABEL].to_numpy(dtype=np.int64)
