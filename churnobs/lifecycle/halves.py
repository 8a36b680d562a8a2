"""Which customers of an as-of a challenger is fitted on, and on which it is judged."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

from churnobs.expressions.datasets import in_fit_half


def seed_of_split(seed: int, as_of: dt.date) -> int:
    """The seed of an as-of's split: another one each month."""
    return seed * 1_000 + as_of.year * 12 + as_of.month


def fit_half(customer_keys: npt.ArrayLike, *, seed: int, as_of: dt.date) -> npt.NDArray[np.bool_]:
    """Whether customers are in the half that a challenger is fitted on when the labels of an as-of become final.

    Args:
        customer_keys: CUSTOMER_KEY, whole numbers.
        seed: of the loop's settings.
        as_of: whose labels became final.

    >>> int(fit_half(range(1_000), seed=0, as_of=dt.date(2024, 5, 1)).sum())
    496
    """
    keys = np.asarray(customer_keys, dtype=np.int64)
    found: npt.NDArray[np.bool_] = in_fit_half(keys, seed_of_split(seed, as_of))
    return found
