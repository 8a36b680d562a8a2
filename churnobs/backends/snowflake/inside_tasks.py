"""What a task's procedure does: opens the workspace by its session, and does one group of steps of the month in progress."""

from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.native import Native, clients
from churnobs.backends.snowflake.tasks import arrivals_of
from churnobs.lifecycle.steps import StepKind
from churnobs.sources import names_month

if TYPE_CHECKING:
    from snowflake.snowpark import Session

    from churnobs.records import TaskGraph
    from churnobs.workspace import Workspace

_FIRST: Final = StepKind.INGEST.value


def run_group(session: Session, task: bytes, first: str) -> str:
    """Do a group of steps, and say what was done.

    Args:
        session: of the task.
        task: the pickled graph and settings, put on the stage by whoever deployed them.
        first: the first step of the group.

    Raises:
        ChurnobsError: what went wrong; the task has failed, and the next run goes on where it stopped.
    """
    from churnobs.connect import connect

    # it comes from whoever made the procedure, through the workspace's own stage
    graph, config = pickle.loads(task)  # noqa: S301
    with TemporaryDirectory() as name, connect(session) as workspace:
        folder = Path(name)
        source = folder if first == _FIRST and _fetched(session, workspace, graph, folder) else None
        loop = workspace.lifecycle(config, source=source, mapping=graph.mapping if source else None)
        said = loop.run_group(first)
        if first == _FIRST and graph.on_new_data and len(loop.waiting()) <= 1:
            # while more months wait than this one, what arrived goes on starting the graph
            _taken(workspace, graph)
        return said


def _fetched(session: Session, workspace: Workspace, graph: TaskGraph, folder: Path) -> bool:
    """Bring the files of the inbox that may be new: without a month in their name, or not ingested."""
    engine: Any = workspace._backend.engine
    inbox = f"@{Native.of(engine).qualified(graph.inbox)}"
    known = {file.name for file in workspace._backend.loader.ingested()}
    # LIST gives the path below the stage's name
    listed = [str(row["name"]).partition("/")[2] for row in engine.link.shown(f"LIST {inbox}")]
    for path in listed:
        name = Path(path).name.removesuffix(".gz")
        if name in known and names_month(name):
            continue
        with clients():
            session.file.get(f"{inbox}/{path}", str(folder))
        packed = folder / Path(path).name
        if packed.suffix == ".gz":
            # PUT compresses by default
            with gzip.open(packed, "rb") as compressed, (folder / name).open("wb") as plain:
                shutil.copyfileobj(compressed, plain)
            packed.unlink()
    return any(folder.iterdir())


def _taken(workspace: Workspace, graph: TaskGraph) -> None:
    """Move the stream's offset: what it knew of is done with the month that was begun."""
    engine: Any = workspace._backend.engine
    arrivals, arrived = arrivals_of(Native.of(engine), graph.name)
    engine.link.change(f"INSERT INTO {arrived} SELECT RELATIVE_PATH, SIZE FROM {arrivals}")
