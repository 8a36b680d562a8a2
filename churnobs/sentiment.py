"""From a comment to a number in [-1, 1]: VADER by default, or any model of yours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from churnobs.errors import BadConfig


@runtime_checkable
class SentimentModel(Protocol):
    """Scores texts. ``name`` tells two models apart: a score is kept per text and name, and never asked for twice.

    A model may have ``cortex``, the name of a function that scores in its place where the texts are in Snowflake.
    """

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
    cortex = "SNOWFLAKE.CORTEX.SENTIMENT"

    def score(self, texts: Sequence[str]) -> list[float]:
        """The compound score of each text; an empty text is neutral, 0.0."""
        analyzer = _analyzer()
        return [float(analyzer.polarity_scores(text)["compound"]) for text in texts]


def checked_scores(answer: Any, name: str, texts: int) -> list[float]:
    """What a model answered, as numbers.

    Raises:
        BadConfig: it is not one number in [-1, 1] a text.
    """
    hint = "score() returns one number in [-1, 1] a text"
    try:
        scores = [float(score) for score in answer]
    except (TypeError, ValueError) as error:
        raise BadConfig(f"sentiment model {name} gave something else than numbers", hint=hint) from error
    if len(scores) != texts:
        raise BadConfig(f"sentiment model {name} gave {len(scores)} scores for {texts} texts", hint=hint)
    if not all(-1.0 <= score <= 1.0 for score in scores):
        raise BadConfig(f"sentiment model {name} gave scores outside -1 to 1", hint=hint)
    return scores


def stored(score: float) -> Decimal:
    """A score as tables keep it: four decimals, halves away from zero.

    >>> stored(0.12345), stored(-0.00005)
    (Decimal('0.1235'), Decimal('-0.0001'))
    """
    units = math.floor(abs(score) * 10_000 + 0.5)
    return Decimal(int(math.copysign(units, score))).scaleb(-4)
