"""Where a model is trained: in this process, in a stored procedure of the database, or in a job on machines of its own.

The place is no part of the recipe: the same trainer on the same rows with the same versions of its packages makes the
same model, so that neither the recipe's words, the journal's keys nor the artefact's name depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from churnobs.display import Shown
from churnobs.errors import BadConfig
from churnobs.records import identifier

LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class InProcedure(Shown):
    """Train in a stored procedure: the rows stay where they are, and only the model comes back.

    Args:
        packages: what the trainer needs beside churnobs' own needs, each as "name" or "name==version"; one that churnobs
            needs too replaces churnobs' choice, which is the version that is installed here.
        imports: your own modules: local files (.py, .zip), folders of packages, or files on a stage (``@stage/file``).
        artifact_repository: where packages come from; None for the account's default.
    """

    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    artifact_repository: str | None = "snowflake.snowpark.pypi_shared_repository"

    def __post_init__(self) -> None:
        object.__setattr__(self, "packages", tuple(self.packages))
        object.__setattr__(self, "imports", tuple(self.imports))
        for part in self.artifact_repository.split(".") if self.artifact_repository else ():
            identifier(part)

    def __str__(self) -> str:
        return "a stored procedure"


@dataclass(frozen=True, slots=True)
class InJob(Shown):
    """Train in a job on a compute pool, in Snowflake's container runtime. Never run on Snowflake: see the docs.

    Args:
        compute_pool: whose machines it runs on.
        instances: how many of them.
        stage: for the job's files; made when it is not there.
        packages: as for ``InProcedure``; they are installed when the job starts.
        imports: your own modules: local files or folders of packages.
        external_access_integrations: what lets the job reach a package index.
        artifact_repositories: package repositories of the account, in the place of an index.
        runtime_environment: the tag of the container's image; None for the newest.
        timeout: seconds to wait for it; None for as long as it takes.
    """

    compute_pool: str
    instances: int = 1
    stage: str = "CHURNOBS_JOBS"
    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    external_access_integrations: tuple[str, ...] = ()
    artifact_repositories: tuple[str, ...] = ()
    runtime_environment: str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        for name in ("compute_pool", "stage"):
            object.__setattr__(self, name, identifier(getattr(self, name)))
        for name in ("packages", "imports", "external_access_integrations", "artifact_repositories"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.instances < 1 or (self.timeout is not None and not self.timeout > 0):
            raise BadConfig(f"{self!r} cannot run", hint="give instances from 1, and a timeout above 0 or None")
        if staged := [one for one in self.imports if one.startswith("@")]:
            raise BadConfig(
                f"a job imports local files, not {staged[0]}", hint="give the path of a file or folder here"
            )

    def __str__(self) -> str:
        return f"a job on {self.compute_pool}"


Place: TypeAlias = Literal["local"] | InProcedure | InJob


def as_place(given: object) -> Place:
    """A place of what a user writes: a place, "local" or "procedure".

    Raises:
        BadConfig: it is none.

    >>> as_place("procedure") == InProcedure()
    True
    """
    if given == LOCAL:
        return "local"
    if given == "procedure":
        return InProcedure()
    if isinstance(given, InProcedure | InJob):
        return given
    hint = 'train_in is "local", "procedure", InProcedure(...) or InJob(compute_pool=...)'
    if given == "job":
        raise BadConfig("a job needs a compute pool", hint=hint)
    raise BadConfig(f"{given!r} is no place to train in", hint=hint)
