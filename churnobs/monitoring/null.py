"""What the drift metrics of a column do when nothing has happened: resampled once, then asked for a p-value in no time.

Both sides are drawn from the baseline's cells, the baseline at its size and the month at its own (drawing only one side
takes the baseline for the truth and alarms far too often). A month of another size is answered by scaling: the distances
go with sqrt(1/n + 1/m), the population stability index with 1/n + 1/m. Where that does not hold (``Pair.fits``: groups of a
handful of rows, heavy tails) both sides are drawn anew at their sizes, from baseline and month pooled, as a permutation
test does: a baseline of a thin tail or a rare category has often not seen it, and would call the first sight of it drift.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from churnobs.display import Shown
from churnobs.divergence import DRIFT_METRICS, NUMERIC_ONLY, SETTINGS, Histogram, groups_of
from churnobs.errors import NotFound
from churnobs.monitoring.settings import DRAWS, LEAST_DRAWS
from churnobs.monitoring.tail import Tail

Floats = npt.NDArray[np.float64]

# the null of a column of more cells than this is drawn less often, but never less than so often
MOST_CELLS: Final = 64
# cells are merged up to this share of the rows and this many standard deviations
MERGED_SHARE: Final = 1 / 16
MERGED_WIDTH: Final = 0.25
# a group that fewer rows than this are expected in is rare; a tail is heavy when kurtosis / rows is above the other
RARE: Final = 10.0
HEAVY: Final = 0.02


@dataclass(frozen=True, slots=True)
class Pair:
    """A baseline and a month of one column, cell beside cell.

    Args:
        number: whether cells have means, as those of a number have.
        before, now: rows of each cell.
        means: the mean of both sides' values in each cell; 0 for categories.
        starts: where each group of cells starts.
    """

    number: bool
    before: Floats
    now: Floats
    means: Floats
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, baseline: Histogram, current: Histogram) -> Pair:
        """Set two histograms side by side; the baseline must have rows."""
        number = is_number(baseline)
        nothing = (0, 0.0)
        held = [
            [c for c in group if baseline.cells.get(c, nothing)[0] or current.cells.get(c, nothing)[0]]
            for group in groups_of("number" if number else "category", baseline, current)
        ]
        groups = [group for group in held if group]
        cells = [cell for group in groups for cell in group]
        sides = np.array([[*baseline.cells.get(c, nothing), *current.cells.get(c, nothing)] for c in cells])
        before, now = sides[:, 0], sides[:, 2]
        starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
        return cls(number, before, now, (sides[:, 1] + sides[:, 3]) / (before + now), starts)

    @property
    def shares(self) -> Floats:
        """What part of all rows of both sides each cell holds."""
        both = self.before + self.now
        shares: Floats = both / both.sum()
        return shares

    @property
    def spread(self) -> float:
        """The baseline's standard deviation in column units; 0 for categories and for a constant."""
        return _deviation(self.before / self.before.sum(), self.means)

    def fits(self, metric: str) -> bool:
        """Whether a null drawn from the baseline alone, scaled to these sizes, is good enough for a metric."""
        least = min(self.before.sum(), self.now.sum())
        if metric in NUMERIC_ONLY:
            offset = self.means - self.shares @ self.means
            variance = float(self.shares @ offset**2)
            return bool(self.shares @ offset**4 <= HEAVY * least * variance**2)
        shares = np.add.reduceat(self.shares, self.starts)
        return bool(shares[shares > 0.0].min() * least >= RARE)

    def draw(self, metrics: tuple[str, ...], draws: int, rng: np.random.Generator) -> dict[str, Floats]:
        """Values of metrics between two samples of both sides' cells pooled, at their sizes.

        Returns:
            The absolute value of each metric, ``draws`` times. Two samples of one size are each used twice, once as
            the baseline and once as the month of the next: half the work, and the values are still the null's.
        """
        sizes = round(self.before.sum()), round(self.now.sum())
        if any(metric in NUMERIC_ONLY for metric in metrics):
            shares, means, starts = self._merged()
        else:
            shares, means = np.add.reduceat(self.shares, self.starts), np.zeros(len(self.starts))
            starts = np.arange(len(self.starts))
        count = max(min(draws, draws * MOST_CELLS // len(shares)), min(draws, LEAST_DRAWS))
        before = rng.multinomial(sizes[0], shares, size=count) / sizes[0]
        same = sizes[0] == sizes[1]
        now = np.roll(before, 1, axis=0) if same else rng.multinomial(sizes[1], shares, size=count) / sizes[1]
        found: dict[str, Floats] = {}
        if any(metric in NUMERIC_ONLY for metric in metrics):
            moved = now - before
            # merging cells loses the little that values differ within them
            whole = _deviation(self.shares, self.means) / (_deviation(shares, means) or 1.0)
            found["DIFFERENCE_OF_MEANS"] = np.abs(moved @ means) * whole
            found["WASSERSTEIN"] = np.abs(np.cumsum(moved[:, :-1], axis=1)) @ np.diff(means) * whole
        if any(metric not in NUMERIC_ONLY for metric in metrics):
            sides = [np.add.reduceat(side, starts, axis=1) for side in (before, now)]
            found["JENSEN_SHANNON"] = jensen_shannon_rows(*sides)
            found["POPULATION_STABILITY_INDEX"] = stability_rows(*sides)
        return {metric: found[metric] for metric in metrics}

    def _merged(self) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        """Shares, means and group starts of fewer cells: neighbours of one group that hold little and lie close."""
        shares, means = self.shares, self.means
        width = MERGED_WIDTH * _deviation(shares, means)
        grouped = set(self.starts.tolist())
        first: list[int] = []
        starts: list[int] = []
        held = 0.0
        for cell, (share, mean) in enumerate(zip(shares.tolist(), means.tolist(), strict=True)):
            if cell in grouped or held + share > MERGED_SHARE or mean - means[first[-1]] > width:
                if cell in grouped:
                    starts.append(len(first))
                first.append(cell)
                held = 0.0
            held += share
        merged = np.add.reduceat(shares, first)
        held_by = np.where(merged > 0.0, merged, 1.0)
        centres = np.add.reduceat(shares * means, first) / held_by
        return merged, centres, np.array(starts)


def is_number(histogram: Histogram) -> bool:
    """Whether a histogram counts cells of a grid; without rows it does not say, and counts as a number's."""
    return not any(isinstance(cell, str) for cell in histogram.cells)


def _deviation(shares: Floats, means: Floats) -> float:
    return math.sqrt(max(float(shares @ (means - shares @ means) ** 2), 0.0))


def stability_rows(before: Floats, now: Floats) -> Floats:
    """``divergence.population_stability_index`` of many pairs of shares, one a row."""
    sides = [np.maximum(side, SETTINGS.floor) for side in (before, now)]
    b, c = (side / side.sum(axis=1, keepdims=True) for side in sides)
    index: Floats = np.sum((c - b) * np.log(c / b), axis=1)
    return index


def jensen_shannon_rows(before: Floats, now: Floats) -> Floats:
    """``divergence.jensen_shannon`` of many pairs of shares, one a row."""
    total = _information((before + now) / 2.0) - (_information(before) + _information(now)) / 2.0
    distance: Floats = np.sqrt(np.maximum(total, 0.0))
    return distance


def _information(shares: Floats) -> Floats:
    """The entropy of every row, in bits."""
    logs = np.log2(shares, where=shares > 0.0, out=np.zeros_like(shares))
    entropy: Floats = -np.sum(shares * logs, axis=1)
    return entropy


def tails(pair: Pair, metrics: tuple[str, ...], draws: int, seed: tuple[int, ...]) -> dict[str, Tail]:
    """The null of some metrics at a pair's sizes, drawn from both sides pooled."""
    drawn = pair.draw(metrics, draws, np.random.default_rng(seed))
    return {
        metric: Tail.fit(values, float(np.mean(values if metric == "POPULATION_STABILITY_INDEX" else values**2)))
        for metric, values in drawn.items()
    }


def seed_of(seed: int, segment: str, column: str, *more: int) -> tuple[int, ...]:
    """Random numbers of a column's own: they do not depend on which other columns there are."""
    return seed, zlib.crc32(repr((segment, column)).encode()), *more


@dataclass(frozen=True, slots=True)
class ColumnNull(Shown):
    """The null of one column at equal sizes.

    Args:
        rows: of the baseline, with a value.
        spread: the baseline's standard deviation, in column units; 0 for categories and for a constant.
        tails: by metric; without WASSERSTEIN and DIFFERENCE_OF_MEANS for categories.
    """

    rows: int
    spread: float
    tails: Mapping[str, Tail]

    def scale(self, metric: str, rows: int) -> float:
        """How much larger a metric is by chance in a month of so many rows than in one of the baseline's size."""
        ratio = (1.0 + self.rows / rows) / 2.0
        return ratio if metric == "POPULATION_STABILITY_INDEX" else math.sqrt(ratio)

    def scaled(self, metric: str, rows: int) -> Tail:
        """The null of a metric for a month of so many rows."""
        by, tail = self.scale(metric, rows), self.tails[metric]
        level = tail.level * (by if metric == "POPULATION_STABILITY_INDEX" else by * by)
        return Tail(tuple(v * by for v in tail.values), tail.chances, tail.scale * by, tail.shape, level, tail.beyond)


@dataclass(frozen=True, slots=True)
class Nulls(Shown):
    """What chance alone does to every column of a baseline: drawn once, stored as JSON (``codec.to_json``), asked often.

    Args:
        segments: segment -> column -> its null; the segment "" is all rows.
        draws, seed: what they were drawn with.
    """

    segments: Mapping[str, Mapping[str, ColumnNull]]
    draws: int = DRAWS
    seed: int = 0

    @classmethod
    def build(
        cls,
        baseline: Mapping[str, Histogram] | Mapping[str, Mapping[str, Histogram]],
        *,
        draws: int = DRAWS,
        seed: int = 0,
    ) -> Nulls:
        """Draw the nulls of a baseline, a few hundredths of a second a column.

        Args:
            baseline: column -> histogram, or segment -> column -> histogram. Columns without rows are left out.
            draws: how often each is drawn; a column of more than 64 cells or categories less often.
            seed: of the random numbers.
        """
        found: dict[str, dict[str, ColumnNull]] = {}
        for segment, columns in by_segment(baseline).items():
            found[segment] = {
                column: _null(histogram, draws, seed_of(seed, segment, column))
                for column, histogram in columns.items()
                if histogram.rows
            }
        return cls(found, draws, seed)

    def column(self, column: str, segment: str = "") -> ColumnNull:
        """The null of a column.

        Raises:
            NotFound: the baseline had no rows of it.
        """
        try:
            return self.segments[segment][column]
        except KeyError:
            where = f" of segment {segment}" if segment else ""
            raise NotFound(f"the baseline has no column {column}{where}", hint="build the nulls of it") from None

    def p_value(self, column: str, metric: str, value: float, rows: int, *, segment: str = "") -> float:
        """The chance that a month of so many rows differs this much from the baseline when nothing has happened."""
        null = self.column(column, segment)
        return _tail(null, column, metric).p_value(abs(value) / null.scale(metric, rows))

    def quantile(self, column: str, metric: str, p: float, rows: int, *, segment: str = "") -> float:
        """The value that a month of so many rows reaches with probability p when nothing has happened."""
        null = self.column(column, segment)
        return _tail(null, column, metric).quantile(p) * null.scale(metric, rows)


def _tail(null: ColumnNull, column: str, metric: str) -> Tail:
    if metric not in null.tails:
        raise NotFound(f"column {column} has no {metric}", hint=f"it has {', '.join(null.tails)}")
    return null.tails[metric]


def _null(histogram: Histogram, draws: int, seed: tuple[int, ...]) -> ColumnNull:
    pair = Pair.of(histogram, histogram)
    metrics = tuple(m for m in DRIFT_METRICS if pair.number or m not in NUMERIC_ONLY)
    return ColumnNull(histogram.rows, pair.spread, tails(pair, metrics, draws, seed))


def by_segment(
    histograms: Mapping[str, Histogram] | Mapping[str, Mapping[str, Histogram]],
) -> dict[str, dict[str, Histogram]]:
    """Segment -> column -> histogram; plain columns are the one segment ""."""
    plain: dict[str, Histogram] = {}
    segments: dict[str, dict[str, Histogram]] = {}
    for name, value in histograms.items():
        if isinstance(value, Histogram):
            plain[name] = value
        else:
            segments[name] = dict(value)
    return {"": plain, **segments} if plain or not segments else segments
