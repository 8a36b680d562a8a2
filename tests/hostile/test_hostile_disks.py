"""Full and read-only disks, killed writers, locks, logs and broken databases: 100 hostile inputs, part five.

A full disk is a small tmpfs where the tests may mount one (root does), and everywhere a limit on the size of files
(RLIMIT_FSIZE) in a process of its own: the engine is refused its writes in the same places. Root ignores mode bits, so a
read-only folder is a tmpfs mounted again read-only for root, and mode bits for everybody else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile_child as other
import pytest
from hostile_cases import ANYTHING, LOADED, SQL, Case, Cases, Shop, config, examine, fingerprint
from hostile_child import child, held

import churnobs
from churnobs.cli import write_aside
from churnobs.errors import BackendFailed, BadConfig, DatabaseBusy

cases = Cases()


def _raise(answer: tuple[str, str]) -> None:
    """What a child was told, as if it had happened here."""
    kind, words = answer
    assert kind not in {"RAW", "killed", "done"}, answer
    message, _, hint = words.rpartition("; ")
    raise getattr(churnobs, kind)(message, hint=hint)


def _mounted(folder: Path, *options: str) -> bool:
    folder.mkdir(exist_ok=True)
    told = (
        subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
        if os.geteuid() == 0
        else None
    )
    return told is not None and told.returncode == 0


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A folder with room for so many bytes; False where nobody may mount one."""
    made = _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def read_only_folder(shop: Shop) -> Iterator[Path]:
    """The database in a folder that nobody can write."""
    folder = shop.tmp / "fixed"
    folder.mkdir()
    if os.geteuid() == 0:
        assert _mounted(folder, "-t", "tmpfs", "tmpfs"), "root has to be able to mount a tmpfs for this"
        shutil.copy(shop.path, folder)
        assert _mounted(folder, "-o", "remount,ro")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        shutil.copy(shop.path, folder)
        folder.chmod(0o555)
        (folder / shop.path.name).chmod(0o444)
        try:
            yield folder
        finally:
            folder.chmod(0o755)


def _copy(shop: Shop, name: str = "broken.duckdb") -> Path:
    shop.close()
    return Path(shutil.copy(shop.path, shop.tmp / name))


# -- killed writers


@cases.right()
def killed_with_the_rows_of_a_file_half_in(shop: Shop) -> None:
    shop.sales()
    assert child(other.die_with_rows_half_in, other.ingest, shop.path, shop.folder)[0] == "killed"


@cases.right()
def killed_before_a_file_is_kept(shop: Shop) -> None:
    shop.sales()
    assert child(other.die_before_statement, "COMMIT", 1, other.ingest, shop.path, shop.folder)[0] == "killed"


@cases.right(*LOADED)
def killed_with_a_log_left_over(shop: Shop) -> None:
    shop.sales()
    assert child(other.die_after_commit, other.ingest, shop.path, shop.folder)[0] == "killed"
    assert Path(f"{shop.path}.wal").stat().st_size > 0
    assert shop.rows("SELECT count(*) FROM SALES WHERE TRANSACTION_DATE >= '2024-02-01'") == [(2,)]


def _killed_at(step: str, base: str) -> Case:
    def act(shop: Shop) -> None:
        assert child(other.die_at_step, step, shop.path, shop.template.folder)[0] == "killed"

    return Case(
        f"killed before {step.lower()} of a {base} database", act, changes=ANYTHING, base=base, long=base == "grown"
    )


cases.extend(_killed_at(step, "young") for step in ("INGEST", "FEATURES", "ALERT", "REPORT"))
cases.extend(_killed_at(step, "grown") for step in ("MEASURE", "PREDICT", "MONITOR"))


@cases.right(*ANYTHING)
def killed_again_and_again(shop: Shop) -> None:
    for nth in (1, 2, 1, 3):
        assert child(other.die_before_statement, "COMMIT", nth, other.run, shop.path, shop.template.folder)[0] in {
            "killed", "done",
        }  # fmt: skip


@cases.right(*ANYTHING)
def killed_before_readers_see_it(shop: Shop) -> None:
    assert child(other.die_at_rename, ".writing", other.run, shop.path, shop.template.folder)[0] == "killed"
    with held(shop.path), churnobs.connect(f"duckdb:{shop.path}", read_only=True) as reader:
        assert len(reader.lifecycle().history()) == shop.template.months


@cases.right(*ANYTHING, base="grown", long=True)
def killed_while_a_customer_is_forgotten(shop: Shop) -> None:
    who = shop.rows("SELECT min(CUSTOMER_ID) FROM SALES")[0][0]
    shop.close()
    assert child(other.die_at_rename, ".rewriting", other.forget, shop.path, who)[0] == "killed"
    # doing it again writes the file anew
    assert shop.ws.forget(who).rows["SALES"] > 0
    assert shop.stored("SALES", "CUSTOMER_ID", who) == 0


# -- locks and readers


@cases.refused(DatabaseBusy, "is being written by process", "wait for it to end", "churnobs status")
def a_second_writer(shop: Shop) -> None:
    with held(shop.path) as holder:
        with pytest.raises(DatabaseBusy, match=f"process {holder};"):
            churnobs.connect(f"duckdb:{shop.path}")
        churnobs.connect(f"duckdb:{shop.path}")


@cases.refused(DatabaseBusy, "is being written by process", "wait for it to end")
def a_reader_where_nothing_is_published(shop: Shop) -> None:
    Path(f"{shop.path}.published").unlink()
    with held(shop.path):
        churnobs.connect(f"duckdb:{shop.path}", read_only=True)


@cases.refused(BadConfig, "retail.duckdb.published", "cannot open", "publishes anew")
def a_reader_where_what_is_published_is_broken(shop: Shop) -> None:
    published = Path(f"{shop.path}.published")
    published.write_bytes(published.read_bytes()[:5000])
    with held(shop.path):
        churnobs.connect(f"duckdb:{shop.path}", read_only=True)


@cases.refused(BadConfig, "cannot open", "publishes anew")
def a_reader_where_what_is_published_is_a_folder(shop: Shop) -> None:
    published = Path(f"{shop.path}.published")
    published.unlink()
    published.mkdir()
    try:
        with held(shop.path):
            churnobs.connect(f"duckdb:{shop.path}", read_only=True)
    finally:
        published.rmdir()


@cases.refused(BackendFailed, "read-only mode", "connect without read_only to write")
def a_reader_who_writes(shop: Shop) -> None:
    shop.sales()
    with churnobs.connect(f"duckdb:{shop.path}", read_only=True) as reader:
        reader.ingest(shop.folder)


@cases.right(*LOADED)
def a_reader_while_another_process_writes(shop: Shop) -> None:
    shop.sales()
    shop.ws.ingest(shop.folder)
    shop.close()
    with held(shop.path), churnobs.connect(f"duckdb:{shop.path}", read_only=True) as reader:
        assert reader.is_partial
        assert [r.month for r in reader.lifecycle().history()] == ["2024-01"]


# -- broken databases: a copy is broken, and the database beside it goes on


@cases.refused(BadConfig, "broken.duckdb", "cannot open", "backup")
def half_a_database(shop: Shop) -> None:
    path = _copy(shop)
    content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    try:
        churnobs.connect(f"duckdb:{path}")
    finally:
        assert path.read_bytes() == content


@cases.refused(BadConfig, "broken.duckdb", "cannot open", "backup")
def a_database_of_a_few_bytes(shop: Shop) -> None:
    path = _copy(shop)
    path.write_bytes(path.read_bytes()[:100])
    churnobs.connect(f"duckdb:{path}")


@cases.refused(BadConfig, "lite.db", "is a SQLite database", "give a file that churnobs wrote")
def a_database_of_another_program(shop: Shop) -> None:
    path = shop.tmp / "lite.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE SALES (A)")
        connection.commit()
    churnobs.connect(f"duckdb:{path}")


@cases.refused(BadConfig, "is no churnobs database", "or a new one")
def a_database_of_somebody_else(shop: Shop) -> None:
    import duckdb

    path = shop.tmp / "theirs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE SALES (A INTEGER)")
    churnobs.connect(f"duckdb:{path}")


@cases.refused(BadConfig, "schema version 999", "open it with the churnobs that wrote it")
def a_database_of_a_newer_churnobs(shop: Shop) -> None:
    import duckdb

    path = _copy(shop)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE CHURNOBS_SCHEMA SET VERSION = 999")
    churnobs.connect(f"duckdb:{path}")


@cases.right()
def a_log_that_is_none(shop: Shop) -> None:
    # nothing of it can be replayed, and everything in the file is there
    shop.close()
    Path(f"{shop.path}.wal").write_bytes(b"no log " * 1000)


@cases.refused(BadConfig, "broken.duckdb", "its log cannot be replayed", "take broken.duckdb.wal away")
def the_log_of_another_database(shop: Shop) -> None:
    path, strange = _copy(shop), shop.tmp / "strange.duckdb"
    shop.sales()
    churnobs.connect(f"duckdb:{strange}").close()
    assert child(other.die_after_commit, other.ingest, strange, shop.folder)[0] == "killed"
    shutil.copy(f"{strange}.wal", f"{path}.wal")
    churnobs.connect(f"duckdb:{path}")


@cases.refused(BadConfig, "broken.duckdb", "Corrupt database file", "backup")
def a_database_with_blocks_of_noise(shop: Shop) -> None:
    path = _copy(shop)
    content = bytearray(path.read_bytes())
    for at in range(3 * 4096, len(content) - 4096, 262_144):
        content[at + 4096 : at + 8192] = os.urandom(4096)
    path.write_bytes(content)
    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        fingerprint(workspace)


@cases.refused(BadConfig, "new.duckdb", "not a valid DuckDB database", "or a new one")
def an_empty_file_for_a_database(shop: Shop) -> None:
    path = shop.tmp / "new.duckdb"
    path.touch()
    churnobs.connect(f"duckdb:{path}")


PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "a folder": ("{tmp}", ("cannot open", "directory")),
    "a device": ("/dev/null", ("cannot open",)),
    "a folder that is not there": ("{tmp}/none/x.duckdb", ("cannot open", "No such file or directory")),
    "a name of 5000 letters": ("{tmp}/" + "x" * 5000, ("cannot open", "too long")),
    "a path with a NUL": ("{tmp}/a\0b.duckdb", ("cannot open",)),
    "half a character": ("{tmp}/\udce9.duckdb", ("cannot open",)),
    "a link to itself": ("{tmp}/loop", ("cannot open",)),
}


def _placed(name: str, place: str, says: tuple[str, ...]) -> Case:
    def act(shop: Shop) -> None:
        (shop.tmp / "loop").symlink_to("loop")
        churnobs.connect(f"duckdb:{place.format(tmp=shop.tmp)}")

    return Case(f"{name} for a database", act, BadConfig, says)


cases.extend(_placed(name, *row) for name, row in PLACES.items())


@cases.right()
def a_database_with_a_hostile_name(shop: Shop) -> None:
    for name in (f'it\'s {SQL} "q".duckdb', "<img src=x onerror=alert(2)>", "данные 🛒\n.duckdb", "a.b.c", "select"):
        path = shop.tmp / name
        shutil.copy(shop.path, path)
        with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
            assert workspace.lifecycle(config(), source=shop.template.folder).run(1)[0].month == "2024-02"
            who = workspace.sql("SELECT min(CUSTOMER_ID) AS C FROM SALES").collect()[0]["C"]
            assert workspace.forget(who).rows["SALES"] > 0
        with held(path), churnobs.connect(f"duckdb:{path}", read_only=True) as reader:
            assert len(reader.lifecycle().history()) == 2


# -- disks


@cases.refused(BackendFailed, "Could not write", "make room")
def no_room_for_a_file(shop: Shop) -> None:
    shop.sales()
    _raise(child(other.with_files_up_to, 100, other.ingest, shop.path, shop.folder))


@cases.refused(BackendFailed, "Could not write", "make room")
def no_room_for_a_month(shop: Shop) -> None:
    _raise(child(other.with_files_up_to, 1000, other.run, shop.path, shop.template.folder))


@cases.right(*ANYTHING)
def no_room_for_the_published_copy(shop: Shop) -> None:
    kind, words = child(other.with_files_up_to, 2_000_000, other.run, shop.path, shop.template.folder)
    assert (kind, "make room" in words) == ("BackendFailed", True), words
    assert not list(shop.tmp.glob("*.writing*"))


@cases.right(*ANYTHING)
def no_room_to_forget_somebody(shop: Shop) -> None:
    who = shop.rows("SELECT min(CUSTOMER_ID) FROM SALES")[0][0]
    shop.close()
    kind, words = child(other.with_files_up_to, 2_000_000, other.forget, shop.path, who)
    assert (kind, "make room" in words) == ("BackendFailed", True), words
    assert not list(shop.tmp.glob("*.rewriting*"))
    assert shop.ws.forget(who).rows["SALES"] > 0


@cases.refused(BadConfig, "cannot open", "make room")
def no_room_for_a_new_database(shop: Shop) -> None:
    _raise(child(other.with_files_up_to, 100, other.ingest, shop.tmp / "new.duckdb", shop.folder))


@cases.right(*ANYTHING)
def a_disk_that_is_full(shop: Shop) -> None:
    disk = shop.tmp / "disk"
    size = sum(Path(f"{shop.path}{end}").stat().st_size for end in ("", ".published"))
    with small_disk(disk, size + 200_000) as made:
        if not made:
            kind, words = child(other.with_files_up_to, 1000, other.run, shop.path, shop.template.folder)
        else:
            place = disk / shop.path.name
            for end in ("", ".published"):
                shutil.copy(f"{shop.path}{end}", f"{place}{end}")
            kind, words = child(other.run, place, shop.template.folder)
            # what is there is whole
            with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
                assert len(workspace.lifecycle().history()) in {1, 2}
            for end in ("", ".wal", ".published"):
                if Path(f"{place}{end}").exists():
                    shutil.copy(f"{place}{end}", f"{shop.path}{end}")
    assert (kind, "make room" in words) == ("BackendFailed", True), words


@cases.refused(BadConfig, "cannot open", "read_only=True", "nobody can write")
def a_folder_that_nobody_can_write(shop: Shop) -> None:
    shop.close()
    with read_only_folder(shop) as folder:
        with churnobs.connect(f"duckdb:{folder / shop.path.name}", read_only=True) as reader:
            assert len(reader.lifecycle().history()) == 1
        churnobs.connect(f"duckdb:{folder / shop.path.name}")


@cases.refused(BadConfig, "cannot write", "report.html", "check the path")
def a_report_into_a_folder_that_nobody_can_write(shop: Shop) -> None:
    shop.close()
    with read_only_folder(shop) as folder:
        write_aside(folder / "report.html", "x")


@cases.refused(BadConfig, "cannot write", "report.html")
def no_room_for_a_report(shop: Shop) -> None:
    try:
        _raise(child(other.with_files_up_to, 1000, other.report, shop.tmp / "report.html"))
    finally:
        assert not list(shop.tmp.glob("*report*")) + list(shop.tmp.glob(".*report*"))


# -- memory and threads


def _opened(shop: Shop, **how: Any) -> Any:
    shop.close()
    return churnobs.connect(f"duckdb:{shop.path}", **how)


for _name, _how, _says in (
    ("a memory limit that is no size", {"memory_limit": "lots"}, ("memory_limit",)),
    ("a memory limit below zero", {"memory_limit": "-5GB"}, ("memory_limit",)),
    ("a memory limit with SQL", {"memory_limit": f"1GB{SQL}"}, ("memory_limit",)),
    ("a memory limit of a few bytes", {"memory_limit": "100B"}, ("memory_limit",)),
    ("no threads", {"threads": 0}, ("threads is", "from 1")),
    ("threads below zero", {"threads": -1}, ("threads is", "from 1")),
    ("threads that are a text", {"threads": "all"}, ("threads is", "from 1")),
    ("a refresh that is none", {"refresh": SQL}, ("is no way to refresh", "fresh")),
    ("a setting that means nothing", {"warehouse": SQL}, ("warehouse mean nothing here",)),
):
    cases.append(Case(_name, lambda shop, how=_how: _opened(shop, **how), BadConfig, _says))


@cases.refused(BackendFailed, "Out of Memory", "a larger memory_limit")
def memory_too_small_for_a_month(shop: Shop) -> None:
    with _opened(shop, memory_limit="3MB", threads=1) as workspace:
        workspace.lifecycle(config(), source=shop.template.folder).run(1)


@pytest.mark.parametrize("case", cases.params())
def test_hostile_disks(case: Case, shop: Shop) -> None:
    examine(case, shop)
