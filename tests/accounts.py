"""Databases that are opened again and again, in a file or in the offline account: everything in them, and deaths."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loops import Interrupted, tables

import churnobs
from churnobs import Workspace
from churnobs.testing import OfflineAccount

# the wall clock, and who ran when
LEFT_OUT = {"JOURNAL": {"SECONDS", "STATEMENTS"}}
NOT_COMPARED = {"RUN_LOCK", "_FEATURE_STORE_METADATA"}


@dataclass
class File:
    """A DuckDB file."""

    path: Path
    dead: list[Workspace] = field(default_factory=list)

    def open(self) -> Workspace:
        while self.dead:
            self.dead.pop().close()
        return churnobs.connect(f"duckdb:{self.path}", threads=1)

    def die(self, workspace: Workspace) -> None:
        """End as a process does that is killed: the system lets go of the file, by the time it is opened again."""
        self.dead.append(workspace)

    def everything(self, workspace: Workspace) -> dict[str, Any]:
        return dict(tables(workspace))


@dataclass
class Schema:
    """A schema of the offline account."""

    account: OfflineAccount
    name: str
    database: str = "ONCE"
    dead: list[Any] = field(default_factory=list)

    def open(self, **parameters: Any) -> Workspace:
        given = self.account.connection(database=self.database, schema=self.name)
        workspace = churnobs.connect("snowflake:", **{**given, **parameters})
        workspace.deploy(show=None)
        return workspace

    def die(self, workspace: Workspace) -> None:
        """End as a process does that is killed: nothing is sent any more, and the session stays open."""
        link: Any = workspace._backend.engine.link  # type: ignore[attr-defined]

        def nothing(*_: Any, **__: Any) -> Any:
            raise Interrupted("the process is dead")

        link.run = link.describe = nothing
        # kept, so that nobody closes it
        self.dead.append(workspace)

    def everything(self, workspace: Workspace) -> dict[str, Any]:
        return {**rows_of(workspace), **natives_of(workspace)}


def rows_of(workspace: Workspace) -> dict[str, list[str]]:
    """The rows of all tables of a schema, but for the wall clock; and the texts of its views."""
    session = session_of(workspace)
    found: dict[str, list[str]] = {}
    for shown in session.sql("SHOW TABLES").collect():
        name = shown["name"]
        if name in NOT_COMPARED or name.startswith("SNOWPARK_TEMP"):
            continue
        left_out = LEFT_OUT.get(name, set())
        rows = session.sql(f'SELECT * FROM "{name}"').collect()
        found[name] = sorted(repr({k: v for k, v in row.as_dict().items() if k not in left_out}) for row in rows)
    found["VIEWS"] = sorted(row["name"] for row in session.sql("SHOW VIEWS").collect())
    return found


def natives_of(workspace: Workspace) -> dict[str, Any]:
    """Models, datasets, monitors, feature views and entities as Snowflake shows them; artefacts as they can be loaded."""
    from churnobs.backends.snowflake.native_features import NativeFeatures

    engine: Any = workspace._backend.engine
    features, found = NativeFeatures(engine), {}
    for model in _shown(workspace, "SHOW MODELS"):
        name = model["name"]
        versions = _shown(workspace, f'SHOW VERSIONS IN MODEL "{name}"')
        found[f"model {name}"] = {
            row["name"]: (
                str(row["is_default_version"]).lower(), sorted(json.loads(row["aliases"] or "[]")), row["comment"],
                json.loads(row["metadata"] or "{}").get("metrics", {}),
            )
            for row in versions
        }  # fmt: skip
    for dataset in _shown(workspace, "SHOW DATASETS"):
        rows = _shown(workspace, f'SHOW VERSIONS IN DATASET "{dataset["name"]}"')
        found[f"dataset {dataset['name']}"] = sorted(row["version"] for row in rows)
    found["monitors"] = {row["name"]: row["monitor_state"] for row in _shown(workspace, "SHOW MODEL MONITORS")}
    found["alerts"] = {row["name"]: (row["state"], row["condition"]) for row in _shown(workspace, "SHOW ALERTS")}
    found["entities"], found["feature views"] = features.entities(), features.feature_views()
    port = workspace._backend.registry
    # each is checked against its sha256 as it is loaded
    found["artefacts"] = {r.version_name: (r.artefact, str(port.load(r))) for r in port.versions()}
    found["stream"] = [
        tuple(row) for row in session_of(workspace).sql("SELECT COUNT(*) FROM FEEDBACK_STREAM").collect()
    ]
    return found


def _shown(workspace: Workspace, what: str) -> list[dict[str, Any]]:
    session = session_of(workspace)
    head, _, of = what.partition(" IN ")
    where = f" IN {of}" if of else f" IN SCHEMA {session.get_fully_qualified_current_schema()}"
    return [row.as_dict() for row in session.sql(f"{head}{where}").collect()]


def session_of(workspace: Workspace) -> Any:
    """The Snowpark session of a workspace."""
    return workspace._backend.engine.link.session  # type: ignore[attr-defined]
