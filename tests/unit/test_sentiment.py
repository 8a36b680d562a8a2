"""Comments to numbers: each text asked once, the stream read once, and VADER as good as published."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from loops import Interrupted, recipe, stops_at

import churnobs
from churnobs import BadConfig, LifecycleConfig, SentimentModel, Vader, Workspace, roc_auc
from churnobs.lifecycle.steps import StepKind

DATA = Path(os.environ.get("CHURNOBS_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
SALES = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT"
FEEDBACK = "CHAT_DATE,COMMENT,CUSTOMER_ID,FEEDBACK_ID,INTERNAL_ID"
COMMENTS = {1: ["good", "bad", "?", "good", None], 2: ["good", "Good", "bad "], 3: ["new", "bad", None]}


class Lengths:
    """A model of one's own: a score by the length of the text, and a memory of what it was asked."""

    name = "lengths-1"

    def __init__(self, scores: Any = None) -> None:
        self.asked: list[str] = []
        self.calls = 0
        self.scores = scores

    def score(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        self.calls += 1
        return [len(text) / 10 for text in texts] if self.scores is None else self.scores(texts)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    number = 0
    for month, comments in COMMENTS.items():
        sales = [f"T{month}-{c},C{c},2024-{month:02d}-{1 + c:02d},false,1,card,{c + 1}" for c in range(5)]
        rows = []
        for i, comment in enumerate(comments):
            number += 1
            told = "" if comment is None else f'"{comment}"'
            rows.append(f"2024-{month:02d}-{10 + i},{told},C{i % 5},F{number},{number}")
        for name, header, lines in (("sales", SALES, sales), ("feedback_raw", FEEDBACK, rows)):
            text = "\n".join([header, *lines]) + "\n"
            (tmp_path / f"{name}_2024_{month}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def loop_of(workspace: Workspace, model: Any, files: Path) -> Any:
    return workspace.lifecycle(LifecycleConfig(sentiment=model, trainer=recipe()), source=files)


def scored(workspace: Workspace) -> list[dict[str, Any]]:
    return workspace.sql("SELECT * FROM FEEDBACK_SENTIMENT ORDER BY CHAT_DATE, INTERNAL_ID").collect()


def test_each_text_is_asked_once_and_the_stream_read_once(files: Path) -> None:
    model = Lengths()
    with churnobs.connect(threads=1) as workspace:
        loop = loop_of(workspace, model, files)
        for month, (rows, texts) in zip(COMMENTS, [(5, 3), (3, 2), (3, 1)], strict=True):
            loop.process_one_month()
            found = loop.journal.result(churnobs.Month(2024, month), StepKind.SENTIMENT)
            assert found == {"rows": rows, "texts": texts}
        assert sorted(model.asked) == sorted({"good", "bad", "?", "Good", "bad ", "new"})
        assert model.calls == 3, "one call for all the texts of a month"
        rows = scored(workspace)
        assert [row["COMMENT"] for row in rows] == [c for comments in COMMENTS.values() for c in comments]
        for row in rows:
            wanted = None if row["COMMENT"] is None else len(row["COMMENT"]) / 10
            assert (None if row["SENTIMENT"] is None else float(row["SENTIMENT"])) == wanted
        raw = workspace.table("FEEDBACK_RAW").collect()
        assert sorted(row["FEEDBACK_ID"] for row in rows) == sorted(row["FEEDBACK_ID"] for row in raw)
        assert workspace._backend.sentiment.score_unread(model) == (0, 0)
        assert model.calls == 3


def test_features_are_of_the_models_scores(files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop_of(workspace, Lengths(), files).run()
        rows = workspace.sql("SELECT * FROM FEATURES ORDER BY TIMESTAMP, CUSTOMER_ID").collect()
    found = {(row["CUSTOMER_ID"], row["TIMESTAMP"].month): row for row in rows}
    # C0 said "good" twice, then "new"; C1 "bad", "Good", "bad"
    assert [found["C0", m]["SENTIMENT_MIN_2"] for m in (2, 3, 4)] == pytest.approx([0.4, 0.4, 0.3])
    assert found["C0", 4]["SENTIMENT_AVG_2"] == pytest.approx(0.35)
    assert found["C1", 4]["SENTIMENT_AVG_3"] == pytest.approx((0.3 + 0.4 + 0.3) / 3)
    # C4 said nothing that has a text
    assert {found["C4", m]["SENTIMENT_AVG_4"] for m in (2, 3, 4)} == {0.0}


def test_an_interrupted_step_asks_again_only_for_what_was_not_kept(files: Path) -> None:
    model = Lengths()
    with churnobs.connect(threads=1) as workspace:
        with pytest.raises(Interrupted):
            loop_of(workspace, model, files).run(progress=stops_at(StepKind.FEATURES, "2024-02"))
        loop_of(workspace, model, files).run()
        assert len(model.asked) == len(set(model.asked)) == 6
        assert len(scored(workspace)) == 11


def test_feedback_that_is_ingested_late_is_read_then(files: Path) -> None:
    model = Lengths()
    with churnobs.connect(threads=1) as workspace:
        workspace.ingest(files)
        loop_of(workspace, model, files).run()
        assert len(scored(workspace)) == 11
        assert model.calls == 1


@pytest.mark.parametrize(
    "scores",
    [
        lambda texts: [0.0] * (len(texts) - 1),
        lambda texts: [0.0] * (len(texts) + 1),
        lambda texts: [1.01] * len(texts),
        lambda texts: [-2.0] * len(texts),
        lambda texts: [float("nan")] * len(texts),
        lambda texts: [None] * len(texts),
        lambda texts: ["good"] * len(texts),
        lambda texts: 0.5,
    ],
    ids=["too few", "too many", "above 1", "below -1", "not a number", "None", "texts", "one number"],
)
def test_scores_that_cannot_be_meant_are_refused_whole(scores: Any, files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        with pytest.raises(BadConfig, match=r"sentiment model lengths-1 .*one number in \[-1, 1\] a text"):
            loop_of(workspace, Lengths(scores), files).run()
        assert scored(workspace) == []
        assert workspace.table("SENTIMENT_CACHE").count() == 0
        # the same name with better answers goes on
        loop_of(workspace, Lengths(), files).run()
        assert len(scored(workspace)) == 11


def test_scores_may_be_an_array(files: Path) -> None:
    import numpy as np

    with churnobs.connect(threads=1) as workspace:
        loop_of(workspace, Lengths(lambda texts: np.linspace(-1, 1, len(texts))), files).run()
        assert {float(row["SENTIMENT"]) for row in scored(workspace)[:4]} <= {-1.0, 0.0, 1.0}


def test_another_model_is_another_meaning(files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop_of(workspace, Lengths(), files).run(1)
        with pytest.raises(BadConfig, match=r"sentiment='lengths-1', not 'vader-3.3'"):
            loop_of(workspace, Vader(), files).run()


def test_vader_is_a_model_like_any_other() -> None:
    model = Vader()
    assert isinstance(model, SentimentModel)
    assert isinstance(Lengths(), SentimentModel)
    assert model.score([]) == []
    good, bad, nothing = model.score(["I love it, great!", "Terrible, I hate it.", ""])
    assert -1 <= bad < 0 < good <= 1
    assert nothing == 0.0


@pytest.mark.parametrize(("source", "least"), [("amazon", 0.92), ("imdb", 0.875), ("yelp", 0.89)])
def test_vader_is_as_good_as_known(source: str, least: float) -> None:
    file = DATA / "uci_sentiment_sentences" / "sentences.csv"
    if not file.exists():
        pytest.skip(f"no {file.name} in CHURNOBS_DATA ({DATA}); see the data's README")
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if source in row["source"]]
    assert len(rows) == 1_000
    labels = [row["label"] in {"1", "positive"} for row in rows]
    assert sum(labels) == 500
    assert roc_auc(labels, Vader().score([row["text"] for row in rows])) >= least


def test_dates_of_comments_are_what_features_go_by(files: Path) -> None:
    with churnobs.connect(threads=1) as workspace:
        loop_of(workspace, Lengths(), files).run(1)
        assert {row["CHAT_DATE"] for row in scored(workspace)} == {dt.date(2024, 1, day) for day in range(10, 15)}
