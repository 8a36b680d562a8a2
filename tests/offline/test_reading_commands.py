"""The small parsers under the account, without a server."""

from __future__ import annotations

import datetime as dt

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from hypothesis import given
from hypothesis import strategies as st

from churnobs.testing import bindings, csv_files, formats
from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser, flow, tokens, words
from churnobs.testing.names import Name, fold, like, quote, quoted_if_needed, split_name
from churnobs.testing.queries import _readable
from churnobs.testing.results import pretty


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1), min_size=1, max_size=3))
def test_quoted_names_read_back(parts: list[str]) -> None:
    assert split_name(".".join(map(quote, parts))) == tuple(parts)
    assert fold(quoted_if_needed(parts[0])) == parts[0]


@given(st.text(max_size=60))
def test_tokens_never_lose_or_invent_text(text: str) -> None:
    found = tokens(text)
    assert all(text[t.start : t.end] == t.text for t in found)
    assert [t.start for t in found] == sorted(t.start for t in found)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a%", "ABC", True),
        ("a_c", "abc", True),
        ("a\\_c", "abc", False),
        ("a\\_c", "A_C", True),
        ("", "a", False),
        ("%.x", "ax", False),
    ],
)
def test_like(pattern: str, text: str, matches) -> None:
    assert like(pattern, text) is matches


def test_options_nest_and_stop() -> None:
    parser = Parser(
        "FILE_FORMAT = (TYPE = CSV NULL_IF = ('', 'x')) A='it''s' B=$$x'y$$ C=-1.5 D=TRUE E=db.\"s\".t IF (EXISTS"
    )
    assert parser.options(until=("IF",)) == {
        "FILE_FORMAT": {"TYPE": "CSV", "NULL_IF": ["", "x"]}, "A": "it's", "B": "x'y", "C": -1.5, "D": True, "E": 'db."s".t',
    }  # fmt: skip
    assert parser.accept("IF", "(", "EXISTS")


def test_names_strings_and_binds() -> None:
    parser = Parser("a.\"b c\".d IDENTIFIER(?) 'x.y' ? @st/p", ['q."r"', 5])
    assert parser.parts() == ("A", "b c", "D")
    assert parser.parts() == ("Q", "r")
    assert parser.parts() == ("X", "Y")
    assert parser.string() == "5"
    assert str(Name("A", "b", "C")) == 'A."b".C'


def test_groups_and_comments() -> None:
    parser = Parser("(a, (b), 'c)') -- end\n /* x */ rest;")
    assert parser.group() == "a, (b), 'c)'"
    assert parser.rest() == "rest"
    assert words("/* a */ create -- x\n or replace table") == ["CREATE", "OR", "REPLACE", "TABLE"]
    half_read = Parser("a\n b")
    half_read.expect("A")
    with pytest.raises(SqlError, match="line 2 at position 1"):
        half_read.end()


def test_flow_splits_outside_strings_and_parentheses() -> None:
    assert flow("select '->>' ->> (select 1 ->> 2) ->> x") == ["select '->>'", "(select 1 ->> 2)", "x"]


def test_spellings_that_sqlglot_cannot_read() -> None:
    assert _readable("CREATE TABLE T If NOT EXISTS (a INT)") == "CREATE TABLE IF NOT EXISTS T (a INT)"
    assert _readable("SELECT * FROM snow://dataset/a.b.c/versions/v/ (FILE_FORMAT => 'f')").startswith(
        "SELECT * FROM 'snow://dataset"
    )
    assert _readable("WITH m AS MODEL x VERSION v, a AS (SELECT 1) SELECT m!P(b) FROM a").split() == [
        "WITH",
        "a",
        "AS",
        "(SELECT",
        "1)",
        "SELECT",
        "MODEL(x,",
        "v)!P(b)",
        "FROM",
        "a",
    ]


def test_formats_are_checked() -> None:
    assert formats.complete(formats.checked({"TYPE": "csv"}))["NULL_IF"] == ["\\N"]
    assert formats.checked({"field_delimiter": "NONE"})["FIELD_DELIMITER"] is None
    assert formats.strptime_format('YYYY-MM-DD"T"HH24:MI:SS.FF3') == "%Y-%m-%dT%H:%M:%S.%g"
    for wrong in (
        {"TYPE": "AVRO"},
        {"TYPE": "JSON", "SKIP_HEADER": 1},
        {"NOPE": 1},
        {"PARSE_HEADER": True, "SKIP_HEADER": 1},
    ):
        with pytest.raises(SqlError):
            formats.checked(wrong)


CSV = formats.complete({"TYPE": "CSV", "FIELD_OPTIONALLY_ENCLOSED_BY": '"'})
FIELD = st.text(st.characters(codec="ascii", exclude_characters="\x00\r\\"), max_size=8)


@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_is_written_with_quotes_is_read_back(rows: list[list[str]]) -> None:
    text = "".join(",".join('"' + f.replace('"', '""') + '"' for f in row) + "\n" for row in rows)
    assert [fields for _, fields in csv_files.records(text, CSV)] == rows


@given(st.lists(st.tuples(st.integers(), st.text("abc x", max_size=5), st.integers()), min_size=1, max_size=20))
def test_the_fast_way_reads_what_the_exact_way_reads(rows) -> None:
    text = "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    fast = csv_files._fast(text, CSV)
    exact = [fields for _, fields in csv_files.records(text, CSV)]
    if fast is not None:
        assert [list(r) for r in zip(*(fast[0].column(n).to_pylist() for n in range(3)), strict=True)] == exact


def test_binds_and_variants() -> None:
    assert bindings.value("TIMESTAMP_NTZ", "-1000") == dt.datetime(1969, 12, 31, 23, 59, 59, 999999)
    assert bindings.value("BINARY", "00ff") == b"\x00\xff"
    assert bindings.value("FIXED", None) is None
    assert (
        pretty('{"a": {}, "b": [], "c": [1.50, null, "ü"]}')
        == '{\n  "a": {},\n  "b": [],\n  "c": [\n    1.5,\n    null,\n    "ü"\n  ]\n}'
    )
