"""The page of what is emulated is generated; each registration says where its rule comes from."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

import sent_by_tests

from churnobs.testing import emulated, statements
from churnobs.testing.proof import Proof

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "emulated.md"
ENTRIES = emulated.entries()


def test_the_page_is_the_generated_one(request: pytest.FixtureRequest) -> None:
    sent = sent_by_tests.stored()
    others = [mark.partition(" ")[2] for mark in sent if mark.startswith(f"{sent_by_tests.OTHER} ")]
    text = emulated.page(sent, others)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8"), "pytest tests/offline/test_emulated.py --update-golden writes it"


def test_stored_lists_are_those_of_test_files_and_of_what_is_registered() -> None:
    known = {mark for one in ENTRIES for mark in one.keys}
    for path in sent_by_tests.GOLDEN.glob("*.txt"):
        assert (ROOT / "tests" / "offline" / f"{path.stem}.py").exists(), path
        marks = path.read_text(encoding="utf-8").splitlines()
        assert [m for m in marks if m not in known and not m.startswith(sent_by_tests.OTHER)] == [], path


def test_everything_has_a_line_a_level_and_a_source() -> None:
    for one in ENTRIES:
        assert isinstance(one.proof, Proof), one.words
        assert one.proof.level in ("document", "client source", "judgement"), one.words
        assert one.proof.source, one.words
        assert one.summary or one.instead, one.words
    assert len({mark for one in ENTRIES for mark in one.keys}) == sum(len(one.keys) for one in ENTRIES)


def test_a_command_without_a_proof_cannot_be_registered() -> None:
    with pytest.raises(TypeError, match="proof"):
        statements.command("CREATE NOTHING")


def test_a_client_source_is_there_and_names_what_it_specifies() -> None:
    folder = Path(find_spec("snowflake.connector").origin).parents[1]
    for one in ENTRIES:
        if one.proof.level == "client source":
            file = folder.parent / one.proof.source
            assert file.exists(), one.words
            text = file.read_text(encoding="utf-8").upper()
            for words in one.words:
                path = words.split()[-1].strip("*").removeprefix("...").replace("*", "")
                parts = [part for part in path.upper().split("/") if part] if "/" in words else [words]
                assert all(part in text for part in parts), (words, one.proof.source)


def test_documents_have_addresses_of_the_sql_reference() -> None:
    for one in ENTRIES:
        if one.proof.level == "document":
            page = one.proof.source.removeprefix("https://docs.snowflake.com/en/sql-reference/")
            assert page != one.proof.source, one.words
            assert page == page.lower() or page.startswith("functions/"), one.words
            assert set(" $") & set(page) == set(), one.words
