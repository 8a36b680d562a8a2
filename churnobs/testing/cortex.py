"""Cortex functions without a language model: VADER where a score is asked for, fixed rules elsewhere, or the user's function.

The answers are deterministic and are not those of any model on Snowflake.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from sqlglot import exp

from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.proof import Function, document, judgement
from churnobs.testing.rewriting import SCALARS, Rewriter, scalar
from churnobs.testing.session import Session
from churnobs.testing.trees import value_of

_ADDRESS = re.compile(r"\d+")


def sentiment_of(session: Session, text: str) -> float:
    """A text's score in [-1, 1]: the hook's, or VADER's."""
    hook = session.account.config.sentiment
    if hook is not None:
        return max(-1.0, min(1.0, float(hook(text))))
    return float(_vader().polarity_scores(text)["compound"])


@functools.cache
def _vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def summarize(text: str) -> str:
    """The text itself when it is short, else its first sentences up to 110 characters."""
    if len(text) <= 110:
        return text
    made = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text.strip()):
        if made and len(made) + len(sentence) > 110:
            break
        made = f"{made} {sentence}".strip()
    return made if len(made) <= 400 else made[:400]


def label_of(score: float) -> str:
    """The word for a score."""
    return "positive" if score >= 0.25 else "negative" if score <= -0.25 else "neutral"


def classify(session: Session, text: str, labels: list[str]) -> list[str]:
    """The label whose words the text has most of; words of mood decide between labels of mood, ties go to the first."""
    score = sentiment_of(session, text)
    have = set(re.findall(r"\w+", text.lower()))
    good, bad = {"positive", "happy", "satisfied", "good"}, {"negative", "unhappy", "dissatisfied", "bad", "angry"}

    def points(label: str) -> float:
        words = set(re.findall(r"\w+", label.lower()))
        mood = score if words & good else -score if words & bad else 0.0
        return len(words & have) + mood

    return [max(labels, key=points)] if labels else []


def complete(session: Session, model: str, prompt: str, schema: Mapping[str, Any] | None) -> Any:
    """An answer to a prompt: the hook's, or by rule a text or a value for each property of the schema."""
    hook = session.account.config.complete
    if hook is not None:
        return hook(model, prompt, schema)
    if schema is None:
        return f"[{model}] {summarize(_subject(prompt) if prompt.startswith('[{') else prompt)}"
    return _fill(session, prompt, schema)


def _fill(session: Session, prompt: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _fill(session, prompt, inner) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "number":
        return sentiment_of(session, _subject(prompt))
    if kind == "integer":
        return round(sentiment_of(session, _subject(prompt)))
    if kind == "boolean":
        return sentiment_of(session, _subject(prompt)) > 0
    if kind == "array":
        return [_fill(session, prompt, schema.get("items") or {"type": "string"})]
    if schema.get("enum"):
        return classify(session, _subject(prompt), list(schema["enum"]))[0]
    return summarize(_subject(prompt))


def _subject(prompt: str) -> str:
    """What a prompt is about: its last message, and the text after its last marker, when it has instructions before it."""
    if prompt.startswith("[{"):
        try:
            prompt = str(json.loads(prompt)[-1]["content"])
        except (ValueError, KeyError, TypeError):
            return prompt
    for marker in ("Text to analyze:", "Text:", "text:", "\n\n"):
        if marker in prompt:
            return prompt.rpartition(marker)[2].strip()
    return prompt


def _udf(rewriter: Rewriter, name: str, function: Callable[..., Any], args: list[exp.Expr], kind: str) -> exp.Expr:
    """A call of a Python function that sees each row's values as text."""
    rewriter.dynamic = True
    duck = f"_offline_cortex_{name.lower()}_{len(args)}"

    def run(*columns: pa.ChunkedArray) -> pa.Array:
        rows = zip(*(c.to_pylist() for c in columns), strict=True)
        made = [None if row[0] is None else function(*row) for row in rows]
        return pa.array(made, pa.float64() if kind == "DOUBLE" else pa.string())

    called_as = rewriter.session.engine.function(duck, run, kind)
    return exp.Anonymous(this=called_as, expressions=[exp.cast(a.copy(), "TEXT") for a in args])


def _json(tree: exp.Expr) -> exp.Expr:
    return exp.cast(tree, "JSON")


@scalar("SENTIMENT", proof=document("functions/sentiment-snowflake-cortex"))
def _sentiment(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """SENTIMENT(text): VADER's score in [-1, 1], or the account's own function."""
    session = rewriter.session
    return _udf(rewriter, "sentiment", lambda text: sentiment_of(session, text), args[:1], "DOUBLE")


@scalar("AI_SENTIMENT", proof=document("functions/ai_sentiment"))
def _ai_sentiment(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """AI_SENTIMENT(text [, categories]): words for VADER's scores, of the whole and of the sentences about each category."""
    session = rewriter.session

    def run(text: str, categories: str | None = None) -> str:
        found = [{"name": "overall", "sentiment": label_of(sentiment_of(session, text))}]
        for category in json.loads(categories) if categories else []:
            about = [s for s in re.split(r"(?<=[.!?])\s+", text) if category.lower() in s.lower()]
            mood = label_of(sentiment_of(session, " ".join(about))) if about else "unknown"
            found.append({"name": category, "sentiment": mood})
        return json.dumps({"categories": found})

    return _json(_udf(rewriter, "ai_sentiment", run, [args[0], *map(_texts, args[1:2])], "VARCHAR"))


def _texts(tree: exp.Expr) -> exp.Expr:
    """A list argument as JSON text."""
    return exp.Anonymous(this="to_json", expressions=[tree.copy()])


@scalar("AI_CLASSIFY", proof=document("functions/ai_classify"))
def _ai_classify(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """AI_CLASSIFY(text, labels): the label whose words the text has most of."""
    session = rewriter.session

    def run(text: str, labels: str) -> str:
        names = [item["label"] if isinstance(item, dict) else str(item) for item in json.loads(labels)]
        return json.dumps({"labels": classify(session, text, names)})

    return _json(_udf(rewriter, "ai_classify", run, [args[0], _texts(args[1])], "VARCHAR"))


@scalar("CLASSIFY_TEXT", proof=document("functions/classify_text-snowflake-cortex"))
def _classify_text(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """CLASSIFY_TEXT(text, labels): the label whose words the text has most of."""
    session = rewriter.session

    def run(text: str, labels: str) -> str:
        names = [item["label"] if isinstance(item, dict) else str(item) for item in json.loads(labels)]
        return json.dumps({"label": classify(session, text, names)[0]})

    return _json(_udf(rewriter, "classify_text", run, [args[0], _texts(args[1])], "VARCHAR"))


@scalar("SUMMARIZE", "AI_SUMMARIZE", proof=document("functions/summarize-snowflake-cortex"))
def _summarize(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """SUMMARIZE(text): its first sentences."""
    return _udf(rewriter, "summarize", summarize, args[:1], "VARCHAR")


@scalar("PROMPT", proof=document("functions/prompt"))
def _prompt(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """PROMPT(template, values...): the text with the values in it (in Snowflake an OBJECT that AI functions take)."""
    parts = re.split(r"\{(\d+)\}", str(rewriter.evaluate(args[0])))
    texts = [
        exp.cast(args[int(part) + 1].copy(), "TEXT") if at % 2 else value_of(part) for at, part in enumerate(parts)
    ]
    return exp.Paren(this=exp.Anonymous(this="concat", expressions=texts))


@scalar("COMPLETE", "TRY_COMPLETE", proof=document("functions/complete-snowflake-cortex"))
def _complete(rewriter: Rewriter, args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
    """COMPLETE(model, prompt [, options]): a text; with options an OBJECT of choices, or of structured_output."""
    if len(args) < 3:
        return _answer(rewriter, args, {})
    model, prompt, options = args[:3]
    told = json.loads(rewriter.evaluate(exp.Anonymous(this="to_json", expressions=[options.copy()])) or "null")
    told = json.loads(told) if isinstance(told, str) else told
    schema = (told or {}).get("response_format")
    if schema is None:
        return _details("choices", _answer(rewriter, [model, prompt], {}), "messages", model)
    answer = _answer(rewriter, [model, prompt], {"RESPONSE_FORMAT": value_of(json.dumps(schema))})
    return _details("structured_output", answer, "raw_message", model)


def _details(title: str, answer: exp.Expr, key: str, model: exp.Expr) -> exp.Expr:
    inner = exp.Anonymous(this="json_object", expressions=[value_of(key), answer])
    listed = exp.Anonymous(this="json_array", expressions=[inner])
    return exp.Anonymous(this="json_object", expressions=[value_of(title), listed, value_of("model"), model.copy()])


@scalar("AI_COMPLETE", proof=document("functions/ai_complete"))
def _ai_complete(rewriter: Rewriter, args: list[exp.Expr], named: dict[str, exp.Expr]) -> exp.Expr:
    """AI_COMPLETE(model, prompt [, model_parameters [, response_format]])."""
    return _answer(rewriter, args, named)


def _answer(rewriter: Rewriter, args: list[exp.Expr], named: dict[str, exp.Expr]) -> exp.Expr:
    session = rewriter.session
    model = named.get("MODEL") or args[0]
    prompt = named.get("PROMPT") or args[1]
    given = named.get("RESPONSE_FORMAT") or (args[3] if len(args) > 3 else None)
    schema = _schema(rewriter, given)
    key = f"complete_{abs(hash(json.dumps(schema, sort_keys=True))) if schema else 0}"
    if "SHOW_DETAILS" in named and rewriter.evaluate(named["SHOW_DETAILS"]):
        raise not_supported("AI_COMPLETE(show_details => TRUE)", "leave show_details out")

    def run(text: str, which: str) -> str:
        made = complete(session, which, text, schema)
        return made if schema is None and isinstance(made, str) else json.dumps(made)

    call = _udf(rewriter, key, run, [prompt, model], "VARCHAR")
    return call if schema is None else _json(call)


def _schema(rewriter: Rewriter, given: exp.Expr | None) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, exp.Null):
        return None
    value = rewriter.evaluate(
        exp.Anonymous(this="to_json", expressions=[given.copy()]) if isinstance(given, exp.Struct) else given
    )
    found = json.loads(value) if isinstance(value, str) else value
    if isinstance(found, str):
        found = json.loads(found)
    if not isinstance(found, dict):
        raise SqlError("Invalid response_format", 100351, "P0000")
    inner: Mapping[str, Any] = found.get("schema", found)
    return inner


def _refuse(name: str, instead: str) -> None:
    def refuse_it(_rewriter: Rewriter, _args: list[exp.Expr], _named: dict[str, exp.Expr]) -> exp.Expr:
        raise not_supported(name, instead)

    SCALARS[name] = Function(refuse_it, "", judgement("left out of what is emulated"), instead)


for _name in ("AI_TRANSLATE", "AI_EXTRACT", "AI_FILTER", "AI_EMBED", "AI_AGG", "AI_SUMMARIZE_AGG", "AI_SIMILARITY",
    "AI_TRANSCRIBE",
              "TRANSLATE_TEXT", "EMBED_TEXT_768", "EMBED_TEXT_1024", "EXTRACT_ANSWER", "AI_PARSE_DOCUMENT"):  # fmt: skip
    _refuse(_name, "compute it in a Python function of your own")
