"""From a URL to a workspace, and every way a file can be wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import pytest
from loops import scripted, write_shop, write_world

import churnobs
from churnobs import BackendFailed, BadConfig, ChurnobsError, DatabaseBusy, Month, NotFound


@contextmanager
def another_process_writes(place: Path) -> Iterator[int]:
    """A process that holds a database until the block ends."""
    code = f"import churnobs, sys\nw = churnobs.connect('duckdb:{place}')\nprint('open', flush=True)\nsys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder.pid
    finally:
        holder.communicate("")
        assert holder.returncode == 0


@pytest.mark.parametrize("url", [None, "duckdb:", "duckdb::memory:"])
def test_memory_is_the_default(url: str | None) -> None:
    with churnobs.connect(url) as workspace:
        assert repr(workspace) == "Workspace(memory)"
        assert workspace.table("sales").count() == 0
        assert workspace.sql("SELECT 1 AS ONE").collect() == [{"ONE": 1}]


def test_a_file_is_made_and_found_again(tmp_path: Path) -> None:
    place = tmp_path / "retail.duckdb"
    files = write_shop(tmp_path / "files", Month(2024, 1), 1)
    with churnobs.connect(f"duckdb:{place}") as workspace:
        rows = workspace.ingest(files).rows_loaded
        assert repr(workspace) == f"Workspace({place})"
    with churnobs.connect(f"duckdb:{place}") as workspace:
        assert workspace.table("SALES").count() == rows > 0


def limit_of(workspace: churnobs.Workspace) -> str:
    return str(workspace.sql("SELECT current_setting('memory_limit') AS M").collect()[0]["M"])


@pytest.mark.parametrize(("storage", "packed"), [(None, True), ("v1.0.0", False), ("v1.2.0", True)])
def test_comments_are_packed_where_the_file_may_hold_that(tmp_path: Path, storage: str | None, *, packed: bool) -> None:
    place, files = tmp_path / "retail.duckdb", write_world(tmp_path / "files", customers=60, months=2)
    if storage:
        # empty, and made for the readers of an older DuckDB
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{place}' AS made (STORAGE_VERSION '{storage}')")
            connection.execute("CREATE TABLE made.gone (N INTEGER)")
            connection.execute("DROP TABLE made.gone")
    with churnobs.connect(f"duckdb:{place}") as workspace:
        workspace.lifecycle(scripted(), source=files).run()
        assert workspace.sql("SELECT count(*) AS N FROM FEATURES").collect()[0]["N"] > 0
    with duckdb.connect(str(place), read_only=True) as connection:
        for table in ("FEEDBACK_RAW", "FEATURES"):
            used = connection.execute(
                f"SELECT DISTINCT compression FROM pragma_storage_info('{table}') "
                "WHERE column_name IN ('COMMENT', 'CUSTOMER_ID') AND segment_type = 'VARCHAR'"
            ).fetchall()
            assert (used == [("ZSTD",)]) is packed, (table, used)


@pytest.mark.parametrize(("limit", "at_rest"), [("512MB", "30.5 MiB"), ("2GB", "1.8 GiB"), (None, None)])
def test_little_memory_is_let_go_of_while_something_else_works(
    tmp_path: Path, limit: str | None, at_rest: str | None
) -> None:
    with churnobs.connect(f"duckdb:{tmp_path / 'w.duckdb'}", memory_limit=limit) as workspace:
        before, engine = limit_of(workspace), workspace._backend.engine
        with engine.transaction():
            engine.write("OWN", ibis.range(300_000).unnest().name("N").as_table())
            with engine.resting():
                assert limit_of(workspace) == (at_rest or before)
            assert limit_of(workspace) == before
            resting = engine.resting()
            resting.__enter__()
            assert not resting.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
            assert limit_of(workspace) == before, "also after an error"
        assert workspace.table("OWN").count() == 300_000


def test_threads_and_memory_are_the_engines(tmp_path: Path) -> None:
    with churnobs.connect(threads=2, memory_limit="300MB") as workspace:
        (row,) = workspace.sql("SELECT current_setting('threads') AS T, current_setting('memory_limit') AS M").collect()
        assert row["T"] == 2
        assert row["M"].startswith("200"), "a part of it: what DuckDB needs beside its buffers comes on top"
    with churnobs.connect(memory_limit="2GB") as workspace:
        assert workspace.sql("SELECT current_setting('memory_limit') AS M").collect() == [{"M": "1.8 GiB"}]
    for wrong, said in (
        ({"threads": 0}, "threads is 0; give a whole number from 1"),
        ({"memory_limit": "much"}, "memory_limit is 'much'; give a size such as \"2GB\""),
    ):
        with pytest.raises(BadConfig, match=said):
            churnobs.connect(f"duckdb:{tmp_path / 'x.duckdb'}", **wrong)


@pytest.mark.parametrize("url", ["postgres:host", "retail.duckdb", "DUCKDB:x"])
def test_other_urls_name_no_backend(url: str) -> None:
    with pytest.raises(BadConfig, match='names no backend; use "duckdb:FILE"'):
        churnobs.connect(url)


@pytest.mark.parametrize("read_only", [False, True])
def test_files_that_are_no_database(read_only: bool, tmp_path: Path) -> None:
    # a path that speaks of locks is no locked database
    folder = tmp_path / "block"
    folder.mkdir()
    text = folder / "text.duckdb"
    text.write_text("hello" * 1000)
    foreign = folder / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE MINE (A INTEGER)")
    newer = folder / "newer.duckdb"
    churnobs.connect(f"duckdb:{newer}").close()
    with duckdb.connect(str(newer)) as connection:
        connection.execute("UPDATE CHURNOBS_SCHEMA SET VERSION = VERSION + 1")
    for place, said in (
        (text, "not a valid DuckDB database file"),
        (foreign, "is no churnobs database; give a file that churnobs wrote, or a new one"),
        (newer, "holds tables of schema version .*; open it with the churnobs that wrote it"),
        (folder, "Is a directory"),
    ):
        before = place.read_bytes() if place.is_file() else b""
        with pytest.raises(BadConfig, match=said):
            churnobs.connect(f"duckdb:{place}", read_only=read_only)
        assert (place.read_bytes() if place.is_file() else b"") == before


def test_places_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"there is no database .* to read; check the path"):
        churnobs.connect(f"duckdb:{tmp_path / 'none.duckdb'}", read_only=True)
    with pytest.raises(BadConfig, match="there is no database in memory to read"):
        churnobs.connect(read_only=True)
    with pytest.raises(BadConfig, match=r"cannot open .*No such file or directory"):
        churnobs.connect(f"duckdb:{tmp_path / 'none' / 'retail.duckdb'}")


def test_a_second_writer_learns_who_the_first_is(tmp_path: Path) -> None:
    place = tmp_path / "retail.duckdb"
    churnobs.connect(f"duckdb:{place}").close()
    with another_process_writes(place) as pid:
        for read_only in (False, True):
            with pytest.raises(DatabaseBusy, match=f"is being written by process {pid}; wait for it to end"):
                churnobs.connect(f"duckdb:{place}", read_only=read_only)
    churnobs.connect(f"duckdb:{place}").close()


def test_readers_see_what_was_published(tmp_path: Path) -> None:
    place, files = tmp_path / "it's retail.duckdb", write_shop(tmp_path / "files", Month(2024, 1), 3)
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        wanted = workspace.lifecycle(scripted(), source=files).run()
    plain = tmp_path / "retail.duckdb"
    for suffix in ("", ".published"):
        Path(f"{place}{suffix}").rename(f"{plain}{suffix}")
    with another_process_writes(plain), churnobs.connect(f"duckdb:{plain}", read_only=True) as reader:
        assert reader.lifecycle().history() == wanted
        assert repr(reader) == f"Workspace({plain}.published)"
        with pytest.raises(ChurnobsError):
            reader.table("SALES").count()
    with churnobs.connect(f"duckdb:{plain}", read_only=True) as reader:
        assert reader.lifecycle().history() == wanted
        assert reader.table("SALES").count() > 0
        with pytest.raises(BackendFailed, match="read-only"):
            reader.lifecycle(source=write_shop(tmp_path / "more", Month(2024, 1), 4)).run()


def test_what_a_dead_process_left_does_not_disturb_the_next(tmp_path: Path) -> None:
    place, files = tmp_path / "retail.duckdb", write_shop(tmp_path / "files", Month(2024, 1), 2)
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(scripted(), source=files).run(1)
    # a publication that was killed: half a file, and the log of another
    code = f"""
import duckdb, os
connection = duckdb.connect("{tmp_path / "retail.duckdb.writing"}")
connection.execute("CREATE TABLE JOURNAL (A INTEGER)")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "retail.duckdb.writing.wal").exists()
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(scripted(), source=files).run()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files", "retail.duckdb", "retail.duckdb.published"]
    with churnobs.connect(f"duckdb:{tmp_path / 'retail.duckdb.published'}", read_only=True) as reader:
        assert len(reader.lifecycle().history()) == 2


def test_a_publication_that_was_missed_is_made_by_the_next_run(tmp_path: Path) -> None:
    place, files = tmp_path / "retail.duckdb", write_shop(tmp_path / "files", Month(2024, 1), 1)
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(scripted(), source=files).run()
    published = tmp_path / "retail.duckdb.published"
    published.unlink()
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        assert workspace.lifecycle(scripted(), source=files).run() == []
    assert published.exists()


def test_names_that_are_not_there_are_told() -> None:
    with churnobs.connect() as workspace:
        with pytest.raises(NotFound, match="NOTHING"):
            workspace.table("nothing").count()
        with pytest.raises(BadConfig, match="check the spelling"):
            workspace.sql("SELECT NOTHING FROM SALES").count()
