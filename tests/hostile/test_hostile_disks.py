"""Full and read-only disks, killed writers, locks, logs and broken databases: 100 hostile inputs, part five.

A full disk is a small tmpfs where the tests may mount one (root does), and everywhere a limit on the size of files
(RLIMIT_FSIZE) in a process of its own: the engine is refused its writes in the same places. Root ignores mode bits, so a
read-only folder is a tmpfs mounted again read-only for root, and mode bits for everybody else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hostile_child as other
import pytest
from hostile_cases import ANYTHING, LOADED, Case, Cases, Shop, examine
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


@pytest.mark.parametrize("case", cases.params())
def test_hostile_disks(case: Case, shop: Shop) -> None:
    examine(case, shop)
