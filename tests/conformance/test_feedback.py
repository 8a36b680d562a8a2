"""The stream of new feedback: read once, each text asked once, scores kept as they were given, on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from files import House, sales

from churnobs import BadConfig, Vader, Workspace
from churnobs.sentiment import stored

COMMENTS = {
    1: ["good", "bad", "?", "good", None],
    2: ["good", "Good", "bad ", 'it\'s "so-so"\nat best \\ é'],
    3: ["new", "bad", None],
}


class Lengths:
    """A score by the length of the text, and a memory of what was asked."""

    name = "it's lengths-1"

    def __init__(self, scores: Any = None) -> None:
        self.asked: list[str] = []
        self.scores = scores

    def score(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return [len(text) / 100 for text in texts] if self.scores is None else self.scores(texts)


@pytest.fixture
def house(workspace: Workspace) -> House:
    return House(workspace)


def feedback(house: House, folder: Path, month: int) -> None:
    rows = []
    for i, comment in enumerate(COMMENTS[month]):
        told = "" if comment is None else '"' + comment.replace('"', '""') + '"'
        rows.append(f"2024-{month:02d}-{10 + i},{told},C{i % 5},F{month}{i},{month * 10 + i}\n")
    house.door.ingest(sales(folder, "".join(rows), f"feedback_raw_2024_{month}.csv"))


def scored(house: House) -> list[tuple[Any, Any]]:
    return house.rows("SELECT COMMENT, SENTIMENT FROM FEEDBACK_SENTIMENT ORDER BY INTERNAL_ID")


def test_each_text_is_asked_once_and_the_stream_read_once(house: House, workspace: Workspace, tmp_path: Path) -> None:
    model, stream = Lengths(), workspace._backend.sentiment
    assert stream.score_unread(model) == (0, 0)
    for month, counts in zip(COMMENTS, [(5, 3), (4, 3), (3, 1)], strict=True):
        feedback(house, tmp_path, month)
        assert stream.score_unread(model) == counts
        assert stream.score_unread(model) == (0, 0)
    texts = [comment for comments in COMMENTS.values() for comment in comments]
    assert sorted(model.asked) == sorted({text for text in texts if text is not None})
    wanted = [None if text is None else Decimal(len(text)).scaleb(-2) for text in texts]
    assert scored(house) == list(zip(texts, wanted, strict=True))
    ids = "SELECT FEEDBACK_ID, CHAT_DATE, CUSTOMER_ID, INTERNAL_ID, COMMENT, CUSTOMER_KEY FROM"
    assert house.rows(f"{ids} FEEDBACK_SENTIMENT ORDER BY FEEDBACK_ID") == house.rows(
        f"{ids} FEEDBACK_RAW ORDER BY FEEDBACK_ID"
    )


def test_the_default_model_scores_as_vader_does(house: House, workspace: Workspace, tmp_path: Path) -> None:
    stream = workspace._backend.sentiment
    for month, counts in zip(COMMENTS, [(5, 3), (4, 3), (3, 1)], strict=True):
        feedback(house, tmp_path, month)
        assert stream.score_unread(Vader()) == counts
    assert stream.score_unread(Vader()) == (0, 0)
    assert {text: score for text, score in scored(house) if text is not None} == {
        text: stored(Vader().score([text])[0])
        for comments in COMMENTS.values()
        for text in comments
        if text is not None
    }
    assert [score for text, score in scored(house) if text is None] == [None, None]


def test_what_was_ingested_before_is_read_at_once(house: House, workspace: Workspace, tmp_path: Path) -> None:
    model = Lengths()
    for month in COMMENTS:
        feedback(house, tmp_path, month)
    assert workspace._backend.sentiment.score_unread(model) == (12, 7)
    assert len(scored(house)) == 12


def test_rows_without_a_text_are_read_and_ask_nothing(house: House, workspace: Workspace, tmp_path: Path) -> None:
    house.door.ingest(sales(tmp_path, "2024-01-01,,C1,F1,1\n", "feedback_raw_2024_1.csv"))
    for model in (Lengths(), Vader()):
        assert workspace._backend.sentiment.score_unread(model) == ((1, 0) if isinstance(model, Lengths) else (0, 0))
    assert scored(house) == [(None, None)]


@pytest.mark.parametrize("model", [Lengths(), Vader()], ids=["own", "default"])
def test_the_offset_moves_with_the_transaction_or_not_at_all(
    house: House, workspace: Workspace, tmp_path: Path, model: Any
) -> None:
    stream = workspace._backend.sentiment
    feedback(house, tmp_path, 1)
    with pytest.raises(KeyboardInterrupt), house.transaction():  # noqa: PT012
        assert stream.score_unread(model) == (5, 3)
        raise KeyboardInterrupt
    assert scored(house) == []
    assert house.rows("SELECT COUNT(*) FROM SENTIMENT_CACHE") == [(0,)]
    assert stream.score_unread(model) == (5, 3)
    assert len(scored(house)) == 5


@pytest.mark.parametrize("scores", [[0.0] * 2, [1.01, 0, 0], [float("nan"), 0, 0], [None, 0, 0], ["good", 0, 0], 0.5])
def test_scores_that_cannot_be_meant_are_refused_whole(
    house: House, workspace: Workspace, tmp_path: Path, scores: Any
) -> None:
    feedback(house, tmp_path, 1)
    with pytest.raises(BadConfig, match=r"sentiment model it's lengths-1 .*one number in \[-1, 1\] a text"):
        workspace._backend.sentiment.score_unread(Lengths(lambda _: scores))
    assert scored(house) == []
    assert workspace._backend.sentiment.score_unread(Lengths()) == (5, 3)


def test_scores_are_kept_with_four_decimals_halves_away_from_zero(
    house: House, workspace: Workspace, tmp_path: Path
) -> None:
    given = [0.00005, -0.00005, 0.12345, -0.99995, 2 / 3, 1e-300, -1.0, 0.5029179]
    rows = "".join(f"2024-01-01,{chr(97 + i)},C,F{i},{i}\n" for i in range(len(given)))
    house.door.ingest(sales(tmp_path, rows, "feedback_raw_2024_1.csv"))
    model = Lengths(lambda texts: [given[ord(text) - 97] for text in texts])
    workspace._backend.sentiment.score_unread(model)
    wanted = ["0.0001", "-0.0001", "0.1235", "-1.0000", "0.6667", "0.0000", "-1.0000", "0.5029"]
    assert [score for _, score in scored(house)] == list(map(Decimal, wanted))
