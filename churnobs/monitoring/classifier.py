"""Can a model tell this month's rows from the baseline's? Drift that no single column shows: a classifier two-sample test.

Lopez-Paz & Oquab (2017), with the ROC AUC in place of the accuracy: a classifier learns from one half of the rows of both
sides which side a row is of, and is judged on the other half. If both sides are of one distribution, the labels of the
other half are exchangeable given its scores, so that permuting them gives an exact p-value without fitting again.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown
from churnobs.errors import BadConfig

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

# of each side: what the smaller half needs for the trees to split at all
LEAST_ROWS: Final = 40
# codes of a column's most frequent texts; the rest share the last one (the trees take at most 255)
MOST_TEXTS: Final = 200
SHOWN_FEATURES: Final = 5
_LARGEST: Final = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class DomainDrift(Shown):
    """How well the month can be told from the baseline.

    Args:
        auc: of the classifier on rows it did not see: 0.5 when both sides look the same, 1 when nothing is alike.
        p_value: the chance of an AUC as high when both sides are of one distribution; at least 1 / (1 + permutations).
        rows: judged rows of both sides.
        features: (column, what the AUC loses when the column's values are shuffled among the judged rows), the largest
            first; columns that take nothing away are left out.
    """

    auc: float
    p_value: float
    rows: int
    features: tuple[tuple[str, float], ...]

    def text(self, alpha: float = 0.05) -> str:
        """The test in one sentence; a p-value up to alpha counts as told apart."""
        how = f"AUC {self.auc:.3f}, p = {self.p_value:.2g}, {self.rows} rows"
        if self.p_value > alpha:
            return f"the month cannot be told from the baseline ({how})"
        by = ", ".join(f"{name} ({loss:.3f})" for name, loss in self.features)
        return f"the month can be told from the baseline ({how})" + (f", most by {by}" if by else "")


def domain_classifier(
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    *,
    seed: int = 0,
    permutations: int = 999,
    sample: int = 5_000,
) -> DomainDrift:
    """Test whether two sets of rows are of one distribution, all columns together.

    Rows should be independent. A customer who is in both sets makes the test err to the quiet side: what the classifier
    learns of one copy speaks against the other.

    Args:
        baseline, current: rows with the same columns: numbers, booleans and texts, missing values welcome. Leave out keys
            and dates: they tell the months apart without any drift.
        seed: of the sampling, the halves, the classifier and the permutations.
        permutations: of the judged labels.
        sample: at most so many rows of each side are used.

    Raises:
        BadConfig: no columns, different columns, a column that is neither numbers nor texts, or too few rows.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    if permutations < 1 or sample < LEAST_ROWS:
        raise BadConfig(f"{permutations} permutations, {sample} rows", hint=f"at least 1 and {LEAST_ROWS}")
    columns = [str(name) for name in baseline.columns]
    if not columns or set(columns) != {str(name) for name in current.columns} or len(set(columns)) != len(columns):
        raise BadConfig(
            "baseline and month do not have the same columns", hint=f"the baseline has {', '.join(columns)}"
        )
    rng = np.random.default_rng(seed)
    sides = [_sampled(side, columns, sample, rng) for side in (baseline, current)]
    if min(len(side) for side in sides) < LEAST_ROWS:
        sizes = " and ".join(str(len(side)) for side in sides)
        raise BadConfig(f"{sizes} rows are too few to fit and judge on", hint=f"at least {LEAST_ROWS} of each side")
    labels = np.repeat([False, True], [len(side) for side in sides])
    values, texts = _encoded(sides, columns)
    judged = _other_half(labels, rng)
    # of a column without a value there is nothing to learn, and the trees refuse it
    values[:, np.isnan(values[~judged]).all(axis=0)] = 0.0
    # a few thousand rows are done sooner by one thread than by threads that wait for each other
    with threadpool_limits(limits=1, user_api="openmp"):
        model = _fitted(values[~judged], labels[~judged], texts, seed)
        scores = model.predict_proba(values[judged])[:, 1]
        auc, p_value = permutation_test(labels[judged], scores, permutations, rng)
        losses = _losses(model, values[judged], labels[judged], auc, rng)
    ranked = sorted(zip(columns, losses, strict=True), key=lambda pair: -pair[1])
    features = tuple((name, loss) for name, loss in ranked[:SHOWN_FEATURES] if loss > 0.0)
    return DomainDrift(auc, p_value, int(judged.sum()), features)


def permutation_test(
    labels: npt.NDArray[np.bool_], scores: Floats, permutations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The ROC AUC, and the share of permuted labels (the given ones among them) whose AUC is at least that.

    Args:
        labels: True for what should score high; both kinds must occur.
        scores: of the same rows; equal scores count one half.
        permutations: drawn at random.
        rng: where they come from.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # twice the midranks: whole numbers, so that equal AUCs are equal
    ranks = (2 * np.cumsum(counts) - counts + 1)[place.ravel()]
    up = int(labels.sum())
    given = int(ranks[labels].sum())
    reached = sum(int(rng.permutation(ranks)[:up].sum()) >= given for _ in range(permutations))
    auc = (given / 2.0 - up * (up + 1) / 2.0) / (up * (len(labels) - up))
    return auc, (1.0 + reached) / (1.0 + permutations)


def _sampled(side: pd.DataFrame, columns: list[str], sample: int, rng: np.random.Generator) -> pd.DataFrame:
    renamed = side.set_axis([str(name) for name in side.columns], axis=1)[columns]
    if len(renamed) <= sample:
        return renamed
    return renamed.iloc[np.sort(rng.choice(len(renamed), sample, replace=False))]


def _encoded(sides: list[pd.DataFrame], columns: list[str]) -> tuple[Floats, list[bool]]:
    """Both sides as one matrix, missing values NaN, texts as codes by how frequent they are; and which columns are texts."""
    import pandas as pd

    together = pd.concat(sides, ignore_index=True)
    found, texts = [], []
    for name in columns:
        column = together[name]
        if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
            raise BadConfig(
                f"column {name} holds dates", hint="leave it out: dates tell the months apart by themselves"
            )
        numbers = _numbers(column)
        texts.append(numbers is None)
        found.append(_codes(column) if numbers is None else numbers)
    return np.column_stack(found), texts


def _numbers(column: pd.Series[Any]) -> Floats | None:
    """The values of a column of numbers or booleans (decimals and missing values among them), None for texts."""
    import pandas as pd

    missing = column.isna().to_numpy(dtype=np.bool_)
    if not pd.api.types.is_numeric_dtype(column) and not all(isinstance(v, Number) for v in column[~missing]):
        return None
    numbers = np.full(len(column), np.nan)
    numbers[~missing] = column[~missing].astype(float)
    # the trees know no infinity: the largest numbers stand for it
    bounded: Floats = np.nan_to_num(numbers, nan=np.nan, posinf=_LARGEST, neginf=-_LARGEST)
    return bounded


def _codes(column: pd.Series[Any]) -> Floats:
    missing = column.isna()
    values = column[~missing].astype(str)
    counts = values.value_counts()
    # ties by name: the codes must not depend on the order of the rows, which is baseline first
    order = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    codes = np.full(len(column), np.nan)
    codes[~missing.to_numpy()] = values.map({text: float(min(code, MOST_TEXTS)) for code, text in enumerate(order)})
    return codes


def _other_half(labels: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rows are judged: half of each side, so that both halves know both sides."""
    judged = np.zeros(len(labels), dtype=np.bool_)
    for side in (labels, ~labels):
        rows = np.flatnonzero(side)
        judged[rng.permutation(rows)[: len(rows) // 2]] = True
    return judged


def _fitted(values: Floats, labels: npt.NDArray[np.bool_], texts: list[bool], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=min(20, len(labels) // 4),
        categorical_features=np.array(texts),
        early_stopping=False,
        random_state=seed % 2**32,
    )
    return model.fit(values, labels)


def _losses(
    model: Any, values: Floats, labels: npt.NDArray[np.bool_], auc: float, rng: np.random.Generator
) -> list[float]:
    from churnobs.comparison import roc_auc

    found = []
    for column in range(values.shape[1]):
        shuffled = values.copy()
        shuffled[:, column] = rng.permutation(values[:, column])
        found.append(auc - roc_auc(labels, model.predict_proba(shuffled)[:, 1]))
    return found
