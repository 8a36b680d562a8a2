"""Why F1 changed between two months: other customers (mix), or the same kinds of customers predicted worse (within).

F1 = 2 TP / D with D = 2 TP + FP + FN. Both sums run over segments, so F1 is exactly the mean of the segments' F1 weighted
by share w = D of the segment / D of all: the rows that F1 is about. The change splits, symmetrically in before and after
(Marshall 1920, Edgeworth 1925; Kitagawa 1955 for rates), into

    mix(s)    = (w after - w before) * (mean of the segment's two F1 - mean of the two overall F1)
    within(s) = (mean of the two w) * (F1 after - F1 before)

The shares' changes add up to nothing, so any constant may be taken off in ``mix``; the overall mean makes a segment's
part negative when it does worse than the rest and grows, or better and shrinks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churnobs.display import Shown, html_table, shown
from churnobs.errors import BadConfig

if TYPE_CHECKING:
    import pandas as pd

Counts = tuple[int, int, int]
COLUMNS = ("SEGMENT", "SHARE_BEFORE", "SHARE_AFTER", "F1_BEFORE", "F1_AFTER", "MIX", "WITHIN", "TOTAL")


@dataclass(frozen=True, slots=True)
class SegmentPart(Shown):
    """What one segment adds to the change of F1.

    Args:
        segment: its value; None for rows without one.
        share_before, share_after: of the rows that F1 is about, D of the segment / D of all.
        f1_before, f1_after: None where the segment has no such row.
        mix: by its share changing; within: by its F1 changing.
    """

    segment: Any
    share_before: float
    share_after: float
    f1_before: float | None
    f1_after: float | None
    mix: float
    within: float

    @property
    def total(self) -> float:
        """Mix and within together."""
        return self.mix + self.within


@dataclass(frozen=True, slots=True)
class DropExplained(Shown):
    """The change of F1 between two months, segment by segment; ``mix`` + ``within`` is the change.

    Args:
        f1_before, f1_after: of all rows.
        segments: the one that lowers F1 most first.
        moved: columns that moved most within the worst segment, where somebody looked.
    """

    f1_before: float
    f1_after: float
    segments: tuple[SegmentPart, ...]
    moved: tuple[str, ...] = ()

    @property
    def change(self) -> float:
        """F1 after less F1 before; a drop is negative."""
        return self.f1_after - self.f1_before

    @property
    def mix(self) -> float:
        """The part of the change by the segments' shares."""
        return sum(part.mix for part in self.segments)

    @property
    def within(self) -> float:
        """The part of the change by F1 within segments."""
        return sum(part.within for part in self.segments)

    @property
    def worst(self) -> SegmentPart | None:
        """The segment that lowers F1 most; None when no segment lowers it."""
        return self.segments[0] if self.segments[0].total < 0.0 else None

    def text(self) -> str:
        """The explanation in words."""
        verb = "fell" if self.change < 0.0 else "rose" if self.change > 0.0 else "stayed"
        told = (
            f"F1 {verb} from {shown(self.f1_before)} to {shown(self.f1_after)} ({self.change:+.4f}): "
            f"{self.mix:+.4f} because segments grew or shrank, {self.within:+.4f} because it changed within segments."
        )
        worst = self.worst
        if worst is None:
            return f"{told} No segment lowered it."
        told += (
            f" {_name(worst.segment)} lowered it most, by {-worst.total:.4f}: its share went from {worst.share_before:.1%} "
            f"to {worst.share_after:.1%} ({worst.mix:+.4f}), its F1 from {_f1(worst.f1_before)} to {_f1(worst.f1_after)} "
            f"({worst.within:+.4f})."
        )
        return f"{told} Columns that moved in it: {', '.join(self.moved)}." if self.moved else told

    def to_pandas(self) -> pd.DataFrame:
        """One row a segment: SEGMENT, SHARE_BEFORE, SHARE_AFTER, F1_BEFORE, F1_AFTER, MIX, WITHIN, TOTAL."""
        import pandas as pd

        frame = pd.DataFrame(self._rows(), columns=list(COLUMNS))
        return frame.astype(dict.fromkeys(COLUMNS[1:], "float64"))

    def _repr_html_(self) -> str:
        return html_table([name.replace("_", " ").lower() for name in COLUMNS], self._rows(), self.text())

    def _rows(self) -> list[tuple[Any, ...]]:
        return [
            (p.segment, p.share_before, p.share_after, p.f1_before, p.f1_after, p.mix, p.within, p.total)
            for p in self.segments
        ]


def explain_drop(before: Mapping[Any, Counts], after: Mapping[Any, Counts]) -> DropExplained:
    """Split the change of F1 exactly into segment mix and change within segments.

    A segment that appears or vanishes, or has no row that is or was said to be 1 on one side, has no F1 there: all it
    does is counted as mix.

    Args:
        before, after: segment value -> (TP, FP, FN), of the rows whose labels are final; segments do not overlap.

    Raises:
        BadConfig: F1 is not defined on a side (nobody was labelled 1 or predicted 1), or a count is negative.

    >>> explain_drop({"young": (8, 1, 1), "old": (8, 1, 1)}, {"young": (8, 1, 1), "old": (4, 3, 3)}).worst.segment
    'old'
    """
    totals = []
    for side, counts in (("before", before), ("after", after)):
        if any(count < 0 for three in counts.values() for count in three):
            raise BadConfig(f"a count {side} is negative", hint="give (TP, FP, FN) of each segment")
        hits = sum(2 * tp for tp, _, _ in counts.values())
        about = sum(_about(three) for three in counts.values())
        if not about:
            raise BadConfig(
                f"F1 is not defined {side}: nobody was labelled 1 or predicted 1",
                hint="choose a month with final labels",
            )
        totals.append((hits / about, about))
    (f1_before, about_before), (f1_after, about_after) = totals
    middle = (f1_before + f1_after) / 2.0
    parts = []
    for segment in dict.fromkeys((*before, *after)):
        old, new = before.get(segment, (0, 0, 0)), after.get(segment, (0, 0, 0))
        share_before, share_after = _about(old) / about_before, _about(new) / about_after
        first, second = _f1_of(old), _f1_of(new)
        # without an F1 on one side the segment has no weight there: the other side's stands for both
        start = first if first is not None else second
        end = second if second is not None else first
        if start is None or end is None:
            parts.append(SegmentPart(segment, 0.0, 0.0, None, None, 0.0, 0.0))
            continue
        mix = (share_after - share_before) * ((start + end) / 2.0 - middle)
        within = (share_before + share_after) / 2.0 * (end - start)
        parts.append(SegmentPart(segment, share_before, share_after, first, second, mix, within))
    parts.sort(key=lambda part: (part.total, _name(part.segment)))
    return DropExplained(f1_before, f1_after, tuple(parts))


def _about(counts: Counts) -> int:
    """D: twice the hits, and both kinds of errors."""
    tp, fp, fn = counts
    return 2 * tp + fp + fn


def _f1_of(counts: Counts) -> float | None:
    about = _about(counts)
    return 2 * counts[0] / about if about else None


def _name(segment: Any) -> str:
    return "(no value)" if segment is None else str(segment)


def _f1(value: float | None) -> str:
    return "none" if value is None else shown(value)
