"""The loop as a task graph: the groups of steps of the local plan, each a task that runs churnobs where the data are.

What is done and what is next stands in the journal alone, so a task does its group where it is the next one of the month
in progress, and nothing where it is not: a run that failed is taken up by the next one, and a month finished by hand is left.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from churnobs.errors import BadConfig, NotSupported
from churnobs.lifecycle.folds import Folds
from churnobs.lifecycle.steps import TOGETHER, StepKind
from churnobs.records import INBOX, TaskGraph

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.ports import TaskPort
    from churnobs.workspace import Workspace

# the name of each task, by its first step
GROUPS: Final = {kinds[0].value: kinds for kinds in TOGETHER}


class Deployable(Folds):
    """A loop that can be left to run by itself."""

    workspace: Workspace
    config: LifecycleConfig

    def deploy_tasks(
        self,
        schedule: str | None = None,
        *,
        on_new_data: bool = False,
        inbox: str = INBOX,
        mapping: object = None,
        error_integration: str | None = None,
        suspend_after: int = 3,
        packages: Sequence[str] = (),
        imports: Sequence[str] = (),
        artifact_repository: str | None = "snowflake.snowpark.pypi_shared_repository",
        show: Callable[[str], None] | None = print,
    ) -> tuple[str, ...]:
        """Make a task graph that runs this loop's months where the data are, and start it; again replaces it.

        One run does one month: the next one whose files lie in the inbox, or the one that an earlier run did not finish.

        Args:
            schedule: as Snowflake writes it: "60 MINUTE", or "USING CRON 0 6 2 * * UTC".
            on_new_data: run when files were put into the inbox (and its directory was refreshed).
            inbox: the stage, made where it is missing.
            mapping: how the files are read, as for ``ingest``.
            error_integration: a notification integration that hears of a task that failed.
            suspend_after: so many failures in a row suspend the graph; 0 for never.
            packages, imports, artifact_repository: of what trains, as for ``InProcedure``.
            show: is given each statement before any of them is run; None for silence.

        Returns:
            The statements that were run.

        Raises:
            NotSupported: there is nothing here that would run tasks.
            BadConfig: nothing would ever start the graph, or the settings cannot travel.
        """
        if schedule is None and not on_new_data:
            raise BadConfig("nothing would start the graph", hint='give schedule="USING CRON ...", or on_new_data=True')
        if suspend_after < 0:
            raise BadConfig(f"suspend_after is {suspend_after}", hint="give a number of failures, or 0 for never")
        graph = TaskGraph(
            self._graph_name, tuple(GROUPS), schedule, on_new_data, inbox.upper(), mapping, error_integration,
            suspend_after, tuple(packages), tuple(imports), artifact_repository,
        )  # fmt: skip
        port = self._tasks
        statements = port.plan(graph, self.config)
        if show is not None:
            for statement in statements:
                show(statement)
        port.deploy(graph, self.config, statements)
        return tuple(statements)

    def undeploy_tasks(self) -> tuple[str, ...]:
        """Drop the task graph and its procedure; data, models, journal and the inbox stay.

        Returns:
            The statements that were run; none where there is no graph.

        Raises:
            NotSupported: there is nothing here that would run tasks.
        """
        return tuple(self._tasks.undeploy(self._graph_name, tuple(GROUPS)))

    def task_history(self) -> pd.DataFrame:
        """What the graph's tasks did, newest first: NAME, STATE, SCHEDULED_TIME, COMPLETED_TIME, RETURN_VALUE, ERROR_MESSAGE.

        A task that is still to run has the state SCHEDULED.

        Raises:
            NotSupported: there is nothing here that would run tasks.
        """
        return self._tasks.history(self._graph_name)

    def run_group(self, first: str) -> str:
        """Do a group of steps, if it is what the month in progress needs next: what a task of the graph calls.

        Args:
            first: the first step of the group, as in ``GROUPS``.

        Returns:
            What was done, in words.

        Raises:
            BadConfig: there is no such group.
            DatabaseBusy: another run has the right to run.
        """
        if first not in GROUPS:
            raise BadConfig(f"{first!r} begins no group of steps", hint=f"one of {', '.join(GROUPS)}")
        return self._run_group(GROUPS[first], begins=first == next(iter(GROUPS)))

    @abstractmethod
    def _run_group(self, kinds: tuple[StepKind, ...], *, begins: bool) -> str:
        """Do the steps, if they are next."""

    @property
    def _graph_name(self) -> str:
        return f"CHURNOBS_{self.config.name}"

    @property
    def _tasks(self) -> TaskPort:
        port = self.backend.tasks
        if port is None:
            raise NotSupported(
                "nothing here runs tasks", hint="connect to Snowflake; here run() does all months waiting"
            )
        return port
