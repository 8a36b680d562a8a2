"""Cortex without a model: deterministic, NULL-safe, replaceable."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import snowflake.cortex
from snowflake.snowpark import functions as F
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from churnobs.testing import offline_account

TEXTS = ["I love it, great value!", "Terrible, I hate the delays.", "It arrived on Monday.", ""]


def vader(text: str) -> float:
    return SentimentIntensityAnalyzer().polarity_scores(text)["compound"]


def test_sentiment_is_vaders_and_null_stays_null(sql) -> None:
    for text in TEXTS:
        assert sql(f"SELECT SNOWFLAKE.CORTEX.SENTIMENT('{text}')") == [(vader(text),)]
    assert sql("SELECT SNOWFLAKE.CORTEX.SENTIMENT(NULL)") == [(None,)]


def test_the_python_wrapper_over_columns_and_texts(snowflake_session) -> None:
    df = snowflake_session.create_dataframe([[t] for t in [*TEXTS, None]], schema=["X"])
    with pytest.warns(DeprecationWarning, match="ai_complete"):
        column = snowflake.cortex.sentiment(F.col("X"))
    got = {r["X"]: r["S"] for r in df.with_column("S", column).collect()}
    assert got == {**{t: vader(t) for t in TEXTS}, None: None}
    assert snowflake.cortex.sentiment(TEXTS[0], session=snowflake_session) == vader(TEXTS[0])


def test_sentiment_of_sql_and_call_function(snowflake_session, sql) -> None:
    sql(f"CREATE TABLE f AS SELECT column1 AS c FROM VALUES ('{TEXTS[0]}'), ('{TEXTS[1]}')")
    got = (
        snowflake_session.table("f")
        .select(F.call_function("SNOWFLAKE.CORTEX.SENTIMENT", F.col("C")).alias("S"))
        .agg(F.sum("S"))
        .collect()
    )
    assert got[0][0] == pytest.approx(vader(TEXTS[0]) + vader(TEXTS[1]), abs=1e-12)


def test_labels_and_classes(sql) -> None:
    ((found,),) = sql(
        "SELECT AI_SENTIMENT('I love the price. The delivery was awful.', ['price', 'delivery', 'colour'])"
    )
    assert {c["name"]: c["sentiment"] for c in json.loads(found)["categories"]} == {
        "overall": "positive" if vader("I love the price. The delivery was awful.") >= 0.25 else "neutral", "price": "positive",
        "delivery": "negative", "colour": "unknown",
    }  # fmt: skip
    assert sql("SELECT AI_CLASSIFY('I am angry about the invoice', ['delivery', 'invoice']):labels[0]::STRING") == [
        ("invoice",)
    ]


def test_completions_are_deterministic_and_follow_a_schema(sql) -> None:
    assert sql(
        "SELECT AI_COMPLETE('m', 'hi'), SNOWFLAKE.CORTEX.COMPLETE('m', 'hi'), AI_COMPLETE(model => 'm', prompt => NULL)"
    ) == [("[m] hi", "[m] hi", None)]
    shape = "{'type': 'json', 'schema': {'type': 'object', 'properties': {'score': {'type': 'number'}, 'mood': {'type': 'string', 'enum': ['happy', 'angry']}}}}"
    ((found,),) = sql(
        f"SELECT AI_COMPLETE(model => 'm', prompt => 'Rate. Text: I hate it', response_format => {shape})"
    )
    assert json.loads(found) == {"score": vader("I hate it"), "mood": "angry"}


def test_summaries_keep_short_texts(sql) -> None:
    long = "The parcel came late. " * 12
    assert sql("SELECT AI_SUMMARIZE('short'), SNOWFLAKE.CORTEX.SUMMARIZE(NULL)") == [("short", None)]
    ((made,),) = sql(f"SELECT SNOWFLAKE.CORTEX.SUMMARIZE('{long}')")
    assert made.startswith("The parcel came late.")
    assert len(made) <= 110


def test_the_users_own_functions_answer_instead() -> None:
    def complete(model: str, prompt: str, schema: object) -> object:
        return {"score": 0.5} if schema else f"{model}:{prompt}"

    with offline_account(sentiment=len, complete=complete) as session:
        rows = session.sql("SELECT SNOWFLAKE.CORTEX.SENTIMENT('abc'), AI_COMPLETE('m', 'p')").collect()
        assert tuple(rows[0]) == (1.0, "m:p")
        assert snowflake.cortex.sentiment("x", session=session) == 0.5


@pytest.mark.parametrize(
    "call", ["AI_TRANSLATE('a', 'en', 'de')", "SNOWFLAKE.CORTEX.EMBED_TEXT_768('m', 'x')", "AI_AGG('a', 'b')"]
)
def test_the_others_are_refused(fails, call: str) -> None:
    assert "offline account:" in fails(f"SELECT {call}")[1]


def test_a_function_of_ones_own_may_have_the_same_name(sql, fails) -> None:
    assert fails("SELECT sentiment('x')")[0] == 2140
    sql("CREATE FUNCTION sentiment(s VARCHAR) RETURNS FLOAT AS '7.0'")
    assert sql("SELECT sentiment('I love it'), SNOWFLAKE.CORTEX.SENTIMENT('I love it')") == [(7.0, vader("I love it"))]


def test_scores_within_a_transaction(sql) -> None:
    sql("CREATE TABLE t AS SELECT column1 AS c FROM VALUES ('I love it'), (NULL)")
    sql("CREATE STREAM st ON TABLE t APPEND_ONLY = TRUE")
    sql("CREATE TABLE scored (c VARCHAR, s NUMBER(5,4))")
    for end in ("ROLLBACK", "COMMIT", "COMMIT"):
        sql("BEGIN")
        sql("INSERT INTO t VALUES ('I hate it')")
        sql("INSERT INTO scored SELECT c, SNOWFLAKE.CORTEX.SENTIMENT(c) FROM t WHERE UPPER(c) LIKE 'I LOVE%'")
        sql(end)
    assert sql("SELECT COUNT(*), MIN(s) > 0 FROM scored") == [(2, True)]


def test_an_error_after_a_stream_was_read_in_a_transaction_is_told(sql, fails) -> None:
    sql("CREATE TABLE t (c VARCHAR)")
    sql("CREATE STREAM st ON TABLE t APPEND_ONLY = TRUE")
    sql("INSERT INTO t VALUES ('x')")
    sql("BEGIN")
    assert "not recognized" in fails("INSERT INTO t SELECT CAST(c AS INT) FROM st")[1]
    sql("ROLLBACK")


def test_complete_with_messages_and_a_response_format(sql) -> None:
    schema = "{'type': 'object', 'properties': {'intent': {'type': 'string', 'enum': ['STREAMING', 'CINEMA']}}}"
    messages = "[{'role': 'system', 'content': 'Label it: STREAMING or CINEMA.'}, {'role': 'user', 'content': C}]"
    sql("CREATE TABLE COMMENTS AS SELECT 'I wait for streaming' AS C UNION ALL SELECT 'see you in the cinema'")
    for name in ("COMPLETE", "TRY_COMPLETE"):
        call = (
            f"SNOWFLAKE.CORTEX.{name}('m', {messages}, {{'response_format': {{'type': 'json', 'schema': {schema}}}}})"
        )
        found = sql(f"SELECT C, {call}:structured_output[0]:raw_message:intent::STRING FROM COMMENTS ORDER BY C")
        assert found == [("I wait for streaming", "STREAMING"), ("see you in the cinema", "CINEMA")]
    ((told,),) = sql("SELECT SNOWFLAKE.CORTEX.COMPLETE('m', 'hello', {'temperature': 0}):choices[0]:messages::STRING")
    assert "hello" in told


def test_a_prompt_is_its_template_with_the_values(sql) -> None:
    assert sql("SELECT PROMPT('{1} before {0}, and {0}', 'a', 2)") == [("2 before a, and a",)]
    ((told,),) = sql("SELECT AI_COMPLETE('m', PROMPT('Say {0}', 'hello'), {'temperature': 0})")
    assert "Say hello" in told
