"""Reading commands: tokens with their place in the text, and a parser that walks them.

Only commands (CREATE STREAM, ALTER MODEL, PUT, ...) are read this way; queries are parsed by sqlglot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from churnobs.testing.failures import SqlError, syntax
from churnobs.testing.names import fold, split_name

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | --[^\n]* | //[^\n]* | /\*.*?\*/)
  | (?P<dollars>\$\$.*?\$\$)
  | (?P<string>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<url>(?:file|snow)://[^\s;,()']+)
  | (?P<stage>@(?:"(?:[^"]|"")*"|[^\s;,()'"])+)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<sign>->>|=>|::|:=|<>|!=|<=|>=|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: what it is, its text and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The text of a word in upper case; of anything else as it stands."""
        return self.text.upper() if self.kind == "word" else self.text


def tokens(text: str) -> list[Token]:
    """Cut a statement into tokens, comments and blanks left out.

    >>> [t.text for t in tokens("PUT 'file:///a b' @st/x -- why")]
    ['PUT', "'file:///a b'", '@st/x']
    """
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        if kind != "space":
            found.append(Token(kind, match.group(), match.start(), match.end()))
    return found


def unquote(token: Token) -> str:
    """The value of a string token, its escapes resolved."""
    if token.kind == "dollars":
        return token.text[2:-2]
    body = token.text[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), body, flags=re.DOTALL)


class Parser:
    """Walk the tokens of one command."""

    def __init__(self, text: str, bindings: Sequence[Any] = ()) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.at = 0
        self.bindings = list(bindings)

    def peek(self, ahead: int = 0) -> Token | None:
        """The token to come, or None at the end."""
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def done(self) -> bool:
        """Whether nothing but a closing semicolon is left."""
        return self.peek() is None or (self.tokens[self.at].text == ";" and self.at == len(self.tokens) - 1)

    def accept(self, *words: str) -> bool:
        """Take the words if they come next, all or none."""
        ahead = self.tokens[self.at : self.at + len(words)]
        if len(ahead) == len(words) and all(t.upper == w for t, w in zip(ahead, words, strict=True)):
            self.at += len(words)
            return True
        return False

    def accept_any(self, *words: str) -> str | None:
        """Take one of the words if it comes next."""
        token = self.peek()
        if token is not None and token.upper in words:
            self.at += 1
            return token.upper
        return None

    def expect(self, *words: str) -> None:
        """Take the words or fail."""
        for word in words:
            if not self.accept(word):
                raise self.wrong(f"expected '{word}'")

    def wrong(self, message: str = "unexpected") -> SqlError:
        """The syntax error of this place."""
        token = self.peek()
        place = token.start if token else len(self.text)
        return syntax(self.text, place, f"{message} '{token.text if token else '<EOF>'}'.")

    def next(self) -> Token:
        """Take the token to come, whatever it is."""
        token = self.peek()
        if token is None:
            raise self.wrong()
        self.at += 1
        return token

    def end(self) -> None:
        """Fail unless everything was read."""
        if not self.done():
            raise self.wrong("unexpected")

    def bound(self) -> Any:
        """The value bound to the question mark that was just taken."""
        place = sum(1 for t in self.tokens[: self.at - 1] if t.kind == "sign" and t.text == "?")
        if place >= len(self.bindings):
            raise SqlError("SQL compilation error:\nBind variable ? not set.", 2049, "42601")
        return self.bindings[place]

    def parts(self) -> tuple[str, ...]:
        """Take a name of one to three parts, folded; IDENTIFIER(...) and a string are read too."""
        token = self.peek()
        if self._names_follow():
            self.at += 2
            found = split_name(self.string())
            self.expect(")")
            return found
        if token is not None and token.kind in ("string", "dollars"):
            return split_name(self.string())
        found_parts = [self.part()]
        while self.accept("."):
            found_parts.append("PUBLIC" if self.peek() and self.tokens[self.at].text == "." else self.part())
        return tuple(found_parts)

    def _names_follow(self) -> bool:
        name, opening = self.peek(), self.peek(1)
        return name is not None and name.upper == "IDENTIFIER" and opening is not None and opening.text == "("

    def part(self) -> str:
        """Take one identifier, folded; IDENTIFIER(...) is read too."""
        if self._names_follow():
            (found,) = self.parts()
            return found
        token = self.next()
        if token.kind not in ("word", "quoted"):
            self.at -= 1
            raise self.wrong()
        return fold(token.text)

    def string(self) -> str:
        """Take a text: a literal or a bound value."""
        token = self.next()
        if token.kind in ("string", "dollars"):
            return unquote(token)
        if token.text == "?":
            return str(self.bound())
        self.at -= 1
        raise self.wrong("expected a string, got")

    def value(self) -> Any:
        """Take one value: text, number, TRUE, FALSE, NULL, a word or a list of them."""
        token = self.next()
        if token.kind in ("string", "dollars"):
            return unquote(token)
        if token.text == "-":
            return -self.value()
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if token.text == "?":
            return self.bound()
        if token.text == "(":
            values = []
            while not self.accept(")"):
                values.append(self.value())
                self.accept(",")
            return values
        if token.kind in ("word", "quoted", "stage", "url"):
            known = {"TRUE": True, "FALSE": False, "NULL": None}
            if token.kind == "word" and token.upper in known:
                return known[token.upper]
            words = [token.text]
            while token.kind != "stage" and self.accept("."):
                words.append(self.next().text)
            return ".".join(words)
        self.at -= 1
        raise self.wrong()

    def options(self, *, until: Sequence[str] = ()) -> dict[str, Any]:
        """Take KEY = value pairs up to the end or one of the words; nested parentheses become dictionaries."""
        found: dict[str, Any] = {}
        while not self.done():
            token = self.tokens[self.at]
            if token.upper in until or token.text == ")":
                break
            if token.text == ",":
                self.at += 1
                continue
            if (
                token.kind not in ("word", "quoted")
                or self.peek(1) is None
                or self.tokens[self.at + 1].text not in ("=", "=>")
            ):
                break
            key = token.upper if token.kind == "word" else fold(token.text)
            self.at += 2
            if self.peek() and self.tokens[self.at].text == "(" and self._pairs_follow():
                self.at += 1
                found[key] = self.options()
                self.expect(")")
            else:
                found[key] = self.value()
        return found

    def _pairs_follow(self) -> bool:
        first, second = self.peek(1), self.peek(2)
        return (
            first is not None and second is not None and first.kind in ("word", "quoted") and second.text in ("=", "=>")
        )

    def group(self) -> str:
        """Take a parenthesised text and return what is inside it."""
        self.expect("(")
        start = self.tokens[self.at - 1].end
        depth = 1
        while depth:
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        return self.text[start : self.tokens[self.at - 1].start].strip()

    def rest(self) -> str:
        """Take everything that is left, without the closing semicolon."""
        token = self.peek()
        text = self.text[token.start :] if token else ""
        self.at = len(self.tokens)
        return text.rstrip().removesuffix(";").rstrip()


def words(text: str, count: int = 8) -> list[str]:
    """The first tokens of a statement in upper case."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            found.append(match.group().upper() if match.lastgroup == "word" else match.group())
            if len(found) == count:
                break
    return found


def flow(text: str) -> list[str]:
    """Split a statement at the flow operator, outside parentheses.

    >>> flow("show tables ->> select * from $1")
    ['show tables', 'select * from $1']
    """
    if "->>" not in text:
        return [text]
    parts, start, depth = [], 0, 0
    for token in tokens(text):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if token.text == "->>" and token.kind == "sign" and depth == 0:
            parts.append(text[start : token.start].strip())
            start = token.end
    parts.append(text[start:].strip())
    return parts
