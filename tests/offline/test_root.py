"""Databases, schemas, tables, views, stages and warehouses by the Root of snowflake.core."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.core import CreateMode, Root
from snowflake.core.database import Database
from snowflake.core.exceptions import APIError, ConflictError, NotFoundError
from snowflake.core.schema import Schema
from snowflake.core.stage import Stage
from snowflake.core.table import PrimaryKey, Table, TableColumn
from snowflake.core.view import View, ViewColumn
from snowflake.core.warehouse import Warehouse


@pytest.fixture
def root(snowflake_session):
    return Root(snowflake_session)


@pytest.fixture
def database(root, snowflake_session):
    return root.databases[snowflake_session.get_current_database().strip('"')]


@pytest.fixture
def schema(database):
    return database.schemas["PUBLIC"]


def test_databases_and_schemas(root, database, snowflake_session) -> None:
    here = snowflake_session.get_current_database()
    made = root.databases.create(Database(name="root_made", comment="it's new"))
    try:
        with pytest.raises(ConflictError):
            root.databases.create(Database(name="root_made"))
        root.databases.create(Database(name="root_made"), mode=CreateMode.if_not_exists)
        assert (made.fetch().name, made.fetch().kind, made.fetch().is_current) == ("ROOT_MADE", "PERMANENT", False)
        assert [d.name for d in root.databases.iter(like="root%")] == ["ROOT_MADE"]
        inner = made.schemas.create(Schema(name='"in Here"', kind="TRANSIENT"))
        assert inner.fetch().name == '"in Here"'
        assert [s.name for s in made.schemas.iter(starts_with="in")] == ['"in Here"']
        assert [s.database_name for s in made.schemas.iter(like="public")] == ["ROOT_MADE"]
        inner.drop()
        with pytest.raises(NotFoundError):
            inner.fetch()
        assert snowflake_session.get_current_database() == here
    finally:
        made.drop()
    made.drop(if_exists=True)
    with pytest.raises(NotFoundError):
        made.drop()


def test_tables_and_views(schema, sql) -> None:
    columns = [
        TableColumn(name="id", datatype="int", nullable=False, autoincrement=True, autoincrement_start=10, autoincrement_increment=5),
        TableColumn(name="mail", datatype="varchar(20)", comment="where to"), TableColumn(name="n", datatype="number(10,2)", default="1.5"),
    ]  # fmt: skip
    table = schema.tables.create(Table(name="people", columns=columns, comment="who"))
    sql("INSERT INTO people (mail) VALUES ('a@x.io'), ('b@x.io')")
    assert [(a, b, float(c)) for a, b, c in sql("SELECT * FROM people ORDER BY id")] == [
        (10, "a@x.io", 1.5),
        (15, "b@x.io", 1.5),
    ]
    found = table.fetch()
    assert (found.name, found.kind, found.comment, found.rows) == ("PEOPLE", "PERMANENT", "who", 2)
    assert [(c.name, c.nullable, c.comment or None) for c in found.columns] == [
        ("ID", False, None),
        ("MAIL", True, "where to"),
        ("N", True, None),
    ]
    schema.tables.create(Table(name="people", columns=columns[1:]), mode=CreateMode.or_replace)
    assert sql("SELECT COUNT(*) FROM people") == [(0,)]
    sql("CREATE VIEW mails AS SELECT mail FROM people")
    (view,) = schema.views.iter()
    assert (view.name, [c.name for c in view.columns]) == ("MAILS", ["MAIL"])
    assert "SELECT mail FROM people" in schema.views["mails"].fetch().query
    schema.views["mails"].drop()
    assert [t.name for t in schema.tables.iter(like="p%")] == ["PEOPLE"]
    table.drop()
    assert list(schema.tables.iter()) == []


def test_stages_and_their_files(schema, sql, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    stage = schema.stages.create(Stage(name="files", comment="c"))
    stage.put(str(tmp_path / "a.csv"), "/in", auto_compress=False)
    (file,) = stage.list_files()
    assert [(file.name, file.size, file.md5)] == [(name, str(size), md5) for name, size, md5, _ in sql("LIST @files")]
    assert file.name == "files/in/a.csv"
    assert [f.name for f in stage.list_files(pattern=".*b.csv")] == []
    assert ([s.name for s in schema.stages.iter()], stage.fetch().kind) == (["FILES"], "PERMANENT")
    stage.drop()
    assert list(schema.stages.iter()) == []


def test_warehouses(root, snowflake_session) -> None:
    current = snowflake_session.get_current_warehouse()
    made = root.warehouses.create(Warehouse(name="root_wh", warehouse_size="SMALL", auto_suspend=60))
    assert (made.fetch().size, snowflake_session.get_current_warehouse()) == ("SMALL", current)
    made.suspend()
    made.resume()
    assert [w.name for w in root.warehouses.iter(like="root%")] == ["ROOT_WH"]
    made.drop()
    with pytest.raises(NotFoundError):
        made.fetch()


REFUSED = [
    lambda r, s: list(r.roles.iter()), lambda r, s: list(r.users.iter()), lambda r, s: list(r.compute_pools.iter()),
    lambda r, s: list(s.streams.iter()), lambda r, s: list(s.dynamic_tables.iter()), lambda r, s: list(s.functions.iter()),
    lambda r, s: list(s.alerts.iter()), lambda r, s: list(s.notebooks.iter()), lambda r, s: list(r.roles["PUBLIC"].iter_grants_to()),
    lambda r, s: s.tables["T"].swap_with("U"), lambda r, s: s.tables["T"].undrop(), lambda r, s: s.tables.create("U", as_select="SELECT 1"),
    lambda r, s: s.tables.create("U", clone_table="T"), lambda r, s: list(s.tables.iter(deep=True)), lambda r, s: r.warehouses["COMPUTE_WH"].rename("X"),
    lambda r, s: s.tables.create(Table(name="U", columns=[TableColumn(name="A", datatype="INT")], constraints=[PrimaryKey(column_names=["A"])])),
    lambda r, s: s.tables.create(Table(name="U", columns=[TableColumn(name="A", datatype="TEXT", collate="de")])),
    lambda r, s: r.databases.create(Database(name="D", log_level="INFO")), lambda r, s: r.databases["X"].undrop(),
    lambda r, s: s.views.create(View(name="V", columns=[ViewColumn(name="A")], query="SELECT 1")), lambda r, s: r.databases["X"].schemas["Y"].undrop(),
]  # fmt: skip


def test_what_else_a_root_offers_is_refused(root, schema, sql) -> None:
    sql("CREATE TABLE t (a INT)")
    for number, ask in enumerate(REFUSED):
        with pytest.raises(APIError, match=r"offline account: .* is not supported; "):
            pytest.fail(f"number {number} gave {ask(root, schema)}")
    assert [t.name for t in schema.tables.iter()] == ["T"]
