"""A summary holds the customer's own words and no others, whoever chooses them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from churnobs import BackendFailed
from churnobs.dashboard.summary import extractive, quoted_only, sentences, summarized

LATE = "The parcel was late again. The courier was rude to me. I like the colours."
MORE = "Late again, the parcel. Nobody answers. The parcel was late in May too."

texts = st.lists(st.text(alphabet="ab ,.!?'<>\n\t", max_size=60), max_size=6)


@given(texts)
def test_every_sentence_of_a_summary_was_said(comments: list[str]) -> None:
    said = [" ".join(text.split()) for text in comments]
    found = summarized(comments, None)
    assert len(found) <= 2
    assert all(any(sentence in one for one in said) for sentence in found)


def test_what_all_say_is_chosen() -> None:
    found = extractive([LATE, MORE], 1)
    assert "parcel" in found[0]
    assert "late" in found[0].lower()


def test_a_model_is_quoted_and_not_believed() -> None:
    assert summarized([LATE], lambda _: "- The courier was rude to me.\n- A refund was promised.") == [
        "The courier was rude to me."
    ]
    invented = summarized([LATE, MORE], lambda _: "The customer is angry about late parcels.")
    assert invented == extractive([LATE, MORE])


def test_without_a_model_in_reach_the_comments_are_still_summed_up() -> None:
    def lost(_: object) -> str:
        raise BackendFailed("unknown function AI_COMPLETE", hint="ask for the grant")

    assert summarized([LATE, MORE], lost) == extractive([LATE, MORE])


def test_nothing_said_is_no_summary() -> None:
    assert summarized([], lambda _: "made up") == []
    assert extractive(["...", " "]) == []
    assert quoted_only("", [LATE]) == []


def test_sentences_end_where_they_end() -> None:
    assert sentences("One.  Two!\nThree? four") == ["One.", "Two!", "Three?", "four"]
