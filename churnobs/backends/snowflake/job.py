"""Training as an ML Job, on a compute pool in Snowflake's container runtime.

NEVER RUN ON SNOWFLAKE: there was no account with a compute pool. What is sent to the client binds to the signatures of the
installed snowflake-ml-python, and the script was run beside a stand-in for the client; see docs/snowflake_training.md.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.ddl import literal
from churnobs.backends.snowflake.native import Native, clients, closed
from churnobs.backends.snowflake.parcel import Errand, copy_imports, packed, requirements
from churnobs.errors import BackendFailed, BadConfig, ChurnobsError
from churnobs.ports import WorkshopPort

if TYPE_CHECKING:
    from pathlib import Path

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.fitting import Learnt, Lesson
    from churnobs.places import InJob

ENTRY: Final = "run_training.py"
SCRIPT: Final = '''"""Trains what task.pkl holds, and puts the model where it is told."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "churnobs.zip"), str(HERE), *(str(p) for p in sorted(HERE.glob("*.zip")))]

from snowflake.snowpark import Session

from churnobs.backends.snowflake.inside import teach

print(teach(Session.builder.getOrCreate(), (HERE / "task.pkl").read_bytes(), sys.argv[1]))
'''
_LINES: Final = 20


class Jobs(WorkshopPort):
    """Trains in ML Jobs."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def check(self, place: Any) -> None:
        """See that the client, the compute pool and the user's modules are there."""
        from tempfile import TemporaryDirectory

        _client()
        with TemporaryDirectory() as folder:
            from pathlib import Path

            copy_imports(place.imports, Path(folder))
        rows = self._engine.link.shown(f"SHOW COMPUTE POOLS LIKE {literal(place.compute_pool)}")
        found = next((row for row in rows if row["name"] == place.compute_pool), None)
        if found is None:
            raise BadConfig(
                f"there is no compute pool {place.compute_pool}, or the role may not use it",
                hint=f"SHOW COMPUTE POOLS lists them; GRANT USAGE ON COMPUTE POOL {place.compute_pool} TO ROLE ...",
            )
        if int(found["max_nodes"]) < place.instances:
            raise BadConfig(
                f"compute pool {place.compute_pool} has {found['max_nodes']} machines at most, not {place.instances}",
                hint="ask for fewer instances, or ALTER COMPUTE POOL ... SET MAX_NODES",
            )

    def fit(self, place: Any, lesson: Lesson) -> Learnt:
        """Run a lesson in a job, wait for its end, and leave nothing of it."""
        closed(self._engine, "starting a job")
        jobs, session = _client(), self._engine.link.session
        errand = Errand.new(self._engine, Native.of(self._engine).qualified(place.stage))
        job: Any = None
        try:
            with packed(lesson, place.imports) as folder:
                (folder / ENTRY).write_text(SCRIPT, encoding="utf-8")
                with clients():
                    job = jobs.submit_directory(**self._submission(place, errand, folder))
            status = _waited(job, place)
            if status != "DONE":
                with clients():
                    log = job.get_logs(limit=_LINES)
                raise BackendFailed(f"the job {job.id} ended as {status}", hint=f"its last words: {log}")
            return errand.bring()
        finally:
            if job is not None:
                with suppress(ChurnobsError), clients():
                    jobs.delete_job(job, session=session)
            errand.clear()

    def _submission(self, place: InJob, errand: Errand, folder: Path) -> dict[str, Any]:
        """The arguments of ``submit_directory``."""
        native = Native.of(self._engine)
        return {
            "dir_path": str(folder),
            "compute_pool": place.compute_pool,
            "entrypoint": ENTRY,
            "stage_name": native.qualified(place.stage),
            "args": [errand.target],
            "target_instances": place.instances,
            "pip_requirements": requirements(place.packages),
            "external_access_integrations": list(place.external_access_integrations) or None,
            "session": self._engine.link.session,
            "database": native.database,
            "schema": native.schema,
            "query_warehouse": native.warehouse,
            "artifact_repositories": list(place.artifact_repositories) or None,
            "runtime_environment": place.runtime_environment,
            "name": errand.name,
            "comment": "churnobs trains",
        }


def _waited(job: Any, place: InJob) -> str:
    try:
        with clients():
            return str(job.wait(-1 if place.timeout is None else place.timeout))
    except BackendFailed as error:
        if not isinstance(error.__cause__, TimeoutError):
            raise
        raise BackendFailed(f"the job {job.id} took longer than {place.timeout} s", hint="give it more time") from error


def _client() -> Any:
    try:
        from snowflake.ml import jobs
    except ModuleNotFoundError as error:
        raise BadConfig("jobs need snowflake-ml-python", hint="pip install churnobs[snowflake]") from error
    return jobs
