"""From a model's score to the chance that the label is 1, fitted on rows whose labels are final, with what it may be off by.

The map is a logistic regression on a natural cubic spline (Harrell 2015, section 2.4.5) of the score's normal rank among
the reference rows, so it does not matter on which monotone scale a model answers. Ranks and five knots, without a penalty,
were chosen by coverage: in-sample isotonic regression separates the classes better than the next month will (its 90%
intervals of ROC AUC covered 77%, half a standard deviation too high), a line in the logit (Platt) or a penalised spline
of the logit missed models that are bent (33% and 62% where the tails are stretched).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown
from churnobs.errors import BadConfig
from churnobs.monitoring.levels import Floats, Levels

MIN_ROWS: Final = 200
MIN_EACH: Final = 20
# rows of the rarer class that each bend of the curve asks for
ROWS_A_KNOT: Final = 20
MOST_KNOTS: Final = 5
# scores between which normal ranks are interpolated
GRID: Final = 65
_STEPS: Final = 50
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Calibration(Shown):
    """P(label = 1) as a function of the score, and a normal approximation of how uncertain it is.

    A few dozen numbers, all plain: ``codec.to_json`` and ``from_json`` carry it.

    Args:
        calibrated: False when there were too few labelled rows: the score is then taken at its word, without error.
        rows: the labelled reference rows.
        base_rate: the share of them labelled 1; None without any.
        scores: increasing scores of the reference; ranks: their normal ranks, what the spline is a function of.
        knots: of the spline, in normal ranks; fewer than 3 for a straight line.
        coefficients: intercept, slope, and one for each bend, on the logit scale.
        covariance: of the coefficients, row by row.
    """

    calibrated: bool
    rows: int
    base_rate: float | None
    scores: tuple[float, ...] = ()
    ranks: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()
    coefficients: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def fit(cls, reference: Levels, *, min_rows: int = MIN_ROWS, min_each: int = MIN_EACH) -> Calibration:
        """Fit the map on the labelled rows of a reference that the model was not fitted on.

        Args:
            reference: rows of the same model version; those without a label or score do not count.
            min_rows: fewer labelled rows than this give the identity, marked ``calibrated=False``.
            min_each: so do fewer rows than this of either class.

        Raises:
            BadConfig: a score outside 0 to 1.
        """
        score, up, down = _labeled(reference)
        rows, ups = int((up + down).sum()), int(up.sum())
        base_rate = ups / rows if rows else None
        if rows < max(min_rows, 1) or min(ups, rows - ups) < max(min_each, 1):
            return cls(calibrated=False, rows=rows, base_rate=base_rate)
        scores, ranks = _normal_ranks(score, up + down)
        at = np.interp(score, scores, ranks)
        knots = _knots(at, up + down, most=min(MOST_KNOTS, min(ups, rows - ups) // ROWS_A_KNOT))
        design = _spline(at, knots)
        coefficients, information = _logistic(design, up, up + down)
        covariance = np.linalg.inv(information)
        return cls(
            calibrated=True,
            rows=rows,
            base_rate=base_rate,
            scores=tuple(scores.tolist()),
            ranks=tuple(ranks.tolist()),
            knots=tuple(knots.tolist()),
            coefficients=tuple(coefficients.tolist()),
            covariance=tuple(tuple(line) for line in covariance.tolist()),
        )

    def probability(self, scores: npt.ArrayLike) -> Floats:
        """P(label = 1) for each score; NaN for NaN.

        >>> Calibration.fit(Levels.of([], [], [])).probability([0.3])
        array([0.3])
        """
        given = np.asarray(scores, dtype=np.float64)
        if not self.calibrated:
            return given.copy()
        return _logistic_of(self._design(given) @ np.asarray(self.coefficients))

    def draws(self, scores: npt.ArrayLike, draws: int, *, seed: int) -> Floats:
        """What the probabilities may as well be: calibrations drawn from their normal approximation.

        The same seed draws the same calibrations for whatever scores, so months estimated by one calibration err together
        as they do in truth.

        Returns:
            Probabilities, (draws, scores).
        """
        given = np.asarray(scores, dtype=np.float64)
        if not self.calibrated:
            return np.broadcast_to(given, (draws, len(given)))
        # covariance = root root', so root times independent normals has it
        root = np.linalg.cholesky(np.asarray(self.covariance))
        normals = np.random.default_rng(seed).standard_normal((draws, len(root)))
        coefficients = np.asarray(self.coefficients) + normals @ root.T
        return _logistic_of(coefficients @ self._design(given).T)

    def _design(self, scores: Floats) -> Floats:
        return _spline(np.interp(scores, self.scores, self.ranks), np.asarray(self.knots))


def usable_scores(levels: Levels) -> npt.NDArray[np.bool_]:
    """Which levels have a score.

    Raises:
        BadConfig: a score outside 0 to 1.
    """
    known: npt.NDArray[np.bool_] = np.isfinite(levels.score) & (levels.rows > 0)
    given = levels.score[known]
    if len(given) and not (given.min() >= 0.0 and given.max() <= 1.0):
        raise BadConfig(
            f"scores between {given.min():.4g} and {given.max():.4g} are no probabilities",
            hint="estimated performance needs the probability of class 1, from 0 to 1",
        )
    return known


def _labeled(levels: Levels) -> tuple[Floats, Floats, Floats]:
    """The scores of labelled rows, each once and rising, with how many rows are labelled 1 and 0."""
    known = usable_scores(levels) & (levels.labeled > 0)
    score, place = np.unique(levels.score[known], return_inverse=True)
    up, down = (np.bincount(place, counts[known], len(score)).astype(np.float64) for counts in (levels.up, levels.down))
    return score, up, down


def _normal_ranks(score: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """A grid of scores and the normal quantiles of their ranks, by which any score's rank is interpolated."""
    total = rows.sum()
    # ties share the middle of their ranks
    share = (np.cumsum(rows) - rows / 2.0) / total
    lowest, highest = (_NORMAL.inv_cdf(at) for at in (share[0], share[-1]))
    wanted = [_NORMAL.cdf(at) for at in np.linspace(lowest, highest, GRID)]
    inner = np.clip(np.searchsorted(share, wanted), 0, len(share) - 1)
    chosen = np.arange(len(share)) if len(share) <= GRID else np.unique([0, *inner.tolist(), len(share) - 1])
    return score[chosen], np.asarray([_NORMAL.inv_cdf(at) for at in share[chosen]])


def _knots(at: Floats, rows: Floats, *, most: int) -> Floats:
    """Knots at equal shares of the rows from 5% to 95%; none when there are not three different ones."""
    if most < 3:
        return np.empty(0)
    upto = np.cumsum(rows) / rows.sum()
    places = np.searchsorted(upto, np.linspace(0.05, 0.95, most))
    found: Floats = np.unique(at[np.clip(places, 0, len(at) - 1)])
    return found if len(found) >= 3 else np.empty(0)


def _spline(at: Floats, knots: Floats) -> Floats:
    """Columns 1, x and the bends of a natural cubic spline: linear beyond the outer knots; (rows, columns)."""
    columns = [np.ones_like(at), at]
    if len(knots):
        first, before, last = knots[0], knots[-2], knots[-1]
        cubes = [np.maximum(at - knot, 0.0) ** 3 for knot in knots]
        columns += [
            (cube - cubes[-2] * (last - knot) / (last - before) + cubes[-1] * (before - knot) / (last - before))
            / (last - first) ** 2
            for cube, knot in zip(cubes[:-2], knots[:-2], strict=True)
        ]
    return np.stack(columns, axis=-1)


def _logistic(design: Floats, up: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Maximum likelihood by Newton's method, and the information matrix at it.

    As many rows as there are coefficients are added, spread like the reference and labelled like its mean (Clogg et al.
    1991): a reference whose classes do not overlap still has a finite answer.
    """
    prior = design.shape[1] * rows / rows.sum()
    total = rows + prior
    hit = up + prior * up.sum() / rows.sum()
    found: Floats = np.zeros(design.shape[1])
    found[0] = np.log(hit.sum() / (total.sum() - hit.sum()))
    loss, information = _fit_of(design, hit, total, found)
    for _ in range(_STEPS):
        gradient = design.T @ (hit - total * _logistic_of(design @ found))
        step = np.linalg.solve(information, gradient)
        size = 1.0
        trial = _fit_of(design, hit, total, found + step)
        # a full step may overshoot where the classes hardly overlap
        while trial[0] > loss + 1e-9 and size > 1e-4:
            size /= 2.0
            trial = _fit_of(design, hit, total, found + size * step)
        found = found + size * step
        loss, information = trial
        if float(np.abs(size * step).max()) < 1e-9:
            break
    return found, information


def _fit_of(design: Floats, hit: Floats, total: Floats, coefficients: Floats) -> tuple[float, Floats]:
    """Log loss in nats, and the information matrix, kept invertible where a column does not vary."""
    logit = design @ coefficients
    loss = float((total * np.logaddexp(0.0, logit) - hit * logit).sum())
    chance = _logistic_of(logit)
    information: Floats = (design * (total * chance * (1.0 - chance))[:, None]).T @ design
    return loss, information + 1e-6 * np.eye(len(information))


def _logistic_of(logit: Any) -> Floats:
    # beyond 35 the answer is 0 or 1 in double precision
    chance: Floats = 1.0 / (1.0 + np.exp(-np.clip(logit, -35.0, 35.0)))
    return chance
