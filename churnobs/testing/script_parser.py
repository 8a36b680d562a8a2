"""Reading a block of Snowflake Scripting: statements of the block's own here, those of SQL as text."""

from __future__ import annotations

from collections.abc import Callable

from churnobs.testing import script_syntax as syntax
from churnobs.testing.failures import not_supported
from churnobs.testing.lexer import Parser, Token
from churnobs.testing.script_syntax import Block, Branch, Handler, Step
from churnobs.testing.script_text import variables, without_into

_TRANSACTION = frozenset({"TRANSACTION", "WORK", "NAME", ";"})
_ENDS = ("END", "ELSE", "ELSEIF", "WHEN", "EXCEPTION", "UNTIL")
_BODY_FOLLOWS = frozenset({"AS", "THEN", "ACTION"})


def begins_block(parser: Parser) -> bool:
    """Whether a block comes next: DECLARE, or a BEGIN that opens no transaction."""
    token, after = parser.peek(), parser.peek(1)
    if token is None or token.kind != "word":
        return False
    if token.upper == "DECLARE":
        return True
    return token.upper == "BEGIN" and after is not None and after.upper not in _TRANSACTION


def is_block(text: str) -> bool:
    """Whether a text is a block, and no statement."""
    return begins_block(Parser(text))


def parse_block(text: str) -> Block:
    """Read a whole text as one block.

    Raises:
        SqlError: it is none, or holds what is not emulated.
    """
    parser = Parser(text)
    block = _Reader(parser).block()
    parser.accept(";")
    parser.end()
    return block


def parse_step(text: str) -> Step:
    """Read a whole text as one statement of a block."""
    parser = Parser(text)
    token = parser.peek()
    if token is None:
        raise parser.wrong()
    made = _Reader(parser).step(token)
    parser.end()
    return made


def skip_statement(parser: Parser) -> None:
    """Go on to the semicolon that ends a statement, or to the end of the text; blocks in it are passed over."""
    if begins_block(parser):
        _Reader(parser).block()
        return
    first, before = parser.peek(), None
    defines = first is not None and first.upper in ("CREATE", "ALTER")
    while (token := parser.peek()) is not None and token.text != ";":
        if defines and before is not None and before.upper in _BODY_FOLLOWS and begins_block(parser):
            _Reader(parser).block()
            continue
        before = token
        parser.at += 1


class _Reader:
    """Walks the tokens of one block."""

    def __init__(self, parser: Parser, *, is_nested: bool = False) -> None:
        self.p, self._is_nested = parser, is_nested

    def block(self) -> Block:
        """[DECLARE ...] BEGIN ... [EXCEPTION ...] END [label]."""
        start = self._place()
        declared = []
        if self.p.accept("DECLARE"):
            while not self._comes("BEGIN"):
                declared.append(self._declared(self._place()))
                self.p.expect(";")
        self.p.expect("BEGIN")
        body = self._body()
        handlers: list[Handler] = []
        if self.p.accept("EXCEPTION"):
            while self.p.accept("WHEN"):
                handlers.append(self._handler())
        self.p.expect("END")
        self._label()
        return Block(place=start, body=body, declared=tuple(declared), handlers=tuple(handlers))

    def _handler(self) -> Handler:
        names = [self.p.part()]
        while self.p.accept("OR"):
            names.append(self.p.part())
        goes_on = self.p.accept_any("EXIT", "CONTINUE") == "CONTINUE"
        self.p.expect("THEN")
        return Handler(names=tuple(names), body=self._body(), goes_on=goes_on)

    def _body(self) -> tuple[Step, ...]:
        steps = []
        while (token := self.p.peek()) is not None and token.upper not in _ENDS:
            steps.append(self.step(token))
            self.p.expect(";")
        return tuple(steps)

    def step(self, token: Token) -> Step:
        """One statement, without its semicolon."""
        word, place = token.upper if token.kind == "word" else "", token.start
        after = self.p.peek(1)
        if after is not None and after.text == ":=" and token.kind in ("word", "quoted"):
            name = self.p.part()
            self.p.expect(":=")
            return syntax.Assign(place=place, name=name, value=self._needed())
        if begins_block(self.p):
            return self.block()
        if word == "CANCEL":
            raise not_supported("CANCEL in a block", "an asynchronous job is run at once")
        if word not in _STEPS:
            return self._sql(place)
        self.p.at += 1
        return _STEPS[word](self, place)

    # -- statements that begin with a word of their own; the word was taken

    def _let(self, place: int) -> Step:
        return self._declaration(place)

    def _if(self, place: int) -> Step:
        branches = [self._branch()]
        while self.p.accept("ELSEIF"):
            branches.append(self._branch())
        otherwise = self._body() if self.p.accept("ELSE") else None
        self.p.expect("END", "IF")
        return syntax.If(place=place, branches=tuple(branches), otherwise=otherwise)

    def _branch(self) -> Branch:
        condition = self._needed("THEN")
        self.p.expect("THEN")
        return Branch(condition=condition, body=self._body())

    def _case(self, place: int) -> Step:
        operand = None if self._comes("WHEN") else self._needed("WHEN")
        branches = []
        while self.p.accept("WHEN"):
            branches.append(self._branch())
        otherwise = self._body() if self.p.accept("ELSE") else None
        self.p.expect("END")
        self.p.accept("CASE")
        return syntax.If(
            place=place, branches=tuple(branches), otherwise=otherwise, operand=operand, is_case=True
        )  # fmt: skip

    def _while(self, place: int) -> Step:
        condition = self._needed("DO", "LOOP")
        body, label = self._looped(self._opening(), "WHILE")
        return syntax.Loop(place=place, body=body, label=label, before=condition)

    def _repeat(self, place: int) -> Step:
        body = self._body()
        self.p.expect("UNTIL")
        condition = f"({self.p.group()})"
        self.p.expect("END", "REPEAT")
        return syntax.Loop(place=place, body=body, label=self._label(), after=condition)

    def _loop(self, place: int) -> Step:
        body, label = self._looped("LOOP", "LOOP")
        return syntax.Loop(place=place, body=body, label=label)

    def _for(self, place: int) -> Step:
        name = self.p.part()
        self.p.expect("IN")
        is_reverse = self.p.accept("REVERSE")
        first = self._needed("TO", "DO", "LOOP")
        if self.p.accept("TO"):
            last = self._needed("DO", "LOOP")
            body, label = self._looped(self._opening(), "FOR")
            return syntax.ForRange(
                place=place, name=name, first=first, last=last, is_reverse=is_reverse, body=body, label=label
            )
        source = Parser(first)
        held = source.part()
        source.end()
        body, label = self._looped(self._opening(), "FOR")
        return syntax.ForRows(place=place, name=name, source=held, body=body, label=label)

    def _opening(self) -> str:
        word = self.p.accept_any("DO", "LOOP")
        if word is None:
            raise self.p.wrong("expected 'DO'")
        return word

    def _looped(self, opening: str, kind: str) -> tuple[tuple[Step, ...], str]:
        body = self._body()
        self.p.expect("END")
        if self.p.accept_any(kind, "LOOP" if opening == "LOOP" else kind) is None:
            raise self.p.wrong(f"expected '{kind}'")
        return body, self._label()

    def _break(self, place: int) -> Step:
        return syntax.Leave(place=place, again=False, label=self._label())

    def _continue(self, place: int) -> Step:
        return syntax.Leave(place=place, again=True, label=self._label())

    def _return(self, place: int) -> Step:
        after = self.p.peek(1)
        if self._comes("TABLE") and after is not None and after.text == "(":
            self.p.at += 1
            return syntax.Return(place=place, table=self.p.group())
        return syntax.Return(place=place, value=None if self._comes(";") else self._needed())

    def _raise(self, place: int) -> Step:
        return syntax.Raise(place=place, name=None if self._comes(";") else self.p.part())

    def _open(self, place: int) -> Step:
        name = self.p.part()
        return syntax.Open(place=place, name=name, using=self._using())

    def _fetch(self, place: int) -> Step:
        name = self.p.part()
        self.p.expect("INTO")
        return syntax.Fetch(place=place, name=name, into=self._names())

    def _close(self, place: int) -> Step:
        return syntax.Close(place=place, name=self.p.part())

    def _null(self, place: int) -> Step:
        return syntax.Nothing(place=place)

    def _execute(self, place: int) -> Step:
        if not self.p.accept("IMMEDIATE"):
            self.p.at -= 1
            return self._sql(place)
        if self._comes("FROM"):
            raise not_supported("EXECUTE IMMEDIATE FROM a file", "give the statement as a text")
        text = self._needed("USING")
        return syntax.Immediate(place=place, text=text, using=self._using())

    def _async(self, place: int) -> Step:
        return syntax.Job(place=place, text=self.p.group())

    def _await(self, place: int) -> Step:
        return syntax.Await(place=place, name=None if self.p.accept("ALL") else self.p.part())

    # -- their parts

    def _using(self) -> tuple[str, ...]:
        if not self.p.accept("USING"):
            return ()
        self.p.expect("(")
        names = self._names()
        self.p.expect(")")
        return names

    def _names(self) -> tuple[str, ...]:
        return variables(self.p)

    def _declared(self, place: int) -> Step:
        """A declaration of DECLARE, which also makes procedures."""
        after = self.p.peek(1)
        if after is None or after.upper != "PROCEDURE":
            return self._declaration(place)
        name = self.p.part()
        if self._is_nested:
            raise self.p.wrong("a procedure within a procedure of a block is not allowed:")
        self.p.expect("PROCEDURE")
        arguments = self.p.group()
        self.p.expect("RETURNS")
        returns = self._needed("AS")
        self.p.expect("AS")
        if not begins_block(self.p):
            raise self.p.wrong("expected a block")
        inner = _Reader(self.p, is_nested=True)
        return syntax.DeclareProcedure(
            place=place, name=name, arguments=f"({arguments})", returns=returns, body=inner.block()
        )

    def _declaration(self, place: int) -> Step:
        name = self.p.part()
        if self.p.accept("CURSOR"):
            self.p.expect("FOR")
            return syntax.DeclareCursor(place=place, name=name, query=self._to_semicolon())
        if self.p.accept("EXCEPTION"):
            number, message = -20000, ""
            if self.p.accept("("):
                number = int(self.p.value())
                message = self.p.string() if self.p.accept(",") else ""
                self.p.expect(")")
            return syntax.DeclareException(place=place, name=name, number=number, message=message)
        if self.p.accept("RESULTSET"):
            source = self._needed() if self.p.accept_any("DEFAULT", ":=") else None
            return syntax.DeclareResultSet(place=place, name=name, source=source)
        kind = self._expression("DEFAULT", ":=") or None
        value = self._needed() if self.p.accept_any("DEFAULT", ":=") else None
        if kind is None and value is None:
            raise self.p.wrong()
        return syntax.Declare(place=place, name=name, kind=kind, value=value)

    def _sql(self, place: int) -> Step:
        start = self.p.at
        skip_statement(self.p)
        if self.p.at == start:
            raise self.p.wrong()
        text, into = without_into(self.p.text, self.p.tokens[start : self.p.at])
        return syntax.Sql(place=place, text=text, into=into)

    def _needed(self, *until: str) -> str:
        found = self._expression(*until)
        if not found:
            raise self.p.wrong("expected an expression, got")
        return found

    def _expression(self, *until: str) -> str:
        """The text up to one of the words, or to the semicolon; the words of a CASE expression belong to it."""
        start, depth, cases = self.p.at, 0, 0
        while (token := self.p.peek()) is not None:
            if depth == 0 and cases == 0 and (token.text == ";" or token.upper in until):
                break
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
            if token.upper == "END" and cases == 0:
                break
            cases += {"CASE": 1, "END": -1}.get(token.upper, 0)
            self.p.at += 1
        held = self.p.tokens[start : self.p.at]
        return self.p.text[held[0].start : held[-1].end] if held else ""

    def _to_semicolon(self) -> str:
        start = self.p.at
        skip_statement(self.p)
        held = self.p.tokens[start : self.p.at]
        if not held:
            raise self.p.wrong()
        return self.p.text[held[0].start : held[-1].end]

    def _label(self) -> str:
        token = self.p.peek()
        if token is not None and token.kind in ("word", "quoted") and token.upper not in _ENDS:
            return self.p.part()
        return ""

    def _comes(self, text: str) -> bool:
        token = self.p.peek()
        return token is not None and token.upper == text

    def _place(self) -> int:
        token = self.p.peek()
        return len(self.p.text) if token is None else token.start


_STEPS: dict[str, Callable[[_Reader, int], Step]] = {
    "LET": _Reader._let, "IF": _Reader._if, "CASE": _Reader._case, "WHILE": _Reader._while, "REPEAT": _Reader._repeat,
    "LOOP": _Reader._loop, "FOR": _Reader._for, "BREAK": _Reader._break, "EXIT": _Reader._break,
    "CONTINUE": _Reader._continue, "ITERATE": _Reader._continue, "RETURN": _Reader._return, "RAISE": _Reader._raise,
    "OPEN": _Reader._open, "FETCH": _Reader._fetch, "CLOSE": _Reader._close, "NULL": _Reader._null,
    "EXECUTE": _Reader._execute, "ASYNC": _Reader._async, "AWAIT": _Reader._await,
}  # fmt: skip
