"""Broken databases, odd places and settings of memory: 100 hostile inputs, part six.

A copy is broken, and the database beside it goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import hostile_child as other
import pytest
from hostile_cases import SQL, Case, Cases, Shop, config, examine, fingerprint
from hostile_child import child, held

import churnobs
from churnobs.errors import BackendFailed, BadConfig

cases = Cases()


def _copy(shop: Shop, name: str = "broken.duckdb") -> Path:
    shop.close()
    return Path(shutil.copy(shop.path, shop.tmp / name))


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
def test_hostile_databases(case: Case, shop: Shop) -> None:
    examine(case, shop)
