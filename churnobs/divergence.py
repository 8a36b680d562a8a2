"""How far a column has moved from its baseline: the four drift metrics, from two histograms.

Snowflake publishes the names of its drift metrics and not their formulas; these are the ones proposed for it, spelled out.
A numeric column is counted on a grid (``expressions.drift``); JENSEN_SHANNON and POPULATION_STABILITY_INDEX compare the
shares of at most ten groups of cells that hold about a tenth of the baseline each, WASSERSTEIN the mass at each cell's own
mean, so that it is off by at most the width of a cell, DIFFERENCE_OF_MEANS the exact means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from churnobs.expressions.drift import Bins
from churnobs.monitoring.settings import MetricSettings

DRIFT_METRICS: Final = ("JENSEN_SHANNON", "WASSERSTEIN", "DIFFERENCE_OF_MEANS", "POPULATION_STABILITY_INDEX")
NUMERIC_ONLY: Final = ("WASSERSTEIN", "DIFFERENCE_OF_MEANS")
SETTINGS: Final = MetricSettings()
# a column whose largest value lies further out than so many standard deviations is counted on a logarithmic grid
HEAVY_TAIL: Final = 8.0


@dataclass(slots=True)
class Histogram:
    """One column's counts: cell or category -> (rows, total), and how many values are missing."""

    cells: dict[int | str, tuple[int, float]] = field(default_factory=dict)
    missing: int = 0

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return sum(rows for rows, _ in self.cells.values())

    @property
    def mean(self) -> float:
        """The exact mean of a numeric column; NaN without rows."""
        return sum(total for _, total in self.cells.values()) / self.rows if self.rows else math.nan


def collect(rows: Iterable[Mapping[str, Any]]) -> dict[str, Histogram]:
    """Histograms by column from result rows of ``expressions.drift``; rows of the same cell add up."""
    found: dict[str, Histogram] = {}
    for row in sorted(rows, key=_cell_order):
        histogram = found.setdefault(row["COLUMN_NAME"], Histogram())
        cell = row["BIN"] if row["BIN"] is not None else row["CATEGORY"]
        if cell is None:
            histogram.missing += row["ROWS_COUNTED"]
            continue
        counted, total = histogram.cells.get(cell, (0, 0.0))
        histogram.cells[cell] = (counted + row["ROWS_COUNTED"], total + (row["TOTAL"] or 0.0))
    return found


def _cell_order(row: Mapping[str, Any]) -> tuple[str, int, str]:
    return row["COLUMN_NAME"], -1 if row["BIN"] is None else row["BIN"], row["CATEGORY"] or ""


def fit_bins(
    column: str,
    low: float | None,
    high: float | None,
    mean: float | None,
    spread: float | None,
    cells: int = SETTINGS.cells,
) -> Bins:
    """The grid of a numeric column from its baseline's least, largest, mean and standard deviation."""
    if low is None or high is None or mean is None or spread is None or not (high - low) / cells > 0:
        return Bins(column, "number", low=low or 0.0)
    if high - mean <= HEAVY_TAIL * spread:
        return Bins(column, "number", low=low, width=(high - low) / cells, cells=cells)
    scale = max(mean - low, spread / cells)
    return Bins(column, "number", low=low, width=math.log1p((high - low) / scale) / cells, cells=cells, scale=scale)


def drift(
    metric: str, kind: str, baseline: Histogram, current: Histogram, settings: MetricSettings = SETTINGS
) -> float | None:
    """One drift metric; None where it is not defined (no rows on a side, or a mean of categories)."""
    return drifts(kind, baseline, current, (metric,), settings)[metric]


def drifts(
    kind: str,
    baseline: Histogram,
    current: Histogram,
    metrics: Sequence[str] = DRIFT_METRICS,
    settings: MetricSettings = SETTINGS,
) -> dict[str, float | None]:
    """Drift metrics by name, each as ``drift`` gives it; those that compare shares count them once."""
    found: dict[str, float | None] = dict.fromkeys(metrics)
    if not baseline.rows or not current.rows:
        return found
    if kind != "category" and "DIFFERENCE_OF_MEANS" in found:
        found["DIFFERENCE_OF_MEANS"] = current.mean - baseline.mean
    if kind != "category" and "WASSERSTEIN" in found:
        found["WASSERSTEIN"] = wasserstein(baseline, current)
    if any(metric not in NUMERIC_ONLY for metric in metrics):
        shares = _shares(kind, baseline, current, settings.groups)
        for metric in metrics:
            if metric == "JENSEN_SHANNON":
                distance = jensen_shannon(*shares)
                found[metric] = distance if settings.jensen_shannon == "distance" else distance * distance
            elif metric not in NUMERIC_ONLY:
                found[metric] = population_stability_index(*shares, settings.floor)
    return found


def jensen_shannon(p: list[float], q: list[float]) -> float:
    """The Jensen-Shannon distance, base 2 (Lin 1991; Endres & Schindelin 2003): 0 for equal shares, 1 for disjoint ones.

    >>> round(jensen_shannon([0.5, 0.5], [0.9, 0.1]), 6)
    0.383136
    """
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    total = sum(_kl(side, middle) for side in (p, q)) / 2
    return math.sqrt(max(total, 0.0))


def _kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log2(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def population_stability_index(baseline: list[float], current: list[float], floor: float = SETTINGS.floor) -> float:
    """Sum of (current - baseline) ln(current / baseline) over groups (Siddiqi 2006).

    No group is taken for empty: a share below the floor counts as the floor, then shares are made to add up to 1 again.

    >>> round(population_stability_index([0.5, 0.5], [0.9, 0.1]), 6)
    0.87889
    """
    b, c = _floored(baseline, floor), _floored(current, floor)
    return sum((y - x) * math.log(y / x) for x, y in zip(b, c, strict=True))


def _floored(shares: list[float], floor: float) -> list[float]:
    raised = [max(share, floor) for share in shares]
    total = sum(raised)
    return [share / total for share in raised]


def wasserstein(baseline: Histogram, current: Histogram) -> float:
    """The earth mover's distance of order 1, in column units, between the two histograms' cell means."""
    masses: list[tuple[float, float]] = []
    for histogram, sign in ((baseline, 1.0), (current, -1.0)):
        rows = histogram.rows
        masses += [(total / counted, sign * counted / rows) for counted, total in histogram.cells.values() if counted]
    masses.sort()
    distance = height = 0.0
    for (at, mass), (following, _) in pairwise(masses):
        height += mass
        distance += abs(height) * (following - at)
    return distance


def groups_of(kind: str, baseline: Histogram, current: Histogram, most: int = SETTINGS.groups) -> list[list[int | str]]:
    """The groups of cells whose shares JENSEN_SHANNON and POPULATION_STABILITY_INDEX compare, each cell in one of them."""
    return _categories(baseline, current) if kind == "category" else _quantiles(baseline, current, most)


def _shares(kind: str, baseline: Histogram, current: Histogram, most: int) -> tuple[list[float], list[float]]:
    groups = groups_of(kind, baseline, current, most)
    sides = []
    for histogram in (baseline, current):
        rows, cells = histogram.rows, histogram.cells
        sides.append([sum(cells[cell][0] for cell in group if cell in cells) / rows for group in groups])
    return sides[0], sides[1]


def _categories(baseline: Histogram, current: Histogram) -> list[list[int | str]]:
    return [[cell] for cell in sorted({*baseline.cells, *current.cells}, key=str)]


def _quantiles(baseline: Histogram, current: Histogram, most: int) -> list[list[int | str]]:
    """Runs of cells that hold about the same share of the baseline each; the outer ones are open-ended."""
    groups: list[list[int | str]] = [[]]
    held, rows = 0, baseline.rows
    for cell in sorted({*baseline.cells, *current.cells}, key=lambda c: c if isinstance(c, int) else 0):
        counted = baseline.cells.get(cell, (0, 0.0))[0]
        if groups[-1] and counted and held * most >= rows * len(groups):
            groups.append([])
        groups[-1].append(cell)
        held += counted
    return groups
