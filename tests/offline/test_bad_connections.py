"""What can be wrong with a connection, a schema or a role: one clear error each, and nothing half made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema, natives_of, rows_of, session_of
from loops import different, scripted, write_world

import churnobs
from churnobs import BackendFailed, BadConfig, DatabaseBusy, NotFound, Workspace
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.testing import OfflineAccount, serve

TOML = """
[retail]
account = "offline"
user = "OFFLINE"
password = "{password}"
host = "127.0.0.1"
port = {port}
protocol = "http"
database = "d"
schema = "s"
warehouse = "compute_wh"
"""


@pytest.fixture(scope="module")
def account() -> Iterator[OfflineAccount]:
    """An account in which a connection makes nothing, with a database D."""
    with serve(trace=True, makes_named=False) as made:
        made.session().sql("CREATE DATABASE D").collect()
        yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("files"), customers=60, months=3)


def connect(to: OfflineAccount, /, **given: Any) -> Workspace:
    return churnobs.connect("snowflake:", **{**to.connection(database="D", schema="S"), **given})


def objects(account: OfflineAccount) -> list[str]:
    """All databases, schemas and tables."""
    asking = account.session()
    told = []
    for what in ("SHOW DATABASES", "SHOW SCHEMAS IN ACCOUNT", "SHOW OBJECTS IN ACCOUNT", "SHOW STAGES IN ACCOUNT"):
        told += [f"{what}: {row.as_dict().get('schema_name')}.{row['name']}" for row in asking.sql(what).collect()]
    asking.close()
    return sorted(told)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"password": "wrong"},
            r"cannot connect to Snowflake: .*Incorrect username or password.*; check account, user",
        ),
        ({"account": None}, r"cannot connect to Snowflake: Account must be specified; check account, user"),
        ({"port": 1, "login_timeout": 1}, r"cannot connect to Snowflake: .*; check account, user"),
    ],
)
def test_a_connection_that_cannot_be_made(given: dict[str, Any], said: str, account: OfflineAccount) -> None:
    with pytest.raises(BadConfig, match=said) as caught:
        connect(account, **given)
    assert "Traceback" not in str(caught.value)
    assert str(given.get("password", "?")) not in str(caught.value)


BY_NAME = """
import churnobs
for url in ("snowflake:nowhere", "snowflake:"):
    try:
        churnobs.connect(url)
    except churnobs.BadConfig as error:
        print(error)
with churnobs.connect("snowflake:retail", schema="named") as workspace:
    print(workspace.deployment()[0])
"""


def test_connections_by_name(account: OfflineAccount, tmp_path: Path) -> None:
    """Neither the name nor what stands beside it is lost when the schema is not there yet."""
    parameters = account.connection()
    place = tmp_path / "connections.toml"
    place.write_text(TOML.format(password=parameters["password"], port=parameters["port"]), encoding="utf-8")
    place.chmod(0o600)
    # where the client looks is settled when it is imported
    done = subprocess.run(
        [sys.executable, "-c", BY_NAME], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "SNOWFLAKE_HOME": str(tmp_path)},
    )  # fmt: skip
    nowhere, nobody, made = done.stdout.splitlines()
    assert nowhere.startswith("cannot connect to Snowflake as nowhere: Invalid connection_name 'nowhere'")
    assert nobody.startswith('the URL names no connection; use "snowflake:NAME"')
    assert made == 'CREATE SCHEMA "D"."NAMED"'


def test_connecting_makes_and_changes_nothing(account: OfflineAccount) -> None:
    before, asked = objects(account), len(account.statements)
    with connect(account, schema="NOT_YET") as workspace:
        assert workspace.deployment()[0] == 'CREATE SCHEMA "D"."NOT_YET"'
        workspace.doctor()
        repr(workspace)
    heads = {statement.text.split()[0].upper() for statement in account.statements[asked:]}
    assert heads <= {"SHOW", "SELECT"}
    assert objects(account) == before


@pytest.mark.parametrize(
    ("given", "deploying", "running"),
    [
        ({"warehouse": "NOPE"}, r"warehouse NOPE does not exist, or the role may not use it", r"No active warehouse"),
        ({"warehouse": None}, r"the session has no warehouse; add warehouse=", r"No active warehouse"),
        ({"database": "NOPE"}, r"database NOPE does not exist, or the role may not use it", r"a current database"),
        ({"database": None, "schema": None}, r"the connection names no database; add database=", r"a current database"),
    ],
)
def test_what_a_connection_names_and_is_not_there(
    given: dict[str, Any], deploying: str, running: str, account: OfflineAccount, files: Path
) -> None:
    before = objects(account)
    with connect(account, **{"schema": "NOT_YET", **given}) as workspace:
        with pytest.raises(BadConfig, match=deploying):
            workspace.deploy(show=None)
        with pytest.raises((BadConfig, NotFound), match=running):
            workspace.lifecycle(scripted(), source=files).run()
        assert [c for c in workspace.doctor() if c.ok is not True]
    assert objects(account) == before


@pytest.mark.parametrize(
    "ask",
    [
        lambda w, files: w.lifecycle(scripted(), source=files).run(),
        lambda w, files: w.ingest(files),
        lambda w, _: w.registry.models(),
        lambda w, _: w.feature_store.list_entities(),
        lambda w, _: w.monitor.show_model_monitors(),
    ],
)
def test_before_it_is_deployed(ask: Callable[[Workspace, Path], Any], account: OfflineAccount, files: Path) -> None:
    for schema in ("NOT_YET", "PUBLIC"):
        with (
            connect(account, schema=schema) as workspace,
            pytest.raises(NotFound, match=r"; workspace\.deploy\(\) makes"),
        ):
            ask(workspace, files)


@pytest.mark.parametrize(
    ("database", "schema"), [pytest.param("D", '"my schema"', marks=pytest.mark.long), ('"Mixed"', '"quo""te"')]
)
def test_names_that_need_quotes(database: str, schema: str, account: OfflineAccount, files: Path) -> None:
    """Up to a first model with its native objects, its monitors, and a run that takes over."""
    asking = account.session()
    asking.sql(f"CREATE DATABASE IF NOT EXISTS {database}").collect()
    with connect(account, database=database, schema=schema) as workspace:
        workspace.deploy(show=None)
        reports = workspace.lifecycle(scripted(), source=files).run()
        assert reports[-1].decision.action == "first_model"
        left = {**rows_of(workspace), **natives_of(workspace)}
        assert len(left["artefacts"]) == len(left["model CHURN"]) >= 1
        assert left["monitors"]
        workspace._backend.engine.link.run("UPDATE RUN_LOCK SET HOLDER = '1'")  # type: ignore[attr-defined]
        assert workspace.lifecycle(scripted(), source=files).run(take_over=True) == []
        assert different({**rows_of(workspace), **natives_of(workspace)}, left) == []
        assert [c for c in workspace.doctor() if c.ok is not True] == []
    asking.sql(f"DROP SCHEMA {database}.{schema}").collect()


def test_a_schema_of_somebody_else(account: OfflineAccount) -> None:
    asking = account.session()
    for statement in (
        "CREATE SCHEMA D.THEIRS",
        "CREATE TABLE D.THEIRS.ORDERS (A INT)",
        "CREATE VIEW D.THEIRS.V AS SELECT 1 A",
    ):
        asking.sql(statement).collect()
    before = objects(account)
    with connect(account, schema="THEIRS") as workspace:
        for call in (workspace.deployment, lambda: workspace.deploy(show=None)):
            with pytest.raises(
                BadConfig, match="the schema belongs to somebody else: it holds ORDERS, V; name a schema"
            ):
                call()
        assert [c.found for c in workspace.doctor() if c.name == "schema"] == [
            "the schema belongs to somebody else: it holds ORDERS, V"
        ]
    assert objects(account) == before


def test_a_schema_of_another_version(account: OfflineAccount) -> None:
    with connect(account, schema="OLD") as workspace:
        workspace.deploy(show=None)
        session_of(workspace).sql("UPDATE CHURNOBS_SCHEMA SET VERSION = 1").collect()
        session_of(workspace).sql("DROP TABLE LINEAGE").collect()
        before = objects(account)
        with pytest.raises(
            BadConfig, match=r"tables of schema version 1, this churnobs reads \d+; use the churnobs that"
        ):
            workspace.deploy(show=None)
        assert objects(account) == before


def test_a_deployment_that_was_cut_short_is_made_up(account: OfflineAccount) -> None:
    with connect(account, schema="CUT") as workspace:
        statements = workspace.deployment()
        whole = len(statements)
        for statement in statements[: whole // 2]:
            session_of(workspace).sql(statement).collect()
        assert len(workspace.deploy(show=None)) == whole - whole // 2
        assert workspace.deployment() == ()
        assert workspace._backend.engine.read("CHURNOBS_SCHEMA").num_rows == 1
        assert workspace._backend.engine.read("RUN_LOCK").num_rows == 1


@pytest.mark.parametrize("denied", ["CREATE MODEL", "CREATE STREAM", "CREATE TABLE"])
def test_a_grant_is_missing_at_deployment(denied: str) -> None:
    with serve(trace=True, denied=[denied]) as account:
        before = objects(account)
        with churnobs.connect("snowflake:", **account.connection(database="D", schema="S")) as workspace:
            said = rf"grants are missing: grant {denied} on schema D\.S; GRANT {denied} ON SCHEMA D\.S TO ROLE"
            with pytest.raises(BadConfig, match=said):
                workspace.deploy(show=None)
            assert rows_of(workspace) == {"VIEWS": []}
        assert set(objects(account)) - set(before) <= {"SHOW DATABASES: None.D", *_schemas("PUBLIC", "S")}


def _schemas(*names: str) -> set[str]:
    return {f"SHOW SCHEMAS IN ACCOUNT: None.{name}" for name in (*names, "INFORMATION_SCHEMA")}


@pytest.fixture(scope="module")
def undisturbed(files: Path) -> dict[str, Any]:
    """What a run leaves that nothing disturbed."""
    with serve() as account:
        place = Schema(account, "S")
        with place.open() as workspace:
            workspace.lifecycle(scripted(), source=files).run()
            return place.everything(workspace)


@pytest.mark.long
def test_grants_are_lost_in_mid_month(files: Path, undisturbed: dict[str, Any]) -> None:
    """The month stops with Snowflake's own words, and goes on as if nothing had been once the grant is given."""
    lost: list[str] = []
    with serve(denied=lost) as account:
        place = Schema(account, "S")
        with place.open() as workspace:
            loop = workspace.lifecycle(scripted(), source=files)
            for denied in ("CREATE TAG", "CREATE DATASET", "CREATE MODEL", "CREATE VIEW", "CREATE MODEL MONITOR"):
                lost[:] = [denied]
                # again: nothing that the first try left makes it pass
                for _ in range(2):
                    with pytest.raises(BadConfig, match=r"Insufficient privileges.*; churnobs doctor names the grants"):
                        loop.run()
                missing = [c.name for c in workspace.doctor() if c.ok is False]
                assert missing == [f"grant {denied} on schema ONCE.S"]
            lost.clear()
            loop.run()
            assert different(place.everything(workspace), undisturbed) == []


@pytest.mark.long
def test_sessions_that_end_in_mid_month(files: Path, undisturbed: dict[str, Any]) -> None:
    with serve() as account:
        place = Schema(account, "S")
        for kind in (StepKind.INGEST, StepKind.LABELS, StepKind.TRAIN, StepKind.MONITOR):

            def end(step: Step, at: StepKind = kind) -> None:
                if step.kind is at and str(step.month) == "2024-03":
                    for token in list(account.account.sessions):
                        account.account.close_session(token)

            with place.open() as workspace:
                loop = workspace.lifecycle(scripted(), source=files)
                if kind is not StepKind.INGEST:
                    # the session that is over could not let go of its right
                    with pytest.raises(DatabaseBusy, match=r"run\(take_over=True\) goes on"):
                        loop.run()
                with pytest.raises(
                    BackendFailed, match=r"the Snowflake session is over: .*; connect again and run again"
                ):
                    loop.run(progress=end, take_over=True)
        with place.open() as workspace:
            workspace.lifecycle(scripted(), source=files).run(take_over=True)
            assert different(place.everything(workspace), undisturbed) == []
