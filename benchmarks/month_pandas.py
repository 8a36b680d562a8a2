"""The peer of a month: features, predictions, metrics and drift with pandas and scikit-learn, nothing stored."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from benchmarks.features_pandas import customer_features
from benchmarks.rounds import Said
from churnobs import DefaultTrainer, Month, TrainingSet, Vader

HORIZON: Final = pd.Timedelta(days=30)
KEPT_AS_OFS: Final = 12
_BINS: Final = 10


@dataclass
class Program:
    """What the program holds in memory from month to month."""

    train: bool
    sales: pd.DataFrame = field(default_factory=pd.DataFrame)
    feedback: pd.DataFrame = field(default_factory=pd.DataFrame)
    customers: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores: dict[str, float] = field(default_factory=dict)
    features: dict[pd.Timestamp, pd.DataFrame] = field(default_factory=dict)
    probabilities: dict[pd.Timestamp, np.ndarray] = field(default_factory=dict)
    labelled: dict[pd.Timestamp, np.ndarray] = field(default_factory=dict)
    baseline: pd.DataFrame | None = None
    model: Any = None


def run_months(folder: Path, *, train: bool) -> list[Said]:
    """Live all months of a folder; training every month from the second model on, or once."""
    program, lived = Program(train), []
    for month in _months(folder):
        served = program.model is not None
        started, worked = time.perf_counter(), time.process_time()
        trained = _live(program, folder, month)
        seconds = time.perf_counter() - started
        cpu = time.process_time() - worked
        lived.append(
            {
                "seconds": seconds,
                "cpu_seconds": cpu,
                "in_steps": seconds,
                "served": program.model is not None,
                "trained": trained and served,
            }
        )
    return lived


def _months(folder: Path) -> Iterator[Month]:
    found = {tuple(map(int, path.stem.split("_")[-2:])) for path in folder.glob("*sales_*.csv")}
    return (Month(year, number) for year, number in sorted(found))


def _live(program: Program, folder: Path, month: Month) -> bool:
    """Ingest, score comments, features, labels, metrics, drift, perhaps train, predict; whether a model was fitted."""
    _read(program, folder, month)
    moment = pd.Timestamp(month.end)
    features = _features(program, month.end)
    program.features[moment] = features
    fresh = [t for t in program.features if t not in program.labelled and t + HORIZON <= moment]
    for as_of in fresh:
        program.labelled[as_of] = _labels(program, as_of)
        if as_of in program.probabilities:
            _metrics(program.labelled[as_of], program.probabilities[as_of])
    if program.baseline is not None:
        _drift(program.baseline, features)
    trained = bool(fresh) and (program.model is None or program.train)
    if trained:
        training = _training(program)
        program.model = DefaultTrainer().fit(training, seed=0)
        if program.baseline is None:
            program.baseline = training.features
    if program.model is not None:
        program.probabilities[moment] = program.model.predict_proba(_inputs(features))[:, 1]
    return trained


def _read(program: Program, folder: Path, month: Month) -> None:
    year, number = month.year, month.number
    own = [
        path
        for path in folder.glob("*.csv")
        if path.stem.endswith(f"_{year}_{number}") or (path.stem == "customers" and program.customers.empty)
    ]
    # the customers who arrive with a drift come in a file without a date
    if any(path.name.startswith("new_sales") for path in own) and (folder / "new_customers.csv").exists():
        own.append(folder / "new_customers.csv")
    for path in own:
        kind = path.stem.removeprefix("new_").split("_")[0]
        dates = {"sales": "TRANSACTION_DATE", "feedback": "CHAT_DATE", "customers": "SIGNUP_DATE"}[kind]
        rows = pd.read_csv(path, parse_dates=[dates])
        if kind == "feedback":
            rows["SENTIMENT"] = _sentiments(program, rows["COMMENT"])
        merged = pd.concat([getattr(program, kind), rows], ignore_index=True)
        setattr(program, kind, merged.drop_duplicates("CUSTOMER_ID") if kind == "customers" else merged)


def _sentiments(program: Program, comments: pd.Series) -> pd.Series:
    new = [text for text in comments.dropna().unique() if text not in program.scores]
    program.scores.update(zip(new, Vader().score(new), strict=True))
    return comments.map(program.scores)


def _features(program: Program, as_of: dt.date) -> pd.DataFrame:
    return customer_features(program.sales, program.feedback, program.customers, as_of, by="CUSTOMER_ID")


def _inputs(features: pd.DataFrame) -> pd.DataFrame:
    inputs = features.drop(columns=["CUSTOMER_ID", "TIMESTAMP", "LAST_PURCHASE_DATE"])
    return inputs.astype(dict.fromkeys(inputs.select_dtypes("number").columns, "float64"))


def _labels(program: Program, as_of: pd.Timestamp) -> np.ndarray:
    dates = program.sales["TRANSACTION_DATE"]
    bought = program.sales[(dates >= as_of) & (dates < as_of + HORIZON)]["CUSTOMER_ID"].unique()
    return (~program.features[as_of]["CUSTOMER_ID"].isin(bought)).to_numpy(dtype=np.int8)


def _training(program: Program) -> TrainingSet:
    as_ofs = sorted(program.labelled)[-KEPT_AS_OFS:]
    rows = pd.concat([_inputs(program.features[t]) for t in as_ofs], ignore_index=True)
    labels = np.concatenate([program.labelled[t] for t in as_ofs])
    dates = np.concatenate([np.full(len(program.labelled[t]), t.to_datetime64()) for t in as_ofs])
    return TrainingSet(rows, labels, dates.astype("datetime64[D]"))


def _metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    classes = probabilities >= 0.5
    return {
        "ROC_AUC": roc_auc_score(labels, probabilities),
        "F1_SCORE": f1_score(labels, classes),
        "PRECISION": precision_score(labels, classes, zero_division=0.0),
        "RECALL": recall_score(labels, classes),
        "CLASSIFICATION_ACCURACY": accuracy_score(labels, classes),
    }


def _drift(baseline: pd.DataFrame, features: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Jensen-Shannon distance and population stability index of each column, in deciles or by category."""
    found = {}
    for name in baseline.columns:
        before, now = baseline[name].dropna(), features[name].dropna()
        if before.dtype == object:
            names = pd.Index(before.unique()).union(pd.Index(now.unique()))
            p, q = (side.value_counts().reindex(names, fill_value=0).to_numpy() for side in (before, now))
        else:
            edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
            p, q = (np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) for side in (before, now))
        p, q = (np.maximum(side / max(side.sum(), 1), 1e-6) for side in (p, q))
        middle = (p + q) / 2
        divergence = 0.5 * float((p * np.log(p / middle) + q * np.log(q / middle)).sum())
        found[name] = (float(np.sqrt(max(divergence, 0.0))), float(((p - q) * np.log(p / q)).sum()))
    return found
