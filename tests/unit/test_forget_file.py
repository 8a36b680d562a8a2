"""What is forgotten is not in the files either: neither in the database nor in what is published beside it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest
from accounts import File
from loops import different, scripted, write_world

from churnobs import BackendFailed, Vader
from churnobs.forgetting import names_customer, plan_erasures, without

WHO = "Zaphod-Beeblebrox-42"
SAID = ("the quagga ate my parcel", "never again, said the axolotl")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which one customer has a name and words that are nowhere else."""
    folder = write_world(tmp_path_factory.mktemp("files"), customers=120, months=4)
    with (folder / "feedback_raw_2024_1.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    who = rows[0]["CUSTOMER_ID"]
    for path in folder.glob("*.csv"):
        text = path.read_text(encoding="utf-8").replace(who, WHO)
        path.write_text(text, encoding="utf-8")
        if path.name.startswith("feedback"):
            with path.open(encoding="utf-8", newline="") as lines:
                table = list(csv.reader(lines))
            at = table[0].index("COMMENT")
            for row in table[1:]:
                row[at] = SAID[len(path.stem) % 2] if WHO in row else row[at]
            with path.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows(table)
    return folder


def found_in(folder: Path) -> set[str]:
    """The files in which a secret can be read, whole or in part."""
    secrets = [text.encode() for text in (WHO, "Beeblebrox", *SAID, "axolotl", "quagga")]
    return {path.name for path in folder.iterdir() if any(secret in path.read_bytes() for secret in secrets)}


def test_nothing_is_left_in_the_files(tmp_path: Path, files: Path) -> None:
    place = File(tmp_path / "it's retail.duckdb")
    with place.open() as workspace:
        loop = workspace.lifecycle(scripted(), source=files)
        loop.run(3)
        workspace._backend.engine.execute("CHECKPOINT")  # type: ignore[attr-defined]
        # somebody whom the published file shows, with the comments
        assert found_in(tmp_path) == {"it's retail.duckdb", "it's retail.duckdb.published"}
        workspace.forget(WHO)
        assert found_in(tmp_path) == set()
        # the same connection goes on, and so does the loop
        assert [r.month for r in loop.run()] == ["2024-04"]
        assert workspace.table("FEEDBACK_RAW").collect()
    assert found_in(tmp_path) == set()
    assert {path.name for path in tmp_path.iterdir()} == {"it's retail.duckdb", "it's retail.duckdb.published"}
    with place.open() as workspace:
        assert len(workspace.lifecycle(scripted()).history()) == 4


def test_new_feedback_is_read_on_where_the_stream_was(tmp_path: Path, files: Path) -> None:
    """Rows before and after what was read are erased: those that wait are scored, each once."""
    with File(tmp_path / "retail.duckdb").open() as workspace:
        stream = workspace._backend.sentiment
        workspace.ingest(files / "feedback_raw_2024_1.csv")
        stream.score_unread(Vader())
        workspace.ingest(files / "feedback_raw_2024_2.csv")
        workspace.forget(WHO)
        stream.score_unread(Vader())
        raw, scored = (workspace.table(name).to_pandas() for name in ("FEEDBACK_RAW", "FEEDBACK_SENTIMENT"))
        assert sorted(scored["FEEDBACK_ID"]) == sorted(raw["FEEDBACK_ID"])
        assert stream.score_unread(Vader()) == (0, 0)


def test_a_crash_before_the_file_is_written_anew(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = File(tmp_path / "retail.duckdb")
    with place.open() as workspace:
        workspace.lifecycle(scripted(), source=files).run(2)
        engine: Any = workspace._backend.engine
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
            with pytest.raises(OSError, match="no"):
                workspace.forget(WHO)
        # nothing of the database is lost, and the rows are gone already
        assert engine.value("SELECT count(*) FROM SALES WHERE CUSTOMER_ID = ?", [WHO]) == 0
    with place.open() as workspace:
        workspace.forget(WHO)
        assert found_in(tmp_path) == set()


def test_an_error_on_the_way_leaves_everything(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = File(tmp_path / "retail.duckdb")
    with place.open() as workspace:
        workspace.lifecycle(scripted(), source=files).run(2)
        before = place.everything(workspace)

        def fails(*_: object, **__: object) -> None:
            raise BackendFailed("away")

        with monkeypatch.context() as patched:
            patched.setattr("churnobs.lifecycle.journal.Journal.correct", fails)
            with pytest.raises(BackendFailed, match="away"):
                workspace.forget(WHO)
        assert different(place.everything(workspace), before) == []


def test_a_database_of_an_older_schema_says_so(tmp_path: Path) -> None:
    place = File(tmp_path / "old.duckdb")
    place.open().close()
    with duckdb.connect(str(tmp_path / "old.duckdb")) as old:
        old.execute("UPDATE CHURNOBS_SCHEMA SET VERSION = 3")
    with pytest.raises(Exception, match=r"holds tables of schema version 3, this churnobs reads \d+; open it with the"):
        place.open()


def test_the_plan_prefers_the_id() -> None:
    tables = {"B": ("CUSTOMER_KEY", "X"), "A": ("CUSTOMER_ID", "CUSTOMER_KEY"), "C": ("X",)}
    assert [(e.table, e.column, e.value) for e in plan_erasures(tables, "c1", 7)] == [
        ("A", "CUSTOMER_ID", "c1"), ("B", "CUSTOMER_KEY", 7),
    ]  # fmt: skip
    # a customer who is in a table of the user's own only has no key
    assert [e.table for e in plan_erasures(tables, "c1", None)] == ["A"]


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("C1 and C10 and XC1", ["C1"], "C1 and C10 and XC1"),
        ("lost 'C1', kept C10", ["C1"], "lost '[forgotten]', kept C10"),
        ("12 rows of customer '12'", ["12"], "12 rows of customer '[forgotten]'"),
        ("cust-0001, cust-00011", ["cust-0001"], "[forgotten], cust-00011"),
        ('{"words": "said \\"so bad\\" twice"}', ['said "so bad"'], '{"words": "[forgotten] twice"}'),
        ("nothing", ["", "cust-0001"], "nothing"),
    ],
)
def test_texts_lose_what_is_secret(text: str, secrets: list[str], expected: str) -> None:
    assert without(text, secrets) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('{"who": "C1", "n": "2"}', True),
        ('{"who": "C10", "n": "2"}', False),
        ('"t1;C1;2024"', True),
        ('"t1, \\"C1\\",2024"', True),
        ("no json, C1", True),
        ("{}", False),
    ],
)
def test_rejected_rows_that_name_a_customer(row: str, expected: bool) -> None:
    assert names_customer(row, "C1") == expected
