"""What a customer's comments come to, in the customer's own words: quoted, never invented.

Where the engine has a language model it is asked to choose sentences; what it answers counts only when it stands in the
comments word by word. Else LexRank (Erkan & Radev 2004) by sumy chooses the sentences most like all the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from churnobs.errors import ChurnobsError

SENTENCES: Final = 2
_END: Final = re.compile(r"(?<=[.!?…])\s+")
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_SPACE: Final = re.compile(r"\s+")


class _Words:
    """sumy's tokenizer, for any language that ends sentences with a point: its own needs data that must be downloaded."""

    language = "english"

    def to_sentences(self, paragraph: str) -> tuple[str, ...]:
        return tuple(sentences(paragraph))

    def to_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(_WORD.findall(sentence.lower()))


def sentences(text: str) -> list[str]:
    """The sentences of a text.

    >>> sentences("Late again! I wait.  Why?")
    ['Late again!', 'I wait.', 'Why?']
    """
    return [part.strip() for part in _END.split(_SPACE.sub(" ", text)) if part.strip()]


def extractive(comments: Sequence[str], count: int = SENTENCES) -> list[str]:
    """The sentences of the comments that say most of what all of them say, in their order."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence  # type: ignore[import-untyped]
    from sumy.summarizers.lex_rank import LexRankSummarizer  # type: ignore[import-untyped]

    every = list(dict.fromkeys(s for comment in comments for s in sentences(comment)))
    spoken = [s for s in every if _WORD.search(s)]
    if len(spoken) <= count:
        return spoken
    words = _Words()
    document = ObjectDocumentModel([Paragraph([Sentence(s, words) for s in spoken])])
    # sentences without a word in common have no rank: then the newest stay first
    with np.errstate(all="ignore"):
        return [str(s) for s in LexRankSummarizer()(document, count)]


def quoted_only(answer: str, comments: Sequence[str]) -> list[str]:
    r"""The lines of an answer that stand in a comment word by word.

    >>> quoted_only("- It was late.\n- A refund will come.", ["Hello. It was  late. Bye."])
    ['It was late.']
    """
    said = [_SPACE.sub(" ", comment).lower() for comment in comments]
    lines = [_SPACE.sub(" ", line).strip().lstrip("-*\u2022 ").strip('"\u201c\u201d ') for line in answer.splitlines()]
    return [line for line in lines if line and any(line.lower() in one for one in said)]


def summarized(comments: Sequence[str], model: Callable[[Sequence[str]], str] | None) -> list[str]:
    """One or two sentences of the comments; by a language model where there is one that keeps to their words."""
    if not comments:
        return []
    if model is not None:
        try:
            found = quoted_only(model(comments), comments)[:SENTENCES]
        except ChurnobsError:
            # no model in this region, or not granted: the comments are still there to be read
            found = []
        if found:
            return found
    return extractive(comments)
