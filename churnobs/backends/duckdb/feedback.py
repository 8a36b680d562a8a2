"""The stream of new feedback: read once, scored once, and the offset moves with the rows or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from churnobs.ports import SentimentPort
from churnobs.sentiment import checked_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from churnobs.backends.duckdb.database import Database
    from churnobs.sentiment import SentimentModel

STREAM: Final = "FEEDBACK_STREAM"


def remove_feedback(connection: duckdb.DuckDBPyConnection, gone: str, values: Sequence[object]) -> int:
    """Delete rows of FEEDBACK_RAW by a condition; the stream counts rows, so no holes are left. Gives how many."""
    rows, read = connection.execute(
        f"""SELECT count(*) FILTER ({gone}), count(*) FILTER (NOT coalesce({gone}, FALSE) AND
            rowid < (SELECT coalesce(max(NEXT_ROW), 0) FROM STREAMS WHERE NAME = '{STREAM}')) FROM FEEDBACK_RAW""",
        [*values, *values],
    ).fetchall()[0]
    if rows:
        kept = f"FROM FEEDBACK_RAW WHERE NOT coalesce({gone}, FALSE)"
        connection.execute(f"CREATE OR REPLACE TABLE FEEDBACK_RAW AS {kept}", list(values))
        connection.execute("UPDATE STREAMS SET NEXT_ROW = ? WHERE NAME = ?", [read, STREAM])
    return int(rows)


class FeedbackStream(SentimentPort):
    """An append-only stream over FEEDBACK_RAW; its offset is the next row to read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def score_unread(self, model: SentimentModel) -> tuple[int, int]:
        """Consume the stream into FEEDBACK_SENTIMENT."""
        with self._database.transaction():
            start = self._database.value("SELECT NEXT_ROW FROM STREAMS WHERE NAME = ?", [STREAM]) or 0
            end = self._database.value("SELECT coalesce(max(rowid) + 1, 0) FROM FEEDBACK_RAW")
            if end <= start:
                return 0, 0
            asked = self._score_texts(model, start)
            self._database.insert(
                "FEEDBACK_SENTIMENT",
                """INSERT INTO FEEDBACK_SENTIMENT BY NAME
                   SELECT f.FEEDBACK_ID, f.CHAT_DATE, f.CUSTOMER_ID, f.INTERNAL_ID, f.COMMENT, c.SENTIMENT, f.CUSTOMER_KEY
                   FROM (SELECT rowid AS ROW_NUMBER, * FROM FEEDBACK_RAW WHERE rowid >= ?) AS f
                   LEFT JOIN SENTIMENT_CACHE AS c ON c.MODEL = ? AND c.TEXT_HASH = sha256(f.COMMENT)
                   ORDER BY f.ROW_NUMBER""",
                [start, model.name],
            )
            self._database.execute("DELETE FROM STREAMS WHERE NAME = ?", [STREAM])
            self._database.execute("INSERT INTO STREAMS VALUES (?, 'FEEDBACK_RAW', ?)", [STREAM, end])
            return end - start, asked

    def _score_texts(self, model: SentimentModel, start: int) -> int:
        """Ask the model for the texts it has not seen, each once."""
        rows = self._database.fetch(
            """SELECT min(COMMENT) AS COMMENT, sha256(COMMENT) AS TEXT_HASH FROM FEEDBACK_RAW
               WHERE rowid >= ? AND COMMENT IS NOT NULL
                 AND sha256(COMMENT) NOT IN (SELECT TEXT_HASH FROM SENTIMENT_CACHE WHERE MODEL = ?)
               GROUP BY TEXT_HASH ORDER BY TEXT_HASH""",
            [start, model.name],
        )
        texts = rows["COMMENT"].to_pylist()
        if not texts:
            return 0
        scores = checked_scores(model.score(texts), model.name, len(texts))
        names = pa.array([model.name] * len(texts))
        cache = pa.table({"MODEL": names, "TEXT_HASH": rows["TEXT_HASH"], "SENTIMENT": pa.array(scores, pa.float64())})
        self._database.write("SENTIMENT_CACHE", cache)
        return len(texts)
