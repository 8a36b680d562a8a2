"""The stream of new feedback: scored where it is by Cortex, or by a model of the user's; the offset moves with the rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal, quoted, snowflake_type
from churnobs.backends.snowflake.schema import FEEDBACK_STREAM
from churnobs.errors import BadConfig
from churnobs.ports import SentimentPort
from churnobs.sentiment import checked_scores, stored
from churnobs.tables import FEEDBACK_SENTIMENT, SENTIMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.sentiment import SentimentModel

_FUNCTION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*")
# of the models that Cortex has in most regions, a small one
_MODEL: Final = "llama3.1-8b"
_ASKED: Final = (
    "Below are comments of one customer, newest first. Answer with the one or two sentences that matter most to somebody who "
    "calls this customer now, copied word by word from the comments, one a line, and nothing else."
)
_HASH: Final = "SHA2(COMMENT, 256)"


class FeedbackStream(SentimentPort):
    """An append-only stream over FEEDBACK_RAW."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def score_unread(self, model: SentimentModel) -> tuple[int, int]:
        """Consume the stream into FEEDBACK_SENTIMENT.

        Raises:
            BadConfig: the model gave something else than scores, or names no function.
        """
        function: str | None = getattr(model, "cortex", None)
        name = function or model.name
        with self._engine.transaction():
            # both read the stream, which shows the same rows throughout a transaction
            asked = self._score_here(function) if function else self._score_texts(model)
            listed = ", ".join(map(quoted, FEEDBACK_SENTIMENT))
            values = ", ".join(f"{'c' if c == 'SENTIMENT' else 'f'}.{quoted(c)}" for c in FEEDBACK_SENTIMENT)
            rows = self._engine.dml(
                f"""INSERT INTO FEEDBACK_SENTIMENT ({listed}) SELECT {values} FROM {self._new()} AS f
                    LEFT JOIN SENTIMENT_CACHE AS c ON c.MODEL = {literal(name)} AND c.TEXT_HASH = SHA2(f.COMMENT, 256)
                    WHERE {self._known("f.")}""",
                "FEEDBACK_SENTIMENT",
                "SENTIMENT_CACHE",
            )
        return rows, asked

    def summarize(self, comments: Sequence[str]) -> str:
        """What comments come to, by a language model of Cortex that is asked to quote and not to invent."""
        prompt = f"{_ASKED}\n\n" + "\n".join(f"- {comment}" for comment in comments)
        return str(self._engine.link.value(f"SELECT AI_COMPLETE({literal(_MODEL)}, {literal(prompt)})") or "")

    def _score_here(self, function: str) -> int:
        """Let a function of Snowflake's score the texts it has not seen, each once: it is paid for by the word."""
        if not _FUNCTION.fullmatch(function):
            raise BadConfig(f"{function!r} is no name of a function", hint="write it as SNOWFLAKE.CORTEX.SENTIMENT")
        score = f"CAST({function}(COMMENT) AS {snowflake_type(SENTIMENT)})"
        return self._engine.dml(
            f"""INSERT INTO SENTIMENT_CACHE (MODEL, TEXT_HASH, SENTIMENT)
                SELECT {literal(function)}, TEXT_HASH, {score} FROM ({self._unknown(function)})""",
            "SENTIMENT_CACHE",
        )

    def _score_texts(self, model: SentimentModel) -> int:
        """Ask the model for the texts it has not seen, each once."""
        self._engine.flush({"FEEDBACK_RAW", "SENTIMENT_CACHE"})
        rows = self._engine.link.rows(f"{self._unknown(model.name)} ORDER BY TEXT_HASH")
        if not rows:
            return 0
        scores = checked_scores(model.score([text for _, text in rows]), model.name, len(rows))
        kept = [
            {"MODEL": model.name, "TEXT_HASH": text_hash, "SENTIMENT": stored(score)}
            for (text_hash, _), score in zip(rows, scores, strict=True)
        ]
        self._engine.append("SENTIMENT_CACHE", kept)
        return len(rows)

    def _unknown(self, name: str) -> str:
        """The unread texts of which a model's score is not kept, with their hashes."""
        known = f"SELECT TEXT_HASH FROM SENTIMENT_CACHE WHERE MODEL = {literal(name)}"
        return (
            f"SELECT {_HASH} AS TEXT_HASH, MIN(COMMENT) AS COMMENT FROM {self._new()} "
            f"WHERE COMMENT IS NOT NULL AND {_HASH} NOT IN ({known}) AND {self._known()} GROUP BY 1"
        )

    def _new(self) -> str:
        """What is read: an append-only stream also gives rows that a revision put in and the next one took out again."""
        files = self._engine.read("FILES_INGESTED").to_pylist()
        if not any(f["FILE_TYPE"] == "feedback" and f["REPLACED_IN"] is not None for f in files):
            return FEEDBACK_STREAM
        return f"(SELECT * FROM FEEDBACK_RAW WHERE FEEDBACK_ID IN (SELECT FEEDBACK_ID FROM {FEEDBACK_STREAM}))"

    def _known(self, of: str = "") -> str:
        """An append-only stream also gives rows that were deleted since: those of forgotten customers."""
        gone = sorted(set(self._engine.read("FORGOTTEN")["CUSTOMER_HASH"].to_pylist()))
        return f"SHA2({of}CUSTOMER_ID, 256) NOT IN ({', '.join(map(literal, gone))})" if gone else "TRUE"
