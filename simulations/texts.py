"""What customers write: English comments put together from parts, by mood."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

GRADES: Final = 31
TEXTS_PER_GRADE: Final = 96

_SUBJECTS: Final = (
    "the delivery", "your staff", "the jacket I ordered", "the coffee machine", "the whole checkout", "the packaging",
    "the new app", "the return process", "the chat with your team", "the last order", "the lamp for our kitchen",
    "the way you handled my question", "the pair of shoes", "the store in the centre", "the gift for my sister",
    "the phone call with your agent", "the website", "the refund", "the courier", "the café corner in the shop",
    "the size guide", "the newsletter offer", "the backpack", "the garden chair", "the pick-up point",
)  # fmt: skip
# from furious (-4) to delighted (4)
_VERDICTS: Final = (
    (
        "was absolutely terrible", "was a horrible experience and the worst of the year",
        "was awful, a complete disaster",
        "made me very angry and I hate that", "was dreadful and I feel cheated", "was a disgusting failure",
    ),
    (
        "was really bad", "was very disappointing", "was a sad mess", "made me angry",
        "was terribly slow and I was upset",
        "failed me when it mattered",
    ),
    (
        "was poor", "was disappointing", "was annoying", "was bad", "was frustrating", "had a serious problem",
        "lacked care and left me unhappy",
    ),
    (
        "was a bit annoying", "was slightly disappointing", "had a small problem", "was somewhat confusing",
        "came with a delay", "missed one part",
    ),
    (
        "was as described", "was about average", "was what one would expect", "came on the day you said",
        "was neither here nor there", "was the same as last time", "took four days",
    ),
    (
        "was okay", "was fine", "was all right", "was fairly useful", "did its job and I agree with the price",
        "was clear enough",
    ),
    (
        "was good", "was nice", "was pleasant", "was helpful", "was friendly enough", "was easy", "worked well",
        "made me smile",
    ),
    (
        "was very good", "was great", "was really helpful and kind", "was lovely", "was a pleasure and made me happy",
        "was very friendly and easy",
    ),
    (
        "was absolutely wonderful", "was fantastic, I love it", "was amazing and the best so far",
        "was perfect, thank you so much",
        "was excellent, and everyone was delighted", "was brilliant, I am so happy",
    ),
)  # fmt: skip
_OPENERS: Final = (
    "", "", "", "Hello, ", "Just so you know, ", "For my third order, ", "This week ", "In short: ",
    "As I said before, ",
    "After ten days, ", "This time ", "I must say ", "Like last year, ", "On Tuesday ", "From what I have seen, ",
)  # fmt: skip
_JOINTS: Final = (", and ", "; ", ". Also, ", ", while ", ". Then ", ", and I would add that ")
_CLOSERS: Final = (
    "", "", "", "", " My order number is in the subject line.", " That is all.", " I ordered two of them.",
    " Please pass this on.", " My neighbour says the same.", " I will write again next month.",
    " It was for my daughter.",
)  # fmt: skip


def comment(chance: random.Random, mood: float) -> str:
    """Write one comment.

    Args:
        chance: Where chance comes from.
        mood: From -1 (furious) to 1 (delighted).
    """

    def clause() -> str:
        level = round(mood * 4 + chance.uniform(-0.6, 0.6))
        return f"{chance.choice(_SUBJECTS)} {chance.choice(_VERDICTS[min(max(level, -4), 4) + 4])}"

    text = chance.choice(_OPENERS) + clause()
    if chance.random() < 0.6:
        text += chance.choice(_JOINTS) + clause()
    text += "." + chance.choice(_CLOSERS)
    return text[0].upper() + text[1:]


@lru_cache(maxsize=1)
def comment_pool() -> tuple[tuple[str, ...], ...]:
    """The comments of every world: a row of distinct texts for each grade of mood, from -1 to 1 in equal steps.

    One pool serves all seeds, so that a sentiment model meets few distinct texts however many customers there are.
    """
    chance = random.Random("comments")
    rows: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for grade in range(GRADES):
        row: list[str] = []
        while len(row) < TEXTS_PER_GRADE:
            text = comment(chance, 2 * grade / (GRADES - 1) - 1)
            if text not in seen:
                seen.add(text)
                row.append(text)
        rows.append(tuple(row))
    return tuple(rows)


def write_comments(rng: np.random.Generator, moods: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Choose a comment for each mood; gives positions in the pool laid out row after row."""
    grade = np.rint((np.clip(moods, -1, 1) + 1) / 2 * (GRADES - 1)).astype(np.int64)
    return grade * TEXTS_PER_GRADE + rng.integers(0, TEXTS_PER_GRADE, len(moods))
