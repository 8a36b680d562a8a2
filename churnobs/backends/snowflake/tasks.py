"""The loop as a task graph: one procedure that runs churnobs from a stage, and a task for each group of steps."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal
from churnobs.backends.snowflake.native import Native, clients
from churnobs.backends.snowflake.parcel import CODE, package_code, requirements
from churnobs.backends.snowflake.schema import STAGE
from churnobs.errors import BadConfig
from churnobs.ports import TaskPort

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import TaskGraph

GRAPH: Final = "graph.pkl"
# what the whole of churnobs needs there beside what a model is made with
_NEEDED: Final = ("ibis-framework", "jinja2", "pydantic", "vaderSentiment", "snowflake-ml-python")
_BODY: Final = f"""
import os, sys

def run(session, first):
    from churnobs.backends.snowflake.inside_tasks import run_group
    with open(os.path.join(sys._xoptions["snowflake_import_directory"], "{GRAPH}"), "rb") as file:
        return run_group(session, file.read(), first)
"""
_HISTORY: Final = ("NAME", "STATE", "SCHEDULED_TIME", "COMPLETED_TIME", "RETURN_VALUE", "ERROR_MESSAGE")


class Tasks(TaskPort):
    """Task graphs in the session's schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def plan(self, graph: TaskGraph, config: object) -> Sequence[str]:  # noqa: ARG002  # it travels, and decides no statement
        """The statements: inbox, procedure, tasks from the root on, and their start."""
        native = Native.of(self._engine)
        root, procedure = native.qualified(graph.name), native.qualified(f"{graph.name}_STEPS")
        statements = [f"CREATE STAGE IF NOT EXISTS {native.qualified(graph.inbox)} DIRECTORY = (ENABLE = TRUE)"]
        if graph.on_new_data:
            arrivals, arrived = arrivals_of(native, graph.name)
            statements.append(f"CREATE STREAM IF NOT EXISTS {arrivals} ON STAGE {native.qualified(graph.inbox)}")
            statements.append(f"CREATE TABLE IF NOT EXISTS {arrived} (RELATIVE_PATH VARCHAR, SIZE NUMBER(38,0))")
        statements.append(self._procedure(graph, procedure))
        # a graph changes only while it stands still
        statements.append(f"ALTER TASK IF EXISTS {root} SUSPEND")
        before = None
        for name, first in zip(_names(native, graph.name, graph.groups), graph.groups, strict=True):
            starts = _starts(native, graph) if before is None else f"AFTER {before}"
            body = (
                f"BEGIN LET said VARCHAR; CALL {procedure}({literal(first)}) INTO :said; "
                "CALL SYSTEM$SET_RETURN_VALUE(:said); END"
            )
            # what stands after WHEN ends a task's settings, so that it comes last
            statements.append(f"CREATE OR REPLACE TASK {name} WAREHOUSE = {native.warehouse} {starts} AS {body}")
            before = name
        statements.append(f"SELECT SYSTEM$TASK_DEPENDENTS_ENABLE({literal(root)})")
        return statements

    def deploy(self, graph: TaskGraph, config: object, statements: Sequence[str]) -> None:
        """Put churnobs, the settings and the user's modules on the stage, and run the statements.

        Raises:
            BadConfig: the settings cannot travel.
        """
        import cloudpickle  # type: ignore[import-untyped,unused-ignore]

        try:
            task = cloudpickle.dumps((graph, config))
        except Exception as error:
            raise BadConfig(
                f"the settings cannot travel: {error}", hint="let them hold data and importable code only"
            ) from error
        place = self._place(graph.name)
        for name, content in ((CODE, package_code()), (GRAPH, task), *_local(graph.imports)):
            with clients():
                self._engine.link.session.file.put_stream(
                    io.BytesIO(content), f"{place}/{name}", auto_compress=False, overwrite=True
                )
        for statement in statements:
            self._engine.ddl(statement)

    def undeploy(self, name: str, groups: Sequence[str]) -> Sequence[str]:
        """Drop the tasks, their procedure, their files and what they know of arrivals."""
        native = Native.of(self._engine)
        if not self._engine.link.shown(f"SHOW TASKS LIKE {literal(name)} IN SCHEMA {native.qualified('')[:-3]}"):
            return ()
        tasks = _names(native, name, groups)
        arrivals, arrived = arrivals_of(native, name)
        statements = [
            f"ALTER TASK IF EXISTS {tasks[0]} SUSPEND",
            *(f"DROP TASK IF EXISTS {task}" for task in reversed(tasks)),
            f"DROP PROCEDURE IF EXISTS {native.qualified(f'{name}_STEPS')}(VARCHAR)",
            f"DROP STREAM IF EXISTS {arrivals}",
            f"DROP TABLE IF EXISTS {arrived}",
            f"REMOVE {self._place(name)}",
        ]
        for statement in statements:
            self._engine.ddl(statement)
        return statements

    def history(self, name: str) -> pd.DataFrame:
        """What the account tells of the tasks: runs of the last seven days and the next start."""
        native = Native.of(self._engine)
        listed = ", ".join(_HISTORY)
        where = f"DATABASE_NAME = {literal(native.database)} AND SCHEMA_NAME = {literal(native.schema)}"
        found: pd.DataFrame = self._engine.link.fetch(
            f"SELECT {listed} FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 1000)) WHERE {where} "
            f"AND (NAME = {literal(name)} OR STARTSWITH(NAME, {literal(name + '_')})) "
            "ORDER BY SCHEDULED_TIME DESC, COMPLETED_TIME DESC"
        ).to_pandas()
        return found

    def _place(self, name: str) -> str:
        return f"@{Native.of(self._engine).qualified(STAGE)}/{name}"

    def _procedure(self, graph: TaskGraph, procedure: str) -> str:
        place = self._place(graph.name)
        options = [f"RUNTIME_VERSION = '{sys.version_info.major}.{sys.version_info.minor}'"]
        if graph.artifact_repository:
            options.append(f"ARTIFACT_REPOSITORY = {graph.artifact_repository}")
        packages = ["snowflake-snowpark-python", "cloudpickle", *requirements([*graph.packages, *_NEEDED])]
        options.append(f"PACKAGES = ({', '.join(map(literal, packages))})")
        staged = [one if one.startswith("@") else f"{place}/{_file(one)}" for one in graph.imports]
        imports = [f"{place}/{CODE}", f"{place}/{GRAPH}", *staged]
        options.append(f"IMPORTS = ({', '.join(map(literal, imports))})")
        return (
            f"CREATE OR REPLACE PROCEDURE {procedure}(FIRST VARCHAR) RETURNS VARCHAR LANGUAGE PYTHON "
            f"{' '.join(options)} HANDLER = 'run' EXECUTE AS CALLER AS $${_BODY}$$"
        )


def arrivals_of(native: Native, name: str) -> tuple[str, str]:
    """The stream that knows of new files, and the table that takes what it knew."""
    return native.qualified(f"{name}_ARRIVALS"), native.qualified(f"{name}_ARRIVED")


def _names(native: Native, name: str, groups: Sequence[str]) -> list[str]:
    """The root has the graph's name."""
    return [native.qualified(name if place == 0 else f"{name}_{first}") for place, first in enumerate(groups)]


def _starts(native: Native, graph: TaskGraph) -> str:
    """What starts the root, and what happens when a task fails."""
    parts = []
    if graph.schedule is not None:
        parts.append(f"SCHEDULE = {literal(graph.schedule)}")
    parts.append(f"SUSPEND_TASK_AFTER_NUM_FAILURES = {graph.suspend_after}")
    if graph.error_integration is not None:
        parts.append(f"ERROR_INTEGRATION = {graph.error_integration}")
    if graph.on_new_data:
        parts.append(f"WHEN SYSTEM$STREAM_HAS_DATA({literal(arrivals_of(native, graph.name)[0])})")
    return " ".join(parts)


def _local(imports: Sequence[str]) -> list[tuple[str, bytes]]:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from churnobs.backends.snowflake.parcel import copy_imports

    with TemporaryDirectory() as folder:
        copy_imports([one for one in imports if not one.startswith("@")], Path(folder))
        return [(path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir())]


def _file(one: str) -> str:
    from pathlib import Path

    return f"{Path(one).name}.zip" if Path(one).is_dir() else Path(one).name
