"""How well scores rank customers whose true churn probability is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def expected_auc(probabilities: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """The ROC AUC that scores have on average when each customer churns with its true probability.

    It is the share of (churner, stayer) pairs ranked rightly, every ordered pair of two customers weighing
    p_i (1 - p_j) and ties counting half; no label is drawn, so nothing of it is chance. Takes O(n log n).

    Args:
        probabilities: The true churn probabilities, each in [0, 1].
        scores: What a model says, in the same order; higher means likelier to churn.

    Returns:
        A number in [0, 1], or nan when no pair has weight (fewer than two customers, or all sure to act alike).

    Raises:
        ValueError: The lengths differ, a probability is outside [0, 1] or a score is nan.

    >>> expected_auc([1.0, 0.0], [0.9, 0.1])
    1.0
    >>> round(expected_auc([0.8, 0.5, 0.2], [3, 2, 1]), 4)
    0.8571
    """
    p = np.asarray(probabilities, dtype=np.float64)
    s = np.asarray(scores, dtype=np.float64)
    if p.ndim != 1 or p.shape != s.shape:
        raise ValueError(f"probabilities {p.shape} and scores {s.shape} must be of one length")
    if not bool(np.all((p >= 0) & (p <= 1))):
        raise ValueError("probabilities must lie in [0, 1]")
    if bool(np.isnan(s).any()):
        raise ValueError("scores must not be nan")
    _, group = np.unique(s, return_inverse=True)
    churners = np.bincount(group, weights=p)
    stayers = np.bincount(group, weights=1 - p)
    # pairing a customer with itself is no pair; it would count as a tie
    alone = float(np.sum(p * (1 - p)))
    weight = float(churners.sum() * stayers.sum()) - alone
    below = np.cumsum(stayers) - stayers
    right = float(np.sum(churners * (below + 0.5 * stayers))) - 0.5 * alone
    return right / weight if weight > 1e-12 else float("nan")
