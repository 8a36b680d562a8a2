"""From a comment to a number in [-1, 1]: VADER by default, or any model of yours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class SentimentModel(Protocol):
    """Scores texts. ``name`` tells two models apart: a score is kept per text and name, and never asked for twice."""

    @property
    def name(self) -> str:
        """A stable name with a version."""

    def score(self, texts: Sequence[str]) -> Sequence[float]:
        """One score in [-1, 1] a text, in the order of the texts."""


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    """VADER with its lexicon, read once."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


class Vader:
    """The compound score of VADER (Hutto & Gilbert 2014), made for short informal English.

    >>> good, bad = Vader().score(["Great service, thank you!", "Awful. I want my money back."])
    >>> good > 0.5 and bad < 0
    True
    """

    name = "vader-3.3"

    def score(self, texts: Sequence[str]) -> list[float]:
        """The compound score of each text; an empty text is neutral, 0.0."""
        analyzer = _analyzer()
        return [float(analyzer.polarity_scores(text)["compound"]) for text in texts]
